//! DNS messages, to a zone with every kind of record: the two ways of answering must agree.

use std::{net::IpAddr, sync::Arc};

use dns::Both;
use plan::zone::{Endpoint, Port, Records, Zone};

/// The octets of a message's header (RFC 1035, section 4.1.1).
const HEADER: usize = 12;
/// The largest datagram that we send.
const DATAGRAM_MAX: usize = 1_232;

/// The whole input is a message.
pub fn dns_packet(input: &[u8]) {
    let zone = Arc::new(zone());
    let mut both = Both::default();
    let ways = both.answer(&zone, input);
    assert_eq!(ways.difference(), None);
    // What is kept from one question to the next changes nothing.
    assert_eq!(both.answer(&zone, input), ways, "the same question has the same answer");
    assert!(ways.short.as_ref().is_none_or(|answer| answer.len() <= DATAGRAM_MAX));
    for answer in [ways.short, ways.long].into_iter().flatten() {
        assert!(answer.len() >= HEADER, "{answer:?}");
        assert_eq!(answer[..2], input[..2], "an answer has the id of its question");
        assert!(answer[2] & 0x80 != 0, "an answer is one");
        // What answers is no question: two servers must not talk for ever.
        assert_eq!(both.answer(&zone, &answer).short, None, "an answer is not answered");
    }
}

fn zone() -> Zone {
    let ip = |text: &str| -> IpAddr { text.parse().expect("an address") };
    let port = |name: &str, number| Port { name: Some(name.to_owned()), protocol: "tcp".to_owned(), number };
    let pet = |n: u8| Endpoint {
        hostname: format!("web-{n}"),
        addresses: vec![ip(&format!("10.0.0.{n}")), ip(&format!("fd00::{n}"))],
        ports: vec![port("web", 80), port("tls", 443)],
    };
    let virtual_one =
        Records::Virtual { addresses: vec![ip("10.1.0.1")], ports: vec![port("http", 80)], endpoints: vec![pet(1)] };
    let services = [
        ("web", Records::Endpoints((1..40).map(pet).collect())),
        ("empty", Records::Endpoints(Vec::new())),
        ("v", virtual_one),
        ("ext", Records::External("example.com".to_owned())),
        ("alias", Records::External("web.d.svc.cluster.local".to_owned())),
        ("circle", Records::External("circle.d.svc.cluster.local".to_owned())),
    ];
    let mut zone = Zone::new("cluster.local");
    zone.serial = 7;
    zone.namespaces = Arc::new(["d".to_owned()].into());
    zone.server = Some(ip("10.0.0.53"));
    zone.networks = vec!["10.0.0.0/16".parse().expect("a network"), "fd00::/64".parse().expect("a network")];
    for (name, records) in services {
        zone.set_service("d", name, Some(Arc::new(records)));
    }
    zone
}
