//! When pets start again after all containers were lost.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use plan::set::{self, HeldBack, PATIENCE, held_back};
use serde_json::json;

use crate::world::{World, now, pet, terminating, with_status};

/// A pet whose containers were lost at `now`.
fn lost(ordinal: u32) -> Pod {
    let ready = json!({"type": "Ready", "status": "False", "lastTransitionTime": now()});
    with_status(pet(ordinal), json!({"phase": "Running", "conditions": [ready]}))
}

/// Whether the last of these pets is held back, so many seconds after the loss.
fn last_is_held_back(pods: &[Pod], seconds: i64) -> Option<HeldBack> {
    let world = World::new(3);
    let (pods, last): (Vec<&Pod>, _) = (pods.iter().collect(), pods.last().unwrap());
    held_back(set::Set::from(&world.set), &pods, last, at(seconds))
}

fn at(seconds: i64) -> Timestamp {
    now() + jiff::SignedDuration::from_secs(seconds)
}

#[test]
fn a_pet_waits_for_the_lower_ones_and_names_the_first_that_is_not_ready() {
    let why = |blocker: &str| {
        let why = format!("waiting for its turn to come back: {blocker} is not Ready");
        Some(HeldBack { why, until: now() + PATIENCE })
    };
    assert_eq!(last_is_held_back(&[lost(0), lost(1), lost(2)], 1), why("web-0"));
    assert_eq!(last_is_held_back(&[pet(0), lost(1), lost(2)], 1), why("web-1"));
    assert_eq!(last_is_held_back(&[pet(0), pet(1), lost(2)], 1), None);
    assert_eq!(last_is_held_back(&[pet(0), lost(2), lost(1)], 1), None, "a higher one holds nobody back");
    assert_eq!(last_is_held_back(&[terminating(lost(0)), lost(1)], 1), None, "nor does one that goes");
}

#[test]
fn a_pet_comes_back_after_its_patience_though_a_lower_one_is_not_ready() {
    let seconds = PATIENCE.as_secs();
    assert!(last_is_held_back(&[lost(0), lost(1)], seconds - 1).is_some());
    assert_eq!(last_is_held_back(&[lost(0), lost(1)], seconds), None);
}
