//! HTTP/2, frame by frame (RFC 9113), as no library would send it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use petset_server::limits::STREAMS_PER_CONNECTION;

use super::wire::{Wire, said_within};
use crate::world::{TOKEN, World, running_pod};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What every connection begins with: the preface, and settings that say nothing.
pub(crate) const BEGIN: [u8; 33] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// How long a connection may stay open that has said all.
const OPEN: Duration = Duration::from_secs(3);

/// The stream on which it is asked, behind everything else, whether the connection goes on.
const PROBE: u32 = 0x0fff_ffff;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A length, with a prefix of seven bits (RFC 7541, section 5.1).
fn length(length: usize) -> Vec<u8> {
    let Some(mut rest) = length.checked_sub(127) else { return vec![length as u8] };
    let mut octets = vec![127];
    while rest >= 128 {
        octets.push(rest as u8 | 128);
        rest >>= 7;
    }
    octets.push(rest as u8);
    octets
}

/// Headers, none of them remembered (RFC 7541, section 6.2.2).
fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let header = |(name, value): &(&str, &str)| {
        [&[0], &length(name.len())[..], name.as_bytes(), &length(value.len()), value.as_bytes()].concat()
    };
    headers.iter().flat_map(header).collect()
}

const fn ours<'a>(method: &'a str, path: &'a str) -> [(&'a str, &'a str); 4] {
    [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)]
}

/// A request with the token, in one frame.
pub(crate) fn request(stream: u32, method: &str, path: &str, more: &[(&str, &str)], is_whole: bool) -> Vec<u8> {
    let token = format!("Bearer {TOKEN}");
    let headers = [&ours(method, path)[..], &[("authorization", &token)], more].concat();
    frame(HEADERS, END_HEADERS | if is_whole { END_STREAM } else { 0 }, stream, &block(&headers))
}

/// A request of these headers alone.
fn headers(stream: u32, headers: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(headers))
}

/// A frame as it came.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// The next whole frame, and what is behind it.
fn split(said: &[u8]) -> Option<(Frame, &[u8])> {
    let (head, rest) = said.split_at_checked(9)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let (payload, rest) = rest.split_at_checked(length)?;
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    Some((Frame { kind: head[3], flags: head[4], stream, payload: payload.to_vec() }, rest))
}

/// The status that a block of headers begins with, which stands in the static table, or is written with Huffman's code.
fn status(block: &[u8]) -> String {
    const KNOWN: [&str; 7] = ["200", "204", "206", "304", "400", "404", "500"];
    match block {
        [indexed @ 0x88..=0x8e, ..] => KNOWN[usize::from(*indexed - 0x88)].to_owned(),
        [0x48 | 0x08, 0x03, digits @ ..] => String::from_utf8_lossy(&digits[..3]).into_owned(),
        [0x48 | 0x08, length, octets @ ..] if length & 0x80 != 0 => {
            let octets = &octets[..usize::from(length & 0x7f)];
            let mut bits = octets.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1));
            let mut take = |count: u32| (0..count).fold(0, |code, _| code << 1 | bits.next().expect("a digit"));
            let mut digit = || match take(5) {
                code @ 0..=2 => code,
                // Six bits, from 011001 on.
                code => (code << 1 | take(1)) - 0b01_1001 + 3,
            };
            (0..3).map(|_| char::from(b'0' + digit())).collect()
        }
        other => panic!("no status: {other:?}"),
    }
}

/// The status of the answer on a stream. `said` has been read already.
pub(crate) async fn answer(reader: &mut (impl AsyncRead + Unpin), said: &[u8], stream: u32) -> String {
    let mut said = said.to_vec();
    loop {
        let mut rest = &said[..];
        while let Some((frame, behind)) = split(rest) {
            if (frame.kind, frame.stream) == (HEADERS, stream) {
                return status(&frame.payload);
            }
            rest = behind;
        }
        said = rest.to_vec();
        assert_ne!(reader.read_buf(&mut said).await.expect("more"), 0, "the connection has ended");
    }
}

/// The payload of the next frame of a kind.
pub(crate) async fn next(reader: &mut (impl AsyncRead + Unpin), kind: u8) -> Vec<u8> {
    let mut said = Vec::new();
    loop {
        let mut rest = &said[..];
        while let Some((frame, behind)) = split(rest) {
            if frame.kind == kind {
                return frame.payload;
            }
            rest = behind;
        }
        said = rest.to_vec();
        assert_ne!(reader.read_buf(&mut said).await.expect("more"), 0, "the connection has ended");
    }
}

