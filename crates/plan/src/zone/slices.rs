//! The `EndpointSlice`s of a service: the same pods as in its `Endpoints`, and those that are on their way out, as clients of
//! today ask for them.
//!
//! The rules are those of the endpoint slice controller of Kubernetes 1.36 (`staging/src/k8s.io/endpointslice`).

use std::{collections::BTreeMap, net::IpAddr};

use k8s_openapi::{
    api::{
        core::v1::{Pod, Service},
        discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice},
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};

use super::endpoints::{self, Candidate};
use crate::{Write, read};

/// Endpoints of one slice at most, as Kubernetes has it where nobody says otherwise: a change of one pod then writes a part of
/// a large service.
pub const ENDPOINTS_PER_SLICE_MAX: usize = 100;

/// The resource, as the store calls it.
pub const RESOURCE: &str = "endpointslices.discovery.k8s.io";
/// The label that says whose a slice is.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The label that says who keeps a slice.
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// Who keeps those of services with a selector, in Kubernetes' words.
const CONTROLLER: &str = "endpointslice-controller.k8s.io";
/// The letters that stand for the number of a slice.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// How many of them there are in a name.
const SUFFIX_LENGTH: usize = 5;

/// Decides what the slices of one service are. `pods` are those of its namespace, `current` its slices that there are.
///
/// A service without a selector has none: what DNS publishes of it stands in its `Endpoints`.
pub fn plan(service: &Service, pods: &[&Pod], current: &[&EndpointSlice]) -> Vec<Write> {
    let current: BTreeMap<&str, &EndpointSlice> = current
        .iter()
        .filter(|slice| is_kept_for(slice, service))
        .filter_map(|slice| Some((slice.metadata.name.as_deref()?, *slice)))
        .collect();
    let wanted: BTreeMap<String, EndpointSlice> =
        wanted(service, pods).into_iter().filter_map(|slice| Some((slice.metadata.name.clone()?, slice))).collect();
    let surplus = current
        .iter()
        .filter(|(name, slice)| !wanted.contains_key(**name) && slice.metadata.deletion_timestamp.is_none())
        .map(|(name, slice)| Write::DeleteContent {
            resource: RESOURCE.to_owned(),
            namespace: slice.metadata.namespace.clone().unwrap_or_default(),
            name: (*name).to_owned(),
            rv: slice.metadata.resource_version.clone().unwrap_or_default(),
        });
    let written = wanted.iter().filter_map(|(name, slice)| match current.get(name.as_str()) {
        // Whoever deletes the service takes its slices with it, and is not raced.
        None if service.metadata.deletion_timestamp.is_some() => None,
        None => Some(Write::Slice { slice: Box::new(slice.clone()), rv: None }),
        Some(old) => changed(old, slice),
    });
    written.chain(surplus).collect()
}

/// Whether a slice is one that is kept here for a service.
pub fn is_kept_for(slice: &EndpointSlice, service: &Service) -> bool {
    let label = |key: &str| slice.metadata.labels.as_ref().and_then(|labels| labels.get(key)).map(String::as_str);
    label(MANAGED_BY) == Some(CONTROLLER)
        && label(SERVICE_NAME) == service.metadata.name.as_deref()
        && slice.metadata.namespace == service.metadata.namespace
}

/// The name of a slice. It is made of its number and not drawn: whoever plans it twice makes it once.
fn name(service: &str, mut number: usize) -> String {
    let letters = (0..SUFFIX_LENGTH).map(|_| {
        let letter = LETTERS[number % LETTERS.len()];
        number /= LETTERS.len();
        char::from(letter)
    });
    format!("{service}-{}", letters.collect::<String>())
}

/// What all endpoints of a slice share: whether they are of IPv6, and their ports.
type Shared = (bool, Vec<EndpointPort>);

