//! `v1 Event`: what happened to an object, for people to read.

use k8s_openapi::api::core::v1::Event;
use serde_json::Value;

use crate::kinds::{normalise, text_at};
use crate::resource::{self, EVENTS};
use crate::status::{Cause, Status};

/// What `Event` knows about its objects.
pub struct Rules;

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        normalise::<Event>(&EVENTS, object)
    }

    fn default(&self, _object: &mut Value) {}

    fn prepare_create(&self, _object: &mut Value) {}

    fn prepare_update(&self, _object: &mut Value, _old: &Value) {}

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        let involved = text_at(object, "/involvedObject/namespace");
        let own = text_at(object, "/metadata/namespace");
        // An event about something without a namespace stands in `default`.
        let expected = if involved.is_empty() { "default" } else { &involved };
        if own == expected || (involved.is_empty() && own.is_empty()) {
            return Vec::new();
        }
        vec![Cause::invalid("involvedObject.namespace", involved, "does not match event.namespace")]
    }

    fn validate_update(&self, object: &Value, _old: &Value) -> Vec<Cause> {
        self.validate_create(object)
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        Vec::new()
    }

    fn selectable(&self, object: &Value, field: &str) -> Option<String> {
        let pointer = match field {
            "involvedObject.kind" => "/involvedObject/kind",
            "involvedObject.namespace" => "/involvedObject/namespace",
            "involvedObject.name" => "/involvedObject/name",
            "involvedObject.uid" => "/involvedObject/uid",
            "involvedObject.apiVersion" => "/involvedObject/apiVersion",
            "involvedObject.resourceVersion" => "/involvedObject/resourceVersion",
            "involvedObject.fieldPath" => "/involvedObject/fieldPath",
            "reason" => "/reason",
            "type" => "/type",
            "reportingComponent" => "/reportingComponent",
            "source" => {
                let source = text_at(object, "/source/component");
                return Some(if source.is_empty() { text_at(object, "/reportingComponent") } else { source });
            }
            _ => return None,
        };
        Some(text_at(object, pointer))
    }
}
