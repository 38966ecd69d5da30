//! `PUT` of objects and of their status.

use serde_json::json;

use crate::world::{ENDPOINTS, SETS, World, endpoints, set};

#[tokio::test]
async fn a_change_of_the_spec_makes_a_generation_and_a_version() {
    let world = World::new().await;
    let mut made = world.made(SETS, &set("web", 2)).await;
    made["spec"]["replicas"] = 3.into();
    made["status"]["replicas"] = 9.into();
    let answer = world.put(&format!("{SETS}/web"), &made).await;
    let mut expected = made.clone();
    expected["metadata"]["resourceVersion"] = "4".into();
    expected["metadata"]["generation"] = 2.into();
    expected["status"]["replicas"] = 0.into();
    assert_eq!((answer.code, answer.json()), (200, expected));
}

#[tokio::test]
async fn no_change_keeps_the_version() {
    let world = World::new().await;
    let made = world.made(SETS, &set("web", 2)).await;
    let answer = world.put(&format!("{SETS}/web"), &set("web", 2)).await;
    assert_eq!((answer.code, answer.json()), (200, made));
}

#[tokio::test]
async fn an_update_of_an_older_version_conflicts() {
    let world = World::new().await;
    let mut made = world.made(ENDPOINTS, &endpoints("web", "a")).await;
    made["metadata"]["labels"]["app"] = "b".into();
    let path = format!("{ENDPOINTS}/web");
    assert_eq!(world.put(&path, &made).await.code, 200);
    made["metadata"]["labels"]["app"] = "c".into();
    let answer = world.put(&path, &made).await;
    assert_eq!(
        answer.json(),
        json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": "Operation cannot be fulfilled on endpoints \"web\": the object has been modified; please apply your \
                        changes to the latest version and try again",
            "reason": "Conflict",
            "details": {"name": "web", "kind": "endpoints"},
            "code": 409,
        })
    );
}

#[tokio::test]
async fn what_cannot_be_updated_is_refused() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("web", "a")).await;
    for (path, body, expected) in [
        ("nobody", endpoints("nobody", "a"), (404, "endpoints \"nobody\" not found")),
        (
            "web",
            endpoints("other", "a"),
            (400, "the name of the object (other) does not match the name on the URL (web)"),
        ),
        (
            "web",
            json!({"metadata": {}}),
            (400, "the name of the object (web based on URL) was undeterminable: name must be provided"),
        ),
        (
            "web",
            json!({"metadata": {"name": "web", "namespace": "other"}}),
            (400, "the namespace of the provided object does not match the namespace sent on the request"),
        ),
    ] {
        let (code, message) = world.put(&format!("{ENDPOINTS}/{path}"), &body).await.refusal();
        assert_eq!((code, message.as_str()), expected);
    }
}

#[tokio::test]
async fn a_petset_changes_in_its_replicas_alone() {
    let world = World::new().await;
    let mut made = world.made(SETS, &set("web", 2)).await;
    made["spec"]["serviceName"] = "other".into();
    let (code, message) = world.put(&format!("{SETS}/web"), &made).await.refusal();
    assert_eq!(
        (code, message.as_str()),
        (
            422,
            "PetSet.apps \"web\" is invalid: spec: Forbidden: updates to petset spec for fields other than 'replicas' are \
             forbidden."
        )
    );
}

#[tokio::test]
async fn the_status_is_changed_at_its_own_path() {
    let world = World::new().await;
    let made = world.made(SETS, &set("web", 2)).await;
    let mut new = made.clone();
    new["spec"]["replicas"] = 5.into();
    new["status"] = json!({"replicas": 2, "observedGeneration": 1});
    let answer = world.put(&format!("{SETS}/web/status"), &new).await;
    let mut expected = made;
    let entries = expected["metadata"]["managedFields"].as_array_mut().expect("entries");
    let mut status = entries[0].clone();
    status["subresource"] = "status".into();
    status["fieldsV1"] = json!({"f:status": {"f:observedGeneration": {}, "f:replicas": {}}});
    entries.push(status);
    expected["metadata"]["resourceVersion"] = "4".into();
    expected["status"] = json!({"replicas": 2, "observedGeneration": 1});
    assert_eq!((answer.code, answer.json()), (200, expected.clone()));
    assert_eq!(world.get(&format!("{SETS}/web/status")).await.json(), expected);
    assert_eq!(world.put(&format!("{SETS}/web/status"), &new).await.code, 409, "it was made on an older version");
}
