//! What there is: versions, resources, completion.

use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::{Value, json};

use crate::{
    cli::{Cli, Global},
    client::Client,
    connect::connect,
    failure::Failure,
    kind::Kinds,
    output::{self, aligned, print},
};

/// Arguments of `version`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct VersionArguments {
    /// Of petctl only: ask no server
    #[arg(long)]
    client: bool,
    /// json or yaml
    #[arg(short = 'o', long, value_parser = ["json", "yaml"])]
    output: Option<String>,
}

/// Arguments of `api-resources`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ApiResourcesArguments {
    /// Without headings
    #[arg(long)]
    no_headers: bool,
    /// name or wide
    #[arg(short = 'o', long, value_parser = ["name", "wide"])]
    output: Option<String>,
}

/// Arguments of `completion`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CompletionArguments {
    /// For this shell
    shell: Shell,
}

pub(crate) async fn version(global: &Global, arguments: &VersionArguments) -> Result<(), Failure> {
    let ours = concat!("v", env!("CARGO_PKG_VERSION"));
    let server = if arguments.client { Ok(Value::Null) } else { server_version(global).await };
    let mut whole = json!({"clientVersion": {"gitVersion": ours}});
    if let Ok(server @ Value::Object(_)) = &server {
        whole["serverVersion"] = server.clone();
    }
    match arguments.output.as_deref() {
        Some("json") => print::out(&output::json(&whole)?),
        Some(_) => print::out(&output::yaml(&whole)?),
        None => {
            print::line(&format!("Client Version: {ours}"));
            if let Some(theirs) = whole["serverVersion"]["gitVersion"].as_str() {
                print::line(&format!("Server Version: {theirs}"));
            }
        }
    }
    server.map(|_| ())
}

async fn server_version(global: &Global) -> Result<Value, Failure> {
    connect(global).await?.get("/version").await
}

pub(crate) async fn api_resources(client: &Client, arguments: &ApiResourcesArguments) -> Result<(), Failure> {
    let kinds = Kinds::discover(client).await?;
    if arguments.output.as_deref() == Some("name") {
        for kind in &kinds.0 {
            print::line(&kind.qualified_plural());
        }
        return Ok(());
    }
    let is_wide = arguments.output.is_some();
    let mut rows: Vec<Vec<String>> = Vec::new();
    if !arguments.no_headers {
        let headings = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND", "VERBS", "CATEGORIES"];
        rows.push(headings[..if is_wide { 7 } else { 5 }].iter().map(|h| (*h).to_owned()).collect());
    }
    for kind in &kinds.0 {
        let mut row = vec![
            kind.plural.clone(),
            kind.short_names.join(","),
            kind.api_version(),
            kind.is_namespaced.to_string(),
            kind.kind.clone(),
        ];
        if is_wide {
            row.extend([kind.verbs.join(","), kind.categories.join(",")]);
        }
        rows.push(row);
    }
    print::out(&aligned(&rows));
    Ok(())
}

pub(crate) fn completion(arguments: &CompletionArguments) {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "petctl", &mut script);
    print::bytes(&script);
}
