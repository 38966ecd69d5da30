//! `policy/v1 Eviction`: a deletion of a pod that budgets may refuse.
//!
//! Pure: what an eviction asks for, which budgets are about a pod, and what a budget says. Follows Kubernetes'
//! `pkg/registry/core/pod/storage/eviction.go`.

use jiff::Timestamp;
use k8s_openapi::api::policy::v1::{Eviction, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, Time};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::body::type_name;
use crate::kinds::budget::settle_condition;
use crate::kinds::{fields, typed};
use crate::limits::DISRUPTED_PODS_MAX;
use crate::resource::BUDGETS;
use crate::selector::Labels;
use crate::status::{Status, quoted};

/// When to ask again where the controller has not caught up, in seconds.
const RETRY_SECONDS: u32 = 10;
const REFUSED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

/// The eviction as it is sent.
pub type Wire = Eviction;

/// Reads an eviction, with the paths of fields that it does not have.
///
/// Errors: 400 `BadRequest` for another kind, or a field of the wrong type.
pub fn normalise(object: Value) -> Result<(Wire, Vec<String>), Status> {
    let refuse = |why: &str| Status::undecodable("Eviction", "v1", "Eviction", why);
    let Some(given) = object.as_object() else {
        let found = type_name(&object);
        return Err(refuse(&format!("json: cannot unmarshal {found} into Go value of type v1.Eviction")));
    };
    let text = |field: &str, missing: &str| match given.get(field).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => missing.to_owned(),
    };
    let (kind, version) = (text("kind", "Eviction"), text("apiVersion", "policy/v1"));
    if kind != "Eviction" {
        let version = version.rsplit('/').next().unwrap_or_default();
        let why = format!("converting ({version}.{kind}) to (policy.Eviction): unknown conversion");
        return Err(Status::undecodable(&kind, version, "Eviction", &why));
    }
    if !matches!(version.as_str(), "policy/v1" | "policy/v1beta1") {
        return Err(Status::bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version (policy/v1)"
        )));
    }
    let mut object = object;
    fields::set(&mut object, "kind", "Eviction");
    fields::set(&mut object, "apiVersion", "policy/v1");
    typed::read::<Wire>(object).map_err(|why| refuse(&why))
}

/// Whether a pod may go whatever its budgets say: it has ended, has not begun, or goes already.
pub fn is_free(pod: &Value) -> bool {
    let phase = pod["status"]["phase"].as_str().unwrap_or_default();
    matches!(phase, "Succeeded" | "Failed" | "Pending") || !pod["metadata"]["deletionTimestamp"].is_null()
}

/// The pod with the condition that tells why it goes.
pub fn disrupted(pod: &Value, now: Timestamp) -> Value {
    let mut pod = pod.clone();
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now).to_string();
    let condition = json!({
        "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting", "lastTransitionTime": now,
    });
    let status = fields::object(&mut pod, "status");
    fields::fill(status, "conditions", json!([]));
    if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut)
        && !conditions.iter().any(|condition| condition["type"] == "DisruptionTarget")
    {
        conditions.push(condition);
    }
    pod
}

/// Whether a budget is about a pod of its namespace. One without a selector is about none, one with an empty selector
/// about all.
pub fn covers(budget: &Value, pod: &Value) -> bool {
    let selector = LabelSelector::deserialize(&budget["spec"]["selector"]).ok();
    selector.is_some_and(|selector| Labels::from_selector(&selector).matches_object(pod))
}

/// Whether a pod that is not ready may go without being counted.
pub fn is_uncounted(budget: &Value, pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let is_ready = conditions.into_iter().any(|c| c["type"] == "Ready" && c["status"] == "True");
    let (healthy, desired) = (count(budget, "currentHealthy"), count(budget, "desiredHealthy"));
    let is_healthy = healthy >= desired && desired > 0;
    !is_ready && (budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow" || is_healthy)
}

/// The budget with one disruption less, that of the pod `name`.
///
/// Errors: 429 where it allows none, or where its controller has not seen it yet; 403 where its status makes no sense.
pub fn spent(budget: &Value, name: &str, now: Timestamp) -> Result<Value, Status> {
    let budget_name = budget["metadata"]["name"].as_str().unwrap_or_default();
    if count(budget, "observedGeneration") < budget["metadata"]["generation"].as_i64().unwrap_or(0) {
        return Err(unsettled(budget_name));
    }
    let allowed = count(budget, "disruptionsAllowed");
    let forbidden = |why: &str| {
        let mut status = Status::forbidden(&BUDGETS, budget_name, why);
        // Kubernetes says the singular here.
        status.message = format!("poddisruptionbudget.policy {} is forbidden: {why}", quoted(budget_name));
        status.details["kind"] = "poddisruptionbudget".into();
        status
    };
    if allowed < 0 {
        return Err(forbidden("pdb disruptions allowed is negative"));
    }
    let disrupted = budget["status"]["disruptedPods"].as_object().map_or(0, serde_json::Map::len);
    if disrupted > DISRUPTED_PODS_MAX {
        return Err(forbidden("DisruptedPods map too big - too many evictions not confirmed by PDB controller"));
    }
    if allowed == 0 {
        let why = format!(
            "The disruption budget {budget_name} needs {} healthy pods and has {} currently",
            count(budget, "desiredHealthy"),
            count(budget, "currentHealthy")
        );
        return Err(refused(&why, 0));
    }
    let mut budget = budget.clone();
    let mut status = PodDisruptionBudgetStatus::deserialize(&budget["status"]).unwrap_or_default();
    status.disruptions_allowed = i32::try_from(allowed - 1).ok();
    let moment = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
    status.disrupted_pods.get_or_insert_default().insert(name.to_owned(), moment);
    if allowed == 1 {
        settle_condition(&mut status, now);
    }
    fields::set(&mut budget, "status", serde_json::to_value(status).unwrap_or_default());
    Ok(budget)
}

/// 429: the budget has not been looked at since it changed, or the pod has changed since it was looked at.
pub fn unsettled(budget: &str) -> Status {
    refused(&format!("The disruption budget {budget} is still being processed by the server."), RETRY_SECONDS)
}

/// 500: several budgets are about one pod.
pub fn several_budgets() -> Status {
    Status {
        code: 500,
        reason: "",
        message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            .to_owned(),
        details: Value::Null,
    }
}

fn refused(why: &str, seconds: u32) -> Status {
    let mut status = Status::too_many_requests(REFUSED, seconds);
    status.details["causes"] = json!([{"reason": "DisruptionBudget", "message": why}]);
    if seconds == 0 {
        fields::remove(&mut status.details, "retryAfterSeconds");
    }
    status
}

fn count(budget: &Value, field: &str) -> i64 {
    budget["status"][field].as_i64().unwrap_or(0)
}
