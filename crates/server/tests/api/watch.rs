//! `GET` of a collection with `watch`.

use axum::body::BodyDataStream;
use futures::StreamExt as _;
use http::{Request, header};
use serde_json::{Value, json};

use crate::world::{ENDPOINTS, World, code, endpoints};

/// The events of a watch, read one by one.
pub(crate) struct Events {
    body: BodyDataStream,
    rest: Vec<u8>,
}

impl Events {
    pub(crate) async fn open(world: &World, query: &str, accept: &str) -> Events {
        let request = Request::get(format!("{ENDPOINTS}?watch=true&{query}")).header(header::ACCEPT, accept);
        let response = world.respond(request.body(axum::body::Body::empty()).expect("a request")).await;
        assert_eq!(code(&response), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        Events { body: response.into_body().into_data_stream(), rest: Vec::new() }
    }

    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).expect("a line of JSON"));
            }
            self.rest.extend_from_slice(&self.body.next().await?.expect("a whole stream"));
        }
    }

    /// Type, name and version of the next so many events.
    pub(crate) async fn told(&mut self, count: usize) -> Vec<String> {
        let mut told = Vec::new();
        for _ in 0..count {
            let event = self.next().await.expect("an event");
            let metadata = &event["object"]["metadata"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            told.push(format!(
                "{} {} {}",
                text(&event["type"]),
                text(&metadata["name"]),
                text(&metadata["resourceVersion"])
            ));
        }
        told
    }
}

async fn label(world: &World, name: &str, app: &str) {
    let patch = json!({"metadata": {"labels": {"app": app}}});
    assert_eq!(world.merge(&format!("{ENDPOINTS}/{name}"), &patch).await.code, 200);
}

#[tokio::test]
async fn what_exists_comes_first_and_then_what_happens() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("a", "x")).await;
    let mut events = Events::open(&world, "", "application/json").await;
    assert_eq!(
        events.next().await.expect("an event"),
        json!({"type": "ADDED", "object": world.get(&format!("{ENDPOINTS}/a")).await.json()})
    );
    world.made(ENDPOINTS, &endpoints("b", "x")).await;
    label(&world, "a", "y").await;
    world.delete(&format!("{ENDPOINTS}/b"), &json!({})).await;
    assert_eq!(events.told(3).await, ["ADDED b 4", "MODIFIED a 5", "DELETED b 6"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_version_replays_what_came_after() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("a", "x")).await;
    label(&world, "a", "y").await;
    world.made("/api/v1/namespaces", &json!({"metadata": {"name": "shop"}})).await;
    world.made("/api/v1/namespaces/shop/endpoints", &endpoints("z", "x")).await;
    world.delete(&format!("{ENDPOINTS}/a"), &json!({})).await;
    let mut events = Events::open(&world, "resourceVersion=3", "").await;
    assert_eq!(events.told(2).await, ["MODIFIED a 4", "DELETED a 7"]);
    let mut nothing = Events::open(&world, "resourceVersion=7&timeoutSeconds=1", "").await;
    assert_eq!(nothing.next().await, None, "the time is up");
}

#[tokio::test]
async fn an_object_enters_and_leaves_a_selection() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("a", "x")).await;
    let mut events = Events::open(&world, "resourceVersion=3&labelSelector=app%3Dy", "").await;
    label(&world, "a", "y").await;
    world.merge(&format!("{ENDPOINTS}/a"), &json!({"metadata": {"annotations": {"n": "1"}}})).await;
    label(&world, "a", "x").await;
    world.delete(&format!("{ENDPOINTS}/a"), &json!({})).await;
    world.made(ENDPOINTS, &endpoints("b", "y")).await;
    assert_eq!(events.told(2).await, ["ADDED a 4", "MODIFIED a 5"]);
    let left = events.next().await.expect("an event");
    assert_eq!((&left["type"], &left["object"]["metadata"]["resourceVersion"]), (&json!("DELETED"), &json!("6")));
    assert_eq!(left["object"]["metadata"]["labels"]["app"], "y", "its last selected state");
    assert_eq!(events.told(1).await, ["ADDED b 8"]);
}

