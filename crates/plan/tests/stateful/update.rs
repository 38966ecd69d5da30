//! How pets come to another revision.

use serde_json::json;

use crate::world::{POLICIES, World, policy};

fn rolling(parameters: &serde_json::Value, policy: &str) -> serde_json::Value {
    json!({"podManagementPolicy": policy, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": parameters}})
}

fn deletes(story: &[String]) -> Vec<&str> {
    story.iter().map(String::as_str).filter(|line| line.starts_with("delete")).collect()
}

#[test]
fn rolling_update() {
    for policy_name in POLICIES {
        let mut world = World::settled(3, policy(policy_name));
        world.image("nginx:2");
        assert_eq!(
            world.settle(),
            ["delete web-2", "create web-2", "delete web-1", "create web-1", "delete web-0", "create web-0"],
            "{policy_name}"
        );
        assert_eq!(world.images(), ["web-0 nginx:2", "web-1 nginx:2", "web-2 nginx:2"]);
        let status = world.status();
        assert_eq!(status.current_revision, status.update_revision);
        assert_eq!((status.current_replicas, status.updated_replicas), (Some(3), Some(3)));
    }
}

#[test]
fn rolling_update_with_partition() {
    for policy_name in POLICIES {
        let mut world = World::settled(4, rolling(&json!({"partition": 2}), policy_name));
        world.image("nginx:2");
        assert_eq!(world.settle(), ["delete web-3", "create web-3", "delete web-2", "create web-2"]);
        assert_eq!(world.images(), ["web-0 nginx:1", "web-1 nginx:1", "web-2 nginx:2", "web-3 nginx:2"]);
        let status = world.status();
        assert_ne!(status.current_revision, status.update_revision);
        assert_eq!((status.current_replicas, status.updated_replicas), (Some(2), Some(2)));
        world.delete("web-0");
        world.settle();
        assert_eq!(world.images()[0], "web-0 nginx:1", "what is below the partition is made again as it was");
        world.edit(|spec| spec["updateStrategy"]["rollingUpdate"]["partition"] = json!(0));
        world.settle();
        assert_eq!(world.images()[0], "web-0 nginx:2");
    }
}

#[test]
fn a_partition_counts_from_the_first_ordinal() {
    let mut spec = rolling(&json!({"partition": 1}), "OrderedReady");
    spec["ordinals"] = json!({"start": 10});
    let mut world = World::settled(2, spec);
    world.image("nginx:2");
    world.settle();
    assert_eq!(world.images(), ["web-10 nginx:1", "web-11 nginx:2"]);
}

#[test]
fn on_delete_update() {
    for policy_name in POLICIES {
        let mut spec = policy(policy_name);
        spec["updateStrategy"] = json!({"type": "OnDelete"});
        let mut world = World::settled(2, spec);
        world.image("nginx:2");
        assert_eq!(world.settle(), [""; 0]);
        world.delete("web-0");
        world.settle();
        assert_eq!(world.images(), ["web-0 nginx:2", "web-1 nginx:1"]);
        let status = world.status();
        assert_ne!(status.current_revision, status.update_revision, "it is never complete by itself");
        assert_eq!((status.current_replicas, status.updated_replicas), (Some(1), Some(1)));
    }
}

#[test]
fn max_unavailable_pets_are_replaced_at_once() {
    for (max, first) in [
        (json!(2), &["delete web-4", "delete web-3"][..]),
        (json!("60%"), &["delete web-4", "delete web-3", "delete web-2"]),
        (json!("10%"), &["delete web-4"]),
    ] {
        let mut world = World::settled(5, rolling(&json!({"partition": 0, "maxUnavailable": max}), "Parallel"));
        world.image("nginx:2");
        assert_eq!(deletes(&world.step()), first, "{max}");
        assert!(world.steps().is_empty(), "{max}: no more while they are away");
        world.settle();
        assert!(world.images().iter().all(|image| image.ends_with("nginx:2")));
    }
}

#[test]
fn pets_that_are_unavailable_anyway_count() {
    let mut world = World::settled(4, rolling(&json!({"partition": 1, "maxUnavailable": 2}), "Parallel"));
    world.is("web-0", "Running", false);
    world.image("nginx:2");
    assert_eq!(deletes(&world.step()), ["delete web-3"]);
    let mut world = World::settled(4, rolling(&json!({"partition": 1, "maxUnavailable": 1}), "Parallel"));
    world.is("web-0", "Running", false);
    world.image("nginx:2");
    world.steps();
    assert_eq!(world.waits()[0], "PetNotReady: waiting to update web-3: web-0 is not Ready");
}

/// A template that makes no pet well is mended by another one: nobody has to delete pets by hand.
#[test]
fn a_parallel_update_replaces_pets_that_are_not_well() {
    let mut world = World::settled(3, policy("Parallel"));
    for pet in ["web-0", "web-1", "web-2"] {
        world.is(pet, "Running", false);
    }
    world.image("nginx:2");
    assert_eq!(deletes(&world.steps()), ["delete web-2"], "one after the other");
    world.gone("web-2");
    assert_eq!(world.steps(), ["create web-2"]);
    world.is("web-2", "Running", false);
    assert_eq!(world.waits()[0], "PetNotReady: waiting to update web-1: web-2 is not Ready");
    world.is("web-2", "Running", true);
    assert_eq!(deletes(&world.step()), ["delete web-1"], "whatever is wrong with web-0");
    world.gone("web-1");
    world.settle();
    assert_eq!(world.images(), ["web-0 nginx:2", "web-1 nginx:2", "web-2 nginx:2"]);
}

/// Kubernetes, where it honours `maxUnavailable`, would wait for ever: web-0 counts as unavailable, and is not well before it
/// is replaced.
#[test]
fn under_max_unavailable_an_old_pet_that_is_not_well_is_replaced_first() {
    let mut world = World::settled(4, rolling(&json!({"partition": 0, "maxUnavailable": 1}), "Parallel"));
    world.is("web-0", "Running", false);
    world.image("nginx:2");
    assert_eq!(deletes(&world.steps()), ["delete web-0"], "nobody is away because of it who was there before");
    assert_eq!(world.waits()[0], "PetTerminating: waiting to update web-3: web-0 is being deleted");
    world.gone("web-0");
    world.settle();
    assert!(world.images().iter().all(|image| image.ends_with("nginx:2")));
}

#[test]
fn a_pet_below_the_partition_is_not_said_to_wait_for_its_update() {
    let mut world = World::settled(3, rolling(&json!({"partition": 1}), "OrderedReady"));
    world.image("nginx:2");
    world.settle();
    world.is("web-0", "Running", false);
    world.image("nginx:3");
    world.steps();
    assert_eq!(world.waits()[0], "PetNotReady: waiting to update web-2: web-0 is not Ready");
}

#[test]
fn an_update_waits_for_min_ready_seconds() {
    let mut world = World::settled(2, json!({"minReadySeconds": 30}));
    world.image("nginx:2");
    world.steps();
    world.gone("web-1");
    world.steps();
    world.is("web-1", "Running", true);
    assert_eq!(world.steps(), [""; 0], "web-1 is not available yet");
    world.now += jiff::SignedDuration::from_secs(30);
    assert_eq!(world.step(), ["delete web-0"]);
}

#[test]
fn scaling_takes_precedence_over_updating() {
    let mut world = World::settled(3, policy("OrderedReady"));
    world.image("nginx:2");
    world.edit(|spec| spec["replicas"] = json!(2));
    assert_eq!(world.settle(), ["delete web-2", "delete web-1", "create web-1", "delete web-0", "create web-0"]);
}

#[test]
fn rollback() {
    let mut world = World::settled(2, policy("OrderedReady"));
    let first = world.status().current_revision;
    world.image("nginx:2");
    world.settle();
    world.image("nginx:1");
    world.settle();
    assert_eq!(world.status().current_revision, first, "the old revision is found again by what it holds");
    assert_eq!(world.images(), ["web-0 nginx:1", "web-1 nginx:1"]);
    assert_eq!(world.revisions.len(), 2);
}

/// Kubernetes issue 67250: what is stuck stays stuck after the template is mended, and the wait says what helps.
#[test]
fn a_rollback_of_a_stuck_update_waits_for_the_broken_pet() {
    let mut world = World::settled(3, policy("OrderedReady"));
    world.image("nginx:broken");
    world.steps();
    world.gone("web-2");
    world.steps();
    world.is("web-2", "Pending", false);
    world.image("nginx:1");
    world.steps();
    let sentence = "PetNotRunning: waiting to update web-2: web-2 is Pending; it is of an older revision, and pets are not \
                    replaced while one of them is not Ready: delete pod web-2 to have it made of the newest, or set \
                    spec.updateStrategy to {type: Recreate, rollingUpdate: null}";
    assert_eq!(world.waits(), [sentence]);
    world.edit(|spec| spec["updateStrategy"] = json!({"type": "Recreate"}));
    assert_eq!(world.steps(), ["delete web-2"], "only web-2 is of another revision");
    world.gone("web-2");
    world.settle();
    assert_eq!(world.images(), ["web-0 nginx:1", "web-1 nginx:1", "web-2 nginx:1"]);
}

#[test]
fn recreate_deletes_all_old_pets_before_it_makes_new_ones() {
    for policy_name in POLICIES {
        let mut spec = policy(policy_name);
        spec["updateStrategy"] = json!({"type": "Recreate"});
        let mut world = World::settled(3, spec);
        world.image("nginx:2");
        assert_eq!(deletes(&world.steps()), ["delete web-2", "delete web-1", "delete web-0"]);
        world.gone("web-2");
        world.gone("web-0");
        assert_eq!(world.steps(), [""; 0], "one is still there");
        assert_eq!(world.waits()[0], "PetTerminating: waiting to create web-0: web-1 is being deleted");
        world.gone("web-1");
        world.settle();
        assert_eq!(world.images(), ["web-0 nginx:2", "web-1 nginx:2", "web-2 nginx:2"]);
        let status = world.status();
        assert_eq!(status.current_revision, status.update_revision);
    }
}
