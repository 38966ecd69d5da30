//! Connections to a port of a pod, from within its network.
//!
//! A server that listens on localhost alone is reached, and one that trusts localhost trusts whoever comes so, as with a kubelet.
//! The way in is an exec of Docker's in the pod's sandbox, where [the runner](crate::runner) connects its standard input and output
//! to the port; so it works wherever the engine is.

use std::{io, pin::Pin};

use bollard::models::ContainerSummaryStateEnum;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures::{Sink, StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use plan::facts::{PodKey, Role};
use tokio_util::codec::{Encoder, FramedWrite};

use crate::{
    Docker, names,
    runner::{CONNECTED, PATH},
    streams::{ExecOptions, Output, StreamError, Target, stream_error},
};

/// A connection to a port of a pod. Dropping it ends it.
pub struct Tunnel {
    /// What the pod says, until it has closed the connection.
    pub incoming: BoxStream<'static, io::Result<Bytes>>,
    /// What the client says. Empty octets say that it has no more to say.
    pub outgoing: Pin<Box<dyn Sink<Bytes, Error = io::Error> + Send>>,
}

/// What is quoted of an answer that makes no sense, in octets.
const COMPLAINT_BYTES_MAX: usize = 512;

/// What is said where [the runner](crate::runner) is missing for good.
const NOT_BUILT: &str =
    "this petsetd cannot forward ports: the program for it could not be built (the warning of its build says why)";

impl Docker {
    /// Connects to a port of a pod. Errors: the pod does not run, or nobody answers there.
    pub async fn dial(&self, pod: &PodKey, uid: &str, port: u16) -> Result<Tunnel, StreamError> {
        if !self.runners.is_built() {
            return Err(StreamError::Engine(NOT_BUILT.to_owned()));
        }
        let target = Target { pod: pod.clone(), uid: uid.to_owned(), container: String::new() };
        let listed = self.list_pod(pod).await.map_err(stream_error(&target))?;
        let mut ids = listed.into_iter().filter_map(|entry| {
            let owner = names::owner(&self.instance, entry.labels.as_ref()?)?;
            let runs = entry.state == Some(ContainerSummaryStateEnum::RUNNING);
            (owner.role == Role::Sandbox && owner.uid == uid && runs).then_some(entry.id?)
        });
        let id = ids.next().ok_or_else(|| StreamError::Engine("the pod does not run".to_owned()))?;
        let options = ExecOptions {
            command: vec![PATH.to_owned(), "forward".to_owned(), port.to_string()],
            stdin: true,
            stdout: true,
            stderr: true,
            tty: false,
        };
        let session = self.engine.open_exec(id, &options).await.map_err(stream_error(&target))?;
        let mut output = session.output;
        let first = greeting(&mut output).await.map_err(|why| StreamError::Engine(explained(why)))?;
        let stdin = session.stdin.unwrap_or_else(|| Box::pin(tokio::io::sink()));
        // Nothing but what the pod says comes on either stream from now on.
        let rest = output.map_ok(|(Output::Stdout(bytes) | Output::Stderr(bytes))| bytes);
        Ok(Tunnel {
            incoming: stream::iter((!first.is_empty()).then_some(Ok(first))).chain(rest).boxed(),
            outgoing: Box::pin(FramedWrite::new(stdin, Pieces)),
        })
    }
}

/// What comes after the runner's first word. Errors: what was said instead.
async fn greeting(output: &mut BoxStream<'static, io::Result<Output>>) -> Result<Bytes, String> {
    let mut said = BytesMut::new();
    while let Some(piece) = output.next().await {
        match piece {
            Ok(Output::Stdout(mut bytes)) if said.is_empty() && bytes.starts_with(CONNECTED) => {
                bytes.advance(CONNECTED.len());
                return Ok(bytes);
            }
            Ok(Output::Stdout(bytes) | Output::Stderr(bytes)) => {
                let rest = COMPLAINT_BYTES_MAX.saturating_sub(said.len());
                said.extend_from_slice(&bytes[..bytes.len().min(rest)]);
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Err(String::from_utf8_lossy(&said).trim_end().to_owned())
}

/// What to tell a user of an exec that went wrong.
fn explained(said: String) -> String {
    if said.contains(PATH) {
        return "the pod's sandbox has no program that forwards ports: it was made before there was one; delete the pod to have it \
                made again"
            .to_owned();
    }
    if said.is_empty() { "the engine ended the connection".to_owned() } else { said }
}

/// What a client says, as the runner reads it.
#[derive(Debug)]
struct Pieces;

impl Encoder<Bytes> for Pieces {
    type Error = io::Error;

    fn encode(&mut self, mut octets: Bytes, buffer: &mut BytesMut) -> io::Result<()> {
        loop {
            let piece = octets.split_to(octets.len().min(usize::from(u16::MAX)));
            buffer.put_u16_le(piece.len() as u16);
            buffer.put_slice(&piece);
            if octets.is_empty() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::read_piece;

    #[test]
    fn what_is_sent_is_read_and_only_what_is_empty_ends_it() {
        let mut buffer = BytesMut::new();
        let long = Bytes::from(vec![7; 100_000]);
        for octets in [Bytes::from_static(b"hello"), long, Bytes::new()] {
            Pieces.encode(octets, &mut buffer).unwrap();
        }
        let mut input = &buffer[..];
        let pieces: Vec<usize> =
            std::iter::from_fn(|| read_piece(&mut input).unwrap().map(|piece| piece.len())).collect();
        assert_eq!(pieces, [5, 65_535, 34_465, 0]);
    }

    #[tokio::test]
    async fn what_is_said_instead_of_the_greeting_is_told() {
        let said = |pieces: Vec<Output>| stream::iter(pieces.into_iter().map(Ok)).boxed();
        let mut connected = said(vec![Output::Stdout(Bytes::from_static(b"\0HTTP"))]);
        assert_eq!(greeting(&mut connected).await, Ok(Bytes::from_static(b"HTTP")));
        let mut refused = said(vec![Output::Stderr(Bytes::from_static(b"nobody answers"))]);
        assert_eq!(greeting(&mut refused).await, Err("nobody answers".to_owned()));
        let missing = format!("OCI runtime exec failed: exec: \"{PATH}\": stat {PATH}: no such file or directory");
        assert!(explained(missing).contains("delete the pod"));
        assert_eq!(explained(greeting(&mut said(vec![])).await.unwrap_err()), "the engine ended the connection");
    }
}
