//! What the node itself says: cordoned, tainted, its labels.

use k8s_openapi::api::core::v1::{
    Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint, Toleration,
};

use super::{Help, Misfit, Place, label, node_of, the_node};

/// The scheduler's and the kubelet's words for labels that do not match.
pub(super) const AFFINITY: &str = "node(s) didn't match Pod's node affinity/selector";

/// The taint that a cordoned node has.
const CORDONED: &str = "node.kubernetes.io/unschedulable";

/// Source: plugin `NodeUnschedulable`.
pub(super) fn unschedulable(spec: &PodSpec, place: &Place<'_>) -> Option<Misfit> {
    place.node?.spec.as_ref().filter(|node| node.unschedulable == Some(true))?;
    let taint = Taint { key: CORDONED.to_owned(), effect: "NoSchedule".to_owned(), value: None, time_added: None };
    let node = the_node(place);
    let name = node_of(place).unwrap_or_default();
    (!is_tolerated(spec, &taint)).then(|| Misfit {
        reasons: vec!["node(s) were unschedulable".to_owned()],
        help: Help::None,
        why: format!("{node} is cordoned and takes no new pods; `petctl uncordon {name}` lets it"),
    })
}

/// Source: plugin `TaintToleration`.
pub(super) fn taints(spec: &PodSpec, place: &Place<'_>) -> Option<Misfit> {
    let taint = untolerated(spec, place, &["NoSchedule", "NoExecute"])?;
    let Taint { key, effect, .. } = taint;
    let value = taint.value.as_deref().filter(|value| !value.is_empty()).map(|v| format!("={v}")).unwrap_or_default();
    Some(Misfit {
        reasons: vec!["node(s) had untolerated taint(s)".to_owned()],
        help: Help::None,
        why: format!("{} has the taint {key}{value}:{effect}, which the pod does not tolerate", the_node(place)),
    })
}

/// Whether a taint of the node drives out pods that do not tolerate it, such as this one.
pub(super) fn is_driven_out(spec: &PodSpec, place: &Place<'_>) -> bool {
    untolerated(spec, place, &["NoExecute"]).is_some()
}

fn untolerated<'a>(spec: &PodSpec, place: &Place<'a>, effects: &[&str]) -> Option<&'a Taint> {
    let mut taints = place.node?.spec.as_ref()?.taints.iter().flatten();
    taints.find(|taint| effects.contains(&taint.effect.as_str()) && !is_tolerated(spec, taint))
}

fn is_tolerated(spec: &PodSpec, taint: &Taint) -> bool {
    spec.tolerations.iter().flatten().any(|toleration| tolerates(toleration, taint))
}

/// Source: `Toleration.ToleratesTaint`. An empty key with `Exists` tolerates everything, an empty effect all effects.
fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let said = |text: &Option<String>| text.clone().unwrap_or_default();
    let (key, effect) = (said(&toleration.key), said(&toleration.effect));
    if (!effect.is_empty() && effect != taint.effect) || (!key.is_empty() && key != taint.key) {
        return false;
    }
    match toleration.operator.as_deref().unwrap_or_default() {
        "" | "Equal" => said(&toleration.value) == said(&taint.value),
        "Exists" => true,
        _ => false,
    }
}

/// `nodeSelector` and the required terms of `nodeAffinity`. Source: plugin `NodeAffinity`.
pub(super) fn affinity(spec: &PodSpec, place: &Place<'_>) -> Option<Misfit> {
    let this = place.node?;
    let misfit = |why: String| Misfit { reasons: vec![AFFINITY.to_owned()], help: Help::None, why };
    let node = the_node(place);
    let lacking = spec.node_selector.iter().flatten().find(|(key, value)| label(place, key) != Some(*value));
    if let Some((key, value)) = lacking {
        let has = match label(place, key) {
            Some(other) => format!("has {key}={other}"),
            None => format!("has no label {key}"),
        };
        return Some(misfit(format!("the pod's nodeSelector asks for {key}={value}, and {node} {has}")));
    }
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let required =
        affinity.and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref())?;
    (!matches(required, this)).then(|| misfit(format!("no term of the pod's required node affinity matches {node}")))
}

/// Whether some term of a selector matches a node.
pub(super) fn matches(selector: &NodeSelector, node: &Node) -> bool {
    selector.node_selector_terms.iter().any(|term| matches_term(term, node))
}

/// A term without requirements matches nothing.
fn matches_term(term: &NodeSelectorTerm, node: &Node) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    let labels = node.metadata.labels.as_ref();
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).map(String::as_str);
    let of_label = |need: &NodeSelectorRequirement| holds(need, label(&need.key));
    // The only field that may be asked about is the name.
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let of_field = |need: &NodeSelectorRequirement| need.key == "metadata.name" && holds(need, Some(name));
    (!expressions.is_empty() || !fields.is_empty()) && expressions.iter().all(of_label) && fields.iter().all(of_field)
}

fn holds(need: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = need.values.as_deref().unwrap_or_default();
    let is_listed = || value.is_some_and(|value| values.iter().any(|listed| listed == value));
    let number = |text: &str| text.parse::<i64>().ok();
    let sides = || Some((number(value?)?, number(values.first()?)?));
    match need.operator.as_str() {
        "In" => is_listed(),
        "NotIn" => !is_listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => sides().is_some_and(|(ours, asked)| ours > asked),
        "Lt" => sides().is_some_and(|(ours, asked)| ours < asked),
        _ => false,
    }
}
