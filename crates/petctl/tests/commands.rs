//! petctl as users run it, against a server that says what the test wants.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

mod fake;

use fake::{Fake, Reply, Said, done};

const POD: &str = "/api/v1/namespaces/default/pods/web-0";
const PODS: &str = "/api/v1/namespaces/default/pods";
const SETS: &str = "/apis/apps/v1alpha1/namespaces/default/petsets";

fn pod() -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
           "metadata": {"name": "web-0", "namespace": "default", "uid": "u", "resourceVersion": "7", "labels": {"app": "nginx"}},
           "spec": {"containers": [{"name": "nginx", "image": "nginx:1"}]}, "status": {"phase": "Running"}})
}

/// A table of pods; without headings as in the later events of a watch.
fn table(names: &[&str], has_headings: bool) -> Value {
    let column = |name: &str, format: &str, priority: u8| json!({"name": name, "format": format, "priority": priority});
    let headings = json!([column("Name", "name", 0), column("Status", "", 0), column("IP", "", 1)]);
    let rows: Vec<Value> = names
        .iter()
        .map(|name| {
            json!({"cells": [name, "Running", "10.1.0.2"],
                   "object": {"metadata": {"name": name, "namespace": "default", "resourceVersion": "9"}}})
        })
        .collect();
    json!({"kind": "Table", "metadata": {"resourceVersion": "8"},
           "columnDefinitions": if has_headings { headings } else { Value::Null }, "rows": rows})
}

fn error(err: &str) -> Said {
    Said { out: String::new(), err: err.to_owned(), code: 1 }
}

/// Writes a manifest; the directory lives as long as the value.
fn manifest(text: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("web.yaml");
    fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    (directory, path)
}

#[test]
fn shows_the_servers_table() {
    let fake = Fake::start(|_| Reply::ok(&table(&["web-0", "web-1"], true)));
    assert_eq!(
        fake.petctl(&["get", "po", "-l", "app=nginx"]),
        done("NAME    STATUS\nweb-0   Running\nweb-1   Running\n")
    );
    assert_eq!(fake.lines(), [format!("GET {PODS}?labelSelector=app%3Dnginx")]);
    let wide = fake.petctl(&["get", "po", "-A", "-o", "wide", "--no-headers"]);
    assert_eq!(wide, done("default   web-0   Running   10.1.0.2\ndefault   web-1   Running   10.1.0.2\n"));
}

#[test]
fn what_is_at_a_path_is_shown_as_it_is_whatever_the_instance() {
    let fake = Fake::start(|_| Reply::ok(&json!({"items": []})));
    let mut command = Command::new(env!("CARGO_BIN_EXE_petctl"));
    let said = fake.run(command.args(["get", "--raw", "/petset/v1/waits"]).env("PETSET_INSTANCE", "other"));
    assert_eq!(said, done("{\"items\":[]}"));
    assert_eq!(fake.petctl(&["get", "po", "--raw", "/readyz"]).code, 2);
}

#[test]
fn says_when_there_is_nothing() {
    let fake = Fake::start(|_| Reply::ok(&table(&[], true)));
    let nothing = fake.petctl(&["get", "po"]);
    assert_eq!(nothing, Said { err: "No resources found in default namespace.\n".into(), ..done("") });
    assert_eq!(fake.petctl(&["get", "po", "-A"]).err, "No resources found\n");
}

#[test]
fn a_refused_list_is_not_called_empty() {
    let fake = Fake::start(|_| Reply::refused(400, "BadRequest", "field label not supported: foo"));
    let said = fake.petctl(&["get", "po", "--field-selector", "foo=bar"]);
    assert_eq!(said, error("Error from server (BadRequest): field label not supported: foo\n"));
}

#[test]
fn an_object_that_was_typed_is_refused_without_a_source() {
    let fake = Fake::start(|_| Reply::refused(409, "AlreadyExists", "namespaces \"dev\" already exists"));
    let said = fake.petctl(&["create", "namespace", "dev"]);
    assert_eq!(said, error("Error from server (AlreadyExists): namespaces \"dev\" already exists\n"));
}

