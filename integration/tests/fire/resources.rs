//! Networks, volumes, images, addresses and ports that somebody else takes away, or has taken.

use std::{net::UdpSocket, thread, time::Duration};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use petset_integration::{Engine, World};
use serde_json::Value;

use crate::{pod, said, set};

fn restarts(world: &World, pod: &str) -> Result<i64> {
    let pod = world.json(&["get", "pod", pod])?;
    pod["status"]["containerStatuses"][0]["restartCount"].as_i64().context("a count")
}

/// The addresses of the instance's network, as the engine tells them.
fn addresses(world: &World) -> Result<Value> {
    let inspected = world.docker(&["network", "inspect", &format!("petset-{}", world.instance())])?;
    Ok(serde_json::from_str::<Value>(&inspected)?[0]["IPAM"]["Config"][0].take())
}

fn subnet(world: &World) -> Result<String> {
    addresses(world)?["Subnet"].as_str().map(str::to_owned).context("a subnet")
}

#[test]
fn a_network_that_is_taken_away_by_hand_comes_back() -> Result<()> {
    let mut world = World::start("net")?;
    let network = format!("petset-{}", world.instance());
    world.apply(&set("web", 1))?;
    world.pods_ready(&["web-0"])?;
    let address = world.json(&["get", "pod", "web-0"])?["status"]["podIP"].clone();
    let answers = |world: &mut World, what: &str, count: i64| {
        world.eventually(what, |world| {
            world.pods_ready_now(&["web-0"])?;
            ensure!(restarts(world, "web-0")? == count, "{} restarts", restarts(world, "web-0")?);
            let pod = world.json(&["get", "pod", "web-0"])?;
            ensure!(pod["status"]["podIP"] == address, "{}", pod["status"]["podIP"]);
            let found = world.petctl(&["exec", "web-0", "--", "nslookup", "web-0.web.default.svc.cluster.local"])?;
            ensure!(found.contains("Name:"), "{found}");
            Ok(())
        })
    };
    // The engine tells of it as of the end of a container.
    world.docker(&["network", "disconnect", &network, &world.container("web-0", "POD", 0)])?;
    answers(&mut world, "a disconnected pet has its network again", 1)?;

    world.docker(&["network", "disconnect", &network, &world.container("web-0", "POD", 1)])?;
    world.docker(&["network", "rm", &network])?;
    answers(&mut world, "a removed network is made again", 2)
}

#[test]
fn a_network_that_an_instance_has_lost_is_no_other_instances() -> Result<()> {
    let mut loser = World::start("loser")?;
    let lost = subnet(&loser)?;
    loser.docker(&["network", "rm", &format!("petset-{}", loser.instance())])?;
    let other = World::start("other")?;
    ensure!(subnet(&other)? != lost, "{lost} is the network of two instances");
    // An engine knows of its own networks alone, and the host of no route to this one.
    let engine = Engine::start()?;
    let elsewhere = World::start_on("elsewhere", engine.address())?;
    ensure!(subnet(&elsewhere)? != lost, "{lost} is the network of two instances, on two engines");
    loser.apply(&pod("back", ""))?;
    loser.pods_ready(&["back"])?;
    ensure!(subnet(&loser)? == lost, "{} and not {lost}", subnet(&loser)?);
    Ok(())
}

