//! How evenly pods are spread. One node is one domain of each topology: what is in it is as even as can be, unless more
//! domains are asked for, or the node is in none.

use k8s_openapi::api::core::v1::{Pod, PodSpec, TopologySpreadConstraint};

use super::{Help, Misfit, Place, label, neighbours::selects, the_node};

const SPREAD: &str = "node(s) didn't match pod topology spread constraints";

/// Source: plugin `PodTopologySpread`.
pub(super) fn domains(pod: &Pod, spec: &PodSpec, bound: &[&Pod], place: &Place<'_>) -> Option<Misfit> {
    place.node?;
    let constraints = spec.topology_spread_constraints.iter().flatten();
    constraints.filter(|constraint| constraint.when_unsatisfiable == "DoNotSchedule").find_map(|constraint| {
        let key = &constraint.topology_key;
        if label(place, key).is_none() {
            return Some(Misfit {
                reasons: vec![format!("{SPREAD} (missing required label)")],
                help: Help::None,
                why: format!("{} has no label {key}, which topologySpreadConstraints name", the_node(place)),
            });
        }
        let skew = skew(constraint, pod, bound);
        (skew > i64::from(constraint.max_skew)).then(|| Misfit {
            reasons: vec![SPREAD.to_owned()],
            help: Help::NoVictims,
            why: format!(
                "a topologySpreadConstraint asks for {} values of {key} and a skew of at most {}; there is one node only, \
                 and the skew would be {skew}",
                constraint.min_domains.unwrap_or(1),
                constraint.max_skew
            ),
        })
    })
}

/// How many more pods the node's domain would have than the emptiest.
fn skew(constraint: &TopologySpreadConstraint, pod: &Pod, bound: &[&Pod]) -> i64 {
    let keys = constraint.match_label_keys.as_deref().unwrap_or_default();
    let counts = |other: &Pod| selects(constraint.label_selector.as_ref(), (keys, &[]), pod, other);
    let is_there = |other: &&&Pod| {
        other.metadata.namespace == pod.metadata.namespace && other.metadata.deletion_timestamp.is_none()
    };
    let present = bound.iter().filter(is_there).filter(|other| counts(other)).count();
    let present = i64::try_from(present).unwrap_or(i64::MAX);
    // Where there are fewer domains than asked for, the emptiest counts as one without pods.
    let emptiest = if constraint.min_domains.unwrap_or(1) > 1 { 0 } else { present };
    present.saturating_add(i64::from(counts(pod))).saturating_sub(emptiest)
}
