//! `v1 PersistentVolumeClaim`: a pod's wish for a volume that outlives it.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kinds::labels;
use crate::kinds::{fields, keep_status, normalise, quantity};
use crate::resource::{self, CLAIMS};
use crate::status::{Cause, Status};

/// The finalizer that keeps a claim while a pod uses it.
pub const PROTECTION: &str = "kubernetes.io/pvc-protection";

/// The access modes that there are.
pub(crate) const ACCESS_MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/// What `PersistentVolumeClaim` knows about its objects.
pub struct Rules;

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        normalise::<PersistentVolumeClaim>(&CLAIMS, object)
    }

    fn default(&self, object: &mut Value) {
        default(object);
    }

    fn prepare_create(&self, object: &mut Value) {
        fields::set(object, "status", json!({"phase": "Pending"}));
        add_finalizer(object, PROTECTION);
    }

    fn prepare_update(&self, object: &mut Value, old: &Value) {
        keep_status(object, old);
    }

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        validate_spec(&object["spec"], "spec")
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<Cause> {
        let mut wrong = self.validate_create(object);
        let is_bound = old.pointer("/status/phase").and_then(Value::as_str) == Some("Bound");
        let mut compared = object["spec"].clone();
        if is_bound {
            // A bound claim may ask for more.
            copy(&old["spec"], &mut compared, "volumeAttributesClassName");
            if let Some(storage) = old.pointer("/spec/resources/requests/storage") {
                let resources = fields::object(&mut compared, "resources");
                fields::set(fields::object(resources, "requests"), "storage", storage.clone());
            }
        }
        if old["spec"].get("volumeName").is_none() {
            // A claim may be given its volume by hand.
            fields::remove(&mut compared, "volumeName");
        }
        if compared != old["spec"] {
            let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for \
                       bound claims";
            wrong.push(Cause::forbidden("spec", why));
        } else if storage(object).zip(storage(old)).is_some_and(|(new, old)| old.exceeds(new))
            && storage(object).zip(capacity(old)).is_some_and(|(new, capacity)| !new.exceeds(capacity))
        {
            // What was asked for and is not there yet may be taken back.
            let why = "field can not be less than status.capacity";
            wrong.push(Cause::forbidden("spec.resources.requests.storage", why));
        }
        wrong
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        warnings(&object["spec"], "spec")
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}

/// Fills in a claim, or a set's template of one.
pub(crate) fn default(claim: &mut Value) {
    fields::fill(fields::object(claim, "spec"), "volumeMode", "Filesystem");
    fields::fill(fields::object(claim, "status"), "phase", "Pending");
}

/// Adds a finalizer to an object that does not have it.
pub(crate) fn add_finalizer(object: &mut Value, finalizer: &str) {
    let metadata = fields::object(object, "metadata");
    fields::fill(metadata, "finalizers", json!([]));
    if let Some(finalizers) = metadata.get_mut("finalizers").and_then(Value::as_array_mut)
        && !finalizers.iter().any(|present| present == finalizer)
    {
        finalizers.push(finalizer.into());
    }
}

/// Fields of a claim that are valid and have no effect here. `field` is the path of the specification.
pub(crate) fn warnings(spec: &Value, field: &str) -> Vec<String> {
    let ignored = [
        ("dataSource", "a volume starts empty"),
        ("dataSourceRef", "a volume starts empty"),
        ("volumeAttributesClassName", "volumes have no attributes"),
    ];
    let is_set = |name: &str| spec.get(name).is_some();
    ignored
        .iter()
        .filter(|(name, _)| is_set(name))
        .map(|(name, why)| format!("{field}.{name} has no effect: {why}"))
        .collect()
}

/// All that is wrong with the specification of a claim, which stands at the path `field`.
pub fn validate_spec(spec: &Value, field: &str) -> Vec<Cause> {
    let mut wrong = Vec::new();
    let spec = match PersistentVolumeClaimSpec::deserialize(spec) {
        Ok(spec) => spec,
        Err(_) if spec.is_null() => PersistentVolumeClaimSpec::default(),
        Err(error) => return vec![Cause::type_invalid(field, Value::Null, &error.to_string())],
    };
    access_modes(spec.access_modes.as_deref().unwrap_or_default(), field, &mut wrong);
    if let Some(selector) = &spec.selector {
        labels::validate_selector(selector, &format!("{field}.selector"), &mut wrong);
    }
    let requests = spec.resources.and_then(|resources| resources.requests).unwrap_or_default();
    match requests.get("storage").map(|storage| (storage, quantity::parse(&storage.0))) {
        None => wrong.push(Cause::required(format!("{field}.resources[storage]"), "")),
        Some((_, Some(storage))) if !storage.is_negative() && storage.units() > 0 => {}
        Some((storage, _)) => {
            let field = format!("{field}.resources[storage]");
            wrong.push(Cause::invalid(field, storage.0.as_str(), "must be greater than zero"));
        }
    }
    let mode = spec.volume_mode.as_deref().unwrap_or("Filesystem");
    if mode == "Block" {
        wrong.push(Cause::forbidden(format!("{field}.volumeMode"), "this version has no block volumes"));
    } else if mode != "Filesystem" {
        wrong.push(Cause::not_supported(format!("{field}.volumeMode"), mode, &["Block", "Filesystem"]));
    }
    wrong
}

/// All that is wrong with the access modes of a claim or a volume.
pub(crate) fn access_modes(modes: &[String], field: &str, wrong: &mut Vec<Cause>) {
    let field = format!("{field}.accessModes");
    if modes.is_empty() {
        wrong.push(Cause::required(&field, "at least 1 access mode is required"));
    }
    for mode in modes.iter().filter(|mode| !ACCESS_MODES.contains(&mode.as_str())) {
        wrong.push(Cause::not_supported(&field, mode.as_str(), &ACCESS_MODES));
    }
    if modes.len() > 1 && modes.iter().any(|mode| mode == "ReadWriteOncePod") {
        wrong.push(Cause::forbidden(&field, "may not use ReadWriteOncePod with other access modes"));
    }
}

fn storage(claim: &Value) -> Option<quantity::Quantity> {
    quantity::parse(claim.pointer("/spec/resources/requests/storage")?.as_str()?)
}

fn capacity(claim: &Value) -> Option<quantity::Quantity> {
    quantity::parse(claim.pointer("/status/capacity/storage")?.as_str()?)
}

fn copy(from: &Value, to: &mut Value, field: &str) {
    match from.get(field) {
        Some(value) => fields::set(to, field, value.clone()),
        None => fields::remove(to, field),
    }
}
