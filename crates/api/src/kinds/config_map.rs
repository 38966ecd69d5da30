//! `v1 ConfigMap`: texts and octets by key, for pods to read.

use k8s_openapi::api::core::v1::ConfigMap;
use serde::Deserialize as _;
use serde_json::Value;

use crate::kinds::{data, normalise};
use crate::resource::{self, CONFIG_MAPS};
use crate::status::{Cause, Status};

/// What `ConfigMap` knows about its objects.
pub struct Rules;

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        normalise::<ConfigMap>(&CONFIG_MAPS, object)
    }

    fn default(&self, _object: &mut Value) {}

    fn prepare_create(&self, _object: &mut Value) {}

    fn prepare_update(&self, _object: &mut Value, _old: &Value) {}

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        let mut wrong = Vec::new();
        let Ok(map) = ConfigMap::deserialize(object) else { return wrong };
        let (texts, octets) = (map.data.unwrap_or_default(), map.binary_data.unwrap_or_default());
        data::validate_keys(texts.keys(), "data", &mut wrong);
        for key in texts.keys().filter(|key| octets.contains_key(*key)) {
            let why = "duplicate of key present in binaryData";
            wrong.push(Cause::invalid(format!("data[{key}]"), key.as_str(), why));
        }
        data::validate_keys(octets.keys(), "binaryData", &mut wrong);
        let bytes = texts.values().map(String::len).chain(octets.values().map(|value| value.0.len())).sum();
        // The whole object is to blame, which Kubernetes writes so.
        data::validate_size(bytes, "[]", &mut wrong);
        wrong
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<Cause> {
        let mut wrong = Vec::new();
        data::validate_settled(object, old, &["data", "binaryData"], &mut wrong);
        wrong.extend(self.validate_create(object));
        wrong
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        Vec::new()
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}
