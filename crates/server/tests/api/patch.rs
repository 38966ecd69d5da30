//! `PATCH` of objects.

use http::Method;
use serde_json::json;

use crate::world::{ENDPOINTS, SETS, World, endpoints, set};

#[tokio::test]
async fn the_three_patches_change_what_they_say() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("web", "a")).await;
    let path = format!("{ENDPOINTS}/web");
    for (media, patch, expected) in [
        ("merge-patch", json!({"metadata": {"labels": {"app": null, "b": "1"}}}), json!({"b": "1"})),
        ("json-patch", json!([{"op": "replace", "path": "/metadata/labels/b", "value": "2"}]), json!({"b": "2"})),
        ("strategic-merge-patch", json!({"metadata": {"labels": {"c": "3"}}}), json!({"b": "2", "c": "3"})),
    ] {
        let answer = world.call(Method::PATCH, &path, &format!("application/{media}+json"), patch.to_string()).await;
        assert_eq!((answer.code, &answer.json()["metadata"]["labels"]), (200, &expected), "{media}");
    }
}

#[tokio::test]
async fn scaling_by_patch_works_as_the_document_shows_it() {
    let world = World::new().await;
    world.made(SETS, &set("web", 2)).await;
    let patch = r#"{"spec":{"replicas":3}}"#;
    let media = "application/strategic-merge-patch+json";
    let answer = world.call(Method::PATCH, &format!("{SETS}/web"), media, patch).await;
    assert_eq!(answer.code, 200);
    assert_eq!((&answer.json()["spec"]["replicas"], &answer.json()["metadata"]["generation"]), (&json!(3), &json!(2)));
}

#[tokio::test]
async fn a_patch_that_changes_nothing_keeps_the_version() {
    let world = World::new().await;
    let made = world.made(ENDPOINTS, &endpoints("web", "a")).await;
    let answer = world.merge(&format!("{ENDPOINTS}/web"), &json!({"metadata": {"labels": {"app": "a"}}})).await;
    assert_eq!((answer.code, answer.json()), (200, made));
}

#[tokio::test]
async fn a_patch_for_an_older_version_conflicts() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("web", "a")).await;
    let patch = json!({"metadata": {"resourceVersion": "1", "labels": {"app": "b"}}});
    assert_eq!(world.merge(&format!("{ENDPOINTS}/web"), &patch).await.code, 409);
}

#[tokio::test]
async fn what_cannot_be_patched_is_refused() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("web", "a")).await;
    let path = format!("{ENDPOINTS}/web");
    let unknown = world.call(Method::PATCH, &path, "application/json", "{}").await;
    assert_eq!(unknown.refusal(), (415, "415: Unsupported Media Type".to_owned()));
    let missing = world.merge(&format!("{ENDPOINTS}/nobody"), &json!({})).await;
    assert_eq!(missing.refusal(), (404, "endpoints \"nobody\" not found".to_owned()));
    let renamed = world.merge(&path, &json!({"metadata": {"name": "other"}})).await;
    assert_eq!(
        renamed.refusal(),
        (400, "the name of the object (other) does not match the name on the URL (web)".to_owned())
    );
    let strict = world.merge(&format!("{path}?fieldValidation=Strict"), &json!({"foo": 1})).await;
    let message = " \"\" is invalid: patch: Invalid value: \"{\\\"foo\\\":1}\": Endpoints in version \"v1\" cannot be handled as a Endpoints: \
                   strict decoding error: unknown field \"foo\"";
    assert_eq!(strict.refusal(), (422, message.to_owned()));
    let forced = world.merge(&format!("{path}?force=true"), &json!({})).await;
    assert_eq!(
        forced.refusal(),
        (
            422,
            "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch"
                .to_owned()
        )
    );
}

#[tokio::test]
async fn patches_without_a_version_do_not_lose_to_each_other() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("web", "a")).await;
    let path = format!("{ENDPOINTS}/web");
    let patches = (0..4).map(|i| {
        let patch = json!({"metadata": {"annotations": {format!("n{i}"): "x"}}});
        let (world, path) = (&world, &path);
        async move { world.merge(path, &patch).await.code }
    });
    assert_eq!(futures::future::join_all(patches).await, [200; 4]);
    let annotations = &world.get(&path).await.json()["metadata"]["annotations"];
    assert_eq!(*annotations, json!({"n0": "x", "n1": "x", "n2": "x", "n3": "x"}));
}
