//! Images: which are here, and fetching one.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::{Duration, Instant},
};

use bollard::{
    auth::DockerCredentials, errors::Error, models::CreateImageInfo, query_parameters::CreateImageOptionsBuilder,
};
use futures::{StreamExt, TryStreamExt, stream};
use plan::{
    action::{Credentials, Done, Failure},
    pod::Image,
};

use crate::{
    Engine,
    failure::{failure, found},
};

/// Inspections at once: enough to hide the latency of a local socket.
pub(crate) const INSPECTIONS_MAX: usize = 8;

/// Between two lines about the progress of a pull.
const PROGRESS_PERIOD: Duration = Duration::from_secs(5);

/// A layer that makes no progress for so long will not: the registry or the network is gone.
const STALL_TIMEOUT: Duration = Duration::from_mins(5);

impl Engine {
    /// Those of these references that the engine has.
    pub(crate) async fn present_images(
        &self,
        references: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Image>, Failure> {
        let references: Vec<String> = references.iter().filter(|reference| is_reference(reference)).cloned().collect();
        let inspected: Vec<_> = stream::iter(references)
            .map(|reference| self.inspect_reference(reference))
            .buffer_unordered(INSPECTIONS_MAX)
            .try_collect()
            .await?;
        Ok(inspected.into_iter().flatten().collect())
    }

    async fn inspect_reference(&self, reference: String) -> Result<Option<(String, Image)>, Failure> {
        let Some(image) = found(self.reads.inspect_image(&reference).await).map_err(failure)? else { return Ok(None) };
        let config = image.config.unwrap_or_default();
        let user = config.user.unwrap_or_default();
        let env = config.env.unwrap_or_default().into_iter().map(|variable| match variable.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (variable, String::new()),
        });
        Ok(Some((reference, Image { id: image.id.unwrap_or_default(), env: env.collect(), user })))
    }

    /// Fetches an image from its registry, with each of these credentials until one opens it; without any where there are none.
    pub(crate) async fn pull(&self, reference: &str, credentials: &[Credentials]) -> Result<Done, Failure> {
        if !is_reference(reference) {
            return Err(Failure::Image(format!("couldn't parse image name \"{reference}\": invalid reference format")));
        }
        if credentials.is_empty() {
            return self.pull_with(reference, None).await;
        }
        let mut refusals = Vec::new();
        for credentials in credentials {
            match self.pull_with(reference, Some(credentials)).await {
                Err(Failure::Image(why)) => refusals.push(why),
                done => return done,
            }
        }
        Err(Failure::Image(together(refusals)))
    }

    async fn pull_with(&self, reference: &str, credentials: Option<&Credentials>) -> Result<Done, Failure> {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        let credentials = credentials.map(|credentials| DockerCredentials {
            username: given(&credentials.username),
            password: given(&credentials.password),
            serveraddress: given(&credentials.server),
            identitytoken: given(&credentials.identity),
            ..DockerCredentials::default()
        });
        let began = Instant::now();
        let options = CreateImageOptionsBuilder::default().from_image(&with_tag(reference)).build();
        let mut lines = self.api.create_image(Some(options), None, credentials).boxed();
        let mut layers = Layers::default();
        let mut told = Instant::now();
        loop {
            let line = tokio::time::timeout(STALL_TIMEOUT, lines.next()).await.map_err(|_| {
                Failure::Image(format!("no progress in pulling {reference} for {} s", STALL_TIMEOUT.as_secs()))
            })?;
            match line {
                None => break,
                Some(Ok(line)) => layers.note(line),
                Some(Err(
                    Error::DockerResponseServerError { message, .. } | Error::DockerStreamError { error: message },
                )) => {
                    return Err(Failure::Image(message));
                }
                Some(Err(error)) => return Err(failure(error)),
            }
            if told.elapsed() >= PROGRESS_PERIOD {
                told = Instant::now();
                let (done, total) = layers.sum();
                tracing::info!(image = reference, done, total, "pulling");
            }
        }
        let image = found(self.reads.inspect_image(reference).await).map_err(failure)?;
        let image = image.ok_or_else(|| Failure::Image(format!("{reference} was pulled and is gone again")))?;
        Ok(Done::Pulled { took: began.elapsed(), size: image.size.unwrap_or_default().unsigned_abs() })
    }
}

/// Several refusals in one sentence, each but once, as the kubelet puts them together (`errors.Aggregate`).
fn together(mut refusals: Vec<String>) -> String {
    let mut seen = HashSet::new();
    refusals.retain(|why| seen.insert(why.clone()));
    match &refusals[..] {
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// How far each layer has been downloaded: octets done and expected.
#[derive(Default)]
struct Layers(BTreeMap<String, (i64, i64)>);

impl Layers {
    fn note(&mut self, line: CreateImageInfo) {
        let (Some(id), Some(progress)) = (line.id, line.progress_detail) else { return };
        if let (Some(current), Some(total)) = (progress.current, progress.total) {
            self.0.insert(id, (current, total));
        }
    }

    fn sum(&self) -> (i64, i64) {
        self.0.values().fold((0, 0), |(done, total), (current, of)| (done + current, total + of))
    }
}

/// Whether a string may be an image reference. What it names goes into a URL, so this keeps it one path.
fn is_reference(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"._-/:@".contains(&octet))
        && text.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

/// Without a tag the engine would fetch every tag that there is.
fn with_tag(reference: &str) -> String {
    let last = reference.rsplit('/').next().unwrap_or(reference);
    if last.contains([':', '@']) { reference.to_owned() } else { format!("{reference}:latest") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_untagged_image_means_its_latest() {
        assert_eq!(with_tag("nginx"), "nginx:latest");
        assert_eq!(with_tag("host:5000/nginx"), "host:5000/nginx:latest");
        assert_eq!(with_tag("host:5000/nginx:1.7"), "host:5000/nginx:1.7");
        assert_eq!(with_tag("nginx@sha256:00"), "nginx@sha256:00");
    }

    #[test]
    fn a_reference_stays_one_path() {
        for good in ["nginx", "registry.example/slim/nginx:0.8", "host:5000/a@sha256:00"] {
            assert!(is_reference(good), "{good}");
        }
        for bad in ["", "../version", "a//b", "a?b", "a b", "a/./b", "a%2Fb", "ä"] {
            assert!(!is_reference(bad), "{bad}");
        }
    }

    #[test]
    fn what_each_credential_was_refused_for_is_told_once() {
        let said = |refusals: &[&str]| together(refusals.iter().map(|&why| why.to_owned()).collect());
        assert_eq!(said(&["unauthorized"]), "unauthorized");
        assert_eq!(said(&["unauthorized", "unauthorized"]), "unauthorized");
        assert_eq!(said(&["unauthorized", "denied", "unauthorized"]), "[unauthorized, denied]");
    }

    #[test]
    fn progress_is_the_sum_over_layers() {
        let line = |id: &str, current| CreateImageInfo {
            id: Some(id.to_owned()),
            progress_detail: Some(bollard::models::ProgressDetail { current: Some(current), total: Some(100) }),
            ..CreateImageInfo::default()
        };
        let mut layers = Layers::default();
        for line in [line("a", 10), line("b", 20), line("a", 30), CreateImageInfo::default()] {
            layers.note(line);
        }
        assert_eq!(layers.sum(), (50, 200));
    }
}
