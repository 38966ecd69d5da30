//! The balancer's program, over this machine's loopback.

use std::{
    collections::BTreeSet,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use bollard::models::{ContainerInspectResponse, HostConfig, Mount};

use super::program::{
    choice::{CLIENTS_MAX, Choice, TRIES_MAX},
    interface::Addresses,
    server::Server,
    table::{Frontend, HEADER, Protocol, TABLE_BYTES_MAX, read, write},
    tcp::CONNECTIONS_MAX,
    udp::FLOWS_MAX,
};
use super::{State, body, state_of};

/// Nothing here takes so long, but on a machine that stands still.
const PATIENCE: Duration = Duration::from_secs(10);

/// The addresses of loopback are there already.
#[derive(Debug, Default)]
struct Loopback {
    held: BTreeSet<Ipv4Addr>,
}

impl Addresses for Loopback {
    fn add(&mut self, address: Ipv4Addr) -> io::Result<()> {
        assert!(self.held.insert(address), "{address} is added once");
        Ok(())
    }

    fn remove(&mut self, address: Ipv4Addr) -> io::Result<()> {
        assert!(self.held.remove(&address), "{address} was there");
        Ok(())
    }
}

fn at(text: &str) -> SocketAddrV4 {
    text.parse().unwrap()
}

/// A frontend at a port of its own of 127.0.0.1.
fn frontend(protocol: Protocol, backends: &[SocketAddrV4]) -> Frontend {
    Frontend { protocol, address: free_port(protocol), affinity: None, backends: backends.to_vec() }
}

/// A port that was free a moment ago.
fn free_port(protocol: Protocol) -> SocketAddrV4 {
    let address = match protocol {
        Protocol::Tcp => TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(),
        Protocol::Udp => UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap(),
    };
    v4(address)
}

fn v4(address: SocketAddr) -> SocketAddrV4 {
    match address {
        SocketAddr::V4(address) => address,
        SocketAddr::V6(_) => panic!("{address}"),
    }
}

/// A server that says its name to each connection, and then gives back what it is told until the client has said all.
fn echo(name: &'static str) -> SocketAddrV4 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = v4(listener.local_addr().unwrap());
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            thread::spawn(move || {
                client.write_all(name.as_bytes()).unwrap();
                let mut said = Vec::new();
                client.read_to_end(&mut said).unwrap();
                client.write_all(&said).unwrap();
            });
        }
    });
    address
}

/// A connection on which the server has said its name.
fn connect(address: SocketAddrV4) -> (TcpStream, String) {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut name = [0; 1];
    client.read_exact(&mut name).unwrap();
    (client, String::from_utf8(name.to_vec()).unwrap())
}

fn names(address: SocketAddrV4, count: usize) -> Vec<String> {
    (0..count).map(|_| connect(address).1).collect()
}

/// What the server gives back when it is told all.
fn rest(mut client: TcpStream, say: &[u8]) -> Vec<u8> {
    client.write_all(say).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    answer
}

fn refused(address: SocketAddrV4) -> bool {
    TcpStream::connect(address).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[test]
fn a_table_reads_as_it_was_written_and_nothing_else_is_one() {
    let sticky = Duration::from_hours(3);
    let table = vec![
        Frontend {
            protocol: Protocol::Tcp,
            address: at("10.88.0.193:80"),
            affinity: Some(sticky),
            backends: vec![at("10.88.0.2:8080"), at("10.88.0.3:8080")],
        },
        Frontend { protocol: Protocol::Udp, address: at("10.88.0.194:53"), affinity: None, backends: vec![] },
    ];
    let text = write(&table);
    assert_eq!(
        text,
        "petset-balancer 1\ntcp 10.88.0.193:80 10800 10.88.0.2:8080 10.88.0.3:8080\nudp 10.88.0.194:53 0\n"
    );
    assert_eq!(read(&text), Ok(table));
    for wrong in ["", "petset-balancer 2\n", "tcp", "tcp 10.88.0.193:80", "sctp 1.2.3.4:5 0", "tcp 1.2.3.4:5 0 6"] {
        let text = if wrong.starts_with("petset") { wrong.to_owned() } else { format!("{HEADER}\n{wrong}\n") };
        let is_none = wrong.is_empty() || read(&text).is_err();
        assert!(is_none, "{wrong}");
    }
}

#[test]
fn backends_take_turns_and_a_client_with_affinity_stays_with_its_own() {
    let backends: Vec<_> = (1..=6).map(|n| SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, n), 80)).collect();
    let (one, other) = (IpAddr::from([10, 0, 1, 1]), IpAddr::from([10, 0, 1, 2]));
    let now = Instant::now();
    let mut choice = Choice::default();
    assert_eq!(choice.choose(one, now), []);
    choice.update(backends.clone(), None);
    let firsts: Vec<_> = (0..7).map(|_| choice.choose(one, now)[0]).collect();
    assert_eq!(firsts, [&backends[..], &backends[..1]].concat());
    assert_eq!(choice.choose(one, now).len(), TRIES_MAX, "the others are for when the first is dead");

    choice.update(backends.clone(), Some(Duration::from_mins(1)));
    choice.note(one, backends[4], now);
    for _ in 0..3 {
        assert_eq!(choice.choose(one, now + Duration::from_secs(59))[0], backends[4]);
    }
    assert_ne!(choice.choose(one, now + Duration::from_mins(1))[0], backends[4], "it was away for too long");
    assert_ne!(choice.choose(other, now)[0], backends[4]);
    choice.update(backends[..2].to_vec(), Some(Duration::from_mins(1)));
    assert!(backends[..2].contains(&choice.choose(one, now)[0]), "its own is gone");
}

