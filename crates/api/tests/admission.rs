//! What becomes of objects on creation, update and deletion, with a kind that knows as little as possible.

use jiff::Timestamp;
use petset_api::{
    admission::{DeleteOptions, Deletion, Stamp, Update, create, delete, deletion_warnings, update, update_status},
    resource::{Resource, Rules, Scope},
    status::{Cause, Status},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A kind whose spec must have a `size`, and whose generation follows its spec.
struct Thing;

impl Rules for Thing {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        Ok((object, Vec::new()))
    }
    fn default(&self, object: &mut Value) {
        if object["spec"]["colour"].is_null() {
            object["spec"]["colour"] = "grey".into();
        }
    }
    fn prepare_create(&self, object: &mut Value) {
        object["metadata"]["generation"] = 1.into();
        object["status"] = json!({});
    }
    fn prepare_update(&self, object: &mut Value, old: &Value) {
        object["status"] = old["status"].clone();
        if object["spec"] != old["spec"] {
            object["metadata"]["generation"] = (old["metadata"]["generation"].as_i64().unwrap_or(0) + 1).into();
        }
    }
    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        let cause =
            Cause { reason: "FieldValueRequired", message: "Required value".to_owned(), field: "spec.size".to_owned() };
        if object["spec"]["size"].is_null() { vec![cause] } else { Vec::new() }
    }
    fn validate_update(&self, object: &Value, _: &Value) -> Vec<Cause> {
        self.validate_create(object)
    }
    fn warnings(&self, _: &Value) -> Vec<String> {
        Vec::new()
    }
    fn selectable(&self, _: &Value, _: &str) -> Option<String> {
        None
    }
}

fn resource(group: &'static str, version: &'static str, kind: &'static str, plural: &'static str) -> Resource {
    Resource {
        group,
        version,
        kind,
        plural,
        singular: "thing",
        short_names: &[],
        categories: &[],
        scope: if kind == "Namespace" { Scope::Cluster } else { Scope::Namespaced },
        subresources: &[],
        rules: &Thing,
    }
}

