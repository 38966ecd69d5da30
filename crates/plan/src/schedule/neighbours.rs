//! What the pods on the node leave for another one: ports of the host, and whom they or it cannot stand beside them.

use api::selector::Labels;
use k8s_openapi::{
    api::core::v1::{Container, ContainerPort, Pod, PodAffinityTerm, PodSpec},
    apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement},
};

use super::{BetweenPods, Help, Misfit, Place, label, title};

/// The scheduler's and the kubelet's words for a port that is taken.
pub(super) const PORTS: &str = "node(s) didn't have free ports for the requested pod ports";

/// What users may do about anti-affinity on a single node.
const REMEDY: &str = "there is one node only; a daemon with `--pod-affinity preferred` runs both";

/// Source: plugin `NodePorts`.
pub(super) fn ports(spec: &PodSpec, bound: &[&Pod]) -> Option<Misfit> {
    let wanted: Vec<&ContainerPort> = ports_of(spec).collect();
    if wanted.is_empty() {
        return None;
    }
    bound.iter().find_map(|other| {
        let taken = ports_of(other.spec.as_ref()?).find_map(|t| wanted.iter().find(|want| collide(want, t)))?;
        let (port, protocol) = (taken.host_port.unwrap_or_default(), protocol(taken));
        Some(Misfit {
            reasons: vec![PORTS.to_owned()],
            help: Help::NoVictims,
            why: format!("port {port}/{protocol} of the host is taken by pod {}", title(other)),
        })
    })
}

/// The host's ports that a pod takes for as long as it runs.
pub(super) fn ports_of(spec: &PodSpec) -> impl Iterator<Item = &ContainerPort> {
    let sidecars = spec.init_containers.iter().flatten().filter(|container| is_sidecar(container));
    let ports = sidecars.chain(&spec.containers).flat_map(|container| container.ports.iter().flatten());
    ports.filter(|port| port.host_port.is_some_and(|port| port > 0))
}

pub(super) fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// One address for all collides with every other.
fn collide(a: &ContainerPort, b: &ContainerPort) -> bool {
    fn address(port: &ContainerPort) -> &str {
        port.host_ip.as_deref().filter(|ip| !ip.is_empty()).unwrap_or("0.0.0.0")
    }
    let is_same_address = address(a) == address(b) || [a, b].into_iter().any(|port| address(port) == "0.0.0.0");
    a.host_port == b.host_port && protocol(a) == protocol(b) && is_same_address
}

fn protocol(port: &ContainerPort) -> &str {
    port.protocol.as_deref().filter(|protocol| !protocol.is_empty()).unwrap_or("TCP")
}

/// Source: plugin `InterPodAffinity`. Its order: the pod's affinity, its anti-affinity, that of the pods that are there.
pub(super) fn affinity(pod: &Pod, spec: &PodSpec, bound: &[&Pod], place: &Place<'_>) -> Option<Misfit> {
    match place.between_pods {
        BetweenPods::Preferred => return None,
        BetweenPods::Required => place.node?,
    };
    let misfit = |reason: &str, help: Help, why: String| {
        let reason = format!("node(s) didn't {reason}");
        Some(Misfit { reasons: vec![reason], help, why })
    };
    let liked = required_affinity(spec);
    let is_liked = |other: &Pod| liked.iter().all(|term| matches(term, pod, other, place));
    if !liked.is_empty() {
        if let Some(term) = liked.iter().find(|term| label(place, &term.topology_key).is_none()) {
            let why = format!("the node has no label {}, which the pod's required affinity names", term.topology_key);
            return misfit("match pod affinity rules", Help::None, why);
        }
        // The first of pods that like each other needs nobody.
        if !bound.iter().any(|other| is_liked(other)) && !is_liked(pod) {
            let why = "no pod that the pod's required affinity asks for is on the node".to_owned();
            return misfit("match pod affinity rules", Help::None, why);
        }
    }
    let shunned = required_anti_affinity(spec);
    let meets = |term: &PodAffinityTerm, of: &Pod, other: &Pod| {
        label(place, &term.topology_key).is_some() && matches(term, of, other, place)
    };
    for term in shunned {
        if let Some(other) = bound.iter().find(|other| meets(term, pod, other)) {
            let (other, key) = (title(other), &term.topology_key);
            let why = format!("the pod's required anti-affinity shuns pod {other} on the same {key}; {REMEDY}");
            return misfit("match pod anti-affinity rules", Help::NoVictims, why);
        }
    }
    for other in bound {
        let Some(theirs) = other.spec.as_ref() else { continue };
        if let Some(term) = required_anti_affinity(theirs).iter().find(|term| meets(term, other, pod)) {
            let (other, key) = (title(other), &term.topology_key);
            let why = format!("the required anti-affinity of pod {other} shuns the pod on the same {key}; {REMEDY}");
            return misfit("satisfy existing pods anti-affinity rules", Help::NoVictims, why);
        }
    }
    None
}

fn required_affinity(spec: &PodSpec) -> &[PodAffinityTerm] {
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.pod_affinity.as_ref());
    affinity.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_deref()).unwrap_or_default()
}

pub(super) fn required_anti_affinity(spec: &PodSpec) -> &[PodAffinityTerm] {
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    affinity.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_deref()).unwrap_or_default()
}

/// Whether a term of the pod `of` means another pod, by namespace and labels.
fn matches(term: &PodAffinityTerm, of: &Pod, other: &Pod, place: &Place<'_>) -> bool {
    let namespace = other.metadata.namespace.as_deref().unwrap_or_default();
    let listed = term.namespaces.as_deref().unwrap_or_default();
    let is_in_namespace = match (&term.namespace_selector, listed) {
        (None, []) => of.metadata.namespace.as_deref().unwrap_or_default() == namespace,
        (selector, listed) => {
            let selects = |selector: &LabelSelector| {
                let found = place.namespaces.iter().find(|n| n.metadata.name.as_deref() == Some(namespace));
                let labels = found.and_then(|found| found.metadata.labels.clone()).unwrap_or_default();
                Labels::from_selector(selector).matches(&labels)
            };
            listed.iter().any(|name| name == namespace) || selector.as_ref().is_some_and(selects)
        }
    };
    let keys = term.match_label_keys.as_deref().unwrap_or_default();
    let mismatched = term.mismatch_label_keys.as_deref().unwrap_or_default();
    is_in_namespace && selects(term.label_selector.as_ref(), (keys, mismatched), of, other)
}

/// Whether a selector means a pod. None means nothing, an empty one everything. The labels of the first list must be
/// as the pod `of` has them, those of the second must not; what it has not counts for nothing.
pub(super) fn selects(
    selector: Option<&LabelSelector>,
    (same, other): (&[String], &[String]),
    of: &Pod,
    pod: &Pod,
) -> bool {
    let Some(selector) = selector else { return false };
    let mut selector = selector.clone();
    for (keys, operator) in [(same, "In"), (other, "NotIn")] {
        for key in keys {
            let value = of.metadata.labels.as_ref().and_then(|labels| labels.get(key)).cloned();
            selector.match_expressions.get_or_insert_default().extend(value.map(|value| LabelSelectorRequirement {
                key: key.clone(),
                operator: operator.to_owned(),
                values: Some(vec![value]),
            }));
        }
    }
    Labels::from_selector(&selector)
        .matches(pod.metadata.labels.as_ref().unwrap_or(const { &std::collections::BTreeMap::new() }))
}
