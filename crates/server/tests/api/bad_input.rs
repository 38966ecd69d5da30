//! Everything that can be asked wrongly: each with its exact answer, and the store as it was before.
//!
//! The tables are `bad_input/*.txt`. A case is a title, a request, and the answer:
//!
//! ```text
//! ## a title
//! POST /api/v1/namespaces/default/pods
//! Header: value
//!
//! the body, as many lines as it has
//! => 422 Invalid
//! the message of the Status, in one line, as JSON where it has line breaks
//! its details, if it has any, as JSON
//! ```
//!
//! `«a*64»` stands for 64 times `a`. An answer that is no `Status` is `=> CODE` and its text.

use std::fmt::Write as _;

use api::resource::RESOURCES;
use axum::body::Body;
use http::{Request, header};
use serde_json::{Value, json};

use crate::world::{BUDGETS, REVISIONS, SETS, STATEFUL_SETS, World, running_pod, set, stateful_set};

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused() {
    holds("bodies", include_str!("bad_input/bodies.txt")).await;
}

#[tokio::test]
async fn metadata_that_is_not_valid_is_refused() {
    holds("metadata", include_str!("bad_input/metadata.txt")).await;
}

#[tokio::test]
async fn pods_that_are_not_valid_are_refused() {
    holds("pods", include_str!("bad_input/pods.txt")).await;
}

#[tokio::test]
async fn objects_of_the_other_kinds_that_are_not_valid_are_refused() {
    holds("kinds", include_str!("bad_input/kinds.txt")).await;
}

#[tokio::test]
async fn stateful_sets_that_are_not_valid_are_refused() {
    holds("sets", include_str!("bad_input/sets.txt")).await;
}

#[tokio::test]
async fn budgets_that_are_not_valid_and_evictions_that_they_refuse() {
    holds("budgets", include_str!("bad_input/budgets.txt")).await;
}

#[tokio::test]
async fn configuration_that_is_not_valid_or_settled_is_refused() {
    holds("config", include_str!("bad_input/config.txt")).await;
}

#[tokio::test]
async fn patches_that_cannot_be_applied_are_refused() {
    holds("patches", include_str!("bad_input/patches.txt")).await;
}

#[tokio::test]
async fn requests_that_ask_for_what_is_not_there_are_refused() {
    holds("requests", include_str!("bad_input/requests.txt")).await;
}

/// Sends every request of a table, and compares the table with one that has the answers that came.
async fn holds(name: &str, table: &str) {
    let world = furnished().await;
    let mut before = contents(&world);
    let mut accepted = Vec::new();
    let (introduction, cases) = table.split_once("## ").expect("a table has cases");
    let mut actual = introduction.to_owned();
    for case in cases.split("\n## ") {
        let (asked, _) = case.split_once("\n=> ").unwrap_or_else(|| panic!("{name}: no answer in {case}"));
        let answer = ask(&world, asked).await;
        let after = contents(&world);
        if answer.starts_with('2') || after != before {
            accepted.push(asked.lines().next().unwrap_or_default());
            before = after;
        }
        let _ = write!(actual, "## {asked}\n=> {}\n\n", shortened(&answer, asked));
    }
    assert_eq!(accepted, Vec::<&str>::new(), "{name}: these were accepted, or have changed the store");
    if actual.trim_end() != table.trim_end() {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.txt"));
        std::fs::write(&path, actual.trim_end().to_owned() + "\n").expect("the folder for temporary files");
        let differing = actual.lines().zip(table.lines()).find(|(actual, expected)| actual != expected);
        panic!("{name}: the answers are not those of the table, but those of {}: {differing:?}", path.display());
    }
}

/// A world with something of each sort to ask for.
async fn furnished() -> World {
    let world = World::new().await;
    world.made(SETS, &set("web", 2)).await;
    world.made(STATEFUL_SETS, &stateful_set("web", 2)).await;
    let data = json!({"spec": {"template": {}}});
    world.made(REVISIONS, &json!({"metadata": {"name": "web-1"}, "data": data, "revision": 1})).await;
    let mut pod = running_pod("web-0");
    pod["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
    world.made_pod(&pod).await;
    let selector = json!({"matchLabels": {"app": "nginx"}});
    world.made(BUDGETS, &json!({"metadata": {"name": "web"}, "spec": {"minAvailable": 1, "selector": selector}})).await;
    let here = "/api/v1/namespaces/default";
    let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    let volume =
        json!({"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/srv"}});
    for (path, object) in [
        (format!("{here}/services"), json!({"metadata": {"name": "nginx"}, "spec": {"ports": [{"port": 80}]}})),
        (format!("{here}/persistentvolumeclaims"), json!({"metadata": {"name": "www"}, "spec": claim})),
        (format!("{here}/endpoints"), json!({"metadata": {"name": "nginx"}})),
        ("/api/v1/persistentvolumes".to_owned(), json!({"metadata": {"name": "disk"}, "spec": volume})),
        ("/api/v1/nodes".to_owned(), json!({"metadata": {"name": "here"}})),
        (
            "/apis/storage.k8s.io/v1/storageclasses".to_owned(),
            json!({"metadata": {"name": "fast"}, "provisioner": "example.com/fast"}),
        ),
        (
            format!("{here}/configmaps"),
            json!({
                "metadata": {"name": "settled"}, "data": {"a": "1"}, "binaryData": {"b": "AA=="}, "immutable": true,
            }),
        ),
        (
            format!("{here}/secrets"),
            json!({"metadata": {"name": "password"}, "stringData": {"a": "1"}, "immutable": true}),
        ),
        (
            "/apis/coordination.k8s.io/v1/namespaces/default/leases".to_owned(),
            json!({"metadata": {"name": "leader"}, "spec": {"holderIdentity": "a"}}),
        ),
    ] {
        world.made(&path, &object).await;
    }
    world
}

