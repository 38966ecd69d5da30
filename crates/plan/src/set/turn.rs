//! Who is next: the one place where the order of a set's pets is decided.
//!
//! 1. Under the strategy `Recreate` pets of an old revision go first, all at once, and nothing is made before they are gone.
//! 2. Then what is missing is made, and what has ended is made again, from the lowest ordinal up.
//! 3. Then the surplus goes: the newest first, or the highest ordinal first.
//! 4. Then pets of an old revision are replaced, from the highest ordinal down to the partition.
//!
//! How much of it may happen at once depends on whom an unwell pet holds up ([`HoldsUp`]):
//!
//! - `All`: one step at a time, and none while any known pet is unwell or on its way out, not even for that pet itself.
//! - `Later`: one step at a time (updates: as many as may be unavailable), and none for whom an earlier pet is unwell. A
//!   surplus pet that is unwell itself may go if it is the first such one, or if it has ended: it would never be well again,
//!   and Kubernetes, which waits for it, waits for ever where two have ended.
//! - `Nothing`: each pass makes as many pets as there are (a slow start: the first fault costs one pet, not all), deletes all
//!   surplus, and replaces old pets by one of two rules. Without `maxUnavailable` the highest old one goes, unwell or not, when
//!   all above it are new and well: what is unwell below it holds nothing up, so that an update can be the cure. With
//!   `maxUnavailable` every unwell pet counts, wherever it stands; an old one that is unwell may go all the same, because that
//!   takes nobody away.
//!
//! A pet that was just made is not Ready yet, one that was just deleted is not gone yet: each of them is the next pass's
//! blocker. The blocker is looked for in every pass and never remembered.

use std::{cmp::Reverse, ops::Range};

use super::{
    kind::Strategy,
    pet::{Hold, Ordinal, Pet},
    rules::{Ended, HoldsUp, Rules, Surplus},
};

/// Steps listed by name in one pass, so that a set of a million pets does not make a million waits; the rest are counted.
pub const STEPS_MAX: usize = 100;

/// Pets made or deleted in one pass, where the order allows many: Kubernetes' `MaxBatchSize`.
pub const BATCH_MAX: usize = 500;

/// Something that the set lacks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// A pet to make, or to make again.
    Create(Ordinal),
    /// A pet too many.
    Delete(&'a Pet<'a>),
    /// A pet that has ended: it goes so that it can be made again.
    Replace(&'a Pet<'a>),
    /// A pet of an old revision: it goes so that it is made of the new one.
    Update(&'a Pet<'a>),
}

impl<'a> Step<'a> {
    /// What is to be done.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Step::Create(_) => "create",
            Step::Delete(_) => "delete",
            Step::Replace(_) => "replace",
            Step::Update(_) => "update",
        }
    }

    /// What is being done.
    pub(super) fn doing(self) -> &'static str {
        match self {
            Step::Create(_) => "created",
            Step::Delete(_) => "deleted",
            Step::Replace(_) => "replaced",
            Step::Update(_) => "updated",
        }
    }

    /// The pet that goes by it.
    pub(super) fn pet(self) -> Option<&'a Pet<'a>> {
        match self {
            Step::Create(_) => None,
            Step::Delete(pet) | Step::Replace(pet) | Step::Update(pet) => Some(pet),
        }
    }
}

/// The pet that others wait for, and why.
#[derive(Clone, Debug)]
pub(super) struct Blocker<'a> {
    pub(super) pet: &'a Pet<'a>,
    pub(super) hold: &'a Hold,
}

/// What the order depends on besides the pets.
#[derive(Clone, Debug)]
pub(super) struct Order<'a> {
    pub(super) rules: &'static Rules,
    /// The ordinals that the set is to have.
    pub(super) target: Range<Ordinal>,
    pub(super) strategy: Strategy,
    /// The revision that pets are to be of; empty where there are none.
    pub(super) revision: &'a str,
}

