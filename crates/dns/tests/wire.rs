//! Real questions over real sockets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::SocketAddr, sync::Arc};

use hickory_proto::{
    op::{Message, OpCode, Query, ResponseCode},
    rr::{RData, Record, RecordType, rdata::A},
};
use petset_dns::{BindError, Server};
use plan::zone::{Records, Zone};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UdpSocket,
    sync::oneshot,
    task::JoinHandle,
};

mod common;
mod world;

use world::{World, question, with_edns};

/// The zone of the manual with a headless service of so many pods.
fn crowd(pods: u8) -> Zone {
    let ports = [common::port(Some("peer"), 2380)];
    let pod = |n| common::endpoint(&format!("web-{n}"), &[&format!("172.0.1.{n}")], &ports);
    let records = Records::Endpoints((0..pods).map(pod).collect());
    let mut zone = common::zone();
    zone.set_service("testns", "crowd", Some(Arc::new(records)));
    zone
}

fn addresses(records: &[Record]) -> Vec<String> {
    let addresses = records.iter().filter_map(|record| match &record.data {
        RData::A(A(address)) => Some(address.to_string()),
        _ => None,
    });
    addresses.collect()
}

/// An upstream that knows `1.2.3.4` for every name, and cuts its answers over UDP where `is_cut`.
async fn upstream(is_cut: bool) -> (SocketAddr, JoinHandle<()>) {
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        // The port may be taken for TCP: then another.
        if let Ok(tcp) = tokio::net::TcpListener::bind(udp.local_addr().unwrap()).await {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    let reply = |bytes: &[u8], is_cut| {
        let mut reply = Message::from_vec(bytes).unwrap().into_response();
        reply.metadata.truncation = is_cut;
        if !is_cut {
            let owner = reply.queries[0].name().clone();
            reply.add_answer(Record::from_rdata(owner, 60, RData::A(A::new(1, 2, 3, 4))));
        }
        reply.to_vec().unwrap()
    };
    let task = tokio::spawn(async move {
        let mut buffer = [0; 4096];
        loop {
            tokio::select! {
                received = udp.recv_from(&mut buffer) => {
                    let (length, client) = received.unwrap();
                    udp.send_to(&reply(&buffer[..length], is_cut), client).await.unwrap();
                }
                accepted = tcp.accept() => {
                    let (mut stream, _) = accepted.unwrap();
                    let length = usize::from(stream.read_u16().await.unwrap());
                    stream.read_exact(&mut buffer[..length]).await.unwrap();
                    let reply = reply(&buffer[..length], false);
                    stream.write_u16(reply.len() as u16).await.unwrap();
                    stream.write_all(&reply).await.unwrap();
                }
            }
        }
    });
    (address, task)
}

#[tokio::test]
async fn answers_over_udp_with_the_letters_of_the_question() {
    let world = World::start(common::zone(), &[]);
    let (reply, _) = world.udp(&question("SvC1.TeStNs.SvC.cLuStEr.LoCaL.", RecordType::A)).await;
    assert!(reply.metadata.authoritative && reply.metadata.recursion_available && reply.metadata.recursion_desired);
    assert_eq!(reply.queries[0].name().to_ascii(), "SvC1.TeStNs.SvC.cLuStEr.LoCaL.");
    assert_eq!(reply.answers[0].name.to_ascii(), "SvC1.TeStNs.SvC.cLuStEr.LoCaL.");
    assert_eq!(addresses(&reply.answers), ["10.0.0.1"]);
    assert_eq!(reply.edns, None);
    world.stop().await;
}

#[tokio::test]
async fn says_no_with_the_start_of_authority() {
    let world = World::start(common::zone(), &[]);
    let (reply, _) = world.udp(&question("svc0.testns.svc.cluster.local.", RecordType::A)).await;
    assert_eq!(reply.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(reply.authorities[0].name.to_ascii(), "cluster.local.");
    let (reply, _) = world.udp(&question("svc1.testns.svc.cluster.local.", RecordType::AAAA)).await;
    assert_eq!((reply.metadata.response_code, reply.answers.len()), (ResponseCode::NoError, 0));
    assert_eq!(reply.authorities[0].record_type(), RecordType::SOA);
    world.stop().await;
}

#[tokio::test]
async fn cuts_a_long_answer_and_gives_all_of_it_over_tcp() {
    let world = World::start(crowd(100), &[]);
    let query = question("crowd.testns.svc.cluster.local.", RecordType::A);
    let (reply, length) = world.udp(&query).await;
    assert!(reply.metadata.truncation && length <= 512 && reply.answers.len() > 20, "{length}");

    let (reply, length) = world.udp(&with_edns(query.clone(), 4096, 0)).await;
    assert!(reply.metadata.truncation && length <= 1232 && reply.answers.len() > 60, "{length}");

    let reply = world.tcp(&query).await;
    assert!(!reply.metadata.truncation);
    assert_eq!(reply.answers.len(), 100);
    world.stop().await;
}

#[tokio::test]
async fn leaves_out_additional_addresses_without_calling_that_cut() {
    let world = World::start(crowd(7), &[]);
    let query = question("crowd.testns.svc.cluster.local.", RecordType::SRV);
    let (reply, length) = world.udp(&query).await;
    assert!(!reply.metadata.truncation && length <= 512, "{length}");
    assert_eq!(reply.answers.len(), 7);
    assert!(reply.additionals.len() < 7, "{}", reply.additionals.len());
    let reply = world.tcp(&query).await;
    assert_eq!((reply.answers.len(), reply.additionals.len()), (7, 7));
    world.stop().await;
}

#[tokio::test]
async fn speaks_edns_zero_only() {
    let world = World::start(common::zone(), &[]);
    let query = question("svc1.testns.svc.cluster.local.", RecordType::A);
    let (reply, _) = world.udp(&with_edns(query.clone(), 4096, 0)).await;
    assert_eq!(reply.edns.map(|edns| (edns.version(), edns.max_payload())), Some((0, 1232)));
    let (reply, _) = world.udp(&with_edns(query, 4096, 1)).await;
    // By number: 16 has two names.
    assert_eq!(u16::from(reply.metadata.response_code), u16::from(ResponseCode::BADVERS));
    assert_eq!(reply.answers, []);
    world.stop().await;
}

#[tokio::test]
async fn takes_one_question_of_a_query_and_nothing_else() {
    let world = World::start(common::zone(), &[]);
    let mut two = question("svc1.testns.svc.cluster.local.", RecordType::A);
    two.add_query(Query::query("svc6.testns.svc.cluster.local.".parse().unwrap(), RecordType::A));
    assert_eq!(world.udp(&two).await.0.metadata.response_code, ResponseCode::FormErr);
    let mut notify = question("cluster.local.", RecordType::SOA);
    notify.metadata.op_code = OpCode::Notify;
    assert_eq!(world.udp(&notify).await.0.metadata.response_code, ResponseCode::NotImp);
    world.stop().await;
}

#[tokio::test]
async fn asks_the_upstream_for_foreign_names_and_aliases() {
    let (address, upstream) = upstream(false).await;
    let world = World::start(common::zone(), &[address]);
    let (reply, _) = world.udp(&question("example.org.", RecordType::A)).await;
    assert_eq!(addresses(&reply.answers), ["1.2.3.4"]);
    assert!(!reply.metadata.authoritative);
    let (reply, _) = world.udp(&question("external.testns.svc.cluster.local.", RecordType::A)).await;
    let said: Vec<String> = reply.answers.iter().map(|r| format!("{} {}", r.name.to_ascii(), r.data)).collect();
    assert_eq!(said, ["external.testns.svc.cluster.local. ext.interwebs.test.", "ext.interwebs.test. 1.2.3.4"]);
    world.stop().await;
    upstream.abort();
}

#[tokio::test]
async fn asks_again_over_tcp_where_the_upstream_cuts() {
    let (address, upstream) = upstream(true).await;
    let world = World::start(common::zone(), &[address]);
    let (reply, _) = world.udp(&question("example.org.", RecordType::A)).await;
    assert_eq!(addresses(&reply.answers), ["1.2.3.4"]);
    assert!(!reply.metadata.truncation);
    world.stop().await;
    upstream.abort();
}

#[tokio::test]
async fn without_upstreams_foreign_names_do_not_exist() {
    let world = World::start(common::zone(), &[]);
    let (reply, _) = world.udp(&question("example.org.", RecordType::A)).await;
    assert_eq!(reply.metadata.response_code, ResponseCode::NXDomain);
    world.stop().await;
}

#[tokio::test]
async fn an_upstream_that_is_not_there_fails_at_once() {
    let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let world = World::start(common::zone(), &[gone]);
    let (reply, _) = world.udp(&question("example.org.", RecordType::A)).await;
    assert_eq!(reply.metadata.response_code, ResponseCode::ServFail);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_never_mixes_two_zones() {
    let state = |n: u8| {
        let ports = [common::port(Some("peer"), u16::from(n))];
        let pod = common::endpoint(&format!("web-{n}"), &[&format!("172.0.1.{n}")], &ports);
        let mut zone = common::zone();
        zone.set_service("testns", "swap", Some(Arc::new(Records::Endpoints(vec![pod]))));
        Arc::new(zone)
    };
    let states = [state(1), state(2)];
    let world = World::start((*states[0]).clone(), &[]);
    let zone = Arc::clone(&world.zone);
    let (stop, mut stopped) = oneshot::channel::<()>();
    let swapper = tokio::spawn(async move {
        let mut swaps = 0;
        while stopped.try_recv().is_err() {
            zone.store(Arc::clone(&states[swaps % 2]));
            swaps += 1;
            tokio::task::yield_now().await;
        }
        swaps
    });
    let query = question("swap.testns.svc.cluster.local.", RecordType::SRV);
    for _ in 0..500 {
        let (reply, _) = world.udp(&query).await;
        let RData::SRV(srv) = &reply.answers[0].data else { panic!("{reply}") };
        let n = srv.port;
        assert_eq!(srv.target.to_ascii(), format!("web-{n}.swap.testns.svc.cluster.local."));
        assert_eq!(addresses(&reply.additionals), [format!("172.0.1.{n}")]);
    }
    stop.send(()).unwrap();
    assert!(swapper.await.unwrap() > 1);
    world.stop().await;
}

#[tokio::test]
async fn a_taken_port_names_its_holder() {
    let holder = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = holder.local_addr().unwrap();
    let error = Server::bind(&[address], Arc::default(), &[], &[]).map(|_| ()).unwrap_err();
    assert!(matches!(&error, BindError::Taken { address: at, .. } if *at == address), "{error}");
    assert!(error.to_string().contains(&format!("(pid {})", std::process::id())), "{error}");
}

#[tokio::test]
async fn an_address_may_be_bound_before_it_exists() {
    let address = "192.0.2.1:0".parse().unwrap();
    let server = Server::bind(&[address], Arc::default(), &[], &[]).unwrap();
    assert_eq!(server.addresses()[0].ip(), common::ip("192.0.2.1"));
}
