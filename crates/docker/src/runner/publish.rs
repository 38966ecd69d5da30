//! Lets volumes show another version of their files, as the kubelet's `AtomicWriter` does.
//!
//! The new version is in the volume already, in a directory of its own. The link `..data` is exchanged in one step; then come
//! the links of new files, and what belongs to former versions goes.

use std::{collections::BTreeSet, ffi::OsString, fs, io, os::unix::fs::symlink, path::Path};

/// The link to the version that counts.
const DATA: &str = "..data";
/// Its successor, until it takes its place.
const NEXT: &str = "..data_tmp";

/// Publishes what a list names: two lines for each volume, its path and the directory in it.
pub(crate) fn run(list: Option<&str>) -> io::Result<()> {
    let list = list.ok_or_else(|| io::Error::other("publish LIST"))?;
    let text = fs::read_to_string(list)?;
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks_exact(2).try_for_each(|pair| publish(Path::new(pair[0]), pair[1]))
}

/// Lets one volume show the version in this directory of it, which is whole.
pub(crate) fn publish(volume: &Path, directory: &str) -> io::Result<()> {
    let next = volume.join(NEXT);
    remove_link(&next)?;
    symlink(directory, &next)?;
    fs::rename(&next, volume.join(DATA))?;
    let names = names_in(&volume.join(directory))?;
    for name in &names {
        let (link, target) = (volume.join(name), Path::new(DATA).join(name));
        if fs::read_link(&link).is_ok_and(|there| there == target) {
            continue;
        }
        // What a `subPath` named while there was no such file.
        if link.is_dir() {
            fs::remove_dir_all(&link)?;
        }
        remove_link(&link)?;
        symlink(target, link)?;
    }
    for name in names_in(volume)? {
        let path = volume.join(&name);
        let is_kept = name == DATA || name == directory || names.contains(&name);
        let kind = fs::symlink_metadata(&path)?.file_type();
        if is_kept {
            continue;
        }
        if kind.is_symlink() {
            fs::remove_file(&path)?;
        } else if kind.is_dir() && name.to_string_lossy().starts_with("..") {
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

fn names_in(directory: &Path) -> io::Result<BTreeSet<OsString>> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect()
}

fn remove_link(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
