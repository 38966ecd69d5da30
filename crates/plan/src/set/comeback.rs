//! Which pets may come back when the engine, or the whole machine, was restarted and all of them are down.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;

use super::{identity::Identity, kind::Set, owner::Members, pet::Pet, rules::HoldsUp};
use crate::read;

/// How long a pet that lost its containers waits for the lower ones. Long enough for a database to recover and report
/// itself Ready; short enough that a quorum, whose members are not Ready before they see each other, forms again
/// without a hand at work.
pub const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// A pet that waits for its turn to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// The sentence after the pod's name: `waiting for its turn to come back: web-0 is not Ready`.
    pub why: String,
    /// When it no longer waits.
    pub until: Timestamp,
}

/// Why this pet of the set should not start its lost containers again yet: a lower one is not Ready, and it has not
/// waited for [`PATIENCE`] since it stopped being Ready itself. Pets of a set that starts them in parallel wait for nobody.
///
/// This orders only the return of containers whose sandbox was lost. Creation is ordered by [`super::plan`].
pub fn held_back(set: Set<'_>, pods: &[&Pod], pod: &Pod, now: Timestamp) -> Option<HeldBack> {
    let identity = Identity::of(set);
    let members = Members::of(&identity, pods).pods;
    if set.rules().holds_up == HoldsUp::Nothing
        || members.iter().all(|member| member.metadata.name != pod.metadata.name)
    {
        return None;
    }
    let pets = Pet::read_all(&identity, &members, &BTreeMap::new(), now);
    let ordinal = identity.ordinal(pod.metadata.name.as_deref()?)?;
    let lower = pets.iter().filter(|pet| pet.ordinal.is_some_and(|other| other < ordinal));
    let blocker = lower.filter(|pet| !pet.is_terminating()).find(|pet| !read::is_ready(pet.pod))?;
    let ready = pod.status.as_ref().and_then(|status| read::condition(status, "Ready"));
    let since = ready.filter(|ready| ready.status != "True").and_then(|ready| ready.last_transition_time.as_ref());
    let until = since.map_or(now, |since| since.0).saturating_add(PATIENCE).unwrap_or(Timestamp::MAX);
    let why = format!("waiting for its turn to come back: {} is not Ready", blocker.name);
    (now < until).then_some(HeldBack { why, until })
}
