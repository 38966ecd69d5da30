//! Probes say how containers are.

use plan::{
    Action,
    action::{Done, Failure, Hook, ProbeKind},
    facts::Role,
    pod::Plan,
};

use crate::world::{World, owner, waits};

const READINESS: &str = r#"{"containers": [{"name": "nginx", "image": "x", "ports": [{"name": "http", "containerPort": 8080}],
    "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "initialDelaySeconds": 5, "periodSeconds": 2,
        "timeoutSeconds": 3, "failureThreshold": 2}}]}"#;

const LIVENESS: &str = r#"{"containers": [{"name": "nginx", "image": "x",
    "livenessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1, "failureThreshold": 2,
        "terminationGracePeriodSeconds": 4}}]}"#;

const STARTUP: &str = r#"{"containers": [{"name": "nginx", "image": "x",
    "startupProbe": {"exec": {"command": ["up"]}, "periodSeconds": 1, "failureThreshold": 3},
    "livenessProbe": {"exec": {"command": ["alive"]}, "periodSeconds": 1},
    "readinessProbe": {"exec": {"command": ["ready"]}, "periodSeconds": 1}}]}"#;

fn sick(world: &mut World, kind: ProbeKind, message: &str) {
    world.sick.insert(("nginx".into(), kind), message.into());
}

#[test]
fn a_container_is_ready_when_its_probe_says_so_and_not_before() {
    let mut world = World::new(READINESS);
    let last = world.settle();
    assert_eq!(waits(&last), ["ContainerNotReady: web-0: container nginx: its readiness probe has no result yet"]);
    assert_eq!(last.look_again, Some("2016-07-01T12:00:05Z".parse().unwrap()));
    assert_eq!(world.shown("nginx"), "Running, restarts 0");
    assert_eq!(world.status().phase.as_deref(), Some("Running"));
    world.told();
    world.advance(5);
    let plan = world.plan();
    let [Action::Probe(probe)] = &plan.actions[..] else { panic!("{plan:?}") };
    let check = Hook::Http {
        scheme: "http".into(),
        host: "10.88.0.5".into(),
        port: 8080,
        path: "/healthz".into(),
        headers: vec![],
    };
    assert_eq!(
        **probe,
        plan::action::Probe {
            owner: owner(Role::App, "nginx", 0),
            id: "c2".into(),
            kind: ProbeKind::Readiness,
            check,
            timeout: std::time::Duration::from_secs(3),
        }
    );
    let last = world.settle();
    assert_eq!(last, Plan { look_again: Some("2016-07-01T12:00:07Z".parse().unwrap()), ..Plan::default() });
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
    assert_eq!(world.condition("Ready"), "True");
}

#[test]
fn it_is_unready_at_once_when_the_threshold_is_reached_and_ready_again_with_the_next_success() {
    let mut world = World::new(READINESS);
    world.run_for(6);
    world.noted();
    sick(&mut world, ProbeKind::Readiness, "HTTP probe failed with statuscode: 503");
    world.run_for(1);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
    assert_eq!(world.noted(), ["Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503"]);
    world.run_for(2);
    let last = world.settle();
    assert_eq!(world.shown("nginx"), "Running, restarts 0");
    assert_eq!(waits(&last), ["ContainerNotReady: web-0: container nginx: HTTP probe failed with statuscode: 503"]);
    let conditions = world.status().conditions.clone().unwrap();
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert_eq!(ready.reason.as_deref(), Some("ContainersNotReady"));
    assert_eq!(ready.message.as_deref(), Some("containers with unready status: [nginx]"));
    world.sick.clear();
    world.run_for(2);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
}

#[test]
fn a_daemon_that_starts_again_does_not_make_pods_flap() {
    let mut world = World::new(READINESS);
    world.run_for(6);
    let before = world.status().clone();
    world.forget();
    let plan = world.plan();
    assert_eq!(plan.writes, []);
    assert_eq!(plan.actions.len(), 1, "it looks at once");
    sick(&mut world, ProbeKind::Readiness, "no");
    world.settle();
    assert_eq!(*world.status(), before, "one failure is below the threshold");
    world.run_for(2);
    assert_eq!(world.shown("nginx"), "Running, restarts 0");
}

#[test]
fn a_failing_liveness_probe_stops_the_container_within_the_probes_grace_and_it_starts_again() {
    let mut world = World::new(LIVENESS);
    world.settle();
    world.told();
    world.noted();
    sick(&mut world, ProbeKind::Liveness, "probe exec exited 1");
    world.advance(1);
    world.settle();
    world.advance(1);
    world.step();
    let plan = world.step();
    assert_eq!(
        waits(&plan),
        ["ContainerKilled: web-0: container nginx: Container nginx failed liveness probe, will be restarted"]
    );
    assert_eq!(
        world.noted(),
        [
            "Unhealthy: Liveness probe failed: probe exec exited 1",
            "Unhealthy: Liveness probe failed: probe exec exited 1",
            "Killing: Container nginx failed liveness probe, will be restarted",
        ]
    );
    world.sick.clear();
    world.settle();
    assert_eq!(
        world.told(),
        [
            "probe Liveness nginx#0",
            "probe Liveness nginx#0",
            "stop nginx#0 in 4s",
            "start nginx#1",
            "probe Liveness nginx#1",
        ]
    );
}

