//! Claims that ask for more than they have.
//!
//! Follows the sidecar `external-resizer` of Kubernetes. Whether a claim may grow is decided when it asks
//! (`api::storage::admit_growth`). Docker's local volumes have no size: what grows is what the objects say.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};

use super::{PROVISIONER, matching, source};
use crate::action::Source;

/// The source of events about growth.
pub(super) const COMPONENT: &str = "external-resizer petset.io/docker";

/// The volume as large as its claim asks for; `None` where it is, or where it was not made here.
pub(super) fn grown(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Option<PersistentVolume> {
    debug_assert!(COMPONENT.ends_with(PROVISIONER));
    if !matches!(source(volume), Some(Source::Volume(_))) || matching::has_size(volume, claim) {
        return None;
    }
    let requests = claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?;
    let mut volume = volume.clone();
    let capacity = volume.spec.get_or_insert_default().capacity.get_or_insert_default();
    capacity.insert("storage".to_owned(), requests.get("storage")?.clone());
    Some(volume)
}
