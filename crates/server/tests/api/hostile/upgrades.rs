//! Connections that were upgraded, and then are not spoken as they should be.

use super::wire::{Wire, said};
use crate::world::{TOKEN, World, running_pod};

const PATH: &str = "/api/v1/namespaces/default/pods/web-0/exec?command=cat&stdin=1&stdout=1";

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const VERSION: &str = "Sec-WebSocket-Version: 13";
const PROTOCOL: &str = "Sec-WebSocket-Protocol: v5.channel.k8s.io";

/// A request for a session, with these headers besides.
fn upgrade(method: &str, to: &str, headers: &[&str]) -> Vec<u8> {
    let headers = headers.join("\r\n");
    format!(
        "{method} {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nConnection: Upgrade\r\nUpgrade: {to}\r\n\
         {headers}\r\n\r\n"
    )
    .into_bytes()
}

/// A frame of a WebSocket (RFC 6455, section 5.2), masked with zeros. `first` has its flags and what it is.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut octets = vec![first];
    match length {
        0..=125 => octets.push(0x80 | length as u8),
        126..=0xffff => octets.extend([&[0xfe][..], &(length as u16).to_be_bytes()].concat()),
        _ => octets.extend([&[0xff][..], &(length as u64).to_be_bytes()].concat()),
    }
    [&octets[..], &[0; 4], payload].concat()
}

/// The code of the frame that closes the connection, behind an answer and other frames; `None` where it just ends.
fn farewell(said: &[u8]) -> Option<u16> {
    let head = said.windows(4).position(|octets| octets == b"\r\n\r\n").expect("an answer") + 4;
    assert!(said.starts_with(b"HTTP/1.1 101 "), "{}", said[..head].escape_ascii());
    let mut rest = &said[head..];
    while let [first, length, behind @ ..] = rest {
        let length = usize::from(*length);
        assert!(length < 126, "a long frame");
        let payload = behind.get(..length)?;
        if first & 0xf == 8 {
            return payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        }
        rest = &behind[length..];
    }
    None
}

