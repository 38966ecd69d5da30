//! A pod is deleted, by grace or by force.

use plan::{action::Failure, facts::Role, pod::Plan};

use crate::world::{OTHER, World, is_live, waits};

const TWO: &str = r#"{"terminationGracePeriodSeconds": 20, "containers": [
    {"name": "a", "image": "x", "lifecycle": {"preStop": {"sleep": {"seconds": 3}}}}, {"name": "b", "image": "x"}],
    "volumes": [{"name": "tmp", "emptyDir": {}}]}"#;

const SCRATCH: &str = r#"{"containers": [{"name": "a", "image": "x", "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}],
    "volumes": [{"name": "tmp", "emptyDir": {}}]}"#;

#[test]
fn containers_stop_together_then_everything_goes_then_the_object() {
    let mut world = World::new(SCRATCH);
    world.settle();
    world.told();
    world.noted();
    world.delete(30);
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(
        world.told(),
        [
            "stop a#0 in 30s",
            "remove a#0",
            "remove POD#0",
            "remove petset_default_11111111-1111-4111-8111-111111111111_tmp",
            "remove pod",
        ]
    );
    assert_eq!(world.noted(), ["Killing: Stopping container a"]);
}

#[test]
fn the_pre_stop_hook_goes_with_the_stop() {
    let mut world = World::new(TWO);
    world.settle();
    world.delete(20);
    let plan = world.plan();
    let [plan::Action::Stop(stops)] = &plan.actions[..] else { panic!("{plan:?}") };
    let hooks: Vec<_> = stops.iter().map(|stop| (stop.owner.container.as_str(), stop.pre_stop.clone())).collect();
    let sleep = plan::action::Hook::Sleep(std::time::Duration::from_secs(3));
    assert_eq!(hooks, [("a", Some(sleep)), ("b", None)]);
}

#[test]
fn a_daemon_that_was_away_gives_what_is_left_of_the_grace_period() {
    let mut world = World::new(TWO);
    world.settle();
    world.told();
    world.delete(20);
    world.advance(15);
    world.forget();
    world.step();
    assert_eq!(world.told(), ["stop a#0 in 6s, b#0 in 6s"]);
}

#[test]
fn a_grace_period_that_is_over_kills() {
    let mut world = World::new(TWO);
    world.settle();
    world.told();
    world.delete(20);
    world.advance(60);
    world.step();
    assert_eq!(world.told(), ["stop a#0 in 0s, b#0 in 0s"]);
}

#[test]
fn the_last_status_tells_how_the_containers_ended() {
    let mut world = World::new(TWO);
    world.settle();
    world.delete(20);
    world.step();
    world.step();
    assert_eq!(world.shown("a"), "Ended 143 Error, restarts 0");
    assert_eq!(world.status().phase.as_deref(), Some("Failed"));
    assert_eq!(world.condition("Ready"), "False");
}

#[test]
fn a_pod_with_finalizers_stays_until_they_are_gone() {
    let mut world = World::new(TWO);
    world.settle();
    world.delete(20);
    world.pod.as_mut().unwrap().metadata.finalizers = Some(vec!["example.org/backup".into()]);
    let last = world.settle();
    assert_eq!(waits(&last), ["Terminating: web-0: waiting for its finalizers: example.org/backup"]);
    assert_eq!(world.containers, []);
    world.pod.as_mut().unwrap().metadata.finalizers = None;
    world.settle();
    assert_eq!(world.pod, None);
}

#[test]
fn a_pod_that_was_never_started_just_goes() {
    let mut world = World::new(TWO);
    world.delete(30);
    world.settle();
    assert_eq!(world.told(), ["remove pod"]);
}

#[test]
fn containers_of_a_pod_removed_by_force_are_killed_apps_first() {
    let mut world = World::new(SCRATCH);
    world.settle();
    world.told();
    world.pod = None;
    let first = world.plan();
    assert_eq!(waits(&first), ["PreviousPodRemains: web-0: removing the containers of a pod that is gone"]);
    world.settle();
    assert_eq!(
        world.told(),
        ["remove a#0", "remove POD#0", "remove petset_default_11111111-1111-4111-8111-111111111111_tmp"]
    );
}

#[test]
fn of_two_pods_removed_by_force_the_same_containers_go_first_however_they_are_listed() {
    let mut world = World::new(SCRATCH);
    world.settle();
    let mut others = world.containers.clone();
    for container in &mut others {
        container.owner.uid = OTHER.to_owned();
        container.id = format!("other-{}", container.id);
    }
    world.containers.extend(others);
    world.pod = None;
    let plan = world.plan();
    assert!(!plan.actions.is_empty());
    world.containers.reverse();
    assert_eq!(world.plan(), plan);
}

