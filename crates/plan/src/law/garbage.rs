//! The laws about one decision on owners and dependents.

use api::metadata::{FOREGROUND, ORPHAN};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::{Law, Verdict, holds, is_leaving, name};
use crate::{
    Write,
    garbage::{Input, ORPHANED_PER_PLAN_MAX, Owner, Plan},
};

/// Every law about one decision.
pub fn all(input: &Input<'_>, plan: &Plan) -> Verdict {
    owned(input, plan)?;
    quiet(input, plan)?;
    says_why(input, plan)?;
    bounded(plan)
}

/// [`Law::Owned`]: an object is deleted only where it can be known of every owner that it is gone or waits for this; a
/// reference is taken away only where its owner is gone, waits, or lets its dependents stay; and what waits for its
/// dependents is let go only when none holds it up.
pub fn owned(input: &Input<'_>, plan: &Plan) -> Verdict {
    let it = name(input.metadata);
    for write in &plan.writes {
        match write {
            Write::DeleteDependent { name: target, .. } => {
                holds(target == it, Law::Owned, || format!("{target} is deleted where {it} is in question"))?;
                holds(!input.owners.is_empty(), Law::Owned, || format!("{it} is deleted and never had an owner"))?;
                let keeps = |owner: &&Owner| matches!(owner, Owner::There | Owner::Unknown | Owner::Unreachable);
                let kept = input.owners.iter().find(keeps);
                holds(kept.is_none(), Law::Owned, || format!("{it} is deleted while an owner of it is {kept:?}"))?;
            }
            Write::SetOwners { name: target, owners, .. } if is_leaving(input.metadata) => {
                let uid = input.metadata.uid.as_deref().unwrap_or_default();
                let dependent = input.dependents.some.iter().find(|dependent| name(&dependent.metadata) == target);
                let before = dependent.and_then(|dependent| dependent.metadata.owner_references.as_deref());
                let rest = before.unwrap_or_default().iter().filter(|reference| reference.uid != uid);
                let is_right = has(input.metadata, ORPHAN) && rest.eq(owners);
                holds(is_right, Law::Owned, || format!("{target} loses more than its reference to {it}"))?;
            }
            Write::SetOwners { owners, .. } => {
                for (reference, owner) in references(input).zip(input.owners) {
                    let stays = owners.iter().any(|kept| kept.uid == reference.uid);
                    holds(stays || *owner != Owner::There, Law::Owned, || {
                        format!("{it} loses its reference to {}, which is there", reference.name)
                    })?;
                }
            }
            Write::RemoveFinalizer { finalizer, .. } => {
                let is_done = match *finalizer {
                    FOREGROUND => input.dependents.blocking == 0,
                    ORPHAN => input.dependents.count == 0,
                    _ => false,
                };
                holds(is_done && is_leaving(input.metadata), Law::Owned, || {
                    format!("{it} loses {finalizer} too early: {:?}", input.dependents)
                })?;
            }
            other => return holds(false, Law::Owned, || format!("{other:?} is not for owners and dependents")),
        }
    }
    Ok(())
}

/// [`Law::Quiet`]: nothing is written that is so already, and an object whose owners are all there is left alone.
pub fn quiet(input: &Input<'_>, plan: &Plan) -> Verdict {
    let it = name(input.metadata);
    let is_at_rest = !is_leaving(input.metadata) && input.owners.iter().all(|owner| *owner == Owner::There);
    holds(!is_at_rest || *plan == Plan::default(), Law::Quiet, || format!("{it} is not left alone: {plan:?}"))?;
    for write in &plan.writes {
        let is_news = match write {
            Write::DeleteDependent { .. } => !is_leaving(input.metadata),
            Write::SetOwners { name: target, owners, .. } => {
                let dependents = input.dependents.some.iter().map(|dependent| &dependent.metadata);
                let subject = if is_leaving(input.metadata) {
                    dependents.into_iter().find(|metadata| name(metadata) == target)
                } else {
                    Some(input.metadata)
                };
                subject.is_none_or(|subject| !subject.owner_references.iter().flatten().eq(owners))
            }
            Write::RemoveFinalizer { finalizer, .. } => has(input.metadata, finalizer),
            _ => true,
        };
        holds(is_news, Law::Quiet, || format!("{it}: is so already: {write:?}"))?;
    }
    Ok(())
}

/// [`Law::SaysWhy`]: an object that should go has a write or a wait.
pub fn says_why(input: &Input<'_>, plan: &Plan) -> Verdict {
    let should_go = if is_leaving(input.metadata) {
        has(input.metadata, ORPHAN) || has(input.metadata, FOREGROUND)
    } else {
        !input.owners.is_empty() && input.owners.iter().all(|owner| *owner != Owner::There)
    };
    holds(!should_go || !plan.writes.is_empty() || !plan.waits.is_empty(), Law::SaysWhy, || {
        format!("{} neither goes nor says why", name(input.metadata))
    })
}

/// [`Law::Bounded`]: a plan writes no more than its limit, and no object twice.
pub fn bounded(plan: &Plan) -> Verdict {
    holds(plan.writes.len() <= ORPHANED_PER_PLAN_MAX, Law::Bounded, || format!("{} writes", plan.writes.len()))?;
    let targets: Vec<_> = plan.writes.iter().map(place).collect();
    let twice = targets.iter().enumerate().find(|(i, target)| targets[..*i].contains(target));
    holds(twice.is_none(), Law::Bounded, || format!("{twice:?} is written twice"))
}

/// Resource, namespace and name of what a write is about.
fn place(write: &Write) -> Option<(&str, &str, &str)> {
    match write {
        Write::DeleteDependent { resource, namespace, name, .. }
        | Write::SetOwners { resource, namespace, name, .. }
        | Write::RemoveFinalizer { resource, namespace, name, .. } => Some((resource, namespace, name)),
        _ => None,
    }
}

fn references<'a>(input: &Input<'a>) -> impl Iterator<Item = &'a OwnerReference> + use<'a> {
    input.metadata.owner_references.iter().flatten()
}

fn has(metadata: &ObjectMeta, finalizer: &str) -> bool {
    metadata.finalizers.iter().flatten().any(|present| present == finalizer)
}
