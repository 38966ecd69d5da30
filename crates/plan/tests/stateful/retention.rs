//! What becomes of claims: the four combinations of `persistentVolumeClaimRetentionPolicy`.

use serde_json::json;

use crate::world::{World, name, object, owners};

fn owners_of(world: &World, claim: &str) -> Vec<String> {
    let claim = world.claims.iter().find(|its| name(&its.metadata) == claim).unwrap();
    owners(&claim.metadata).into_iter().map(str::to_owned).collect()
}

fn claims(world: &World) -> Vec<&str> {
    world.claims.iter().map(|claim| name(&claim.metadata)).collect()
}

#[test]
fn creates_claims() {
    let mut world = World::new(2, World::storage(None));
    world.steps();
    assert_eq!(claims(&world), ["www-web-0"], "a pet's claims are made with the pet");
    world.settle();
    assert_eq!(claims(&world), ["www-web-0", "www-web-1"]);
    let claim = &world.claims[0];
    assert_eq!(claim.metadata.labels.as_ref().unwrap()["app"], "nginx");
    assert_eq!(claim.metadata.finalizers.as_deref(), Some(&["kubernetes.io/pvc-protection".to_owned()][..]));
    let volumes = json!(world.pods[1].spec.as_ref().unwrap().volumes);
    assert_eq!(volumes, json!([{"name": "www", "persistentVolumeClaim": {"claimName": "www-web-1"}}]));
}

#[test]
fn a_lost_claim_of_a_pending_pet_is_made_again() {
    let mut world = World::new(1, World::storage(None));
    world.steps();
    world.claims.clear();
    assert_eq!(world.steps(), ["create www-web-0"]);
}

#[test]
fn a_pet_waits_for_a_claim_that_is_on_its_way_out() {
    let mut world = World::settled(1, World::storage(None));
    world.gone("web-0");
    world.claims[0].metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(world.now));
    world.steps();
    assert_eq!(world.waits(), ["ClaimTerminating: waiting to create web-0: its claim www-web-0 is being deleted"]);
    world.claims.clear();
    assert_eq!(world.step(), ["create www-web-0", "create web-0"]);
}

#[test]
fn retain_and_retain() {
    let mut world = World::settled(2, World::storage(Some(("Retain", "Retain"))));
    assert_eq!(owners_of(&world, "www-web-1"), [""; 0]);
    world.edit(|spec| spec["replicas"] = json!(1));
    world.settle();
    assert_eq!(claims(&world), ["www-web-0", "www-web-1"]);
}

#[test]
fn delete_with_the_set_alone() {
    let mut world = World::settled(2, World::storage(Some(("Delete", "Retain"))));
    assert_eq!(owners_of(&world, "www-web-1"), ["set-uid"]);
    world.edit(|spec| spec["replicas"] = json!(1));
    world.settle();
    assert_eq!(claims(&world), ["www-web-0", "www-web-1"]);
    assert_eq!(owners_of(&world, "www-web-1"), ["set-uid"], "it still goes with the set");
}

#[test]
fn delete_with_the_pet_alone() {
    let mut world = World::settled(2, World::storage(Some(("Retain", "Delete"))));
    assert_eq!(owners_of(&world, "www-web-1"), [""; 0]);
    world.delete("web-1");
    world.settle();
    assert_eq!(claims(&world), ["www-web-0", "www-web-1"], "a pet that comes back keeps its claim");
    let uid = world.pod("web-1").metadata.uid.clone().unwrap();
    world.edit(|spec| spec["replicas"] = json!(1));
    assert_eq!(world.step(), ["own www-web-1", "delete web-1"]);
    assert_eq!(owners_of(&world, "www-web-1"), [uid]);
    world.settle();
    assert_eq!(claims(&world), ["www-web-0"]);
}

#[test]
fn delete_with_both() {
    let mut world = World::settled(2, World::storage(Some(("Delete", "Delete"))));
    assert_eq!(owners_of(&world, "www-web-1"), ["set-uid"]);
    let uid = world.pod("web-1").metadata.uid.clone().unwrap();
    world.edit(|spec| spec["replicas"] = json!(1));
    world.step();
    assert_eq!(owners_of(&world, "www-web-1"), [uid]);
    world.settle();
    assert_eq!(claims(&world), ["www-web-0"]);
}

#[test]
fn a_changed_policy_is_followed() {
    let mut world = World::settled(1, World::storage(Some(("Retain", "Retain"))));
    world.edit(|spec| {
        spec["persistentVolumeClaimRetentionPolicy"] = json!({"whenDeleted": "Delete", "whenScaled": "Retain"});
    });
    assert_eq!(world.steps(), ["own www-web-0"]);
    assert_eq!(owners_of(&world, "www-web-0"), ["set-uid"]);
    world.edit(|spec| {
        spec["persistentVolumeClaimRetentionPolicy"] = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
    });
    assert_eq!(world.steps(), ["own www-web-0"]);
    assert_eq!(owners_of(&world, "www-web-0"), [""; 0]);
}

#[test]
fn a_claim_that_is_going_with_a_former_pet_is_waited_for() {
    let mut world = World::settled(1, World::storage(Some(("Retain", "Delete"))));
    world.pods.clear();
    world.claims[0].metadata.owner_references = Some(vec![object(
        json!({"apiVersion": "v1", "kind": "Pod", "name": "web-0", "uid": "former", "controller": true}),
    )]);
    world.steps();
    assert_eq!(world.waits(), ["ClaimTerminating: waiting to create web-0: its claim www-web-0 is being deleted"]);
}

#[test]
fn a_claim_that_somebody_else_controls_is_left_alone() {
    let foreign = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "boss", "uid": "boss", "controller": true});
    let mut world = World::settled(1, World::storage(Some(("Retain", "Retain"))));
    world.claims[0].metadata.owner_references = Some(vec![object(foreign.clone())]);
    world.edit(|spec| {
        spec["persistentVolumeClaimRetentionPolicy"] = json!({"whenDeleted": "Delete", "whenScaled": "Retain"});
    });
    assert_eq!(world.steps(), [""; 0]);
    assert_eq!(owners_of(&world, "www-web-0"), ["boss"]);
    let mut world = World::settled(1, World::storage(Some(("Delete", "Retain"))));
    world.claims[0].metadata.owner_references.as_mut().unwrap().push(object(foreign));
    assert_eq!(world.steps(), ["own www-web-0"]);
    assert_eq!(owners_of(&world, "www-web-0"), ["boss"], "two cannot control it");
    assert!(world.events[0].starts_with("ConflictingController: PersistentVolumeClaim www-web-0 has a conflicting"));
}
