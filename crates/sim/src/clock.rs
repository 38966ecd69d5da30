//! Time and names for tests: no second of it passes unless somebody waits.

use std::sync::atomic::{AtomicU64, Ordering};

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
    epoch: Timestamp,
}

impl Default for TestClock {
    fn default() -> Self {
        TestClock { started: Instant::now(), epoch: Timestamp::constant(1_470_000_000, 0) }
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX);
        self.epoch.saturating_add(passed).unwrap_or(Timestamp::MAX)
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
