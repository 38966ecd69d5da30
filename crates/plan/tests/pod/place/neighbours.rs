//! Rules between pods: affinity, anti-affinity and spread.

use k8s_openapi::api::core::v1::Namespace;
use plan::schedule::BetweenPods;
use serde_json::{Value, json};

use super::{in_the_way, merge, neighbour, says, verdict, world};

const AFFINITY: &str = "node(s) didn't match pod affinity rules";
const ANTI_AFFINITY: &str = "node(s) didn't match pod anti-affinity rules";
const EXISTING: &str = "node(s) didn't satisfy existing pods anti-affinity rules";
const SPREAD: &str = "node(s) didn't match pod topology spread constraints";

/// A required term of affinity or anti-affinity about pods with the label `app`.
pub(super) fn term(app: &str, more: Value) -> Value {
    let mut term = json!({"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "kubernetes.io/hostname"});
    merge(&mut term, more);
    term
}

#[allow(clippy::needless_pass_by_value, reason = "reads better where it is called")]
pub(super) fn affinity(kind: &str, term: Value) -> Value {
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

#[test]
fn pods_that_must_not_share_a_node_wait_for_each_other() {
    let shuns = |term: Value| affinity("podAntiAffinity", term);
    let table = [
        (json!({}), shuns(term("nginx", json!({}))), in_the_way(ANTI_AFFINITY)),
        (json!({}), shuns(term("other", json!({}))), "runs".to_owned()),
        (json!({}), shuns(term("nginx", json!({"topologyKey": "zone"}))), "runs".to_owned()),
        (json!({}), shuns(term("nginx", json!({"namespaces": ["other"]}))), "runs".to_owned()),
        (json!({}), shuns(term("nginx", json!({"namespaces": ["default"]}))), in_the_way(ANTI_AFFINITY)),
        (json!({}), shuns(term("nginx", json!({"namespaceSelector": {}}))), in_the_way(ANTI_AFFINITY)),
        (
            json!({}),
            shuns(term("nginx", json!({"namespaceSelector": {"matchLabels": {"team": "a"}}}))),
            in_the_way(ANTI_AFFINITY),
        ),
        (
            json!({}),
            shuns(term("nginx", json!({"namespaceSelector": {"matchLabels": {"team": "b"}}}))),
            "runs".to_owned(),
        ),
        (json!({}), shuns(json!({"topologyKey": "kubernetes.io/hostname"})), "runs".to_owned()),
        (
            json!({"metadata": {"labels": {"v": "1"}}}),
            shuns(term("nginx", json!({"mismatchLabelKeys": ["app"]}))),
            "runs".to_owned(),
        ),
        (json!({"spec": shuns(term("nginx", json!({})))}), json!({}), in_the_way(EXISTING)),
        (json!({"spec": shuns(term("other", json!({})))}), json!({}), "runs".to_owned()),
        (
            json!({"spec": shuns(term("nginx", json!({})))  , "status": {"phase": "Succeeded"}}),
            json!({}),
            "runs".to_owned(),
        ),
    ];
    for (other, spec, expected) in table {
        let mut world = world(json!({}), vec![neighbour("web-1", other.clone())], spec.clone());
        world.namespaces = vec![namespace()];
        assert_eq!(verdict(world.clone()), expected, "{other} {spec}");
        world.between_pods = BetweenPods::Preferred;
        assert_eq!(verdict(world), "runs", "{other} {spec}");
    }
}

fn namespace() -> Namespace {
    serde_json::from_value(json!({"metadata": {"name": "default", "labels": {"team": "a"}}})).unwrap()
}

#[test]
fn a_pod_waits_for_those_that_it_must_be_with_but_for_its_own_kind() {
    let likes = |term: Value| affinity("podAffinity", term);
    let table = [
        (json!({}), likes(term("nginx", json!({}))), "runs".to_owned()),
        (json!({"metadata": {"labels": {"app": "db"}}}), likes(term("db", json!({}))), "runs".to_owned()),
        (json!({}), likes(term("db", json!({}))), says(AFFINITY)),
        (
            json!({"metadata": {"labels": {"app": "db"}}, "spec": {"nodeName": null}}),
            likes(term("db", json!({}))),
            says(AFFINITY),
        ),
        // The first of its kind.
        (json!({"metadata": {"labels": {"app": "db"}}}), likes(term("nginx", json!({}))), "runs".to_owned()),
        (json!({}), likes(term("nginx", json!({"topologyKey": "zone"}))), says(AFFINITY)),
    ];
    for (other, spec, expected) in table {
        let world = world(json!({}), vec![neighbour("web-1", other.clone())], spec.clone());
        assert_eq!(verdict(world), expected, "{other} {spec}");
    }
}

#[test]
fn one_node_spreads_pods_as_evenly_as_can_be() {
    let spread = |more: Value| {
        let mut constraint = json!({"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "nginx"}}});
        merge(&mut constraint, more);
        json!({"topologySpreadConstraints": [constraint]})
    };
    let table = [
        (spread(json!({})), "runs".to_owned()),
        (spread(json!({"topologyKey": "zone"})), format!("1 {SPREAD} (missing required label)")),
        (spread(json!({"topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"})), "runs".to_owned()),
        (spread(json!({"minDomains": 2})), in_the_way(SPREAD)),
        (spread(json!({"minDomains": 2, "maxSkew": 2})), "runs".to_owned()),
    ];
    for (spec, expected) in table {
        let world = world(json!({}), vec![neighbour("web-1", json!({}))], spec.clone());
        assert_eq!(verdict(world), expected, "{spec}");
    }
}
