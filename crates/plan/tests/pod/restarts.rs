//! Containers end, and start again or not.

use plan::{
    action::Failure,
    facts::{Role, State},
    pod::Plan,
};

use crate::{
    start::NGINX,
    world::{World, waits},
};

fn of_policy(policy: &str) -> World {
    World::new(&format!(
        r#"{{"restartPolicy": "{policy}", "containers": [{{"name": "a", "image": "x"}}, {{"name": "b", "image": "x"}}]}}"#
    ))
}

#[test]
fn the_first_restart_is_at_once_and_the_next_ones_wait_longer_and_longer() {
    let mut world = World::new(NGINX);
    world.exits.insert("nginx".into(), 1);
    let mut starts = Vec::new();
    world.settle();
    for _ in 0..700 {
        let before = world.containers.iter().map(|c| c.owner.attempt).max();
        world.settle();
        if world.containers.iter().map(|c| c.owner.attempt).max() != before {
            starts.push(world.now.as_second() % 86400 - 12 * 3600);
        }
        world.advance(1);
    }
    // 10, 20, 40, 80, 160, then 300 seconds after the one before.
    assert_eq!(starts, [10, 30, 70, 150, 310, 610]);
}

#[test]
fn a_crash_loop_is_told_once_each_time_and_shown() {
    let mut world = World::new(NGINX);
    world.settle();
    world.noted();
    world.exit("nginx", 1);
    world.settle();
    assert_eq!(world.shown("nginx"), "Ready, restarts 1");
    world.noted();
    world.exit("nginx", 3);
    let last = world.settle();
    assert_eq!(
        waits(&last),
        ["CrashLoopBackOff: web-0: container nginx exited 3, starts again at 2016-07-01T12:00:10Z"]
    );
    assert_eq!(world.shown("nginx"), "Waiting CrashLoopBackOff, restarts 1");
    assert_eq!(
        world.noted(),
        [
            "BackOff: Back-off restarting failed container nginx in pod web-0_default(11111111-1111-4111-8111-111111111111)"
        ]
    );
    let status = world.status().container_statuses.clone().unwrap().remove(0);
    let waiting = status.state.unwrap().waiting.unwrap();
    assert_eq!(
        waiting.message.as_deref(),
        Some("back-off 10s restarting failed container=nginx pod=web-0_default(11111111-1111-4111-8111-111111111111)")
    );
    assert_eq!(status.last_state.unwrap().terminated.unwrap().exit_code, 3);
    assert_eq!(world.condition("Ready"), "False");
    assert_eq!(world.status().phase.as_deref(), Some("Running"));
    assert_eq!(last.look_again, Some("2016-07-01T12:00:10Z".parse().unwrap()));
}

#[test]
fn a_container_that_ran_for_ten_minutes_starts_again_at_once() {
    let mut world = World::new(NGINX);
    world.settle();
    for _ in 0..2 {
        world.exit("nginx", 1);
        world.settle();
        world.advance(11);
        world.settle();
    }
    world.told();
    world.advance(601);
    world.exit("nginx", 1);
    world.settle();
    assert_eq!(world.told()[0], "start nginx#3");
}

#[test]
fn the_restart_count_outlives_the_daemon_and_the_dead_containers() {
    let mut world = World::new(NGINX);
    world.settle();
    world.exit("nginx", 1);
    world.settle();
    world.forget();
    world.settle();
    assert_eq!(world.shown("nginx"), "Ready, restarts 1");
    // Somebody removes the containers behind the daemon's back.
    world.forget();
    world.containers.retain(|container| container.owner.role == Role::Sandbox);
    world.told();
    world.settle();
    assert_eq!(world.told(), ["start nginx#2"]);
    assert_eq!(world.shown("nginx"), "Ready, restarts 2");
    let status = world.status().container_statuses.clone().unwrap().remove(0);
    let lost = status.last_state.unwrap().terminated.unwrap();
    assert_eq!((lost.exit_code, lost.reason.as_deref()), (137, Some("ContainerStatusUnknown")));
}

#[test]
fn a_container_that_is_removed_by_hand_counts_beside_the_attempt_before_it() {
    let mut world = World::new(NGINX);
    world.settle();
    world.exit("nginx", 1);
    world.settle();
    world.told();
    world.containers.retain(|container| container.owner.role == Role::Sandbox || container.owner.attempt == 0);
    world.settle();
    assert_eq!(world.told(), ["start nginx#2"]);
    assert_eq!(world.shown("nginx"), "Ready, restarts 2");
    let status = world.status().container_statuses.clone().unwrap().remove(0);
    let lost = status.last_state.unwrap().terminated.unwrap();
    assert_eq!((lost.exit_code, lost.reason.as_deref()), (137, Some("ContainerStatusUnknown")));
}

