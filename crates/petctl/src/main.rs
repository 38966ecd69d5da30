//! The user's hands: build a request, print the answer.
//!
//! Reading order: [`cli`] is what can be said; [`connect`] finds the daemon, [`client`] speaks with it; [`kind`] knows
//! what is served; [`output`] prints; [`command`] has one file per group of commands.
//!
//! Only the public API is used, so whatever petctl can do, `kubectl` and `curl` can do too.
#![allow(clippy::similar_names, reason = "a patch goes to a path")]
#![allow(clippy::struct_excessive_bools, reason = "command lines have flags")]

mod cli;
mod client;
mod command;
mod connect;
mod failure;
mod kind;
mod manifest;
mod merge;
mod output;
mod progress;
mod seek;

use std::process::exit;

use clap::Parser;

use crate::{cli::Cli, failure::Failure, output::print};

fn main() {
    let cli = Cli::parse();
    print::set_colour(cli.global.color);
    // kube leaves the choice of the TLS provider open; an error means that it was made before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => {
            print::error(&format!("error: start the runtime: {source}"));
            exit(1);
        }
    };
    let code = match runtime.block_on(command::run(cli)) {
        Ok(()) => 0,
        Err(Failure::Exit(code)) => code,
        Err(failure) => {
            print::error(&failure.to_string());
            1
        }
    };
    // Not by returning: a thread may still be waiting for standard input.
    exit(code);
}
