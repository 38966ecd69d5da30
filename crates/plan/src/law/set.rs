//! The laws of one decision about a set: whose turn it is, what its pets and claims are called, how much is said.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use api::petset::{HOSTNAME, INITIALIZED, SUBDOMAIN};
use k8s_openapi::api::core::v1::{Pod, PodSpec};

use super::{Law, Verdict, holds, is_leaving, name, namespace, once, words};
use crate::{
    Write, read,
    set::{AHEAD_MAX, CLAIMS_PER_PASS_MAX, Input, Plan, Reserved, STEPS_MAX},
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

/// [`Law::Order`]: a pet is created only in a place that is free, when every lower ordinal is there and every known pet is
/// well, and nothing else is created or deleted beside it.
pub fn order(input: &Input<'_>, plan: &Plan) -> Verdict {
    let facts = Facts::of(input);
    let created: Vec<&str> = created(plan).map(|pod| name(&pod.metadata)).collect();
    let Some(new) = created.first() else { return Ok(()) };
    holds(created.len() == 1, Law::Order, || format!("{} are created at once", created.join(" and ")))?;
    if let Some(old) = deleted(plan).next() {
        return holds(false, Law::Order, || format!("{new} is created and {old} is deleted at once"));
    }
    holds(!is_leaving(&input.set.metadata), Law::Order, || {
        format!("{new} is created for a set that is being deleted")
    })?;
    let Some(ordinal) = facts.ordinal(new).filter(|ordinal| facts.target.contains(ordinal)) else {
        return holds(false, Law::Order, || format!("{new} is created, which has no place among {:?}", facts.target));
    };
    holds(!facts.by_ordinal.contains_key(&ordinal), Law::Order, || format!("{new} is created although it is there"))?;
    for lower in 0..ordinal {
        holds(facts.by_ordinal.contains_key(&lower), Law::Order, || {
            format!("{new} is created while {} is missing", facts.pet(lower))
        })?;
    }
    let unwell = input.pods.iter().find_map(|pod| Some((name(&pod.metadata), unwell(pod)?)));
    match unwell {
        Some((pet, why)) => holds(false, Law::Order, || format!("{new} is created while {pet} {why}")),
        None => Ok(()),
    }
}

/// [`Law::Order`] for what is made before its turn: sandboxes alone, of pets that the set lacks, and a pod that was
/// reserved is made under its reserved uid or not under this name while the reservation lasts. [`Law::Bounded`]: so many
/// and no more.
pub fn ahead(input: &Input<'_>, plan: &Plan) -> Verdict {
    let facts = Facts::of(input);
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
                holds(is_free && !is_leaving(&input.set.metadata), Law::Order, || {
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
        format!("{} pets are reserved for set {}, more than {AHEAD_MAX}", after.len(), name(&input.set.metadata))
    })
}

/// [`Law::Descent`]: a pod goes only if the set has no place for it, when no pet is missing and every known one is well;
/// the newest goes first, of equally new ones the highest ordinal, and one at a time.
pub fn descent(input: &Input<'_>, plan: &Plan) -> Verdict {
    let facts = Facts::of(input);
    let deleted: Vec<&str> = deleted(plan).collect();
    let Some(old) = deleted.first() else { return Ok(()) };
    holds(deleted.len() == 1, Law::Descent, || format!("{} are deleted at once", deleted.join(" and ")))?;
    holds(!is_leaving(&input.set.metadata), Law::Descent, || {
        format!("{old} is deleted with its set, and pets outlive their set")
    })?;
    let Some(pod) = input.pods.iter().find(|pod| name(&pod.metadata) == *old) else {
        return holds(false, Law::Descent, || format!("{old} is deleted, which the set does not select"));
    };
    holds(!facts.is_in_place(pod), Law::Descent, || format!("{old} is deleted, which has its place in the set"))?;
    if let Some((pet, why)) = input.pods.iter().find_map(|pod| Some((name(&pod.metadata), unwell(pod)?))) {
        return holds(false, Law::Descent, || format!("{old} is deleted while {pet} {why}"));
    }
    if let Some(missing) = facts.missing().next() {
        return holds(false, Law::Descent, || format!("{old} is deleted while {} is missing", facts.pet(missing)));
    }
    let rank = |pod: &Pod| {
        let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
        (created, facts.ordinal(name(&pod.metadata)), name(&pod.metadata).to_owned())
    };
    let later = input.pods.iter().filter(|other| !facts.is_in_place(other)).find(|other| rank(other) > rank(pod));
    match later {
        Some(other) => holds(false, Law::Descent, || format!("{old} is deleted before {}", name(&other.metadata))),
        None => Ok(()),
    }
}

/// [`Law::Sticky`]: a pet mounts its own claims and nobody else's, a new one never one that is on its way out; a set makes
/// claims and never changes or removes one.
pub fn sticky(input: &Input<'_>, plan: &Plan) -> Verdict {
    let facts = Facts::of(input);
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
            Write::UpdateClaim(_) | Write::ClaimStatus { .. } => {
                return holds(false, Law::Sticky, || format!("claim {object} is changed by a set"));
            }
            Write::DeleteContent { resource, name, .. } => {
                return holds(false, Law::Sticky, || format!("{resource} {name} is removed by a set"));
            }
            Write::CreateVolume(_)
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
            | Write::UpdateNamespace(_)
            | Write::RemoveNamespace { .. } => {
                return holds(false, Law::Sticky, || format!("{kind} {object} is written by a set"));
            }
            Write::CreateClaim(_)
            | Write::DeletePod { .. }
            | Write::PetSetStatus { .. }
            | Write::Reserve(_)
            | Write::Release { .. } => {}
        }
    }
    Ok(())
}

