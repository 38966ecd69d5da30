//! SPDY as kubectl speaks it, and the `portforward` subresource in its three ways, over a real connection.

use bytes::{Bytes, BytesMut};
use futures::{SinkExt as _, StreamExt as _};
use http::header;
use serde_json::{Value, json};
use spdy::{Codec, Frame, Headers};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::{
    codec::Framed,
    io::{CopyToBytes, SinkWriter, StreamReader},
};

use crate::{
    exec::{served, tried, world},
    world::World,
};

const POD: &str = "/api/v1/namespaces/default/pods/web-0";
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";

/// A client of SPDY, as a test sees it.
struct Client<Io> {
    frames: Framed<Io, Codec>,
    next: u32,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Client<Io> {
    fn new(io: Io) -> Self {
        Client { frames: Framed::new(io, Codec::default()), next: 1 }
    }

    /// Opens a stream, and waits for the server's answer, as kubectl does.
    async fn open(&mut self, headers: Headers) -> u32 {
        let stream = self.next;
        self.next += 2;
        self.frames.send(Frame::Open { stream, headers, fin: false }).await.expect("sent");
        assert_eq!(self.heard().await, Some(Frame::Reply { stream, headers: Headers::default(), fin: false }));
        stream
    }

    async fn say(&mut self, stream: u32, text: &str, fin: bool) {
        self.frames
            .send(Frame::Data { stream, bytes: Bytes::copy_from_slice(text.as_bytes()), fin })
            .await
            .expect("sent");
    }

    async fn heard(&mut self) -> Option<Frame> {
        self.frames.next().await.map(|frame| frame.expect("SPDY"))
    }

    /// What comes on some streams until all of them have ended.
    async fn told<const N: usize>(&mut self, streams: [u32; N]) -> [String; N] {
        let mut texts = std::array::from_fn::<_, N, _>(|_| BytesMut::new());
        let mut open: Vec<u32> = streams.to_vec();
        while !open.is_empty() {
            match self.heard().await.expect("it goes on") {
                Frame::Data { stream, bytes, fin } => {
                    // The others are ended without a word.
                    let index = streams.iter().position(|of| *of == stream);
                    index.map_or_else(|| assert!(bytes.is_empty()), |index| texts[index].extend_from_slice(&bytes));
                    if fin {
                        open.retain(|of| *of != stream);
                    }
                }
                Frame::Reset { stream, .. } => {
                    assert!(open.contains(&stream), "stream {stream} is reset");
                    open.retain(|of| *of != stream);
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        texts.map(|text| String::from_utf8(text.to_vec()).expect("text"))
    }
}

/// Asks for SPDY by hand; the answer's head, and the connection after it.
async fn upgraded(world: &World, path: &str, protocols: &[&str]) -> (String, TcpStream) {
    let mut socket = TcpStream::connect(served(world).await).await.expect("a connection");
    let offered: String = protocols.iter().map(|offered| format!("X-Stream-Protocol-Version: {offered}\r\n")).collect();
    let request = format!(
        "POST {POD}/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n{offered}Content-Length: 0\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.expect("an answer"));
    }
    (String::from_utf8(head).expect("text").to_ascii_lowercase(), socket)
}

async fn spdy(world: &World, path: &str, protocols: &[&str]) -> Client<TcpStream> {
    let (head, socket) = upgraded(world, path, protocols).await;
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(head.contains("upgrade: spdy/3.1"), "{head}");
    Client::new(socket)
}

fn kind(streamtype: &str) -> Headers {
    Headers::from([("streamType", streamtype)])
}

fn half(streamtype: &str, port: &str, id: &str) -> Headers {
    Headers::from([("streamType", streamtype), ("port", port), ("requestID", id)])
}

#[tokio::test]
async fn old_kubectls_run_commands_by_spdy() {
    let world = world().await;
    let offered = ["v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io"];
    let mut client = spdy(&world, "exec?command=fail&stdout=true&stderr=true", &offered).await;
    let error = client.open(kind("error")).await;
    let stdout = client.open(kind("stdout")).await;
    let stderr = client.open(kind("stderr")).await;
    let [status, out, err] = client.told([error, stdout, stderr]).await;
    assert_eq!((out.as_str(), err.as_str()), ("so far so good", "ouch"));
    let status: Value = serde_json::from_str(&status).expect("a status");
    assert_eq!(status["details"], json!({"causes": [{"reason": "ExitCode", "message": "3"}]}));
    assert_eq!(client.heard().await, Some(Frame::Goodbye { last: 0 }));
    assert_eq!(client.heard().await, None);
}

#[tokio::test]
async fn input_and_the_size_of_a_terminal_go_by_spdy() {
    let world = world().await;
    let mut client = spdy(&world, "exec?command=cat&stdin=true&stdout=true", &["v4.channel.k8s.io"]).await;
    let error = client.open(kind("error")).await;
    let stdin = client.open(kind("stdin")).await;
    let stdout = client.open(kind("stdout")).await;
    client.say(stdin, &"all that ".repeat(20), false).await;
    client.say(stdin, "jazz", true).await;
    let [status, out] = client.told([error, stdout]).await;
    assert_eq!(
        (status.as_str(), out),
        (r#"{"metadata":{},"status":"Success"}"#, format!("{}jazz", "all that ".repeat(20)))
    );

    let mut client = spdy(&world, "exec?command=size&stdout=true&tty=true", &["v4.channel.k8s.io"]).await;
    let error = client.open(kind("error")).await;
    let stdout = client.open(kind("stdout")).await;
    let resize = client.open(kind("resize")).await;
    client.say(resize, r#"{"Width":80,"#, false).await;
    client.say(resize, "\"Height\":24}\n", false).await;
    let [_, out] = client.told([error, stdout]).await;
    assert_eq!(out, "80x24");
}

#[tokio::test]
async fn what_the_engine_refuses_is_told_by_spdy_too() {
    let world = world().await;
    let mut client = spdy(&world, "exec?command=gone&stdout=true", &["v4.channel.k8s.io"]).await;
    let error = client.open(kind("error")).await;
    let stdout = client.open(kind("stdout")).await;
    let [status, _] = client.told([error, stdout]).await;
    assert!(status.contains(r#"container not found (\"nginx\")"#), "{status}");
}

#[tokio::test]
async fn spdy_without_a_protocol_that_is_known_is_refused() {
    let world = world().await;
    for (path, offered, why) in [
        (
            "exec?command=cat&stdout=true",
            &["v1.channel.k8s.io"][..],
            "unable to negotiate protocol: client supports [v1.channel.k8s.io], server accepts [v4.channel.k8s.io]",
        ),
        ("portforward", &[], "unable to negotiate protocol: client supports [], server accepts [portforward.k8s.io]"),
    ] {
        let (head, mut socket) = upgraded(&world, path, offered).await;
        assert!(head.starts_with("http/1.1 400"), "{head}");
        let length =
            head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()).expect("a length");
        let mut body = vec![0; length.parse().expect("a number")];
        socket.read_exact(&mut body).await.expect("a body");
        let status: Value = serde_json::from_slice(&body).expect("a status");
        assert_eq!(status["message"], why);
    }
}

#[tokio::test]
async fn connections_are_forwarded_by_spdy_each_with_its_errors() {
    let world = world().await;
    let mut client = spdy(&world, "portforward", &["portforward.k8s.io"]).await;
    let error = client.open(half("error", "7", "0")).await;
    let data = client.open(half("data", "7", "0")).await;
    // kubectl never writes to it.
    client.say(error, "", true).await;
    client.say(data, "hello ", false).await;
    assert_eq!(client.heard().await, Some(Frame::Data { stream: data, bytes: "hello ".into(), fin: false }));

    // A second connection beside the first, to a port where nobody answers; its streams come the other way round.
    let nowhere = client.open(half("data", "81", "1")).await;
    let complaint = client.open(half("error", "81", "1")).await;
    let [why, _] = client.told([complaint, nowhere]).await;
    assert_eq!(why, "error forwarding port 81 to pod web-0: nobody answers at port 81");

    client.say(data, "again", true).await;
    let [rest, errors] = client.told([data, error]).await;
    assert_eq!((rest.as_str(), errors.as_str()), ("again", ""));
    assert_eq!(world.stage.asked(), ["port 7 of default/web-0", "port 81 of default/web-0"]);
}

#[tokio::test]
async fn a_connection_that_breaks_and_one_without_a_port_say_so() {
    let world = world().await;
    let mut client = spdy(&world, "portforward", &["portforward.k8s.io"]).await;
    for (port, expected) in
        [("1", "the connection to the pod broke: reset"), ("http", "a stream names the port that it is for")]
    {
        let error = client.open(half("error", port, port)).await;
        let data = client.open(half("data", port, port)).await;
        let [why, _] = client.told([error, data]).await;
        assert_eq!(why, expected);
    }
}

#[tokio::test]
async fn new_kubectls_forward_by_spdy_inside_a_web_socket() {
    let world = world().await;
    let (socket, response) = tried(served(&world).await, "portforward", TUNNEL).await.expect("an upgrade");
    assert_eq!(response.headers()[header::SEC_WEBSOCKET_PROTOCOL], TUNNEL);
    let (sink, messages) = socket.split();
    let octets = messages.map(|message| message.map(Message::into_data).map_err(std::io::Error::other));
    let sink = sink.sink_map_err(std::io::Error::other);
    let sink = Box::pin(sink.with(async |octets: Bytes| Ok::<_, std::io::Error>(Message::Binary(octets))));
    let writer = SinkWriter::new(CopyToBytes::new(sink));
    let mut client = Client::new(tokio::io::join(StreamReader::new(octets), writer));
    let error = client.open(half("error", "7", "0")).await;
    let data = client.open(half("data", "7", "0")).await;
    let long = "0123456789".repeat(20_000);
    client.say(data, &long, true).await;
    let [said, errors] = client.told([data, error]).await;
    assert!(said == long && errors.is_empty(), "{} octets, {errors}", said.len());
}

#[tokio::test]
async fn other_libraries_forward_by_channels_two_for_each_port() {
    let world = world().await;
    let path = "portforward?ports=7&ports=81";
    let (mut socket, _) = tried(served(&world).await, path, "v4.channel.k8s.io").await.expect("an upgrade");
    let mut heard = Vec::new();
    while heard.len() < 5 {
        let Message::Binary(octets) = socket.next().await.expect("more").expect("whole") else { panic!("not octets") };
        heard.push((octets[0], octets[1..].to_vec()));
    }
    let refusal = b"error forwarding port 81 to pod web-0: nobody answers at port 81".to_vec();
    assert_eq!(heard, [(0, vec![7, 0]), (1, vec![7, 0]), (2, vec![81, 0]), (3, vec![81, 0]), (3, refusal)]);
    socket.send(Message::binary(&b"\0hello"[..])).await.expect("sent");
    assert_eq!(socket.next().await.expect("more").expect("whole"), Message::binary(&b"\0hello"[..]));
}

#[tokio::test]
async fn a_forward_says_what_is_wrong_with_the_request() {
    let world = world().await;
    let address = served(&world).await;
    for (path, protocols, why) in [
        ("portforward", "v4.channel.k8s.io", "query parameter \"ports\" is required, and names at most 64 ports"),
        ("portforward?ports=0", "v4.channel.k8s.io", "unable to parse \"0\" as a port"),
        ("portforward?ports=http", "v4.channel.k8s.io", "unable to parse \"http\" as a port"),
        (
            "portforward?ports=80",
            "v5.channel.k8s.io",
            "unable to negotiate protocol: client supports [v5.channel.k8s.io], server accepts [SPDY/3.1+portforward.k8s.io, \
             v4.channel.k8s.io]",
        ),
    ] {
        let Err(tokio_tungstenite::tungstenite::Error::Http(response)) = tried(address, path, protocols).await else {
            panic!("{path} was upgraded");
        };
        let status: Value = serde_json::from_slice(response.body().as_deref().unwrap_or_default()).expect("a status");
        assert_eq!((&status["code"], &status["message"]), (&json!(400), &json!(why)));
    }
}
