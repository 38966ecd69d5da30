//! Which existing volume suits a claim (`pkg/volume/util/util.go`, `FindMatchingVolume`).

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        core::v1::{Node, PersistentVolume, PersistentVolumeClaim},
        storage::v1::StorageClass,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::LabelSelector},
};

use api::{
    kinds::{quantity, storage_class::CLASS_BETA},
    selector::Labels,
};

use super::{Hold, Supply, annotation, name};
use crate::schedule::is_reached;

/// The best of the volumes for a claim: one that is promised to it, else the smallest that suits, else none.
///
/// A claim with 1.3's annotation gets a new volume even where an existing one would suit, as in 1.3. One that nobody has
/// promised to it has to be within reach of the node: there is no other.
pub(super) fn best<'v>(
    volumes: impl Iterator<Item = &'v PersistentVolume>,
    claim: &PersistentVolumeClaim,
    supply: &Supply<'_>,
    node: Option<&Node>,
) -> Option<&'v PersistentVolume> {
    let suits = |volume: &PersistentVolume| {
        volume.metadata.deletion_timestamp.is_none()
            && has_size(volume, claim)
            && mode(volume.spec.as_ref().and_then(|s| s.volume_mode.as_deref()))
                == mode(claim.spec.as_ref().and_then(|s| s.volume_mode.as_deref()))
    };
    volumes
        .filter(|volume| suits(volume))
        .filter_map(|volume| match Hold::of(volume, claim) {
            Hold::Bound | Hold::Reserved => Some((false, volume)),
            Hold::Free if supply.takes_existing() && is_selected(volume, claim, supply) && is_reached(volume, node) => {
                Some((true, volume))
            }
            Hold::Free | Hold::Other => None,
        })
        .min_by_key(|(is_unpromised, volume)| (*is_unpromised, capacity(volume), name(&volume.metadata)))
        .map(|(_, volume)| volume)
}

/// Why a volume that a claim asks for by name cannot be its.
pub(super) fn mismatch(
    volume: &PersistentVolume,
    claim: &PersistentVolumeClaim,
    classes: &[&StorageClass],
) -> Option<&'static str> {
    let supply = Supply::of(claim, classes);
    let mode_of = |text: Option<&String>| mode(text.map(String::as_str)).to_owned();
    if volume.metadata.deletion_timestamp.is_some() {
        Some("requested PV is being deleted")
    } else if !has_size(volume, claim) {
        Some("requested PV is too small")
    } else if class(volume) != supply.class_name() {
        Some("storageClassName does not match")
    } else if mode_of(volume.spec.as_ref().and_then(|s| s.volume_mode.as_ref()))
        != mode_of(claim.spec.as_ref().and_then(|s| s.volume_mode.as_ref()))
    {
        Some("incompatible volumeMode")
    } else if !has_access(volume, claim) {
        Some("incompatible accessMode")
    } else {
        None
    }
}

fn is_selected(volume: &PersistentVolume, claim: &PersistentVolumeClaim, supply: &Supply<'_>) -> bool {
    let phase = volume.status.as_ref().and_then(|s| s.phase.as_deref());
    !matches!(phase, Some("Released" | "Failed"))
        && class(volume) == supply.class_name()
        && has_access(volume, claim)
        && claim.spec.as_ref().and_then(|s| s.selector.as_ref()).is_none_or(|selector| has_labels(volume, selector))
}

/// Whether the volume is as large as the claim asks for.
pub(super) fn has_size(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let resources = claim.spec.as_ref().and_then(|s| s.resources.as_ref());
    capacity(volume) >= nanos(resources.and_then(|r| r.requests.as_ref()).and_then(|r| r.get("storage")))
}

/// What the claim asks for, in octets; `None` where it does not say.
pub(super) fn requested(claim: &PersistentVolumeClaim) -> Option<u64> {
    let requests = claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?;
    u64::try_from(quantity::parse(requests.get("storage")?.0.trim())?.units()).ok()
}

fn capacity(volume: &PersistentVolume) -> i128 {
    nanos(volume.spec.as_ref().and_then(|s| s.capacity.as_ref()).and_then(|c| c.get("storage")))
}

/// A quantity in billionths. What cannot be read counts as nothing, as a field that is absent.
fn nanos(quantity: Option<&Quantity>) -> i128 {
    quantity.and_then(|quantity| quantity::parse(quantity.0.trim())).map_or(0, quantity::Quantity::nanos)
}

fn has_access(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let offered = volume.spec.as_ref().and_then(|s| s.access_modes.as_deref()).unwrap_or_default();
    let wanted = claim.spec.as_ref().and_then(|s| s.access_modes.as_deref()).unwrap_or_default();
    wanted.iter().all(|mode| offered.contains(mode))
}

fn has_labels(volume: &PersistentVolume, selector: &LabelSelector) -> bool {
    let labels = volume.metadata.labels.as_ref().unwrap_or(const { &BTreeMap::new() });
    Labels::from_selector(selector).matches(labels)
}

fn class(volume: &PersistentVolume) -> &str {
    annotation(&volume.metadata, CLASS_BETA)
        .or_else(|| volume.spec.as_ref()?.storage_class_name.as_deref())
        .unwrap_or_default()
}

fn mode(volume_mode: Option<&str>) -> &str {
    volume_mode.filter(|m| !m.is_empty()).unwrap_or("Filesystem")
}
