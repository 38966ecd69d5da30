//! Which pods a service publishes, under which names and ports, and the `Endpoints` object that says so.
//!
//! The rules are those of the endpoints controller of Kubernetes 1.36 (`pkg/controller/endpoint`), with the hostname and
//! subdomain annotations of 1.3 beside the fields that took their place.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use k8s_openapi::{
    api::core::v1::{
        EndpointAddress, EndpointPort, EndpointSubset, Endpoints, ObjectReference, Pod, Service, ServicePort,
    },
    apimachinery::pkg::{apis::meta::v1::ObjectMeta, util::intstr::IntOrString},
};

use api::petset::{HOSTNAME, SUBDOMAIN, TOLERATE_UNREADY};

use super::{Endpoint, Port};
use crate::{Write, read};

/// The label that says who keeps an `Endpoints` object.
const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
/// Who keeps those of services with a selector, in Kubernetes' words.
const CONTROLLER: &str = "endpoint-controller";
/// The label of the endpoints of a service without a virtual address.
pub(super) const HEADLESS: &str = "service.kubernetes.io/headless";

/// A pod that a service selects.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pod: &'a Pod,
    /// The primary one first, never empty.
    addresses: Vec<IpAddr>,
    /// First label of its own name under the service, if it has one.
    hostname: Option<String>,
    /// Whether it is published.
    ready: bool,
    /// The service's ports with their numbers in this pod.
    ports: Vec<(ServicePort, u16)>,
}

impl<'a> Candidate<'a> {
    /// The pod.
    pub(super) fn pod(&self) -> &'a Pod {
        self.pod
    }

    /// Its addresses, the primary one first.
    pub(super) fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// The service's ports with their numbers in this pod.
    pub(super) fn ports(&self) -> impl Iterator<Item = EndpointPort> {
        self.ports.iter().map(|(port, number)| endpoint_port(port, *number))
    }
}

/// The pods that are endpoints of a service, published or not, in the order of their addresses' text.
///
/// A pod without an address, one that has ended, and one that is being deleted are none; the last may be published all
/// the same by a service that asks for unready pods.
pub(super) fn select<'a>(
    service: &Service,
    selector: &BTreeMap<String, String>,
    pods: &[&'a Pod],
) -> Vec<Candidate<'a>> {
    let unready_too = publishes_unready(service);
    let mut selected = candidates(service, selector, pods);
    selected.retain(|candidate| unready_too || candidate.pod.metadata.deletion_timestamp.is_none());
    selected
}

/// The same with all those that are being deleted.
pub(super) fn candidates<'a>(
    service: &Service,
    selector: &BTreeMap<String, String>,
    pods: &[&'a Pod],
) -> Vec<Candidate<'a>> {
    let unready_too = publishes_unready(service);
    let mut candidates: Vec<_> = pods
        .iter()
        .filter(|pod| is_selected(pod, selector) && pod.metadata.namespace == service.metadata.namespace)
        .filter(|pod| !read::is_finished(pod))
        .filter_map(|pod| {
            let addresses = addresses(pod);
            (!addresses.is_empty()).then(|| Candidate {
                pod,
                addresses,
                hostname: hostname(pod, service),
                ready: unready_too || read::is_ready(pod),
                ports: ports(service, pod),
            })
        })
        .filter(|candidate| !candidate.ports.is_empty() || has_no_ports(service))
        .collect();
    candidates.sort_by_cached_key(|c| (c.addresses[0].to_string(), c.pod.metadata.uid.clone()));
    candidates
}

/// What DNS answers: the ready candidates.
pub(super) fn published(candidates: Vec<Candidate<'_>>) -> Vec<Endpoint> {
    let endpoint = |candidate: Candidate<'_>| Endpoint {
        hostname: candidate.hostname.unwrap_or_else(|| dashed(candidate.addresses[0])),
        ports: candidate
            .ports
            .iter()
            .map(|(p, number)| port(p.name.as_deref(), p.protocol.as_deref(), *number))
            .collect(),
        addresses: candidate.addresses,
    };
    candidates.into_iter().filter(|c| c.ready).map(endpoint).collect()
}

