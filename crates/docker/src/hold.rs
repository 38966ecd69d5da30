//! Paths of the host that stay what they are while the engine mounts them.
//!
//! The engine takes paths as text, and follows links in them at its own time. A container that may write to a directory
//! could put a link there between our look and the engine's. So a path is opened here, step by step and following no
//! link out of its root, and what was opened is mounted under a name that no container reaches; the engine gets that
//! name. A kubelet does the same for `subPath`.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, OpenHow, ResolveFlag, openat2},
    mount::{MntFlags, MsFlags, mount, umount2},
    sys::stat::{Mode, SFlag, fchmod, fstat, mkdirat},
};

/// How often the kernel may say that the tree has changed under a look at it.
const LOOK_TRIES: usize = 16;

/// The size of the file system that names are kept in: it holds a few empty files and directories.
const NAMES_OPTIONS: &str = "mode=0700,size=64k";

/// Where paths are held, each start in a place of its own.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    dir: PathBuf,
    /// Mounting takes root's powers.
    can_mount: bool,
    places: Arc<AtomicU64>,
}

impl Holder {
    /// Makes the directory, lets go of what a killed daemon held, and finds out whether anything can be held.
    pub(crate) fn open(dir: &Path) -> io::Result<Holder> {
        release(dir)?;
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let mut holder = Holder { dir: dir.canonicalize()?, can_mount: true, places: Arc::default() };
        holder.can_mount = holder.place().is_ok();
        Ok(holder)
    }

    pub(crate) fn can_mount(&self) -> bool {
        self.can_mount
    }

    /// A place for the paths of one start. In a file system of its own: an engine that does not see our mounts does not
    /// see an empty directory instead of the data, but nothing, and refuses.
    pub(crate) fn place(&self) -> io::Result<Place> {
        let dir = self.dir.join(self.places.fetch_add(1, Ordering::Relaxed).to_string());
        DirBuilder::new().mode(0o700).create(&dir)?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        if let Err(error) = mount(Some("petset"), &dir, Some("tmpfs"), flags, Some(NAMES_OPTIONS)) {
            fs::remove_dir(&dir)?;
            return Err(error.into());
        }
        Ok(Place { dir, held: 0 })
    }
}

/// Holds what was opened until it is dropped. The mounts of a container that has started are its own by then.
#[derive(Debug)]
pub(crate) struct Place {
    dir: PathBuf,
    held: usize,
}

impl Place {
    /// A name for what was opened, and for what is mounted below it.
    pub(crate) fn hold(&mut self, opened: &OwnedFd) -> io::Result<PathBuf> {
        let name = self.dir.join(self.held.to_string());
        self.held += 1;
        if is_directory(opened)? {
            fs::create_dir(&name)?;
        } else {
            File::create_new(&name)?;
        }
        let opened = format!("/proc/self/fd/{}", opened.as_raw_fd());
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        mount(Some(opened.as_str()), &name, None::<&str>, flags, None::<&str>)?;
        Ok(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let gone = umount2(&self.dir, MntFlags::MNT_DETACH).map_err(io::Error::from);
        if let Err(error) = gone.and_then(|()| fs::remove_dir(&self.dir)) {
            tracing::warn!(%error, place = %self.dir.display(), "a held path stays behind until the next start");
        }
    }
}

/// Lets go of everything that is held in a directory; an absent one is success.
pub fn release(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let place = entry?.path();
        match umount2(&place, MntFlags::MNT_DETACH) {
            // Not mounted, or nobody who could have mounted it.
            Ok(()) | Err(Errno::EINVAL | Errno::EPERM) => {}
            Err(error) => return Err(error.into()),
        }
        fs::remove_dir(&place)?;
    }
    Ok(())
}

/// Opens the root of what may be looked at: links on the way to it are its owner's.
pub(crate) fn open_root(path: &Path) -> io::Result<OwnedFd> {
    Ok(OpenOptions::new().read(true).custom_flags(OFlag::O_PATH.bits()).open(path)?.into())
}

/// Opens a path below a root. Links are followed as long as they stay below it.
///
/// Errors: `the path leads out of …` for one that does not.
pub(crate) fn open_below(root: &OwnedFd, root_path: &Path, path: &Path) -> io::Result<OwnedFd> {
    if path.as_os_str().is_empty() {
        return root.try_clone();
    }
    // Below the root of all an absolute link leads to where it says.
    let stay = if root_path == Path::new("/") { ResolveFlag::RESOLVE_IN_ROOT } else { ResolveFlag::RESOLVE_BENEATH };
    look(root, path, OFlag::O_PATH, stay | ResolveFlag::RESOLVE_NO_MAGICLINKS).map_err(|error| match error {
        Errno::EXDEV => io::Error::other(format!("a symbolic link in it leads out of {}", root_path.display())),
        other => other.into(),
    })
}