/// The state of a set's order.
#[derive(Debug, Default)]
pub(super) struct Turn<'a> {
    /// What is to be done in this pass. At most [`BATCH_MAX`].
    pub(super) now: Vec<Step<'a>>,
    /// The first pet that is not well and that others, or the set as a whole, wait for.
    pub(super) blocker: Option<Blocker<'a>>,
    /// What is undone and has to wait, in order. With what happens now at most [`STEPS_MAX`].
    pub(super) undone: Vec<Step<'a>>,
    /// How many more steps there are.
    pub(super) more: usize,
}

/// Whose turn it is. `pets` are in their order: ordinals ascending, then those without a place in the set.
pub(super) fn next<'a>(order: &Order<'_>, pets: &'a [Pet<'a>]) -> Turn<'a> {
    let view = View { order, pets };
    if let Some(turn) = view.recreate() {
        return turn;
    }
    let repairs = view.repairs();
    let surplus = view.surplus();
    let outdated = view.outdated();
    let (now, blocker) = match order.rules.holds_up {
        HoldsUp::All => {
            let blocker = view.first_unwell(|_| true);
            let first = repairs.first().copied().or_else(|| surplus.first().map(|pet| Step::Delete(pet)));
            (first.filter(|_| blocker.is_none()).into_iter().collect(), blocker)
        }
        HoldsUp::Later => view.one_by_one(&repairs, &surplus, &outdated),
        HoldsUp::Nothing => view.all_at_once(&repairs, &surplus, &outdated),
    };
    view.turn(now, blocker, repairs, surplus, outdated)
}

/// The pets and their order, together.
struct View<'o, 'a> {
    order: &'o Order<'o>,
    pets: &'a [Pet<'a>],
}

