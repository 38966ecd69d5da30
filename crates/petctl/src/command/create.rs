//! `create`: new objects from manifests.

use serde_json::{Value, json};

use crate::{
    cli::Global,
    client::{Client, with_query},
    command::scale,
    failure::Failure,
    kind::{Kind, Kinds},
    manifest::{Files, Manifest},
    output::{self, Output, name_of, print},
    seek::{Found, Tally},
};

/// What a server does about fields that it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Validation {
    /// Refuse them
    #[default]
    Strict,
    /// Warn about them
    Warn,
    /// Drop them
    Ignore,
}

impl Validation {
    pub(crate) fn parameter(self) -> &'static str {
        match self {
            Validation::Strict => "Strict",
            Validation::Warn => "Warn",
            Validation::Ignore => "Ignore",
        }
    }
}

/// How manifests become objects, for `create` and `apply` alike.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Writing {
    /// Unknown fields
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) validate: Validation,
    /// Let the server check everything and change nothing
    #[arg(long, value_name = "server", value_parser = ["server"], num_args = 0..=1, default_missing_value = "server")]
    pub(crate) dry_run: Option<String>,
    /// name, yaml, json or jsonpath=TEMPLATE
    #[arg(short = 'o', long)]
    pub(crate) output: Option<Output>,
    /// Wait until every pet of the sets is ready
    #[arg(long)]
    pub(crate) wait: bool,
}

/// Arguments of `create`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: Files,
    /// Instead of a file: `namespace NAME`
    #[arg(value_name = "namespace NAME", num_args = 0..=2)]
    words: Vec<String>,
    #[command(flatten)]
    writing: Writing,
}

pub(crate) async fn run(client: &Client, global: &Global, arguments: &Arguments) -> Result<(), Failure> {
    let manifests = match arguments.words.as_slice() {
        [] => arguments.files.read()?,
        [kind, name] if matches!(kind.as_str(), "ns" | "namespace") => {
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            vec![Manifest { source: "arguments".to_owned(), object }]
        }
        _ => return Err(Failure::message("use create -f FILE, or create namespace NAME")),
    };
    let kinds = Kinds::discover(client).await?;
    let mut tally = Tally::default();
    let mut made = Vec::new();
    for manifest in &manifests {
        made.extend(tally.keep(create(client, global, arguments, &kinds, manifest).await)?);
    }
    if arguments.writing.wait {
        scale::until_ready(client, &made).await?;
    }
    tally.end()
}

async fn create(
    client: &Client,
    global: &Global,
    arguments: &Arguments,
    kinds: &Kinds,
    manifest: &Manifest,
) -> Result<Found, Failure> {
    let (kind, namespace, object) = placed(client, global, kinds, manifest)?;
    let path = writing_path(&kind.path(Some(&namespace)), &arguments.writing, "petctl-create");
    let object = client.post(&path, &object).await.map_err(|failure| match arguments.words.as_slice() {
        [] => failure.when(&format!("error when creating \"{}\"", manifest.source)),
        // As in kubectl: what was typed has no source to be told apart by.
        [_, ..] => failure,
    })?;
    say(kind, &object, "created", &arguments.writing)?;
    Ok(Found { kind: kind.clone(), namespace, name: name_of(&object).to_owned(), object: Some(object) })
}

/// A manifest with its kind, and with its namespace filled in.
pub(crate) fn placed<'a>(
    client: &Client,
    global: &Global,
    kinds: &'a Kinds,
    manifest: &Manifest,
) -> Result<(&'a Kind, String, Value), Failure> {
    let kind = kinds.of_object(&manifest.object)?;
    let mut object = manifest.object.clone();
    let own = object["metadata"]["namespace"].as_str().filter(|own| !own.is_empty()).map(str::to_owned);
    if let (Some(own), Some(given)) = (&own, &global.namespace)
        && own != given
    {
        return Err(Failure::message(format!(
            "the namespace from the provided object \"{own}\" does not match the namespace \"{given}\". You must pass '--namespace={own}' to perform this operation."
        )));
    }
    let namespace = own.unwrap_or_else(|| client.namespace.clone());
    if kind.is_namespaced && object["metadata"].is_object() {
        object["metadata"]["namespace"] = namespace.clone().into();
    }
    Ok((kind, namespace, object))
}

/// A path with the parameters of a write.
pub(crate) fn writing_path(path: &str, writing: &Writing, manager: &str) -> String {
    let mut parameters = vec![("fieldManager", manager), ("fieldValidation", writing.validate.parameter())];
    if writing.dry_run.is_some() {
        parameters.push(("dryRun", "All"));
    }
    with_query(path, &parameters)
}

/// `petset.apps/web created`, or the object as asked.
pub(crate) fn say(kind: &Kind, object: &Value, done: &str, writing: &Writing) -> Result<(), Failure> {
    let title = format!("{}/{}", kind.qualified_singular(), name_of(object));
    match &writing.output {
        Some(Output::Name) => print::line(&title),
        Some(Output::Yaml) => print::out(&output::yaml(&shown(object))?),
        Some(Output::Json) => print::out(&output::json(&shown(object))?),
        Some(Output::JsonPath(template)) => print::out(&template.fill(object)),
        None | Some(Output::Wide | Output::Custom(_)) => {
            let dry = if writing.dry_run.is_some() { " (server dry run)" } else { "" };
            print::line(&format!("{title} {done}{dry}"));
        }
    }
    Ok(())
}

/// The object without who owns which fields.
fn shown(object: &Value) -> Value {
    let mut object = object.clone();
    output::hide_managed_fields(&mut object);
    object
}
