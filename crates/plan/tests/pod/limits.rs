//! What containers may use of the machine.

use k8s_openapi::api::core::v1::Node;
use plan::{action::Resources, facts::State};
use serde_json::json;

use crate::{spec::started, world::World};

/// What the only container of a pod may use, where the node has 4 GiB.
fn resources(spec: &serde_json::Value) -> Resources {
    let mut world = World::new(&spec.to_string());
    let node = json!({"metadata": {"name": "laptop"}, "status": {"capacity": {"memory": "4Gi", "cpu": "8"}}});
    world.node = Some(serde_json::from_value::<Node>(node).unwrap());
    started(&mut world).resources
}

fn of(asked: &serde_json::Value) -> Resources {
    resources(&json!({"containers": [{"name": "a", "image": "x", "resources": asked}]}))
}

#[test]
fn limits_and_requests_are_what_the_kubelet_makes_of_them() {
    let resources = |memory, cpu_shares, cpu_quota_micros, oom_score_adj| Resources {
        memory,
        cpu_shares,
        cpu_quota_micros,
        oom_score_adj,
    };
    let table = [
        (json!({}), resources(None, None, None, 1000)),
        (json!({"requests": {"cpu": "250m"}}), resources(None, Some(256), None, 999)),
        (json!({"requests": {"cpu": "1m"}}), resources(None, Some(2), None, 999)),
        (json!({"requests": {"memory": "1Gi"}}), resources(None, None, None, 750)),
        // Never below what pods have that get all that they may use.
        (json!({"requests": {"memory": "4Gi"}}), resources(None, None, None, 3)),
        (json!({"limits": {"cpu": "5m"}}), resources(None, Some(5), Some(1000), 999)),
        (
            json!({"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1500m", "memory": "128M"}}),
            resources(Some(128_000_000), Some(102), Some(150_000), 985),
        ),
        (json!({"limits": {"cpu": "2", "memory": "1Gi"}}), resources(Some(1 << 30), Some(2048), Some(200_000), -997)),
        (json!({"limits": {"cpu": "0", "memory": "0"}}), resources(None, None, None, 1000)),
    ];
    for (asked, expected) in table {
        assert_eq!(of(&asked), expected, "{asked}");
    }
}

#[test]
fn a_pod_that_the_node_needs_is_killed_last() {
    let spec = json!({"priority": 2_000_001_000, "containers": [{"name": "a", "image": "x"}]});
    assert_eq!(resources(&spec).oom_score_adj, -997);
}

#[test]
fn a_sidecar_goes_with_the_containers_that_it_is_there_for() {
    let memory = |amount: &str| json!({"requests": {"memory": amount}});
    let spec = json!({
        "initContainers": [{"name": "s", "image": "x", "restartPolicy": "Always", "resources": memory("40Mi")}],
        "containers": [{"name": "a", "image": "x", "resources": memory("1Gi")},
            {"name": "b", "image": "x", "resources": memory("2Gi")}],
    });
    assert_eq!(resources(&spec).oom_score_adj, 500);
}

#[test]
fn a_container_that_ran_out_of_memory_says_so_while_it_waits_and_when_it_runs_again() {
    let mut world = World::new(r#"{"containers": [{"name": "a", "image": "x"}]}"#);
    world.settle();
    for _ in 0..2 {
        world.exit("a", 137);
        for container in &mut world.containers {
            if let State::Exited { oom_killed, .. } = &mut container.state {
                *oom_killed = true;
            }
        }
        world.settle();
    }
    let last = |world: &World| {
        let status = world.status().container_statuses.as_ref().unwrap()[0].clone();
        let of = |state: Option<k8s_openapi::api::core::v1::ContainerState>| {
            state.and_then(|state| state.terminated).map(|ended| (ended.reason.unwrap(), ended.exit_code))
        };
        (of(status.state), of(status.last_state))
    };
    let oom = Some(("OOMKilled".to_owned(), 137));
    // Once started again at once, it rests now.
    assert_eq!(world.shown("a"), "Waiting CrashLoopBackOff, restarts 1");
    assert_eq!(last(&world), (None, oom.clone()));
    world.run_for(10);
    assert_eq!(world.shown("a"), "Ready, restarts 2");
    assert_eq!(last(&world), (None, oom));
}
