//! Who may be made and who may go, for each kind of set and each policy.

use super::{Facts, created, deleted, revision_of, spec};
use crate::{
    law::{Law, Verdict, holds, is_leaving, name},
    read,
    set::{Input, Plan, Set},
};
use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::util::intstr::IntOrString};

/// [`Law::Order`]: a pet is created only in a place that is free, by a set that stays.
///
/// Unless the set's policy is Parallel, it is created only when every lower ordinal is there and well, and nothing else is
/// created or deleted beside it; by a PetSet, only when every known pet is well. Under Recreate it is created only when no
/// pet of an old revision is left. It is of the newest revision, unless the partition keeps its ordinal on the current one.
pub fn order(input: &Input<'_>, plan: &Plan) -> Verdict {
    let facts = Facts::of(input, plan);
    let all: Vec<&Pod> = created(plan).collect();
    let Some(first) = all.first().map(|pod| name(&pod.metadata)) else { return Ok(()) };
    holds(!is_leaving(input.set.metadata()), Law::Order, || {
        format!("{first} is created for a set that is being deleted")
    })?;
    for pod in &all {
        let new = name(&pod.metadata);
        let Some(ordinal) = facts.ordinal(new).filter(|ordinal| facts.target.contains(ordinal)) else {
            return holds(false, Law::Order, || {
                format!("{new} is created, which has no place among {:?}", facts.target)
            });
        };
        holds(!facts.by_ordinal.contains_key(&ordinal), Law::Order, || {
            format!("{new} is created although it is there")
        })?;
        of_its_revision(&facts, pod, ordinal)?;
    }
    if let Some(old) = facts.pods.iter().find(|pod| facts.strategy() == "Recreate" && facts.is_outdated(pod)) {
        return holds(false, Law::Order, || format!("{first} is created while {} is there", name(&old.metadata)));
    }
    if facts.is_parallel() {
        return Ok(());
    }
    holds(all.len() == 1, Law::Order, || {
        let names: Vec<&str> = all.iter().map(|pod| name(&pod.metadata)).collect();
        format!("{} are created at once", names.join(" and "))
    })?;
    if let Some(old) = deleted(plan).next() {
        return holds(false, Law::Order, || format!("{first} is created and {old} is deleted at once"));
    }
    lower_are_well(&facts, first, "created")?;
    match facts.first_unwell() {
        Some((pet, why)) if !facts.is_stateful() => {
            holds(false, Law::Order, || format!("{first} is created while {pet} {why}"))
        }
        _ => Ok(()),
    }
}

/// Every ordinal below this pet's has a pet that is well.
fn lower_are_well(facts: &Facts<'_>, pet: &str, done: &str) -> Verdict {
    let Some(ordinal) = facts.ordinal(pet) else { return Ok(()) };
    for lower in facts.target.start..ordinal {
        let Some(pod) = facts.by_ordinal.get(&lower) else {
            return holds(false, Law::Order, || format!("{pet} is {done} while {} is missing", facts.pet(lower)));
        };
        let why = facts.unwell(pod).filter(|_| facts.is_stateful());
        holds(why.is_none(), Law::Order, || {
            format!("{pet} is {done} while {} {}", facts.pet(lower), why.unwrap_or_default())
        })?;
    }
    Ok(())
}

/// A partition is never crossed: what stands below it is made again as it was.
fn of_its_revision(facts: &Facts<'_>, pod: &Pod, ordinal: u32) -> Verdict {
    let Set::StatefulSet(set) = facts.set else { return Ok(()) };
    let revision = revision_of(pod);
    let rolling = spec(facts.set).update_strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    let counted = set.status.as_ref().and_then(|status| status.current_replicas).unwrap_or(0);
    let kept = match (facts.strategy(), rolling) {
        ("RollingUpdate", Some(_)) => ordinal < facts.partition(),
        ("RollingUpdate", None) => ordinal < facts.target.start + u32::try_from(counted).unwrap_or(0),
        _ => false,
    };
    let current = Some(facts.current()).filter(|current| !current.is_empty()).unwrap_or(&facts.update);
    let is_right = if kept {
        revision == current || revision == facts.update && !holds_template(facts, current)
    } else {
        revision == facts.update
    };
    holds(is_right, Law::Order, || {
        format!(
            "{} is created of revision {revision:?}; the current one is {current:?}, the newest {:?}",
            name(&pod.metadata),
            facts.update
        )
    })
}

