//! Reads configuration, wires the parts, waits for a signal.

mod backup;
mod config;
mod credentials;
mod daemon;
mod files;
mod host;
mod instance;
mod keeper;
mod logging;
mod named;
mod private;
mod seed;
mod setting;
mod signer;
mod streams;
mod wall;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use config::{Config, ConfigError};
use instance::Instance;
use setting::Sources;
use store::Present;
use tokio::signal::unix::{SignalKind, signal};

/// The exit code for a command line or a configuration that is no use, as of clap.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    files::open_as_many_as_allowed();
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
        Some(("backup", of_backup)) => load(&matches).map(|config| backup::backup(&config, file_of(of_backup))),
        Some(("restore", of_restore)) => load(&matches).map(|config| {
            let present = if of_restore.get_flag("force") { Present::PutAside } else { Present::Keep };
            backup::restore(&config, file_of(of_restore), present).map(|done| say(&done))
        }),
        Some(("purge", of_purge)) => load(&matches).map(|config| purge(&config, of_purge.get_flag("yes"))),
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
        .subcommand(
            Command::new("backup")
                .about("Write every object, at one moment, to a file; the daemon may run meanwhile")
                .after_help(
                    "The file is readable by its owner alone, and gets its name when it is whole. It holds the API's \
                     objects; not the data in the pods' volumes, nor the token and the certificates.",
                )
                .arg(backup_file("The file to write; - is standard output")),
        )
        .subcommand(
            Command::new("restore")
                .about("Put a backup in the place of a stopped instance's objects")
                .after_help(
                    "A backup that is cut short or changed is refused, and nothing is touched. Clients list again \
                     afterwards: the revisions go on far above those that they have seen.",
                )
                .arg(backup_file("The file to read; - is standard input"))
                .arg(
                    Arg::new("force")
                        .long("force")
                        .action(ArgAction::SetTrue)
                        .help("Where there are objects already, put their store aside, under a name beside its own"),
                ),
        )
        .subcommand(
            Command::new("purge")
                .about("Remove everything that an instance has made: containers, volumes, network, data")
                .arg(Arg::new("yes").long("yes").action(ArgAction::SetTrue).help("Do it")),
        )
        .subcommand(Command::new("config").about("Print every setting as it would be used").arg(origin))
        .subcommand(Command::new("version").about("Print the version"))
}

fn backup_file(help: &'static str) -> Arg {
    Arg::new("FILE").required(true).value_parser(value_parser!(PathBuf)).help(help)
}

fn file_of(matches: &ArgMatches) -> &Path {
    matches.get_one::<PathBuf>("FILE").expect("clap requires it")
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
    // Before the runtime has threads: it changes the mask of new files for a moment.
    let socket = instance.listen()?;
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let outcome = runtime.block_on(async {
        let told = told_to_stop()?;
        daemon::run(config, &instance, socket, told).await
    });
    instance.leave();
    outcome
}

/// Removes everything of an instance, when asked twice.
fn purge(config: &Config, is_sure: bool) -> anyhow::Result<()> {
    if !is_sure {
        anyhow::bail!(
            "this removes every pod, volume and object of instance `{}` and its data in {}: add --yes to do it",
            config.instance,
            config.data_dir.display()
        );
    }
    let instance = Instance::claim(config)?;
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(daemon::purge(config, instance))
}

/// Resolves on SIGTERM or SIGINT, both of which are heard from now on.
fn told_to_stop() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("wait for SIGINT")?;
    Ok(async move {
        // Both are cancel-safe, and one is enough.
        tokio::select! {
            _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "stopping; pods go on running"),
            _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "stopping; pods go on running"),
        }
    })
}
