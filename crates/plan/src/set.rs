//! A set with its pods and claims: which pet is next, and why not another.
//!
//! Reading order: `rules` is the table of what the kinds of sets differ in; `turn` holds the rule for who is next; `pet` is
//! the model that it decides over, read from pods at the edge; `identity` says what a pet and its claims look like; `owner`
//! whose pod is whose; `revision` what a pet is made from; `retention` what becomes of claims; `status` what is counted;
//! `ahead` says which sandboxes are made before their turn; this file puts the decision into writes, events and waits.
//!
//! The rules are those of PetSet in Kubernetes 1.3 and of StatefulSet in Kubernetes 1.36.

mod ahead;
mod comeback;
mod identity;
mod kind;
mod owner;
mod pet;
mod retention;
mod revision;
mod rules;
mod status;
mod turn;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{
    apps::v1::ControllerRevision,
    core::v1::{PersistentVolumeClaim, Pod, Service},
};

pub use self::{
    ahead::{AHEAD_MAX, AHEAD_PATIENCE, Reserved, release_all},
    comeback::{HeldBack, PATIENCE, held_back},
    identity::{POD_INDEX_LABEL, POD_NAME_LABEL},
    kind::Set,
    revision::REVISION_LABEL,
    turn::{BATCH_MAX, STEPS_MAX},
};
use self::{
    identity::Identity,
    kind::Strategy,
    owner::Members,
    pet::{Hold, Ordinal, Pet},
    retention::Holder,
    revision::Revisions,
    rules::ClaimsAre,
    turn::{Order, Step, Turn},
};
use crate::{Note, NoteKind, Subject, Wait, Write, outcome::LookAgain, pod::Host, unwritten};

/// Claims made in one pass: one transaction of a set with very many pets stays small. The rest follow in the next passes.
pub const CLAIMS_PER_PASS_MAX: usize = 100;
/// Sets make no more pets and claims where there are so many pods and claims: half of the objects that clients may make, for
/// a volume is made for each claim. Objects of other kinds are not counted, so that a pet that has gone comes back.
pub const PODS_AND_CLAIMS_MAX: usize = 25_000;
/// How soon it is looked whether there is room again: nobody tells a set when the pets of others go.
const ROOM_LOOKED_FOR_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// The reason of what waits for room in the store.
const TOO_MANY_OBJECTS: &str = "TooManyObjects";

