//! Calls that fail because a test says so: this one of its kind and no other, or from this one on all of them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Counts calls by their kind, and says which of them fail.
#[derive(Debug, Default)]
pub struct Tripwire(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    calls: BTreeMap<String, usize>,
    trip: Option<Trip>,
}

/// Which calls fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trip {
    /// Calls of this kind.
    pub kind: String,
    /// The first that fails is the one after so many.
    pub after: usize,
    /// Whether the next ones fail, too.
    pub how_long: HowLong,
}

/// Whether what fails once fails again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HowLong {
    /// The next one is served.
    Once,
    /// All fail from now on.
    Always,
}

impl Tripwire {
    /// Counts from zero, and lets these calls fail.
    pub fn arm(&self, trip: Option<Trip>) {
        *self.state() = State { calls: BTreeMap::new(), trip };
    }

    /// How many calls of each kind there were since.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        self.state().calls.clone()
    }

    /// Counts a call. Whether it is to fail.
    pub fn fails(&self, kind: &str) -> bool {
        let mut state = self.state();
        let count = state.calls.entry(kind.to_owned()).or_default();
        let before = *count;
        *count += 1;
        state.trip.as_ref().is_some_and(|trip| {
            trip.kind == kind
                && match trip.how_long {
                    HowLong::Once => before == trip.after,
                    HowLong::Always => before >= trip.after,
                }
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
