//! What cannot be written is told on the object that it was for.

use plan::{
    Note, NoteKind, Subject, Wait,
    unwritten::{Deed, is_untrue, refused, taken, undurable},
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
    let waits_for_set = "waiting for a template that is valid: web-0: no";
    let (pod, claim) = ("Pod", "PersistentVolumeClaim");
    let rows = [
        ("PetSet", Deed::Create, pod, "petset", "FailedCreate", "pet: web-0, error: no", waits_for_set),
        ("PetSet", Deed::Create, claim, "petset", "FailedCreate", "pvc: web-0, error: no", waits_for_set),
        (
            "PetSet",
            Deed::Delete,
            pod,
            "petset",
            "FailedDelete",
            "pet: web-0, error: no",
            "web: cannot delete web-0: no",
        ),
        (
            "StatefulSet",
            Deed::Create,
            pod,
            "statefulset-controller",
            "FailedCreate",
            "create Pod web-0 in StatefulSet web failed error: no",
            "web: cannot write web-0: no",
        ),
        (
            "StatefulSet",
            Deed::Create,
            claim,
            "statefulset-controller",
            "FailedCreate",
            "create Claim web-0 in StatefulSet web failed error: no",
            "web: cannot write web-0: no",
        ),
        ("Namespace", Deed::Delete, pod, "petset", "FailedDelete", "web-0, error: no", "web: cannot delete web-0: no"),
        ("Pod", Deed::Create, pod, "petset", "FailedCreate", "web-0, error: no", "web: cannot write web-0: no"),
    ];
    for (unit, deed, kind, component, reason, told, waits) in rows {
        let note = Note {
            subject: subject(unit),
            field_path: String::new(),
            component,
            kind: NoteKind::Warning,
            reason,
            message: told.to_owned(),
        };
        let wait = Wait { subject: subject(unit), reason, message: waits.to_owned() };
        assert_eq!(refused(&subject(unit), deed, kind, "web-0", "no"), (note, wait), "{unit} {deed:?} {kind}");
    }
}

#[test]
fn what_was_refused_is_not_told_as_done() {
    for (message, is_about_it) in [
        ("pet: web-1", true),
        ("pet: web-10", false),
        ("pvc: www-web-1", false),
        ("create Pod web-1 in StatefulSet web successful", true),
        ("create Pod web-10 in StatefulSet web successful", false),
        ("create Claim www-web-1 Pod web-1 in StatefulSet web success", false),
        ("pet: web-1, error: no", false),
    ] {
        let note = Note {
            subject: subject("StatefulSet"),
            field_path: String::new(),
            component: "statefulset-controller",
            kind: NoteKind::Normal,
            reason: "SuccessfulCreate",
            message: message.to_owned(),
        };
        assert_eq!(is_untrue(&note, "web-1"), is_about_it, "{message}");
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