#[test]
fn a_patch_that_does_not_fit_is_refused_in_kubectls_words() {
    let fake = Fake::start(|_| {
        Reply::refused(422, "Invalid", "the server rejected our request due to an error in our request")
    });
    let test = r#"[{"op": "test", "path": "/spec/replicas", "value": 7}]"#;
    assert_eq!(
        fake.petctl(&["patch", "petset", "web", "--type=json", "-p", test]),
        error("The request is invalid: the server rejected our request due to an error in our request\n")
    );
}

#[test]
fn removing_a_label_has_a_word_of_its_own() {
    let fake = Fake::start(|_| Reply::ok(&pod()));
    assert_eq!(fake.petctl(&["label", "po", "web-0", "app-"]), done("pod/web-0 unlabeled\n"));
    let said = fake.petctl(&["label", "po", "web-0", "app-", "tier=1"]);
    assert_eq!(said, done("pod/web-0 labeled\n"));
}

#[test]
fn refusals_are_said_in_kubectls_words() {
    let fake = Fake::start(|_| Reply::not_found("pods", "x"));
    assert_eq!(fake.petctl(&["get", "po", "x"]), error("Error from server (NotFound): pods \"x\" not found\n"));
    assert_eq!(fake.petctl(&["get", "po", "x", "--ignore-not-found"]), done(""));
    let unknown = fake.petctl(&["get", "pets0"]);
    assert_eq!(unknown, error("error: the server doesn't have a resource type \"pets0\"\n"));
}

