//! The names that a service's SRV records lead to.

use std::{
    collections::BTreeSet,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    time::Instant,
};

use hickory_proto::{
    op::{Message, MessageType, Query, ResponseCode},
    rr::{Name, RData, RecordType},
};

use crate::resolv::Resolv;

/// No answer over UDP without EDNS is longer (RFC 1035, section 4.2.1).
const DATAGRAM_MAX: usize = 512;

/// Why a look showed no names.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("no peer of {0} has an SRV record yet")]
    None(String),
    #[error("{0:?} is no name of a service")]
    Name(String),
    #[error("{0} does not resolve: {1}")]
    Refused(String, String),
    #[error("no server of names answers for {0}: {1}")]
    Silent(String, String),
}

/// The targets of a service's SRV records, without the dot at the end. A short name is looked for below the domains of the search
/// list, as programs in the container do; the first name that has records counts.
pub(crate) fn peers(resolv: &Resolv, service: &str) -> Result<BTreeSet<String>, LookupError> {
    let mut refusal = None;
    for candidate in resolv.candidates(service) {
        let name = Name::from_ascii(format!("{candidate}.")).map_err(|_| LookupError::Name(service.to_owned()))?;
        let reply = ask(resolv, &name)?;
        match reply.metadata.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => {}
            code => refusal = Some(LookupError::Refused(candidate, code.to_string())),
        }
        let targets: BTreeSet<String> = reply.answers.iter().filter_map(|record| target(&record.data)).collect();
        if !targets.is_empty() {
            return Ok(targets);
        }
    }
    Err(refusal.unwrap_or_else(|| LookupError::None(service.to_owned())))
}

fn target(data: &RData) -> Option<String> {
    let RData::SRV(srv) = data else { return None };
    Some(srv.target.to_ascii().trim_end_matches('.').to_ascii_lowercase())
}

/// Asks one server after the other, as often as the container's settings say.
fn ask(resolv: &Resolv, name: &Name) -> Result<Message, LookupError> {
    let mut query = Message::query();
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(name.clone(), RecordType::SRV));
    let mut failure = String::new();
    for _ in 0..resolv.attempts {
        for server in &resolv.servers {
            match ask_one(resolv, *server, &query) {
                Ok(reply) => return Ok(reply),
                Err(error) => failure = format!("{}: {error}", server.ip()),
            }
        }
    }
    Err(LookupError::Silent(name.to_ascii(), failure))
}

fn ask_one(resolv: &Resolv, server: SocketAddr, query: &Message) -> io::Result<Message> {
    let bytes = query.to_vec().map_err(io::Error::other)?;
    let reply = over_udp(resolv, server, query, &bytes)?;
    if reply.metadata.truncation { over_tcp(resolv, server, query, &bytes) } else { Ok(reply) }
}

fn over_udp(resolv: &Resolv, server: SocketAddr, query: &Message, bytes: &[u8]) -> io::Result<Message> {
    let any = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    socket.send(bytes)?;
    let end = Instant::now() + resolv.timeout;
    let mut buffer = [0; DATAGRAM_MAX];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let length = socket.recv(&mut buffer)?;
        if let Some(reply) = reply_to(query, &buffer[..length]) {
            return Ok(reply);
        }
    }
}

fn over_tcp(resolv: &Resolv, server: SocketAddr, query: &Message, bytes: &[u8]) -> io::Result<Message> {
    let mut stream = TcpStream::connect_timeout(&server, resolv.timeout)?;
    stream.set_read_timeout(Some(resolv.timeout))?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), bytes].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply)?;
    reply_to(query, &reply).ok_or_else(|| io::Error::other("the reply does not belong to the question"))
}

/// The reply, where these bytes are one and belong to the question (RFC 5452).
fn reply_to(query: &Message, bytes: &[u8]) -> Option<Message> {
    let reply = Message::from_vec(bytes).ok()?;
    let is_ours = reply.metadata.id == query.metadata.id && reply.metadata.message_type == MessageType::Response;
    (is_ours && reply.queries == query.queries).then_some(reply)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use hickory_proto::rr::{Record, rdata::SRV};

    use super::*;

    const ZONE: &str = "ub.default.svc.cluster.local.";

    /// What a server says to a question: these pods, if it is about [`ZONE`].
    fn answer(bytes: &[u8], pods: usize) -> Message {
        let query = Message::from_vec(bytes).unwrap();
        let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
        reply.add_query(query.queries[0].clone());
        if query.queries[0].name().to_ascii() != ZONE {
            reply.metadata.response_code = ResponseCode::NXDomain;
            return reply;
        }
        for pod in 0..pods {
            let target = Name::from_ascii(format!("VM-{pod}.{ZONE}")).unwrap();
            let data = RData::SRV(SRV::new(10, 50, 0, target));
            reply.add_answer(Record::from_rdata(query.queries[0].name().clone(), 5, data));
        }
        reply
    }

    /// A server with so many pods; it gives as many answers over UDP and TCP as are asked for.
    fn server(pods: usize, datagrams: usize, streams: usize) -> Resolv {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = udp.local_addr().unwrap();
        let tcp = TcpListener::bind(address).unwrap();
        thread::spawn(move || {
            for _ in 0..datagrams {
                let mut buffer = [0; 512];
                let (length, client) = udp.recv_from(&mut buffer).unwrap();
                let mut reply = answer(&buffer[..length], pods);
                if streams > 0 && !reply.answers.is_empty() {
                    reply.answers.clear();
                    reply.metadata.truncation = true;
                }
                udp.send_to(b"nonsense", client).unwrap();
                udp.send_to(&reply.to_vec().unwrap(), client).unwrap();
            }
            for _ in 0..streams {
                let (mut stream, _) = tcp.accept().unwrap();
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut question).unwrap();
                let reply = answer(&question, pods).to_vec().unwrap();
                stream.write_all(&u16::try_from(reply.len()).unwrap().to_be_bytes()).unwrap();
                stream.write_all(&reply).unwrap();
            }
        });
        let mut resolv =
            Resolv::parse("search svc.cluster.local default.svc.cluster.local\noptions ndots:5 timeout:1 attempts:1\n");
        resolv.servers = vec![address];
        resolv
    }

    #[test]
    fn names_are_found_below_the_search_list_and_come_sorted_without_a_dot() {
        let resolv = server(3, 2, 0);
        let found: Vec<String> = peers(&resolv, "ub").unwrap().into_iter().collect();
        let wanted = ["vm-0", "vm-1", "vm-2"].map(|pod| format!("{pod}.ub.default.svc.cluster.local"));
        assert_eq!(found, wanted);
    }

    #[test]
    fn an_answer_that_was_cut_is_asked_for_over_tcp() {
        let resolv = server(40, 2, 1);
        assert_eq!(peers(&resolv, "ub").unwrap().len(), 40);
    }

    #[test]
    fn nobody_and_no_answer_are_told_apart() {
        let resolv = server(0, 3, 0);
        assert_eq!(peers(&resolv, "ub"), Err(LookupError::None("ub".into())));
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut resolv = Resolv::parse("options timeout:1 attempts:1\n");
        resolv.servers = vec![silent.local_addr().unwrap()];
        assert!(matches!(peers(&resolv, "ub"), Err(LookupError::Silent(name, _)) if name == "ub."));
        assert_eq!(peers(&resolv, "a..b"), Err(LookupError::Name("a..b".into())));
    }
}
