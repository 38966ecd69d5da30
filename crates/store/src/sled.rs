//! The key-value store on disk: sled 0.34, and what it takes to trust it with acknowledged writes.
//!
//! * sled's `flush` is `sync_file_range`, which forgets the file's size and the disk's own cache: after more than
//!   half of all power cuts something acknowledged is missing. So each commit also syncs the file itself.
//! * A value that fills a quarter of a segment goes to a file of its own, which sled never syncs. A page holds up
//!   to 17 values, so values are cut into chunks of which 17 fit.
//! * sled takes damage for the torn end of its log, and drops what follows. A mark beside it counts the commits,
//!   so that a store that lost some is not opened as if nothing had happened.
//! * After an error sled refuses everything until it is opened again, and what the disk holds is not known.
//! * sled panics where it finds what it did not expect. Here that is an error like any other.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use crate::OpenError;
use crate::kv::{Batch, Kv, KvError, Op, Tree, Visit};

/// sled's own cache of pages. Reads are answered by the index, so it serves commits and replays alone. sled evicts
/// too late to keep to it in a store as small as ours; what bounds its memory is the size of the store.
const CACHE_BYTES: u64 = 4 << 20;

/// How much of a value goes into one of sled's: 17 of them, with keys of the longest names, stay below the 128 KiB
/// that sled writes in place.
const CHUNK_BYTES: usize = 6 << 10;

/// How much of the file is rewritten at a time after a failure.
const REWRITE_BYTES: usize = 1 << 20;

/// How long the holder of a lock is waited for before it is taken for one that stays.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How often the lock is tried meanwhile.
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// sled's name for its file.
const DB_FILE: &str = "db";

/// Holds the number of the last commit that was on disk for certain, in decimal. It is written after each commit and
/// never synced: after a power cut it may be behind, and is never ahead.
const MARK_FILE: &str = "last-commit";

/// The number of the last commit, in sled.
const COMMIT_NUMBER: &[u8] = b"c";

/// A sled store with one owner.
pub(crate) struct Sled {
    dir: PathBuf,
    /// `None` after a failure, until it is opened again.
    opened: Option<Opened>,
}

struct Opened {
    db: sled::Db,
    /// sled's file, opened once more, to sync it.
    file: File,
    mark: File,
    /// The number of the last commit.
    commit: u64,
}

impl Sled {
    /// Opens the store in `dir`; makes one that holds `birth` where there is no directory, or an empty one.
    pub(crate) fn open(dir: &Path, birth: &Batch) -> Result<Sled, OpenError> {
        match content_of(dir).map_err(|source| io_error(dir, source))? {
            Content::Nothing => bear(dir, birth).map_err(|error| open_error(dir, error))?,
            Content::Store => {}
            Content::Foreign => return Err(OpenError::Foreign { place: dir.display().to_string() }),
        }
        if is_locked(dir).map_err(|error| open_error(dir, error))? {
            return Err(OpenError::Locked { place: dir.display().to_string() });
        }
        let opened = Opened::open(dir).map_err(|error| open_error(dir, error))?;
        Ok(Sled { dir: dir.to_owned(), opened: Some(opened) })
    }

    fn opened(&mut self) -> Result<&mut Opened, KvError> {
        if self.opened.is_none() {
            rewrite(&self.dir)?;
            self.opened = Some(Opened::open(&self.dir)?);
            tracing::info!(dir = %self.dir.display(), "store opened again after a failure");
        }
        Ok(self.opened.as_mut().expect("it has just been opened"))
    }

    /// Goes on only with a sled that has not failed.
    fn attempt<T>(&mut self, act: impl FnOnce(&mut Opened) -> Result<T, KvError>) -> Result<T, KvError> {
        let opened = self.opened()?;
        let outcome = catching_panics(|| act(opened));
        if outcome.is_err() {
            self.release();
        }
        outcome
    }

    fn release(&mut self) {
        let opened = self.opened.take();
        // sled syncs when it goes, and panics where it cannot.
        let _ = catching_panics(|| {
            drop(opened);
            Ok(())
        });
    }
}

impl Kv for Sled {
    fn get(&mut self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        self.attempt(|opened| opened.get(tree, key))
    }

    fn scan(&mut self, tree: Tree, from: &[u8], visit: &mut Visit<'_>) -> Result<(), KvError> {
        self.attempt(|opened| opened.scan(tree, from, visit))
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), KvError> {
        self.attempt(|opened| opened.commit(batch))
    }
}

impl Drop for Sled {
    fn drop(&mut self) {
        self.release();
    }
}

