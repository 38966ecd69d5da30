//! `label` and `annotate`.

use serde_json::{Map, Value, json};

use crate::{
    client::{Client, PatchType, with_query},
    failure::Failure,
    kind::Kinds,
    output::print,
    seek::{Choice, Found, Tally},
};

/// Which map of the metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// `metadata.labels`.
    Labels,
    /// `metadata.annotations`.
    Annotations,
}

impl What {
    fn field(self) -> &'static str {
        match self {
            What::Labels => "labels",
            What::Annotations => "annotations",
        }
    }

    fn done(self) -> &'static str {
        match self {
            What::Labels => "labeled",
            What::Annotations => "annotated",
        }
    }
}

/// Arguments of `label` and `annotate`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: Choice,
    /// Change values that are there
    #[arg(long)]
    overwrite: bool,
    /// All of the kind in the namespace
    #[arg(long)]
    all: bool,
}

pub(crate) async fn run(client: &Client, arguments: &Arguments, what: What) -> Result<(), Failure> {
    let (changes, objects): (Vec<String>, Vec<String>) =
        arguments.choice.objects.iter().cloned().partition(|word| is_change(word));
    if changes.is_empty() {
        return Err(Failure::message(format!(
            "at least one {} update is required: NAME=VALUE, or NAME- to remove",
            &what.field()[..what.field().len() - 1]
        )));
    }
    let choice = Choice { objects, ..arguments.choice.clone() };
    if choice.is_whole_kind() && !arguments.all {
        return Err(Failure::message("name the objects, or use -l or --all"));
    }
    let kinds = Kinds::discover(client).await?;
    let mut tally = Tally::default();
    for mut object in choice.find(client, &kinds).await? {
        let result = change(client, arguments, what, &changes, &mut object).await;
        tally.keep(result)?;
    }
    tally.end()
}

fn is_change(word: &str) -> bool {
    word.contains('=') || word.ends_with('-')
}

async fn change(
    client: &Client,
    arguments: &Arguments,
    what: What,
    changes: &[String],
    object: &mut Found,
) -> Result<(), Failure> {
    let before = object.take(client).await?;
    let patch = patch(&before["metadata"][what.field()], changes, arguments.overwrite)?;
    if patch.is_empty() {
        print::line(&format!("{} not {}", object.title(), what.done()));
        return Ok(());
    }
    let is_removal = patch.values().all(Value::is_null);
    let patch = json!({"metadata": {what.field(): patch}});
    let path = with_query(&object.path(), &[("fieldManager", "petctl-label")]);
    client.patch(&path, PatchType::Merge, &patch).await?;
    let done = match what {
        // As in kubectl, which has such a word for labels alone.
        What::Labels if is_removal => "unlabeled",
        What::Labels | What::Annotations => what.done(),
    };
    print::line(&format!("{} {done}", object.title()));
    Ok(())
}

/// The entries to set, and those to remove as null.
fn patch(now: &Value, changes: &[String], overwrite: bool) -> Result<Map<String, Value>, Failure> {
    let mut patch = Map::new();
    for change in changes {
        let Some((name, value)) = change.split_once('=') else {
            let name = change.trim_end_matches('-');
            if !now[name].is_null() {
                patch.insert(name.to_owned(), Value::Null);
            }
            continue;
        };
        match now[name].as_str() {
            Some(old) if old == value => {}
            Some(old) if !overwrite => {
                return Err(Failure::message(format!(
                    "'{name}' already has a value ({old}), and --overwrite is false"
                )));
            }
            _ => {
                patch.insert(name.to_owned(), value.into());
            }
        }
    }
    Ok(patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_and_removes_and_does_not_overwrite_unasked() {
        let now = json!({"a": "1", "b": "2"});
        let say = |changes: &[&str], overwrite| {
            let changes: Vec<String> = changes.iter().map(|c| (*c).to_owned()).collect();
            patch(&now, &changes, overwrite).map(Value::Object).map_err(|failure| failure.to_string())
        };
        assert_eq!(say(&["a=1", "b-", "c=3=4", "d-"], false), Ok(json!({"b": null, "c": "3=4"})));
        assert_eq!(say(&["a=2"], false), Err("error: 'a' already has a value (1), and --overwrite is false".into()));
        assert_eq!(say(&["a=2"], true), Ok(json!({"a": "2"})));
    }
}
