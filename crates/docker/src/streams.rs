//! The logs of containers, and ways into them: `logs`, `exec`, `attach`.
//!
//! Without a terminal Docker sends frames, each with a header that says which stream it is of and how long it is; with
//! a terminal it sends plain octets. Which of the two it is we know from the container or the command and never guess
//! from the octets.

use std::{io, pin::Pin};

use bollard::{
    errors::Error,
    exec::{CreateExecOptions, ResizeExecOptions},
    models::{ContainerSummary, ContainerSummaryStateEnum},
    query_parameters::{InspectContainerOptions, ResizeContainerTTYOptionsBuilder},
};
use bytes::{Buf, Bytes, BytesMut};
use futures::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use plan::facts::{Owner, PodKey, Role};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, WriteHalf},
    sync::{mpsc, oneshot},
};
use tokio_util::{
    codec::{Decoder, FramedRead},
    io::{ReaderStream, StreamReader},
};

use crate::{
    Docker, Engine,
    failure::{failure, found, status},
    names,
};

/// Octets of standard input that wait for the engine.
const STDIN_BYTES_MAX: usize = 64 * 1024;
/// Pieces of output that wait for the reader; each is at most [`PIECE_BYTES_MAX`].
const OUTPUT_PIECES_MAX: usize = 16;
/// A longer frame is given on in pieces, so that no frame has to fit into memory.
const PIECE_BYTES_MAX: usize = 32 * 1024;
/// Terminal sizes that wait; a window that is dragged makes many.
const RESIZES_MAX: usize = 8;

/// Which container of which pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The pod.
    pub pod: PodKey,
    /// The pod's uid.
    pub uid: String,
    /// The container's name in the pod's spec.
    pub container: String,
}

/// What part of a log is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Go on until the container ends.
    pub follow: bool,
    /// Of the attempt before the present one.
    pub previous: bool,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// At most so many lines from the end.
    pub tail: Option<u64>,
    /// Each line preceded by its RFC 3339 time and a space.
    pub timestamps: bool,
}

/// What to run and what to connect.
#[allow(clippy::struct_excessive_bools, reason = "the options of Kubernetes' exec, each independent of the others")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecOptions {
    /// The command; empty to attach to the container's first process.
    pub command: Vec<String>,
    /// Connect standard input.
    pub stdin: bool,
    /// Connect standard output.
    pub stdout: bool,
    /// Connect standard error; a terminal has none of its own.
    pub stderr: bool,
    /// With a terminal.
    pub tty: bool,
}

/// A piece of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output, or the terminal.
    Stdout(Bytes),
    /// Standard error.
    Stderr(Bytes),
}

/// A running command. Dropping its output ends the connection, though not the command.
pub struct Session {
    /// Its standard input; dropping or shutting it down is end of file.
    pub stdin: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    /// Its output, until all of it has been read.
    pub output: BoxStream<'static, io::Result<Output>>,
    /// Terminal sizes (columns, rows) to apply.
    pub resize: mpsc::Sender<(u16, u16)>,
    /// The exit code, after the output has ended; an error text where it cannot be had.
    pub exit: oneshot::Receiver<Result<i64, String>>,
}

/// Why a stream cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// There is no such container, or none that runs where one has to.
    #[error("container not found (\"{0}\")")]
    NotFound(String),
    /// No attempt before the present one is kept.
    #[error("previous terminated container \"{container}\" in pod \"{pod}\" not found")]
    NoPrevious { pod: String, container: String },
    /// The engine does not answer or refuses.
    #[error("{0}")]
    Engine(String),
}

