//! `apps/v1alpha1 PetSet`, as documented for Kubernetes 1.3.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Container, PersistentVolumeClaim, PodTemplateSpec},
    apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta},
};
use serde::{Deserialize, Serialize};

use crate::kinds::typed;

/// The annotation on a pod that says whether it may count as initialised: it must parse as true.
pub const INITIALIZED: &str = "pod.alpha.kubernetes.io/initialized";
/// The annotation with a JSON array of init containers.
pub const INIT_CONTAINERS: &str = "pod.alpha.kubernetes.io/init-containers";
/// The annotation that gives a pod its hostname; `spec.hostname` is set beside it.
pub const HOSTNAME: &str = "pod.beta.kubernetes.io/hostname";
/// The annotation that gives a pod its subdomain; `spec.subdomain` is set beside it.
pub const SUBDOMAIN: &str = "pod.beta.kubernetes.io/subdomain";
/// The annotation on a claim that asks for a volume to be made, whatever its value.
pub const STORAGE_CLASS: &str = "volume.alpha.kubernetes.io/storage-class";
/// The annotation on a service that publishes pods before they are ready.
pub const TOLERATE_UNREADY: &str = "service.alpha.kubernetes.io/tolerate-unready-endpoints";

/// A set of pets: pods with stable names, storage and order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.apps.v1alpha1.PetSet")]
pub struct PetSet {
    /// `apps/v1alpha1`.
    #[serde(default)]
    pub api_version: String,
    /// `PetSet`.
    #[serde(default)]
    pub kind: String,
    /// Standard metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: PetSetSpec,
    /// What is.
    #[serde(default)]
    pub status: PetSetStatus,
}

/// What is wanted of a set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.apps.v1alpha1.PetSetSpec")]
pub struct PetSetSpec {
    /// How many pets; 1 where it is not given. The only field that an update may change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Which pods are pets of this set; the template's labels where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// What each pet is made from.
    #[serde(default)]
    pub template: PodTemplateSpec,
    /// Claims that each pet gets: `$(template)-$(set)-$(ordinal)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volume_claim_templates: Vec<PersistentVolumeClaim>,
    /// The governing service, which gives the pets their domain.
    #[serde(default)]
    pub service_name: String,
}

/// What is of a set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.apps.v1alpha1.PetSetStatus")]
pub struct PetSetStatus {
    /// The generation that the controller has seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many pets exist.
    #[serde(default)]
    pub replicas: i32,
}

/// The init containers that the annotations of a pod or of a pet's template ask for, in order, without defaults.
///
/// Unknown fields are dropped, as in 1.3: the annotation is no object to be validated strictly.
///
/// Errors: a sentence that names the annotation, where its value is not a JSON array of containers.
pub fn init_containers(annotations: &BTreeMap<String, String>) -> Result<Vec<Container>, String> {
    let Some(text) = annotations.get(INIT_CONTAINERS) else { return Ok(Vec::new()) };
    let value = serde_json::from_str(text).map_err(|error| error.to_string());
    let containers = value.and_then(typed::read::<Vec<Container>>);
    containers
        .map(|(containers, _)| containers)
        .map_err(|why| format!("the annotation {INIT_CONTAINERS} is not a JSON array of containers: {why}"))
}
