//! The laws of one decision about a set: whose turn it is, what its pets and claims are called, how much is said.
//!
//! [`order()`] and [`descent()`], which differ from kind to kind and from policy to policy, stand in a file of their own.

mod order;
mod settled;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use api::{petset::INITIALIZED, selector::Labels};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{
    apps::v1::{ControllerRevision, StatefulSetSpec},
    core::v1::{PersistentVolumeClaim, Pod, PodSpec, PodTemplateSpec},
};
use serde_json::json;

pub use self::{
    order::{descent, order},
    settled::settled,
};
use super::{Law, Verdict, holds, is_leaving, name, namespace, once, words};
use crate::{
    Write, read,
    set::{
        AHEAD_MAX, BATCH_MAX, CLAIMS_PER_PASS_MAX, Input, PODS_AND_CLAIMS_MAX, Plan, REVISION_LABEL, Reserved,
        STEPS_MAX, Set,
    },
};

/// All laws that one decision can break.
pub fn all(input: &Input<'_>, plan: &Plan) -> Verdict {
    order(input, plan)?;
    ahead(input, plan)?;
    descent(input, plan)?;
    sticky(input, plan)?;
    says_why(input, plan)?;
    quiet(input, plan)?;
    alone(input, plan)?;
    bounded(input, plan)
}

/// [`Law::Order`] for what is made before its turn: sandboxes alone, of pets that the set lacks, and a pod that was
/// reserved is made under its reserved uid or not under this name while the reservation lasts. [`Law::Bounded`]: so many
/// and no more.
pub fn ahead(input: &Input<'_>, plan: &Plan) -> Verdict {
    let facts = Facts::of(input, plan);
    let mut after: BTreeMap<&str, &Reserved> =
        input.reserved.iter().map(|reserved| (name(&reserved.metadata), *reserved)).collect();
    let before = after.clone();
    for write in &plan.writes {
        match write {
            Write::Release { name, .. } => drop(after.remove(name.as_str())),
            Write::Reserve(reserved) => {
                let pet = name(&reserved.metadata);
                let is_free = facts
                    .ordinal(pet)
                    .is_some_and(|ordinal| facts.target.contains(&ordinal) && !facts.by_ordinal.contains_key(&ordinal));
                holds(is_free && !is_leaving(input.set.metadata()), Law::Order, || {
                    format!("{pet} is reserved, which the set does not lack")
                })?;
                after.insert(pet, reserved);
            }
            _ => {}
        }
    }
    for pod in created(plan) {
        let pet = name(&pod.metadata);
        holds(!after.contains_key(pet), Law::Order, || format!("{pet} is created and reserved at once"))?;
        let promised = before.get(pet).and_then(|reserved| reserved.uid());
        let uid = pod.metadata.uid.as_ref();
        holds(uid.is_none() || uid == promised, Law::OneOfEach, || {
            format!("{pet} is created under a uid that was not reserved for it")
        })?;
    }
    holds(after.len() <= AHEAD_MAX, Law::Bounded, || {
        format!("{} pets are reserved for set {}, more than {AHEAD_MAX}", after.len(), name(input.set.metadata()))
    })
}

