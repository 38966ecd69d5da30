//! What a set's status counts.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};

use super::{
    kind::{Set, Strategy},
    pet::Pet,
    revision::Revisions,
};
use crate::read;

/// The status of a StatefulSet. `deleted` are the names of the pets that this plan deletes: of these, none is one of the
/// current revision any more.
///
/// A pet that is being deleted counts as long as it is Ready, but no longer as one of its revision. When every pet is Ready
/// and of the new revision, that is the current one.
///
/// Source: `computeReplicaStatus` and `completeRollingUpdate` of Kubernetes' controller.
pub(super) fn of(set: &StatefulSet, revisions: &Revisions, pets: &[Pet<'_>], deleted: &[&str]) -> StatefulSetStatus {
    let count = |of: &dyn Fn(&Pet<'_>) -> bool| pets.iter().filter(|pet| of(pet)).count() as i32;
    let exists = |pet: &Pet<'_>| !read::phase(pet.pod).is_empty();
    let is_ready = |pet: &Pet<'_>| read::phase(pet.pod) == "Running" && read::is_ready(pet.pod);
    let is_available = |pet: &Pet<'_>| is_ready(pet) && pet.is_available;
    let is_of = |pet: &Pet<'_>, revision: &str| exists(pet) && !pet.is_terminating() && pet.revision == revision;
    let (current, update) = (&revisions.current, &revisions.update.name);
    let mut status = StatefulSetStatus {
        available_replicas: Some(count(&is_available)),
        collision_count: Some(revisions.collisions),
        conditions: set.status.as_ref().and_then(|status| status.conditions.clone()),
        current_replicas: Some(count(&|pet| is_of(pet, current) && !deleted.contains(&pet.name))),
        current_revision: Some(current.clone()),
        observed_generation: set.metadata.generation,
        ready_replicas: Some(count(&is_ready)),
        replicas: count(&exists),
        update_revision: Some(update.clone()),
        updated_replicas: Some(count(&|pet| is_of(pet, update))),
    };
    let wanted = Some(Set::StatefulSet(set).target().len() as i32);
    let is_complete = Set::StatefulSet(set).strategy() != Strategy::OnDelete
        && status.updated_replicas == wanted
        && status.ready_replicas == wanted
        && Some(status.replicas) == wanted;
    if is_complete {
        status.current_replicas = status.updated_replicas;
        status.current_revision.clone_from(&status.update_revision);
    }
    // Fields that are 0 are left out, except those that Kubernetes always shows.
    for field in [&mut status.current_replicas, &mut status.ready_replicas, &mut status.updated_replicas] {
        *field = field.filter(|count| *count != 0);
    }
    status
}