#[test]
fn prints_documents_and_templates() {
    let fake = Fake::start(|request| match request.line.as_str() {
        line if line.ends_with("/pods") => {
            Reply::ok(&json!({"kind": "PodList", "items": [{"metadata": {"name": "web-0"}}]}))
        }
        _ => Reply::ok(&pod()),
    });
    assert_eq!(fake.petctl(&["get", "po", "-o", "name"]), done("pod/web-0\n"));
    assert_eq!(fake.petctl(&["get", "po/web-0", "-o", "jsonpath={.status.phase}"]), done("Running"));
    let list: Value = serde_json::from_str(&fake.petctl(&["get", "po", "-o", "json"]).out).unwrap();
    assert_eq!(list["items"][0], json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0"}}));
    let yaml = fake.petctl(&["get", "po", "web-0", "-o", "yaml"]).out;
    assert!(
        yaml.starts_with("apiVersion: v1\nkind: Pod\nmetadata:\n  labels:\n    app: nginx\n  name: web-0\n"),
        "{yaml}"
    );
    let custom = fake.petctl(&["get", "po", "web-0", "-o", "custom-columns=POD:.metadata.name,NODE:.spec.nodeName"]);
    assert_eq!(custom, done("POD     NODE\nweb-0   <none>\n"));
}

#[test]
fn a_watch_shows_changes_below_the_table_until_it_fails() {
    let fake = Fake::start(|request| {
        if !request.line.contains("watch=true") {
            return Reply::ok(&table(&["web-0"], true));
        }
        let change = json!({"type": "MODIFIED", "object": table(&["web-0"], false)});
        let bookmark = json!({"type": "BOOKMARK", "object": table(&[], false)});
        let gone = json!({"type": "ERROR", "object": {"reason": "Expired", "message": "too old resource version", "code": 410}});
        Reply(200, None, format!("{change}\n{bookmark}\n{gone}\n"))
    });
    let said = fake.petctl(&["get", "po", "-w"]);
    assert_eq!(said.out, "NAME    STATUS\nweb-0   Running\nweb-0   Running\n");
    assert_eq!((said.err.as_str(), said.code), ("Error from server (Expired): too old resource version\n", 1));
    assert_eq!(fake.lines()[1], format!("GET {PODS}?watch=true&resourceVersion=8"));
}

#[test]
fn create_checks_strictly_and_prints_warnings() {
    let fake = Fake::start(|request| {
        let mut object = request.body.clone();
        object["metadata"]["resourceVersion"] = "1".into();
        Reply(201, Some("deleting this set leaves its pets running"), object.to_string())
    });
    let (_directory, path) = manifest(
        "apiVersion: v1\nkind: Service\nmetadata: {name: nginx}\n---\napiVersion: apps/v1alpha1\nkind: PetSet\nmetadata: {name: web}\n",
    );
    let said = fake.petctl(&["create", "-f", &path]);
    assert_eq!(said.out, "service/nginx created\npetset.apps/web created\n");
    // The same warning is said once.
    assert_eq!(said.err, "Warning: deleting this set leaves its pets running\n");
    let requests = fake.requests();
    assert_eq!(requests[1].line, format!("POST {SETS}?fieldManager=petctl-create&fieldValidation=Strict"));
    assert_eq!(requests[1].body["metadata"], json!({"name": "web", "namespace": "default"}));
}

#[test]
fn all_causes_are_said_and_the_next_manifest_is_still_tried() {
    let status = json!({"reason": "Invalid", "message": "long", "code": 422, "details": {"kind": "PetSet", "name": "web",
        "causes": [{"field": "spec.replicas", "message": "Invalid value: -1"}, {"field": "spec.selector", "message": "Required value"}]}});
    let fake = Fake::start(move |request| {
        if request.line.contains("petsets") {
            Reply(422, None, status.to_string())
        } else {
            Reply(201, None, request.body.to_string())
        }
    });
    let (_directory, path) = manifest(
        "apiVersion: apps/v1alpha1\nkind: PetSet\nmetadata: {name: web}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: nginx}\n",
    );
    let said = fake.petctl(&["create", "-f", &path]);
    let expected =
        "The PetSet \"web\" is invalid: \n* spec.replicas: Invalid value: -1\n* spec.selector: Required value\n";
    assert_eq!(said, Said { out: "service/nginx created\n".into(), err: expected.into(), code: 1 });
}

#[test]
fn another_namespace_than_the_manifests_is_refused() {
    let fake = Fake::start(|_| panic!("nothing is asked"));
    let (_directory, path) = manifest("apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b}\n");
    let said = fake.petctl(&["create", "-f", &path, "-n", "c"]);
    assert!(said.err.contains("You must pass '--namespace=b'"), "{}", said.err);
}

#[test]
fn apply_creates_changes_and_leaves_alone() {
    let manifest_of = |replicas: u8| {
        format!("apiVersion: apps/v1alpha1\nkind: PetSet\nmetadata: {{name: web}}\nspec: {{replicas: {replicas}}}\n")
    };
    let (_first, two) = manifest(&manifest_of(2));
    let (_second, three) = manifest(&manifest_of(3));

    let empty = Fake::start(|request| {
        if request.line.starts_with("GET") {
            Reply::not_found("petsets.apps", "web")
        } else {
            Reply(201, None, request.body.to_string())
        }
    });
    assert_eq!(empty.petctl(&["apply", "-f", &two]), done("petset.apps/web created\n"));
    let mut stored = empty.requests()[1].body.clone();
    stored["metadata"]["resourceVersion"] = "5".into();
    stored["spec"]["serviceName"] = "filled in by the server".into();

    let full = Fake::start(move |request| {
        let mut object = stored.clone();
        if request.line.starts_with("PATCH") {
            object["metadata"]["resourceVersion"] = "6".into();
        }
        Reply::ok(&object)
    });
    assert_eq!(full.petctl(&["apply", "-f", &two]), done("petset.apps/web unchanged\n"));
    assert_eq!(full.petctl(&["apply", "-f", &three]), done("petset.apps/web configured\n"));
    let requests = full.requests();
    let patch = requests.iter().find(|request| request.line.starts_with("PATCH")).unwrap();
    assert_eq!((patch.media.as_str(), &patch.body["spec"]), ("application/merge-patch+json", &json!({"replicas": 3})));
    assert_eq!(requests.iter().filter(|request| request.line.starts_with("PATCH")).count(), 1);
}

#[test]
fn the_server_applies_what_it_is_asked_to() {
    let manifest_of =
        "apiVersion: apps/v1alpha1\nkind: PetSet\nmetadata: {name: web, namespace: default}\nspec: {replicas: 2}\n";
    let (_directory, path) = manifest(manifest_of);
    let fake = Fake::start(|request| Reply(201, None, request.body.to_string()));
    assert_eq!(fake.petctl(&["apply", "--server-side", "-f", &path]), done("petset.apps/web serverside-applied\n"));
    let forced = ["apply", "--server-side", "--force-conflicts", "--field-manager=me", "-f", &path];
    assert_eq!(fake.petctl(&forced), done("petset.apps/web serverside-applied\n"));
    let requests = fake.requests();
    let asked: Vec<&str> = requests.iter().map(|request| request.line.as_str()).collect();
    let object = "PATCH /apis/apps/v1alpha1/namespaces/default/petsets/web";
    let first = format!("{object}?fieldManager=petctl&fieldValidation=Strict&force=false");
    let second = format!("{object}?fieldManager=me&fieldValidation=Strict&force=true");
    assert_eq!(asked, [first, second]);
    assert_eq!(requests[0].media, "application/apply-patch+yaml");
    assert_eq!(requests[0].body["spec"], json!({"replicas": 2}));
    let alone = fake.petctl(&["apply", "--force-conflicts", "-f", &path]);
    assert_eq!(alone.code, 2, "{}", alone.err);
}

#[test]
fn who_owns_what_is_shown_where_it_is_asked_for() {
    let entry = json!({"manager": "me", "operation": "Apply"});
    let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "managedFields": [entry]}});
    let fake = Fake::start(move |_| Reply::ok(&object));
    let hidden = fake.petctl(&["get", "po", "a", "-o", "json"]);
    assert!(!hidden.out.contains("managedFields"), "{}", hidden.out);
    for asked in [["-o", "json", "--show-managed-fields"], ["-o", "yaml", "--show-managed-fields"]] {
        let shown = fake.petctl(&[&["get", "po", "a"][..], &asked[..]].concat());
        assert!(shown.out.contains("managedFields"), "{}", shown.out);
    }
    let plain = fake.petctl(&["get", "po", "a", "-o", "jsonpath={.metadata.managedFields[0].manager}"]);
    assert_eq!(plain.out, "me");
}