/// [`Law::Sticky`]: a pet mounts its own claims and nobody else's, a new one never one that is on its way out; a set makes
/// claims and never changes or removes one.
pub fn sticky(input: &Input<'_>, plan: &Plan) -> Verdict {
    let facts = Facts::of(input, plan);
    for write in &plan.writes {
        let (kind, _, object) = super::target(write);
        match write {
            Write::CreatePod(pod) => {
                let pet = name(&pod.metadata);
                let mounted: BTreeSet<&str> = claims_of(pod).collect();
                let own: BTreeSet<String> = facts.templates.iter().map(|claim| format!("{claim}-{pet}")).collect();
                for claim in &own {
                    holds(mounted.contains(claim.as_str()), Law::Sticky, || {
                        format!("{pet} is created without its claim {claim}")
                    })?;
                    let leaving = input.claims.iter().find(|c| name(&c.metadata) == claim && is_leaving(&c.metadata));
                    holds(leaving.is_none(), Law::Sticky, || {
                        format!("{pet} is created on claim {claim}, which is being deleted")
                    })?;
                }
                let foreign = mounted.iter().find(|claim| {
                    let of_a_pet = facts.templates.iter().any(|template| {
                        claim
                            .strip_prefix(template)
                            .and_then(|c| c.strip_prefix('-'))
                            .is_some_and(|pet| facts.ordinal(pet).is_some())
                    });
                    of_a_pet && !own.contains(**claim) && !facts.shared.contains(**claim)
                });
                if let Some(claim) = foreign {
                    return holds(false, Law::Sticky, || format!("{pet} is created on another pet's claim {claim}"));
                }
            }
            Write::UpdatePod(pod) => {
                let old = input.pods.iter().find(|old| name(&old.metadata) == object);
                let is_same = old.is_some_and(|old| claims_of(old).eq(claims_of(pod)));
                holds(is_same, Law::Sticky, || format!("{object} is given other claims than it has"))?;
            }
            Write::UpdateClaim(claim) => {
                let old = input.claims.iter().find(|old| name(&old.metadata) == object);
                let is_same = old.is_some_and(|old| {
                    let mut new = (**claim).clone();
                    new.metadata.owner_references.clone_from(&old.metadata.owner_references);
                    new == **old
                });
                holds(is_same && facts.is_stateful(), Law::Sticky, || {
                    format!("claim {object} is changed by a set in more than whose it is")
                })?;
            }
            Write::ClaimStatus { .. } => {
                return holds(false, Law::Sticky, || format!("the status of claim {object} is written by a set"));
            }
            Write::DeleteContent { resource, name, .. } => {
                holds(resource == "controllerrevisions.apps", Law::Sticky, || {
                    format!("{resource} {name} is removed by a set")
                })?;
                let is_live = facts.pods.iter().any(|pod| revision_of(pod) == name)
                    || facts.update == *name
                    || facts.current() == name;
                holds(!is_live, Law::Sticky, || format!("revision {name} is forgotten, and pets are of it"))?;
            }
            Write::CreateVolume(_)
            | Write::DeleteDependent { .. }
            | Write::SetOwners { .. }
            | Write::RemoveFinalizer { .. }
            | Write::BeginVolume(_)
            | Write::AbandonVolume(_)
            | Write::EndVolume { .. }
            | Write::UpdateVolume(_)
            | Write::VolumeStatus { .. }
            | Write::RemoveVolume { .. }
            | Write::RemovePod { .. }
            | Write::PodStatus { .. }
            | Write::NodeStatus { .. }
            | Write::BudgetStatus { .. }
            | Write::Endpoints { .. }
            | Write::Slice { .. }
            | Write::CreateAccount(_)
            | Write::ConfigMap { .. }
            | Write::UpdateNamespace(_)
            | Write::RemoveNamespace { .. } => {
                return holds(false, Law::Sticky, || format!("{kind} {object} is written by a set"));
            }
            Write::CreateClaim(_)
            | Write::DeletePod { .. }
            | Write::PetSetStatus { .. }
            | Write::StatefulSetStatus { .. }
            | Write::CreateRevision(_)
            | Write::UpdateRevision(_)
            | Write::Reserve(_)
            | Write::Release { .. } => {}
        }
    }
    Ok(())
}

