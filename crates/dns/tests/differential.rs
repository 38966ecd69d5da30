//! The short way answers as the long one does, whatever is asked.
//!
//! `integration/fuzz` holds the same comparison as a fuzz target, which finds datagrams that nobody thinks of.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use hickory_proto::{
    op::{Edns, Message, Query},
    rr::{Name, RecordType},
};
use petset_dns::Both;
use plan::zone::{Records, Zone};
use proptest::prelude::*;

mod common;

/// The zone of the manual, and a service whose answers differ in size.
fn zone() -> Zone {
    let mut zone = common::zone();
    let ports = [common::port(Some("peer"), 2380), common::port(Some("client"), 2379), common::port(None, 9)];
    let pod = |n: u8| common::endpoint(&format!("web-{n}"), &[&format!("172.0.1.{n}")], &ports);
    zone.set_service("testns", "web", Some(Arc::new(Records::Endpoints((0..8).map(pod).collect()))));
    zone
}

/// Labels that stand somewhere in the zone, and some that do not.
fn label() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "cluster",
        "local",
        "svc",
        "pod",
        "dns",
        "ns",
        "dns-version",
        "testns",
        "podns",
        "svc1",
        "svc6",
        "web",
        "hdls1",
        "hdlsempty",
        "svc-dual-stack",
        "unnamed",
        "external",
        "circle",
        "ep1a",
        "web-0",
        "web-7",
        "dup-name",
        "_tcp",
        "_udp",
        "tcp",
        "_http",
        "http",
        "_peer",
        "_client",
        "172-0-0-2",
        "5678-abcd--1",
        "com",
        "_",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => "[a-zA-Z0-9_.\\-]{1,12}"]
}

fn name() -> impl Strategy<Value = Vec<String>> {
    let suffix = prop::sample::select(vec![
        vec![],
        vec!["cluster", "local"],
        vec!["svc", "cluster", "local"],
        vec!["testns", "svc", "cluster", "local"],
        vec!["web", "testns", "svc", "cluster", "local"],
        vec!["_tcp", "web", "testns", "svc", "cluster", "local"],
    ]);
    (prop::collection::vec(label(), 0..5), suffix)
        .prop_map(|(left, suffix)| left.into_iter().chain(suffix.into_iter().map(str::to_owned)).collect())
}

/// A query, with letters of either case and sometimes a broken octet.
fn query() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop::sample::select(vec![
        RecordType::A,
        RecordType::AAAA,
        RecordType::SRV,
        RecordType::TXT,
        RecordType::ANY,
        RecordType::SOA,
        RecordType::PTR,
    ]);
    let edns = prop::option::of((prop::sample::select(vec![0_u16, 512, 700, 1232, 4096]), any::<bool>()));
    let broken = prop::option::weighted(0.1, (any::<prop::sample::Index>(), any::<u8>()));
    (name(), kind, edns, any::<u64>(), any::<[bool; 2]>(), broken).prop_map(
        |(labels, kind, edns, letters, flags, broken)| {
            let mut n = 0;
            let mut cased = |label: &String| {
                let letters = label.bytes().map(|letter| {
                    n += 1;
                    if letters >> (n % 64) & 1 == 1 { letter.to_ascii_uppercase() } else { letter }
                });
                letters.collect::<Vec<u8>>()
            };
            let labels: Vec<Vec<u8>> = labels.iter().map(&mut cased).collect();
            let mut name = Name::from_labels(labels.iter().map(Vec::as_slice)).unwrap();
            name.set_fqdn(true);
            let mut query = Message::query();
            [query.metadata.recursion_desired, query.metadata.checking_disabled] = flags;
            query.add_query(Query::query(name, kind));
            if let Some((payload, dnssec_ok)) = edns {
                let mut edns = Edns::new();
                edns.set_max_payload(payload).set_dnssec_ok(dnssec_ok);
                query.set_edns(edns);
            }
            let mut bytes = query.to_vec().unwrap();
            if let Some((place, octet)) = broken {
                let place = place.index(bytes.len());
                bytes[place] = octet;
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(4_000)))]
    #[test]
    fn the_short_way_says_what_the_long_one_says(queries in prop::collection::vec(query(), 1..8)) {
        let mut both = Both::default();
        let (mut zone, mut next) = (Arc::new(zone()), Arc::new(common::zone()));
        for query in queries {
            let ways = both.answer(&zone, &query);
            prop_assert_eq!(ways.difference(), None);
            // The next question finds another zone, and then this one again.
            std::mem::swap(&mut zone, &mut next);
        }
    }
}

