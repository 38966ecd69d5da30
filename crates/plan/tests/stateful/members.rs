//! Whose pods are whose.

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use crate::world::{POLICIES, World, object, owners, policy};

fn orphan(world: &World, pod: &str) -> Pod {
    let revision = world.status().update_revision;
    object(json!({
        "metadata": {
            "name": pod, "namespace": "default", "uid": format!("{pod}-orphan"), "resourceVersion": "5",
            "labels": {"app": "nginx", "controller-revision-hash": revision},
        },
        "spec": {"containers": [{"name": "nginx", "image": "nginx:1"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }))
}

#[test]
fn adoption() {
    for policy_name in POLICIES {
        let mut world = World::settled(2, policy(policy_name));
        world.gone("web-1");
        let orphan = orphan(&world, "web-1");
        world.pods.push(orphan);
        assert_eq!(world.settle(), ["update web-1"]);
        let pod = world.pod("web-1").clone();
        assert_eq!(owners(&pod.metadata), ["set-uid"]);
        let labels = pod.metadata.labels.unwrap();
        assert_eq!(labels["statefulset.kubernetes.io/pod-name"], "web-1", "and it gets its name back");
        assert_eq!(pod.metadata.uid.as_deref(), Some("web-1-orphan"));
    }
}

#[test]
fn an_orphan_of_another_name_is_left_alone() {
    let mut world = World::settled(1, json!({}));
    let stranger = orphan(&world, "other-0");
    world.pods.push(stranger.clone());
    assert_eq!(world.settle(), [""; 0]);
    assert_eq!(*world.pod("other-0"), stranger);
}

#[test]
fn an_orphan_that_is_being_deleted_is_not_adopted() {
    let mut world = World::settled(1, json!({}));
    world.gone("web-0");
    let orphan = orphan(&world, "web-0");
    world.pods.push(orphan);
    world.delete("web-0");
    world.steps();
    assert_eq!(owners(&world.pod("web-0").metadata), [""; 0]);
    assert!(world.waits()[0].starts_with("NameTaken: waiting to create web-0: there is a pod web-0 already"));
    world.gone("web-0");
    assert_eq!(world.step(), ["create web-0"]);
}

#[test]
fn release() {
    let mut world = World::settled(2, json!({}));
    world.pod("web-1").metadata.labels.as_mut().unwrap().insert("app".to_owned(), "debug".to_owned());
    assert_eq!(world.steps(), ["update web-1"]);
    assert_eq!(world.pod("web-1").metadata.owner_references, None);
    assert_eq!(
        world.waits(),
        [
            "NameTaken: waiting to create web-1: there is a pod web-1 already, which is not its own; delete it, or give it the \
             labels that are selected"
        ]
    );
    world.gone("web-1");
    assert_eq!(world.step(), ["create web-1"]);
}

#[test]
fn a_set_is_not_at_rest_while_it_controls_a_pod_that_is_not_its_own() {
    let mut world = World::settled(2, json!({}));
    let mut former = orphan(&world, "web-2");
    former.metadata.labels.as_mut().unwrap().insert("app".to_owned(), "debug".to_owned());
    former.metadata.owner_references = world.pod("web-1").metadata.owner_references.clone();
    world.pods.push(former);
    let unrest = world.is_settled().unwrap_err().to_string();
    assert!(unrest.contains("web-2 is none of set web's pets, and the set controls it"), "{unrest}");
    assert_eq!(world.steps(), ["update web-2"]);
    assert_eq!(owners(&world.pod("web-2").metadata), [""; 0]);
    assert_eq!(world.is_settled(), Ok(()));
}

#[test]
fn a_pod_of_another_controller_is_neither_counted_nor_touched() {
    let mut world = World::settled(2, json!({}));
    world.pod("web-1").metadata.owner_references.as_mut().unwrap()[0].uid = "other".to_owned();
    let before = world.pod("web-1").clone();
    world.steps();
    assert_eq!(*world.pod("web-1"), before);
    assert_eq!(world.status().replicas, 1);
    assert!(world.waits()[0].starts_with("NameTaken"));
}

#[test]
fn an_identity_that_has_drifted_is_restored() {
    let mut world = World::settled(1, json!({}));
    world.pod("web-0").metadata.labels.as_mut().unwrap().remove("statefulset.kubernetes.io/pod-name");
    assert_eq!(world.steps(), ["update web-0"]);
    assert_eq!(world.events, ["SuccessfulUpdate: update Pod web-0 in StatefulSet web successful"]);
    assert_eq!(world.is_settled(), Ok(()));
}

#[test]
fn a_set_that_adopts_a_pod_which_names_it_already_is_named_once() {
    let mut world = World::settled(1, json!({}));
    world.pod("web-0").metadata.owner_references.as_mut().unwrap()[0].controller = None;
    assert_eq!(world.steps(), ["update web-0"]);
    assert_eq!(owners(&world.pod("web-0").metadata), ["set-uid"]);
    assert_eq!(world.events, [""; 0]);
}
