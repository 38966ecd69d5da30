//! The key-value store on disk: sled 0.34, and what it takes to trust it with acknowledged writes.
//!
//! * sled's `flush` is `sync_file_range`, which forgets the file's size and the disk's own cache: after more than
//!   half of all power cuts something acknowledged is missing. So each commit also syncs the file itself.
//! * A disk without room makes sled fail in the midst of a write. So what a commit needs is asked for before it begins.
//!   And a file takes up what an opening needs, to be given up for one on a disk that others have filled.
//! * A value that fills a quarter of a segment goes to a file of its own, which sled never syncs. A page holds up
//!   to 17 values, so values are cut into chunks of which 17 fit.
//! * sled takes damage for the torn end of its log, and drops what follows. A mark beside it counts the commits,
//!   so that a store that lost some is not opened as if nothing had happened. And sled begins afresh where its file is
//!   gone. A file beside the directory says that there was one.
//! * A crash while sled writes its snapshot leaves a half one, which sled takes for the newest. It goes before opening.
//! * After an error sled refuses everything until it is opened again, and what the disk holds is not known.
//! * sled checks each record that it reads. Where damage hides one, it may go on with an older one of the same page.
//!   So each value has a checksum over all of its chunks.
//! * sled panics where it finds what it did not expect. Here that is an error like any other.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use crate::kv::{Batch, Kv, KvError, Op, Tree, Visit};
use crate::{OpenError, SyncFile, room};

/// sled's own cache of pages. Reads are answered by the index, so it serves commits and replays alone. sled evicts
/// too late to keep to it in a store as small as ours; what bounds its memory is the size of the store.
const CACHE_BYTES: u64 = 4 << 20;

/// How much of a value goes into one of sled's: 17 of them, with keys of the longest names, stay below the 128 KiB
/// that sled writes in place.
const CHUNK_BYTES: usize = 6 << 10;

/// In the number of a value's chunks: a checksum follows.
const CHECKED: u16 = 1 << 15;

/// How much of the file is rewritten at a time after a failure.
const REWRITE_BYTES: usize = 1 << 20;

/// How long the holder of a lock is waited for before it is taken for one that stays.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How often the lock is tried meanwhile.
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// sled's name for its file.
const DB_FILE: &str = "db";

/// Holds the number of the last commit that was on disk for certain, in decimal. It is written after each commit and
/// never synced: after a power cut it may be behind, and is never ahead. It is never empty, for it is born with a
/// number and keeps its length.
const MARK_FILE: &str = "last-commit";

/// What the name of a snapshot ends with while sled writes it.
const HALF_A_SNAPSHOT: &str = ".generating";

/// The ending of the file beside the directory that says that a store was made in it.
const MADE: &str = ".made";

/// What stands in it, for whoever finds it.
const MADE_TEXT: &str =
    "A store of petset was made in the directory of this name. While this file is here, none is begun afresh.\n";

/// The number of the last commit, in sled.
const COMMIT_NUMBER: &[u8] = b"c";

/// A sled store with one owner.
pub(crate) struct Sled {
    dir: PathBuf,
    /// `None` after a failure, until it is opened again.
    opened: Option<Opened>,
    /// Sees to it that a commit is on disk when it returns.
    sync: SyncFile,
    /// Whether there is room set aside for the next opening.
    has_reserve: bool,
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
    /// Opens the store in `dir`; makes one that holds `birth` where there never was one.
    pub(crate) fn open(dir: &Path, birth: &Batch, sync: SyncFile) -> Result<Sled, OpenError> {
        match content_of(dir).map_err(|source| io_error(dir, source))? {
            Content::Nothing if made(dir).exists() => {
                let what = format!("it is gone, and the file {} says that it was here", made(dir).display());
                return Err(OpenError::Damaged { place: dir.display().to_string(), what });
            }
            Content::Nothing => bear(dir, birth).map_err(|error| open_error(dir, error))?,
            Content::Store => {}
            Content::Foreign => return Err(OpenError::Foreign { place: dir.display().to_string() }),
        }
        if is_locked(dir).map_err(|error| open_error(dir, error))? {
            return Err(OpenError::Locked { place: dir.display().to_string() });
        }
        remove_half_snapshots(dir).map_err(|source| io_error(dir, source))?;
        room::give_up_reserve(dir).map_err(|source| io_error(dir, source))?;
        let opened = Opened::open(dir).map_err(|error| open_error(dir, error))?;
        // Stores have been made without it, and a crash may come between.
        say_that_it_was_made(dir).map_err(|source| io_error(&made(dir), source))?;
        Ok(Sled { dir: dir.to_owned(), opened: Some(opened), sync, has_reserve: room::keep_reserve(dir) })
    }

