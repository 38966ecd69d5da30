//! A process behind a WebSocket.
//!
//! Kubernetes' channel protocols, versions 5 and 4: the first byte of a message says what the rest is.

use std::pin::Pin;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{
    SinkExt as _, StreamExt as _,
    stream::{BoxStream, SplitSink, SplitStream},
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    sync::{mpsc, oneshot},
};

use super::{Size, ended_status};
use crate::{
    limits::PATIENCE,
    streams::{Output, Session, StreamError},
};

/// In this one the client can end its input and go on listening.
pub(super) const V5: &str = "v5.channel.k8s.io";
pub(super) const V4: &str = "v4.channel.k8s.io";
/// The best first.
pub(super) const PROTOCOLS: [&str; 2] = [V5, V4];

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const RESIZE: u8 = 4;
/// Of version 5: the channel that the next byte names is at its end.
const END: u8 = 255;

/// Connects a client to a process until the process ends, the client goes, or `cut` says why it is enough.
pub(super) async fn serve(
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
                told = tell(&mut sink, output, exit) => told.map(|()| Some((close_code::NORMAL, ""))),
                () = hear(&mut messages, stdin, resize, can_half_close) => Ok(None),
                why = cut => Ok(Some((close_code::AWAY, why))),
            }
        }
        Err(refusal) => {
            let status = ended_status(Err(refusal.to_string())).to_string();
            sink.send(message(STATUS, status.as_bytes())).await.map(|()| Some((close_code::NORMAL, "")))
        }
    };
    // An error is a client that is gone.
    let Ok(farewell) = told else { return };
    let farewell = async {
        if let Some((code, reason)) = farewell {
            sink.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await?;
        }
        // What the client still sends is read, so that the connection ends cleanly for it; where it has said goodbye, that is
        // answered meanwhile.
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

/// A message of one channel.
pub(super) fn message(channel: u8, payload: &[u8]) -> Message {
    let mut bytes = BytesMut::with_capacity(payload.len() + 1);
    bytes.put_u8(channel);
    bytes.put_slice(payload);
    Message::Binary(Bytes::from(bytes))
}