impl<'a> View<'_, 'a> {
    /// While there are pets of an old revision under `Recreate`, nothing else happens.
    fn recreate(&self) -> Option<Turn<'a>> {
        if self.order.strategy != Strategy::Recreate {
            return None;
        }
        let is_old = |pet: &Pet<'_>| pet.revision != self.order.revision;
        let mut old = self.pets.iter().rev().filter(|pet| is_old(pet)).peekable();
        old.peek()?;
        let old: Vec<&Pet<'a>> = old.filter(|pet| !pet.is_terminating()).collect();
        let now = old.iter().take(BATCH_MAX).map(|pet| Step::Update(pet)).collect();
        let blocker = self.first_unwell(|pet| is_old(pet) && pet.is_terminating());
        let repairs = self.repairs().into_iter().filter(|step| !step.pet().is_some_and(is_old)).collect();
        let surplus = self.surplus().into_iter().filter(|pet| !is_old(pet)).collect();
        Some(self.turn(now, blocker, repairs, surplus, old))
    }

    /// One step, for whom no earlier pet is unwell.
    fn one_by_one(
        &self,
        repairs: &[Step<'a>],
        surplus: &[&'a Pet<'a>],
        outdated: &[&'a Pet<'a>],
    ) -> (Vec<Step<'a>>, Option<Blocker<'a>>) {
        let unwell = self.first_unwell(|pet| {
            self.is_in_place(pet) && !(self.order.rules.ended == Ended::Replaced && pet.has_ended())
        });
        let ordinal = |step: &Step<'_>| match step {
            Step::Create(ordinal) => Some(*ordinal),
            step => step.pet().and_then(|pet| pet.ordinal),
        };
        match (repairs.first(), unwell) {
            (Some(step), None) => return (vec![*step], None),
            (Some(step), Some(blocker)) if ordinal(step) < blocker.pet.ordinal => return (vec![*step], Some(blocker)),
            (_, Some(blocker)) => return (Vec::new(), Some(blocker)),
            (None, None) => {}
        }
        // Every place is taken by a pet that is well. The highest that is one too many is next, if it is on its way out then
        // nothing is.
        let beyond = |pet: &Pet<'_>| !self.is_in_place(pet);
        if let Some(last) = self.pets.iter().rev().find(|pet| beyond(pet)) {
            let first = self.first_unwell(beyond);
            let leaving = last.hold.as_ref().filter(|_| last.is_terminating()).map(|hold| Blocker { pet: last, hold });
            return match (leaving, first) {
                (Some(leaving), _) => (Vec::new(), Some(leaving)),
                (None, Some(first)) if last.hold.is_some() && !last.has_ended() && first.pet.name != last.name => {
                    (Vec::new(), Some(first))
                }
                (None, first) => (surplus.first().map(|pet| Step::Delete(pet)).into_iter().collect(), first),
            };
        }
        (self.updates(outdated).0, None)
    }

    /// As much as may happen where nobody waits for anybody.
    fn all_at_once(
        &self,
        repairs: &[Step<'a>],
        surplus: &[&'a Pet<'a>],
        outdated: &[&'a Pet<'a>],
    ) -> (Vec<Step<'a>>, Option<Blocker<'a>>) {
        let batch = self.pets.len().clamp(1, BATCH_MAX);
        let mut now: Vec<Step<'a>> = repairs.iter().take(batch).copied().collect();
        let mut blocker = None;
        if repairs.len() <= batch {
            let room = BATCH_MAX - now.len();
            now.extend(surplus.iter().take(room).map(|pet| Step::Delete(pet)));
            if surplus.len() <= room {
                let (updates, held_up_by) = self.updates(outdated);
                now.extend(updates.into_iter().take(BATCH_MAX - now.len()));
                blocker = held_up_by;
            }
        }
        (now, blocker.or_else(|| self.first_unwell(|_| true)))
    }

    /// Old pets that may go now, and the pet for which the others have to wait.
    ///
    /// Source: `updateStatefulSet` and `updateStatefulSetAfterInvariantEstablished` of Kubernetes' controller. The second lets
    /// an unwell old pet stand in its own way; here it goes.
    fn updates(&self, outdated: &[&'a Pet<'a>]) -> (Vec<Step<'a>>, Option<Blocker<'a>>) {
        match self.order.strategy {
            Strategy::Rolling { unavailable_max: None, .. } => self.next_update(outdated),
            Strategy::Rolling { unavailable_max: Some(max), .. } => self.updates_at_once(outdated, max),
            Strategy::OnDelete | Strategy::Recreate => (Vec::new(), None),
        }
    }

    /// The highest old pet, unless one above it is missing or unwell.
    fn next_update(&self, outdated: &[&'a Pet<'a>]) -> (Vec<Step<'a>>, Option<Blocker<'a>>) {
        let Some(next) = outdated.first() else { return (Vec::new(), None) };
        let above = self.pets.iter().filter(|pet| self.is_in_place(pet) && pet.ordinal > next.ordinal);
        let (mut count, mut unwell) = (0, None);
        for pet in above {
            count += 1;
            unwell = pet.hold.as_ref().map(|hold| Blocker { pet, hold }).or(unwell);
        }
        let places = next.ordinal.map_or(0, |ordinal| (ordinal..self.order.target.end).len().saturating_sub(1));
        let is_next = unwell.is_none() && count == places;
        (is_next.then_some(Step::Update(next)).into_iter().collect(), unwell)
    }

    /// Old pets that are unwell, and of those that are well the highest, so many that no more than `max` are unavailable.
    fn updates_at_once(&self, outdated: &[&'a Pet<'a>], max: usize) -> (Vec<Step<'a>>, Option<Blocker<'a>>) {
        let available = self.pets.iter().filter(|pet| self.is_in_place(pet) && pet.hold.is_none()).count();
        let unavailable = self.order.target.len().saturating_sub(available);
        let mut allowed = max.saturating_sub(unavailable);
        let mut may_go = |pet: &&&Pet<'_>| {
            let is_well = pet.hold.is_none();
            let may_go = !is_well || allowed > 0;
            allowed = allowed.saturating_sub(usize::from(is_well));
            may_go
        };
        let steps = outdated.iter().filter(|pet| may_go(pet)).map(|pet| Step::Update(pet)).take(BATCH_MAX).collect();
        (steps, self.first_unwell(|pet| self.is_in_place(pet)))
    }

    /// Puts together what happens now and what has to wait.
    fn turn(
        &self,
        now: Vec<Step<'a>>,
        blocker: Option<Blocker<'a>>,
        repairs: Vec<Step<'a>>,
        surplus: Vec<&'a Pet<'a>>,
        outdated: Vec<&'a Pet<'a>>,
    ) -> Turn<'a> {
        let is_now = |step: &Step<'a>| {
            now.iter().any(|done| match (done, step) {
                (Step::Create(a), Step::Create(b)) => a == b,
                (done, step) => done.pet().zip(step.pet()).is_some_and(|(a, b)| a.name == b.name),
            })
        };
        let missing = self.missing_count();
        let replaced = repairs.iter().filter(|step| step.pet().is_some()).count();
        let total = missing + replaced + surplus.len() + outdated.len();
        let deleted = surplus.into_iter().map(Step::Delete);
        let updated = outdated.into_iter().map(Step::Update);
        let steps = repairs.into_iter().chain(deleted).chain(updated);
        let listed = STEPS_MAX.saturating_sub(now.len());
        let undone: Vec<Step<'a>> = steps.filter(|step| !is_now(step)).take(listed).collect();
        Turn { more: total.saturating_sub(undone.len() + now.len()), now, blocker, undone }
    }

    /// Ordinals without a pod and pets that have ended, ascending; of a very large set the first ones.
    fn repairs(&self) -> Vec<Step<'a>> {
        let ended = self
            .pets
            .iter()
            .filter(|pet| self.order.rules.ended == Ended::Replaced && pet.has_ended() && self.is_in_place(pet));
        let missing = self.missing().take(BATCH_MAX + STEPS_MAX).map(|ordinal| (ordinal, Step::Create(ordinal)));
        let mut repairs: Vec<(Ordinal, Step<'a>)> =
            missing.chain(ended.filter_map(|pet| Some((pet.ordinal?, Step::Replace(pet))))).collect();
        repairs.sort_by_key(|(ordinal, _)| *ordinal);
        repairs.into_iter().map(|(_, step)| step).collect()
    }

    /// Ordinals without a pod, ascending. A pet that is being deleted still holds its place.
    fn missing(&self) -> impl Iterator<Item = Ordinal> + 'a {
        let mut present = self.pets.iter().filter_map(|p| p.ordinal).peekable();
        self.order.target.clone().filter(move |ordinal| {
            while present.next_if(|held| held < ordinal).is_some() {}
            present.peek() != Some(ordinal)
        })
    }

    fn missing_count(&self) -> usize {
        self.order.target.len().saturating_sub(self.pets.iter().filter(|pet| self.is_in_place(pet)).count())
    }

    /// Pets beyond the target and pods that are selected although they have no place in the set, in the order in which they
    /// go. Those that are on their way out already are not to be deleted again.
    ///
    /// Creation times have a resolution of one second: among equals the highest ordinal goes first, strangers last, by name.
    fn surplus(&self) -> Vec<&'a Pet<'a>> {
        let mut surplus: Vec<_> = self.pets.iter().filter(|p| !self.is_in_place(p) && !p.is_terminating()).collect();
        match self.order.rules.surplus {
            Surplus::Newest => surplus.sort_by_key(|p| Reverse((p.created, p.ordinal, p.name))),
            Surplus::Highest => surplus.sort_by_key(|p| Reverse((p.ordinal, p.name))),
        }
        surplus
    }

    /// Pets of an old revision at or above the partition, the highest first. One that is being deleted is as good as gone.
    fn outdated(&self) -> Vec<&'a Pet<'a>> {
        let Strategy::Rolling { from, .. } = self.order.strategy else { return Vec::new() };
        if !self.order.rules.has_revisions {
            return Vec::new();
        }
        let is_outdated = |pet: &&Pet<'_>| {
            self.is_in_place(pet)
                && pet.ordinal >= Some(from)
                && pet.revision != self.order.revision
                && !pet.is_terminating()
                && !pet.has_ended()
        };
        self.pets.iter().rev().filter(is_outdated).collect()
    }

    /// The first of these pets that is unwell or being deleted.
    fn first_unwell(&self, of: impl Fn(&Pet<'_>) -> bool) -> Option<Blocker<'a>> {
        self.pets.iter().filter(|pet| of(pet)).find_map(|pet| Some(Blocker { pet, hold: pet.hold.as_ref()? }))
    }

    fn is_in_place(&self, pet: &Pet<'_>) -> bool {
        pet.ordinal.is_some_and(|ordinal| self.order.target.contains(&ordinal))
    }
}
