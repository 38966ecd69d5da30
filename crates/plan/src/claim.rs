//! Claims and volumes: binding, provisioning, protection, reclaim.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::{
    core::v1::{PersistentVolume, PersistentVolumeClaim, Pod},
    storage::v1::StorageClass,
};

use crate::{Action, Note, Wait, Write, action::Source, facts, outcome::LookAgain, pod::ClaimState};

/// All that the decision about claims and volumes may depend on. Volumes are cluster-wide and binding is a
/// matching, so this unit looks at all of them at once.
pub struct Input<'a> {
    /// All claims.
    pub claims: &'a [&'a PersistentVolumeClaim],
    /// All volumes.
    pub volumes: &'a [&'a PersistentVolume],
    /// All storage classes.
    pub classes: &'a [&'a StorageClass],
    /// All pods (a claim in use is protected).
    pub pods: &'a [&'a Pod],
    /// The engine's volumes by name; `None` while the engine is silent.
    pub engine: Option<&'a BTreeMap<String, facts::Volume>>,
    /// Names of engine volumes that some container still mounts.
    pub mounted: &'a std::collections::BTreeSet<String>,
    /// The instance's name, part of every engine volume's name.
    pub instance: &'a str,
    /// The moment.
    pub now: Timestamp,
}

/// What is to happen about claims and volumes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Volumes to make in the engine and to remove.
    pub actions: Vec<Action>,
    /// Bindings, statuses, finalizers, removals.
    pub writes: Vec<Write>,
    /// Events.
    pub notes: Vec<Note>,
    /// Why a claim is not bound, or not gone.
    pub waits: Vec<Wait>,
    /// When to look again at the latest.
    pub look_again: LookAgain,
}

/// Decides what is next for claims and volumes.
pub fn plan(input: &Input<'_>) -> Plan {
    let _ = input;
    Plan::default()
}

/// What pods can mount of a claim now.
pub fn state(
    claim: Option<&PersistentVolumeClaim>,
    name: &str,
    volumes: &[&PersistentVolume],
    instance: &str,
) -> ClaimState {
    let _ = (claim, name, volumes, instance);
    ClaimState::Ready(Source::Volume(String::new()))
}
