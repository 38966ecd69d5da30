//! All objects at one moment as a file, and back.
//!
//! The format is lines of JSON. The first says what it is, the last how many objects there were and the SHA-256 of
//! everything before it; between them is a line for each object, in the order of the keys:
//!
//! ```text
//! {"petsetBackup":1,"petset":"0.1.0","revision":1234,"objects":57}
//! {"resource":"pods","namespace":"default","name":"web-0","object":{…}}
//! {"end":true,"objects":57,"sha256":"…"}
//! ```

use std::fmt::Write as _;
use std::io::{self, BufRead, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use sha2::{Digest as _, Sha256};

use crate::kv::{Batch, Kv, KvError, Tree};
use crate::tally::Tally;
use crate::{Key, OpenError, Revision, Store, Stored, commit, migrate, record, sled};

/// The format that is written, and the newest that is read.
const FORMAT: u32 = 1;

/// The longest line that is read: an object of 1.5 MiB, all of it escaped, is shorter.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// How many objects are written with one sync.
const OBJECTS_PER_COMMIT: usize = 256;

/// How large the objects of one sync may be together, less the last.
const BYTES_PER_COMMIT: usize = 4 << 20;

/// How far a restored store's revision is ahead of every one that is known: clients have seen some that the backup
/// does not know of, and must not be told of them once more with another meaning. The same as etcd's advice; at a
/// thousand writes a second it is eleven days' worth.
pub const REVISIONS_SKIPPED: u64 = 1_000_000_000;

/// The first line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    petset_backup: u32,
    /// The version that wrote it.
    petset: String,
    revision: u64,
    objects: u64,
}

/// A line between.
#[derive(Debug, Serialize, Deserialize)]
struct Line<K, V> {
    resource: K,
    namespace: K,
    name: K,
    object: V,
}

/// The last line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    #[serde(rename = "end")]
    last: bool,
    objects: u64,
    sha256: String,
}

/// Why a backup cannot be put back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It cannot be read.
    #[error("the backup cannot be read at line {line}")]
    Read {
        /// The line, from 1.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// Its first line is not that of a backup.
    #[error("this is not a backup of petset: its first line says something else")]
    NotABackup,
    /// A newer petset wrote it.
    #[error(
        "the backup was written by petset {writer} (format {found}), and this is petset {ours} (format {FORMAT}): use \
         petset {writer} or newer",
        ours = env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The version of petset that wrote it.
        writer: String,
        /// Its format.
        found: u32,
    },
    /// A part of it is missing.
    #[error("the backup ends after line {line} and has no end: a part of it is missing")]
    CutShort {
        /// The last line that is there.
        line: u64,
    },
    /// It is not what was written.
    #[error("the backup has been changed since it was written: {what}")]
    Changed {
        /// What does not fit.
        what: String,
    },
    /// There is a store already.
    #[error(
        "{place} holds a store: stop here if you need it; petsetd restore --force FILE puts it aside, under a name \
         beside its own, and takes the backup's place"
    )]
    Taken {
        /// The store's directory.
        place: String,
    },
    /// The store that is there, or the new one.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The new store cannot be written.
    #[error("the store cannot be written: {0}")]
    Write(String),
}

impl From<KvError> for RestoreError {
    fn from(error: KvError) -> RestoreError {
        RestoreError::Write(error.to_string())
    }
}

/// What becomes of a store that is in the place of the restored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Present {
    /// It stays, and nothing is restored.
    Keep,
    /// It is put aside, under a name beside its own.
    PutAside,
}

/// What a restore has done.
#[derive(Debug, PartialEq, Eq)]
pub struct Restored {
    /// The revision that the backup shows.
    pub of: Revision,
    /// The revision that the store goes on from.
    pub revision: Revision,
    /// How many objects there are.
    pub objects: u64,
    /// Where the store is that was there.
    pub aside: Option<PathBuf>,
}

impl Store {
    /// All objects at this moment as the lines of a backup, each with its end of line.
    ///
    /// They share the objects with the store: a backup holds on to what changes meanwhile, and copies nothing.
    pub fn backup(&self) -> impl Iterator<Item = Vec<u8>> + Send + use<> {
        let (revision, objects) = self.inner.index.all();
        let count = objects.len() as u64;
        let head = Head {
            petset_backup: FORMAT,
            petset: env!("CARGO_PKG_VERSION").to_owned(),
            revision: revision.0,
            objects: count,
        };
        let mut hash = Sha256::new();
        let mut lines =
            std::iter::once(line(&head)).chain(objects.into_iter().map(|(key, stored)| object_line(&key, &stored)));
        let mut is_over = false;
        std::iter::from_fn(move || {
            if let Some(line) = lines.next() {
                hash.update(&line);
                return Some(line);
            }
            let end = End { last: true, objects: count, sha256: hex(&hash.clone().finalize()) };
            (!std::mem::replace(&mut is_over, true)).then(|| line(&end))
        })
    }
}

