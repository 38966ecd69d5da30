//! `autoscaling/v1 Scale`: the number of replicas of a set, as its own small object.

use k8s_openapi::api::autoscaling::v1::Scale;
use serde_json::{Value, json};

use crate::body::type_name;
use crate::kinds::typed;
use crate::ownership;
use crate::status::{Cause, Status};

/// Checks the shape of a scale and returns it with the paths of unknown fields.
///
/// Errors: 400 `BadRequest` for another kind, or a field of the wrong type.
pub fn normalise(mut object: Value) -> Result<(Value, Vec<String>), Status> {
    let refuse = |why: &str| Status::undecodable("Scale", "v1", "Scale", why);
    let Some(fields) = object.as_object_mut() else {
        let found = type_name(&object);
        return Err(refuse(&format!("json: cannot unmarshal {found} into Go value of type v1.Scale")));
    };
    let kind = fields.get("kind").and_then(Value::as_str).unwrap_or("Scale").to_owned();
    if kind != "Scale" {
        let why = format!("converting (v1.{kind}) to (autoscaling.Scale): unknown conversion");
        return Err(Status::undecodable(&kind, "v1", "Scale", &why));
    }
    fields.insert("kind".into(), "Scale".into());
    fields.insert("apiVersion".into(), "autoscaling/v1".into());
    typed::round_trip::<Scale>(object).map_err(|why| refuse(&why))
}

/// A scale that is applied, which must say its type.
///
/// Errors: 400 `BadRequest` for another kind or version, and as [`normalise`].
pub fn applied(config: &Value) -> Result<(Value, Vec<String>), Status> {
    let text = |field: &str| config[field].as_str().unwrap_or_default();
    if text("apiVersion") != "autoscaling/v1" || text("kind") != "Scale" {
        return Err(ownership::other_type(config));
    }
    if !config["metadata"]["managedFields"].is_null() {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    normalise(config.clone())
}

/// The scale of a set. `selector` is the set's, written as a label selector.
pub fn of(object: &Value, selector: &str) -> Value {
    let replicas = object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    let mut metadata = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(field) {
            metadata[field] = value.clone();
        }
    }
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        // Kubernetes leaves a zero out here.
        "spec": if replicas == 0 { json!({}) } else { json!({"replicas": replicas}) },
        "status": {
            "replicas": object.pointer("/status/replicas").and_then(Value::as_i64).unwrap_or(0),
            "selector": selector,
        },
    })
}

/// How many replicas a scale asks for.
///
/// Errors: 422 `Invalid` for a number below zero. `name` is the set's.
pub fn replicas(scale: &Value, name: &str) -> Result<i32, Status> {
    let replicas = scale.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
    match i32::try_from(replicas) {
        Ok(replicas) if replicas >= 0 => Ok(replicas),
        _ => {
            let cause = Cause::invalid("spec.replicas", replicas, "must be greater than or equal to 0");
            Err(Status::invalid("Scale", "autoscaling", name, &[cause]))
        }
    }
}
