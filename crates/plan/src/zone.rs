//! A service with its pods: its endpoints and their slices, and its records in DNS.

mod endpoints;
pub mod frontends;
mod shared;
pub mod slices;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

pub use shared::Shared;

use k8s_openapi::{
    api::core::v1::{Endpoints, Pod, Service},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use crate::Write;
pub use frontends::{Frontend, Frontends, Protocol};

/// The records of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// A headless service.
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

/// Everything that DNS answers from, at one moment. Never changed once it is published: a new one replaces it.
///
/// Copies share what is the same in them ([`Shared`]), so a change costs what has changed, whatever the zone's size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Without dots at the ends: `cluster.local`.
    pub domain: String,
    /// Grows with every change; the SOA's serial. 0 before anything was observed.
    pub serial: u32,
    /// Namespaces that exist.
    pub namespaces: Arc<BTreeSet<String>>,
    /// The server's own address, for `ns.dns.$(domain)`.
    pub server: Option<IpAddr>,
    /// Networks whose reverse zones are ours: unknown addresses in them are NXDOMAIN, others are forwarded.
    pub networks: Vec<ipnet::IpNet>,
    /// By `namespace/service`.
    services: Shared<Arc<str>, Arc<Records>>,
    /// Reverse. An address has a name once for each endpoint that gives it.
    names: Shared<IpAddr, Arc<Vec<(Rank, String)>>>,
}

impl Zone {
    /// A zone of which nothing is known yet.
    pub fn new(domain: &str) -> Zone {
        Zone { domain: domain.to_owned(), ..Zone::default() }
    }

    /// The records of a service.
    pub fn service(&self, namespace: &str, service: &str) -> Option<&Arc<Records>> {
        self.services.get(key(namespace, service).as_str())
    }

    /// The records of a service that is named `namespace/service`.
    pub fn service_by_key(&self, key: &str) -> Option<&Arc<Records>> {
        self.services.get(key)
    }

    /// Every service with its records, by namespace and name.
    pub fn services(&self) -> impl Iterator<Item = ((&str, &str), &Records)> {
        self.services.iter().filter_map(|(key, records)| Some((key.split_once('/')?, &**records)))
    }

    /// How many services have records.
    pub fn service_count(&self) -> usize {
        self.services.len()
    }

    /// The names of an address, without the final dot. A service's own name comes before those of endpoints, a pod's
    /// hostname before an address with dashes: many programs read only the first answer.
    pub fn names_of(&self, address: IpAddr) -> impl Iterator<Item = &str> {
        let ranked = self.names.get(&address).map(|names| names.as_slice()).unwrap_or_default();
        let is_first = |n: usize| n == 0 || ranked[n - 1] != ranked[n];
        ranked.iter().enumerate().filter(move |(n, _)| is_first(*n)).map(|(_, (_, name))| name.as_str())
    }

    /// Whether an address of the network has a name.
    pub fn has_names_in(&self, network: &ipnet::IpNet) -> bool {
        self.names.at_or_after(&network.network()).is_some_and(|(address, _)| *address <= network.broadcast())
    }

    /// Puts a service's records in the place of those that it had; `None` takes them away. Says whether that changes
    /// anything. The serial is the caller's to count.
    pub fn set_service(&mut self, namespace: &str, service: &str, records: Option<Arc<Records>>) -> bool {
        let key = key(namespace, service);
        let old = self.services.get(key.as_str()).cloned();
        if old == records {
            return false;
        }
        let suffix = format!("{service}.{namespace}.svc.{}", self.domain);
        let (gone, come) = difference(Part::of(old.as_deref()), Part::of(records.as_deref()));
        for (address, name) in gone.names(&suffix) {
            self.take_name(address, &name);
        }
        for (address, name) in come.names(&suffix) {
            self.give_name(address, name);
        }
        match records {
            Some(records) => self.services.insert(key.into(), records),
            None => self.services.remove(key.as_str()),
        };
        true
    }

    /// Puts the namespaces that exist in the place of the former ones. Says whether that changes anything.
    pub fn set_namespaces(&mut self, namespaces: BTreeSet<String>) -> bool {
        let is_change = *self.namespaces != namespaces;
        if is_change {
            self.namespaces = Arc::new(namespaces);
        }
        is_change
    }

