//! A pod, and the containers of a template.

use serde_json::Value;

use super::document::{Document, list, say};

pub(super) fn describe(pod: &Value) -> Document {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let mut document = Document::of(pod);
    let node = match (say(&spec["nodeName"]), say(&status["hostIP"])) {
        (node, address) if address.is_empty() => node,
        (node, address) => format!("{node}/{address}"),
    };
    document.field("Node", &node);
    document.field("Start Time", &say(&status["startTime"]));
    document.metadata(pod);
    let is_ending = pod["metadata"]["deletionTimestamp"].is_string();
    document.field("Status", &if is_ending { "Terminating".to_owned() } else { say(&status["phase"]) });
    if is_ending {
        let grace = format!("{}s", say(&pod["metadata"]["deletionGracePeriodSeconds"]));
        document.field("Termination Grace Period", &grace);
    }
    document.optional("Reason", &status["reason"]);
    document.optional("Message", &status["message"]);
    document.field("IP", &say(&status["podIP"]));
    document.optional("Hostname", &spec["hostname"]);
    document.optional("Subdomain", &spec["subdomain"]);
    containers(&mut document, "Init Containers", &spec["initContainers"], &status["initContainerStatuses"]);
    containers(&mut document, "Containers", &spec["containers"], &status["containerStatuses"]);
    document.section("Conditions");
    document.row(&["Type", "Status", "Reason"]);
    for condition in status["conditions"].as_array().into_iter().flatten() {
        let reason = [say(&condition["reason"]), say(&condition["message"])];
        let reason = reason.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(": ");
        document.row(&[&say(&condition["type"]), &say(&condition["status"]), &reason]);
    }
    document.end();
    volumes(&mut document, &spec["volumes"]);
    document
}

/// Containers with their states, where there are any.
pub(super) fn containers(document: &mut Document, heading: &str, containers: &Value, statuses: &Value) {
    let Some(containers) = containers.as_array().filter(|containers| !containers.is_empty()) else { return };
    document.section(heading);
    for container in containers {
        let status = statuses.as_array().into_iter().flatten().find(|status| status["name"] == container["name"]);
        document.section(&say(&container["name"]));
        if let Some(status) = status {
            document.optional("Container ID", &status["containerID"]);
        }
        document.field("Image", &say(&container["image"]));
        if let Some(status) = status {
            document.optional("Image ID", &status["imageID"]);
        }
        let ports = container["ports"].as_array().into_iter().flatten();
        let ports: Vec<String> =
            ports.map(|port| format!("{}/{}", say(&port["containerPort"]), protocol(port))).collect();
        document.field("Ports", &ports.join(", "));
        for (name, field) in [("Command", "command"), ("Args", "args")] {
            if container[field].is_array() {
                document.lines(name, &list(&container[field]));
            }
        }
        if let Some(status) = status {
            state(document, "State", &status["state"]);
            if status["lastState"].as_object().is_some_and(|state| !state.is_empty()) {
                state(document, "Last State", &status["lastState"]);
            }
            document.field("Ready", if status["ready"] == true { "True" } else { "False" });
            document.field("Restart Count", &say(&status["restartCount"]));
        }
        for (name, field) in
            [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")]
        {
            if container[field].is_object() {
                document.field(name, &probe(&container[field]));
            }
        }
        document.lines("Environment", &environment(&container["env"]));
        document.lines("Mounts", &mounts(&container["volumeMounts"]));
        document.end();
    }
    document.end();
}

fn protocol(port: &Value) -> String {
    port["protocol"].as_str().unwrap_or("TCP").to_owned()
}

/// `Running`, `Waiting` or `Terminated`, with what is known about it.
fn state(document: &mut Document, name: &str, state: &Value) {
    let Some((kind, detail)) = state.as_object().and_then(|state| state.iter().next()) else {
        return document.field(name, "Waiting");
    };
    let mut kind = kind.clone();
    if let Some(first) = kind.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    document.field(name, &kind);
    for (heading, field) in [
        ("  Reason", "reason"),
        ("  Message", "message"),
        ("  Exit Code", "exitCode"),
        ("  Signal", "signal"),
        ("  Started", "startedAt"),
        ("  Finished", "finishedAt"),
    ] {
        document.optional(heading, &detail[field]);
    }
}

/// `exec [cat /ready] delay=5s timeout=1s period=10s #success=1 #failure=3`.
fn probe(probe: &Value) -> String {
    let action = if probe["exec"].is_object() {
        format!("exec [{}]", list(&probe["exec"]["command"]).join(" "))
    } else if probe["httpGet"].is_object() {
        let get = &probe["httpGet"];
        let scheme = get["scheme"].as_str().unwrap_or("http").to_ascii_lowercase();
        format!("http-get {scheme}://{}:{}{}", say(&get["host"]), say(&get["port"]), say(&get["path"]))
    } else if probe["tcpSocket"].is_object() {
        format!("tcp-socket {}:{}", say(&probe["tcpSocket"]["host"]), say(&probe["tcpSocket"]["port"]))
    } else {
        "unknown".to_owned()
    };
    let number = |field: &str, otherwise| probe[field].as_i64().unwrap_or(otherwise);
    format!(
        "{action} delay={}s timeout={}s period={}s #success={} #failure={}",
        number("initialDelaySeconds", 0),
        number("timeoutSeconds", 1),
        number("periodSeconds", 10),
        number("successThreshold", 1),
        number("failureThreshold", 3)
    )
}

fn environment(variables: &Value) -> Vec<String> {
    let variables = variables.as_array().into_iter().flatten().map(|variable| {
        let from = &variable["valueFrom"];
        let value = match from["fieldRef"]["fieldPath"].as_str() {
            Some(path) => format!("({path})"),
            None if from.is_object() => from.to_string(),
            None => say(&variable["value"]),
        };
        format!("{}={value}", say(&variable["name"]))
    });
    variables.collect()
}

fn mounts(mounts: &Value) -> Vec<String> {
    let mounts = mounts.as_array().into_iter().flatten().map(|mount| {
        let mode = if mount["readOnly"] == true { "ro" } else { "rw" };
        let path = mount["subPath"].as_str().map(|path| format!(",path=\"{path}\"")).unwrap_or_default();
        format!("{} from {} ({mode}{path})", say(&mount["mountPath"]), say(&mount["name"]))
    });
    mounts.collect()
}

/// Each volume with where it comes from.
pub(super) fn volumes(document: &mut Document, volumes: &Value) {
    let Some(volumes) = volumes.as_array().filter(|volumes| !volumes.is_empty()) else { return };
    document.section("Volumes");
    for volume in volumes {
        document.section(&say(&volume["name"]));
        for (kind, source) in volume.as_object().into_iter().flatten().filter(|(name, _)| *name != "name") {
            match kind.as_str() {
                "persistentVolumeClaim" => document.field("Claim", &say(&source["claimName"])),
                "hostPath" => document.field("Host Path", &say(&source["path"])),
                "emptyDir" => document.field("Empty Dir", source["medium"].as_str().unwrap_or("on disk")),
                _ => document.dump(kind, source),
            }
        }
        document.end();
    }
    document.end();
}
