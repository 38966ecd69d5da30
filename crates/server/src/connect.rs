//! The `exec` and `attach` subresources of pods: a process behind a WebSocket.
//!
//! Kubernetes' channel protocols, versions 5 and 4: the first byte of a message says what the rest is.

use std::pin::Pin;

use api::status::Status;
use axum::{
    extract::{
        FromRequestParts as _, Request,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    response::IntoResponse as _,
};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{
    SinkExt as _, StreamExt as _,
    stream::{BoxStream, SplitSink, SplitStream},
};
use http::{Method, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    sync::{mpsc, oneshot},
};

use crate::{
    answer::Answer,
    authn::End,
    container,
    limits::{MESSAGE_BYTES_MAX, PATIENCE, SESSIONS_MAX},
    query::Params,
    server::Server,
    streams::{self, ExecOptions, Output, Session, StreamError},
    write::Target,
};

const V5: &str = "v5.channel.k8s.io";
const V4: &str = "v4.channel.k8s.io";

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const RESIZE: u8 = 4;
/// Of version 5: the channel that the next byte names is at its end.
const END: u8 = 255;

/// `exec`: a command in a container.
pub(crate) async fn exec(server: &Server, target: Target<'_>, params: &Params, request: Request) -> Answer {
    let command: Vec<String> = params.all("command").map(str::to_owned).collect();
    if command.is_empty() {
        return Err(Status::bad_request("you must specify at least 1 command for the container").into());
    }
    connect(server, target, params, command, request).await
}

/// `attach`: the first process of a container.
pub(crate) async fn attach(server: &Server, target: Target<'_>, params: &Params, request: Request) -> Answer {
    connect(server, target, params, Vec::new(), request).await
}

async fn connect(
    server: &Server,
    target: Target<'_>,
    params: &Params,
    command: Vec<String>,
    request: Request,
) -> Answer {
    let pod = server.store().get(&target.key());
    let pod = pod.ok_or_else(|| Status::not_found(target.resource, target.name))?;
    let container = container::choose(&pod, params.text("container"))?;
    if container::is_untouched(&pod) {
        let why = format!("pod {} does not have a host assigned", target.name);
        return Err(Status::bad_request(why).into());
    }
    let tty = params.flag("tty");
    let options = ExecOptions {
        command,
        stdin: params.flag("stdin"),
        stdout: params.flag("stdout"),
        stderr: params.flag("stderr") && !tty,
        tty,
    };
    if !(options.stdin || options.stdout || options.stderr) {
        return Err(Status::bad_request("you must specify at least 1 of stdin, stdout, stderr").into());
    }
    let stream_target = streams::Target {
        namespace: target.namespace.to_owned(),
        pod: target.name.to_owned(),
        uid: pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
        container: container.to_owned(),
    };
    let end = request.extensions().get::<End>().cloned();
    let socket = upgrade(request).await?;
    // The place is taken before anything is waited for: many that come at once are as many as they are.
    let place = server.inner.sessions.token();
    if server.inner.sessions.len() > SESSIONS_MAX {
        return Err(Status::too_many_requests("too many exec and attach sessions are open, end some", 1).into());
    }

    // What the engine refuses is told on the status channel: to any other answer than the upgrade kubectl replies by
    // trying SPDY, and then shows what became of that.
    let session = server.inner.parts.streams.exec(&stream_target, &options).await;
    let can_half_close = socket.selected_protocol().is_some_and(|protocol| protocol == V5);
    let stop = server.inner.stop.clone();
    let response = socket.max_message_size(MESSAGE_BYTES_MAX).on_upgrade(async move |socket| {
        let ended = async {
            match end {
                Some(end) => end.come().await,
                None => std::future::pending().await,
            }
        };
        let cut = async {
            tokio::select! {
                () = stop.cancelled() => "the server is stopping",
                () = ended => "the token counts no more",
            }
        };
        serve(socket, session, can_half_close, cut).await;
        drop(place);
    });
    Ok(response.into_response())
}

/// The WebSocket that the client asks for, with its protocol chosen. Errors: 400.
async fn upgrade(request: Request) -> Result<WebSocketUpgrade, Status> {
    let (mut parts, _) = request.into_parts();
    let wanted = parts.headers.get(header::UPGRADE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if wanted.to_ascii_lowercase().starts_with("spdy") {
        let why = "SPDY is not served: use a client that connects by WebSocket (petctl, or kubectl 1.30 and later)";
        return Err(Status::bad_request(why));
    }
    if !wanted.eq_ignore_ascii_case("websocket") || parts.method != Method::GET {
        return Err(Status::bad_request("Upgrade request required"));
    }
    let socket = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let socket = socket.map_err(|rejection| Status::bad_request(rejection.body_text()))?.protocols([V5, V4]);
    if socket.selected_protocol().is_none() {
        let offered: Vec<&str> = socket.requested_protocols().filter_map(|value| value.to_str().ok()).collect();
        let offered = offered.join(", ");
        let why = format!("unable to negotiate protocol: client supports [{offered}], server accepts [{V5}, {V4}]");
        return Err(Status::bad_request(why));
    }
    Ok(socket)
}

/// Connects a client to a process until the process ends, the client goes, or `cut` says why it is enough.
async fn serve(
    socket: WebSocket,
    session: Result<Session, StreamError>,
    can_half_close: bool,
    cut: impl Future<Output = &'static str>,
) {
    let (mut sink, mut messages) = socket.split();
    let told = match session {
        Ok(Session { stdin, output, resize, exit }) => {
            // Each arm is the last thing that happens on its half of the connection, so nothing is lost with the others.
            tokio::select! {
                told = tell(&mut sink, output, exit) => told.map(|()| (close_code::NORMAL, "")),
                () = hear(&mut messages, stdin, resize, can_half_close) => return,
                why = cut => Ok((close_code::AWAY, why)),
            }
        }
        Err(refusal) => {
            let status = ended_status(Err(refusal.to_string())).to_string();
            sink.send(message(STATUS, status.as_bytes())).await.map(|()| (close_code::NORMAL, ""))
        }
    };
    // An error is a client that is gone.
    let Ok((code, reason)) = told else { return };
    let farewell = async {
        sink.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await?;
        // What the client still sends is read, so that the connection ends cleanly for it.
        while let Some(Ok(_)) = messages.next().await {}
        Ok::<(), axum::Error>(())
    };
    // A client that reads nothing would otherwise keep its place, also when its token counts no more.
    let _ = tokio::time::timeout(PATIENCE, farewell).await;
}

/// Passes on all output, and then how the process ended. Errors: the client is gone.
async fn tell(
    sink: &mut SplitSink<WebSocket, Message>,
    mut output: BoxStream<'static, std::io::Result<Output>>,
    exit: oneshot::Receiver<Result<i64, String>>,
) -> Result<(), axum::Error> {
    let mut broken = None;
    while let Some(piece) = output.next().await {
        match piece {
            Ok(Output::Stdout(bytes)) => sink.send(message(STDOUT, &bytes)).await?,
            Ok(Output::Stderr(bytes)) => sink.send(message(STDERR, &bytes)).await?,
            Err(error) => {
                broken = Some(error.to_string());
                break;
            }
        }
    }
    let ended = match broken {
        Some(why) => Err(why),
        None => exit.await.unwrap_or_else(|_| Err("its exit code was lost".to_owned())),
    };
    sink.send(message(STATUS, ended_status(ended).to_string().as_bytes())).await
}

/// Takes in what the client sends, until it closes the connection.
async fn hear(
    messages: &mut SplitStream<WebSocket>,
    mut stdin: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    resize: mpsc::Sender<(u16, u16)>,
    can_half_close: bool,
) {
    // Pings are answered by the WebSocket itself, whenever it is read.
    while let Some(Ok(message)) = messages.next().await {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            // The Python client sends text.
            Message::Text(text) => text.into(),
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => return,
        };
        let Some((channel, payload)) = bytes.split_first() else { continue };
        match *channel {
            STDIN => {
                let Some(pipe) = &mut stdin else { continue };
                let written = async {
                    pipe.write_all(payload).await?;
                    pipe.flush().await
                };
                // A process that has closed its input loses what comes after, as on a terminal.
                if written.await.is_err() {
                    stdin = None;
                }
            }
            RESIZE => {
                if let Ok(Size { width, height }) = serde_json::from_slice(payload) {
                    // A process that is gone has no terminal any more.
                    let _ = resize.send((width, height)).await;
                }
            }
            END if can_half_close && payload.first() == Some(&STDIN) => {
                if let Some(mut pipe) = stdin.take() {
                    let _ = pipe.shutdown().await;
                }
            }
            _ => {}
        }
    }
}

/// A terminal's size as clients send it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Size {
    width: u16,
    height: u16,
}

fn message(channel: u8, payload: &[u8]) -> Message {
    let mut bytes = BytesMut::with_capacity(payload.len() + 1);
    bytes.put_u8(channel);
    bytes.put_slice(payload);
    Message::Binary(Bytes::from(bytes))
}

/// How a process ended, as channel 3 tells it.
fn ended_status(ended: Result<i64, String>) -> Value {
    match ended {
        Ok(0) => json!({"metadata": {}, "status": "Success"}),
        Ok(code) => json!({
            "metadata": {},
            "status": "Failure",
            "reason": "NonZeroExitCode",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
        Err(why) => json!({
            "metadata": {},
            "status": "Failure",
            "reason": "InternalError",
            "message": format!("error executing command in container: {why}"),
            "code": 500,
        }),
    }
}
