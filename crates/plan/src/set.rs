//! A set with its pods and claims: which pet is next, and why not another.
//!
//! Reading order: `turn` holds the rule for who is next; `pet` is the model that it decides over, read from pods at
//! the edge; `identity` says what a pet and its claims look like; `ahead` says which sandboxes are made before their
//! turn; this file puts the decision into writes, events and waits.
//! The rules are those of PetSet in Kubernetes 1.3.

mod ahead;
mod comeback;
mod identity;
mod pet;
mod turn;

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};

use api::petset::PetSet;

pub use self::{
    ahead::{AHEAD_MAX, AHEAD_PATIENCE, Reserved, release_all},
    comeback::{HeldBack, PATIENCE, held_back},
    turn::STEPS_MAX,
};
use self::{
    identity::Identity,
    pet::{Hold, Pet},
    turn::{Step, Turn},
};
use crate::{Note, NoteKind, Subject, Wait, Write, outcome::LookAgain, pod::Host};

/// Claims made in one pass: one transaction of a set with very many pets stays small. The rest follow in the next passes.
pub const CLAIMS_PER_PASS_MAX: usize = 100;

/// The source of a set's events.
const COMPONENT: &str = "petset";

/// All that the decision about one set may depend on.
#[derive(Clone)]
pub struct Input<'a> {
    /// The set.
    pub set: &'a PetSet,
    /// The pods of its namespace that its selector matches.
    pub pods: &'a [&'a Pod],
    /// What each of these pods itself waits for, by name: `container nginx: probe exec exited 1`. The set's own waits
    /// quote it, so that a user who asks for the set reads the reason and not a reference to it.
    pub troubles: &'a BTreeMap<String, String>,
    /// The claims of its namespace.
    pub claims: &'a [&'a PersistentVolumeClaim],
    /// The governing service, if it exists.
    pub service: Option<&'a Service>,
    /// The pods that this set has reserved.
    pub reserved: &'a [&'a Reserved],
    /// This host.
    pub host: &'a Host,
    /// The moment.
    pub now: Timestamp,
}

/// What is to happen about one set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Claims and pods to make, pods to delete, the set's status. No object is written twice.
    pub writes: Vec<Write>,
    /// Events.
    pub notes: Vec<Note>,
    /// Why it is not as specified yet. The subject is always the set, so that whoever asks for the set finds all of them.
    pub waits: Vec<Wait>,
    /// When to look again at the latest.
    pub look_again: LookAgain,
}

/// Decides what is next for one set.
///
/// A set that is being deleted does no more than give up what it has reserved: its pets outlive it (1.3, `pet_set.go`).
pub fn plan(input: &Input<'_>) -> Plan {
    if input.set.metadata.deletion_timestamp.is_some() {
        return Plan { writes: release_all(input.reserved.iter().copied()), ..Plan::default() };
    }
    let identity = Identity::of(input.set);
    let pets = Pet::read_all(&identity, input.pods, input.troubles);
    let mut draft = Draft {
        input,
        identity: &identity,
        claims: input.claims.iter().filter_map(|c| Some((c.metadata.name.as_deref()?, *c))).collect(),
        plan: Plan::default(),
    };
    let claims = draft.make_claims();
    draft.restore_identities(&pets);
    let turn = turn::next(identity.target(), &pets);
    draft.take_turn(&turn, claims);
    draft.look_ahead(&turn);
    draft.report_status(&pets);
    draft.plan
}

/// Whether the claims of all pets exist, or will when this plan is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claims {
    /// They do.
    Made,
    /// There are more than one pass makes.
    Unfinished,
}

/// A plan in the making.
struct Draft<'a> {
    input: &'a Input<'a>,
    identity: &'a Identity<'a>,
    /// The namespace's claims by name.
    claims: BTreeMap<&'a str, &'a PersistentVolumeClaim>,
    plan: Plan,
}

