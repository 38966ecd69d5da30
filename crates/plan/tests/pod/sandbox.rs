//! The sandbox dies, or cannot start.

use std::net::Ipv4Addr;

use jiff::SignedDuration;
use plan::{
    action::Failure,
    facts::{Role, State},
    pod::{self, Plan},
};

use crate::{
    start::NGINX,
    world::{World, waits},
};

#[test]
fn when_the_sandbox_dies_its_containers_stop_and_start_anew() {
    let mut world = World::new(NGINX);
    world.settle();
    world.told();
    world.noted();
    world.advance(60);
    world.exit("POD", 137);
    let first = world.step();
    assert_eq!(waits(&first), ["SandboxChanged: web-0: waiting for container nginx to end"]);
    assert_eq!(world.condition("PodReadyToStartContainers"), "False");
    assert_eq!(world.status().pod_ip, None);
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), ["stop nginx#0 in 30s", "start POD#1", "start nginx#1", "remove POD#0"]);
    assert!(world.noted().contains(&"SandboxChanged: Pod sandbox changed, it will be killed and re-created.".into()));
    assert_eq!(world.shown("nginx"), "Ready, restarts 1");
}

#[test]
fn after_an_engine_restart_everything_comes_back_without_delay() {
    let mut world = World::new(NGINX);
    world.settle();
    for attempt in 1..4 {
        world.advance(10);
        world.exit("nginx", 137);
        world.exit("POD", 137);
        world.told();
        world.settle();
        assert_eq!(world.told()[..2], [format!("start POD#{attempt}"), format!("start nginx#{attempt}")]);
    }
}

#[test]
fn the_loss_of_sandboxes_does_not_make_the_back_off_grow() {
    let mut world = World::new(NGINX);
    world.settle();
    for _ in 0..4 {
        world.advance(20);
        world.exit("POD", 137);
        world.settle();
    }
    world.advance(1);
    world.exit("nginx", 1);
    let last = world.settle();
    assert_eq!(
        waits(&last),
        ["CrashLoopBackOff: web-0: container nginx exited 1, starts again at 2016-07-01T12:01:31Z"]
    );
}

#[test]
fn a_sandbox_that_cannot_run_does_not_keep_the_machine_busy() {
    let mut world = World::new(NGINX);
    world.exits.insert("POD".into(), 1);
    let last = world.settle();
    assert_eq!(waits(&last), ["SandboxEnded: web-0: the sandbox exited 1, starts again at 2016-07-01T12:00:05Z"]);
    world.told();
    world.run_for(60);
    assert_eq!(world.told().iter().filter(|line| line.starts_with("start")).count(), 12);
}

#[test]
fn a_sandbox_that_was_started_again_from_outside_is_replaced() {
    let mut world = World::new(NGINX);
    world.settle();
    world.told();
    world.advance(60);
    let now = world.now;
    let sandbox = world.containers.iter_mut().find(|c| c.owner.role == Role::Sandbox).unwrap();
    sandbox.state = State::Running { started_at: now, paused: false };
    world.settle();
    assert_eq!(world.told(), ["stop nginx#0 in 30s, POD#0 in 30s", "start POD#1", "start nginx#1", "remove POD#0"]);
}

#[test]
fn a_sandbox_that_was_started_again_while_its_containers_were_stopped_is_replaced() {
    let mut world = World::new(NGINX);
    world.settle();
    world.advance(60);
    world.exit("POD", 137);
    let stop = world.step();
    assert_eq!(stop.actions.len(), 1);
    let now = world.now;
    let sandbox = world.containers.iter_mut().find(|c| c.owner.role == Role::Sandbox).unwrap();
    sandbox.state = State::Running { started_at: now, paused: false };
    world.told();
    world.settle();
    assert_eq!(world.told(), ["stop POD#0 in 30s", "start POD#1", "start nginx#1", "remove POD#0"]);
}

#[test]
fn a_clock_that_is_set_back_costs_one_restart_and_not_more() {
    let mut world = World::new(NGINX);
    world.settle();
    world.now -= SignedDuration::from_hours(2);
    world.exit("nginx", 1);
    world.settle();
    world.run_for(3600);
    assert_eq!(world.shown("nginx"), "Ready, restarts 2");
}

#[test]
fn what_ended_before_the_clock_was_set_back_starts_at_once() {
    let mut world = World::new(NGINX);
    world.settle();
    for _ in 0..2 {
        world.exit("nginx", 1);
        world.settle();
    }
    assert_eq!(world.shown("nginx"), "Waiting CrashLoopBackOff, restarts 1");
    let by = SignedDuration::from_hours(-2);
    world.now += by;
    pod::follow_clock(&mut world.memory, by);
    world.run_for(1);
    // One restart after the end, and the one that a clock which is set back may cost.
    assert_eq!(world.shown("nginx"), "Ready, restarts 3");
}

#[test]
fn a_sandbox_that_was_removed_by_hand_comes_back() {
    let mut world = World::new(NGINX);
    world.settle();
    world.told();
    world.containers.retain(|container| container.owner.role != Role::Sandbox);
    world.settle();
    assert_eq!(world.told(), ["stop nginx#0 in 30s", "start POD#0", "start nginx#1"]);
}

