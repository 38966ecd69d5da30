//! What happened, one line for each step, and the first law that was broken.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use controller::Clock;

use crate::clock::TestClock;

/// So many lines of a trace are kept, the last ones: the reason for a failure is near its end.
const LINES_MAX: usize = 5_000;

/// A law that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The law's name, as in the table of `docs/architecture.md`.
    pub law: String,
    /// What was seen.
    pub what: String,
}

/// Whether what happens is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracing {
    /// One line for each step.
    On,
    /// Nothing, for speed.
    Off,
}

/// Takes down steps and breaches. The first breach is the one that counts: what comes after it is its consequence.
#[derive(Debug)]
pub struct Judge {
    clock: Arc<TestClock>,
    tracing: Tracing,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    lines: VecDeque<String>,
    breach: Option<Breach>,
}

impl Judge {
    /// A judge who has seen nothing yet.
    pub fn new(clock: Arc<TestClock>, tracing: Tracing) -> Judge {
        Judge { clock, tracing, notes: Mutex::default() }
    }

    /// Takes down a step: who did what.
    pub fn step(&self, who: &str, what: impl FnOnce() -> String) {
        if self.tracing == Tracing::Off {
            return;
        }
        let passed = self.clock.now().duration_since(TestClock::EPOCH).as_millis();
        let line = format!("{:>5}.{:03} {who:<7} {}", passed / 1000, passed % 1000, what());
        let mut notes = self.notes();
        if notes.lines.len() == LINES_MAX {
            notes.lines.pop_front();
        }
        notes.lines.push_back(line);
    }

    /// Says that a law does not hold.
    pub fn breach(&self, law: &str, what: impl Into<String>) {
        let what = what.into();
        self.step("LAW", || format!("{law}: {what}"));
        let mut notes = self.notes();
        if notes.breach.is_none() {
            notes.breach = Some(Breach { law: law.to_owned(), what });
        }
    }

    /// Says that a law does not hold, unless it does.
    pub fn expect(&self, law: &str, holds: Result<(), String>) {
        if let Err(what) = holds {
            self.breach(law, what);
        }
    }

    /// The first breach.
    pub fn verdict(&self) -> Option<Breach> {
        self.notes().breach.clone()
    }

    /// The steps so far.
    pub fn trace(&self) -> Vec<String> {
        self.notes().lines.iter().cloned().collect()
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
