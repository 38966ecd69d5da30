//! The loop that answers over TCP (RFC 7766): as many questions of a connection as have come are answered in one go.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hickory_proto::op::ResponseCode;
use hickory_server::net::xfer::Protocol;
use ipnet::IpNet;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep, timeout_at},
};

use crate::{
    fast::Fast,
    handler::{Handler, datagram},
    plain::HEADER,
    udp::{Counters, Step, count, header_alone, may_ask, step},
};

/// How long a client may take for its next question, or to take its replies (RFC 7766, section 6.2.3: a few seconds).
const IDLE: Duration = Duration::from_secs(10);

/// How many connections of one listener may be open: each holds a file descriptor, and a thousand are a common limit.
/// Others wait to be accepted.
const CONNECTIONS_MAX: usize = 128;

/// How many of them may be one client's: a pod that connects without end leaves room for the others. More are closed.
const CONNECTIONS_OF_CLIENT_MAX: usize = 32;

/// How many octets are read at once: some hundred questions.
const READ: usize = 8192;

/// How many octets of replies are gathered before they are sent, whatever else has been asked.
const GATHERED: usize = 16 * 1024;

/// How long to wait where no connection can be accepted, as when all file descriptors are taken.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// What all connections use.
struct Shared {
    handler: Handler,
    allowed: Arc<[IpNet]>,
    /// One thread runs them all, so nobody ever waits for it.
    fast: Mutex<Fast>,
    counters: Counters,
}

/// Answers whoever connects, until it is dropped.
pub(crate) async fn serve(listener: TcpListener, handler: Handler, allowed: Arc<[IpNet]>) -> Infallible {
    let shared = Arc::new(Shared { handler, allowed, fast: Mutex::default(), counters: Counters::new() });
    let mut tasks = JoinSet::new();
    let mut clients: HashMap<Id, IpAddr> = HashMap::new();
    loop {
        tokio::select! {
            // Both arms may be dropped: neither takes anything before it is ready.
            accepted = listener.accept(), if clients.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, client)) => {
                    let of_client = clients.values().filter(|ip| **ip == client.ip()).count();
                    if of_client < CONNECTIONS_OF_CLIENT_MAX {
                        let connection = Connection::new(stream, client, Arc::clone(&shared));
                        clients.insert(tasks.spawn(connection.answer()).id(), client.ip());
                    } else {
                        tracing::debug!(%client, "too many connections of one client");
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "connection not accepted");
                    sleep(ACCEPT_AGAIN).await;
                }
            },
            Some(ended) = tasks.join_next_with_id() => {
                let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
                clients.remove(&id);
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection for DNS panicked");
                }
            }
        }
    }
}

/// One client's connection.
struct Connection {
    stream: TcpStream,
    client: SocketAddr,
    shared: Arc<Shared>,
    /// What has come and is not answered yet.
    received: Vec<u8>,
    /// What is to be sent.
    replies: Vec<u8>,
    /// Questions that wait for the upstreams; at most as many as one client may have waiting.
    asking: JoinSet<Option<Vec<u8>>>,
}

/// Why a connection ends; whoever asks knows it, and nobody else needs to.
struct End;

impl Connection {
    fn new(stream: TcpStream, client: SocketAddr, shared: Arc<Shared>) -> Connection {
        let (received, replies) = (Vec::new(), Vec::new());
        Connection { stream, client, shared, received, replies, asking: JoinSet::new() }
    }

    /// Answers until the client has no more questions.
    async fn answer(mut self) {
        // Only speed depends on it.
        drop(self.stream.set_nodelay(true));
        // Either end is one.
        let (Ok(()) | Err(End)) = self.answer_all().await;
    }

    async fn answer_all(&mut self) -> Result<(), End> {
        if !may_ask(&self.shared.allowed, self.client) {
            return self.refuse().await;
        }
        let mut until = Instant::now() + IDLE;
        let mut has_more = true;
        while has_more || !self.asking.is_empty() {
            self.received.reserve(READ);
            tokio::select! {
                // Both arms may be dropped: neither takes anything before it is ready.
                read = timeout_at(until, self.stream.read_buf(&mut self.received)), if has_more => {
                    has_more = matches!(read, Ok(Ok(1..)));
                    if !matches!(read, Ok(Ok(_))) {
                        return Err(End);
                    }
                    // Not for a part of a question: who sends one octet at a time is idle too.
                    if self.answer_received().await? {
                        until = Instant::now() + IDLE;
                    }
                }
                Some(asked) = self.asking.join_next() => {
                    if let Ok(Some(reply)) = asked {
                        gather(&reply, &mut self.replies);
                    }
                    self.send().await?;
                    until = Instant::now() + IDLE;
                }
            }
        }
        Ok(())
    }

    /// Answers the questions that have come whole; whether there was one.
    async fn answer_received(&mut self) -> Result<bool, End> {
        let mut taken = 0;
        while let Some(query) = message(&self.received[taken..]) {
            taken += 2 + query.len();
            let Shared { handler, fast, counters, .. } = &*self.shared;
            // The length is put before when it is known.
            let start = self.replies.len();
            self.replies.extend([0, 0]);
            let step = {
                let mut fast = fast.lock().unwrap_or_else(PoisonError::into_inner);
                step(handler, &mut fast, counters, (self.client, Protocol::Tcp), query, &mut self.replies)
            };
            match step {
                Step::Send => {
                    let length = u16::try_from(self.replies.len() - start - 2).map_err(|_| End)?;
                    self.replies[start..start + 2].copy_from_slice(&length.to_be_bytes());
                }
                Step::Drop => self.replies.truncate(start),
                Step::Ask(ask) => {
                    self.replies.truncate(start);
                    let (request, question, permit) = *ask;
                    let handler = handler.clone();
                    self.asking.spawn(async move {
                        let reply = handler.ask(permit, question).await;
                        count(reply.code);
                        datagram(&request, &reply)
                    });
                }
            }
            if self.replies.len() > GATHERED {
                self.send().await?;
            }
        }
        self.received.drain(..taken);
        self.send().await?;
        Ok(taken > 0)
    }

