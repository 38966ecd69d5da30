//! Whether a pod may run on this node: decided once, before its sandbox is made.
//!
//! Two decide in Kubernetes, and here too. The *scheduler* gives a pod that names no node to this one, or says why not;
//! the pod stays Pending then, and is asked about again when what it waits for changes. The *kubelet* admits a pod that
//! has this node's name, from the scheduler or from the user, or rejects it for good.
//!
//! There is one node. So no node is the better one, preferences (`preferredDuringScheduling…`, `ScheduleAnyway`,
//! `PreferNoSchedule`) mean nothing, and nobody is preempted.
//!
//! Sources: `pkg/scheduler/framework/plugins` (the order is that of the default profile), `FitError` in
//! `pkg/scheduler/framework/types.go`, `pkg/kubelet/lifecycle/predicate.go`.

mod neighbours;
mod node;
mod resources;
mod spread;
mod sysctls;
mod volumes;

use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, Pod, PodSpec};

pub(crate) use self::volumes::is_reached;
use crate::read;

/// What a pod finds where it is to run.
#[derive(Clone, Debug, Default)]
pub struct Place<'a> {
    /// This node's object. Where there is none, nothing is asked of it.
    pub node: Option<&'a Node>,
    /// The other pods, of all namespaces, wherever they are; at least those that [`shuns`], [`takes`] and
    /// [`asks_who_is_there`] say are asked about.
    pub pods: Vec<&'a Pod>,
    /// All namespaces, for the selectors of `namespaceSelector`.
    pub namespaces: Vec<&'a Namespace>,
    /// The volumes that the pod's claims are bound to.
    pub volumes: Vec<&'a PersistentVolume>,
    /// What required affinity and anti-affinity between pods mean.
    pub between_pods: BetweenPods,
}

/// What `requiredDuringScheduling…` of `podAffinity` and `podAntiAffinity` means on the one node that there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BetweenPods {
    /// What it means in Kubernetes: of pods that must not share a node one runs, and the others are Pending.
    #[default]
    Required,
    /// A wish that one node cannot fulfil: the pods run.
    Preferred,
}

/// Why a pod is not given to the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// Kubernetes' message, for the condition `PodScheduled` and the event `FailedScheduling`.
    pub message: String,
    /// The cause with names, and what to do, for the pod's wait.
    pub why: String,
}

/// Why the kubelet does not run a pod that has its node's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The pod's `status.reason`: `NodePorts`, `OutOfcpu`.
    pub reason: &'static str,
    /// The event's message; the status has `Pod was rejected: ` before it.
    pub message: String,
}

/// What stands before the kubelet's message in the status of a pod that it does not run.
pub(crate) const REJECTED: &str = "Pod was rejected: ";

/// One filter's answer.
#[derive(Debug)]
struct Misfit {
    /// Kubernetes' words for one node, sorted.
    reasons: Vec<String>,
    /// Whether the scheduler goes on to look for pods that could make room.
    help: Help,
    why: String,
}

/// Whether the end of other pods could help, as the scheduler sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Help {
    /// It could, but nobody is preempted.
    NoVictims,
    /// It could not.
    None,
}

/// Whether the scheduler gives the pod to the node.
///
/// `spec` is the pod's with its init containers, wherever they are written. Whether claims are bound is not asked here:
/// [`unclaimed`] words their objection, which comes before all others.
pub fn fits(pod: &Pod, spec: &PodSpec, place: &Place<'_>) -> Result<(), Objection> {
    let bound: Vec<&Pod> = place.pods.iter().copied().filter(|other| is_bound(other, pod, place)).collect();
    fits_beside(pod, spec, &bound, place)
}

/// The same for a pod that is yet to be made: pods that have no node yet get theirs before it.
pub fn would_fit(pod: &Pod, spec: &PodSpec, place: &Place<'_>) -> Result<(), Objection> {
    let is_coming = |other: &&Pod| {
        is_bound(other, pod, place) || node_name(other).is_none() && !is_same(other, pod) && !read::is_finished(other)
    };
    let coming: Vec<&Pod> = place.pods.iter().copied().filter(is_coming).collect();
    fits_beside(pod, spec, &coming, place)
}

fn fits_beside(pod: &Pod, spec: &PodSpec, bound: &[&Pod], place: &Place<'_>) -> Result<(), Objection> {
    let filters: [&dyn Fn() -> Option<Misfit>; 8] = [
        &|| node::unschedulable(spec, place),
        &|| node::taints(spec, place),
        &|| node::affinity(spec, place),
        &|| neighbours::ports(spec, bound),
        &|| resources::room(spec, bound, place),
        &|| volumes::reach(place),
        &|| spread::domains(pod, spec, bound, place),
        &|| neighbours::affinity(pod, spec, bound, place),
    ];
    match filters.iter().find_map(|filter| filter()) {
        None => Ok(()),
        Some(misfit) => {
            let reasons: Vec<String> = misfit.reasons.iter().map(|reason| format!("1 {reason}")).collect();
            Err(Objection { message: message(&reasons.join(", "), misfit.help), why: misfit.why })
        }
    }
}