#[test]
fn a_crashed_container_that_is_removed_by_hand_is_not_forgotten() {
    let mut world = World::new(NGINX);
    world.settle();
    world.exit("nginx", 1);
    world.settle();
    world.exit("nginx", 3);
    world.settle();
    assert_eq!(world.shown("nginx"), "Waiting CrashLoopBackOff, restarts 1");
    // As `docker rm -f` does it, seen at each of its steps.
    world.containers.last_mut().unwrap().state = State::Removing;
    let leaving = world.plan();
    world.commit(&leaving);
    world.containers.retain(|container| container.owner.role == Role::Sandbox || container.owner.attempt == 0);
    world.told();
    world.settle();
    assert_eq!(world.told(), ["start nginx#2"]);
    let status = world.status().container_statuses.clone().unwrap().remove(0);
    assert_eq!(status.last_state.unwrap().terminated.unwrap().exit_code, 3);
}

#[test]
fn a_container_that_is_being_started_again_is_not_said_to_be_backing_off() {
    let mut world = World::new(NGINX);
    world.settle();
    world.noted();
    world.exit("nginx", 1);
    let restart = world.plan();
    world.commit(&restart);
    world.begin(&restart.actions[0]);
    let meanwhile = world.plan();
    world.commit(&meanwhile);
    assert_eq!(waits(&meanwhile), ["InProgress: web-0: starting container nginx"]);
    assert_eq!(world.shown("nginx"), "Ended 1 Error, restarts 0");
    world.end(&restart.actions[0]);
    world.settle();
    assert_eq!(
        world.noted(),
        [
            "Pulled: Container image \"nginx:1\" already present on machine and can be accessed by the pod",
            "Created: Container created",
            "Started: Container started"
        ]
    );
}

#[test]
fn the_last_two_attempts_are_kept_for_their_logs() {
    let mut world = World::new(NGINX);
    world.settle();
    for _ in 0..3 {
        world.exit("nginx", 1);
        world.settle();
        world.advance(300);
        world.settle();
    }
    let attempts: Vec<u32> =
        world.containers.iter().filter(|c| c.owner.role == Role::App).map(|c| c.owner.attempt).collect();
    assert_eq!(attempts, [2, 3]);
}

#[test]
fn never_means_never_and_the_pod_fails_with_its_containers() {
    let mut world = of_policy("Never");
    world.settle();
    world.exit("a", 0);
    world.exit("b", 2);
    world.told();
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), ["remove POD#0"]);
    assert_eq!(world.status().phase.as_deref(), Some("Failed"));
    assert_eq!(
        (world.shown("a"), world.shown("b")),
        ("Ended 0 Completed, restarts 0".into(), "Ended 2 Error, restarts 0".into())
    );
    assert_eq!(world.condition("Ready"), "False");
    world.forget();
    assert_eq!(world.settle(), Plan::default());
}

#[test]
fn on_failure_starts_again_what_failed_and_succeeds_in_the_end() {
    let mut world = of_policy("OnFailure");
    world.settle();
    world.told();
    world.exit("a", 0);
    world.settle();
    assert_eq!(world.status().phase.as_deref(), Some("Running"));
    world.exit("b", 1);
    world.settle();
    world.exit("b", 0);
    world.settle();
    assert_eq!(world.told(), ["start b#1", "remove POD#0"]);
    assert_eq!(world.status().phase.as_deref(), Some("Succeeded"));
    assert_eq!(world.condition("Initialized"), "True");
}

#[test]
fn a_pod_that_has_ended_stays_so_when_its_containers_are_pruned() {
    let mut world = of_policy("Never");
    world.settle();
    world.exit("a", 0);
    world.exit("b", 0);
    world.settle();
    let before = world.status().clone();
    world.containers.clear();
    world.forget();
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(*world.status(), before);
}

#[test]
fn a_start_that_the_engine_refuses_is_tried_again_with_its_words() {
    let mut world = World::new(NGINX);
    world.refuses.insert("start nginx#0".into(), Failure::Refused("exec: \"nginxx\": not found".into()));
    let last = world.settle();
    assert_eq!(
        waits(&last),
        [
            "EngineRefused: web-0: starting container nginx: exec: \"nginxx\": not found; trying again at 2016-07-01T12:00:10Z",
            "CreateContainerError: web-0: container nginx: exec: \"nginxx\": not found",
        ]
    );
    assert_eq!(world.shown("nginx"), "Waiting CreateContainerError, restarts 0");
    assert_eq!(world.noted().last().unwrap(), "Failed: Error: exec: \"nginxx\": not found");
    world.refuses.clear();
    world.run_for(10);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
}

#[test]
fn an_engine_that_gave_no_answer_is_asked_again_soon_and_it_is_nobodys_failure() {
    let mut world = World::new(NGINX);
    world.refuses.insert("start nginx#0".into(), Failure::Silent("timed out".into()));
    let last = world.settle();
    assert_eq!(last.look_again, Some("2016-07-01T12:00:01Z".parse().unwrap()));
    assert_eq!(world.shown("nginx"), "Waiting ContainerCreating, restarts 0");
    world.run_for(60);
    world.refuses.clear();
    world.run_for(1);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
    assert!(!world.noted().iter().any(|note| note.starts_with("Failed")));
}

#[test]
fn a_crash_loop_does_not_pile_up_dead_containers() {
    let mut world = World::new(NGINX);
    world.exits.insert("nginx".into(), 1);
    world.run_for(3600);
    assert!(world.containers.len() <= 3, "{:#?}", world.containers);
}