#[test]
fn the_client_that_was_away_the_longest_is_forgotten_first() {
    let backends = [at("10.0.0.1:80"), at("10.0.0.2:80")];
    let mut choice = Choice::default();
    choice.update(backends.to_vec(), Some(Duration::from_hours(1)));
    let now = Instant::now();
    let client = |n: usize| IpAddr::from([10, 1, (n / 256) as u8, (n % 256) as u8]);
    for n in 0..=CLIENTS_MAX {
        choice.note(client(n), backends[1], now + Duration::from_millis(n as u64));
    }
    let first = |choice: &mut Choice, n| [choice.choose(client(n), now)[0], choice.choose(client(n), now)[0]];
    assert_ne!(first(&mut choice, 0), [backends[1]; 2], "the first one is forgotten");
    assert_eq!(first(&mut choice, 1), [backends[1]; 2]);
    assert_eq!(first(&mut choice, CLIENTS_MAX), [backends[1]; 2]);
}

#[test]
fn connections_reach_all_backends_and_half_of_one_may_be_closed() {
    let mut server = Server::new(Loopback::default());
    let web = frontend(Protocol::Tcp, &[echo("a"), echo("b")]);
    assert_eq!(server.apply(vec![web.clone()]), [""; 0]);
    assert_eq!(names(web.address, 4), ["a", "b", "a", "b"]);
    let long = vec![7; 1_000_000];
    let (client, _) = connect(web.address);
    assert!(rest(client, &long) == long, "what was said last comes back after the client has said all");
}

#[test]
fn a_backend_that_is_dead_is_passed_over() {
    let mut server = Server::new(Loopback::default());
    let web = frontend(Protocol::Tcp, &[free_port(Protocol::Tcp), echo("b")]);
    assert_eq!(server.apply(vec![web.clone()]), [""; 0]);
    assert_eq!(names(web.address, 3), ["b", "b", "b"]);
    let nobody = Frontend { backends: vec![free_port(Protocol::Tcp)], ..web.clone() };
    assert_eq!(server.apply(vec![nobody]), [""; 0]);
    let mut client = TcpStream::connect(web.address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0, "it is closed");
}

#[test]
fn who_comes_while_there_are_no_backends_is_refused_at_once() {
    let mut server = Server::new(Loopback::default());
    let web = frontend(Protocol::Tcp, &[]);
    assert_eq!(server.apply(vec![web.clone()]), [""; 0]);
    assert!(refused(web.address));
    let open = Frontend { backends: vec![echo("a")], ..web.clone() };
    for _ in 0..3 {
        assert_eq!(server.apply(vec![open.clone()]), [""; 0]);
        assert_eq!(names(web.address, 1), ["a"]);
        assert_eq!(server.apply(vec![web.clone()]), [""; 0]);
        assert!(refused(web.address));
    }
}

#[test]
fn open_connections_go_on_when_backends_change_and_end_with_their_address() {
    let mut server = Server::new(Loopback::default());
    let web = frontend(Protocol::Tcp, &[echo("a")]);
    server.apply(vec![web.clone()]);
    let (unready, _) = connect(web.address);
    let (replaced, _) = connect(web.address);
    let (mut deleted, _) = connect(web.address);
    server.apply(vec![Frontend { backends: vec![echo("b")], ..web.clone() }]);
    assert_eq!(rest(replaced, b"still here"), b"still here");
    assert_eq!(names(web.address, 2), ["b", "b"]);
    server.apply(vec![Frontend { backends: vec![], ..web.clone() }]);
    assert_eq!(rest(unready, b"and here"), b"and here");
    server.apply(vec![]);
    assert!(matches!(deleted.read(&mut [0; 1]), Ok(0) | Err(_)), "the address is nobody's any more");
    assert!(refused(web.address));
}

