//! Commands of probes, run by a small program inside the container that is started once.
//!
//! The program (`runner/main.rs`) is mounted read-only into containers that have exec probes, and into sandboxes, where it
//! forwards ports ([`crate::forward`]). One exec of Docker's starts
//! it in the container's confinement; from then on each command is a request over the exec's standard input. Where it
//! cannot run (a container from before, a file system that forbids programs), the answer is `None`, and who asked runs
//! the command through Docker's exec.

#[cfg(test)]
mod tests;
mod wire;

// The program itself is built by `build.rs`; here it is for the formatter and the lints.
#[cfg(test)]
#[allow(dead_code, clippy::duplicate_mod, reason = "a program of its own, which shares what both sides say")]
#[path = "runner/main.rs"]
mod program;

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bollard::{
    errors::Error,
    exec::CreateExecOptions,
    models::{Mount, MountType},
};
use bytes::{Buf, BytesMut};
use futures::{Stream, StreamExt};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::{OnceCell, mpsc, oneshot},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    Engine,
    exec::Outcome,
    streams::{Output, frames},
};
#[cfg(test)]
pub(crate) use wire::piece as read_piece;
pub(crate) use wire::{CONNECTED, OUTPUT_BYTES_MAX, OWNED};
use wire::{HELLO, Reply, Request};

/// The program, built by `build.rs`; empty where it could not be built.
const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/runner"));

/// Its name among the pods' files. Names of pods' directories are uids, which never begin with a dot.
const FILE: &str = ".runner";

/// Its path in containers, where no image has anything.
pub(crate) const PATH: &str = "/.petset/runner";

/// For the program to begin, once the engine has started it. A loaded machine takes a second.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// What a runner may take beyond a command's own limit before it is given up. It kills the command by itself; only one
/// that is frozen with its container says nothing.
const REPLY_MARGIN: Duration = Duration::from_secs(1);

/// Requests of one container that wait to be written. It has three probes, each asked once at a time.
const ASKS_MAX: usize = 8;

/// The runners of an instance's containers.
#[derive(Debug)]
pub(crate) struct Runners {
    /// The program on the host; `None` where there is none.
    program: Option<PathBuf>,
    slots: Mutex<HashMap<String, Slot>>,
}

/// One container's runner, once somebody has asked for it; `None` where it has none.
type Slot = Arc<OnceCell<Option<Session>>>;

/// A runner that has said hello. Dropping it ends the connection, and with it the runner.
#[derive(Debug)]
struct Session {
    asks: mpsc::Sender<Ask>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Ask {
    command: Vec<Vec<u8>>,
    timeout: Duration,
    reply: oneshot::Sender<Reply>,
}

impl Runners {
    /// Writes the program beside the pods' files.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let program = (!PROGRAM.is_empty()).then(|| install(dir, FILE, PROGRAM)).transpose()?;
        Ok(Self { program, slots: Mutex::default() })
    }

    /// Whether this build has the program.
    pub(crate) fn is_built(&self) -> bool {
        self.program.is_some()
    }

    /// The program itself, for containers that are not told of our directories.
    pub(crate) fn program(&self) -> Option<&'static [u8]> {
        self.is_built().then_some(PROGRAM)
    }

    /// The mount that brings the program into a container.
    pub(crate) fn mount(&self) -> Option<Mount> {
        self.program.as_ref().map(|program| Mount {
            typ: Some(MountType::BIND),
            source: Some(program.to_string_lossy().into_owned()),
            target: Some(PATH.to_owned()),
            read_only: Some(true),
            ..Mount::default()
        })
    }

    /// Runs a command in a container; `None` where its runner cannot.
    pub(crate) async fn run(
        &self,
        engine: &Engine,
        container: &str,
        command: &[String],
        timeout: Duration,
    ) -> Option<Outcome> {
        self.program.as_ref()?;
        let slot = Arc::clone(self.slots().entry(container.to_owned()).or_default());
        // An engine that does not answer is asked again with the next probe.
        let session = slot.get_or_try_init(|| Session::open(engine, container)).await.ok()?.as_ref()?;
        let outcome = session.run(command, timeout).await;
        if outcome.is_none() {
            // The next probe opens another one; one that somebody else has opened meanwhile stays.
            let mut slots = self.slots();
            if slots.get(container).is_some_and(|current| Arc::ptr_eq(current, &slot)) {
                slots.remove(container);
            }
        }
        outcome
    }

    /// Ends a container's runner, whose container ends.
    pub(crate) fn forget(&self, container: &str) {
        self.slots().remove(container);
    }

    /// Forgets containers that are gone.
    pub(crate) fn retain(&self, is_there: impl Fn(&str) -> bool) {
        self.slots().retain(|container, _| is_there(container));
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a program where it is not there or another one. Containers keep the file that they were started with, for it
/// is replaced and not written over.
pub(crate) fn install(dir: &Path, file: &str, program: &[u8]) -> io::Result<PathBuf> {
    let path = dir.join(file);
    if fs::read(&path).is_ok_and(|there| there == program) {
        return Ok(path);
    }
    let new = dir.join(format!("{file}.{}", std::process::id()));
    fs::write(&new, program)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o555))?;
    fs::rename(&new, &path)?;
    Ok(path)
}

