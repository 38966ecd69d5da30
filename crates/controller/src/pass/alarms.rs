//! What is to be done at a time, the earliest first.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::world::Unit;

/// What is to be done at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    Observe,
    Sweep,
    Serve,
    Plan(Unit),
}

/// Alarms, one of each at most. The loop asks for the earliest in every round, so that is at hand however many there are.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    times: BTreeMap<Alarm, Timestamp>,
    order: BTreeSet<(Timestamp, Alarm)>,
}

impl Alarms {
    /// When the first one is due.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Sets an alarm, in the place of the one before.
    pub(super) fn set(&mut self, alarm: Alarm, at: Timestamp) {
        self.cancel(&alarm);
        self.order.insert((at, alarm.clone()));
        self.times.insert(alarm, at);
    }

    /// Sets an alarm, unless it is set for an earlier time.
    pub(super) fn set_no_later(&mut self, alarm: Alarm, at: Timestamp) {
        if self.times.get(&alarm).is_none_or(|before| at < *before) {
            self.set(alarm, at);
        }
    }

    /// Takes an alarm away.
    pub(super) fn cancel(&mut self, alarm: &Alarm) {
        if let Some(at) = self.times.remove(alarm) {
            self.order.remove(&(at, alarm.clone()));
        }
    }

    /// Sets all for so much later, or earlier where it is negative.
    pub(super) fn shift(&mut self, by: SignedDuration) {
        self.times.values_mut().for_each(|at| *at = at.saturating_add(by).unwrap_or(Timestamp::MIN));
        self.order = self.times.iter().map(|(alarm, at)| (*at, alarm.clone())).collect();
    }

    /// Takes away those that are due, and returns them.
    pub(super) fn take_due(&mut self, now: Timestamp) -> BTreeSet<Alarm> {
        let mut due = BTreeSet::new();
        while self.first().is_some_and(|at| at <= now)
            && let Some((_, alarm)) = self.order.pop_first()
        {
            self.times.remove(&alarm);
            due.insert(alarm);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn alarms_are_taken_when_they_are_due_and_once() {
        let mut alarms = Alarms::default();
        alarms.set(Alarm::Sweep, at(3));
        alarms.set(Alarm::Observe, at(2));
        alarms.set(Alarm::Plan(Unit::Claims), at(9));
        assert_eq!(alarms.first(), Some(at(2)));
        assert_eq!(alarms.take_due(at(1)), [].into());
        assert_eq!(alarms.take_due(at(3)), [Alarm::Observe, Alarm::Sweep].into());
        assert_eq!(alarms.take_due(at(3)), [].into());
        assert_eq!(alarms.first(), Some(at(9)));
    }

    #[test]
    fn alarms_are_shifted_together() {
        let mut alarms = Alarms::default();
        alarms.set(Alarm::Sweep, at(30));
        alarms.set(Alarm::Observe, at(20));
        alarms.shift(SignedDuration::from_secs(-15));
        assert_eq!(alarms.first(), Some(at(5)));
        alarms.cancel(&Alarm::Observe);
        assert_eq!(alarms.first(), Some(at(15)));
        assert_eq!(alarms.take_due(at(15)), [Alarm::Sweep].into());
    }

    #[test]
    fn an_alarm_is_set_for_one_time() {
        let mut alarms = Alarms::default();
        alarms.set(Alarm::Observe, at(5));
        alarms.set_no_later(Alarm::Observe, at(7));
        assert_eq!(alarms.first(), Some(at(5)));
        alarms.set_no_later(Alarm::Observe, at(4));
        assert_eq!(alarms.first(), Some(at(4)));
        alarms.set(Alarm::Observe, at(8));
        assert_eq!((alarms.first(), alarms.take_due(at(7))), (Some(at(8)), [].into()));
        alarms.cancel(&Alarm::Observe);
        assert_eq!((alarms.first(), alarms.take_due(at(9))), (None, [].into()));
    }
}
