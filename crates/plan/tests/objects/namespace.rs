//! How a namespace is emptied.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use plan::{
    Subject, Wait, Write, law,
    namespace::{self, Content, Defaults, Plan},
};
use serde_json::json;

use crate::world::{now, object};

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
    Content {
        resource: resource.to_owned(),
        name: name.to_owned(),
        rv: "5".to_owned(),
        deleting: false,
        finalizers: vec![],
    }
}

fn plan(namespace: &Namespace, content: &[Content]) -> Plan {
    namespace::plan(namespace, content, now())
}

/// The namespace with these conditions: type, whether it holds, reason, message.
fn telling(mut namespace: Namespace, content: Option<&str>, finalizers: Option<&str>) -> Namespace {
    let mut conditions = vec![
        ("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered"),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
    ];
    conditions.push(match content {
        Some(message) => ("NamespaceContentRemaining", "True", "SomeResourcesRemain", message),
        None => ("NamespaceContentRemaining", "False", "ContentRemoved", "All content successfully removed"),
    });
    conditions.push(match finalizers {
        Some(message) => ("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", message),
        None => {
            let message = "All content-preserving finalizers finished";
            ("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers", message)
        }
    });
    let conditions = conditions.into_iter().map(|(type_, status, reason, message)| {
        object(json!({
            "type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": now().to_string(),
        }))
    });
    namespace.status.get_or_insert_default().conditions = Some(conditions.collect());
    namespace
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
    let content = [content("pods", "web-0")];
    let writes = plan(&leaving("Active"), &content).writes;
    assert_eq!(writes, [delete("pods", "web-0"), Write::UpdateNamespace(Box::new(leaving("Terminating")))]);
}

#[test]
fn what_remains_in_a_namespace_is_told_in_its_conditions() {
    let held = |mut object: Content| {
        object.finalizers = vec!["example.com/hold".to_owned()];
        object
    };
    let content = [held(deleting("pods", "web-0")), deleting("pods", "web-1"), held(deleting("pods", "web-2"))];
    let mut content = content.to_vec();
    content.push(deleting("petsets.apps", "web"));
    // The set goes first: nobody asks for the end of the pods before it is gone.
    let told = telling(
        leaving("Terminating"),
        Some("Some resources are remaining: petsets.apps has 1 resource instances, pods. has 3 resource instances"),
        Some("Some content in the namespace has finalizers remaining: example.com/hold in 2 resource instances"),
    );
    let first = plan(&leaving("Active"), &content);
    assert_eq!(first.writes, [Write::UpdateNamespace(Box::new(told.clone()))]);
    assert_eq!(plan(&told, &content).writes, [], "it is said once");

    let mut later = told.clone();
    later.status.as_mut().unwrap().conditions.as_mut().unwrap().iter_mut().for_each(|condition| {
        condition.last_transition_time = Some(crate::world::time(0));
    });
    let Write::UpdateNamespace(last) = &plan(&later, &content[1..2]).writes[0] else { panic!("nothing is told") };
    let since = |type_: &str| {
        let conditions = last.status.as_ref().unwrap().conditions.as_ref().unwrap();
        conditions.iter().find(|condition| condition.type_ == type_).unwrap().last_transition_time.clone()
    };
    assert_eq!(since("NamespaceContentRemaining"), Some(crate::world::time(0)), "it has not turned");
    assert_ne!(since("NamespaceFinalizersRemaining"), Some(crate::world::time(0)), "it has");
}

#[test]
fn a_finalizer_of_someone_else_holds_an_empty_namespace() {
    let mut held = leaving("Terminating");
    held.metadata.finalizers = Some(vec!["example.com/audit".to_owned()]);
    let waits = vec![wait("NamespaceFinalizersRemaining", "finalizers remain: example.com/audit")];
    let told = telling(held.clone(), None, None);
    let writes = vec![Write::UpdateNamespace(Box::new(told.clone()))];
    assert_eq!(plan(&held, &[]), Plan { writes, waits: waits.clone() });
    assert_eq!(plan(&told, &[]), Plan { writes: vec![], waits });
}

