//! `policy/v1 PodDisruptionBudget`: how many of some pods must stay, whoever wants to evict them.
//!
//! Follows Kubernetes' `pkg/apis/policy/validation` and `pkg/registry/policy/poddisruptionbudget`.

use jiff::Timestamp;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kinds::{count_generation, fields, keep_status, labels, normalise, portion};
use crate::resource::{self, BUDGETS};
use crate::status::{Cause, Status};

/// What `PodDisruptionBudget` knows about its objects.
pub struct Rules;

/// The condition that says whether a budget allows a disruption.
pub const DISRUPTION_ALLOWED: &str = "DisruptionAllowed";

/// Numbers of the status, which are written although they are zero.
const COUNTS: [&str; 4] = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"];

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        let (mut object, unknown) = normalise::<PodDisruptionBudget>(&BUDGETS, object)?;
        if let Some(status) = object.get_mut("status") {
            for count in COUNTS {
                fields::fill(status, count, 0);
            }
        }
        Ok((object, unknown))
    }

    fn default(&self, object: &mut Value) {
        fields::object(object, "spec");
    }

    fn prepare_create(&self, object: &mut Value) {
        fields::set(object, "status", json!({}));
        let status = fields::object(object, "status");
        for count in COUNTS {
            fields::fill(status, count, 0);
        }
        fields::set(fields::object(object, "metadata"), "generation", 1);
    }

    fn prepare_update(&self, object: &mut Value, old: &Value) {
        keep_status(object, old);
        count_generation(object, old);
    }

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        match PodDisruptionBudgetSpec::deserialize(&object["spec"]) {
            Ok(spec) => validate_spec(&spec),
            Err(error) => vec![Cause::type_invalid("spec", Value::Null, &error.to_string())],
        }
    }

    fn validate_update(&self, object: &Value, _old: &Value) -> Vec<Cause> {
        self.validate_create(object)
    }

    fn validate_status(&self, object: &Value, _old: &Value) -> Vec<Cause> {
        validate_status(&object["status"])
    }

    fn is_updated_blindly(&self) -> bool {
        false
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        Vec::new()
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}

/// Says in a budget's conditions whether its `disruptions_allowed` allow one (`pdbhelper.UpdateDisruptionAllowedCondition`).
pub fn settle_condition(status: &mut PodDisruptionBudgetStatus, now: Timestamp) {
    if status.disruptions_allowed.unwrap_or(0) > 0 {
        set_condition(status, "True", "SufficientPods", "", now);
    } else {
        set_condition(status, "False", "InsufficientPods", "", now);
    }
}

/// Says in a budget's conditions that nothing is allowed, because it cannot be told how much is.
pub fn fail_condition(status: &mut PodDisruptionBudgetStatus, why: &str, now: Timestamp) {
    set_condition(status, "False", "SyncFailed", why, now);
}

fn set_condition(status: &mut PodDisruptionBudgetStatus, truth: &str, reason: &str, message: &str, now: Timestamp) {
    let mut new = Condition {
        type_: DISRUPTION_ALLOWED.to_owned(),
        status: truth.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        observed_generation: status.observed_generation,
        last_transition_time: Time(Timestamp::from_second(now.as_second()).unwrap_or(now)),
    };
    let conditions = status.conditions.get_or_insert_default();
    match conditions.iter_mut().find(|condition| condition.type_ == DISRUPTION_ALLOWED) {
        Some(old) => {
            if old.status == new.status {
                new.last_transition_time = old.last_transition_time.clone();
            }
            *old = new;
        }
        None => conditions.push(new),
    }
}

fn validate_spec(spec: &PodDisruptionBudgetSpec) -> Vec<Cause> {
    let mut wrong = Vec::new();
    if spec.min_available.is_some() && spec.max_unavailable.is_some() {
        wrong.push(Cause {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {}: minAvailable and maxUnavailable cannot be both set", shown(spec)),
            field: "spec".to_owned(),
        });
    }
    for (field, value) in [("spec.minAvailable", &spec.min_available), ("spec.maxUnavailable", &spec.max_unavailable)] {
        if let Some(value) = value {
            portion::validate(value, field, &mut wrong);
        }
    }
    if let Some(policy) = spec.unhealthy_pod_eviction_policy.as_deref()
        && !matches!(policy, "AlwaysAllow" | "IfHealthyBudget")
    {
        let known = ["AlwaysAllow", "IfHealthyBudget"];
        wrong.push(Cause::not_supported("spec.unhealthyPodEvictionPolicy", policy, &known));
    }
    if let Some(selector) = &spec.selector {
        labels::validate_selector(selector, "spec.selector", &mut wrong);
    }
    wrong
}

/// As Kubernetes prints it, whose type has no names for JSON.
fn shown(spec: &PodDisruptionBudgetSpec) -> String {
    let least = spec.min_available.as_ref().map(portion::value).unwrap_or_default();
    let most = spec.max_unavailable.as_ref().map(portion::value).unwrap_or_default();
    let selector = json!(spec.selector);
    let policy = json!(spec.unhealthy_pod_eviction_policy);
    format!(
        "{{\"MinAvailable\":{least},\"Selector\":{selector},\"MaxUnavailable\":{most},\"UnhealthyPodEvictionPolicy\":{policy}}}"
    )
}

fn validate_status(status: &Value) -> Vec<Cause> {
    let mut wrong = Vec::new();
    for (index, condition) in status["conditions"].as_array().into_iter().flatten().enumerate() {
        let at = |field: &str| format!("status.conditions[{index}].{field}");
        let text = |field: &str| condition[field].as_str().unwrap_or_default();
        if text("type").is_empty() {
            wrong.push(Cause::required(at("type"), "must be set"));
        }
        if !matches!(text("status"), "False" | "True" | "Unknown") {
            wrong.push(Cause::not_supported(at("status"), text("status"), &["False", "True", "Unknown"]));
        }
        if text("lastTransitionTime").is_empty() {
            wrong.push(Cause::required(at("lastTransitionTime"), "must be set"));
        }
        if text("reason").is_empty() {
            wrong.push(Cause::required(at("reason"), "must be set"));
        }
    }
    for count in COUNTS {
        if let Some(number) = status[count].as_i64().filter(|number| *number < 0) {
            wrong.push(Cause::invalid(format!("status.{count}"), number, "must be greater than or equal to 0"));
        }
    }
    wrong
}