/// All that the decision about one set may depend on.
#[derive(Clone)]
pub struct Input<'a> {
    /// The set.
    pub set: Set<'a>,
    /// The pods of its namespace that its selector matches or that have it as their controller.
    pub pods: &'a [&'a Pod],
    /// The pods of its namespace whose names begin like those of its pets, its own among them.
    pub namesakes: &'a [&'a Pod],
    /// What each of its pods itself waits for, by name: `container nginx: probe exec exited 1`. The set's own waits
    /// quote it, so that a user who asks for the set reads the reason and not a reference to it.
    pub troubles: &'a BTreeMap<String, String>,
    /// The claims of its namespace; it looks only for those of its pets.
    pub claims: &'a [&'a PersistentVolumeClaim],
    /// The controller revisions of its namespace whose names begin with its own.
    pub revisions: &'a [&'a ControllerRevision],
    /// The governing service, if it exists.
    pub service: Option<&'a Service>,
    /// The pods that this set has reserved.
    pub reserved: &'a [&'a Reserved],
    /// This host.
    pub host: &'a Host,
    /// How many pods and claims there are, whoever made them.
    pub pods_and_claims: usize,
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
/// A set that is being deleted makes and deletes nothing any more; it gives up what it has reserved, and a StatefulSet goes
/// on counting. The pets of a PetSet outlive it (1.3, `pet_set.go`); those of a StatefulSet are the garbage collector's.
pub fn plan(input: &Input<'_>) -> Plan {
    let identity = Identity::of(input.set);
    let members = Members::of(&identity, input.pods);
    let revisions = match input.set {
        Set::PetSet(_) => None,
        Set::StatefulSet(set) => Some(Revisions::of(set, input.revisions)),
    };
    let pets = Pet::read_all(&identity, &members.pods, input.troubles, input.now);
    let mut draft = Draft {
        input,
        identity: &identity,
        revisions: revisions.as_ref(),
        claims: input.claims.iter().filter_map(|c| Some((c.metadata.name.as_deref()?, *c))).collect(),
        updates: members.adopted.iter().map(|(name, pod)| ((*name).to_owned(), pod.clone())).collect(),
        restored: Vec::new(),
        plan: Plan::default(),
    };
    if input.set.is_leaving() {
        draft.plan.writes.extend(release_all(input.reserved.iter().copied()));
        if input.set.rules().has_revisions {
            draft.report_status(&pets);
        }
        return draft.plan;
    }
    draft.plan.writes.extend(revisions.iter().flat_map(|revisions| revisions.writes.iter().cloned()));
    draft.plan.writes.extend(members.released.into_iter().map(|pod| Write::UpdatePod(Box::new(pod))));
    let claims = draft.make_claims(&pets);
    draft.restore_identities(&pets);
    let order = Order {
        rules: input.set.rules(),
        target: identity.target(),
        strategy: input.set.strategy(),
        revision: revisions.as_ref().map_or("", |revisions| revisions.update.name.as_str()),
    };
    let turn = turn::next(&order, &pets);
    draft.follow_retention(&turn, &pets);
    draft.take_turn(&turn, claims);
    draft.write_updates();
    draft.look_ahead(&turn);
    draft.report_status(&pets);
    draft.forget_revisions(&members.pods);
    draft.plan
}

/// Whether the claims of all pets exist, or will when this plan is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claims {
    /// They do.
    Made,
    /// There are more than one pass makes.
    Unfinished,
    /// There are more than the store has room for.
    NoRoom,
}

/// A plan in the making.
struct Draft<'a> {
    input: &'a Input<'a>,
    identity: &'a Identity<'a>,
    revisions: Option<&'a Revisions>,
    /// The namespace's claims by name.
    claims: BTreeMap<&'a str, &'a PersistentVolumeClaim>,
    /// Pods that are to be written, by name: adopted, their identity restored. One that is deleted is not written besides.
    updates: BTreeMap<String, Pod>,
    /// Of these, those whose identity is restored.
    restored: Vec<String>,
    plan: Plan,
}

