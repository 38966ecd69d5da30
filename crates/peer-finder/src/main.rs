//! Tells a pet's scripts who its peers are, as the `peer-finder` of Kubernetes' contrib (2016) does: each second it looks up the SRV
//! records of the pet's service, and when the set of names changes and the pet's own name is in it, a script gets the names,
//! sorted, one a line, on its standard input.
//!
//! [`flags`] reads the command line, [`resolv`] the container's `/etc/resolv.conf`, [`lookup`] asks, [`watch`] says
//! when a script is due, and this file runs it.

mod flags;
mod lookup;
mod resolv;
mod watch;

use std::{
    collections::BTreeSet,
    io::Write,
    path::Path,
    process::{Command, ExitCode, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use nix::sys::signal::{SigSet, Signal};

use crate::{
    flags::{Flags, Given},
    resolv::Resolv,
    watch::{Due, Watch},
};

/// As often as the original looks.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

const RESOLV_CONF: &str = "/etc/resolv.conf";

/// What ends the program early.
#[derive(Debug, thiserror::Error)]
enum Fatal {
    #[error("read {RESOLV_CONF}: {0}")]
    Unreadable(std::io::Error),
    #[error(transparent)]
    Unclear(#[from] resolv::NoDomain),
    #[error("the name of this host is not known: {0}")]
    Nameless(nix::Error),
    #[error("run {script:?}: {source}")]
    Run { script: String, source: std::io::Error },
    #[error("{script:?} failed: {status}")]
    Failed { script: String, status: ExitStatus },
}

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let flags = match flags::parse(arguments, std::env::var("POD_NAMESPACE").ok()) {
        Ok(Given::Flags(flags)) => flags,
        Ok(Given::Help) => {
            print!("{}", flags::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("peer-finder: {error}\n{}", flags::USAGE);
            return ExitCode::from(2);
        }
    };
    end_on_signals();
    match find(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peer-finder: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The first process of a container has no default answer to SIGTERM: this one ends, as the original does.
fn end_on_signals() {
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
    // Scripts are not concerned: a child begins with no signal blocked.
    if signals.thread_block().is_err() {
        return;
    }
    thread::spawn(move || {
        if let Ok(signal) = signals.wait() {
            std::process::exit(128 + signal as i32);
        }
    });
}

/// Looks for peers until no script is left to be run.
fn find(flags: Flags) -> Result<(), Fatal> {
    let text = std::fs::read_to_string(RESOLV_CONF).map_err(Fatal::Unreadable)?;
    let resolv = Resolv::parse(&text);
    let host = nix::unistd::gethostname().map_err(Fatal::Nameless)?;
    let domain = resolv.domain(&flags)?;
    let own = format!("{}.{}.{domain}", host.to_string_lossy(), flags.service).to_ascii_lowercase();
    eprintln!("peer-finder: looking for {own} among the peers of {}", flags.service);
    let mut watch = Watch::new(flags, own);
    while !watch.is_over() {
        match watch.see(lookup::peers(&resolv, watch.service())) {
            Due::Run { script, peers } => {
                eprintln!(
                    "peer-finder: {} peers: {}",
                    peers.len(),
                    peers.iter().cloned().collect::<Vec<_>>().join(", ")
                );
                run(&script, &peers)?;
                watch.has_run(peers);
            }
            Due::Say(text) => eprintln!("peer-finder: {text}"),
            Due::Nothing => {}
        }
        if !watch.is_over() {
            thread::sleep(LOOK_AGAIN);
        }
    }
    Ok(())
}

/// Runs a script with the peers on its standard input, and waits for its end. The script is a line for the shell, with arguments
/// and quotes if it has some: bash where there is one, as in the original, else sh.
fn run(script: &str, peers: &BTreeSet<String>) -> Result<(), Fatal> {
    let failed = |source| Fatal::Run { script: script.to_owned(), source };
    let shell = if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" };
    let mut child = Command::new(shell).args(["-c", script]).stdin(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        let lines: String = peers.iter().flat_map(|peer| [peer, "\n"]).collect();
        // A script that does not read all of its input is free not to.
        drop(input.write_all(lines.as_bytes()));
    }
    let status = child.wait().map_err(failed)?;
    if status.success() { Ok(()) } else { Err(Fatal::Failed { script: script.to_owned(), status }) }
}
