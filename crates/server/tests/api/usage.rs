//! What pods and the node use: `metrics.k8s.io`.

use api::usage::Sample;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{NOW, World, running_pod};

const PODS: &str = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods";
const NODES: &str = "/apis/metrics.k8s.io/v1beta1/nodes";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

fn sample(pod: &Value, container: &str, cpu_nanos: u64, memory_bytes: u64) -> Sample {
    Sample {
        pod_uid: pod["metadata"]["uid"].as_str().expect("a uid").to_owned(),
        container: container.to_owned(),
        cpu_nanos,
        memory_bytes,
        at: NOW.parse().expect("a time"),
        window: SignedDuration::from_millis(1_004),
    }
}

/// Two pods that use something on node `here`, the first with two containers, and one that runs nothing.
async fn world() -> World {
    let world = World::new().await;
    for name in ["web-0", "web-1", "web-2"] {
        world.made_pod(&running_pod(name)).await;
    }
    let web_0 = world.get("/api/v1/namespaces/default/pods/web-0").await.json();
    let web_1 = world.get("/api/v1/namespaces/default/pods/web-1").await.json();
    world.stage.uses(Some(vec![
        sample(&web_1, "nginx", 3, 1_000_000),
        sample(&web_0, "nginx", 250_000_000, 64 << 20),
        sample(&web_0, "helper", 1_234_567, 2048),
    ]));
    world
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().expect("a list");
    items.iter().map(|item| item["metadata"]["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn a_pod_uses_what_its_containers_use() {
    let world = world().await;
    let web_0 = world.get(&format!("{PODS}/web-0")).await.json();
    assert_eq!(
        web_0,
        json!({
            "apiVersion": "metrics.k8s.io/v1beta1",
            "kind": "PodMetrics",
            "metadata": {
                "name": "web-0", "namespace": "default", "labels": {"app": "nginx"}, "creationTimestamp": NOW,
            },
            "timestamp": NOW,
            "window": "1.004s",
            "containers": [
                {"name": "helper", "usage": {"cpu": "1234567n", "memory": "2Ki"}},
                {"name": "nginx", "usage": {"cpu": "250m", "memory": "64Mi"}},
            ],
        })
    );
}

#[tokio::test]
async fn what_runs_nothing_uses_nothing_and_is_left_out() {
    let world = world().await;
    let list = world.get(PODS).await.json();
    assert_eq!((&list["kind"], &list["metadata"]), (&json!("PodMetricsList"), &json!({})));
    assert_eq!(names(&list), ["web-0", "web-1"]);
    assert_eq!(names(&world.get("/apis/metrics.k8s.io/v1beta1/pods").await.json()), ["web-0", "web-1"]);
    for (name, quoted) in [("web-2", "default/web-2"), ("web-9", "default/web-9")] {
        let refusal = world.get(&format!("{PODS}/{name}")).await.refusal();
        assert_eq!(refusal, (404, format!("podmetrics.metrics.k8s.io \"{quoted}\" not found")));
    }
}

#[tokio::test]
async fn what_is_measured_is_selected_as_by_metrics_server() {
    let world = world().await;
    for (query, expected) in [
        ("labelSelector=app%3Dnginx", Ok(vec!["web-0", "web-1"])),
        ("labelSelector=app%3Dother", Ok(vec![])),
        ("fieldSelector=metadata.name%3Dweb-1", Ok(vec!["web-1"])),
        ("fieldSelector=status.phase%3DRunning", Err("field label not supported: status.phase")),
    ] {
        let answer = world.get(&format!("{PODS}?{query}")).await;
        match expected {
            Ok(expected) => assert_eq!(names(&answer.json()), expected, "{query}"),
            Err(why) => {
                let (code, message) = answer.refusal();
                assert_eq!(code, 400, "{query}");
                assert!(message.contains(why), "{message}");
            }
        }
    }
}

#[tokio::test]
async fn a_node_uses_what_its_pods_use() {
    let world = world().await;
    world.made("/api/v1/nodes", &json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "here"}})).await;
    world.made("/api/v1/nodes", &json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "idle"}})).await;
    let list = world.get(NODES).await.json();
    assert_eq!((names(&list), &list["kind"]), (vec!["here", "idle"], &json!("NodeMetricsList")));
    assert_eq!(list["items"][0]["usage"], json!({"cpu": "251234570n", "memory": "66514Ki"}));
    assert_eq!(list["items"][1]["usage"], json!({"cpu": "0", "memory": "0"}));
    let refusal = world.get(&format!("{NODES}/there")).await.refusal();
    assert_eq!(refusal, (404, "nodemetrics.metrics.k8s.io \"there\" not found".to_owned()));
}

#[tokio::test]
async fn usage_is_shown_in_a_table() {
    let world = world().await;
    let table = world.get_as(PODS, TABLE).await.json();
    let columns = table["columnDefinitions"].as_array().expect("columns").iter().map(|column| &column["name"]);
    assert_eq!(columns.collect::<Vec<_>>(), ["Name", "cpu", "memory", "Window"]);
    let cells = table["rows"].as_array().expect("rows").iter().map(|row| &row["cells"]);
    let expected = [json!(["web-0", "251234567n", "65538Ki", "1.004s"]), json!(["web-1", "3n", "976Ki", "1.004s"])];
    assert_eq!(cells.collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn usage_is_only_read() {
    let world = world().await;
    for (method, path) in [
        ("POST", PODS.to_owned()),
        ("DELETE", PODS.to_owned()),
        ("PUT", format!("{PODS}/web-0")),
        ("DELETE", format!("{PODS}/web-0")),
        ("GET", format!("{PODS}?watch=true")),
    ] {
        let answer = world.send_as(crate::world::TOKEN, method, &path, &json!({})).await;
        assert_eq!(answer.refusal().0, 405, "{method} {path}");
    }
}

#[tokio::test]
async fn pods_that_cannot_be_measured_are_not_said_to_use_nothing() {
    let world = world().await;
    world.stage.uses(None);
    let why = "what pods use cannot be measured: Docker does not answer: gone";
    for path in [PODS.to_owned(), format!("{PODS}/web-0")] {
        assert_eq!(world.get(&path).await.refusal(), (503, why.to_owned()), "{path}");
    }
}
