//! Many watchers, and those that are slow.

use std::{fs, time::Duration};

use axum::body::Body;
use futures::{FutureExt as _, StreamExt as _};
use http::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use petset_server::limits::{
    KEEP_ALIVE, PIECE_BYTES_MAX, STREAMS_PER_CONNECTION, UNREAD_PATIENCE, UNREAD_SWEEP, WATCHES_MAX,
};
use serde_json::{Value, json};
use store::{Expect, Key, LOG_EVENTS, Write};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::advance,
};

use crate::{
    hostile::{
        frames::{BEGIN, Peer, frame, request},
        frozen,
        wire::Wire,
    },
    watch::Events,
    world::{ENDPOINTS, TOKEN, World, code, endpoints},
};

/// What an idle watch may take, in octets, less its connection.
const WATCH_BYTES: usize = 8 * 1024;

/// What this process has of memory, in octets.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the field");
    line.split_whitespace().next().and_then(|text| text.parse::<usize>().ok()).expect("a number") * 1024
}

/// Changes the object `a`.
async fn change(world: &World, round: usize, filler: &str) {
    let key = Key::new("endpoints", "default", "a");
    let mut object = endpoints("a", &round.to_string());
    object["metadata"]["namespace"] = "default".into();
    object["metadata"]["annotations"] = json!({"filler": filler});
    world.store.commit(vec![Write::Update { key, object, expect: Expect::Exists }]).await.expect("an update");
}

