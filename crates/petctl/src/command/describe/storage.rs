//! What pets use: services, claims, volumes, the node.

use serde_json::Value;

use super::{
    document::{Document, list, say},
    set::storage_class,
};

pub(super) fn service(service: &Value, endpoints: &Value) -> Document {
    let spec = &service["spec"];
    let mut document = Document::of(service);
    document.metadata(service);
    document.map("Selector", &spec["selector"], "=");
    document.field("Type", spec["type"].as_str().unwrap_or("ClusterIP"));
    document.field("IP", &say(&spec["clusterIP"]));
    document.optional("External Name", &spec["externalName"]);
    document.optional("Publish Not Ready", &spec["publishNotReadyAddresses"]);
    if spec["sessionAffinity"] == "ClientIP" {
        document.field("Session Affinity", "ClientIP");
    }
    let ports = spec["ports"].as_array().into_iter().flatten().map(|port| {
        let name = port["name"].as_str().unwrap_or("<unset>");
        let protocol = port["protocol"].as_str().unwrap_or("TCP");
        let target = if port["targetPort"].is_null() { &port["port"] } else { &port["targetPort"] };
        let on_host = port["nodePort"].as_u64().filter(|port| *port != 0);
        let on_host = on_host.map(|port| format!(", on this machine at {port}")).unwrap_or_default();
        format!("{name} {}/{protocol} to {}{on_host}", say(&port["port"]), say(target))
    });
    document.lines("Ports", &ports.collect::<Vec<_>>());
    document.lines("Endpoints", &addresses(endpoints, "addresses"));
    let unready = addresses(endpoints, "notReadyAddresses");
    if !unready.is_empty() {
        document.lines("Not Ready", &unready);
    }
    document
}

/// `10.1.0.2 (web-0)`.
fn addresses(endpoints: &Value, field: &str) -> Vec<String> {
    let subsets = endpoints["subsets"].as_array().into_iter().flatten();
    let addresses = subsets.flat_map(|subset| subset[field].as_array().into_iter().flatten());
    let say = addresses.map(|address| match address["targetRef"]["name"].as_str() {
        Some(pod) => format!("{} ({pod})", say(&address["ip"])),
        None => say(&address["ip"]),
    });
    say.collect()
}

pub(super) fn claim(claim: &Value, pods: &Value) -> Document {
    let (spec, status) = (&claim["spec"], &claim["status"]);
    let mut document = Document::of(claim);
    document.field("StorageClass", &storage_class(claim));
    document.field("Status", &phase(claim));
    document.field("Volume", &say(&spec["volumeName"]));
    document.metadata(claim);
    document.field("Requested", &say(&spec["resources"]["requests"]["storage"]));
    document.field("Capacity", &say(&status["capacity"]["storage"]));
    document.field("Access Modes", &list(&spec["accessModes"]).join(", "));
    let name = &claim["metadata"]["name"];
    let is_user = |pod: &&Value| {
        let mut volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
        volumes.any(|volume| volume["persistentVolumeClaim"]["claimName"] == *name)
    };
    let users = pods["items"].as_array().into_iter().flatten().filter(is_user);
    document.lines("Used By", &users.map(|pod| say(&pod["metadata"]["name"])).collect::<Vec<_>>());
    document
}

pub(super) fn volume(volume: &Value) -> Document {
    let spec = &volume["spec"];
    let mut document = Document::of(volume);
    document.metadata(volume);
    document.field("StorageClass", &say(&spec["storageClassName"]));
    document.field("Status", &phase(volume));
    let claim = &spec["claimRef"];
    let claim =
        if claim.is_object() { format!("{}/{}", say(&claim["namespace"]), say(&claim["name"])) } else { String::new() };
    document.field("Claim", &claim);
    document.field("Reclaim Policy", &say(&spec["persistentVolumeReclaimPolicy"]));
    document.field("Access Modes", &list(&spec["accessModes"]).join(", "));
    document.field("Capacity", &say(&spec["capacity"]["storage"]));
    document.optional("Message", &volume["status"]["message"]);
    for source in ["csi", "hostPath", "local"] {
        if spec[source].is_object() {
            document.dump(source, &spec[source]);
        }
    }
    document
}

fn phase(object: &Value) -> String {
    let is_ending = object["metadata"]["deletionTimestamp"].is_string();
    if is_ending { "Terminating".to_owned() } else { say(&object["status"]["phase"]) }
}

pub(super) fn node(node: &Value, pods: &Value) -> Document {
    let status = &node["status"];
    let mut document = Document::of(node);
    document.metadata(node);
    let addresses = status["addresses"].as_array().into_iter().flatten();
    let addresses = addresses.map(|address| format!("{} {}", say(&address["type"]), say(&address["address"])));
    document.lines("Addresses", &addresses.collect::<Vec<_>>());
    document.section("Conditions");
    document.row(&["Type", "Status", "Reason", "Message"]);
    for condition in status["conditions"].as_array().into_iter().flatten() {
        let [kind, value, reason, message] =
            ["type", "status", "reason", "message"].map(|field| say(&condition[field]));
        document.row(&[&kind, &value, &reason, &message]);
    }
    document.end();
    for field in ["capacity", "allocatable", "nodeInfo"] {
        if status[field].is_object() {
            document.dump(field, &status[field]);
        }
    }
    document.section("Pods");
    document.row(&["Namespace", "Name", "Status"]);
    for pod in pods["items"].as_array().into_iter().flatten() {
        let metadata = &pod["metadata"];
        document.row(&[&say(&metadata["namespace"]), &say(&metadata["name"]), &say(&pod["status"]["phase"])]);
    }
    document.end();
    document
}
