//! Time and names for tests: no second of it passes unless somebody waits.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use controller::{Clock, Stamps};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Duration, Instant, sleep_until};
use uuid::Uuid;

/// A clock that starts at a fixed moment and follows the runtime's time: under `start_paused` it jumps from one
/// alarm to the next.
#[derive(Debug)]
pub struct TestClock {
    started: Instant,
    /// By how much somebody has set the clock forward, or back.
    set: Mutex<SignedDuration>,
}

impl Default for TestClock {
    fn default() -> Self {
        TestClock { started: Instant::now(), set: Mutex::new(SignedDuration::ZERO) }
    }
}

impl TestClock {
    /// When every world begins.
    pub const EPOCH: Timestamp = Timestamp::constant(1_470_000_000, 0);

    /// Sets the clock forward or back, as an operator or a time server does. Alarms that are set already ring when
    /// their time has passed, whatever the clock says.
    pub fn set(&self, by: SignedDuration) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        *set = set.saturating_add(by);
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX);
        let set = *self.set.lock().unwrap_or_else(PoisonError::into_inner);
        Self::EPOCH.saturating_add(passed.saturating_add(set)).unwrap_or(Timestamp::MAX)
    }

    async fn sleep_until(&self, until: Timestamp) {
        let wait = until.duration_since(self.now());
        // A day is for ever in a test, and tokio's timers end at two years.
        let wait = Duration::try_from(wait).unwrap_or_default().min(Duration::from_hours(24));
        sleep_until(Instant::now() + wait).await;
    }
}

/// Uids that count.
#[derive(Debug, Default)]
pub struct CountingStamps(AtomicU64);

impl Stamps for CountingStamps {
    fn uid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst)))
    }
}
