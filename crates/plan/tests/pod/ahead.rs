//! A sandbox that is there before its pod.

use plan::{
    action::Failure,
    facts::{Role, State},
    pod::Plan,
};

use crate::{
    start::NGINX,
    world::{POD_ADDRESS, UID, World, owner},
};

/// A world in which the pod is reserved and not made.
fn reserved() -> World {
    let mut world = World::new(NGINX);
    world.reserve();
    world
}

/// The pod is made, under the reserved uid or another.
fn make(world: &mut World, uid: &str) {
    world.reserved = None;
    world.create(uid, NGINX);
}

#[test]
fn the_sandbox_of_a_reserved_pod_is_made_and_kept_and_nobody_is_told() {
    let mut world = reserved();
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), ["start POD#0"]);
    assert_eq!(world.noted(), [""; 0]);
    assert_eq!(world.containers[0].owner, owner(Role::Sandbox, "POD", 0));
    assert_eq!(world.containers[0].address, Some(POD_ADDRESS));
    world.advance(60);
    world.exit("POD", 137);
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), ["start POD#1", "remove POD#0"]);
    assert_eq!(world.noted(), [""; 0]);
}

#[test]
fn a_pod_finds_its_sandbox_ready() {
    let mut world = reserved();
    world.settle();
    world.told();
    let sandbox = world.containers[0].id.clone();
    make(&mut world, UID);
    world.settle();
    assert_eq!(world.told(), ["start nginx#0"]);
    assert_eq!(world.containers.iter().map(|c| c.sandbox.clone()).collect::<Vec<_>>(), [None, Some(sandbox)]);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
}

#[test]
fn a_pod_that_is_made_while_its_sandbox_starts_waits_for_that_one() {
    let mut world = reserved();
    let plan = world.plan();
    world.begin(&plan.actions[0]);
    make(&mut world, UID);
    world.settle();
    assert_eq!(world.told(), ["start POD#0"]);
    world.end(&plan.actions[0]);
    world.settle();
    assert_eq!(world.told(), ["start nginx#0"]);
}

#[test]
fn the_sandbox_goes_with_its_reservation() {
    let mut world = reserved();
    world.settle();
    world.told();
    world.reserved = None;
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), ["remove POD#0"]);
    assert_eq!(world.containers, []);
}

#[test]
fn a_pod_of_another_uid_gets_a_sandbox_of_its_own() {
    let mut world = reserved();
    world.settle();
    world.told();
    make(&mut world, "22222222-2222-4222-8222-222222222222");
    world.settle();
    assert_eq!(world.told(), ["remove POD#0", "start POD#0", "start nginx#0"]);
}

#[test]
fn a_daemon_that_starts_again_adopts_the_sandbox() {
    let mut world = reserved();
    world.settle();
    world.told();
    world.forget();
    assert_eq!(world.settle(), Plan::default());
    make(&mut world, UID);
    world.settle();
    assert_eq!(world.told(), ["start nginx#0"]);
}

#[test]
fn a_sandbox_made_ahead_that_fails_rests_and_its_pod_says_why() {
    let mut world = reserved();
    world.refuses.insert("start POD#0".into(), Failure::AddressTaken("Address already in use".into()));
    let plan = world.settle();
    assert_eq!((&plan.notes[..], &plan.waits[..]), (&[][..], &[][..]));
    assert!(plan.look_again.is_some_and(|at| at > world.now));
    assert_eq!(world.noted(), [""; 0]);
    make(&mut world, UID);
    world.run_for(40);
    assert!(
        world.noted().contains(&"FailedCreatePodSandBox: Failed to create pod sandbox: Address already in use".into())
    );
    world.refuses.clear();
    world.run_for(60);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
}

#[test]
fn a_sandbox_that_was_made_and_never_started_is_started() {
    let mut world = reserved();
    world.settle();
    world.told();
    world.containers[0].state = State::Created;
    world.settle();
    assert_eq!(world.told(), ["start POD#0"]);
}