/// The labels `app` of what has been told, in order.
fn rounds(lines: &[u8]) -> Vec<String> {
    let events = lines.split_inclusive(|octet| *octet == b'\n').filter(|line| line.ends_with(b"\n"));
    let objects = events.map(|line| serde_json::from_slice::<Value>(line).expect("a line of JSON"));
    objects.map(|event| event["object"]["metadata"]["labels"]["app"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn as_many_idle_watches_as_may_be_open_take_little_memory_and_hear_the_next_change() {
    let world = World::new().await;
    let open = async || {
        let asked =
            Request::get(format!("{ENDPOINTS}?watch=1&resourceVersion=2")).body(Body::empty()).expect("a request");
        let answer = world.respond(asked).await;
        assert_eq!(code(&answer), 200);
        let mut events = answer.into_body().into_data_stream();
        assert!(events.next().now_or_never().is_none(), "it waits");
        events
    };
    // What is only there once is not counted.
    let mut watches = vec![open().await];
    let before = resident();
    while watches.len() < WATCHES_MAX {
        watches.push(open().await);
    }
    let each = (resident() - before) / WATCHES_MAX;
    assert!(each <= WATCH_BYTES, "{each} octets each");
    world.made(ENDPOINTS, &endpoints("a", "x")).await;
    for events in &mut watches {
        let event = events.next().await.expect("an event").expect("whole");
        assert_eq!(rounds(&event), ["x"]);
    }
}

#[tokio::test]
async fn a_thousand_watches_on_few_connections_hear_every_change_in_order() {
    const CONNECTIONS: usize = 4;
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("a", "x")).await;
    let wire = Wire::of(&world).await;
    let mut watches = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TokioIo::new(wire.connect("h2").await);
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
        tokio::spawn(connection);
        for _ in 0..STREAMS_PER_CONNECTION {
            let asked = Request::get(format!("https://localhost{ENDPOINTS}?watch=1&resourceVersion=3"))
                .header("authorization", format!("Bearer {TOKEN}"))
                .body(Body::empty())
                .expect("a request");
            let answer = sender.send_request(asked).await.expect("an answer");
            assert_eq!(answer.status(), 200);
            watches.push(Body::new(answer.into_body()).into_data_stream());
        }
    }
    for round in 0..10 {
        change(&world, round, "").await;
    }
    let expected: Vec<String> = (0..10).map(|round| round.to_string()).collect();
    for events in &mut watches {
        let mut lines = Vec::new();
        while rounds(&lines).len() < expected.len() {
            lines.extend_from_slice(&events.next().await.expect("an event").expect("whole"));
        }
        assert_eq!(rounds(&lines), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_does_not_read_is_let_go_and_holds_up_nobody() {
    const CHANGES: usize = 200;
    let _frozen = frozen();
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("a", "x")).await;
    let wire = Wire::of(&world).await;
    let path = format!("{ENDPOINTS}?watch=1&resourceVersion=3");
    // Two watches on one connection: the first gets a window of a hundred thousand octets, which the changes soon fill, the
    // second one that is as good as endless.
    let window = |stream: u32, octets: u32| frame(8, 0, stream, &octets.to_be_bytes());
    let mut peer = Peer::new(wire.connect("h2").await);
    let no_window = frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let watch = |stream| request(stream, "GET", &path, &[], true);
    peer.send(&[&BEGIN[..], &no_window, &window(0, 1 << 30)].concat()).await;
    peer.send(&[watch(1), window(1, 100_000), watch(3), window(3, 1 << 30)].concat()).await;
    // And one that has a connection of its own, and does not read either.
    let mut deaf = wire.connect_narrow("http/1.1").await;
    let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    deaf.write_all(ask.as_bytes()).await.expect("sent");
    let mut other = Events::open(&world, "resourceVersion=3", "").await;
    wire.is_alive("all are open").await;

    let filler = "x".repeat(40_000);
    for round in 0..CHANGES {
        change(&world, round, &filler).await;
        assert_eq!(other.told(1).await, [format!("MODIFIED a {}", round + 4)]);
        peer.until(|peer| peer.lines(3) > round).await;
    }
    let all: Vec<String> = (0..CHANGES).map(|round| round.to_string()).collect();
    assert_eq!(rounds(peer.data(3)), all);
    assert_eq!(peer.data(1).len(), 100_000);

    for _ in 0..2 {
        advance(KEEP_ALIVE).await;
        let pings = peer.pings;
        peer.until(|peer| peer.pings > pings).await;
        wire.is_alive("the ping is answered").await;
    }
    let rest = (UNREAD_PATIENCE + UNREAD_SWEEP).saturating_sub(2 * KEEP_ALIVE);
    advance(rest + Duration::from_millis(10)).await;
    wire.is_alive("the watch is let go").await;
    peer.send(&window(1, 1 << 30)).await;
    peer.until(|peer| peer.is_ended(1)).await;
    // What was on its way, and then that it is to list again.
    let told = peer.data(1);
    let (rest, last) =
        told.split_at(told[..told.len() - 1].iter().rposition(|octet| *octet == b'\n').expect("lines") + 1);
    assert!(rest.len() <= 100_000 + 2 * PIECE_BYTES_MAX, "{} octets were kept", rest.len());
    let told = rounds(rest);
    assert_eq!(told, all[..told.len()]);
    let last: Value = serde_json::from_slice(last).expect("JSON");
    assert_eq!(
        (&last["type"], &last["object"]["code"], &last["object"]["reason"]),
        (&json!("ERROR"), &json!(410), &json!("Expired"))
    );
    assert_eq!(last["object"]["message"], "the watch was not read for 60 s, so it was let go: list again");

    // The connection goes on, also with its other watch.
    change(&world, CHANGES, "").await;
    peer.until(|peer| peer.lines(3) > CHANGES).await;
    let mut heard = Vec::new();
    let _ = deaf.read_to_end(&mut heard).await;
    assert!(heard.len() < CHANGES * filler.len(), "it was told all, and its connection goes on");
}

#[tokio::test]
async fn who_comes_back_goes_on_where_it_was_or_is_told_to_list_again() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("a", "x")).await;
    for round in 0..1_000 {
        change(&world, round, "").await;
    }
    let mut events = Events::open(&world, "resourceVersion=10", "").await;
    let expected: Vec<String> = (11..=1_003).map(|version| format!("MODIFIED a {version}")).collect();
    assert_eq!(events.told(expected.len()).await, expected);
    // Longer than the history is kept.
    for round in 0..2 * LOG_EVENTS {
        change(&world, round, "").await;
    }
    let last = events.next().await.expect("an event");
    assert_eq!((&last["type"], &last["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert_eq!(events.next().await, None);
    let mut late = Events::open(&world, "resourceVersion=1003", "").await;
    assert_eq!(late.next().await.expect("an event")["object"]["code"], 410);
}
