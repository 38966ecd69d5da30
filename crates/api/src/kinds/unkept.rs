//! Kinds of which nothing is kept: what is asked and what is measured.

use serde_json::Value;

use crate::{
    resource::{Rules, Shaped},
    status::Cause,
};

/// What a kind of which nothing is kept knows about its objects: their shape.
pub(crate) struct ShapeOnly(pub(crate) fn(Value) -> Shaped);

impl Rules for ShapeOnly {
    fn normalise(&self, object: Value) -> Shaped {
        (self.0)(object)
    }

    fn default(&self, _object: &mut Value) {}

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
