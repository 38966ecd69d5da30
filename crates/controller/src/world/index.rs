//! Finds objects by their labels, and selectors by what they select, so that a change costs what it touches and not what
//! else there is in its namespace.
//!
//! What is found is a choice that may hold too much and never too little: whoever asks still looks at each.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use api::selector::{Labels, Requirement};

/// The labels of an object.
type Map = BTreeMap<String, String>;

/// Things in groups. A thing may be in many; a group without things takes no room.
#[derive(Debug)]
pub(crate) struct Groups<K, V> {
    groups: BTreeMap<K, BTreeSet<V>>,
}

impl<K, V> Default for Groups<K, V> {
    fn default() -> Self {
        Groups { groups: BTreeMap::new() }
    }
}

impl<K: Ord, V: Ord> Groups<K, V> {
    /// Puts a thing into a group.
    pub(crate) fn insert(&mut self, group: K, thing: V) {
        self.groups.entry(group).or_default().insert(thing);
    }

    /// Takes a thing out of a group.
    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, group: &Q, thing: &V)
    where
        K: Borrow<Q>,
    {
        if let Some(things) = self.groups.get_mut(group) {
            things.remove(thing);
            if things.is_empty() {
                self.groups.remove(group);
            }
        }
    }

    /// Everything that is in a group, with its group.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.groups.iter().flat_map(|(group, things)| things.iter().map(move |thing| (group, thing)))
    }

    /// What is in a group, in order.
    pub(crate) fn get<Q: Ord + ?Sized>(&self, group: &Q) -> impl Iterator<Item = &V>
    where
        K: Borrow<Q>,
    {
        self.groups.get(group).into_iter().flatten()
    }
}

/// The names of the objects of one kind in one namespace, by their labels.
#[derive(Debug, Default)]
pub(crate) struct Labelled {
    /// By key, then by value.
    keys: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

impl Labelled {
    /// One that holds nothing.
    pub(crate) const fn new() -> Labelled {
        Labelled { keys: BTreeMap::new() }
    }

    /// Takes in an object.
    pub(crate) fn insert(&mut self, name: &str, labels: &Map) {
        for (key, value) in labels {
            let values = self.keys.entry(key.clone()).or_default();
            values.entry(value.clone()).or_default().insert(name.to_owned());
        }
    }

    /// Forgets an object that had these labels.
    pub(crate) fn remove(&mut self, name: &str, labels: &Map) {
        for (key, value) in labels {
            let Some(values) = self.keys.get_mut(key) else { continue };
            if let Some(names) = values.get_mut(value) {
                names.remove(name);
                if names.is_empty() {
                    values.remove(value);
                }
            }
            if values.is_empty() {
                self.keys.remove(key);
            }
        }
    }

    /// Whether it holds nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The objects that a selector may select, each once and in order: those that fulfil the one of its requirements that the
    /// fewest fulfil. `None` where all objects must be looked at, because nothing is asked for that an object must have.
    pub(crate) fn candidates(&self, selector: &Labels) -> Option<BTreeSet<&str>> {
        let found = selector.requirements().iter().filter_map(|requirement| self.fulfilling(requirement));
        let fewest = found.min_by_key(|groups| groups.iter().map(|names| names.len()).sum::<usize>())?;
        Some(fewest.into_iter().flatten().map(String::as_str).collect())
    }

