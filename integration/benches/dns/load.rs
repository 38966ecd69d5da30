//! Questions, as many as are answered: a few sockets, each with a bounded number of questions under way.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::servers::{PETS, SERVICES};

/// Sockets that ask at the same time.
const SOCKETS: usize = 4;

/// Questions that one socket has under way.
const WINDOW: usize = 16;

/// A question that is not answered by then is lost.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mix {
    /// Seven of ten a pet's address, three of twenty a service's, one of ten its SRV records, one of twenty no name.
    Everyday,
    /// SRV records only.
    Srv,
    /// Names that do not exist.
    NoSuchName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// A service's name below the zone.
pub(crate) fn service(number: u32) -> String {
    format!("s{number}.default.svc")
}

/// A pet's name below the zone.
pub(crate) fn pet(of_service: u32, number: u32) -> String {
    format!("pet-{number}.{}", service(of_service))
}

/// A pet's address.
pub(crate) fn address(of_service: u32, number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0A00_0100 + of_service * PETS + number)
}

/// Questions in the order in which they are asked, again and again; with the code and the number of answers that are
/// right.
fn questions(mix: Mix) -> Vec<(Vec<u8>, u8, u8)> {
    let count = SERVICES * PETS;
    // Every pet in an order that jumps between the services.
    (0..count)
        .map(|n| (n * 7919) % count)
        .enumerate()
        .map(|(turn, n)| {
            let (of, pet_number) = (n / PETS, n % PETS);
            let kind = match mix {
                Mix::Everyday => turn % 20,
                Mix::Srv => 17,
                Mix::NoSuchName => 19,
            };
            match kind {
                0..14 => (question(&pet(of, pet_number), 1), 0, 1),
                14..17 => (question(&service(of), 1), 0, PETS as u8),
                17..19 => (question(&service(of), 33), 0, PETS as u8),
                _ => (question(&format!("none-{pet_number}.{}", service(of)), 1), 3, 0),
            }
        })
        .collect()
}

/// A query with EDNS.
fn question(name: &str, kind: u8) -> Vec<u8> {
    let mut query = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name.split('.').chain(["cluster", "local"]) {
        query.push(label.len() as u8);
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, kind, 0, 1]);
    query.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    query
}

/// Asks each kind of question once, and says what is wrong.
pub(crate) fn check(server: SocketAddr, mix: Mix, transport: Transport) -> Result<()> {
    let mut line = Line::open(server, transport)?;
    for (query, code, answers) in questions(mix).iter().take(20) {
        line.send(query)?;
        let Received::Reply(reply) = line.receive()? else { bail!("no reply") };
        let said = (reply[2] & 0x80, reply[3] & 0x0F, reply[7]);
        ensure!(said == (0x80, *code, *answers), "said {said:?} instead of {:?}", (0x80, code, answers));
    }
    Ok(())
}

/// How many questions are answered in this time.
pub(crate) fn answers(server: SocketAddr, mix: Mix, transport: Transport, time: Duration) -> Result<u64> {
    let questions = questions(mix);
    let until = Instant::now() + time;
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..SOCKETS)
            .map(|number| {
                let questions = &questions;
                scope.spawn(move || ask(server, transport, questions, number * questions.len() / SOCKETS, until))
            })
            .collect();
        askers.into_iter().map(|asker| asker.join().expect("the asker does not panic")).sum()
    })
}

fn ask(
    server: SocketAddr,
    transport: Transport,
    questions: &[(Vec<u8>, u8, u8)],
    first: usize,
    until: Instant,
) -> Result<u64> {
    let mut next = questions.iter().cycle().skip(first).map(|(query, ..)| query);
    let mut answered = 0;
    // Each turn is a connection: dnsmasq closes one after a hundred questions. What was under way then is not counted.
    while Instant::now() < until {
        let mut line = Line::open(server, transport)?;
        let mut is_open = true;
        for query in next.by_ref().take(WINDOW) {
            is_open &= line.send(query)?;
        }
        while is_open && Instant::now() < until {
            match line.receive()? {
                Received::Reply(reply) => {
                    ensure!(matches!(reply[3] & 0x0F, 0 | 3), "code {}", reply[3] & 0x0F);
                    answered += 1;
                }
                Received::End => break,
                // Lost, or not taken in time: another takes its place.
                Received::Nothing => (),
            }
            // What was answered before the end is still to be read.
            line.send(next.next().context("questions without end")?)?;
        }
    }
    Ok(answered)
}

/// What comes of waiting for a reply.
enum Received<'a> {
    Reply(&'a [u8]),
    /// None came in time.
    Nothing,
    /// None will come: the server has closed the connection.
    End,
}

/// A way to the server.
enum Line {
    Udp(UdpSocket, Vec<u8>),
    Tcp { stream: TcpStream, received: Vec<u8>, taken: usize, chunk: Vec<u8> },
}

impl Line {
    fn open(server: SocketAddr, transport: Transport) -> Result<Line> {
        Ok(match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind("127.0.0.1:0")?;
                socket.connect(server)?;
                socket.set_read_timeout(Some(PATIENCE))?;
                Line::Udp(socket, vec![0; 4096])
            }
            Transport::Tcp => {
                let stream = TcpStream::connect(server)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Line::Tcp { stream, received: Vec::new(), taken: 0, chunk: vec![0; 65536] }
            }
        })
    }

    /// Whether the server still takes questions.
    fn send(&mut self, query: &[u8]) -> Result<bool> {
        let sent = match self {
            Line::Udp(socket, _) => socket.send(query).map(drop),
            Line::Tcp { stream, .. } => stream.write_all(&[&(query.len() as u16).to_be_bytes(), query].concat()),
        };
        match sent {
            Ok(()) => Ok(true),
            Err(error) if is_end(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The next reply.
    fn receive(&mut self) -> Result<Received<'_>> {
        match self {
            Line::Udp(socket, buffer) => match socket.recv(buffer) {
                Ok(length) => {
                    ensure!(length >= 12, "a reply of {length} octets");
                    Ok(Received::Reply(&buffer[..length]))
                }
                Err(error) if is_late(&error) => Ok(Received::Nothing),
                Err(error) => Err(error.into()),
            },
            Line::Tcp { stream, received, taken, chunk } => loop {
                let rest = &received[*taken..];
                let length = rest.first_chunk::<2>().map(|length| usize::from(u16::from_be_bytes(*length)));
                if let Some(length) = length.filter(|length| rest.len() >= 2 + length) {
                    let start = *taken + 2;
                    *taken = start + length;
                    ensure!(length >= 12, "a reply of {length} octets");
                    return Ok(Received::Reply(&received[start..start + length]));
                }
                received.drain(..*taken);
                *taken = 0;
                match stream.read(chunk) {
                    Ok(0) => return Ok(Received::End),
                    Ok(length) => received.extend(&chunk[..length]),
                    Err(error) if is_late(&error) => return Ok(Received::Nothing),
                    Err(error) if is_end(&error) => return Ok(Received::End),
                    Err(error) => return Err(error.into()),
                }
            },
        }
    }
}

/// A connection that the server has closed with questions unread.
fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
