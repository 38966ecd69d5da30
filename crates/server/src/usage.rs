//! What pods and the node use (`metrics.k8s.io`), measured for each who asks: nothing is counted while nobody does.

use std::collections::BTreeSet;

use api::{
    resource::{NODES, PODS, Resource, Scope},
    status::Status,
    usage::{self, Sample},
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use store::{Key, Stored};

use crate::{
    answer::{self, Answer},
    negotiate,
    query::{Params, Selection},
    server::Server,
    write::Target,
};

/// `GET` of what a pod or a node uses.
pub(crate) async fn get(server: &Server, target: Target<'_>, params: &Params, headers: &HeaderMap) -> Answer {
    let form = negotiate::form(headers, params)?;
    let missing = || Status::not_measured(target.resource, target.namespace, target.name);
    let measured = server.store().get(&Key::new(&whose(target.resource).qualified(), target.namespace, target.name));
    let measured = measured.ok_or_else(missing)?;
    let usage = usages(server, target.resource, &[&measured]).await?.pop().ok_or_else(missing)?;
    Ok(answer::object(StatusCode::OK, target.resource.kind, &usage, form, server.now_seconds()))
}

/// `GET` of what all of them use, of one namespace or of all. As in metrics-server there are no pages.
pub(crate) async fn list(
    server: &Server,
    resource: &'static Resource,
    namespace: &str,
    params: &Params,
    headers: &HeaderMap,
) -> Answer {
    let form = negotiate::form(headers, params)?;
    let selection = Selection::read(resource, params)?;
    let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
    let measured = server.store().list(&whose(resource).qualified(), namespace).items;
    let selected = measured.iter().map(|object| &**object).filter(|object| selection.matches(resource, object));
    let selected: Vec<&Value> = selected.collect();
    let usages: Vec<Stored> = usages(server, resource, &selected).await?.iter().map(Stored::of).collect();
    let usages: Vec<&Stored> = usages.iter().collect();
    Ok(answer::list(resource, &usages, json!({}), form, server.now_seconds()))
}

/// What is measured.
fn whose(resource: &Resource) -> &'static Resource {
    if resource.scope == Scope::Cluster { &NODES } else { &PODS }
}

/// What these pods use, those that run nothing left out, or what these nodes use.
async fn usages(server: &Server, resource: &Resource, of: &[&Value]) -> Result<Vec<Value>, Status> {
    if resource.scope == Scope::Namespaced {
        let samples = samples(server, of).await?;
        return Ok(of.iter().filter_map(|pod| Some(json!(usage::of_pod(pod, &samples)?))).collect());
    }
    let pods = server.store().list(&PODS.qualified(), None).items;
    let pods: Vec<&Value> = pods.iter().map(|pod| &**pod).collect();
    let samples = samples(server, &pods).await?;
    let now = server.now();
    Ok(of.iter().map(|node| json!(usage::of_node(node, &on(node, &pods, &samples), now))).collect())
}

/// The samples of the pods that a node runs.
fn on<'a>(node: &Value, pods: &[&Value], samples: &'a [Sample]) -> Vec<&'a Sample> {
    let its = pods.iter().filter(|pod| pod["spec"]["nodeName"] == node["metadata"]["name"]);
    let its: BTreeSet<&str> = its.filter_map(|pod| uid(pod)).collect();
    samples.iter().filter(|sample| its.contains(sample.pod_uid.as_str())).collect()
}

async fn samples(server: &Server, pods: &[&Value]) -> Result<Vec<Sample>, Status> {
    let uids: BTreeSet<String> = pods.iter().filter_map(|pod| uid(pod)).map(str::to_owned).collect();
    if uids.is_empty() {
        return Ok(Vec::new());
    }
    let samples = server.inner.parts.streams.usage(&uids).await;
    samples.map_err(|error| Status::unavailable(format!("what pods use cannot be measured: {error}"), 1))
}

fn uid(pod: &Value) -> Option<&str> {
    pod["metadata"]["uid"].as_str()
}
