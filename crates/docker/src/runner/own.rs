//! Gives the volumes of a pod to its `fsGroup`, inside a container that has them.
//!
//! Inside a container, because the daemon may not reach the engine's volumes, and because no link in a volume leads out of
//! the container. The rules are the kubelet's: `SetVolumeOwnership` in `pkg/volume`.

use std::{
    fs::{self, Metadata, Permissions},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt, lchown},
    path::{Path, PathBuf},
    process,
};

use super::{say, wire::OWNED};

/// What the group may do to files of a volume, and to those of one that is only read.
const READ_WRITE: u32 = 0o660;
const READ: u32 = 0o440;
/// What comes on top for directories: they may be entered, and what is made in them is the group's.
const ENTER: u32 = 0o110;
const SET_GROUP: u32 = 0o2000;

/// Carries out `own GROUP always|mismatch (rw|ro):PATH…`, and says so when all of it is done.
pub(crate) fn run(mut arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "the arguments of `own` are GROUP, a policy and paths");
    let group = arguments.next().and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    let is_lazy = match arguments.next().as_deref() {
        Some("always") => false,
        Some("mismatch") => true,
        _ => return Err(wrong()),
    };
    for argument in arguments {
        let (access, path) = argument.split_once(':').ok_or_else(wrong)?;
        let mask = if access == "ro" { READ } else { READ_WRITE };
        if let Err((path, error)) = give(Path::new(path), group, mask, is_lazy) {
            // It is the whole of what is said to the user; a `main` that fails would say more.
            eprint!("{}: {error}", path.display());
            process::exit(1);
        }
    }
    say(OWNED)
}

/// Gives everything below a directory to a group; the directory itself comes last, so that one who is interrupted does not
/// find it done.
fn give(root: &Path, group: u32, mask: u32, is_lazy: bool) -> Result<(), (PathBuf, io::Error)> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| (path, error)
    };
    let own = fs::symlink_metadata(root).map_err(at(root))?;
    if is_lazy && is_given(&own, group, mask) {
        return Ok(());
    }
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).map_err(at(&directory))? {
            let path = entry.map_err(at(&directory))?.path();
            // Somebody who uses the volume, too, may have removed it meanwhile.
            let about = match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                about => about.map_err(at(&path))?,
            };
            give_one(&path, &about, group, mask).map_err(at(&path))?;
            if about.is_dir() {
                directories.push(path);
            }
        }
    }
    give_one(root, &own, group, mask).map_err(at(root))
}

/// Whether a volume's own directory is as it should be.
fn is_given(about: &Metadata, group: u32, mask: u32) -> bool {
    let wanted = mask | ENTER | SET_GROUP;
    about.is_dir() && about.gid() == group && about.mode() & wanted == wanted
}

fn give_one(path: &Path, about: &Metadata, group: u32, mask: u32) -> io::Result<()> {
    lchown(path, None, Some(group))?;
    if about.is_symlink() {
        return Ok(());
    }
    let more = if about.is_dir() { mask | ENTER | SET_GROUP } else { mask };
    fs::set_permissions(path, Permissions::from_mode((about.mode() & 0o7777) | more))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    fn tree() -> (tempfile::TempDir, u32) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/file"), "").unwrap();
        fs::write(root.join("program"), "").unwrap();
        symlink("/nowhere", root.join("a/link")).unwrap();
        for (path, mode) in [("", 0o700), ("a", 0o700), ("a/b", 0o755), ("a/b/file", 0o600), ("program", 0o755)] {
            fs::set_permissions(root.join(path), Permissions::from_mode(mode)).unwrap();
        }
        // One's own group can be given by anybody.
        let group = fs::metadata(root).unwrap().gid();
        (dir, group)
    }

    #[test]
    fn everything_in_a_volume_becomes_the_groups_and_links_are_not_followed() {
        let (dir, group) = tree();
        give(dir.path(), group, READ_WRITE, false).unwrap();
        let modes = ["", "a", "a/b", "a/b/file", "program"].map(|path| mode(&dir.path().join(path)));
        assert_eq!(modes, [0o2770, 0o2770, 0o2775, 0o660, 0o775]);
    }

    #[test]
    fn what_is_only_read_need_not_be_written() {
        let (dir, group) = tree();
        give(dir.path(), group, READ, false).unwrap();
        assert_eq!((mode(dir.path()), mode(&dir.path().join("a/b/file"))), (0o2750, 0o640));
    }

    #[test]
    fn a_volume_whose_directory_is_right_is_left_as_it_is_where_that_is_asked() {
        let (dir, group) = tree();
        let file = dir.path().join("a/b/file");
        fs::set_permissions(dir.path(), Permissions::from_mode(0o2770)).unwrap();
        give(dir.path(), group, READ_WRITE, true).unwrap();
        assert_eq!(mode(&file), 0o600);
        fs::set_permissions(dir.path(), Permissions::from_mode(0o770)).unwrap();
        give(dir.path(), group, READ_WRITE, true).unwrap();
        assert_eq!((mode(dir.path()), mode(&file)), (0o2770, 0o660));
    }
}
