//! What the deletion of an object asks of its dependents, and what holds an object of any kind.

#![allow(clippy::unwrap_used, reason = "every function here is part of a test")]

use jiff::Timestamp;
use petset_api::{
    admission::{DeleteOptions, Deletion, delete, is_released},
    metadata::{self, finalizers},
    propagation::Propagation,
    resource::{ENDPOINTS, EVENTS, NAMESPACES, PODS, RESOURCES, Resource, SERVICES},
};
use serde_json::{Value, json};

const HOLD: &str = "example.com/hold";

fn now() -> Timestamp {
    "2016-07-01T12:00:00Z".parse().unwrap()
}

fn object(resource: &Resource, finalizers: &[&str]) -> Value {
    json!({
        "apiVersion": resource.api_version(), "kind": resource.kind,
        "metadata": {"name": "web", "uid": "u", "resourceVersion": "7", "finalizers": finalizers},
    })
}

fn asked(propagation: Propagation) -> DeleteOptions {
    DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() }
}

fn orphan_dependents(orphan: bool) -> DeleteOptions {
    DeleteOptions { orphan_dependents: Some(orphan), ..DeleteOptions::default() }
}

/// The finalizers that an object has after its deletion was asked for, with commas; `None` where it is gone.
fn after(resource: &Resource, object: &Value, options: &DeleteOptions) -> Option<String> {
    match delete(resource, object, options, now()).unwrap() {
        Deletion::Remove => None,
        Deletion::Mark(object) => {
            assert!(!object["metadata"]["deletionTimestamp"].is_null());
            Some(finalizers(&object["metadata"]).join(","))
        }
    }
}

#[test]
fn the_policy_of_a_deletion_is_kept_as_a_finalizer() {
    let plain = object(&SERVICES, &[]);
    let held = object(&SERVICES, &[HOLD]);
    for (options, alone, beside) in [
        (DeleteOptions::default(), None, Some("example.com/hold")),
        (asked(Propagation::Background), None, Some("example.com/hold")),
        (orphan_dependents(false), None, Some("example.com/hold")),
        (asked(Propagation::Foreground), Some("foregroundDeletion"), Some("example.com/hold,foregroundDeletion")),
        (asked(Propagation::Orphan), Some("orphan"), Some("example.com/hold,orphan")),
        (orphan_dependents(true), Some("orphan"), Some("example.com/hold,orphan")),
    ] {
        assert_eq!(after(&SERVICES, &plain, &options).as_deref(), alone, "{options:?}");
        assert_eq!(after(&SERVICES, &held, &options).as_deref(), beside, "{options:?}");
    }
    assert_eq!(
        after(&EVENTS, &object(&EVENTS, &[]), &asked(Propagation::Orphan)).as_deref(),
        None,
        "events own nothing"
    );
}

#[test]
fn a_policy_that_is_asked_for_wins_over_a_finalizer_and_that_over_the_default() {
    let foreground = object(&SERVICES, &["foregroundDeletion", HOLD]);
    assert_eq!(
        after(&SERVICES, &foreground, &DeleteOptions::default()).as_deref(),
        Some("foregroundDeletion,example.com/hold")
    );
    assert_eq!(
        after(&SERVICES, &foreground, &asked(Propagation::Foreground)).as_deref(),
        Some("foregroundDeletion,example.com/hold")
    );
    assert_eq!(after(&SERVICES, &foreground, &asked(Propagation::Orphan)).as_deref(), Some("example.com/hold,orphan"));
    assert_eq!(after(&SERVICES, &foreground, &asked(Propagation::Background)).as_deref(), Some("example.com/hold"));
    let orphan = object(&SERVICES, &["orphan"]);
    assert_eq!(after(&SERVICES, &orphan, &DeleteOptions::default()).as_deref(), Some("orphan"));
    assert_eq!(after(&SERVICES, &orphan, &orphan_dependents(false)).as_deref(), None);
}

#[test]
fn a_second_deletion_may_ask_for_another_policy_except_of_pods_and_namespaces() {
    let marked =
        |resource: &Resource| match delete(resource, &object(resource, &[]), &asked(Propagation::Foreground), now()) {
            Ok(Deletion::Mark(object)) => object,
            other => panic!("{other:?}"),
        };
    assert_eq!(after(&SERVICES, &marked(&SERVICES), &asked(Propagation::Background)).as_deref(), None);
    assert_eq!(after(&SERVICES, &marked(&SERVICES), &asked(Propagation::Orphan)).as_deref(), Some("orphan"));
    for resource in [&PODS, &NAMESPACES] {
        let kept = after(resource, &marked(resource), &asked(Propagation::Background));
        assert_eq!(kept.as_deref(), Some("foregroundDeletion"), "{}", resource.kind);
    }
}

#[test]
fn a_finalizer_holds_an_object_of_every_kind() {
    for resource in RESOURCES.iter().filter(|resource| resource.kind != "Node") {
        let held = object(resource, &[HOLD]);
        let Ok(Deletion::Mark(marked)) = delete(resource, &held, &DeleteOptions::default(), now()) else {
            panic!("{} is removed", resource.kind)
        };
        assert!(!is_released(resource, &marked), "{}", resource.kind);
        let mut free = marked.clone();
        free["metadata"]["finalizers"] = json!([]);
        // A namespace is kept by its content.
        assert_eq!(is_released(resource, &free), resource.kind != "Namespace", "{}", resource.kind);
    }
}

#[test]
fn what_kubernetes_refuses_of_owners_and_finalizers_is_refused() {
    let refusal = |change: &dyn Fn(&mut Value)| {
        let mut object = json!({"metadata": {"name": "web", "namespace": "default"}});
        change(&mut object["metadata"]);
        let causes = metadata::validate_create(&ENDPOINTS, &object);
        causes.into_iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect::<Vec<_>>()
    };
    let both = refusal(&|metadata| metadata["finalizers"] = json!(["orphan", "foregroundDeletion"]));
    assert_eq!(
        both,
        [
            r#"metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set"#
        ]
    );
    let event = json!({"apiVersion": "v1", "kind": "Event", "name": "e", "uid": "u"});
    let owner = refusal(&|metadata| metadata["ownerReferences"] = json!([event]));
    assert_eq!(owner.len(), 1);
    assert!(owner[0].ends_with("/v1, Kind=Event is disallowed from being an owner"), "{owner:?}");
}
