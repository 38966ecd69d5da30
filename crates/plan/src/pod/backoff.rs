//! When to try again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::memory::{Restarts, Tries};
use crate::action::Failure;

/// The first delay of a container that ends again, and of a failed pull, as the kubelet's.
pub(super) const CONTAINER_DELAY_FIRST: Duration = Duration::from_secs(10);
/// The longest delay of a container that ends again, and of a failed pull, as the kubelet's.
pub(super) const CONTAINER_DELAY_MAX: Duration = Duration::from_mins(5);
/// A container that ran for so long before it ended starts again without delay, as the kubelet's twice the longest.
pub(super) const CONTAINER_STABLE_AFTER: Duration = Duration::from_mins(10);
/// The first delay after the engine refused something that is not about one container: it is often a matter of moments
/// (an address that is being given back, a volume that is being let go).
pub(super) const ENGINE_DELAY_FIRST: Duration = Duration::from_secs(1);
/// The longest such delay: short enough that a user who removed the cause sees the effect.
pub(super) const ENGINE_DELAY_MAX: Duration = Duration::from_secs(30);
/// A sandbox that ran for so long before it ended, or was told to end, starts again at once: the fault was not its own.
pub(super) const SANDBOX_STABLE_AFTER: Duration = Duration::from_secs(10);
/// How long after its end any other sandbox starts again, so that one that cannot run does not keep the machine busy.
pub(super) const SANDBOX_DELAY: Duration = Duration::from_secs(5);
/// How long after the engine gave no answer the same thing is tried again.
pub(super) const SILENCE_DELAY: Duration = Duration::from_secs(1);
/// How long after no address was free it is asked for one again: nobody tells when another pod gives one back.
pub(super) const ADDRESS_DELAY: Duration = Duration::from_secs(5);
/// How long after a removal that left something behind it is tried again.
pub(super) const REMOVAL_DELAY: Duration = Duration::from_secs(1);
/// For how long a failed pull reads `ErrImagePull` before it reads `ImagePullBackOff`.
pub(super) const PULL_ERROR_SHOWN: Duration = Duration::from_secs(5);

/// What failed, which decides how long it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// The kubelet's pace for containers and images.
    Container,
    /// The pace for everything else that is asked of the engine.
    Engine,
}

/// When something that failed is tried again.
pub(super) fn retry_at(tries: &Tries, pace: Pace) -> Timestamp {
    if matches!(tries.failure, Failure::Silent(_)) {
        return after(tries.last, SILENCE_DELAY);
    }
    let (first, max) = match pace {
        Pace::Container => (CONTAINER_DELAY_FIRST, CONTAINER_DELAY_MAX),
        Pace::Engine => (ENGINE_DELAY_FIRST, ENGINE_DELAY_MAX),
    };
    let doublings = tries.count.saturating_sub(1).min(16);
    after(tries.last, first.saturating_mul(1 << doublings).min(max))
}

/// When a container that ended at `finished` starts again: at once the first time, after it ran long enough, and where the
/// clock has been set back since, so that nobody can say how long ago that was.
pub(super) fn restart_at(restarts: Option<&Restarts>, finished: Timestamp, now: Timestamp) -> Timestamp {
    if finished > now {
        return now;
    }
    match restarts {
        Some(restarts) if since(finished, restarts.last) <= CONTAINER_STABLE_AFTER => after(finished, restarts.delay),
        Some(_) | None => finished,
    }
}

/// When a sandbox that ended starts again.
pub(super) fn sandbox_at(started: Option<Timestamp>, finished: Timestamp, code: i64, now: Timestamp) -> Timestamp {
    if finished > now {
        return now;
    }
    let ran = started.map_or(Duration::ZERO, |started| since(finished, started));
    if code == 0 || ran >= SANDBOX_STABLE_AFTER { finished } else { after(finished, SANDBOX_DELAY) }
}

/// The back-off after one more restart.
pub(super) fn next_restart(restarts: Option<&Restarts>, now: Timestamp) -> Restarts {
    let delay = match restarts {
        // A container that used up its delay and then the stable time has earned a fresh start.
        Some(restarts) if since(now, restarts.last) <= CONTAINER_STABLE_AFTER.saturating_add(restarts.delay) => {
            restarts.delay.saturating_mul(2).min(CONTAINER_DELAY_MAX)
        }
        Some(_) | None => CONTAINER_DELAY_FIRST,
    };
    Restarts { delay, last: now }
}

/// A moment so long after another, or the last one there is.
pub(super) fn after(moment: Timestamp, delay: Duration) -> Timestamp {
    SignedDuration::try_from(delay).ok().and_then(|delay| moment.checked_add(delay).ok()).unwrap_or(Timestamp::MAX)
}

/// How long after `earlier` it is; zero where that is yet to come.
pub(super) fn since(now: Timestamp, earlier: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(earlier)).unwrap_or_default()
}

/// A number of seconds from a manifest as a duration; a negative one is none.
pub(super) fn seconds(number: i64) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(0))
}

/// A moment in whole seconds, as Kubernetes writes it.
pub(super) fn whole(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}
