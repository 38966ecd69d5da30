//! PetSet's rules on the real engine: order, pauses, claims.

use anyhow::{Context, Result, ensure};
use petset_integration::{World, is_ready, succeed};

/// A set of pets that hold a file, are Ready while `/data/ready` says so, and start at once.
fn manifest(name: &str, replicas: u32, initialized: &str, storage_class: bool) -> String {
    let annotation =
        if storage_class { "annotations: {volume.alpha.kubernetes.io/storage-class: anything}" } else { "" };
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
apiVersion: apps/v1alpha1
kind: PetSet
metadata: {{name: {name}}}
spec:
  serviceName: {name}
  replicas: {replicas}
  template:
    metadata:
      labels: {{app: {name}}}
      annotations: {{pod.alpha.kubernetes.io/initialized: "{initialized}"}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: pet
        image: busybox:1
        command: [sh, -c, "hostname > /data/name; exec sleep 1000000"]
        readinessProbe: {{exec: {{command: [test, '!', -e, /tmp/sick]}}, periodSeconds: 1}}
        volumeMounts: [{{name: data, mountPath: /data}}]
  volumeClaimTemplates:
  - metadata:
      name: data
      {annotation}
    spec:
      accessModes: [ReadWriteOnce]
      resources: {{requests: {{storage: 10Mi}}}}
"#
    )
}

