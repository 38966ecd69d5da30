//! `v1 Node`: this machine.

use k8s_openapi::api::core::v1::Node;
use serde_json::Value;

use crate::kinds::{keep_status, normalise};
use crate::resource::{self, NODES};
use crate::status::{Cause, Status};

/// What `Node` knows about its objects.
pub struct Rules;

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        normalise::<Node>(&NODES, object)
    }

    fn default(&self, _object: &mut Value) {}

    /// The status stays: a node is registered with it.
    fn prepare_create(&self, _object: &mut Value) {}

    fn prepare_update(&self, object: &mut Value, old: &Value) {
        keep_status(object, old);
    }

    fn validate_create(&self, _object: &Value) -> Vec<Cause> {
        Vec::new()
    }

    fn validate_update(&self, _object: &Value, _old: &Value) -> Vec<Cause> {
        Vec::new()
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let mut taints = object["spec"]["taints"].as_array().into_iter().flatten();
        let drives_out = taints.any(|taint| taint["effect"] == "NoExecute");
        let text = "spec.taints: NoExecute keeps new pods away, and none that runs is driven out";
        drives_out.then(|| text.to_owned()).into_iter().collect()
    }

    fn selectable(&self, object: &Value, field: &str) -> Option<String> {
        let is_unschedulable = object.pointer("/spec/unschedulable") == Some(&Value::Bool(true));
        (field == "spec.unschedulable").then(|| is_unschedulable.to_string())
    }
}