/// Whether the revision of this name is still there to be made from.
fn holds_template(facts: &Facts<'_>, revision: &str) -> bool {
    facts.revisions.contains(revision)
}

/// [`Law::Descent`]: a pod goes only for a reason, and in its order.
///
/// A PetSet deletes only what it has no place for, when no pet is missing and every known one is well, the newest first, one
/// at a time. A StatefulSet deletes besides what has ended, and what is of an old revision as far as its strategy says: from
/// the highest ordinal down, never below the partition, and never so many that more are unavailable than may be. Unless its
/// policy is Parallel, what it has no place for goes one at a time, the highest first, when every place is taken by a pet that
/// is well; a pet too many that is unwell only if no lower one is, or if it has ended for good.
pub fn descent(input: &Input<'_>, plan: &Plan) -> Verdict {
    let facts = Facts::of(input, plan);
    let names: Vec<&str> = deleted(plan).collect();
    let Some(first) = names.first().copied() else { return Ok(()) };
    holds(!is_leaving(input.set.metadata()), Law::Descent, || {
        format!("{first} is deleted with its set, which is not the set's to do")
    })?;
    let mut gone = Vec::new();
    for old in &names {
        let Some(pod) = facts.pods.iter().copied().find(|pod| name(&pod.metadata) == *old) else {
            return holds(false, Law::Descent, || format!("{old} is deleted, which is not the set's"));
        };
        gone.push(pod);
    }
    let is_update = |pod: &&Pod| facts.is_outdated(pod) && facts.is_in_place(pod) && !facts.is_ended(pod);
    let recreated = facts.strategy() == "Recreate" && gone.iter().any(|pod| facts.is_outdated(pod));
    if recreated {
        let kept = gone.iter().find(|pod| !facts.is_outdated(pod));
        return holds(kept.is_none(), Law::Descent, || {
            format!("{} is deleted before pets of an old revision are gone", name(&kept.unwrap_or(&gone[0]).metadata))
        });
    }
    let updates: Vec<&Pod> = gone.iter().copied().filter(|pod| is_update(pod)).collect();
    if !updates.is_empty() {
        rolled(&facts, &updates)?;
    }
    for pod in gone.iter().copied().filter(|pod| !is_update(pod)) {
        let old = name(&pod.metadata);
        let is_done_with = !facts.is_in_place(pod) || facts.is_ended(pod);
        holds(is_done_with, Law::Descent, || format!("{old} is deleted, which has its place in the set"))?;
    }
    if facts.is_parallel() {
        return Ok(());
    }
    let one = gone.len() == 1 || updates.len() == gone.len();
    holds(one, Law::Descent, || format!("{} are deleted at once", names.join(" and ")))?;
    if !updates.is_empty() {
        return every_place_is_well(&facts, first);
    }
    if facts.is_ended(gone[0]) {
        return lower_are_well(&facts, first, "replaced");
    }
    surplus_in_order(&facts, gone[0])
}

/// Every ordinal has a pet, and each of them is well.
fn every_place_is_well(facts: &Facts<'_>, old: &str) -> Verdict {
    if let Some(missing) = facts.missing().next() {
        return holds(false, Law::Descent, || format!("{old} is deleted while {} is missing", facts.pet(missing)));
    }
    let unwell = facts.pods.iter().filter(|pod| facts.is_in_place(pod)).find_map(|pod| Some((pod, facts.unwell(pod)?)));
    match unwell {
        Some((pet, why)) => {
            holds(false, Law::Descent, || format!("{old} is deleted while {} {why}", name(&pet.metadata)))
        }
        None => Ok(()),
    }
}

