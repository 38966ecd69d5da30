//! Runs the commands of a container's probes, inside the container, for the daemon outside.
//!
//! Docker's exec costs some 40 ms of a core for each command, most of it for building another way into the container.
//! This program is started once in a container by such an exec, so it has the container's confinement: its namespaces,
//! control group, user, capabilities and seccomp profile. Then it starts one command for each request that comes over
//! its standard input, in the same confinement and at the price of a `fork`.
//!
//! It ends when its input ends, that is, with the daemon; whatever still runs for it is killed then.
//!
//! As `runner forward PORT`, `runner publish LIST` and `runner own GROUP …` it does something else: see `forward.rs`,
//! `publish.rs` and `own.rs`.

mod forward;
mod own;
mod publish;
mod wire;

use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    io::{self, PipeReader, Read, Write},
    os::unix::{
        ffi::OsStringExt,
        process::{CommandExt, ExitStatusExt},
    },
    process::{self, Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, mpsc},
    thread,
    time::Duration,
};

use wire::{HELLO, OUTPUT_BYTES_MAX, Reply, Request};

/// Commands that run at once. A container has three probes, each asked once at a time; more requests wait.
const COMMANDS_MAX: usize = 4;

/// How long output is waited for when the command has ended: a child in the background may keep it open for ever.
const OUTPUT_PATIENCE: Duration = Duration::from_millis(100);

/// Exit codes of a shell for a command that is not there, for one that may not be run, and for one that was killed, to
/// which the signal's number is added.
const NOT_FOUND: i32 = 127;
const NOT_RUNNABLE: i32 = 126;
const SIGNALLED: i32 = 128;

const SIGKILL: i32 = 9;

#[allow(unsafe_code, reason = "the standard library cannot kill a process group; `kill` touches no memory of ours")]
unsafe extern "C" {
    /// `kill(2)`; a negative pid is a process group.
    safe fn kill(pid: i32, signal: i32) -> i32;
}

/// The commands that run.
#[derive(Default)]
struct Running {
    /// Shared by those who start a command, until it is among the groups. Whoever ends them all has it alone, for good.
    starts: RwLock<()>,
    /// Their process groups.
    groups: Mutex<BTreeSet<i32>>,
}

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    match arguments.next().as_deref() {
        Some("forward") => forward::run(arguments.next().as_deref()),
        Some("publish") => publish::run(arguments.next().as_deref()),
        Some("own") => own::run(arguments),
        _ => run_commands(),
    }
}

/// Runs commands until the input ends.
fn run_commands() -> io::Result<()> {
    say(HELLO)?;
    let running = Arc::new(Running::default());
    // No buffer: as long as all are busy, nothing more is read.
    let (sender, requests) = mpsc::sync_channel(0);
    let requests = Arc::new(Mutex::new(requests));
    for _ in 0..COMMANDS_MAX {
        let (requests, running) = (Arc::clone(&requests), Arc::clone(&running));
        thread::spawn(move || serve(&requests, &running));
    }
    let mut input = io::stdin().lock();
    // Input that makes no sense ends it, too: nobody could say where the next request begins.
    while let Ok(Some(request)) = Request::read(&mut input) {
        if sender.send(request).is_err() {
            break;
        }
    }
    let _no_more = running.starts.write().unwrap_or_else(PoisonError::into_inner);
    for group in lock(&running.groups).iter() {
        kill(-group, SIGKILL);
    }
    // Nothing begins until the process has ended.
    process::exit(0)
}

/// Runs one command after the other, until nobody can read about it any more.
fn serve(requests: &Mutex<mpsc::Receiver<Request>>, running: &Running) {
    loop {
        let request = lock(requests).recv();
        let Ok(request) = request else { return };
        let (code, output) = run(request.command, Duration::from_millis(request.timeout_ms.into()), running);
        if say(&Reply { id: request.id, code, output }.encode()).is_err() {
            return;
        }
    }
}

/// Runs a command; its exit code, `None` where it took too long, and the beginning of its output.
fn run(command: Vec<Vec<u8>>, timeout: Duration, running: &Running) -> (Option<i32>, Vec<u8>) {
    let mut words = command.into_iter().map(OsString::from_vec);
    let program = words.next().unwrap_or_default();
    let (mut child, reader, group) = match start(&program, words, running) {
        Ok(started) => started,
        Err(error) => {
            let name = program.to_string_lossy();
            let (code, text) = match error.kind() {
                io::ErrorKind::NotFound if name.contains('/') => {
                    (NOT_FOUND, format!("exec: \"{name}\": stat {name}: no such file or directory"))
                }
                io::ErrorKind::NotFound => (NOT_FOUND, format!("exec: \"{name}\": executable file not found in $PATH")),
                io::ErrorKind::PermissionDenied => (NOT_RUNNABLE, format!("exec: \"{name}\": permission denied")),
                _ => (NOT_RUNNABLE, format!("exec: \"{name}\": {error}")),
            };
            return (Some(code), text.into_bytes());
        }
    };
    let output = Arc::new(Mutex::new(Vec::new()));
    let (reading, all_read) = mpsc::channel::<()>();
    let kept = Arc::clone(&output);
    thread::spawn(move || {
        keep(reader, &kept);
        drop(reading);
    });
    let (waiting, ended) = mpsc::channel();
    // Whoever asked may have stopped waiting.
    thread::spawn(move || drop(waiting.send(child.wait())));
    let status = ended.recv_timeout(timeout).ok();
    if status.is_none() {
        kill(-group, SIGKILL);
    }
    lock(&running.groups).remove(&group);
    // Nothing is ever sent: it ends early when all has been read.
    let _ = all_read.recv_timeout(OUTPUT_PATIENCE);
    let code = status.map(|status| status.map_or(NOT_RUNNABLE, code_of));
    (code, std::mem::take(&mut *lock(&output)))
}

/// Starts a command in a process group of its own, with one pipe for both its outputs.
fn start(
    program: &OsString,
    arguments: impl Iterator<Item = OsString>,
    running: &Running,
) -> io::Result<(Child, PipeReader, i32)> {
    let (reader, writer) = io::pipe()?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let _counted = running.starts.read().unwrap_or_else(PoisonError::into_inner);
    let child = command.spawn()?;
    let group = i32::try_from(child.id()).unwrap_or(i32::MAX);
    lock(&running.groups).insert(group);
    Ok((child, reader, group))
}

/// Reads to the end, and keeps the beginning: a full pipe would hold up the command.
fn keep(mut reader: PipeReader, kept: &Mutex<Vec<u8>>) {
    let mut piece = [0; 4096];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return,
            Ok(count) => {
                let mut kept = lock(kept);
                let rest = OUTPUT_BYTES_MAX - kept.len();
                kept.extend_from_slice(&piece[..count.min(rest)]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn code_of(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| SIGNALLED + signal)).unwrap_or(NOT_RUNNABLE)
}

/// Writes one message whole.
fn say(message: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(message)?;
    output.flush()
}

/// A thread that panicked has left nothing half done that another one reads.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
