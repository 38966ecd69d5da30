//! A service with its pods: its endpoints, and its records in DNS.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use k8s_openapi::api::core::v1::{Endpoints, Namespace, Pod, Service};

use crate::Write;

/// The records of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// A headless service (and, while there are no virtual addresses, every other selector service).
    Endpoints(Vec<Endpoint>),
    /// A service with virtual addresses.
    Virtual { addresses: Vec<IpAddr>, ports: Vec<Port>, endpoints: Vec<Endpoint> },
    /// `type: ExternalName`: a CNAME to this name, without the trailing dot.
    External(String),
}

/// One published pod of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// First label of its name: the pod's hostname where its subdomain is the service, else the address with dashes.
    pub hostname: String,
    /// Its addresses, one per family.
    pub addresses: Vec<IpAddr>,
    /// The service's ports, resolved for this pod.
    pub ports: Vec<Port>,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// The port's name, in lower case; `None` for an unnamed port (no `_port._proto` record, but in the bare SRV).
    pub name: Option<String>,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// The number that SRV records carry.
    pub number: u16,
}

/// Everything that DNS answers from, at one moment. Never changed: a new one replaces it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Without dots at the ends: `cluster.local`.
    pub domain: String,
    /// Grows with every change; the SOA's serial.
    pub serial: u32,
    /// Namespaces that exist.
    pub namespaces: BTreeSet<String>,
    /// Services by namespace and name.
    pub services: BTreeMap<(String, String), Arc<Records>>,
    /// The server's own address, for `ns.dns.$(domain)`.
    pub server: Option<IpAddr>,
    /// Reverse: names (without the final dot) by address.
    pub names: BTreeMap<IpAddr, Vec<String>>,
    /// Networks whose reverse zones are ours: unknown addresses in them are NXDOMAIN, others are forwarded.
    pub networks: Vec<ipnet::IpNet>,
}

/// What is to happen about one service.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The service's records.
    pub records: Records,
    /// Its `Endpoints` object, where that differs.
    pub writes: Vec<Write>,
}

/// Decides what one service publishes. `pods` are those of its namespace; `current` is its `Endpoints` object.
pub fn plan(service: &Service, pods: &[&Pod], current: Option<&Endpoints>) -> Plan {
    let _ = (service, pods, current);
    Plan { records: Records::Endpoints(Vec::new()), writes: Vec::new() }
}

/// Puts the parts together: everything that DNS answers from. `services` are the records of every service.
pub fn assemble(
    domain: &str,
    serial: u32,
    server: Option<IpAddr>,
    networks: &[ipnet::IpNet],
    namespaces: &[&Namespace],
    services: BTreeMap<(String, String), Arc<Records>>,
) -> Zone {
    let _ = namespaces;
    Zone { domain: domain.to_owned(), serial, server, networks: networks.to_vec(), services, ..Zone::default() }
}
