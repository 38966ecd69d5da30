//! `exec`: a command in a container, with this terminal if asked.

use std::io::{IsTerminal, stdin};

use futures::SinkExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{AttachParams, AttachedProcess, TerminalSize},
    core::Status,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    signal::unix::{SignalKind, signal},
};

use crate::{
    client::Client,
    command::{default_container, pod_name},
    failure::Failure,
    output::print,
};

/// Bytes that are carried at once.
const PIECE: usize = 16 * 1024;

/// Arguments of `exec`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The pet
    pub(crate) pod: String,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
    /// The container, where the pet has several
    #[arg(short = 'c', long)]
    pub(crate) container: Option<String>,
    /// Pass standard input on
    #[arg(short = 'i', long)]
    pub(crate) stdin: bool,
    /// With a terminal
    #[arg(short = 't', long)]
    pub(crate) tty: bool,
}

pub(crate) async fn run(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    let name = pod_name(&arguments.pod)?;
    let pod = client.get(&format!("/api/v1/namespaces/{}/pods/{name}", client.namespace)).await?;
    if let Some(phase @ ("Succeeded" | "Failed")) = pod["status"]["phase"].as_str() {
        return Err(Failure::message(format!(
            "cannot exec into a container in a completed pod; current phase is {phase}"
        )));
    }
    let tty = arguments.tty && (!arguments.stdin || stdin().is_terminal());
    if arguments.tty && !tty {
        print::talk("Unable to use a TTY - input is not a terminal or the right kind of file");
    }
    let parameters = AttachParams {
        container: arguments.container.clone().or_else(|| default_container(&pod)),
        stdin: arguments.stdin,
        stdout: true,
        stderr: !tty,
        tty,
        ..AttachParams::default()
    };
    let pods: Api<Pod> = Api::namespaced(client.kube(), &client.namespace);
    let process = pods.exec(name, &arguments.command, &parameters).await.map_err(|error| client.failed(error))?;
    // From here on every way out puts the terminal back.
    let raw = if tty && arguments.stdin { Some(Raw::enter()?) } else { None };
    let status = carry(process, tty).await?;
    drop(raw);
    end(status)
}

/// Carries everything until the command has ended; returns what the server says about its end.
async fn carry(mut process: AttachedProcess, tty: bool) -> Result<Option<Status>, Failure> {
    let status = process.take_status();
    let input = process.stdin().map(|mut to| {
        tokio::spawn(async move {
            let mut from = tokio::io::stdin();
            // The command may end before its input does; dropping the writer is end of file.
            let _ = tokio::io::copy(&mut from, &mut to).await;
            let _ = to.shutdown().await;
        })
    });
    let resize = process.terminal_size().filter(|_| tty).map(|mut sizes| {
        tokio::spawn(async move {
            let Ok(mut changed) = signal(SignalKind::window_change()) else { return };
            loop {
                if let Ok((width, height)) = crossterm::terminal::size()
                    && sizes.send(TerminalSize { width, height }).await.is_err()
                {
                    return;
                }
                if changed.recv().await.is_none() {
                    return;
                }
            }
        })
    });
    let stdout = print_all(process.stdout(), print::bytes);
    let stderr = print_all(process.stderr(), print::talk_bytes);
    let (stdout, stderr) = tokio::join!(stdout, stderr);
    let status = match status {
        Some(status) => status.await,
        None => None,
    };
    for task in [input, resize].into_iter().flatten() {
        task.abort();
    }
    stdout.and(stderr)?;
    // Another type for the same JSON: kube has its own beside that of the Kubernetes types.
    let status = status.and_then(|status| serde_json::to_value(status).ok());
    Ok(status.and_then(|status| serde_json::from_value(status).ok()))
}

async fn print_all(from: Option<impl AsyncRead + Unpin>, print: fn(&[u8])) -> Result<(), Failure> {
    let Some(mut from) = from else { return Ok(()) };
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece).await.map_err(Failure::io("read from the container"))? {
            0 => return Ok(()),
            length => print(&piece[..length]),
        }
    }
}

/// The command's exit code becomes ours.
fn end(status: Option<Status>) -> Result<(), Failure> {
    let Some(status) = status else {
        return Err(Failure::message("the connection to the container was lost"));
    };
    if status.is_success() {
        return Ok(());
    }
    let code = status.details.iter().flat_map(|details| &details.causes).find(|cause| cause.reason == "ExitCode");
    match code.and_then(|cause| cause.message.parse().ok()) {
        Some(code) => {
            print::talk(&format!("command terminated with exit code {code}"));
            Err(Failure::Exit(code))
        }
        None => Err(Failure::message(status.message)),
    }
}

/// The terminal passes every key on, until this is dropped.
struct Raw;

impl Raw {
    fn enter() -> Result<Raw, Failure> {
        crossterm::terminal::enable_raw_mode().map_err(Failure::io("set up the terminal"))?;
        Ok(Raw)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // If this fails there is no terminal any more.
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(status: serde_json::Value) -> Result<(), String> {
        match end(serde_json::from_value(status).unwrap()) {
            Ok(()) => Ok(()),
            Err(Failure::Exit(code)) => Err(code.to_string()),
            Err(failure) => Err(failure.to_string()),
        }
    }

    #[test]
    fn the_exit_code_is_passed_on() {
        assert_eq!(code(json!({"status": "Success"})), Ok(()));
        let failure = json!({"status": "Failure", "reason": "NonZeroExitCode",
                             "details": {"causes": [{"reason": "ExitCode", "message": "7"}]}});
        assert_eq!(code(failure), Err("7".to_owned()));
        let failure = json!({"status": "Failure", "reason": "InternalError", "message": "no such file"});
        assert_eq!(code(failure), Err("error: no such file".to_owned()));
        assert_eq!(code(json!(null)), Err("error: the connection to the container was lost".to_owned()));
    }
}
