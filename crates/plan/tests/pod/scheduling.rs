//! A pod gets its node when its claims can be mounted.

use plan::{
    NoteKind,
    pod::{ClaimState, Plan},
};

use crate::world::{OTHER, World, volume, waits};

const WITH_CLAIM: &str = r#"{"containers": [{"name": "nginx", "image": "nginx:1",
    "volumeMounts": [{"name": "www", "mountPath": "/usr/share/nginx/html"}]}],
    "volumes": [{"name": "www", "persistentVolumeClaim": {"claimName": "www-web-0"}}]}"#;

#[test]
fn an_unbound_claim_keeps_the_pod_pending_and_says_so_once() {
    let mut world = World::new(WITH_CLAIM);
    let why = "pod has unbound immediate PersistentVolumeClaims";
    world.claims.insert("www-web-0".into(), ClaimState::Waiting(why.into()));
    let last = world.settle();
    let short = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.";
    let message = &format!("{short} {}", crate::place::NO_HELP);
    assert_eq!(waits(&last), [format!("Unschedulable: web-0: {short}")]);
    assert_eq!(world.told(), [""; 0]);
    assert_eq!(
        world.notes.iter().map(|note| (note.kind, note.component)).collect::<Vec<_>>(),
        [(NoteKind::Warning, "default-scheduler")]
    );
    assert_eq!(world.noted(), [format!("FailedScheduling: {message}")]);
    let conditions = world.status().conditions.clone().unwrap();
    assert_eq!(conditions.len(), 1);
    assert_eq!(conditions[0].type_, "PodScheduled");
    assert_eq!(conditions[0].status, "False");
    assert_eq!(conditions[0].reason.as_deref(), Some("Unschedulable"));
    assert_eq!(conditions[0].message.as_deref(), Some(message.as_str()));
    assert_eq!(world.status().phase.as_deref(), Some("Pending"));
    assert_eq!(world.status().container_statuses, None);
}

#[test]
fn it_is_told_also_while_an_earlier_pods_containers_are_in_the_way() {
    let mut world = World::new(r#"{"containers": [{"name": "nginx", "image": "nginx:1"}]}"#);
    world.settle();
    world.noted();
    world.create(OTHER, WITH_CLAIM);
    world
        .claims
        .insert("www-web-0".into(), ClaimState::Waiting("pod has unbound immediate PersistentVolumeClaims".into()));
    let first = world.step();
    assert!(waits(&first)[0].starts_with("PreviousPodRemains: "), "{:?}", waits(&first));
    world.settle();
    let told: Vec<String> = world.noted().into_iter().filter(|note| note.starts_with("FailedScheduling: ")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn a_missing_claim_is_named() {
    let mut world = World::new(WITH_CLAIM);
    let last = world.settle();
    assert_eq!(
        waits(&last),
        [r#"Unschedulable: web-0: 0/1 nodes are available: persistentvolumeclaim "www-web-0" not found."#]
    );
}

#[test]
fn a_claim_that_is_bound_lets_the_pod_run() {
    let mut world = World::new(WITH_CLAIM);
    world.settle();
    world.claims.insert("www-web-0".into(), volume("pvc-1"));
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), ["start POD#0", "start nginx#0"]);
    assert_eq!(world.condition("PodScheduled"), "True");
}

#[test]
fn a_claim_lost_after_scheduling_stops_the_next_start_only() {
    let mut world = World::new(WITH_CLAIM);
    world.claims.insert("www-web-0".into(), volume("pvc-1"));
    world.settle();
    world.claims.clear();
    assert_eq!(world.settle(), Plan::default());
    world.told();
    world.noted();
    world.exit("nginx", 1);
    let last = world.settle();
    let why = r#"persistentvolumeclaim "www-web-0" not found"#;
    assert_eq!(waits(&last), [format!("FailedMount: web-0: container nginx: {why}")]);
    assert_eq!(world.noted(), [format!("FailedMount: {why}")]);
    assert_eq!(world.told(), [""; 0]);
}

#[test]
fn gates_keep_a_pod_from_its_node() {
    let mut world =
        World::new(r#"{"containers": [{"name": "a", "image": "x"}], "schedulingGates": [{"name": "later"}]}"#);
    let last = world.settle();
    assert_eq!(waits(&last), ["SchedulingGated: web-0: Scheduling is blocked due to non-empty scheduling gates"]);
}

#[test]
fn a_pod_without_a_node_has_not_ended_whatever_the_engine_has() {
    let mut world = World::new(r#"{"containers": [{"name": "a", "image": "x"}], "restartPolicy": "Never"}"#);
    let fresh = world.pod.clone();
    world.settle();
    world.exit("a", 0);
    world.pod = fresh;
    world.settle();
    assert_eq!(world.status().phase.as_deref(), Some("Succeeded"));
}
