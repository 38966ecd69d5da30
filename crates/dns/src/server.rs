//! The sockets.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use plan::zone::Zone;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

use crate::{forward::Upstreams, handler::Handler, holder::holder};

/// How long a TCP connection may be idle (RFC 7766, section 6.2.3: a few seconds).
const TCP_IDLE: Duration = Duration::from_secs(10);

/// How many replies may wait on one TCP connection.
const TCP_REPLIES_MAX: usize = 32;

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
#[error("a DNS socket was closed")]
pub struct ServeError(#[source] hickory_server::net::NetError);

/// Sockets that are bound and not yet answered on.
pub struct Server {
    sockets: Vec<(UdpSocket, TcpListener)>,
    addresses: Vec<SocketAddr>,
    handler: Handler,
    allowed: Vec<IpNet>,
}

impl Server {
    /// Binds UDP and TCP on every address; port 0 means any that is free for both. Must be called inside a runtime.
    ///
    /// An address need not exist yet: packets come as soon as it does, and again when the bridge that has it was
    /// made anew. Queries are answered to loopback and to `allowed` networks, others are refused. Names that are
    /// not the zone's are asked of `upstreams`, less the server's own addresses.
    ///
    /// Errors: a [`BindError`] for the first address that cannot be bound; none stays bound then.
    pub fn bind(
        addresses: &[SocketAddr],
        zone: Arc<ArcSwap<Zone>>,
        upstreams: &[SocketAddr],
        allowed: &[IpNet],
    ) -> Result<Server, BindError> {
        let mut sockets = Vec::new();
        let mut bound = Vec::new();
        for address in addresses {
            let (address, udp, tcp) = pair(*address)?;
            sockets.push((udp, tcp));
            bound.push(address);
        }
        let upstreams = upstreams.iter().copied().filter(|upstream| !bound.contains(upstream)).collect();
        let handler = Handler { zone, upstreams: Upstreams::new(upstreams) };
        let loopback = [IpNet::V4(LOOPBACK_V4), IpNet::V6(LOOPBACK_V6)];
        let allowed = loopback.into_iter().chain(allowed.iter().copied()).collect();
        Ok(Server { sockets, addresses: bound, handler, allowed })
    }

    /// The addresses that were bound, with their ports.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Answers until `shutdown` is ready, and returns when every task has ended.
    ///
    /// Errors: all sockets were closed from outside.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        if self.sockets.is_empty() {
            shutdown.await;
            return Ok(());
        }
        let mut server = hickory_server::Server::with_access(self.handler, [], self.allowed);
        for (udp, tcp) in self.sockets {
            server.register_socket(udp);
            server.register_listener(tcp, TCP_IDLE, TCP_REPLIES_MAX);
        }
        tokio::select! {
            // Both arms may be dropped: waiting for the end has no effect, and shutdown comes once.
            ended = server.block_until_done() => ended.map_err(ServeError),
            () = shutdown => server.shutdown_gracefully().await.map_err(ServeError),
        }
    }
}

const LOOPBACK_V4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
const LOOPBACK_V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128);

/// UDP and TCP on one address, with the same port.
fn pair(address: SocketAddr) -> Result<(SocketAddr, UdpSocket, TcpListener), BindError> {
    let mut tries = if address.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let both = || {
            let udp = UdpSocket::from_std(socket(address, Type::DGRAM, Protocol::UDP)?.into())?;
            let address = udp.local_addr()?;
            let tcp = socket(address, Type::STREAM, Protocol::TCP)?;
            tcp.listen(TCP_BACKLOG)?;
            Ok((address, udp, TcpListener::from_std(tcp.into())?))
        };
        match both() {
            Err(error) if is_taken(&error) && tries > 0 => {}
            result => return result.map_err(|error| refused(address, error)),
        }
    }
}

/// A bound socket. The address may be one that this machine does not have yet (`IP_FREEBIND`).
fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    match address.ip() {
        IpAddr::V4(_) => socket.set_freebind_v4(true)?,
        IpAddr::V6(_) => socket.set_freebind_v6(true)?,
    }
    if protocol == Protocol::TCP {
        // A connection of the daemon before this one, still in TIME_WAIT, must not keep the port.
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
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
