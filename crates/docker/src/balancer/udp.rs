//! UDP: each client of a frontend has a socket to its backend, for as long as datagrams pass.

use std::{
    collections::HashMap,
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    os::fd::AsRawFd,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{STACK_BYTES, choice::Choice, lock, stop_socket};

/// Clients of one frontend. Each takes a socket and a thread; for one more the client that was silent the longest is forgotten.
pub(crate) const FLOWS_MAX: usize = 512;

/// A client is forgotten when nothing has passed for so long: as kube-proxy has it for those that were answered.
const IDLE_TIMEOUT: Duration = Duration::from_mins(2);

/// The largest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// After an error of the system before the next datagram is read.
const RECEIVE_PAUSE: Duration = Duration::from_millis(50);

/// A client's way to its backend.
#[derive(Debug)]
struct Flow {
    backend: SocketAddrV4,
    upstream: UdpSocket,
    moved: Mutex<Instant>,
    is_ended: AtomicBool,
}

impl Flow {
    fn end(&self) {
        self.is_ended.store(true, Ordering::SeqCst);
        stop_socket(self.upstream.as_raw_fd());
    }
}

type Flows = Arc<Mutex<HashMap<SocketAddr, Arc<Flow>>>>;

/// A frontend that takes datagrams.
#[derive(Debug)]
pub(crate) struct Receiving {
    socket: Arc<UdpSocket>,
    flows: Flows,
    is_stopped: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Receiving {
    /// Takes datagrams, and passes them on.
    pub(crate) fn start(address: SocketAddrV4, choice: Arc<Mutex<Choice>>) -> io::Result<Self> {
        let socket = Arc::new(UdpSocket::bind(address)?);
        let (flows, is_stopped) = (Flows::default(), Arc::new(AtomicBool::new(false)));
        let (taken, all, stopped) = (Arc::clone(&socket), Arc::clone(&flows), Arc::clone(&is_stopped));
        let receive = move || receive(&taken, &all, &stopped, &choice);
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(receive)?;
        Ok(Self { socket, flows, is_stopped, thread })
    }

    /// Forgets the clients whose backend is not one any more: their next datagram goes to another one.
    pub(crate) fn forget_all_but(&self, choice: &Choice) {
        lock(&self.flows).retain(|_, flow| {
            let stays = choice.has(flow.backend);
            if !stays {
                flow.end();
            }
            stays
        });
    }

    /// Ends it and all its clients. The port is free when this returns.
    pub(crate) fn stop(self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        stop_socket(self.socket.as_raw_fd());
        let _ = self.thread.join();
        for flow in std::mem::take(&mut *lock(&self.flows)).into_values() {
            flow.end();
        }
        // A thread that is just passing an answer on has it for that moment.
        let mut socket = self.socket;
        while let Err(held) = Arc::try_unwrap(socket) {
            socket = held;
            thread::yield_now();
        }
    }
}

fn receive(socket: &Arc<UdpSocket>, flows: &Flows, is_stopped: &AtomicBool, choice: &Mutex<Choice>) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    while !is_stopped.load(Ordering::SeqCst) {
        let received = socket.recv_from(&mut buffer);
        if is_stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok((count, from)) = received else {
            thread::sleep(RECEIVE_PAUSE);
            continue;
        };
        let known = lock(flows).get(&from).cloned();
        let flow = known.or_else(|| begin(socket, flows, from, choice));
        if let Some(flow) = flow {
            let now = Instant::now();
            *lock(&flow.moved) = now;
            lock(choice).note(from.ip(), flow.backend, now);
            // A datagram may be lost; that a backend refuses is told to the thread that reads its answers.
            let _ = flow.upstream.send(&buffer[..count]);
        }
    }
}

/// Gives a client a way to a backend; `None` where there is none.
fn begin(socket: &Arc<UdpSocket>, flows: &Flows, client: SocketAddr, choice: &Mutex<Choice>) -> Option<Arc<Flow>> {
    let backend = *lock(choice).choose(client.ip(), Instant::now()).first()?;
    let upstream = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    upstream.connect(backend).ok()?;
    upstream.set_read_timeout(Some(IDLE_TIMEOUT)).ok()?;
    let moved = Mutex::new(Instant::now());
    let flow = Arc::new(Flow { backend, upstream, moved, is_ended: AtomicBool::new(false) });
    let answer = {
        let (socket, flows, flow) = (Arc::downgrade(socket), Arc::clone(flows), Arc::clone(&flow));
        move || {
            answer(&socket, client, &flow);
            let mut flows = lock(&flows);
            // The client may have another one by now.
            if flows.get(&client).is_some_and(|current| Arc::ptr_eq(current, &flow)) {
                flows.remove(&client);
            }
        }
    };
    let mut all = lock(flows);
    if all.len() >= FLOWS_MAX {
        let oldest = all.iter().min_by_key(|(_, flow)| *lock(&flow.moved)).map(|(client, _)| *client);
        if let Some(oldest) = oldest.and_then(|oldest| all.remove(&oldest)) {
            oldest.end();
        }
    }
    thread::Builder::new().stack_size(STACK_BYTES).spawn(answer).ok()?;
    all.insert(client, Arc::clone(&flow));
    Some(flow)
}

/// Passes on what a backend answers, until nothing has passed for long, or the backend refuses, or the frontend is closed.
fn answer(socket: &Weak<UdpSocket>, client: SocketAddr, flow: &Flow) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let received = flow.upstream.recv(&mut buffer);
        if flow.is_ended.load(Ordering::SeqCst) {
            return;
        }
        match received {
            Ok(count) => {
                *lock(&flow.moved) = Instant::now();
                let Some(socket) = socket.upgrade() else { return };
                let _ = socket.send_to(&buffer[..count], client);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if lock(&flow.moved).elapsed() >= IDLE_TIMEOUT {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}
