//! How much sets may make together.

use plan::{
    Write, law,
    set::{self, PODS_AND_CLAIMS_MAX, Plan},
};

use crate::world::{World, now, pet};

const WHY: &str = "there are 25000 pods and claims or more, and sets make no more of either until some are deleted";

fn with_room(room: usize, mut world: World) -> World {
    world.pods_and_claims = PODS_AND_CLAIMS_MAX - room;
    world
}

/// What is made, in order; reasons of the events that warn; the waits, each `reason: message`.
fn told(plan: &Plan) -> (Vec<&str>, Vec<&str>, Vec<String>) {
    let made = plan.writes.iter().filter_map(|write| match write {
        Write::CreatePod(pod) => pod.metadata.name.as_deref(),
        Write::CreateClaim(claim) => claim.metadata.name.as_deref(),
        _ => None,
    });
    let warned = plan.notes.iter().filter(|note| note.kind == plan::NoteKind::Warning).map(|note| note.reason);
    let waits = plan.waits.iter().map(|wait| format!("{}: {}", wait.reason, wait.message)).collect();
    (made.collect(), warned.collect(), waits)
}

#[test]
fn a_set_of_very_many_pets_makes_as_many_claims_as_there_is_room_for_and_says_so() {
    let world = with_room(2, World::new(i32::MAX).templates(&["www"]));
    let plan = world.plan_whole();
    let (made, warned, waits) = told(&plan);
    assert_eq!((made, warned), (vec!["www-web-0", "www-web-1"], vec!["TooManyObjects"]));
    assert_eq!(waits[0], format!("TooManyObjects: waiting to create web-0: {WHY}"));
    assert_eq!(plan.look_again, Some(now() + jiff::SignedDuration::from_secs(30)));

    let plan = with_room(0, World::new(i32::MAX).templates(&["www"])).plan_whole();
    let (made, warned, waits) = told(&plan);
    assert_eq!((made, warned), (Vec::new(), vec!["TooManyObjects"]));
    assert_eq!(waits.last(), Some(&format!("TooManyObjects: waiting with 2147483547 more pets: {WHY}")));
}

#[test]
fn a_pet_waits_for_room_and_is_made_when_there_is_some() {
    let missing = World::new(2).pods([pet(0)]);
    let plan = with_room(0, missing.clone()).plan_whole();
    let (made, warned, waits) = told(&plan);
    assert_eq!((made, warned), (Vec::new(), vec!["TooManyObjects"]));
    assert_eq!(waits, [format!("TooManyObjects: waiting to create web-1: {WHY}")]);
    assert_eq!(told(&with_room(1, missing).plan_whole()).0, ["web-1"]);
}

#[test]
fn what_is_too_many_goes_where_there_is_no_room() {
    let world = with_room(0, World::new(1).pods([pet(0), pet(1)]));
    let plan = world.plan_whole();
    assert!(matches!(&plan.writes[..], [Write::DeletePod { name, .. }, ..] if name == "web-1"), "{plan:?}");
}

#[test]
fn the_law_of_what_is_bounded_notices_a_set_that_takes_more_than_there_is() {
    let world = with_room(1, World::new(3).templates(&["www"]));
    world.with_input(|input| {
        let plan = set::plan(&set::Input { pods_and_claims: 0, ..input.clone() });
        assert_eq!(law::set::all(input, &plan).map_err(|broken| broken.law), Err(law::Law::Bounded));
    });
}
