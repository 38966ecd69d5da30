//! `token`: what clients show to the daemon.

use std::time::Duration;

use clap::Subcommand;
use serde_json::Value;

use crate::{
    cli::Global,
    client::Client,
    connect::{Instance, connect},
    failure::Failure,
    output::print,
    progress::duration,
};

/// Arguments of `token`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Change the token; the daemon writes the new one into its kubeconfig
    Rotate {
        /// How long the old token still counts, for clients that must be told first: 30s, 1h
        #[arg(long, default_value = "0s", value_parser = duration, value_name = "TIME")]
        grace: Duration,
    },
}

pub(crate) async fn run(global: &Global, arguments: &Arguments) -> Result<(), Failure> {
    let Command::Rotate { grace } = arguments.command;
    rotate(&connect(global).await?, &Instance::of(global), grace).await
}

async fn rotate(client: &Client, instance: &Instance, grace: Duration) -> Result<(), Failure> {
    let path = format!("/petset/v1/token/rotate?graceSeconds={}", grace.as_secs());
    let answer = client.post(&path, &Value::Null).await?;
    let own = instance.kubeconfig();
    // The daemon may be another machine's, or an instance whose directory is elsewhere.
    let token = answer["token"].as_str().unwrap_or_default();
    let is_here = std::fs::read_to_string(&own).is_ok_and(|text| !token.is_empty() && text.contains(token));
    if is_here {
        print::line(&format!("token rotated; {} has the new one", own.display()));
        print::talk("where it was merged into another kubeconfig, merge it again: petctl kubeconfig --merge");
    } else {
        print::line("token rotated; the new one is in the kubeconfig that the daemon has written on its machine");
    }
    if !grace.is_zero() {
        print::talk(&format!("the old one counts for another {} s, at most until the daemon ends", grace.as_secs()));
    }
    Ok(())
}