#[test]
fn an_address_that_is_taken_is_told_and_tried_again() {
    let mut world = World::new(NGINX);
    world.refuses.insert("start POD#0".into(), Failure::AddressTaken("Address already in use".into()));
    let last = world.settle();
    assert_eq!(
        waits(&last),
        ["EngineRefused: web-0: starting the sandbox: Address already in use; trying again at 2016-07-01T12:00:01Z"]
    );
    assert_eq!(
        world.noted().last().unwrap(),
        "FailedCreatePodSandBox: Failed to create pod sandbox: Address already in use"
    );
    world.run_for(100);
    let tries = world.told().len();
    // 1, 2, 4, 8, 16, 30, 30 seconds apart.
    assert_eq!(tries, 8);
    world.refuses.clear();
    world.run_for(30);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
}

#[test]
fn an_address_that_is_refused_four_times_is_lost_until_a_sandbox_has_one() {
    let address = Ipv4Addr::new(10, 88, 0, 5);
    let mut world = World::new(NGINX);
    for (refusal, is_lost) in [
        (Failure::Refused("port is already allocated".into()), false),
        (Failure::AddressTaken("Address already in use".into()), true),
    ] {
        world.refuses.insert("start POD#0".into(), refusal);
        world.forget();
        for tries in 1..=5 {
            world.settle();
            assert_eq!(pod::has_lost(&world.memory, address), is_lost && tries >= 4, "after {tries} tries");
            world.advance(30);
        }
    }
    assert!(!pod::has_lost(&world.memory, Ipv4Addr::new(10, 88, 0, 6)));
    // With another address it is tried at once.
    world.settle();
    world.told();
    world.address = Ok(Ipv4Addr::new(10, 88, 0, 6).into());
    world.refuses.clear();
    world.settle();
    assert_eq!(world.told(), ["start POD#0", "start nginx#0"]);
    assert!(!pod::has_lost(&world.memory, address), "the next sandbox may have it");
}

#[test]
fn a_paused_container_is_not_ready_and_the_wait_says_why() {
    let mut world = World::new(NGINX);
    world.settle();
    let app = world.containers.iter_mut().find(|c| c.owner.role == Role::App).unwrap();
    let State::Running { started_at, .. } = app.state else { panic!("it runs") };
    app.state = State::Running { started_at, paused: true };
    let last = world.settle();
    assert_eq!(waits(&last), ["ContainerPaused: web-0: container nginx is paused in the engine"]);
    assert_eq!(world.shown("nginx"), "Running, restarts 0");
}

#[test]
fn a_container_on_its_way_out_is_waited_for_and_helped_along() {
    let mut world = World::new(NGINX);
    world.settle();
    world.told();
    let app = world.containers.iter_mut().find(|c| c.owner.role == Role::App).unwrap();
    app.state = State::Removing;
    let stuck = app.clone();
    world.step();
    world.containers.push(stuck);
    let last = world.settle();
    assert_eq!(world.told(), ["remove nginx#0"]);
    assert_eq!(waits(&last), ["EngineRemoves: web-0: the engine is removing container nginx"]);
    assert_eq!(last.look_again, Some("2016-07-01T12:00:01Z".parse().unwrap()));
    world.run_for(1);
    assert_eq!(world.told(), ["remove nginx#0", "start nginx#1"]);
}

#[test]
fn a_pet_whose_turn_to_come_back_has_not_come_has_its_sandbox_ready() {
    let mut world = World::new(NGINX);
    world.settle();
    world.told();
    world.advance(10);
    world.exit("nginx", 137);
    world.exit("POD", 137);
    let until = "2016-07-01T12:00:40Z".parse().unwrap();
    world.held_back = Some(plan::set::HeldBack { why: "waiting for its turn to come back".into(), until });
    let last = world.settle();
    assert_eq!(world.told(), ["start POD#1", "remove POD#0"]);
    assert_eq!(waits(&last), ["PetHeldBack: web-0: waiting for its turn to come back"]);
    assert_eq!(last.look_again, Some(until));
    world.held_back = None;
    world.settle();
    assert_eq!(world.told(), ["start nginx#1"]);
}

#[test]
fn a_sandbox_that_was_cut_off_its_network_is_replaced() {
    let mut world = World::new(NGINX);
    world.settle();
    world.told();
    world.advance(60);
    world.containers.iter_mut().for_each(|container| container.address = None);
    let first = world.step();
    assert_eq!(waits(&first), ["SandboxChanged: web-0: waiting for containers nginx, POD to end"]);
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), ["stop nginx#0 in 30s, POD#0 in 30s", "start POD#1", "start nginx#1", "remove POD#0"]);
    assert_eq!(world.shown("nginx"), "Ready, restarts 1");
    // A pod on the host's own network never had one.
    let mut world = World::new(r#"{"hostNetwork": true, "containers": [{"name": "nginx", "image": "nginx:1"}]}"#);
    world.settle();
    world.told();
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), [""; 0]);
}

#[test]
fn a_sandbox_that_a_late_request_leaves_goes_and_the_pod_runs_on() {
    let mut world = World::new(NGINX);
    world.settle();
    world.told();
    let mut left = world.containers.iter().find(|c| c.owner.role == Role::Sandbox).unwrap().clone();
    left.id = "late".to_owned();
    left.owner.attempt = 1;
    left.state = State::Created;
    left.address = None;
    world.containers.push(left);
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), ["remove POD#1"]);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
}
