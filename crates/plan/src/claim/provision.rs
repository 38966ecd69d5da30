//! A new volume for a claim: first the engine's, then the object for it.

use k8s_openapi::api::{core::v1::PersistentVolumeClaim, storage::v1::StorageClass};

use super::{Begun, CLAIM_PROTECTION, Draft, SELECTED_NODE, VOLUMES_AT_ONCE_MAX, matching, name, protect, supply};
use crate::{Action, NoteKind, Write, facts::Room};

impl Draft<'_> {
    /// The node of the first pod that uses the claim, which says where its volume is made. Source: Kubernetes' scheduler.
    pub(super) fn select_node(&mut self, claim: &PersistentVolumeClaim) {
        self.wait_unbound(claim, "Provisioning", &format!("node {} is chosen", self.input.node));
        let mut claim = claim.clone();
        let annotations = claim.metadata.annotations.get_or_insert_default();
        annotations.insert(SELECTED_NODE.to_owned(), self.input.node.to_owned());
        protect(&mut claim.metadata, CLAIM_PROTECTION);
        self.plan.writes.push(Write::UpdateClaim(Box::new(claim)));
    }

    /// First the engine's volume, of which a record is kept meanwhile, then the object for it, bound from the start.
    pub(super) fn provision(&mut self, claim: &PersistentVolumeClaim, class: Option<&StorageClass>) -> bool {
        let fresh = supply::volume(claim, class, self.input.instance, self.input.now);
        let volume = match fresh {
            Ok(volume) => volume,
            Err(message) => {
                self.note(claim, NoteKind::Warning, "ProvisioningFailed", message.clone());
                self.wait_unbound(claim, "ProvisioningFailed", &message);
                return false;
            }
        };
        let volume_name = name(&volume.metadata).to_owned();
        if self.volumes.contains_key(volume_name.as_str()) {
            let message = format!("volume {volume_name:?} exists already and is not this claim's");
            self.wait_unbound(claim, "ProvisioningFailed", &message);
            return false;
        }
        let handle = supply::handle(self.input.instance, &volume_name);
        // Of which there are few: no more than are made at a time, and those that were given up of late.
        let begun = self.input.begun.iter().find(|begun| name(&begun.metadata) == volume_name);
        match self.input.engine {
            None => self.wait_unbound(claim, "Provisioning", "the container engine does not answer"),
            Some(engine) if engine.contains_key(&handle) => {
                self.note(
                    claim,
                    NoteKind::Normal,
                    "ProvisioningSucceeded",
                    format!("Successfully provisioned volume {volume_name}"),
                );
                let mut volume = volume;
                if let Some(engine) = engine.get(&handle) {
                    supply::tell_room(&mut volume, &engine.room);
                    if let Room::Unlimited(why) = &engine.room {
                        let message = format!("volume {volume_name} holds as much as the engine's disk: {why}");
                        self.note(claim, NoteKind::Normal, "SizeNotEnforced", message);
                    }
                }
                self.plan.writes.push(Write::CreateVolume(Box::new(volume.clone())));
                self.plan.writes.extend(begun.map(|begun| begun.end()));
                self.write_bound(claim, &volume);
                self.written.insert(volume_name);
                return true;
            }
            Some(_) => {
                let labels = supply::labels(claim, &volume_name);
                let size = matching::requested(claim);
                let is_begun = self.begin(Action::CreateVolume { name: handle.clone(), labels, size });
                if is_begun && begun.is_none() {
                    let begun = Begun::new(claim, &volume_name, &handle);
                    self.plan.writes.push(Write::BeginVolume(Box::new(begun)));
                }
                if let Some(why) = self.input.refusals.get(&handle) {
                    let message = format!("the engine refuses to make volume {volume_name}: {why}");
                    self.note(claim, NoteKind::Warning, "ProvisioningFailed", message.clone());
                    self.wait_unbound(claim, "ProvisioningFailed", &format!("{message}; it is tried again"));
                    return false;
                }
                let because = if is_begun {
                    format!("volume {volume_name} is being made")
                } else {
                    format!("volume {volume_name} is made after others, {VOLUMES_AT_ONCE_MAX} at a time")
                };
                self.wait_unbound(claim, "Provisioning", &because);
            }
        }
        false
    }
}
