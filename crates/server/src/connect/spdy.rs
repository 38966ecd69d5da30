//! A process behind the streams of a SPDY connection, as kubectl up to 1.29 asks for it.
//!
//! The client opens a stream for each of `error`, `stdin`, `stdout`, `stderr` and `resize` that it wants; how the process ended is
//! told on the first of them.

use std::{collections::HashMap, pin::Pin};

use bytes::Bytes;
use futures::{StreamExt as _, stream::BoxStream};
use spdy::{Incoming, Outgoing};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{Size, ended_status};
use crate::{
    limits::PATIENCE,
    streams::{ExecOptions, Output, Session, StreamError},
};

pub(super) const PROTOCOL: &str = "v4.channel.k8s.io";

/// What waits to be read as sizes of the terminal, in octets: a client sends some thirty for each.
const SIZES_BYTES_MAX: usize = 4 * 1024;

/// Connects a client to a process until the process ends, the client goes, or `cut` says that it is enough.
pub(super) async fn serve<Io>(
    connection: Io,
    session: Result<Session, StreamError>,
    options: &ExecOptions,
    cut: impl Future<Output = &'static str>,
) where
    Io: AsyncRead + AsyncWrite,
{
    let (incoming, run) = spdy::accept(connection);
    let work = async {
        // Each arm is the last thing that happens, so nothing is lost with the other one. Who is cut off learns it by the end of
        // the connection.
        tokio::select! {
            () = carry(incoming, session, options) => {}
            _ = cut => {}
        }
    };
    let (run, ()) = tokio::join!(run, work);
    if let Err(error) = run {
        tracing::debug!(%error, "a SPDY connection broke");
    }
}

async fn carry(mut incoming: Incoming, session: Result<Session, StreamError>, options: &ExecOptions) {
    let Ok(Some(mut streams)) = timeout(PATIENCE, gather(&mut incoming, options)).await else { return };
    let mut take = |name| streams.remove(name);
    let Some(spdy::Stream { outgoing: mut status, .. }) = take("error") else { return };
    let outputs = (take("stdout").map(|stream| stream.outgoing), take("stderr").map(|stream| stream.outgoing));
    // Nothing is said on these, but a client takes the end of our side for the end of its own.
    let (input, of_input) = take("stdin").map(|stream| (stream.data, stream.outgoing)).unzip();
    let (sizes, of_sizes) = take("resize").map(|stream| (stream.data, stream.outgoing)).unzip();
    let ended = match session {
        Ok(Session { stdin, output, resize, exit }) => {
            // What is heard goes on for ever; the first and the last arm are each the end of all.
            tokio::select! {
                ended = tell(outputs, output, exit) => ended,
                () = hear(input, stdin) => return,
                () = follow(sizes, resize) => return,
                () = gone(&mut incoming) => return,
            }
        }
        Err(refusal) => Err(refusal.to_string()),
    };
    if status.send(Bytes::from(ended_status(ended).to_string())).await.is_err() {
        return;
    }
    for stream in [Some(status), of_input, of_sizes].into_iter().flatten() {
        stream.end().await;
    }
}

/// The streams that belong to what was asked for, by their type; `None` where the client goes before.
async fn gather(incoming: &mut Incoming, options: &ExecOptions) -> Option<HashMap<String, spdy::Stream>> {
    let wanted = [
        ("error", true),
        ("stdin", options.stdin),
        ("stdout", options.stdout),
        ("stderr", options.stderr),
        ("resize", options.tty),
    ];
    let count = wanted.iter().filter(|(_, is_wanted)| *is_wanted).count();
    let mut streams = HashMap::new();
    while streams.len() < count {
        let stream = incoming.next().await?;
        let kind = stream.headers.get("streamtype").unwrap_or_default().to_owned();
        // One of another type is let go, and so reset.
        if wanted.contains(&(kind.as_str(), true)) {
            streams.insert(kind, stream);
        }
    }
    Some(streams)
}

/// Passes on all output; how the process then ended.
async fn tell(
    (mut stdout, mut stderr): (Option<Outgoing>, Option<Outgoing>),
    mut output: BoxStream<'static, std::io::Result<Output>>,
    exit: oneshot::Receiver<Result<i64, String>>,
) -> Result<i64, String> {
    while let Some(piece) = output.next().await {
        let (stream, bytes) = match piece.map_err(|error| error.to_string())? {
            Output::Stdout(bytes) => (&mut stdout, bytes),
            Output::Stderr(bytes) => (&mut stderr, bytes),
        };
        if let Some(stream) = stream {
            stream.send(bytes).await.map_err(|_| "the client is gone".to_owned())?;
        }
    }
    for stream in [stdout, stderr].into_iter().flatten() {
        stream.end().await;
    }
    exit.await.unwrap_or_else(|_| Err("its exit code was lost".to_owned()))
}

/// Passes on the input to its end, and waits for ever.
async fn hear(input: Option<mpsc::Receiver<Bytes>>, stdin: Option<Pin<Box<dyn AsyncWrite + Send>>>) {
    if let (Some(mut input), Some(mut stdin)) = (input, stdin) {
        while let Some(bytes) = input.recv().await {
            // A process that has closed its input loses what comes after, as on a terminal.
            if stdin.write_all(&bytes).await.is_err() || stdin.flush().await.is_err() {
                break;
            }
        }
        let _ = stdin.shutdown().await;
        // What else comes is thrown away, for it would hold up all other streams.
        while input.recv().await.is_some() {}
    }
    std::future::pending::<()>().await;
}

/// Passes on the sizes of the terminal, and waits for ever.
async fn follow(sizes: Option<mpsc::Receiver<Bytes>>, resize: mpsc::Sender<(u16, u16)>) {
    if let Some(mut sizes) = sizes {
        let mut text = Vec::new();
        while let Some(bytes) = sizes.recv().await {
            text.extend_from_slice(&bytes);
            let mut read = serde_json::Deserializer::from_slice(&text).into_iter::<Size>();
            for Size { width, height } in read.by_ref().map_while(Result::ok) {
                // A process that is gone has no terminal any more.
                let _ = resize.send((width, height)).await;
            }
            let taken = read.byte_offset();
            text.drain(..taken);
            if text.len() > SIZES_BYTES_MAX {
                break;
            }
        }
        while sizes.recv().await.is_some() {}
    }
    std::future::pending::<()>().await;
}

/// Waits for the end of the connection. What the client still opens is let go.
async fn gone(incoming: &mut Incoming) {
    while incoming.next().await.is_some() {}
}
