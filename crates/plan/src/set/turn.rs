//! Who is next: the one place where the order of a set's pets is decided.
//!
//! 1. What is missing comes first, from the lowest ordinal up.
//! 2. Then the surplus goes, the newest first.
//! 3. One at a time: a pet that was just made is not Ready yet, one that was just deleted is not gone yet, and so
//!    each of them is the next pass's blocker.
//! 4. While any known pet is unhealthy or on its way out, nothing is made, made again or deleted: not even that
//!    pet itself. The blocker is looked for in every pass and never remembered.
//!
//! `StatefulSet` differs in 2 (highest ordinal first) and in 4 (an unhealthy pet holds up only the ordinals above it and
//! the surplus, and may itself be deleted): [`surplus`] and [`blocker`] are where its row of rules belongs.

use std::{cmp::Reverse, ops::Range};

use super::pet::{Hold, Ordinal, Pet};

/// Steps listed by name in one pass, so that a set of a million pets does not make a million waits; the rest are counted.
pub const STEPS_MAX: usize = 100;

/// Something that the set lacks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// A pet to make, or to make again.
    Create(Ordinal),
    /// A pet too many.
    Delete(&'a Pet<'a>),
}

impl Step<'_> {
    /// What is to be done.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Step::Create(_) => "create",
            Step::Delete(_) => "delete",
        }
    }

    /// What is being done.
    pub(super) fn doing(self) -> &'static str {
        match self {
            Step::Create(_) => "created",
            Step::Delete(_) => "deleted",
        }
    }
}

/// The pet that everything waits for, and why.
#[derive(Debug)]
pub(super) struct Blocker<'a> {
    pub(super) pet: &'a Pet<'a>,
    pub(super) hold: &'a Hold,
}

/// The state of a set's order.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    /// Where there is one, nothing is done.
    pub(super) blocker: Option<Blocker<'a>>,
    /// What is undone, in order: without a blocker, the first is next. At most [`STEPS_MAX`].
    pub(super) undone: Vec<Step<'a>>,
    /// How many more steps there are.
    pub(super) more: usize,
}

/// Whose turn it is. `pets` are in their order: ordinals ascending, then those without a place in the set.
pub(super) fn next<'a>(target: Range<Ordinal>, pets: &'a [Pet<'a>]) -> Turn<'a> {
    let surplus = surplus(&target, pets);
    let present = pets.iter().filter(|p| is_in_place(&target, p)).count();
    let total = target.len().saturating_sub(present) + surplus.len();
    let undone: Vec<Step<'a>> =
        missing(target, pets).map(Step::Create).chain(surplus.into_iter().map(Step::Delete)).take(STEPS_MAX).collect();
    Turn { blocker: blocker(pets), more: total.saturating_sub(undone.len()), undone }
}

/// Ordinals without a pod, ascending. A pet that is being deleted still holds its place.
fn missing<'a>(target: Range<Ordinal>, pets: &'a [Pet<'a>]) -> impl Iterator<Item = Ordinal> + 'a {
    let mut present = pets.iter().filter_map(|p| p.ordinal).peekable();
    target.filter(move |ordinal| {
        while present.next_if(|held| held < ordinal).is_some() {}
        present.peek() != Some(ordinal)
    })
}

/// Pets beyond the target and pods that the selector matches although they have no place in the set, newest first.
/// Those that are on their way out already are not to be deleted again.
///
/// Creation times have a resolution of one second: among equals the highest ordinal goes first, strangers last, by name.
fn surplus<'a>(target: &Range<Ordinal>, pets: &'a [Pet<'a>]) -> Vec<&'a Pet<'a>> {
    let mut surplus: Vec<_> = pets.iter().filter(|p| !is_in_place(target, p) && !p.is_terminating()).collect();
    surplus.sort_by_key(|p| Reverse((p.created, p.ordinal, p.name)));
    surplus
}

/// The first known pet that is unhealthy or being deleted.
fn blocker<'a>(pets: &'a [Pet<'a>]) -> Option<Blocker<'a>> {
    pets.iter().find_map(|pet| Some(Blocker { pet, hold: pet.hold.as_ref()? }))
}

fn is_in_place(target: &Range<Ordinal>, pet: &Pet<'_>) -> bool {
    pet.ordinal.is_some_and(|ordinal| target.contains(&ordinal))
}
