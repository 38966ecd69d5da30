//! What budgets know about their objects, and what they say of an eviction, as in Kubernetes 1.36.

#![allow(clippy::unwrap_used, reason = "the functions that tests share are tests too")]

use api::admission::{self, Stamp, Update};
use api::body::{self, Media};
use api::kinds::eviction;
use api::resource::BUDGETS;
use api::status::Status;
use jiff::Timestamp;
use petset_api as api;
use serde_json::{Value, json};
use uuid::Uuid;

const STAMP: Stamp = Stamp { now: Timestamp::UNIX_EPOCH, uid: Uuid::nil() };

fn create(spec: &str) -> Result<Value, Status> {
    let manifest = format!("metadata: {{name: zk}}\nspec: {spec}\n");
    let (value, _) = body::read(manifest.as_bytes(), Media::Yaml, "PodDisruptionBudget").unwrap();
    let (object, _) = BUDGETS.rules.normalise(value).unwrap();
    admission::create(&BUDGETS, "default", object, &STAMP)
}

#[test]
fn a_budget_is_stored_as_kubernetes_stores_it() {
    assert_eq!(
        create("{minAvailable: 2, selector: {matchLabels: {app: zk}}}").unwrap(),
        json!({
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {
                "name": "zk", "namespace": "default", "uid": Uuid::nil().to_string(),
                "creationTimestamp": "1970-01-01T00:00:00Z", "generation": 1,
            },
            "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "zk"}}},
            "status": {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0},
        })
    );
}

#[test]
fn a_budget_is_validated_as_in_1_36() {
    let percent = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', \
                   regex used for validation is '[0-9]+%')";
    for (spec, why) in [
        (
            "{minAvailable: 1, maxUnavailable: 10%, selector: {matchLabels: {app: zk}}}",
            "spec: Invalid value: {\"MinAvailable\":1,\"Selector\":{\"matchLabels\":{\"app\":\"zk\"}},\"MaxUnavailable\":\"10%\",\
             \"UnhealthyPodEvictionPolicy\":null}: minAvailable and maxUnavailable cannot be both set"
                .to_owned(),
        ),
        ("{minAvailable: -1}", "spec.minAvailable: Invalid value: -1: must be greater than or equal to 0".to_owned()),
        ("{maxUnavailable: 200%}", "spec.maxUnavailable: Invalid value: \"200%\": must not be greater than 100%".to_owned()),
        ("{maxUnavailable: half}", format!("spec.maxUnavailable: Invalid value: \"half\": {percent}")),
        (
            "{unhealthyPodEvictionPolicy: Never}",
            "spec.unhealthyPodEvictionPolicy: Unsupported value: \"Never\": supported values: \"AlwaysAllow\", \"IfHealthyBudget\""
                .to_owned(),
        ),
        (
            "{selector: {matchExpressions: [{key: a, operator: Like}]}}",
            "spec.selector.matchExpressions[0].operator: Invalid value: \"Like\": not a valid selector operator".to_owned(),
        ),
    ] {
        let status = create(spec).unwrap_err();
        assert_eq!(status.message, format!("PodDisruptionBudget.policy \"zk\" is invalid: {why}"), "{spec}");
    }
    for spec in [
        "{}",
        "{minAvailable: 0}",
        "{maxUnavailable: 0%}",
        "{minAvailable: 100%, unhealthyPodEvictionPolicy: AlwaysAllow}",
    ] {
        assert!(create(spec).is_ok(), "{spec}");
    }
}

