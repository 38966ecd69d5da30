//! The loop that answers datagrams.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use hickory_proto::op::ResponseCode;
use hickory_server::{net::xfer::Protocol, server::Request};
use ipnet::IpNet;
use metrics::Counter;
use plan::zone::Zone;
use tokio::{net::UdpSocket, sync::mpsc, task::JoinSet};

use crate::{
    batch::{Queries, Replies},
    encoded::wire,
    fast::{Fast, Said},
    forward::Permit,
    handler::{Decision, Handler, Question, datagram, decide, label},
    plain::HEADER,
};

/// A query that waits for the upstreams.
pub(crate) struct Forward {
    socket: Arc<UdpSocket>,
    request: Request,
    question: Question,
    permit: Permit,
}

/// What one message leads to.
pub(crate) enum Step {
    /// What was written is to be sent.
    Send,
    /// Nothing is said.
    Drop,
    /// The upstreams are to be asked.
    Ask(Box<(Request, Question, Permit)>),
}

/// Answers what comes in at a socket until it fails for good. Names that are not ours go to `forwards`, so that nobody
/// who asks for a name of ours waits for them.
pub(crate) async fn serve(
    socket: UdpSocket,
    handler: Handler,
    allowed: Arc<[IpNet]>,
    forwards: mpsc::Sender<Forward>,
) -> io::Error {
    let socket = Arc::new(socket);
    let mut fast = Fast::default();
    let counters = Counters::new();
    let (mut queries, mut replies) = (Queries::new(), Replies::default());
    loop {
        match queries.receive(&socket).await {
            Ok(()) => {}
            Err(error) if is_final(&error) => return error,
            Err(error) => {
                tracing::debug!(%error, "datagram not received");
                continue;
            }
        }
        for (query, client) in queries.iter() {
            if !may_ask(&allowed, client) {
                tracing::debug!(%client, "a query from a network that is not answered");
                continue;
            }
            match step(&handler, &mut fast, &counters, (client, Protocol::Udp), query, replies.next()) {
                Step::Send => replies.keep(client),
                Step::Drop => {}
                Step::Ask(ask) => {
                    let (request, question, permit) = *ask;
                    let forward = Forward { socket: Arc::clone(&socket), request, question, permit };
                    // There are no more permits than places: it fails only when the daemon stops.
                    if forwards.try_send(forward).is_err() {
                        tracing::debug!(%client, "query not forwarded");
                    }
                }
            }
        }
        replies.send(&socket).await;
    }
}

/// Asks the upstreams for what comes in, and sends the replies. Ends when nobody can send any more; what waits then is
/// given up.
pub(crate) async fn forward(handler: Handler, mut forwards: mpsc::Receiver<Forward>) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            // Both arms may be dropped: neither takes anything before it is ready.
            forward = forwards.recv() => {
                let Some(forward) = forward else { return };
                let handler = handler.clone();
                tasks.spawn(async move {
                    let Forward { socket, request, question, permit } = forward;
                    let reply = handler.ask(permit, question).await;
                    count(reply.code);
                    let Some(bytes) = datagram(&request, &reply) else { return };
                    if let Err(error) = socket.send_to(&bytes, request.src()).await {
                        tracing::debug!(%error, client = %request.src(), "reply not sent");
                    }
                });
            }
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a forwarded query panicked");
                }
            }
        }
    }
}

/// Answers one message of a client from the latest zone: the short way where that knows the answer.
pub(crate) fn step(
    handler: &Handler,
    fast: &mut Fast,
    counters: &Counters,
    from: (SocketAddr, Protocol),
    query: &[u8],
    to: &mut Vec<u8>,
) -> Step {
    let zone = handler.zone.load();
    match fast.answer(&zone, query, from.1, to) {
        Said::Yes => {
            counters.no_error.increment(1);
            Step::Send
        }
        Said::NoSuchName => {
            counters.no_such_name.increment(1);
            Step::Send
        }
        Said::NotHere => the_long_way(&zone, handler, query, from, to),
    }
}

