//! The table of pods.

use serde_json::Value;

use super::{AGE, Column, NAME, Printer, age_of, items, name, seconds, text, text_or};

pub(super) static POD: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Ready", "Containers that are ready, of all."),
        Column::new("Status", "What the pod is doing, or what keeps it."),
        Column::new("Restarts", "Restarts of its containers, and how long ago the last one was."),
        AGE,
        Column::new("IP", "The pod's address.").wide(),
        Column::new("Node", "The node that runs the pod.").wide(),
        Column::new("Nominated Node", "The node that is to run the pod.").wide(),
        Column::new("Readiness Gates", "Conditions that must hold besides, and how many do.").wide(),
    ],
    cells,
};

fn cells(pod: &Value, now: i64) -> Vec<Value> {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let state = State::of(pod);
    vec![
        name(pod),
        format!("{}/{}", state.ready, state.total).into(),
        state.reason.into(),
        state.restarts.print(now).into(),
        age_of(pod, now),
        text_or(&status["podIPs"][0]["ip"], "<none>").into(),
        text_or(&spec["nodeName"], "<none>").into(),
        text_or(&status["nominatedNodeName"], "<none>").into(),
        readiness_gates(pod).into(),
    ]
}

/// What is printed of a pod's containers. The rules are those of Kubernetes' `printPod`.
struct State {
    reason: String,
    ready: usize,
    total: usize,
    restarts: Restarts,
}

#[derive(Clone, Copy, Default)]
struct Restarts {
    count: i64,
    last: Option<i64>,
}

impl State {
    fn of(pod: &Value) -> State {
        let (spec, status) = (&pod["spec"], &pod["status"]);
        let phase = text(&status["phase"]);
        let sidecars: Vec<&str> = items(&spec["initContainers"])
            .iter()
            .filter(|container| container["restartPolicy"] == "Always")
            .map(|container| text(&container["name"]))
            .collect();
        let mut state = State {
            reason: text_or(&status["reason"], phase).to_owned(),
            ready: 0,
            total: items(&spec["containers"]).len() + sidecars.len(),
            restarts: Restarts::default(),
        };
        let is_gated =
            |condition: &Value| condition["type"] == "PodScheduled" && condition["reason"] == "SchedulingGated";
        if items(&status["conditions"]).iter().any(is_gated) {
            "SchedulingGated".clone_into(&mut state.reason);
        }
        let initialising = state.read_init_containers(pod, &sidecars);
        if !initialising || condition_is_true(pod, "Initialized") {
            state.read_containers(pod);
        }
        if !pod["metadata"]["deletionTimestamp"].is_null() {
            if status["reason"] == "NodeLost" {
                "Unknown".clone_into(&mut state.reason);
            } else if !matches!(phase, "Succeeded" | "Failed") {
                "Terminating".clone_into(&mut state.reason);
            }
        }
        state
    }

    /// Reads up to the first init container that is not through; whether there is one.
    ///
    /// Once the pod is past them, only the restarts of its sidecars still count.
    fn read_init_containers(&mut self, pod: &Value, sidecars: &[&str]) -> bool {
        let total = items(&pod["spec"]["initContainers"]).len();
        let mut all = Restarts::default();
        for (i, container) in items(&pod["status"]["initContainerStatuses"]).iter().enumerate() {
            let is_sidecar = sidecars.contains(&text(&container["name"]));
            all.add(container);
            if is_sidecar {
                self.restarts.add(container);
            }
            let (waiting, terminated) = (&container["state"]["waiting"], &container["state"]["terminated"]);
            if terminated["exitCode"] == 0 {
                continue;
            }
            if is_sidecar && container["started"] == true {
                self.ready += usize::from(container["ready"] == true);
                continue;
            }
            self.reason = match (ending(terminated), text(&waiting["reason"])) {
                (Some(ending), _) => format!("Init:{ending}"),
                (None, "" | "PodInitializing") => format!("Init:{i}/{total}"),
                (None, reason) => format!("Init:{reason}"),
            };
            // Past this point the container statuses are not read, unless the pod counts as initialised after all.
            if !condition_is_true(pod, "Initialized") {
                self.restarts = all;
            }
            return true;
        }
        false
    }

    fn read_containers(&mut self, pod: &Value) {
        let mut is_running = false;
        for container in items(&pod["status"]["containerStatuses"]).iter().rev() {
            self.restarts.add(container);
            let state = &container["state"];
            if let Some(reason) = state["waiting"]["reason"].as_str().filter(|reason| !reason.is_empty()) {
                reason.clone_into(&mut self.reason);
            } else if let Some(ending) = ending(&state["terminated"]) {
                self.reason = ending;
            } else if container["ready"] == true && !state["running"].is_null() {
                is_running = true;
                self.ready += 1;
            }
        }
        if self.reason == "Completed" && is_running {
            let reason = if condition_is_true(pod, "Ready") { "Running" } else { "NotReady" };
            reason.clone_into(&mut self.reason);
        }
    }
}

impl Restarts {
    fn add(&mut self, container: &Value) {
        self.count += container["restartCount"].as_i64().unwrap_or(0);
        self.last = self.last.max(seconds(&container["lastState"]["terminated"]["finishedAt"]));
    }

    fn print(&self, now: i64) -> String {
        match self.last {
            Some(last) if self.count != 0 => format!("{} ({} ago)", self.count, super::age(now - last)),
            _ => self.count.to_string(),
        }
    }
}

/// How a container ended, `None` where it has not: its reason, else its signal, else its exit code.
fn ending(terminated: &Value) -> Option<String> {
    if terminated.is_null() {
        return None;
    }
    let number = |field: &str| terminated[field].as_i64().unwrap_or(0);
    Some(match (text(&terminated["reason"]), number("signal")) {
        ("", 0) => format!("ExitCode:{}", number("exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    })
}

fn condition_is_true(pod: &Value, condition_type: &str) -> bool {
    let conditions = items(&pod["status"]["conditions"]);
    conditions.iter().any(|condition| condition["type"] == condition_type && condition["status"] == "True")
}

fn readiness_gates(pod: &Value) -> String {
    match items(&pod["spec"]["readinessGates"]) {
        [] => "<none>".to_owned(),
        gates => {
            let held = gates.iter().filter(|gate| condition_is_true(pod, text(&gate["conditionType"]))).count();
            format!("{held}/{}", gates.len())
        }
    }
}