#[test]
fn an_update_of_a_budget_says_which_version_it_is_for() {
    let mut old = create("{minAvailable: 2}").unwrap();
    old["metadata"]["resourceVersion"] = "7".into();
    let mut new = old.clone();
    new["spec"]["minAvailable"] = 3.into();
    let Ok(Update::Write(updated)) = admission::update(&BUDGETS, new.clone(), &old) else { panic!("it is written") };
    assert_eq!((&updated["spec"]["minAvailable"], &updated["metadata"]["generation"]), (&json!(3), &json!(2)));
    new["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    let status = admission::update(&BUDGETS, new, &old).unwrap_err();
    assert_eq!(
        (status.code, status.message.as_str()),
        (
            422,
            "poddisruptionbudgets.policy \"zk\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an \
             update"
        )
    );
}

#[test]
fn the_status_of_a_budget_must_make_sense() {
    let old = create("{}").unwrap();
    let mut new = old.clone();
    new["status"]["disruptionsAllowed"] = (-1).into();
    new["status"]["conditions"] =
        json!([{"type": "", "status": "Maybe", "reason": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    let (new, _) = BUDGETS.rules.normalise(new).unwrap();
    let message = admission::update_status(&BUDGETS, new, &old).unwrap_err().message;
    for part in [
        "status.conditions[0].type: Required value: must be set",
        "status.conditions[0].status: Unsupported value: \"Maybe\": supported values: \"False\", \"True\", \"Unknown\"",
        "status.conditions[0].reason: Required value: must be set",
        "status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

fn budget(spec: &Value, status: &Value) -> Value {
    json!({"metadata": {"name": "zk", "generation": 2}, "spec": spec, "status": status})
}

#[test]
fn a_budget_is_about_the_pods_that_it_selects() {
    let pod = json!({"metadata": {"labels": {"app": "zk"}}});
    for (selector, expected) in [
        (json!({"matchLabels": {"app": "zk"}}), true),
        (json!({"matchLabels": {"app": "web"}}), false),
        (json!({}), true),
        (Value::Null, false),
    ] {
        assert_eq!(eviction::covers(&budget(&json!({"selector": selector}), &json!({})), &pod), expected, "{selector}");
    }
}

#[test]
fn a_pod_that_is_not_ready_may_go_where_enough_others_are_well() {
    let pod = |ready: &str| json!({"status": {"conditions": [{"type": "Ready", "status": ready}]}});
    let status = |healthy, desired| json!({"currentHealthy": healthy, "desiredHealthy": desired});
    let always = json!({"unhealthyPodEvictionPolicy": "AlwaysAllow"});
    for (spec, status, ready, expected) in [
        (json!({}), status(3, 2), "False", true),
        (json!({}), status(2, 2), "False", true),
        (json!({}), status(1, 2), "False", false),
        (json!({}), status(0, 0), "False", false),
        (json!({}), status(3, 2), "True", false),
        (always.clone(), status(0, 2), "False", true),
        (always, status(0, 2), "True", false),
    ] {
        assert_eq!(eviction::is_uncounted(&budget(&spec, &status), &pod(ready)), expected, "{spec} {status} {ready}");
    }
}

#[test]
fn each_eviction_takes_one_disruption_until_none_is_left() {
    let status = json!({"observedGeneration": 2, "disruptionsAllowed": 2, "currentHealthy": 5, "desiredHealthy": 3, "expectedPods": 5});
    let once = eviction::spent(&budget(&json!({}), &status), "zk-0", Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(
        once["status"],
        json!({
            "observedGeneration": 2, "disruptionsAllowed": 1, "currentHealthy": 5, "desiredHealthy": 3, "expectedPods": 5,
            "disruptedPods": {"zk-0": "1970-01-01T00:00:00Z"},
        })
    );
    let twice = eviction::spent(&once, "zk-1", Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(
        (&twice["status"]["disruptionsAllowed"], &twice["status"]["conditions"]),
        (
            &json!(0),
            &json!([{
                "type": "DisruptionAllowed", "status": "False", "reason": "InsufficientPods", "message": "",
                "observedGeneration": 2, "lastTransitionTime": "1970-01-01T00:00:00Z",
            }])
        )
    );
    let refused = eviction::spent(&twice, "zk-2", Timestamp::UNIX_EPOCH).unwrap_err();
    assert_eq!(
        refused.to_json(),
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "Cannot evict pod as it would violate the pod's disruption budget.",
            "reason": "TooManyRequests",
            "details": {"causes": [{
                "reason": "DisruptionBudget",
                "message": "The disruption budget zk needs 3 healthy pods and has 5 currently",
            }]},
            "code": 429,
        })
    );
}

#[test]
fn a_budget_that_nobody_has_looked_at_since_it_changed_allows_nothing() {
    let status = json!({"observedGeneration": 1, "disruptionsAllowed": 2});
    let refused = eviction::spent(&budget(&json!({}), &status), "zk-0", Timestamp::UNIX_EPOCH).unwrap_err();
    assert_eq!(
        (refused.code, refused.details),
        (
            429,
            json!({"retryAfterSeconds": 10, "causes": [{
                "reason": "DisruptionBudget",
                "message": "The disruption budget zk is still being processed by the server.",
            }]})
        )
    );
    let status = json!({"observedGeneration": 2, "disruptionsAllowed": -1});
    let refused = eviction::spent(&budget(&json!({}), &status), "zk-0", Timestamp::UNIX_EPOCH).unwrap_err();
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (403, "poddisruptionbudget.policy \"zk\" is forbidden: pdb disruptions allowed is negative")
    );
}