#[tokio::test]
async fn a_watch_list_says_when_it_has_said_all() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("a", "x")).await;
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut events = Events::open(&world, query, "").await;
    assert_eq!(events.told(1).await, ["ADDED a 3"]);
    assert_eq!(
        events.next().await.expect("an event"),
        json!({
            "type": "BOOKMARK",
            "object": {
                "kind": "Endpoints",
                "apiVersion": "v1",
                "metadata": {
                    "resourceVersion": "3",
                    "creationTimestamp": null,
                    "annotations": {"k8s.io/initial-events-end": "true"},
                },
            },
        })
    );
    world.made(ENDPOINTS, &endpoints("b", "x")).await;
    assert_eq!(events.told(1).await, ["ADDED b 4"]);
}

#[tokio::test(start_paused = true)]
async fn bookmarks_follow_the_whole_history() {
    let world = World::new().await;
    let mut events = Events::open(&world, "resourceVersion=2&allowWatchBookmarks=true&timeoutSeconds=100", "").await;
    // Of another resource, so the watch itself has nothing to say.
    world.made("/api/v1/namespaces", &json!({"metadata": {"name": "shop"}})).await;
    assert_eq!(events.told(1).await, ["BOOKMARK  3"]);
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_version_that_is_still_to_come_is_refused() {
    let world = World::new().await;
    let answer = world.get(&format!("{ENDPOINTS}?watch=1&resourceVersion=50")).await;
    assert_eq!(answer.refusal(), (504, "Timeout: Too large resource version: 50, current: 2".to_owned()));
    let answer = world.get(&format!("{ENDPOINTS}?watch=1&sendInitialEvents=true")).await;
    assert_eq!(
        answer.refusal(),
        (
            422,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting \
             resourceVersionMatch to NotOlderThan"
                .to_owned()
        )
    );
}

#[tokio::test]
async fn a_version_that_is_forgotten_is_an_error_in_the_stream() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("a", "x")).await;
    // More than the history keeps, with some slack.
    for round in 0..store::LOG_EVENTS + store::LOG_EVENTS / 2 {
        let key = store::Key::new("endpoints", "default", "a");
        let mut object = store::Store::clone(&world.store).get(&key).expect("an object").as_ref().clone();
        object["metadata"]["labels"]["app"] = round.to_string().into();
        let expect = store::Expect::Exists;
        world.store.commit(vec![store::Write::Update { key, object, expect }]).await.expect("an update");
    }
    let mut events = Events::open(&world, "resourceVersion=1", "").await;
    let event = events.next().await.expect("an event");
    assert_eq!(
        (&event["type"], &event["object"]["code"], &event["object"]["reason"]),
        (&json!("ERROR"), &json!(410), &json!("Expired"))
    );
    assert!(event["object"]["message"].as_str().is_some_and(|text| text.starts_with("too old resource version: 1 (")));
    assert_eq!(events.next().await, None);
    let page = world.get(&format!("{ENDPOINTS}?resourceVersion=1&resourceVersionMatch=Exact")).await;
    assert_eq!(page.refusal().0, 410);
}

#[tokio::test]
async fn a_table_says_its_columns_once() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("a", "x")).await;
    world.made(ENDPOINTS, &endpoints("b", "x")).await;
    let mut events = Events::open(&world, "", "application/json;as=Table;v=v1;g=meta.k8s.io").await;
    let first = events.next().await.expect("an event");
    assert_eq!((&first["type"], &first["object"]["kind"]), (&json!("ADDED"), &json!("Table")));
    assert!(first["object"]["columnDefinitions"].is_array());
    assert_eq!(first["object"]["rows"].as_array().map(Vec::len), Some(1));
    let second = events.next().await.expect("an event");
    assert_eq!(second["object"]["columnDefinitions"], Value::Null);
    assert_eq!(second["object"]["rows"][0]["cells"][0], "b");
}
