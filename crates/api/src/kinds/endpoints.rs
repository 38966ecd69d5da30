//! `v1 Endpoints`: the addresses behind a service, written by the controller.

use k8s_openapi::api::core::v1::Endpoints;
use serde_json::Value;

use crate::kinds::{fields, normalise};
use crate::resource::{self, ENDPOINTS};
use crate::status::{Cause, Status};

/// What `Endpoints` knows about its objects.
pub struct Rules;

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        normalise::<Endpoints>(&ENDPOINTS, object)
    }

    fn default(&self, object: &mut Value) {
        for subset in fields::items(object, "subsets") {
            for port in fields::items(subset, "ports") {
                fields::fill(port, "protocol", "TCP");
            }
        }
    }

    fn prepare_create(&self, _object: &mut Value) {}

    fn prepare_update(&self, _object: &mut Value, _old: &Value) {}

    fn validate_create(&self, _object: &Value) -> Vec<Cause> {
        Vec::new()
    }

    fn validate_update(&self, _object: &Value, _old: &Value) -> Vec<Cause> {
        Vec::new()
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        Vec::new()
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}
