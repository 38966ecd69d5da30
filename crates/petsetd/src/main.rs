//! Reads configuration, wires the parts, waits for a signal.

mod config;
mod credentials;
mod host;
mod instance;
mod logging;
mod private;
mod setting;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use jiff::Timestamp;

use config::{Config, ConfigError};
use credentials::Credentials;
use host::Host;
use instance::{Endpoint, Instance};
use setting::Sources;
use store::Store;
use tokio::signal::unix::{SignalKind, signal};

/// The exit code for a command line or a configuration that is no use, as of clap.
const EXIT_USAGE: u8 = 2;

/// Where the store is in the data directory.
const STORE_DIR: &str = "store";

fn main() -> ExitCode {
    let matches = command().get_matches();
    let outcome = match matches.subcommand() {
        Some(("config", of_config)) => load(&matches).map(|config| {
            show(&config, of_config.get_flag("show-origin"));
            Ok(())
        }),
        Some(("version", _)) => {
            say(&format!("petsetd {}", version()));
            return ExitCode::SUCCESS;
        }
        Some(_) | None => load(&matches).map(|config| run(&config)),
    };
    match outcome {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("petsetd: {error:#}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("petsetd: {:#}", anyhow::Error::from(error));
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn command() -> Command {
    let file =
        Arg::new("config").long("config").value_name("FILE").value_parser(value_parser!(PathBuf)).global(true).help(
            "A TOML file of settings, under the flags' names [env: PETSET_CONFIG] [default: \
               $XDG_CONFIG_HOME/petset/petsetd.toml; as root /etc/petset/petsetd.toml]",
        );
    let origin =
        Arg::new("show-origin").long("show-origin").action(ArgAction::SetTrue).help("Say where each value comes from");
    Command::new("petsetd")
        .about("Runs PetSets on this machine's Docker")
        .version(env!("CARGO_PKG_VERSION"))
        .arg(file)
        .args(setting::arguments())
        .subcommand(Command::new("run").about("Run the daemon (what petsetd does without a command)"))
        .subcommand(Command::new("config").about("Print every setting as it would be used").arg(origin))
        .subcommand(Command::new("version").about("Print the version"))
}

fn load(matches: &ArgMatches) -> Result<Config, ConfigError> {
    // Names and values that are not Unicode are nobody's setting.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let sources = Sources::new(matches, variables);
    let named = matches.get_one::<PathBuf>("config").cloned();
    let named = named.or_else(|| sources.variable("PETSET_CONFIG").map(PathBuf::from));
    Config::load(sources, named.as_deref(), nix::unistd::geteuid().is_root())
}

fn show(config: &Config, with_origin: bool) {
    let width = config.shown.iter().map(|shown| shown.name.len() + shown.value.len()).max().unwrap_or_default();
    let lines = config.shown.iter().map(|shown| {
        let line = format!("{} = {}", shown.name, shown.value);
        if with_origin { format!("{line:width$}  # {}", shown.origin, width = width + 3) } else { line }
    });
    say(&lines.collect::<Vec<_>>().join("\n"));
}

/// Prints a line; a reader that has gone away is no failure.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The version, with the commit where the build knew it.
fn version() -> String {
    match option_env!("PETSET_COMMIT") {
        Some(commit) => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
        None => env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Runs the daemon until a signal.
fn run(config: &Config) -> anyhow::Result<()> {
    logging::begin(&config.log, config.log_format);
    let instance = Instance::claim(config)?;
    let host = Host::read();
    let store = Store::open_sled(&config.data_dir.join(STORE_DIR))?;
    let credentials = Credentials::load(config, &host.name, Timestamp::now())?;
    let socket = instance.listen()?;
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let outcome = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("listen on {} (--listen takes another address)", config.listen))?;
        let address = listener.local_addr()?;
        credentials.write_kubeconfig(config, address)?;
        let Credentials { token, tls, .. } = credentials;
        // wiring
        drop((token, tls, listener, socket, &store));
        instance.announce(&Endpoint {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            url: credentials::url(address),
            socket: config.socket.clone(),
            dns: config.dns_listen,
            kubeconfig: config.data_dir.join(credentials::KUBECONFIG_FILE),
        })?;
        told_to_stop().await
    });
    store.close();
    instance.leave();
    outcome
}

/// Waits for SIGTERM or SIGINT.
async fn told_to_stop() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("wait for SIGINT")?;
    // Both are cancel-safe, and one is enough.
    tokio::select! {
        _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "stopping"),
        _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "stopping"),
    }
    Ok(())
}
