//! Containers beside the others: in which order they come and go, what they share, and what they say at their end.

use anyhow::{Context, Result, ensure};
use petset_integration::World;

use crate::{contains, until, until_ready};

/// Each container writes when it begins and when it is asked to end.
fn pod(name: &str, rest: &str, out: &std::path::Path) -> String {
    let container = |name: &str, more: &str| {
        format!(
            "{{name: {name}, image: 'busybox:1', {more} volumeMounts: [{{name: out, mountPath: /out}}], command: [sh, -c, \
             'echo {name} begins >> /out/log; trap \"echo {name} ends >> /out/log; exit 0\" TERM; while true; do sleep 0.1; done']}}"
        )
    };
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{terminationGracePeriodSeconds: 10, {rest} \
         initContainers: [{}, {}], containers: [{}], volumes: [{{name: out, hostPath: {{path: {}}}}}]}}}}",
        container(
            "mesh",
            "restartPolicy: Always, startupProbe: {exec: {command: [test, -s, /out/log]}, periodSeconds: 1},"
        ),
        container("log", "restartPolicy: Always,"),
        container("app", ""),
        out.display()
    )
}

#[test]
fn sidecars_begin_before_the_others_and_end_after_them() -> Result<()> {
    let mut world = World::start("side")?;
    let out = world.host_volume()?;
    world.apply(&pod("pet", "", out.path()))?;
    until_ready(&mut world, "pet")?;
    contains(&world.petctl(&["get", "pod", "pet"])?, "3/3")?;
    world.petctl(&["delete", "pod", "pet"])?;
    let log = std::fs::read_to_string(out.path().join("log"))?;
    let expected = "mesh begins\nlog begins\napp begins\napp ends\nlog ends\nmesh ends\n";
    ensure!(log == expected, "{log}");
    Ok(())
}

#[test]
fn a_pod_ends_with_its_main_container_although_it_has_sidecars() -> Result<()> {
    let mut world = World::start("sideend")?;
    let out = world.host_volume()?;
    world.apply(&pod("job", "restartPolicy: Never,", out.path()))?;
    until_ready(&mut world, "job")?;
    // The container may end before the command has, and then takes it along.
    world.petctl_output(&["exec", "job", "-c", "app", "--", "kill", "1"], "")?;
    let ended = until(&mut world, "job", "it has succeeded", |pod| {
        ensure!(pod["status"]["phase"] == "Succeeded", "{}", pod["status"]);
        Ok(())
    })?;
    for status in ended["status"]["initContainerStatuses"].as_array().context("a list")? {
        ensure!(status["state"]["terminated"]["exitCode"] == 0, "{status}");
    }
    let log = std::fs::read_to_string(out.path().join("log"))?;
    ensure!(log.ends_with("app ends\nlog ends\nmesh ends\n"), "{log}");
    Ok(())
}

#[test]
fn containers_say_at_their_end_why_and_processes_are_shared_where_that_is_asked() -> Result<()> {
    let mut world = World::start("words")?;
    world.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: said}
spec:
  restartPolicy: Never
  containers:
  - {name: default, image: "busybox:1", command: [sh, -c, "echo no disk > /dev/termination-log; exit 3"]}
  - name: own
    image: busybox:1
    terminationMessagePath: /var/last/words
    command: [sh, -c, "yes x | head -c 5000 > /var/last/words; echo over >> /var/last/words"]
  - {name: log, image: "busybox:1", terminationMessagePolicy: FallbackToLogsOnError, command: [sh, -c, "echo first; echo last >&2; exit 4"]}
  - {name: well, image: "busybox:1", terminationMessagePolicy: FallbackToLogsOnError, command: [sh, -c, "echo nothing to say"]}
---
apiVersion: v1
kind: Pod
metadata: {name: shared}
spec:
  terminationGracePeriodSeconds: 0
  shareProcessNamespace: true
  setHostnameAsFQDN: true
  hostname: pet
  subdomain: pets
  hostAliases: [{ip: 192.0.2.9, hostnames: [old.example, older.example]}]
  dnsPolicy: None
  dnsConfig: {nameservers: [192.0.2.53], searches: [a.example, b.example], options: [{name: ndots, value: "2"}, {name: rotate}]}
  containers:
  - {name: app, image: "busybox:1", command: [sleep, "1000001"]}
  - {name: other, image: "busybox:1", command: [sleep, "1000002"]}
---
apiVersion: v1
kind: Pod
metadata: {name: late}
spec:
  terminationGracePeriodSeconds: 0
  activeDeadlineSeconds: 3
  containers: [{name: app, image: "busybox:1", command: [sleep, "1000000"]}]
"#,
    )?;
    let pod = until(&mut world, "said", "it has failed", |pod| {
        ensure!(pod["status"]["phase"] == "Failed", "{}", pod["status"]);
        Ok(())
    })?;
    let message = |pod: &serde_json::Value, name: &str| {
        let statuses = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
        let status = statuses.clone().find(|status| status["name"] == name).cloned().unwrap_or_default();
        status["state"]["terminated"]["message"].as_str().map(str::to_owned)
    };
    ensure!(message(&pod, "default").as_deref() == Some("no disk\n"), "{}", pod["status"]);
    let own = message(&pod, "own").context("a message")?;
    ensure!(own.len() == 4096 && own.ends_with("x\nover\n"), "{} octets", own.len());
    let log = message(&pod, "log").context("a message")?;
    ensure!(log.contains("first\n") && log.contains("last\n"), "{log}");
    ensure!(message(&pod, "well").is_none(), "{}", pod["status"]);
    // The file has gone with the sandbox; the status keeps what was in it, also when the daemon begins anew.
    world.stop_daemon(nix::sys::signal::Signal::SIGTERM)?;
    world.start_daemon()?;
    world.petctl(&["label", "pod", "said", "a=b"])?;
    let pod = world.json(&["get", "pod", "said"])?;
    ensure!(message(&pod, "default").as_deref() == Some("no disk\n"), "{}", pod["status"]);

    until_ready(&mut world, "shared")?;
    let processes =
        world.petctl(&["exec", "shared", "-c", "app", "--", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"])?;
    ensure!(processes.contains("1000001") && processes.contains("1000002"), "{processes}");
    let name = world.petctl(&["exec", "shared", "-c", "app", "--", "hostname"])?;
    ensure!(name == "pet.pets.default.svc.cluster.local\n", "{name}");
    let files = "cat /etc/resolv.conf; grep -A1 HostAliases /etc/hosts";
    let files = world.petctl(&["exec", "shared", "-c", "other", "--", "sh", "-c", files])?;
    let expected = "search a.example b.example\nnameserver 192.0.2.53\noptions ndots:2 rotate\n# Entries added by \
                    HostAliases.\n192.0.2.9\told.example\tolder.example\n";
    ensure!(files == expected, "{files}");

    until(&mut world, "late", "its time is over", |pod| {
        let status = &pod["status"];
        ensure!(status["phase"] == "Failed" && status["reason"] == "DeadlineExceeded", "{status}");
        Ok(())
    })
    .map(drop)
}
