//! `up` and `down`: the daemon in the background.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::Deserialize;

use crate::{
    cli::Global,
    connect::{Instance, connect},
    failure::Failure,
    output::print,
    progress::duration,
};

/// The program.
const DAEMON: &str = "petsetd";

/// How often to look whether the daemon has come or gone.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How much of the log is shown when the daemon ends at once.
const LOG_TAIL_BYTES: u64 = 4096;

/// Arguments of `up`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct UpArguments {
    /// How long to wait until the daemon is ready
    #[arg(long, default_value = "60s", value_parser = duration)]
    timeout: Duration,
    /// Arguments for petsetd, after `--`
    #[arg(last = true, value_name = "ARGUMENTS")]
    daemon: Vec<String>,
}

/// Arguments of `down`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DownArguments {
    /// How long to wait until the daemon has ended
    #[arg(long, default_value = "30s", value_parser = duration)]
    timeout: Duration,
}

/// What the daemon writes about itself when it listens.
#[derive(Debug, Deserialize)]
struct Endpoint {
    pid: i32,
}

/// Starts the daemon, unless it runs, and waits until it is ready.
pub(crate) async fn up(global: &Global, arguments: &UpArguments) -> Result<(), Failure> {
    let instance = Instance::of(global);
    if let Some(pid) = running(&instance)? {
        print::talk(&format!("petsetd is running already (pid {pid})"));
        return ready(global, &instance, None, arguments.timeout).await;
    }
    let program = program()?;
    // As the daemon would make it: what is inside is its owner's alone.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&instance.data);
    made.map_err(Failure::io(format!("make {}", instance.data.display())))?;
    let log_path = instance.data.join("petsetd.log");
    let cannot_log = || Failure::io(format!("open {}", log_path.display()));
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&log_path).map_err(cannot_log())?;
    let start = log.metadata().map_err(cannot_log())?.len();
    let mut command = Command::new(&program);
    command
        .args(["--instance", &instance.name])
        .args(global.data_dir.iter().flat_map(|dir| ["--data-dir".into(), dir.as_os_str().to_owned()]))
        .args(&arguments.daemon)
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(cannot_log())?)
        .stderr(log)
        // A group of its own: an interrupt in this terminal is not meant for it.
        .process_group(0);
    let child = command.spawn().map_err(Failure::io(format!("start {}", program.display())))?;
    print::talk(&format!("petsetd starts (pid {}, log {})", child.id(), log_path.display()));
    ready(global, &instance, Some(Started { child, log: log_path, log_start: start }), arguments.timeout).await
}

/// A daemon that we started.
struct Started {
    child: Child,
    log: PathBuf,
    log_start: u64,
}

impl Started {
    /// Fails if the daemon has ended, with what it said.
    fn check(&mut self) -> Result<(), Failure> {
        match self.child.try_wait().map_err(Failure::io("look after petsetd"))? {
            None => Ok(()),
            Some(status) => {
                let said = said(&self.log, self.log_start);
                Err(Failure::message(format!("petsetd ended at once ({status}):\n{said}")))
            }
        }
    }
}

async fn ready(
    global: &Global,
    instance: &Instance,
    mut started: Option<Started>,
    timeout: Duration,
) -> Result<(), Failure> {
    let end = Instant::now() + timeout;
    loop {
        if let Some(started) = &mut started {
            started.check()?;
        }
        let failure = match readyz(global, instance).await {
            Ok(server) => {
                print::talk(&format!("petset is ready at {server}"));
                return Ok(());
            }
            Err(failure) => failure,
        };
        if Instant::now() >= end {
            return Err(Failure::message(format!("petsetd is not ready after {}s: {failure}", timeout.as_secs())));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn readyz(global: &Global, instance: &Instance) -> Result<String, Failure> {
    // A kubeconfig of an earlier run names an address where perhaps somebody else listens now.
    if running(instance)?.is_none() {
        return Err(Failure::message("it does not listen yet"));
    }
    let client = connect(global).await?;
    client.get_text("/readyz").await?;
    Ok(client.server)
}

/// Stops the daemon and waits until it has ended.
pub(crate) async fn down(instance: &Instance, arguments: &DownArguments) -> Result<(), Failure> {
    let Some(pid) = running(instance)? else {
        print::talk("petsetd is not running");
        return Ok(());
    };
    kill(Pid::from_raw(pid), Signal::SIGTERM).map_err(|error| {
        Failure::message(format!(
            "stop petsetd (pid {pid}): {error}; is it another user's? Try as that user or as root"
        ))
    })?;
    let end = Instant::now() + arguments.timeout;
    while is_daemon(pid) {
        if Instant::now() >= end {
            return Err(Failure::message(format!(
                "petsetd (pid {pid}) has not ended after {}s",
                arguments.timeout.as_secs()
            )));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    print::talk("petsetd has stopped; the pets keep running, and the next `petctl up` takes them over");
    Ok(())
}

/// The pid of the instance's daemon, if it runs.
fn running(instance: &Instance) -> Result<Option<i32>, Failure> {
    let path = instance.endpoint();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Failure::Io { what: format!("read {}", path.display()), source }),
    };
    let endpoint: Endpoint = serde_json::from_str(&text)
        .map_err(|error| Failure::message(format!("{} is damaged: {error}", path.display())))?;
    Ok(Some(endpoint.pid).filter(|pid| is_daemon(*pid)))
}

/// Whether a process is a petsetd: a pid may have gone to another program since.
fn is_daemon(pid: i32) -> bool {
    let is_named = fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == DAEMON);
    // One that has ended and that its parent has not looked at yet is gone all the same.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start().starts_with('Z'));
    is_named && state == Some(false)
}

/// `petsetd` beside petctl, else in the path.
fn program() -> Result<PathBuf, Failure> {
    let beside = env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(DAEMON)));
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path).map(|directory| directory.join(DAEMON));
    beside
        .into_iter()
        .chain(in_path)
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| Failure::message("petsetd is neither beside petctl nor in the PATH"))
}

/// The end of what was written to the log since `start`.
fn said(log: &Path, start: u64) -> String {
    let read = || {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(start.max(length.saturating_sub(LOG_TAIL_BYTES))))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    };
    read().unwrap_or_else(|error| format!("(its log cannot be read: {error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(directory: &Path) -> Instance {
        Instance { name: "t".into(), data: directory.to_owned(), runtime: directory.to_owned() }
    }

    #[test]
    fn a_pid_that_is_no_petsetd_does_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let instance = instance(directory.path());
        assert_eq!(running(&instance).unwrap(), None);
        fs::write(instance.endpoint(), format!("{{\"pid\": {}}}", std::process::id())).unwrap();
        assert_eq!(running(&instance).unwrap(), None);
        fs::write(instance.endpoint(), "").unwrap();
        assert!(running(&instance).unwrap_err().to_string().contains("is damaged"));
    }

    #[test]
    fn the_end_of_the_log_is_what_was_said_since_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        fs::write(&log, "before\nport 53 is taken\n").unwrap();
        assert_eq!(said(&log, 7), "port 53 is taken");
    }
}