/// All that the store holds, and its revision.
fn contents(world: &World) -> (u64, Vec<Value>) {
    let lists = RESOURCES.iter().map(|resource| world.store.list(&resource.qualified(), None));
    let objects = lists.flat_map(|list| list.items).map(|object| (*object).clone()).collect();
    (world.store.revision().0, objects)
}

/// The answer to the request of a case.
async fn ask(world: &World, asked: &str) -> String {
    let (head, body) = asked.split_once("\n\n").unwrap_or((asked, ""));
    let mut lines = head.lines().skip(1);
    let (method, path) = lines.next().and_then(|line| line.split_once(' ')).expect("a method and a path");
    let mut request = Request::builder().method(method).uri(expanded(path));
    let mut has_type = false;
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a header");
        has_type |= name.eq_ignore_ascii_case("content-type");
        request = request.header(name, expanded(value));
    }
    if !has_type {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let answer = world.send(request.body(Body::from(octets(body))).expect("a request")).await;
    let Ok(mut status) = serde_json::from_str::<Value>(&answer.text) else {
        return format!("{}\n{}", answer.code, answer.text.trim_end());
    };
    if answer.code < 300 {
        return format!("{}\n{}", answer.code, answer.text);
    }
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json", "{asked}");
    // What is left of a Status once all that every refusal has is taken away.
    let mut take = |field: &str| status.as_object_mut().and_then(|fields| fields.remove(field));
    let same = [("kind", json!("Status")), ("apiVersion", json!("v1")), ("status", json!("Failure"))];
    for (field, value) in same.into_iter().chain([("metadata", json!({})), ("code", json!(answer.code))]) {
        assert_eq!(take(field), Some(value), "{field} of the answer to {asked}: {}", answer.text);
    }
    let message = take("message").unwrap_or_default();
    let reason = take("reason").unwrap_or_default();
    let details = take("details");
    assert_eq!(status, json!({}), "{asked}");
    let message = message.as_str().expect("a message");
    let message = if message.contains('\n') { Value::from(message).to_string() } else { message.to_owned() };
    let mut text = format!("{} {}", answer.code, reason.as_str().unwrap_or_default()).trim_end().to_owned();
    let _ = write!(text, "\n{message}");
    if let Some(details) = details {
        let _ = write!(text, "\n{details}");
    }
    text
}

/// What a text stands for: `\xff` in it is an octet, of which a text cannot hold all.
pub(crate) fn octets(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    for (i, piece) in expanded(text).split("\\x").enumerate() {
        let octet = (i > 0).then(|| u8::from_str_radix(&piece[..2], 16).expect("two hexadecimal digits"));
        octets.extend(octet);
        octets.extend_from_slice(&piece.as_bytes()[if i > 0 { 2 } else { 0 }..]);
    }
    octets
}

/// The pieces `«text*count»` of a text.
fn repeats(text: &str) -> impl Iterator<Item = (&str, String)> {
    text.split('«').skip(1).map(|rest| {
        let (piece, _) = rest.split_once('»').expect("a closed «»");
        let (text, count) = piece.rsplit_once('*').expect("a count");
        (piece, text.replace("\\n", "\n").repeat(count.parse().expect("a number")))
    })
}

pub(crate) fn expanded(text: &str) -> String {
    repeats(text).fold(text.to_owned(), |text, (piece, whole)| text.replace(&format!("«{piece}»"), &whole))
}

/// An answer, with what is long in the request as short as there.
pub(crate) fn shortened(answer: &str, asked: &str) -> String {
    repeats(asked).fold(answer.to_owned(), |text, (piece, whole)| text.replace(&whole, &format!("«{piece}»")))
}
