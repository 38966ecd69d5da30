//! `patch`: changes to fields, as the user writes them.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::{
    client::{Client, PatchType, with_query},
    failure::Failure,
    kind::Kinds,
    output::{self, Output, print},
    seek::{Choice, Tally},
};

/// Arguments of `patch`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: Choice,
    /// The patch, as JSON or YAML
    #[arg(short = 'p', long, required_unless_present = "patch_file")]
    patch: Option<String>,
    /// A file with the patch
    #[arg(long, conflicts_with = "patch", value_name = "FILE")]
    patch_file: Option<PathBuf>,
    /// How the patch is meant
    #[arg(long = "type", value_enum, default_value = "strategic")]
    kind: PatchType,
    /// Change `status` or `scale` instead
    #[arg(long, value_parser = ["status", "scale"])]
    subresource: Option<String>,
    /// name, yaml, json or jsonpath=TEMPLATE
    #[arg(short = 'o', long)]
    output: Option<Output>,
}

pub(crate) async fn run(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    let text = match (&arguments.patch, &arguments.patch_file) {
        (Some(text), _) => text.clone(),
        (None, Some(path)) => fs::read_to_string(path).map_err(Failure::io(format!("read {}", path.display())))?,
        (None, None) => return Err(Failure::message("give a patch with -p or --patch-file")),
    };
    let patch: Value = serde_saphyr::from_str(&text)
        .map_err(|error| Failure::message(format!("unable to parse \"{text}\": {error}")))?;
    if arguments.choice.is_whole_kind() {
        return Err(Failure::message("name the objects to patch"));
    }
    let kinds = Kinds::discover(client).await?;
    let mut tally = Tally::default();
    for mut object in arguments.choice.find(client, &kinds).await? {
        let Some(before) = tally.keep(object.take(client).await)? else { continue };
        let path = match &arguments.subresource {
            Some(subresource) => format!("{}/{subresource}", object.path()),
            None => object.path(),
        };
        let path = with_query(&path, &[("fieldManager", "petctl-patch")]);
        let Some(after) = tally.keep(client.patch(&path, arguments.kind, &patch).await)? else { continue };
        let is_same = before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"];
        match &arguments.output {
            Some(Output::Yaml) => print::out(&output::yaml(&after)?),
            Some(Output::Json) => print::out(&output::json(&after)?),
            Some(Output::Name) => print::line(&object.title()),
            Some(Output::JsonPath(template)) => print::out(&template.fill(&after)),
            None | Some(Output::Wide | Output::Custom(_)) => {
                print::line(&format!("{} patched{}", object.title(), if is_same { " (no change)" } else { "" }));
            }
        }
    }
    tally.end()
}
