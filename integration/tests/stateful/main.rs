//! StatefulSets on the real engine: order, updates, rollback, and the end of a set.

use anyhow::{Context, Result, ensure};
use petset_integration::World;
use serde_json::Value;

/// A set whose pets keep their name in their volume and are Ready unless their image's tag says otherwise.
fn manifest(replicas: u32, version: &str, retention: &str, extra: &str) -> String {
    format!(
        r#"
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  clusterIP: None
  selector: {{app: web}}
  ports: [{{port: 80, name: http}}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: web}}
spec:
  serviceName: web
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  persistentVolumeClaimRetentionPolicy: {{whenDeleted: {retention}, whenScaled: {retention}}}
  {extra}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: pet
        image: busybox:1
        env: [{{name: VERSION, value: "{version}"}}]
        command: [sh, -c, "hostname >> /data/names; exec sleep 1000000"]
        readinessProbe: {{exec: {{command: [sh, -c, 'test "$VERSION" != broken']}}, periodSeconds: 1}}
        volumeMounts: [{{name: data, mountPath: /data}}]
  volumeClaimTemplates:
  - metadata:
      name: data
      annotations: {{volume.alpha.kubernetes.io/storage-class: anything}}
    spec:
      accessModes: [ReadWriteOnce]
      resources: {{requests: {{storage: 10Mi}}}}
"#
    )
}

/// The versions of the pets, by name.
fn versions(world: &World) -> Result<Vec<String>> {
    let pods = world.json(&["get", "pods", "-l", "app=web"])?;
    let pods = pods["items"].as_array().context("a list")?;
    let of = |pod: &Value| {
        let container = &pod["spec"]["containers"][0];
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        format!("{name} {}", container["env"][0]["value"].as_str().unwrap_or_default())
    };
    Ok(pods.iter().map(of).collect())
}

fn settled(world: &mut World, wanted: &[&str]) -> Result<()> {
    world.eventually(&format!("{wanted:?}, all Ready"), |world| {
        let now = versions(world)?;
        ensure!(now == wanted, "there are {now:?}");
        let set = world.json(&["get", "statefulset", "web"])?;
        let status = &set["status"];
        let ready = status["readyReplicas"].as_u64().unwrap_or(0);
        ensure!(ready == wanted.len() as u64, "{status}");
        ensure!(status["observedGeneration"] == set["metadata"]["generation"], "{status}");
        ensure!(status["currentRevision"] == status["updateRevision"] || wanted.len() > 2, "{status}");
        Ok(())
    })
}

#[test]
fn a_stateful_set_is_updated_pet_by_pet_and_rolled_back() -> Result<()> {
    let mut world = World::start("sts")?;
    world.apply(&manifest(3, "1", "Retain", ""))?;
    settled(&mut world, &["web-0 1", "web-1 1", "web-2 1"])?;
    let first = world.json(&["get", "statefulset", "web"])?["status"]["updateRevision"].clone();
    let pod = world.json(&["get", "pod", "web-1"])?;
    ensure!(pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "web-1", "{pod}");
    ensure!(pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1", "{pod}");
    ensure!(pod["metadata"]["ownerReferences"][0]["kind"] == "StatefulSet", "{pod}");

    world.apply(&manifest(3, "2", "Retain", "updateStrategy: {rollingUpdate: {partition: 1}}"))?;
    settled(&mut world, &["web-0 1", "web-1 2", "web-2 2"])?;
    world.petctl(&["delete", "pod", "web-0"])?;
    settled(&mut world, &["web-0 1", "web-1 2", "web-2 2"])?;
    world.apply(&manifest(3, "2", "Retain", ""))?;
    settled(&mut world, &["web-0 2", "web-1 2", "web-2 2"])?;
    let names = world.petctl(&["exec", "web-2", "--", "cat", "/data/names"])?;
    ensure!(names == "web-2\nweb-2\n", "the volume of web-2 holds {names:?}");

    world.apply(&manifest(3, "1", "Retain", ""))?;
    settled(&mut world, &["web-0 1", "web-1 1", "web-2 1"])?;
    let again = world.json(&["get", "statefulset", "web"])?["status"]["updateRevision"].clone();
    ensure!(again == first, "the old template is revision {again}, not {first}");
    Ok(())
}

#[test]
fn a_broken_update_waits_says_why_and_is_mended_by_recreate() -> Result<()> {
    let mut world = World::start("trap")?;
    world.apply(&manifest(2, "1", "Retain", ""))?;
    settled(&mut world, &["web-0 1", "web-1 1"])?;
    world.apply(&manifest(2, "broken", "Retain", ""))?;
    world.eventually("web-1 is broken", |world| {
        ensure!(versions(world)? == ["web-0 1", "web-1 broken"]);
        Ok(())
    })?;
    world.apply(&manifest(2, "1", "Retain", ""))?;
    world.eventually("the set says what it waits for", |world| {
        let described = world.petctl(&["describe", "statefulset", "web"])?;
        ensure!(described.contains("delete pod web-1 to have it made of the newest"), "{described}");
        Ok(())
    })?;
    ensure!(versions(&world)? == ["web-0 1", "web-1 broken"], "Kubernetes would not replace it either");
    world.apply(&manifest(2, "1", "Retain", "updateStrategy: {type: Recreate, rollingUpdate: null}"))?;
    settled(&mut world, &["web-0 1", "web-1 1"])
}

#[test]
fn a_parallel_set_comes_and_goes_at_once_with_its_claims() -> Result<()> {
    let mut world = World::start("burst")?;
    world.apply(&manifest(4, "1", "Delete", "podManagementPolicy: Parallel"))?;
    settled(&mut world, &["web-0 1", "web-1 1", "web-2 1", "web-3 1"])?;
    let claims = |world: &World| world.petctl(&["get", "pvc", "-o", "name"]);
    ensure!(claims(&world)?.lines().count() == 4);
    world.petctl(&["scale", "statefulset", "web", "--replicas=1"])?;
    settled(&mut world, &["web-0 1"])?;
    world.eventually("the claims of the pets that went are gone", |world| {
        let left = claims(world)?;
        ensure!(left == "persistentvolumeclaim/data-web-0\n", "{left}");
        Ok(())
    })?;
    world.petctl(&["delete", "statefulset", "web"])?;
    world.eventually("pods, claims and revisions go with their set", |world| {
        for kind in ["pods", "pvc", "controllerrevisions"] {
            let left = world.petctl(&["get", kind, "-o", "name"])?;
            ensure!(left.is_empty(), "{left}");
        }
        Ok(())
    })
}