/// The objection to a pod whose claims cannot be mounted: `why` is the scheduler's word for it.
pub fn unclaimed(why: &str) -> Objection {
    let why = why.trim_end_matches('.');
    Objection { message: message(why, Help::None), why: format!("0/1 nodes are available: {why}.") }
}

/// Whether the pod was found not to fit what is on the node, so that a change there may help: what
/// [`Objection::message`] of a filter looks like.
pub fn waits_for_room(pod: &Pod) -> bool {
    let scheduled = pod.status.as_ref().and_then(|status| read::condition(status, "PodScheduled"));
    let message = scheduled.filter(|scheduled| scheduled.status == "False").and_then(|s| s.message.as_deref());
    message.is_some_and(|message| message.starts_with("0/1 nodes are available: 1 "))
}

/// What of a pod counts for whether others fit beside it.
pub fn takes_room(pod: &Pod) -> Option<(&str, &std::collections::BTreeMap<String, String>)> {
    static NONE: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    let node = node_name(pod).filter(|_| !read::is_finished(pod))?;
    Some((node, pod.metadata.labels.as_ref().unwrap_or(&NONE)))
}

/// Whether a pod, by what it is, may keep others off its node whatever these ask for.
pub fn shuns(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|spec| !neighbours::required_anti_affinity(spec).is_empty())
}

/// Whether a pod asks for what another one may take: a port of the host, processors, memory, devices. One that asks for
/// nothing of it has no use for what others take.
pub fn takes(pod: &Pod) -> bool {
    let takes = |spec: &PodSpec| neighbours::ports_of(spec).next().is_some() || !resources::requests(spec).is_empty();
    // What init containers in an annotation ask for is not read here: they may ask.
    let has_more = pod.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(api::petset::INIT_CONTAINERS));
    has_more || pod.spec.as_ref().is_some_and(takes)
}

/// Whether it depends on who else is there, whatever they are, if a pod fits: it likes, shuns or spreads.
pub fn asks_who_is_there(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|spec| {
        spec.affinity
            .as_ref()
            .is_some_and(|affinity| affinity.pod_affinity.is_some() || affinity.pod_anti_affinity.is_some())
            || spec.topology_spread_constraints.as_ref().is_some_and(|constraints| !constraints.is_empty())
    })
}

/// Whether the kubelet runs a pod that has its node's name. Only pods that it runs already are in the way.
pub fn admits(pod: &Pod, spec: &PodSpec, place: &Place<'_>) -> Result<(), Rejection> {
    let is_admitted = |other: &&Pod| other.status.as_ref().is_some_and(|status| status.start_time.is_some());
    let bound = place.pods.iter().copied().filter(|other| is_bound(other, pod, place));
    let admitted: Vec<&Pod> = bound.filter(is_admitted).collect();
    if let Some(rejection) = sysctls::forbidden(spec) {
        return Err(rejection);
    }
    if let Some(rejection) = resources::shortage(spec, &admitted, place) {
        return Err(rejection);
    }
    let fails = |name: &'static str, why: &str| {
        Err(Rejection { reason: name, message: format!("Predicate {name} failed: {why}") })
    };
    if node::affinity(spec, place).is_some() {
        return fails("NodeAffinity", node::AFFINITY);
    }
    if neighbours::ports(spec, &admitted).is_some() {
        return fails("NodePorts", neighbours::PORTS);
    }
    if node::is_driven_out(spec, place) {
        return fails("TaintToleration", "node(s) had taints that the pod didn't tolerate");
    }
    Ok(())
}

/// Whether another pod is on this node and has not ended.
fn is_bound(other: &Pod, pod: &Pod, place: &Place<'_>) -> bool {
    let is_here = match (node_name(other), node_of(place)) {
        (Some(theirs), Some(ours)) => theirs == ours,
        (Some(_), None) => true,
        (None, _) => false,
    };
    is_here && !is_same(other, pod) && !read::is_finished(other)
}

fn is_same(other: &Pod, pod: &Pod) -> bool {
    other.metadata.name == pod.metadata.name && other.metadata.namespace == pod.metadata.namespace
}

/// `FitError`: what the one node lacks, and what became of the search for pods to preempt.
fn message(what: &str, help: Help) -> String {
    let search = match help {
        Help::NoVictims => "No preemption victims found for incoming pod",
        Help::None => "Preemption is not helpful for scheduling",
    };
    format!(
        "0/1 nodes are available: {what}. no new claims to deallocate, preemption: 0/1 nodes are available: 1 {search}."
    )
}

fn node_name(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref().filter(|name| !name.is_empty())
}

fn node_of<'a>(place: &Place<'a>) -> Option<&'a str> {
    place.node.and_then(|node| node.metadata.name.as_deref())
}

/// The node in a sentence.
fn the_node(place: &Place<'_>) -> String {
    node_of(place).map_or_else(|| "the node".to_owned(), |name| format!("node {name}"))
}

/// A label of the node.
fn label<'a>(place: &Place<'a>, key: &str) -> Option<&'a String> {
    place.node?.metadata.labels.as_ref()?.get(key)
}

/// A pod in a sentence: `default/web-0`.
fn title(pod: &Pod) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("{}/{}", part(&pod.metadata.namespace), part(&pod.metadata.name))
}
