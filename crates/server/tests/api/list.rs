//! `GET` of objects and collections.

use serde_json::{Value, json};

use crate::world::{ENDPOINTS, NOW, World, endpoints, made_by, running_pod};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

async fn letters() -> World {
    let world = World::new().await;
    for (name, app) in [("a", "x"), ("b", "y"), ("c", "x")] {
        world.made(ENDPOINTS, &endpoints(name, app)).await;
    }
    world
}

fn names(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap_or_else(|| panic!("no items: {list}"));
    items.iter().map(|item| item["metadata"]["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn a_list_says_the_type_once() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("a", "x")).await;
    assert_eq!(
        world.get(ENDPOINTS).await.json(),
        json!({
            "kind": "EndpointsList",
            "apiVersion": "v1",
            "metadata": {"resourceVersion": "3"},
            "items": [{
                "metadata": {
                    "name": "a",
                    "namespace": "default",
                    "uid": "00000000-0000-0000-0000-000000000002",
                    "resourceVersion": "3",
                    "creationTimestamp": NOW,
                    "labels": {"app": "x"},
                    "managedFields": made_by("unknown", &["app"]),
                },
            }],
        })
    );
}

#[tokio::test]
async fn selectors_choose() {
    let world = letters().await;
    world.made("/api/v1/namespaces", &json!({"metadata": {"name": "shop"}})).await;
    world.made("/api/v1/namespaces/shop/endpoints", &endpoints("a", "x")).await;
    for (path, expected) in [
        (format!("{ENDPOINTS}?labelSelector=app%3Dx"), vec!["a", "c"]),
        (format!("{ENDPOINTS}?labelSelector=app%21%3Dx"), vec!["b"]),
        (format!("{ENDPOINTS}?fieldSelector=metadata.name%3Db"), vec!["b"]),
        ("/api/v1/endpoints?fieldSelector=metadata.namespace%3Dshop".to_owned(), vec!["a"]),
        ("/api/v1/endpoints".to_owned(), vec!["a", "b", "c", "a"]),
    ] {
        assert_eq!(names(&world.get(&path).await.json()), expected, "{path}");
    }
    assert_eq!(
        world.get(&format!("{ENDPOINTS}?fieldSelector=spec.foo%3Db")).await.refusal(),
        (400, "\"spec.foo\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"".to_owned())
    );
    assert_eq!(
        world.get("/api/v1/pods?fieldSelector=spec.foo%3Db").await.refusal(),
        (400, "field label not supported: spec.foo".to_owned())
    );
}

#[tokio::test]
async fn pods_are_selected_by_their_fields() {
    let world = World::new().await;
    world.made_pod(&running_pod("web-0")).await;
    for (selector, expected) in [
        ("status.phase%3DRunning", vec!["web-0"]),
        ("status.phase%21%3DRunning", vec![]),
        ("spec.nodeName%3Dhere", vec!["web-0"]),
    ] {
        let list = world.get(&format!("/api/v1/pods?fieldSelector={selector}")).await.json();
        assert_eq!(names(&list), expected, "{selector}");
    }
}

#[tokio::test]
async fn pages_show_one_moment() {
    let world = letters().await;
    let first = world.get(&format!("{ENDPOINTS}?limit=2")).await.json();
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    assert_eq!(first["metadata"]["resourceVersion"], "5");

    // What happens between the pages is not seen in them.
    world.made(ENDPOINTS, &endpoints("bb", "x")).await;
    world.merge(&format!("{ENDPOINTS}/c"), &json!({"metadata": {"labels": {"app": "z"}}})).await;
    world.merge(&format!("{ENDPOINTS}/c"), &json!({"metadata": {"labels": {"app": "zz"}}})).await;
    world.made(ENDPOINTS, &endpoints("d", "x")).await;
    world.delete(&format!("{ENDPOINTS}/d"), &json!({})).await;
    world.delete(&format!("{ENDPOINTS}/a"), &json!({})).await;
    let token = first["metadata"]["continue"].as_str().expect("a token");
    let second = world.get(&format!("{ENDPOINTS}?limit=2&continue={token}")).await.json();
    assert_eq!(names(&second), ["c"]);
    assert_eq!(second["items"][0]["metadata"]["labels"]["app"], "x");
    assert_eq!(second["metadata"], json!({"resourceVersion": "5"}));

    let exact = format!("{ENDPOINTS}?resourceVersion=5&resourceVersionMatch=Exact");
    assert_eq!(names(&world.get(&exact).await.json()), ["a", "b", "c"]);
    assert_eq!(names(&world.get(ENDPOINTS).await.json()), ["b", "bb", "c"]);
}

#[tokio::test]
async fn a_page_of_a_selection_does_not_count_the_rest() {
    let world = letters().await;
    let first = world.get(&format!("{ENDPOINTS}?limit=1&labelSelector=app%3Dx")).await.json();
    assert_eq!(names(&first), ["a"]);
    assert_eq!(first["metadata"]["remainingItemCount"], Value::Null);
    let token = first["metadata"]["continue"].as_str().expect("a token");
    let second = world.get(&format!("{ENDPOINTS}?limit=1&labelSelector=app%3Dx&continue={token}")).await.json();
    assert_eq!(names(&second), ["c"]);
}

#[tokio::test]
async fn what_cannot_be_listed_is_refused() {
    let world = World::new().await;
    for (query, code, message) in [
        ("limit=abc", 400, "strconv.ParseInt: parsing \"abc\": invalid syntax"),
        (
            "resourceVersion=abc",
            400,
            "invalid resource version: resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": \
             invalid syntax",
        ),
        ("labelSelector=%3D%3D", 400, "found '==', expected: !, identifier, or 'end of string'"),
        ("resourceVersion=99", 504, "Timeout: Too large resource version: 99, current: 2"),
        ("continue=zz", 400, "continue key is not valid: it was not made by this server"),
        (
            "resourceVersionMatch=Exact",
            422,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden \
             unless resourceVersion is provided",
        ),
        (
            "sendInitialEvents=true",
            422,
            "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
        ),
    ] {
        let answer = world.get(&format!("{ENDPOINTS}?{query}")).await;
        let (found, words) = answer.refusal();
        assert_eq!((found, words.as_str()), (code, message), "{query}");
        if code == 504 {
            assert_eq!(answer.headers["retry-after"], "1");
            assert_eq!(answer.json()["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
        }
    }
}

#[tokio::test]
async fn tables_and_bare_metadata_come_by_accept() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("a", "x")).await;
    let table = world.get_as(ENDPOINTS, TABLE).await.json();
    assert_eq!((&table["kind"], &table["metadata"]), (&json!("Table"), &json!({"resourceVersion": "3"})));
    assert_eq!(table["rows"][0]["cells"], json!(["a", "<none>", "0s"]));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let one = world.get_as(&format!("{ENDPOINTS}/a"), TABLE).await.json();
    assert_eq!(one["rows"].as_array().map(Vec::len), Some(1));
    let wrong = world.get_as(&format!("{ENDPOINTS}?includeObject=Foo"), TABLE).await;
    assert_eq!(
        wrong.refusal(),
        (
            400,
            "Unable to convert to Table as requested: includeObject: Invalid value: \"Foo\": must be 'Metadata', 'Object', \
             'None', or empty"
                .to_owned()
        )
    );
    let partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let list = world.get_as(ENDPOINTS, partial).await.json();
    assert_eq!(
        (&list["kind"], &list["items"][0]["kind"]),
        (&json!("PartialObjectMetadataList"), &json!("PartialObjectMetadata"))
    );
    assert_eq!(world.get_as(ENDPOINTS, "text/html").await.refusal().0, 406);
}
