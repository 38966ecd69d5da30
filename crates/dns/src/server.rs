//! The sockets.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    thread,
};

use arc_swap::ArcSwap;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use plan::zone::Zone;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::{mpsc, watch},
    task::{JoinError, JoinSet, LocalSet},
};

use crate::{
    forward::{IN_FLIGHT_MAX, Upstreams},
    handler::Handler,
    holder::holder,
    tcp,
    udp::{self, Forward},
};

/// How many threads answer datagrams: one core answers more than a hundred thousand a second, which is enough for all
/// pods of one machine, and a few keep one flooding client from the others.
const UDP_THREADS_MAX: usize = 4;

/// How many TCP connections may wait to be accepted.
const TCP_BACKLOG: i32 = 128;

/// How often a free port is tried for that is free for UDP and TCP alike, where any port is asked for.
const PORT_TRIES: usize = 16;

/// Why an address cannot be listened on, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else listens there.
    #[error("port {} on {} is taken{}; stop what listens there, or give the DNS server another address", address.port(), address.ip(), held(holder.as_deref()))]
    Taken {
        /// Where.
        address: SocketAddr,
        /// The program and its pid, where we may know.
        holder: Option<String>,
    },
    /// A port below 1024, and no right to it.
    #[error(
        "no permission to listen on {address}; run as root, or give the program the right with `setcap cap_net_bind_service=+ep`, or choose a port above 1023"
    )]
    Forbidden {
        /// Where.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("cannot listen on {address}")]
    Socket {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// Why serving ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A socket was closed from outside.
    #[error("a DNS socket was closed")]
    Socket(#[source] io::Error),
    /// A thread could not begin.
    #[error("start a thread for DNS")]
    Thread(#[source] io::Error),
    /// A thread panicked.
    #[error("a thread for DNS panicked")]
    Panic(#[source] JoinError),
}

/// Sockets that are bound and not yet answered on.
pub struct Server {
    sockets: Vec<Bound>,
    addresses: Vec<SocketAddr>,
    handler: Handler,
    allowed: Vec<IpNet>,
}

/// The sockets of one address.
struct Bound {
    /// One for each thread: the system spreads the clients over them.
    udp: Vec<Socket>,
    tcp: Socket,
}

impl Server {
    /// Binds UDP and TCP on every address; port 0 means any that is free for both.
    ///
    /// The zone is read anew for every question. Upstreams that are addresses of ours are left out. Loopback is always
    /// answered, and the `allowed` networks.
    pub fn bind(
        addresses: &[SocketAddr],
        zone: Arc<ArcSwap<Zone>>,
        upstreams: &[SocketAddr],
        allowed: &[IpNet],
    ) -> Result<Server, BindError> {
        let threads = thread::available_parallelism().map_or(1, |cores| cores.get().min(UDP_THREADS_MAX));
        Server::bind_with(threads, addresses, zone, upstreams, allowed)
    }

    /// The same with this many threads for UDP.
    pub fn bind_with(
        threads: usize,
        addresses: &[SocketAddr],
        zone: Arc<ArcSwap<Zone>>,
        upstreams: &[SocketAddr],
        allowed: &[IpNet],
    ) -> Result<Server, BindError> {
        let mut sockets = Vec::new();
        let mut bound = Vec::new();
        for address in addresses {
            let (address, both) = pair(*address, threads)?;
            sockets.push(both);
            bound.push(address);
        }
        let upstreams = upstreams.iter().copied().filter(|upstream| !bound.contains(upstream)).collect();
        let handler = Handler { zone, upstreams: Arc::new(Upstreams::new(upstreams)) };
        let loopback = [IpNet::V4(LOOPBACK_V4), IpNet::V6(LOOPBACK_V6)];
        let allowed = loopback.into_iter().chain(allowed.iter().copied()).collect();
        Ok(Server { sockets, addresses: bound, handler, allowed })
    }

    /// The addresses that were bound, with their ports.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Answers until `shutdown` is ready, and returns when every thread has ended.
    ///
    /// UDP has threads of its own, and so have TCP and the asking of upstreams together: a flood of questions takes no
    /// turn from those who call this, and one of foreign names none from those who ask for names of ours.
    ///
    /// Errors: a socket was closed from outside.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let (stop, stopped) = watch::channel(());
        let (forwards, forwarded) = mpsc::channel(IN_FLIGHT_MAX);
        let mut by_thread: Vec<Vec<Socket>> = Vec::new();
        let mut listeners = Vec::new();
        for Bound { udp, tcp } in self.sockets {
            listeners.push(tcp);
            by_thread.resize_with(udp.len().max(by_thread.len()), Vec::new);
            by_thread.iter_mut().zip(udp).for_each(|(of_thread, socket)| of_thread.push(socket));
        }
        let allowed: Arc<[IpNet]> = self.allowed.into();
        let mut threads = JoinSet::new();
        for sockets in by_thread {
            let (handler, allowed, forwards) = (self.handler.clone(), Arc::clone(&allowed), forwards.clone());
            let stopped = stopped.clone();
            threads.spawn_blocking(|| in_a_runtime(answer_datagrams(sockets, handler, allowed, forwards, stopped)));
        }
        drop(forwards);
        threads
            .spawn_blocking(move || in_a_runtime(answer_others(listeners, self.handler, allowed, forwarded, stopped)));
        let mut outcome = tokio::select! {
            // Both arms may be dropped: an ended thread is not forgotten before it is returned, and shutdown comes once.
            Some(ended) = threads.join_next() => flat(ended),
            () = shutdown => Ok(()),
        };
        drop(stop);
        while let Some(ended) = threads.join_next().await {
            outcome = outcome.and(flat(ended));
        }
        outcome
    }
}

fn flat(ended: Result<Result<(), ServeError>, JoinError>) -> Result<(), ServeError> {
    ended.map_err(ServeError::Panic)?
}

/// Runs a future on this thread alone: no other thread is woken for it.
fn in_a_runtime(future: impl Future<Output = Result<(), ServeError>>) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Thread)?;
    // What is prepared for the kernel stays on this thread, and so do the loops that hold it.
    LocalSet::new().block_on(&runtime, future)
}

/// One thread's sockets, one for each address.
async fn answer_datagrams(
    sockets: Vec<Socket>,
    handler: Handler,
    allowed: Arc<[IpNet]>,
    forwards: mpsc::Sender<Forward>,
    mut stopped: watch::Receiver<()>,
) -> Result<(), ServeError> {
    let mut loops = JoinSet::new();
    for socket in sockets {
        let socket = UdpSocket::from_std(socket.into()).map_err(ServeError::Thread)?;
        loops.spawn_local(udp::serve(socket, handler.clone(), Arc::clone(&allowed), forwards.clone()));
    }
    drop((forwards, handler));
    tokio::select! {
        // Both arms may be dropped: the sender of `stopped` never sends, it only goes away.
        Some(ended) = loops.join_next() => match ended {
            Ok(error) => Err(ServeError::Socket(error)),
            Err(error) => Err(ServeError::Panic(error)),
        },
        _ = stopped.changed() => Ok(()),
    }
}

/// TCP, and the questions of datagrams to the upstreams.
async fn answer_others(
    listeners: Vec<Socket>,
    handler: Handler,
    allowed: Arc<[IpNet]>,
    forwarded: mpsc::Receiver<Forward>,
    mut stopped: watch::Receiver<()>,
) -> Result<(), ServeError> {
    let mut loops = JoinSet::new();
    for listener in listeners {
        let listener = TcpListener::from_std(listener.into()).map_err(ServeError::Thread)?;
        let serving = tcp::serve(listener, handler.clone(), Arc::clone(&allowed));
        loops.spawn(async { match serving.await {} });
    }
    loops.spawn(udp::forward(handler, forwarded));
    // What still waits for an upstream, or for a client, when the end comes is not worth waiting for.
    tokio::select! {
        // Both arms may be dropped: the sender of `stopped` only goes away.
        Some(Err(error)) = loops.join_next() => Err(ServeError::Panic(error)),
        _ = stopped.changed() => Ok(()),
    }
}

const LOOPBACK_V4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
const LOOPBACK_V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128);

