//! The virtual addresses of services, and their ports on the host: which ones are given, and which may be asked for.
//!
//! Follows Kubernetes' `pkg/registry/core/service` (`alloc.go`), with its sentences. Two differences: a service that is made again
//! gets its former address where that is free, and what is taken is read from the services themselves, so that nothing can leak.

use std::{collections::BTreeSet, net::Ipv4Addr, ops::RangeInclusive};

use serde_json::{Value, json};

use crate::{
    kinds::{fields, text_at},
    resource::SERVICES,
    status::{Cause, Status},
};

/// The ports of the host that services may have, as in Kubernetes.
pub const NODE_PORTS: RangeInclusive<u16> = NODE_PORT_MIN..=NODE_PORT_MAX;
const NODE_PORT_MIN: u16 = 30_000;
const NODE_PORT_MAX: u16 = 32_767;

/// Smaller networks than this have no addresses for services.
const PREFIX_LENGTH_MAX: u8 = 26;

/// What is set aside for services of an instance's network: its upper quarter.
///
/// The first address is the balancer's own, the last four are the engine's, for containers that others connect to the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceRange {
    first: u32,
    /// How many addresses the quarter has; 0 where there are none for services.
    count: u32,
    prefix_length: u8,
}

impl ServiceRange {
    /// The engine's own addresses at the end of a network.
    const ENGINES: u32 = 4;

    /// The range of a network, given by any of its addresses and the length of its prefix.
    pub fn of(network: Ipv4Addr, prefix_length: u8) -> ServiceRange {
        if prefix_length > PREFIX_LENGTH_MAX {
            return ServiceRange::default();
        }
        let size = u32::MAX.checked_shr(prefix_length.into()).unwrap_or_default();
        let quarter = size / 4 + 1;
        let first = (u32::from(network) | size) - (quarter - 1);
        ServiceRange { first, count: quarter, prefix_length: prefix_length + 2 }
    }

    /// Whether an address is set aside: for a service, for the balancer, or for the engine.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        u32::from(address).checked_sub(self.first).is_some_and(|place| place < self.count)
    }

    /// The balancer's own address, from which pods see their clients come.
    pub fn balancer(&self) -> Option<Ipv4Addr> {
        (self.count > 0).then(|| Ipv4Addr::from(self.first))
    }

    /// Whether a service may have an address.
    pub fn allows(&self, address: Ipv4Addr) -> bool {
        let place = u32::from(address).checked_sub(self.first);
        place.is_some_and(|place| place > 0 && place < self.count.saturating_sub(Self::ENGINES))
    }

    /// The addresses that services may have, beginning at a place that `seed` says.
    fn candidates(&self, seed: u64) -> impl Iterator<Item = Ipv4Addr> {
        let (first, count) = (self.first + 1, self.count.saturating_sub(Self::ENGINES + 1));
        let start = seed.checked_rem(count.into()).unwrap_or_default() as u32;
        (0..count).map(move |n| Ipv4Addr::from(first + (start + n) % count))
    }
}

impl std::fmt::Display for ServiceRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.first), self.prefix_length)
    }
}

/// What services have already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    addresses: BTreeSet<Ipv4Addr>,
    node_ports: BTreeSet<u16>,
}

impl Taken {
    /// What these services have.
    pub fn by<'a>(services: impl IntoIterator<Item = &'a Value>) -> Taken {
        let mut taken = Taken::default();
        for service in services {
            taken.addresses.extend(address_of(service));
            taken.node_ports.extend(node_ports(service));
        }
        taken
    }

    /// Takes an address away that somebody else has.
    pub fn take(&mut self, address: Ipv4Addr) {
        self.addresses.insert(address);
    }
}

/// Whether a write asks for an address or a port that the service does not have yet, or names one: what must not be decided
/// twice at a time.
pub fn allocates(new: &Value, old: Option<&Value>) -> bool {
    let (address, held) = old.map(|old| (address_of(old), node_ports(old).collect())).unwrap_or_default();
    let held: BTreeSet<u16> = held;
    let wants_address = has_address(new) && (address_of(new).is_none() || address_of(new) != address);
    let wants_ports = has_node_ports(new) && ports(new).any(|port| !held.contains(&number(port)));
    wants_address || wants_ports
}

