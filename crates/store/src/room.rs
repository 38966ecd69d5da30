//! Whether the disk has room for a commit, asked before it begins; and room that is kept for the next opening.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::fcntl::posix_fallocate;
use nix::sys::statvfs::statvfs;

use crate::kv::{Batch, Op};

/// What stays free after a commit: sled allocates half a megabyte at a time, rewrites what it moves, and writes a
/// snapshot when it is opened. Without this it fails in the midst of a write, and must be opened again.
pub(crate) const ROOM_BYTES_MIN: u64 = 4 << 20;

/// A file in the store's directory that takes up what an opening needs: sled writes a snapshot then, and clears the rest of
/// a segment. It is given up where others have filled the disk meanwhile.
const RESERVE_FILE: &str = "reserve";

/// Its size. As much as every commit leaves free, so that a disk which is full but for this takes no commit.
const RESERVE_BYTES: u64 = ROOM_BYTES_MIN;

/// How many times a batch is counted: once as it is, once for the page around it that is rewritten.
const COPIES: u64 = 2;

/// Errors where the file system of `dir` has no room for a batch.
pub(crate) fn ask_for(dir: &Path, batch: &Batch) -> io::Result<()> {
    // One that does not say how much is free is asked by writing.
    match free(dir) {
        Some(free) if free < needed(batch) => Err(refusal(dir, batch)),
        Some(_) | None => Ok(()),
    }
}

/// Gives up the reserve where the disk has no room to open the store in `dir`.
pub(crate) fn give_up_reserve(dir: &Path) -> io::Result<()> {
    if free(dir).is_none_or(|free| free >= ROOM_BYTES_MIN) {
        return Ok(());
    }
    match fs::remove_file(dir.join(RESERVE_FILE)) {
        Ok(()) => {
            tracing::warn!(dir = %dir.display(), "the disk is full; the store is opened in the room that is kept for that");
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Sets the reserve aside in `dir`, and says whether it is there. It is not made where a commit would miss it.
pub(crate) fn keep_reserve(dir: &Path) -> bool {
    let path = dir.join(RESERVE_FILE);
    if fs::metadata(&path).is_ok_and(|there| there.len() == RESERVE_BYTES) {
        return true;
    }
    if free(dir).is_none_or(|free| free < RESERVE_BYTES + 2 * ROOM_BYTES_MIN) {
        return false;
    }
    let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).and_then(|file| {
        let length = i64::try_from(RESERVE_BYTES).expect("it is a few megabytes");
        Ok(posix_fallocate(&file, 0, length)?)
    });
    if let Err(error) = &made {
        tracing::debug!(%error, "no room is kept for the next opening");
        // What there is of it would only be in the way.
        let _ = fs::remove_file(&path);
    }
    made.is_ok()
}

/// The words for whoever has to make room.
pub(crate) fn refusal(dir: &Path, batch: &Batch) -> io::Error {
    let needed = megabytes(needed(batch));
    let free = free(dir).map_or("an unknown amount".to_owned(), megabytes);
    let text = format!(
        "the disk of {} is full: {needed} are needed, {free} are free; make room there, and writing goes on by itself",
        dir.display()
    );
    io::Error::new(ErrorKind::StorageFull, text)
}

/// What may be used without the blocks that the file system keeps for the system.
fn free(dir: &Path) -> Option<u64> {
    let found = statvfs(dir).ok()?;
    // The types of the fields differ among platforms.
    #[allow(clippy::useless_conversion, clippy::unnecessary_fallible_conversions)]
    let (blocks, size) = (u64::try_from(found.blocks_available()).ok()?, u64::try_from(found.fragment_size()).ok()?);
    Some(blocks.saturating_mul(size))
}

fn needed(batch: &Batch) -> u64 {
    let size = |((_, key), op): (&(_, Vec<u8>), &Op)| match op {
        Op::Put(value) => key.len() + value.len(),
        Op::Delete => key.len(),
    };
    let bytes: usize = batch.ops.iter().map(size).sum();
    ROOM_BYTES_MIN + COPIES * bytes as u64
}

/// Bytes as people read them, rounded up so that what is needed is enough.
fn megabytes(bytes: u64) -> String {
    let tenths = (bytes * 10).div_ceil(1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tree;

    #[test]
    fn what_is_needed_is_said_and_not_less() {
        assert_eq!(
            [0, 1, 1 << 20, (1 << 20) + 1].map(megabytes),
            ["0.0 MiB", "0.1 MiB", "1.0 MiB", "1.1 MiB"].map(str::to_owned)
        );
        let mut batch = Batch::default();
        assert_eq!(needed(&batch), ROOM_BYTES_MIN);
        batch.put(Tree::Objects, *b"key", vec![0; 1 << 20]);
        batch.delete(Tree::Log, *b"gone");
        assert_eq!(needed(&batch), ROOM_BYTES_MIN + 2 * ((1 << 20) + 7));
    }

    #[test]
    fn room_is_kept_for_an_opening_as_long_as_there_is_any() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = dir.path().join(RESERVE_FILE);
        assert!(keep_reserve(dir.path()) && keep_reserve(dir.path()));
        assert_eq!(fs::metadata(&reserve).unwrap().len(), RESERVE_BYTES);
        give_up_reserve(dir.path()).unwrap();
        assert!(reserve.exists(), "the disk is not full");
        // One that a crash cut short is made whole.
        fs::write(&reserve, "").unwrap();
        assert!(keep_reserve(dir.path()));
        assert_eq!(fs::metadata(&reserve).unwrap().len(), RESERVE_BYTES);
        assert!(!keep_reserve(&dir.path().join("gone")));
    }
}
