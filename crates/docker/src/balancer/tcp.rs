//! TCP: each connection to a frontend becomes one to a backend, with two threads that pass octets on.

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream},
    os::fd::AsRawFd,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{STACK_BYTES, choice::Choice, lock, stop_socket};

/// Connections of all frontends together. Each takes two threads and two buffers: some 50 KiB. One more is closed at once.
pub(crate) const CONNECTIONS_MAX: usize = 2048;

/// How long a backend may take to answer before the next one is tried. The kernel repeats a lost packet after one second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that carries nothing for so long is closed: kube-proxy forgets one after the same time.
const IDLE_TIMEOUT: Duration = Duration::from_hours(24);

/// Octets that are passed on at a time.
const BUFFER_BYTES: usize = 16 * 1024;

/// After an error of the system (no descriptors left) before the next connection is taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The connections that are open.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    next: AtomicU64,
    open: Mutex<HashMap<u64, (Ipv4Addr, Arc<TcpStream>)>>,
}

/// One of them, for as long as it is open.
struct Open {
    all: Arc<Connections>,
    id: u64,
}

impl Connections {
    /// Takes one in; `None` where there are as many as there may be.
    fn enter(self: &Arc<Self>, frontend: Ipv4Addr, client: &Arc<TcpStream>) -> Option<Open> {
        let mut open = lock(&self.open);
        if open.len() >= CONNECTIONS_MAX {
            return None;
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        open.insert(id, (frontend, Arc::clone(client)));
        Some(Open { all: Arc::clone(self), id })
    }

    /// Closes those to an address that is no service's any more.
    pub(crate) fn close(&self, frontend: Ipv4Addr) {
        for (_, client) in lock(&self.open).values().filter(|(to, _)| *to == frontend) {
            // One that has ended by itself is success.
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        lock(&self.all.open).remove(&self.id);
    }
}

/// A frontend that listens.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: Arc<TcpListener>,
    is_stopped: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Listening {
    /// Listens, and serves whoever connects.
    pub(crate) fn start(
        address: SocketAddrV4,
        choice: Arc<Mutex<Choice>>,
        connections: Arc<Connections>,
    ) -> io::Result<Self> {
        let listener = Arc::new(TcpListener::bind(address)?);
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (taken, stopped) = (Arc::clone(&listener), Arc::clone(&is_stopped));
        let accept = move || accept(&taken, &stopped, *address.ip(), &choice, &connections);
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(accept)?;
        Ok(Self { listener, is_stopped, thread })
    }

    /// Takes no more connections; those that are open go on. The port is free when this returns.
    pub(crate) fn stop(self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        stop_socket(self.listener.as_raw_fd());
        // A thread that panicked has taken its last connection, too.
        let _ = self.thread.join();
    }
}

fn accept(
    listener: &TcpListener,
    is_stopped: &AtomicBool,
    frontend: Ipv4Addr,
    choice: &Arc<Mutex<Choice>>,
    connections: &Arc<Connections>,
) {
    while !is_stopped.load(Ordering::SeqCst) {
        let Ok((client, from)) = listener.accept() else {
            if !is_stopped.load(Ordering::SeqCst) {
                thread::sleep(ACCEPT_PAUSE);
            }
            continue;
        };
        let client = Arc::new(client);
        let Some(open) = connections.enter(frontend, &client) else { continue };
        let choice = Arc::clone(choice);
        let serve = move || serve(&client, from, &choice, &open);
        // Where there is no thread left, the connection is closed with what was to serve it.
        drop(thread::Builder::new().stack_size(STACK_BYTES).spawn(serve));
    }
}

/// Serves one connection to its end; closes it where no backend answers.
fn serve(client: &Arc<TcpStream>, from: SocketAddr, choice: &Mutex<Choice>, _open: &Open) {
    let Some(server) = connect(from.ip(), choice) else { return };
    // What is passed on waits for nothing.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let server = Arc::new(server);
    let moved = Arc::new(Moved::now());
    let back = {
        let (client, server, moved) = (Arc::clone(client), Arc::clone(&server), Arc::clone(&moved));
        thread::Builder::new().stack_size(STACK_BYTES).spawn(move || pass(&server, &client, &moved))
    };
    if let Ok(back) = back {
        pass(client, &server, &moved);
        let _ = back.join();
    }
}

/// A connection to the first backend that answers.
fn connect(client: IpAddr, choice: &Mutex<Choice>) -> Option<TcpStream> {
    let backends = lock(choice).choose(client, Instant::now());
    backends.into_iter().find_map(|backend| {
        let connected = TcpStream::connect_timeout(&backend.into(), CONNECT_TIMEOUT).ok()?;
        lock(choice).note(client, backend, Instant::now());
        Some(connected)
    })
}

/// When a connection last carried something, in either direction.
struct Moved {
    began: Instant,
    seconds: AtomicU64,
}

impl Moved {
    fn now() -> Self {
        Self { began: Instant::now(), seconds: AtomicU64::new(0) }
    }

    fn touch(&self) {
        self.seconds.store(self.began.elapsed().as_secs(), Ordering::Relaxed);
    }

    fn is_idle(&self) -> bool {
        let since = self.began.elapsed().as_secs().saturating_sub(self.seconds.load(Ordering::Relaxed));
        since >= IDLE_TIMEOUT.as_secs()
    }
}

/// Passes on what one side says until it has no more to say, and tells the other. After an error both directions end.
fn pass(mut from: &TcpStream, mut to: &TcpStream, moved: &Moved) {
    let mut buffer = vec![0; BUFFER_BYTES];
    // A time-out of zero alone is refused.
    let _ = from.set_read_timeout(Some(IDLE_TIMEOUT));
    loop {
        match from.read(&mut buffer) {
            Ok(0) => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(count) => {
                moved.touch();
                if to.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) && !moved.is_idle() => {}
            Err(_) => break,
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
