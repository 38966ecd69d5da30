//! Which pet is next, under both policies.

use serde_json::json;

use crate::world::{POLICIES, World, name, policy};

#[test]
fn creates_pods() {
    let mut ordered = World::new(3, policy("OrderedReady"));
    assert_eq!(ordered.settle(), ["create web-0", "create web-1", "create web-2"]);
    let mut parallel = World::new(5, policy("Parallel"));
    let creates = ["create web-0", "create web-1", "create web-2", "create web-3", "create web-4"];
    assert_eq!(parallel.steps().into_iter().filter(|line| line.contains("web-")).collect::<Vec<_>>(), creates);
    let pod = &ordered.pods[1];
    let labels = pod.metadata.labels.as_ref().unwrap();
    assert_eq!(labels["statefulset.kubernetes.io/pod-name"], "web-1");
    assert_eq!(labels["apps.kubernetes.io/pod-index"], "1");
    assert_eq!(Some(&labels["controller-revision-hash"]), ordered.status().update_revision.as_ref());
    assert_eq!(
        json!(pod.metadata.owner_references),
        json!([{
            "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "set-uid",
            "controller": true, "blockOwnerDeletion": true,
        }])
    );
    let spec = pod.spec.as_ref().unwrap();
    assert_eq!((spec.hostname.as_deref(), spec.subdomain.as_deref()), (Some("web-1"), Some("nginx")));
    assert_eq!(pod.metadata.annotations, None, "the identity is in labels");
    assert_eq!(pod.metadata.generate_name.as_deref(), Some("web-"));
}

#[test]
fn a_parallel_set_starts_slowly() {
    let mut world = World::new(11, policy("Parallel"));
    let batches: Vec<usize> =
        (0..6).map(|_| world.step().iter().filter(|line| line.starts_with("create web-")).count()).collect();
    assert_eq!(batches, [1, 1, 2, 4, 3, 0], "each time as many as there are, so that the first fault costs one pet");
}

#[test]
fn scales_up_and_down() {
    let mut world = World::settled(2, policy("OrderedReady"));
    world.edit(|spec| spec["replicas"] = json!(4));
    assert_eq!(world.settle(), ["create web-2", "create web-3"]);
    world.edit(|spec| spec["replicas"] = json!(1));
    assert_eq!(world.settle(), ["delete web-3", "delete web-2", "delete web-1"]);
    world.edit(|spec| spec["replicas"] = json!(0));
    assert_eq!(world.settle(), ["delete web-0"]);
}

#[test]
fn a_parallel_set_scales_down_at_once() {
    let mut world = World::settled(3, policy("Parallel"));
    world.is("web-1", "Running", false);
    world.edit(|spec| spec["replicas"] = json!(0));
    assert_eq!(world.step(), ["delete web-2", "delete web-1", "delete web-0"]);
}

#[test]
fn respects_termination() {
    let mut world = World::settled(3, policy("OrderedReady"));
    world.delete("web-1");
    world.steps();
    assert_eq!(world.waits(), ["PetTerminating: waiting for web-1: web-1 is being deleted"]);
    world.edit(|spec| spec["replicas"] = json!(2));
    assert_eq!(world.steps(), [""; 0], "nothing goes while a pet in its place is not well");
    world.gone("web-1");
    assert_eq!(world.step(), ["create web-1"]);
    world.is("web-1", "Running", true);
    assert_eq!(world.step(), ["delete web-2"]);
}

#[test]
fn respects_order() {
    let mut world = World::new(3, policy("OrderedReady"));
    world.steps();
    assert_eq!(world.pods.len(), 1);
    assert_eq!(
        world.waits(),
        [
            "PetNotRunning: waiting to create web-1: web-0 is Pending",
            "PetNotRunning: waiting to create web-2: web-0 is Pending",
        ]
    );
    world.is("web-0", "Running", false);
    assert_eq!(world.steps(), [""; 0]);
    world.is("web-0", "Running", true);
    assert_eq!(world.steps(), ["create web-1"]);
    world.gone("web-0");
    assert_eq!(
        world.steps(),
        ["create web-0"],
        "what is missing below comes first, also beside a pet that is not ready"
    );
}

#[test]
fn blocks_scaling() {
    let mut world = World::settled(3, policy("OrderedReady"));
    world.is("web-0", "Running", false);
    world.edit(|spec| spec["replicas"] = json!(5));
    assert_eq!(world.steps(), [""; 0]);
    world.edit(|spec| spec["replicas"] = json!(1));
    assert_eq!(world.steps(), [""; 0]);
    assert_eq!(
        world.waits(),
        [
            "PetNotReady: waiting to delete web-2: web-0 is not Ready",
            "PetNotReady: waiting to delete web-1: web-0 is not Ready",
        ]
    );
}

