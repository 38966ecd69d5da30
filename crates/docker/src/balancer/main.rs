//! Holds the virtual addresses of an instance's services, and passes on what comes there to the pods behind them.
//!
//! This program runs in a container of its own on the instance's network. It reads a table from a file, which the daemon
//! replaces, and does what it says; then it waits for somebody to connect to a socket beside the file, reads the table again, and
//! answers what it could not do. So it serves what it was told last, whether there is a daemon or not, and after a restart of
//! its own.
//!
//! It knows the standard library alone: it is built apart from the daemon, as a static program. A connection has two threads,
//! a client of a UDP frontend one; both are bounded.

pub(crate) mod choice;
pub(crate) mod interface;
pub(crate) mod server;
pub(crate) mod table;
pub(crate) mod tcp;
pub(crate) mod udp;

use std::{
    env,
    fs::{self, File, Permissions},
    io::{self, Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use interface::{Addresses, Interface};
use server::Server;
use table::{HEADER, TABLE_BYTES_MAX};

/// The stack of each thread: none has a frame of more than some hundred octets, for buffers are not on it.
const STACK_BYTES: usize = 64 * 1024;

/// For a daemon to take an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// As Docker calls the interface of a container's first network.
const INTERFACE: &str = "eth0";

/// `SHUT_RDWR`.
const BOTH_WAYS: i32 = 2;

#[allow(
    unsafe_code,
    reason = "the standard library cannot wake who accepts or receives; `shutdown` touches no memory of ours"
)]
unsafe extern "C" {
    /// `shutdown(2)`.
    safe fn shutdown(descriptor: i32, how: i32) -> i32;
}

fn main() -> io::Result<()> {
    let dir = env::args().nth(1).ok_or(io::ErrorKind::InvalidInput)?;
    let dir = Path::new(&dir);
    let mut server = Server::new(Interface::open(INTERFACE)?);
    // What was said last counts until somebody says something else.
    for trouble in serve(&mut server, dir) {
        eprintln!("{trouble}");
    }
    let path = dir.join("socket");
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = UnixListener::bind(&path)?;
    // The daemon may be anybody: the directory around is for it alone.
    fs::set_permissions(&path, Permissions::from_mode(0o666))?;
    for asked in socket.incoming() {
        let mut asked = asked?;
        let mut answer = format!("{HEADER}\n");
        for trouble in serve(&mut server, dir) {
            answer.extend([trouble.as_str(), "\n"]);
        }
        // Who does not listen any more asks again.
        let _ = asked.set_write_timeout(Some(ANSWER_TIMEOUT));
        let _ = asked.write_all(answer.as_bytes());
    }
    Ok(())
}

/// Does what the table in a directory says; returns what could not be done.
fn serve(server: &mut Server<impl Addresses>, dir: &Path) -> Vec<String> {
    let mut text = String::new();
    let read = File::open(dir.join("table")).and_then(|file| {
        let limit = u64::try_from(TABLE_BYTES_MAX).unwrap_or(u64::MAX);
        file.take(limit).read_to_string(&mut text)
    });
    match read.map_err(|error| format!("read the table: {error}")).and_then(|_| table::read(&text)) {
        Ok(table) => server.apply(table),
        // What was there before goes on.
        Err(trouble) => vec![trouble],
    }
}

/// Wakes whoever waits at a socket; it gives nothing more.
fn stop_socket(descriptor: i32) {
    // Of a UDP socket without a peer it says that there is none, and wakes its reader all the same.
    shutdown(descriptor, BOTH_WAYS);
}

/// A thread that panicked has left nothing half done that another one reads.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
