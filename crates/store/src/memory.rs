//! A key-value store in memory, for simulations and tests.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use crate::kv::{Batch, Kv, KvError, Op, Tree, Visit};

/// A key-value store in memory. Clones share the content, as two openings of one disk do: the second sees what the
/// first had committed when it went away.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    trees: Arc<Mutex<Trees>>,
}

type Trees = BTreeMap<(Tree, Vec<u8>), Vec<u8>>;

impl Kv for Memory {
    fn get(&mut self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        let trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(trees.get(&(tree, key.to_vec())).cloned())
    }

    fn scan(&mut self, tree: Tree, from: &[u8], visit: &mut Visit<'_>) -> Result<(), KvError> {
        let trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        for ((found, key), value) in trees.range((Bound::Included((tree, from.to_vec())), Bound::Unbounded)) {
            if *found != tree || visit(key, value) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), KvError> {
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, op) in &batch.ops {
            match op {
                Op::Put(value) => trees.insert(key.clone(), value.clone()),
                Op::Delete => trees.remove(key),
            };
        }
        Ok(())
    }
}
