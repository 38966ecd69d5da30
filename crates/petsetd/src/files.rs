//! How many files may be open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Takes as many as the system allows: each connection is one, and the 1,024 that a process gets unasked are fewer than the
/// server's own limit, so that clients could keep the store and the engine from opening theirs.
pub(crate) fn open_as_many_as_allowed() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(soft, hard)| if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) });
    if let Err(error) = raised {
        // Nobody listens to logs yet.
        eprintln!("petsetd: the limit of open files cannot be raised: {error}");
    }
}