    /// The groups of objects that fulfil a requirement, `None` for one that objects without the label fulfil too.
    fn fulfilling(&self, requirement: &Requirement) -> Option<Vec<&BTreeSet<String>>> {
        if !requirement.needs_label() {
            return None;
        }
        let Some(values) = self.keys.get(requirement.key()) else { return Some(Vec::new()) };
        Some(match requirement.values() {
            Some(wanted) => wanted.iter().filter_map(|value| values.get(value)).collect(),
            None => values.values().collect(),
        })
    }
}

/// Whose selectors may select an object, in one namespace. Each selector stands in one place.
#[derive(Debug)]
pub(crate) struct Selectors<T> {
    /// By a value that they ask for: key, then value.
    values: BTreeMap<String, BTreeMap<String, BTreeSet<T>>>,
    /// By a key that they ask for.
    keys: BTreeMap<String, BTreeSet<T>>,
    /// Those that ask for nothing that an object must have.
    rest: BTreeSet<T>,
    /// Where each stands.
    places: BTreeMap<T, Place>,
}

/// Where a selector stands.
#[derive(Debug)]
enum Place {
    Values(String, Vec<String>),
    Key(String),
    Rest,
}

impl<T> Default for Selectors<T> {
    fn default() -> Self {
        Selectors { values: BTreeMap::new(), keys: BTreeMap::new(), rest: BTreeSet::new(), places: BTreeMap::new() }
    }
}

impl<T: Ord + Clone + Debug> Selectors<T> {
    /// Takes in somebody's selector, in the place of the one before.
    pub(crate) fn insert(&mut self, whose: &T, selector: &Labels) {
        self.remove(whose);
        let place = self.place_for(selector);
        match &place {
            Place::Values(key, wanted) => {
                let values = self.values.entry(key.clone()).or_default();
                for value in wanted {
                    values.entry(value.clone()).or_default().insert(whose.clone());
                }
            }
            Place::Key(key) => drop(self.keys.entry(key.clone()).or_default().insert(whose.clone())),
            Place::Rest => drop(self.rest.insert(whose.clone())),
        }
        self.places.insert(whose.clone(), place);
    }

    /// Forgets somebody's selector.
    pub(crate) fn remove(&mut self, whose: &T) {
        match self.places.remove(whose) {
            Some(Place::Values(key, wanted)) => {
                let Some(values) = self.values.get_mut(&key) else { return };
                for value in wanted {
                    if let Some(theirs) = values.get_mut(&value) {
                        theirs.remove(whose);
                        if theirs.is_empty() {
                            values.remove(&value);
                        }
                    }
                }
                if values.is_empty() {
                    self.values.remove(&key);
                }
            }
            Some(Place::Key(key)) => {
                let Some(theirs) = self.keys.get_mut(&key) else { return };
                theirs.remove(whose);
                if theirs.is_empty() {
                    self.keys.remove(&key);
                }
            }
            Some(Place::Rest) => drop(self.rest.remove(whose)),
            None => {}
        }
    }

    /// Whether it holds nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whose selector may select an object with these labels, each once and in order.
    pub(crate) fn candidates(&self, labels: &Map) -> BTreeSet<&T> {
        let by_value = labels.iter().filter_map(|(key, value)| self.values.get(key)?.get(value)).flatten();
        let by_key = labels.keys().filter_map(|key| self.keys.get(key)).flatten();
        by_value.chain(by_key).chain(&self.rest).collect()
    }

