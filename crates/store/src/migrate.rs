//! The version of what is written down: an older one is brought up step by step, a newer one refused.

use serde::{Deserialize, Serialize};

use crate::kv::{Batch, Kv, KvError, Tree};
use crate::tally::Tally;
use crate::{OpenError, Revision, record};

/// Takes a store from one schema to the next: reads it, and returns what must change, the schema record excepted.
pub(crate) type Step = fn(&mut dyn Kv) -> Result<Batch, KvError>;

/// From schema 1 to 2, from 2 to 3, and so on. A step stays here for as long as stores of its age may exist.
pub(crate) const STEPS: &[Step] = &[count_objects];

/// To schema 2, which has the tally.
fn count_objects(kv: &mut dyn Kv) -> Result<Batch, KvError> {
    let tally = Tally::of(kv)?;
    let mut batch = Batch::default();
    batch.put(Tree::Meta, record::TALLY, tally.encode());
    Ok(batch)
}

/// The schema record, in [`Tree::Meta`].
const SCHEMA: &[u8] = b"schema";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Schema {
    version: u32,
    /// The version of petset that brought the store to this schema.
    writer: String,
}

impl Schema {
    fn ours(version: u32) -> Schema {
        Schema { version, writer: env!("CARGO_PKG_VERSION").to_owned() }
    }

    fn read(kv: &mut dyn Kv, place: &str) -> Result<Schema, OpenError> {
        let damaged = |what: &str| OpenError::Damaged { place: place.to_owned(), what: what.to_owned() };
        let bytes = kv.get(Tree::Meta, SCHEMA).map_err(|error| error.at_open(place))?;
        let bytes = bytes.ok_or_else(|| damaged("it has no schema record"))?;
        serde_json::from_slice(&bytes).map_err(|_| damaged("its schema record cannot be read"))
    }

    fn put(&self, batch: &mut Batch) {
        batch.put(Tree::Meta, SCHEMA, serde_json::to_vec(self).expect("a number and a string are JSON"));
    }
}

/// What an empty store begins with.
pub(crate) fn birth() -> Batch {
    let mut batch = Batch::default();
    Schema::ours(version_after(STEPS)).put(&mut batch);
    batch.put(Tree::Meta, record::REVISION, Revision::FIRST.0.to_string());
    batch.put(Tree::Meta, record::TALLY, Tally::default().encode());
    batch
}

/// Brings a store to the schema that follows the last step. Each step is one batch with its schema record, so a
/// crash leaves the store between two steps and never in the midst of one.
pub(crate) fn migrate(kv: &mut dyn Kv, steps: &[Step], place: &str) -> Result<(), OpenError> {
    let Schema { version: found, writer } = Schema::read(kv, place)?;
    let known = version_after(steps);
    if found > known {
        return Err(OpenError::Newer { place: place.to_owned(), writer, found, known });
    }
    for (step, version) in steps.iter().zip(2..).filter(|(_, version)| *version > found) {
        let mut batch = step(kv).map_err(|error| error.at_open(place))?;
        Schema::ours(version).put(&mut batch);
        kv.commit(&batch).map_err(|error| error.at_open(place))?;
        tracing::info!(place, version, "store migrated");
    }
    Ok(())
}

/// The first schema is 1; each step adds one.
fn version_after(steps: &[Step]) -> u32 {
    u32::try_from(steps.len()).expect("there are few steps") + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    const MARK: &[u8] = b"mark";

    fn append(kv: &mut dyn Kv, letter: u8) -> Result<Batch, KvError> {
        let mut mark = kv.get(Tree::Meta, MARK)?.unwrap_or_default();
        mark.push(letter);
        let mut batch = Batch::default();
        batch.put(Tree::Meta, MARK, mark);
        Ok(batch)
    }

    const TWO_STEPS: &[Step] = &[|kv| append(kv, b'a'), |kv| append(kv, b'b')];

    fn store_of_schema(version: u32) -> Memory {
        let mut kv = Memory::default();
        let mut batch = birth();
        Schema { version, writer: "7.8.9".to_owned() }.put(&mut batch);
        kv.commit(&batch).unwrap();
        kv
    }

    #[test]
    fn an_old_store_takes_the_steps_that_it_has_not_taken() {
        for (version, mark) in [(1, Some(b"ab".to_vec())), (2, Some(b"b".to_vec())), (3, None)] {
            let mut kv = store_of_schema(version);
            migrate(&mut kv, TWO_STEPS, "here").unwrap();
            assert_eq!(kv.get(Tree::Meta, MARK).unwrap(), mark, "from schema {version}");
            assert_eq!(Schema::read(&mut kv, "here").unwrap().version, 3);
        }
    }

    #[test]
    fn a_store_without_a_tally_gets_one() {
        let mut kv = store_of_schema(1);
        let mut batch = Batch::default();
        batch.delete(Tree::Meta, record::TALLY);
        batch.put(Tree::Objects, *b"a", r#"{"metadata":{"resourceVersion":"5"}}"#);
        kv.commit(&batch).unwrap();
        migrate(&mut kv, STEPS, "here").unwrap();
        let mut tally = Tally::default();
        tally.add(Revision(5));
        assert_eq!(kv.get(Tree::Meta, record::TALLY).unwrap(), Some(tally.encode().into_bytes()));
    }

    #[test]
    fn a_step_that_fails_is_taken_again_at_the_next_start() {
        let mut kv = store_of_schema(1);
        let failing: &[Step] = &[|kv| append(kv, b'a'), |_| Err(KvError::Damaged("no luck".to_owned()))];
        migrate(&mut kv, failing, "here").unwrap_err();
        assert_eq!(Schema::read(&mut kv, "here").unwrap().version, 2);
        migrate(&mut kv, TWO_STEPS, "here").unwrap();
        assert_eq!(kv.get(Tree::Meta, MARK).unwrap(), Some(b"ab".to_vec()));
    }

    #[test]
    fn a_newer_store_names_the_petset_to_use() {
        let error = migrate(&mut store_of_schema(4), TWO_STEPS, "/var/lib/petset/default/store").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "/var/lib/petset/default/store was written by petset 7.8.9 (store schema 4), and this is petset {} \
                 (schema 3): use petset 7.8.9 or newer",
                env!("CARGO_PKG_VERSION")
            )
        );
    }
}