/// A client that answers pings, and grants no windows by itself.
pub(crate) struct Peer {
    stream: TlsStream<TcpStream>,
    heard: Vec<u8>,
    data: BTreeMap<u32, Vec<u8>>,
    lines: BTreeMap<u32, usize>,
    ended: BTreeSet<u32>,
    /// How many it has answered.
    pub(crate) pings: usize,
}

impl Peer {
    pub(crate) fn new(stream: TlsStream<TcpStream>) -> Peer {
        Peer {
            stream,
            heard: Vec::new(),
            data: BTreeMap::new(),
            lines: BTreeMap::new(),
            ended: BTreeSet::new(),
            pings: 0,
        }
    }

    pub(crate) async fn send(&mut self, frames: &[u8]) {
        self.stream.write_all(frames).await.expect("sent");
        self.stream.flush().await.expect("sent");
    }

    /// The body that has come on a stream.
    pub(crate) fn data(&self, stream: u32) -> &[u8] {
        self.data.get(&stream).map_or(&[], |data| data)
    }

    /// The number of lines in it.
    pub(crate) fn lines(&self, stream: u32) -> usize {
        self.lines.get(&stream).copied().unwrap_or_default()
    }

    pub(crate) fn is_ended(&self, stream: u32) -> bool {
        self.ended.contains(&stream)
    }

    /// Listens until something is so.
    pub(crate) async fn until(&mut self, is_so: impl Fn(&Peer) -> bool) {
        while !is_so(self) {
            assert_ne!(self.stream.read_buf(&mut self.heard).await.expect("more"), 0, "the connection has ended");
            let heard = std::mem::take(&mut self.heard);
            let mut rest = &heard[..];
            while let Some((Frame { kind, flags, stream, payload }, behind)) = split(rest) {
                rest = behind;
                if kind == PING && flags == 0 {
                    self.pings += 1;
                    self.send(&frame(PING, 1, 0, &payload)).await;
                }
                if kind == DATA {
                    *self.lines.entry(stream).or_default() += payload.split(|octet| *octet == b'\n').count() - 1;
                    self.data.entry(stream).or_default().extend(payload);
                }
                if kind == DATA && flags & END_STREAM != 0 || kind == RST_STREAM {
                    self.ended.insert(stream);
                }
            }
            self.heard = rest.to_vec();
        }
    }
}

/// What comes of what is sent on a connection of its own: each different thing that is heard, and whether the connection goes on.
async fn outcome(wire: &Wire, sent: &[u8]) -> String {
    let mut stream = wire.connect("h2").await;
    // Its own half would otherwise end only when the other does.
    let probe = [headers(PROBE, &ours("GET", "/version")), frame(GOAWAY, 0, 0, &[0; 8])].concat();
    let (heard, has_ended) = said_within(&mut stream, &[sent, &probe].concat(), OPEN).await;
    let (mut rest, mut told, mut goes_on) = (&heard[..], BTreeSet::new(), false);
    let number = |octets: &[u8]| octets.last_chunk().map(|octets| u32::from_be_bytes(*octets)).unwrap_or_default();
    while let Some((Frame { kind, stream, payload, .. }, behind)) = split(rest) {
        rest = behind;
        match (kind, stream) {
            (HEADERS, PROBE) => goes_on = true,
            (HEADERS, _) => drop(told.insert(format!("answer {}", status(&payload)))),
            (RST_STREAM, _) => drop(told.insert(format!("reset {}", number(&payload)))),
            (GOAWAY, _) => match number(&payload[4..8]) {
                0 => {}
                why => drop(told.insert(format!("goodbye {why}"))),
            },
            _ => {}
        }
    }
    let end = match (goes_on, has_ended) {
        (true, _) => "goes on",
        (false, true) => "ends",
        (false, false) => "stays open and says nothing",
    };
    let told: Vec<String> = told.into_iter().chain([end.to_owned()]).collect();
    told.join(", ")
}

fn begun(frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    [BEGIN.to_vec()].into_iter().chain(frames).flatten().collect()
}