#[tokio::test]
async fn frames_that_break_the_rules_of_web_sockets_end_the_session() {
    let world = World::new().await;
    world.made_pod(&running_pod("web-0")).await;
    let wire = Wire::of(&world).await;
    let long = |length: u64| [&[0x82, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat();
    let half = vec![0; 600 * 1024];
    let bye = frame(0x88, &1000_u16.to_be_bytes());
    let pings: Vec<u8> = (0..10_000).flat_map(|_| frame(0x89, b"")).collect();
    let cases: Vec<(&str, Vec<u8>, Option<u16>)> = vec![
        ("a frame without a mask", vec![0x82, 1, 0], None),
        ("an opcode that is none", frame(0x83, b"\0"), None),
        ("a control opcode that is none", frame(0x8b, b"\0"), None),
        ("a compressed frame", frame(0xc2, b"\0"), None),
        ("reserved bits", frame(0xb2, b"\0"), None),
        ("a frame that says it has two mebibytes", long(2 << 20), None),
        ("a frame that says it has more than there is", long(1 << 62), None),
        ("a length below zero", long(u64::MAX), None),
        ("pieces that are too long together", [frame(0x02, &half), frame(0x80, &half)].concat(), None),
        ("the second piece of nothing", frame(0x80, b"\0"), None),
        ("a message within another", [frame(0x02, b"\0"), frame(0x82, b"\0")].concat(), None),
        ("a ping in pieces", frame(0x09, b"x"), None),
        ("a ping that is too long", frame(0x89, &[0; 126]), None),
        ("a text that is none", frame(0x81, b"\0\xff"), None),
        ("a farewell of one octet", frame(0x88, b"x"), None),
        ("a farewell with a code that nobody may send", frame(0x88, &1005_u16.to_be_bytes()), Some(1002)),
        ("a channel that is not there", [frame(0x82, b"\x09x"), bye.clone()].concat(), Some(1000)),
        ("a size of no terminal", [frame(0x82, b"\x04{\"Width\":99999999}"), bye.clone()].concat(), Some(1000)),
        ("an empty message", [frame(0x82, b""), bye.clone()].concat(), Some(1000)),
        ("very many pings", [pings, bye].concat(), Some(1000)),
    ];
    let mut wrong = Vec::new();
    for (what, frames, expected) in cases {
        let asked = upgrade("GET", "websocket", &[VERSION, KEY, PROTOCOL]);
        let told = farewell(&said(wire.connect("http/1.1").await, &[asked, frames].concat()).await);
        if told != expected {
            wrong.push((what, told));
        }
        wire.is_alive(what).await;
    }
    assert_eq!(wrong, Vec::new());
}

#[tokio::test]
async fn what_is_no_upgrade_is_refused_and_compression_is_not_agreed_to() {
    let world = World::new().await;
    world.made_pod(&running_pod("web-0")).await;
    let wire = Wire::of(&world).await;
    let deflate = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits";
    let asked = upgrade("GET", "websocket", &[VERSION, KEY, PROTOCOL, deflate]);
    let heard = said(wire.connect("http/1.1").await, &[asked, frame(0x88, &[])].concat()).await;
    let heard = String::from_utf8_lossy(&heard).to_ascii_lowercase();
    assert!(heard.starts_with("http/1.1 101 ") && !heard.contains("sec-websocket-extensions"), "{heard}");

    let mut wrong = Vec::new();
    for (what, asked, expected) in [
        (
            "another version",
            upgrade("GET", "websocket", &["Sec-WebSocket-Version: 12", KEY, PROTOCOL]),
            "400 `Sec-WebSocket-Version` header did not include '13'",
        ),
        (
            "no version",
            upgrade("GET", "websocket", &[KEY, PROTOCOL]),
            "400 `Sec-WebSocket-Version` header did not include '13'",
        ),
        ("no key", upgrade("GET", "websocket", &[VERSION, PROTOCOL]), "400 `Sec-WebSocket-Key` header missing"),
        (
            "no protocol",
            upgrade("GET", "websocket", &[VERSION, KEY]),
            "400 unable to negotiate protocol: client supports [], server accepts [v5.channel.k8s.io, v4.channel.k8s.io]",
        ),
        (
            "a protocol that nobody speaks",
            upgrade("GET", "websocket", &[VERSION, KEY, "Sec-WebSocket-Protocol: chat"]),
            "400 unable to negotiate protocol: client supports [chat], server accepts [v5.channel.k8s.io, v4.channel.k8s.io]",
        ),
        ("another method", upgrade("POST", "websocket", &[VERSION, KEY, PROTOCOL]), "400 Upgrade request required"),
        ("another thing", upgrade("GET", "tls/1.3", &[]), "400 Upgrade request required"),
        (
            "another version of SPDY",
            upgrade("POST", "SPDY/2", &["X-Stream-Protocol-Version: v4.channel.k8s.io"]),
            "400 Upgrade request required",
        ),
    ] {
        // The answer goes out before the request to end.
        let last = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let replies = wire.exchange(&[&asked[..], last].concat()).await;
        let status: serde_json::Value = serde_json::from_str(&replies[0].text).expect("a status");
        let told = format!("{} {}", replies[0].code, status["message"].as_str().expect("a message"));
        if told != expected {
            wrong.push((what, told));
        }
    }
    assert_eq!(wrong, Vec::new());
}

#[tokio::test]
async fn what_is_no_spdy_ends_the_session() {
    let world = World::new().await;
    world.made_pod(&running_pod("web-0")).await;
    let wire = Wire::of(&world).await;
    for (what, octets) in [
        ("another version", vec![0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1]),
        ("a frame that is too large", vec![0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff]),
        ("a frame that is too short", vec![0x80, 3, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1]),
        (
            "headers that cannot be unpacked",
            [&[0x80, 3, 0, 1, 0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &[0xff; 4]].concat(),
        ),
    ] {
        let asked = upgrade("POST", "SPDY/3.1", &["X-Stream-Protocol-Version: v4.channel.k8s.io"]);
        // A client that goes on listening hears the end.
        let heard = said(wire.connect("http/1.1").await, &[asked, octets].concat()).await;
        assert!(heard.starts_with(b"HTTP/1.1 101 "), "{what}: {}", heard.escape_ascii());
        wire.is_alive(what).await;
    }
}
