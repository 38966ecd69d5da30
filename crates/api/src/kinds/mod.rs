//! One module per kind: what each knows about its own objects. Its `Rules` is the kind's entry in the registry.
//!
//! [`inert`] has those from which nothing follows here, [`unkept`] those of which nothing is kept. [`typed`] checks shapes for all of them; [`data`], [`names`], [`labels`], [`quantity`], [`portion`], [`sets`] and [`fields`] are what they share.

pub mod budget;
pub mod claim;
pub mod config_map;
pub mod controller_revision;
mod data;
pub mod delete_options;
pub mod endpoint_slice;
pub mod endpoints;
pub mod event;
pub mod eviction;
pub(crate) mod fields;
pub mod inert;
mod labels;
pub mod lease;
pub(crate) mod names;
pub mod namespace;
pub mod node;
pub mod petset;
pub mod pod;
mod portion;
pub mod quantity;
pub mod scale;
pub mod secret;
pub mod service;
pub mod service_account;
mod sets;
pub mod statefulset;
pub mod storage_class;
pub mod token_request;
pub(crate) mod typed;
mod unkept;
pub mod volume;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::resource::{Resource, Scope};
use crate::status::{Status, quoted};

pub(crate) use unkept::ShapeOnly;

/// The common part of [`crate::resource::Rules::normalise`]: an object of the resource, of type `T`.
///
/// A missing `apiVersion` or `kind` is filled in, as in Kubernetes. Errors: 400 for another kind, another version, or a
/// field of the wrong type.
pub(crate) fn normalise<T: Serialize + DeserializeOwned>(
    resource: &Resource,
    mut object: Value,
) -> Result<(Value, Vec<String>), Status> {
    let refuse = |why: &str| Status::undecodable(resource.kind, resource.version, resource.kind, why);
    let Some(fields) = object.as_object_mut() else {
        return Err(refuse(&format!(
            "json: cannot unmarshal {} into Go value of type {}",
            crate::body::type_name(&object),
            go_kind(resource)
        )));
    };
    let told = |field: &str| fields.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    check_kind(resource, told("apiVersion"), told("kind"))?;
    fields.insert("apiVersion".into(), resource.api_version().into());
    fields.insert("kind".into(), resource.kind.into());
    typed::round_trip::<T>(object).map_err(|why| refuse(&why))
}

fn go_kind(resource: &Resource) -> String {
    format!("{}.{}", resource.version, resource.kind)
}

fn check_kind(resource: &Resource, api_version: Option<&str>, kind: Option<&str>) -> Result<(), Status> {
    let expected = resource.api_version();
    let api_version = api_version.unwrap_or(&expected);
    let kind = kind.unwrap_or(resource.kind);
    if kind != resource.kind {
        let version = api_version.rsplit('/').next().unwrap_or(api_version);
        let package = match resource.group.split('.').next() {
            Some(name) if !name.is_empty() => name,
            _ => "core",
        };
        let why = format!("converting ({version}.{kind}) to ({package}.{}): unknown conversion", resource.kind);
        return Err(Status::undecodable(kind, version, resource.kind, &why));
    }
    if api_version != expected {
        return Err(Status::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({expected})"
        )));
    }
    Ok(())
}

/// What Kubernetes says of a field selector on a field that a resource does not offer: kinds with fields of their own say
/// it in one way, kinds without in another.
pub(crate) fn unknown_field(resource: &Resource, field: &str) -> String {
    match resource.plural {
        "pods" | "nodes" | "namespaces" | "events" | "secrets" => format!("field label not supported: {field}"),
        _ => {
            let known = match resource.scope {
                Scope::Namespaced => r#""metadata.name", "metadata.namespace""#,
                Scope::Cluster => r#""metadata.name""#,
            };
            format!("{} is not a known field selector: only {known}", quoted(field))
        }
    }
}

/// Grows `generation` by one where the specification differs.
fn count_generation(object: &mut Value, old: &Value) {
    let generation = old["metadata"]["generation"].as_i64().unwrap_or(1);
    let differs = object["spec"] != old["spec"];
    fields::set(fields::object(object, "metadata"), "generation", generation + i64::from(differs));
}

/// Keeps the old status, which only `…/status` may change.
fn keep_status(object: &mut Value, old: &Value) {
    match old.get("status") {
        Some(status) => fields::set(object, "status", status.clone()),
        None => fields::remove(object, "status"),
    }
}

/// The text of a string or boolean at a JSON pointer, empty where it is absent.
pub(crate) fn text_at(object: &Value, pointer: &str) -> String {
    match object.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(flag)) => flag.to_string(),
        _ => String::new(),
    }
}
