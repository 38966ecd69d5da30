//! Questions that no honest client asks, or hardly any: each gets what the RFCs say, or silence, and the next question its
//! answer.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use hickory_proto::op::{Message, ResponseCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
};

mod common;
mod world;

use world::World;

/// `svc1.testns.svc.cluster.local`, as encoded.
const SVC1: &[u8] = b"\x04svc1\x06testns\x03svc\x07cluster\x05local\x00";

/// An OPT record that takes 1232 octets.
const OPT: &[u8] = &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];

/// What is said: nothing, or a code with the number of answers.
#[derive(Debug, PartialEq)]
enum Said {
    Nothing,
    Code(u16, usize),
}

fn code(code: ResponseCode) -> Said {
    Said::Code(code.into(), 0)
}

const ANSWERED: Said = Said::Code(0, 1);

/// A message: flags, counts of the four sections, and the rest. Its id is 1.
fn message(flags: u16, counts: [u8; 4], rest: &[&[u8]]) -> Vec<u8> {
    let counts = counts.map(|count| [0, count]).concat();
    [&[0, 1], &flags.to_be_bytes()[..], &counts, &rest.concat()].concat()
}

/// A question about svc1.
fn about_svc1(kind: u16, class: u16) -> Vec<u8> {
    [SVC1, &kind.to_be_bytes(), &class.to_be_bytes()].concat()
}

/// An OPT record with these options, and other figures.
fn opt(payload: u16, version: u8, options: &[u8]) -> Vec<u8> {
    let length = options.len() as u16;
    [&[0, 0, 41], &payload.to_be_bytes()[..], &[0, version, 0, 0], &length.to_be_bytes(), options].concat()
}

fn edns(opt: &[u8]) -> Vec<u8> {
    message(0x0100, [1, 0, 0, 1], &[&about_svc1(1, 1), opt])
}

fn malformed() -> Vec<(&'static str, Vec<u8>, Said)> {
    let plain = message(0x0100, [1, 0, 0, 0], &[&about_svc1(1, 1)]);
    let of_name = |name: &[u8]| message(0x0100, [1, 0, 0, 0], &[name, &[0, 1, 0, 1]]);
    let label = [&[63][..], &[b'a'; 63]].concat();
    vec![
        ("nothing at all", vec![], Said::Nothing),
        ("half a header", plain[..7].to_vec(), Said::Nothing),
        ("a reply", message(0x8100, [1, 0, 0, 0], &[&about_svc1(1, 1)]), Said::Nothing),
        ("a malformed reply", message(0x8100, [1, 0, 0, 0], &[]), Said::Nothing),
        ("no question where one is counted", message(0x0100, [1, 0, 0, 0], &[]), code(ResponseCode::FormErr)),
        ("no question", message(0x0100, [0, 0, 0, 0], &[]), code(ResponseCode::FormErr)),
        (
            "two questions",
            message(0x0100, [2, 0, 0, 0], &[&about_svc1(1, 1), &about_svc1(28, 1)]),
            code(ResponseCode::FormErr),
        ),
        ("a name that ends early", plain[..20].to_vec(), code(ResponseCode::FormErr)),
        ("a question without its class", plain[..plain.len() - 2].to_vec(), code(ResponseCode::FormErr)),
        ("a pointer to itself", of_name(&[0xC0, 12]), code(ResponseCode::FormErr)),
        ("a pointer ahead", of_name(&[0xC0, 40]), code(ResponseCode::FormErr)),
        ("a label of the reserved kind", of_name(b"\x41aaaa\x00"), code(ResponseCode::FormErr)),
        ("a name of 320 octets", of_name(&[label.repeat(5), vec![0]].concat()), code(ResponseCode::FormErr)),
        (
            "a record that is not there",
            message(0x0100, [1, 0, 0, 1], &[&about_svc1(1, 1)]),
            code(ResponseCode::FormErr),
        ),
        (
            "an OPT record among the answers",
            message(0x0100, [1, 1, 0, 0], &[&about_svc1(1, 1), OPT]),
            code(ResponseCode::FormErr),
        ),
        ("two OPT records", message(0x0100, [1, 0, 0, 2], &[&about_svc1(1, 1), OPT, OPT]), code(ResponseCode::FormErr)),
        ("an option longer than its record", edns(&opt(1232, 0, &[0, 10, 0, 9, 1])), code(ResponseCode::FormErr)),
        ("octets behind the message", [&plain[..], b"more"].concat(), ANSWERED),
        ("a pointer into the header", of_name(&[0xC0, 2]), code(ResponseCode::FormErr)),
    ]
}