#[test]
fn a_startup_probe_holds_the_others_back() {
    let mut world = World::new(STARTUP);
    sick(&mut world, ProbeKind::Startup, "not yet");
    let last = world.settle();
    assert_eq!(waits(&last), ["ContainerNotReady: web-0: container nginx: not yet"]);
    let status = world.status().container_statuses.clone().unwrap().remove(0);
    assert_eq!((status.started, status.ready), (Some(false), false));
    world.told();
    world.sick.clear();
    world.run_for(1);
    assert_eq!(world.told(), ["probe Startup nginx#0", "probe Liveness nginx#0", "probe Readiness nginx#0"]);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
    // It has done its part: it never runs again for this container.
    world.run_for(3);
    assert!(!world.told().contains(&"probe Startup nginx#0".into()));
}

#[test]
fn a_startup_probe_that_never_succeeds_kills() {
    let mut world = World::new(STARTUP);
    sick(&mut world, ProbeKind::Startup, "not yet");
    world.run_for(2);
    assert!(world.noted().contains(&"Killing: Container nginx failed startup probe, will be restarted".into()));
    assert!(world.told().contains(&"stop nginx#0 in 30s".into()));
}

#[test]
fn a_probe_runs_beside_another_containers_start() {
    let mut world = World::new(
        r#"{"containers": [{"name": "a", "image": "x", "readinessProbe": {"tcpSocket": {"port": 80}}},
            {"name": "b", "image": "x"}]}"#,
    );
    world.step();
    world.step();
    world.step();
    let plan = world.plan();
    let names: Vec<_> = plan.actions.iter().map(crate::world::name_of).collect();
    assert_eq!(names, ["start b#0", "probe Readiness a#0"]);
    world.begin(&plan.actions[1]);
    world.begin(&plan.actions[0]);
    assert_eq!(world.plan().actions, []);
}

#[test]
fn a_probe_that_the_engine_could_not_run_has_no_verdict() {
    let mut world = World::new(READINESS);
    world.run_for(6);
    world.noted();
    world.refuses.insert("probe Readiness nginx#0".into(), Failure::Silent("timed out".into()));
    world.run_for(20);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
    assert_eq!(world.noted(), [""; 0]);
    world.refuses.insert("probe Readiness nginx#0".into(), Failure::Refused("no such process".into()));
    world.run_for(2);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
    assert_eq!(world.noted(), ["Unhealthy: Readiness probe errored and resulted in unknown state: no such process"]);
}

#[test]
fn a_result_for_a_container_that_was_replaced_counts_for_nothing() {
    let mut world = World::new(READINESS);
    world.settle();
    world.advance(5);
    let plan = world.plan();
    world.begin(&plan.actions[0]);
    world.exit("nginx", 1);
    world.settle();
    world.noted();
    world.answer(&plan.actions[0], &Ok(Done::Probed { success: true, message: String::new() }));
    world.settle();
    assert_eq!(world.shown("nginx"), "Running, restarts 1");
    assert_eq!(world.noted(), [""; 0]);
}

#[test]
fn a_port_that_no_one_named_is_told() {
    let mut world = World::new(
        r#"{"containers": [{"name": "nginx", "image": "x", "readinessProbe": {"tcpSocket": {"port": "web"}}}]}"#,
    );
    let last = world.settle();
    assert_eq!(waits(&last), ["ContainerNotReady: web-0: container nginx: readiness probe: port web not found"]);
}

#[test]
fn several_successes_can_be_asked_for() {
    let mut world = World::new(
        r#"{"containers": [{"name": "nginx", "image": "x",
            "readinessProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 1, "successThreshold": 3}}]}"#,
    );
    world.run_for(1);
    assert_eq!(world.shown("nginx"), "Running, restarts 0");
    world.run_for(1);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
}

/// The moments of the next probes, in milliseconds since the container started, while they fail.
fn asked(world: &mut World, times: usize) -> Vec<i64> {
    let start = world.now;
    let mut asked = Vec::new();
    for _ in 0..times {
        let plan = world.settle();
        asked.push((world.now - start).total(jiff::Unit::Millisecond).unwrap() as i64);
        world.now = plan.look_again.unwrap();
    }
    asked
}

#[test]
fn a_server_that_listens_a_moment_after_its_start_does_not_wait_for_a_period() {
    let mut world = World::new(
        r#"{"containers": [{"name": "nginx", "image": "x", "readinessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 1}}]}"#,
    );
    sick(&mut world, ProbeKind::Readiness, "connection refused");
    assert_eq!(asked(&mut world, 10), [0, 20, 40, 80, 160, 320, 640, 1280, 2280, 3280]);
    let told = world.noted().into_iter().filter(|note| note.starts_with("Unhealthy")).count();
    assert_eq!(told, 4, "at 0, 1280, 2280 and 3280 ms");

    world.sick.clear();
    world.settle();
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
    sick(&mut world, ProbeKind::Readiness, "connection refused");
    let period = asked(&mut world, 3);
    assert_eq!(period, [0, 1000, 2000], "what was Ready has its period");
}

#[test]
fn commands_are_run_once_a_period() {
    let mut world = World::new(STARTUP);
    sick(&mut world, ProbeKind::Readiness, "probe exec exited 1");
    assert_eq!(asked(&mut world, 3), [0, 1000, 2000]);
}
