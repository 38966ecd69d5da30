//! Objects that belong to others: what goes because its owners are gone, and what goes before its owner.
//!
//! The rules are those of Kubernetes' garbage collector (`pkg/controller/garbagecollector`): an owner is named by kind,
//! name and uid in the object's own namespace, and one that is not there is as if it had never been. One object is planned
//! at a time, by its metadata alone, whatever its kind.

use api::{
    metadata::{FOREGROUND, ORPHAN},
    propagation::Propagation,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::{Note, NoteKind, Subject, Wait, Write};

/// So many dependents are orphaned in one transaction, which is lost as a whole where one of them changes meanwhile.
pub const ORPHANED_PER_PLAN_MAX: usize = 32;

/// The source of events about owners.
const COMPONENT: &str = "garbage-collector-controller";

/// What an owner reference points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// An object that stays, or that does not wait for its dependents when it goes.
    There,
    /// An object that is being deleted and waits until its dependents are gone.
    Waiting,
    /// Nothing: there is no object of this kind, name and uid.
    Absent,
    /// Nothing here: the object of this kind, name and uid is in another namespace.
    Elsewhere,
    /// A kind that is not served, of which nothing is known.
    Unknown,
    /// An object of a kind that lives in namespaces, named by one that lives in none.
    Unreachable,
}

/// An object that names the planned one as its owner.
#[derive(Clone, Debug, PartialEq)]
pub struct Dependent {
    /// Group-qualified plural: `pods`, `petsets.apps`.
    pub resource: String,
    /// Its metadata.
    pub metadata: ObjectMeta,
}

/// The objects that name the planned one as their owner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dependents {
    /// Some of them, where there are any: those that hold their owner up come first. More than
    /// [`ORPHANED_PER_PLAN_MAX`] are never needed.
    pub some: Vec<Dependent>,
    /// How many there are.
    pub count: usize,
    /// How many of them say that they hold their owner up.
    pub blocking: usize,
    /// Whether one of them is itself waiting for its dependents to go.
    pub is_waiting: bool,
}

/// All that the decision about one object may depend on.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// Group-qualified plural: `pods`, `petsets.apps`.
    pub resource: &'a str,
    /// `v1`, `apps/v1alpha1`.
    pub api_version: &'a str,
    /// `Pod`, `PetSet`.
    pub kind: &'a str,
    /// The object's metadata.
    pub metadata: &'a ObjectMeta,
    /// What each of its owner references points at, in their order.
    pub owners: &'a [Owner],
    /// Who names it as an owner.
    pub dependents: &'a Dependents,
}

/// What is to happen about one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Its deletion, its references, its finalizers; or the references of its dependents.
    pub writes: Vec<Write>,
    /// Events.
    pub notes: Vec<Note>,
    /// Why it is not gone.
    pub waits: Vec<Wait>,
}

/// Decides what is next for one object that has owners, or that waits for its dependents.
///
/// Anything else gets an empty plan.
pub fn plan(input: &Input<'_>) -> Plan {
    let mut plan = Plan::default();
    if input.metadata.deletion_timestamp.is_none() {
        collect(input, &mut plan);
    } else if has_finalizer(input.metadata, ORPHAN) {
        orphan(input, &mut plan);
    } else if has_finalizer(input.metadata, FOREGROUND) {
        wait_for_dependents(input, &mut plan);
    }
    // Whatever else is being deleted is on its way already.
    plan
}

/// Whether the object waits until its dependents are gone.
pub fn is_waiting(metadata: &ObjectMeta) -> bool {
    metadata.deletion_timestamp.is_some() && has_finalizer(metadata, FOREGROUND)
}

/// Whether what becomes of the object's dependents is decided before it goes.
pub fn settles_dependents(metadata: &ObjectMeta) -> bool {
    metadata.deletion_timestamp.is_some() && (has_finalizer(metadata, FOREGROUND) || has_finalizer(metadata, ORPHAN))
}

/// An object with owners goes when none of them stays.
fn collect(input: &Input<'_>, plan: &mut Plan) {
    let references = input.metadata.owner_references.as_deref().unwrap_or_default();
    let pairs = || references.iter().zip(input.owners);
    for (reference, owner) in pairs() {
        if matches!(owner, Owner::Elsewhere | Owner::Unreachable) {
            plan.notes.push(misplaced(input, reference));
        }
    }
    if references.is_empty() || !judged(input, plan) {
        return;
    }
    let stays = |owner: &Owner| *owner == Owner::There;
    let waits = |owner: &Owner| *owner == Owner::Waiting;
    if input.owners.iter().any(stays) {
        if !input.owners.iter().all(stays) {
            // An owner that waits would do so for ever if the reference to it stayed.
            let kept = pairs().filter(|(_, owner)| stays(owner)).map(|(reference, _)| reference.clone()).collect();
            plan.writes.push(set_owners(input.resource, input.metadata, kept));
        }
        return;
    }
    let is_waited_for = input.owners.iter().any(waits);
    let blocks = references.iter().any(|reference| reference.block_owner_deletion == Some(true));
    if is_waited_for && input.dependents.is_waiting && blocks {
        // A ring of owners would wait for itself: this object lets go of its owners before it waits.
        let free =
            |reference: &OwnerReference| OwnerReference { block_owner_deletion: Some(false), ..reference.clone() };
        plan.writes.push(set_owners(input.resource, input.metadata, references.iter().map(free).collect()));
        return;
    }
    let propagation = if is_waited_for && input.dependents.count > 0 {
        Propagation::Foreground
    } else if has_finalizer(input.metadata, ORPHAN) {
        Propagation::Orphan
    } else if has_finalizer(input.metadata, FOREGROUND) {
        Propagation::Foreground
    } else {
        Propagation::Background
    };
    let (namespace, name, rv) = place(input.metadata);
    plan.writes.push(Write::DeleteDependent { resource: input.resource.to_owned(), namespace, name, rv, propagation });
}

