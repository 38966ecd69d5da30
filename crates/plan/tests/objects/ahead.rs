//! Sandboxes that are made ahead of their pets' turn.

use jiff::SignedDuration;
use plan::{
    Write,
    set::{AHEAD_MAX, AHEAD_PATIENCE},
};
use serde_json::json;

use crate::world::{World, object, pet, pod, time, unready};

/// What the whole plan writes of pods, one word and a name each.
fn told(world: &World) -> Vec<String> {
    let writes = world.plan_whole().writes.into_iter();
    let told = writes.filter_map(|write| match write {
        Write::CreatePod(pod) => Some(format!("create {}", pod.metadata.name.unwrap())),
        Write::DeletePod { name, .. } => Some(format!("delete {name}")),
        Write::Reserve(reserved) => Some(format!("reserve {}", reserved.metadata.name.unwrap())),
        Write::Release { name, .. } => Some(format!("release {name}")),
        _ => None,
    });
    told.collect()
}

/// A set of six, of which the first was made a moment ago and the next three are reserved.
fn begun() -> World {
    let mut world = World::new(6);
    world.apply(&world.plan_whole());
    world.now = time(1).0;
    world
}

#[test]
fn the_next_sandboxes_are_made_while_a_pet_starts() {
    let world = World::new(6);
    assert_eq!(told(&world), ["create web-0", "reserve web-1", "reserve web-2", "reserve web-3"]);
    let world = begun();
    assert_eq!(world.reserved.len(), AHEAD_MAX);
    assert_eq!(told(&world), [""; 0], "and then there is nothing more to do");
}

#[test]
fn a_pet_is_made_under_the_uid_that_was_reserved_for_it() {
    let mut world = begun();
    let promised = world.reserved[0].metadata.uid.clone();
    world.heal();
    assert_eq!(told(&world), ["create web-1", "release web-1", "reserve web-4"]);
    let plan = world.plan_whole();
    let Some(Write::CreatePod(made)) = plan.writes.first() else { panic!("{plan:?}") };
    assert_eq!(made.metadata.uid, promised);
    world.apply(&plan);
    assert_eq!(promised, Some("uid-1".to_owned()));
    let uids: Vec<_> = world.reserved.iter().map(|reserved| reserved.metadata.uid.as_deref().unwrap()).collect();
    assert_eq!(uids, ["uid-2", "uid-3", "uid-4"], "no uid is given twice");
}

#[test]
fn what_is_no_longer_wanted_is_released() {
    let mut world = begun();
    world.set.spec.replicas = Some(2);
    assert_eq!(told(&world), ["release web-2", "release web-3"]);
    world.set.spec.replicas = Some(6);
    world.pods.push(pod("web-1", 1));
    assert_eq!(told(&world), ["release web-1", "reserve web-4"], "made by hand, and so under another uid");
    world.pods.pop();
    world.set.metadata.deletion_timestamp = Some(time(1));
    assert_eq!(told(&world), ["release web-1", "release web-2", "release web-3"]);
}

#[test]
fn what_was_reserved_for_another_template_or_host_is_reserved_anew() {
    let others: [fn(&mut World); 2] = [
        |world| {
            world.set.spec.template.spec.as_mut().unwrap().host_aliases = Some(vec![object(json!({"ip": "10.0.0.1"}))]);
        },
        |world| world.host.dns = [10, 99, 0, 1].into(),
    ];
    for change in others {
        let mut world = begun();
        change(&mut world);
        assert_eq!(told(&world), ["release web-1", "release web-2", "release web-3"]);
        world.apply(&world.plan_whole());
        assert_eq!(told(&world), ["reserve web-1", "reserve web-2", "reserve web-3"]);

        let mut world = begun();
        change(&mut world);
        world.heal();
        let plan = world.plan_whole();
        let Some(Write::CreatePod(made)) = plan.writes.first() else { panic!("{plan:?}") };
        assert_eq!(made.metadata.uid, None, "a pod never takes over a sandbox that differs from its own");
    }
}

#[test]
fn a_set_that_waits_for_long_gives_back_what_it_has_ahead() {
    let mut world = begun();
    world.pods[0] = unready(world.pods[0].clone());
    let made = world.pods[0].metadata.creation_timestamp.clone().unwrap().0;
    let until = made + AHEAD_PATIENCE;
    assert_eq!(world.plan_whole().look_again, Some(until));
    world.now = until;
    assert_eq!(told(&world), ["release web-1", "release web-2", "release web-3"]);
    world.apply(&world.plan_whole());
    assert_eq!((told(&world), world.plan_whole().look_again), (vec![], None));
    // What was Ready and is no longer counts from then.
    let lost = made + AHEAD_PATIENCE * 10;
    let condition = json!({"type": "Ready", "status": "False", "lastTransitionTime": lost.to_string()});
    world.pods[0].status = Some(object(json!({"phase": "Running", "conditions": [condition]})));
    world.now = lost + SignedDuration::from_secs(1);
    assert_eq!(told(&world), ["reserve web-1", "reserve web-2", "reserve web-3"]);
}

#[test]
fn nothing_is_ahead_of_a_set_that_has_all_its_pets_or_too_many() {
    for replicas in [0, 1, 3] {
        let mut world = World::new(replicas).pods([pet(0), pet(1), pet(2)]);
        world.pods[2] = unready(pet(2));
        world.now = time(3).0;
        assert!(!told(&world).iter().any(|line| line.starts_with("reserve")), "{:?}", told(&world));
    }
}

#[test]
fn a_sandbox_that_takes_something_of_the_host_waits_for_its_turn() {
    let changes = [
        json!({"hostNetwork": true, "containers": [{"name": "a", "image": "b"}]}),
        json!({"containers": [{"name": "a", "image": "b", "ports": [{"containerPort": 80, "hostPort": 8080}]}]}),
    ];
    for spec in changes {
        let mut world = World::new(6);
        world.set.spec.template.spec = Some(object(spec));
        assert_eq!(told(&world), ["create web-0"]);
    }
}