fn initialize(world: &World, pod: &str, value: &str) -> Result<()> {
    let patch = format!(r#"{{"metadata":{{"annotations":{{"pod.alpha.kubernetes.io/initialized":"{value}"}}}}}}"#);
    world.petctl(&["patch", "pod", pod, "-p", &patch]).map(|_| ())
}

/// Fails unless nothing changes for a while: what must not happen cannot be waited for.
fn stays(world: &World, pods: &[&str]) -> Result<()> {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(3);
    while std::time::Instant::now() < until {
        let names = world.petctl(&["get", "pods", "-o", "name"])?;
        let expected: String = pods.iter().map(|pod| format!("pod/{pod}\n")).collect();
        ensure!(names == expected, "pods are now {names}, not {expected}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    Ok(())
}

#[test]
fn the_initialized_annotation_pauses_and_resumes_in_both_directions() -> Result<()> {
    let mut world = World::start("pause")?;
    world.apply(&manifest("web", 3, "false", true))?;
    world.pods_ready(&["web-0"])?;
    stays(&world, &["web-0"])?;
    let described = world.petctl(&["describe", "petset", "web"])?;
    ensure!(described.contains("web-0 is not initialized"), "{described}");
    initialize(&world, "web-0", "true")?;
    world.pods_ready(&["web-0", "web-1"])?;
    stays(&world, &["web-0", "web-1"])?;
    initialize(&world, "web-1", "true")?;
    world.pods_ready(&["web-0", "web-1", "web-2"])?;

    // Any pet that says false pauses the way down as well.
    initialize(&world, "web-2", "true")?;
    initialize(&world, "web-0", "false")?;
    world.petctl(&["scale", "petset", "web", "--replicas=1"])?;
    stays(&world, &["web-0", "web-1", "web-2"])?;
    initialize(&world, "web-0", "true")?;
    world.pods_ready(&["web-0"])
}

#[test]
fn an_unhealthy_pet_blocks_all_others_and_describe_says_so() -> Result<()> {
    let mut world = World::start("sick")?;
    world.apply(&manifest("web", 3, "true", true))?;
    world.pods_ready(&["web-0", "web-1", "web-2"])?;
    world.petctl(&["exec", "web-1", "--", "touch", "/tmp/sick"])?;
    world.eventually("web-1 is not Ready", |world| {
        ensure!(!is_ready(&world.json(&["get", "pod", "web-1"])?), "still Ready");
        Ok(())
    })?;

    // Deletion of a surplus pet, creation of a new one, re-creation of a deleted one: all wait.
    world.petctl(&["scale", "petset", "web", "--replicas=2"])?;
    stays(&world, &["web-0", "web-1", "web-2"])?;
    world.petctl(&["scale", "petset", "web", "--replicas=4"])?;
    stays(&world, &["web-0", "web-1", "web-2"])?;
    world.petctl(&["delete", "pod", "web-0"])?;
    stays(&world, &["web-1", "web-2"])?;
    let described = world.petctl(&["describe", "petset", "web"])?;
    ensure!(described.contains("web-1 is not Ready"), "{described}");

    world.petctl(&["exec", "web-1", "--", "rm", "/tmp/sick"])?;
    world.pods_ready(&["web-0", "web-1", "web-2", "web-3"])
}

#[test]
fn scaling_down_and_up_again_finds_the_same_data() -> Result<()> {
    let mut world = World::start("scale")?;
    world.apply(&manifest("web", 5, "true", true))?;
    let all = ["web-0", "web-1", "web-2", "web-3", "web-4"];
    world.pods_ready(&all)?;
    for pet in all {
        world.petctl(&["exec", pet, "--", "sh", "-c", "echo kept by $(hostname) > /data/kept"])?;
    }
    let volume = |world: &World, pet: &str| -> Result<String> {
        let claim = world.json(&["get", "pvc", &format!("data-{pet}")])?;
        Ok(claim["spec"]["volumeName"].as_str().context("a bound claim")?.to_owned())
    };
    let volumes = all.map(|pet| volume(&world, pet).unwrap_or_default());
    world.petctl(&["scale", "petset", "web", "--replicas=2"])?;
    world.pods_ready(&all[..2])?;
    world.petctl(&["scale", "petset", "web", "--replicas=5"])?;
    world.pods_ready(&all)?;
    for (pet, before) in all.into_iter().zip(volumes) {
        let kept = world.petctl(&["exec", pet, "--", "cat", "/data/kept"])?;
        ensure!(kept.trim() == format!("kept by {pet}"), "{pet} has {kept}");
        ensure!(volume(&world, pet)? == before, "{pet} has another volume");
    }
    Ok(())
}

#[test]
fn a_claim_in_use_goes_with_its_last_pod_and_takes_its_volume_along() -> Result<()> {
    let mut world = World::start("claim")?;
    world.apply(&manifest("web", 1, "true", true))?;
    world.pods_ready(&["web-0"])?;
    let claim = world.json(&["get", "pvc", "data-web-0"])?;
    let volume = claim["spec"]["volumeName"].as_str().context("bound")?.to_owned();
    world.petctl(&["delete", "pvc", "data-web-0", "--wait=false"])?;
    let status = world.petctl(&["get", "pvc", "data-web-0"])?;
    ensure!(status.contains("Terminating"), "{status}");
    ensure!(world.petctl(&["exec", "web-0", "--", "cat", "/data/name"])?.trim() == "web-0");

    world.petctl(&["scale", "petset", "web", "--replicas=0"])?;
    world.eventually("the claim and its volume are gone", |world| {
        let left = world.petctl(&["get", "pvc,pv", "-o", "name"])?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })?;
    let volumes = docker_volumes(world.instance())?;
    ensure!(!volumes.iter().any(|name| name.contains(&volume)), "{volume} is still in {volumes:?}");
    Ok(())
}

#[test]
fn a_claim_without_a_class_waits_for_a_volume_made_by_hand() -> Result<()> {
    let mut world = World::start("byhand")?;
    let host = world.host_volume()?;
    world.apply(&manifest("web", 1, "true", false))?;
    world.eventually("the pod says what it waits for", |world| {
        let described = world.petctl(&["describe", "pod", "web-0"])?;
        ensure!(described.contains("unbound immediate PersistentVolumeClaims"), "{described}");
        Ok(())
    })?;
    let claim = world.petctl(&["get", "pvc", "data-web-0"])?;
    ensure!(claim.contains("Pending"), "{claim}");
    world.apply(&format!(
        "{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: by-hand-{instance}}}, spec: {{capacity: {{storage: 1Gi}}, \
         accessModes: [ReadWriteOnce], hostPath: {{path: {path}}}}}}}",
        instance = world.instance(),
        path = host.path().display(),
    ))?;
    world.pods_ready(&["web-0"])?;
    ensure!(std::fs::read_to_string(host.path().join("name"))?.trim() == "web-0");
    Ok(())
}

#[test]
fn a_claim_of_the_default_class_gets_a_volume_grows_and_goes_with_its_owner() -> Result<()> {
    let mut world = World::start("dynamic")?;
    let class = world.petctl(&["get", "storageclass"])?;
    ensure!(class.contains("standard (default)"), "{class}");
    world.apply(
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], \
         resources: {requests: {storage: 1Gi}}}}",
    )?;
    let claim = world.eventually("the claim is bound", |world| {
        let claim = world.json(&["get", "pvc", "data"])?;
        ensure!(claim["status"]["phase"] == "Bound" && claim["spec"]["storageClassName"] == "standard", "{claim}");
        Ok(claim)
    })?;
    let uid = claim["metadata"]["uid"].as_str().context("a uid")?;
    let owned = "{apiVersion: v1, kind: Pod, metadata: {name: owned, ownerReferences: [{apiVersion: v1, kind: \
                 PersistentVolumeClaim, name: data, uid: UID, blockOwnerDeletion: true}]}, spec: {terminationGracePeriodSeconds: \
                 1, containers: [{name: main, image: 'busybox:1', command: [sleep, inf], volumeMounts: [{name: data, \
                 mountPath: /data}]}], volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]}}";
    world.apply(&owned.replace("UID", uid))?;
    world.pods_ready(&["owned"])?;
    let grow = r#"{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}"#;
    world.petctl(&["patch", "pvc", "data", "-p", grow, "--type=merge"])?;
    world.eventually("claim and volume have grown", |world| {
        let claim = world.json(&["get", "pvc", "data"])?;
        let volume = world.json(&["get", "pv", claim["spec"]["volumeName"].as_str().context("bound")?])?;
        ensure!(claim["status"]["capacity"]["storage"] == "2Gi", "{claim}");
        ensure!(volume["spec"]["capacity"]["storage"] == "2Gi", "{volume}");
        Ok(())
    })?;
    // The claim is held by the pod that uses it, and goes in the foreground: first the pod, then the claim, then the data.
    world.petctl(&["delete", "pvc", "data", "--cascade=foreground"])?;
    world.eventually("all of it is gone", |world| {
        let left = world.petctl(&["get", "pod,pvc,pv", "-o", "name"])?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })?;
    ensure!(docker_volumes(world.instance())?.is_empty());
    Ok(())
}