/// The slices as they are to be: one for each hundred endpoints of one family with the same ports; one without any where there
/// are none.
fn wanted(service: &Service, pods: &[&Pod]) -> Vec<EndpointSlice> {
    let Some(selector) = super::selector_of(service) else { return Vec::new() };
    let mut groups: Vec<(Shared, Vec<Endpoint>)> = Vec::new();
    let candidates = endpoints::candidates(service, selector, pods);
    for candidate in &candidates {
        for family in [false, true] {
            let mut addresses = candidate.addresses().iter().copied();
            let Some(address) = addresses.find(|address| address.is_ipv6() == family) else { continue };
            let key: Shared = (family, candidate.ports().map(port).collect());
            let endpoint = endpoint(service, candidate, address);
            match groups.iter_mut().find(|(of_group, _)| *of_group == key) {
                Some((_, members)) => members.push(endpoint),
                None => groups.push((key, vec![endpoint])),
            }
        }
    }
    if groups.is_empty() {
        groups.push(((false, Vec::new()), Vec::new()));
    }
    let parts = groups.into_iter().flat_map(|((is_ipv6, ports), members)| {
        let mut chunks: Vec<Vec<Endpoint>> =
            members.chunks(ENDPOINTS_PER_SLICE_MAX).map(<[Endpoint]>::to_vec).collect();
        if chunks.is_empty() {
            chunks.push(Vec::new());
        }
        chunks.into_iter().map(move |chunk| (is_ipv6, ports.clone(), chunk))
    });
    parts
        .enumerate()
        .map(|(number, (is_ipv6, ports, endpoints))| EndpointSlice {
            address_type: if is_ipv6 { "IPv6" } else { "IPv4" }.to_owned(),
            endpoints: Some(endpoints),
            metadata: metadata(service, number),
            ports: Some(ports),
        })
        .collect()
}

fn metadata(service: &Service, number: usize) -> ObjectMeta {
    let its_name = service.metadata.name.clone().unwrap_or_default();
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.insert(MANAGED_BY.to_owned(), CONTROLLER.to_owned());
    labels.insert(SERVICE_NAME.to_owned(), its_name.clone());
    if super::virtual_addresses(service).is_empty() {
        labels.insert(endpoints::HEADLESS.to_owned(), String::new());
    }
    ObjectMeta {
        name: Some(name(&its_name, number)),
        generate_name: Some(format!("{its_name}-")),
        namespace: service.metadata.namespace.clone(),
        labels: Some(labels),
        owner_references: Some(vec![OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Service".to_owned(),
            name: its_name,
            uid: service.metadata.uid.clone().unwrap_or_default(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }]),
        ..ObjectMeta::default()
    }
}

fn endpoint(service: &Service, candidate: &Candidate<'_>, address: IpAddr) -> Endpoint {
    let told = endpoints::endpoint_address(candidate);
    let pod = candidate.pod();
    let (serving, terminating) = (read::is_ready(pod), pod.metadata.deletion_timestamp.is_some());
    let ready = endpoints::publishes_unready(service) || serving && !terminating;
    Endpoint {
        addresses: vec![address.to_string()],
        conditions: Some(EndpointConditions {
            ready: Some(ready),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        hostname: told.hostname,
        node_name: told.node_name,
        target_ref: told.target_ref,
        ..Endpoint::default()
    }
}

fn port(port: k8s_openapi::api::core::v1::EndpointPort) -> EndpointPort {
    EndpointPort {
        app_protocol: port.app_protocol,
        // Kubernetes writes an empty name where there is none.
        name: Some(port.name.unwrap_or_default()),
        port: Some(port.port),
        protocol: port.protocol,
    }
}

/// The write that makes a slice what it is to be, where it is not.
fn changed(old: &EndpointSlice, wanted: &EndpointSlice) -> Option<Write> {
    let mut new = old.clone();
    new.metadata.labels.clone_from(&wanted.metadata.labels);
    new.metadata.owner_references.clone_from(&wanted.metadata.owner_references);
    new.address_type.clone_from(&wanted.address_type);
    // An absent list and an empty one are the same to the API.
    if new.endpoints.as_deref().unwrap_or_default() != wanted.endpoints.as_deref().unwrap_or_default() {
        new.endpoints.clone_from(&wanted.endpoints);
    }
    if new.ports.as_deref().unwrap_or_default() != wanted.ports.as_deref().unwrap_or_default() {
        new.ports.clone_from(&wanted.ports);
    }
    let rv = old.metadata.resource_version.clone();
    (new != *old).then(|| Write::Slice { slice: Box::new(new), rv })
}
