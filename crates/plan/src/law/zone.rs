//! The law of what is published: [`Law::ZoneTrue`], and that what is published is not written anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddrV4},
};

use api::petset::{HOSTNAME, SUBDOMAIN, TOLERATE_UNREADY};
use k8s_openapi::api::{
    core::v1::{Endpoints, Pod, Service},
    discovery::v1::{self as discovery, EndpointSlice},
};

use super::{Law, Verdict, holds, is_leaving, name, namespace, once};
use crate::{
    Write, read,
    zone::{Endpoint, Frontend, Plan, Port, Records, slices},
};

/// All laws that one decision can break.
pub fn all(service: &Service, pods: &[&Pod], current: Option<&Endpoints>, plan: &Plan) -> Verdict {
    zone_true(service, pods, current, plan)?;
    served(service, plan)?;
    quiet(current, plan)?;
    alone(service, plan)?;
    once(&plan.writes)
}

/// [`Law::ZoneTrue`]: exactly the pods that may be asked for are published, each under its own name with its addresses, in
/// DNS and in the `Endpoints` object alike.
pub fn zone_true(service: &Service, pods: &[&Pod], current: Option<&Endpoints>, plan: &Plan) -> Verdict {
    records(service, pods, current, &plan.records)?;
    let Some(selector) = selector_of(service) else {
        return holds(plan.writes.is_empty(), Law::ZoneTrue, || {
            format!("the endpoints of service {} are written, which were made by hand", name(&service.metadata))
        });
    };
    let written = plan.writes.iter().find_map(|write| match write {
        Write::Endpoints { endpoints, .. } => Some(&**endpoints),
        _ => None,
    });
    let Some(object) = written.or(current) else {
        return holds(false, Law::ZoneTrue, || format!("service {} has no endpoints", name(&service.metadata)));
    };
    let ready: BTreeSet<String> = object
        .subsets
        .iter()
        .flatten()
        .flat_map(|subset| subset.addresses.iter().flatten().map(|address| address.ip.clone()))
        .collect();
    let wanted: BTreeSet<String> = candidates(service, selector, pods)
        .into_iter()
        .filter_map(|pod| addresses(pod).first().map(IpAddr::to_string))
        .collect();
    holds(ready == wanted, Law::ZoneTrue, || {
        format!("the endpoints of service {} are {ready:?} and should be {wanted:?}", name(&service.metadata))
    })
}

/// [`Law::ZoneTrue`]: behind a virtual address are exactly the endpoints that DNS answers, each at a port that it has there.
pub fn served(service: &Service, plan: &Plan) -> Verdict {
    let its_name = name(&service.metadata);
    let (addresses, ports, published) = match &plan.records {
        Records::Virtual { addresses, ports, endpoints } => (&addresses[..], &ports[..], &endpoints[..]),
        Records::Endpoints(_) | Records::External(_) => (&[][..], &[][..], &[][..]),
    };
    let has = |endpoint: &Endpoint, backend: &SocketAddrV4| {
        endpoint.addresses.contains(&IpAddr::V4(*backend.ip()))
            && endpoint.ports.iter().any(|port| port.number == backend.port())
    };
    for Frontend { address, backends, .. } in &plan.frontends {
        holds(addresses.contains(&IpAddr::V4(*address.ip())), Law::ZoneTrue, || {
            format!("service {its_name} is served at {address}, which is not its address")
        })?;
        let stray = backends.iter().find(|backend| !published.iter().any(|endpoint| has(endpoint, backend)));
        holds(stray.is_none(), Law::ZoneTrue, || {
            format!("behind {address} of service {its_name} is {stray:?}, which is not published")
        })?;
    }
    // What somebody wrote by hand may have ports that the service has not.
    let is_passed_on = |port: &&Port| {
        let is_same = |of_service: &Port| of_service.name == port.name && of_service.protocol == port.protocol;
        ["tcp", "udp"].contains(&port.protocol.as_str()) && ports.iter().any(is_same)
    };
    for endpoint in published.iter().filter(|_| addresses.iter().any(IpAddr::is_ipv4)) {
        for port in endpoint.ports.iter().filter(is_passed_on) {
            let is_served = plan.frontends.iter().any(|frontend| {
                frontend.backends.iter().any(|backend| backend.port() == port.number && has(endpoint, backend))
            });
            holds(is_served || endpoint.addresses.iter().all(IpAddr::is_ipv6), Law::ZoneTrue, || {
                format!("{} of service {its_name} is published and not behind its address", endpoint.hostname)
            })?;
        }
    }
    Ok(())
}