/// [`Law::SaysWhy`]: each pet that is missing and each pod that is too many has a write or is named by a wait, and while
/// a pet is not well there is a wait. A set that is being deleted wants nothing any more.
pub fn says_why(input: &Input<'_>, plan: &Plan) -> Verdict {
    if is_leaving(input.set.metadata()) {
        return Ok(());
    }
    let facts = Facts::of(input, plan);
    let written: BTreeSet<&str> = created(plan).map(|pod| name(&pod.metadata)).chain(deleted(plan)).collect();
    let named = words(&plan.waits);
    let is_said = |name: &str| written.contains(name) || named.contains(name);
    let undone = facts.pods.iter().copied().filter(|pod| !is_leaving(&pod.metadata) && facts.is_undone(pod));
    let silent: Vec<&str> = undone.map(|pod| name(&pod.metadata)).filter(|pod| !is_said(pod)).collect();
    // A very large set names its first steps and counts the others.
    let missing = facts.target.len() - facts.by_ordinal.keys().filter(|o| facts.target.contains(o)).count();
    let said: BTreeSet<u32> = named.union(&written).filter_map(|word| facts.ordinal(word)).collect();
    let said = said.iter().filter(|o| facts.target.contains(o) && !facts.by_ordinal.contains_key(o)).count();
    let counted: usize = plan.waits.iter().filter_map(|wait| more(&wait.message)).sum();
    holds(silent.len() + missing - said <= counted, Law::SaysWhy, || {
        let first = facts.missing().map(|o| facts.pet(o)).find(|pet| !is_said(pet));
        let all: Vec<&str> = silent.iter().copied().chain(first.as_deref()).collect();
        format!("{} left undone, and nobody says why", all.join(", "))
    })?;
    let Some((pet, why)) = facts.first_unwell() else { return Ok(()) };
    let is_done = created(plan).next().is_some() || deleted(plan).next().is_some();
    holds(is_done && facts.is_stateful() || !plan.waits.is_empty(), Law::SaysWhy, || {
        format!("{pet} {why}, and nobody says so")
    })
}

/// [`Law::Quiet`]: no write says what is so already, and a set that is as specified has no plan but its status.
pub fn quiet(input: &Input<'_>, plan: &Plan) -> Verdict {
    for write in &plan.writes {
        let (kind, _, object) = super::target(write);
        let pod = input.pods.iter().find(|pod| kind == "pod" && name(&pod.metadata) == object);
        let is_so = match write {
            Write::PetSetStatus { observed_generation, replicas, .. } => match input.set {
                Set::PetSet(set) => {
                    set.status.observed_generation == Some(*observed_generation) && set.status.replicas == *replicas
                }
                Set::StatefulSet(_) => true,
            },
            Write::StatefulSetStatus { status, .. } => match input.set {
                Set::PetSet(_) => true,
                Set::StatefulSet(set) => set.status.as_ref() == Some(&**status),
            },
            Write::UpdateClaim(new) => input.claims.iter().any(|old| **old == **new),
            Write::UpdateRevision(new) => input.revisions.iter().any(|old| **old == **new),
            Write::CreateRevision(new) => input.revisions.iter().any(|old| old.metadata.name == new.metadata.name),
            Write::CreatePod(_) => pod.is_some(),
            Write::Reserve(_) => input.reserved.iter().any(|reserved| name(&reserved.metadata) == object),
            Write::CreateClaim(_) => input.claims.iter().any(|claim| name(&claim.metadata) == object),
            Write::UpdatePod(new) => pod.is_some_and(|old| **old == **new),
            Write::DeletePod { .. } => pod.is_some_and(|pod| is_leaving(&pod.metadata)),
            _ => false,
        };
        holds(!is_so, Law::Quiet, || format!("{kind} {object} is written although it is so already"))?;
    }
    holds(plan.look_again.is_none_or(|at| at > input.now), Law::Quiet, || {
        format!("set {} is to be looked at again at once", name(input.set.metadata()))
    })?;
    if settled(input).is_err() {
        return Ok(());
    }
    rests(plan)
}

/// [`Law::Quiet`] for a plan of which it is known that nothing is left to do.
pub fn rests(plan: &Plan) -> Verdict {
    let acts = plan.writes.first().map(|write| {
        let (kind, _, object) = super::target(write);
        format!("{kind} {object} is written")
    });
    let tells = plan.notes.first().map(|note| format!("it is told that {}", note.message));
    match acts.or(tells) {
        Some(what) => holds(false, Law::Quiet, || format!("{what} although nothing has changed")),
        None => Ok(()),
    }
}