    fn give_name(&mut self, address: IpAddr, name: (Rank, String)) {
        let mut names = self.names.get(&address).map(|names| names.to_vec()).unwrap_or_default();
        names.insert(names.partition_point(|n| *n <= name), name);
        self.names.insert(address, Arc::new(names));
    }

    fn take_name(&mut self, address: IpAddr, name: &(Rank, String)) {
        let mut names = self.names.get(&address).map(|names| names.to_vec()).unwrap_or_default();
        if let Ok(place) = names.binary_search(name) {
            names.remove(place);
        }
        if names.is_empty() {
            self.names.remove(&address);
        } else {
            self.names.insert(address, Arc::new(names));
        }
    }
}

fn key(namespace: &str, service: &str) -> String {
    format!("{namespace}/{service}")
}

/// The kinds of names that an address can have, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Service,
    Hostname,
    Dashed,
}

/// What of a service's records gives names to addresses.
#[derive(Clone, Copy, Debug, Default)]
struct Part<'a> {
    addresses: &'a [IpAddr],
    endpoints: &'a [Endpoint],
}

impl<'a> Part<'a> {
    fn of(records: Option<&'a Records>) -> Part<'a> {
        match records {
            Some(Records::Endpoints(endpoints)) => Part { addresses: &[], endpoints },
            Some(Records::Virtual { addresses, endpoints, .. }) => Part { addresses, endpoints },
            Some(Records::External(_)) | None => Part::default(),
        }
    }

    fn names(self, suffix: &str) -> impl Iterator<Item = (IpAddr, (Rank, String))> {
        let own = self.addresses.iter().map(move |address| (*address, (Rank::Service, suffix.to_owned())));
        let each = self.endpoints.iter().flat_map(move |endpoint| {
            let is_dashed = endpoint.addresses.iter().any(|a| endpoints::dashed(*a) == endpoint.hostname);
            let rank = if is_dashed { Rank::Dashed } else { Rank::Hostname };
            let name = format!("{}.{suffix}", endpoint.hostname);
            endpoint.addresses.iter().map(move |address| (*address, (rank, name.clone())))
        });
        own.chain(each)
    }
}

/// What one has and the other has not, as far as the ends of the lists tell: one pod of a thousand comes or goes at
/// one place.
fn difference<'a>(old: Part<'a>, new: Part<'a>) -> (Part<'a>, Part<'a>) {
    let same = old.endpoints.iter().zip(new.endpoints).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old.endpoints[same..], &new.endpoints[same..]);
    let same = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let gone = Part { endpoints: &old_rest[..old_rest.len() - same], ..old };
    let come = Part { endpoints: &new_rest[..new_rest.len() - same], ..new };
    (gone, come)
}

/// What is to happen about one service.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The service's records.
    pub records: Records,
    /// What stands behind its virtual address.
    pub frontends: Vec<Frontend>,
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
        let records = Records::External(name.trim_end_matches('.').to_owned());
        return Plan { records, frontends: Vec::new(), writes: Vec::new() };
    }
    let (published, writes) = match selector_of(service) {
        None => (endpoints::published_by_hand(current), Vec::new()),
        Some(selector) => {
            let candidates = endpoints::select(service, selector, pods);
            let writes = endpoints::write(service, &candidates, current).into_iter().collect();
            (endpoints::published(candidates), writes)
        }
    };
    let addresses = virtual_addresses(service);
    let frontends = frontends::of(service, &addresses, &published);
    let records = if addresses.is_empty() {
        Records::Endpoints(published)
    } else {
        Records::Virtual { addresses, ports: service_ports(service), endpoints: published }
    };
    Plan { records, frontends, writes }
}

/// The labels of the pods that a service publishes, where it is one that has pods.
fn selector_of(service: &Service) -> Option<&BTreeMap<String, String>> {
    let spec = service.spec.as_ref().filter(|spec| spec.type_.as_deref() != Some("ExternalName"))?;
    spec.selector.as_ref().filter(|selector| !selector.is_empty())
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