/// Whether it can be known of every owner that it is gone. What cannot be judged is left alone, and says why.
fn judged(input: &Input<'_>, plan: &mut Plan) -> bool {
    let references = input.metadata.owner_references.iter().flatten();
    let blind = references.zip(input.owners).find(|(_, owner)| matches!(owner, Owner::Unknown | Owner::Unreachable));
    let Some((reference, owner)) = blind else { return true };
    let name = input.metadata.name.as_deref().unwrap_or_default();
    let of = format!("{} {} of {}", reference.kind, reference.name, reference.api_version);
    let (reason, because) = match owner {
        Owner::Unreachable => ("OwnerUnreachable", format!("its owner {of} is in a namespace, and it is in none")),
        _ => ("OwnerKindUnknown", format!("the kind of its owner {of} is not served here")),
    };
    let message = format!("{name}: is never collected: {because}; remove the reference");
    plan.waits.push(Wait { subject: subject(input), reason, message });
    false
}

/// The object goes once none of its dependents names it any more.
fn orphan(input: &Input<'_>, plan: &mut Plan) {
    let uid = input.metadata.uid.as_deref().unwrap_or_default();
    for dependent in input.dependents.some.iter().take(ORPHANED_PER_PLAN_MAX) {
        let references = dependent.metadata.owner_references.iter().flatten();
        let kept = references.filter(|reference| reference.uid != uid).cloned().collect();
        plan.writes.push(set_owners(&dependent.resource, &dependent.metadata, kept));
    }
    if input.dependents.count == 0 {
        plan.writes.push(let_go(input, ORPHAN));
    }
}

/// The object goes once no dependent holds it up any more.
fn wait_for_dependents(input: &Input<'_>, plan: &mut Plan) {
    if input.dependents.blocking == 0 {
        plan.writes.push(let_go(input, FOREGROUND));
        return;
    }
    let name = input.metadata.name.as_deref().unwrap_or_default();
    let first = input.dependents.some.first();
    let first = first.map(|first| format!("{} {}", first.resource, first.metadata.name.as_deref().unwrap_or_default()));
    let (first, more) = (first.unwrap_or_default(), input.dependents.blocking - 1);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let message = format!("waiting to delete {name}: its dependents go first: {first}{more}");
    plan.waits.push(Wait { subject: subject(input), reason: "DependentsRemaining", message });
}

fn let_go(input: &Input<'_>, finalizer: &'static str) -> Write {
    let (namespace, name, rv) = place(input.metadata);
    Write::RemoveFinalizer { resource: input.resource.to_owned(), namespace, name, rv, finalizer }
}

fn set_owners(resource: &str, metadata: &ObjectMeta, owners: Vec<OwnerReference>) -> Write {
    let (namespace, name, rv) = place(metadata);
    Write::SetOwners { resource: resource.to_owned(), namespace, name, rv, owners }
}

/// The event of an object whose owner is where it cannot own it.
fn misplaced(input: &Input<'_>, reference: &OwnerReference) -> Note {
    let namespace = input.metadata.namespace.as_deref().unwrap_or_default();
    let owner = format!(
        "[{}/{}, namespace: {namespace}, name: {}, uid: {}]",
        reference.api_version, reference.kind, reference.name, reference.uid
    );
    Note {
        subject: subject(input),
        field_path: String::new(),
        component: COMPONENT,
        kind: NoteKind::Warning,
        reason: "OwnerRefInvalidNamespace",
        message: format!("ownerRef {owner} does not exist in namespace {namespace:?}"),
    }
}

fn has_finalizer(metadata: &ObjectMeta, finalizer: &str) -> bool {
    metadata.finalizers.iter().flatten().any(|present| present == finalizer)
}

/// Namespace, name and revision, as writes need them.
fn place(metadata: &ObjectMeta) -> (String, String, String) {
    let of = |part: &Option<String>| part.clone().unwrap_or_default();
    (of(&metadata.namespace), of(&metadata.name), of(&metadata.resource_version))
}

fn subject(input: &Input<'_>) -> Subject {
    let of = |part: &Option<String>| part.clone().unwrap_or_default();
    Subject {
        api_version: input.api_version.to_owned(),
        kind: input.kind.to_owned(),
        namespace: of(&input.metadata.namespace),
        name: of(&input.metadata.name),
        uid: of(&input.metadata.uid),
    }
}
