//! The status in the kubelet's shape.

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::PodCondition;
use plan::Write;
use serde_json::json;

use crate::{
    start::NGINX,
    world::{NOON, POD_ADDRESS, World},
};

#[test]
fn a_running_pod_in_full() {
    let mut world = World::new(NGINX);
    world.settle();
    let when = "2016-07-01T12:00:00Z";
    let condition =
        |name: &str| json!({"type": name, "status": "True", "lastTransitionTime": when, "observedGeneration": 1});
    assert_eq!(
        serde_json::to_value(world.status()).unwrap(),
        json!({
            "observedGeneration": 1,
            "phase": "Running",
            "conditions": [
                condition("PodReadyToStartContainers"), condition("Initialized"), condition("Ready"),
                condition("ContainersReady"), condition("PodScheduled"),
            ],
            "hostIP": "192.168.1.7", "hostIPs": [{"ip": "192.168.1.7"}],
            "podIP": POD_ADDRESS.to_string(), "podIPs": [{"ip": POD_ADDRESS.to_string()}],
            "startTime": when,
            "qosClass": "BestEffort",
            "containerStatuses": [{
                "name": "nginx", "image": "nginx:1", "imageID": "docker://sha256:nginx", "containerID": "docker://c2",
                "ready": true, "started": true, "restartCount": 0, "lastState": {},
                "state": {"running": {"startedAt": when}},
            }],
        })
    );
}

#[test]
fn a_transition_time_changes_with_the_status_alone() {
    let mut world = World::new(NGINX);
    world.settle();
    world.advance(600);
    world.exit("nginx", 1);
    world.settle();
    world.exit("nginx", 1);
    world.settle();
    let since = |name: &str| {
        let conditions = world.status().conditions.clone().unwrap();
        let condition = conditions.into_iter().find(|condition| condition.type_ == name).unwrap();
        condition.last_transition_time.unwrap().0.to_string()
    };
    assert_eq!(since("Ready"), "2016-07-01T12:10:00Z");
    assert_eq!(since("Initialized"), "2016-07-01T12:00:00Z");
}

#[test]
fn a_transition_that_is_yet_to_come_is_one_of_now() {
    let mut world = World::new(NGINX);
    world.settle();
    world.now -= SignedDuration::from_hours(3);
    world.settle();
    let conditions = world.status().conditions.clone().unwrap();
    let since: Vec<String> =
        conditions.iter().map(|condition| condition.last_transition_time.as_ref().unwrap().0.to_string()).collect();
    assert_eq!(since, ["2016-07-01T09:00:00Z"; 5]);
}

#[test]
fn what_others_wrote_stays() {
    let mut world = World::new(
        r#"{"containers": [{"name": "nginx", "image": "nginx:1"}], "readinessGates": [{"conditionType": "example.org/open"}]}"#,
    );
    world.settle();
    assert_eq!((world.condition("Ready"), world.condition("ContainersReady")), ("False", "True"));
    let open = serde_json::from_value(json!({"type": "example.org/open", "status": "True"})).unwrap();
    world.pod.as_mut().unwrap().status.as_mut().unwrap().conditions.as_mut().unwrap().push(open);
    world.settle();
    assert_eq!((world.condition("Ready"), world.condition("example.org/open")), ("True", "True"));
}

#[test]
fn what_an_eviction_wrote_stays_until_the_pod_is_gone() {
    let mut world = World::new(NGINX);
    world.settle();
    // As an eviction does it: the condition and the deletion at once.
    let target = serde_json::from_value::<PodCondition>(json!({
        "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting", "lastTransitionTime": NOON,
    }))
    .unwrap();
    world.pod.as_mut().unwrap().status.as_mut().unwrap().conditions.as_mut().unwrap().push(target.clone());
    world.delete(30);
    let mut written = 0;
    while world.pod.is_some() {
        let conditions = world.status().conditions.clone().unwrap();
        assert_eq!(conditions.iter().find(|condition| condition.type_ == target.type_), Some(&target));
        let plan = world.step();
        written += plan.writes.iter().filter(|write| matches!(write, Write::PodStatus { .. })).count();
    }
    assert!(written > 0, "the status was written meanwhile");
}

#[test]
fn quality_of_service_classes() {
    let class = |resources: &str| {
        let mut world =
            World::new(&format!(r#"{{"containers": [{{"name": "a", "image": "x", "resources": {resources}}}]}}"#));
        world.settle();
        world.status().qos_class.clone().unwrap()
    };
    assert_eq!(class("{}"), "BestEffort");
    assert_eq!(class(r#"{"requests": {"cpu": "1"}}"#), "Burstable");
    assert_eq!(class(r#"{"limits": {"cpu": "1", "memory": "1Gi"}}"#), "Guaranteed");
    assert_eq!(class(r#"{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}"#), "Burstable");
}

#[test]
fn a_container_killed_for_its_memory_says_so() {
    let mut world = World::new(NGINX);
    world.settle();
    world.exit("nginx", 137);
    let dead = world.containers.iter_mut().find(|c| c.owner.container == "nginx").unwrap();
    if let plan::facts::State::Exited { oom_killed, .. } = &mut dead.state {
        *oom_killed = true;
    }
    world.settle();
    let status = world.status().container_statuses.clone().unwrap().remove(0);
    assert_eq!(status.last_state.unwrap().terminated.unwrap().reason.as_deref(), Some("OOMKilled"));
}

#[test]
fn a_pod_that_ends_keeps_its_address_in_its_status() {
    let mut world = World::new(r#"{"restartPolicy": "Never", "containers": [{"name": "a", "image": "x"}]}"#);
    world.settle();
    world.exit("a", 0);
    world.settle();
    assert_eq!(world.status().pod_ip, Some(POD_ADDRESS.to_string()));
    assert_eq!(world.condition("PodReadyToStartContainers"), "False");
}
