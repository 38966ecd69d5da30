//! How many of a budget's pods may go.

use jiff::Timestamp;
use k8s_openapi::api::{core::v1::Pod, policy::v1::PodDisruptionBudget};
use plan::{
    Write,
    budget::{Covered, Input, Keeper, Plan, plan},
};
use serde_json::{Value, json};

use crate::world::object;

const NOW: &str = "2016-07-01T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn budget(spec: &Value, status: &Value) -> PodDisruptionBudget {
    object(json!({
        "metadata": {"name": "zk", "namespace": "default", "uid": "b", "generation": 3, "resourceVersion": "9"},
        "spec": spec,
        "status": status,
    }))
}

fn pod(name: &str, is_ready: bool) -> Pod {
    let ready = if is_ready { "True" } else { "False" };
    object(json!({
        "metadata": {"name": name, "namespace": "default", "uid": name},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
    }))
}

/// Five pods, of which the first `ready` are ready.
fn pods(ready: usize) -> Vec<Pod> {
    (0..5).map(|ordinal| pod(&format!("zk-{ordinal}"), ordinal < ready)).collect()
}

fn set(replicas: i32) -> Keeper {
    Keeper::Set { uid: "zk".to_owned(), replicas }
}

fn planned(budget: &PodDisruptionBudget, pods: &[Pod], keeper: &Keeper) -> Plan {
    let covered: Vec<_> = pods.iter().map(|pod| Covered { pod, keeper: keeper.clone() }).collect();
    plan(&Input { budget, pods: &covered, now: now() })
}