#[test]
fn delete_waits_until_the_pod_is_gone_and_says_why_it_takes_long() {
    let looks = AtomicUsize::new(0);
    let fake = Fake::start(move |request| match request.line.split(' ').next() {
        _ if request.line.starts_with("GET /petset") => {
            let message = "the container has 30s to end";
            Reply::ok(&json!({"items": [{"kind": "Pod", "name": "web-0", "reason": "Stopping", "message": message}]}))
        }
        Some("DELETE") => Reply::ok(&pod()),
        _ if looks.fetch_add(1, Ordering::SeqCst) < 6 => Reply::ok(&pod()),
        _ => Reply::not_found("pods", "web-0"),
    });
    let said = fake.petctl(&["delete", "po", "web-0"]);
    assert_eq!(said.out, "pod \"web-0\" deleted\n");
    assert_eq!((said.err.as_str(), said.code), ("waiting for web-0: the container has 30s to end\n", 0));
    let first = &fake.requests()[0];
    assert_eq!(first.line, format!("DELETE {POD}"));
    assert_eq!(first.body, json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}));
}

#[test]
fn delete_by_label_takes_each_and_a_new_pod_of_the_name_ends_the_wait() {
    let fake = Fake::start(|request| match request.line.split(' ').next() {
        Some("DELETE") => Reply::ok(&pod()),
        _ if request.line.contains("labelSelector") => Reply::ok(&json!({"items": [pod()]})),
        _ => {
            let mut other = pod();
            other["metadata"]["uid"] = "another".into();
            Reply::ok(&other)
        }
    });
    assert_eq!(fake.petctl(&["delete", "po", "-l", "app=nginx"]), done("pod \"web-0\" deleted\n"));
    assert_eq!(
        fake.lines(),
        [format!("GET {PODS}?labelSelector=app%3Dnginx"), format!("DELETE {POD}"), format!("GET {POD}")]
    );
}

#[test]
fn a_kind_alone_deletes_nothing() {
    let fake = Fake::start(|_| panic!("nothing is asked"));
    let said = fake.petctl(&["delete", "po"]);
    assert_eq!(said.code, 1);
    assert!(said.err.starts_with("error: resource(s) were provided, but no name was specified"), "{}", said.err);
}