fn unusual() -> Vec<(&'static str, Vec<u8>, Said)> {
    let mut rows = vec![
        (
            "a label that is no text",
            {
                let name = b"\x03\xff\xfe\xfd\x06testns\x03svc\x07cluster\x05local\x00\x00\x01\x00\x01";
                message(0x0100, [1, 0, 0, 0], &[name])
            },
            code(ResponseCode::NXDomain),
        ),
        (
            "a label that holds a name",
            {
                let name = b"\x0bsvc1.testns\x03svc\x07cluster\x05local\x00\x00\x01\x00\x01";
                message(0x0100, [1, 0, 0, 0], &[name])
            },
            code(ResponseCode::NXDomain),
        ),
        ("the root", message(0x0100, [1, 0, 0, 0], &[&[0, 0, 2, 0, 1]]), code(ResponseCode::NXDomain)),
        ("no recursion desired", message(0, [1, 0, 0, 0], &[&about_svc1(1, 1)]), ANSWERED),
        ("every flag but that of a reply", message(0x07F0, [1, 0, 0, 0], &[&about_svc1(1, 1)]), ANSWERED),
        ("a size of 0", edns(&opt(0, 0, &[])), ANSWERED),
        ("a size of 65535", edns(&opt(65535, 0, &[])), ANSWERED),
        ("a cookie", edns(&opt(1232, 0, &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])), ANSWERED),
        ("a client's subnet", edns(&opt(1232, 0, &[0, 8, 0, 7, 0, 1, 24, 0, 10, 0, 0])), ANSWERED),
        ("an option that nobody knows", edns(&opt(1232, 0, &[0xFD, 0xE9, 0, 1, 7])), ANSWERED),
        ("EDNS version 1", edns(&opt(1232, 1, &[])), Said::Code(16, 0)),
        ("EDNS version 255", edns(&opt(1232, 255, &[])), Said::Code(16, 0)),
    ];
    for opcode in 1..16_u16 {
        rows.push((
            "another opcode",
            message(opcode << 11, [1, 0, 0, 0], &[&about_svc1(6, 1)]),
            code(ResponseCode::NotImp),
        ));
    }
    for class in [0, 2, 3, 4, 254, 255, 1000, 0x8001] {
        rows.push((
            "another class",
            message(0x0100, [1, 0, 0, 0], &[&about_svc1(1, class)]),
            code(ResponseCode::Refused),
        ));
    }
    // NODATA: mail, text, HTTPS, signatures, names of services, keys, and numbers that stand for nothing.
    for kind in [0, 2, 5, 6, 12, 15, 16, 35, 41, 43, 46, 47, 48, 64, 65, 99, 257, 4000, 65280, 65535] {
        rows.push((
            "another type",
            message(0x0100, [1, 0, 0, 0], &[&about_svc1(kind, 1)]),
            code(ResponseCode::NoError),
        ));
    }
    for kind in [251, 252] {
        rows.push(("a transfer", message(0x0100, [1, 0, 0, 0], &[&about_svc1(kind, 1)]), code(ResponseCode::Refused)));
    }
    rows
}

