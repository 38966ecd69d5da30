//! `logs`: what a container has written.

use std::time::Duration;

use crate::{
    client::{Client, with_query},
    command::{default_container, pod_name},
    failure::Failure,
    progress::duration,
};

/// Arguments of `logs`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The pet
    pod: String,
    /// The container, where the pet has several
    #[arg(conflicts_with = "container")]
    container_word: Option<String>,
    /// The container, where the pet has several
    #[arg(short = 'c', long)]
    container: Option<String>,
    /// Go on until the container ends
    #[arg(short = 'f', long)]
    follow: bool,
    /// Of the container before the present one
    #[arg(short = 'p', long)]
    previous: bool,
    /// So many lines from the end
    #[arg(long, allow_negative_numbers = true, value_name = "LINES")]
    tail: Option<i64>,
    /// Not older than this: 5m, 1h
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    since: Option<Duration>,
    /// Not before this: 2026-01-02T15:04:05Z
    #[arg(long, conflicts_with = "since", value_name = "TIME")]
    since_time: Option<String>,
    /// Each line with its time
    #[arg(long)]
    timestamps: bool,
    /// At most so many bytes
    #[arg(long, value_name = "BYTES")]
    limit_bytes: Option<u64>,
}

pub(crate) async fn run(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    let name = pod_name(&arguments.pod)?;
    let path = format!("/api/v1/namespaces/{}/pods/{name}", client.namespace);
    let pod = client.get(&path).await?;
    let container = arguments.container.clone().or_else(|| arguments.container_word.clone());
    let container = container.or_else(|| default_container(&pod));
    let parameters = parameters(arguments, container.as_deref());
    let parameters: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    client.copy(&with_query(&format!("{path}/log"), &parameters)).await
}

fn parameters(arguments: &Arguments, container: Option<&str>) -> Vec<(&'static str, String)> {
    let mut parameters = Vec::new();
    if let Some(container) = container {
        parameters.push(("container", container.to_owned()));
    }
    for (name, is_asked) in
        [("follow", arguments.follow), ("previous", arguments.previous), ("timestamps", arguments.timestamps)]
    {
        if is_asked {
            parameters.push((name, "true".to_owned()));
        }
    }
    // As kubectl: a negative number means all.
    if let Some(lines) = arguments.tail.filter(|lines| *lines >= 0) {
        parameters.push(("tailLines", lines.to_string()));
    }
    if let Some(since) = arguments.since {
        // Whole seconds, at least one: rounding down could hide what was asked for.
        parameters.push(("sinceSeconds", since.as_secs_f64().ceil().max(1.0).to_string()));
    }
    if let Some(since) = &arguments.since_time {
        parameters.push(("sinceTime", since.clone()));
    }
    if let Some(limit) = arguments.limit_bytes {
        parameters.push(("limitBytes", limit.to_string()));
    }
    parameters
}
