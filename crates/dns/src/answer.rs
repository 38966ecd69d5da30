//! What the zone says to a question: a decision, without I/O.

use std::net::IpAddr;

use hickory_proto::{
    op::Query,
    rr::{DNSClass, Name, Record, RecordType},
};
use plan::zone::{Endpoint, Port, Records, Zone};

use crate::{name, record, reverse, reverse::Reverse};

/// How many aliases (`ExternalName` services that point at each other) are followed inside the zone before giving
/// up: nobody needs more than two, and a circle must end.
const ALIASES_MAX: usize = 8;

/// What the zone says.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Records.
    Answered {
        /// Those that were asked for, after the aliases that lead there.
        records: Vec<Record>,
        /// Addresses of the names in them.
        additional: Vec<Record>,
    },
    /// The name exists and has no such record.
    NoData {
        /// From the asked name to the one that is meant.
        aliases: Vec<Record>,
        /// The zone's start of authority, which says how long to remember this.
        soa: Box<Record>,
    },
    /// There is no such name, and it would be ours.
    NxDomain {
        /// From the asked name to the one that is meant.
        aliases: Vec<Record>,
        /// The zone's start of authority, which says how long to remember this.
        soa: Box<Record>,
    },
    /// The name is an alias of one that is not ours.
    Chase {
        /// From the asked name to the one that is meant.
        aliases: Vec<Record>,
        /// What the upstreams are to be asked.
        target: Name,
    },
    /// Not our name: the upstreams know.
    Elsewhere,
    /// A question that is answered to nobody: a transfer, a class other than IN.
    Refused,
    /// No answer can be had: there is no zone yet, or aliases go round in a circle.
    Failed,
}

/// Decides what `zone` says to `question`.
///
/// Follows the Kubernetes DNS specification 1.1.0, and `CoreDNS` where that is silent or `CoreDNS` differs; empty
/// non-terminals have no data rather than no existence (RFC 8020). A zone of serial 0 is one that nobody has filled
/// yet: it fails, because a "no" would be kept.
pub fn answer(zone: &Zone, question: &Query) -> Answer {
    if zone.domain.is_empty() {
        return Answer::Failed;
    }
    if question.query_class() != DNSClass::IN || is_transfer(question.query_type()) {
        return Answer::Refused;
    }
    let decision = decide(zone, question);
    // Nothing has been observed yet: a name that is not there may well exist. Foreign names can be told already.
    if zone.serial == 0 && decision != Answer::Elsewhere { Answer::Failed } else { decision }
}

/// Looks the name up, and what it is an alias of.
fn decide(zone: &Zone, question: &Query) -> Answer {
    let mut aliases = Vec::new();
    let mut asked = question.name().clone();
    for _ in 0..=ALIASES_MAX {
        match look_up(zone, &asked, question.query_type()) {
            Found::Records { mut records, additional } => {
                aliases.append(&mut records);
                return Answer::Answered { records: aliases, additional };
            }
            Found::NoData(soa) => return Answer::NoData { aliases, soa: Box::new(soa) },
            Found::NxDomain(soa) => return Answer::NxDomain { aliases, soa: Box::new(soa) },
            Found::Alias { record, target } => {
                aliases.push(record);
                asked = target;
            }
            Found::Elsewhere if aliases.is_empty() => return Answer::Elsewhere,
            Found::Elsewhere => return Answer::Chase { aliases, target: asked },
        }
    }
    Answer::Failed
}

fn is_transfer(asked: RecordType) -> bool {
    matches!(asked, RecordType::AXFR | RecordType::IXFR)
}

/// What the zone says to one name, before aliases are followed.
enum Found {
    Records { records: Vec<Record>, additional: Vec<Record> },
    NoData(Record),
    NxDomain(Record),
    Alias { record: Record, target: Name },
    Elsewhere,
}

