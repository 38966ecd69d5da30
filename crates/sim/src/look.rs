//! What there is at one moment, and what is wrong with it whatever was asked for.

use std::collections::{BTreeMap, BTreeSet};

use dns::Reply;
use futures::FutureExt;
use k8s_openapi::ByteString;
use plan::{
    facts::{Container, Engine, State, Volume},
    law,
};
use serde_json::Value;
use store::Key;

use crate::{
    daemon::Daemon,
    engine::FakeEngine,
    users::config::{CONFIG, SECRET},
};

/// The objects that the laws are about.
pub(crate) fn objects(daemon: &Daemon) -> law::world::Objects {
    let mut objects = law::world::Objects::default();
    let resources = [
        "petsets.apps",
        "statefulsets.apps",
        "controllerrevisions.apps",
        "pods",
        "persistentvolumeclaims",
        "persistentvolumes",
        "services",
        "endpoints",
        "namespaces",
        "_reserved",
    ];
    for resource in resources {
        for object in daemon.store.list(resource, None).items {
            objects.add(resource, &object).expect("what is stored has its shape");
        }
    }
    objects
}

/// A container that runs without its sandbox, or in one that was started after it: it has no network.
pub(crate) fn cut_off(engine: &Engine) -> Option<String> {
    let since = |container: &Container| match container.state {
        State::Running { started_at, .. } => Some(started_at),
        State::Created | State::Exited { .. } | State::Removing => None,
    };
    let all: Vec<&Container> = engine.containers.values().flatten().collect();
    let is_cut_off = |container: &&&Container| {
        let (Some(began), Some(id)) = (since(container), &container.sandbox) else { return false };
        let sandbox = all.iter().find(|sandbox| sandbox.id == *id).and_then(|sandbox| since(sandbox));
        sandbox.is_none_or(|sandbox| sandbox > began)
    };
    all.iter().find(is_cut_off).map(|container| format!("{:?} has no network", container.owner))
}

/// A pod that runs and whose volume shows other files than the object has that they are made of.
pub(crate) fn outdated(daemon: &Daemon, engine: &FakeEngine) -> Option<String> {
    let pods = daemon.store.list("pods", None).items;
    pods.iter().filter(|pod| pod["status"]["phase"] == "Running").find_map(|pod| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (namespace, uid) = (text(&pod["metadata"]["namespace"]), text(&pod["metadata"]["uid"]));
        let mounts = pod["spec"]["containers"][0]["volumeMounts"].as_array().into_iter().flatten();
        let names: Vec<String> = mounts.map(|mount| text(&mount["name"])).collect();
        let outdated = |name: &str, wanted: BTreeMap<String, Vec<u8>>| {
            let shown = engine.files(&format!("petset_sim_{uid}_{name}"));
            (names.iter().any(|mounted| mounted == name) && shown != Some(wanted))
                .then(|| format!("volume {name} of pod {} shows {shown:?}", pod["metadata"]["name"]))
        };
        let octets = |value: &Value| serde_json::from_value::<ByteString>(value.clone()).unwrap_or_default().0;
        let map = daemon.store.get(&Key::new("configmaps", &namespace, CONFIG))?;
        let files = map["data"].as_object().into_iter().flatten();
        let files = files.map(|(key, value)| (key.clone(), text(value).into_bytes())).collect();
        let secret = daemon.store.get(&Key::new("secrets", &namespace, SECRET))?;
        let file = ("deep/key".to_owned(), octets(&secret["data"]["key"]));
        outdated(CONFIG, files).or_else(|| outdated(SECRET, [file].into()))
    })
}

/// What was written after a revision.
pub(crate) fn written_since(daemon: &Daemon, revision: store::Revision) -> Vec<String> {
    let Ok(mut watch) = daemon.store.watch(None, revision) else { return vec!["more than the log holds".to_owned()] };
    let events = std::iter::from_fn(|| watch.next().now_or_never()?.ok());
    events.map(|event| format!("{} {}/{}", event.key.resource, event.key.namespace, event.key.name)).collect()
}

