//! What pods request of the node's processors, memory and devices.
//!
//! Requests count here and nowhere else: nothing is set aside for a pod, nor taken from one.

use std::collections::BTreeMap;

use api::kinds::quantity;
use k8s_openapi::{
    api::core::v1::{Pod, PodSpec, ResourceRequirements},
    apimachinery::pkg::api::resource::Quantity,
};

use super::{Help, Misfit, Place, Rejection, neighbours::is_sidecar, the_node};

/// Amounts by resource, in billionths.
type Amounts = BTreeMap<String, i128>;

/// A resource of which there is not enough.
struct Shortage {
    name: String,
    requested: i128,
    used: i128,
    capacity: i128,
}

/// Source: plugin `NodeResourcesFit`. How many pods a node takes is not asked: here the number of addresses decides.
pub(super) fn room(spec: &PodSpec, bound: &[&Pod], place: &Place<'_>) -> Option<Misfit> {
    let shortages = shortages(spec, bound, place);
    let first = shortages.first()?;
    let Shortage { name, requested, used, capacity } = first;
    let [requested, used, capacity] = [requested, used, capacity].map(|amount| show(name, *amount));
    let node = the_node(place);
    Some(Misfit {
        reasons: shortages.iter().map(|shortage| format!("Insufficient {}", shortage.name)).collect(),
        help: if shortages.iter().any(|s| s.requested > s.capacity) { Help::None } else { Help::NoVictims },
        why: format!(
            "the pod requests {requested} of {name}; {node} has {capacity}, of which other pods request {used}"
        ),
    })
}

/// What the kubelet says of the first shortage. Devices that its node does not have are not its business, and this one
/// has none.
pub(super) fn shortage(spec: &PodSpec, admitted: &[&Pod], place: &Place<'_>) -> Option<Rejection> {
    let shortages = shortages(spec, admitted, place);
    let order = [("cpu", "OutOfcpu"), ("memory", "OutOfmemory"), ("ephemeral-storage", "OutOfephemeral-storage")];
    let find = |(name, reason)| Some((shortages.iter().find(|shortage| shortage.name == name)?, reason));
    let (Shortage { name, requested, used, capacity }, reason) = order.into_iter().find_map(find)?;
    let [requested, used, capacity] = [requested, used, capacity].map(|amount| counted(name, *amount));
    let message =
        format!("Node didn't have enough resource: {name}, requested: {requested}, used: {used}, capacity: {capacity}");
    Some(Rejection { reason, message })
}

/// All shortages, by name.
fn shortages(spec: &PodSpec, bound: &[&Pod], place: &Place<'_>) -> Vec<Shortage> {
    let wanted = requests(spec);
    let Some(status) = place.node.and_then(|node| node.status.as_ref()) else { return Vec::new() };
    let offered = status.allocatable.as_ref().or(status.capacity.as_ref());
    // What neither the pod nor the node speaks of need not be summed up.
    let asked = wanted.into_iter().filter(|(name, amount)| {
        *amount > 0 && (is_device(name) || offered.is_some_and(|offered| offered.contains_key(name)))
    });
    let asked: Vec<(String, i128)> = asked.collect();
    if asked.is_empty() {
        return Vec::new();
    }
    let others: Vec<Amounts> = bound.iter().filter_map(|pod| Some(requests(pod.spec.as_ref()?))).collect();
    let short = asked.into_iter().map(|(name, requested)| {
        let used =
            others.iter().filter_map(|amounts| amounts.get(&name)).fold(0, |sum: i128, one| sum.saturating_add(*one));
        let capacity = offered.and_then(|offered| offered.get(&name)).map_or(0, nanos);
        Shortage { name, requested, used, capacity }
    });
    short.filter(|shortage| shortage.requested > shortage.capacity.saturating_sub(shortage.used)).collect()
}

/// What is not divided among all programs by nature: `example.com/gpu`, `hugepages-2Mi`.
fn is_device(name: &str) -> bool {
    name.contains('/') || name.starts_with("hugepages-")
}

/// What a pod requests: of its containers together, or of an init container beside the sidecars before it, if that is
/// more; what the pod requests as a whole counts instead; with its overhead. Source: `PodRequests` in
/// `component-helpers/resource`.
pub(super) fn requests(spec: &PodSpec) -> Amounts {
    let mut running = Amounts::new();
    for container in &spec.containers {
        add(&mut running, &of(container.resources.as_ref()));
    }
    let (mut sidecars, mut start) = (Amounts::new(), Amounts::new());
    for container in spec.init_containers.iter().flatten() {
        let own = of(container.resources.as_ref());
        let mut together = sidecars.clone();
        add(&mut together, &own);
        if is_sidecar(container) {
            add(&mut running, &own);
            sidecars.clone_from(&together);
        }
        raise(&mut start, together);
    }
    raise(&mut running, start);
    running.extend(of(spec.resources.as_ref()));
    let overhead = spec.overhead.iter().flatten().map(|(name, amount)| (name.clone(), nanos(amount)));
    add(&mut running, &overhead.collect());
    running
}

fn of(resources: Option<&ResourceRequirements>) -> Amounts {
    let requests = resources.and_then(|resources| resources.requests.as_ref()).into_iter().flatten();
    requests.map(|(name, amount)| (name.clone(), nanos(amount))).collect()
}

fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let total = sum.entry(name.clone()).or_default();
        *total = total.saturating_add(*amount);
    }
}

fn raise(amounts: &mut Amounts, to: Amounts) {
    for (name, amount) in to {
        let one = amounts.entry(name).or_default();
        *one = amount.max(*one);
    }
}

/// What cannot be read counts as nothing, as a field that is absent.
fn nanos(quantity: &Quantity) -> i128 {
    quantity::parse(quantity.0.trim()).map_or(0, quantity::Quantity::nanos)
}

/// As Kubernetes counts: processors in thousandths, everything else in ones; upwards.
fn counted(name: &str, nanos: i128) -> i128 {
    let unit = if name == "cpu" { 1_000_000 } else { 1_000_000_000 };
    nanos.div_euclid(unit) + i128::from(nanos.rem_euclid(unit) != 0)
}

/// As users write it: `500m`, `2`, `1073741824`.
fn show(name: &str, nanos: i128) -> String {
    let count = counted(name, nanos);
    match name {
        "cpu" if count % 1000 == 0 => (count / 1000).to_string(),
        "cpu" => format!("{count}m"),
        "memory" if count != 0 && count % (1 << 20) == 0 => format!("{}Mi", count >> 20),
        _ => count.to_string(),
    }
}