#[test]
fn a_client_with_affinity_comes_to_the_same_backend() {
    let mut server = Server::new(Loopback::default());
    let web = frontend(Protocol::Tcp, &[echo("a"), echo("b"), echo("c")]);
    let web = Frontend { affinity: Some(Duration::from_mins(1)), ..web };
    server.apply(vec![web.clone()]);
    let seen: BTreeSet<String> = names(web.address, 6).into_iter().collect();
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[test]
fn a_port_that_somebody_else_has_is_told_and_the_rest_is_served() {
    let mut server = Server::new(Loopback::default());
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = Frontend { address: v4(holder.local_addr().unwrap()), ..frontend(Protocol::Tcp, &[echo("a")]) };
    let web = frontend(Protocol::Tcp, &[echo("b")]);
    let troubles = server.apply(vec![taken.clone(), web.clone()]);
    assert_eq!(troubles.len(), 1);
    assert!(troubles[0].starts_with(&format!("listen at {}: ", taken.address)), "{troubles:?}");
    assert_eq!(names(web.address, 1), ["b"]);
    drop(holder);
    assert_eq!(server.apply(vec![taken.clone(), web]), [""; 0]);
    assert_eq!(names(taken.address, 1), ["a"]);
}

/// A server that answers each datagram with its name and what it was told.
fn answering(name: &'static str) -> SocketAddrV4 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = v4(socket.local_addr().unwrap());
    thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok((count, client)) = socket.recv_from(&mut buffer) {
            let answer = [name.as_bytes(), &buffer[..count]].concat();
            let _ = socket.send_to(&answer, client);
        }
    });
    address
}

fn client() -> UdpSocket {
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

/// What is answered at an address, from that address.
fn asked(client: &UdpSocket, address: SocketAddrV4, say: &str) -> String {
    client.send_to(say.as_bytes(), address).unwrap();
    let mut buffer = [0; 64];
    let (count, from) = client.recv_from(&mut buffer).unwrap();
    assert_eq!(from, SocketAddr::V4(address));
    String::from_utf8(buffer[..count].to_vec()).unwrap()
}

#[test]
fn a_client_of_udp_keeps_its_backend_until_that_is_gone() {
    let mut server = Server::new(Loopback::default());
    let (a, b) = (answering("a"), answering("b"));
    let names = frontend(Protocol::Udp, &[a, b]);
    assert_eq!(server.apply(vec![names.clone()]), [""; 0]);
    let (one, other) = (client(), client());
    assert_eq!(asked(&one, names.address, "1"), "a1");
    assert_eq!(asked(&other, names.address, "2"), "b2");
    assert_eq!(asked(&one, names.address, "3"), "a3");
    assert_eq!(asked(&one, names.address, ""), "a", "an empty datagram is one, too");
    server.apply(vec![Frontend { backends: vec![b], ..names.clone() }]);
    assert_eq!(asked(&one, names.address, "4"), "b4");
    server.apply(vec![Frontend { backends: vec![], ..names.clone() }]);
    let refused = client();
    refused.connect(names.address).unwrap();
    refused.send(b"5").unwrap();
    assert_eq!(refused.recv(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn the_page_of_limits_has_those_of_the_balancer() {
    let page = include_str!("../../../../docs/limits.md");
    for (name, value) in [
        ("TABLE_BYTES_MAX", TABLE_BYTES_MAX),
        ("CONNECTIONS_MAX", CONNECTIONS_MAX),
        ("TRIES_MAX", TRIES_MAX),
        ("CLIENTS_MAX", CLIENTS_MAX),
        ("FLOWS_MAX", FLOWS_MAX),
    ] {
        assert!(page.contains(&format!("| `{name}` | {value} | ")), "{name} is {value}");
    }
}

#[test]
fn the_balancer_may_do_no_more_than_it_must() {
    let body = body("one", "petset-one", Ipv4Addr::new(10, 88, 0, 192), vec![Mount::default()]);
    let HostConfig { cap_add, cap_drop, readonly_rootfs, privileged, security_opt, .. } = body.host_config.unwrap();
    let words = |list: Option<Vec<String>>| list.unwrap_or_default();
    assert_eq!(words(cap_drop), ["ALL"]);
    assert_eq!(words(cap_add), ["NET_ADMIN", "NET_BIND_SERVICE"]);
    assert_eq!(words(security_opt), ["no-new-privileges"]);
    assert_eq!((readonly_rootfs, privileged), (Some(true), None));
    let endpoints = body.networking_config.unwrap().endpoints_config.unwrap();
    let endpoint = &endpoints["petset-one"];
    assert_eq!(endpoint.mac_address.as_deref(), Some("02:42:0a:58:00:c0"), "as it was before");
    assert_eq!(endpoint.ipam_config.as_ref().unwrap().ipv4_address.as_deref(), Some("10.88.0.192"));
}

#[test]
fn a_container_that_runs_elsewhere_or_not_at_all_does_not_serve() {
    let there = |status: &str, address: &str| -> ContainerInspectResponse {
        serde_json::from_value(serde_json::json!({
            "State": {"Status": status},
            "NetworkSettings": {"Networks": {"petset-one": {"IPAddress": address}}},
        }))
        .unwrap()
    };
    for (status, address, expected) in [
        ("running", "10.88.0.192", State::Serves),
        ("running", "10.88.0.7", State::Astray),
        ("running", "", State::Astray),
        ("paused", "10.88.0.192", State::Astray),
        ("exited", "", State::Ended),
        ("created", "", State::Ended),
        ("dead", "", State::Astray),
    ] {
        assert_eq!(state_of(&there(status, address), "petset-one", "10.88.0.192"), expected, "{status} {address}");
    }
}