fn surplus_in_order(facts: &Facts<'_>, pod: &Pod) -> Verdict {
    let old = name(&pod.metadata);
    let others = facts.pods.iter().copied().filter(|other| !facts.is_in_place(other));
    if !facts.is_stateful() {
        if let Some((pet, why)) = facts.first_unwell() {
            return holds(false, Law::Descent, || format!("{old} is deleted while {pet} {why}"));
        }
        every_place_is_well(facts, old)?;
        let rank = |pod: &Pod| {
            let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
            (created, facts.ordinal(name(&pod.metadata)), name(&pod.metadata).to_owned())
        };
        let later = others.into_iter().find(|other| rank(other) > rank(pod));
        return match later {
            Some(other) => holds(false, Law::Descent, || format!("{old} is deleted before {}", name(&other.metadata))),
            None => Ok(()),
        };
    }
    every_place_is_well(facts, old)?;
    for other in others {
        let (a, b) = (facts.ordinal(name(&other.metadata)), facts.ordinal(old));
        holds(a <= b, Law::Descent, || format!("{old} is deleted before {}", name(&other.metadata)))?;
        let may_go = facts.unwell(pod).is_none() || read::is_finished(pod);
        let is_first = may_go || facts.unwell(other).is_none() || a == b;
        holds(is_first, Law::Descent, || {
            format!("{old}, which is not well, is deleted while {} is not well either", name(&other.metadata))
        })?;
    }
    Ok(())
}

/// A rolling update takes the highest old pets, and none below the partition. Without `maxUnavailable` it takes one, when every
/// pet above it is there, well and new; with it, of those that are well so many that enough are available.
fn rolled(facts: &Facts<'_>, updates: &[&Pod]) -> Verdict {
    holds(facts.strategy() == "RollingUpdate", Law::Descent, || {
        format!("{} is replaced under {}", name(&updates[0].metadata), facts.strategy())
    })?;
    let ordinal = |pod: &Pod| facts.ordinal(name(&pod.metadata)).unwrap_or(0);
    let lowest = |pods: &[&Pod]| pods.iter().map(|pod| ordinal(pod)).min();
    let last = lowest(updates).unwrap_or(0);
    holds(last >= facts.partition(), Law::Descent, || {
        format!("{} is replaced below the partition {}", facts.pet(last), facts.partition())
    })?;
    let places = facts.target.len();
    let Some(allowed) = unavailable_max(facts, places) else {
        holds(updates.len() == 1, Law::Descent, || format!("{} pets are replaced at once", updates.len()))?;
        for above in last + 1..facts.target.end {
            let pod = facts.by_ordinal.get(&above);
            let is_done = pod.is_some_and(|pod| facts.unwell(pod).is_none() && !facts.is_outdated(pod));
            holds(is_done, Law::Descent, || {
                format!("{} is replaced before {} is there, new and well", facts.pet(last), facts.pet(above))
            })?;
        }
        return Ok(());
    };
    let is_replaced = |pod: &Pod| updates.iter().any(|update| name(&update.metadata) == name(&pod.metadata));
    let is_well = |pod: &Pod| facts.unwell(pod).is_none();
    let well: Vec<&Pod> = updates.iter().copied().filter(|pod| is_well(pod)).collect();
    let Some(lowest) = lowest(&well) else { return Ok(()) };
    let skipped = facts
        .pods
        .iter()
        .find(|pod| ordinal(pod) > lowest && facts.is_outdated(pod) && is_well(pod) && !is_replaced(pod));
    if let Some(skipped) = skipped {
        return holds(false, Law::Descent, || {
            format!("{} is replaced before {}", facts.pet(lowest), name(&skipped.metadata))
        });
    }
    let available = facts.pods.iter().filter(|pod| facts.is_in_place(pod) && is_well(pod));
    let left = available.filter(|pod| !is_replaced(pod)).count();
    holds(places - left <= allowed, Law::Descent, || {
        format!("{} of {places} pets would not be available, and {allowed} may be", places - left)
    })
}

/// `maxUnavailable`, where it is given: a number or a share of the places, rounded down, at least one.
fn unavailable_max(facts: &Facts<'_>, places: usize) -> Option<usize> {
    let strategy = spec(facts.set).update_strategy.as_ref();
    let max = strategy.and_then(|strategy| strategy.rolling_update.as_ref()?.max_unavailable.as_ref())?;
    Some(match max {
        IntOrString::Int(count) => usize::try_from(*count).unwrap_or(1).max(1),
        IntOrString::String(share) => {
            let percent: usize = share.trim_end_matches('%').parse().unwrap_or(0);
            (places * percent / 100).max(1)
        }
    })
}
