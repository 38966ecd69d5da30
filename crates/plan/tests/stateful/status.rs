//! What a set's status counts.

use serde_json::json;

use crate::world::World;

#[test]
fn replica_counts() {
    let mut world = World::settled(3, json!({}));
    let status = json!(world.status());
    let revision = status["updateRevision"].clone();
    assert_eq!(
        status,
        json!({
            "observedGeneration": 1, "replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "currentReplicas": 3,
            "updatedReplicas": 3, "currentRevision": revision, "updateRevision": revision, "collisionCount": 0,
        })
    );
    world.is("web-1", "Running", false);
    world.delete("web-2");
    world.steps();
    let status = world.status();
    assert_eq!((status.replicas, status.ready_replicas), (3, Some(2)), "one on its way out is Ready until it is gone");
    assert_eq!(
        (status.current_replicas, status.updated_replicas),
        (Some(2), Some(2)),
        "but no longer one of its revision"
    );
}

#[test]
fn a_pet_that_goes_before_it_was_available_does_not_count_as_available() {
    let mut world = World::new(1, json!({"minReadySeconds": 10}));
    world.steps();
    world.is("web-0", "Running", true);
    world.delete("web-0");
    world.steps();
    assert_eq!((world.status().ready_replicas, world.status().available_replicas), (Some(1), Some(0)));
    world.now += jiff::SignedDuration::from_secs(10);
    world.steps();
    assert_eq!(world.status().available_replicas, Some(1), "it is Ready until it is gone");
}

#[test]
fn an_empty_set_says_that_none_is_available() {
    let world = World::settled(0, json!({}));
    let status = json!(world.status());
    assert_eq!(status["availableReplicas"], 0);
    assert_eq!(status["replicas"], 0);
    assert_eq!(status.get("readyReplicas"), None);
}

#[test]
fn every_generation_is_observed() {
    let mut world = World::settled(1, json!({}));
    world.edit(|spec| spec["revisionHistoryLimit"] = json!(3));
    world.steps();
    assert_eq!(world.status().observed_generation, Some(2));
}

#[test]
fn while_an_update_is_under_way_both_revisions_are_counted() {
    let mut world = World::settled(3, json!({}));
    world.image("nginx:2");
    world.step();
    let status = world.status();
    assert_eq!((status.current_replicas, status.updated_replicas), (Some(2), None));
    world.gone("web-2");
    world.steps();
    world.is("web-2", "Running", true);
    world.step();
    let status = world.status();
    assert_eq!((status.current_replicas, status.updated_replicas), (Some(1), Some(1)));
    assert_ne!(status.current_revision, status.update_revision);
}
