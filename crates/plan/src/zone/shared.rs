//! An ordered map whose copies share what is the same in them.

use std::{borrow::Borrow, fmt, sync::Arc};

/// How many entries a chunk holds before it is halved: a change copies one chunk and a pointer to each of the others, so
/// at a hundred thousand entries both are a few thousand steps at most.
const CHUNK_MAX: usize = 64;

/// Some entries, sorted.
type Chunk<K, V> = Arc<Vec<(K, V)>>;

/// An ordered map that is cheap to copy and cheap to change after a copy.
///
/// Sorted chunks behind shared pointers. A copy shares them all; a change then copies the one chunk that it touches.
/// No chunk is empty.
#[derive(Clone)]
pub struct Shared<K, V> {
    chunks: Arc<Vec<Chunk<K, V>>>,
    len: usize,
}

impl<K, V> Shared<K, V> {
    /// A map without entries.
    pub fn new() -> Self {
        Shared { chunks: Arc::default(), len: 0 }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).map(|(key, value)| (key, value))
    }
}

impl<K: Ord, V> Shared<K, V> {
    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let chunk = self.chunks.get(self.chunk_of(key))?;
        let place = chunk.binary_search_by(|(k, _)| k.borrow().cmp(key)).ok()?;
        chunk.get(place).map(|(_, value)| value)
    }

    /// The first entry whose key is not below `key`.
    pub fn at_or_after<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let index = self.chunk_of(key);
        let chunk = self.chunks.get(index)?;
        let place = chunk.partition_point(|(k, _)| k.borrow() < key);
        let found = chunk.get(place).or_else(|| self.chunks.get(index + 1)?.first());
        found.map(|(key, value)| (key, value))
    }

    /// The chunk that holds `key`, or would: the last that does not begin above it.
    fn chunk_of<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        let begins_at_or_below = |chunk: &Arc<Vec<(K, V)>>| chunk.first().is_some_and(|(k, _)| k.borrow() <= key);
        self.chunks.partition_point(begins_at_or_below).saturating_sub(1)
    }
}

impl<K: Ord + Clone, V: Clone> Shared<K, V> {
    /// Puts a value in; returns the one that it replaces.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let index = self.chunk_of(&key);
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(chunk) = chunks.get_mut(index) else {
            chunks.push(Arc::new(vec![(key, value)]));
            self.len += 1;
            return None;
        };
        let chunk = Arc::make_mut(chunk);
        match chunk.binary_search_by(|(k, _)| k.cmp(&key)) {
            Ok(place) => Some(std::mem::replace(&mut chunk[place].1, value)),
            Err(place) => {
                chunk.insert(place, (key, value));
                self.len += 1;
                if chunk.len() > CHUNK_MAX {
                    let upper = chunk.split_off(CHUNK_MAX / 2);
                    chunks.insert(index + 1, Arc::new(upper));
                }
                None
            }
        }
    }

    /// Takes a value out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.get(key)?;
        let index = self.chunk_of(key);
        let chunks = Arc::make_mut(&mut self.chunks);
        let chunk = Arc::make_mut(chunks.get_mut(index)?);
        let place = chunk.binary_search_by(|(k, _)| k.borrow().cmp(key)).ok()?;
        let (_, value) = chunk.remove(place);
        if chunk.is_empty() {
            chunks.remove(index);
        }
        self.len -= 1;
        Some(value)
    }
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Shared::new()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Shared<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for Shared<K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Shared<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for Shared<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Shared::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u16, u8),
        Remove(u16),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let key = 0..300_u16;
        let step = prop_oneof![
            3 => (key.clone(), any::<u8>()).prop_map(|(key, value)| Step::Insert(key, value)),
            1 => key.prop_map(Step::Remove),
        ];
        prop::collection::vec(step, 0..600)
    }

    proptest! {
        #[test]
        fn behaves_as_an_ordinary_map_and_leaves_copies_alone(steps in steps(), copied_at in 0..600_usize) {
            let mut ordinary = BTreeMap::new();
            let mut shared = Shared::new();
            let mut copy = None;
            for (n, step) in steps.into_iter().enumerate() {
                if n == copied_at {
                    copy = Some((ordinary.clone(), shared.clone()));
                }
                match step {
                    Step::Insert(key, value) => {
                        prop_assert_eq!(shared.insert(key, value), ordinary.insert(key, value));
                    }
                    Step::Remove(key) => prop_assert_eq!(shared.remove(&key), ordinary.remove(&key)),
                }
            }
            let both = copy.into_iter().chain([(ordinary, shared)]);
            for (ordinary, shared) in both {
                prop_assert_eq!(shared.len(), ordinary.len());
                prop_assert!(shared.iter().eq(ordinary.iter()));
                for key in 0..=300 {
                    prop_assert_eq!(shared.get(&key), ordinary.get(&key));
                    prop_assert_eq!(shared.at_or_after(&key), ordinary.range(key..).next());
                }
            }
        }
    }
}