fn stamp() -> Stamp {
    Stamp { now: at("2016-07-01T12:00:00.75Z"), uid: Uuid::from_u128(1) }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn stored() -> Value {
    json!({
        "apiVersion": "apps/v1alpha1",
        "kind": "PetSet",
        "metadata": {
            "name": "web",
            "namespace": "default",
            "uid": "00000000-0000-0000-0000-000000000001",
            "creationTimestamp": "2016-07-01T12:00:00Z",
            "generation": 1,
            "resourceVersion": "7",
        },
        "spec": {"size": 3, "colour": "grey"},
        "status": {"seen": true},
    })
}

fn pod(grace: i64) -> Value {
    json!({
        "kind": "Pod",
        "metadata": {"name": "web-0", "namespace": "default", "uid": "u", "resourceVersion": "9"},
        "spec": {"terminationGracePeriodSeconds": grace, "nodeName": "here"},
        "status": {"phase": "Running"},
    })
}

fn no_options() -> DeleteOptions {
    DeleteOptions::default()
}

#[test]
fn a_new_object_gets_what_only_the_server_sets() {
    let petsets = resource("apps", "v1alpha1", "PetSet", "petsets");
    let object = json!({
        "metadata": {"name": "web", "uid": "mine", "selfLink": "/x", "deletionTimestamp": "soon"},
        "spec": {"size": 3},
    });
    let mut expected = stored();
    expected["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    expected["status"] = json!({});
    assert_eq!(create(&petsets, "default", object, &stamp()), Ok(expected));
}

#[test]
fn a_generated_name_is_drawn_from_the_stamp() {
    let petsets = resource("apps", "v1alpha1", "PetSet", "petsets");
    let object = json!({"metadata": {"generateName": "web-"}, "spec": {"size": 3}});
    let created = create(&petsets, "default", object, &stamp()).unwrap();
    assert_eq!(created["metadata"]["name"], "web-cbbbb");
    assert_eq!(created["metadata"]["generateName"], "web-");
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let petsets = resource("apps", "v1alpha1", "PetSet", "petsets");
    let object = json!({"metadata": {"labels": {"a": "b c"}}});
    let refusal = create(&petsets, "default", object, &stamp()).unwrap_err();
    assert_eq!((refusal.code, refusal.reason), (422, "Invalid"));
    let fields: Vec<&str> =
        refusal.details["causes"].as_array().unwrap().iter().map(|cause| cause["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["metadata.name", "metadata.labels", "spec.size"]);
    assert!(refusal.message.starts_with(
        r#"PetSet.apps "" is invalid: [metadata.name: Required value: name or generateName is required, metadata.labels: "#
    ));
}

#[test]
fn creation_refuses_a_version_and_another_namespace() {
    let petsets = resource("apps", "v1alpha1", "PetSet", "petsets");
    let versioned = json!({"metadata": {"name": "web", "resourceVersion": "7"}, "spec": {"size": 3}});
    let refusal = create(&petsets, "default", versioned, &stamp()).unwrap_err();
    assert_eq!((refusal.code, refusal.reason), (500, ""));
    assert_eq!(refusal.message, "resourceVersion should not be set on objects to be created");

    let elsewhere = json!({"metadata": {"name": "web", "namespace": "other"}, "spec": {"size": 3}});
    let refusal = create(&petsets, "default", elsewhere, &stamp()).unwrap_err();
    assert_eq!((refusal.code, refusal.reason), (400, "BadRequest"));
}

#[test]
fn an_object_has_a_size_that_no_patch_may_exceed() {
    let petsets = resource("apps", "v1alpha1", "PetSet", "petsets");
    let mut huge = stored();
    huge["spec"]["size"] = "x".repeat(petset_api::limits::OBJECT_BYTES_MAX).into();
    let refusal = update(&petsets, huge, &stored()).unwrap_err();
    assert_eq!((refusal.code, refusal.reason), (413, "RequestEntityTooLarge"));
}

#[test]
fn an_update_changes_spec_and_nothing_that_the_server_sets() {
    let petsets = resource("apps", "v1alpha1", "PetSet", "petsets");
    let new = json!({
        "metadata": {"name": "web", "labels": {"a": "b"}, "generation": 50, "creationTimestamp": null},
        "spec": {"size": 4},
        "status": {"seen": false},
    });
    let mut expected = stored();
    expected["metadata"]["labels"] = json!({"a": "b"});
    expected["metadata"]["generation"] = 2.into();
    expected["spec"]["size"] = 4.into();
    assert_eq!(update(&petsets, new, &stored()), Ok(Update::Write(expected)));
    assert_eq!(update(&petsets, stored(), &stored()), Ok(Update::Write(stored())), "no change is no change");
}

#[test]
fn an_update_of_another_state_or_another_object_conflicts() {
    let petsets = resource("apps", "v1alpha1", "PetSet", "petsets");
    let mut stale = stored();
    stale["metadata"]["resourceVersion"] = "6".into();
    let refusal = update(&petsets, stale, &stored()).unwrap_err();
    assert_eq!(
        refusal,
        Status {
            code: 409,
            reason: "Conflict",
            message:
                "Operation cannot be fulfilled on petsets.apps \"web\": the object has been modified; please apply \
                      your changes to the latest version and try again"
                    .to_owned(),
            details: json!({"name": "web", "group": "apps", "kind": "petsets"}),
        }
    );
    let mut other = stored();
    other["metadata"]["uid"] = "other".into();
    let refusal = update(&petsets, other, &stored()).unwrap_err();
    assert!(refusal.message.contains("Precondition failed: UID in precondition: other"), "{}", refusal.message);
}

#[test]
fn status_is_all_that_a_status_update_changes() {
    let petsets = resource("apps", "v1alpha1", "PetSet", "petsets");
    let mut new = stored();
    new["spec"]["size"] = 9.into();
    new["metadata"]["labels"] = json!({"a": "b"});
    new["status"] = json!({"seen": false});
    let mut expected = stored();
    expected["status"] = json!({"seen": false});
    assert_eq!(update_status(&petsets, new, &stored()), Ok(expected));
}

#[test]
fn a_pod_is_marked_with_its_grace_and_a_second_deletion_only_shortens_it() {
    let pods = resource("", "v1", "Pod", "pods");
    let now = at("2016-07-01T12:00:00Z");
    let Ok(Deletion::Mark(marked)) = delete(&pods, &pod(30), &no_options(), now) else { panic!("removed") };
    assert_eq!(marked["metadata"]["deletionTimestamp"], "2016-07-01T12:00:30Z");
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 30);

    let later = at("2016-07-01T12:00:10Z");
    let longer = DeleteOptions { grace_seconds: Some(60), ..no_options() };
    assert_eq!(delete(&pods, &marked, &longer, later), Ok(Deletion::Mark(marked.clone())));
    assert_eq!(delete(&pods, &marked, &no_options(), later), Ok(Deletion::Mark(marked.clone())));
    let shorter = DeleteOptions { grace_seconds: Some(20), ..no_options() };
    let Ok(Deletion::Mark(sooner)) = delete(&pods, &marked, &shorter, later) else { panic!("removed") };
    assert_eq!(sooner["metadata"]["deletionTimestamp"], "2016-07-01T12:00:20Z");
    assert_eq!(sooner["metadata"]["deletionGracePeriodSeconds"], 20);
    let at_once = DeleteOptions { grace_seconds: Some(0), ..no_options() };
    assert_eq!(delete(&pods, &marked, &at_once, later), Ok(Deletion::Remove));
}

#[test]
fn a_pod_with_nothing_to_stop_goes_at_once() {
    let pods = resource("", "v1", "Pod", "pods");
    let now = at("2016-07-01T12:00:00Z");
    let mut done = pod(30);
    done["status"]["phase"] = "Succeeded".into();
    let mut unplaced = pod(30);
    unplaced["spec"].as_object_mut().unwrap().remove("nodeName");
    for pod in [done, unplaced, pod(0)] {
        assert_eq!(delete(&pods, &pod, &no_options(), now), Ok(Deletion::Remove), "{pod}");
    }
    let Ok(Deletion::Mark(marked)) = delete(&pods, &pod(-5), &no_options(), now) else { panic!("removed") };
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 1);
}

#[test]
fn finalizers_keep_an_object_until_the_last_is_gone() {
    let claims = resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims");
    let mut claim = stored();
    claim["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
    let Ok(Deletion::Mark(marked)) = delete(&claims, &claim, &no_options(), at("2016-07-01T12:00:00Z")) else {
        panic!("removed")
    };
    assert_eq!(marked["metadata"]["deletionTimestamp"], "2016-07-01T12:00:00Z");
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_eq!(marked["metadata"]["generation"], 2);

    let mut more = marked.clone();
    more["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection", "example.com/g"]);
    assert_eq!(
        update(&claims, more, &marked).unwrap_err().message,
        "PersistentVolumeClaim \"web\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the \
         object is being deleted, found new finalizers []string{\"example.com/g\"}"
    );
    let mut none = marked.clone();
    none["metadata"]["finalizers"] = json!([]);
    assert!(matches!(update(&claims, none, &marked), Ok(Update::Remove(_))));
}

#[test]
fn a_namespace_terminates_first_and_some_never() {
    let namespaces = resource("", "v1", "Namespace", "namespaces");
    let now = at("2016-07-01T12:00:00Z");
    let namespace = json!({"kind": "Namespace", "metadata": {"name": "shop"}, "status": {"phase": "Active"}});
    let Ok(Deletion::Mark(marked)) = delete(&namespaces, &namespace, &no_options(), now) else { panic!("removed") };
    assert_eq!(marked["status"]["phase"], "Terminating");
    assert_eq!(delete(&namespaces, &marked, &no_options(), now), Ok(Deletion::Mark(marked.clone())));

    let default = json!({"kind": "Namespace", "metadata": {"name": "default"}});
    let refusal = delete(&namespaces, &default, &no_options(), now).unwrap_err();
    assert_eq!(refusal.message, "namespaces \"default\" is forbidden: this namespace may not be deleted");
}

#[test]
fn preconditions_are_kept() {
    let pods = resource("", "v1", "Pod", "pods");
    let options = DeleteOptions { uid: Some("x".to_owned()), ..no_options() };
    let refusal = delete(&pods, &pod(30), &options, at("2016-07-01T12:00:00Z")).unwrap_err();
    assert_eq!(
        refusal.message,
        "Operation cannot be fulfilled on Pod \"web-0\": the UID in the precondition (x) does not match the UID in record \
         (u). The object might have been deleted and then recreated"
    );
    let options = DeleteOptions { resource_version: Some("8".to_owned()), ..no_options() };
    assert_eq!(delete(&pods, &pod(30), &options, at("2016-07-01T12:00:00Z")).unwrap_err().code, 409);
}

#[test]
fn deleting_a_petset_warns_of_the_pets_that_stay() {
    let petsets = resource("apps", "v1alpha1", "PetSet", "petsets");
    let mut set = stored();
    set["spec"] = json!({
        "replicas": 2,
        "selector": {
            "matchLabels": {"app": "nginx"},
            "matchExpressions": [{"key": "tier", "operator": "In", "values": ["b", "a"]}],
        },
    });
    assert_eq!(
        deletion_warnings(&petsets, &set),
        [r#"pets of petset "web" keep running: scale it to 0 first, or delete them with -l app=nginx,tier in (a,b)"#]
    );
    set["spec"]["replicas"] = 0.into();
    assert_eq!(deletion_warnings(&petsets, &set), [""; 0]);
}