/// [`Law::Alone`]: what is written belongs to the set, and what is said is said about it.
pub fn alone(input: &Input<'_>, plan: &Plan) -> Verdict {
    let facts = Facts::of(input, plan);
    let (set, home) = (name(input.set.metadata()), namespace(input.set.metadata()));
    for write in &plan.writes {
        let (kind, namespace, object) = super::target(write);
        let is_own = match write {
            Write::CreatePod(_) | Write::Reserve(_) => facts.ordinal(object).is_some(),
            Write::Release { .. } => input.reserved.iter().any(|reserved| name(&reserved.metadata) == object),
            Write::UpdatePod(_) | Write::DeletePod { .. } => input.pods.iter().any(|pod| name(&pod.metadata) == object),
            Write::CreateClaim(_) => facts.templates.iter().any(|template| {
                let pet = object.strip_prefix(template).and_then(|rest| rest.strip_prefix('-'));
                pet.and_then(|pet| facts.ordinal(pet)).is_some_and(|ordinal| facts.target.contains(&ordinal))
            }),
            Write::UpdateClaim(_) => facts.templates.iter().any(|template| {
                let pet = object.strip_prefix(template).and_then(|rest| rest.strip_prefix('-'));
                pet.and_then(|pet| facts.ordinal(pet)).is_some()
            }),
            Write::PetSetStatus { .. } | Write::StatefulSetStatus { .. } => object == set,
            Write::CreateRevision(revision) | Write::UpdateRevision(revision) => {
                controller(&revision.metadata) == Some(input.set.uid())
            }
            Write::DeleteContent { .. } => input
                .revisions
                .iter()
                .any(|own| name(&own.metadata) == object && controller(&own.metadata) == Some(input.set.uid())),
            _ => true,
        };
        holds(is_own && namespace == home, Law::Alone, || {
            format!("{kind} {namespace}/{object} is written, which is not of set {home}/{set}")
        })?;
    }
    let subjects = plan.waits.iter().map(|wait| &wait.subject).chain(plan.notes.iter().map(|note| &note.subject));
    for subject in subjects {
        let is_own = subject.kind == input.set.kind() && subject.namespace == home && subject.name == set;
        holds(is_own, Law::Alone, || format!("{} {} is spoken of by set {home}/{set}", subject.kind, subject.name))?;
    }
    Ok(())
}

/// [`Law::Bounded`]: claims and waits of one pass have their limits, so have the objects that sets make together, and no
/// object is written twice.
pub fn bounded(input: &Input<'_>, plan: &Plan) -> Verdict {
    let set = name(input.set.metadata());
    let claims = plan.writes.iter().filter(|write| matches!(write, Write::CreateClaim(_))).count();
    holds(claims <= CLAIMS_PER_PASS_MAX, Law::Bounded, || {
        format!("{claims} claims are made for set {set} in one pass, more than {CLAIMS_PER_PASS_MAX}")
    })?;
    let made = claims + created(plan).count();
    let room = PODS_AND_CLAIMS_MAX.saturating_sub(input.pods_and_claims);
    holds(made == 0 || made <= room, Law::Bounded, || {
        format!("{made} pets and claims are made for set {set}, and there is room for {room}")
    })?;
    let steps = created(plan).count() + deleted(plan).count();
    holds(steps <= BATCH_MAX, Law::Bounded, || {
        format!("{steps} pets of set {set} are made or deleted in one pass, more than {BATCH_MAX}")
    })?;
    // The steps by name, the others in a number, and a word about each pod.
    let waits_max = STEPS_MAX + BATCH_MAX + 1 + input.pods.len();
    holds(plan.waits.len() <= waits_max, Law::Bounded, || {
        format!("set {set} waits for {} things, more than {waits_max}", plan.waits.len())
    })?;
    // One for each claim, one for each step and about its service, one for each claim that somebody else controls.
    let notes_max = CLAIMS_PER_PASS_MAX + 2 * (BATCH_MAX + 1) + input.claims.len();
    holds(plan.notes.len() <= notes_max, Law::Bounded, || {
        format!("set {set} tells {} things in one pass, more than {notes_max}", plan.notes.len())
    })?;
    once(&plan.writes)
}

