//! The `exec` and `attach` subresources, over a real connection.

use std::net::SocketAddr;

use axum::body::Body;
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, Request, Response, header};
use petset_server::limits::SESSIONS_MAX;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, protocol::frame::coding::CloseCode},
};

use crate::world::{World, running_pod};

const POD: &str = "/api/v1/namespaces/default/pods/web-0";
const V5: &str = "v5.channel.k8s.io";
const V4: &str = "v4.channel.k8s.io";

pub(crate) async fn world() -> World {
    let world = World::new().await;
    world.made_pod(&running_pod("web-0")).await;
    world
}

/// Serves the world on a port, for as long as the test runs.
pub(crate) async fn served(world: &World) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = world.server.open_router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Connects as kubectl does, and also returns the protocol that was chosen.
async fn connect(world: &World, path: &str, protocols: &str) -> (WebSocketStream<TcpStream>, HeaderValue) {
    let address = served(world).await;
    let (socket, response) = tried(address, path, protocols).await.expect("an upgrade");
    (socket, response.headers()[header::SEC_WEBSOCKET_PROTOCOL].clone())
}

pub(crate) async fn tried(
    address: SocketAddr,
    path: &str,
    protocols: &str,
) -> Result<(WebSocketStream<TcpStream>, Response<Option<Vec<u8>>>), Error> {
    let socket = TcpStream::connect(address).await.expect("a connection");
    let mut request = format!("ws://{address}{POD}/{path}").into_client_request().expect("a request");
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(protocols).expect("text"));
    client_async(request, socket).await
}

/// Everything until the connection ends: output by channel, the status, the close code.
async fn told(socket: &mut WebSocketStream<TcpStream>) -> (Vec<(u8, String)>, Value, Option<CloseCode>) {
    let (mut output, mut status, mut close) = (Vec::new(), Value::Null, None);
    while let Some(message) = socket.next().await {
        match message.expect("a whole conversation") {
            Message::Binary(bytes) if bytes[0] == 3 => {
                status = serde_json::from_slice(&bytes[1..]).expect("a status");
            }
            Message::Binary(bytes) => {
                assert_eq!(status, Value::Null, "the status comes last");
                output.push((bytes[0], String::from_utf8_lossy(&bytes[1..]).into_owned()));
            }
            Message::Close(frame) => close = frame.map(|frame| frame.code),
            other => panic!("unexpected {other:?}"),
        }
    }
    (output, status, close)
}

#[tokio::test]
async fn a_failing_command_tells_its_output_and_then_its_exit_code() {
    let world = world().await;
    let (mut socket, protocol) = connect(&world, "exec?command=fail&stdout=true&stderr=true", V5).await;
    assert_eq!(protocol, V5);
    let (output, status, close) = told(&mut socket).await;
    assert_eq!(output, [(1, "so far so good".to_owned()), (2, "ouch".to_owned())]);
    assert_eq!(
        status,
        json!({
            "metadata": {},
            "status": "Failure",
            "reason": "NonZeroExitCode",
            "message": "command terminated with non-zero exit code: exit status 3",
            "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
        })
    );
    assert_eq!(close, Some(CloseCode::Normal));
    assert_eq!(
        world.stage.asked(),
        [
            "exec in default/web-0 nginx: ExecOptions { command: [\"fail\"], stdin: false, stdout: true, stderr: true, tty: \
             false }"
        ]
    );
}

#[tokio::test]
async fn the_end_of_stdin_is_told_to_the_process() {
    let world = world().await;
    let (mut socket, _) = connect(&world, "exec?command=cat&stdin=true&stdout=true", V5).await;
    // Longer than the pipe of the process, and in two pieces, one of them text as Python sends it.
    socket.send(Message::binary([b"\0", "all that ".repeat(20).as_bytes()].concat())).await.expect("sent");
    socket.send(Message::text("\0jazz")).await.expect("sent");
    socket.send(Message::binary(vec![255, 0])).await.expect("sent");
    let (output, status, close) = told(&mut socket).await;
    let text: String = output.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(text, format!("{}jazz", "all that ".repeat(20)));
    assert_eq!((status, close), (json!({"metadata": {}, "status": "Success"}), Some(CloseCode::Normal)));
}

#[tokio::test]
async fn a_terminal_gets_its_size_and_pings_are_answered() {
    let world = world().await;
    let (mut socket, _) = connect(&world, "exec?command=size&stdin=true&stdout=true&stderr=true&tty=true", V5).await;
    socket.send(Message::Ping("still there?".into())).await.expect("sent");
    assert_eq!(socket.next().await.expect("an answer").expect("whole"), Message::Pong("still there?".into()));
    socket.send(Message::binary(b"\x04{\"Width\":80,\"Height\":24}".to_vec())).await.expect("sent");
    let (output, ..) = told(&mut socket).await;
    assert_eq!(output, [(1, "80x24".to_owned())]);
    assert!(world.stage.asked()[0].contains("stderr: false, tty: true"), "a terminal has one output");
}

