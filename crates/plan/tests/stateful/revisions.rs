//! The history of a set's template.

use serde_json::{Value, json};

use crate::world::{POLICIES, World, name, object, owners, policy};

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

/// A pet below the partition is of the current revision. Where that is no template nobody knows what the pet was, and it is
/// not made of the newest in its place.
#[test]
fn a_current_revision_that_cannot_be_read_is_waited_for() {
    for policy_name in POLICIES {
        let mut spec = policy(policy_name);
        spec["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}});
        let mut world = World::settled(2, spec);
        world.image("nginx:2");
        world.settle();
        let current = world.status().current_revision.unwrap();
        let revision = world.revisions.iter_mut().find(|its| name(&its.metadata) == current).unwrap();
        let template = revision.data.replace(object(json!({"spec": {"template": "of another shape"}})));
        world.gone("web-0");
        assert_eq!(world.steps(), [""; 0], "{policy_name}: neither is the pet made nor the revision forgotten");
        assert_eq!(
            world.waits(),
            [format!(
                "RevisionUnreadable: waiting to create web-0: it is to be of revision {current}, which the partition keeps, \
                 and the data of that revision is no template; lower spec.updateStrategy.rollingUpdate.partition to have it \
                 made of the newest, or make the revision anew under its name"
            )]
        );
        assert_eq!(world.status().current_revision, Some(current.clone()));
        let mut lowered = world.clone();
        lowered.edit(|spec| spec["updateStrategy"]["rollingUpdate"]["partition"] = json!(0));
        assert_eq!(lowered.settle(), ["create web-0"]);
        assert_eq!(lowered.images(), ["web-0 nginx:2", "web-1 nginx:2"]);
        world.revisions.iter_mut().find(|its| name(&its.metadata) == current).unwrap().data = template;
        assert_eq!(world.settle(), ["create web-0"]);
        assert_eq!(world.images(), ["web-0 nginx:1", "web-1 nginx:2"]);
    }
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
