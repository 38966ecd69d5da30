//! `delete`: and wait until the objects are gone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    client::Client,
    failure::Failure,
    kind::Kinds,
    output::print,
    progress::{Progress, duration},
    seek::{Choice, Found, Tally},
};

/// What becomes of the objects that the deleted one owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Cascade {
    /// They are deleted too, afterwards
    #[default]
    #[value(alias = "true")]
    Background,
    /// They are deleted too, before
    Foreground,
    /// They stay
    #[value(alias = "false")]
    Orphan,
}

/// Arguments of `delete`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: Choice,
    /// All of the kind in the namespace
    #[arg(long)]
    all: bool,
    /// Seconds that containers get to end by themselves
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    grace_period: Option<i64>,
    /// With --grace-period=0: do not wait for containers to end
    #[arg(long)]
    force: bool,
    /// The same as --grace-period=1
    #[arg(long, conflicts_with_all = ["grace_period", "force"])]
    now: bool,
    /// What becomes of the objects that the deleted ones own
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    cascade: Cascade,
    /// Return only when the objects are gone
    #[arg(long, default_value_t = true, num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set, value_name = "BOOL")]
    wait: bool,
    /// How long to wait; 0s is without end
    #[arg(long, default_value = "0s", value_parser = duration)]
    timeout: Duration,
    /// An object that does not exist is no error
    #[arg(long)]
    ignore_not_found: bool,
    /// `name` prints `kind/name` only
    #[arg(short = 'o', long, value_parser = ["name"])]
    output: Option<String>,
}

pub(crate) async fn run(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.choice.is_whole_kind() && !arguments.all {
        return Err(Failure::message(
            "resource(s) were provided, but no name was specified: name them, or use -l or --all",
        ));
    }
    let options = options(arguments)?;
    if arguments.force {
        print::warning(
            "Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.",
        );
    }
    let kinds = Kinds::discover(client).await?;
    let found = arguments.choice.find(client, &kinds).await?;
    if found.is_empty() {
        print::talk("No resources found");
        return Ok(());
    }
    let mut tally = Tally::default();
    let mut going: Vec<(Found, Option<String>)> = Vec::new();
    for object in found {
        let answer = match client.delete(&object.path(), &options).await {
            Err(failure) if failure.is_not_found() && (arguments.ignore_not_found || arguments.all) => continue,
            result => tally.keep(result)?,
        };
        let Some(answer) = answer else { continue };
        say(&object, arguments);
        // A Status has the uid in its details, an object that is still ending in its metadata.
        let uid = answer["metadata"]["uid"].as_str().or(answer["details"]["uid"].as_str()).map(str::to_owned);
        going.push((object, uid));
    }
    if arguments.wait {
        let end = (!arguments.timeout.is_zero()).then(|| Instant::now() + arguments.timeout);
        for (object, uid) in &going {
            gone(client, object, uid.as_deref(), end).await?;
        }
    }
    tally.end()
}

fn options(arguments: &Arguments) -> Result<Value, Failure> {
    let policy = match arguments.cascade {
        Cascade::Background => "Background",
        Cascade::Foreground => "Foreground",
        Cascade::Orphan => "Orphan",
    };
    let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy});
    let grace = match (arguments.grace_period, arguments.force, arguments.now) {
        // As kubectl: zero without force is the shortest that still lets containers end.
        (_, _, true) | (Some(0), false, _) => Some(1),
        (None, true, _) => Some(0),
        (Some(seconds), true, _) if seconds > 0 => {
            return Err(Failure::message("--force and --grace-period greater than 0 cannot be specified together"));
        }
        (Some(seconds), ..) if seconds < 0 => None,
        (seconds, ..) => seconds,
    };
    if let Some(seconds) = grace {
        options["gracePeriodSeconds"] = seconds.into();
    }
    Ok(options)
}

fn say(object: &Found, arguments: &Arguments) {
    if arguments.output.is_some() {
        print::line(&object.title());
    } else {
        let how = if arguments.force { "force deleted" } else { "deleted" };
        print::line(&format!("{} \"{}\" {how}", object.kind.qualified_singular(), object.name));
    }
}

/// Waits until the object is gone, or another one has its name.
async fn gone(client: &Client, object: &Found, uid: Option<&str>, end: Option<Instant>) -> Result<(), Failure> {
    let mut progress = Progress::about(client, &object.namespace, &object.kind.kind, &object.name);
    loop {
        match object.get(client).await {
            Err(failure) if failure.is_not_found() => return Ok(()),
            Err(failure) => return Err(failure),
            Ok(now) if uid.is_some() && now["metadata"]["uid"].as_str() != uid => return Ok(()),
            Ok(_) => {}
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            return Err(Failure::message(format!("timed out waiting for {} to be gone", object.title())));
        }
        progress.pause().await?;
    }
}