fn object_line(key: &Key, stored: &Stored) -> Vec<u8> {
    let object: &RawValue = serde_json::from_str(stored.text()).expect("it is JSON");
    line(&Line { resource: &*key.resource, namespace: &*key.namespace, name: &*key.name, object })
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("it is JSON");
    line.push(b'\n');
    line
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// Puts a backup into `dir`, where no store may be open. Nothing there changes unless the backup is whole.
///
/// The objects come back as they were, each with its `resourceVersion`. The store's revision goes on above the
/// backup's, and above that of the store that is put aside: no client has seen a later one. No watch can be continued
/// over it: clients list again.
pub fn restore(from: impl BufRead, dir: &Path, present: Present) -> Result<Restored, RestoreError> {
    let is_taken = sled::is_taken(dir)?;
    let known = match present {
        Present::Keep if is_taken => return Err(RestoreError::Taken { place: dir.display().to_string() }),
        Present::PutAside if is_taken => revision_in(dir)?,
        Present::Keep | Present::PutAside => Revision::FIRST,
    };
    let mut reader = Reader { from, line: 0, hash: Sha256::new() };
    let mut unborn = sled::Unborn::begin(dir)?;
    let (of, objects) = fill(unborn.kv(), &mut reader)?;
    let revision = of.max(known).0.checked_add(REVISIONS_SKIPPED).map(Revision).filter(|after| *after < Revision::LAST);
    let revision = revision.ok_or_else(|| changed(format!("no store has ever come to its revision {}", of.0)))?;
    finish(unborn.kv(), revision)?;
    let aside = if is_taken { Some(sled::put_aside(dir)?) } else { None };
    unborn.take_name()?;
    Ok(Restored { of, revision, objects, aside })
}

/// The revision of the store that goes. One that cannot be read has none to tell.
fn revision_in(dir: &Path) -> Result<Revision, OpenError> {
    match Store::open_sled(dir) {
        Ok(store) => Ok(store.revision()),
        Err(OpenError::Damaged { .. }) => Ok(Revision::FIRST),
        Err(other) => Err(other),
    }
}

/// Reads all objects into an empty key-value store; returns the backup's revision and how many there are.
fn fill(kv: &mut dyn Kv, reader: &mut Reader<impl BufRead>) -> Result<(Revision, u64), RestoreError> {
    let head = reader.head()?;
    let mut last: Option<Key> = None;
    let mut objects = 0;
    let (mut batch, mut bytes) = (Batch::default(), 0);
    while let Some((key, object)) = reader.object(&head, objects)? {
        if last.is_some_and(|last| last >= key) {
            return Err(changed(format!("{key:?} is out of order")));
        }
        objects += 1;
        let stored = Stored::of(&object);
        bytes += stored.text().len();
        batch.put(Tree::Objects, record::encode_key(&key), stored.text());
        if batch.ops.len() >= OBJECTS_PER_COMMIT || bytes >= BYTES_PER_COMMIT {
            kv.commit(&std::mem::take(&mut batch))?;
            bytes = 0;
        }
        last = Some(key);
    }
    kv.commit(&batch)?;
    Ok((Revision(head.revision), objects))
}

/// Makes a store of the objects that are there.
fn finish(kv: &mut dyn Kv, revision: Revision) -> Result<(), RestoreError> {
    let mut batch = migrate::birth();
    let tally = Tally::of(kv)?;
    commit::put_moment(&mut batch, revision, tally);
    Ok(kv.commit(&batch)?)
}

fn changed(what: String) -> RestoreError {
    RestoreError::Changed { what }
}

/// Reads the lines of a backup, and believes none of them before the last.
struct Reader<R> {
    from: R,
    line: u64,
    hash: Sha256,
}

impl<R: BufRead> Reader<R> {
    fn head(&mut self) -> Result<Head, RestoreError> {
        let line = self.line()?;
        let Some(head) = serde_json::from_slice::<Value>(&line).ok().filter(|head| head["petsetBackup"].is_u64())
        else {
            return Err(RestoreError::NotABackup);
        };
        let head: Head = serde_json::from_value(head).map_err(|_| RestoreError::NotABackup)?;
        if head.petset_backup != FORMAT {
            return Err(RestoreError::Newer { writer: head.petset, found: head.petset_backup });
        }
        self.hash.update(&line);
        Ok(head)
    }

    /// The next object; `None` where the end is, and is what it should be.
    fn object(&mut self, head: &Head, objects: u64) -> Result<Option<(Key, Value)>, RestoreError> {
        let line = self.line()?;
        if line.is_empty() || line.last() != Some(&b'\n') {
            return Err(RestoreError::CutShort { line: self.line - u64::from(line.is_empty()) });
        }
        if let Ok(end) = serde_json::from_slice::<End>(&line) {
            let whole = End { last: true, objects, sha256: hex(&self.hash.clone().finalize()) };
            if end != whole || objects != head.objects {
                let what =
                    format!("it has {objects} objects and should have {}, or its checksum differs", head.objects);
                return Err(changed(what));
            }
            return if self.line()?.is_empty() {
                Ok(None)
            } else {
                Err(changed("something follows its end".to_owned()))
            };
        }
        self.hash.update(&line);
        let object: Line<String, Value> =
            serde_json::from_slice(&line).map_err(|_| changed(format!("line {} is not an object's", self.line)))?;
        let made = record::revision_of(&object.object);
        if made.is_none_or(|made| made.0 > head.revision) {
            return Err(changed(format!("the object in line {} has no revision of its time", self.line)));
        }
        Ok(Some((Key::new(&object.resource, &object.namespace, &object.name), object.object)))
    }

    fn line(&mut self) -> Result<Vec<u8>, RestoreError> {
        self.line += 1;
        let mut line = Vec::new();
        let read = self.from.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        read.map_err(|source| RestoreError::Read { line: self.line, source })?;
        Ok(line)
    }
}