#[test]
fn a_volume_that_is_removed_by_hand_is_said_to_be_lost_and_never_replaced() -> Result<()> {
    let mut world = World::start("vol")?;
    world.apply(&set("web", 1))?;
    world.pods_ready(&["web-0"])?;
    let volumes = ["volume", "ls", "-q", "--filter", &format!("label=petset.io/instance={}", world.instance())]
        .map(str::to_owned);
    let volumes: Vec<&str> = volumes.iter().map(String::as_str).collect();
    let volume = world.docker(&volumes)?.trim().to_owned();
    let refused = world.docker(&["volume", "rm", &volume]).err().context("a mounted volume was removed")?;
    said(&[format!("{refused:#}")], "volume is in use")?;

    world.petctl(&["scale", "petset", "web", "--replicas=0"])?;
    world.pods_ready(&[])?;
    world.docker(&["volume", "rm", &volume])?;
    world.petctl(&["scale", "petset", "web", "--replicas=1"])?;
    world.eventually("the loss is told", |world| {
        let events = world.petctl(&["get", "events"])?;
        said(&[events], "VolumeLost")?;
        let volumes = world.json(&["get", "pv"])?;
        ensure!(volumes["items"][0]["status"]["reason"] == "VolumeLost", "{}", volumes["items"][0]["status"]);
        said(&world.waits_of("web-0")?, "Restore it under that name; or, to start empty, delete the claim and the pod")
    })?;
    ensure!(world.docker(&volumes)?.is_empty(), "a fresh volume was put in its place");

    // What to do is said; having done it, the pet starts with an empty volume.
    world.petctl(&["delete", "pvc", "data-web-0", "--wait=false"])?;
    world.petctl(&["delete", "pod", "web-0", "--wait=false"])?;
    world.pods_ready(&["web-0"])
}

#[test]
fn an_image_that_is_deleted_while_in_use_is_missed_at_the_next_start() -> Result<()> {
    let mut world = World::start("image")?;
    let image = format!("petset.invalid/{}:1", world.instance());
    world.docker(&["tag", "busybox:1", &image])?;
    let outcome = (|| {
        world.apply(&pod("one", "").replace("busybox:1", &image))?;
        world.pods_ready(&["one"])?;
        world.docker(&["rmi", "-f", &image])?;
        world.pods_ready_now(&["one"])?;
        world.docker(&["kill", &world.container("one", "main", 0)])?;
        world.eventually("the missing image is named", |world| {
            let pod = world.json(&["get", "pod", "one"])?;
            let reason = pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].clone();
            ensure!(reason == "ErrImagePull" || reason == "ImagePullBackOff", "{}", pod["status"]);
            said(&world.events_of("one")?, &format!("Failed to pull image \"{image}\""))?;
            said(&world.waits_of("one")?, "container main")
        })?;
        world.docker(&["tag", "busybox:1", &image])?;
        world.pods_ready(&["one"])
    })();
    drop(world.docker(&["rmi", "-f", &image]));
    outcome
}

