//! Clients that take their time: each is let go when the limit has passed that is named with it, and not before.

use std::time::Duration;

use api::limits::BODY_BYTES_MAX;
use futures::FutureExt as _;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use petset_server::limits::{BODY_PATIENCE, CONNECTIONS_MAX, KEEP_ALIVE, PATIENCE, UNREAD_PATIENCE, UNREAD_SWEEP};
use serde_json::json;
use store::{Key, Write};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::advance,
};

use super::{
    frames::{self, BEGIN, frame, request},
    frozen,
    wire::Wire,
};
use crate::world::{TOKEN, World, running_pod};

trait Socket: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Socket for T {}

/// A case: what it is, what it speaks, what it sends at once, the limit, and how what it hears begins.
type Case<'a> = (&'a str, &'a str, Vec<u8>, Duration, &'a str);

#[tokio::test(start_paused = true)]
async fn who_takes_too_long_is_let_go_when_the_limit_has_passed_and_not_before() {
    let _frozen = frozen();
    let world = World::new().await;
    world.made_pod(&running_pod("web-0")).await;
    let wire = Wire::of(&world).await;
    let post = |rest: &str| {
        format!(
            "POST /api/v1/namespaces/default/endpoints HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n{rest}"
        )
        .into_bytes()
    };
    let of_body = "HTTP/1.1 408 Request Timeout\r\n";
    let begun_body = [&BEGIN[..], &request(1, "POST", "/api/v1/namespaces/default/endpoints", &[], false)].concat();
    let begun_head = [&BEGIN[..], &frame(1, 0, 1, &[0x82])].concat();
    let cases: [Case<'_>; 14] = [
        ("a connection that says nothing", "", vec![], PATIENCE, ""),
        ("a handshake that is not gone on with", "", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc".to_vec(), PATIENCE, ""),
        ("a handshake and nothing else", "http/1.1", vec![], PATIENCE, ""),
        ("half a request line", "http/1.1", b"GET /liv".to_vec(), PATIENCE, ""),
        ("what may still become HTTP/2", "http/1.1", b"PRI * HTTP/2.0\r\n".to_vec(), PATIENCE, ""),
        ("half a header", "http/1.1", b"GET /livez HTTP/1.1\r\nHost: loc".to_vec(), PATIENCE, ""),
        ("a body of which nothing comes", "http/1.1", post("Content-Length: 9\r\n\r\n"), BODY_PATIENCE, of_body),
        ("a body of which half comes", "http/1.1", post("Content-Length: 9\r\n\r\n{\"a\""), BODY_PATIENCE, of_body),
        (
            "pieces that do not end",
            "http/1.1",
            post("Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
            BODY_PATIENCE,
            of_body,
        ),
        ("HTTP/2 that does not begin", "h2", vec![], PATIENCE, ""),
        ("HTTP/2 that begins and asks nothing", "h2", BEGIN.to_vec(), PATIENCE, ""),
        ("half the headers of a request, over HTTP/2", "h2", begun_head, PATIENCE, ""),
        ("a body of which nothing comes, over HTTP/2", "h2", begun_body, BODY_PATIENCE, "408"),
        (
            "SPDY without a stream",
            "http/1.1",
            format!(
                "GET /api/v1/namespaces/default/pods/web-0/exec?command=forever&stdout=1 HTTP/1.1\r\nHost: localhost\r\n\
                 Authorization: Bearer {TOKEN}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\
                 X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n"
            )
            .into_bytes(),
            PATIENCE,
            "HTTP/1.1 101 Switching Protocols\r\n",
        ),
    ];
    for (what, protocol, sent, limit, expected) in cases {
        let mut stream: Box<dyn Socket> = match protocol {
            "" => Box::new(TcpStream::connect(wire.address).await.expect("a connection")),
            protocol => Box::new(wire.connect(protocol).await),
        };
        stream.write_all(&sent).await.expect("sent");
        stream.flush().await.expect("sent");
        wire.is_alive(what).await;
        advance(limit.checked_sub(Duration::from_millis(10)).expect("a limit")).await;
        wire.is_alive(what).await;
        let mut heard = vec![0; 64 * 1024];
        let before = match stream.read(&mut heard).now_or_never() {
            None => 0,
            Some(read) => read.expect("it goes on"),
        };
        // What is heard before the limit is no end.
        assert!(before > 0 || stream.read(&mut [0]).now_or_never().is_none(), "{what} ends before its time");
        heard.truncate(before);
        advance(Duration::from_millis(20)).await;
        if protocol == "h2" && expected == "408" {
            assert_eq!(frames::answer(&mut stream, &heard, 1).await, expected, "{what}");
        } else {
            // Where it ends does not matter.
            let _ = stream.read_to_end(&mut heard).await;
            let heard = String::from_utf8_lossy(&heard);
            assert!(
                protocol == "h2" || heard.starts_with(expected) && heard.is_empty() == expected.is_empty(),
                "{what}: {heard}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_drips_has_no_more_time_than_what_stands_still() {
    let _frozen = frozen();
    let world = World::new().await;
    let wire = Wire::of(&world).await;
    let head = format!(
        "POST /api/v1/namespaces/default/endpoints HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Length: {BODY_BYTES_MAX}\r\n\r\n"
    );
    for (what, begins, limit, expected) in [
        ("headers", "GET /livez HTTP/1.1\r\n", PATIENCE, ""),
        ("a body", head.as_str(), BODY_PATIENCE, "HTTP/1.1 408 Request Timeout\r\n"),
    ] {
        let mut stream = wire.connect("http/1.1").await;
        stream.write_all(begins.as_bytes()).await.expect("sent");
        wire.is_alive(what).await;
        for _ in 0..9 {
            advance(limit / 10).await;
            stream.write_all(b"a").await.expect("sent");
            wire.is_alive(what).await;
        }
        assert!(stream.read(&mut [0]).now_or_never().is_none(), "{what}: before its time");
        advance(limit / 10 + Duration::from_millis(10)).await;
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard).await;
        let heard = String::from_utf8_lossy(&heard);
        assert!(heard.starts_with(expected) && heard.is_empty() == expected.is_empty(), "{what}: {heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_requests_ends_and_one_that_answers_pings_does_not() {
    let _frozen = frozen();
    let world = World::new().await;
    let wire = Wire::of(&world).await;
    let mut old = wire.connect("http/1.1").await;
    old.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
    let mut answer = [0; 15];
    old.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let mut deaf = wire.connect("h2").await;
    let mut awake = wire.connect("h2").await;
    for stream in [&mut deaf, &mut awake] {
        stream.write_all(&[&BEGIN[..], &request(1, "GET", "/livez", &[], true)].concat()).await.expect("sent");
        assert_eq!(frames::answer(stream, &[], 1).await, "200");
    }
    advance(PATIENCE + Duration::from_millis(10)).await;
    let _ = old.read_to_end(&mut Vec::new()).await;

    advance(KEEP_ALIVE).await;
    let ping = frames::next(&mut awake, 6).await;
    awake.write_all(&frame(6, 1, 0, &ping)).await.expect("sent");
    wire.is_alive("a ping is answered").await;
    advance(KEEP_ALIVE).await;
    let _ = deaf.read_to_end(&mut Vec::new()).await;
    awake.write_all(&request(3, "GET", "/livez", &[], true)).await.expect("sent");
    assert_eq!(frames::answer(&mut awake, &[], 3).await, "200");
}

#[tokio::test(start_paused = true)]
async fn answers_that_nobody_reads_are_let_go() {
    let _frozen = frozen();
    let world = World::new().await;
    // More than the buffers of the kernel hold, on both sides together.
    let writes = (0..20).map(|n| {
        let object =
            json!({"metadata": {"name": n.to_string(), "namespace": "default"}, "message": "x".repeat(1 << 20)});
        Write::Create { key: Key::new("events", "default", &n.to_string()), object }
    });
    world.store.commit(writes.collect()).await.expect("new objects");
    let wire = Wire::of(&world).await;
    let path = "/api/v1/namespaces/default/events";
    let mut old = wire.connect_narrow("http/1.1").await;
    let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    old.write_all(ask.as_bytes()).await.expect("sent");
    // A window of nothing, for this and all streams.
    let no_window = frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let mut new = wire.connect("h2").await;
    new.write_all(&[&BEGIN[..], &no_window, &request(1, "GET", path, &[], true)].concat()).await.expect("sent");
    assert_eq!(frames::answer(&mut new, &[], 1).await, "200");
    wire.is_alive("two lists that nobody reads").await;
    // Its time begins when the buffers below are full, which may take until after the first of these.
    for _ in 0..3 {
        advance(UNREAD_PATIENCE + UNREAD_SWEEP).await;
        wire.is_alive("two lists that nobody reads").await;
    }
    let mut heard = Vec::new();
    let _ = old.read_to_end(&mut heard).await;
    assert!(heard.len() < 20 << 20, "it was read to its end");
}

#[tokio::test(start_paused = true)]
async fn connections_that_only_hold_a_place_give_it_to_others() {
    let _frozen = frozen();
    // Both ends are in this process.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("a limit");
    let world = World::new().await;
    let wire = Wire::of(&world).await;
    let mut known = wire.connect("http/1.1").await;
    let ask = format!("GET /api/v1/pods?watch=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    known.write_all(ask.as_bytes()).await.expect("sent");
    let mut answer = [0; 15];
    known.read_exact(&mut answer).await.expect("an answer");
    let mut strangers = Vec::new();
    for _ in 0..CONNECTIONS_MAX + 8 {
        strangers.push(TcpStream::connect(wire.address).await.expect("a connection"));
    }
    // They hold all places, and their time has not come.
    wire.is_alive("many connections that say nothing").await;
    for gone in &mut strangers[..9] {
        assert_eq!(gone.read(&mut [0]).await.expect("an end"), 0);
    }
    world.made_pod(&running_pod("web-0")).await;
    let mut event = vec![0; 4096];
    let read = known.read(&mut event).await.expect("an event");
    assert!(read > 0, "who has shown the token keeps the place");
    let last = strangers.last_mut().expect("a connection");
    assert!(last.read(&mut [0]).now_or_never().is_none(), "the oldest go first");
}