impl Docker {
    /// The log of a container, both its streams in the order that they came.
    pub async fn logs(
        &self,
        target: &Target,
        options: &LogOptions,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, StreamError> {
        let mut attempts = self.attempts(target).await?;
        let latest = attempts.pop().ok_or_else(|| StreamError::NotFound(target.container.clone()))?;
        let (_, chosen) = if options.previous {
            attempts.pop().ok_or_else(|| StreamError::NoPrevious {
                pod: target.pod.name.clone(),
                container: target.container.clone(),
            })?
        } else {
            latest
        };
        let id = chosen.id.unwrap_or_default();
        let is_tty = self.engine.is_tty(&id).await.map_err(stream_error(target))?;
        let response = self.engine.wire.get(&log_path(&id, options)).await.map_err(stream_error(target))?;
        let body = response.into_body().into_data_stream().map_err(io::Error::other);
        if is_tty {
            return Ok(body.boxed());
        }
        let pieces = frames(StreamReader::new(body));
        Ok(pieces.map_ok(|(Output::Stdout(bytes) | Output::Stderr(bytes))| bytes).boxed())
    }

    /// Runs a command in a container, or attaches to the container's first process.
    pub async fn exec(&self, target: &Target, options: &ExecOptions) -> Result<Session, StreamError> {
        let latest = self.attempts(target).await?.pop().map(|(_, container)| container);
        let running = latest.filter(|container| container.state == Some(ContainerSummaryStateEnum::RUNNING));
        let id = running.and_then(|container| container.id);
        let id = id.ok_or_else(|| StreamError::NotFound(target.container.clone()))?;
        let opened = if options.command.is_empty() {
            self.engine.attach(id, options).await
        } else {
            self.engine.open_exec(id, options).await
        };
        opened.map_err(stream_error(target))
    }

    /// A container's attempts, oldest first.
    async fn attempts(&self, target: &Target) -> Result<Vec<(Owner, ContainerSummary)>, StreamError> {
        let listed = self.list_pod(&target.pod).await.map_err(stream_error(target))?;
        let ours = |entry: ContainerSummary| {
            let owner = names::owner(&self.instance, entry.labels.as_ref()?)?;
            let is_target =
                owner.role != Role::Sandbox && owner.uid == target.uid && owner.container == target.container;
            is_target.then_some((owner, entry))
        };
        let mut attempts: Vec<_> = listed.into_iter().filter_map(ours).collect();
        attempts.sort_by_key(|(owner, _)| owner.attempt);
        Ok(attempts)
    }
}

pub(crate) fn stream_error(target: &Target) -> impl Fn(Error) -> StreamError {
    let container = target.container.clone();
    move |error| match status(&error) {
        Some(404) => StreamError::NotFound(container.clone()),
        _ => engine_error(error),
    }
}

pub(crate) fn engine_error(error: Error) -> StreamError {
    match failure(error) {
        plan::action::Failure::Silent(text) => StreamError::Engine(format!("Docker does not answer: {text}")),
        plan::action::Failure::Image(text)
        | plan::action::Failure::AddressTaken(text)
        | plan::action::Failure::Taken(text)
        | plan::action::Failure::Refused(text) => StreamError::Engine(text),
    }
}

fn log_path(id: &str, options: &LogOptions) -> String {
    let follow = if options.follow { "&follow=1" } else { "" };
    let timestamps = if options.timestamps { "&timestamps=1" } else { "" };
    let tail = options.tail.map(|lines| format!("&tail={lines}")).unwrap_or_default();
    let since = options.since.map(|since| format!("&since={}.{:09}", since.as_second(), since.subsec_nanosecond()));
    let since = since.unwrap_or_default();
    format!("/containers/{id}/logs?stdout=1&stderr=1{follow}{timestamps}{tail}{since}")
}

/// What a session is with.
enum Peer {
    Exec(String),
    Container(String),
}

impl Engine {
    async fn is_tty(&self, id: &str) -> Result<bool, Error> {
        let there = self.reads.inspect_container(id, None::<InspectContainerOptions>).await?;
        Ok(there.config.and_then(|config| config.tty).unwrap_or_default())
    }

    pub(crate) async fn open_exec(&self, id: String, options: &ExecOptions) -> Result<Session, Error> {
        let request = CreateExecOptions {
            attach_stdin: Some(options.stdin),
            attach_stdout: Some(options.stdout),
            attach_stderr: Some(options.stderr && !options.tty),
            tty: Some(options.tty),
            cmd: Some(options.command.clone()),
            ..CreateExecOptions::default()
        };
        let exec = self.api.create_exec(&id, request).await?.id;
        let body = json!({ "Detach": false, "Tty": options.tty });
        let connection = self.wire.upgrade(&format!("/exec/{exec}/start"), &body).await?;
        Ok(self.session(Peer::Exec(exec), TokioIo::new(connection), options.stdin, options.tty))
    }

    async fn attach(&self, id: String, options: &ExecOptions) -> Result<Session, Error> {
        let is_tty = self.is_tty(&id).await?;
        let flag = u8::from;
        let (stdin, stdout, stderr) = (flag(options.stdin), flag(options.stdout), flag(options.stderr));
        let path = format!("/containers/{id}/attach?stream=1&stdin={stdin}&stdout={stdout}&stderr={stderr}");
        let connection = self.wire.upgrade(&path, &json!({})).await?;
        Ok(self.session(Peer::Container(id), TokioIo::new(connection), options.stdin, is_tty))
    }

