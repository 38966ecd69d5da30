//! StatefulSets on the real engine: order, updates, rollback, claims, and the end of a set.

mod claims;
mod deletion;
mod sizes;
mod update;

use anyhow::{Context, Result, ensure};
use petset_integration::World;
use serde_json::Value;

/// A set and its service. Each start of a pet adds the pet's name to a file in its volume, and a pet is Ready once it has
/// done so, unless its version is `broken`. `spec` holds further lines of the set's spec.
fn manifest(name: &str, replicas: u32, version: &str, spec: &[&str]) -> String {
    let spec = spec.join("\n  ");
    format!(
        r#"
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  clusterIP: None
  selector: {{app: {name}}}
  ports: [{{port: 80, name: http}}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: {name}}}
spec:
  serviceName: {name}
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  {spec}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: pet
        image: busybox:1
        env: [{{name: VERSION, value: "{version}"}}]
        command: [sh, -c, "hostname >> /data/names; touch /started; exec sleep 1000000"]
        readinessProbe: {{exec: {{command: [sh, -c, 'test -f /started -a "$VERSION" != broken']}}, periodSeconds: 1}}
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

/// The set `web`.
fn web(world: &World) -> Result<Value> {
    world.json(&["get", "statefulset", "web"])
}

/// The pets of the set `web`.
fn pets(world: &World) -> Result<Vec<Value>> {
    let mut list = world.json(&["get", "pods", "-l", "app=web"])?;
    let Value::Array(pets) = list["items"].take() else { anyhow::bail!("no list: {list}") };
    Ok(pets)
}

/// The names and versions of the pets of the set `web`.
fn versions(world: &World) -> Result<Vec<String>> {
    let of = |pet: &Value| {
        let version = &pet["spec"]["containers"][0]["env"][0]["value"];
        format!("{} {}", text(&pet["metadata"]["name"]), text(version))
    };
    Ok(pets(world)?.iter().map(of).collect())
}

/// The names and uids of the pets of the set `web`.
fn uids(world: &World) -> Result<Vec<(String, String)>> {
    let of = |pet: &Value| (text(&pet["metadata"]["name"]), text(&pet["metadata"]["uid"]));
    Ok(pets(world)?.iter().map(of).collect())
}

/// Waits until the set `web` has these pets of these versions and nothing is left to do.
fn settled(world: &mut World, wanted: &[&str]) -> Result<()> {
    world.eventually(&format!("{wanted:?}, all Ready"), |world| {
        let now = versions(world)?;
        ensure!(now == wanted, "there are {now:?}");
        let set = web(world)?;
        let status = &set["status"];
        let ready = status["readyReplicas"].as_u64().unwrap_or(0);
        ensure!(ready == wanted.len() as u64, "{status}");
        ensure!(status["observedGeneration"] == set["metadata"]["generation"], "{status}");
        let are_equal = wanted.windows(2).all(|pair| pair[0].split(' ').nth(1) == pair[1].split(' ').nth(1));
        ensure!((status["currentRevision"] == status["updateRevision"]) == are_equal, "{status}");
        Ok(())
    })
}

/// What the starts of a pet have left in its volume.
fn names(world: &World, pet: &str) -> Result<String> {
    world.petctl(&["exec", pet, "--", "cat", "/data/names"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_parallel_set_comes_and_goes_at_once_with_its_claims() -> Result<()> {
    let mut world = World::start("burst")?;
    let retention = "persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Delete}";
    world.apply(&manifest("web", 4, "1", &["podManagementPolicy: Parallel", retention]))?;
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
