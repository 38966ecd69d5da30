//! What a container says about its end: the file at its `terminationMessagePath`, or the end of its log.
//!
//! Source: `getTerminationMessage` in `pkg/kubelet/kuberuntime`. The file is the host's, because what is in a container's
//! `/dev` goes with it.

use std::{
    collections::HashMap,
    io::{self, Read, Seek, SeekFrom},
    sync::{Mutex, MutexGuard, PoisonError},
};

use bollard::{
    errors::Error,
    models::{Mount, MountType},
};
use futures::{StreamExt, TryStreamExt};
use http_body_util::BodyExt;
use plan::{
    action::{Failure, Start},
    facts::{Container, Owner, State},
};
use tokio_util::io::StreamReader;

use crate::{
    Docker,
    streams::{Output, frames},
};

/// What is read of the file, from its end.
const FILE_OCTETS_MAX: u64 = 4096;
/// And of the log.
const LOG_OCTETS_MAX: usize = 2048;
const LOG_LINES_MAX: usize = 80;

/// The label's values.
pub(crate) const FILE: &str = "file";
pub(crate) const FILE_OR_LOG: &str = "file or log";

/// The ends of the logs of containers that have failed, by their ids: they change no more.
#[derive(Debug, Default)]
pub(crate) struct LastWords(Mutex<HashMap<String, String>>);

impl LastWords {
    /// Forgets containers that are gone.
    pub(crate) fn retain(&self, is_there: impl Fn(&str) -> bool) {
        self.lock().retain(|container, _| is_there(container));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Docker {
    /// The mount of the file that a container writes to.
    pub(crate) fn last_words_mount(&self, start: &Start) -> Result<Option<Mount>, Failure> {
        if start.termination.path.is_empty() {
            return Ok(None);
        }
        let file = self.files.open_to_all(&start.owner.uid, &file_of(&start.owner));
        let file =
            file.map_err(|error| Failure::Refused(format!("make the file for the termination message: {error}")))?;
        Ok(Some(Mount {
            typ: Some(MountType::BIND),
            source: Some(file.to_string_lossy().into_owned()),
            target: Some(start.termination.path.clone()),
            ..Mount::default()
        }))
    }

    /// Adds to the facts about a container that has ended what it said of it.
    pub(crate) async fn add_last_words(&self, container: &mut Container, sought: Option<&String>, is_tty: bool) {
        let State::Exited { started_at: Some(_), code, error, .. } = &mut container.state else { return };
        let Some(sought) = sought else { return };
        let mut said = match self.files.reopen(&container.owner.uid, &file_of(&container.owner)) {
            Ok(mut file) => end_of(&mut file).unwrap_or_else(|why| format!("Error on reading termination log: {why}")),
            Err(_) => String::new(),
        };
        if said.is_empty() && sought == FILE_OR_LOG && *code != 0 {
            said = self.end_of_log(&container.id, is_tty).await;
        }
        if !said.is_empty() {
            if !error.is_empty() {
                error.push_str(": ");
            }
            error.push_str(&said);
        }
    }

    /// The end of a log, which is asked for once. One that cannot be had is asked for again with the next look.
    async fn end_of_log(&self, id: &str, is_tty: bool) -> String {
        if let Some(known) = self.last_words.lock().get(id) {
            return known.clone();
        }
        match self.read_end_of_log(id, is_tty).await {
            Ok(said) => {
                self.last_words.lock().insert(id.to_owned(), said.clone());
                said
            }
            Err(error) => {
                tracing::debug!(container = id, %error, "the end of its log cannot be read");
                String::new()
            }
        }
    }

    async fn read_end_of_log(&self, id: &str, is_tty: bool) -> Result<String, Error> {
        let path = format!("/containers/{id}/logs?stdout=1&stderr=1&tail={LOG_LINES_MAX}");
        let body = self.engine.wire.get(&path).await?.into_body().into_data_stream();
        let mut end = Vec::new();
        let mut keep = |octets: &[u8]| {
            end.extend_from_slice(octets);
            end.drain(..end.len().saturating_sub(LOG_OCTETS_MAX));
        };
        if is_tty {
            let mut pieces = body;
            while let Some(piece) = pieces.next().await {
                keep(&piece.map_err(io::Error::other)?);
            }
        } else {
            let mut pieces = Box::pin(frames(StreamReader::new(body.map_err(io::Error::other))));
            while let Some(piece) = pieces.next().await {
                let (Output::Stdout(octets) | Output::Stderr(octets)) = piece?;
                keep(&octets);
            }
        }
        Ok(String::from_utf8_lossy(&end).into_owned())
    }
}

/// The end of what was written, as long as is of interest.
fn end_of(file: &mut (impl Read + Seek)) -> io::Result<String> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(FILE_OCTETS_MAX)))?;
    let mut octets = Vec::new();
    file.take(FILE_OCTETS_MAX).read_to_end(&mut octets)?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

/// The file of one attempt of a container, among those of its pod.
fn file_of(owner: &Owner) -> String {
    format!("end-of-{}-{}", owner.container, owner.attempt)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn the_end_of_a_long_message_counts() {
        let mut long = "x".repeat(5000);
        long.push_str("the reason");
        let end = end_of(&mut Cursor::new(&long)).unwrap();
        assert_eq!((end.len(), &end[4086..]), (4096, "the reason"));
        assert_eq!(end_of(&mut Cursor::new("short")).unwrap(), "short");
    }
}
