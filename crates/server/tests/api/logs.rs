//! The `log` subresource.

use axum::body::Body;
use futures::StreamExt as _;
use http::Request;
use serde_json::json;

use crate::world::{World, running_pod};

const LOG: &str = "/api/v1/namespaces/default/pods/web-0/log";

async fn world() -> World {
    let world = World::new().await;
    world.made_pod(&running_pod("web-0")).await;
    world
}

#[tokio::test]
async fn a_log_comes_with_all_options_of_kubernetes() {
    let world = world().await;
    let answer = world.get(LOG).await;
    assert_eq!((answer.code, answer.text.as_str()), (200, "one\ntwo\nthree\n"));
    assert_eq!(answer.headers["content-type"], "text/plain");
    let query = "container=nginx&tailLines=5&timestamps=true&sinceSeconds=60";
    assert_eq!(world.get(&format!("{LOG}?{query}")).await.code, 200);
    assert_eq!(
        world.stage.asked(),
        [
            "logs of default/web-0 nginx: LogOptions { follow: false, previous: false, since: None, tail: None, timestamps: \
             false }",
            "logs of default/web-0 nginx: LogOptions { follow: false, previous: false, since: Some(2016-07-01T11:59:00Z), \
             tail: Some(5), timestamps: true }",
        ]
    );
}

#[tokio::test]
async fn a_log_is_cut_at_a_byte() {
    let world = world().await;
    for (limit, expected) in [(1, "o"), (4, "one\n"), (6, "one\ntw"), (100, "one\ntwo\nthree\n")] {
        assert_eq!(world.get(&format!("{LOG}?limitBytes={limit}")).await.text, expected);
    }
}

#[tokio::test]
async fn a_followed_log_comes_as_it_is_written() {
    let world = world().await;
    let request = Request::get(format!("{LOG}?follow=true")).body(Body::empty()).expect("a request");
    let mut body = world.respond(request).await.into_body().into_data_stream();
    let mut text = Vec::new();
    while text.len() < "one\ntwo\nthree\n".len() {
        text.extend(body.next().await.expect("more").expect("a piece"));
    }
    assert_eq!(text, b"one\ntwo\nthree\n");
}

#[tokio::test]
async fn what_has_no_log_says_why() {
    let world = world().await;
    let mut pending = running_pod("web-1");
    pending["status"] = json!({
        "phase": "Pending",
        "containerStatuses": [{"name": "nginx", "state": {"waiting": {"reason": "ContainerCreating"}}}],
    });
    world.made_pod(&pending).await;
    let mut fresh = running_pod("web-2");
    fresh["status"] = json!({"phase": "Pending"});
    fresh["spec"]["nodeName"] = json!(null);
    world.made_pod(&fresh).await;
    for (pod, query, expected) in [
        ("nobody", "", (404, "pods \"nobody\" not found")),
        ("web-0", "container=zz", (400, "container zz is not valid for pod web-0")),
        ("web-0", "previous=true", (400, "previous terminated container \"nginx\" in pod \"web-0\" not found")),
        ("web-1", "", (400, "container \"nginx\" in pod \"web-1\" is waiting to start: ContainerCreating")),
        (
            "web-0",
            "tailLines=-1",
            (
                422,
                "PodLogOptions \"web-0\" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0",
            ),
        ),
    ] {
        let answer = world.get(&format!("/api/v1/namespaces/default/pods/{pod}/log?{query}")).await;
        let (code, message) = answer.refusal();
        assert_eq!((code, message.as_str()), expected);
    }
    let answer = world.get("/api/v1/namespaces/default/pods/web-2/log").await;
    assert_eq!((answer.code, answer.text.as_str()), (204, ""), "nothing has been done about it yet");
}
