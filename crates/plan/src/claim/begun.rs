//! Volumes that are being made in the engine, before there is an object for them.
//!
//! A claim may go while its volume is being made, and the daemon may end. So a record is written before a volume is begun, and
//! goes with the write of the volume's object. Whatever happens between, the record says whose the engine's volume is: it is
//! never one with data, because nothing is mounted that has no object.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::core::v1::{ObjectReference, PersistentVolumeClaim},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use serde::{Deserialize, Serialize};

use super::{Draft, name, source, supply, volume_name};
use crate::{Action, Write, action::Source};

/// For so long after its claim has gone a volume is looked for: the engine may yet make it for a request of before, which
/// nobody waits for any more.
pub const ABANDONED_KEPT: SignedDuration = SignedDuration::from_mins(10);

/// A volume that is being made for a claim. Durable: kept in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// The name that the volume's object will have.
    pub metadata: ObjectMeta,
    /// The claim.
    pub claim: ObjectReference,
    /// The engine's name of the volume.
    pub handle: String,
    /// Since when the claim has no use for it: the claim is gone, or has another volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abandoned: Option<Time>,
}

impl Begun {
    /// The record of a volume for a claim.
    pub(super) fn new(claim: &PersistentVolumeClaim, volume: &str, handle: &str) -> Begun {
        Begun {
            metadata: ObjectMeta { name: Some(volume.to_owned()), ..ObjectMeta::default() },
            claim: ObjectReference { resource_version: None, ..supply::reference(claim) },
            handle: handle.to_owned(),
            abandoned: None,
        }
    }

    /// The write with which the record goes.
    pub(super) fn end(&self) -> Write {
        Write::EndVolume { name: name(&self.metadata).to_owned() }
    }
}

/// Decides about a volume that is being made: one that nobody has a use for any more goes from the engine, then its record.
pub(super) fn leftover(draft: &mut Draft<'_>, begun: &Begun) {
    let input = draft.input;
    let handle = &begun.handle;
    let has_object = input.volumes.iter().any(|volume| {
        volume.metadata.name == begun.metadata.name || source(volume) == Some(Source::Volume(handle.clone()))
    });
    if has_object {
        draft.plan.writes.push(begun.end());
        return;
    }
    let claim = input.claims.iter().find(|claim| claim.metadata.uid == begun.claim.uid);
    let is_own = |volume: &str| begun.metadata.name.as_deref() == Some(volume);
    if claim.is_some_and(|claim| volume_name(claim).is_none_or(is_own)) {
        return;
    }
    // A clock that was set back begins anew.
    let Some(since) = begun.abandoned.as_ref().filter(|since| since.0 <= input.now) else {
        let abandoned = Begun { abandoned: Some(Time(input.now)), ..begun.clone() };
        draft.plan.writes.push(Write::AbandonVolume(Box::new(abandoned)));
        return;
    };
    let until = since.0.saturating_add(ABANDONED_KEPT).unwrap_or(Timestamp::MAX);
    match input.engine {
        // It is planned again when the engine answers, and when nothing mounts it any more.
        None => {}
        Some(_) if input.mounted.contains(handle) => {}
        Some(engine) if engine.contains_key(handle) => {
            // Where there is no room for it now, there is when another one has gone.
            draft.begin(Action::RemoveVolume { name: handle.clone() });
        }
        Some(_) if input.now < until => {
            draft.plan.look_again = Some(draft.plan.look_again.map_or(until, |earlier| earlier.min(until)));
        }
        Some(_) => draft.plan.writes.push(begun.end()),
    }
}