#[test]
fn scale_patches_the_subresource_and_waits_when_asked() {
    let looks = AtomicUsize::new(0);
    let fake = Fake::start(move |request| {
        if request.line.contains("/pods") {
            let ready = if looks.fetch_add(1, Ordering::SeqCst) > 0 { "True" } else { "False" };
            let pod =
                json!({"metadata": {"name": "web-0"}, "status": {"conditions": [{"type": "Ready", "status": ready}]}});
            return Reply::ok(&json!({"items": [pod]}));
        }
        Reply::ok(
            &json!({"metadata": {"name": "web"}, "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "nginx"}}}}),
        )
    });
    assert_eq!(fake.petctl(&["scale", "petset", "web", "--replicas=1", "--wait"]), done("petset.apps/web scaled\n"));
    let first = &fake.requests()[0];
    assert_eq!(first.line, format!("PATCH {SETS}/web/scale?fieldManager=petctl-scale"));
    assert_eq!(first.body, json!({"spec": {"replicas": 1}}));
    assert!(fake.lines().contains(&format!("GET {PODS}?labelSelector=app%3Dnginx")));
}

#[test]
fn annotate_changes_only_what_differs() {
    let fake = Fake::start(|_| Reply::ok(&pod()));
    let said = fake.petctl(&["annotate", "po", "web-0", "pod.alpha.kubernetes.io/initialized=true"]);
    assert_eq!(said, done("pod/web-0 annotated\n"));
    let patch = &fake.requests()[1].body;
    assert_eq!(patch, &json!({"metadata": {"annotations": {"pod.alpha.kubernetes.io/initialized": "true"}}}));
    assert_eq!(fake.petctl(&["label", "po", "web-0", "app=nginx"]), done("pod/web-0 not labeled\n"));
}

#[test]
fn edit_opens_again_with_the_reasons() {
    let tries = AtomicUsize::new(0);
    let fake = Fake::start(move |request| match request.line.split(' ').next() {
        Some("PATCH") if tries.fetch_add(1, Ordering::SeqCst) == 0 => {
            let causes = json!([{"field": "metadata.labels", "message": "Invalid value: \"NGINX\""}]);
            let status = json!({"reason": "Invalid", "code": 422, "details": {"kind": "Pod", "name": "web-0", "causes": causes}});
            Reply(422, None, status.to_string())
        }
        _ => Reply::ok(&pod()),
    });
    // The first time a wrong change; then, because the reason stands there, a right one.
    let editor = "sed -i -e '/^# .*NGINX/,$ s/app: NGINX/app: httpd/' -e 's/app: nginx/app: NGINX/'";
    let said =
        fake.run(Command::new(env!("CARGO_BIN_EXE_petctl")).args(["edit", "po", "web-0"]).env("KUBE_EDITOR", editor));
    assert_eq!(said, done("pod/web-0 edited\n"));
    let patches: Vec<Value> =
        fake.requests().into_iter().filter(|r| r.line.starts_with("PATCH")).map(|r| r.body).collect();
    let label = |value: &str| json!({"metadata": {"labels": {"app": value}}});
    assert_eq!(patches, [label("NGINX"), label("httpd")]);
}

#[test]
fn an_edit_that_changes_nothing_asks_nothing() {
    let fake = Fake::start(|_| Reply::ok(&pod()));
    let said =
        fake.run(Command::new(env!("CARGO_BIN_EXE_petctl")).args(["edit", "po", "web-0"]).env("KUBE_EDITOR", "true"));
    assert_eq!(said, Said { err: "Edit cancelled, no changes made.\n".into(), ..done("") });
    assert_eq!(fake.lines(), [format!("GET {POD}")]);
}

#[test]
fn logs_are_copied_as_they_are() {
    let fake = Fake::start(|request| {
        if request.line.contains("/log") {
            Reply(200, None, "one\ntwo without an end".to_owned())
        } else {
            Reply::ok(&pod())
        }
    });
    let said = fake.petctl(&["logs", "web-0", "--tail=2", "--since=90s", "--timestamps"]);
    assert_eq!(said, done("one\ntwo without an end"));
    assert_eq!(fake.lines()[1], format!("GET {POD}/log?container=nginx&timestamps=true&tailLines=2&sinceSeconds=90"));
}

#[test]
fn describe_says_what_is_waited_for() {
    let fake = Fake::start(|request| match request.line.as_str() {
        line if line.starts_with("GET /petset") => {
            let wait = json!({"kind": "Pod", "namespace": "default", "name": "web-0", "reason": "ProbeFailed",
                       "message": "probe exec exited 1"});
            Reply::ok(&json!({"items": [wait]}))
        }
        line if line.contains("/events") => Reply::ok(&json!({"items": []})),
        _ => Reply::ok(&pod()),
    });
    let said = fake.petctl(&["describe", "po", "web-0"]);
    assert!(
        said.out.ends_with("Waiting:\n  web-0   ProbeFailed   probe exec exited 1\nEvents:  <none>\n"),
        "{}",
        said.out
    );
}

#[test]
fn wait_ends_when_the_condition_is_met_and_fails_when_time_is_up() {
    let fake = Fake::start(|_| Reply::ok(&pod()));
    let met = fake.petctl(&["wait", "--for=jsonpath={.status.phase}=Running", "po/web-0"]);
    assert_eq!(met, done("pod/web-0 condition met\n"));
    let late = fake.petctl(&["wait", "--for=condition=Ready", "po/web-0", "--timeout=0s"]);
    assert_eq!(late, error("error: timed out waiting for the condition on pods/web-0\n"));
}

#[test]
fn without_a_daemon_says_how_to_start_it() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let home = tempfile::tempdir().unwrap();
    let petctl = |host: Option<String>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_petctl"));
        command.args(["get", "po"]).env("PETSET_DATA_DIR", home.path()).env_remove("PETSET_HOST");
        Said::from(command.envs(host.map(|host| ("PETSET_HOST", host))).output().unwrap())
    };
    let refused = petctl(Some(format!("http://{gone}")));
    assert!(refused.err.ends_with("Is petsetd running? Start it with: petctl up\n"), "{}", refused.err);
    let never = petctl(None);
    assert_eq!(never.code, 1);
    assert!(never.err.ends_with("Start the daemon with: petctl up\n"), "{}", never.err);
}

