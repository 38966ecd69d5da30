//! What `apps/v1alpha1 PetSet` knows about its objects, after Kubernetes 1.3.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kinds::labels::{validate_labels, validate_selector};
use crate::kinds::names::invalid;
use crate::kinds::sets::{add_claimed_volumes, is_empty};
use crate::kinds::{count_generation, fields, keep_status, names, normalise, pod, sets};
use crate::petset::{PetSet, PetSetSpec, init_containers};
use crate::resource::{self, PET_SETS};
use crate::selector::Labels;
use crate::status::{Cause, Status};

/// What `PetSet` knows about its objects.
pub struct Rules;

impl resource::Rules for Rules {
    fn normalise(&self, mut object: Value) -> Result<(Value, Vec<String>), Status> {
        if let Some(spec) = object.get_mut("spec") {
            sets::identify_claims(spec);
        }
        normalise::<PetSet>(&PET_SETS, object)
    }

    fn default(&self, object: &mut Value) {
        let labels = object.pointer("/spec/template/metadata/labels").cloned();
        let labels = labels.filter(|labels| labels.as_object().is_some_and(|labels| !labels.is_empty()));
        if let Some(labels) = &labels {
            fields::fill(fields::object(object, "metadata"), "labels", labels.clone());
        }
        let spec = fields::object(object, "spec");
        if let Some(labels) = labels {
            fields::fill(spec, "selector", json!({"matchLabels": labels}));
        }
        fields::fill(spec, "replicas", 1);
        let template = fields::object(spec, "template");
        pod::defaults::template(fields::object(template, "spec"));
        sets::default_claims(spec);
    }

    fn prepare_create(&self, object: &mut Value) {
        fields::set(object, "status", json!({"replicas": 0}));
        fields::set(fields::object(object, "metadata"), "generation", 1);
    }

    fn prepare_update(&self, object: &mut Value, old: &Value) {
        keep_status(object, old);
        count_generation(object, old);
    }

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        match PetSetSpec::deserialize(&object["spec"]) {
            Ok(spec) => validate_spec(&spec),
            Err(_) => vec![Cause::required("spec", "")],
        }
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<Cause> {
        let mut wrong = Vec::new();
        if fixed(object) != fixed(old) {
            wrong.push(Cause::forbidden(
                "spec",
                "updates to petset spec for fields other than 'replicas' are forbidden.",
            ));
        }
        replicas(object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1), &mut wrong);
        wrong
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let mut warnings = pod::warnings::of(&object["spec"]["template"]["spec"], "spec.template.spec");
        warnings.extend(sets::claim_warnings(&object["spec"]));
        warnings.extend(refused_pets(object));
        warnings
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}

/// The specification without what an update may change, filled in, so that a manifest equals what was made from it.
fn fixed(object: &Value) -> Value {
    let mut object = object.clone();
    resource::Rules::default(&Rules, &mut object);
    let mut spec = object["spec"].take();
    fields::remove(&mut spec, "replicas");
    spec
}

fn validate_spec(spec: &PetSetSpec) -> Vec<Cause> {
    let mut wrong = Vec::new();
    replicas(spec.replicas.unwrap_or(1).into(), &mut wrong);
    match &spec.selector {
        None => wrong.push(Cause::required("spec.selector", "")),
        Some(selector) if is_empty(selector) => {
            wrong.push(Cause::invalid("spec.selector", json!({}), "empty selector is not valid for petset."));
        }
        Some(selector) => validate_selector(selector, "spec.selector", &mut wrong),
    }
    template(&spec.template, spec.selector.as_ref(), &mut wrong);
    wrong
}

fn replicas(replicas: i64, wrong: &mut Vec<Cause>) {
    if replicas < 0 {
        wrong.push(Cause::invalid("spec.replicas", replicas, "must be greater than or equal to 0"));
    }
}

/// What was checked of a pet's template in 1.3: whatever else is wrong is said when a pet is made from it.
fn template(template: &PodTemplateSpec, selector: Option<&LabelSelector>, wrong: &mut Vec<Cause>) {
    let metadata = template.metadata.clone().unwrap_or_default();
    let labels = metadata.labels.unwrap_or_default();
    if let Some(selector) = selector.filter(|selector| !is_empty(selector))
        && !Labels::from_selector(selector).matches(&labels)
    {
        let field = "spec.template.metadata.labels";
        wrong.push(Cause::invalid(field, json!(labels), "`selector` does not match template `labels`"));
    }
    validate_labels(&labels, "spec.template.metadata.labels", wrong);
    for key in metadata.annotations.iter().flatten().map(|(key, _)| key) {
        let field = "spec.template.metadata.annotations";
        invalid(wrong, field, key, names::qualified(&key.to_lowercase()));
    }
    let policy = template.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()).unwrap_or("Always");
    if policy != "Always" {
        wrong.push(Cause::not_supported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
}

/// Why no pet can be made from the template. The set is accepted nevertheless, as in 1.3; to know it at once is kinder
/// than to wait for the event.
fn refused_pets(object: &Value) -> Vec<String> {
    let mut object = object.clone();
    resource::Rules::default(&Rules, &mut object);
    let mut spec = object.pointer_mut("/spec/template/spec").map(Value::take).unwrap_or_default();
    let annotations =
        object.pointer("/spec/template/metadata/annotations").and_then(|map| BTreeMap::deserialize(map).ok());
    let mut refusals = Vec::new();
    match init_containers(&annotations.unwrap_or_default()) {
        Ok(containers) if containers.is_empty() => {}
        Ok(containers) => {
            let containers = serde_json::to_value(containers).unwrap_or_default();
            fields::set(&mut spec, "initContainers", containers);
            pod::defaults::template(&mut spec);
        }
        Err(why) => refusals.push(why),
    }
    add_claimed_volumes(&mut spec, &object["spec"]["volumeClaimTemplates"]);
    refusals.extend(pod::validate_spec(&spec, "spec.template.spec").iter().map(ToString::to_string));
    refusals.into_iter().map(|why| format!("no pet can be made from the template: {why}")).collect()
}