fn look_up(zone: &Zone, asked: &Name, kind: RecordType) -> Found {
    let labels = name::labels(asked);
    if let Some(left) = name::within(&labels, &zone.domain) {
        let apex = asked.trim_to(zone.domain.split('.').count());
        return Lookup { zone, asked, kind, apex }.forward(left);
    }
    match Reverse::parse(&labels) {
        Some(reverse) => reverse_look_up(zone, asked, kind, &reverse),
        None => Found::Elsewhere,
    }
}

/// A question about a name in the zone's domain.
struct Lookup<'a> {
    zone: &'a Zone,
    asked: &'a Name,
    kind: RecordType,
    /// The zone's name in the asked letters.
    apex: Name,
}

impl Lookup<'_> {
    /// `left` is what stands left of the domain, from the right.
    fn forward(&self, left: &[String]) -> Found {
        let left: Vec<&str> = left.iter().map(String::as_str).collect();
        match left.as_slice() {
            [] => self.apex(),
            ["dns-version"] => self.either(vec![record::version(self.asked)]),
            ["dns" | "svc" | "pod"] => self.no_data(),
            ["dns", "ns"] => self.addresses(self.zone.server.as_slice()),
            ["svc" | "pod", namespace] if self.zone.namespaces.contains(*namespace) => self.no_data(),
            ["svc", namespace, service, rest @ ..] => self.service(namespace, service, rest),
            ["pod", namespace, address] => self.pod(namespace, address),
            _ => self.nx_domain(),
        }
    }

    fn apex(&self) -> Found {
        match self.kind {
            RecordType::SOA => self.either(vec![self.soa()]),
            RecordType::NS => {
                let Some(server) = name::below(&["ns", "dns"], &self.apex) else { return self.no_data() };
                Found::Records {
                    additional: self.zone.server.iter().map(|a| record::address(&server, *a)).collect(),
                    records: vec![record::ns(self.asked, server)],
                }
            }
            _ => self.either(vec![]),
        }
    }

    fn service(&self, namespace: &str, service: &str, rest: &[&str]) -> Found {
        let Some(records) = self.zone.service(namespace, service).map(AsRef::as_ref) else { return self.nx_domain() };
        let Some(owner) = name::below(&[service, namespace, "svc"], &self.apex) else { return self.nx_domain() };
        match (records, rest) {
            (Records::External(target), []) => match name::absolute(target) {
                Some(target) => self.alias(target),
                None => self.no_data(),
            },
            (Records::External(_), _) => self.nx_domain(),
            (Records::Endpoints(endpoints), []) if self.kind == RecordType::SRV => {
                self.srv(&endpoint_targets(&owner, endpoints, &|_| true))
            }
            (Records::Endpoints(endpoints), []) => self.addresses(&flat(endpoints)),
            (Records::Virtual { addresses, ports, .. }, []) if self.kind == RecordType::SRV => {
                self.srv(&virtual_targets(&owner, addresses, ports, &|_| true))
            }
            (Records::Virtual { addresses, .. }, []) => self.addresses(addresses),
            (Records::Endpoints(endpoints) | Records::Virtual { endpoints, .. }, [label]) => {
                self.below_service(&owner, records, endpoints, label)
            }
            (_, [protocol, port]) => self.port(&owner, records, port, protocol),
            (_, _) => self.nx_domain(),
        }
    }

    /// One label left of a service: an endpoint, or `_tcp`, which has no records and exists where a port below does.
    fn below_service(&self, owner: &Name, records: &Records, endpoints: &[Endpoint], label: &str) -> Found {
        let named: Vec<Endpoint> = endpoints.iter().filter(|e| e.hostname == label).cloned().collect();
        if named.is_empty() {
            let protocol = label.strip_prefix('_');
            let has_ports = ports(records).any(|port| port.name.is_some() && protocol == Some(&port.protocol));
            return if has_ports { self.no_data() } else { self.nx_domain() };
        }
        if self.kind == RecordType::SRV {
            self.srv(&endpoint_targets(owner, &named, &|_| true))
        } else {
            self.addresses(&flat(&named))
        }
    }

    /// `_port._protocol` of a service. As in `CoreDNS` the underscores may be missing.
    fn port(&self, owner: &Name, records: &Records, port: &str, protocol: &str) -> Found {
        let name = port.strip_prefix('_').unwrap_or(port);
        let protocol = protocol.strip_prefix('_').unwrap_or(protocol);
        let is_asked = |port: &Port| port.name.as_deref() == Some(name) && port.protocol == protocol;
        if !ports(records).any(is_asked) {
            return self.nx_domain();
        }
        match records {
            Records::Endpoints(endpoints) if self.kind == RecordType::SRV => {
                self.srv(&endpoint_targets(owner, endpoints, &is_asked))
            }
            Records::Virtual { addresses, ports, .. } if self.kind == RecordType::SRV => {
                self.srv(&virtual_targets(owner, addresses, ports, &is_asked))
            }
            _ => self.either(vec![]),
        }
    }

    /// `1-2-3-4.N.pod`: the address, where the zone has published it for a service of the namespace.
    ///
    /// Stricter than `CoreDNS`' `insecure`, which invents an answer for every address.
    fn pod(&self, namespace: &str, dashed: &str) -> Found {
        let Some(address) = undashed(dashed) else { return self.nx_domain() };
        let suffix = format!(".{namespace}.svc.{}", self.zone.domain);
        let is_published = self.zone.names_of(address).any(|name| name.ends_with(&suffix));
        if is_published { self.addresses(&[address]) } else { self.nx_domain() }
    }

    fn alias(&self, target: Name) -> Found {
        let record = record::cname(self.asked, target.clone());
        match self.kind {
            RecordType::CNAME | RecordType::ANY => self.either(vec![record]),
            _ => Found::Alias { record, target },
        }
    }

    /// Addresses of the asked family.
    fn addresses(&self, addresses: &[IpAddr]) -> Found {
        let mut records: Vec<Record> = Vec::new();
        for address in addresses {
            let record = record::address(self.asked, *address);
            if !records.contains(&record) {
                records.push(record);
            }
        }
        self.either(records)
    }

    /// SRV records with equal weights, and the addresses of their targets.
    ///
    /// As `CoreDNS` counts: a weight is 100 shared by all (target, address, port), before duplicates go.
    fn srv(&self, targets: &[Target]) -> Found {
        let weight = u16::try_from(100 / targets.len().max(1)).unwrap_or(100).max(1);
        let mut records = Vec::new();
        let mut additional = Vec::new();
        for target in targets {
            let srv = record::srv(self.asked, weight, target.port, target.name.clone());
            if !records.contains(&srv) {
                records.push(srv);
            }
            let address = record::address(&target.name, target.address);
            if !additional.contains(&address) {
                additional.push(address);
            }
        }
        if records.is_empty() { self.no_data() } else { Found::Records { records, additional } }
    }

    /// Those of the name's records that were asked for; no data where there are none.
    fn either(&self, mut records: Vec<Record>) -> Found {
        if self.kind == RecordType::ANY {
            records = vec![record::any(self.asked)];
        } else {
            records.retain(|record| record.record_type() == self.kind);
        }
        if records.is_empty() { self.no_data() } else { Found::Records { records, additional: Vec::new() } }
    }

    fn no_data(&self) -> Found {
        match self.kind {
            RecordType::ANY => Found::Records { records: vec![record::any(self.asked)], additional: Vec::new() },
            _ => Found::NoData(self.soa()),
        }
    }

    fn nx_domain(&self) -> Found {
        Found::NxDomain(self.soa())
    }

    fn soa(&self) -> Record {
        soa(&self.apex, &self.apex, self.zone.serial)
    }
}

