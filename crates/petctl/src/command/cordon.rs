//! `cordon` and `uncordon`: whether the node takes new pods.

use serde_json::{Value, json};

use crate::{
    client::{Client, PatchType, with_query},
    failure::Failure,
    output::print,
    seek::Tally,
};

/// What the node is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// Closed to new pods.
    Cordoned,
    /// Open to them.
    Open,
}

/// Arguments of `cordon` and `uncordon`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The node: `laptop` or `node/laptop`; `petctl get nodes` shows its name
    #[arg(required = true, value_name = "NODE")]
    nodes: Vec<String>,
}

pub(crate) async fn run(client: &Client, arguments: &Arguments, to: To) -> Result<(), Failure> {
    let mut tally = Tally::default();
    for node in &arguments.nodes {
        let result = change(client, node, to).await;
        tally.keep(result)?;
    }
    tally.end()
}

async fn change(client: &Client, node: &str, to: To) -> Result<(), Failure> {
    let name = match node.split_once('/') {
        None => node,
        Some(("no" | "node" | "nodes", name)) => name,
        Some((kind, _)) => return Err(Failure::message(format!("{kind} takes no pods: name a node"))),
    };
    let path = format!("/api/v1/nodes/{name}");
    let before = client.get(&path).await?;
    let is_cordoned = before["spec"]["unschedulable"] == true;
    let (word, wanted) = match to {
        To::Cordoned => ("cordoned", Value::Bool(true)),
        To::Open => ("uncordoned", Value::Null),
    };
    if is_cordoned == (to == To::Cordoned) {
        print::line(&format!("node/{name} already {word}"));
        return Ok(());
    }
    let path = with_query(&path, &[("fieldManager", "petctl-cordon")]);
    client.patch(&path, PatchType::Merge, &json!({"spec": {"unschedulable": wanted}})).await?;
    print::line(&format!("node/{name} {word}"));
    Ok(())
}
