//! What `apps/v1 StatefulSet` knows about its objects, after Kubernetes 1.36 (`pkg/apis/apps/validation`,
//! `pkg/registry/apps/statefulset`).
//!
//! Two things are ours: `updateStrategy.type: Recreate`, which comes with Kubernetes 1.37, and `maxUnavailable`, which
//! 1.36 has behind a gate.

use k8s_openapi::api::apps::v1::{
    RollingUpdateStatefulSetStrategy, StatefulSet, StatefulSetSpec, StatefulSetStatus, StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kinds::labels::{validate_labels, validate_selector};
use crate::kinds::names::invalid;
use crate::kinds::sets::is_empty;
use crate::kinds::{claim, count_generation, fields, keep_status, names, normalise, pod, portion, sets};
use crate::resource::{self, STATEFUL_SETS};
use crate::selector::Labels;
use crate::status::{Cause, Status, quoted};

/// What `StatefulSet` knows about its objects.
pub struct Rules;

const NOT_NEGATIVE: &str = "must be greater than or equal to 0";

/// Fields of the specification that an update may change.
const CHANGEABLE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

impl resource::Rules for Rules {
    fn normalise(&self, mut object: Value) -> Result<(Value, Vec<String>), Status> {
        let has_selector = object.pointer("/spec/selector").is_some_and(|selector| !selector.is_null());
        if let Some(spec) = object.get_mut("spec") {
            sets::identify_claims(spec);
        }
        let (mut object, unknown) = normalise::<StatefulSet>(&STATEFUL_SETS, object)?;
        if let Some(spec) = object.get_mut("spec") {
            // The type has no room for a selector that is not there, which is told from one that is empty.
            if !has_selector {
                fields::remove(spec, "selector");
            }
            omit_zeros(spec, &["minReadySeconds"]);
        }
        if let Some(status) = object.get_mut("status") {
            omit_zeros(status, &["currentReplicas", "readyReplicas", "updatedReplicas"]);
            fields::fill(status, "availableReplicas", 0);
        }
        Ok((object, unknown))
    }

    fn default(&self, object: &mut Value) {
        let spec = fields::object(object, "spec");
        fields::fill(spec, "podManagementPolicy", "OrderedReady");
        fields::fill(spec, "replicas", 1);
        fields::fill(spec, "revisionHistoryLimit", 10);
        fields::fill(spec, "serviceName", "");
        let strategy = fields::object(spec, "updateStrategy");
        if !fields::has(strategy, "type") {
            fields::set(strategy, "type", "RollingUpdate");
            fields::object(strategy, "rollingUpdate");
        }
        if strategy["type"] == "RollingUpdate"
            && let Some(rolling) = strategy.get_mut("rollingUpdate")
        {
            fields::fill(rolling, "partition", 0);
        }
        let retention = fields::object(spec, "persistentVolumeClaimRetentionPolicy");
        fields::fill(retention, "whenDeleted", "Retain");
        fields::fill(retention, "whenScaled", "Retain");
        if let Some(ordinals) = spec.get_mut("ordinals") {
            fields::fill(ordinals, "start", 0);
        }
        pod::defaults::template(fields::object(fields::object(spec, "template"), "spec"));
        sets::default_claims(spec);
    }

    fn prepare_create(&self, object: &mut Value) {
        fields::set(object, "status", json!({"replicas": 0, "availableReplicas": 0}));
        fields::set(fields::object(object, "metadata"), "generation", 1);
    }

    fn prepare_update(&self, object: &mut Value, old: &Value) {
        keep_status(object, old);
        count_generation(object, old);
    }

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        validate_spec(&object["spec"], &Checks { service_name: true, claims: true, template: true })
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<Cause> {
        // What was stored under other rules can still be scaled, labelled and ended.
        let was_valid = self.validate_create(old).is_empty();
        let mut wrong =
            validate_spec(&object["spec"], &Checks { service_name: false, claims: false, template: was_valid });
        if fixed(object) != fixed(old) {
            let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                       'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                       'minReadySeconds' are forbidden";
            wrong.push(Cause::forbidden("spec", why));
        }
        wrong
    }

    fn validate_status(&self, object: &Value, old: &Value) -> Vec<Cause> {
        let read = |object: &Value| StatefulSetStatus::deserialize(&object["status"]).unwrap_or_default();
        validate_status(&read(object), &read(old))
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let spec = &object["spec"];
        let mut warnings = pod::warnings::of(&spec["template"]["spec"], "spec.template.spec");
        warnings.extend(sets::claim_warnings(spec));
        warnings
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}

/// Leaves out numbers that Kubernetes leaves out when they are zero.
fn omit_zeros(object: &mut Value, names: &[&str]) {
    for name in names {
        if object.get(*name).is_some_and(|number| *number == 0) {
            fields::remove(object, name);
        }
    }
}

/// The specification without what an update may change, filled in, so that a manifest equals what was made from it.
fn fixed(object: &Value) -> Value {
    let mut object = object.clone();
    resource::Rules::default(&Rules, &mut object);
    let mut spec = object["spec"].take();
    for field in CHANGEABLE {
        fields::remove(&mut spec, field);
    }
    spec
}

/// What of a specification is looked at: an update does not ask again for what it cannot change.
struct Checks {
    service_name: bool,
    claims: bool,
    template: bool,
}

fn validate_spec(spec: &Value, checks: &Checks) -> Vec<Cause> {
    let mut wrong = Vec::new();
    let typed = match StatefulSetSpec::deserialize(spec) {
        Ok(typed) => typed,
        Err(_) if spec.is_null() => StatefulSetSpec::default(),
        Err(error) => return vec![Cause::type_invalid("spec", Value::Null, &error.to_string())],
    };
    match typed.pod_management_policy.as_deref().unwrap_or_default() {
        "" => wrong.push(Cause::required("spec.podManagementPolicy", "")),
        "OrderedReady" | "Parallel" => {}
        other => {
            wrong.push(Cause::invalid("spec.podManagementPolicy", other, "must be 'OrderedReady' or 'Parallel'"));
        }
    }
    strategy(&typed.update_strategy.clone().unwrap_or_default(), &mut wrong);
    retention(&typed, &mut wrong);
    if checks.claims {
        for (index, template) in spec["volumeClaimTemplates"].as_array().into_iter().flatten().enumerate() {
            wrong.extend(claim::validate_spec(&template["spec"], &format!("spec.volumeClaimTemplates[{index}].spec")));
        }
    }
    not_negative("spec.replicas", typed.replicas, &mut wrong);
    not_negative("spec.minReadySeconds", typed.min_ready_seconds, &mut wrong);
    not_negative("spec.ordinals.start", typed.ordinals.as_ref().and_then(|ordinals| ordinals.start), &mut wrong);
    if let Some(service) = typed.service_name.as_deref().filter(|name| checks.service_name && !name.is_empty()) {
        invalid(&mut wrong, "spec.serviceName", service, names::label(service));
    }
    if spec["selector"].is_null() {
        wrong.push(Cause::required("spec.selector", ""));
    } else {
        validate_selector(&typed.selector, "spec.selector", &mut wrong);
        if is_empty(&typed.selector) {
            wrong.push(Cause::invalid("spec.selector", json!({}), "empty selector is invalid for statefulset"));
        }
    }
    template(spec, &typed, checks, &mut wrong);
    wrong
}

fn not_negative(field: &str, number: Option<i32>, wrong: &mut Vec<Cause>) {
    if let Some(number) = number.filter(|number| *number < 0) {
        wrong.push(Cause::invalid(field, number, NOT_NEGATIVE));
    }
}

fn strategy(strategy: &StatefulSetUpdateStrategy, wrong: &mut Vec<Cause>) {
    let field = "spec.updateStrategy";
    let rolling = strategy.rolling_update.as_ref();
    match strategy.type_.as_deref().unwrap_or_default() {
        "" => wrong.push(Cause::required(field, "")),
        "OnDelete" | "Recreate" => {
            if let Some(rolling) = rolling {
                wrong.push(shown(
                    &format!("{field}.rollingUpdate"),
                    &shown_rolling(rolling),
                    // Kubernetes' words, and the remedy: a client-side apply does not take away what the server has filled in.
                    "only allowed for updateStrategy 'RollingUpdate'; write rollingUpdate: null to take it away",
                ));
            }
        }
        "RollingUpdate" => {
            let Some(rolling) = rolling else { return };
            not_negative(&format!("{field}.rollingUpdate.partition"), rolling.partition, wrong);
            if let Some(portion) = &rolling.max_unavailable {
                let field = format!("{field}.rollingUpdate.maxUnavailable");
                portion::validate(portion, &field, wrong);
                if portion::is_zero(portion) {
                    wrong.push(Cause::invalid(field, portion::value(portion), "cannot be 0"));
                }
            }
        }
        other => {
            let rolling = rolling.map_or_else(|| "null".to_owned(), shown_rolling);
            let value = format!("{{\"Type\":{},\"RollingUpdate\":{rolling}}}", quoted(other));
            wrong.push(shown(field, &value, "must be 'RollingUpdate' or 'OnDelete'"));
        }
    }
}

/// As Kubernetes prints it, whose type has no names for JSON.
fn shown_rolling(rolling: &RollingUpdateStatefulSetStrategy) -> String {
    let most = rolling.max_unavailable.as_ref().map(portion::value).unwrap_or_default();
    format!("{{\"Partition\":{},\"MaxUnavailable\":{most}}}", rolling.partition.unwrap_or(0))
}

/// A value that is not allowed, shown as it stands.
fn shown(field: &str, value: &str, why: &str) -> Cause {
    Cause { reason: "FieldValueInvalid", message: format!("Invalid value: {value}: {why}"), field: field.to_owned() }
}

fn retention(spec: &StatefulSetSpec, wrong: &mut Vec<Cause>) {
    let Some(policy) = &spec.persistent_volume_claim_retention_policy else { return };
    for (name, value) in [("whenDeleted", &policy.when_deleted), ("whenScaled", &policy.when_scaled)] {
        let value = value.as_deref().unwrap_or_default();
        if !matches!(value, "Retain" | "Delete") {
            let field = format!("spec.persistentVolumeClaimRetentionPolicy.{name}");
            wrong.push(Cause::not_supported(field, value, &["Retain", "Delete"]));
        }
    }
}

/// The template as a pod with the volumes that its claims will give it.
fn template(spec: &Value, typed: &StatefulSetSpec, checks: &Checks, wrong: &mut Vec<Cause>) {
    let PodTemplateSpec { metadata, spec: pod_spec } = &typed.template;
    let metadata = metadata.clone().unwrap_or_default();
    let labels = metadata.labels.unwrap_or_default();
    if !is_empty(&typed.selector) && !Labels::from_selector(&typed.selector).matches(&labels) {
        let field = "spec.template.metadata.labels";
        wrong.push(Cause::invalid(field, json!(labels), "`selector` does not match template `labels`"));
    }
    if checks.template {
        validate_labels(&labels, "spec.template.labels", wrong);
        for key in metadata.annotations.iter().flatten().map(|(key, _)| key) {
            invalid(wrong, "spec.template.annotations", key, names::qualified(&key.to_lowercase()));
        }
        let mut pod_spec = spec["template"]["spec"].clone();
        sets::add_claimed_volumes(&mut pod_spec, &spec["volumeClaimTemplates"]);
        wrong.extend(pod::validate_spec(&pod_spec, "spec.template.spec"));
    }
    let Some(pod_spec) = pod_spec else { return };
    let policy = pod_spec.restart_policy.as_deref().unwrap_or_default();
    if policy != "Always" {
        wrong.push(Cause::not_supported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
    if pod_spec.active_deadline_seconds.is_some() {
        let why = "activeDeadlineSeconds in StatefulSet is not Supported";
        wrong.push(Cause::forbidden("spec.template.spec.activeDeadlineSeconds", why));
    }
}

fn validate_status(status: &StatefulSetStatus, old: &StatefulSetStatus) -> Vec<Cause> {
    let mut wrong = Vec::new();
    let ready = status.ready_replicas.unwrap_or(0);
    let available = status.available_replicas.unwrap_or(0);
    let counts = [
        ("status.readyReplicas", ready),
        ("status.currentReplicas", status.current_replicas.unwrap_or(0)),
        ("status.updatedReplicas", status.updated_replicas.unwrap_or(0)),
        ("status.availableReplicas", available),
    ];
    not_negative("status.replicas", Some(status.replicas), &mut wrong);
    for (field, count) in counts {
        not_negative(field, Some(count), &mut wrong);
    }
    if let Some(generation) = status.observed_generation.filter(|generation| *generation < 0) {
        wrong.push(Cause::invalid("status.observedGeneration", generation, NOT_NEGATIVE));
    }
    not_negative("status.collisionCount", status.collision_count, &mut wrong);
    for (field, count) in counts {
        if count > status.replicas {
            wrong.push(Cause::invalid(field, count, "cannot be greater than status.replicas"));
        }
    }
    if available > ready {
        let why = "cannot be greater than status.readyReplicas";
        wrong.push(Cause::invalid("status.availableReplicas", available, why));
    }
    let collisions = |status: &StatefulSetStatus| status.collision_count;
    if collisions(old).is_some() && collisions(status) < collisions(old) {
        let count = collisions(status).unwrap_or(0);
        wrong.push(Cause::invalid("status.collisionCount", count, "cannot be decremented"));
    }
    wrong
}