/// What the laws read of a set and its pods.
struct Facts<'a> {
    set: Set<'a>,
    name: &'a str,
    now: Timestamp,
    target: Range<u32>,
    templates: BTreeSet<&'a str>,
    /// Claims that the pod template itself names: every pet mounts them.
    shared: BTreeSet<&'a str>,
    /// The pods that are the set's.
    pods: Vec<&'a Pod>,
    /// The names of pods that the set controls, which are not its own: their labels have changed.
    released: Vec<&'a str>,
    /// The pods that are pets, in place or not.
    by_ordinal: BTreeMap<u32, &'a Pod>,
    /// The names of the revisions that the set controls.
    revisions: BTreeSet<&'a str>,
    /// The name of the revision whose template is the set's own; empty where there is none.
    update: String,
}

impl<'a> Facts<'a> {
    fn of(input: &Input<'a>, plan: &Plan) -> Facts<'a> {
        let set = input.set;
        let template = match set {
            Set::PetSet(set) => &set.spec.template,
            Set::StatefulSet(_) => &spec(set).template,
        };
        let mut facts = Facts {
            set,
            name: set.name(),
            now: input.now,
            target: target(set),
            templates: claim_templates(set).iter().map(|template| name(&template.metadata)).collect(),
            shared: template.spec.iter().flat_map(mounted_claims).collect(),
            pods: input.pods.iter().copied().filter(|pod| is_member(set, pod)).collect(),
            released: input
                .pods
                .iter()
                .filter(|pod| !is_member(set, pod) && controller(&pod.metadata) == Some(set.uid()))
                .map(|pod| name(&pod.metadata))
                .collect(),
            by_ordinal: BTreeMap::new(),
            revisions: own_revisions(input).map(|revision| name(&revision.metadata)).collect(),
            update: update(input, plan, template),
        };
        let pets = facts.pods.iter().filter_map(|pod| Some((facts.ordinal(name(&pod.metadata))?, *pod)));
        facts.by_ordinal = pets.collect();
        facts
    }

    fn is_stateful(&self) -> bool {
        matches!(self.set, Set::StatefulSet(_))
    }

    /// Whether pets are made and deleted without a look at the others.
    fn is_parallel(&self) -> bool {
        self.is_stateful() && spec(self.set).pod_management_policy.as_deref() == Some("Parallel")
    }

    /// `RollingUpdate`, `OnDelete` or `Recreate`; `OnDelete` for a PetSet, whose pets are never replaced.
    fn strategy(&self) -> &'a str {
        if !self.is_stateful() {
            return "OnDelete";
        }
        let strategy = spec(self.set).update_strategy.as_ref();
        strategy.and_then(|strategy| strategy.type_.as_deref()).unwrap_or("RollingUpdate")
    }

    /// The lowest ordinal that a rolling update may touch.
    fn partition(&self) -> u32 {
        let strategy = spec(self.set).update_strategy.as_ref();
        let partition = strategy.and_then(|strategy| strategy.rolling_update.as_ref()?.partition);
        self.target.start + u32::try_from(partition.unwrap_or(0)).unwrap_or(0)
    }