impl Session {
    /// Starts the runner in a container; `None` where it does not say hello. Fails where the engine does.
    async fn open(engine: &Engine, container: &str) -> Result<Option<Self>, Error> {
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(vec![PATH.to_owned()]),
            ..CreateExecOptions::default()
        };
        let exec = engine.api.create_exec(container, options).await?.id;
        let body = json!({ "Detach": false, "Tty": false });
        let connection = engine.wire.upgrade(&format!("/exec/{exec}/start"), &body).await?;
        let (reader, writer) = tokio::io::split(TokioIo::new(connection));
        let mut pieces = Box::pin(frames(reader));
        let mut buffer = BytesMut::new();
        let greeted = tokio::time::timeout(HELLO_TIMEOUT, greet(&mut pieces, &mut buffer)).await;
        if !greeted.unwrap_or(false) {
            let said = String::from_utf8_lossy(&buffer).trim_end().to_owned();
            tracing::debug!(container, said, "no runner; its exec probes go through Docker's exec");
            return Ok(None);
        }
        let (asks, asked) = mpsc::channel(ASKS_MAX);
        let task = tokio::spawn(async move { converse(asked, pieces, buffer, writer).await });
        Ok(Some(Self { asks, _task: AbortOnDropHandle::new(task) }))
    }

    /// Runs a command; `None` where the runner has ended, or does not take it.
    async fn run(&self, command: &[String], timeout: Duration) -> Option<Outcome> {
        let (reply, replied) = oneshot::channel();
        let command = command.iter().map(|word| word.clone().into_bytes()).collect();
        let whole = async {
            self.asks.send(Ask { command, timeout, reply }).await.ok()?;
            replied.await.ok()
        };
        match tokio::time::timeout(timeout.saturating_add(REPLY_MARGIN), whole).await {
            Ok(reply) => reply.map(|Reply { code, output, .. }| match code {
                Some(code) => {
                    Outcome::Exited { code: code.into(), output: String::from_utf8_lossy(&output).into_owned() }
                }
                None => Outcome::TimedOut,
            }),
            Err(_) => Some(Outcome::TimedOut),
        }
    }
}

/// Reads until the runner has said which version it speaks; false where it is another one, or none.
async fn greet(pieces: &mut (impl Stream<Item = io::Result<Output>> + Unpin), buffer: &mut BytesMut) -> bool {
    while buffer.len() < HELLO.len() {
        let Some(Ok(Output::Stdout(bytes) | Output::Stderr(bytes))) = pieces.next().await else { return false };
        buffer.extend_from_slice(&bytes);
    }
    let is_known = buffer.starts_with(HELLO);
    if is_known {
        buffer.advance(HELLO.len());
    }
    is_known
}

/// Puts questions and gives the replies on, until either side ends.
async fn converse(
    mut asked: mpsc::Receiver<Ask>,
    mut pieces: impl Stream<Item = io::Result<Output>> + Unpin,
    mut buffer: BytesMut,
    mut writer: impl AsyncWrite + Unpin,
) {
    let mut waiting: HashMap<u32, oneshot::Sender<Reply>> = HashMap::new();
    let mut next = 0u32;
    loop {
        // Both arms are cancel-safe: a channel and a stream keep what has not been taken.
        tokio::select! {
            ask = asked.recv() => {
                let Some(Ask { command, timeout, reply }) = ask else { return };
                next = next.wrapping_add(1);
                let timeout_ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
                // A command that is too long is dropped with its `reply`, and runs through Docker's exec.
                let Some(octets) = (Request { id: next, timeout_ms, command }).encode() else { continue };
                // Those that nobody waits for any more are of commands frozen with their container.
                waiting.retain(|_, reply| !reply.is_closed());
                waiting.insert(next, reply);
                if writer.write_all(&octets).await.is_err() || writer.flush().await.is_err() {
                    return;
                }
            }
            piece = pieces.next() => {
                match piece {
                    Some(Ok(Output::Stdout(bytes))) => buffer.extend_from_slice(&bytes),
                    // The runner itself has nothing to say there; its commands' output is in its replies.
                    Some(Ok(Output::Stderr(bytes))) => {
                        tracing::debug!(said = %String::from_utf8_lossy(&bytes), "a runner complains");
                    }
                    Some(Err(_)) | None => return,
                }
                loop {
                    match Reply::decode(&buffer) {
                        Ok(Some((reply, length))) => {
                            buffer.advance(length);
                            if let Some(waiting) = waiting.remove(&reply.id) {
                                // Whoever asked may have stopped waiting.
                                let _ = waiting.send(reply);
                            }
                        }
                        Ok(None) => break,
                        Err(_) => return,
                    }
                }
            }
        }
    }
}
