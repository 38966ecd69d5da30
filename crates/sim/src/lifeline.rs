//! How long a daemon lives, in steps: a step is a commit, or a request to the engine.

use std::sync::{Mutex, PoisonError};

/// The life of one daemon. Everything that it does to the world outside goes through here, so that it can die at each
/// such step, before or after its effect, and does nothing any more once it is dead.
#[derive(Debug, Default)]
pub struct Lifeline(Mutex<Life>);

#[derive(Debug, Default)]
struct Life {
    is_dead: bool,
    /// Dies in the step after so many others.
    left: Option<(u64, When)>,
}

/// Where in a step a daemon dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The step has no effect.
    Before,
    /// The step has its effect, and nobody learns of it.
    After,
}

/// What becomes of the daemon in this step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It does the step.
    Lives,
    /// It dies, and the step has no effect.
    DiesBefore,
    /// It dies, and the step has its effect.
    DiesAfter,
    /// It is dead already.
    Dead,
}

impl Lifeline {
    /// The daemon dies in the step after so many others.
    pub fn end_in(&self, steps: u64, when: When) {
        self.life().left = Some((steps, when));
    }

    /// The daemon lives on, if it still does.
    pub fn spare(&self) {
        self.life().left = None;
    }

    /// The daemon is dead.
    pub fn end(&self) {
        self.life().is_dead = true;
    }

    /// Whether the daemon is dead.
    pub fn is_over(&self) -> bool {
        self.life().is_dead
    }

    /// The daemon does a step, as far as it gets.
    pub fn step(&self) -> Fate {
        let mut life = self.life();
        if life.is_dead {
            return Fate::Dead;
        }
        match life.left {
            None => Fate::Lives,
            Some((0, when)) => {
                life.is_dead = true;
                match when {
                    When::Before => Fate::DiesBefore,
                    When::After => Fate::DiesAfter,
                }
            }
            Some((left, when)) => {
                life.left = Some((left - 1, when));
                Fate::Lives
            }
        }
    }

    fn life(&self) -> std::sync::MutexGuard<'_, Life> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
