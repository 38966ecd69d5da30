//! Writers that are killed at any moment: what was acknowledged is there, and nothing is there by half.
#![allow(clippy::unwrap_used, reason = "what the tests share is a test too")]

mod storm;

use petset_store::Store;
use storm::{Chance, Known, Writers, write_if_child};

/// How many times the writers are killed here. All the three hundred are in `integration`.
const KILLS: u64 = 20;

/// After so many the store is a new one: opening one with a long past takes longer, and shows no more.
const KILLS_PER_STORE: u64 = 10;

#[test]
fn every_acknowledged_write_survives_kill_9() {
    if write_if_child(Store::open_sled) {
        return;
    }
    for store in 0..KILLS / KILLS_PER_STORE {
        let dir = tempfile::tempdir().unwrap();
        let (dir, mut chance, mut known) = (dir.path().join("store"), Chance::of(store), Known::nothing());
        for kill in 0..KILLS_PER_STORE {
            let mut writers = Writers::start("every_acknowledged_write_survives_kill_9", &dir);
            // Now and then they are killed while the store is opened.
            let heard = if chance.below(5) == 0 { 0 } else { chance.below(120) };
            writers.hear(heard, &mut known);
            writers.kill(&mut known);
            if let Err(wrong) = known.judge(&dir) {
                panic!("store {store}, kill {kill}, after {heard} acknowledgements: {wrong}");
            }
            known.settle();
        }
        assert!(known.heard > 0, "something was acknowledged");
    }
}
