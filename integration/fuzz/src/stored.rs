//! What is on the disk: a store opens whole, or says what is wrong with it.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use store::{Batch, Key, Kv as _, Memory, OpenError, Revision, Store, Tree, Write};

/// A schema from before the tally, the sum over all objects: who opens such a store counts them and writes the sum.
const UNCOUNTED: &[u8] = br#"{"version":1,"writer":"0.0.0"}"#;

/// Records, laid over a store that was just born: a byte for the tree, one for the length of the key, the key, two for
/// the length of the value, the value.
///
/// Once as they are, where the sum over all objects is that of an empty store unless they bring their own: damage must be
/// told. And once sealed, with a sum that fits: what is behind that check must bear whatever it is given.
pub fn stored_value(input: &[u8]) {
    laid_over_a_store(input, Batch::default());
    let mut seal = Batch::default();
    seal.put(Tree::Meta, *b"schema", UNCOUNTED);
    laid_over_a_store(input, seal);
}

/// `under` lies between the store and the records.
fn laid_over_a_store(input: &[u8], under: Batch) {
    let mut disk = Memory::default();
    drop(Store::open_in_caller(disk.clone()).expect("an empty disk holds an empty store"));
    let mut batch = under;
    let mut rest = input;
    while let Some((tree, key, value, after)) = record(rest) {
        batch.put(tree, key, value);
        rest = after;
    }
    disk.commit(&batch).expect("memory does not fail");
    match Store::open_in_caller(disk.clone()) {
        Ok(store) => works(&store, &disk),
        Err(error) => is_named(&error),
    }
}

/// A tree, a key, a value, and what comes after them.
type Record<'a> = (Tree, &'a [u8], &'a [u8], &'a [u8]);

fn record(bytes: &[u8]) -> Option<Record<'_>> {
    let [tree, key_length, rest @ ..] = bytes else { return None };
    let (key, rest) = rest.split_at_checked(usize::from(*key_length))?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((Tree::ALL[usize::from(*tree) % Tree::ALL.len()], key, value, rest))
}

/// A store that opened can be read, watched from its beginning, written and opened again.
fn works(store: &Store, disk: &Memory) {
    let present = store.revision();
    for resource in ["pods", "petsets.apps", ""] {
        let snapshot = store.list(resource, None);
        assert!(snapshot.revision == present);
        for object in snapshot.items {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
            let _ = store.get(&Key::new(resource, namespace, name));
        }
    }
    for start in (0..=present.0).rev().take(4) {
        let Ok(mut watch) = store.watch(None, Revision(start)) else { continue };
        let mut seen = Revision(start);
        while let Some(Ok(event)) = watch.next().now_or_never() {
            assert!(event.revision > seen, "events come in order");
            seen = event.revision;
        }
        assert!(seen <= present);
    }
    let object = serde_json::json!({"metadata": {"name": "new"}});
    let write = Write::Create { key: Key::new("fuzz", "", "new"), object };
    let is_written = AtomicBool::new(false);
    if let Some(result) = store.commit(vec![write]).now_or_never() {
        is_written.store(result.is_ok(), Ordering::Relaxed);
    }
    store.close();
    let again = Store::open_in_caller(disk.clone()).expect("what was open opens again");
    assert!(again.revision() >= present, "nothing is lost");
    assert_eq!(again.get(&Key::new("fuzz", "", "new")).is_some(), is_written.into_inner());
}

/// An error says where and what.
fn is_named(error: &OpenError) {
    assert!(error.to_string().len() > 20, "{error}");
}