#[tokio::test]
async fn odd_questions_get_what_the_rules_say_and_the_next_one_its_answer() {
    let world = World::start(common::zone(), &[]);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(world.address).await.unwrap();
    let mut wrong = Vec::new();
    let rows: Vec<_> = malformed().into_iter().chain(unusual()).collect();
    assert!(rows.len() > 70, "{} rows", rows.len());
    for (what, datagram, expected) in rows {
        socket.send(&datagram).await.unwrap();
        // One client's questions are answered in their order: what comes before this one's answer is the odd one's.
        let mut next = message(0x0100, [1, 0, 0, 1], &[&about_svc1(1, 1), OPT]);
        next[1] = 2;
        socket.send(&next).await.unwrap();
        let mut said = Said::Nothing;
        loop {
            let mut buffer = [0; 4096];
            let length = socket.recv(&mut buffer).await.unwrap();
            let reply = Message::from_vec(&buffer[..length]).unwrap_or_else(|error| panic!("{what}: {error}"));
            if reply.metadata.id == 2 {
                assert_eq!(reply.answers.len(), 1, "the question after {what}");
                break;
            }
            assert_eq!((reply.metadata.id, buffer[2] & 0x80), (1, 0x80), "{what}");
            let has_opt = datagram.get(11).is_some_and(|count| *count == 1);
            let is_read = reply.metadata.response_code != ResponseCode::FormErr;
            assert_eq!(reply.edns.is_some(), has_opt && is_read, "{what}");
            assert!(length <= 1232 && reply.edns.is_none_or(|edns| edns.options().as_ref().is_empty()), "{what}");
            said = Said::Code(reply.metadata.response_code.into(), reply.answers.len());
        }
        if said != expected {
            wrong.push(format!("{what}: {said:?} instead of {expected:?}: {datagram:02x?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    world.stop().await;
}

#[tokio::test]
async fn odd_questions_over_tcp_leave_the_connection_in_use() {
    let world = World::start(common::zone(), &[]);
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let mut wrong = Vec::new();
    for (what, query, expected) in malformed().into_iter().chain(unusual()) {
        let mut next = message(0x0100, [1, 0, 0, 1], &[&about_svc1(1, 1), OPT]);
        next[1] = 2;
        let framed = |message: &[u8]| [&(message.len() as u16).to_be_bytes(), message].concat();
        stream.write_all(&[framed(&query), framed(&next)].concat()).await.unwrap();
        let mut said = Said::Nothing;
        loop {
            let mut reply = vec![0; stream.read_u16().await.unwrap().into()];
            stream.read_exact(&mut reply).await.unwrap();
            let reply = Message::from_vec(&reply).unwrap_or_else(|error| panic!("{what}: {error}"));
            if reply.metadata.id == 2 {
                assert_eq!(reply.answers.len(), 1, "the question after {what}");
                break;
            }
            assert_eq!(reply.metadata.id, 1, "{what}");
            said = Said::Code(reply.metadata.response_code.into(), reply.answers.len());
        }
        if said != expected {
            wrong.push(format!("{what}: {said:?} instead of {expected:?}: {query:02x?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    world.stop().await;
}

#[tokio::test]
async fn a_reply_repeats_what_the_client_desires_and_checks_and_claims_no_more() {
    let world = World::start(common::zone(), &[]);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(world.address).await.unwrap();
    // RD, AD and CD in; QR, AA, RD, RA and CD out: nothing here is checked, so AD is never said.
    let rows = [(0x0000, 0x8480), (0x0100, 0x8580), (0x0120, 0x8580), (0x0130, 0x8590), (0x0630, 0x8490)];
    for (asked, said) in rows {
        // Once plain and once with an option, which hickory reads.
        for opt in [OPT.to_vec(), opt(1232, 0, &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])] {
            socket.send(&message(asked, [1, 0, 0, 1], &[&about_svc1(1, 1), &opt])).await.unwrap();
            let mut reply = [0; 512];
            socket.recv(&mut reply).await.unwrap();
            assert_eq!(u16::from_be_bytes([reply[2], reply[3]]), said, "{asked:04x}");
        }
    }
    world.stop().await;
}
