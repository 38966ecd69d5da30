//! When what was begun with a token has to end.

use std::time::Duration;

use jiff::Timestamp;
use tokio::{sync::watch, time::Instant};

use super::Proof;

/// The end of the token that a request came with.
#[derive(Clone)]
pub(crate) struct End {
    /// What was known of it from the beginning.
    expiry: Option<Instant>,
    news: News,
}

/// From where the end is told while the token counts.
#[derive(Clone)]
enum News {
    /// By whoever changes the tokens.
    Told(watch::Receiver<Option<Instant>>),
    /// By the objects that it lives with.
    Objects(Proof),
}

impl End {
    /// The end of a token that whoever changes the tokens tells of.
    pub(super) fn told(told: watch::Receiver<Option<Instant>>, expires: Option<Timestamp>, now: Timestamp) -> End {
        End { expiry: expires.and_then(|expires| instant(expires, now)), news: News::Told(told) }
    }

    /// The end of a token of a ServiceAccount.
    pub(super) fn of_proof(proof: Proof, now: Timestamp) -> End {
        End { expiry: instant(proof.expires(), now), news: News::Objects(proof) }
    }

    /// Returns when the token no longer counts.
    pub(crate) async fn come(self) {
        let expiry = async {
            match self.expiry {
                Some(expiry) => tokio::time::sleep_until(expiry).await,
                None => std::future::pending().await,
            }
        };
        let news = async {
            match self.news {
                News::Told(told) => told_of(told).await,
                News::Objects(proof) => proof.lost().await,
            }
        };
        // Whichever is dropped has nothing to lose: nothing else is told by either.
        tokio::select! {
            () = expiry => {}
            () = news => {}
        }
    }
}

/// When a time will have come. By a clock that stands still while the machine sleeps: a stream may then last longer, and the
/// next request finds the token expired all the same.
fn instant(time: Timestamp, now: Timestamp) -> Option<Instant> {
    let left = Duration::try_from(time.duration_since(now)).unwrap_or_default();
    Instant::now().checked_add(left)
}

async fn told_of(mut told: watch::Receiver<Option<Instant>>) {
    loop {
        let end = *told.borrow_and_update();
        tokio::select! {
            () = async { tokio::time::sleep_until(end.unwrap_or_else(Instant::now)).await }, if end.is_some() => return,
            // A second change may bring the end nearer. Nothing is lost: the value is looked at again.
            changed = told.changed() => if changed.is_err() {
                // Forgotten, which happens only at its end.
                return;
            },
        }
    }
}
