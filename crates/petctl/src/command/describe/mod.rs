//! `describe`: all about an object, for people.

mod config;
mod document;
mod pod;
mod set;
mod storage;

use serde_json::Value;

use crate::{
    client::{Client, with_query},
    command::{events, why::causes},
    failure::Failure,
    kind::Kinds,
    output::print,
    seek::{Choice, Tally},
};

use document::Document;

/// Arguments of `describe`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: Choice,
}

pub(crate) async fn run(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    let kinds = Kinds::discover(client).await?;
    let found = arguments.choice.find(client, &kinds).await?;
    if found.is_empty() {
        print::talk(&format!("No resources found in {} namespace.", client.namespace));
    }
    let mut tally = Tally::default();
    let mut is_first = true;
    for mut object in found {
        let described = match object.take(client).await {
            Ok(object) => describe(client, &object).await,
            Err(failure) => Err(failure),
        };
        let Some(described) = tally.keep(described)? else { continue };
        if !is_first {
            print::out("\n\n");
        }
        print::out(&described);
        is_first = false;
    }
    tally.end()
}

/// What a template says of the pods that are made from it.
pub(crate) fn pod_template(template: &Value) -> String {
    let mut document = Document::empty();
    set::pod_template(&mut document, template);
    document.finish()
}

async fn describe(client: &Client, object: &Value) -> Result<String, Failure> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, namespace) = (text(&object["kind"]), text(&object["metadata"]["namespace"]));
    let name = text(&object["metadata"]["name"]);
    let mut document = match kind.as_str() {
        "Pod" => pod::describe(object),
        "PetSet" | "StatefulSet" => {
            let selector = crate::command::scale::selector(object);
            let path = format!("/api/v1/namespaces/{namespace}/pods");
            set::describe(object, &client.get(&with_query(&path, &[("labelSelector", &selector)])).await?)
        }
        "Service" => {
            // A service without a selector may have none.
            let endpoints = client.get(&format!("/api/v1/namespaces/{namespace}/endpoints/{name}")).await;
            storage::service(object, &endpoints.unwrap_or(Value::Null))
        }
        "PersistentVolumeClaim" => {
            let pods = client.get(&format!("/api/v1/namespaces/{namespace}/pods")).await?;
            storage::claim(object, &pods)
        }
        "PodDisruptionBudget" => set::budget(object),
        "PersistentVolume" => storage::volume(object),
        "ConfigMap" => config::config_map(object),
        "Secret" => config::secret(object),
        "Node" => {
            let fields = format!("spec.nodeName={name}");
            storage::node(object, &client.get(&with_query("/api/v1/pods", &[("fieldSelector", &fields)])).await?)
        }
        _ => generic(object),
    };
    let waits = causes(client, object).await?;
    if !waits.is_empty() {
        document.section("Waiting");
        for wait in waits {
            document.row(&[&wait.name, &wait.reason, &wait.message]);
        }
        document.end();
    }
    // Kinds that nothing happens to have no events; that is no reason to fail.
    let events = events::about(client, object).await.unwrap_or_default();
    Ok(document.finish() + &events)
}

/// Every field, indented.
fn generic(object: &Value) -> Document {
    let mut document = Document::of(object);
    for (name, value) in object.as_object().into_iter().flatten() {
        if name != "metadata" {
            document.dump(name, value);
        }
    }
    document
}