impl Draft<'_> {
    /// Claims of all ordinals come first, also while a pet blocks the pods. A claim that exists is taken as it is.
    fn make_claims(&mut self) -> Claims {
        let mut missing =
            self.identity.claims_all().filter(|(name, _)| !self.claims.contains_key(name.as_str())).peekable();
        let mut made = Vec::new();
        for (name, claim) in missing.by_ref().take(CLAIMS_PER_PASS_MAX) {
            made.push((name, claim));
        }
        let rest = if missing.peek().is_none() { Claims::Made } else { Claims::Unfinished };
        for (name, claim) in made {
            self.plan.writes.push(Write::CreateClaim(Box::new(claim)));
            self.note(NoteKind::Normal, "SuccessfulCreate", format!("pvc: {name}"));
        }
        rest
    }

    /// A pet in its place whose identity has drifted gets it back. Its spec cannot change, so volumes only get a wait.
    fn restore_identities(&mut self, pets: &[Pet<'_>]) {
        for pet in pets {
            let Some(ordinal) = pet.ordinal.filter(|o| self.identity.target().contains(o)) else { continue };
            if pet.is_terminating() {
                continue;
            }
            if let Some(pod) = self.identity.restored(ordinal, pet.pod) {
                self.plan.writes.push(Write::UpdatePod(Box::new(pod)));
            }
            if let Some(claim) = self.identity.claim_unused(ordinal, pet.pod) {
                self.wait(
                    "PetVolumesDiffer",
                    format!(
                        "{name} does not mount its claim {claim}: volumes of a running pod cannot change; \
                         delete pod {name} to have it made again",
                        name = pet.name
                    ),
                );
            }
        }
    }

    /// Does what is next, and says of everything else why not.
    fn take_turn(&mut self, turn: &Turn<'_>, claims: Claims) {
        let (why, waiting) = match (&turn.blocker, turn.undone.split_first()) {
            (Some(blocker), None) => {
                let message = format!("waiting for {}: {}", blocker.pet.name, blocker.hold.because);
                return self.wait(blocker.hold.reason, message);
            }
            (None, None) => return,
            (Some(blocker), Some(_)) => (blocker.hold.clone(), &turn.undone[..]),
            (None, Some(_)) if claims == Claims::Unfinished => {
                let because = "the claims of all pets are made first".to_owned();
                (Hold { reason: "ClaimsUnfinished", because }, &turn.undone[..])
            }
            (None, Some((step, later))) => match self.take(step) {
                Ok(()) => {
                    let because = format!("{} is {} first", self.name_of(step), step.doing());
                    (Hold { reason: "PetNotNext", because }, later)
                }
                Err(hold) => (hold, &turn.undone[..]),
            },
        };
        for step in waiting {
            self.wait(why.reason, format!("waiting to {} {}: {}", step.verb(), self.name_of(step), why.because));
        }
        if turn.more > 0 {
            self.wait(why.reason, format!("waiting with {} more pets: {}", turn.more, why.because));
        }
    }

    /// Reserves the pods whose sandboxes are made ready while the pets before them start. Where nothing has begun, or one
    /// pet has held up all others for long, there is nothing to be ready for.
    fn look_ahead(&mut self, turn: &Turn<'_>) {
        let is_moving = match &turn.blocker {
            Some(blocker) => {
                let until = ahead::until(blocker);
                let is_early = self.input.now < until;
                self.plan.look_again = is_early.then_some(until).filter(|_| !turn.undone.is_empty());
                is_early
            }
            None => self.plan.writes.iter().any(|write| matches!(write, Write::CreatePod(_))),
        };
        let wanted = if is_moving { ahead::wanted(self.identity, turn) } else { BTreeMap::new() };
        let writes = ahead::writes(self.identity.set, self.input.host, wanted, self.input.reserved);
        self.plan.writes.extend(writes);
    }

    /// Does one step, or says why it cannot be done.
    fn take(&mut self, step: &Step<'_>) -> Result<(), Hold> {
        match step {
            Step::Create(ordinal) => self.create(*ordinal),
            Step::Delete(pet) => {
                self.plan.writes.push(Write::DeletePod {
                    namespace: self.identity.namespace.to_owned(),
                    name: pet.name.to_owned(),
                    rv: pet.pod.metadata.resource_version.clone().unwrap_or_default(),
                });
                self.note(NoteKind::Normal, "SuccessfulDelete", format!("pet: {}", pet.name));
                Ok(())
            }
        }
    }

    fn create(&mut self, ordinal: pet::Ordinal) -> Result<(), Hold> {
        let name = self.identity.pet_name(ordinal);
        // A pod would keep a claim that is on its way out alive, and the claim would keep the pod from starting.
        let leaving = self.identity.claim_names(ordinal).find(|claim| {
            self.claims.get(claim.as_str()).is_some_and(|claim| claim.metadata.deletion_timestamp.is_some())
        });
        if let Some(claim) = leaving {
            let because = format!("its claim {claim} is being deleted");
            return Err(Hold { reason: "ClaimTerminating", because });
        }
        let mut pod = match self.identity.pet(ordinal) {
            Ok(pod) => pod,
            Err(error) => {
                self.note(NoteKind::Warning, "FailedCreate", format!("pet: {name}, error: {error}"));
                return Err(Hold {
                    reason: "PetInvalid",
                    because: format!("{name} cannot be made from the template: {error}"),
                });
            }
        };
        // Its sandbox, if there is one already, was made under this uid.
        pod.metadata.uid = self.reserved(&pod).and_then(Reserved::uid).cloned();
        self.plan.writes.push(Write::CreatePod(Box::new(pod)));
        self.note(NoteKind::Normal, "SuccessfulCreate", format!("pet: {name}"));
        if let Some(message) = self.service_missing(&name) {
            self.note(NoteKind::Warning, "ServiceMissing", message);
        }
        Ok(())
    }

    /// What is reserved for a pod, where it is what would be reserved for it now.
    fn reserved(&self, pod: &Pod) -> Option<&Reserved> {
        let mut reserved = self.input.reserved.iter().copied();
        reserved.find(|reserved| reserved.metadata.name == pod.metadata.name && reserved.is_for(pod, self.input.host))
    }

    /// The governing service is a convention: its absence stops nothing, and is said once for each pet made.
    fn service_missing(&self, pet: &str) -> Option<String> {
        let service = self.identity.service;
        if service.is_empty() {
            Some(format!("spec.serviceName is empty: {pet} has no DNS name"))
        } else if self.input.service.is_none() {
            Some(format!("governing service \"{service}\" does not exist: {pet} has no DNS name until it does"))
        } else {
            None
        }
    }

    /// Counts the pets that exist once this plan is committed: every ordinal, also surplus and unhealthy ones.
    /// (1.3 also counted pets whose creation was blocked, so that CURRENT ran ahead of the pods.)
    fn report_status(&mut self, pets: &[Pet<'_>]) {
        let created = self.plan.writes.iter().filter(|w| matches!(w, Write::CreatePod(_))).count();
        let replicas = (pets.iter().filter(|p| p.ordinal.is_some()).count() + created) as i32;
        let metadata = &self.input.set.metadata;
        let observed_generation = metadata.generation.unwrap_or_default();
        let status = &self.input.set.status;
        if status.observed_generation != Some(observed_generation) || status.replicas != replicas {
            self.plan.writes.push(Write::PetSetStatus {
                namespace: self.identity.namespace.to_owned(),
                name: self.identity.set.to_owned(),
                rv: metadata.resource_version.clone().unwrap_or_default(),
                observed_generation,
                replicas,
            });
        }
    }

    fn name_of(&self, step: &Step<'_>) -> String {
        match step {
            Step::Create(ordinal) => self.identity.pet_name(*ordinal),
            Step::Delete(pet) => pet.name.to_owned(),
        }
    }

    fn subject(&self) -> Subject {
        Subject {
            api_version: "apps/v1alpha1".to_owned(),
            kind: "PetSet".to_owned(),
            namespace: self.identity.namespace.to_owned(),
            name: self.identity.set.to_owned(),
            uid: self.input.set.metadata.uid.clone().unwrap_or_default(),
        }
    }

    fn note(&mut self, kind: NoteKind, reason: &'static str, message: String) {
        let subject = self.subject();
        self.plan.notes.push(Note { subject, field_path: String::new(), component: COMPONENT, kind, reason, message });
    }

    fn wait(&mut self, reason: &'static str, message: String) {
        let subject = self.subject();
        self.plan.waits.push(Wait { subject, reason, message });
    }
}