/// The status that a plan writes.
fn status(plan: &Plan) -> Value {
    match &plan.writes[..] {
        [Write::BudgetStatus { namespace, name, rv, status }] => {
            assert_eq!((namespace.as_str(), name.as_str(), rv.as_str()), ("default", "zk", "9"));
            serde_json::to_value(status).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn condition(status: &str, reason: &str, message: &str, since: &str, generation: i64) -> Value {
    json!([{
        "type": "DisruptionAllowed", "status": status, "reason": reason, "message": message,
        "observedGeneration": generation, "lastTransitionTime": since,
    }])
}

#[test]
fn what_is_well_beyond_what_is_needed_may_go() {
    for (spec, replicas, ready, expected, desired, allowed) in [
        (json!({"minAvailable": 3}), 7, 5, 5, 3, 2),
        (json!({"minAvailable": 3}), 7, 3, 5, 3, 0),
        (json!({"minAvailable": 3}), 7, 2, 5, 3, 0),
        (json!({"minAvailable": "50%"}), 5, 5, 5, 3, 2),
        (json!({"minAvailable": "100%"}), 5, 5, 5, 5, 0),
        (json!({"maxUnavailable": 1}), 5, 5, 5, 4, 1),
        (json!({"maxUnavailable": 1}), 5, 4, 5, 4, 0),
        // A set that is being scaled out counts with what it is to have.
        (json!({"maxUnavailable": 1}), 7, 5, 7, 6, 0),
        (json!({"maxUnavailable": "30%"}), 5, 5, 5, 3, 2),
        (json!({"maxUnavailable": "30%"}), 4, 4, 4, 2, 2),
        (json!({"maxUnavailable": 9}), 5, 5, 5, 0, 5),
        (json!({}), 5, 5, 0, 0, 0),
    ] {
        let status = status(&planned(&budget(&spec, &json!({})), &pods(ready), &set(replicas)));
        let counts = ["expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed"]
            .map(|field| status[field].clone());
        assert_eq!(
            counts,
            [json!(expected), json!(ready), json!(desired), json!(allowed)],
            "{spec} {replicas} {ready}"
        );
        let (truth, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
        assert_eq!(status["conditions"], condition(truth, reason, "", NOW, 3), "{spec}");
        assert_eq!(status["observedGeneration"], 3);
    }
}

#[test]
fn the_sets_of_all_covered_pods_count_each_once() {
    let (a, b) = (pods(5), pod("web-0", true));
    let mut covered: Vec<_> = a.iter().map(|pod| Covered { pod, keeper: set(5) }).collect();
    covered.push(Covered { pod: &b, keeper: Keeper::Set { uid: "web".to_owned(), replicas: 3 } });
    let budget = budget(&json!({"maxUnavailable": "25%"}), &json!({}));
    let status = status(&plan(&Input { budget: &budget, pods: &covered, now: now() }));
    assert_eq!((&status["expectedPods"], &status["desiredHealthy"]), (&json!(8), &json!(6)));
}

#[test]
fn a_budget_without_pods_allows_nothing_and_says_so() {
    let plan = planned(&budget(&json!({"maxUnavailable": 1}), &json!({})), &[], &Keeper::Nobody);
    assert_eq!(status(&plan)["disruptionsAllowed"], 0);
    let notes: Vec<_> = plan.notes.iter().map(|note| (note.reason, note.message.as_str())).collect();
    assert_eq!(notes, [("NoPods", "No matching pods found")]);
}

#[test]
fn pods_that_nobody_keeps_do_not_count_as_expected() {
    let plan = planned(&budget(&json!({"maxUnavailable": 1}), &json!({})), &pods(5), &Keeper::Nobody);
    let status = status(&plan);
    assert_eq!((&status["expectedPods"], &status["disruptionsAllowed"]), (&json!(0), &json!(0)));
    assert_eq!(plan.notes[0].reason, "UnmanagedPods");
    assert!(plan.notes[0].message.contains("zk-0, zk-1, zk-2, zk-3, zk-4"), "{}", plan.notes[0].message);
}

#[test]
fn a_controller_that_is_not_there_stops_all_disruptions() {
    let before = json!({"disruptionsAllowed": 2, "currentHealthy": 5, "desiredHealthy": 3, "expectedPods": 5, "observedGeneration": 2});
    let plan = planned(&budget(&json!({"maxUnavailable": 1}), &before), &pods(5), &Keeper::Unknown);
    let mut expected = before;
    expected["disruptionsAllowed"] = 0.into();
    expected["conditions"] = condition("False", "SyncFailed", "found no controllers for pod \"zk-0\"", NOW, 2);
    assert_eq!(status(&plan), expected);
    assert_eq!(plan.notes[0].reason, "CalculateExpectedPodCountFailed");
}

#[test]
fn what_has_not_changed_is_not_written() {
    let spec = json!({"maxUnavailable": 1});
    let first = status(&planned(&budget(&spec, &json!({})), &pods(5), &set(5)));
    assert_eq!(planned(&budget(&spec, &first), &pods(5), &set(5)), Plan::default());
    // Nor does the condition turn where its answer stays.
    let mut older = first;
    older["conditions"][0]["lastTransitionTime"] = "2016-01-01T00:00:00Z".into();
    let later = status(&planned(&budget(&json!({"maxUnavailable": 2}), &older), &pods(5), &set(5)));
    assert_eq!(later["conditions"], condition("True", "SufficientPods", "", "2016-01-01T00:00:00Z", 3));
}

#[test]
fn a_pod_whose_eviction_was_granted_does_not_count_until_it_is_deleted() {
    let granted = |at: &str| json!({"disruptedPods": {"zk-0": at, "gone": at}});
    let spec = json!({"minAvailable": 3});
    let plan = planned(&budget(&spec, &granted("2016-07-01T11:59:00Z")), &pods(5), &set(5));
    let status_now = status(&plan);
    assert_eq!(
        (&status_now["currentHealthy"], &status_now["disruptedPods"]),
        (&json!(4), &json!({"zk-0": "2016-07-01T11:59:00Z"}))
    );
    assert_eq!(plan.look_again, Some("2016-07-01T12:01:00Z".parse().unwrap()));

    let mut going = pods(5);
    going[0].metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now()));
    let after = status(&planned(&budget(&spec, &granted("2016-07-01T11:59:00Z")), &going, &set(5)));
    assert_eq!((&after["currentHealthy"], after.get("disruptedPods")), (&json!(4), None));
}

#[test]
fn a_pod_that_was_not_deleted_in_two_minutes_counts_again() {
    let granted = json!({"disruptedPods": {"zk-0": "2016-07-01T11:58:00Z"}});
    let plan = planned(&budget(&json!({"minAvailable": 3}), &granted), &pods(5), &set(5));
    let status = status(&plan);
    assert_eq!((&status["currentHealthy"], status.get("disruptedPods")), (&json!(5), None));
    assert_eq!(plan.look_again, None);
    let note = &plan.notes[0];
    assert_eq!(
        (note.subject.name.as_str(), note.reason, note.message.as_str()),
        ("zk-0", "NotDeleted", "Pod was expected by PDB default/zk to be deleted but it wasn't")
    );
}

#[test]
fn a_grant_from_before_the_clock_was_set_back_counts_for_two_minutes_from_now() {
    let granted = json!({"disruptedPods": {"zk-0": "2016-07-01T15:00:00Z"}});
    let plan = planned(&budget(&json!({"minAvailable": 3}), &granted), &pods(5), &set(5));
    assert_eq!(status(&plan)["disruptedPods"], json!({"zk-0": NOW}));
    assert_eq!(plan.look_again, Some("2016-07-01T12:02:00Z".parse().unwrap()));
}
