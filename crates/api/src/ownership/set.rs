//! Sets of fields: which parts of an object somebody owns.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, btree_map::Entry},
    fmt::{self, Write as _},
};

use serde_json::Value;

/// The name of a part within the value that holds it.
///
/// The order is that of structured-merge-diff's `fieldpath.PathElement`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Element {
    /// A field of a struct, or a key of a map.
    Field(String),
    /// The item of a list whose keys have these values, in the order of the keys' names.
    Key(Vec<(String, Plain)>),
    /// The item of a list that is this value.
    Value(Plain),
    /// The item of a list at this place. Nothing here owns such an item; clients may send it.
    Index(i64),
}

/// A value in the name of an element, with an order.
#[derive(Clone, Debug)]
pub(super) struct Plain(pub(super) Value);

/// A set of fields, as a tree. A field may be in it without the fields below it, and the other way round.
///
/// No branch is empty: each ends in a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(BTreeMap<Element, Node>);

/// A field, and what is in the set below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) is_member: bool,
    pub(super) below: Set,
}

impl Set {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, element: &Element) -> Option<&Node> {
        self.0.get(element)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Element, &Node)> {
        self.0.iter()
    }

    /// Adds a field if it is a member or has members below it.
    pub(super) fn put(&mut self, element: Element, is_member: bool, below: Set) {
        if !is_member && below.is_empty() {
            return;
        }
        match self.0.entry(element) {
            Entry::Vacant(place) => {
                place.insert(Node { is_member, below });
            }
            Entry::Occupied(mut place) => {
                let node = place.get_mut();
                node.is_member |= is_member;
                node.below.extend(below);
            }
        }
    }

    /// Takes out a field, and leaves what is below it.
    pub(super) fn forgo(&mut self, element: &Element) {
        if let Some(node) = self.0.get_mut(element) {
            node.is_member = false;
            if node.below.is_empty() {
                self.0.remove(element);
            }
        }
    }

    /// Takes out everything below a field.
    pub(super) fn cut(&mut self, element: &Element) {
        if let Some(node) = self.0.get_mut(element) {
            node.below = Set::default();
        }
    }

    /// Adds all members of another set.
    pub(super) fn extend(&mut self, other: Set) {
        for (element, node) in other.0 {
            self.put(element, node.is_member, node.below);
        }
    }

    /// What is in both.
    pub(super) fn intersection(&self, other: &Set) -> Set {
        let mut both = Set::default();
        for (element, node) in &self.0 {
            if let Some(theirs) = other.0.get(element) {
                both.put(element.clone(), node.is_member && theirs.is_member, node.below.intersection(&theirs.below));
            }
        }
        both
    }

    /// Takes out what is in the other. A field that goes leaves what is below it, unless that is in the other as well.
    pub(super) fn subtract(&mut self, other: &Set) {
        if other.is_empty() {
            return;
        }
        self.0.retain(|element, node| {
            if let Some(theirs) = other.0.get(element) {
                node.is_member &= !theirs.is_member;
                node.below.subtract(&theirs.below);
            }
            node.is_member || !node.below.is_empty()
        });
    }

    /// The paths of the members, at each level before what is below them.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.paths_below("", &mut paths);
        paths
    }

    fn paths_below(&self, path: &str, paths: &mut Vec<String>) {
        let members = self.0.iter().filter(|(_, node)| node.is_member);
        paths.extend(members.map(|(element, _)| format!("{path}{element}")));
        for (element, node) in &self.0 {
            if !node.below.is_empty() {
                node.below.paths_below(&format!("{path}{element}"), paths);
            }
        }
    }
}

/// `.spec`, `[name="web"]`, `[="a"]`, `[0]`.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::Field(name) => write!(f, ".{name}"),
            Element::Key(keys) => {
                f.write_char('[')?;
                for (place, (name, Plain(value))) in keys.iter().enumerate() {
                    let comma = if place == 0 { "" } else { "," };
                    write!(f, "{comma}{name}={value}")?;
                }
                f.write_char(']')
            }
            Element::Value(Plain(value)) => write!(f, "[={value}]"),
            Element::Index(place) => write!(f, "[{place}]"),
        }
    }
}

impl Ord for Plain {
    fn cmp(&self, other: &Plain) -> Ordering {
        match (&self.0, &other.0) {
            (Value::Number(one), Value::Number(other)) => match (one.as_i64(), other.as_i64()) {
                (Some(one), Some(other)) => one.cmp(&other),
                _ => one.as_f64().unwrap_or(f64::NAN).total_cmp(&other.as_f64().unwrap_or(f64::NAN)),
            },
            (Value::String(one), Value::String(other)) => one.cmp(other),
            (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
            // Lists and maps are no keys of anything here; clients may send them.
            (one, other) => rank(one).cmp(&rank(other)).then_with(|| one.to_string().cmp(&other.to_string())),
        }
    }
}

impl PartialOrd for Plain {
    fn partial_cmp(&self, other: &Plain) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Plain {
    fn eq(&self, other: &Plain) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Plain {}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}
