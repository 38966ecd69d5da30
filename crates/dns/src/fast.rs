//! The short way from a question to its answer: kept encoded, without hickory.

use std::{collections::HashMap, sync::Arc};

use hickory_proto::{op::Query, rr::Name};
use hickory_server::net::xfer::Protocol;
use plan::zone::{Port, Records, Zone};

use crate::{
    answer::{Answer, answer, ports},
    encoded::{Encoded, negative, slot, wire},
    handler::bytes_max,
    name,
    plain::Plain,
};

/// How many services more than the zone has may be kept: those that are gone are swept out when they are so many.
const GONE_MAX: usize = 64;

/// The longest `namespace/service` that is looked up: two labels and a slash.
const KEY_MAX: usize = 127;

/// Answers that one thread keeps. Not shared, so nothing is locked.
///
/// A service's answers are made when they are first asked for and thrown away when the service has other records: the
/// zone that is loaded for a question is always the one that it is answered from. What is kept is bounded by the names
/// that exist.
#[derive(Debug, Default)]
pub(crate) struct Fast {
    /// The zone that `epoch` stands for.
    zone: Option<Arc<Zone>>,
    epoch: u64,
    /// The zone's name in lower case, as encoded without the root; empty where there is nothing to answer from.
    apex: Vec<u8>,
    apex_labels: usize,
    /// By `namespace/service`.
    services: HashMap<Box<str>, Kept>,
}

/// What the short way says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// The reply has been written, and has no error.
    Yes,
    /// The reply has been written: there is no such name.
    NoSuchName,
    /// Nothing has been written: the long way must be taken.
    NotHere,
}

/// A service's answers.
#[derive(Debug)]
struct Kept {
    /// The zone in which the records were last seen to be these.
    epoch: u64,
    records: Arc<Records>,
    own: Slots,
    /// By hostname.
    hosts: HashMap<Box<[u8]>, Slots>,
    /// By `_port._protocol`, as encoded.
    ports: HashMap<Box<[u8]>, Slots>,
}

/// The answers of one name: A, AAAA, SRV.
type Slots = [Slot; 3];

#[derive(Debug, Default)]
enum Slot {
    /// Never asked for.
    #[default]
    Unknown,
    Records(Encoded),
    NoData,
    /// Larger than any datagram, or odd.
    NotHere,
}

impl Fast {
    /// Answers a message from this zone, if it is a plain question about a service.
    pub(crate) fn answer(&mut self, zone: &Arc<Zone>, query: &[u8], over: Protocol, reply: &mut Vec<u8>) -> Said {
        let Some(plain) = Plain::parse(query) else { return Said::NotHere };
        if self.zone.as_ref().is_none_or(|known| !Arc::ptr_eq(known, zone)) {
            self.turn_to(zone);
        }
        if self.apex.is_empty() {
            return Said::NotHere;
        }
        // By labels, not by octets: a label may contain what looks like the zone's name.
        let Some(apex_at) = plain.last(self.apex_labels).filter(|at| plain.name()[*at..] == self.apex) else {
            return Said::NotHere;
        };
        let left = plain.label_count() - self.apex_labels;
        let no_such_name = |reply: &mut Vec<u8>| {
            negative(query, &plain, apex_at, 3, zone.serial, reply);
            Said::NoSuchName
        };
        // From the right, as in `answer`: what it answers otherwise than with "no such name" is not taken here.
        let label = |number_from_right: usize| plain.label(left - number_from_right);
        if left == 0 || matches!(label(1), "dns" | "pod" | "dns-version") {
            return Said::NotHere;
        }
        if label(1) != "svc" {
            return no_such_name(reply);
        }
        if left == 1 {
            return Said::NotHere;
        }
        if left == 2 {
            let is_there = zone.namespaces.contains(label(2));
            return if is_there { Said::NotHere } else { no_such_name(reply) };
        }
        let (mut buffer, namespace, service) = ([0; KEY_MAX], label(2), label(3));
        let key = key(&mut buffer, namespace, service);
        let Some(kept) = kept(&mut self.services, self.epoch, zone, key) else { return no_such_name(reply) };
        let slots = match left {
            _ if matches!(&*kept.records, Records::External(_)) => return Said::NotHere,
            3 => &mut kept.own,
            4 => match kept.hosts.get_mut(label(4).as_bytes()) {
                Some(slots) => slots,
                // It may be `_tcp`, which has no records and exists where a port below does.
                None if label(4).starts_with('_') => return Said::NotHere,
                None => return no_such_name(reply),
            },
            5 if label(4).starts_with('_') && label(5).starts_with('_') => {
                let service_at = plain.last(self.apex_labels + 3).unwrap_or_default();
                match kept.ports.get_mut(&plain.name()[..service_at]) {
                    Some(slots) => slots,
                    None => return no_such_name(reply),
                }
            }
            // Without its underscores a port is found too.
            5 => return Said::NotHere,
            _ => return no_such_name(reply),
        };
        let Some(slot) = slot(plain.kind).and_then(|number| slots.get_mut(number)) else { return Said::NotHere };
        if matches!(slot, Slot::Unknown) {
            *slot = fill(zone, &plain, &self.apex);
        }
        match slot {
            Slot::Records(encoded) => {
                let limit = bytes_max(over, plain.edns.map(|edns| edns.payload));
                let apex = &plain.asked()[apex_at..];
                // What must be cut is cut in one place, with hickory.
                if encoded.reply(query, &plain, apex, limit, reply) { Said::Yes } else { Said::NotHere }
            }
            Slot::NoData => {
                negative(query, &plain, apex_at, 0, zone.serial, reply);
                Said::Yes
            }
            Slot::NotHere | Slot::Unknown => Said::NotHere,
        }
    }