/// [`Law::ZoneTrue`] for one service's records. `by_hand` is its `Endpoints` object, which counts where it has no selector.
pub fn records(service: &Service, pods: &[&Pod], by_hand: Option<&Endpoints>, records: &Records) -> Verdict {
    let its_name = name(&service.metadata);
    let spec = service.spec.as_ref();
    if spec.and_then(|spec| spec.type_.as_deref()) == Some("ExternalName") {
        let is_alias = matches!(records, Records::External(_));
        return holds(is_alias, Law::ZoneTrue, || format!("service {its_name} is an alias and has {records:?}"));
    }
    let published = match records {
        Records::Endpoints(endpoints) | Records::Virtual { endpoints, .. } => endpoints,
        Records::External(alias) => {
            return holds(false, Law::ZoneTrue, || format!("service {its_name} is published as an alias of {alias}"));
        }
    };
    for endpoint in published {
        holds(!endpoint.addresses.is_empty(), Law::ZoneTrue, || {
            format!("{} of service {its_name} is published without an address", endpoint.hostname)
        })?;
        holds(!endpoint.hostname.is_empty(), Law::ZoneTrue, || {
            format!("{:?} of service {its_name} is published without a name", endpoint.addresses)
        })?;
    }
    let Some(selector) = selector_of(service) else { return written(its_name, by_hand, published) };
    let mut wanted: BTreeMap<IpAddr, Vec<&Pod>> = BTreeMap::new();
    for pod in candidates(service, selector, pods) {
        for address in addresses(pod) {
            wanted.entry(address).or_default().push(pod);
        }
    }
    for (address, pods) in &wanted {
        let pod = pods[0];
        let here = published.iter().filter(|endpoint| endpoint.addresses.contains(address));
        holds(here.clone().count() == pods.len(), Law::ZoneTrue, || {
            format!("{address} of pod {} is published {} times", name(&pod.metadata), here.clone().count())
        })?;
        for pod in pods {
            let Some(hostname) = hostname(pod, its_name) else { continue };
            let is_named = here.clone().any(|endpoint| endpoint.hostname == hostname);
            holds(is_named, Law::ZoneTrue, || {
                format!("pod {} is published, and not as {hostname}", name(&pod.metadata))
            })?;
        }
    }
    let surplus = published.iter().find(|endpoint| endpoint.addresses.iter().any(|a| !wanted.contains_key(a)));
    match surplus {
        Some(endpoint) => holds(false, Law::ZoneTrue, || {
            let why = explain(service, pods, endpoint);
            format!("{} {:?} of service {its_name} is published: {why}", endpoint.hostname, endpoint.addresses)
        }),
        None => Ok(()),
    }
}

/// A service without a selector publishes the addresses that its object holds.
fn written(service: &str, by_hand: Option<&Endpoints>, published: &[Endpoint]) -> Verdict {
    let subsets = by_hand.iter().flat_map(|endpoints| endpoints.subsets.iter().flatten());
    let wanted: BTreeSet<IpAddr> =
        subsets.flat_map(|subset| subset.addresses.iter().flatten()).filter_map(|a| a.ip.parse().ok()).collect();
    let found: BTreeSet<IpAddr> = published.iter().flat_map(|endpoint| endpoint.addresses.iter().copied()).collect();
    holds(found == wanted, Law::ZoneTrue, || {
        format!("service {service} publishes {found:?}, and its endpoints say {wanted:?}")
    })
}

