//! Which pets get their sandboxes ahead of their turn.
//!
//! A sandbox takes the engine three times as long to make as a container that joins it. What a pet's sandbox is like
//! is known before its turn, so the next few are made while the pets before them start. Users see none of it: a pod is
//! made in its turn and not before, and until then its sandbox has no record and no status.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use serde::{Deserialize, Serialize};

use super::{
    identity::Identity,
    kind::Set,
    revision::Revisions,
    turn::{Blocker, Step, Turn},
};
use crate::{Write, pod::Host, read};

/// So many sandboxes of a set are there ahead of its pets: enough that the next one is ready in time, few enough that
/// the pet whose turn it is does not share the machine with all others, and that little is made in vain.
pub const AHEAD_MAX: usize = 3;

/// A set that has waited for one pet for so long is not on its way up; it gives back what it has ahead.
pub const AHEAD_PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// A pod that a set will make in its turn, and whose sandbox may be made before. Durable: kept in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reserved {
    /// The pod's namespace and name, and the `uid` that the pod will have.
    pub metadata: ObjectMeta,
    /// The set's name.
    pub set: String,
    /// The set's kind.
    #[serde(default = "pet_set")]
    pub set_kind: String,
    /// The pod as it will be made, with the same `uid`.
    pub pod: Pod,
    /// What the sandbox's files say of the host.
    pub host: Host,
}

/// Before there were two kinds of sets, a reservation did not name its own.
fn pet_set() -> String {
    "PetSet".to_owned()
}

impl Reserved {
    /// Whether it is of the set of this kind and name.
    pub fn is_of(&self, set: Set<'_>) -> bool {
        self.set == set.name() && self.set_kind == set.kind()
    }

    /// The uid that the pod will have.
    pub fn uid(&self) -> Option<&String> {
        self.pod.metadata.uid.as_ref()
    }

    /// Whether this is what would be reserved for the pod now. As JSON, because one of the two comes from the store.
    pub(super) fn is_for(&self, pod: &Pod, host: &Host) -> bool {
        let mut promised = self.pod.clone();
        promised.metadata.uid = None;
        self.host == *host && serde_json::to_value(promised).ok() == serde_json::to_value(pod).ok()
    }

    fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }
}

/// What is reserved for a set that is no more goes.
pub fn release_all<'a>(reserved: impl IntoIterator<Item = &'a Reserved>) -> Vec<Write> {
    reserved.into_iter().map(release).collect()
}

/// Until when a set that waits for this pet has sandboxes ahead: since it is not Ready, or since it was made.
pub(super) fn until(blocker: &Blocker<'_>) -> Timestamp {
    let ready = blocker.pet.pod.status.as_ref().and_then(|status| read::condition(status, "Ready"));
    let since = ready.and_then(|ready| ready.last_transition_time.as_ref()).map(|time| time.0);
    since.max(blocker.pet.created).unwrap_or(Timestamp::MIN).saturating_add(AHEAD_PATIENCE).unwrap_or(Timestamp::MAX)
}

/// The pods whose sandboxes are to be there ahead, by name: the next ones after the pet that is being made.
pub(super) fn wanted(identity: &Identity<'_>, revisions: Option<&Revisions>, turn: &Turn<'_>) -> BTreeMap<String, Pod> {
    let creates = turn.undone.iter().take(AHEAD_MAX).map_while(|step| match step {
        Step::Create(ordinal) => {
            let revision = revisions.map(|revisions| revisions.for_ordinal(identity.set, *ordinal)).transpose().ok()?;
            identity.pet(*ordinal, revision.as_ref()).ok()
        }
        _ => None,
    });
    creates.filter(is_alone).filter_map(|pod| Some((pod.metadata.name.clone()?, pod))).collect()
}

/// The writes that lead from what is reserved to what is wanted. One that differs goes first, and comes in the next pass.
pub(super) fn writes(
    set: Set<'_>,
    host: &Host,
    mut wanted: BTreeMap<String, Pod>,
    reserved: &[&Reserved],
) -> Vec<Write> {
    let mut writes = Vec::new();
    for reserved in reserved {
        let pod = wanted.remove(reserved.name());
        if !pod.is_some_and(|pod| reserved.is_for(&pod, host)) {
            writes.push(release(reserved));
        }
    }
    writes.extend(wanted.into_iter().map(|(name, pod)| {
        let metadata =
            ObjectMeta { name: Some(name), namespace: pod.metadata.namespace.clone(), ..ObjectMeta::default() };
        Write::Reserve(Box::new(Reserved {
            metadata,
            set: set.name().to_owned(),
            set_kind: set.kind().to_owned(),
            pod,
            host: host.clone(),
        }))
    }));
    writes
}

fn release(reserved: &Reserved) -> Write {
    let namespace = reserved.metadata.namespace.clone().unwrap_or_default();
    Write::Release { namespace, name: reserved.name().to_owned() }
}

/// Whether a pod's sandbox takes nothing of the host that others may want before its turn: the host's network is no
/// sandbox's own, and a port of the host is taken as soon as the sandbox runs.
fn is_alone(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let mut containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    let takes_port = containers.any(|c| c.ports.iter().flatten().any(|port| port.host_port.is_some_and(|p| p > 0)));
    spec.host_network != Some(true) && !takes_port
}
