//! Whose pod is whose: controller references, adoption and release.
//!
//! Source: `PodControllerRefManager.ClaimPods` of Kubernetes' controllers.

use std::collections::BTreeMap;

use api::selector::Labels;
use k8s_openapi::{
    api::core::v1::Pod,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};

use super::{identity::Identity, kind::Set, rules};

/// The reference to the object's controller.
pub(super) fn controller(object: &ObjectMeta) -> Option<&OwnerReference> {
    object.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

/// Makes the object the set's. One that names the set already, and not as its controller, does not name it twice.
pub(super) fn adopt(object: &mut ObjectMeta, set: Set<'_>) {
    let owners = object.owner_references.get_or_insert_default();
    owners.retain(|owner| owner.uid != set.uid());
    owners.push(set.reference());
}

/// The pods of a set, and those to be written because they become its own or are no longer.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    /// Pods that are its own, or are in a moment.
    pub(super) pods: Vec<&'a Pod>,
    /// Of these, what those become that nobody controls yet, by name.
    pub(super) adopted: BTreeMap<&'a str, Pod>,
    /// What those become that it no longer wants.
    pub(super) released: Vec<Pod>,
}

impl<'a> Members<'a> {
    /// Sorts the pods that the set selects or controls. A set whose kind owns no pods has all that it selects.
    pub(super) fn of(identity: &Identity<'_>, candidates: &[&'a Pod]) -> Members<'a> {
        let set = identity.set;
        if set.rules().members == rules::Members::Selected {
            return Members { pods: candidates.to_vec(), ..Members::default() };
        }
        let selector = set.selector().map(Labels::from_selector);
        let mut members = Members::default();
        let mut candidates = candidates.to_vec();
        candidates.sort_by_key(|pod| pod.metadata.name.as_deref());
        for pod in candidates {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            let labels = pod.metadata.labels.as_ref();
            let is_selected =
                selector.as_ref().is_some_and(|selector| selector.matches(labels.unwrap_or(&BTreeMap::new())));
            let is_its = is_selected && identity.ordinal(name).is_some();
            match controller(&pod.metadata) {
                Some(owner) if owner.uid != set.uid() => {}
                Some(_) if is_its => members.pods.push(pod),
                Some(_) if set.is_leaving() => {}
                Some(_) => members.released.push(released(pod, set)),
                None if is_its && !set.is_leaving() && pod.metadata.deletion_timestamp.is_none() => {
                    let mut adopted = pod.clone();
                    adopt(&mut adopted.metadata, set);
                    members.pods.push(pod);
                    members.adopted.insert(name, adopted);
                }
                None => {}
            }
        }
        members
    }
}

fn released(pod: &Pod, set: Set<'_>) -> Pod {
    let mut pod = pod.clone();
    let owners = pod.metadata.owner_references.get_or_insert_default();
    owners.retain(|owner| owner.uid != set.uid());
    if owners.is_empty() {
        pod.metadata.owner_references = None;
    }
    pod
}
