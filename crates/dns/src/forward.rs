//! Asking the upstreams about names that are not ours.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

/// How long one upstream may take: below the five seconds after which resolvers in containers ask again.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often to ask at least, over all upstreams: a lost datagram should not fail a name.
const TRIES_MIN: usize = 2;

/// How many upstreams of a `resolv.conf` are used: as many as C libraries use.
const UPSTREAMS_MAX: usize = 3;

/// How many questions may wait for upstreams at once; each holds a socket, and a thousand file descriptors are a
/// common limit.
pub(crate) const IN_FLIGHT_MAX: usize = 256;

/// How many of them may be one client's: a pod that asks without end leaves room for the others.
const IN_FLIGHT_OF_CLIENT_MAX: usize = 64;

/// The size that is advertised upstream, below which datagrams are not fragmented (RFC 9715).
pub(crate) const PAYLOAD: u16 = 1232;

/// Reads the upstreams from the text of a `resolv.conf`: the first three `nameserver` lines that can be read.
pub fn upstreams(resolv_conf: &str) -> Vec<SocketAddr> {
    let servers = resolv_conf.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let address = words.next().filter(|word| *word == "nameserver").and(words.next())?;
        address.parse().ok().map(|address: IpAddr| SocketAddr::new(address, 53))
    });
    servers.take(UPSTREAMS_MAX).collect()
}

/// Why the upstreams gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// There is nobody to ask.
    NoUpstream,
    /// None answered in time.
    Silent,
    /// Too many questions are waiting.
    Busy,
}

/// The servers that are asked about names that are not ours.
#[derive(Debug)]
pub(crate) struct Upstreams {
    servers: Vec<SocketAddr>,
    in_flight: Arc<Mutex<InFlight>>,
    patience: Duration,
}

#[derive(Debug, Default, PartialEq)]
struct InFlight {
    count: usize,
    /// Only clients that wait for something are here.
    by_client: HashMap<IpAddr, usize>,
}

/// The right to have one question asked; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    client: IpAddr,
    in_flight: Arc<Mutex<InFlight>>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        in_flight.count -= 1;
        if let Some(of_client) = in_flight.by_client.get_mut(&self.client) {
            *of_client -= 1;
            if *of_client == 0 {
                in_flight.by_client.remove(&self.client);
            }
        }
    }
}

impl Upstreams {
    /// Upstreams in the order in which they are asked.
    pub(crate) fn new(servers: Vec<SocketAddr>) -> Upstreams {
        Upstreams { servers, in_flight: Arc::default(), patience: PATIENCE }
    }

    /// Lets a client's question through, or says why not.
    pub(crate) fn admit(&self, client: IpAddr) -> Result<Permit, Unanswered> {
        if self.servers.is_empty() {
            return Err(Unanswered::NoUpstream);
        }
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        let of_client = in_flight.by_client.get(&client).copied().unwrap_or_default();
        if in_flight.count >= IN_FLIGHT_MAX || of_client >= IN_FLIGHT_OF_CLIENT_MAX {
            return Err(Unanswered::Busy);
        }
        in_flight.count += 1;
        in_flight.by_client.insert(client, of_client + 1);
        Ok(Permit { client, in_flight: Arc::clone(&self.in_flight) })
    }

    /// Asks one upstream after the other until one knows. A refusal is passed on when all refuse.
    ///
    /// The permit is held until then.
    pub(crate) async fn ask(&self, _permit: Permit, question: &Query, request: Options) -> Result<Message, Unanswered> {
        let tries = TRIES_MIN.max(self.servers.len());
        let mut refusal = None;
        for server in self.servers.iter().cycle().take(tries) {
            match self.ask_one(*server, question, request).await {
                Ok(reply) if is_refusal(&reply) => refusal = Some(reply),
                Ok(reply) => return Ok(reply),
                Err(error) => tracing::debug!(%server, %error, "upstream does not answer"),
            }
        }
        refusal.ok_or(Unanswered::Silent)
    }

    async fn ask_one(&self, server: SocketAddr, question: &Query, request: Options) -> io::Result<Message> {
        let query = query(question, request);
        let bytes = query.to_vec().map_err(io::Error::other)?;
        let reply = timeout(self.patience, over_udp(server, &query, &bytes)).await??;
        if !reply.metadata.truncation {
            return Ok(reply);
        }
        // A cut answer is better than none where the upstream does not speak TCP.
        match timeout(self.patience, over_tcp(server, &query, &bytes)).await {
            Ok(Ok(whole)) => Ok(whole),
            Ok(Err(_)) | Err(_) => Ok(reply),
        }
    }
}

