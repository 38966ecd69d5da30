//! Tokens with a scope and those of ServiceAccounts, with a real daemon and stock kubectls. `docs/security.md` names these tests.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use petset_integration::{World, kubectls_since};

const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: pet}, spec: {terminationGracePeriodSeconds: 0, containers: \
                   [{name: app, image: 'busybox:1', command: [sh, -c, 'echo hello; exec sleep 1000000']}]}}";

/// Makes a token with petctl, and its kubeconfig in a file of this name in a folder.
fn kubeconfig(world: &World, folder: &Path, name: &str, scope: &[&str]) -> Result<String> {
    let arguments = [&["token", "create", name, "-o", "kubeconfig"], scope].concat();
    let path = folder.join(name);
    std::fs::write(&path, world.petctl(&arguments)?)?;
    Ok(path.display().to_string())
}

/// Runs scripts with a kubectl, and compares what each prints, errors too, and with which code it ends.
fn compare(world: &World, kubectl: &Path, expected: &[(String, &str)]) -> Result<()> {
    for (script, expected) in expected {
        let said = world.shell_with(kubectl, &format!("{script} 2>&1 || echo \"ended with $?\""))?;
        let said = said.trim_end();
        ensure!(said == *expected, "{}: {script}: {said:?}, and not {expected:?}", kubectl.display());
    }
    Ok(())
}

#[test]
fn a_kubeconfig_for_reading_looks_and_does_not_touch() -> Result<()> {
    let mut world = World::start("looks")?;
    let folder = tempfile::tempdir()?;
    world.apply(POD)?;
    world.pods_ready(&["pet"])?;
    let look = kubeconfig(&world, folder.path(), "look", &["--read-only", "--duration", "1h"])?;
    let at = |line: &str| format!("kubectl --kubeconfig {look} {line}");
    let forbidden = |what: &str, verb: &str, resource: &str| {
        format!(
            "Error from server (Forbidden): {what} is forbidden: User \"look\" cannot {verb} resource \"{resource}\" in API \
             group \"\" in the namespace \"default\"\nended with 1"
        )
    };
    let exec = "pods \"pet\" is forbidden: User \"look\" cannot create resource \"pods/exec\" in API group \"\" in the \
                namespace \"default\"";
    let delete = forbidden("pods \"pet\"", "delete", "pods");
    let secrets = forbidden("secrets", "list", "secrets");
    for kubectl in kubectls_since("30")? {
        compare(
            &world,
            &kubectl,
            &[
                (at("get pods -o name"), "pod/pet"),
                (at("get nodes -o name | wc -l"), "1"),
                (at("logs pet"), "hello"),
                (at("delete pod pet"), &delete),
                (at("get secrets"), &secrets),
                (at("auth can-i get pods --subresource=log"), "yes"),
                (at("auth can-i delete pods -q"), "ended with 1"),
            ],
        )?;
        // Some kubectls say more before it, that they cannot upgrade the connection.
        let said = world.shell_with(&kubectl, &format!("{} 2>&1 && exit 1 || true", at("exec pet -- id")))?;
        ensure!(said.trim_end().ends_with(exec), "{}: {said}", kubectl.display());
    }
    Ok(())
}

#[test]
fn a_kubeconfig_for_a_namespace_works_there_and_nowhere_else() -> Result<()> {
    let world = World::start("there")?;
    let folder = tempfile::tempdir()?;
    world.petctl(&["create", "namespace", "shop"])?;
    let shop = kubeconfig(&world, folder.path(), "ci", &["--namespace", "shop"])?;
    let at = |line: &str| format!("kubectl --kubeconfig {shop} {line}");
    let error = "Error from server (Forbidden): ";
    let cluster = |what: &str| {
        format!(
            "{error}{what} is forbidden: User \"ci\" cannot list resource \"{what}\" in API group \"\" at the cluster \
             scope\nended with 1"
        )
    };
    let elsewhere = format!(
        "{error}pods is forbidden: User \"ci\" cannot list resource \"pods\" in API group \"\" in the namespace \
         \"default\"\nended with 1"
    );
    for kubectl in kubectls_since("30")? {
        compare(
            &world,
            &kubectl,
            &[
                (at("create configmap a --from-literal=b=c"), "configmap/a created"),
                (at("get configmap a -o name"), "configmap/a"),
                (at("delete configmap a -o name"), "configmap/a"),
                (at("get ns shop -o name"), "namespace/shop"),
                (at("get ns"), &cluster("namespaces")),
                (at("get nodes"), &cluster("nodes")),
                (at("get pods -A"), &cluster("pods")),
                (at("get pods -n default"), &elsewhere),
                (at("auth can-i create statefulsets"), "yes"),
                (at("auth can-i create statefulsets -n default -q"), "ended with 1"),
            ],
        )?;
    }
    Ok(())
}

