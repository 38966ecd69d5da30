//! Seeded chance: the same seed draws the same numbers, whatever the machine.

use std::sync::{Mutex, PoisonError};

use tokio::time::Duration;

/// A stream of numbers that belongs to one part of the world. Parts draw from streams of their own, so that one of them
/// drawing more often does not change what the others draw.
#[derive(Debug)]
pub struct Chance(Mutex<fastrand::Rng>);

impl Chance {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Chance {
        Chance(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// A stream that depends on this one and is independent of what either draws later.
    #[must_use]
    pub fn fork(&self) -> Chance {
        Chance::new(self.draw(|rng| rng.u64(..)))
    }

    /// True so many times in a thousand.
    pub fn happens(&self, per_mille: u32) -> bool {
        per_mille > 0 && self.draw(|rng| rng.u32(..1000)) < per_mille
    }

    /// A number below `end`, which is not 0.
    pub fn below(&self, end: usize) -> usize {
        self.draw(|rng| rng.usize(..end))
    }

    /// A number of either end or between.
    pub fn between(&self, first: u64, last: u64) -> u64 {
        self.draw(|rng| rng.u64(first..=last))
    }

    /// A time of either end or between, in milliseconds.
    pub fn millis(&self, first: u64, last: u64) -> Duration {
        Duration::from_millis(self.between(first, last))
    }

    /// One of these, if there are any.
    pub fn pick<'a, T>(&self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { from.get(self.below(from.len())) }
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
