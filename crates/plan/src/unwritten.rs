//! What a plan wanted written and could not have: by the contract's word, or by the disk's.

use crate::{Note, NoteKind, Subject, Wait};

/// A write that the contract refuses, such as a pod from a template that is not valid. It is for the user to mend:
/// trying again cannot help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// An object was to be made or changed.
    Create,
    /// An object was to be deleted.
    Delete,
}

/// The event and the wait of a unit whose write of the object `name` of this `kind` was refused with the server's `message`.
///
/// Source: the stateful set controller's events `FailedCreate` and `FailedDelete`.
pub fn refused(unit: &Subject, deed: Deed, kind: &str, name: &str, message: &str) -> (Note, Wait) {
    let verb = match deed {
        Deed::Create => "create",
        Deed::Delete => "delete",
    };
    let (component, told) = match unit.kind.as_str() {
        "PetSet" if kind == "PersistentVolumeClaim" => ("petset", format!("pvc: {name}, error: {message}")),
        "PetSet" => ("petset", format!("pet: {name}, error: {message}")),
        "StatefulSet" => {
            let kind = if kind == "PersistentVolumeClaim" { "Claim" } else { kind };
            let set = &unit.name;
            ("statefulset-controller", format!("{verb} {kind} {name} in StatefulSet {set} failed error: {message}"))
        }
        _ => ("petset", format!("{name}, error: {message}")),
    };
    let (reason, sentence) = match deed {
        Deed::Create if unit.kind == "PetSet" => {
            ("FailedCreate", format!("waiting for a template that is valid: {name}: {message}"))
        }
        Deed::Create => ("FailedCreate", format!("{}: cannot write {name}: {message}", unit.name)),
        Deed::Delete => ("FailedDelete", format!("{}: cannot delete {name}: {message}", unit.name)),
    };
    let note = Note {
        subject: unit.clone(),
        field_path: String::new(),
        component,
        kind: NoteKind::Warning,
        reason,
        message: told,
    };
    (note, Wait { subject: unit.clone(), reason, message: sentence })
}

/// Whether a set's event says that a write of the object `name` happened, which was refused.
pub fn is_untrue(note: &Note, name: &str) -> bool {
    let done = ["create Pod", "update Pod", "delete Pod", "create Claim", "pet:", "pvc:"];
    let of = done.iter().find_map(|done| note.message.strip_prefix(done)?.strip_prefix(' ')?.strip_prefix(name));
    note.kind == NoteKind::Normal && of.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Why a pet cannot be made whose name another pod has: the end of a sentence.
pub(crate) fn name_taken(name: &str) -> String {
    format!("there is a pod {name} already, which is not its own; delete it, or give it the labels that are selected")
}

/// Why a pet cannot be made that is to be of a revision which nobody can read: the end of a sentence.
pub(crate) fn revision_unreadable(name: &str) -> String {
    format!(
        "it is to be of revision {name}, which the partition keeps, and the data of that revision is no template; lower \
         spec.updateStrategy.rollingUpdate.partition to have it made of the newest, or make the revision anew under its name"
    )
}

/// The wait of a unit that is to make an object whose name another one holds: one that it does not know as its own.
pub fn taken(unit: Subject, resource: &str, name: &str) -> Wait {
    let message = format!(
        "{}: cannot create {name} of {resource}: there is one already, which is not its own; delete it, or give it the labels \
         that are selected",
        unit.name
    );
    Wait { subject: unit, reason: "NameTaken", message }
}

/// The wait of an object that cannot be written because the disk refuses, in the disk's words.
pub fn undurable(object: Subject, message: &str) -> Wait {
    let message = format!("{}: cannot be written to disk: {message}; trying again every second", object.name);
    Wait { subject: object, reason: "StorageRefused", message }
}
