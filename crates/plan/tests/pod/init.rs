//! Init containers run in order, each to success, before the others.

use plan::{facts::Role, pod::Plan};

use crate::world::{World, waits};

const INIT: &str = r#"{"initContainers": [{"name": "one", "image": "x"}, {"name": "two", "image": "x"}],
    "containers": [{"name": "app", "image": "x"}]}"#;

fn initialised() -> World {
    let mut world = World::new(INIT);
    world.exits.extend([("one".into(), 0), ("two".into(), 0)]);
    world.settle();
    world
}

#[test]
fn they_run_one_after_the_other_and_then_the_app_starts() {
    let mut world = World::new(INIT);
    let last = world.settle();
    assert_eq!(world.told(), ["start POD#0", "start one#0"]);
    assert_eq!(waits(&last), ["InitContainerRuns: web-0: init container one is running"]);
    assert_eq!(world.shown("app"), "Waiting PodInitializing, restarts 0");
    assert_eq!(world.condition("Initialized"), "False");
    world.exit("one", 0);
    world.settle();
    world.exit("two", 0);
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), ["start two#0", "start app#0"]);
    assert_eq!(world.shown("one"), "Ended 0 Completed, restarts 0");
    assert_eq!(world.condition("Initialized"), "True");
    assert_eq!(world.status().phase.as_deref(), Some("Running"));
}

#[test]
fn one_that_fails_is_run_again_after_a_while() {
    let mut world = World::new(INIT);
    world.settle();
    world.exit("one", 1);
    world.settle();
    world.exit("one", 1);
    world.told();
    let last = world.settle();
    assert_eq!(waits(&last), ["CrashLoopBackOff: web-0: container one exited 1, starts again at 2016-07-01T12:00:10Z"]);
    assert_eq!(world.shown("one"), "Waiting CrashLoopBackOff, restarts 1");
    assert_eq!(world.status().phase.as_deref(), Some("Pending"));
    world.run_for(10);
    assert_eq!(world.told(), ["start one#2", "remove one#0"]);
}

#[test]
fn under_never_one_that_fails_fails_the_pod() {
    let mut world = World::new(&INIT.replacen('{', r#"{"restartPolicy": "Never", "#, 1));
    world.settle();
    world.exit("one", 1);
    world.told();
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), ["remove POD#0"]);
    assert_eq!(world.status().phase.as_deref(), Some("Failed"));
}

#[test]
fn one_that_was_pruned_is_not_run_again() {
    let mut world = initialised();
    world.told();
    world.containers.retain(|container| container.owner.role != Role::Init);
    world.forget();
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.shown("one"), "Ended 0 Completed, restarts 0");
    // Nor when the app was pruned with it: the status knows that it ended in this sandbox.
    world.containers.retain(|container| container.owner.role == Role::Sandbox);
    world.settle();
    assert_eq!(world.told(), ["start app#1"]);
}

#[test]
fn a_new_sandbox_runs_them_again() {
    let mut world = initialised();
    world.told();
    world.advance(60);
    world.exit("app", 137);
    world.exit("POD", 137);
    world.settle();
    let told = world.told();
    assert_eq!(told[..4], ["start POD#1", "start one#1", "start two#1", "start app#1"]);
}

#[test]
fn the_annotation_of_2016_counts_as_init_containers() {
    let mut world = World::new(r#"{"containers": [{"name": "app", "image": "x"}]}"#);
    let annotation = r#"[{"name": "bootstrap", "image": "x", "command": ["sh"]}]"#;
    world.pod.as_mut().unwrap().metadata.annotations =
        Some([("pod.alpha.kubernetes.io/init-containers".to_owned(), annotation.to_owned())].into());
    world.exits.insert("bootstrap".into(), 0);
    world.settle();
    assert_eq!(world.told(), ["start POD#0", "start bootstrap#0", "start app#0"]);
}

#[test]
fn a_sidecar_stays_and_the_next_one_waits_for_its_start() {
    let mut world = World::new(
        r#"{"initContainers": [{"name": "mesh", "image": "x", "restartPolicy": "Always",
            "startupProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 1}}, {"name": "one", "image": "x"}],
            "containers": [{"name": "app", "image": "x"}]}"#,
    );
    world.exits.insert("one".into(), 0);
    world.sick.insert(("mesh".into(), plan::action::ProbeKind::Startup), "connection refused".into());
    let last = world.settle();
    assert_eq!(waits(&last), ["ContainerNotReady: web-0: container mesh: connection refused"]);
    world.sick.clear();
    world.run_for(1);
    assert_eq!(world.shown("mesh"), "Ready, restarts 0");
    assert_eq!(world.shown("app"), "Ready, restarts 0");
    world.told();
    world.exit("mesh", 1);
    world.settle();
    assert_eq!(world.told()[0], "start mesh#1");
}
