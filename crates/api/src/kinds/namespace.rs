//! `v1 Namespace`: what is named once in it, is deleted with it.

use k8s_openapi::api::core::v1::Namespace;
use serde_json::{Value, json};

use crate::kinds::{fields, keep_status, normalise, text_at};
use crate::resource::{self, NAMESPACES};
use crate::status::{Cause, Status};

/// The label that repeats the namespace's name, so that label selectors can name it.
pub const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// What `Namespace` knows about its objects.
pub struct Rules;

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        normalise::<Namespace>(&NAMESPACES, object)
    }

    fn default(&self, object: &mut Value) {
        let name = text_at(object, "/metadata/name");
        if !name.is_empty() {
            let metadata = fields::object(object, "metadata");
            fields::set(fields::object(metadata, "labels"), NAME_LABEL, name);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        fields::set(object, "status", json!({"phase": "Active"}));
        fields::set(fields::object(object, "spec"), "finalizers", json!(["kubernetes"]));
    }

    fn prepare_update(&self, object: &mut Value, old: &Value) {
        // Only `…/finalize` may change the finalizers of the specification, and it is not offered.
        match old.get("spec") {
            Some(spec) => fields::set(object, "spec", spec.clone()),
            None => fields::remove(object, "spec"),
        }
        keep_status(object, old);
    }

    fn validate_create(&self, _object: &Value) -> Vec<Cause> {
        Vec::new()
    }

    fn validate_update(&self, _object: &Value, _old: &Value) -> Vec<Cause> {
        Vec::new()
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        Vec::new()
    }

    fn selectable(&self, object: &Value, field: &str) -> Option<String> {
        (field == "status.phase").then(|| text_at(object, "/status/phase"))
    }
}