fn waiting(items: &[(&str, &str, &str, &str)]) -> Reply {
    let item = |(kind, name, reason, message): &(&str, &str, &str, &str)| {
        let namespace = if *kind == "Node" { "" } else { "default" };
        json!({"kind": kind, "namespace": namespace, "name": name, "reason": reason, "message": message})
    };
    Reply::ok(&json!({"items": items.iter().map(item).collect::<Vec<_>>()}))
}

/// A set whose second pet waits for its claim, beside one that waits for something else.
fn chain(request: &fake::Request) -> Reply {
    let pod = |name: &str| {
        json!({"metadata": {"name": name, "namespace": "default"}, "status": {"phase": "Pending"},
               "spec": {"volumes": [{"name": "www", "persistentVolumeClaim": {"claimName": format!("www-{name}")}}]}})
    };
    match request.line.as_str() {
        line if line.starts_with("GET /petset/v1/waits") => waiting(&[
            ("PersistentVolumeClaim", "www-web-1", "ClaimPending", "no storage class makes its volume"),
            ("PetSet", "web", "PetNotRunning", "waiting to create web-2: web-1 is Pending: its claim is unbound"),
            ("Pod", "web-1", "Unschedulable", "web-1: its claim is unbound."),
            ("Pod", "web-11", "InProgress", "web-11: starting the sandbox"),
        ]),
        line if line.ends_with("/petsets/web") => Reply::ok(&json!({"kind": "PetSet",
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "nginx"}}}})),
        line if line.contains("/pods?labelSelector=app%3Dnginx") => {
            Reply::ok(&json!({"items": [pod("web-0"), pod("web-1"), pod("web-11")]}))
        }
        line if line.ends_with("/persistentvolumeclaims/www-web-1") => Reply::ok(&json!({
            "kind": "PersistentVolumeClaim", "metadata": {"name": "www-web-1", "namespace": "default"}})),
        line if line.ends_with("/pods/web-0") => {
            let mut pod = pod("web-0");
            pod["kind"] = json!("Pod");
            Reply::ok(&pod)
        }
        line if line.ends_with("/pods/db-0") => Reply::ok(&json!({"kind": "Pod",
            "metadata": {"name": "db-0", "namespace": "default"},
            "status": {"phase": "Failed", "reason": "NodePorts", "message": "Pod was rejected: no."}})),
        other => Reply::not_found("what is asked for", other),
    }
}

