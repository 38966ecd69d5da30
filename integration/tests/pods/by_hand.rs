//! What people do to a pod's containers and volumes with Docker's own tools.

use super::*;

#[test]
fn what_is_done_to_containers_behind_its_back_is_mended() -> Result<()> {
    let mut world = World::start("heal")?;
    world.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: pet}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: app
    image: busybox:1
    command: [sleep, "1000000"]
    volumeMounts: [{name: scratch, mountPath: /scratch}]
  volumes: [{name: scratch, emptyDir: {}}]
"#,
    )?;
    let first = until_ready(&mut world, "pet")?;
    world.petctl(&["exec", "pet", "--", "touch", "/scratch/kept"])?;
    let done = [("app", "kill"), ("app", "rm -f"), ("POD", "kill"), ("POD", "rm -f"), ("POD", "restart -t 0")];
    for ((container, how), restarts) in done.into_iter().zip(1..) {
        let id = containers(&world, container)?.into_iter().next().context("it runs")?;
        let before = containers(&world, "app")?;
        docker(&how.split(' ').chain([id.as_str()]).collect::<Vec<_>>())?;
        let what = format!("it is back after docker {how} of {container}");
        let pod = until(&mut world, "pet", &what, |pod| {
            let status = &pod["status"]["containerStatuses"][0];
            ensure!(is_ready(pod) && status["restartCount"] == restarts, "{}", pod["status"]);
            Ok(())
        })?;
        ensure!(pod["status"]["podIP"] == first["status"]["podIP"], "{}", pod["status"]);
        let after = containers(&world, "app")?;
        ensure!(after.len() == 1 && after != before, "{after:?}, before that {before:?}");
        let own = world.petctl(&["exec", "pet", "--", "sh", "-c", "ls /scratch; hostname -i"])?;
        ensure!(own == format!("kept\n{}\n", first["status"]["podIP"].as_str().unwrap_or_default()), "{own}");
    }

    let id = containers(&world, "app")?.into_iter().next().context("it runs")?;
    docker(&["pause", &id])?;
    world.eventually("a pause is said", |world| {
        let described = world.petctl(&["describe", "pod", "pet"])?;
        contains(&described, "container app is paused in the engine")?;
        ensure!(!is_ready(&world.json(&["get", "pod", "pet"])?), "Ready while paused");
        Ok(())
    })?;
    docker(&["unpause", &id])?;
    until_ready(&mut world, "pet")?;
    docker(&["pause", &id])?;
    world.petctl(&["delete", "pod", "pet", "--timeout=30s"])?;
    nothing_is_left(&mut world)
}

#[test]
fn a_volume_in_use_cannot_be_taken_and_a_lost_one_is_said() -> Result<()> {
    let mut world = World::start("lost")?;
    let manifest = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: kept, annotations: {volume.alpha.kubernetes.io/storage-class: anything}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: pet}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: app, image: "busybox:1", command: [sleep, "1000000"], volumeMounts: [{name: kept, mountPath: /kept}]}
  volumes: [{name: kept, persistentVolumeClaim: {claimName: kept}}]
"#;
    world.apply(manifest)?;
    until_ready(&mut world, "pet")?;
    let label = format!("label=petset.io/instance={}", world.instance());
    let volume = docker(&["volume", "ls", "-q", "--filter", &label])?.trim().to_owned();
    let error = docker(&["volume", "rm", &volume]).err().context("removed in use")?;
    contains(&format!("{error:#}"), "volume is in use")?;
    world.petctl(&["delete", "pod", "pet"])?;
    world.eventually("it is no longer in use", |_| docker(&["volume", "rm", &volume]))?;
    world.apply(manifest)?;
    world.eventually("the loss is said", |world| {
        contains(&world.petctl(&["describe", "pvc", "kept"])?, "VolumeLost")?;
        contains(&world.petctl(&["describe", "pod", "pet"])?, "lost")
    })?;
    let made = docker(&["volume", "ls", "-q", "--filter", &label])?;
    ensure!(made.is_empty(), "{made} stands in for what was lost");
    Ok(())
}
