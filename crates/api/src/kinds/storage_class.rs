//! `storage.k8s.io/v1 StorageClass`: who makes volumes for claims that name it.

use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::Value;

use crate::kinds::names::invalid;
use crate::kinds::volume::DRIVER;
use crate::kinds::{fields, names, normalise, text_at};
use crate::resource::{self, STORAGE_CLASSES};
use crate::status::{Cause, Status};

/// The annotation of claims and volumes that once named their class, and still wins over the field.
pub const CLASS_BETA: &str = "volume.beta.kubernetes.io/storage-class";

/// What `StorageClass` knows about its objects.
pub struct Rules;

/// The provisioner of classes whose volumes are made by hand on purpose.
const BY_HAND: &str = "kubernetes.io/no-provisioner";

/// Fields that say what the volumes are made like, which claims may rely on.
const FIXED: [&str; 4] = ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"];

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        normalise::<StorageClass>(&STORAGE_CLASSES, object)
    }

    fn default(&self, object: &mut Value) {
        fields::fill(object, "reclaimPolicy", "Delete");
        fields::fill(object, "volumeBindingMode", "Immediate");
    }

    fn prepare_create(&self, _object: &mut Value) {}

    fn prepare_update(&self, _object: &mut Value, _old: &Value) {}

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        let mut wrong = Vec::new();
        match text_at(object, "/provisioner").as_str() {
            "" => wrong.push(Cause::required("provisioner", "")),
            name => invalid(&mut wrong, "provisioner", name, names::qualified(&name.to_lowercase())),
        }
        let policy = text_at(object, "/reclaimPolicy");
        if !["Delete", "Retain"].contains(&policy.as_str()) {
            wrong.push(Cause::not_supported("reclaimPolicy", policy, &["Delete", "Retain"]));
        }
        let mode = text_at(object, "/volumeBindingMode");
        if !["Immediate", "WaitForFirstConsumer"].contains(&mode.as_str()) {
            wrong.push(Cause::not_supported("volumeBindingMode", mode, &["Immediate", "WaitForFirstConsumer"]));
        }
        wrong
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<Cause> {
        let mut wrong = self.validate_create(object);
        for field in FIXED {
            if object.get(field) != old.get(field) {
                wrong.push(Cause::forbidden(field, &format!("updates to {field} are forbidden.")));
            }
        }
        wrong
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let ignored = [
            ("allowedTopologies", "allowedTopologies has no effect: there is one node"),
            ("mountOptions", "mountOptions has no effect: volumes are directories of this machine"),
        ];
        let provisioner = text_at(object, "/provisioner");
        let foreign = !["", DRIVER, BY_HAND].contains(&provisioner.as_str());
        let foreign = foreign.then(|| {
            format!("provisioner: only {DRIVER} makes volumes here; claims of this class wait for volumes made by hand")
        });
        let is_set = |field: &str| object.get(field).is_some_and(|value| *value != Value::Bool(false));
        let ignored = ignored.into_iter().filter(|(field, _)| is_set(field)).map(|(_, text)| text.to_owned());
        foreign.into_iter().chain(ignored).collect()
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}
