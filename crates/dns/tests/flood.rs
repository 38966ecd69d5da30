//! More questions than can be answered: those that can be still are.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, net::SocketAddr};

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{RData, Record, RecordType, rdata::A},
};
use tokio::net::UdpSocket;

mod common;
mod world;

use world::{World, question};

/// As many questions of one client as wait for upstreams at once.
const OF_ONE_CLIENT: usize = 64;

async fn client(address: &str, server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(address).await.unwrap();
    socket.connect(server).await.unwrap();
    socket
}

async fn receive(socket: &UdpSocket) -> Message {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).await.unwrap();
    Message::from_vec(&buffer[..length]).unwrap()
}

/// An upstream that answers nobody until it is told.
async fn silent() -> (UdpSocket, SocketAddr) {
    let upstream = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = upstream.local_addr().unwrap();
    (upstream, address)
}

#[tokio::test]
async fn names_of_ours_are_answered_while_foreign_ones_wait_for_a_silent_upstream() {
    let (upstream, address) = silent().await;
    let world = World::start(common::zone(), &[address]);
    let flooder = client("127.0.0.2:0", world.address).await;
    // A hundred at a time, so that the system has room for the replies.
    let mut refused = 0;
    for round in 0..5 {
        for n in 0..100 {
            let query = question(&format!("f{round}-{n}.example.org."), RecordType::A);
            flooder.send(&query.to_vec().unwrap()).await.unwrap();
        }
        for _ in 0..if round == 0 { 100 - OF_ONE_CLIENT } else { 100 } {
            assert_eq!(receive(&flooder).await.metadata.response_code, ResponseCode::ServFail);
            refused += 1;
        }
        let (reply, _) = world.udp(&question("svc1.testns.svc.cluster.local.", RecordType::A)).await;
        assert_eq!(reply.answers.len(), 1);
        let reply = world.tcp(&question("svc1.testns.svc.cluster.local.", RecordType::A)).await;
        assert_eq!(reply.answers.len(), 1);
    }
    assert_eq!(refused, 500 - OF_ONE_CLIENT);

    // Another client's question goes through, and finds its answer.
    let other = client("127.0.0.3:0", world.address).await;
    other.send(&question("other.example.org.", RecordType::A).to_vec().unwrap()).await.unwrap();
    let mut asked = BTreeSet::new();
    loop {
        let mut buffer = [0; 4096];
        let (length, from) = upstream.recv_from(&mut buffer).await.unwrap();
        let mut reply = Message::from_vec(&buffer[..length]).unwrap().into_response();
        let name = reply.queries[0].name().clone();
        asked.insert(name.to_ascii());
        if name.to_ascii() == "other.example.org." {
            reply.add_answer(Record::from_rdata(name, 60, RData::A(A::new(1, 2, 3, 4))));
            upstream.send_to(&reply.to_vec().unwrap(), from).await.unwrap();
            break;
        }
    }
    assert_eq!(receive(&other).await.answers.len(), 1);
    assert_eq!(asked.len(), OF_ONE_CLIENT + 1, "no more is asked of the upstream than waits");
    world.stop().await;
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_silent_upstream() {
    let (upstream, address) = silent().await;
    let world = World::start(common::zone(), &[address]);
    let asker = client("127.0.0.2:0", world.address).await;
    asker.send(&question("example.org.", RecordType::A).to_vec().unwrap()).await.unwrap();
    // The question waits upstream now.
    upstream.recv_from(&mut [0; 4096]).await.unwrap();
    let since = std::time::Instant::now();
    world.stop().await;
    assert!(since.elapsed() < std::time::Duration::from_secs(3), "less than an upstream's time");
}