/// Where an SRV record points, with one of the addresses there.
struct Target {
    name: Name,
    address: IpAddr,
    port: u16,
}

fn endpoint_targets(owner: &Name, endpoints: &[Endpoint], is_asked: &dyn Fn(&Port) -> bool) -> Vec<Target> {
    let mut targets = Vec::new();
    for endpoint in endpoints {
        let Some(name) = name::below(&[&endpoint.hostname], owner) else { continue };
        for port in endpoint.ports.iter().filter(|port| is_asked(port)) {
            let each = endpoint.addresses.iter();
            targets.extend(each.map(|address| Target { name: name.clone(), address: *address, port: port.number }));
        }
    }
    targets
}

fn virtual_targets(
    owner: &Name,
    addresses: &[IpAddr],
    ports: &[Port],
    is_asked: &dyn Fn(&Port) -> bool,
) -> Vec<Target> {
    let asked = ports.iter().filter(|port| is_asked(port));
    asked
        .flat_map(|port| addresses.iter().map(move |address| (port.number, *address)))
        .map(|(port, address)| Target { name: owner.clone(), address, port })
        .collect()
}

/// Every port that the service's SRV records can name.
pub(crate) fn ports(records: &Records) -> Box<dyn Iterator<Item = &Port> + '_> {
    match records {
        Records::Endpoints(endpoints) => Box::new(endpoints.iter().flat_map(|e| &e.ports)),
        Records::Virtual { ports, .. } => Box::new(ports.iter()),
        Records::External(_) => Box::new(std::iter::empty()),
    }
}

