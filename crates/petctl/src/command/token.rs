//! `token`: what clients show to the daemon.

use std::{collections::BTreeSet, time::Duration};

use clap::Subcommand;
use kube::config::Kubeconfig;
use serde_json::{Value, json};

use crate::{
    cli::Global,
    client::{Client, encode},
    connect::{Instance, connect, kubeconfig},
    failure::Failure,
    output::{aligned, print, yaml},
    progress::duration,
};

const TOKENS: &str = "/petset/v1/tokens";

/// Arguments of `token`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Make a token for somebody else, or for a program, and print it: it is shown this once
    Create(CreateArguments),
    /// Show which tokens there are, besides the instance's own
    List,
    /// Let a token count no more, and cut what runs with it
    Revoke {
        /// The token's name
        name: String,
    },
    /// Change the instance's own token; the daemon writes the new one into its kubeconfig
    Rotate {
        /// How long the old token still counts, for clients that must be told first: 30s, 1h
        #[arg(long, default_value = "0s", value_parser = duration, value_name = "TIME")]
        grace: Duration,
    },
}

#[derive(Clone, Debug, clap::Args)]
struct CreateArguments {
    /// What it is called, and whoever shows it
    name: String,
    /// Only for what is in this namespace; may be given several times
    // In the place of the global option, which names one.
    #[arg(id = "namespace", long = "namespace", short = 'n', value_name = "NAMESPACE")]
    namespaces: Vec<String>,
    /// Only to look: not at Secrets, and not into pods
    #[arg(long)]
    read_only: bool,
    /// How long it counts, if not until it is revoked: 30m, 24h
    #[arg(long, value_parser = duration, value_name = "TIME")]
    duration: Option<Duration>,
    /// Print the token alone, or a kubeconfig with it
    #[arg(long, short, value_enum, default_value = "token")]
    output: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Token,
    Kubeconfig,
}

pub(crate) async fn run(global: &Global, arguments: &Arguments) -> Result<(), Failure> {
    let client = connect(global).await?;
    match &arguments.command {
        Command::Create(arguments) => create(global, &client, arguments).await,
        Command::List => list(&client).await,
        Command::Revoke { name } => {
            client.delete(&format!("{TOKENS}/{}", encode(name)), &Value::Null).await?;
            print::line(&format!("token \"{name}\" revoked"));
            Ok(())
        }
        Command::Rotate { grace } => rotate(&client, &Instance::of(global), *grace).await,
    }
}

async fn create(global: &Global, client: &Client, arguments: &CreateArguments) -> Result<(), Failure> {
    let namespaces: BTreeSet<&String> = arguments.namespaces.iter().collect();
    let mut wanted = json!({"name": arguments.name, "readOnly": arguments.read_only});
    if !namespaces.is_empty() {
        wanted["namespaces"] = json!(namespaces);
    }
    if let Some(duration) = arguments.duration {
        wanted["expirationSeconds"] = duration.as_secs().into();
    }
    let made = client.post(TOKENS, &wanted).await?;
    let token = made["token"].as_str().unwrap_or_default();
    match arguments.output {
        Form::Token => print::line(token),
        Form::Kubeconfig => {
            let namespace = namespaces.first().map_or("default", |name| name);
            print::out(&yaml(&kubeconfig_for(
                &kubeconfig(global)?,
                global.context.as_ref(),
                &arguments.name,
                namespace,
                token,
            )?)?);
        }
    }
    print::talk(&format!("token \"{}\" created: {}, {}", arguments.name, scope(&made), expiry(&made)));
    Ok(())
}

/// The kubeconfig with another user in the place of the current context's, and nothing else of it.
///
/// `--context` chooses another context.
fn kubeconfig_for(
    own: &Kubeconfig,
    current: Option<&String>,
    user: &str,
    namespace: &str,
    token: &str,
) -> Result<Value, Failure> {
    let unusable = || Failure::message("the kubeconfig has no current context");
    let current = current.or(own.current_context.as_ref()).ok_or_else(unusable)?;
    let context = own.contexts.iter().find(|context| context.name == *current);
    let cluster = context.and_then(|context| Some(&context.context.as_ref()?.cluster)).ok_or_else(unusable)?;
    let clusters: Vec<_> = own.clusters.iter().filter(|known| known.name == *cluster).collect();
    let name = format!("{cluster}-{user}");
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": clusters,
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": cluster, "user": name, "namespace": namespace}}],
    }))
}

async fn list(client: &Client) -> Result<(), Failure> {
    let tokens = client.get(TOKENS).await?;
    let tokens = tokens["items"].as_array().cloned().unwrap_or_default();
    if tokens.is_empty() {
        print::talk("No tokens found; the instance's own is in its kubeconfig");
        return Ok(());
    }
    let rows = tokens.iter().map(|token| {
        let text = |field: &str| token[field].as_str().unwrap_or_default().to_owned();
        vec![text("name"), scope(token), text("created"), expiry(token)]
    });
    let headings = ["NAME", "SCOPE", "CREATED", "EXPIRES"].map(str::to_owned).to_vec();
    print::out(&aligned(&std::iter::once(headings).chain(rows).collect::<Vec<_>>()));
    Ok(())
}

/// What a token allows, in words.
fn scope(token: &Value) -> String {
    let verb = if token["readOnly"] == true { "read" } else { "everything" };
    let names: Vec<&str> = token["namespaces"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if names.is_empty() { verb.to_owned() } else { format!("{verb} in {}", names.join(",")) }
}

/// When a token ends, in words.
fn expiry(token: &Value) -> String {
    token["expires"].as_str().map_or("until revoked".to_owned(), |expires| format!("until {expires}"))
}

async fn rotate(client: &Client, instance: &Instance, grace: Duration) -> Result<(), Failure> {
    let path = format!("/petset/v1/token/rotate?graceSeconds={}", grace.as_secs());
    let answer = client.post(&path, &Value::Null).await?;
    let own = instance.kubeconfig();
    // The daemon may be another machine's, or an instance whose directory is elsewhere.
    let token = answer["token"].as_str().unwrap_or_default();
    let is_here = std::fs::read_to_string(&own).is_ok_and(|text| !token.is_empty() && text.contains(token));
    if is_here {
        print::line(&format!("token rotated; {} has the new one", own.display()));
        print::talk("where it was merged into another kubeconfig, merge it again: petctl kubeconfig --merge");
    } else {
        print::line("token rotated; the new one is in the kubeconfig that the daemon has written on its machine");
    }
    if !grace.is_zero() {
        print::talk(&format!("the old one counts for another {} s, at most until the daemon ends", grace.as_secs()));
    }
    Ok(())
}