    fn opened(&mut self) -> Result<&mut Opened, KvError> {
        if self.opened.is_none() {
            rewrite(&self.dir)?;
            remove_half_snapshots(&self.dir)?;
            room::give_up_reserve(&self.dir)?;
            self.has_reserve = false;
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
        room::ask_for(&self.dir, batch)?;
        let sync = self.sync;
        let outcome = self.attempt(|opened| opened.commit(batch, sync));
        self.has_reserve = self.has_reserve || room::keep_reserve(&self.dir);
        // Somebody else was faster to take what was free.
        outcome.map_err(|error| if error.is_full() { room::refusal(&self.dir, batch).into() } else { error })
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
        let mark = match OpenOptions::new().read(true).write(true).open(dir.join(MARK_FILE)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(no_mark("is missing")),
            mark => mark?,
        };
        let commit = db.get(COMMIT_NUMBER)?;
        let commit = commit.map_or(Some(0), |bytes| Some(u64::from_be_bytes(bytes.as_ref().try_into().ok()?)));
        let commit = commit.ok_or_else(|| KvError::Damaged("its commit number cannot be read".to_owned()))?;
        let marked = read_mark(&mark)?;
        if commit < marked {
            return Err(KvError::Damaged(format!(
                "it has lost {} of {marked} commits; to go on with what is left, write 0 to the file {MARK_FILE} in it",
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
            let (count, checksum, head) = split_first_chunk(&first).ok_or_else(torn)?;
            let key = split_chunk_key(&key).filter(|(_, number)| *number == 0).ok_or_else(torn)?.0;
            let mut value = head.to_vec();
            for number in 1..count {
                let (at, chunk) = chunks.next().ok_or_else(torn)??;
                if split_chunk_key(&at) != Some((key, number)) {
                    return Err(torn());
                }
                value.extend_from_slice(&chunk);
            }
            if checksum.is_some_and(|checksum| checksum != crc32fast::hash(&value)) {
                return Err(KvError::Damaged("a value does not match its checksum".to_owned()));
            }
            if visit(key, &value) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, batch: &Batch, sync: SyncFile) -> Result<(), KvError> {
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
        sync(&self.file)?;
        self.commit = commit;
        if let Err(error) = self.mark.write_all_at(format!("{commit:020}\n").as_bytes(), 0) {
            // The commit is on disk; only its loss would go unnoticed.
            tracing::warn!(%error, "{MARK_FILE} not written");
        }
        Ok(())
    }

    fn chunk_count(&self, tree: Tree, key: &[u8]) -> Result<u16, KvError> {
        let first = self.db.get(chunk_key(tree, key, 0))?;
        Ok(first.as_deref().and_then(split_first_chunk).map_or(0, |(count, ..)| count))
    }
}

/// Cuts a value into chunks, of which the first says how many they are, and the value's checksum.
fn insert_chunks(batch: &mut sled::Batch, tree: Tree, key: &[u8], value: &[u8]) -> Result<u16, KvError> {
    let count = value.len().div_ceil(CHUNK_BYTES).max(1);
    let count = u16::try_from(count).ok().filter(|count| count & CHECKED == 0);
    let count = count.ok_or_else(|| io::Error::new(ErrorKind::FileTooLarge, "an object is too large"))?;
    let checksum = crc32fast::hash(value).to_be_bytes();
    let (head, mut rest) = value.split_at(value.len().min(CHUNK_BYTES));
    batch.insert(chunk_key(tree, key, 0), [&(count | CHECKED).to_be_bytes()[..], &checksum, head].concat());
    for number in 1..count {
        let (chunk, after) = rest.split_at(rest.len().min(CHUNK_BYTES));
        batch.insert(chunk_key(tree, key, number), chunk);
        rest = after;
    }
    Ok(count)
}

/// How many chunks the value has, its checksum, and its beginning. Stores have been written without checksums.
fn split_first_chunk(bytes: &[u8]) -> Option<(u16, Option<u32>, &[u8])> {
    let (count, rest) = bytes.split_first_chunk::<2>()?;
    let count = u16::from_be_bytes(*count);
    if count & CHECKED == 0 {
        return Some((count, None, rest));
    }
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    Some((count & !CHECKED, Some(u32::from_be_bytes(*checksum)), rest))
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

/// Makes a store that holds `birth` in `dir`.
fn bear(dir: &Path, birth: &Batch) -> Result<(), KvError> {
    let mut unborn = Unborn::begin(dir)?;
    unborn.kv().commit(birth)?;
    unborn.take_name()
}

/// A store that is being made, whole or not at all: it gets its name when everything in it is on disk.
pub(crate) struct Unborn {
    /// What it will be called.
    dir: PathBuf,
    sled: Sled,
}

impl Unborn {
    /// Begins an empty one beside `dir`. What was begun there before is lost.
    pub(crate) fn begin(dir: &Path) -> Result<Unborn, KvError> {
        let place = beside(dir, ".new");
        match fs::remove_dir_all(&place) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        fs::create_dir_all(parent(dir))?;
        fs::DirBuilder::new().mode(0o700).create(&place)?;
        fs::write(place.join(MARK_FILE), format!("{:020}\n", 0))?;
        let opened = Some(Opened::open(&place)?);
        // A store gets its reserve when it is opened under its own name.
        Ok(Unborn { dir: dir.to_owned(), sled: Sled { dir: place, opened, sync: File::sync_data, has_reserve: true } })
    }

    /// To fill it.
    pub(crate) fn kv(&mut self) -> &mut dyn Kv {
        &mut self.sled
    }

    /// Gives it the name, which nothing but an empty directory may have.
    pub(crate) fn take_name(mut self) -> Result<(), KvError> {
        self.sled.release();
        sync_tree(&self.sled.dir)?;
        fs::rename(&self.sled.dir, &self.dir)?;
        File::open(parent(&self.dir))?.sync_all()?;
        Ok(say_that_it_was_made(&self.dir)?)
    }
}

impl Drop for Unborn {
    fn drop(&mut self) {
        self.sled.release();
        // It is not there where it has got its name.
        let _ = fs::remove_dir_all(&self.sled.dir);
    }
}

/// Whether there is a store in a directory, or anything else.
pub(crate) fn is_taken(dir: &Path) -> Result<bool, OpenError> {
    let content = content_of(dir).map_err(|source| io_error(dir, source))?;
    Ok(!matches!(content, Content::Nothing))
}

/// Gives a store another name beside its own, and returns it: `store.aside-1`, or the next that is free.
pub(crate) fn put_aside(dir: &Path) -> Result<PathBuf, OpenError> {
    let names = (1_u32..).map(|number| beside(dir, &format!(".aside-{number}")));
    let aside = names.into_iter().find(|name| fs::symlink_metadata(name).is_err()).expect("names do not end");
    let moved = fs::rename(dir, &aside).and_then(|()| File::open(parent(dir))?.sync_all());
    moved.map_err(|source| io_error(dir, source))?;
    Ok(aside)
}

fn parent(dir: &Path) -> &Path {
    dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A name beside that of the store.
fn beside(dir: &Path, ending: &str) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    parent(dir).join(name)
}

fn made(dir: &Path) -> PathBuf {
    beside(dir, MADE)
}

fn say_that_it_was_made(dir: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(made(dir)) {
        Ok(mut file) => {
            file.write_all(MADE_TEXT.as_bytes())?;
            file.sync_all()?;
            File::open(parent(dir))?.sync_all()
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// sled looks for its newest snapshot by name, and the one that it was writing when it was killed has the highest.
fn remove_half_snapshots(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(HALF_A_SNAPSHOT) {
            fs::remove_file(path)?;
        }
    }
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
        return Err(no_mark("is empty"));
    }
    let number = std::str::from_utf8(&bytes[..length]).ok().and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| no_mark("cannot be read"))
}

/// Without the mark nobody knows whether the end is missing.
fn no_mark(how: &str) -> KvError {
    KvError::Damaged(format!("its file {MARK_FILE} {how}; to go on with what the others hold, write 0 to it"))
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
