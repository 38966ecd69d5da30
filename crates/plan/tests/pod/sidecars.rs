//! Init containers that go on beside the others.

use plan::{Action, action::ProbeKind};

use crate::world::{World, waits};

/// A pod with two sidecars, an init container between them, and an app.
fn pod(rest: &str) -> World {
    let mut world = World::new(&format!(
        r#"{{{rest} "initContainers": [
            {{"name": "mesh", "image": "x", "restartPolicy": "Always"}},
            {{"name": "one", "image": "x"}},
            {{"name": "log", "image": "x", "restartPolicy": "Always"}}],
            "containers": [{{"name": "app", "image": "x"}}]}}"#
    ));
    world.exits.insert("one".into(), 0);
    world
}

/// The stops of a plan: who, and within how many seconds.
fn stops(world: &mut World) -> Vec<(String, u64)> {
    let plan = world.step();
    let [Action::Stop(stops)] = &plan.actions[..] else { panic!("{plan:?}") };
    stops.iter().map(|stop| (stop.owner.container.clone(), stop.grace.as_secs())).collect()
}

fn whose(name: &str, seconds: u64) -> Vec<(String, u64)> {
    vec![(name.to_owned(), seconds)]
}

#[test]
fn they_start_in_their_place_and_stay() {
    let mut world = pod("");
    world.settle();
    assert_eq!(world.told(), ["start POD#0", "start mesh#0", "start one#0", "start log#0", "start app#0"]);
    let shown = ["mesh", "one", "log", "app"].map(|name| world.shown(name));
    assert_eq!(shown, ["Ready, restarts 0", "Ended 0 Completed, restarts 0", "Ready, restarts 0", "Ready, restarts 0"]);
}

#[test]
fn one_that_is_not_ready_keeps_its_pod_from_being_ready() {
    let mut world = World::new(
        r#"{"initContainers": [{"name": "mesh", "image": "x", "restartPolicy": "Always",
            "readinessProbe": {"exec": {"command": ["ready"]}, "periodSeconds": 1, "failureThreshold": 1}}],
            "containers": [{"name": "app", "image": "x"}]}"#,
    );
    world.sick.insert(("mesh".into(), ProbeKind::Readiness), "not yet".into());
    world.run_for(2);
    assert_eq!((world.shown("app").as_str(), world.condition("Ready")), ("Ready, restarts 0", "False"));
    world.sick.clear();
    world.run_for(2);
    assert_eq!(world.condition("Ready"), "True");
}

#[test]
fn they_end_after_the_others_the_last_one_first() {
    let mut world = pod(r#""terminationGracePeriodSeconds": 30,"#);
    world.settle();
    world.delete(30);
    assert_eq!(stops(&mut world), whose("app", 30));
    world.advance(12);
    assert_eq!(stops(&mut world), whose("log", 19));
    // The others may have used up all of the time.
    world.advance(60);
    assert_eq!(stops(&mut world), whose("mesh", 2));
    world.settle();
    assert_eq!(world.pod, None);
}

#[test]
fn by_force_all_end_at_once() {
    let mut world = pod("");
    world.settle();
    world.delete(0);
    let stopped = ["mesh", "log", "app"].map(|name| (name.to_owned(), 0));
    assert_eq!(stops(&mut world), stopped);
}

#[test]
fn a_stop_that_was_begun_gently_is_cut_short_by_force_for_all() {
    let mut world = pod("");
    world.settle();
    world.delete(30);
    let plan = world.plan();
    world.begin(&plan.actions[0]);
    world.delete(0);
    let stopped = ["mesh", "log", "app"].map(|name| (name.to_owned(), 0));
    assert_eq!(stops(&mut world), stopped);
}

#[test]
fn a_pod_ends_with_its_main_containers_and_is_said_to_when_its_sidecars_have_ended() {
    for (policy, code, end) in [("Never", 0, "Succeeded"), ("Never", 3, "Failed"), ("OnFailure", 0, "Succeeded")] {
        let mut world = pod(&format!(r#""restartPolicy": "{policy}", "terminationGracePeriodSeconds": 20,"#));
        world.settle();
        world.exit("app", code);
        assert_eq!(stops(&mut world), whose("log", 20));
        assert_eq!(world.status().phase.as_deref(), Some("Running"), "{policy} {code}");
        world.advance(5);
        assert_eq!(stops(&mut world), whose("mesh", 15));
        world.settle();
        assert_eq!(world.status().phase.as_deref(), Some(end), "{policy} {code}");
        world.told();
        world.run_for(60);
        assert_eq!(world.told(), Vec::<String>::new());
    }
}

#[test]
fn one_that_ends_starts_again_whatever_the_pods_policy() {
    let mut world = pod(r#""restartPolicy": "Never","#);
    world.settle();
    world.told();
    world.exit("mesh", 1);
    world.settle();
    assert_eq!(world.told(), ["start mesh#1"]);
    assert_eq!(world.status().phase.as_deref(), Some("Running"));
}

#[test]
fn one_that_ends_before_the_app_has_begun_holds_it_up() {
    let mut world = pod("");
    world.exits.insert("mesh".into(), 1);
    let last = world.settle();
    assert!(waits(&last).iter().any(|wait| wait.starts_with("CrashLoopBackOff: web-0: container mesh exited 1")));
    assert!(!world.told().iter().any(|action| action.contains("app")));
    world.exits.remove("mesh");
    world.run_for(15);
    assert_eq!(world.shown("app"), "Ready, restarts 0");
}

#[test]
fn a_container_may_have_a_policy_of_its_own() {
    let mut world = World::new(
        r#"{"containers": [{"name": "job", "image": "x", "restartPolicy": "Never"}, {"name": "app", "image": "x"}]}"#,
    );
    world.settle();
    world.told();
    world.exit("job", 1);
    world.exit("app", 1);
    world.settle();
    assert_eq!(world.told(), ["start app#1"]);
    assert_eq!(world.shown("job"), "Ended 1 Error, restarts 0");
}

#[test]
fn a_pod_that_fails_before_it_ran_is_pending_until_its_sidecars_have_ended() {
    let mut world = pod(r#""restartPolicy": "Never", "terminationGracePeriodSeconds": 20,"#);
    world.exits.insert("one".into(), 1);
    for _ in 0..20 {
        let plan = world.step();
        if matches!(plan.actions.first(), Some(Action::Stop(_))) {
            break;
        }
        let phase = world.pod.as_ref().and_then(|pod| pod.status.as_ref()).and_then(|status| status.phase.as_deref());
        assert!(phase.is_none_or(|phase| phase == "Pending"), "{phase:?}");
    }
    world.settle();
    assert_eq!(world.told().last().map(String::as_str), Some("remove POD#0"));
    assert_eq!(world.status().phase.as_deref(), Some("Failed"));
}
