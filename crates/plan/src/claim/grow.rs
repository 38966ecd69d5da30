//! Claims that ask for more than they have.
//!
//! Follows the sidecar `external-resizer` of Kubernetes. Whether a claim may grow is decided when it asks
//! (`api::storage::admit_growth`). A volume whose size is a limit grows in the engine first; of any other only what the objects
//! say grows.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};

use super::{Draft, PROVISIONER, VOLUMES_AT_ONCE_MAX, handle, matching, name, source, subject};
use crate::{Action, Note, NoteKind, action::Source, facts::Room};

/// The source of events about growth.
const COMPONENT: &str = "external-resizer petset.io/docker";

impl Draft<'_> {
    /// The volume's object as large as its claim asks for, once the engine's volume is; `None` where nothing is to be written.
    pub(super) fn grow(
        &mut self,
        claim: &PersistentVolumeClaim,
        volume: &PersistentVolume,
    ) -> Option<PersistentVolume> {
        let grown = grown(volume, claim)?;
        let (handle, size) = (handle(volume)?, matching::requested(claim)?);
        let Some(engine) = self.input.engine else {
            self.wait_to_grow(claim, "the container engine does not answer");
            return None;
        };
        match engine.get(handle)?.room {
            Room::Limit(held) if held < size => {}
            Room::Limit(_) | Room::Disk | Room::Unlimited(_) => return Some(grown),
        }
        let volume_name = name(&volume.metadata);
        let is_begun = self.begin(Action::GrowVolume { name: handle.to_owned(), size });
        match self.input.refusals.get(handle) {
            Some(why) => {
                let message = format!("resize volume {volume_name:?} failed: {why}");
                self.note_growth(claim, NoteKind::Warning, "VolumeResizeFailed", message.clone());
                self.wait_to_grow(claim, &format!("{message}; it is tried again"));
            }
            None if is_begun => {
                let message = format!("External resizer is resizing volume {volume_name}");
                self.note_growth(claim, NoteKind::Normal, "Resizing", message);
                self.wait_to_grow(claim, &format!("volume {volume_name} is being resized"));
            }
            None => {
                let because = format!("volume {volume_name} is resized after others, {VOLUMES_AT_ONCE_MAX} at a time");
                self.wait_to_grow(claim, &because);
            }
        }
        None
    }

    fn wait_to_grow(&mut self, claim: &PersistentVolumeClaim, because: &str) {
        self.wait_for(claim, "Resizing", format!("waiting to resize claim {}: {because}", name(&claim.metadata)));
    }

    pub(super) fn note_growth(
        &mut self,
        claim: &PersistentVolumeClaim,
        kind: NoteKind,
        reason: &'static str,
        message: String,
    ) {
        let subject = subject("PersistentVolumeClaim", &claim.metadata);
        self.plan.notes.push(Note { subject, field_path: String::new(), component: COMPONENT, kind, reason, message });
    }
}

/// The volume as large as its claim asks for; `None` where it is, or where it was not made here.
fn grown(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Option<PersistentVolume> {
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
