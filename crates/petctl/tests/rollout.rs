//! `petctl rollout` as users run it, against a server that says what the test wants.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

#[allow(dead_code, reason = "other tests use the rest")]
mod fake;

use fake::{Fake, Reply, Request, Said, done};

const SET: &str = "/apis/apps/v1/namespaces/default/statefulsets/web";

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "nginx"}}, "spec": {"containers": [{"name": "nginx", "image": image}]}})
}

fn set(image: &str, status: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "web", "namespace": "default", "uid": "u", "generation": 2},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "nginx"}}, "template": template(image),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        },
        "status": status,
    })
}

fn revision(number: i64, image: &str, owner: &str) -> Value {
    let mut template = template(image);
    template["$patch"] = "replace".into();
    json!({
        "metadata": {"name": format!("web-{number}"), "ownerReferences": [{"uid": owner, "controller": true}]},
        "revision": number,
        "data": {"spec": {"template": template}},
    })
}

/// A server with a set that runs `nginx:2`, and its history.
fn with_history(request: &Request) -> Reply {
    match request.line.as_str() {
        line if line.contains("/controllerrevisions?labelSelector=app%3Dnginx") => Reply::ok(&json!({"items": [
            revision(2, "nginx:2", "u"), revision(1, "nginx:1", "u"), revision(7, "other:1", "somebody else"),
        ]})),
        line if line == format!("GET {SET}") || line.starts_with(&format!("PATCH {SET}")) => {
            Reply::ok(&set("nginx:2", &json!({})))
        }
        _ => Reply::not_found("statefulsets.apps", "gone"),
    }
}

fn error(err: &str) -> Said {
    Said { out: String::new(), err: err.to_owned(), code: 1 }
}

#[test]
fn status_follows_a_rollout_to_its_end() {
    let asked = AtomicUsize::new(0);
    let fake = Fake::start(move |request| {
        if request.line.contains("/waits") {
            return Reply::ok(&json!({"items": []}));
        }
        let status = match asked.fetch_add(1, Ordering::SeqCst) {
            0 => json!({"observedGeneration": 1}),
            1 => json!({"observedGeneration": 2, "readyReplicas": 1, "updatedReplicas": 1}),
            2 => json!({"observedGeneration": 2, "readyReplicas": 2, "updatedReplicas": 1}),
            _ => json!({"observedGeneration": 2, "readyReplicas": 2, "updatedReplicas": 2}),
        };
        Reply::ok(&set("nginx:2", &status))
    });
    let expected = "Waiting for statefulset spec update to be observed...\n\
                    Waiting for 1 pods to be ready...\n\
                    Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...\n\
                    partitioned roll out complete: 2 new pods have been updated...\n";
    assert_eq!(fake.petctl(&["rollout", "status", "sts/web"]), done(expected));
}

#[test]
fn status_looks_once_or_for_so_long() {
    let fake = Fake::start(|_| Reply::ok(&set("nginx:2", &json!({}))));
    let waiting = "Waiting for statefulset spec update to be observed...\n";
    assert_eq!(fake.petctl(&["rollout", "status", "sts/web", "--watch=false"]), done(waiting));
    let late = fake.petctl(&["rollout", "status", "sts/web", "--timeout=1ms"]);
    assert_eq!(
        late,
        Said { out: waiting.to_owned(), err: "error: timed out waiting for the condition\n".to_owned(), code: 1 }
    );
}

#[test]
fn history_lists_the_sets_own_revisions() {
    let fake = Fake::start(with_history);
    assert_eq!(
        fake.petctl(&["rollout", "history", "sts/web"]),
        done("statefulset.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n")
    );
    let one = fake.petctl(&["rollout", "history", "sts/web", "--revision=1"]);
    assert!(one.out.starts_with("statefulset.apps/web with revision #1\nPod Template:\n"), "{}", one.out);
    assert!(one.out.contains("nginx:1"), "{}", one.out);
    assert_eq!(
        fake.petctl(&["rollout", "history", "sts/web", "--revision=7"]),
        error("error: unable to find the specified revision\n")
    );
}

#[test]
fn undo_changes_nothing_in_a_dry_run() {
    let fake = Fake::start(with_history);
    assert_eq!(
        fake.petctl(&["rollout", "undo", "sts/web", "--dry-run"]),
        done("statefulset.apps/web rolled back (server dry run)\n")
    );
    let lines: Vec<String> = fake.requests().into_iter().map(|request| request.line).collect();
    let patches: Vec<&String> = lines.iter().filter(|line| line.starts_with("PATCH")).collect();
    assert!(patches.len() == 1 && patches[0].contains("dryRun=All"), "{lines:?}");
}

#[test]
fn undo_sends_the_revision_as_a_patch() {
    let fake = Fake::start(with_history);
    assert_eq!(fake.petctl(&["rollout", "undo", "sts/web"]), done("statefulset.apps/web rolled back\n"));
    let patch = fake.requests().into_iter().find(|request| request.line.starts_with("PATCH")).unwrap();
    assert_eq!(patch.media, "application/strategic-merge-patch+json");
    assert_eq!(patch.body, revision(1, "nginx:1", "u")["data"]);
    assert_eq!(
        fake.petctl(&["rollout", "undo", "sts/web", "--to-revision=2"]),
        done("statefulset.apps/web skipped rollback (current template already matches revision 2)\n")
    );
    assert_eq!(
        fake.petctl(&["rollout", "undo", "sts/web", "--to-revision=9"]),
        error("error: unable to find specified revision 9 in history\n")
    );
}

#[test]
fn restart_changes_the_template() {
    let fake = Fake::start(with_history);
    assert_eq!(fake.petctl(&["rollout", "restart", "sts", "web"]), done("statefulset.apps/web restarted\n"));
    let patch = fake.requests().into_iter().find(|request| request.line.starts_with("PATCH")).unwrap();
    let at = &patch.body["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"];
    assert!(at.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{at}");
}

#[test]
fn what_a_set_cannot_do_is_said() {
    let fake = Fake::start(|_| Reply::ok(&set("nginx:2", &json!({}))));
    for (arguments, why) in [
        (["rollout", "pause", "sts/web"], "statefulsets.apps \"web\" pausing is not supported"),
        (["rollout", "resume", "sts/web"], "statefulsets.apps \"web\" resuming is not supported"),
        (["rollout", "restart", "po/web-0"], "pods \"web-0\" restarting is not supported"),
        (
            ["rollout", "undo", "petset/web"],
            "petsets.apps \"web\" rolling back is not supported; the template of a PetSet does not change",
        ),
        (
            ["rollout", "history", "petset/web"],
            "petsets.apps \"web\" has no rollout history; the template of a PetSet does not change",
        ),
    ] {
        assert_eq!(fake.petctl(&arguments), error(&format!("error: {why}\n")), "{arguments:?}");
    }
}
