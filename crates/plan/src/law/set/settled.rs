//! What a set is like when nothing is left to do.

use std::collections::BTreeSet;

use api::petset::{HOSTNAME, SUBDOMAIN};
use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};

use super::{Facts, controller, revision_of};
use crate::{
    law::{Law, Verdict, holds, is_leaving, name},
    read,
    set::{Input, POD_INDEX_LABEL, POD_NAME_LABEL, Plan, Set},
};

/// [`Law::Settles`]: the set has exactly the pets and claims that it asks for, all of them well, of the right revision and
/// under their names, counts them, and controls no other pod.
pub fn settled(input: &Input<'_>) -> Verdict {
    if let Some(reserved) = input.reserved.first() {
        return holds(false, Law::Settles, || format!("{} is still reserved", name(&reserved.metadata)));
    }
    let facts = Facts::of(input, &Plan::default());
    if is_leaving(input.set.metadata()) {
        // A PetSet forgets its pets; a StatefulSet counts them to the end.
        return match input.set {
            Set::PetSet(_) => Ok(()),
            Set::StatefulSet(set) => still_counts(&facts, set),
        };
    }
    let set = input.set.name();
    if let Some(kept) = facts.released.first() {
        return holds(false, Law::Settles, || format!("{kept} is none of set {set}'s pets, and the set controls it"));
    }
    if let Some(missing) = facts.missing().next() {
        return holds(false, Law::Settles, || format!("{} is missing", facts.pet(missing)));
    }
    if let Some(pod) = facts.pods.iter().find(|pod| !facts.is_in_place(pod)) {
        return holds(false, Law::Settles, || format!("{} has no place in set {set}", name(&pod.metadata)));
    }
    if let Some((pet, why)) = facts.first_unwell() {
        return holds(false, Law::Settles, || format!("{pet} {why}"));
    }
    if let Some(old) = facts.pods.iter().find(|pod| facts.is_outdated(pod)) {
        return holds(false, Law::Settles, || format!("{} is of an old revision", name(&old.metadata)));
    }
    for (ordinal, pod) in &facts.by_ordinal {
        is_tagged(&facts, *ordinal, pod)?;
    }
    let claims: BTreeSet<&str> = input.claims.iter().map(|claim| name(&claim.metadata)).collect();
    for ordinal in facts.by_ordinal.keys() {
        for template in &facts.templates {
            let claim = format!("{template}-{}", facts.pet(*ordinal));
            holds(claims.contains(claim.as_str()), Law::Settles, || format!("claim {claim} is missing"))?;
        }
    }
    let wanted = facts.target.len();
    let (counted, observed) = match input.set {
        Set::PetSet(set) => (set.status.replicas, set.status.observed_generation),
        Set::StatefulSet(set) => {
            counts(&facts, set)?;
            remembers(&facts, set)?;
            owns_claims(&facts, input)?;
            let status = set.status.as_ref();
            (status.map_or(0, |status| status.replicas), status.and_then(|status| status.observed_generation))
        }
    };
    holds(usize::try_from(counted) == Ok(wanted), Law::Settles, || {
        format!("the status of set {set} counts {counted} pets of {wanted}")
    })?;
    let generation = input.set.metadata().generation;
    holds(observed.unwrap_or_default() == generation.unwrap_or_default(), Law::Settles, || {
        format!("the status of set {set} is of generation {observed:?}, not {generation:?}")
    })
}

/// A pet says in its metadata which one it is, and whose.
fn is_tagged(facts: &Facts<'_>, ordinal: u32, pod: &Pod) -> Verdict {
    let pet = facts.pet(ordinal);
    let text = |of: &Option<std::collections::BTreeMap<String, String>>, key: &str| {
        of.as_ref().and_then(|all| all.get(key)).cloned()
    };
    let service = facts.set.service_name();
    let is_so = match facts.set {
        Set::PetSet(_) => {
            let annotations = &pod.metadata.annotations;
            text(annotations, HOSTNAME).as_ref() == Some(&pet)
                && (service.is_empty() || text(annotations, SUBDOMAIN).as_deref() == Some(service))
        }
        Set::StatefulSet(_) => {
            let labels = &pod.metadata.labels;
            text(labels, POD_NAME_LABEL).as_ref() == Some(&pet)
                && text(labels, POD_INDEX_LABEL) == Some(ordinal.to_string())
                && controller(&pod.metadata) == Some(facts.set.uid())
        }
    };
    holds(is_so, Law::Settles, || format!("{pet} has lost its name"))
}