/// Answers with hickory.
fn the_long_way(
    zone: &Zone,
    handler: &Handler,
    query: &[u8],
    (client, protocol): (SocketAddr, Protocol),
    to: &mut Vec<u8>,
) -> Step {
    let Some((header, _)) = query.split_first_chunk::<HEADER>() else { return Step::Drop };
    // A reply is never answered, or two servers could talk for ever.
    if header[2] & 0x80 != 0 {
        return Step::Drop;
    }
    let request = match Request::from_bytes(query.to_vec(), client, protocol) {
        Ok(request) if is_repeatable(&request) => request,
        Ok(_) | Err(_) => {
            tracing::debug!(%client, "malformed query");
            to.extend(header_alone(header, ResponseCode::FormErr));
            count(ResponseCode::FormErr);
            return Step::Send;
        }
    };
    let reply = match decide(zone, &request) {
        Decision::Reply(reply) => reply,
        Decision::Ask(question) => match handler.admit(client.ip(), &question) {
            Ok(permit) => return Step::Ask(Box::new((request, question, permit))),
            Err(reply) => reply,
        },
    };
    count(reply.code);
    match datagram(&request, &reply) {
        Some(bytes) => {
            to.extend(bytes);
            Step::Send
        }
        None => Step::Drop,
    }
}

/// Whether a reply can repeat the question: the first name of a message can only be compressed by pointing into the
/// header, and the reply has another header.
fn is_repeatable(request: &Request) -> bool {
    let [question] = request.queries.queries() else { return true };
    let name = wire(question.original().name()).unwrap_or_default();
    request.queries.as_bytes().starts_with(&name)
}

/// What is said to a query that cannot be read, or is not: a header, as hickory has it.
pub(crate) fn header_alone(header: &[u8; HEADER], code: ResponseCode) -> [u8; HEADER] {
    let [id @ .., high, low, _, _, _, _, _, _, _, _] = *header;
    let [first, second]: [u8; 2] = id;
    [first, second, 0x80 | high & 0x79, low & 0x10 | code.low(), 0, 0, 0, 0, 0, 0, 0, 0]
}

/// Whether a client is answered: one of the networks, and an address that a reply can go to.
pub(crate) fn may_ask(allowed: &[IpNet], client: SocketAddr) -> bool {
    let ip = match client.ip() {
        IpAddr::V6(v6) => v6.to_canonical(),
        v4 @ IpAddr::V4(_) => v4,
    };
    client.port() != 0 && allowed.iter().any(|network| network.contains(&ip))
}

fn is_final(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotConnected | io::ErrorKind::ConnectionAborted)
}

pub(crate) fn count(code: ResponseCode) {
    metrics::counter!("petset_dns_replies_total", "code" => label(code)).increment(1);
}

/// Looked up once and not for each reply.
pub(crate) struct Counters {
    no_error: Counter,
    no_such_name: Counter,
}

impl Counters {
    pub(crate) fn new() -> Counters {
        let of = |code| metrics::counter!("petset_dns_replies_total", "code" => label(code));
        Counters { no_error: of(ResponseCode::NoError), no_such_name: of(ResponseCode::NXDomain) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use arc_swap::ArcSwap;

    use super::*;
    use crate::forward::Upstreams;

    #[tokio::test]
    async fn other_peoples_networks_get_no_reply() {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = socket.local_addr().unwrap();
        let mut zone = Zone::new("cluster.local");
        zone.serial = 1;
        let zone = Arc::new(ArcSwap::from_pointee(zone));
        let handler = Handler { zone, upstreams: Arc::new(Upstreams::new(vec![])) };
        let (forwards, _forwarded) = mpsc::channel(1);
        let serving = serve(socket, handler, ["127.0.0.2/32".parse().unwrap()].into(), forwards);
        let query = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07cluster\x05local\x00\x00\x06\x00\x01";
        let stranger = UdpSocket::bind("127.0.0.3:0").await.unwrap();
        let friend = UdpSocket::bind("127.0.0.2:0").await.unwrap();
        stranger.send_to(query, server).await.unwrap();
        friend.send_to(query, server).await.unwrap();
        let mut reply = [0; 512];
        // The stranger's came first: it is dealt with when the friend's is answered.
        tokio::select! {
            error = serving => panic!("{error}"),
            length = friend.recv(&mut reply) => assert!(length.unwrap() > query.len()),
        }
        assert_eq!(stranger.try_recv(&mut reply).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn only_addresses_that_a_reply_can_go_to_are_answered() {
        let allowed: Vec<IpNet> = ["10.0.0.0/24", "fd00::/64"].map(|n| n.parse().unwrap()).into();
        let may = |client: &str| may_ask(&allowed, client.parse().unwrap());
        assert!(may("10.0.0.9:5353") && may("[fd00::9]:5353") && may("[::ffff:10.0.0.9]:5353"));
        assert!(!may("10.0.0.9:0") && !may("10.0.1.9:5353") && !may("[fd01::9]:5353"));
    }
}