#[tokio::test]
async fn the_newest_protocol_that_both_know_is_spoken() {
    let world = world().await;
    for (offered, expected) in [(format!("{V4}, {V5}"), V5), (format!("v3.channel.k8s.io, {V4}"), V4)] {
        let (mut socket, protocol) = connect(&world, "exec?command=fail&stdout=true", &offered).await;
        assert_eq!(protocol, expected);
        assert_eq!(told(&mut socket).await.2, Some(CloseCode::Normal));
    }
}

#[tokio::test]
async fn what_the_engine_refuses_is_told_on_the_status_channel() {
    let world = world().await;
    let (mut socket, _) = connect(&world, "exec?command=gone&stdout=true", V5).await;
    let (output, status, close) = told(&mut socket).await;
    assert_eq!(output, []);
    assert_eq!(
        status,
        json!({
            "metadata": {},
            "status": "Failure",
            "reason": "InternalError",
            "message": "error executing command in container: container not found (\"nginx\")",
            "code": 500,
        })
    );
    assert_eq!(close, Some(CloseCode::Normal));
}

#[tokio::test]
async fn attach_joins_the_first_process() {
    let world = world().await;
    let (mut socket, _) = connect(&world, "attach?stdout=true", V5).await;
    socket.close(None).await.expect("closed");
    assert!(world.stage.asked()[0].contains("command: []"));
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_in_plain_http() {
    let world = world().await;
    let mut fresh = running_pod("web-1");
    fresh["spec"]["nodeName"] = json!(null);
    fresh["status"] = json!({"phase": "Pending"});
    world.made_pod(&fresh).await;
    let upgrade = |path: &str, wanted: &'static str| {
        Request::get(format!("/api/v1/namespaces/default/pods/{path}"))
            .header(header::UPGRADE, wanted)
            .body(Body::empty())
            .expect("a request")
    };
    for (path, wanted, expected) in [
        ("nobody/exec?command=a&stdout=1", "websocket", (404, "pods \"nobody\" not found")),
        ("web-0/exec?stdout=1", "websocket", (400, "you must specify at least 1 command for the container")),
        ("web-0/exec?command=a", "websocket", (400, "you must specify at least 1 of stdin, stdout, stderr")),
        ("web-0/exec?command=a&stdout=1&container=x", "websocket", (400, "container x is not valid for pod web-0")),
        ("web-1/exec?command=a&stdout=1", "websocket", (400, "pod web-1 does not have a host assigned")),
        ("web-0/exec?command=a&stdout=1", "", (400, "Upgrade request required")),
        (
            "web-0/exec?command=a&stdout=1",
            "SPDY/3.1",
            (400, "unable to negotiate protocol: client supports [], server accepts [v4.channel.k8s.io]"),
        ),
    ] {
        let (code, message) = world.send(upgrade(path, wanted)).await.refusal();
        assert_eq!((code, message.as_str()), expected);
    }
}

#[tokio::test]
async fn sessions_beyond_those_that_are_open_are_sent_away() {
    let world = world().await;
    let address = served(&world).await;
    let exec = async || tried(address, "exec?command=forever&stdout=true", V5).await;
    let attach = async || tried(address, "attach?stdout=true", V5).await;
    let mut open = Vec::new();
    for _ in 0..SESSIONS_MAX / 2 {
        open.extend([exec().await.expect("a place"), attach().await.expect("a place")]);
    }
    let asked = world.stage.asked().len();
    for refused in [exec().await, attach().await] {
        let Err(Error::Http(answer)) = refused else { panic!("{refused:?}") };
        let status: Value = serde_json::from_slice(answer.body().as_deref().expect("a body")).expect("a status");
        let message = &status["message"];
        assert_eq!(
            (answer.status().as_u16(), message),
            (429, &json!("too many exec, attach and port-forward sessions are open, end some"))
        );
        assert_eq!(answer.headers()[header::RETRY_AFTER], "1");
    }
    assert_eq!(world.stage.asked().len(), asked, "the engine is not asked for what has no place");

    let (mut one, _) = open.pop().expect("a session");
    one.close(None).await.expect("closed");
    while let Some(Ok(_)) = one.next().await {}
    exec().await.expect("the place that is free");
}

/// Sessions that come while the engine takes its time count, although none of them is open yet.
#[tokio::test]
async fn sessions_that_come_at_once_are_counted_at_once() {
    let world = world().await;
    let address = served(&world).await;
    let all = (0..SESSIONS_MAX + 8).map(|_| tried(address, "exec?command=forever&stdout=true", V5));
    let tried = futures::future::join_all(all).await;
    let refused = tried.iter().filter(|tried| matches!(tried, Err(Error::Http(answer)) if answer.status() == 429));
    assert_eq!((refused.count(), tried.iter().filter(|tried| tried.is_ok()).count()), (8, SESSIONS_MAX));
}