fn staying() -> Namespace {
    let mut staying = leaving("Active");
    staying.metadata.deletion_timestamp = None;
    staying
}

fn account() -> Write {
    let account: ServiceAccount = object(json!({"metadata": {"name": "default", "namespace": "shop"}}));
    Write::CreateAccount(Box::new(account))
}

/// The ConfigMap as it is made, but for its data.
fn root_ca(data: &serde_json::Value) -> ConfigMap {
    object(json!({"metadata": {"name": "kube-root-ca.crt", "namespace": "shop"}, "data": data}))
}

/// The same, stored.
fn stored(data: &serde_json::Value) -> ConfigMap {
    let mut map = root_ca(data);
    map.metadata.resource_version = Some("7".to_owned());
    map.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    map
}

fn written(config_map: ConfigMap, rv: Option<&str>) -> Write {
    Write::ConfigMap { config_map: Box::new(config_map), rv: rv.map(str::to_owned) }
}

#[test]
fn a_namespace_has_an_account_and_the_certificate_and_gets_them_back() {
    let pem = json!({"ca.crt": "PEM"});
    let kept = stored(&pem);
    let changed = stored(&json!({"ca.crt": "other", "more": "text"}));
    let mut going = stored(&json!({"ca.crt": "other"}));
    going.metadata.deletion_timestamp = leaving("Terminating").metadata.deletion_timestamp;
    for (has_account, root_ca, writes) in [
        (false, None, vec![account(), written(root_ca(&pem), None)]),
        (true, Some(&kept), vec![]),
        (false, Some(&kept), vec![account()]),
        (true, Some(&changed), vec![written(kept.clone(), Some("7"))]),
        (true, Some(&going), vec![]),
    ] {
        let found = Defaults { has_account, root_ca, certificate: "PEM" };
        let plan = namespace::defaults(&staying(), &found);
        assert_eq!(plan, writes);
        assert_eq!(law::namespace::all(&staying(), &found, &plan), Ok(()));
        assert_eq!(namespace::defaults(&leaving("Terminating"), &found), [], "nothing comes into one that goes");
    }
}

#[test]
fn what_a_namespace_must_have_is_noticed_where_it_is_not_made() {
    let pem = json!({"ca.crt": "PEM"});
    let kept = stored(&pem);
    let (bare, furnished) = (
        Defaults { has_account: false, root_ca: None, certificate: "PEM" },
        Defaults { has_account: true, root_ca: Some(&kept), certificate: "PEM" },
    );
    let made = || written(root_ca(&pem), None);
    let mut elsewhere = root_ca(&pem);
    elsewhere.metadata.namespace = Some("other".to_owned());
    let why = |namespace: &Namespace, found: &Defaults<'_>, writes: &[Write]| {
        law::namespace::all(namespace, found, writes).expect_err("a law is broken").why
    };
    assert_eq!(why(&staying(), &bare, &[made()]), "namespace shop has no service account default");
    assert_eq!(
        why(&staying(), &bare, &[account()]),
        "config map kube-root-ca.crt of namespace shop does not tell the certificate"
    );
    assert_eq!(
        why(&staying(), &Defaults { certificate: "other", ..furnished }, &[]),
        "config map kube-root-ca.crt of namespace shop does not tell the certificate"
    );
    assert_eq!(
        why(&staying(), &furnished, &[account()]),
        "service account default of namespace shop is written for nothing"
    );
    assert_eq!(
        why(&leaving("Terminating"), &bare, &[made()]),
        "config map kube-root-ca.crt of namespace shop is written for nothing"
    );
    assert_eq!(
        why(&staying(), &bare, &[account(), written(elsewhere, None)]),
        "config map other/kube-root-ca.crt is written for namespace shop"
    );
    assert_eq!(
        why(&staying(), &bare, &[account(), made(), made()]),
        "config map shop/kube-root-ca.crt is written twice in one plan"
    );
}
