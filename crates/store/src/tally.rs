//! A sum over all objects that is written with each commit: what is missing or old when the store is opened shows in it.
//!
//! sled checks the bytes that it reads. It does not know what it should have found: where damage hides a part of its
//! file, an object may be gone, or be what it was long ago, and nothing else tells.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Value;

use crate::kv::{Kv, KvError, Tree};
use crate::{Event, Revision, Stored, record};

/// The number of objects, and the sum of their scrambled revisions: each revision belongs to one state of one object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    objects: u64,
    sum: u64,
}

impl Tally {
    /// Of all objects that a key-value store holds.
    pub(crate) fn of(kv: &mut dyn Kv) -> Result<Tally, KvError> {
        let mut tally = Tally::default();
        let mut is_whole = true;
        kv.scan(Tree::Objects, &[], &mut |_, value| {
            let made = Stored::read(value).and_then(|(_, object)| record::revision_of(&object));
            let Some(made) = made else {
                is_whole = false;
                return ControlFlow::Break(());
            };
            tally.add(made);
            ControlFlow::Continue(())
        })?;
        if is_whole { Ok(tally) } else { Err(KvError::Damaged("an object cannot be read".to_owned())) }
    }

    /// Counts an object in.
    pub(crate) fn add(&mut self, made: Revision) {
        self.objects = self.objects.wrapping_add(1);
        self.sum = self.sum.wrapping_add(scramble(made.0));
    }

    fn remove(&mut self, made: Revision) {
        self.objects = self.objects.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(scramble(made.0));
    }

    /// What it is after an event.
    pub(crate) fn after(mut self, event: &Event) -> Tally {
        let revision = |object: &Arc<Value>| record::revision_of(object);
        if let Some(made) = event.previous.as_ref().and_then(revision) {
            self.remove(made);
        }
        match event.change {
            crate::Change::Created | crate::Change::Updated => self.add(event.revision),
            crate::Change::Deleted => {}
        }
        self
    }

    pub(crate) fn encode(self) -> String {
        format!("{} {:016x}", self.objects, self.sum)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Tally> {
        let (objects, sum) = std::str::from_utf8(bytes).ok()?.split_once(' ')?;
        Some(Tally { objects: objects.parse().ok()?, sum: u64::from_str_radix(sum, 16).ok()? })
    }
}

/// The finalizer of `SplitMix64`: one to one, and neighbours come out far apart, so that differences do not cancel.
fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally_of(revisions: &[u64]) -> Tally {
        let mut tally = Tally::default();
        for revision in revisions {
            tally.add(Revision(*revision));
        }
        tally
    }

    #[test]
    fn it_tells_a_missing_and_an_old_object_and_not_the_order() {
        let whole = tally_of(&[2, 5, 9]);
        assert_eq!(tally_of(&[9, 2, 5]), whole);
        for wrong in [&[2, 5][..], &[2, 4, 9], &[1, 6, 9], &[2, 5, 9, 9]] {
            assert_ne!(tally_of(wrong), whole, "{wrong:?}");
        }
        assert_eq!(Tally::decode(whole.encode().as_bytes()), Some(whole));
        assert_eq!(Tally::decode(b"3"), None);
    }
}