/// Gives a service that has passed admission the addresses and ports that it lacks. `old` is the service before, `taken` what all
/// *other* services have.
///
/// Errors: 422 `Invalid` where it names one that is taken or outside of the range, 500 where none is left, as in Kubernetes.
pub fn allocate(new: &mut Value, old: Option<&Value>, taken: &Taken, range: &ServiceRange) -> Result<(), Status> {
    let mut causes = Vec::new();
    if has_address(new) {
        give_address(new, old, taken, range, &mut causes)?;
    }
    if has_node_ports(new) {
        give_ports(new, taken, &mut causes)?;
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(SERVICES.kind, SERVICES.group, &text_at(new, "/metadata/name"), &causes))
}

fn give_address(
    new: &mut Value,
    old: Option<&Value>,
    taken: &Taken,
    range: &ServiceRange,
    causes: &mut Vec<Cause>,
) -> Result<(), Status> {
    let Some(address) = address_of(new) else {
        let name = format!("{}/{}", text_at(new, "/metadata/namespace"), text_at(new, "/metadata/name"));
        let mut free = range.candidates(seed(&name)).filter(|address| !taken.addresses.contains(address));
        let none = || Status::internal("failed to allocate a serviceIP: range is full");
        let address = free.next().ok_or_else(none)?.to_string();
        fields::set(&mut new["spec"], "clusterIPs", json!([address]));
        fields::set(&mut new["spec"], "clusterIP", address);
        return Ok(());
    };
    if old.and_then(address_of) == Some(address) {
        return Ok(());
    }
    let why = if !range.allows(address) {
        format!("the provided IP ({address}) is not in the valid range. The range of valid IPs is {range}")
    } else if taken.addresses.contains(&address) {
        "provided IP is already allocated".to_owned()
    } else {
        return Ok(());
    };
    let given = new["spec"]["clusterIPs"].clone();
    causes.push(Cause::invalid("spec.clusterIPs", given, &format!("failed to allocate IP {address}: {why}")));
    Ok(())
}

fn give_ports(new: &mut Value, taken: &Taken, causes: &mut Vec<Cause>) -> Result<(), Status> {
    let uid = text_at(new, "/metadata/uid");
    let own: BTreeSet<u16> = node_ports(new).collect();
    let mut given = BTreeSet::new();
    for (index, port) in fields::items(&mut new["spec"], "ports").enumerate() {
        let asked = number(port);
        let field = || format!("spec.ports[{index}].nodePort");
        if asked == 0 {
            let size = u64::from(NODE_PORT_MAX - NODE_PORT_MIN) + 1;
            let start = seed(&format!("{uid}/{index}")) % size;
            let mut candidates = (0..size).map(|n| NODE_PORT_MIN + ((start + n) % size) as u16);
            let is_free = |port: &u16| !taken.node_ports.contains(port) && !own.contains(port) && !given.contains(port);
            let free = candidates
                .find(is_free)
                .ok_or_else(|| Status::internal("failed to allocate a nodePort: range is full"))?;
            given.insert(free);
            fields::set(port, "nodePort", free);
        } else if !NODE_PORTS.contains(&asked) {
            let why = format!(
                "provided port is not in the valid range. The range of valid ports is {NODE_PORT_MIN}-{NODE_PORT_MAX}"
            );
            causes.push(Cause::invalid(field(), asked, &why));
        } else if taken.node_ports.contains(&asked) {
            causes.push(Cause::invalid(field(), asked, "provided port is already allocated"));
        }
    }
    Ok(())
}

/// Whether a service is to have a virtual address: it is neither headless nor a name.
pub fn has_address(service: &Value) -> bool {
    text_at(service, "/spec/type") != "ExternalName" && text_at(service, "/spec/clusterIP") != "None"
}

/// Whether a service is to have ports on the host.
pub(crate) fn has_node_ports(service: &Value) -> bool {
    match text_at(service, "/spec/type").as_str() {
        "NodePort" => true,
        "LoadBalancer" => service["spec"]["allocateLoadBalancerNodePorts"].as_bool() != Some(false),
        _ => false,
    }
}

fn address_of(service: &Value) -> Option<Ipv4Addr> {
    text_at(service, "/spec/clusterIP").parse().ok()
}

fn node_ports(service: &Value) -> impl Iterator<Item = u16> + '_ {
    ports(service).map(number).filter(|port| *port != 0)
}

fn ports(service: &Value) -> impl Iterator<Item = &Value> {
    service["spec"]["ports"].as_array().into_iter().flatten()
}

/// The port on the host; 0 where it has none yet.
fn number(port: &Value) -> u16 {
    port["nodePort"].as_u64().and_then(|number| u16::try_from(number).ok()).unwrap_or_default()
}

/// A place to begin a search at, the same for the same text: FNV-1a.
fn seed(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3))
}
