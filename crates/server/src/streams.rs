//! What the server needs of the running containers: their logs, and a way in.

use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;
use tokio::{
    io::AsyncWrite,
    sync::{mpsc, oneshot},
};

/// Which container of which pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The pod's uid.
    pub uid: String,
    /// The container's name in the pod's spec, init containers included.
    pub container: String,
}

/// What part of a log is wanted (`PodLogOptions`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Go on until the container ends.
    pub follow: bool,
    /// Of the instance before the present one.
    pub previous: bool,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// At most so many lines from the end.
    pub tail: Option<u64>,
    /// Each line preceded by its RFC 3339 time and a space.
    pub timestamps: bool,
}

/// What to run and what to connect.
#[allow(clippy::struct_excessive_bools, reason = "they are independent switches of the request")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecOptions {
    /// The command; empty to attach to the container's first process.
    pub command: Vec<String>,
    /// Connect standard input.
    pub stdin: bool,
    /// Connect standard output.
    pub stdout: bool,
    /// Connect standard error (never with `tty`).
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

/// A running command.
pub struct Session {
    /// Its standard input; dropping or shutting it down is end of file.
    pub stdin: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    /// Its output, until all of it has been read.
    pub output: BoxStream<'static, std::io::Result<Output>>,
    /// Terminal sizes (columns, rows) to apply.
    pub resize: mpsc::Sender<(u16, u16)>,
    /// The exit code, after the output has ended; an error text where it cannot be had.
    pub exit: oneshot::Receiver<Result<i64, String>>,
}

/// Why a stream cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// There is no such container (yet, or any more).
    #[error("container not found (\"{0}\")")]
    NotFound(String),
    /// No instance before the present one is kept.
    #[error("previous terminated container \"{container}\" in pod \"{pod}\" not found")]
    NoPrevious { pod: String, container: String },
    /// The engine does not answer or refuses.
    #[error("{0}")]
    Engine(String),
}

/// The way to the running containers.
#[async_trait]
pub trait Streams: Send + Sync + 'static {
    /// The log of a container.
    async fn logs(
        &self,
        target: &Target,
        options: &LogOptions,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>, StreamError>;
    /// Runs a command in a container, or attaches to it.
    async fn exec(&self, target: &Target, options: &ExecOptions) -> Result<Session, StreamError>;
}
