//! The history of a set's template.

use serde_json::{Value, json};

use crate::world::{World, name, object, owners};

fn numbers(world: &World) -> Vec<i64> {
    let mut numbers: Vec<i64> = world.revisions.iter().map(|revision| revision.revision).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_revision_holds_the_template() {
    let world = World::settled(1, json!({}));
    let [revision] = &world.revisions[..] else { panic!("{:?}", world.revisions) };
    assert_eq!(owners(&revision.metadata), ["set-uid"]);
    assert_eq!(revision.metadata.labels.as_ref().unwrap()["app"], "nginx");
    let mut template = json!(world.set.spec.as_ref().unwrap().template);
    template["$patch"] = json!("replace");
    assert_eq!(json!(revision.data), json!({"spec": {"template": template}}));
    assert_eq!(Some(name(&revision.metadata)), world.status().update_revision.as_deref());
}

#[test]
fn only_the_template_makes_a_revision() {
    let mut world = World::settled(1, json!({}));
    world.edit(|spec| spec["replicas"] = json!(2));
    world.edit(|spec| spec["minReadySeconds"] = json!(1));
    world.settle();
    assert_eq!(numbers(&world), [1]);
    world.image("nginx:2");
    world.settle();
    assert_eq!(numbers(&world), [1, 2]);
}

#[test]
fn a_rollback_brings_the_old_revision_to_the_top() {
    let mut world = World::settled(1, json!({}));
    world.image("nginx:2");
    world.settle();
    world.image("nginx:1");
    assert!(world.step().contains(&"update revision 3".to_owned()));
    world.settle();
    assert_eq!(numbers(&world), [2, 3]);
}

#[test]
fn the_history_is_limited() {
    let mut world = World::settled(1, json!({"revisionHistoryLimit": 2}));
    for image in ["nginx:2", "nginx:3", "nginx:4", "nginx:5"] {
        world.image(image);
        world.settle();
    }
    assert_eq!(numbers(&world), [3, 4, 5], "two that nobody is of, and the one that all are of");
}

#[test]
fn a_revision_that_a_pet_is_of_is_not_forgotten() {
    let mut world = World::settled(2, json!({"revisionHistoryLimit": 0, "updateStrategy": {"type": "OnDelete"}}));
    for image in ["nginx:2", "nginx:3"] {
        world.image(image);
        world.settle();
    }
    assert_eq!(numbers(&world), [1, 3]);
}

#[test]
fn an_orphan_revision_is_adopted() {
    let mut world = World::settled(1, json!({}));
    world.revisions[0].metadata.owner_references = None;
    assert_eq!(world.steps(), ["update revision 1"]);
    assert_eq!(owners(&world.revisions[0].metadata), ["set-uid"]);
}

#[test]
fn a_name_that_is_taken_is_avoided() {
    let settled = World::settled(1, json!({}));
    let mut foreign = settled.revisions[0].clone();
    foreign.data = Some(object(json!({"other": true})));
    foreign.metadata.labels = None;
    foreign.metadata.owner_references = Some(vec![object(json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "web", "uid": "other", "controller": true,
    }))]);
    let mut world = World::new(1, json!({}));
    world.revisions.push(foreign.clone());
    world.settle();
    assert_eq!(world.status().collision_count, Some(1));
    assert_ne!(world.status().update_revision, foreign.metadata.name);
    assert_eq!(world.revisions[0], foreign, "what is another's stays as it is");
    assert_eq!(world.plan().writes, [], "and it is counted once");
}

#[test]
fn labels_of_the_template_are_the_revisions() {
    let mut world = World::settled(1, json!({}));
    world.edit(|spec| spec["template"]["metadata"]["labels"]["tier"] = json!("front"));
    world.settle();
    let newest = world.revisions.iter().max_by_key(|revision| revision.revision).unwrap();
    let labels: Value = json!(newest.metadata.labels);
    assert_eq!(labels["tier"], "front");
}
