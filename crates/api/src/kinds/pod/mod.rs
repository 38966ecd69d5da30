//! `v1 Pod`: containers that share a network, volumes and a fate.

mod config;
mod container;
pub(crate) mod defaults;
pub mod ephemeral;
mod handlers;
pub mod qos;
mod security;
mod spec;
mod tolerations;
pub(crate) mod volumes;
pub(crate) mod warnings;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use serde::Deserialize;
use serde_json::{Value, json};

pub use self::spec::validate as validate_spec;

use crate::kinds::{count_generation, fields, keep_status, normalise, service_account, text_at};
use crate::petset::{HOSTNAME, INIT_CONTAINERS, SUBDOMAIN, init_containers};
use crate::resource::{self, PODS};
use crate::status::{Cause, Status};

/// The fields that name a pod's account: today's, and the one before it, which Kubernetes still writes.
const ACCOUNT: [&str; 2] = ["serviceAccountName", "serviceAccount"];

/// What `Pod` knows about its objects.
pub struct Rules;

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        normalise::<Pod>(&PODS, object)
    }

    fn default(&self, object: &mut Value) {
        defaults::pod(fields::object(object, "spec"));
    }

    /// Also names the account that the pod runs as, and translates the annotations of old: init containers, hostname, subdomain. On an update they say nothing new,
    /// for what they stand for may not change.
    fn prepare_create(&self, object: &mut Value) {
        let annotations = annotations(object);
        let spec = fields::object(object, "spec");
        for (annotation, field) in [(HOSTNAME, "hostname"), (SUBDOMAIN, "subdomain")] {
            if let Some(value) = annotations.get(annotation).filter(|value| !value.is_empty()) {
                fields::fill(spec, field, value.as_str());
            }
        }
        if let Ok(containers) = init_containers(&annotations)
            && !containers.is_empty()
            && !fields::has(spec, "initContainers")
        {
            fields::set(spec, "initContainers", serde_json::to_value(containers).unwrap_or_default());
        }
        defaults::pod(spec);
        let account = service_account::of_pod(spec).to_owned();
        for field in ACCOUNT {
            fields::set(spec, field, account.as_str());
        }
        let class = PodSpec::deserialize(&*spec).map_or("BestEffort", |spec| qos::class(&spec));
        fields::set(object, "status", json!({"phase": "Pending", "qosClass": class}));
        fields::set(fields::object(object, "metadata"), "generation", 1);
    }

    fn prepare_update(&self, object: &mut Value, old: &Value) {
        let pairs = [(HOSTNAME, "hostname"), (SUBDOMAIN, "subdomain"), (INIT_CONTAINERS, "initContainers")];
        let (new_annotations, old_annotations) = (annotations(object), annotations(old));
        for (annotation, field) in pairs {
            // What came from an annotation stays although the manifest does not repeat it.
            let is_told = new_annotations.contains_key(annotation);
            let is_same = is_told && new_annotations.get(annotation) == old_annotations.get(annotation);
            if let Some(value) = old["spec"].get(field).filter(|_| is_same) {
                fields::fill(fields::object(object, "spec"), field, value.clone());
            }
        }
        for field in ACCOUNT {
            if let Some(account) = old["spec"].get(field) {
                fields::fill(fields::object(object, "spec"), field, account.clone());
            }
        }
        keep_status(object, old);
        count_generation(object, old);
    }

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        let mut wrong = Vec::new();
        let annotations = annotations(object);
        if let Err(why) = init_containers(&annotations) {
            let field = format!("metadata.annotations[{INIT_CONTAINERS}]");
            wrong.push(Cause::invalid(field, annotations[INIT_CONTAINERS].as_str(), &why));
        }
        wrong.extend(validate_spec(&object["spec"], "spec"));
        let has_gates = object["spec"]["schedulingGates"].as_array().is_some_and(|gates| !gates.is_empty());
        if has_gates && fields::has(&object["spec"], "nodeName") {
            wrong.push(Cause::forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"));
        }
        wrong
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<Cause> {
        let mut wrong = validate_spec(&object["spec"], "spec");
        // What was stored under other rules can still be changed in other respects, and come to its end.
        let stored = if wrong.is_empty() { Vec::new() } else { validate_spec(&old["spec"], "spec") };
        wrong.retain(|cause| !stored.contains(cause));
        if fixed(object, old) != old["spec"] {
            let why = "pod updates may not change fields other than `spec.containers[*].image`,\
                       `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to \
                       existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                       previously negative)";
            wrong.push(Cause::forbidden("spec", why));
        }
        wrong
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        warnings::of(&object["spec"], "spec")
    }

    fn selectable(&self, object: &Value, field: &str) -> Option<String> {
        let pointer = match field {
            "spec.nodeName" => "/spec/nodeName",
            "spec.restartPolicy" => "/spec/restartPolicy",
            "spec.schedulerName" => "/spec/schedulerName",
            "spec.serviceAccountName" => "/spec/serviceAccountName",
            "spec.hostNetwork" if !fields::has(&object["spec"], "hostNetwork") => return Some("false".into()),
            "spec.hostNetwork" => "/spec/hostNetwork",
            "status.phase" => "/status/phase",
            "status.podIP" | "status.podIPs" => "/status/podIP",
            "status.nominatedNodeName" => "/status/nominatedNodeName",
            _ => return None,
        };
        Some(text_at(object, pointer))
    }
}

/// The new specification with what an update may change set back to the old: what is left must be equal.
fn fixed(object: &Value, old: &Value) -> Value {
    let mut spec = object["spec"].clone();
    let old = &old["spec"];
    for list in ["containers", "initContainers"] {
        for (index, container) in fields::items(&mut spec, list).enumerate() {
            if let Some(image) = old.get(list).and_then(|list| list.get(index)).and_then(|old| old.get("image")) {
                fields::set(container, "image", image.clone());
            }
        }
    }
    if may_set_deadline(&spec, old) {
        put_back(&mut spec, old, "activeDeadlineSeconds");
    }
    let tolerations = |spec: &Value| spec.get("tolerations").and_then(Value::as_array).cloned().unwrap_or_default();
    if tolerations(old).iter().all(|old| tolerations(&spec).contains(old)) {
        put_back(&mut spec, old, "tolerations");
    }
    let gates = |spec: &Value| spec.get("schedulingGates").and_then(Value::as_array).cloned().unwrap_or_default();
    if gates(&spec).iter().all(|gate| gates(old).contains(gate)) {
        put_back(&mut spec, old, "schedulingGates");
    }
    let was_negative = old["terminationGracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds < 0);
    if was_negative && spec["terminationGracePeriodSeconds"] == 1 {
        put_back(&mut spec, old, "terminationGracePeriodSeconds");
    }
    spec
}

/// A deadline may be set, and brought forward.
fn may_set_deadline(spec: &Value, old: &Value) -> bool {
    let deadline = |spec: &Value| spec.get("activeDeadlineSeconds").and_then(Value::as_i64);
    match (deadline(spec), deadline(old)) {
        (Some(new), Some(old)) => new <= old,
        (new, old) => new.is_some() || old.is_none(),
    }
}

fn put_back(spec: &mut Value, old: &Value, field: &str) {
    match old.get(field) {
        Some(value) => fields::set(spec, field, value.clone()),
        None => fields::remove(spec, field),
    }
}

fn annotations(object: &Value) -> BTreeMap<String, String> {
    object.pointer("/metadata/annotations").and_then(|map| BTreeMap::deserialize(map).ok()).unwrap_or_default()
}
