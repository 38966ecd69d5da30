//! `DELETE` of objects and collections.

use http::Method;
use serde_json::{Value, json};

use crate::world::{ENDPOINTS, NOW, SETS, World, endpoints, running_pod, set};

const PODS: &str = "/api/v1/namespaces/default/pods";

#[tokio::test]
async fn what_goes_at_once_is_answered_with_success() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("web", "a")).await;
    let path = format!("{ENDPOINTS}/web");
    let answer = world.delete(&path, &json!({"propagationPolicy": "Background"})).await;
    assert_eq!(
        (answer.code, answer.json()),
        (
            200,
            json!({
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Success",
                "details": {"name": "web", "kind": "endpoints", "uid": "00000000-0000-0000-0000-000000000002"},
            })
        )
    );
    assert_eq!(world.get(&path).await.code, 404);
    assert_eq!(world.delete(&path, &json!({})).await.refusal(), (404, "endpoints \"web\" not found".to_owned()));
}

#[tokio::test]
async fn a_pod_gets_its_grace() {
    let world = World::new().await;
    world.made_pod(&running_pod("web-0")).await;
    let path = format!("{PODS}/web-0");
    let answer = world.call(Method::DELETE, &path, "", "").await;
    let metadata = answer.json()["metadata"].clone();
    assert_eq!(
        (answer.code, &metadata["deletionTimestamp"], &metadata["deletionGracePeriodSeconds"]),
        (200, &json!("2016-07-01T12:00:30Z"), &json!(30))
    );
    assert_eq!(world.get(&path).await.json()["metadata"], metadata, "it is still there");

    let shorter = world.delete(&format!("{path}?gracePeriodSeconds=1"), &json!({})).await;
    assert_eq!(shorter.json()["metadata"]["deletionGracePeriodSeconds"], 1);
    let now = world.delete(&path, &json!({"gracePeriodSeconds": 0})).await;
    assert_eq!((now.code, &now.json()["kind"]), (200, &json!("Pod")));
    assert_eq!(world.get(&path).await.code, 404);
}

#[tokio::test]
async fn a_finalizer_holds_an_object_until_it_is_taken_off() {
    let world = World::new().await;
    let mut held = endpoints("web", "a");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    world.made(ENDPOINTS, &held).await;
    let path = format!("{ENDPOINTS}/web");
    let answer = world.delete(&path, &json!({})).await;
    assert_eq!((answer.code, &answer.json()["metadata"]["deletionTimestamp"]), (200, &json!(NOW)));
    let more = world.merge(&path, &json!({"metadata": {"finalizers": ["example.com/hold", "example.com/g"]}})).await;
    assert_eq!(more.code, 422, "no new finalizers while it is being deleted");
    assert_eq!(world.merge(&path, &json!({"metadata": {"finalizers": null}})).await.code, 200);
    assert_eq!(world.get(&path).await.code, 404);
}

#[tokio::test]
async fn a_set_goes_without_its_pets_and_says_so() {
    let world = World::new().await;
    world.made(SETS, &set("web", 2)).await;
    let answer = world.delete(&format!("{SETS}/web"), &json!({})).await;
    assert_eq!(
        (answer.code, answer.warnings()),
        (
            200,
            vec![
                r#"299 - "pets of petset \"web\" keep running: scale it to 0 first, or delete them with -l app=nginx""#
            ]
        )
    );
    assert_eq!(answer.json()["details"]["group"], "apps");
}

#[tokio::test]
async fn a_namespace_terminates_and_default_stays() {
    let world = World::new().await;
    world.made("/api/v1/namespaces", &json!({"metadata": {"name": "shop"}})).await;
    let answer = world.delete("/api/v1/namespaces/shop", &json!({})).await;
    assert_eq!((answer.code, &answer.json()["status"]["phase"]), (200, &json!("Terminating")));
    assert_eq!(
        world.delete("/api/v1/namespaces/default", &json!({})).await.refusal(),
        (403, "namespaces \"default\" is forbidden: this namespace may not be deleted".to_owned())
    );
    assert_eq!(world.delete("/api/v1/namespaces", &json!({})).await.refusal().0, 405);
}

#[tokio::test]
async fn preconditions_and_options_are_kept() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("web", "a")).await;
    let path = format!("{ENDPOINTS}/web");
    let other = world.delete(&path, &json!({"preconditions": {"uid": "x"}})).await;
    assert_eq!(
        other.refusal(),
        (
            409,
            "Operation cannot be fulfilled on Endpoints \"web\": the UID in the precondition (x) does not match the UID in \
             record (00000000-0000-0000-0000-000000000002). The object might have been deleted and then recreated"
                .to_owned()
        )
    );
    assert_eq!(world.delete(&path, &json!({"propagationPolicy": "Sideways"})).await.refusal().0, 422);
    assert_eq!(world.delete(&path, &json!({"gracePeriodSeconds": "soon"})).await.refusal().0, 400);
    let dry = world.delete(&path, &json!({"dryRun": ["All"]})).await;
    assert_eq!((dry.code, &dry.json()["status"]), (200, &json!("Success")));
    assert_eq!(world.get(&path).await.code, 200);
}

#[tokio::test]
async fn a_collection_goes_as_far_as_it_is_selected() {
    let world = World::new().await;
    for (name, app) in [("a", "x"), ("b", "y"), ("c", "x")] {
        world.made(ENDPOINTS, &endpoints(name, app)).await;
    }
    let answer = world.delete(&format!("{ENDPOINTS}?labelSelector=app%3Dx"), &json!({})).await;
    assert_eq!((answer.code, &answer.json()["kind"]), (200, &json!("EndpointsList")));
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().expect("items");
        items.iter().map(|item| item["metadata"]["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(&answer.json()), ["a", "c"]);
    assert_eq!(names(&world.get(ENDPOINTS).await.json()), ["b"]);
    assert_eq!(world.delete("/api/v1/endpoints", &json!({})).await.refusal().0, 405, "of all namespaces");
}

#[tokio::test]
async fn the_policy_for_dependents_is_taken_from_the_body_or_the_query() {
    let world = World::new().await;
    let path = format!("{ENDPOINTS}/web");
    for (query, options, finalizer) in [
        ("", json!({"propagationPolicy": "Foreground"}), "foregroundDeletion"),
        ("?propagationPolicy=Foreground", json!({}), "foregroundDeletion"),
        ("", json!({"propagationPolicy": "Orphan"}), "orphan"),
        ("", json!({"orphanDependents": true}), "orphan"),
        ("?orphanDependents=true", json!({}), "orphan"),
    ] {
        world.made(ENDPOINTS, &endpoints("web", "a")).await;
        let answer = world.delete(&format!("{path}{query}"), &options).await;
        let metadata = &answer.json()["metadata"];
        assert_eq!(
            (answer.code, &metadata["finalizers"], &metadata["deletionTimestamp"]),
            (200, &json!([finalizer]), &json!(NOW)),
            "{query} {options}"
        );
        assert_eq!(world.delete(&path, &json!({"propagationPolicy": "Background"})).await.json()["status"], "Success");
        assert_eq!(world.get(&path).await.code, 404);
    }
    let both = json!({"propagationPolicy": "Orphan", "orphanDependents": true});
    assert_eq!(
        world.delete(&path, &both).await.refusal(),
        (
            422,
            "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Invalid value: \"Orphan\": orphanDependents and \
             deletionPropagation cannot be both set"
                .to_owned()
        )
    );
}
