//! Which container of a pod a request is about, and whether it has anything to read.

use api::status::Status;
use serde_json::Value;

/// The container that was asked for, or the only one. Errors: 400, in the words of Kubernetes' `registry/core/pod`.
pub(crate) fn choose<'a>(pod: &'a Value, asked: Option<&'a str>) -> Result<&'a str, Status> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let containers = names(pod, "containers");
    let init = names(pod, "initContainers");
    let ephemeral = names(pod, "ephemeralContainers");
    let why = match (asked, &containers[..]) {
        (Some(asked), _) if [&containers, &init, &ephemeral].iter().any(|names| names.contains(&asked)) => {
            return Ok(asked);
        }
        (Some(asked), _) => format!("container {asked} is not valid for pod {name}"),
        (None, [only]) => return Ok(only),
        (None, []) => format!("a container name must be specified for pod {name}"),
        (None, several) => {
            let choice = format!("choose one of: [{}]", several.join(" "));
            let init = if init.is_empty() {
                String::new()
            } else {
                format!(" or one of the init containers: [{}]", init.join(" "))
            };
            format!("a container name must be specified for pod {name}, {choice}{init}")
        }
    };
    Err(Status::bad_request(why))
}

/// Whether nothing has been done about a pod yet.
pub(crate) fn is_untouched(pod: &Value) -> bool {
    pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() && statuses(pod).next().is_none()
}

/// Errors: 400 where a container has no log, in the words of the kubelet (`validateContainerLogStatus`).
pub(crate) fn check_log(pod: &Value, container: &str, previous: bool) -> Result<(), Status> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let status = statuses(pod).find(|status| status["name"] == container);
    let Some(status) = status else {
        return Err(Status::bad_request(format!("container {container:?} in pod {name:?} is not available")));
    };
    let (state, last) = (&status["state"], &status["lastState"]);
    let has_ended_before = !last["terminated"].is_null();
    if previous {
        return if has_ended_before {
            Ok(())
        } else {
            let why = format!("previous terminated container {container:?} in pod {name:?} not found");
            Err(Status::bad_request(why))
        };
    }
    if !state["running"].is_null() || !state["terminated"].is_null() || has_ended_before {
        return Ok(());
    }
    let why = match state["waiting"]["reason"].as_str() {
        Some("ErrImagePull") => ": image can't be pulled".to_owned(),
        Some("ImagePullBackOff") => ": trying and failing to pull image".to_owned(),
        Some(reason) => format!(": {reason}"),
        None => " - no logs yet".to_owned(),
    };
    Err(Status::bad_request(format!("container {container:?} in pod {name:?} is waiting to start{why}")))
}

fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    let status = &pod["status"];
    let lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
    lists.into_iter().filter_map(|list| status[list].as_array()).flatten()
}

fn names<'a>(pod: &'a Value, list: &str) -> Vec<&'a str> {
    pod["spec"][list].as_array().into_iter().flatten().filter_map(|container| container["name"].as_str()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(containers: &[&str], init: &[&str]) -> Value {
        let list = |names: &[&str]| names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>();
        json!({"metadata": {"name": "p"}, "spec": {"containers": list(containers), "initContainers": list(init)}})
    }

    #[test]
    fn the_only_container_need_not_be_named() {
        for (pod, asked, expected) in [
            (pod(&["a"], &[]), None, Ok("a")),
            (pod(&["a", "b"], &["i"]), Some("i"), Ok("i")),
            (pod(&["a"], &[]), Some("zz"), Err("container zz is not valid for pod p")),
            (pod(&["a", "b"], &[]), None, Err("a container name must be specified for pod p, choose one of: [a b]")),
            (
                pod(&["a", "b"], &["i"]),
                None,
                Err(
                    "a container name must be specified for pod p, choose one of: [a b] or one of the init containers: [i]",
                ),
            ),
        ] {
            let chosen = choose(&pod, asked).map_err(|status| status.message);
            assert_eq!(chosen, expected.map_err(str::to_owned));
        }
    }

    #[test]
    fn a_container_without_a_log_says_why() {
        let with = |state: Value, last: Value| {
            json!({
                "metadata": {"name": "p"},
                "status": {"containerStatuses": [{"name": "c", "state": state, "lastState": last}]},
            })
        };
        let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
        for (pod, previous, expected) in [
            (with(json!({"running": {}}), json!({})), false, Ok(())),
            (with(waiting("CrashLoopBackOff"), json!({"terminated": {}})), false, Ok(())),
            (with(json!({"running": {}}), json!({"terminated": {}})), true, Ok(())),
            (
                with(json!({"running": {}}), json!({})),
                true,
                Err("previous terminated container \"c\" in pod \"p\" not found"),
            ),
            (
                with(waiting("ContainerCreating"), json!({})),
                false,
                Err("container \"c\" in pod \"p\" is waiting to start: ContainerCreating"),
            ),
            (
                with(waiting("ImagePullBackOff"), json!({})),
                false,
                Err("container \"c\" in pod \"p\" is waiting to start: trying and failing to pull image"),
            ),
            (json!({"metadata": {"name": "p"}}), false, Err("container \"c\" in pod \"p\" is not available")),
        ] {
            let checked = check_log(&pod, "c", previous).map_err(|status| status.message);
            assert_eq!(checked, expected.map_err(str::to_owned));
        }
    }
}
