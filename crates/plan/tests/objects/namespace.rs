//! How a namespace is emptied.

use k8s_openapi::api::core::v1::Namespace;
use plan::{
    Subject, Wait, Write,
    namespace::{Content, Plan, plan},
};
use serde_json::json;

use crate::world::object;

fn leaving(phase: &str) -> Namespace {
    object(json!({
        "metadata": {
            "name": "shop", "uid": "ns-uid", "resourceVersion": "3", "deletionTimestamp": "2016-07-01T00:00:00Z",
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": phase},
    }))
}

fn content(resource: &str, name: &str) -> Content {
    Content { resource: resource.to_owned(), name: name.to_owned(), rv: "5".to_owned(), deleting: false }
}

fn deleting(resource: &str, name: &str) -> Content {
    Content { deleting: true, ..content(resource, name) }
}

fn delete(resource: &str, name: &str) -> Write {
    Write::DeleteContent {
        resource: resource.to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        rv: "5".to_owned(),
    }
}

fn wait(reason: &'static str, message: &str) -> Wait {
    let subject = Subject {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        namespace: String::new(),
        name: "shop".to_owned(),
        uid: "ns-uid".to_owned(),
    };
    Wait { subject, reason, message: format!("waiting to delete namespace shop: {message}") }
}

#[test]
fn a_namespace_that_stays_is_left_alone() {
    let mut staying = leaving("Active");
    staying.metadata.deletion_timestamp = None;
    assert_eq!(plan(&staying, &[content("pods", "web-0")]), Plan::default());
}

#[test]
fn content_goes_in_an_order_in_which_nothing_comes_back() {
    let events = content("events", "e");
    let claim = content("persistentvolumeclaims", "www-web-0");
    let pod = content("pods", "web-0");
    let (set, service) = (content("petsets.apps", "web"), content("services", "nginx"));
    let remaining = |counts: &str| vec![wait("NamespaceContentRemaining", &format!("it still holds {counts}"))];
    for (content, writes, waits) in [
        (
            vec![events.clone(), claim.clone(), pod.clone(), set, service],
            vec![delete("petsets.apps", "web"), delete("services", "nginx")],
            remaining("events (1), persistentvolumeclaims (1), petsets.apps (1), pods (1), services (1)"),
        ),
        (
            vec![events.clone(), claim.clone(), pod, content("pods", "web-1")],
            vec![delete("pods", "web-0"), delete("pods", "web-1")],
            remaining("events (1), persistentvolumeclaims (1), pods (2)"),
        ),
        (
            vec![events.clone(), claim.clone(), deleting("pods", "web-0")],
            vec![],
            remaining("events (1), persistentvolumeclaims (1), pods (1)"),
        ),
        (
            vec![events.clone(), claim],
            vec![delete("persistentvolumeclaims", "www-web-0")],
            remaining("events (1), persistentvolumeclaims (1)"),
        ),
        (vec![events], vec![delete("events", "e")], remaining("events (1)")),
        (vec![], vec![Write::RemoveNamespace { name: "shop".to_owned(), rv: "3".to_owned() }], vec![]),
    ] {
        assert_eq!(plan(&leaving("Terminating"), &content), Plan { writes, waits });
    }
}

#[test]
fn a_namespace_that_goes_shows_it() {
    let terminating = Write::UpdateNamespace(Box::new(leaving("Terminating")));
    let plan = plan(&leaving("Active"), &[deleting("pods", "web-0")]);
    assert_eq!(plan.writes, [terminating]);
}

#[test]
fn a_finalizer_of_someone_else_holds_an_empty_namespace() {
    let mut held = leaving("Terminating");
    held.metadata.finalizers = Some(vec!["example.com/audit".to_owned()]);
    let waits = vec![wait("NamespaceFinalizersRemaining", "finalizers remain: example.com/audit")];
    assert_eq!(plan(&held, &[]), Plan { writes: vec![], waits });
}
