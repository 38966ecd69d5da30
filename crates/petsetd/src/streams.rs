//! The docker crate's streams in the server's words, and the server's tokens in the loop's: these crates do not know each other.

use std::{collections::BTreeSet, io, sync::Arc};

use api::usage::Sample;
use async_trait::async_trait;
use bytes::Bytes;
use controller::Mint;
use docker::Docker;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use jiff::Timestamp;
use plan::{config::Ask, facts::PodKey};
use server::Server;
use server::streams::{ExecOptions, LogOptions, Output, Pod, Session, StreamError, Streams, Target, Tunnel};

/// The way to the running containers, for the server.
pub(crate) struct DockerStreams(pub(crate) Arc<Docker>);

/// The tokens that the server makes, for the loop.
pub(crate) struct PodTokens(pub(crate) Server);

impl Mint for PodTokens {
    fn token(&self, pod: &PodKey, uid: &str, ask: &Ask) -> Result<(String, Timestamp), String> {
        self.0.token_for_pod(&pod.namespace, &pod.name, uid, &ask.audience, ask.seconds)
    }
}

#[async_trait]
impl Streams for DockerStreams {
    async fn logs(
        &self,
        target: &Target,
        options: &LogOptions,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, StreamError> {
        let options = docker::streams::LogOptions {
            follow: options.follow,
            previous: options.previous,
            since: options.since,
            tail: options.tail,
            timestamps: options.timestamps,
        };
        self.0.logs(&theirs(target), &options).await.map_err(refusal)
    }

    async fn exec(&self, target: &Target, options: &ExecOptions) -> Result<Session, StreamError> {
        let options = docker::streams::ExecOptions {
            command: options.command.clone(),
            stdin: options.stdin,
            stdout: options.stdout,
            stderr: options.stderr,
            tty: options.tty,
        };
        let session = self.0.exec(&theirs(target), &options).await.map_err(refusal)?;
        let piece = |piece| match piece {
            docker::streams::Output::Stdout(bytes) => Output::Stdout(bytes),
            docker::streams::Output::Stderr(bytes) => Output::Stderr(bytes),
        };
        Ok(Session {
            stdin: session.stdin,
            output: session.output.map_ok(piece).boxed(),
            resize: session.resize,
            exit: session.exit,
        })
    }

    async fn dial(&self, pod: &Pod, port: u16) -> Result<Tunnel, StreamError> {
        let tunnel = self.0.dial(&key(pod), &pod.uid, port).await.map_err(refusal)?;
        Ok(Tunnel { incoming: tunnel.incoming, outgoing: tunnel.outgoing })
    }

    async fn usage(&self, uids: &BTreeSet<String>) -> Result<Vec<Sample>, StreamError> {
        let sample = |usage: docker::usage::Usage| Sample {
            pod_uid: usage.pod_uid,
            container: usage.container,
            cpu_nanos: usage.cpu_nanos,
            memory_bytes: usage.memory_bytes,
            at: usage.at,
            window: usage.window,
        };
        let usages = self.0.usage(uids).await.map_err(refusal)?;
        Ok(usages.into_iter().map(sample).collect())
    }
}

fn theirs(target: &Target) -> docker::streams::Target {
    docker::streams::Target { pod: key(&target.pod), uid: target.pod.uid.clone(), container: target.container.clone() }
}

fn key(pod: &Pod) -> PodKey {
    PodKey { namespace: pod.namespace.clone(), name: pod.name.clone() }
}

fn refusal(error: docker::streams::StreamError) -> StreamError {
    match error {
        docker::streams::StreamError::NotFound(container) => StreamError::NotFound(container),
        docker::streams::StreamError::NoPrevious { pod, container } => StreamError::NoPrevious { pod, container },
        docker::streams::StreamError::Engine(message) => StreamError::Engine(message),
    }
}
