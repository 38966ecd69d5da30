//! What the kinds of sets have in common: templates of claims, and templates of pods that mount them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::{Value, json};

use crate::kinds::{claim, fields};

/// Gives each template of a claim in a set's specification the type that it is stored with.
pub(crate) fn identify_claims(spec: &mut Value) {
    for template in fields::items(spec, "volumeClaimTemplates") {
        fields::set(template, "apiVersion", "v1");
        fields::set(template, "kind", "PersistentVolumeClaim");
    }
}

/// Fills in the templates of claims in a set's specification.
pub(crate) fn default_claims(spec: &mut Value) {
    fields::items(spec, "volumeClaimTemplates").for_each(claim::default);
}

/// Fields of a set's templates of claims that are valid and have no effect here.
pub(crate) fn claim_warnings(spec: &Value) -> Vec<String> {
    let templates = spec["volumeClaimTemplates"].as_array().into_iter().flatten().enumerate();
    templates
        .flat_map(|(index, template)| {
            claim::warnings(&template["spec"], &format!("spec.volumeClaimTemplates[{index}].spec"))
        })
        .collect()
}

/// Adds the volumes that each pod of a set gets from its claims; one of the template's own of the same name gives way.
pub(crate) fn add_claimed_volumes(pod_spec: &mut Value, templates: &Value) {
    let names: Vec<&Value> =
        templates.as_array().into_iter().flatten().map(|claim| &claim["metadata"]["name"]).collect();
    if names.is_empty() {
        return;
    }
    fields::fill(pod_spec, "volumes", json!([]));
    if let Some(volumes) = pod_spec.get_mut("volumes").and_then(Value::as_array_mut) {
        volumes.retain(|volume| !names.contains(&&volume["name"]));
        volumes
            .extend(names.into_iter().map(|name| json!({"name": name, "persistentVolumeClaim": {"claimName": name}})));
    }
}

/// Whether a selector says nothing: one that would select every pod.
pub(crate) fn is_empty(selector: &LabelSelector) -> bool {
    selector.match_labels.as_ref().is_none_or(std::collections::BTreeMap::is_empty)
        && selector.match_expressions.as_ref().is_none_or(Vec::is_empty)
}
