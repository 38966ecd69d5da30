//! What is served besides objects.

use axum::body::Body;
use http::{Method, Request, header};
use http_body_util::BodyExt as _;
use serde_json::json;

use crate::world::{ENDPOINTS, NOW, SETS, World};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

#[tokio::test]
async fn what_is_nowhere_is_a_page_or_a_status() {
    let world = World::new().await;
    for path in ["/nonsense", "/apis/example.com", "/apis/example.com/v1", "/apis/example.com/v1/things"] {
        let answer = world.get(path).await;
        assert_eq!((answer.code, answer.text.as_str()), (404, "404 page not found\n"), "{path}");
    }
    for path in ["/api/v1/gremlins", "/api/v2", "/apis/apps/v9", "/apis/apps/v9/petsets", "/api/v1/pods/a/b/c/d/e"] {
        let answer = world.get(path).await;
        assert_eq!(
            answer.json(),
            json!({
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": "the server could not find the requested resource",
                "reason": "NotFound",
                "details": {},
                "code": 404,
            }),
            "{path}"
        );
    }
}

#[tokio::test]
async fn methods_that_do_not_fit_are_refused() {
    let world = World::new().await;
    for (method, path) in [
        (Method::POST, "/api/v1/endpoints".to_owned()),
        (Method::PUT, ENDPOINTS.to_owned()),
        (Method::POST, format!("{ENDPOINTS}/a")),
        (Method::DELETE, format!("{SETS}/a/status")),
        (Method::POST, "/version".to_owned()),
    ] {
        let answer = world.call(method, &path, "application/json", "{}").await;
        assert_eq!(
            answer.refusal(),
            (405, "the server does not allow this method on the requested resource".to_owned()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn discovery_is_aggregated_or_not_and_kept_by_its_tag() {
    let world = World::new().await;
    for path in ["/api", "/apis"] {
        let answer = world.get_as(path, &format!("{AGGREGATED},application/json")).await;
        assert_eq!(answer.headers["content-type"], AGGREGATED);
        assert_eq!(answer.headers["vary"], "Accept");
        assert_eq!(answer.json()["kind"], "APIGroupDiscoveryList");
        let again = Request::get(path)
            .header(header::ACCEPT, AGGREGATED)
            .header(header::IF_NONE_MATCH, answer.headers["etag"].clone());
        let again = world.send(again.body(Body::empty()).expect("a request")).await;
        assert_eq!((again.code, again.text.as_str()), (304, ""));
    }
    for (path, kind) in [
        ("/api", "APIVersions"),
        ("/apis", "APIGroupList"),
        ("/apis/apps", "APIGroup"),
        ("/api/v1", "APIResourceList"),
        ("/apis/apps/v1alpha1", "APIResourceList"),
    ] {
        for path in [path.to_owned(), format!("{path}/")] {
            let answer = world.get(&path).await;
            assert_eq!((answer.code, &answer.json()["kind"]), (200, &json!(kind)), "{path}");
        }
    }
}

#[tokio::test]
async fn every_document_of_the_openapi_index_is_there() {
    let world = World::new().await;
    let index = world.get("/openapi/v3").await.json();
    let paths = index["paths"].as_object().expect("paths");
    assert!(paths.contains_key("apis/apps/v1alpha1"), "{index}");
    for path in paths.values() {
        let url = path["serverRelativeURL"].as_str().expect("a URL");
        assert_eq!(world.get(url).await.code, 200, "{url}");
    }
    assert_eq!(world.get("/openapi/v3/apis/apps/v9").await.refusal().0, 404);
}

#[tokio::test]
async fn openapi_in_its_second_version_is_json_or_protobuf() {
    let world = World::new().await;
    let answer = world.get("/openapi/v2").await;
    assert_eq!(answer.json()["swagger"], "2.0");
    let asked = Request::get("/openapi/v2")
        .header(header::ACCEPT, "application/com.github.proto-openapi.spec.v2@v1.0+protobuf");
    let answer = world.respond(asked.body(Body::empty()).expect("a request")).await;
    let media = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    assert_eq!(answer.headers()["content-type"], media);
    let document = answer.into_body().collect().await.expect("a whole body").to_bytes();
    assert!(document.ends_with(b"\x0a\x032.0"), "its last field is the version");
    assert_eq!(world.get_as("/openapi/v2", "text/html").await.refusal().0, 406);
}

#[tokio::test]
async fn the_version_is_that_of_a_kubernetes_and_our_own() {
    let world = World::new().await;
    let version = world.get("/version").await.json();
    assert_eq!(version["gitVersion"], "v1.36.0+petset-0.1.0");
    assert_eq!((&version["major"], &version["minor"], &version["buildDate"]), (&json!("1"), &json!("36"), &json!(NOW)));
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let world = World::new().await;
    assert_eq!(world.get("/readyz").await.text, "ok");
    assert_eq!(world.get("/livez").await.text, "ok");
    world.readiness.set("docker", Err("no answer".to_owned()));
    let answer = world.get("/readyz").await;
    assert_eq!(
        (answer.code, answer.text.as_str()),
        (500, "[+]ping ok\n[-]docker failed: no answer\nreadyz check failed\n")
    );
    world.readiness.set("docker", Ok(()));
    let answer = world.get("/readyz?verbose").await;
    assert_eq!((answer.code, answer.text.as_str()), (200, "[+]ping ok\n[+]docker ok\nreadyz check passed\n"));
}

#[tokio::test]
async fn waits_are_told_by_kind_and_name() {
    let world = World::new().await;
    let all = world.get("/petset/v1/waits").await.json();
    assert_eq!(all["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        world.get("/petset/v1/waits?kind=PetSet&namespace=default&name=web").await.json(),
        json!({
            "items": [{
                "kind": "PetSet",
                "namespace": "default",
                "name": "web",
                "reason": "PetNotReady",
                "message": "waiting for web",
            }],
        })
    );
}

#[tokio::test]
async fn a_backup_is_the_stores_own_word_for_word() {
    let world = World::new().await;
    let answer = world.get("/petset/v1/backup").await;
    let expected: Vec<u8> = world.store.backup().flatten().collect();
    assert_eq!((answer.code, answer.text), (200, String::from_utf8(expected).unwrap()));
}

#[tokio::test]
async fn metrics_are_text() {
    let world = World::new().await;
    let answer = world.get("/metrics").await;
    assert_eq!(answer.code, 200);
    assert!(answer.headers["content-type"].to_str().is_ok_and(|media| media.starts_with("text/plain")));
}
