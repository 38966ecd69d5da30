//! The zone of `docs/dns.md`.

use std::{net::IpAddr, sync::Arc};

use plan::zone::{Endpoint, Port, Records, Zone};

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn port(name: Option<&str>, number: u16) -> Port {
    Port { name: name.map(str::to_owned), protocol: "tcp".to_owned(), number }
}

pub(crate) fn endpoint(hostname: &str, addresses: &[&str], ports: &[Port]) -> Endpoint {
    let addresses = addresses.iter().map(|a| ip(a)).collect();
    Endpoint { hostname: hostname.to_owned(), addresses, ports: ports.to_vec() }
}

fn service(addresses: &[&str], endpoints: Vec<Endpoint>) -> Records {
    let addresses = addresses.iter().map(|a| ip(a)).collect();
    Records::Virtual { addresses, ports: vec![port(Some("http"), 80)], endpoints }
}

fn external(name: &str) -> Records {
    Records::External(name.to_owned())
}

pub(crate) fn zone() -> Zone {
    let http = [port(Some("http"), 80)];
    let headless = ["172.0.0.2", "172.0.0.3", "5678:abcd::1", "5678:abcd::2"];
    let mut hdls1: Vec<_> = headless.iter().map(|a| endpoint(&a.replace(['.', ':'], "-"), &[a], &http)).collect();
    hdls1.extend(["172.0.0.4", "172.0.0.5"].map(|a| endpoint("dup-name", &[a], &http)));
    let services = [
        ("svc1", service(&["10.0.0.1"], vec![endpoint("ep1a", &["172.0.0.1"], &http)])),
        ("svcempty", service(&["10.0.0.1"], vec![])),
        ("svc6", service(&["1234:abcd::1"], vec![])),
        ("svc-dual-stack", service(&["10.0.0.3", "10::3"], vec![])),
        ("hdls1", Records::Endpoints(hdls1)),
        ("hdlsempty", Records::Endpoints(vec![])),
        ("hdlsprtls", Records::Endpoints(vec![endpoint("172-0-0-20", &["172.0.0.20"], &[])])),
        ("unnamed", Records::Endpoints(vec![endpoint("u-0", &["172.0.0.21"], &[port(None, 2380)])])),
        ("external", external("ext.interwebs.test")),
        ("external-to-service", external("svc1.testns.svc.cluster.local")),
        ("external-to-nothing", external("svc0.testns.svc.cluster.local.")),
        ("circle", external("circle.testns.svc.cluster.local")),
    ];
    let mut zone = Zone::new("cluster.local");
    zone.serial = 7;
    zone.server = Some(ip("10.0.0.53"));
    zone.networks = ["10.0.0.0/24", "172.0.0.0/16", "1234:abcd::/32"].map(|n| n.parse().unwrap()).into();
    zone.set_namespaces(["testns", "podns"].map(str::to_owned).into());
    for (name, records) in services {
        zone.set_service("testns", name, Some(Arc::new(records)));
    }
    zone
}