impl Draft<'_> {
    /// Claims that are missing and may be made before anything else: those of all ordinals, also while a pet blocks the
    /// pods; or those of pets that exist and wait for them. A claim that exists is taken as it is.
    fn make_claims(&mut self, pets: &[Pet<'_>]) -> Claims {
        if self.input.set.rules().claims == ClaimsAre::First {
            let missing = self.identity.claims_all().filter(|(name, _)| !self.claims.contains_key(name.as_str()));
            let mut made: Vec<_> = missing.take(CLAIMS_PER_PASS_MAX + 1).collect();
            let room = self.room();
            let rest = match made.len() {
                count if count > room.min(CLAIMS_PER_PASS_MAX) && room < CLAIMS_PER_PASS_MAX => Claims::NoRoom,
                count if count > CLAIMS_PER_PASS_MAX => Claims::Unfinished,
                _ => Claims::Made,
            };
            made.truncate(room.min(CLAIMS_PER_PASS_MAX));
            if rest == Claims::NoRoom {
                // Whoever waits for the claims says so; here it is told, and looked at again.
                drop(self.no_room());
            }
            for (name, claim) in made {
                self.plan.writes.push(Write::CreateClaim(Box::new(claim)));
                self.note(NoteKind::Normal, "SuccessfulCreate", format!("pvc: {name}"));
            }
            return rest;
        }
        let waiting = pets.iter().filter(|pet| crate::read::phase(pet.pod) == "Pending" && !pet.is_terminating());
        for ordinal in waiting.filter_map(|pet| pet.ordinal).filter(|ordinal| self.identity.target().contains(ordinal))
        {
            // Whose claims are not made yet waits for them itself.
            drop(self.make_claims_of(ordinal));
        }
        Claims::Made
    }

    /// How many more pets and claims this plan may make.
    fn room(&self) -> usize {
        let is_made = |write: &&Write| matches!(write, Write::CreateClaim(_) | Write::CreatePod(_));
        let made = self.plan.writes.iter().filter(is_made).count();
        PODS_AND_CLAIMS_MAX.saturating_sub(self.input.pods_and_claims).saturating_sub(made)
    }

    /// Why no more pets and claims are made, which is also told once a pass.
    fn no_room(&mut self) -> Hold {
        let because = format!(
            "there are {PODS_AND_CLAIMS_MAX} pods and claims or more, and sets make no more of either until some are deleted"
        );
        if !self.plan.notes.iter().any(|note| note.reason == TOO_MANY_OBJECTS) {
            self.note(NoteKind::Warning, TOO_MANY_OBJECTS, because.clone());
        }
        self.look_again(self.input.now.saturating_add(ROOM_LOOKED_FOR_AFTER).unwrap_or(Timestamp::MAX));
        Hold::new(TOO_MANY_OBJECTS, because)
    }

    /// Makes the claims that one pet lacks, as far as this pass may make more, or says why not.
    fn make_claims_of(&mut self, ordinal: Ordinal) -> Result<(), Hold> {
        let missing: Vec<_> =
            self.identity.claims(ordinal).filter(|(name, _)| !self.claims.contains_key(name.as_str())).collect();
        let made = self.plan.writes.iter().filter(|write| matches!(write, Write::CreateClaim(_))).count();
        if missing.len() > self.room() {
            return Err(self.no_room());
        }
        if made > 0 && made + missing.len() > CLAIMS_PER_PASS_MAX {
            return Err(Hold::new("ClaimsUnfinished", "the claims of other pets are made first"));
        }
        let (set, pet) = (self.identity.name, self.identity.pet_name(ordinal));
        for (name, claim) in missing {
            self.plan.writes.push(Write::CreateClaim(Box::new(claim)));
            let message = format!("create Claim {name} Pod {pet} in StatefulSet {set} success");
            self.note(NoteKind::Normal, "SuccessfulCreate", message);
        }
        Ok(())
    }

    /// A pet in its place whose identity has drifted gets it back. Its spec cannot change, so volumes only get a wait.
    fn restore_identities(&mut self, pets: &[Pet<'_>]) {
        for pet in pets {
            let Some(ordinal) = pet.ordinal.filter(|o| self.identity.target().contains(o)) else { continue };
            if pet.is_terminating() {
                continue;
            }
            let adopted = self.updates.get(pet.name);
            if let Some(pod) = self.identity.restored(ordinal, adopted.unwrap_or(pet.pod)) {
                self.updates.insert(pet.name.to_owned(), pod);
                self.restored.push(pet.name.to_owned());
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

    /// Claims get the owners that the retention policy asks for: those of pets in their place, and of a pet that is one too
    /// many before it goes.
    fn follow_retention(&mut self, turn: &Turn<'_>, pets: &[Pet<'_>]) {
        if self.input.set.rules().members == rules::Members::Selected {
            return;
        }
        let going: Vec<&str> = turn.now.iter().filter_map(|step| Some(step.pet()?.name)).collect();
        for pet in pets {
            let Some(ordinal) = pet.ordinal else { continue };
            let is_in_place = self.identity.target().contains(&ordinal);
            if !is_in_place && !going.contains(&pet.name) && !pet.is_terminating() {
                continue;
            }
            let holder = Holder { set: self.input.set, pod: pet.pod, is_in_place };
            for name in self.identity.claim_names(ordinal) {
                let claim = self.claims.get(name.as_str()).filter(|claim| claim.metadata.deletion_timestamp.is_none());
                let Some(change) = claim.and_then(|claim| holder.change(claim)) else { continue };
                if change.is_contested {
                    let message = format!(
                        "PersistentVolumeClaim {name} has a conflicting OwnerReference that acts as a managing controller, \
                         the retention policy is ignored for this claim"
                    );
                    self.note(NoteKind::Warning, "ConflictingController", message);
                }
                self.plan.writes.push(Write::UpdateClaim(Box::new(change.claim)));
            }
        }
    }

    /// Does what is next, and says of everything else why not.
    fn take_turn(&mut self, turn: &Turn<'_>, claims: Claims) {
        if let Some(until) = turn.blocker.as_ref().and_then(|blocker| blocker.hold.until) {
            self.look_again(until);
        }
        let mut waiting: Vec<(Step<'_>, Option<Hold>)> = Vec::new();
        let mut first = None;
        for step in &turn.now {
            let taken = match claims {
                Claims::NoRoom if matches!(step, Step::Create(_)) => Err(self.no_room()),
                Claims::Made | Claims::NoRoom => self.take(step),
                Claims::Unfinished => Err(Hold::new("ClaimsUnfinished", "the claims of all pets are made first")),
            };
            match taken {
                Ok(()) => first = first.or(Some(step)),
                Err(hold) => waiting.push((*step, Some(hold))),
            }
        }
        let failed = waiting.first().and_then(|(_, hold)| hold.clone());
        let why = match (first, failed, &turn.blocker) {
            (Some(step), _, _) => {
                let because = format!("{} is {} first", self.name_of(step), step.doing());
                Hold::new("PetNotNext", because)
            }
            (None, Some(hold), _) => hold,
            (None, None, Some(blocker)) => self.explained(blocker),
            (None, None, None) => Hold::new("PetNotNext", "other pets come first"),
        };
        waiting.extend(turn.undone.iter().map(|step| (*step, None)));
        if waiting.is_empty() {
            if let Some(blocker) = &turn.blocker {
                let hold = self.explained(blocker);
                self.wait(hold.reason, format!("waiting for {}: {}", blocker.pet.name, hold.because));
            }
            return;
        }
        for (step, hold) in waiting {
            let hold = hold.as_ref().unwrap_or(&why);
            self.wait(hold.reason, format!("waiting to {} {}: {}", step.verb(), self.name_of(&step), hold.because));
        }
        if turn.more > 0 {
            self.wait(why.reason, format!("waiting with {} more pets: {}", turn.more, why.because));
        }
    }

    /// Why a pet holds others up, and the remedy where it will not get well by itself: the set would replace it by one of
    /// the newest revision, but only when it is Ready.
    fn explained(&self, blocker: &turn::Blocker<'_>) -> Hold {
        let mut hold = blocker.hold.clone();
        let is_old = self.revisions.is_some_and(|revisions| blocker.pet.revision != revisions.update.name);
        let is_rolled = match self.input.set.strategy() {
            Strategy::Rolling { from, .. } => {
                blocker.pet.ordinal.is_some_and(|ordinal| from <= ordinal && self.identity.target().contains(&ordinal))
            }
            Strategy::OnDelete | Strategy::Recreate => false,
        };
        let waits_for_it = self.input.set.rules().holds_up == rules::HoldsUp::Later;
        if is_old && is_rolled && waits_for_it && !blocker.pet.is_terminating() {
            let pet = blocker.pet.name;
            hold.because = format!(
                "{}; it is of an older revision, and pets are not replaced while one of them is not Ready: delete pod {pet} to \
                 have it made of the newest, or set spec.updateStrategy to {{type: Recreate, rollingUpdate: null}}",
                hold.because
            );
        }
        hold
    }

    /// Reserves the pods whose sandboxes are made ready while the pets before them start. Where nothing has begun, or one
    /// pet has held up all others for long, there is nothing to be ready for; where nobody waits for anybody, no time.
    fn look_ahead(&mut self, turn: &Turn<'_>) {
        let is_moving = match &turn.blocker {
            _ if self.input.set.rules().holds_up == rules::HoldsUp::Nothing => false,
            Some(blocker) if turn.now.is_empty() => {
                let until = ahead::until(blocker);
                let is_early = self.input.now < until;
                if is_early && !turn.undone.is_empty() {
                    self.look_again(until);
                }
                is_early
            }
            _ => self.plan.writes.iter().any(|write| matches!(write, Write::CreatePod(_))),
        };
        let wanted = if is_moving { ahead::wanted(self.identity, self.revisions, turn) } else { BTreeMap::new() };
        let writes = ahead::writes(self.input.set, self.input.host, wanted, self.input.reserved);
        self.plan.writes.extend(writes);
    }

    /// Does one step, or says why it cannot be done.
    fn take(&mut self, step: &Step<'_>) -> Result<(), Hold> {
        let Some(pet) = step.pet() else {
            let Step::Create(ordinal) = step else { return Ok(()) };
            return self.create(*ordinal);
        };
        self.updates.remove(pet.name);
        self.plan.writes.push(Write::DeletePod {
            namespace: self.identity.namespace.to_owned(),
            name: pet.name.to_owned(),
            rv: pet.pod.metadata.resource_version.clone().unwrap_or_default(),
        });
        self.tell("SuccessfulDelete", "delete", pet.name);
        Ok(())
    }

    fn create(&mut self, ordinal: Ordinal) -> Result<(), Hold> {
        let name = self.identity.pet_name(ordinal);
        if self.input.namesakes.iter().any(|pod| pod.metadata.name.as_ref() == Some(&name)) {
            return Err(Hold::new("NameTaken", unwritten::name_taken(&name)));
        }
        // A pod would keep a claim that is on its way out alive, and the claim would keep the pod from starting.
        let leaving = self.identity.claim_names(ordinal).find(|claim| {
            let claim = self.claims.get(claim.as_str());
            claim.is_some_and(|claim| claim.metadata.deletion_timestamp.is_some() || retention::is_stale(claim, &name))
        });
        if let Some(claim) = leaving {
            return Err(Hold::new("ClaimTerminating", format!("its claim {claim} is being deleted")));
        }
        let revision = self.revisions.map(|revisions| revisions.for_ordinal(self.input.set, ordinal)).transpose()?;
        let mut pod = match self.identity.pet(ordinal, revision.as_ref()) {
            Ok(pod) => pod,
            Err(error) => {
                let message = match self.input.set {
                    Set::PetSet(_) => format!("pet: {name}, error: {error}"),
                    Set::StatefulSet(_) => {
                        format!("create Pod {name} in StatefulSet {} failed error: {error}", self.identity.name)
                    }
                };
                self.note(NoteKind::Warning, "FailedCreate", message);
                return Err(Hold::new("PetInvalid", format!("{name} cannot be made from the template: {error}")));
            }
        };
        if self.input.set.rules().claims == ClaimsAre::WithPet {
            self.make_claims_of(ordinal)?;
        }
        if self.room() == 0 {
            return Err(self.no_room());
        }
        // Its sandbox, if there is one already, was made under this uid.
        pod.metadata.uid = self.reserved(&pod).and_then(Reserved::uid).cloned();
        self.plan.writes.push(Write::CreatePod(Box::new(pod)));
        self.tell("SuccessfulCreate", "create", &name);
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
            let is_wanted = matches!(self.input.set, Set::PetSet(_));
            is_wanted.then(|| format!("spec.serviceName is empty: {pet} has no DNS name"))
        } else if self.input.service.is_none() {
            Some(format!("governing service \"{service}\" does not exist: {pet} has no DNS name until it does"))
        } else {
            None
        }
    }

    fn write_updates(&mut self) {
        let updates = std::mem::take(&mut self.updates);
        // 1.3 said nothing of this.
        let is_told = self.input.set.rules().members == rules::Members::Controlled;
        for pet in std::mem::take(&mut self.restored).iter().filter(|pet| is_told && updates.contains_key(*pet)) {
            self.tell("SuccessfulUpdate", "update", pet);
        }
        self.plan.writes.extend(updates.into_values().map(|pod| Write::UpdatePod(Box::new(pod))));
    }

    /// Counts the pets. Those of a PetSet as they are once this plan is committed: every ordinal, also surplus and unhealthy
    /// ones. (1.3 also counted pets whose creation was blocked, so that CURRENT ran ahead of the pods.) Those of a
    /// StatefulSet as they are seen.
    fn report_status(&mut self, pets: &[Pet<'_>]) {
        let metadata = self.input.set.metadata();
        let rv = metadata.resource_version.clone().unwrap_or_default();
        let (namespace, name) = (self.identity.namespace.to_owned(), self.identity.name.to_owned());
        match (self.input.set, self.revisions) {
            (Set::PetSet(set), _) => {
                let created = self.plan.writes.iter().filter(|w| matches!(w, Write::CreatePod(_))).count();
                let replicas = (pets.iter().filter(|p| p.ordinal.is_some()).count() + created) as i32;
                let observed_generation = metadata.generation.unwrap_or_default();
                let status = &set.status;
                if status.observed_generation != Some(observed_generation) || status.replicas != replicas {
                    self.plan.writes.push(Write::PetSetStatus { namespace, name, rv, observed_generation, replicas });
                }
            }
            (Set::StatefulSet(set), Some(revisions)) => {
                let deleted = self.plan.writes.iter().filter_map(|write| match write {
                    Write::DeletePod { name, .. } => Some(name.as_str()),
                    _ => None,
                });
                let status = status::of(set, revisions, pets, &deleted.collect::<Vec<_>>());
                if set.status.as_ref() != Some(&status) {
                    self.plan.writes.push(Write::StatefulSetStatus { namespace, name, rv, status: Box::new(status) });
                }
                if let Some(until) = pets.iter().filter_map(|pet| pet.hold.as_ref()?.until).min() {
                    self.look_again(until);
                }
            }
            (Set::StatefulSet(_), None) => {}
        }
    }

    fn forget_revisions(&mut self, pods: &[&Pod]) {
        let (Set::StatefulSet(set), Some(revisions)) = (self.input.set, self.revisions) else { return };
        self.plan.writes.extend(revisions.forgotten(set, pods));
    }

    fn look_again(&mut self, at: Timestamp) {
        self.plan.look_again = Some(self.plan.look_again.map_or(at, |before| before.min(at)));
    }

    /// The event of something that was done to a pet.
    fn tell(&mut self, reason: &'static str, verb: &str, pet: &str) {
        let message = match self.input.set {
            Set::PetSet(_) => format!("pet: {pet}"),
            Set::StatefulSet(_) => format!("{verb} Pod {pet} in StatefulSet {} successful", self.identity.name),
        };
        self.note(NoteKind::Normal, reason, message);
    }

    fn name_of(&self, step: &Step<'_>) -> String {
        match step {
            Step::Create(ordinal) => self.identity.pet_name(*ordinal),
            Step::Delete(pet) | Step::Replace(pet) | Step::Update(pet) => pet.name.to_owned(),
        }
    }

    fn subject(&self) -> Subject {
        Subject {
            api_version: self.input.set.api_version().to_owned(),
            kind: self.input.set.kind().to_owned(),
            namespace: self.identity.namespace.to_owned(),
            name: self.identity.name.to_owned(),
            uid: self.input.set.uid().to_owned(),
        }
    }

    fn note(&mut self, kind: NoteKind, reason: &'static str, message: String) {
        let subject = self.subject();
        let component = self.input.set.rules().component;
        self.plan.notes.push(Note { subject, field_path: String::new(), component, kind, reason, message });
    }

    fn wait(&mut self, reason: &'static str, message: String) {
        let subject = self.subject();
        self.plan.waits.push(Wait { subject, reason, message });
    }
}