/// What of the client's request is carried upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// The client wants signatures (RFC 4035).
    pub(crate) dnssec_ok: bool,
    /// The client checks signatures itself.
    pub(crate) checking_disabled: bool,
}

fn is_refusal(reply: &Message) -> bool {
    matches!(reply.metadata.response_code, ResponseCode::ServFail | ResponseCode::Refused | ResponseCode::NotImp)
}

fn query(question: &Query, request: Options) -> Message {
    let mut query = Message::query();
    query.metadata.recursion_desired = true;
    query.metadata.checking_disabled = request.checking_disabled;
    query.add_query(question.clone());
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD).set_version(0).set_dnssec_ok(request.dnssec_ok);
    query.set_edns(edns);
    query
}

async fn over_udp(server: SocketAddr, query: &Message, bytes: &[u8]) -> io::Result<Message> {
    let any = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    // A socket per question gives each a port that cannot be guessed.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(bytes).await?;
    let mut buffer = [0; PAYLOAD as usize];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if let Some(reply) = reply_to(query, &buffer[..length]) {
            return Ok(reply);
        }
    }
}

async fn over_tcp(server: SocketAddr, query: &Message, bytes: &[u8]) -> io::Result<Message> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    let framed = [&length.to_be_bytes(), bytes].concat();
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut reply = vec![0; usize::from(length)];
    stream.read_exact(&mut reply).await?;
    reply_to(query, &reply).ok_or_else(|| io::Error::other("the reply does not belong to the question"))
}

/// The reply, where these bytes are one and belong to the question (RFC 5452).
fn reply_to(query: &Message, bytes: &[u8]) -> Option<Message> {
    use hickory_proto::op::MessageType::Response;
    let reply = Message::from_vec(bytes).ok()?;
    let is_ours = reply.metadata.id == query.metadata.id && reply.metadata.message_type == Response;
    (is_ours && reply.queries == query.queries).then_some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_are_the_first_three_name_servers() {
        let text = "# made by hand\nsearch example.org\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n\
                    nameserver 2001:db8::1\n;nameserver 192.0.2.9\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n";
        let expected = ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53"];
        assert_eq!(upstreams(text), expected.map(|s| s.parse().unwrap()));
        assert_eq!(upstreams("nameserver\nnameserver here\n"), []);
    }

    #[tokio::test]
    async fn a_silent_upstream_is_given_up() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let servers = vec![silent.local_addr().unwrap()];
        let upstreams = Upstreams { patience: Duration::from_millis(1), ..Upstreams::new(servers) };
        let question = Query::query("example.org.".parse().unwrap(), hickory_proto::rr::RecordType::A);
        let permit = upstreams.admit(IpAddr::from([10, 0, 0, 1])).unwrap();
        assert_eq!(upstreams.ask(permit, &question, Options::default()).await.unwrap_err(), Unanswered::Silent);
        assert_eq!(*upstreams.in_flight.lock().unwrap(), InFlight::default());
    }

    #[test]
    fn one_client_leaves_room_for_the_others_and_all_have_a_limit() {
        let upstreams = Upstreams::new(vec!["192.0.2.1:53".parse().unwrap()]);
        let admit = |client: u8| upstreams.admit(IpAddr::from([10, 0, 0, client]));
        let mut permits: Vec<_> = (0..IN_FLIGHT_OF_CLIENT_MAX).map(|_| admit(1).unwrap()).collect();
        assert_eq!(admit(1).unwrap_err(), Unanswered::Busy);
        permits.pop();
        permits.push(admit(1).unwrap());
        for client in 2..=4 {
            permits.extend((0..IN_FLIGHT_OF_CLIENT_MAX).map(|_| admit(client).unwrap()));
        }
        assert_eq!((permits.len(), admit(5).unwrap_err()), (IN_FLIGHT_MAX, Unanswered::Busy));
        drop(permits);
        assert_eq!(*upstreams.in_flight.lock().unwrap(), InFlight::default());
        assert_eq!(Upstreams::new(vec![]).admit(IpAddr::from([10, 0, 0, 1])).unwrap_err(), Unanswered::NoUpstream);
    }
}