/// What each number of a reset or goodbye means (RFC 9113, section 7): 0 that no more is wanted, 1 a breach of the protocol, 3 of the
/// windows, 6 a frame of a wrong size, 11 too much.
#[allow(clippy::too_many_lines, reason = "a table is as long as what it lists")]
#[tokio::test]
async fn what_breaks_or_abuses_http_2_ends_its_own_stream_or_connection_alone() {
    let world = World::new().await;
    world.made_pod(&running_pod("web-0")).await;
    let wire = Wire::of(&world).await;
    let get = |stream| headers(stream, &ours("GET", "/livez"));
    let with = |more: &[(&str, &str)]| headers(1, &[&ours("GET", "/livez")[..], more].concat());
    let many = |count: u32, made: &dyn Fn(u32) -> Vec<u8>| begun((0..count).map(|n| made(2 * n + 1)));
    let post = |more: &[(&str, &str)]| request(1, "POST", "/api/v1/namespaces/default/endpoints", more, false);
    let bomb = {
        // One long header that is remembered, and then named by one octet each time.
        let mut block = block(&ours("GET", "/livez"));
        block.extend([&[0x40, 1, b'x'][..], &length(4000), &[b'y'; 4000]].concat());
        block.extend([0xbe; 12_000]);
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("HTTP/1.1", b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), "ends"),
        ("no settings at first", [&BEGIN[..24], &get(1)].concat(), "answer 200, goes on"),
        ("a frame that is too large", begun([frame(DATA, 0, 1, &[0; 16_385])]), "goodbye 6, ends"),
        ("settings of five octets", begun([frame(SETTINGS, 0, 0, &[0; 5])]), "goodbye 1, ends"),
        ("settings of a stream", begun([frame(SETTINGS, 0, 1, &[])]), "goodbye 1, ends"),
        ("a window beyond all windows", begun([frame(SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0])]), "goodbye 1, ends"),
        ("frames of one octet", begun([frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 1])]), "goodbye 1, ends"),
        ("a ping of seven octets", begun([frame(PING, 0, 0, &[0; 7])]), "goodbye 1, ends"),
        ("a ping of a stream", begun([frame(PING, 0, 1, &[0; 8])]), "goodbye 1, ends"),
        ("a request on stream 0", begun([get(0)]), "goodbye 1, ends"),
        ("a request on a stream of the server's", begun([get(2)]), "goodbye 1, ends"),
        ("two requests on one stream", begun([get(1), get(1)]), "goodbye 1, ends"),
        ("a request on a stream that was passed over", begun([get(5), get(3)]), "goodbye 1, ends"),
        ("more headers, of nothing", begun([frame(CONTINUATION, END_HEADERS, 1, &[0x82])]), "goodbye 1, ends"),
        (
            "a body before the headers end",
            begun([frame(HEADERS, 0, 1, &[0x82]), frame(DATA, 0, 1, &[0])]),
            "goodbye 1, ends",
        ),
        ("a body of no request", begun([frame(DATA, END_STREAM, 1, &[0])]), "goodbye 1, ends"),
        ("a reset of no request", begun([frame(RST_STREAM, 0, 1, &[0; 4])]), "goodbye 1, ends"),
        ("headers that cannot be unpacked", begun([frame(HEADERS, 5, 1, &[0xff; 20])]), "goodbye 1, ends"),
        ("small headers that stand for large ones", begun([bomb]), "goodbye 11, ends"),
        (
            "large headers",
            begun([with(&[("x", &"y".repeat(16_000))])].into_iter().chain([3, 5].map(get))),
            "answer 200, goes on",
        ),
        (
            "headers that are too large",
            begun(
                [frame(HEADERS, END_STREAM, 1, &block(&with_large()))].into_iter().chain(
                    (0..6).map(|n| {
                        frame(CONTINUATION, if n == 5 { END_HEADERS } else { 0 }, 1, &block(&with_large()[4..]))
                    }),
                ),
            ),
            "answer 431, goes on",
        ),
        (
            "headers that never end",
            begun(
                [frame(HEADERS, 0, 1, &[0x82])].into_iter().chain((0..5_000).map(|_| frame(CONTINUATION, 0, 1, &[]))),
            ),
            "goodbye 11, ends",
        ),
        (
            "requests that are taken back at once",
            many(2_000, &|n| [get(n), frame(RST_STREAM, 0, n, &[0, 0, 0, 8])].concat()),
            "goodbye 11, ends",
        ),
        ("very many settings", many(10_000, &|_| frame(SETTINGS, 0, 0, &[])), "goes on"),
        ("very many pings", many(10_000, &|_| frame(PING, 0, 0, &[0; 8])), "goes on"),
        ("very many priorities", many(10_000, &|n| frame(PRIORITY, 0, n, &[0, 0, 0, 0, 1])), "goes on"),
        ("very many frames of no kind", many(10_000, &|_| frame(0xee, 0, 0, &[0; 8])), "goes on"),
        (
            "very many pieces of nothing",
            begun(
                [post(&[])]
                    .into_iter()
                    .chain((0..10_000).map(|_| frame(DATA, 0, 1, &[])))
                    .chain([frame(DATA, 1, 1, b"{")]),
            ),
            "goodbye 11, ends",
        ),
        ("a stream that depends on itself", begun([frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 1])]), "reset 1, goes on"),
        ("a window that grows by nothing", begun([frame(WINDOW_UPDATE, 0, 0, &[0; 4])]), "goodbye 1, ends"),
        (
            "a window that grows beyond all",
            begun([frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])]),
            "goodbye 3, ends",
        ),
        (
            "a promise of a client's",
            begun([frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82])]),
            "goodbye 1, ends",
        ),
        ("a header in capital letters", begun([with(&[("X", "y")])]), "goodbye 1, ends"),
        ("a header with line ends", begun([with(&[("x", "y\r\nz: 1")])]), "goodbye 1, ends"),
        ("a header of the connection", begun([with(&[("connection", "close")])]), "reset 1, goes on"),
        ("pieces as of HTTP/1.1", begun([with(&[("transfer-encoding", "chunked")])]), "reset 1, goes on"),
        ("no path", begun([headers(1, &ours("GET", "/livez")[..3])]), "reset 1, goes on"),
        ("an empty path", begun([headers(1, &ours("GET", ""))]), "reset 1, goes on"),
        ("two methods", begun([with(&[(":method", "GET")])]), "reset 1, goes on"),
        (
            "a method behind the headers",
            begun([headers(1, &[&ours("GET", "/livez")[1..], &[("x", "y"), (":method", "GET")]].concat())]),
            "reset 1, goes on",
        ),
        (
            "a pseudo-header that nobody knows",
            begun([headers(1, &[&[(":x", "y")], &ours("GET", "/livez")[..]].concat())]),
            "goodbye 1, ends",
        ),
        (
            "a status of a client's",
            begun([headers(1, &[&[(":status", "200")], &ours("GET", "/livez")[..]].concat())]),
            "reset 1, goes on",
        ),
        (
            "another scheme",
            begun([headers(
                1,
                &[(":method", "GET"), (":scheme", "ftp"), (":authority", "localhost"), (":path", "/livez")],
            )]),
            "answer 200, goes on",
        ),
        (
            "another host",
            begun([headers(
                1,
                &[(":method", "GET"), (":scheme", "https"), (":authority", "evil.example"), (":path", "/livez")],
            )]),
            "answer 403, goes on",
        ),
        ("another host beside ours", begun([with(&[("host", "evil.example")])]), "answer 403, goes on"),
        (
            "a body that is shorter than it says",
            begun([post(&[("content-length", "9")]), frame(DATA, END_STREAM, 1, b"{}")]),
            "reset 1, goes on",
        ),
        (
            "a body that is longer than it says",
            begun([post(&[("content-length", "1")]), frame(DATA, END_STREAM, 1, b"{}")]),
            "reset 1, goes on",
        ),
        (
            "a body that says it is too long",
            begun([post(&[("content-length", "99999999")])]),
            "answer 413, reset 0, goes on",
        ),
        (
            "a tunnel",
            begun([headers(1, &[(":method", "CONNECT"), (":authority", "localhost:22")])]),
            "answer 401, goes on",
        ),
        (
            "a WebSocket, which needs a connection of its own",
            begun([headers(
                1,
                &[&ours("CONNECT", "/api/v1/namespaces/default/pods/web-0/exec")[..], &[(":protocol", "websocket")]]
                    .concat(),
            )]),
            "reset 1, goes on",
        ),
        (
            "an exec, which needs a connection of its own",
            begun([request(1, "GET", "/api/v1/namespaces/default/pods/web-0/exec?command=a&stdout=1", &[], true)]),
            "answer 400, goes on",
        ),
    ];
    let mut wrong = Vec::new();
    for (what, sent, expected) in cases {
        let told = outcome(&wire, &sent).await;
        if told != expected {
            wrong.push(format!("{what}: {told}"));
        }
        wire.is_alive(what).await;
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn requests_beyond_those_that_a_connection_may_have_open_are_refused() {
    const MORE: usize = 50;
    let world = World::new().await;
    let wire = Wire::of(&world).await;
    let mut peer = Peer::new(wire.connect("h2").await);
    let last = 2 * (STREAMS_PER_CONNECTION + MORE as u32);
    let watches = (1..last).step_by(2).map(|stream| request(stream, "GET", "/api/v1/pods?watch=1", &[], true));
    peer.send(&begun(watches)).await;
    peer.until(|peer| peer.ended.len() == MORE).await;
    assert!(peer.ended.iter().all(|stream| *stream > 2 * STREAMS_PER_CONNECTION), "{:?}", peer.ended);
    wire.is_alive("many watches on one connection").await;
}

/// Headers of some fifteen kilobytes, the first four of them those of a request.
fn with_large() -> Vec<(&'static str, &'static str)> {
    const VALUE: &str = match std::str::from_utf8(&[b'y'; 120]) {
        Ok(value) => value,
        Err(_) => "",
    };
    ours("GET", "/livez").into_iter().chain([("x", VALUE); 120]).collect()
}
