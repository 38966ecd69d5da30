//! `v1 PersistentVolume`: storage that a claim can be bound to.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeSpec};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kinds::claim::{access_modes, add_finalizer};
use crate::kinds::{fields, keep_status, normalise, quantity};
use crate::resource::{self, VOLUMES};
use crate::status::{Cause, Status};

/// The finalizer that keeps a volume while a claim is bound to it.
pub const PROTECTION: &str = "kubernetes.io/pv-protection";

/// The driver of volumes that are made for claims: `spec.csi.volumeHandle` is the name of the engine's volume.
pub const DRIVER: &str = "petset.io/docker";

/// What `PersistentVolume` knows about its objects.
pub struct Rules;

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        normalise::<PersistentVolume>(&VOLUMES, object)
    }

    fn default(&self, object: &mut Value) {
        let spec = fields::object(object, "spec");
        fields::fill(spec, "persistentVolumeReclaimPolicy", "Retain");
        fields::fill(spec, "volumeMode", "Filesystem");
        if let Some(path) = spec.get_mut("hostPath") {
            fields::fill(path, "type", "");
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        fields::set(object, "status", json!({"phase": "Pending"}));
        add_finalizer(object, PROTECTION);
    }

    fn prepare_update(&self, object: &mut Value, old: &Value) {
        keep_status(object, old);
    }

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        validate_spec(&object["spec"])
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<Cause> {
        let mut wrong = self.validate_create(object);
        if sources(&object["spec"]) != sources(&old["spec"]) {
            let why = "spec.persistentvolumesource is immutable after creation";
            wrong.push(Cause::forbidden("spec.persistentvolumesource", why));
        }
        if object["spec"].get("volumeMode") != old["spec"].get("volumeMode") {
            let mode = object["spec"]["volumeMode"].clone();
            wrong.push(Cause::invalid("spec.volumeMode", mode, "field is immutable"));
        }
        wrong
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let ignored = [
            ("mountOptions", "volumes are directories of this machine"),
            ("volumeAttributesClassName", "volumes have no attributes"),
        ];
        let is_set = |name: &str| object["spec"].get(name).is_some();
        ignored
            .iter()
            .filter(|(name, _)| is_set(name))
            .map(|(name, why)| format!("spec.{name} has no effect: {why}"))
            .collect()
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}

/// The fields of a volume's specification that are no source.
const NOT_SOURCES: [&str; 9] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];

fn sources(spec: &Value) -> Vec<(&String, &Value)> {
    spec.as_object().into_iter().flatten().filter(|(name, _)| !NOT_SOURCES.contains(&name.as_str())).collect()
}

fn validate_spec(spec: &Value) -> Vec<Cause> {
    let mut wrong = Vec::new();
    let sources: Vec<&str> = sources(spec).into_iter().map(|(name, _)| name.as_str()).collect();
    let typed = match PersistentVolumeSpec::deserialize(spec) {
        Ok(spec) => spec,
        Err(_) if spec.is_null() => PersistentVolumeSpec::default(),
        Err(error) => return vec![Cause::type_invalid("spec", Value::Null, &error.to_string())],
    };
    access_modes(typed.access_modes.as_deref().unwrap_or_default(), "spec", &mut wrong);
    let capacity = typed.capacity.unwrap_or_default();
    match capacity.get("storage").map(|storage| (storage, quantity::parse(&storage.0))) {
        None if capacity.is_empty() => wrong.push(Cause::required("spec.capacity", "")),
        None => {
            wrong.push(Cause::not_supported("spec.capacity", json!(capacity.keys().collect::<Vec<_>>()), &["storage"]));
        }
        Some((_, Some(storage))) if storage.units() > 0 => {}
        Some((storage, _)) => {
            wrong.push(Cause::invalid("spec.capacity[storage]", storage.0.as_str(), "must be greater than zero"));
        }
    }
    match sources.as_slice() {
        [] => wrong.push(Cause::required("spec", "must specify a volume type")),
        [_] => {}
        [_, more @ ..] => {
            for name in more {
                wrong.push(Cause::forbidden(format!("spec.{name}"), "may not specify more than 1 volume type"));
            }
        }
    }
    for name in sources.iter().filter(|name| !["csi", "hostPath", "local"].contains(name)) {
        let why = "this version has only hostPath and local volumes, and its own";
        wrong.push(Cause::forbidden(format!("spec.{name}"), why));
    }
    if let Some(path) = &typed.host_path {
        super::pod::volumes::host_path(path, "spec.hostPath", &mut wrong);
    }
    if let Some(local) = &typed.local {
        match local.path.as_str() {
            "" => wrong.push(Cause::required("spec.local.path", "")),
            path => super::pod::volumes::no_backsteps(path, "spec.local.path", &mut wrong),
        }
    }
    if let Some(csi) = &typed.csi {
        if csi.driver != DRIVER {
            wrong.push(Cause::not_supported("spec.csi.driver", csi.driver.as_str(), &[DRIVER]));
        }
        if csi.volume_handle.is_empty() {
            wrong.push(Cause::required("spec.csi.volumeHandle", ""));
        }
    }
    let policy = typed.persistent_volume_reclaim_policy.unwrap_or_default();
    if policy == "Recycle" {
        let why = "this version does not scrub volumes: use Retain or Delete";
        wrong.push(Cause::forbidden("spec.persistentVolumeReclaimPolicy", why));
    } else if !["Retain", "Delete"].contains(&policy.as_str()) {
        let supported = ["Delete", "Recycle", "Retain"];
        wrong.push(Cause::not_supported("spec.persistentVolumeReclaimPolicy", policy, &supported));
    }
    if typed.volume_mode.as_deref() == Some("Block") {
        wrong.push(Cause::forbidden("spec.volumeMode", "this version has no block volumes"));
    }
    wrong
}
