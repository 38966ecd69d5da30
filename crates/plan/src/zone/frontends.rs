//! What stands behind virtual addresses: the ports of a service, each with the ready pods' own ports.
//!
//! It follows from the same endpoints as a service's records in DNS, so the two cannot tell different things.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use k8s_openapi::api::core::v1::{Service, ServicePort};

use super::{Endpoint, endpoints};
use crate::{Subject, Wait};

/// For how long a client stays with a pod where the service does not say: three hours, as in Kubernetes.
const AFFINITY_SECONDS: u64 = 10_800;

/// What virtual addresses pass on. SCTP they do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// `TCP`.
    Tcp,
    /// `UDP`.
    Udp,
}

/// A port of a service's virtual address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontend {
    /// What is spoken there.
    pub protocol: Protocol,
    /// Where clients come.
    pub address: SocketAddrV4,
    /// The port on the host's loopback that leads here.
    pub node_port: Option<u16>,
    /// For how long after its last connection a client gets the same pod; `None` where each connection may get another.
    pub affinity: Option<Duration>,
    /// The published pods' own addresses and ports, each once, in order. Whoever comes while there are none is refused.
    pub backends: Vec<SocketAddrV4>,
}

/// The frontends of all services, by namespace and name; a service without any is not among them.
pub type Frontends = BTreeMap<(String, String), Vec<Frontend>>;

/// The frontends of a service that publishes these endpoints.
pub(super) fn of(service: &Service, addresses: &[IpAddr], published: &[Endpoint]) -> Vec<Frontend> {
    let spec = service.spec.as_ref();
    let ports = spec.and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let addresses = addresses.iter().filter_map(|address| match address {
        IpAddr::V4(address) => Some(*address),
        IpAddr::V6(_) => None,
    });
    let affinity = affinity(service);
    let at = |address: Ipv4Addr, port: &ServicePort| {
        let protocol = match port.protocol.as_deref() {
            None | Some("TCP") => Protocol::Tcp,
            Some("UDP") => Protocol::Udp,
            Some(_) => return None,
        };
        let number = u16::try_from(port.port).ok()?;
        let node_port = port.node_port.and_then(|number| u16::try_from(number).ok()).filter(|number| *number != 0);
        let address = SocketAddrV4::new(address, number);
        Some(Frontend { protocol, address, node_port, affinity, backends: backends(port, published) })
    };
    let at = &at;
    addresses.flat_map(|address| ports.iter().filter_map(move |port| at(address, port))).collect()
}

/// Where connections to a port of a service go.
fn backends(port: &ServicePort, published: &[Endpoint]) -> Vec<SocketAddrV4> {
    let wanted = endpoints::port(port.name.as_deref(), port.protocol.as_deref(), 0);
    let mut backends: Vec<SocketAddrV4> = published
        .iter()
        .filter_map(|endpoint| {
            let of_port = |p: &&super::Port| p.name == wanted.name && p.protocol == wanted.protocol;
            let number = endpoint.ports.iter().find(of_port)?.number;
            let address = endpoint.addresses.iter().find_map(|address| match address {
                IpAddr::V4(address) => Some(*address),
                IpAddr::V6(_) => None,
            })?;
            Some(SocketAddrV4::new(address, number))
        })
        .collect();
    backends.sort();
    backends.dedup();
    backends
}

fn affinity(service: &Service) -> Option<Duration> {
    let spec = service.spec.as_ref().filter(|spec| spec.session_affinity.as_deref() == Some("ClientIP"))?;
    let config = spec.session_affinity_config.as_ref().and_then(|config| config.client_ip.as_ref());
    let seconds = config.and_then(|client| client.timeout_seconds).and_then(|seconds| u64::try_from(seconds).ok());
    Some(Duration::from_secs(seconds.unwrap_or(AFFINITY_SECONDS)))
}

/// What a service waits for whose frontends cannot be served as they should.
pub fn unserved(service: &Service, why: &str) -> Wait {
    let metadata = &service.metadata;
    let subject = Subject {
        api_version: "v1".to_owned(),
        kind: "Service".to_owned(),
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
        uid: metadata.uid.clone().unwrap_or_default(),
    };
    let message = format!("{}: {why}", subject.name);
    Wait { subject, reason: "FrontendUnserved", message }
}
