//! An engine that is stopped, killed, frozen, slow or out of its mind.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use petset_integration::{Engine, World};

use crate::{
    pod,
    proxy::{Mood, Proxy},
    said, set,
};

/// The condition `Ready` of the only node.
fn node_ready(world: &World) -> Result<(String, String)> {
    let nodes = world.json(&["get", "nodes"])?;
    let conditions = nodes["items"][0]["status"]["conditions"].as_array().context("conditions")?.clone();
    let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready").context("Ready")?;
    let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
    Ok((text("status"), text("message")))
}

fn node_is(world: &World, status: &str) -> Result<()> {
    let now = node_ready(world)?;
    ensure!(now.0 == status, "{now:?}");
    Ok(())
}

/// What everybody can see while the engine is silent: pets as they were, the node unready, and why what is new waits.
fn silence_is_told(world: &mut World, late: &str) -> Result<()> {
    world.eventually("the silence is told", |world| {
        node_is(world, "False")?;
        world.pods_ready_now(&["web-0", "web-1"])?;
        said(&[node_ready(world)?.1], "container runtime is down")?;
        let refused = world.petctl(&["get", "--raw", "/readyz?verbose"]).err().context("it is ready")?;
        let refused = format!("{refused:#}");
        ensure!(refused.contains("[-]engine failed") && refused.contains("[+]store ok"), "{refused}");
        Ok(())
    })?;
    world.apply(&pod(late, ""))?;
    world.eventually("a new pod says what it waits for", |world| {
        said(&world.waits_of(late)?, &format!("{late}: the container engine does not answer"))?;
        said(&[world.petctl(&["describe", "pod", late])?], "the container engine does not answer")
    })?;
    Ok(())
}

/// And when it answers again: nothing was lost, and what waited is done.
fn all_is_well(world: &mut World, late: &str) -> Result<()> {
    world.pods_ready(&[late, "web-0", "web-1"])?;
    world.eventually("the node is ready", |world| node_is(world, "True"))?;
    let ready = world.petctl(&["get", "--raw", "/readyz?verbose"])?;
    ensure!(ready.contains("[+]engine ok"), "{ready}");
    world.petctl(&["delete", "pod", late])?;
    world.pods_ready(&["web-0", "web-1"])
}

#[test]
fn an_engine_that_is_frozen_or_killed_is_told_and_missed_by_nobody() -> Result<()> {
    let engine = Engine::start()?;
    let mut world = World::start_on("frozen", engine.address())?;
    world.apply(&set("web", 2))?;
    world.pods_ready(&["web-0", "web-1"])?;

    let before = world.container_ids()?;
    engine.signal("STOP")?;
    let told = silence_is_told(&mut world, "late");
    engine.signal("CONT")?;
    told?;
    all_is_well(&mut world, "late")?;
    ensure!(world.container_ids()? == before, "a pause of the engine cost a container");

    engine.signal("KILL")?;
    silence_is_told(&mut world, "later")?;
    engine.restart()?;
    all_is_well(&mut world, "later")?;
    let events = world.petctl(&["get", "events", "--no-headers"])?;
    for reason in ["NodeNotReady", "NodeReady"] {
        let lines = events.lines().filter(|line| line.contains(reason)).count();
        // Once for each time that it fell silent or answered, however many pods there are.
        ensure!((1..=2).contains(&lines), "{lines} events {reason}:\n{events}");
    }
    Ok(())
}

#[test]
fn an_engine_that_is_slow_or_answers_nonsense_delays_and_breaks_nothing() -> Result<()> {
    let engine = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".into());
    let engine = engine.strip_prefix("unix://").context("a test of an engine on a socket")?.to_owned();
    let proxy = Proxy::start(engine.into())?;
    let mut world = World::start_on("moody", &proxy.address())?;
    world.apply(&set("web", 2))?;
    world.pods_ready(&["web-0", "web-1"])?;
    let before = world.container_ids()?;
    let moods = [
        ("slow", Mood::Slow(Duration::from_millis(300))),
        ("refusing", Mood::Error),
        ("resetting", Mood::Reset),
        ("half an answer", Mood::Half),
    ];
    for (mood, is) in moods {
        let name = format!("late-{}", mood.split(' ').next().unwrap_or_default());
        proxy.become_(is);
        world.apply(&pod(&name, ""))?;
        if matches!(is, Mood::Slow(_)) {
            world.pods_ready(&[&name, "web-0", "web-1"])?;
        } else {
            world.eventually(&format!("an engine that is {mood} is told"), |world| {
                node_is(world, "False")?;
                said(&world.waits_of(&name)?, "the container engine does not answer")
            })?;
            // Everybody who was well still is.
            for pet in ["web-0", "web-1"] {
                let pod = world.json(&["get", "pod", pet])?;
                ensure!(petset_integration::is_ready(&pod), "{pet}: {}", pod["status"]);
            }
        }
        proxy.become_(Mood::Well);
        world.pods_ready(&[&name, "web-0", "web-1"])?;
        world.petctl(&["delete", "pod", &name])?;
        world.pods_ready(&["web-0", "web-1"])?;
    }
    ensure!(world.container_ids()? == before, "a mood of the engine cost a container");
    Ok(())
}