#[test]
fn an_unwell_pet_too_many_may_go_if_it_is_the_first_such() {
    let mut world = World::settled(4, policy("OrderedReady"));
    world.is("web-3", "Running", false);
    world.edit(|spec| spec["replicas"] = json!(1));
    assert_eq!(world.step(), ["delete web-3"]);
    let mut world = World::settled(4, policy("OrderedReady"));
    world.is("web-3", "Running", false);
    world.is("web-2", "Running", false);
    world.edit(|spec| spec["replicas"] = json!(1));
    assert_eq!(world.steps(), [""; 0], "the first that is unwell is web-2");
}

#[test]
fn pets_too_many_that_have_ended_hold_nobody_up() {
    let mut world = World::settled(3, policy("OrderedReady"));
    world.is("web-1", "Failed", false);
    world.is("web-2", "Failed", false);
    world.edit(|spec| spec["replicas"] = json!(1));
    assert_eq!(world.settle(), ["delete web-2", "delete web-1"]);
}

#[test]
fn recreates_failed_pods() {
    for policy_name in POLICIES {
        for phase in ["Failed", "Succeeded"] {
            let mut world = World::settled(3, policy(policy_name));
            world.is("web-1", phase, false);
            assert_eq!(world.step(), ["delete web-1"], "{policy_name} {phase}");
            assert_eq!(world.step(), [""; 0], "{policy_name} {phase}: it is on its way out");
            world.gone("web-1");
            assert_eq!(world.step(), ["create web-1"], "{policy_name} {phase}");
        }
    }
}

#[test]
fn an_ordered_set_recreates_a_failed_pod_when_the_lower_ones_are_well() {
    let mut world = World::settled(3, policy("OrderedReady"));
    world.is("web-0", "Running", false);
    world.is("web-1", "Failed", false);
    assert_eq!(world.steps(), [""; 0]);
    world.is("web-0", "Running", true);
    assert_eq!(world.step(), ["delete web-1"]);
}

#[test]
fn set_deletion_is_left_to_the_garbage_collector() {
    for policy_name in POLICIES {
        let mut world = World::settled(2, policy(policy_name));
        world.set.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(world.now));
        world.gone("web-0");
        assert_eq!(world.step(), [""; 0], "nothing is made or deleted, the status goes on counting");
        assert_eq!(world.status().replicas, 1);
    }
}

#[test]
fn ordinals_start_where_the_spec_says() {
    let mut world = World::new(2, json!({"ordinals": {"start": 5}}));
    assert_eq!(world.settle(), ["create web-5", "create web-6"]);
    world.edit(|spec| spec["ordinals"] = json!({"start": 6}));
    assert_eq!(world.settle(), ["create web-7", "delete web-5"]);
    let names: Vec<&str> = world.pods.iter().map(|pod| name(&pod.metadata)).collect();
    assert_eq!(names, ["web-6", "web-7"]);
}

#[test]
fn min_ready_seconds_hold_up_the_next_pet_once() {
    let mut world = World::new(2, json!({"minReadySeconds": 10}));
    world.steps();
    world.is("web-0", "Running", true);
    let ready = world.now;
    assert_eq!(world.steps(), [""; 0]);
    let plan = world.plan();
    assert_eq!(plan.look_again, Some(ready + jiff::SignedDuration::from_secs(10)));
    let sentence = "web-0 is Ready and becomes available after 10 s of it (spec.minReadySeconds)";
    assert_eq!(plan.waits[0].message, format!("waiting to create web-1: {sentence}"));
    assert_eq!((world.status().ready_replicas, world.status().available_replicas), (Some(1), Some(0)));
    world.now = ready + jiff::SignedDuration::from_secs(10);
    assert_eq!(world.step(), ["create web-1"]);
    assert_eq!(world.status().available_replicas, Some(1));
    world.steps();
    world.is("web-1", "Running", true);
    world.now += jiff::SignedDuration::from_secs(10);
    world.steps();
    assert_eq!(world.is_settled(), Ok(()));
}

#[test]
fn a_template_that_makes_no_pod_is_told_and_waited_for() {
    let mut world = World::new(1, json!({}));
    world.edit(|spec| spec["template"]["spec"]["containers"] = json!([]));
    let plan = world.plan();
    let note = &plan.notes[0];
    assert_eq!(note.reason, "FailedCreate");
    assert!(note.message.starts_with("create Pod web-0 in StatefulSet web failed error: Pod \"web-0\" is invalid"));
    assert_eq!(plan.waits[0].reason, "PetInvalid");
}

#[test]
fn events_have_kubernetes_words() {
    let mut world = World::new(1, World::storage(None));
    world.settle();
    assert_eq!(
        world.events,
        [
            "SuccessfulCreate: create Claim www-web-0 Pod web-0 in StatefulSet web success",
            "SuccessfulCreate: create Pod web-0 in StatefulSet web successful",
        ]
    );
    world.edit(|spec| spec["replicas"] = json!(0));
    world.settle();
    assert_eq!(world.events[2], "SuccessfulDelete: delete Pod web-0 in StatefulSet web successful");
}
