//! Datagrams one after the other, to two zones in turn: what is kept from one question to the next must not show.

use std::{net::IpAddr, sync::Arc};

use dns::Both;
use plan::zone::{Endpoint, Port, Records, Zone};

thread_local! {
    /// Made once: the search asks thousands of times a second.
    static ZONES: [Arc<Zone>; 2] = zones();
}

/// Two datagrams; the first octet is the length of the first. Each zone is asked both, and then the first again.
pub fn dns_differential(input: &[u8]) {
    let Some((length, rest)) = input.split_first() else { return };
    let (first, second) = rest.split_at(usize::from(*length).min(rest.len()));
    let mut both = Both::default();
    ZONES.with(|zones| {
        for query in [first, second, first] {
            for zone in zones {
                assert_eq!(both.answer(zone, query).difference(), None);
            }
        }
    });
}

/// Small names, so that the search finds them: `cluster.local` and `c`, each with services of every sort.
fn zones() -> [Arc<Zone>; 2] {
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
    let port = |name: Option<&str>| Port { name: name.map(str::to_owned), protocol: "tcp".to_owned(), number: 80 };
    let pod = |hostname: &str, address: &str| Endpoint {
        hostname: hostname.to_owned(),
        addresses: vec![ip(address)],
        ports: vec![port(Some("p")), port(None)],
    };
    let pods = || vec![pod("a-0", "10.0.0.1"), pod("a-1", "10.0.0.2"), pod("a-1", "fd00::2"), pod("A-2", "10.0.0.3")];
    let many = || (0..40).map(|n| pod(&format!("m-{n}"), &format!("10.0.1.{n}"))).collect();
    let of = |domain: &str, ports: Vec<Port>| {
        let mut zone = Zone::new(domain);
        zone.serial = 3;
        zone.networks = vec!["10.0.0.0/16".parse().expect("a network")];
        zone.set_namespaces(["n", "default"].map(str::to_owned).into());
        let addresses = vec![ip("10.0.9.1"), ip("fd00::9")];
        let services = [
            ("h", Records::Endpoints(pods())),
            ("m", Records::Endpoints(many())),
            ("e", Records::Endpoints(vec![])),
            ("v", Records::Virtual { addresses, ports, endpoints: pods() }),
            ("x", Records::External("h.n.svc.c".to_owned())),
        ];
        for (name, records) in services {
            zone.set_service("n", name, Some(Arc::new(records)));
        }
        Arc::new(zone)
    };
    [of("cluster.local", vec![port(Some("p"))]), of("c", vec![])]
}