#[test]
fn plain_questions_about_services_take_the_short_way() {
    let zone = Arc::new(zone());
    let mut both = Both::default();
    let mut is_short = |name: &str, kind| {
        let mut query = Message::query();
        query.add_query(Query::query(Name::from_ascii(format!("{name}.cluster.local.")).unwrap(), kind));
        let ways = both.answer(&zone, &query.to_vec().unwrap());
        assert_eq!(ways.difference(), None, "{name} {kind}");
        ways.short.is_some()
    };
    let short = [
        ("web-0.web.testns.svc", RecordType::A),
        ("wEB-0.web.tESTNS.svc", RecordType::AAAA),
        ("web-0.web.testns.svc", RecordType::SRV),
        ("web.testns.svc", RecordType::A),
        ("svc1.testns.svc", RecordType::SRV),
        ("svc6.testns.svc", RecordType::AAAA),
        ("_http._tcp.svc1.testns.svc", RecordType::SRV),
        ("_none._tcp.svc1.testns.svc", RecordType::SRV),
        ("example.com.testns.svc", RecordType::A),
        ("example.com.svc", RecordType::A),
        ("example.com", RecordType::A),
        ("web-9.web.testns.svc", RecordType::A),
    ];
    for (name, kind) in short {
        assert!(is_short(name, kind), "{name} {kind}");
    }
    let long = [
        ("external.testns.svc", RecordType::A),
        ("testns.svc", RecordType::A),
        ("dns-version", RecordType::TXT),
        // Too large for 512 octets: it is cut with hickory.
        ("web.testns.svc", RecordType::SRV),
    ];
    for (name, kind) in long {
        assert!(!is_short(name, kind), "{name} {kind}");
    }
}

#[test]
fn a_changed_service_is_answered_anew_and_the_others_as_before() {
    let ask = |both: &mut Both, zone: &Arc<Zone>, name: &str| {
        let mut query = Message::query();
        query.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
        let ways = both.answer(zone, &query.to_vec().unwrap());
        assert_eq!(ways.difference(), None, "{name}");
        Message::from_vec(&ways.short.unwrap()).unwrap().answers.len()
    };
    let mut both = Both::default();
    let first = Arc::new(zone());
    assert_eq!(ask(&mut both, &first, "web.testns.svc.cluster.local."), 8);
    assert_eq!(ask(&mut both, &first, "svc1.testns.svc.cluster.local."), 1);
    let mut second = (*first).clone();
    let pods = [common::endpoint("web-0", &["172.0.1.0"], &[]), common::endpoint("web-1", &["172.0.1.1"], &[])];
    second.set_service("testns", "web", Some(Arc::new(Records::Endpoints(pods.to_vec()))));
    second.serial += 1;
    let second = Arc::new(second);
    assert_eq!(ask(&mut both, &second, "web.testns.svc.cluster.local."), 2);
    assert_eq!(ask(&mut both, &second, "svc1.testns.svc.cluster.local."), 1);
    let mut third = (*second).clone();
    third.set_service("testns", "web", None);
    let third = Arc::new(third);
    assert_eq!(ask(&mut both, &third, "web.testns.svc.cluster.local."), 0);
    assert_eq!(ask(&mut both, &first, "web.testns.svc.cluster.local."), 8);
}