#[test]
fn a_pod_of_the_same_name_waits_until_the_old_containers_are_gone() {
    let mut world = World::new(SCRATCH);
    world.settle();
    world.told();
    world.create(OTHER, TWO);
    for role in [Role::App, Role::Sandbox] {
        let plan = world.step();
        assert_eq!(
            waits(&plan),
            ["PreviousPodRemains: web-0: waiting for the containers of the previous pod of this name to be gone"]
        );
        assert!(world.containers.iter().all(|container| container.owner.role != role));
    }
    world.settle();
    assert_eq!(
        world.told(),
        [
            "remove a#0",
            "remove POD#0",
            "remove petset_default_11111111-1111-4111-8111-111111111111_tmp",
            "start POD#0",
            "start a#0",
            "start b#0",
        ]
    );
    assert!(world.containers.iter().all(|container| container.owner.uid == OTHER));
}

#[test]
fn a_live_container_that_resists_keeps_the_new_pod_waiting_with_the_engines_words() {
    let mut world = World::new(SCRATCH);
    world.settle();
    world.told();
    world.create(OTHER, TWO);
    world.refuses.insert("remove a#0".into(), Failure::Refused("device or resource busy".into()));
    let last = world.settle();
    assert_eq!(
        waits(&last),
        [
            "PreviousPodRemains: web-0: waiting for the containers of the previous pod of this name to be gone",
            "EngineRefused: web-0: removing container a: device or resource busy; trying again at 2016-07-01T12:00:01Z",
        ]
    );
    assert_eq!(world.told(), ["remove a#0", "remove POD#0"]);
    assert!(world.containers.iter().any(is_live));
}

#[test]
fn a_dead_container_that_resists_does_not_hold_up_the_new_pod() {
    let mut world = World::new(SCRATCH);
    world.settle();
    world.exit("a", 0);
    world.told();
    world.create(OTHER, r#"{"containers": [{"name": "b", "image": "x"}]}"#);
    world.refuses.insert("remove a#0".into(), Failure::Refused("device or resource busy".into()));
    world.settle();
    assert_eq!(
        world.told(),
        [
            "remove a#0",
            "remove POD#0",
            "remove petset_default_11111111-1111-4111-8111-111111111111_tmp",
            "start POD#0",
            // What was tried for the old pod is forgotten with it.
            "remove a#0",
            "start b#0",
        ]
    );
}

/// A world in which the stop of a pod's containers is in flight, with the action.
fn stopping(grace: i64) -> (World, plan::Action) {
    let mut world = World::new(SCRATCH);
    world.settle();
    world.delete(grace);
    let plan = world.plan();
    world.commit(&plan);
    world.begin(&plan.actions[0]);
    world.told();
    world.settle();
    (world, plan.actions[0].clone())
}

#[test]
fn removal_by_force_does_not_sit_out_a_grace_period() {
    let (mut world, stop) = stopping(600);
    world.pod = None;
    world.settle();
    assert_eq!(
        world.told(),
        ["remove a#0", "remove POD#0", "remove petset_default_11111111-1111-4111-8111-111111111111_tmp"]
    );
    world.answer(&stop, &Ok(plan::action::Done::Ok));
    assert_eq!(world.plan(), Plan::default());
}

#[test]
fn a_grace_period_that_is_cut_is_cut_for_the_engine_too() {
    let (mut world, _) = stopping(600);
    assert_eq!(waits(&world.plan())[0], "InProgress: web-0: stopping a within 600 s");
    world.delete(1);
    world.step();
    assert_eq!(world.told(), ["stop a#0 in 1s"]);
}

#[test]
fn a_post_start_hook_that_hangs_does_not_keep_a_deleted_pod() {
    let mut world = World::new(
        r#"{"containers": [{"name": "a", "image": "x", "lifecycle": {"postStart": {"exec": {"command": ["hang"]}}}}]}"#,
    );
    world.step();
    world.step();
    let plan = world.plan();
    world.commit(&plan);
    world.begin(&plan.actions[0]);
    world.act(&plan.actions[0]).unwrap();
    world.told();
    world.delete(30);
    world.settle();
    assert_eq!(world.told(), ["stop a#0 in 30s", "remove a#0", "remove POD#0", "remove pod"]);
}