    /// The name of the revision that the status calls current.
    fn current(&self) -> &'a str {
        let Set::StatefulSet(set) = self.set else { return "" };
        set.status.as_ref().and_then(|status| status.current_revision.as_deref()).unwrap_or_default()
    }

    /// Whether the pod is to be replaced by one of the newest revision.
    fn is_outdated(&self, pod: &Pod) -> bool {
        let is_touched = match self.strategy() {
            "RollingUpdate" => {
                self.is_in_place(pod)
                    && self.ordinal(name(&pod.metadata)).is_some_and(|ordinal| ordinal >= self.partition())
            }
            "Recreate" => true,
            _ => false,
        };
        is_touched && revision_of(pod) != self.update
    }

    /// Whether the pod has ended, where sets of its kind make it again.
    fn is_ended(&self, pod: &Pod) -> bool {
        self.is_stateful() && self.is_in_place(pod) && read::is_finished(pod)
    }

    /// Whether the pod should go.
    fn is_undone(&self, pod: &Pod) -> bool {
        !self.is_in_place(pod) || self.is_ended(pod) || self.is_outdated(pod)
    }

    /// Why a pod is not well, as the end of a sentence; `None` where it is Running and Ready, stays, and is initialised or has
    /// been Ready for long enough.
    fn unwell(&self, pod: &Pod) -> Option<&'static str> {
        let annotation = pod.metadata.annotations.as_ref().and_then(|all| all.get(INITIALIZED));
        if is_leaving(&pod.metadata) {
            Some("is being deleted")
        } else if read::phase(pod) != "Running" {
            Some("is not Running")
        } else if !read::is_ready(pod) {
            Some("is not Ready")
        } else if self.is_stateful() {
            let seconds = spec(self.set).min_ready_seconds.unwrap_or(0);
            let ready = pod.status.as_ref().and_then(|status| read::condition(status, "Ready"));
            let since = ready.and_then(|ready| ready.last_transition_time.as_ref()).map(|time| time.0);
            let is_new = since.is_some_and(|since| since + SignedDuration::from_secs(seconds.into()) > self.now);
            (seconds > 0 && is_new).then_some("is not available yet")
        } else if annotation.and_then(|value| read::parse_bool(value)) != Some(true) {
            Some("is not initialized")
        } else {
            None
        }
    }

    fn first_unwell(&self) -> Option<(&'a str, &'static str)> {
        self.pods.iter().find_map(|pod| Some((name(&pod.metadata), self.unwell(pod)?)))
    }

    /// The ordinal in a pet's name: `$(set)-$(ordinal)`, in decimal, without leading zeros.
    fn ordinal(&self, pod: &str) -> Option<u32> {
        let digits = pod.strip_prefix(self.name)?.strip_prefix('-')?;
        let is_plain = digits == "0" || !digits.starts_with(['0', '+']);
        digits.parse().ok().filter(|_| is_plain)
    }

    fn pet(&self, ordinal: u32) -> String {
        format!("{}-{ordinal}", self.name)
    }

    fn is_in_place(&self, pod: &Pod) -> bool {
        self.ordinal(name(&pod.metadata)).is_some_and(|ordinal| self.target.contains(&ordinal))
    }

    fn missing(&self) -> impl Iterator<Item = u32> + '_ {
        self.target.clone().filter(|ordinal| !self.by_ordinal.contains_key(ordinal))
    }
}

/// The revision that a pod says it is of.
fn revision_of(pod: &Pod) -> &str {
    pod.metadata.labels.as_ref().and_then(|labels| labels.get(REVISION_LABEL)).map_or("", String::as_str)
}

/// The spec of a StatefulSet.
fn spec(set: Set<'_>) -> &StatefulSetSpec {
    static NONE: std::sync::LazyLock<StatefulSetSpec> = std::sync::LazyLock::new(StatefulSetSpec::default);
    match set {
        Set::StatefulSet(set) => set.spec.as_ref().unwrap_or(&NONE),
        Set::PetSet(_) => &NONE,
    }
}

