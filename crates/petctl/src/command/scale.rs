//! `scale`, and waiting until a set is complete.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    client::{Client, PatchType, with_query},
    failure::Failure,
    kind::Kinds,
    output::{name_of, print},
    progress::{Progress, duration},
    seek::{Choice, Found, Tally},
};

/// Arguments of `scale`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: Choice,
    /// How many pets to have
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    replicas: i32,
    /// Only if there are to be so many now
    #[arg(long, value_name = "COUNT")]
    current_replicas: Option<i32>,
    /// Wait until the set has so many ready pets, and no others
    #[arg(long)]
    wait: bool,
    /// How long to wait; 0s is without end
    #[arg(long, default_value = "0s", value_parser = duration)]
    timeout: Duration,
}

pub(crate) async fn run(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    let kinds = Kinds::discover(client).await?;
    let found = arguments.choice.find(client, &kinds).await?;
    let mut tally = Tally::default();
    let mut scaled = Vec::new();
    for object in found {
        if tally.keep(scale(client, arguments, &object).await)?.is_some() {
            scaled.push(object);
        }
    }
    if arguments.wait || !arguments.timeout.is_zero() {
        let end = (!arguments.timeout.is_zero()).then(|| Instant::now() + arguments.timeout);
        for object in &scaled {
            ready(client, object, end).await?;
        }
    }
    tally.end()
}

async fn scale(client: &Client, arguments: &Arguments, object: &Found) -> Result<(), Failure> {
    let path = format!("{}/scale", object.path());
    if let Some(expected) = arguments.current_replicas {
        let now = client.get(&path).await?["spec"]["replicas"].as_i64().unwrap_or(0);
        if now != i64::from(expected) {
            return Err(Failure::message(format!("Expected replicas to be {expected}, was {now}")));
        }
    }
    let patch = json!({"spec": {"replicas": arguments.replicas}});
    let path = with_query(&path, &[("fieldManager", "petctl-scale")]);
    client.patch(&path, PatchType::Merge, &patch).await?;
    print::line(&format!("{} scaled", object.title()));
    Ok(())
}

/// Waits until every set among the objects is complete.
pub(crate) async fn until_ready(client: &Client, objects: &[Found]) -> Result<(), Failure> {
    for object in objects.iter().filter(|object| object.kind.subresources.iter().any(|sub| sub == "scale")) {
        ready(client, object, None).await?;
    }
    Ok(())
}

async fn ready(client: &Client, object: &Found, end: Option<Instant>) -> Result<(), Failure> {
    let mut progress = Progress::about(client, &object.namespace, &object.kind.kind, &object.name);
    loop {
        let set = object.get(client).await?;
        let path = format!("/api/v1/namespaces/{}/pods", object.namespace);
        let pods = client.get(&with_query(&path, &[("labelSelector", &selector(&set))])).await?;
        let count = Count::of(&set, &pods);
        if count.is_complete() {
            return Ok(());
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            let Count { wanted, ready, total } = count;
            return Err(Failure::message(format!(
                "timed out waiting for {}: {ready} of {wanted} pets are ready, and there are {total}",
                object.title()
            )));
        }
        progress.pause().await?;
    }
}

/// A set's selector in the words of a query.
pub(crate) fn selector(set: &Value) -> String {
    api::admission::selector_text(&set["spec"]["selector"])
}

/// How far a set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) wanted: i64,
    pub(crate) ready: i64,
    pub(crate) total: i64,
}

impl Count {
    pub(crate) fn of(set: &Value, pods: &Value) -> Count {
        let prefix = format!("{}-", name_of(set));
        let is_pet = |pod: &&Value| name_of(pod).strip_prefix(&prefix).is_some_and(|rest| rest.parse::<u32>().is_ok());
        let pets: Vec<&Value> = pods["items"].as_array().into_iter().flatten().filter(is_pet).collect();
        Count {
            wanted: set["spec"]["replicas"].as_i64().unwrap_or(1),
            ready: pets.iter().filter(|pod| is_ready(pod)).count() as i64,
            total: pets.len() as i64,
        }
    }

    pub(crate) fn is_complete(self) -> bool {
        self.ready == self.wanted && self.total == self.wanted
    }
}

fn is_ready(pod: &Value) -> bool {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    pod["metadata"]["deletionTimestamp"].is_null()
        && conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, ready: &str) -> Value {
        json!({"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": ready}]}})
    }

    #[test]
    fn a_set_is_complete_when_its_pets_are_ready_and_no_others_are_left() {
        let set = json!({"metadata": {"name": "web"}, "spec": {"replicas": 2}});
        let count = |pods: &[Value]| Count::of(&set, &json!({"items": pods}));
        let [a, b, c] = [pod("web-0", "True"), pod("web-1", "True"), pod("web-2", "True")];
        assert!(count(&[a.clone(), b.clone(), pod("other-0", "True")]).is_complete());
        assert!(!count(&[a.clone(), pod("web-1", "False")]).is_complete());
        assert!(!count(&[a.clone(), b.clone(), c]).is_complete());
        let mut ending = b;
        ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert_eq!(count(&[a, ending]), Count { wanted: 2, ready: 1, total: 2 });
    }
}