/// [`Law::Quiet`]: an `Endpoints` object is written only where it changes.
pub fn quiet(current: Option<&Endpoints>, plan: &Plan) -> Verdict {
    for write in &plan.writes {
        let Write::Endpoints { endpoints, rv } = write else { continue };
        let is_so = current.is_some_and(|current| *current == **endpoints) || rv.is_some() != current.is_some();
        holds(!is_so, Law::Quiet, || {
            format!("endpoints {} are written although they are so already", name(&endpoints.metadata))
        })?;
    }
    Ok(())
}

/// All laws that a decision about the slices of a service can break: after it they say which pods may be asked for
/// ([`Law::ZoneTrue`]), none is written that is so already ([`Law::Quiet`]) or is another service's ([`Law::Alone`]), and
/// none has more than it may ([`Law::Bounded`]).
pub fn sliced(service: &Service, pods: &[&Pod], current: &[&EndpointSlice], writes: &[Write]) -> Verdict {
    let its_name = name(&service.metadata);
    let is_own = |slice: &EndpointSlice| slices::is_kept_for(slice, service);
    let mut after: BTreeMap<&str, &EndpointSlice> =
        current.iter().filter(|slice| is_own(slice)).map(|slice| (name(&slice.metadata), *slice)).collect();
    for write in writes {
        let (kind, space, object) = super::target(write);
        let is_kept = match write {
            Write::Slice { slice, rv } => {
                let is_so = after.get(object) == Some(&&**slice) || rv.is_some() != after.contains_key(object);
                holds(!is_so, Law::Quiet, || format!("slice {object} is written although it is so already"))?;
                after.insert(object, slice);
                is_own(slice)
            }
            Write::DeleteContent { resource, .. } => resource == slices::RESOURCE && after.remove(object).is_some(),
            _ => false,
        };
        holds(is_kept && space == namespace(&service.metadata), Law::Alone, || {
            format!("{kind} {object} is written for the slices of service {its_name}")
        })?;
    }
    let mut ready = BTreeSet::new();
    for (object, slice) in &after {
        let endpoints = slice.endpoints.as_deref().unwrap_or_default();
        holds(endpoints.len() <= slices::ENDPOINTS_PER_SLICE_MAX, Law::Bounded, || {
            format!("slice {object} has {} endpoints", endpoints.len())
        })?;
        let is_ready = |endpoint: &&discovery::Endpoint| {
            endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) == Some(true)
        };
        ready.extend(endpoints.iter().filter(is_ready).flat_map(|endpoint| endpoint.addresses.iter().cloned()));
    }
    let is_alias = service.spec.as_ref().is_some_and(|spec| spec.type_.as_deref() == Some("ExternalName"));
    let selector = selector_of(service).filter(|_| !is_alias);
    let published = selector.map(|selector| candidates(service, selector, pods)).unwrap_or_default();
    let wanted: BTreeSet<String> =
        published.into_iter().flat_map(addresses).map(|address| address.to_string()).collect();
    // Those of a service that goes may have gone before it.
    let is_said = if is_leaving(&service.metadata) { ready.is_subset(&wanted) } else { ready == wanted };
    holds(is_said, Law::ZoneTrue, || {
        format!("the slices of service {its_name} say {ready:?} and should say {wanted:?}")
    })?;
    once(writes)
}

/// [`Law::Alone`]: a service writes its own `Endpoints` and nothing else.
pub fn alone(service: &Service, plan: &Plan) -> Verdict {
    for write in &plan.writes {
        let (kind, space, object) = super::target(write);
        let is_own = kind == "endpoints" && space == namespace(&service.metadata) && object == name(&service.metadata);
        holds(is_own, Law::Alone, || format!("{kind} {object} is written by service {}", name(&service.metadata)))?;
    }
    Ok(())
}