    /// Goes over to another zone. What it has in common with the last one stays.
    fn turn_to(&mut self, zone: &Arc<Zone>) {
        self.epoch += 1;
        self.zone = Some(Arc::clone(zone));
        let domain = if zone.serial == 0 { None } else { name::absolute(&zone.domain) };
        let domain = domain.filter(|domain| usize::from(domain.num_labels()) == zone.domain.split('.').count());
        self.apex_labels = domain.as_ref().map_or(0, |domain| domain.num_labels().into());
        self.apex = domain.and_then(|domain| wire(&domain.to_lowercase())).unwrap_or_default();
        self.apex.pop();
        if self.services.len() > zone.service_count() + GONE_MAX {
            self.services.retain(|key, _| zone.service_by_key(key).is_some());
        }
    }
}

/// What is kept of a service, if there is such a service in the zone.
fn kept<'s>(services: &'s mut HashMap<Box<str>, Kept>, epoch: u64, zone: &Zone, key: &str) -> Option<&'s mut Kept> {
    let is_current = services.get(key).is_some_and(|kept| kept.epoch == epoch);
    if !is_current {
        let Some(records) = zone.service_by_key(key) else {
            services.remove(key);
            return None;
        };
        match services.get_mut(key).filter(|kept| Arc::ptr_eq(&kept.records, records)) {
            Some(kept) => kept.epoch = epoch,
            None => drop(services.insert(key.into(), Kept::new(epoch, records))),
        }
    }
    services.get_mut(key)
}

impl Kept {
    fn new(epoch: u64, records: &Arc<Records>) -> Kept {
        let endpoints = match &**records {
            Records::Endpoints(endpoints) | Records::Virtual { endpoints, .. } => &endpoints[..],
            Records::External(_) => &[],
        };
        Kept {
            epoch,
            records: Arc::clone(records),
            own: Slots::default(),
            hosts: endpoints.iter().map(|e| (e.hostname.as_bytes().into(), Slots::default())).collect(),
            ports: ports(records).filter_map(port_name).map(|name| (name, Slots::default())).collect(),
        }
    }
}

/// `_port._protocol`, as encoded; `None` for a port without a name.
fn port_name(port: &Port) -> Option<Box<[u8]>> {
    let labels = [format!("_{}", port.name.as_ref()?), format!("_{}", port.protocol)];
    let encode = |label: &String| Some([&[u8::try_from(label.len()).ok()?][..], label.as_bytes()].concat());
    Some(labels.iter().map(encode).collect::<Option<Vec<_>>>()?.concat().into())
}

/// Asks the long way for an answer, and encodes it.
fn fill(zone: &Zone, plain: &Plain<'_>, apex: &[u8]) -> Slot {
    let labels = (0..plain.label_count()).map(|number| plain.label(number).as_bytes());
    let Ok(mut name) = Name::from_labels(labels) else { return Slot::NotHere };
    name.set_fqdn(true);
    match answer(zone, &Query::query(name.clone(), plain.kind)) {
        Answer::Answered { records, additional } => {
            Encoded::new(&name, apex, &records, &additional).map_or(Slot::NotHere, Slot::Records)
        }
        Answer::NoData { aliases, .. } if aliases.is_empty() => Slot::NoData,
        Answer::NoData { .. }
        | Answer::NxDomain { .. }
        | Answer::Chase { .. }
        | Answer::Elsewhere
        | Answer::Refused
        | Answer::Failed => Slot::NotHere,
    }
}

fn key<'b>(buffer: &'b mut [u8; KEY_MAX], namespace: &str, service: &str) -> &'b str {
    let length = namespace.len() + 1 + service.len();
    buffer[..namespace.len()].copy_from_slice(namespace.as_bytes());
    buffer[namespace.len()] = b'/';
    buffer[namespace.len() + 1..length].copy_from_slice(service.as_bytes());
    std::str::from_utf8(&buffer[..length]).expect("letters of host names are ASCII")
}