/// [`Law::SaysWhy`]: each pet that is missing and each pod that is too many has a write or is named by a wait, and while
/// a pet is not well there is a wait. A set that is being deleted wants nothing any more.
pub fn says_why(input: &Input<'_>, plan: &Plan) -> Verdict {
    if is_leaving(&input.set.metadata) {
        return Ok(());
    }
    let facts = Facts::of(input);
    let written: BTreeSet<&str> = created(plan).map(|pod| name(&pod.metadata)).chain(deleted(plan)).collect();
    let named = words(&plan.waits);
    let is_said = |name: &str| written.contains(name) || named.contains(name);
    let surplus = input.pods.iter().filter(|pod| !facts.is_in_place(pod) && !is_leaving(&pod.metadata));
    let silent: Vec<&str> = surplus.map(|pod| name(&pod.metadata)).filter(|pod| !is_said(pod)).collect();
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
    let Some((pet, why)) = input.pods.iter().find_map(|pod| Some((name(&pod.metadata), unwell(pod)?))) else {
        return Ok(());
    };
    holds(!plan.waits.is_empty(), Law::SaysWhy, || format!("{pet} {why}, and nobody says so"))
}

/// [`Law::Quiet`]: no write says what is so already, and a set that is as specified has no plan but its status.
pub fn quiet(input: &Input<'_>, plan: &Plan) -> Verdict {
    for write in &plan.writes {
        let (kind, _, object) = super::target(write);
        let pod = input.pods.iter().find(|pod| kind == "pod" && name(&pod.metadata) == object);
        let is_so = match write {
            Write::PetSetStatus { observed_generation, replicas, .. } => {
                let status = &input.set.status;
                status.observed_generation == Some(*observed_generation) && status.replicas == *replicas
            }
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
        format!("set {} is to be looked at again at once", name(&input.set.metadata))
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

/// [`Law::Settles`]: the set has exactly the pets and claims that it asks for, all of them well, and counts them.
pub fn settled(input: &Input<'_>) -> Verdict {
    if let Some(reserved) = input.reserved.first() {
        return holds(false, Law::Settles, || format!("{} is still reserved", name(&reserved.metadata)));
    }
    if is_leaving(&input.set.metadata) {
        return Ok(());
    }
    let facts = Facts::of(input);
    let set = name(&input.set.metadata);
    if let Some(missing) = facts.missing().next() {
        return holds(false, Law::Settles, || format!("{} is missing", facts.pet(missing)));
    }
    if let Some(pod) = input.pods.iter().find(|pod| !facts.is_in_place(pod)) {
        return holds(false, Law::Settles, || format!("{} has no place in set {set}", name(&pod.metadata)));
    }
    if let Some((pet, why)) = input.pods.iter().find_map(|pod| Some((name(&pod.metadata), unwell(pod)?))) {
        return holds(false, Law::Settles, || format!("{pet} {why}"));
    }
    for (ordinal, pod) in &facts.by_ordinal {
        let annotation = |key: &str| pod.metadata.annotations.as_ref().and_then(|all| all.get(key)).map(String::as_str);
        let (pet, service) = (facts.pet(*ordinal), input.set.spec.service_name.as_str());
        let has_domain = service.is_empty() || annotation(SUBDOMAIN) == Some(service);
        holds(annotation(HOSTNAME) == Some(&pet) && has_domain, Law::Settles, || format!("{pet} has lost its name"))?;
    }
    let claims: BTreeSet<&str> = input.claims.iter().map(|claim| name(&claim.metadata)).collect();
    for ordinal in facts.by_ordinal.keys() {
        for template in &facts.templates {
            let claim = format!("{template}-{}", facts.pet(*ordinal));
            holds(claims.contains(claim.as_str()), Law::Settles, || format!("claim {claim} is missing"))?;
        }
    }
    let (status, wanted) = (&input.set.status, facts.target.len());
    holds(usize::try_from(status.replicas) == Ok(wanted), Law::Settles, || {
        format!("the status of set {set} counts {} pets of {wanted}", status.replicas)
    })?;
    let generation = input.set.metadata.generation.unwrap_or_default();
    holds(status.observed_generation == Some(generation), Law::Settles, || {
        format!("the status of set {set} is of generation {:?}, not {generation}", status.observed_generation)
    })
}

/// [`Law::Alone`]: what is written belongs to the set, and what is said is said about it.
pub fn alone(input: &Input<'_>, plan: &Plan) -> Verdict {
    let facts = Facts::of(input);
    let (set, home) = (name(&input.set.metadata), namespace(&input.set.metadata));
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
            Write::PetSetStatus { .. } => object == set,
            _ => true,
        };
        holds(is_own && namespace == home, Law::Alone, || {
            format!("{kind} {namespace}/{object} is written, which is not of set {home}/{set}")
        })?;
    }
    let subjects = plan.waits.iter().map(|wait| &wait.subject).chain(plan.notes.iter().map(|note| &note.subject));
    for subject in subjects {
        let is_own = subject.kind == "PetSet" && subject.namespace == home && subject.name == set;
        holds(is_own, Law::Alone, || format!("{} {} is spoken of by set {home}/{set}", subject.kind, subject.name))?;
    }
    Ok(())
}

/// [`Law::Bounded`]: claims and waits of one pass have their limits, and no object is written twice.
pub fn bounded(input: &Input<'_>, plan: &Plan) -> Verdict {
    let set = name(&input.set.metadata);
    let claims = plan.writes.iter().filter(|write| matches!(write, Write::CreateClaim(_))).count();
    holds(claims <= CLAIMS_PER_PASS_MAX, Law::Bounded, || {
        format!("{claims} claims are made for set {set} in one pass, more than {CLAIMS_PER_PASS_MAX}")
    })?;
    // The steps by name, the others in a number, and a word about each pod.
    let waits_max = STEPS_MAX + 1 + input.pods.len();
    holds(plan.waits.len() <= waits_max, Law::Bounded, || {
        format!("set {set} waits for {} things, more than {waits_max}", plan.waits.len())
    })?;
    // One for each claim and step, and one about the service.
    let notes_max = CLAIMS_PER_PASS_MAX + 2;
    holds(plan.notes.len() <= notes_max, Law::Bounded, || {
        format!("set {set} tells {} things in one pass, more than {notes_max}", plan.notes.len())
    })?;
    once(&plan.writes)
}

/// Why a pod is not well, as the end of a sentence; `None` where it is Running, Ready, initialised and stays.
fn unwell(pod: &Pod) -> Option<&'static str> {
    let annotation = pod.metadata.annotations.as_ref().and_then(|all| all.get(INITIALIZED));
    if is_leaving(&pod.metadata) {
        Some("is being deleted")
    } else if read::phase(pod) != "Running" {
        Some("is not Running")
    } else if !read::is_ready(pod) {
        Some("is not Ready")
    } else if annotation.and_then(|value| read::parse_bool(value)) != Some(true) {
        Some("is not initialized")
    } else {
        None
    }
}

