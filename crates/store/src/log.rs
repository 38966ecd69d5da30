//! How far back the log of events reaches, and when it is too long.

use std::collections::VecDeque;

use crate::kv::{Batch, Op, Tree};
use crate::{LOG_BYTES, LOG_EVENTS, Revision};

/// One of so many more events, or bytes, than allowed may be there before the oldest go: trimming costs a sync.
const SLACK: usize = 10;

/// The extent of the log: a run of revisions without gaps.
#[derive(Debug)]
pub(crate) struct Log {
    start: Revision,
    /// The size of each event, the oldest first.
    sizes: VecDeque<usize>,
    bytes: usize,
}

impl Log {
    /// Without events, of which the first will be `start`.
    pub(crate) fn empty(start: Revision) -> Log {
        Log { start, sizes: VecDeque::new(), bytes: 0 }
    }

    /// The revision of the next event.
    pub(crate) fn end(&self) -> Revision {
        Revision(self.start.0 + self.sizes.len() as u64)
    }

    /// The oldest revision that a watch can continue from: every later event is in the log.
    pub(crate) fn oldest(&self) -> Revision {
        // Nothing happened at the first revision, so a log that begins after it reaches back to before all.
        if self.start <= Revision::FIRST.next() { Revision(0) } else { Revision(self.start.0 - 1) }
    }

    /// Adds an event at the end.
    pub(crate) fn push(&mut self, size: usize) {
        self.sizes.push_back(size);
        self.bytes += size;
    }

    /// Adds the events of a batch.
    pub(crate) fn grow(&mut self, batch: &Batch) {
        for ((tree, _), op) in &batch.ops {
            if let (Tree::Log, Op::Put(value)) = (tree, op) {
                self.push(value.len());
            }
        }
    }

    /// The events that must go, as the end of their revisions; `None` while there are few enough.
    pub(crate) fn excess(&self) -> Option<Revision> {
        let (mut events, mut bytes) = (self.sizes.len(), self.bytes);
        if events <= LOG_EVENTS + LOG_EVENTS / SLACK && bytes <= LOG_BYTES + LOG_BYTES / SLACK {
            return None;
        }
        let mut start = self.start;
        for size in &self.sizes {
            if events <= LOG_EVENTS && bytes <= LOG_BYTES {
                break;
            }
            (events, bytes, start) = (events - 1, bytes - size, start.next());
        }
        Some(start)
    }

    /// The revisions before `start`.
    pub(crate) fn before(&self, start: Revision) -> impl Iterator<Item = Revision> + use<> {
        (self.start.0..start.0).map(Revision)
    }

    /// Drops the events before `start`.
    pub(crate) fn trim(&mut self, start: Revision) {
        for gone in self.sizes.drain(..(start.0 - self.start.0) as usize) {
            self.bytes -= gone;
        }
        self.start = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(start: u64, events: usize, size: usize) -> Log {
        let mut log = Log::empty(Revision(start));
        (0..events).for_each(|_| log.push(size));
        log
    }

    #[test]
    fn the_oldest_events_go_where_they_are_too_many() {
        let most = LOG_EVENTS + LOG_EVENTS / SLACK;
        assert_eq!(log_of(2, most, 1).excess(), None);
        let mut log = log_of(2, most + 1, 1);
        let start = log.excess().unwrap();
        assert_eq!(start, Revision(2 + LOG_EVENTS as u64 / 10 + 1));
        let end = log.end();
        log.trim(start);
        assert_eq!((log.sizes.len(), log.bytes, log.end()), (LOG_EVENTS, LOG_EVENTS, end));
        assert_eq!(log.oldest(), Revision(start.0 - 1));
    }

    #[test]
    fn the_oldest_events_go_where_they_are_too_large() {
        let mut log = log_of(2, 112, LOG_BYTES / 100);
        log.trim(log.excess().unwrap());
        assert_eq!((log.sizes.len(), log.excess()), (100, None));
    }

    #[test]
    fn one_event_that_is_too_large_goes_too() {
        assert_eq!(log_of(9, 1, 2 * LOG_BYTES).excess(), Some(Revision(10)));
    }

    #[test]
    fn a_log_from_the_beginning_reaches_back_to_before_it() {
        assert_eq!(Log::empty(Revision(2)).oldest(), Revision(0));
        assert_eq!(Log::empty(Revision(3)).oldest(), Revision(2));
    }
}
