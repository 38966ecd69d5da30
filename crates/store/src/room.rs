//! Whether the disk has room for a commit, asked before it begins.

use std::io::{self, ErrorKind};
use std::path::Path;

use nix::sys::statvfs::statvfs;

use crate::kv::{Batch, Op};

/// What stays free after a commit: sled allocates half a megabyte at a time, rewrites what it moves, and writes a
/// snapshot when it is opened. Without this it fails in the midst of a write, and must be opened again.
pub(crate) const ROOM_BYTES_MIN: u64 = 4 << 20;

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
}