    /// Joins an open connection to a session. The task behind it ends with the output, or when nobody reads it.
    fn session<C>(&self, peer: Peer, connection: C, stdin: bool, is_tty: bool) -> Session
    where
        C: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (reader, writer) = tokio::io::split(connection);
        let (ours, theirs) = tokio::io::duplex(STDIN_BYTES_MAX);
        let (output_sender, output) = mpsc::channel(OUTPUT_PIECES_MAX);
        let (resize, sizes) = mpsc::channel(RESIZES_MAX);
        let (exit_sender, exit) = oneshot::channel();
        let pieces = if is_tty {
            ReaderStream::with_capacity(reader, PIECE_BYTES_MAX).map_ok(Output::Stdout).boxed()
        } else {
            frames(reader).boxed()
        };
        let engine = self.clone();
        tokio::spawn(async move {
            let ended = tokio::select! {
                // Each of these is polled until it ends, and dropped only with the whole session.
                ended = pump(pieces, output_sender) => ended,
                () = feed(theirs, writer, stdin) => Ended::NotRead,
                () = engine.apply_sizes(&peer, sizes) => Ended::NotRead,
            };
            if let Ended::AllRead = ended {
                let code = engine.peer_exit_code(&peer).await.map_err(|error| error.to_string());
                // Whoever asked may have gone.
                let _ = exit_sender.send(code);
            }
        });
        let output =
            futures::stream::unfold(output, |mut output| async { output.recv().await.map(|piece| (piece, output)) });
        let stdin = stdin.then(|| Box::pin(ours) as Pin<Box<dyn AsyncWrite + Send>>);
        Session { stdin, output: output.boxed(), resize, exit }
    }

    /// Applies terminal sizes as they come, for ever. One that the engine does not take is of no consequence: the
    /// command may not have started yet or have ended, and the next size comes with the next move of the window.
    async fn apply_sizes(&self, peer: &Peer, mut sizes: mpsc::Receiver<(u16, u16)>) {
        while let Some((columns, rows)) = sizes.recv().await {
            let applied = match peer {
                Peer::Exec(id) => self.api.resize_exec(id, ResizeExecOptions { height: rows, width: columns }).await,
                Peer::Container(id) => {
                    let options =
                        ResizeContainerTTYOptionsBuilder::default().h(i32::from(rows)).w(i32::from(columns)).build();
                    self.api.resize_container_tty(id, options).await
                }
            };
            if let Err(error) = applied {
                tracing::debug!(%error, columns, rows, "resize a terminal");
            }
        }
        std::future::pending::<()>().await;
    }

    async fn peer_exit_code(&self, peer: &Peer) -> Result<i64, Error> {
        match peer {
            Peer::Exec(id) => self.exit_code(id).await,
            Peer::Container(id) => {
                let there = found(self.reads.inspect_container(id, None::<InspectContainerOptions>).await)?;
                Ok(there.and_then(|there| there.state?.exit_code).unwrap_or_default())
            }
        }
    }
}

enum Ended {
    AllRead,
    NotRead,
}

/// Gives the pieces on until there are none, or nobody takes them.
async fn pump(mut pieces: BoxStream<'static, io::Result<Output>>, sender: mpsc::Sender<io::Result<Output>>) -> Ended {
    loop {
        let piece = tokio::select! {
            // Cancel-safe: a stream's next item stays in the stream.
            piece = pieces.next() => piece,
            // Cancel-safe: says only that the receiver is gone.
            () = sender.closed() => return Ended::NotRead,
        };
        match piece {
            None => return Ended::AllRead,
            Some(piece) => {
                if sender.send(piece).await.is_err() {
                    return Ended::NotRead;
                }
            }
        }
    }
}

/// Feeds standard input to its end, closes that half of the connection, and then waits for ever.
async fn feed<C: AsyncWrite>(mut stdin: DuplexStream, mut writer: WriteHalf<C>, is_wanted: bool) {
    if is_wanted {
        // A command that does not read its input to the end is no failure.
        let _ = tokio::io::copy(&mut stdin, &mut writer).await;
        let _ = writer.shutdown().await;
    }
    std::future::pending::<()>().await;
}

/// Takes Docker's frames apart.
pub(crate) fn frames<R: AsyncRead>(reader: R) -> impl Stream<Item = io::Result<Output>> {
    FramedRead::with_capacity(reader, Frames::default(), PIECE_BYTES_MAX)
}

