//! Containers that are added to a pod while it runs.

use k8s_openapi::api::core::v1::EphemeralContainer;
use plan::{Action, facts::Role};
use serde_json::{Value, json};

use crate::{
    start::NGINX,
    world::{World, is_live, waits},
};

/// A pod that runs, to which a container `look` is added.
fn looked_into(target: &Value) -> World {
    let mut world = World::new(NGINX);
    world.settle();
    let added =
        json!({"name": "look", "image": "nginx", "imagePullPolicy": "IfNotPresent", "targetContainerName": target});
    let added: EphemeralContainer = serde_json::from_value(added).unwrap();
    let spec = world.pod.as_mut().unwrap().spec.as_mut().unwrap();
    world.images.insert("nginx".into(), world.images.values().next().cloned().unwrap());
    spec.ephemeral_containers = Some(vec![added]);
    world
}

/// The container `look`, as the status shows it.
fn look(world: &World) -> Value {
    json!(world.status().ephemeral_container_statuses.as_ref().expect("a status")[0])
}

#[test]
fn a_container_is_added_to_a_pod_that_runs_and_changes_nothing_else() {
    let mut world = looked_into(&Value::Null);
    let before = world.status().clone();
    world.settle();
    assert!(world.containers.iter().any(|c| c.owner.role == Role::Ephemeral && is_live(c)));
    assert!(look(&world)["state"]["running"].is_object(), "{}", look(&world));
    assert_eq!(world.status().container_statuses, before.container_statuses);
    assert_eq!((world.condition("Ready"), world.status().phase.as_deref()), ("True", Some("Running")));
}

#[test]
fn one_that_has_ended_stays_so_and_the_pod_is_none_the_worse() {
    let mut world = looked_into(&Value::Null);
    world.settle();
    world.exit("look", 3);
    let last = world.settle();
    world.run_for(600);
    assert_eq!(waits(&last), Vec::<String>::new());
    assert_eq!(look(&world)["state"]["terminated"]["exitCode"], 3);
    assert_eq!(world.containers.iter().filter(|c| c.owner.role == Role::Ephemeral).count(), 1);
    assert_eq!(world.condition("Ready"), "True");

    // Also where the engine forgets it.
    world.containers.retain(|container| container.owner.role != Role::Ephemeral);
    world.settle();
    assert_eq!(look(&world)["state"]["terminated"]["exitCode"], 3);
    assert!(world.containers.iter().all(|container| container.owner.role != Role::Ephemeral));
}

#[test]
fn it_shares_the_processes_of_the_container_that_it_names_once_that_runs() {
    let mut world = looked_into(&json!("nginx"));
    let nginx = world.containers.iter().find(|c| c.owner.container == "nginx").map(|c| c.id.clone());
    let started = world.plan().actions;
    assert!(matches!(&started[..], [Action::StartContainer(start)] if start.target == nginx), "{started:?}");

    world.exit("nginx", 1);
    world.exits.insert("nginx".into(), 1);
    world.settle();
    assert_eq!(look(&world)["state"]["waiting"]["reason"], "CreateContainerConfigError");
    world.exits.clear();
    world.run_for(20);
    assert!(look(&world)["state"]["running"].is_object(), "{}", look(&world));
}

#[test]
fn it_goes_with_its_pod() {
    let mut world = looked_into(&Value::Null);
    world.settle();
    world.delete(0);
    world.settle();
    assert_eq!((world.pod.is_none(), world.containers.len()), (true, 0));
}
