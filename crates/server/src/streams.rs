//! What the server needs of the running containers: their logs, a way in, connections to their ports, and what they use.

use std::{collections::BTreeSet, pin::Pin};

use api::usage::Sample;
use async_trait::async_trait;
use bytes::Bytes;
use futures::{Sink, stream::BoxStream};
use jiff::Timestamp;
use serde_json::Value;
use tokio::{
    io::AsyncWrite,
    sync::{mpsc, oneshot},
};

/// Which pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

impl Pod {
    /// A pod's object's.
    pub(crate) fn of(object: &Value) -> Pod {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        Pod { namespace: text("namespace"), name: text("name"), uid: text("uid") }
    }
}

/// Which container of which pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The pod.
    pub pod: Pod,
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

/// A connection to a port of a pod. Dropping it ends it.
pub struct Tunnel {
    /// What the pod says, until it has closed the connection.
    pub incoming: BoxStream<'static, std::io::Result<Bytes>>,
    /// What the client says. Empty octets say that it has no more to say.
    pub outgoing: Pin<Box<dyn Sink<Bytes, Error = std::io::Error> + Send>>,
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
    /// Connects to a port of a pod, from within its network: what listens on localhost alone is reached.
    async fn dial(&self, pod: &Pod, port: u16) -> Result<Tunnel, StreamError>;
    /// What the running containers of the pods with these uids use. Measuring takes a second or two; a container that starts
    /// or ends meanwhile is left out.
    async fn usage(&self, uids: &BTreeSet<String>) -> Result<Vec<Sample>, StreamError>;
}