/// `[stream, 0, 0, 0, length in four octets]`, then the content.
#[derive(Default)]
struct Frames {
    /// The frame that is being read: its stream, and what is still to come.
    open: Option<(u8, usize)>,
}

impl Frames {
    const HEADER_BYTES: usize = 8;
    const STDERR: u8 = 2;
    /// The engine itself reports a failure in the middle of a stream.
    const SYSTEM_ERROR: u8 = 3;
}

impl Decoder for Frames {
    type Item = Output;
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<Output>> {
        let (stream, rest) = loop {
            match self.open.take() {
                Some((_, 0)) => {}
                Some(open) => break open,
                None if source.len() < Self::HEADER_BYTES => return Ok(None),
                None => {
                    let mut header = source.split_to(Self::HEADER_BYTES);
                    let stream = header.get_u8();
                    header.advance(3);
                    if stream > Self::SYSTEM_ERROR {
                        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a frame of Docker's"));
                    }
                    self.open = Some((stream, header.get_u32() as usize));
                }
            }
        };
        if source.is_empty() {
            self.open = Some((stream, rest));
            return Ok(None);
        }
        let piece = source.split_to(rest.min(source.len())).freeze();
        self.open = Some((stream, rest - piece.len()));
        match stream {
            Self::SYSTEM_ERROR => Err(io::Error::other(String::from_utf8_lossy(&piece).into_owned())),
            Self::STDERR => Ok(Some(Output::Stderr(piece))),
            _ => Ok(Some(Output::Stdout(piece))),
        }
    }

    /// An engine that dies leaves half a frame behind: what came of it is given.
    fn decode_eof(&mut self, source: &mut BytesMut) -> io::Result<Option<Output>> {
        let piece = self.decode(source)?;
        if piece.is_none() {
            source.clear();
        }
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u8, content: &[u8]) -> Vec<u8> {
        [&[stream, 0, 0, 0], (content.len() as u32).to_be_bytes().as_slice(), content].concat()
    }

    async fn read(octets: &[u8], chunk: usize) -> Vec<(bool, Vec<u8>)> {
        let chunks: Vec<io::Result<Bytes>> =
            octets.chunks(chunk).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let pieces = frames(StreamReader::new(futures::stream::iter(chunks)));
        let mut joined: Vec<(bool, Vec<u8>)> = Vec::new();
        for piece in pieces.try_collect::<Vec<_>>().await.unwrap() {
            let (is_error, bytes) = match piece {
                Output::Stdout(bytes) => (false, bytes),
                Output::Stderr(bytes) => (true, bytes),
            };
            match joined.last_mut() {
                Some((last, content)) if *last == is_error => content.extend_from_slice(&bytes),
                _ => joined.push((is_error, bytes.to_vec())),
            }
        }
        joined
    }

    #[tokio::test]
    async fn frames_are_taken_apart_however_they_arrive() {
        let octets = [frame(1, b"\x01\x02out"), frame(1, b""), frame(2, b"err"), frame(1, &vec![7; 100_000])].concat();
        let expected = vec![(false, b"\x01\x02out".to_vec()), (true, b"err".to_vec()), (false, vec![7; 100_000])];
        for chunk in [1, 7, 8, 9, 4096, octets.len()] {
            assert_eq!(read(&octets, chunk).await, expected, "in chunks of {chunk}");
        }
    }

    #[tokio::test]
    async fn half_a_frame_at_the_end_is_given() {
        let mut octets = frame(1, b"complete and cut");
        octets.truncate(octets.len() - 3);
        assert_eq!(read(&octets, 5).await, vec![(false, b"complete and ".to_vec())]);
        assert_eq!(read(&frame(1, b"")[..5], 5).await, vec![]);
    }

    #[tokio::test]
    async fn plain_octets_are_not_taken_for_frames() {
        let mut pieces = Box::pin(frames(&b"plain terminal output"[..]));
        assert_eq!(pieces.next().await.unwrap().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_log_is_asked_for_to_the_nanosecond() {
        let options = LogOptions {
            follow: true,
            previous: false,
            since: Some("2026-11-22T11:01:29.000000358Z".parse().unwrap()),
            tail: Some(0),
            timestamps: true,
        };
        assert_eq!(
            log_path("id", &options),
            "/containers/id/logs?stdout=1&stderr=1&follow=1&timestamps=1&tail=0&since=1795345289.000000358"
        );
        assert_eq!(log_path("id", &LogOptions::default()), "/containers/id/logs?stdout=1&stderr=1");
    }
}