fn explain(service: &Service, pods: &[&Pod], endpoint: &Endpoint) -> String {
    let pod = pods.iter().find(|pod| addresses(pod).iter().any(|address| endpoint.addresses.contains(address)));
    match pod {
        None => "no pod has this address".to_owned(),
        Some(pod) if is_leaving(&pod.metadata) => format!("pod {} is being deleted", name(&pod.metadata)),
        Some(pod) if read::is_finished(pod) => format!("pod {} has ended", name(&pod.metadata)),
        Some(pod) if !read::is_ready(pod) => format!("pod {} is not Ready", name(&pod.metadata)),
        Some(pod) => format!("pod {} is not one of service {}", name(&pod.metadata), name(&service.metadata)),
    }
}

fn selector_of(service: &Service) -> Option<&BTreeMap<String, String>> {
    service.spec.as_ref()?.selector.as_ref().filter(|selector| !selector.is_empty())
}

/// The pods that a service is to publish: its own, with an address, running, and Ready unless it asks for the others too.
fn candidates<'a>(service: &Service, selector: &BTreeMap<String, String>, pods: &[&'a Pod]) -> Vec<&'a Pod> {
    let annotation = service.metadata.annotations.as_ref().and_then(|all| all.get(TOLERATE_UNREADY));
    let unready_too = service.spec.as_ref().is_some_and(|spec| spec.publish_not_ready_addresses == Some(true))
        || annotation.and_then(|value| read::parse_bool(value)) == Some(true);
    let is_selected = |pod: &Pod| {
        let labels = pod.metadata.labels.as_ref();
        selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    };
    let has_ports = |pod: &Pod| {
        let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
        ports.is_empty() || ports.iter().any(|port| is_open(port, pod))
    };
    pods.iter()
        .copied()
        .filter(|pod| pod.metadata.namespace == service.metadata.namespace && is_selected(pod))
        .filter(|pod| !read::is_finished(pod) && !addresses(pod).is_empty() && has_ports(pod))
        .filter(|pod| unready_too || (read::is_ready(pod) && !is_leaving(&pod.metadata)))
        .collect()
}

/// Whether a pod has a service's port: one that is given by a number always, by a name if a container has it.
fn is_open(port: &k8s_openapi::api::core::v1::ServicePort, pod: &Pod) -> bool {
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
    let Some(IntOrString::String(wanted)) = &port.target_port else { return true };
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    let protocol = |its: &Option<String>| its.clone().unwrap_or_else(|| "TCP".to_owned());
    wanted.is_empty()
        || ports.any(|its| its.name.as_ref() == Some(wanted) && protocol(&its.protocol) == protocol(&port.protocol))
}

/// A pod's own name under a service.
fn hostname(pod: &Pod, service: &str) -> Option<String> {
    let annotation = |key: &str| pod.metadata.annotations.as_ref().and_then(|all| all.get(key)).cloned();
    let spec = pod.spec.as_ref();
    let given = |field: Option<String>, key: &str| {
        field.filter(|value| !value.is_empty()).or_else(|| annotation(key)).filter(|value| !value.is_empty())
    };
    let subdomain = given(spec.and_then(|spec| spec.subdomain.clone()), SUBDOMAIN)?;
    let hostname = given(spec.and_then(|spec| spec.hostname.clone()), HOSTNAME)?;
    (subdomain == service).then_some(hostname)
}

fn addresses(pod: &Pod) -> BTreeSet<IpAddr> {
    let status = pod.status.iter();
    let texts = status.flat_map(|s| s.pod_ip.iter().chain(s.pod_ips.iter().flatten().map(|address| &address.ip)));
    texts.filter_map(|text| text.parse::<IpAddr>().ok()).filter(|address| !address.is_unspecified()).collect()
}