/// Opens a path below a directory, following no link at all, and makes the directories that are missing, in this mode
/// whatever the umask. The path has no `..`.
pub(crate) fn make_below(root: &OwnedFd, path: &Path, mode: u32) -> io::Result<OwnedFd> {
    let mut at = root.try_clone()?;
    for name in path.iter().map(Path::new) {
        let stay = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
        let named = |error: Errno| match error {
            Errno::ELOOP => io::Error::other(format!("`{}` is a symbolic link", name.display())),
            other => io::Error::from(other),
        };
        at = match look(&at, name, OFlag::O_PATH, stay) {
            Err(Errno::ENOENT) => {
                let is_new = match mkdirat(at.as_fd(), name, Mode::S_IRWXU) {
                    Ok(()) => true,
                    Err(Errno::EEXIST) => false,
                    Err(error) => return Err(error.into()),
                };
                let made = look(&at, name, OFlag::O_DIRECTORY, stay).map_err(named)?;
                if is_new {
                    fchmod(&made, Mode::from_bits_truncate(mode))?;
                }
                made
            }
            found => found.map_err(named)?,
        };
    }
    Ok(at)
}

fn look(at: &OwnedFd, path: &Path, flags: OFlag, resolve: ResolveFlag) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve);
    let mut outcome = Err(Errno::EAGAIN);
    for _ in 0..LOOK_TRIES {
        outcome = openat2(at, path, how);
        if !matches!(outcome, Err(Errno::EAGAIN | Errno::EINTR)) {
            break;
        }
    }
    outcome
}

fn is_directory(opened: &OwnedFd) -> io::Result<bool> {
    let kind = SFlag::from_bits_truncate(fstat(opened)?.st_mode) & SFlag::S_IFMT;
    Ok(kind == SFlag::S_IFDIR)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn tree() -> (tempfile::TempDir, OwnedFd) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(root.join("a/file"), "inside").unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        symlink("/", root.join("absolute")).unwrap();
        symlink("../outside", root.join("climbing")).unwrap();
        symlink("a/../a", root.join("staying")).unwrap();
        let opened = open_root(&root).unwrap();
        (dir, opened)
    }

    /// Where an opened path is, below the test's directory.
    fn place(dir: &tempfile::TempDir, opened: &OwnedFd) -> String {
        let path = fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd())).unwrap();
        path.strip_prefix(dir.path().canonicalize().unwrap()).unwrap().display().to_string()
    }

    #[test]
    fn new_directories_are_open_to_all_and_old_ones_keep_their_mode() {
        let (dir, root) = tree();
        let mode = |path: &str| fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o7777;
        fs::set_permissions(dir.path().join("root/a"), fs::Permissions::from_mode(0o700)).unwrap();
        let made = make_below(&root, Path::new("a/b/c"), 0o777).unwrap();
        assert_eq!(place(&dir, &made), "root/a/b/c");
        assert_eq!((mode("root/a"), mode("root/a/b"), mode("root/a/b/c")), (0o700, 0o777, 0o777));
        let file = make_below(&root, Path::new("a/file"), 0o777).unwrap();
        assert_eq!(place(&dir, &file), "root/a/file");
    }

    #[test]
    fn a_sub_path_follows_no_link() {
        let (_dir, root) = tree();
        for (path, link) in [("absolute/tmp", "absolute"), ("climbing", "climbing"), ("staying", "staying")] {
            let error = make_below(&root, Path::new(path), 0o777).unwrap_err();
            assert_eq!(error.to_string(), format!("`{link}` is a symbolic link"));
        }
    }

    #[test]
    fn a_host_path_follows_links_that_stay_below_its_prefix() {
        let (dir, root) = tree();
        let prefix = dir.path().join("root");
        let open = |path: &str| open_below(&root, &prefix, Path::new(path));
        assert_eq!(place(&dir, &open("staying/file").unwrap()), "root/a/file");
        assert_eq!(place(&dir, &open("").unwrap()), "root");
        for path in ["absolute/etc", "climbing", "absolute"] {
            let expected = format!("a symbolic link in it leads out of {}", prefix.display());
            assert_eq!(open(path).unwrap_err().to_string(), expected, "{path}");
        }
        let everything = open_root(Path::new("/")).unwrap();
        let absolute = prefix.join("absolute/etc");
        let opened = open_below(&everything, Path::new("/"), absolute.strip_prefix("/").unwrap()).unwrap();
        assert_eq!(fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd())).unwrap(), Path::new("/etc"));
    }

    #[test]
    fn what_is_held_stays_when_its_path_is_swapped_and_leaves_nothing_behind() {
        let (dir, root) = tree();
        let holds = dir.path().join("holds");
        let holder = Holder::open(&holds).unwrap();
        if !holder.can_mount() {
            // Nothing is held where this user may not mount; then no path below another is given to the engine.
            assert!(holder.place().is_err());
            return;
        }
        let mut place = holder.place().unwrap();
        let opened = make_below(&root, Path::new("a"), 0o777).unwrap();
        let held = place.hold(&opened).unwrap();
        fs::rename(dir.path().join("root/a"), dir.path().join("root/b")).unwrap();
        symlink("/", dir.path().join("root/a")).unwrap();
        assert_eq!(fs::read_to_string(held.join("file")).unwrap(), "inside");
        let file = make_below(&root, Path::new("b/file"), 0o777).unwrap();
        assert_eq!(fs::read_to_string(place.hold(&file).unwrap()).unwrap(), "inside");
        drop(place);
        assert_eq!(fs::read_dir(&holds).unwrap().count(), 0);

        // As a killed daemon leaves it.
        let mut place = holder.place().unwrap();
        place.hold(&opened).unwrap();
        std::mem::forget(place);
        release(&holds).unwrap();
        assert_eq!(fs::read_dir(&holds).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(dir.path().join("root/b/file")).unwrap(), "inside");
    }
}
