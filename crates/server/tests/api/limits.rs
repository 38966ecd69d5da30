//! What is beyond a limit, and the page that tells the limits.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use http::{Request, header};
use petset_server::limits::{FOLLOWED_LOGS_MAX, OBJECTS_MAX, REQUESTS_MAX, URI_BYTES_MAX, WATCHES_MAX};
use serde_json::json;
use store::{Key, Write};
use tokio::task::{JoinSet, yield_now};

use crate::world::{ENDPOINTS, World, endpoints, running_pod};

const PODS: &str = "/api/v1/namespaces/default/pods";

#[tokio::test]
async fn a_path_and_query_that_are_too_long_are_refused() {
    let world = World::new().await;
    let path =
        |length: usize| format!("{PODS}?labelSelector=").chars().chain("a,".chars().cycle()).take(length).collect();
    let longest: String = path(URI_BYTES_MAX - 1);
    assert_eq!(world.get(&longest).await.code, 200);
    let beyond: String = path(URI_BYTES_MAX + 1);
    let answer = world.get(&beyond).await;
    let message = "the path and query of the request are too long: limit is 32768; select with fewer terms";
    assert_eq!(answer.refusal(), (414, message.to_owned()));
    assert_eq!(answer.json()["reason"], "RequestURITooLong");
}

#[tokio::test]
async fn requests_beyond_those_that_are_being_answered_are_sent_away() {
    let world = Arc::new(World::new().await);
    let mut slow = JoinSet::new();
    for _ in 0..REQUESTS_MAX {
        let world = world.clone();
        slow.spawn(async move {
            let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
            world.respond(Request::post(ENDPOINTS).body(body).expect("a request")).await
        });
    }
    // Nothing else is ready, so each of them has run once when this has waited as often.
    for _ in 0..REQUESTS_MAX {
        yield_now().await;
    }
    let answer = world.get(PODS).await;
    assert_eq!(answer.refusal(), (429, "too many requests, please try again later".to_owned()));
    assert_eq!(answer.headers[header::RETRY_AFTER], "1");
    assert_eq!(answer.json()["reason"], "TooManyRequests");
    slow.shutdown().await;
    assert_eq!(world.get(PODS).await.code, 200, "those that went away have left their places");
}

#[tokio::test]
async fn watches_beyond_those_that_are_open_are_sent_away() {
    let world = World::new().await;
    let watch = || world.respond(Request::get(format!("{PODS}?watch=1")).body(Body::empty()).expect("a request"));
    let mut open = Vec::new();
    for _ in 0..WATCHES_MAX {
        open.push(watch().await);
    }
    let answer = world.get(&format!("{PODS}?watch=1")).await;
    assert_eq!(answer.refusal(), (429, "too many watches are open, please try again later".to_owned()));
    open.pop();
    assert_eq!(watch().await.status(), 200);
}

#[tokio::test]
async fn followed_logs_beyond_those_that_are_open_are_sent_away() {
    let world = World::new().await;
    world.made_pod(&running_pod("web-0")).await;
    let path = format!("{PODS}/web-0/log?follow=true");
    let follow = || world.respond(Request::get(&path).body(Body::empty()).expect("a request"));
    let mut open = Vec::new();
    for _ in 0..FOLLOWED_LOGS_MAX {
        open.push(follow().await);
    }
    let answer = world.get(&path).await;
    assert_eq!(answer.refusal(), (429, "too many logs are being followed, end some".to_owned()));
    assert_eq!(world.get(&format!("{PODS}/web-0/log")).await.code, 200, "a log that ends needs no place");
    open.pop();
    assert_eq!(follow().await.status(), 200);
}

#[tokio::test]
async fn objects_beyond_those_that_there_may_be_are_refused() {
    let world = World::new().await;
    let create = |n: usize| {
        let object = json!({"metadata": {"name": n.to_string(), "namespace": "default"}});
        Write::Create { key: Key::new("events", "default", &n.to_string()), object }
    };
    let room = OBJECTS_MAX - world.store.count();
    world.store.commit((1..room).map(create).collect()).await.expect("new objects");
    world.made(ENDPOINTS, &endpoints("last", "nginx")).await;
    let answer = world.post(ENDPOINTS, &endpoints("beyond", "nginx")).await;
    let message = "endpoints \"beyond\" is forbidden: exceeded quota: this instance holds no more than 50000 objects; delete \
                   some that are no longer needed";
    assert_eq!(answer.refusal(), (403, message.to_owned()));
    assert_eq!(answer.json()["details"], json!({"kind": "endpoints", "name": "beyond"}));
    let last = format!("{ENDPOINTS}/last");
    assert_eq!(
        world.merge(&last, &json!({"metadata": {"labels": {"a": "b"}}})).await.code,
        200,
        "what is there can change"
    );
    assert_eq!(world.delete(&last, &json!({})).await.code, 200);
    assert_eq!(world.post(ENDPOINTS, &endpoints("beyond", "nginx")).await.code, 201);
}