fn target(set: Set<'_>) -> Range<u32> {
    let (start, replicas) = match set {
        Set::PetSet(set) => (0, set.spec.replicas),
        Set::StatefulSet(_) => {
            let start = spec(set).ordinals.as_ref().and_then(|ordinals| ordinals.start);
            (u32::try_from(start.unwrap_or(0)).unwrap_or(0), spec(set).replicas)
        }
    };
    start..start + u32::try_from(replicas.unwrap_or(1)).unwrap_or(0)
}

fn claim_templates(set: Set<'_>) -> &[PersistentVolumeClaim] {
    match set {
        Set::PetSet(set) => &set.spec.volume_claim_templates,
        Set::StatefulSet(_) => spec(set).volume_claim_templates.as_deref().unwrap_or_default(),
    }
}

/// Whether a pod is the set's: by labels for a PetSet; for a StatefulSet by labels and name, unless somebody else controls it.
fn is_member(set: Set<'_>, pod: &Pod) -> bool {
    if matches!(set, Set::PetSet(_)) {
        return true;
    }
    let selected =
        Labels::from_selector(&spec(set).selector).matches(pod.metadata.labels.as_ref().unwrap_or(&BTreeMap::new()));
    let digits = name(&pod.metadata).strip_prefix(set.name()).and_then(|rest| rest.strip_prefix('-'));
    let is_named =
        digits.is_some_and(|digits| digits.parse::<u32>().is_ok_and(|ordinal| ordinal.to_string() == digits));
    let is_free = !is_leaving(set.metadata()) && !is_leaving(&pod.metadata);
    selected && is_named && controller(&pod.metadata).map_or(is_free, |controller| controller == set.uid())
}

/// The uid of an object's controller.
fn controller(object: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> Option<&str> {
    let owner = object.owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
    owner.map(|owner| owner.uid.as_str())
}

fn own_revisions<'a>(input: &Input<'a>) -> impl Iterator<Item = &'a ControllerRevision> {
    let uid = input.set.uid();
    input.revisions.iter().copied().filter(move |revision| controller(&revision.metadata) == Some(uid))
}

/// The revision, stored or about to be, whose template is this one.
fn update(input: &Input<'_>, plan: &Plan, template: &PodTemplateSpec) -> String {
    let written = plan.writes.iter().filter_map(|write| match write {
        Write::CreateRevision(revision) | Write::UpdateRevision(revision) => Some(&**revision),
        _ => None,
    });
    let template = json!(template);
    let is_it = |revision: &&ControllerRevision| {
        let mut held =
            revision.data.as_ref().map_or(serde_json::Value::Null, |data| data.0["spec"]["template"].clone());
        held.as_object_mut().map(|held| held.remove("$patch"));
        held == template && controller(&revision.metadata) == Some(input.set.uid())
    };
    let stored = input.revisions.iter().copied();
    let newest = written.chain(stored).filter(is_it).max_by_key(|revision| revision.revision);
    newest.map(|revision| name(&revision.metadata).to_owned()).unwrap_or_default()
}

fn created(plan: &Plan) -> impl Iterator<Item = &Pod> {
    plan.writes.iter().filter_map(|write| match write {
        Write::CreatePod(pod) => Some(&**pod),
        _ => None,
    })
}

fn deleted(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.writes.iter().filter_map(|write| match write {
        Write::DeletePod { name, .. } => Some(name.as_str()),
        _ => None,
    })
}

/// The claims that a pod mounts, in its own order.
fn claims_of(pod: &Pod) -> impl Iterator<Item = &str> {
    pod.spec.iter().flat_map(mounted_claims)
}

fn mounted_claims(spec: &PodSpec) -> impl Iterator<Item = &str> {
    let volumes = spec.volumes.iter().flatten();
    volumes.filter_map(|volume| Some(volume.persistent_volume_claim.as_ref()?.claim_name.as_str()))
}

/// The number in `waiting with 7 more pets`.
fn more(message: &str) -> Option<usize> {
    message.split_once(" more pets")?.0.rsplit(' ').next()?.parse().ok()
}