impl Opened {
    fn open(dir: &Path) -> Result<Opened, KvError> {
        let db = catching_panics(|| {
            // No background flusher: sled's clock is ours, and a commit is on disk when it returns.
            let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
            Ok(config.open()?)
        })?;
        let file = File::open(dir.join(DB_FILE))?;
        let mark = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(dir.join(MARK_FILE))?;
        let commit = db.get(COMMIT_NUMBER)?;
        let commit = commit.map_or(Some(0), |bytes| Some(u64::from_be_bytes(bytes.as_ref().try_into().ok()?)));
        let commit = commit.ok_or_else(|| KvError::Damaged("its commit number cannot be read".to_owned()))?;
        let marked = read_mark(&mark)?;
        if commit < marked {
            return Err(KvError::Damaged(format!(
                "it has lost {} of {marked} commits; to go on with what is left, remove the file {MARK_FILE} in it",
                marked - commit
            )));
        }
        // sled has renamed files in it.
        File::open(dir)?.sync_all()?;
        Ok(Opened { db, file, mark, commit })
    }

    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        let mut found = None;
        self.scan(tree, key, &mut |at, value| {
            found = (at == key).then(|| value.to_vec());
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    fn scan(&self, tree: Tree, from: &[u8], visit: &mut Visit<'_>) -> Result<(), KvError> {
        let torn = || KvError::Damaged("a value is cut short".to_owned());
        let end = [prefix(tree) + 1];
        let mut chunks = self.db.range(chunk_key(tree, from, 0)..sled::IVec::from(&end));
        while let Some(first) = chunks.next() {
            let (key, first) = first?;
            let (count, head) = first.split_first_chunk::<2>().ok_or_else(torn)?;
            let key = split_chunk_key(&key).filter(|(_, number)| *number == 0).ok_or_else(torn)?.0;
            let mut value = head.to_vec();
            for number in 1..u16::from_be_bytes(*count) {
                let (at, chunk) = chunks.next().ok_or_else(torn)??;
                if split_chunk_key(&at) != Some((key, number)) {
                    return Err(torn());
                }
                value.extend_from_slice(&chunk);
            }
            if visit(key, &value) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), KvError> {
        let mut all = sled::Batch::default();
        for ((tree, key), op) in &batch.ops {
            let before = self.chunk_count(*tree, key)?;
            let after = match op {
                Op::Put(value) => insert_chunks(&mut all, *tree, key, value)?,
                Op::Delete => 0,
            };
            for number in after..before {
                all.remove(chunk_key(*tree, key, number));
            }
        }
        let commit = self.commit + 1;
        all.insert(COMMIT_NUMBER, &commit.to_be_bytes());
        self.db.apply_batch(all)?;
        self.db.flush()?;
        self.file.sync_data()?;
        self.commit = commit;
        if let Err(error) = self.mark.write_all_at(format!("{commit:020}\n").as_bytes(), 0) {
            // The commit is on disk; only its loss would go unnoticed.
            tracing::warn!(%error, "{MARK_FILE} not written");
        }
        Ok(())
    }

    fn chunk_count(&self, tree: Tree, key: &[u8]) -> Result<u16, KvError> {
        let first = self.db.get(chunk_key(tree, key, 0))?;
        Ok(first.and_then(|first| first.first_chunk::<2>().copied()).map_or(0, u16::from_be_bytes))
    }
}

/// Cuts a value into chunks, of which the first says how many they are.
fn insert_chunks(batch: &mut sled::Batch, tree: Tree, key: &[u8], value: &[u8]) -> Result<u16, KvError> {
    let count = value.len().div_ceil(CHUNK_BYTES).max(1);
    let count = u16::try_from(count).map_err(|_| io::Error::new(ErrorKind::FileTooLarge, "an object is too large"))?;
    let (head, mut rest) = value.split_at(value.len().min(CHUNK_BYTES));
    batch.insert(chunk_key(tree, key, 0), [&count.to_be_bytes(), head].concat());
    for number in 1..count {
        let (chunk, after) = rest.split_at(rest.len().min(CHUNK_BYTES));
        batch.insert(chunk_key(tree, key, number), chunk);
        rest = after;
    }
    Ok(count)
}

/// Where each tree is in sled's one: a batch of one sled tree is atomic.
fn prefix(tree: Tree) -> u8 {
    match tree {
        Tree::Objects => b'o',
        Tree::Log => b'l',
        Tree::Meta => b'm',
    }
}

fn chunk_key(tree: Tree, key: &[u8], number: u16) -> sled::IVec {
    [&[prefix(tree)], key, &number.to_be_bytes()].concat().into()
}

fn split_chunk_key(bytes: &[u8]) -> Option<(&[u8], u16)> {
    let (rest, number) = bytes.split_last_chunk::<2>()?;
    Some((rest.split_first()?.1, u16::from_be_bytes(*number)))
}

/// What a directory is before it is opened.
enum Content {
    Nothing,
    Store,
    Foreign,
}

fn content_of(dir: &Path) -> io::Result<Content> {
    match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Content::Nothing),
        Err(error) => Err(error),
        Ok(mut entries) => match entries.next().transpose()? {
            None => Ok(Content::Nothing),
            Some(_) if dir.join(MARK_FILE).exists() || dir.join(DB_FILE).exists() => Ok(Content::Store),
            Some(_) => Ok(Content::Foreign),
        },
    }
}

/// Makes a store, whole or not at all: it gets its name when everything in it is on disk.
fn bear(dir: &Path, birth: &Batch) -> Result<(), KvError> {
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let unborn = parent.join(name);
    match fs::remove_dir_all(&unborn) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    fs::create_dir_all(parent)?;
    fs::DirBuilder::new().mode(0o700).create(&unborn)?;
    let mut opened = Opened::open(&unborn)?;
    opened.commit(birth)?;
    catching_panics(|| {
        drop(opened);
        Ok(())
    })?;
    sync_tree(&unborn)?;
    fs::rename(&unborn, dir)?;
    File::open(parent)?.sync_all()?;
    Ok(())
}

fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { sync_tree(&path)? } else { File::open(&path)?.sync_all()? }
    }
    File::open(dir)?.sync_all()
}

