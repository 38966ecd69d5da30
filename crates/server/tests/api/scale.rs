//! The `scale` subresource.

use http::{Method, Request};
use serde_json::json;

use crate::world::{NOW, SETS, STATEFUL_SETS, World, set, stateful_set};

#[tokio::test]
async fn a_scale_is_a_view_of_the_set() {
    let world = World::new().await;
    world.made(SETS, &set("web", 2)).await;
    let path = format!("{SETS}/web/scale");
    let expected = json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": "web",
            "namespace": "default",
            "uid": "00000000-0000-0000-0000-000000000002",
            "resourceVersion": "3",
            "creationTimestamp": NOW,
        },
        "spec": {"replicas": 2},
        "status": {"replicas": 0, "selector": "app=nginx"},
    });
    assert_eq!(world.get(&path).await.json(), expected);

    let answer = world.merge(&path, &json!({"spec": {"replicas": 0}})).await;
    let mut expected = expected;
    expected["metadata"]["resourceVersion"] = "4".into();
    expected["spec"] = json!({});
    assert_eq!((answer.code, answer.json()), (200, expected));
    assert_eq!(world.get(&format!("{SETS}/web")).await.json()["spec"]["replicas"], 0);
}

#[tokio::test]
async fn a_scale_is_shown_as_a_table_of_its_own() {
    let world = World::new().await;
    world.made(SETS, &set("web", 2)).await;
    let table = world.get_as(&format!("{SETS}/web/scale"), "application/json;as=Table;v=v1;g=meta.k8s.io").await.json();
    let headings: Vec<_> = table["columnDefinitions"].as_array().expect("columns").iter().map(|c| &c["name"]).collect();
    assert_eq!(headings, ["Name", "Desired", "Available", "Age"]);
    assert_eq!(table["rows"][0]["cells"], json!(["web", 2, 0, "0s"]));
}

#[tokio::test]
async fn a_scale_is_put_without_a_content_type_and_with_the_version_it_was_read_at() {
    let world = World::new().await;
    world.made(SETS, &set("web", 2)).await;
    let path = format!("{SETS}/web/scale");
    let mut scale = world.get(&path).await.json();
    scale["spec"]["replicas"] = 4.into();
    let put = |body: String| Request::put(&path).body(body.into()).expect("a request");
    let answer = world.send(put(scale.to_string())).await;
    assert_eq!((answer.code, &answer.json()["spec"]["replicas"]), (200, &json!(4)));
    assert_eq!(world.send(put(scale.to_string())).await.code, 409);
}

#[tokio::test]
async fn a_stateful_set_is_scaled_in_the_same_way() {
    let world = World::new().await;
    let mut manifest = stateful_set("web", 2);
    manifest["spec"]["selector"] =
        json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["nginx", "web"]}]});
    world.made(STATEFUL_SETS, &manifest).await;
    let path = format!("{STATEFUL_SETS}/web/scale");
    let answer = world.merge(&path, &json!({"spec": {"replicas": 5}})).await.json();
    assert_eq!(answer["spec"], json!({"replicas": 5}));
    assert_eq!(answer["status"], json!({"replicas": 0, "selector": "app in (nginx,web)"}));
    let set = world.get(&format!("{STATEFUL_SETS}/web")).await.json();
    assert_eq!((&set["spec"]["replicas"], &set["metadata"]["generation"]), (&json!(5), &json!(2)));
}

#[tokio::test]
async fn less_than_nothing_is_refused() {
    let world = World::new().await;
    world.made(SETS, &set("web", 2)).await;
    let path = format!("{SETS}/web/scale");
    let media = "application/strategic-merge-patch+json";
    let answer = world.call(Method::PATCH, &path, media, r#"{"spec":{"replicas":-3}}"#).await;
    let expected =
        "Scale.autoscaling \"web\" is invalid: spec.replicas: Invalid value: -3: must be greater than or equal to 0";
    assert_eq!(answer.refusal(), (422, expected.to_owned()));
    assert_eq!(world.merge(&path, &json!({"spec": {"replicas": "many"}})).await.code, 422);
    assert_eq!(world.get(&format!("{SETS}/nobody/scale")).await.refusal().0, 404);
}
