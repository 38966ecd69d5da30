//! The wall clock and real chance: the only place where either is read.

use async_trait::async_trait;
use controller::{Clock, Stamps};
use jiff::Timestamp;
use uuid::Uuid;

/// The machine's clock.
pub(crate) struct WallClock;

#[async_trait]
impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep_until(&self, until: Timestamp) {
        // The machine's clock may be set back while this sleeps: the wait is then as long as it was to be.
        let wait = until.duration_since(Timestamp::now());
        tokio::time::sleep(wait.try_into().unwrap_or_default()).await;
    }
}

/// Random uids.
pub(crate) struct RandomStamps;

impl Stamps for RandomStamps {
    fn uid(&self) -> Uuid {
        Uuid::new_v4()
    }
}
