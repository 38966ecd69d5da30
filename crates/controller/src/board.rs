//! What the loop is waiting for at this moment, for whoever asks.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use plan::Wait;

use crate::world::Unit;

/// The waits of every unit, as of its last planning. Shared with the server; written by the loop alone.
#[derive(Debug, Default)]
pub struct Board {
    waits: Mutex<BTreeMap<Unit, Vec<Wait>>>,
}

impl Board {
    /// Every wait, in the order of their units.
    pub fn waits(&self) -> Vec<Wait> {
        self.lock().values().flatten().cloned().collect()
    }

    /// A unit's first wait.
    pub(crate) fn first(&self, unit: &Unit) -> Option<Wait> {
        self.lock().get(unit).and_then(|waits| waits.first()).cloned()
    }

    /// Replaces a unit's waits, and says whether they differ from before.
    pub(crate) fn post(&self, unit: &Unit, waits: Vec<Wait>) -> bool {
        let mut all = self.lock();
        if all.get(unit).map_or(waits.is_empty(), |before| *before == waits) {
            return false;
        }
        if waits.is_empty() {
            all.remove(unit);
        } else {
            all.insert(unit.clone(), waits);
        }
        true
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Unit, Vec<Wait>>> {
        // A poisoned board still holds whole entries: each is replaced in one step.
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