/// The status of a StatefulSet at rest: everything ready, available, and counted by its revision. Unless users replace pets
/// themselves, the current revision is the newest when all are of it.
fn counts(facts: &Facts<'_>, set: &StatefulSet) -> Verdict {
    let status = set.status.clone().unwrap_or_default();
    let of = |revision: &str| i32::try_from(facts.pods.iter().filter(|pod| revision_of(pod) == revision).count()).ok();
    let wanted = i32::try_from(facts.target.len()).ok();
    let is_complete = facts.strategy() != "OnDelete" && of(&facts.update) == wanted;
    let is_so = status.ready_replicas.or(Some(0)) == wanted
        && status.available_replicas == wanted
        && status.updated_replicas.or(Some(0)) == of(&facts.update)
        && status.current_replicas.or(Some(0)) == of(facts.current())
        && status.update_revision.as_deref() == Some(&facts.update)
        && (!is_complete || facts.current() == facts.update);
    holds(is_so, Law::Settles, || {
        format!(
            "the status of set {} does not count what is there, of revision {}: {status:?}",
            facts.name, facts.update
        )
    })
}

/// The status of a StatefulSet that is being deleted is what is left of it.
fn still_counts(facts: &Facts<'_>, set: &StatefulSet) -> Verdict {
    let status = set.status.clone().unwrap_or_default();
    let count = |of: &dyn Fn(&Pod) -> bool| i32::try_from(facts.pods.iter().filter(|pod| of(pod)).count()).ok();
    let ready = count(&|pod| read::phase(pod) == "Running" && read::is_ready(pod));
    let current = count(&|pod| !is_leaving(&pod.metadata) && revision_of(pod) == facts.current());
    let is_so = Some(status.replicas) == count(&|pod| !read::phase(pod).is_empty())
        && status.ready_replicas.or(Some(0)) == ready
        && status.current_replicas.or(Some(0)) == current
        && status.observed_generation == set.metadata.generation;
    holds(is_so, Law::Settles, || format!("the status of set {} is not what is left of it", facts.name))
}

/// No more old revisions are kept than the history may be long.
fn remembers(facts: &Facts<'_>, set: &StatefulSet) -> Verdict {
    let limit = set.spec.as_ref().and_then(|spec| spec.revision_history_limit).unwrap_or(10);
    let live: BTreeSet<&str> =
        facts.pods.iter().map(|pod| revision_of(pod)).chain([facts.current(), facts.update.as_str()]).collect();
    let old = facts.revisions.iter().filter(|revision| !live.contains(*revision)).count();
    holds(usize::try_from(limit).is_ok_and(|limit| old <= limit) || limit < 0, Law::Settles, || {
        format!("set {} keeps {old} old revisions, more than {limit}", facts.name)
    })
}

/// A claim that goes with its set has the set as its controller, and one that stays has not; what somebody else controls is
/// theirs.
fn owns_claims(facts: &Facts<'_>, input: &Input<'_>) -> Verdict {
    let policy = super::spec(facts.set).persistent_volume_claim_retention_policy.clone().unwrap_or_default();
    let goes_with_set = policy.when_deleted.as_deref() == Some("Delete");
    let is_followed = goes_with_set || policy.when_scaled.as_deref() == Some("Delete");
    for (ordinal, pod) in &facts.by_ordinal {
        for template in &facts.templates {
            let claim = format!("{template}-{}", facts.pet(*ordinal));
            let Some(object) = input.claims.iter().find(|its| name(&its.metadata) == claim) else { continue };
            let owners = || object.metadata.owner_references.iter().flatten();
            let is_ours = |uid: &str| uid == facts.set.uid() || Some(uid) == pod.metadata.uid.as_deref();
            let is_foreign = owners().any(|owner| owner.controller == Some(true) && !is_ours(&owner.uid));
            let is_former = owners()
                .any(|owner| (owner.name == facts.name || owner.name == name(&pod.metadata)) && !is_ours(&owner.uid));
            let is_of_set = owners().any(|owner| owner.uid == facts.set.uid() && owner.controller == Some(true));
            let is_of_pod = owners().any(|owner| Some(&owner.uid) == pod.metadata.uid.as_ref());
            let wanted = goes_with_set && !(is_followed && is_foreign);
            holds(is_former || is_of_set == wanted && !is_of_pod, Law::Settles, || {
                format!("claim {claim} is not owned as the retention policy says")
            })?;
        }
    }
    Ok(())
}
