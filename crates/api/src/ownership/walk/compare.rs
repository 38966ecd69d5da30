//! Which fields differ between two states of an object.

use serde_json::Value;

use super::{Covers, below, field, fields, is_map, item, items, list, whole};
use crate::ownership::{
    schema::{Struct, Type},
    set::{Element, Set},
};

/// What differs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::ownership) struct Comparison {
    /// Fields that are new, or have another value.
    pub(in crate::ownership) changed: Set,
    /// Fields that are gone.
    pub(in crate::ownership) removed: Set,
}

/// What has become of a field itself, whatever has become of what is below it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Same,
    Changed,
    Removed,
}

/// What differs between an object and its next state.
pub(in crate::ownership) fn compare(
    old: &Value,
    new: &Value,
    shape: &'static Struct,
    covers: Covers<'_>,
) -> Comparison {
    let mut comparison = Comparison::default();
    maps(Some(old), Some(new), whole(shape), covers, &mut comparison);
    comparison
}

/// Compares what is below two maps, of which at least one is there.
fn maps(old: Option<&Value>, new: Option<&Value>, of: Type, covers: Covers<'_>, found: &mut Comparison) {
    let (olds, news) = (fields(old), fields(new));
    for (name, before) in olds.iter().filter(|(name, _)| covers(name)) {
        member(name, Some(before), news.get(name), new.is_some(), of, found);
    }
    for (name, after) in news.iter().filter(|(name, _)| covers(name) && !olds.contains_key(*name)) {
        member(name, None, Some(after), old.is_some(), of, found);
    }
}

/// Compares one field, which both maps may have, or only one. `has_other` tells whether the map that may lack it is there.
fn member(name: &str, old: Option<&Value>, new: Option<&Value>, has_other: bool, of: Type, found: &mut Comparison) {
    static EMPTY: Value = Value::Null;
    let of = below(of, name).map_or(Type::Atomic, |(of, _)| of);
    let is_always_there = has_other && matches!(of, Type::Embedded(_));
    let or_empty = |value: Option<&'static Value>| value.filter(|_| is_always_there);
    let mut inner = Comparison::default();
    let fate = value(old.or(or_empty(Some(&EMPTY))), new.or(or_empty(Some(&EMPTY))), of, &mut inner);
    found.put(|| field(name), fate, inner);
}

fn value(old: Option<&Value>, new: Option<&Value>, of: Type, inner: &mut Comparison) -> Fate {
    match of {
        Type::Identity => Fate::Same,
        Type::Atomic => leaf(old, new),
        Type::Set | Type::ListMap(..) => lists(old, new, of, inner),
        Type::Object(_) | Type::Embedded(_) | Type::Map | Type::Deduced => {
            let are_maps = is_map(of, old.or(new)) && is_map(of, new.or(old));
            if !are_maps || fields(old).is_empty() && fields(new).is_empty() {
                return leaf(old, new);
            }
            maps(old, new, of, &|_| true, inner);
            presence(old, new)
        }
    }
}

fn lists(old: Option<&Value>, new: Option<&Value>, of: Type, inner: &mut Comparison) -> Fate {
    if old == new {
        return Fate::Same;
    }
    let (olds, news) = (list(old), list(new));
    if olds.is_empty() && news.is_empty() {
        return leaf(old, new);
    }
    // What has no name cannot be told from the rest.
    let (Some(olds), Some(mut news)) = (items(of, olds), items(of, news)) else { return leaf(old, new) };
    for (element, before) in olds {
        let after = news.remove(&element).unwrap_or_default();
        named_items(element, &before, &after, of, inner);
    }
    for (element, after) in news {
        named_items(element, &[], &after, of, inner);
    }
    presence(old, new)
}

/// Compares the items of one name: one in each list, or none, or several that nobody can tell apart.
fn named_items(element: Element, old: &[&Value], new: &[&Value], of: Type, found: &mut Comparison) {
    let mut inner = Comparison::default();
    let fate = match (old, new) {
        ([], [one]) => value(None, Some(*one), item(of), &mut inner).or(Fate::Changed),
        ([one], []) => value(Some(*one), None, item(of), &mut inner).or(Fate::Removed),
        ([one], [other]) => value(Some(*one), Some(*other), item(of), &mut inner),
        (_, []) => Fate::Removed,
        (old, new) if old == new => Fate::Same,
        _ => Fate::Changed,
    };
    found.put(|| element, fate, inner);
}

fn leaf(old: Option<&Value>, new: Option<&Value>) -> Fate {
    match (old, new) {
        (Some(old), Some(new)) if old == new || is_nothing(old) && is_nothing(new) => Fate::Same,
        (_, Some(_)) => Fate::Changed,
        (Some(_), None) => Fate::Removed,
        (None, None) => Fate::Same,
    }
}

/// Whether a value is an empty map, or one that is not written.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// What has become of a field that is looked into.
fn presence(old: Option<&Value>, new: Option<&Value>) -> Fate {
    match (old, new) {
        (None, Some(_)) => Fate::Changed,
        (Some(_), None) => Fate::Removed,
        (Some(_), Some(_)) | (None, None) => Fate::Same,
    }
}

impl Fate {
    fn or(self, other: Fate) -> Fate {
        if self == Fate::Same { other } else { self }
    }
}

impl Comparison {
    pub(in crate::ownership) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty()
    }

    fn put(&mut self, element: impl FnOnce() -> Element, fate: Fate, inner: Comparison) {
        if fate == Fate::Same && inner.is_empty() {
            return;
        }
        let element = element();
        self.removed.put(element.clone(), fate == Fate::Removed, inner.removed);
        self.changed.put(element, fate == Fate::Changed, inner.changed);
    }
}