#[tokio::test]
async fn a_panic_is_told_and_ends_nothing_else() {
    let world = World::new().await;
    world.made_pod(&running_pod("web-0")).await;
    world.stage.panics_next();
    let answer = world.get(&format!("{PODS}/web-0/log")).await;
    let message = "Internal error occurred: the request ended in a fault of the server, which its log tells";
    assert_eq!(answer.refusal(), (500, message.to_owned()));
    assert_eq!(answer.json()["reason"], "InternalError");
    assert_eq!(world.get(&format!("{PODS}/web-0/log")).await.code, 200);
}

/// A value as `docs/limits.md` writes it.
trait Figure {
    fn figure(&self) -> String;
}

impl Figure for usize {
    fn figure(&self) -> String {
        self.to_string()
    }
}

impl Figure for i64 {
    fn figure(&self) -> String {
        self.to_string()
    }
}

impl Figure for u32 {
    fn figure(&self) -> String {
        self.to_string()
    }
}

impl Figure for Duration {
    fn figure(&self) -> String {
        if self.subsec_millis() == 0 { format!("{} s", self.as_secs()) } else { format!("{} ms", self.as_millis()) }
    }
}

macro_rules! figures {
    ($($module:ident: $($name:ident)*;)*) => {
        BTreeMap::from([$($((stringify!($name).to_owned(), $module::$name.figure()),)*)*])
    };
}

#[test]
fn the_page_of_limits_has_every_limit_with_its_value() {
    use api::limits as of_the_api;
    use petset_server::limits as of_the_server;
    let figures = figures! {
        of_the_api:
            ANNOTATION_BYTES_MAX BODY_BYTES_MAX BODY_QUOTE_BYTES CAUSES_MAX COMPLAINTS_MAX COMPLAINT_BYTES_MAX DATA_BYTES_MAX
            DISRUPTED_PODS_MAX DNS_NAMESERVERS_MAX DNS_SEARCHES_MAX JSON_OPERATIONS_MAX KERNEL_NAME_OCTETS_MAX LABEL_BYTES_MAX MANAGER_BYTES_MAX NESTING_MAX
            OBJECT_BYTES_MAX PATCH_COPIED_BYTES_MAX PATCH_QUOTE_BYTES PORT_NAME_BYTES_MAX PROTOBUF_VALUES_MAX SERVICE_TOKEN_SECONDS_MAX
            SERVICE_TOKEN_SECONDS_MIN SLICE_ENDPOINTS_MAX SUBDOMAIN_BYTES_MAX SUBRESOURCE_BYTES_MAX UPDATE_MANAGERS_MAX WARNINGS_MAX YAML_INDENT_MAX
            YAML_LINES_MENDED_MAX YAML_NODES_MAX YAML_SCALAR_BYTES_MAX;
        of_the_server:
            ACCEPT_PAUSE BODY_PATIENCE BOOKMARK_INTERVAL CONNECTIONS_MAX DRAIN FOLLOWED_LOGS_MAX HEADERS_MAX HEADER_BYTES_MAX
            KEEP_ALIVE MESSAGE_BYTES_MAX NAME_TRIES OBJECTS_MAX PATIENCE PIECE_BYTES_MAX REQUESTS_MAX SESSIONS_MAX STREAM_FAULTS_MAX
            STREAM_RESETS_MAX STREAMS_PER_CONNECTION TOKENS_MAX TOKEN_GRACE_MAX TOKEN_LIFETIME_MAX TOKEN_NAMESPACES_MAX
            UNREAD_PATIENCE UNREAD_SWEEP UPDATE_TRIES URI_BYTES_MAX WARNING_BYTES_MAX WATCHES_MAX WATCH_LIFETIME;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| fs::read_to_string(root.join(path)).expect("a file of the repository");
    let page = read("docs/limits.md");
    // The planner's own come after that, and are compared there.
    let (of_ours, _) = page.split_once("## What one pass does").expect("a section of the planner");
    let rows: BTreeMap<String, String> = of_ours
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            Some((cells.next()?.trim_end_matches('`').to_owned(), cells.next()?.to_owned()))
        })
        .collect();
    assert_eq!(rows, figures);
    for path in ["crates/api/src/limits.rs", "crates/server/src/limits.rs"] {
        let source = read(path);
        let names = source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split_once(':'));
        for (name, _) in names {
            assert!(figures.contains_key(name), "{name} of {path} is not compared here");
        }
    }
}
