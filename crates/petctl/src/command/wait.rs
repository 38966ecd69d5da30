//! `wait`: until a condition, a value, a creation or a deletion.

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    client::Client,
    failure::Failure,
    kind::Kinds,
    output::{Template, print},
    progress::{Progress, duration},
    seek::{Choice, Found},
};

/// Arguments of `wait`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: Choice,
    /// condition=NAME[=VALUE], delete, create, or jsonpath={.path}[=VALUE]
    #[arg(long = "for", value_name = "WHAT")]
    goal: Goal,
    /// How long to wait: 0s looks once, a negative number waits a week
    #[arg(long, default_value = "30s", value_parser = timeout, allow_negative_numbers = true)]
    timeout: Duration,
    /// All of the kind in the namespace
    #[arg(long)]
    all: bool,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
enum Goal {
    Delete,
    Create,
    /// A condition's type, in lower case, and its status.
    Condition(String, String),
    /// A path, and the value there; any value where none is given.
    Path(Template, Option<String>),
}

impl FromStr for Goal {
    type Err = String;

    fn from_str(text: &str) -> Result<Goal, String> {
        if text.eq_ignore_ascii_case("delete") {
            return Ok(Goal::Delete);
        }
        if text.eq_ignore_ascii_case("create") {
            return Ok(Goal::Create);
        }
        if let Some(condition) = text.strip_prefix("condition=") {
            let (name, value) = condition.split_once('=').unwrap_or((condition, "true"));
            return Ok(Goal::Condition(name.to_ascii_lowercase(), value.to_ascii_lowercase()));
        }
        if let Some(path) = text.strip_prefix("jsonpath=") {
            let path = path.trim_matches('\'');
            // The value follows the closing brace: a filter in the path has equals signs of its own.
            let (path, value) = match path.rfind('}') {
                Some(end) => (&path[..=end], path[end + 1..].strip_prefix('=')),
                None => path.split_once('=').map_or((path, None), |(path, value)| (path, Some(value))),
            };
            return Ok(Goal::Path(Template::parse(path)?, value.map(str::to_owned)));
        }
        Err("wait for condition=NAME, delete, create or jsonpath={.path}=VALUE".to_owned())
    }
}

impl Goal {
    /// Whether the object, or its absence, is what is waited for.
    fn is_met(&self, object: Option<&Value>) -> bool {
        match (self, object) {
            (Goal::Delete, object) => object.is_none(),
            (_, None) => false,
            (Goal::Create, Some(_)) => true,
            (Goal::Condition(name, value), Some(object)) => {
                let is = |value: &Value, wanted: &str| value.as_str().is_some_and(|v| v.eq_ignore_ascii_case(wanted));
                let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
                conditions.any(|condition| is(&condition["type"], name) && is(&condition["status"], value))
            }
            (Goal::Path(path, None), Some(object)) => !path.find(object).is_empty(),
            (Goal::Path(path, Some(value)), Some(object)) => {
                matches!(path.find(object).as_slice(), [found] if said(found) == *value)
            }
        }
    }
}

fn said(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn timeout(text: &str) -> Result<Duration, String> {
    if text.starts_with('-') { Ok(Duration::from_hours(7 * 24)) } else { duration(text) }
}

pub(crate) async fn run(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.choice.is_whole_kind() && !arguments.all {
        return Err(Failure::message("name the objects, or use -l or --all"));
    }
    let kinds = Kinds::discover(client).await?;
    let end = Instant::now() + arguments.timeout;
    let found = arguments.choice.find(client, &kinds).await?;
    if found.is_empty() && arguments.goal != Goal::Delete {
        return Err(Failure::message("no matching resources found"));
    }
    for object in &found {
        wait(client, arguments, object, end).await?;
        print::line(&format!("{} condition met", object.title()));
    }
    Ok(())
}

async fn wait(client: &Client, arguments: &Arguments, object: &Found, end: Instant) -> Result<(), Failure> {
    let mut progress = Progress::about(client, &object.namespace, &object.kind.kind, &object.name);
    let mut uid = None;
    loop {
        let now = match object.get(client).await {
            Ok(now) => Some(now),
            // Only those that wait for it may miss it.
            Err(failure) if failure.is_not_found() && matches!(arguments.goal, Goal::Delete | Goal::Create) => None,
            Err(failure) => return Err(failure),
        };
        if arguments.goal.is_met(now.as_ref()) {
            return Ok(());
        }
        // A new object of the same name means that the old one is gone.
        let seen = now.and_then(|now| now["metadata"]["uid"].as_str().map(str::to_owned));
        if arguments.goal == Goal::Delete && uid.is_some() && seen.is_some() && uid != seen {
            return Ok(());
        }
        uid = uid.or(seen);
        if Instant::now() >= end {
            let title = format!("{}/{}", object.kind.qualified_plural(), object.name);
            return Err(Failure::message(format!("timed out waiting for the condition on {title}")));
        }
        progress.pause().await?;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_met(goal: &str) -> bool {
        let object = json!({"status": {"phase": "Running", "replicas": 2,
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "Initialized", "status": "False"}]}});
        goal.parse::<Goal>().unwrap().is_met(Some(&object))
    }

    #[test]
    fn knows_what_is_waited_for() {
        let table = [
            ("condition=Ready", true),
            ("condition=ready=True", true),
            ("condition=Initialized", false),
            ("condition=Initialized=false", true),
            ("condition=Other", false),
            ("jsonpath={.status.phase}=Running", true),
            ("jsonpath={.status.phase}", true),
            ("jsonpath=.status.replicas=2", true),
            ("jsonpath={.status.conditions[?(@.type==\"Ready\")].status}=True", true),
            ("jsonpath={.status.none}", false),
            ("create", true),
            ("delete", false),
        ];
        for (goal, expected) in table {
            assert_eq!(is_met(goal), expected, "{goal}");
        }
        assert!(Goal::Delete.is_met(None));
        assert!("ready".parse::<Goal>().is_err());
    }
}
