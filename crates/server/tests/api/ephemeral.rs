//! The `ephemeralcontainers` subresource.

use http::Method;
use serde_json::{Value, json};

use crate::world::{World, running_pod};

const POD: &str = "/api/v1/namespaces/default/pods/web-0";

async fn patch(world: &World, containers: &Value) -> (u16, Value) {
    let body = json!({"spec": {"ephemeralContainers": containers}}).to_string();
    let path = format!("{POD}/ephemeralcontainers");
    let answer = world.call(Method::PATCH, &path, "application/strategic-merge-patch+json", body).await;
    (answer.code, answer.json())
}

#[tokio::test]
async fn containers_are_added_one_after_the_other_and_never_change() {
    let world = World::new().await;
    let pod = json!({"metadata": {"name": "web-0"}, "spec": {"containers": [{"name": "nginx", "image": "nginx"}]}});
    world.made("/api/v1/namespaces/default/pods", &pod).await;
    let before = world.get(POD).await.json();
    let (code, pod) = patch(&world, &json!([{"name": "look", "image": "busybox", "stdin": true}])).await;
    assert_eq!(code, 200, "{pod}");
    let added = &pod["spec"]["ephemeralContainers"][0];
    assert_eq!((&added["name"], &added["imagePullPolicy"]), (&json!("look"), &json!("Always")));
    assert_eq!(pod["spec"]["containers"], before["spec"]["containers"]);
    assert_eq!(pod["status"], before["status"]);

    let (code, pod) = patch(&world, &json!([{"name": "more", "image": "busybox"}])).await;
    assert_eq!((code, pod["spec"]["ephemeralContainers"].as_array().map(Vec::len)), (200, Some(2)), "{pod}");
    let (code, status) = patch(&world, &json!([{"name": "look", "image": "other"}])).await;
    let why = r#"existing ephemeral containers "look" may not be changed"#;
    assert!(code == 422 && status["message"].as_str().is_some_and(|text| text.contains(why)), "{status}");
    let whole = json!({"metadata": {"labels": {"a": "b"}}});
    assert_eq!(world.merge(POD, &whole).await.code, 200, "the pod can still be labelled");
}

#[tokio::test]
async fn what_an_ephemeral_container_may_not_have_is_refused() {
    let world = World::new().await;
    world.made_pod(&running_pod("web-0")).await;
    let name = world.get(POD).await.json()["spec"]["containers"][0]["name"].clone();
    for (container, why) in [
        (json!({"name": "look"}), "spec.ephemeralContainers[0].image: Required value"),
        (json!({"name": name, "image": "x"}), "spec.ephemeralContainers[0].name: Duplicate value"),
        (
            json!({"name": "look", "image": "x", "ports": [{"containerPort": 80}]}),
            "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
        ),
        (
            json!({"name": "look", "image": "x", "livenessProbe": {"tcpSocket": {"port": 80}}}),
            "spec.ephemeralContainers[0].livenessProbe: Forbidden: cannot be set for an Ephemeral Container",
        ),
        (
            json!({"name": "look", "image": "x", "targetContainerName": "none"}),
            r#"spec.ephemeralContainers[0].targetContainerName: Not found: "none""#,
        ),
        (
            json!({"name": "look", "image": "x", "securityContext": {"privileged": true}}),
            "must not set securityContext.privileged=true",
        ),
    ] {
        let (code, status) = patch(&world, &json!([container])).await;
        let message = status["message"].as_str().unwrap_or_default();
        assert!([403, 422].contains(&code) && message.contains(why), "{container}: {code} {message}");
    }
}
