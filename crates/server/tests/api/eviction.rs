//! Evictions, and the budgets that refuse them.

use serde_json::{Value, json};
use store::{Key, Write};

use crate::world::{NOW, World, running_pod};

const PODS: &str = "/api/v1/namespaces/default/pods";

/// An eviction of a pod.
fn eviction(name: &str, options: &Value) -> Value {
    json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}, "deleteOptions": options})
}

/// A world with two pods that are ready.
async fn ready() -> World {
    let world = World::new().await;
    for name in ["web-0", "web-1"] {
        let mut pod = running_pod(name);
        pod["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
        world.made_pod(&pod).await;
    }
    world
}

/// A budget that says what it allows, as its controller would leave it.
async fn budget(world: &World, name: &str, allowed: i64) {
    let object = json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": "default", "generation": 1},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "nginx"}}},
        "status": {"observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": 1 + allowed, "desiredHealthy": 1, "expectedPods": 2},
    });
    let key = Key::new("poddisruptionbudgets.policy", "default", name);
    world.store.commit(vec![Write::Create { key, object }]).await.expect("a new budget");
}

async fn evicted(world: &World, name: &str, options: &Value) -> (u16, Value) {
    let answer = world.post(&format!("{PODS}/{name}/eviction"), &eviction(name, options)).await;
    (answer.code, answer.json())
}

#[tokio::test]
async fn a_pod_without_a_budget_goes_as_if_it_were_deleted() {
    let world = ready().await;
    let done = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    assert_eq!(evicted(&world, "web-0", &json!({"gracePeriodSeconds": 7})).await, (201, done));
    let pod = world.get(&format!("{PODS}/web-0")).await.json();
    assert_eq!(pod["metadata"]["deletionGracePeriodSeconds"], 7);
    assert_eq!(
        pod["status"]["conditions"][1],
        json!({
            "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting", "lastTransitionTime": NOW,
        })
    );
}

#[tokio::test]
async fn a_budget_allows_so_many_evictions_and_no_more() {
    let world = ready().await;
    budget(&world, "web", 1).await;
    assert_eq!(evicted(&world, "web-0", &Value::Null).await.0, 201);
    let status =
        world.get("/apis/policy/v1/namespaces/default/poddisruptionbudgets/web").await.json()["status"].clone();
    assert_eq!((&status["disruptionsAllowed"], &status["disruptedPods"]), (&json!(0), &json!({"web-0": NOW})));
    assert_eq!(status["conditions"][0]["reason"], "InsufficientPods");

    let before = world.store.revision();
    let (code, refused) = evicted(&world, "web-1", &Value::Null).await;
    assert_eq!((code, &refused["reason"]), (429, &json!("TooManyRequests")));
    assert_eq!(
        refused["details"]["causes"],
        json!([{"reason": "DisruptionBudget", "message": "The disruption budget web needs 1 healthy pods and has 2 currently"}])
    );
    assert_eq!(world.store.revision(), before);
    // A deletion asks no budget.
    assert_eq!(world.delete(&format!("{PODS}/web-1"), &json!({})).await.code, 200);
}

#[tokio::test]
async fn a_budget_that_was_not_looked_at_yet_says_when_to_ask_again() {
    let world = ready().await;
    let spec = json!({"minAvailable": 1, "selector": {"matchLabels": {"app": "nginx"}}});
    let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    world.made(budgets, &json!({"metadata": {"name": "web"}, "spec": spec})).await;
    let answer = world.post(&format!("{PODS}/web-0/eviction"), &eviction("web-0", &Value::Null)).await;
    assert_eq!((answer.code, answer.headers["retry-after"].to_str().expect("a number")), (429, "10"));
}

#[tokio::test]
async fn two_budgets_for_one_pod_are_a_fault() {
    let world = ready().await;
    budget(&world, "web", 1).await;
    budget(&world, "also-web", 1).await;
    let (code, status) = evicted(&world, "web-0", &Value::Null).await;
    let why = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    assert_eq!((code, status["message"].as_str()), (500, Some(why)));
}

#[tokio::test]
async fn a_pod_that_has_ended_or_not_begun_asks_no_budget() {
    let world = World::new().await;
    budget(&world, "web", 0).await;
    for phase in ["Pending", "Succeeded", "Failed"] {
        let name = format!("web-{}", phase.to_lowercase());
        let mut pod = running_pod(&name);
        pod["status"]["phase"] = phase.into();
        world.made_pod(&pod).await;
        assert_eq!(evicted(&world, &name, &Value::Null).await.0, 201, "{phase}");
    }
}

#[tokio::test]
async fn a_pod_that_is_not_ready_is_not_counted_where_enough_are() {
    let world = World::new().await;
    budget(&world, "web", 0).await;
    world.made_pod(&running_pod("web-0")).await;
    assert_eq!(evicted(&world, "web-0", &Value::Null).await.0, 201);
    let status =
        world.get("/apis/policy/v1/namespaces/default/poddisruptionbudgets/web").await.json()["status"].clone();
    assert_eq!((&status["disruptionsAllowed"], status.get("disruptedPods")), (&json!(0), None));
}

#[tokio::test]
async fn a_dry_run_and_a_precondition_that_does_not_hold_change_nothing() {
    let world = ready().await;
    budget(&world, "web", 1).await;
    let before = world.store.revision();
    assert_eq!(evicted(&world, "web-0", &json!({"dryRun": ["All"]})).await.0, 201);
    let path = format!("{PODS}/web-0/eviction?dryRun=All");
    assert_eq!(world.post(&path, &eviction("web-0", &Value::Null)).await.code, 201);
    let (code, status) = evicted(&world, "web-0", &json!({"preconditions": {"uid": "other"}})).await;
    let why = "Operation cannot be fulfilled on Pod \"web-0\": the UID in the precondition (other) does not match the UID in \
               record (uid-of-web-0). The object might have been deleted and then recreated";
    assert_eq!((code, status["message"].as_str()), (409, Some(why)));
    assert_eq!(world.store.revision(), before);
}