    /// Sends what is gathered.
    async fn send(&mut self) -> Result<(), End> {
        if !self.replies.is_empty() {
            let sent = timeout_at(Instant::now() + IDLE, self.stream.write_all(&self.replies)).await;
            self.replies.clear();
            if !matches!(sent, Ok(Ok(()))) {
                tracing::debug!(client = %self.client, "reply not sent");
                return Err(End);
            }
        }
        Ok(())
    }

    /// Refuses the first question of a client that is not answered, without looking at it.
    async fn refuse(&mut self) -> Result<(), End> {
        let mut start = [0; 2 + HEADER];
        let read = timeout_at(Instant::now() + IDLE, self.stream.read_exact(&mut start)).await;
        let (Ok(Ok(_)), Some(header)) = (read, start.last_chunk()) else { return Err(End) };
        gather(&header_alone(header, ResponseCode::Refused), &mut self.replies);
        count(ResponseCode::Refused);
        self.send().await
    }
}

/// The message at the front, without its length, if it has come whole.
fn message(received: &[u8]) -> Option<&[u8]> {
    let (length, rest) = received.split_first_chunk::<2>()?;
    rest.get(..u16::from_be_bytes(*length).into())
}

/// Adds a message with its length before it.
fn gather(message: &[u8], to: &mut Vec<u8>) {
    // What hickory encodes for TCP is no longer.
    let Ok(length) = u16::try_from(message.len()) else { return };
    to.extend(length.to_be_bytes());
    to.extend(message);
}

#[cfg(test)]
mod tests {
    use std::{io, net::Ipv4Addr};

    use arc_swap::ArcSwap;
    use plan::zone::Zone;
    use tokio::{net::TcpSocket, task::JoinHandle};

    use super::*;
    use crate::forward::Upstreams;

    /// About the start of authority of `cluster.local`.
    const QUERY: &[u8] =
        b"\x00\x1f\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07cluster\x05local\x00\x00\x06\x00\x01";

    async fn start() -> (SocketAddr, JoinHandle<Infallible>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = listener.local_addr().unwrap();
        let mut zone = Zone::new("cluster.local");
        zone.serial = 1;
        let zone = Arc::new(ArcSwap::from_pointee(zone));
        let handler = Handler { zone, upstreams: Arc::new(Upstreams::new(vec![])) };
        let allowed = ["127.0.0.2/31"].map(|network| network.parse().unwrap()).into();
        (server, tokio::spawn(serve(listener, handler, allowed)))
    }

    async fn connect(from: &str, server: SocketAddr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
        socket.connect(server).await.unwrap()
    }

    /// The code of the next reply.
    async fn code(stream: &mut TcpStream) -> io::Result<u8> {
        let mut reply = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut reply).await?;
        Ok(reply[3] & 0x0F)
    }

    #[tokio::test]
    async fn other_peoples_networks_are_refused() {
        let (server, serving) = start().await;
        let mut stranger = connect("127.0.0.4", server).await;
        stranger.write_all(QUERY).await.unwrap();
        assert_eq!(code(&mut stranger).await.unwrap(), 5);
        serving.abort();
    }

    #[tokio::test]
    async fn questions_come_in_pieces_and_many_at_once_and_the_last_before_the_end() {
        let (server, serving) = start().await;
        let mut client = connect("127.0.0.2", server).await;
        for piece in QUERY.chunks(1) {
            client.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(code(&mut client).await.unwrap(), 0);
        client.write_all(&QUERY.repeat(1000)).await.unwrap();
        client.shutdown().await.unwrap();
        for _ in 0..1000 {
            assert_eq!(code(&mut client).await.unwrap(), 0);
        }
        assert_eq!(code(&mut client).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        serving.abort();
    }

    #[tokio::test]
    async fn a_client_with_too_many_connections_leaves_room_for_others() {
        let (server, serving) = start().await;
        let mut open = Vec::new();
        for _ in 0..CONNECTIONS_OF_CLIENT_MAX {
            let mut client = connect("127.0.0.2", server).await;
            client.write_all(QUERY).await.unwrap();
            assert_eq!(code(&mut client).await.unwrap(), 0);
            open.push(client);
        }
        let mut one_more = connect("127.0.0.2", server).await;
        assert!(code(&mut one_more).await.is_err());
        let mut other = connect("127.0.0.3", server).await;
        other.write_all(QUERY).await.unwrap();
        assert_eq!(code(&mut other).await.unwrap(), 0);

        // Those that have ended make room.
        let mut first = open.swap_remove(0);
        first.shutdown().await.unwrap();
        assert!(code(&mut first).await.is_err());
        let mut next = connect("127.0.0.2", server).await;
        next.write_all(QUERY).await.unwrap();
        assert_eq!(code(&mut next).await.unwrap(), 0);
        serving.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_no_whole_question_is_left() {
        let (server, serving) = start().await;
        let mut client = connect("127.0.0.2", server).await;
        let since = Instant::now();
        let (mut from, mut to) = client.split();
        let sending = async {
            for piece in QUERY.chunks(1) {
                // The client may be left before the last of them.
                drop(to.write_all(piece).await);
                sleep(IDLE / 8).await;
            }
        };
        let ((), read) = tokio::join!(sending, from.read_u8());
        assert!(read.is_err());
        assert!(since.elapsed() >= IDLE);
        serving.abort();
    }
}
