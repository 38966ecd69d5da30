//! Pets outlive the daemon, and come back after the engine.

use anyhow::{Result, ensure};
use nix::sys::signal::Signal;
use petset_integration::{Engine, World};

const MANIFEST: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80, name: http}]}
---
apiVersion: apps/v1alpha1
kind: PetSet
metadata: {name: web}
spec:
  serviceName: web
  replicas: 5
  template:
    metadata:
      labels: {app: web}
      annotations: {pod.alpha.kubernetes.io/initialized: "true"}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: pet
        image: busybox:1
        command: [sh, -c, "echo $(hostname) >> /data/starts; exec sleep 1000000"]
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata:
      name: data
      annotations: {volume.alpha.kubernetes.io/storage-class: anything}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}
"#;

const PETS: [&str; 5] = ["web-0", "web-1", "web-2", "web-3", "web-4"];

#[test]
fn stopping_and_killing_the_daemon_restarts_no_container() -> Result<()> {
    let mut world = World::start("outlive")?;
    world.apply(MANIFEST)?;
    world.pods_ready(&PETS)?;
    let before = world.container_ids()?;
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        world.stop_daemon(signal)?;
        world.start_daemon()?;
        world.pods_ready(&PETS)?;
        ensure!(world.container_ids()? == before, "{signal} cost a container");
        let pods = world.petctl(&["get", "pods", "--no-headers"])?;
        ensure!(
            pods.lines().all(|line| line.split_whitespace().nth(3) == Some("0")),
            "restarts after {signal}: {pods}"
        );
        for pet in PETS {
            let found =
                world.petctl(&["exec", "web-0", "--", "nslookup", &format!("{pet}.web.default.svc.cluster.local")])?;
            ensure!(found.contains("Name:"), "{found}");
        }
    }
    let starts = world.petctl(&["exec", "web-3", "--", "cat", "/data/starts"])?;
    ensure!(starts.lines().count() == 1, "web-3 was started again: {starts}");
    Ok(())
}

#[test]
fn after_a_restart_of_the_engine_pets_return_in_order_with_names_data_and_addresses() -> Result<()> {
    // An engine of the test's own: the machine's is not ours to restart.
    let engine = Engine::start()?;
    let mut world = World::start_on("engine", engine.address())?;
    world.apply(MANIFEST)?;
    world.pods_ready(&PETS)?;
    let addresses = |world: &World| -> Result<Vec<serde_json::Value>> {
        let pods = world.json(&["get", "pods"])?;
        Ok(pods["items"].as_array().into_iter().flatten().map(|pod| pod["status"]["podIP"].clone()).collect())
    };
    let before = addresses(&world)?;

    engine.restart()?;
    ensure!(world.daemon_runs(), "petsetd has exited");
    world.eventually("every pet was started twice and is Ready", |world| {
        for pet in PETS {
            let starts = world.petctl(&["exec", pet, "--", "cat", "/data/starts"])?;
            ensure!(starts == format!("{pet}\n{pet}\n"), "{pet}: {starts}");
        }
        world.pods_ready_now(&PETS)
    })?;
    ensure!(addresses(&world)? == before, "addresses changed: {before:?}");
    let started = world.json(&["get", "pods"])?;
    let started: Vec<&str> = started["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|pod| pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"].as_str())
        .collect();
    ensure!(started.len() == PETS.len() && started.is_sorted(), "not in order: {started:?}");
    let found = world.petctl(&["exec", "web-4", "--", "nslookup", "web-0.web.default.svc.cluster.local"])?;
    ensure!(found.contains("Name:"), "{found}");
    Ok(())
}
