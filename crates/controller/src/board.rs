//! What the loop is waiting for at this moment, and how it and its surroundings are, for whoever asks.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use plan::Wait;

use crate::world::Unit;

/// The loop comes round at least every 30 s, to observe everything. After three times that it hangs.
const HANGS_AFTER: SignedDuration = SignedDuration::from_secs(90);

/// A part of the daemon whose state the loop knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Whether the disk takes what the loop writes.
    Store,
    /// Whether the engine answers.
    Engine,
    /// Whether the names of all services are there to be answered with.
    Names,
    /// Whether the loop comes round.
    Loop,
}

/// The waits of every unit, as of its last planning, and the state of the parts. Shared with the server; written by
/// the loop alone.
#[derive(Debug, Default)]
pub struct Board {
    waits: Mutex<BTreeMap<Unit, Vec<Wait>>>,
    parts: Mutex<BTreeMap<Part, Result<(), String>>>,
    turned: Mutex<Option<Timestamp>>,
}

impl Board {
    /// How a part is; the error says what is wrong with it. What was never heard of is well, but for the names, which
    /// are there from the first zone on, and the loop, which runs from its first round on.
    pub fn health(&self, part: Part, now: Timestamp) -> Result<(), String> {
        match part {
            Part::Loop => match *self.turned.lock().unwrap_or_else(PoisonError::into_inner) {
                None => Err("it has not begun".to_owned()),
                Some(turned) if now.duration_since(turned) > HANGS_AFTER => {
                    Err(format!("it has not come round since {turned}"))
                }
                Some(_) => Ok(()),
            },
            Part::Store | Part::Engine | Part::Names => {
                let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
                match parts.get(&part) {
                    Some(state) => state.clone(),
                    None if part == Part::Names => Err("the names are not loaded yet".to_owned()),
                    None => Ok(()),
                }
            }
        }
    }

    /// Notes how a part is, and says whether that is news.
    pub(crate) fn report(&self, part: Part, state: Result<(), String>) -> bool {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if parts.get(&part).unwrap_or(&Ok(())) == &state {
            // The names' first word is that they are there.
            parts.entry(part).or_insert(state);
            return false;
        }
        parts.insert(part, state);
        true
    }

    /// Notes that the loop has come round.
    pub(crate) fn turn(&self, now: Timestamp) {
        *self.turned.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

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
