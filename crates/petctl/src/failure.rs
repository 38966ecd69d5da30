//! Why a command did not do what it was told, in kubectl's words.

use std::{fmt, io, path::PathBuf};

use kube::core::{
    Status,
    response::{StatusCause, StatusDetails},
};

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server refused.
    Refused(Box<Status>),
    /// Nobody answers.
    Unreachable { server: String, source: kube::Error },
    /// There is no kubeconfig: the daemon has never run.
    NoDaemon(PathBuf),
    /// The request makes no sense, or its outcome is not what was waited for.
    Message(String),
    /// A file or stream cannot be read or written.
    Io { what: String, source: io::Error },
    /// The reason has been printed, or is another program's.
    Exit(i32),
}

impl Failure {
    /// A sentence of our own.
    pub(crate) fn message(text: impl Into<String>) -> Failure {
        Failure::Message(text.into())
    }

    /// Names what could not be read or written.
    pub(crate) fn io(what: impl fmt::Display) -> impl FnOnce(io::Error) -> Failure {
        let what = what.to_string();
        |source| Failure::Io { what, source }
    }

    /// The server says that there is no such object.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Failure::Refused(status) if status.code == 404)
    }

    /// The object changed meanwhile.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Failure::Refused(status) if status.code == 409 && status.reason == "Conflict")
    }

    /// The content was refused.
    pub(crate) fn is_invalid(&self) -> bool {
        matches!(self, Failure::Refused(status) if matches!(status.code, 400 | 422))
    }

    /// Says where the object came from, as kubectl does.
    pub(crate) fn when(mut self, doing: &str) -> Failure {
        if let Failure::Refused(status) = &mut self {
            status.message = format!("{doing}: {}", status.message);
        }
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(status) => refused(status, f),
            Failure::Unreachable { server, source } => {
                writeln!(f, "The connection to the server {server} failed: {}", root(source))?;
                write!(f, "Is petsetd running? Start it with: petctl up")
            }
            Failure::NoDaemon(path) => {
                writeln!(f, "error: there is no petset here yet ({} does not exist)", path.display())?;
                write!(f, "Start the daemon with: petctl up")
            }
            Failure::Message(text) => write!(f, "error: {text}"),
            Failure::Io { what, source } => write!(f, "error: {what}: {source}"),
            Failure::Exit(code) => write!(f, "error: exit code {code}"),
        }
    }
}

/// As kubectl: the causes of an invalid object or patch one by one, everything else in a sentence.
fn refused(status: &Status, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let tells = |details: &&StatusDetails| !(details.kind.is_empty() && details.causes.is_empty());
    let details = status.details.as_ref().filter(tells);
    if let ("Invalid", Some(details)) = (status.reason.as_str(), details) {
        if details.kind.is_empty() {
            write!(f, "The request is invalid")?;
        } else {
            write!(f, "The {} \"{}\" is invalid", details.kind, details.name)?;
        }
        return match details.causes.as_slice() {
            [] => Ok(()),
            [one] => write!(f, ": {}", cause(one)),
            many => {
                write!(f, ": ")?;
                many.iter().try_for_each(|one| write!(f, "\n* {}", cause(one)))
            }
        };
    }
    match status.reason.as_str() {
        "" => write!(f, "Error from server: {}", status.message),
        "Invalid" => write!(f, "The request is invalid: {}", status.message),
        reason => write!(f, "Error from server ({reason}): {}", status.message),
    }
}

/// `spec.replicas: Invalid value: …`.
pub(crate) fn cause(cause: &StatusCause) -> String {
    match cause.field.as_str() {
        "" => cause.message.clone(),
        field => format!("{field}: {}", cause.message),
    }
}

/// The last error of a chain: "Connection refused" rather than "service error".
fn root(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
