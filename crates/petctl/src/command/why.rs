//! `why`: what an object waits for, and what that waits for, down to the cause.
//!
//! The sentences are the daemon's own; which object follows which is read from the objects: a set's pods, a pod's
//! claims, a claim's volume.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    client::{Client, with_query},
    command::scale,
    failure::Failure,
    kind::{Kinds, Target},
    output::{self, Output, name_of, print},
    progress::{Wait, all_waits},
};

/// So many sentences about one object are printed; a large set has one for each pet that is to come.
const SENTENCES_MAX: usize = 5;

/// Arguments of `why`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What: `po/web-2`, `petset web`, `set/web`, `claim/www-web-0`
    #[arg(required = true, num_args = 1..=2, value_name = "KIND NAME | KIND/NAME")]
    object: Vec<String>,
    /// json
    #[arg(short = 'o', long)]
    output: Option<Output>,
}

pub(crate) async fn run(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    let kinds = Kinds::discover(client).await?;
    let object = find(client, &kinds, &arguments.object).await?;
    let causes = causes(client, &object).await?;
    match &arguments.output {
        Some(Output::Json) => print::out(&output::json(&as_json(&object, &causes))?),
        None => print::out(&text(&causes)),
        Some(_) => return Err(Failure::message("why prints sentences, or json with -o json")),
    }
    if causes.is_empty() { Ok(()) } else { Err(Failure::Exit(1)) }
}

/// The object that is meant; `set` and `claim` are words for the kinds that people mean by them.
async fn find(client: &Client, kinds: &Kinds, words: &[String]) -> Result<Value, Failure> {
    let words: Vec<String> = match words {
        [one] => one.splitn(2, '/').map(str::to_owned).collect(),
        several => several.to_vec(),
    };
    let [kind, name] = words.as_slice() else {
        return Err(Failure::message("name one object: `why po/web-2`"));
    };
    let meant: &[&str] = match kind.as_str() {
        "set" | "sets" => &["petset", "statefulset"],
        "claim" | "claims" => &["persistentvolumeclaim"],
        "volume" | "volumes" => &["persistentvolume"],
        other => &[other],
    };
    let mut missing = None;
    for word in meant {
        let kind = match kinds.named(word) {
            Ok(kind) => kind,
            Err(failure) => {
                missing.get_or_insert(failure);
                continue;
            }
        };
        let target = Target { kind, name: Some(name.clone()) };
        match client.get(&target.kind.object_path(&client.namespace, name)).await {
            Err(failure) if failure.is_not_found() => {
                missing.get_or_insert(failure);
            }
            answer => return answer,
        }
    }
    Err(missing.unwrap_or_else(|| Failure::message(format!("there is no {kind} {name}"))))
}

/// What an object waits for, its own first, then what that waits for: each with who waits.
pub(crate) async fn causes(client: &Client, object: &Value) -> Result<Vec<Wait>, Failure> {
    let waits = all_waits(client).await?;
    let mut causes = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next = vec![object.clone()];
    while let Some(object) = next.pop() {
        let id = id_of(&object);
        if !seen.insert(id.clone()) {
            continue;
        }
        let own: Vec<&Wait> =
            waits.iter().filter(|wait| (&wait.kind, &wait.namespace, &wait.name) == (&id.0, &id.1, &id.2)).collect();
        let mut followed = followers(client, &object, &own, &waits).await?;
        causes.extend(own.into_iter().cloned());
        causes.extend(end_of(&object));
        // The first is looked at first.
        followed.reverse();
        next.extend(followed);
    }
    Ok(causes)
}

/// Kind, namespace and name.
fn id_of(object: &Value) -> (String, String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&object["kind"]), text(&object["metadata"]["namespace"]), name_of(object).to_owned())
}

