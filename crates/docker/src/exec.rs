//! Commands inside containers, for probes and hooks: run, captured, and killed when they take too long.

use std::time::Duration;

use bollard::{
    errors::Error,
    exec::{CreateExecOptions, StartExecOptions},
};
use futures::StreamExt;
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use tokio::time::Instant;

use crate::{
    Engine,
    runner::OUTPUT_BYTES_MAX,
    streams::{Output, frames},
};

/// For an engine to notice that a command has ended, once its output has.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);
const EXIT_POLL: Duration = Duration::from_millis(10);

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// By itself.
    Exited { code: i64, output: String },
    /// It took too long, and was killed where we may.
    TimedOut,
}

impl Engine {
    /// Runs a command in a container and captures the beginning of what it says.
    pub(crate) async fn run(&self, id: &str, command: &[String], timeout: Duration) -> Result<Outcome, Error> {
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            ..CreateExecOptions::default()
        };
        let exec = self.api.create_exec(id, options).await?.id;
        if let Ok(outcome) = tokio::time::timeout(timeout, self.capture(&exec)).await {
            return outcome;
        }
        self.kill_exec(id, &exec).await?;
        Ok(Outcome::TimedOut)
    }

    async fn capture(&self, exec: &str) -> Result<Outcome, Error> {
        let body = json!({ "Detach": false, "Tty": false });
        let connection = self.wire.upgrade(&format!("/exec/{exec}/start"), &body).await?;
        let mut pieces = frames(hyper_util::rt::TokioIo::new(connection));
        let mut output = Vec::new();
        while let Some(piece) = pieces.next().await {
            let (Output::Stdout(bytes) | Output::Stderr(bytes)) = piece?;
            // What is too much is read all the same: a full pipe would hold up the command.
            let rest = OUTPUT_BYTES_MAX - output.len();
            output.extend_from_slice(&bytes[..bytes.len().min(rest)]);
        }
        let code = self.exit_code(exec).await?;
        Ok(Outcome::Exited { code, output: String::from_utf8_lossy(&output).into_owned() })
    }

    /// A command's exit code, once its output has ended.
    pub(crate) async fn exit_code(&self, exec: &str) -> Result<i64, Error> {
        let give_up = Instant::now() + EXIT_TIMEOUT;
        loop {
            let there = self.reads.inspect_exec(exec).await?;
            if let (Some(false), Some(code)) = (there.running, there.exit_code) {
                return Ok(code);
            }
            if Instant::now() >= give_up {
                return Err(Error::RequestTimeoutError);
            }
            tokio::time::sleep(EXIT_POLL).await;
        }
    }

    /// Docker has no call to kill a command, but says its process id on the engine's host. If that is this host, which
    /// the process's control group shows by naming the container, it is killed from here; who is not root has it killed
    /// by a shell inside. Where neither is possible, it goes on by itself.
    async fn kill_exec(&self, container: &str, exec: &str) -> Result<(), Error> {
        let pid = self.reads.inspect_exec(exec).await?.pid.and_then(|pid| i32::try_from(pid).ok());
        let Some(pid) = pid.filter(|pid| *pid > 0) else { return Ok(()) };
        let about =
            async |file: &str| tokio::fs::read_to_string(format!("/proc/{pid}/{file}")).await.unwrap_or_default();
        if !about("cgroup").await.contains(container) {
            tracing::debug!(container, pid, "a command that timed out goes on: it is not on this host");
            return Ok(());
        }
        if kill(Pid::from_raw(pid), Signal::SIGKILL) == Err(Errno::EPERM)
            && let Some(inside) = innermost_pid(&about("status").await)
        {
            let options = CreateExecOptions {
                user: Some("0".to_owned()),
                cmd: Some(vec!["sh".to_owned(), "-c".to_owned(), format!("kill -9 {inside}")]),
                ..CreateExecOptions::default()
            };
            let killer = self.api.create_exec(container, options).await?.id;
            let detached = StartExecOptions { detach: true, ..StartExecOptions::default() };
            self.api.start_exec(&killer, Some(detached)).await?;
        }
        Ok(())
    }
}

/// A process's id in its own namespace, the last of `NSpid` in `/proc/PID/status`.
fn innermost_pid(status: &str) -> Option<u32> {
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    ids.split_whitespace().next_back()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_innermost_id() {
        assert_eq!(innermost_pid("Name:\tsleep\nPid:\t4711\nNSpid:\t4711\t12\nVmPeak:\t1 kB\n"), Some(12));
        assert_eq!(innermost_pid("Name:\tsleep\n"), None);
    }
}