/// What the laws read of a set and its pods.
struct Facts<'a> {
    set: &'a str,
    target: Range<u32>,
    templates: BTreeSet<&'a str>,
    /// Claims that the pod template itself names: every pet mounts them.
    shared: BTreeSet<&'a str>,
    /// The pods that are pets, in place or not.
    by_ordinal: BTreeMap<u32, &'a Pod>,
}

impl<'a> Facts<'a> {
    fn of(input: &Input<'a>) -> Facts<'a> {
        let set = input.set;
        let replicas = set.spec.replicas.unwrap_or(1);
        let templates = &set.spec.volume_claim_templates;
        let mut facts = Facts {
            set: name(&set.metadata),
            target: 0..u32::try_from(replicas).unwrap_or(0),
            templates: templates.iter().map(|template| name(&template.metadata)).collect(),
            shared: set.spec.template.spec.iter().flat_map(mounted_claims).collect(),
            by_ordinal: BTreeMap::new(),
        };
        let pets = input.pods.iter().filter_map(|pod| Some((facts.ordinal(name(&pod.metadata))?, *pod)));
        facts.by_ordinal = pets.collect();
        facts
    }

    /// The ordinal in a pet's name: `$(set)-$(ordinal)`, in decimal, without leading zeros.
    fn ordinal(&self, pod: &str) -> Option<u32> {
        let digits = pod.strip_prefix(self.set)?.strip_prefix('-')?;
        let is_plain = digits == "0" || !digits.starts_with(['0', '+']);
        digits.parse().ok().filter(|_| is_plain)
    }

    fn pet(&self, ordinal: u32) -> String {
        format!("{}-{ordinal}", self.set)
    }

    fn is_in_place(&self, pod: &Pod) -> bool {
        self.ordinal(name(&pod.metadata)).is_some_and(|ordinal| self.target.contains(&ordinal))
    }

    fn missing(&self) -> impl Iterator<Item = u32> + '_ {
        self.target.clone().filter(|ordinal| !self.by_ordinal.contains_key(ordinal))
    }
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