/// UDP, once for each thread, and TCP on one address, with the same port.
fn pair(address: SocketAddr, threads: usize) -> Result<(SocketAddr, Bound), BindError> {
    let mut tries = if address.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let both = || {
            // The first is bound for itself alone, so that a port that somebody else has is noticed.
            let first = socket(address, Type::DGRAM, Protocol::UDP)?;
            let address = bound(&first, address)?;
            first.set_reuse_port(true)?;
            let mut udp = vec![first];
            for _ in 1..threads {
                let next = socket(address, Type::DGRAM, Protocol::UDP)?;
                next.set_reuse_port(true)?;
                bound(&next, address)?;
                udp.push(next);
            }
            let tcp = socket(address, Type::STREAM, Protocol::TCP)?;
            // A connection of the daemon before this one, still in TIME_WAIT, must not keep the port.
            tcp.set_reuse_address(true)?;
            bound(&tcp, address)?;
            tcp.listen(TCP_BACKLOG)?;
            Ok((address, Bound { udp, tcp }))
        };
        match both() {
            Err(error) if is_taken(&error) && tries > 0 => {}
            result => return result.map_err(|error| refused(address, error)),
        }
    }
}

/// A socket that may be bound to an address that this machine does not have yet (`IP_FREEBIND`).
fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    match address.ip() {
        IpAddr::V4(_) => socket.set_freebind_v4(true)?,
        IpAddr::V6(_) => socket.set_freebind_v6(true)?,
    }
    Ok(socket)
}

/// Binds a socket; returns where.
fn bound(socket: &Socket, address: SocketAddr) -> io::Result<SocketAddr> {
    socket.bind(&address.into())?;
    socket.local_addr()?.as_socket().ok_or_else(|| io::Error::other("a socket without an address"))
}

fn is_taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}

fn refused(address: SocketAddr, source: io::Error) -> BindError {
    match source.kind() {
        io::ErrorKind::AddrInUse => BindError::Taken { address, holder: holder(address) },
        io::ErrorKind::PermissionDenied => BindError::Forbidden { address },
        _ => BindError::Socket { address, source },
    }
}

fn held(holder: Option<&str>) -> String {
    holder.map(|holder| format!(" by {holder}")).unwrap_or_default()
}