/// Whether another process has the store open. sled locks its file in the same way, and says so only in prose.
///
/// A holder that is on its way out is waited for: sled's own threads let go of the file a moment after the store is
/// dropped, and a daemon that is being replaced needs a moment too.
fn is_locked(dir: &Path) -> Result<bool, KvError> {
    let since = Instant::now();
    loop {
        if !is_locked_now(dir)? {
            return Ok(false);
        }
        if since.elapsed() >= LOCK_PATIENCE {
            return Ok(true);
        }
        thread::sleep(LOCK_RETRY);
    }
}

fn is_locked_now(dir: &Path) -> Result<bool, KvError> {
    let file = match File::open(dir.join(DB_FILE)) {
        Ok(file) => file,
        // sled would begin afresh.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(KvError::Damaged(format!("its file {DB_FILE} is missing")));
        }
        Err(error) => return Err(error.into()),
    };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Makes true on disk what the system has in memory of sled's file.
///
/// After a sync that failed, the system takes the pages that it could not write for written: sled would read them
/// back, and they would be gone after a power cut.
fn rewrite(dir: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(dir.join(DB_FILE))?;
    file.try_lock()?;
    let mut buffer = vec![0; REWRITE_BYTES];
    let mut offset = 0;
    loop {
        let read = file.read_at(&mut buffer, offset)?;
        if read == 0 {
            return file.sync_all();
        }
        file.write_all_at(&buffer[..read], offset)?;
        offset += read as u64;
    }
}

fn read_mark(mark: &File) -> Result<u64, KvError> {
    let mut bytes = [0; 32];
    let length = mark.read_at(&mut bytes, 0)?;
    if length == 0 {
        return Ok(0);
    }
    let number = std::str::from_utf8(&bytes[..length]).ok().and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| KvError::Damaged(format!("its file {MARK_FILE} cannot be read")))
}

/// Runs sled's code, of which a panic is an error, and not printed.
fn catching_panics<T>(act: impl FnOnce() -> Result<T, KvError>) -> Result<T, KvError> {
    thread_local! {
        static IN_SLED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IN_SLED.get() {
                others(panic);
            }
        }));
    });
    IN_SLED.set(true);
    // What sled leaves behind is not used again: the caller drops it.
    let outcome = catch_unwind(AssertUnwindSafe(act));
    IN_SLED.set(false);
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(KvError::Damaged(text.unwrap_or("sled panicked").to_owned()))
    })
}

impl From<sled::Error> for KvError {
    fn from(error: sled::Error) -> KvError {
        match error {
            sled::Error::Io(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData) => {
                KvError::Damaged(error.to_string())
            }
            // sled hands on copies, which have the kind and the debugger's view of the original.
            sled::Error::Io(error) if error.raw_os_error().is_none() && error.kind() != ErrorKind::Other => {
                KvError::Io(error.kind().into())
            }
            sled::Error::Io(error) => KvError::Io(error),
            sled::Error::Corruption { at, .. } => match at {
                Some(at) => KvError::Damaged(format!("a record does not match its checksum, at {at:?}")),
                None => KvError::Damaged("a record does not match its checksum".to_owned()),
            },
            sled::Error::CollectionNotFound(_) => KvError::Damaged("a tree is missing".to_owned()),
            sled::Error::Unsupported(what) | sled::Error::ReportableBug(what) => KvError::Damaged(what),
        }
    }
}

fn open_error(dir: &Path, error: KvError) -> OpenError {
    error.at_open(&dir.display().to_string())
}

fn io_error(dir: &Path, source: io::Error) -> OpenError {
    OpenError::Io { place: dir.display().to_string(), source }
}