#[test]
fn deleting_a_set_leaves_its_pets_and_a_new_one_picks_them_up() -> Result<()> {
    let mut world = World::start("orphan")?;
    world.apply(&manifest("web", 2, "true", true))?;
    world.pods_ready(&["web-0", "web-1"])?;
    let before = world.container_ids()?;
    let output = world.petctl_output(&["delete", "petset", "web"], "")?;
    let warning = String::from_utf8_lossy(&output.stderr);
    ensure!(warning.contains("keep running"), "{warning}");
    stays(&world, &["web-0", "web-1"])?;
    world.apply(&manifest("web", 2, "true", true))?;
    world.eventually("the new set counts them", |world| {
        let set = world.json(&["get", "petset", "web"])?;
        ensure!(set["status"]["replicas"] == 2, "{}", set["status"]);
        Ok(())
    })?;
    ensure!(world.container_ids()? == before, "the pets were restarted");
    Ok(())
}

#[test]
fn only_replicas_can_be_updated() -> Result<()> {
    let world = World::start("fixed")?;
    world.apply(&manifest("web", 0, "true", true))?;
    let patch = r#"{"spec":{"serviceName":"other"}}"#;
    let output = world.petctl_output(&["patch", "petset", "web", "-p", patch, "--type=merge"], "")?;
    let message = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success(), "accepted");
    ensure!(
        message.contains("spec: Forbidden: updates to petset spec for fields other than 'replicas' are forbidden."),
        "{message}"
    );
    Ok(())
}

fn docker_volumes(instance: &str) -> Result<Vec<String>> {
    let output = std::process::Command::new("docker").args(["volume", "ls", "-q"]).output().context("docker")?;
    let names = succeed("docker volume ls", &output)?;
    Ok(names.lines().filter(|name| name.contains(instance)).map(str::to_owned).collect())
}