/// No two identities hold one address.
pub(crate) fn one_address_each(daemon: &Daemon) -> Result<(), String> {
    let mut held: BTreeMap<String, String> = BTreeMap::new();
    for lease in daemon.store.list("_leases", None).items {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let address = text(&lease["lease"]["address"]);
        let pod = format!("{}/{}", text(&lease["metadata"]["namespace"]), text(&lease["metadata"]["name"]));
        if let Some(other) = held.insert(address.clone(), pod.clone()) {
            return Err(format!("{other} and {pod} both hold {address}"));
        }
    }
    Ok(())
}

/// What DNS says of each pet of a set: its address and its place in its service's SRV records where it is Ready, and
/// neither where it is not.
pub(crate) fn names_answer(daemon: &Daemon, zone: &plan::zone::Zone) -> Result<(), String> {
    let sets = ["petsets.apps", "statefulsets.apps"].map(|sets| daemon.store.list(sets, None).items);
    for set in sets.into_iter().flatten() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (namespace, service) = (text(&set["metadata"]["namespace"]), text(&set["spec"]["serviceName"]));
        if daemon.store.get(&Key::new("services", &namespace, &service)).is_none() {
            continue;
        }
        let domain = format!("{service}.{namespace}.svc.cluster.local.");
        let all = dns::ask(zone, &domain, "SRV");
        for pod in daemon.store.list("pods", Some(&namespace)).items {
            if pod["spec"]["subdomain"] != service.as_str() || pod["metadata"]["labels"]["app"] != service.as_str() {
                continue;
            }
            let name = format!("{}.{domain}", text(&pod["spec"]["hostname"]));
            let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
            let is_ready = conditions.into_iter().any(|c| c["type"] == "Ready" && c["status"] == "True");
            let is_published = is_ready && pod["metadata"]["deletionTimestamp"].is_null();
            let address = format!("A {}", text(&pod["status"]["podIP"]));
            let found = dns::ask(zone, &name, "A");
            let expected = if is_published { Reply::Records(vec![address.clone()]) } else { Reply::NxDomain };
            if found != expected {
                return Err(format!("{name} is answered with {found:?}, and not with {expected:?}"));
            }
            let has_srv = |reply: &Reply| match reply {
                Reply::Records(records) => {
                    records.iter().any(|record| record.starts_with("SRV ") && record.ends_with(&format!(" {name}")))
                        && records.contains(&address)
                }
                Reply::NoData | Reply::NxDomain | Reply::Other => false,
            };
            if has_srv(&all) != is_published {
                return Err(format!("the SRV records of {domain} are {all:?}, and {name} is Ready: {is_published}"));
            }
        }
    }
    Ok(())
}

/// Something of ours that no object stands for, in the engine or among the daemon's own records.
pub(crate) fn orphan(daemon: &Daemon, engine: &Engine) -> Option<String> {
    if let Some(begun) = daemon.store.list("_begun", None).items.first() {
        return Some(format!("volume {} is still being made", begun["handle"]));
    }
    let volumes = daemon.store.list("persistentvolumes", None).items;
    let handles: BTreeSet<&str> =
        volumes.iter().filter_map(|volume| volume["spec"]["csi"]["volumeHandle"].as_str()).collect();
    let is_scratch = |volume: &&Volume| volume.labels.contains_key("pod");
    let mut claimed = engine.volumes.values().filter(|volume| !is_scratch(volume));
    let orphan = claimed.find(|volume| !handles.contains(volume.name.as_str()));
    orphan.map(|volume| format!("no object stands for volume {}", volume.name))
}

/// A namespace that lacks what each has without anybody making it.
pub(crate) fn bare(daemon: &Daemon) -> Option<String> {
    let namespaces = daemon.store.list("namespaces", None).items;
    let names = namespaces.iter().filter_map(|namespace| namespace["metadata"]["name"].as_str());
    let wanted =
        names.flat_map(|name| [("serviceaccounts", name, "default"), ("configmaps", name, "kube-root-ca.crt")]);
    let lacking = |(resource, namespace, name): &(&str, &str, &str)| {
        daemon.store.get(&Key::new(resource, namespace, name)).is_none()
    };
    wanted
        .into_iter()
        .find(lacking)
        .map(|(resource, namespace, name)| format!("{namespace} has no {name} of {resource}"))
}