#[test]
fn a_pod_without_an_address_says_so_and_gets_the_next_one_that_is_free() -> Result<()> {
    // Sixteen addresses: the network's own, the gateway's, the broadcast's, and thirteen for pods.
    let subnet = format!("10.{}.77.0/28", 200 + std::process::id() % 50);
    let mut world = World::start_with("pool", &["--subnet", &subnet])?;
    let names: Vec<String> = (10..23).map(|number| format!("p{number}")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let manifests: Vec<String> = all.iter().map(|name| pod(name, "")).collect();
    world.apply(&manifests.join("---"))?;
    world.pods_ready(&all)?;
    world.apply(&pod("late", ""))?;
    world.eventually("it says what it lacks", |world| {
        said(&world.waits_of("late")?, &format!("late: no address: all 13 addresses of {subnet} are in use"))
    })?;
    world.petctl(&["delete", "pod", "p15"])?;
    let after: Vec<&str> = ["late"].into_iter().chain(all.into_iter().filter(|name| *name != "p15")).collect();
    world.pods_ready(&after)
}

#[test]
fn a_pet_whose_address_somebody_else_has_gets_another_one() -> Result<()> {
    let mut world = World::start("squat")?;
    let address = |world: &World, name: &str| -> Result<String> {
        let pod = world.json(&["get", "pod", name])?;
        Ok(pod["status"]["podIP"].as_str().context("an address")?.to_owned())
    };
    world.apply(&set("web", 2))?;
    world.pods_ready(&["web-0", "web-1"])?;
    let before = [address(&world, "web-0")?, address(&world, "web-1")?];
    world.petctl(&["scale", "petset", "web", "--replicas=1"])?;
    world.pods_ready(&["web-0"])?;

    let (network, squatter) = (format!("petset-{}", world.instance()), format!("squatter-{}", world.instance()));
    let outcome = (|| {
        let run = ["run", "-d", "--name", &squatter, "--network", &network, "--ip", &before[1], "busybox:1"];
        world.docker(&[&run[..], &["sleep", "1000"]].concat())?;
        world.petctl(&["scale", "petset", "web", "--replicas=2"])?;
        world.pods_ready(&["web-0", "web-1"])?;
        ensure!(address(&world, "web-0")? == before[0], "web-0 has moved");
        let moved = address(&world, "web-1")?;
        ensure!(moved != before[0] && moved != before[1], "{moved}");
        said(
            &world.events_of("web-1")?,
            &format!("Somebody else has the address {}; the pod gets {moved}", before[1]),
        )?;
        let found = world.petctl(&["exec", "web-0", "--", "nslookup", "web-1.web.default.svc.cluster.local"])?;
        ensure!(found.contains(&moved), "{found}");
        // What it got it keeps.
        world.petctl(&["delete", "pod", "web-1"])?;
        world.pods_ready(&["web-0", "web-1"])?;
        ensure!(address(&world, "web-1")? == moved, "{}", address(&world, "web-1")?);
        Ok(())
    })();
    drop(world.docker(&["rm", "-f", &squatter]));
    outcome
}

#[test]
fn a_port_53_that_is_taken_is_named_with_the_way_out() -> Result<()> {
    let mut world = World::start("port")?;
    world.stop_daemon(Signal::SIGTERM)?;
    let gateway = addresses(&world)?["Gateway"].as_str().context("a gateway")?.to_owned();
    let taken = UdpSocket::bind((gateway.as_str(), 53))?;
    let refused = world.start_daemon().err().context("it started")?;
    let refused = format!("{refused:#}");
    let refused = [refused];
    said(&refused, &format!("{gateway}:53"))?;
    said(&refused, "--subnet")?;
    world.stop_daemon(Signal::SIGTERM).or_else(|_| anyhow::Ok(()))?;
    // As an instance does for an instant that looks for a free network.
    let claimer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(400));
        drop(taken);
    });
    let started = world.start_daemon();
    claimer.join().map_err(|_| anyhow::anyhow!("the claimer panicked"))?;
    started
}

#[test]
fn a_host_port_that_is_taken_is_told_in_a_bounded_number_of_events() -> Result<()> {
    let mut world = World::start("hostport")?;
    let port = std::net::TcpListener::bind("0.0.0.0:0")?.local_addr()?.port();
    // Not one of our pods: the second of those would not be given to the node.
    let stranger = format!("stranger-{}", world.instance());
    let (network, mapping) = (format!("petset-{}", world.instance()), format!("{port}:80"));
    let run = ["run", "-d", "--rm", "--name", &stranger, "--network", &network, "-p", &mapping];
    world.docker(&[&run[..], &["busybox:1", "sleep", "600"]].concat())?;
    world.apply(&pod("first", &format!("    ports: [{{containerPort: 80, hostPort: {port}}}]")))?;
    let told = world.eventually("the pod is refused three times", |world| {
        said(&world.waits_of("first")?, "port is already allocated")?;
        let events = world.json(&["get", "events"])?;
        let about = |event: &&Value| event["reason"] == "FailedCreatePodSandBox";
        let failures: Vec<&Value> = events["items"].as_array().into_iter().flatten().filter(about).collect();
        ensure!(failures.len() == 1, "{} events", failures.len());
        ensure!(failures[0]["count"].as_i64() >= Some(3), "{}", failures[0]["count"]);
        Ok(())
    });
    world.docker(&["rm", "-f", &stranger])?;
    told?;
    world.pods_ready(&["first"])
}
