//! Ports of services on the host's loopback (`type: NodePort`), from which connections go to the services' virtual addresses.
//!
//! They are the daemon's own, and closed while it does not run: like the API, and unlike the virtual addresses.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use controller::Unserved;
use plan::zone::{Frontends, Protocol};
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

/// Connections through all ports together; one more is closed at once.
const NODE_CONNECTIONS_MAX: usize = 1024;

/// Clients of one UDP port; a datagram of one more is lost.
const NODE_FLOWS_MAX: usize = 256;

/// How long a virtual address may take to answer. It is on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A UDP client is forgotten when nothing has passed for so long.
const FLOW_IDLE_TIMEOUT: Duration = Duration::from_mins(2);

/// After an error of the system before the next connection or datagram is taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The largest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// The ports that are open.
#[derive(Debug)]
pub(crate) struct NodePorts {
    open: Mutex<BTreeMap<Entry, AbortOnDropHandle<()>>>,
    connections: Arc<Semaphore>,
}

/// A port of the host, and where it leads.
type Entry = (Protocol, u16, SocketAddrV4);

impl Default for NodePorts {
    fn default() -> Self {
        NodePorts { open: Mutex::default(), connections: Arc::new(Semaphore::new(NODE_CONNECTIONS_MAX)) }
    }
}

impl NodePorts {
    /// Opens the ports of these frontends and closes all others; tells of which services that cannot be done. Connections through a
    /// port that is closed go on.
    pub(crate) async fn serve(&self, frontends: &Frontends) -> Unserved {
        let mut unserved = Unserved::new();
        let mut wanted: BTreeMap<Entry, &(String, String)> = BTreeMap::new();
        for (service, frontends) in frontends {
            for frontend in frontends {
                if let Some(port) = frontend.node_port {
                    wanted.insert((frontend.protocol, port, frontend.address), service);
                }
            }
        }
        self.retain(|entry| wanted.contains_key(entry));
        for (entry, service) in wanted {
            if self.has(&entry) {
                continue;
            }
            match self.listen(entry).await {
                Ok(task) => self.keep(entry, task),
                Err(error) => {
                    let why = format!("the port {} of this machine's loopback cannot be opened: {error}", entry.1);
                    unserved.insert(service.clone(), why);
                }
            }
        }
        unserved
    }

    async fn listen(&self, (protocol, port, to): Entry) -> io::Result<AbortOnDropHandle<()>> {
        let mut tasks = JoinSet::new();
        for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            let begun = match protocol {
                Protocol::Tcp => TcpListener::bind((address, port)).await.map(|listener| {
                    tasks.spawn(accept(listener, to, Arc::clone(&self.connections)));
                }),
                Protocol::Udp => UdpSocket::bind((address, port)).await.map(|socket| {
                    tasks.spawn(receive(socket, to));
                }),
            };
            match begun {
                // A machine without IPv6 has no such loopback.
                Err(error) if address.is_ipv6() && is_without_ipv6(&error) => {}
                other => other?,
            }
        }
        // Dropping the handle drops the set, and with it both listeners.
        Ok(AbortOnDropHandle::new(tokio::spawn(async move { while tasks.join_next().await.is_some() {} })))
    }

    fn has(&self, entry: &Entry) -> bool {
        lock(&self.open).contains_key(entry)
    }

    fn keep(&self, entry: Entry, task: AbortOnDropHandle<()>) {
        lock(&self.open).insert(entry, task);
    }

    fn retain(&self, is_wanted: impl Fn(&Entry) -> bool) {
        lock(&self.open).retain(|entry, _| is_wanted(entry));
    }
}

/// `EADDRNOTAVAIL`, or `EAFNOSUPPORT`, for which the standard library has no name.
fn is_without_ipv6(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(97)
}

/// Passes on whatever connects, until it is dropped.
async fn accept(listener: TcpListener, to: SocketAddrV4, connections: Arc<Semaphore>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&connections).try_acquire_owned() else { continue };
        // It ends with either side, and goes on when the port is closed.
        tokio::spawn(async move {
            pass(client, to).await;
            drop(place);
        });
    }
}

/// Serves one connection; closes it where nobody answers.
async fn pass(mut client: TcpStream, to: SocketAddrV4) {
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(to)).await;
    if let Ok(Ok(mut service)) = connected {
        // What is passed on waits for nothing; a connection that breaks has nothing more to pass on.
        let _ = (client.set_nodelay(true), service.set_nodelay(true));
        let _ = tokio::io::copy_bidirectional(&mut client, &mut service).await;
    }
}

/// The clients of a UDP port, each with its socket to the service.
type Flows = Arc<Mutex<HashMap<SocketAddr, Arc<UdpSocket>>>>;

/// Nothing panics while it holds one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes on datagrams, until it is dropped: each client has a socket of its own to the service.
async fn receive(socket: UdpSocket, to: SocketAddrV4) {
    let socket = Arc::new(socket);
    let flows = Flows::default();
    let mut answering = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        while answering.try_join_next().is_some() {}
        let Ok((count, client)) = socket.recv_from(&mut buffer).await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let known = lock(&flows).get(&client).cloned();
        let is_full = lock(&flows).len() >= NODE_FLOWS_MAX;
        let upstream = match known {
            Some(upstream) => upstream,
            None if is_full => continue,
            None => {
                let Ok(upstream) = connect(to).await else { continue };
                let upstream = Arc::new(upstream);
                lock(&flows).insert(client, Arc::clone(&upstream));
                let (socket, flows, upstream_of_answers) =
                    (Arc::clone(&socket), Arc::clone(&flows), Arc::clone(&upstream));
                answering.spawn(async move {
                    answer(&socket, client, &upstream_of_answers).await;
                    lock(&flows).remove(&client);
                });
                upstream
            }
        };
        // A datagram may be lost.
        let _ = upstream.send(&buffer[..count]).await;
    }
}

async fn connect(to: SocketAddrV4) -> io::Result<UdpSocket> {
    let upstream = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    upstream.connect(to).await?;
    Ok(upstream)
}

/// Passes on what a service answers, until it has said nothing for long, or refuses.
async fn answer(socket: &UdpSocket, client: SocketAddr, upstream: &UdpSocket) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    while let Ok(Ok(count)) = tokio::time::timeout(FLOW_IDLE_TIMEOUT, upstream.recv(&mut buffer)).await {
        let _ = socket.send_to(&buffer[..count], client).await;
    }
}
