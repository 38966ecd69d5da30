//! `apply`: objects as the manifests say, by a three-way merge on our side, or by the server.

use serde_json::Value;

use crate::{
    cli::Global,
    client::{Client, PatchType, with_query},
    command::{
        create::{Writing, placed, say, writing_path},
        scale,
    },
    failure::Failure,
    kind::Kinds,
    manifest::{Files, Manifest},
    merge::{LAST_APPLIED, last_applied, remembering, three_way},
    output::{name_of, print},
    seek::{Found, Tally},
};

/// Arguments of `apply`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    writing: Writing,
    /// Let the server merge, which keeps track of who owns which field
    #[arg(long)]
    server_side: bool,
    /// Take fields over that somebody else owns
    #[arg(long, requires = "server_side")]
    force_conflicts: bool,
    /// Who owns the fields [default: petctl with --server-side, else petctl-apply]
    #[arg(long, value_name = "NAME")]
    field_manager: Option<String>,
}

impl Arguments {
    fn manager(&self) -> &str {
        let default = if self.server_side { "petctl" } else { "petctl-apply" };
        self.field_manager.as_deref().unwrap_or(default)
    }
}

pub(crate) async fn run(client: &Client, global: &Global, arguments: &Arguments) -> Result<(), Failure> {
    let manifests = arguments.files.read()?;
    let kinds = Kinds::discover(client).await?;
    let mut tally = Tally::default();
    let mut applied = Vec::new();
    for manifest in &manifests {
        applied.extend(tally.keep(apply(client, global, arguments, &kinds, manifest).await)?);
    }
    if arguments.writing.wait {
        scale::until_ready(client, &applied).await?;
    }
    tally.end()
}

async fn apply(
    client: &Client,
    global: &Global,
    arguments: &Arguments,
    kinds: &Kinds,
    manifest: &Manifest,
) -> Result<Found, Failure> {
    let (kind, namespace, object) = placed(client, global, kinds, manifest)?;
    let name = name_of(&object).to_owned();
    if name.is_empty() {
        return Err(Failure::message(format!("{}: apply needs a name; use create for generateName", manifest.source)));
    }
    let path = kind.object_path(&namespace, &name);
    let writing = &arguments.writing;
    let (object, done) = if arguments.server_side {
        by_the_server(client, arguments, &path, &object).await
    } else {
        let wanted = remembering(&object);
        match client.get(&path).await {
            Ok(current) => change(client, arguments, &path, &wanted, current).await,
            Err(failure) if failure.is_not_found() => {
                let path = writing_path(&kind.path(Some(&namespace)), writing, arguments.manager());
                client.post(&path, &wanted).await.map(|object| (object, "created"))
            }
            Err(failure) => Err(failure),
        }
    }
    .map_err(|failure| failure.when(&format!("error when applying \"{}\"", manifest.source)))?;
    say(kind, &object, done, writing)?;
    Ok(Found { kind: kind.clone(), namespace, name, object: Some(object) })
}

async fn by_the_server(
    client: &Client,
    arguments: &Arguments,
    path: &str,
    wanted: &Value,
) -> Result<(Value, &'static str), Failure> {
    let path = writing_path(path, &arguments.writing, arguments.manager());
    let force = if arguments.force_conflicts { "true" } else { "false" };
    let applied = client.apply(&with_query(&path, &[("force", force)]), wanted).await;
    applied.map(|object| (object, "serverside-applied"))
}

async fn change(
    client: &Client,
    arguments: &Arguments,
    path: &str,
    wanted: &Value,
    current: Value,
) -> Result<(Value, &'static str), Failure> {
    if current["metadata"]["annotations"][LAST_APPLIED].is_null() {
        print::warning(&format!(
            "{} was not made by apply: fields that the manifest leaves out stay as they are this time",
            name_of(&current)
        ));
    }
    let patch = three_way(&last_applied(&current), wanted, &current);
    if patch.is_empty() {
        return Ok((current, "unchanged"));
    }
    let path = writing_path(path, &arguments.writing, arguments.manager());
    let changed = client.patch(&path, PatchType::Merge, &Value::Object(patch)).await?;
    let is_same = changed["metadata"]["resourceVersion"] == current["metadata"]["resourceVersion"];
    Ok((changed, if is_same { "unchanged" } else { "configured" }))
}
