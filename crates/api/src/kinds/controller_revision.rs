//! `apps/v1 ControllerRevision`: a template as it once was, to which a set can go back.

use k8s_openapi::api::apps::v1::ControllerRevision;
use serde_json::Value;

use crate::kinds::normalise;
use crate::resource::{self, CONTROLLER_REVISIONS};
use crate::status::{Cause, Status};

/// What `ControllerRevision` knows about its objects.
pub struct Rules;

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        normalise::<ControllerRevision>(&CONTROLLER_REVISIONS, object)
    }

    fn default(&self, _object: &mut Value) {}

    fn prepare_create(&self, _object: &mut Value) {}

    fn prepare_update(&self, _object: &mut Value, _old: &Value) {}

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        let mut wrong = Vec::new();
        if object["data"].is_null() {
            wrong.push(Cause::required("data", "data is mandatory"));
        }
        if let Some(revision) = object["revision"].as_i64().filter(|revision| *revision < 0) {
            wrong.push(Cause::invalid("revision", revision, "must be greater than or equal to 0"));
        }
        wrong
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<Cause> {
        let mut wrong = self.validate_create(object);
        if object["data"] != old["data"] {
            wrong.push(Cause::invalid("data", object["data"].clone(), "field is immutable"));
        }
        wrong
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        Vec::new()
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}
