//! The least that durable writes can take: records appended to a file, and one `fdatasync` for all that wait for it.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};

/// As much as one create writes to petset's log: the event, with the object in it.
const RECORD: [u8; 1024] = [b'x'; 1024];

/// How long so many writers take for so many records together, each of which waits until its own is on the disk.
pub(crate) fn append(dir: &Path, writers: usize, count: usize) -> Result<Duration> {
    let path = dir.join("measured");
    let file = OpenOptions::new().create(true).append(true).open(&path)?;
    let (sender, waiting) = sync_channel(writers);
    let began = Instant::now();
    let committer = thread::spawn(move || commit(file, &waiting));
    let writers: Vec<_> = (0..writers)
        .map(|writer| {
            let sender = sender.clone();
            let records = count / writers + usize::from(writer < count % writers);
            thread::spawn(move || write(&sender, records))
        })
        .collect();
    drop(sender);
    for writer in writers {
        writer.join().map_err(|_| anyhow!("a writer panicked"))?;
    }
    committer.join().map_err(|_| anyhow!("the committer panicked"))??;
    let took = began.elapsed();
    std::fs::remove_file(path)?;
    Ok(took)
}

/// Hands over one record after the other.
fn write(sender: &SyncSender<SyncSender<()>>, records: usize) {
    for _ in 0..records {
        let (done, written) = sync_channel(1);
        if sender.send(done).is_err() || written.recv().is_err() {
            return;
        }
    }
}

/// Writes all that waits with one sync, until nobody writes any more.
fn commit(mut file: File, waiting: &Receiver<SyncSender<()>>) -> Result<()> {
    while let Ok(first) = waiting.recv() {
        let group: Vec<_> = [first].into_iter().chain(waiting.try_iter()).collect();
        file.write_all(&RECORD.repeat(group.len()))?;
        file.sync_data()?;
        for writer in group {
            // It waits for nothing else.
            let _ = writer.send(());
        }
    }
    Ok(())
}