fn flat(endpoints: &[Endpoint]) -> Vec<IpAddr> {
    endpoints.iter().flat_map(|e| &e.addresses).copied().collect()
}

/// The address in a label such as `10-240-0-1` or `fd00--a`.
fn undashed(label: &str) -> Option<IpAddr> {
    if let Ok(address) = label.replace('-', ".").parse() {
        return Some(IpAddr::V4(address));
    }
    label.replace('-', ":").parse().ok().map(IpAddr::V6)
}

fn soa(owner: &Name, domain: &Name, serial: u32) -> Record {
    let server = name::below(&["ns", "dns"], domain).unwrap_or_else(Name::root);
    let mailbox = name::below(&["hostmaster"], domain).unwrap_or_else(Name::root);
    record::soa(owner, server, mailbox, serial)
}

/// PTR records for the addresses in the zone; no others exist in the zone's networks.
fn reverse_look_up(zone: &Zone, asked: &Name, kind: RecordType, reverse: &Reverse) -> Found {
    let mut names = reverse.address().into_iter().flat_map(|address| zone.names_of(address)).peekable();
    let network = zone.networks.iter().find(|network| network.contains(&reverse.network));
    let is_named = names.peek().is_some();
    if !is_named && network.is_none() {
        return Found::Elsewhere;
    }
    let domain = name::absolute(&zone.domain).unwrap_or_else(Name::root);
    let labels = network.map_or(usize::from(asked.num_labels()), reverse::zone_labels);
    let apex = asked.trim_to(labels);
    let soa = soa(&apex, &domain, zone.serial);
    if is_named {
        let targets = names.filter_map(name::absolute);
        return match kind {
            RecordType::PTR => Found::Records {
                records: targets.map(|target| record::ptr(asked, target)).collect(),
                additional: Vec::new(),
            },
            RecordType::ANY => Found::Records { records: vec![record::any(asked)], additional: Vec::new() },
            _ => Found::NoData(soa),
        };
    }
    let is_apex = !reverse.is_beyond && apex == *asked;
    let has_below = !reverse.is_beyond && zone.has_names_in(&reverse.network);
    match kind {
        RecordType::SOA if is_apex => Found::Records { records: vec![soa], additional: Vec::new() },
        RecordType::NS if is_apex => match name::below(&["ns", "dns"], &domain) {
            Some(server) => Found::Records { records: vec![record::ns(asked, server)], additional: Vec::new() },
            None => Found::NoData(soa),
        },
        _ if is_apex || has_below => Found::NoData(soa),
        _ => Found::NxDomain(soa),
    }
}