#[test]
fn why_follows_the_chain_from_the_set_to_the_cause() {
    let fake = Fake::start(chain);
    let causes = "petset/web: waiting to create web-2: web-1 is Pending: its claim is unbound (PetNotRunning)\n\n\
                  pod/web-1: its claim is unbound (Unschedulable)\n\n\
                  persistentvolumeclaim/www-web-1: no storage class makes its volume (ClaimPending)\n";
    for words in [&["why", "petset/web"][..], &["why", "set/web"], &["why", "petset", "web"]] {
        assert_eq!(fake.petctl(words), Said { code: 1, ..done(causes) }, "{words:?}");
    }
    let said = fake.petctl(&["why", "set/web", "-o", "json"]);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, told["causes"].as_array().map(Vec::len)), (1, Some(3)));
    assert_eq!(
        told["causes"][2],
        json!({"kind": "PersistentVolumeClaim", "namespace": "default", "name": "www-web-1",
               "reason": "ClaimPending", "message": "no storage class makes its volume"})
    );
}

#[test]
fn why_says_nothing_of_what_is_as_specified_and_how_a_pod_has_failed() {
    let fake = Fake::start(chain);
    assert_eq!(fake.petctl(&["why", "po/web-0"]), done("nothing\n"));
    let failed = "pod/db-0: the pod has failed and does not run again: Pod was rejected: no (NodePorts)\n";
    assert_eq!(fake.petctl(&["why", "pod", "db-0"]), Said { code: 1, ..done(failed) });
    let missing = fake.petctl(&["why", "po/nobody"]);
    assert!(missing.code == 1 && missing.err.contains("not found"), "{missing:?}");
    assert_eq!(fake.petctl(&["why"]).code, 2);
}

#[test]
fn cordon_closes_the_node_once_and_uncordon_opens_it() {
    let node =
        |cordoned: bool| json!({"kind": "Node", "metadata": {"name": "laptop"}, "spec": {"unschedulable": cordoned}});
    let fake = Fake::start(move |request| match request.line.as_str() {
        line if line.contains("/nodes/laptop") => Reply::ok(&node(false)),
        line if line.contains("/nodes/desktop") => Reply::ok(&node(true)),
        _ => Reply::not_found("nodes", "x"),
    });
    assert_eq!(
        fake.petctl(&["cordon", "laptop", "node/desktop"]),
        done("node/laptop cordoned\nnode/desktop already cordoned\n")
    );
    assert_eq!(
        fake.petctl(&["uncordon", "laptop", "desktop"]),
        done("node/laptop already uncordoned\nnode/desktop uncordoned\n")
    );
    let patches: Vec<_> = fake.requests().into_iter().filter(|request| request.line.starts_with("PATCH")).collect();
    let told: Vec<_> = patches.iter().map(|request| (request.media.as_str(), request.body.clone())).collect();
    let merge = "application/merge-patch+json";
    assert_eq!(
        told,
        [(merge, json!({"spec": {"unschedulable": true}})), (merge, json!({"spec": {"unschedulable": null}}))]
    );
    assert_eq!(fake.petctl(&["cordon", "pod/x"]).code, 1);
}

#[test]
fn a_patch_that_leads_to_no_object_is_told_as_kubectl_tells_it() {
    let why = "Invalid value: \"{}\": json: cannot unmarshal string into Go struct field PetSetSpec.spec.replicas of type int32";
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid", "code": 422,
        "message": format!(" \"\" is invalid: patch: {why}"),
        "details": {"causes": [{"field": "patch", "message": why, "reason": "FieldValueInvalid"}]}});
    let fake = Fake::start(move |_| Reply(422, None, status.to_string()));
    let said = fake.petctl(&["patch", "petset", "web", "-p", r#"{"spec":{"replicas":"many"}}"#]);
    let expected = format!("The request is invalid: patch: {why}\n");
    assert_eq!(said, Said { out: String::new(), err: expected, code: 1 });
}
