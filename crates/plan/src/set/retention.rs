//! Whose a set's claims are: who takes them along when it goes.
//!
//! A claim that is to go with its set has the set as its controller, one that is to go with a pet that is one too many has
//! that pet; the garbage collector does the rest. Nothing here deletes a claim.
//!
//! Source: `isClaimOwnerUpToDate` and `updateClaimOwnerRefForSetAndPod` of Kubernetes' controller.

use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, Pod},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};

use super::kind::Set;

/// A pet, as far as its claims are concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder<'a> {
    pub(super) set: Set<'a>,
    pub(super) pod: &'a Pod,
    /// Whether the set has a place for it.
    pub(super) is_in_place: bool,
}

/// What a claim becomes.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) claim: PersistentVolumeClaim,
    /// Whether somebody else controls it, so that the policy cannot be followed.
    pub(super) is_contested: bool,
}

impl Holder<'_> {
    /// The claim with the owners that the policy asks for, where it has others.
    pub(super) fn change(&self, claim: &PersistentVolumeClaim) -> Option<Change> {
        let owners = claim.metadata.owner_references.as_deref().unwrap_or_default();
        // An owner of the same name that is no more: the garbage collector is about to take the claim.
        if owners.iter().any(|owner| self.names_us(owner) && !self.is_us(owner)) {
            return None;
        }
        let retention = self.set.retention();
        let is_kept = !retention.delete_with_set && !retention.delete_with_pet;
        let is_contested = !is_kept && owners.iter().any(|owner| owner.controller == Some(true) && !self.is_us(owner));
        let by_pod = retention.delete_with_pet && !self.is_in_place;
        let by_set = retention.delete_with_set && !by_pod;
        let mut wanted: Vec<OwnerReference> = owners.iter().filter(|owner| !self.is_us(owner)).cloned().collect();
        if !is_contested && by_pod {
            wanted.push(pod_reference(&self.pod.metadata));
        }
        if !is_contested && by_set {
            wanted.push(self.set.reference());
        }
        let is_so = wanted.len() == owners.len()
            && wanted.iter().all(|wanted| {
                owners.iter().any(|owner| owner.uid == wanted.uid && owner.controller == wanted.controller)
            });
        (!is_so).then(|| {
            let mut claim = claim.clone();
            claim.metadata.owner_references = (!wanted.is_empty()).then_some(wanted);
            Change { claim, is_contested }
        })
    }

    fn names_us(&self, owner: &OwnerReference) -> bool {
        let is_set = owner.kind == self.set.kind() && owner.name == self.set.name();
        let is_pod = owner.kind == "Pod" && Some(&owner.name) == self.pod.metadata.name.as_ref();
        is_pod || (is_set && owner.api_version == self.set.api_version())
    }

    fn is_us(&self, owner: &OwnerReference) -> bool {
        owner.uid == self.set.uid() || Some(&owner.uid) == self.pod.metadata.uid.as_ref()
    }
}

/// Whether a claim is on its way out with a former pod of this name: the new one must not start on it.
///
/// Source: `PodClaimIsStale`.
pub(super) fn is_stale(claim: &PersistentVolumeClaim, pod: &str) -> bool {
    let mut owners = claim.metadata.owner_references.iter().flatten();
    owners.any(|owner| owner.kind == "Pod" && owner.api_version == "v1" && owner.name == pod)
}

fn pod_reference(pod: &ObjectMeta) -> OwnerReference {
    OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        name: pod.name.clone().unwrap_or_default(),
        uid: pod.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