    /// Where a selector is to stand: where the fewest others do, for what many ask for tells little. One that asks for a
    /// value out of none selects nothing, and stands nowhere.
    fn place_for(&self, selector: &Labels) -> Place {
        let by_value = selector.requirements().iter().filter_map(|requirement| {
            let (key, wanted) = (requirement.key(), requirement.values()?);
            let others = |value| Some(self.values.get(key)?.get(value)?.len());
            let crowd = wanted.iter().filter_map(others).sum::<usize>();
            Some((wanted.len() + crowd, Place::Values(key.to_owned(), wanted.to_vec())))
        });
        let by_key = selector.requirements().iter().find(|requirement| requirement.needs_label());
        let by_key = by_key.map(|requirement| Place::Key(requirement.key().to_owned()));
        by_value.min_by_key(|(crowd, _)| *crowd).map(|(_, place)| place).or(by_key).unwrap_or(Place::Rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Map {
        let pair = |pair: &str| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
        text.split(',').filter_map(pair).collect()
    }

    fn selector(text: &str) -> Labels {
        Labels::parse(text).unwrap()
    }

    /// Three pods of two applications.
    const PODS: [(&str, &str); 3] = [("a", "app=web,tier=1"), ("b", "app=web"), ("c", "app=db,tier=9")];

    fn pods() -> Labelled {
        let mut pods = Labelled::default();
        for (name, labels) in PODS {
            pods.insert(name, &map(labels));
        }
        pods
    }

    fn candidates(pods: &Labelled, text: &str) -> Option<String> {
        Some(pods.candidates(&selector(text))?.into_iter().collect())
    }

    #[test]
    fn objects_are_found_by_what_they_must_have() {
        let pods = pods();
        for (text, found) in [
            ("app=web", "ab"),
            ("app in (db,web)", "abc"),
            ("app=cache", ""),
            ("zone=x", ""),
            ("tier", "ac"),
            ("tier>5", "ac"),
            ("zone", ""),
            // The requirement that the fewest fulfil decides.
            ("app in (db,web),tier=9", "c"),
            ("tier,app=db", "c"),
            ("app=web,tier!=1", "ab"),
        ] {
            assert_eq!(candidates(&pods, text).as_deref(), Some(found), "{text}");
        }
    }

    #[test]
    fn what_nothing_must_have_is_looked_for_among_all() {
        let pods = pods();
        for text in ["", "app!=web", "!tier", "app notin (web,db),!tier"] {
            assert_eq!(candidates(&pods, text), None, "{text}");
        }
    }

    #[test]
    fn an_object_that_changes_is_found_where_it_is_now_and_one_that_is_gone_nowhere() {
        let mut pods = pods();
        pods.remove("a", &map("app=web,tier=1"));
        pods.insert("a", &map("app=db"));
        assert_eq!(candidates(&pods, "app=web").as_deref(), Some("b"));
        assert_eq!(candidates(&pods, "app=db").as_deref(), Some("ac"));
        assert_eq!(candidates(&pods, "tier").as_deref(), Some("c"));
        for (name, labels) in [("a", "app=db"), ("b", "app=web"), ("c", "app=db,tier=9")] {
            pods.remove(name, &map(labels));
        }
        assert!(pods.is_empty(), "{pods:?}");
        pods.remove("never", &map("app=db"));
        assert_eq!(candidates(&pods, "app=db").as_deref(), Some(""));
    }

    #[test]
    fn nobody_whose_selector_selects_an_object_is_missed() {
        let texts =
            ["app=web", "app in (db,web),tier=9", "tier", "tier>5", "", "app!=web", "!tier", "app=web,tier", "zone=x"];
        let mut all = Selectors::default();
        for (whose, text) in texts.iter().enumerate() {
            all.insert(&whose, &selector(text));
        }
        for (name, labels) in PODS.into_iter().chain([("none", "")]) {
            let labels = map(labels);
            let selecting: BTreeSet<usize> =
                (0..texts.len()).filter(|n| selector(texts[*n]).matches(&labels)).collect();
            let found: BTreeSet<usize> = all.candidates(&labels).into_iter().copied().collect();
            assert!(found.is_superset(&selecting), "{name}: {found:?} of {selecting:?}");
        }
        // Nor is everybody found for everything.
        assert_eq!(all.candidates(&map("app=db")), [&4, &5, &6].into());
    }

    #[test]
    fn a_selector_stands_where_few_others_do() {
        let mut all = Selectors::default();
        for whose in 0..100 {
            all.insert(&whose, &selector(&format!("app=web,set=web-{whose}")));
        }
        let found = all.candidates(&map("app=web,set=web-7"));
        assert!(found.len() <= 2 && found.contains(&7), "{found:?}");
    }

    #[test]
    fn a_selector_that_changes_is_found_by_what_it_is_now() {
        let mut all = Selectors::default();
        for text in ["app=web", "tier", "app!=x", "app=db"] {
            all.insert(&"one", &selector(text));
        }
        assert_eq!(all.candidates(&map("app=db")), [&"one"].into());
        assert_eq!(all.candidates(&map("app=web,tier=1")), BTreeSet::new());
        all.remove(&"one");
        all.remove(&"one");
        assert!(all.is_empty() && all.values.is_empty() && all.keys.is_empty() && all.rest.is_empty(), "{all:?}");
    }

    #[test]
    fn groups_hold_what_was_put_into_them_and_not_taken_out() {
        let mut groups = Groups::default();
        for (group, thing) in [("x", 2), ("x", 1), ("y", 2), ("x", 1)] {
            groups.insert(group, thing);
        }
        groups.remove("y", &2);
        groups.remove("y", &3);
        assert_eq!(groups.get("x").copied().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(groups.get("y").count(), 0);
        assert_eq!(groups.groups.len(), 1);
    }
}