/// What DNS answers for a service without a selector: what someone wrote into its `Endpoints` object.
pub(super) fn published_by_hand(endpoints: Option<&Endpoints>) -> Vec<Endpoint> {
    // An address may stand in several subsets, each with other ports: one name, all the ports.
    let mut published: BTreeMap<(IpAddr, String), Vec<Port>> = BTreeMap::new();
    for subset in endpoints.and_then(|e| e.subsets.as_deref()).unwrap_or_default() {
        let ports: Vec<Port> = subset
            .ports
            .iter()
            .flatten()
            .filter_map(|p| Some(port(p.name.as_deref(), p.protocol.as_deref(), u16::try_from(p.port).ok()?)))
            .collect();
        for address in subset.addresses.iter().flatten() {
            let Ok(ip) = address.ip.parse::<IpAddr>() else { continue };
            let hostname = address.hostname.clone().filter(|h| !h.is_empty()).unwrap_or_else(|| dashed(ip));
            published.entry((ip, hostname)).or_default().extend(ports.iter().cloned());
        }
    }
    published.into_iter().map(|((ip, hostname), ports)| Endpoint { hostname, addresses: vec![ip], ports }).collect()
}

/// The service's `Endpoints` object, where it differs from the present one.
pub(super) fn write(service: &Service, candidates: &[Candidate<'_>], current: Option<&Endpoints>) -> Option<Write> {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.insert(MANAGED_BY.to_owned(), CONTROLLER.to_owned());
    if super::virtual_addresses(service).is_empty() {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    let subsets = Some(subsets(candidates)).filter(|s| !s.is_empty());
    let Some(current) = current else {
        // Whoever deletes the service takes its endpoints with it, and is not raced.
        if service.metadata.deletion_timestamp.is_some() {
            return None;
        }
        let metadata = ObjectMeta {
            name: service.metadata.name.clone(),
            namespace: service.metadata.namespace.clone(),
            labels: Some(labels),
            ..ObjectMeta::default()
        };
        return Some(Write::Endpoints { endpoints: Box::new(Endpoints { metadata, subsets }), rv: None });
    };
    let mut wanted = current.clone();
    wanted.metadata.labels = Some(labels);
    wanted.subsets = subsets;
    // An absent list and an empty one are the same to the API.
    let is_same = wanted.metadata == current.metadata
        && wanted.subsets.as_deref().unwrap_or_default() == current.subsets.as_deref().unwrap_or_default();
    let rv = current.metadata.resource_version.clone();
    (!is_same).then(|| Write::Endpoints { endpoints: Box::new(wanted), rv })
}

/// Whether an `Endpoints` object is one that [`write()`] keeps.
pub(super) fn is_managed(endpoints: &Endpoints) -> bool {
    endpoints.metadata.labels.as_ref().and_then(|l| l.get(MANAGED_BY)).is_some_and(|by| by == CONTROLLER)
}

/// A port as DNS names it.
pub(super) fn port(name: Option<&str>, protocol: Option<&str>, number: u16) -> Port {
    Port {
        name: name.filter(|n| !n.is_empty()).map(str::to_lowercase),
        protocol: protocol.unwrap_or("TCP").to_lowercase(),
        number,
    }
}

/// An address as the first label of a name: `172-0-0-2`, `5678-abcd--1`; a label does not end in a dash, so a last `0` is
/// added there, and a first one likewise.
pub(super) fn dashed(address: IpAddr) -> String {
    let mut label = address.to_string().replace(['.', ':'], "-");
    if label.ends_with('-') {
        label.push('0');
    }
    if label.starts_with('-') {
        label.insert(0, '0');
    }
    label
}

/// One subset for each list of ports that pods share. Nearly always that is one for all of them.
fn subsets(candidates: &[Candidate<'_>]) -> Vec<EndpointSubset> {
    let mut groups: Vec<(Vec<EndpointPort>, Vec<&Candidate<'_>>)> = Vec::new();
    for candidate in candidates {
        let ports: Vec<EndpointPort> = candidate.ports().collect();
        match groups.iter_mut().find(|(of_group, _)| *of_group == ports) {
            Some((_, members)) => members.push(candidate),
            None => groups.push((ports, vec![candidate])),
        }
    }
    groups
        .into_iter()
        .map(|(ports, members)| {
            let addresses = |ready| {
                let list: Vec<_> = members.iter().filter(|c| c.ready == ready).map(|c| endpoint_address(c)).collect();
                (!list.is_empty()).then_some(list)
            };
            EndpointSubset {
                addresses: addresses(true),
                not_ready_addresses: addresses(false),
                ports: (!ports.is_empty()).then_some(ports),
            }
        })
        .collect()
}

pub(super) fn endpoint_address(candidate: &Candidate<'_>) -> EndpointAddress {
    let metadata = &candidate.pod.metadata;
    EndpointAddress {
        ip: candidate.addresses[0].to_string(),
        hostname: candidate.hostname.clone(),
        node_name: candidate.pod.spec.as_ref().and_then(|s| s.node_name.clone()),
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
            uid: metadata.uid.clone(),
            ..ObjectReference::default()
        }),
    }
}

fn endpoint_port(port: &ServicePort, number: u16) -> EndpointPort {
    EndpointPort {
        name: port.name.clone().filter(|n| !n.is_empty()),
        port: i32::from(number),
        protocol: Some(port.protocol.clone().unwrap_or_else(|| "TCP".to_owned())),
        app_protocol: port.app_protocol.clone(),
    }
}

/// The service's ports as this pod has them. A name that the pod does not know leaves that port out.
fn ports(service: &Service, pod: &Pod) -> Vec<(ServicePort, u16)> {
    let ports = service.spec.as_ref().and_then(|s| s.ports.as_deref()).unwrap_or_default();
    ports.iter().filter_map(|p| Some((p.clone(), number(p, pod)?))).collect()
}

/// The number of a port in a pod: `targetPort`, by number or by the name of a container's port of the same protocol.
fn number(port: &ServicePort, pod: &Pod) -> Option<u16> {
    let number = match &port.target_port {
        None | Some(IntOrString::Int(0)) => port.port,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(name)) if name.is_empty() => port.port,
        Some(IntOrString::String(name)) => {
            let protocol = |p: &Option<String>| p.clone().unwrap_or_else(|| "TCP".to_owned());
            let containers = pod.spec.as_ref().map(|s| s.containers.as_slice()).unwrap_or_default();
            containers
                .iter()
                .flat_map(|c| c.ports.iter().flatten())
                .find(|p| p.name.as_ref() == Some(name) && protocol(&p.protocol) == protocol(&port.protocol))?
                .container_port
        }
    };
    u16::try_from(number).ok().filter(|n| *n != 0)
}

fn has_no_ports(service: &Service) -> bool {
    service.spec.as_ref().and_then(|s| s.ports.as_deref()).unwrap_or_default().is_empty()
}

/// Whether the service publishes pods before they are ready, and until they are gone.
pub(super) fn publishes_unready(service: &Service) -> bool {
    let annotation = service.metadata.annotations.as_ref().and_then(|a| a.get(TOLERATE_UNREADY));
    service.spec.as_ref().and_then(|s| s.publish_not_ready_addresses).unwrap_or_default()
        || annotation.is_some_and(|value| read::parse_bool(value) == Some(true))
}

/// A pod's own name under a service: its hostname, where its subdomain is the service.
fn hostname(pod: &Pod, service: &Service) -> Option<String> {
    let spec = pod.spec.as_ref();
    let annotation = |key: &str| pod.metadata.annotations.as_ref()?.get(key).cloned();
    let either = |field: Option<String>, key| field.or_else(|| annotation(key)).filter(|value| !value.is_empty());
    let hostname = either(spec.and_then(|s| s.hostname.clone()), HOSTNAME)?;
    let subdomain = either(spec.and_then(|s| s.subdomain.clone()), SUBDOMAIN);
    (subdomain.is_some() && subdomain == service.metadata.name).then_some(hostname)
}

fn is_selected(pod: &Pod, selector: &BTreeMap<String, String>) -> bool {
    let labels = pod.metadata.labels.as_ref();
    selector.iter().all(|(key, value)| labels.and_then(|l| l.get(key)) == Some(value))
}

/// The pod's addresses, the primary one first.
fn addresses(pod: &Pod) -> Vec<IpAddr> {
    let Some(status) = &pod.status else { return Vec::new() };
    let all = status.pod_ip.iter().chain(status.pod_ips.iter().flatten().map(|ip| &ip.ip));
    let mut addresses = Vec::new();
    for address in all.filter_map(|text| text.parse::<IpAddr>().ok()) {
        if address != IpAddr::V4(Ipv4Addr::UNSPECIFIED) && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}
