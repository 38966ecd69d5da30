//! Bodies in protobuf, as stock clients send them.

use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, BUDGETS, NOW, SETS, STATEFUL_SETS, World, made_by, running_pod, set, stateful_set};

const MEDIA: &str = "application/vnd.kubernetes.protobuf";
const PODS: &str = "/api/v1/namespaces/default/pods";
const SERVICES: &str = "/api/v1/namespaces/default/services";

/// What kubectl was recorded to send: the tests of the crate `api` say what it is in JSON.
macro_rules! recorded {
    ($name:literal) => {
        include_bytes!(concat!("../../../api/tests/protobuf/", $name, ".bin")).as_slice()
    };
}

async fn sent(world: &World, method: Method, path: &str, body: &'static [u8]) -> Answer {
    world.call(method, path, MEDIA, body).await
}

async fn created(world: &World, path: &str, body: &'static [u8]) -> Value {
    let answer =
        sent(world, Method::POST, &format!("{path}?fieldManager=kubectl-create&fieldValidation=Strict"), body).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    assert_eq!(answer.headers["content-type"], "application/json");
    answer.json()
}

#[tokio::test]
async fn what_kubectl_generates_is_created() {
    let world = World::new().await;
    let namespace = created(&world, "/api/v1/namespaces", recorded!("namespace")).await;
    assert_eq!(
        namespace,
        json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": "demo",
                "uid": "00000000-0000-0000-0000-000000000002",
                "resourceVersion": "3",
                "creationTimestamp": NOW,
                "labels": {"kubernetes.io/metadata.name": "demo"},
                "managedFields": made_by("kubectl-create", &["kubernetes.io/metadata.name"]),
            },
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        })
    );
    for body in [recorded!("service_clusterip"), recorded!("service_headless")] {
        created(&world, SERVICES, body).await;
    }
    assert_eq!(world.get(&format!("{SERVICES}/nginx")).await.json()["spec"]["clusterIP"], "None");
    let budget = created(&world, BUDGETS, recorded!("budget_percent")).await;
    assert_eq!(budget["spec"], json!({"minAvailable": "50%", "selector": {"matchLabels": {"app": "nginx"}}}));
}

#[tokio::test]
async fn what_is_sent_in_protobuf_is_what_it_is_in_json() {
    let stored = async |media: &str, body: Vec<u8>| {
        let world = World::new().await;
        let answer = world.call(Method::POST, SERVICES, media, body).await;
        assert_eq!(answer.code, 201, "{answer:?}");
        answer.json()
    };
    let json = include_bytes!("../../../api/tests/protobuf/service_clusterip.json").to_vec();
    assert_eq!(stored(MEDIA, recorded!("service_clusterip").to_vec()).await, stored("application/json", json).await);
}

#[tokio::test]
async fn another_kind_than_the_paths_is_refused() {
    let world = World::new().await;
    let answer = sent(&world, Method::POST, SERVICES, recorded!("configmap")).await;
    let why = "ConfigMap in version \"v1\" cannot be handled as a Service: converting (v1.ConfigMap) to (core.Service): \
               unknown conversion";
    assert_eq!(answer.refusal(), (400, why.to_owned()));
}

#[tokio::test]
async fn an_object_is_replaced() {
    let world = World::new().await;
    created(&world, SERVICES, recorded!("service_headless")).await;
    let path = format!("{SERVICES}/nginx");
    world.merge(&path, &json!({"metadata": {"labels": {"more": "yes"}}})).await;
    let answer = sent(&world, Method::PUT, &path, recorded!("service_headless")).await;
    assert_eq!((answer.code, &answer.json()["metadata"]["labels"]), (200, &json!({"app": "nginx"})), "{answer:?}");
}

#[tokio::test]
async fn a_scale_is_put() {
    let world = World::new().await;
    world.made(SETS, &set("web", 2)).await;
    world.made(STATEFUL_SETS, &stateful_set("web", 2)).await;
    let scale = b"k8s\0\x0a\x17\x0a\x0eautoscaling/v1\x12\x05Scale\x12\x0b\x0a\x05\x0a\x03web\x12\x02\x08\x03";
    for sets in [SETS, STATEFUL_SETS] {
        let answer = sent(&world, Method::PUT, &format!("{sets}/web/scale"), scale).await;
        assert_eq!((answer.code, &answer.json()["spec"]), (200, &json!({"replicas": 3})), "{answer:?}");
        assert_eq!(world.get(&format!("{sets}/web")).await.json()["spec"]["replicas"], 3);
    }
}

#[tokio::test]
async fn the_options_of_a_deletion_are_read() {
    let world = World::new().await;
    world.made(SETS, &set("web", 2)).await;
    let path = format!("{SETS}/web");
    // `apps/v1alpha1 DeleteOptions`, once with the uid `x` as a precondition, once with a dry run.
    let other = b"k8s\0\x0a\x1e\x0a\x0dapps/v1alpha1\x12\x0dDeleteOptions\x12\x05\x12\x03\x0a\x01x";
    let answer = sent(&world, Method::DELETE, &path, other).await;
    assert_eq!(answer.code, 409, "{answer:?}");
    let dry = b"k8s\0\x0a\x1e\x0a\x0dapps/v1alpha1\x12\x0dDeleteOptions\x12\x05\x2a\x03All";
    assert_eq!(sent(&world, Method::DELETE, &path, dry).await.code, 200);
    assert_eq!(world.get(&path).await.code, 200, "a dry run changes nothing");
    let none = b"k8s\0\x0a\x1e\x0a\x0dapps/v1alpha1\x12\x0dDeleteOptions\x12\x00";
    assert_eq!(sent(&world, Method::DELETE, &path, none).await.code, 200);
    assert_eq!(world.get(&path).await.code, 404);
}

#[tokio::test]
async fn a_pod_is_evicted() {
    let world = World::new().await;
    world.made_pod(&running_pod("web-0")).await;
    // An eviction of `web-0` with a grace period of 7 s.
    let eviction = b"k8s\0\x0a\x15\x0a\x09policy/v1\x12\x08Eviction\x12\x0d\x0a\x07\x0a\x05web-0\x12\x02\x08\x07";
    let answer = sent(&world, Method::POST, &format!("{PODS}/web-0/eviction"), eviction).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    assert_eq!(world.get(&format!("{PODS}/web-0")).await.json()["metadata"]["deletionGracePeriodSeconds"], 7);
}
