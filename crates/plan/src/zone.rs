//! A service with its pods: its endpoints, and its records in DNS.

mod endpoints;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use k8s_openapi::{
    api::core::v1::{Endpoints, Namespace, Pod, Service},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

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
///
/// A service without a selector publishes what its hand-made `Endpoints` object says, and that object is left alone.
pub fn plan(service: &Service, pods: &[&Pod], current: Option<&Endpoints>) -> Plan {
    let spec = service.spec.as_ref();
    if spec.and_then(|s| s.type_.as_deref()) == Some("ExternalName") {
        let name = spec.and_then(|s| s.external_name.as_deref()).unwrap_or_default();
        return Plan { records: Records::External(name.trim_end_matches('.').to_owned()), writes: Vec::new() };
    }
    let selector = spec.and_then(|s| s.selector.as_ref()).filter(|s| !s.is_empty());
    let (published, writes) = match selector {
        None => (endpoints::published_by_hand(current), Vec::new()),
        Some(selector) => {
            let candidates = endpoints::select(service, selector, pods);
            let writes = endpoints::write(service, &candidates, current).into_iter().collect();
            (endpoints::published(candidates), writes)
        }
    };
    let addresses = virtual_addresses(service);
    let records = if addresses.is_empty() {
        Records::Endpoints(published)
    } else {
        Records::Virtual { addresses, ports: service_ports(service), endpoints: published }
    };
    Plan { records, writes }
}

/// The writes that remove `Endpoints` objects which we made and whose service is gone.
pub fn orphans(services: &[&Service], endpoints: &[&Endpoints]) -> Vec<Write> {
    let key = |m: &ObjectMeta| (m.namespace.clone().unwrap_or_default(), m.name.clone().unwrap_or_default());
    let served: BTreeSet<_> = services.iter().map(|s| key(&s.metadata)).collect();
    endpoints
        .iter()
        .filter(|e| endpoints::is_managed(e) && e.metadata.deletion_timestamp.is_none())
        .filter(|e| !served.contains(&key(&e.metadata)))
        .map(|e| {
            let (namespace, name) = key(&e.metadata);
            let rv = e.metadata.resource_version.clone().unwrap_or_default();
            Write::DeleteContent { resource: "endpoints".to_owned(), namespace, name, rv }
        })
        .collect()
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
    Zone {
        domain: domain.to_owned(),
        serial,
        namespaces: namespaces.iter().filter_map(|n| n.metadata.name.clone()).collect(),
        names: names(domain, &services),
        services,
        server,
        networks: networks.to_vec(),
    }
}

/// The names of each address. A service's own name comes before those of endpoints, a pod's hostname before an
/// address with dashes: many programs read only the first answer.
fn names(domain: &str, services: &BTreeMap<(String, String), Arc<Records>>) -> BTreeMap<IpAddr, Vec<String>> {
    let mut ranked: BTreeMap<IpAddr, BTreeSet<(Rank, String)>> = BTreeMap::new();
    for ((namespace, service), records) in services {
        let suffix = format!("{service}.{namespace}.svc.{domain}");
        let (addresses, endpoints) = match &**records {
            Records::Endpoints(endpoints) => (&[][..], endpoints),
            Records::Virtual { addresses, endpoints, .. } => (&addresses[..], endpoints),
            Records::External(_) => continue,
        };
        for address in addresses {
            ranked.entry(*address).or_default().insert((Rank::Service, suffix.clone()));
        }
        for endpoint in endpoints {
            for address in &endpoint.addresses {
                let is_dashed = endpoint.addresses.iter().any(|a| endpoints::dashed(*a) == endpoint.hostname);
                let rank = if is_dashed { Rank::Dashed } else { Rank::Hostname };
                ranked.entry(*address).or_default().insert((rank, format!("{}.{suffix}", endpoint.hostname)));
            }
        }
    }
    ranked.into_iter().map(|(address, names)| (address, names.into_iter().map(|(_, name)| name).collect())).collect()
}

/// The kinds of names that an address can have, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Service,
    Hostname,
    Dashed,
}

/// The service's virtual addresses; none for a headless one.
fn virtual_addresses(service: &Service) -> Vec<IpAddr> {
    let Some(spec) = &service.spec else { return Vec::new() };
    let mut addresses: Vec<IpAddr> = Vec::new();
    for text in spec.cluster_ip.iter().chain(spec.cluster_ips.iter().flatten()) {
        // `None` and an empty string are the two ways to say that there is none.
        if let Ok(address) = text.parse()
            && !addresses.contains(&address)
        {
            addresses.push(address);
        }
    }
    addresses
}

fn service_ports(service: &Service) -> Vec<Port> {
    let ports = service.spec.as_ref().and_then(|s| s.ports.as_deref()).unwrap_or_default();
    ports
        .iter()
        .filter_map(|p| {
            let number = u16::try_from(p.port).ok()?;
            Some(endpoints::port(p.name.as_deref(), p.protocol.as_deref(), number))
        })
        .collect()
}
