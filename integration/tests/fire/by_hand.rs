//! Containers that somebody kills, removes, pauses, renames or starts by hand.

use anyhow::{Context, Result, ensure};
use petset_integration::World;
use serde_json::Value;

use crate::{pod, said, set};

/// A pod's address, the id of its container and how often that was started again.
fn state(world: &World, pod: &str) -> Result<(String, String, i64)> {
    let pod = world.json(&["get", "pod", pod])?;
    let status = &pod["status"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let container = &status["containerStatuses"][0];
    Ok((text(&status["podIP"]), text(&container["containerID"]), container["restartCount"].as_i64().context("count")?))
}

#[test]
fn a_pet_whose_container_is_hurt_by_hand_is_as_before() -> Result<()> {
    let mut world = World::start("hand")?;
    world.apply(&set("web", 1))?;
    world.pods_ready(&["web-0"])?;
    let (address, mut id, _) = state(&world, "web-0")?;

    // Each: what is done to which container, with the restarts after it, and whether it is said with a new sandbox.
    let stories: [(&str, &[&str], &str, i64); 4] = [
        ("killed", &["kill"], "pet", 1),
        ("removed", &["rm", "-f"], "pet", 2),
        ("its sandbox killed", &["kill"], "POD", 3),
        ("its sandbox removed", &["rm", "-f"], "POD", 4),
    ];
    for (story, hurt, container, restarts) in stories {
        let attempt = u32::try_from(restarts - 1)?;
        // The sandbox is at its first attempt until it is hurt.
        let attempt = if container == "POD" { attempt - 2 } else { attempt };
        let name = world.container("web-0", container, attempt);
        let command: Vec<&str> = hurt.iter().copied().chain([name.as_str()]).collect();
        world.docker(&command)?;
        id = world.eventually(&format!("it comes back after it was {story}"), |world| {
            world.pods_ready_now(&["web-0"])?;
            let (now, new, count) = state(world, "web-0")?;
            ensure!(new != id && count == restarts, "{count} restarts, container {new}");
            ensure!(now == address, "the address is {now}, and was {address}");
            Ok(new)
        })?;
    }
    said(&world.events_of("web-0")?, "SandboxChanged: Pod sandbox changed, it will be killed and re-created.")?;

    // One that is started by hand beside its later self is stopped: there is one container for one identity.
    world.docker(&["kill", &world.container("web-0", "pet", 4)])?;
    world.eventually("the next attempt runs", |world| ensure_restarts(world, 5))?;
    world.docker(&["start", &world.container("web-0", "pet", 4)])?;
    world.eventually("the former attempt is stopped again", |world| {
        let running = world.docker(&["ps", "--filter", "label=petset.io/container=pet", "--format", "{{.Names}}"])?;
        let ours: Vec<&str> =
            running.lines().filter(|name| name.contains(&format!("_{}_", world.instance()))).collect();
        ensure!(ours == [world.container("web-0", "pet", 5)], "{ours:?} run");
        world.pods_ready_now(&["web-0"])
    })?;
    Ok(())
}

fn ensure_restarts(world: &World, restarts: i64) -> Result<()> {
    let (_, _, count) = state(world, "web-0")?;
    ensure!(count == restarts, "{count} restarts");
    world.pods_ready_now(&["web-0"])
}

#[test]
fn a_paused_container_is_told_and_a_renamed_one_is_still_known() -> Result<()> {
    let mut world = World::start("pause")?;
    world.apply(&pod("one", ""))?;
    world.pods_ready(&["one"])?;
    let before = state(&world, "one")?;
    let name = world.container("one", "main", 0);
    world.docker(&["pause", &name])?;
    world.eventually("the pause is told", |world| {
        said(&world.waits_of("one")?, "one: container main is paused in the engine")
    })?;
    said(&[world.petctl(&["describe", "pod", "one"])?], "container main is paused in the engine")?;
    world.docker(&["unpause", &name])?;
    world.eventually("nothing is told any more", |world| {
        let waits = world.waits_of("one")?;
        ensure!(waits.is_empty(), "{waits:?}");
        Ok(())
    })?;

    let other = format!("renamed-{}", world.instance());
    world.docker(&["rename", &name, &other])?;
    world.petctl(&["exec", "one", "--", "true"])?;
    ensure!(state(&world, "one")? == before, "it was started again");
    world.petctl(&["delete", "pod", "one"])?;
    let left = world.docker(&["ps", "-aq", "--filter", &format!("label=petset.io/instance={}", world.instance())])?;
    ensure!(left.is_empty(), "{left} is left");
    Ok(())
}

#[test]
fn a_container_of_a_pod_that_has_ended_stays_ended() -> Result<()> {
    let mut world = World::start("ended")?;
    world.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: job}
spec:
  restartPolicy: Never
  containers: [{name: main, image: busybox:1, command: [sh, -c, "sleep 0.2"]}]
"#,
    )?;
    let phase = |world: &World| -> Result<()> {
        let pod = world.json(&["get", "pod", "job"])?;
        ensure!(pod["status"]["phase"] == "Succeeded", "{}", pod["status"]);
        Ok(())
    };
    world.eventually("it has ended", |world| phase(world))?;
    // Its network and files went with its sandbox, so that the engine itself refuses.
    world.eventually("the sandbox is gone", |world| {
        ensure!(world.docker(&["inspect", &world.container("job", "POD", 0)]).is_err(), "it is there");
        Ok(())
    })?;
    let name = world.container("job", "main", 0);
    world.docker(&["start", &name]).err().context("it was started")?;
    let running = world.docker(&["inspect", "--format", "{{.State.Running}}", &name])?;
    ensure!(running == "false\n", "{running}");
    phase(&world)
}