/// The objects that an object may be waiting for, of those that wait themselves or have failed.
async fn followers(client: &Client, object: &Value, own: &[&Wait], waits: &[Wait]) -> Result<Vec<Value>, Failure> {
    let (kind, namespace, _) = id_of(object);
    let has_waits = |kind: &str, name: &str| waits.iter().any(|wait| wait.kind == kind && wait.name == name);
    let get = async |path: String| match client.get(&path).await {
        Ok(object) => Ok(Some(object)),
        Err(failure) if failure.is_not_found() => Ok(None),
        Err(failure) => Err(failure),
    };
    let mut found = Vec::new();
    match kind.as_str() {
        "PetSet" | "StatefulSet" => {
            let path = format!("/api/v1/namespaces/{namespace}/pods");
            let mut pods = client.get(&with_query(&path, &[("labelSelector", &scale::selector(object))])).await?;
            let pods = pods["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
            let is_meant = |pod: &Value| own.is_empty() || own.iter().any(|wait| names(&wait.message, name_of(pod)));
            found.extend(pods.into_iter().map(|mut pod| {
                pod["kind"] = json!("Pod");
                pod
            }));
            found.retain(|pod| is_meant(pod) && (has_waits("Pod", name_of(pod)) || end_of(pod).is_some()));
        }
        "Pod" => {
            for volume in object["spec"]["volumes"].as_array().into_iter().flatten() {
                let claim = volume["persistentVolumeClaim"]["claimName"].as_str().unwrap_or_default();
                if has_waits("PersistentVolumeClaim", claim) {
                    found.extend(get(format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{claim}")).await?);
                }
            }
            let nodes = waits.iter().filter(|wait| wait.kind == "Node" && own.iter().any(|o| o.reason == wait.reason));
            for node in nodes {
                found.extend(get(format!("/api/v1/nodes/{}", node.name)).await?);
            }
        }
        "PersistentVolumeClaim" => {
            let volume = object["spec"]["volumeName"].as_str().unwrap_or_default();
            if has_waits("PersistentVolume", volume) {
                found.extend(get(format!("/api/v1/persistentvolumes/{volume}")).await?);
            }
        }
        _ => {}
    }
    Ok(found)
}

/// Whether a sentence names an object: `web-1` is not in `web-10`.
fn names(sentence: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    sentence.match_indices(name).any(|(at, _)| {
        let before = sentence[..at].chars().next_back().is_some_and(is_part);
        let after = sentence[at + name.len()..].chars().next().is_some_and(is_part);
        !before && !after
    })
}

/// A pod that has failed waits for nothing, and is not what anybody wanted.
fn end_of(object: &Value) -> Option<Wait> {
    let status = &object["status"];
    if object["kind"] != "Pod" || status["phase"] != "Failed" {
        return None;
    }
    let (kind, namespace, name) = id_of(object);
    let reason = status["reason"].as_str().unwrap_or("Failed").to_owned();
    let message = match status["message"].as_str() {
        Some(message) => format!("the pod has failed and does not run again: {message}"),
        None => "the pod has failed and does not run again; its logs may say why".to_owned(),
    };
    Some(Wait { kind, namespace, name, reason, message })
}

/// One paragraph per object.
fn text(causes: &[Wait]) -> String {
    if causes.is_empty() {
        return "nothing\n".to_owned();
    }
    let paragraphs = causes.chunk_by(|a, b| (&a.kind, &a.name) == (&b.kind, &b.name)).map(|about| {
        let title = title(&about[0]);
        let mut lines: Vec<String> = about.iter().take(SENTENCES_MAX).map(|wait| sentence(&title, wait)).collect();
        if about.len() > SENTENCES_MAX {
            lines.push(format!("{title}: and {} more", about.len() - SENTENCES_MAX));
        }
        lines.join("\n") + "\n"
    });
    paragraphs.collect::<Vec<_>>().join("\n")
}

fn title(wait: &Wait) -> String {
    format!("{}/{}", wait.kind.to_lowercase(), wait.name)
}

fn sentence(title: &str, wait: &Wait) -> String {
    let own_name = format!("{}: ", wait.name);
    let message = wait.message.strip_prefix(&own_name).unwrap_or(&wait.message);
    format!("{title}: {} ({})", message.trim_end_matches('.'), wait.reason)
}

fn as_json(object: &Value, causes: &[Wait]) -> Value {
    let (kind, namespace, name) = id_of(object);
    let causes: Vec<Value> = causes
        .iter()
        .map(|wait| {
            json!({"kind": wait.kind, "namespace": wait.namespace, "name": wait.name, "reason": wait.reason,
                   "message": wait.message})
        })
        .collect();
    json!({"kind": kind, "namespace": namespace, "name": name, "causes": causes})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_whole_word_of_a_sentence() {
        let sentence = "waiting to create web-10: web-1 is not Ready";
        assert!(names(sentence, "web-1") && names(sentence, "web-10"));
        assert!(!names(sentence, "web") && !names(sentence, "web-2") && !names(sentence, "eb-1"));
    }
}
