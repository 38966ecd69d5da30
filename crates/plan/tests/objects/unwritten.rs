//! What cannot be written is told on the object that it was for.

use plan::{
    Note, NoteKind, Subject, Wait,
    unwritten::{Deed, refused, taken, undurable},
};

fn subject(kind: &str) -> Subject {
    Subject {
        api_version: "v1".to_owned(),
        kind: kind.to_owned(),
        namespace: "default".to_owned(),
        name: "web".to_owned(),
        uid: "uid".to_owned(),
    }
}

#[test]
fn a_refusal_is_an_event_and_a_wait() {
    let rows = [
        (
            "PetSet",
            Deed::Create,
            "FailedCreate",
            "pet: web-0, error: no",
            "waiting for a template that is valid: web-0: no",
        ),
        ("PetSet", Deed::Delete, "FailedDelete", "pet: web-0, error: no", "web: cannot delete web-0: no"),
        ("Namespace", Deed::Delete, "FailedDelete", "web-0, error: no", "web: cannot delete web-0: no"),
        ("Pod", Deed::Create, "FailedCreate", "web-0, error: no", "web: cannot write web-0: no"),
    ];
    for (kind, deed, reason, told, waits) in rows {
        let note = Note {
            subject: subject(kind),
            field_path: String::new(),
            component: "petset",
            kind: NoteKind::Warning,
            reason,
            message: told.to_owned(),
        };
        let wait = Wait { subject: subject(kind), reason, message: waits.to_owned() };
        assert_eq!(refused(&subject(kind), deed, "web-0", "no"), (note, wait), "{kind} {deed:?}");
    }
}

#[test]
fn a_name_that_another_object_holds_is_said() {
    let message = "web: cannot create web-0 of pods: there is one already, which is not its own; delete it, or give it the \
                   labels that are selected";
    assert_eq!(
        taken(subject("PetSet"), "pods", "web-0"),
        Wait { subject: subject("PetSet"), reason: "NameTaken", message: message.to_owned() }
    );
}

#[test]
fn what_the_disk_refuses_waits_in_the_disks_words() {
    let message = "web: cannot be written to disk: No space left on device; trying again every second".to_owned();
    assert_eq!(
        undurable(subject("Pod"), "No space left on device"),
        Wait { subject: subject("Pod"), reason: "StorageRefused", message }
    );
}