#[test]
fn stock_kubectls_ask_who_they_are_and_what_they_may_do() -> Result<()> {
    let world = World::start("asks")?;
    world.petctl(&["token", "create", "ci", "-n", "default"])?;
    for kubectl in kubectls_since("27")? {
        let as_ci = "kubectl --as ci auth can-i";
        compare(
            &world,
            &kubectl,
            &[
                ("kubectl auth can-i create pods".to_owned(), "yes"),
                ("kubectl auth can-i '*' '*' --all-namespaces".to_owned(), "yes"),
                ("kubectl auth can-i get /metrics".to_owned(), "yes"),
                (format!("{as_ci} create pods"), "yes"),
                (
                    format!("{as_ci} list pods --all-namespaces"),
                    "no - the token is for objects of other namespaces\nended with 1",
                ),
                (format!("{as_ci} get /metrics"), "no - the token is not for this path\nended with 1"),
            ],
        )?;
        let list = world.shell_with(&kubectl, &format!("{as_ci} --list"))?;
        ensure!(list.lines().any(|line| line.starts_with("*.*")), "{}: {list}", kubectl.display());
    }
    // Before 1.28 it asks for a version that Kubernetes has not had for long.
    for kubectl in kubectls_since("28")? {
        let name = "kubectl auth whoami -o jsonpath='{.status.userInfo.username}'";
        compare(&world, &kubectl, &[(name.to_owned(), "petset-admin"), (format!("{name} --as ci"), "ci")])?;
    }
    Ok(())
}

#[test]
fn stock_kubectls_get_tokens_for_service_accounts() -> Result<()> {
    let world = World::start("robots")?;
    for kubectl in kubectls_since("27")? {
        let run = |script: &str| world.shell_with(&kubectl, script);
        run("kubectl create serviceaccount robot")?;
        let token = run("kubectl create token robot --duration 1h")?;
        let token = token.trim();
        let default = run("kubectl create token default")?;
        ensure!(default.split('.').count() == 3, "{default}");
        let denied = "Error from server (Forbidden): nodes is forbidden: User \"system:serviceaccount:default:robot\" cannot list \
                      resource \"nodes\" in API group \"\" at the cluster scope\nended with 1";
        compare(
            &world,
            &kubectl,
            &[
                (format!("kubectl --token {token} create configmap a"), "configmap/a created"),
                (format!("kubectl --token {token} delete configmap a -o name"), "configmap/a"),
                (format!("kubectl --token {token} get nodes"), denied),
            ],
        )?;
        run("kubectl delete serviceaccount robot")?;
        let said = run(&format!("kubectl --token {token} get configmaps 2>&1 || true"))?;
        ensure!(said.contains("Unauthorized") || said.contains("must be logged in"), "{}: {said}", kubectl.display());
    }
    Ok(())
}

#[test]
fn tokens_with_names_survive_the_daemon_and_are_not_written_in_plain_text() -> Result<()> {
    let mut world = World::start("tokens")?;
    let named = world.petctl(&["token", "create", "ci", "--namespace", "default"])?;
    let named = named.trim().to_owned();
    let kubectl = kubectls_since("30")?.pop().context("a kubectl")?;
    let account = world.shell_with(&kubectl, "kubectl create token default")?.trim().to_owned();
    world.stop_daemon(Signal::SIGKILL)?;
    world.start_daemon()?;
    for token in [&named, &account] {
        world.petctl(&["--token", token, "get", "pods"])?;
    }
    let list = world.petctl(&["token", "list"])?;
    ensure!(list.lines().nth(1).is_some_and(|line| line.starts_with("ci     everything in default")), "{list}");
    for entry in std::fs::read_dir(world.data_dir())? {
        let path = entry?.path();
        if path.is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            ensure!(!text.contains(&named) && !text.contains(&account), "{} has a token", path.display());
        }
    }
    let log = world.whole_log()?;
    ensure!(!log.contains(&named) && !log.contains(&account), "the log has a token");
    world.petctl(&["token", "revoke", "ci"])?;
    let output = world.petctl_output(&["--token", &named, "get", "pods"], "")?;
    let said = String::from_utf8(output.stderr)?;
    ensure!(!output.status.success() && said.contains("Unauthorized"), "{said}");
    Ok(())
}
