//! `edit`: an object in the user's editor.

use std::{
    env, fs,
    io::Write,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    client::{Client, PatchType, with_query},
    failure::{Failure, cause},
    kind::Kinds,
    merge::two_way,
    output::{hide_managed_fields, print, together, yaml},
    seek::{Choice, Found},
};

const HEAD: &str = "\
# Edit the object below. Lines that begin with '#' are ignored, and an empty file gives up the edit. If the
# server refuses the change, this file is opened again with the reasons.
#
";

/// Arguments of `edit`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: Choice,
}

pub(crate) async fn run(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.choice.is_whole_kind() {
        return Err(Failure::message("name the objects to edit"));
    }
    let kinds = Kinds::discover(client).await?;
    for object in arguments.choice.find(client, &kinds).await? {
        edit(client, &object).await?;
    }
    Ok(())
}

async fn edit(client: &Client, object: &Found) -> Result<(), Failure> {
    let mut before = together(vec![object.get(client).await?], true);
    hide_managed_fields(&mut before);
    let original = yaml(&before)?;
    let file = tempfile::Builder::new()
        .prefix("petctl-edit-")
        .suffix(".yaml")
        .tempfile()
        .map_err(Failure::io("make a file to edit"))?;
    let (mut text, mut reasons, mut last) = (original.clone(), String::new(), original.clone());
    loop {
        write(file.path(), &format!("{HEAD}{reasons}{text}"))?;
        open(file.path())?;
        text = without_comments(&fs::read_to_string(file.path()).map_err(Failure::io("read the edited file"))?);
        let is_given_up = text.trim().is_empty() || (!reasons.is_empty() && text == last);
        if is_given_up || text == original {
            print::talk(if is_given_up && text != original {
                "Edit cancelled, no valid changes were saved."
            } else {
                "Edit cancelled, no changes made."
            });
            return if reasons.is_empty() { Ok(()) } else { keep(file, object) };
        }
        last.clone_from(&text);
        let after = match api::body::read_manifest(text.as_bytes()) {
            Ok(documents) => documents.into_iter().next().unwrap_or_default(),
            Err(error) => {
                reasons = comment(&format!("The file is not YAML: {error}"));
                continue;
            }
        };
        let patch = two_way(&before, &after);
        if patch.is_empty() {
            print::line(&format!("{} skipped", object.title()));
            return Ok(());
        }
        let path = with_query(&object.path(), &[("fieldManager", "petctl-edit"), ("fieldValidation", "Strict")]);
        match client.patch(&path, PatchType::Merge, &Value::Object(patch)).await {
            Ok(_) => {
                print::line(&format!("{} edited", object.title()));
                return Ok(());
            }
            Err(failure) if failure.is_invalid() || failure.is_conflict() => reasons = explain(object, &failure),
            Err(failure) => return Err(failure),
        }
    }
}

fn write(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    let mut file = fs::File::create(path).map_err(Failure::io("write the file to edit"))?;
    file.write_all(text.as_bytes()).map_err(Failure::io("write the file to edit"))
}

/// Runs the editor and waits for it.
fn open(path: &std::path::Path) -> Result<(), Failure> {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = ["KUBE_EDITOR", "VISUAL", "EDITOR"].into_iter().find_map(set).unwrap_or_else(|| "vi".to_owned());
    // Through a shell, because editors are given with arguments: `code --wait`.
    let status = Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(path)
        .stdin(Stdio::inherit())
        .status()
        .map_err(Failure::io(format!("start the editor {editor}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::message(format!("the editor \"{editor}\" ended with {status}")))
    }
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect()
}

/// The server's reasons as comments.
fn explain(object: &Found, failure: &Failure) -> String {
    let causes = match failure {
        Failure::Refused(status) => {
            status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default()
        }
        _ => &[],
    };
    let text = match causes {
        [] => failure.to_string(),
        causes => causes.iter().flat_map(|one| ["* ".to_owned(), cause(one), "\n".to_owned()]).collect(),
    };
    comment(&format!("{} was not changed:\n{text}", object.title()))
}

fn comment(text: &str) -> String {
    text.lines().flat_map(|line| ["# ", line, "\n"]).chain(["#\n"]).collect()
}

/// Keeps what the user wrote and says where.
fn keep(file: tempfile::NamedTempFile, object: &Found) -> Result<(), Failure> {
    let (_, path) =
        file.keep().map_err(|error| Failure::Io { what: "keep the edited file".into(), source: error.error })?;
    Err(Failure::message(format!(
        "{} was not changed; a copy of your changes is in {}",
        object.title(),
        path.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_come_and_go() {
        let text = "a: 1\nb: \"# not a comment\"\n";
        let shown = format!("{HEAD}{}{text}", comment("first\nsecond"));
        assert!(shown.contains("# first\n# second\n#\na: 1\n"));
        assert_eq!(without_comments(&shown), text);
    }
}
