//! Pods made by hand, on the real engine: what a kubelet's users expect of one.

mod beside;
mod by_hand;
mod config;
mod grpc;
mod idle;
mod limits;
mod registry;
mod security;
mod usage;

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use petset_integration::{World, is_ready, succeed};
use serde_json::Value;

/// A name follows readiness, which is asked for each second, within so long, also on a machine with other work.
const NAME_FOLLOWS_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn containers_of_a_pod_share_localhost_and_an_empty_dir() -> Result<()> {
    let mut world = World::start("share")?;
    world.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: two}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: web
    image: gcr.io/google_containers/nginx-slim:0.7
    command: [nginx, -g, "daemon off;"]
    ports: [{containerPort: 80, name: http}]
    readinessProbe: {httpGet: {path: /page, port: http}, periodSeconds: 1}
    livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}
    volumeMounts: [{name: pages, mountPath: /usr/share/nginx/html, readOnly: true}]
  - name: author
    image: busybox:1
    command: [sleep, "1000000"]
    volumeMounts: [{name: pages, mountPath: /pages}]
  volumes: [{name: pages, emptyDir: {}}]
"#,
    )?;
    until(&mut world, "two", "the probe says why it is not Ready", |pod| {
        let said = condition(pod, "Ready")["message"].as_str().unwrap_or_default().to_owned();
        ensure!(said == "containers with unready status: [web]", "{said}");
        Ok(())
    })?;
    world.eventually("describe names the answer", |world| {
        contains(&world.petctl(&["describe", "pod", "two"])?, "HTTP probe failed with statuscode: 404")
    })?;
    world.petctl(&["exec", "two", "-c", "author", "--", "sh", "-c", "echo written > /pages/page"])?;
    until_ready(&mut world, "two")?;
    let page = world.petctl(&["exec", "two", "-c", "author", "--", "wget", "-qO-", "http://localhost/page"])?;
    ensure!(page == "written\n", "{page}");
    let refused = world.petctl_output(&["exec", "two", "-c", "web", "--", "touch", "/usr/share/nginx/html/x"], "")?;
    ensure!(!refused.status.success(), "a read-only mount was written");
    contains(&String::from_utf8_lossy(&refused.stderr), "Read-only file system")
}

#[test]
fn init_containers_run_in_order_and_one_that_fails_is_tried_again() -> Result<()> {
    let mut world = World::start("init")?;
    // The first start fails, and the one that follows at once; the third, after ten seconds, does not.
    world.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: slow}
spec:
  terminationGracePeriodSeconds: 0
  initContainers:
  - name: first
    image: busybox:1
    command: [sh, -c, "echo first >> /scratch/order"]
    volumeMounts: [{name: work, mountPath: /scratch}]
  - name: second
    image: busybox:1
    command: [sh, -c, "echo second >> /scratch/order; test $(grep -c second /scratch/order) = 3"]
    volumeMounts: [{name: work, mountPath: /scratch}]
  containers:
  - name: app
    image: busybox:1
    command: [sh, -c, "echo app >> /scratch/order; exec sleep 1000000"]
    volumeMounts: [{name: work, mountPath: /scratch}]
  volumes: [{name: work, emptyDir: {}}]
"#,
    )?;
    world.eventually("get shows the crash loop of an init container", |world| {
        contains(&world.petctl(&["get", "pod", "slow"])?, "Init:CrashLoopBackOff")
    })?;
    let pod = world.json(&["get", "pod", "slow"])?;
    ensure!(pod["status"]["phase"] == "Pending", "{}", pod["status"]);
    let message = condition(&pod, "Initialized")["message"].clone();
    ensure!(message == "containers with incomplete status: [second]", "{message}");
    until_ready(&mut world, "slow")?;
    let order = world.petctl(&["exec", "slow", "--", "cat", "/scratch/order"])?;
    ensure!(order == "first\nsecond\nsecond\nsecond\napp\n", "{order}");
    let pod = world.json(&["get", "pod", "slow"])?;
    let inits = &pod["status"]["initContainerStatuses"];
    ensure!(inits[0]["restartCount"] == 0 && inits[1]["restartCount"] == 2, "{inits}");
    ensure!(inits[1]["state"]["terminated"]["reason"] == "Completed", "{inits}");
    ensure!(inits[1]["lastState"]["terminated"]["exitCode"] == 1, "{inits}");
    Ok(())
}

#[test]
fn a_container_that_is_not_alive_restarts_and_its_pod_keeps_its_address() -> Result<()> {
    let mut world = World::start("alive")?;
    world.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: pet}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: app
    image: busybox:1
    command: [sleep, "1000000"]
    startupProbe: {exec: {command: [test, -e, /tmp/started]}, periodSeconds: 1, failureThreshold: 60}
    livenessProbe: {exec: {command: [test, '!', -e, /tmp/dead]}, periodSeconds: 1, failureThreshold: 2}
"#,
    )?;
    until(&mut world, "pet", "it runs and has not started", |pod| {
        let status = &pod["status"]["containerStatuses"][0];
        ensure!(status["state"]["running"].is_object() && status["started"] == false, "{status}");
        Ok(())
    })?;
    // A liveness probe that ran now would kill it.
    world.petctl(&["exec", "pet", "--", "touch", "/tmp/dead"])?;
    std::thread::sleep(Duration::from_secs(3));
    let before = world.json(&["get", "pod", "pet"])?;
    let status = &before["status"]["containerStatuses"][0];
    ensure!(status["restartCount"] == 0 && status["ready"] == false, "{status}");
    world.petctl(&["exec", "pet", "--", "rm", "/tmp/dead"])?;
    world.petctl(&["exec", "pet", "--", "touch", "/tmp/started"])?;
    until_ready(&mut world, "pet")?;
    world.petctl(&["exec", "pet", "--", "touch", "/tmp/dead"])?;
    let after = until(&mut world, "pet", "it runs again", |pod| {
        let status = &pod["status"]["containerStatuses"][0];
        ensure!(status["restartCount"] == 1 && status["state"]["running"].is_object(), "{status}");
        Ok(())
    })?;
    let last = &after["status"]["containerStatuses"][0]["lastState"]["terminated"];
    ensure!(last["containerID"] == status["containerID"], "{last} is not {status}");
    // `sleep` as process 1 ignores the stop signal.
    ensure!(last["exitCode"] == 137, "{last}");
    ensure!(after["status"]["podIP"] == before["status"]["podIP"], "{}", after["status"]);
    let described = world.petctl(&["describe", "pod", "pet"])?;
    contains(&described, "Container app failed liveness probe, will be restarted")
}

#[test]
fn a_pod_is_in_dns_while_it_is_ready() -> Result<()> {
    let mut world = World::start("dns")?;
    world.apply(
        r#"
apiVersion: v1
kind: Service
metadata: {name: pets}
spec: {clusterIP: None, selector: {app: pets}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: pet, labels: {app: pets}}
spec:
  terminationGracePeriodSeconds: 0
  hostname: pet
  subdomain: pets
  containers:
  - name: app
    image: busybox:1
    command: [sleep, "1000000"]
    readinessProbe: {exec: {command: [test, '!', -e, /tmp/sick]}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: asker}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: app, image: "petset/test:1", command: [sleep, "1000000"]}]
"#,
    )?;
    until_ready(&mut world, "asker")?;
    let pet = until_ready(&mut world, "pet")?;
    let address = pet["status"]["podIP"].as_str().context("an address")?.to_owned();
    let answers = |world: &World| world.petctl(&["exec", "asker", "--", "dig", "+short", "+search", "pet.pets"]);
    let answer = answers(&world)?;
    ensure!(answer.trim() == address, "{answer}");

    world.petctl(&["exec", "pet", "--", "touch", "/tmp/sick"])?;
    let since = Instant::now();
    world.eventually("its name is gone", |world| {
        let answer = answers(world)?;
        ensure!(answer.is_empty(), "{answer}");
        Ok(())
    })?;
    ensure!(since.elapsed() < NAME_FOLLOWS_WITHIN, "that took {:?}", since.elapsed());
    ensure!(!is_ready(&world.json(&["get", "pod", "pet"])?), "Ready without a name");
    world.petctl(&["exec", "pet", "--", "rm", "/tmp/sick"])?;
    let since = Instant::now();
    world.eventually("its name is back", |world| contains(&answers(world)?, &address))?;
    ensure!(since.elapsed() < NAME_FOLLOWS_WITHIN, "that took {:?}", since.elapsed());
    ensure!(is_ready(&world.json(&["get", "pod", "pet"])?), "not Ready with a name");
    Ok(())
}

#[test]
fn what_does_not_start_says_why() -> Result<()> {
    let mut world = World::start("fails")?;
    world.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: crash}
spec: {containers: [{name: app, image: "busybox:1", command: [sh, -c, "echo run $HOSTNAME; exit 3"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: image}
spec: {containers: [{name: app, image: "petset.invalid/no/such:image"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: never}
spec: {containers: [{name: app, image: "petset.invalid/no/such:image", imagePullPolicy: Never}]}
---
apiVersion: v1
kind: Pod
metadata: {name: program}
spec: {containers: [{name: app, image: "busybox:1", command: [/no/such/program]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: hook}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: app
    image: busybox:1
    command: [sleep, "1000000"]
    lifecycle: {postStart: {exec: {command: [sh, -c, "echo no luck; exit 7"]}}}
"#,
    )?;
    world.eventually("get names each reason", |world| {
        let table = world.petctl(&["get", "pods"])?;
        let status = |pod: &str| {
            let line = table.lines().find(|line| line.starts_with(pod)).unwrap_or_default();
            line.split_whitespace().nth(2).unwrap_or_default().to_owned()
        };
        ensure!(status("crash") == "CrashLoopBackOff", "{table}");
        ensure!(status("image") == "ImagePullBackOff", "{table}");
        ensure!(status("never") == "ErrImageNeverPull", "{table}");
        ensure!(status("program") == "RunContainerError", "{table}");
        ensure!(status("hook") == "CrashLoopBackOff", "{table}");
        Ok(())
    })?;
    let describe = |pod: &str| world.petctl(&["describe", "pod", pod]);
    let crash = describe("crash")?;
    contains(&crash, "Back-off restarting failed container app in pod crash_default")?;
    contains(&crash, "Exit Code:     3")?;
    let image = describe("image")?;
    contains(&image, "Back-off pulling image \"petset.invalid/no/such:image\"")?;
    contains(&image, "Failed to pull image \"petset.invalid/no/such:image\"")?;
    contains(&describe("program")?, "no such file or directory")?;
    contains(&describe("hook")?, "PostStartHook failed")?;
    let previous = world.petctl(&["logs", "crash", "--previous"])?;
    ensure!(previous == "run crash\n", "{previous}");
    Ok(())
}

#[test]
fn a_pod_ends_within_its_grace_period_and_not_before_its_hook() -> Result<()> {
    let mut world = World::start("grace")?;
    let pod = |name: &str, grace: u32, hook: &str| {
        format!(
            r#"
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  terminationGracePeriodSeconds: {grace}
  containers:
  - name: app
    image: busybox:1
    command: [sh, -c, "trap 'echo asked >> /out/{name}; exit 0' TERM; while true; do sleep 0.1; done"]
    lifecycle: {{preStop: {{exec: {{command: [sh, -c, "{hook}"]}}}}}}
    volumeMounts: [{{name: out, mountPath: /out}}]
  volumes: [{{name: out, hostPath: {{path: OUT, type: DirectoryOrCreate}}}}]
---
"#
        )
    };
    let out = world.host_volume()?;
    let out = out.path().join("made");
    let manifest = pod("heeded", 30, "sleep 2; echo hook >> /out/heeded") + &pod("cut", 2, "sleep 20");
    world.apply(&manifest.replace("OUT", &out.display().to_string()))?;
    world.pods_ready(&["cut", "heeded"])?;
    let delete = |name: &str| -> Result<Duration> {
        let since = Instant::now();
        world.petctl(&["delete", "pod", name])?;
        Ok(since.elapsed())
    };
    let took = delete("heeded")?;
    ensure!((2.0..20.0).contains(&took.as_secs_f64()), "2 s of hook took {took:?}");
    let order = std::fs::read_to_string(out.join("heeded"))?;
    ensure!(order == "hook\nasked\n", "{order}");
    // What is left when the hook has used up the grace period: two seconds, as in Kubernetes. The hook alone takes twenty.
    let took = delete("cut")?;
    ensure!((2.0..15.0).contains(&took.as_secs_f64()), "2 s of grace took {took:?}");
    Ok(())
}

#[test]
fn a_container_gets_the_surroundings_that_its_manifest_asks_for() -> Result<()> {
    let mut world = World::start("env")?;
    let host = world.host_volume()?;
    std::fs::write(host.path().join("given"), "by the host\n")?;
    let manifest = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: kept, annotations: {volume.alpha.kubernetes.io/storage-class: anything}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: pet, labels: {app: db, "example.com/tier": back}}
spec:
  terminationGracePeriodSeconds: 0
  initContainers:
  - name: fill
    image: busybox:1
    command: [sh, -c, "mkdir -p /kept/deep/er && echo kept > /kept/deep/er/file && echo scratch > /scratch/file"]
    volumeMounts: [{name: kept, mountPath: /kept}, {name: scratch, mountPath: /scratch, subPath: inner}]
  containers:
  - name: app
    image: busybox:1
    command: [sh, -c, "sleep 1000000; echo $(GREETING)"]
    workingDir: /place/here
    env:
    - {name: ME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: SPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
    - {name: ADDRESS, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: APP, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}}
    - {name: TIER, valueFrom: {fieldRef: {fieldPath: "metadata.labels['example.com/tier']"}}}
    - {name: GREETING, value: "$(ME).$(SPACE) has $$(ADDRESS) and $(UNKNOWN)"}
    volumeMounts:
    - {name: kept, mountPath: /only, subPath: deep/er, readOnly: true}
    - {name: kept, mountPath: /new, subPath: made/for/it}
    - {name: scratch, mountPath: /scratch, readOnly: true}
    - {name: host, mountPath: /host}
    - {name: file, mountPath: /etc/file.conf, readOnly: true}
    - {name: host, mountPath: /etc/sub.conf, subPath: given}
    - {name: memory, mountPath: /memory}
  volumes:
  - {name: kept, persistentVolumeClaim: {claimName: kept}}
  - {name: scratch, emptyDir: {}}
  - {name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
  - {name: host, hostPath: {path: HOST}}
  - {name: file, hostPath: {path: HOST/given, type: File}}
"#;
    world.apply(&manifest.replace("HOST", &host.path().display().to_string()))?;
    let pod = until_ready(&mut world, "pet")?;
    let sh = |script: &str| world.petctl(&["exec", "pet", "--", "sh", "-c", script]);
    let env = sh("echo \"$ME|$SPACE|$ADDRESS|$APP|$TIER|$GREETING\"; pwd")?;
    let address = pod["status"]["podIP"].as_str().context("an address")?;
    let expected = format!("pet|default|{address}|db|back|pet.default has $(ADDRESS) and $(UNKNOWN)\n/place/here\n");
    ensure!(env == expected, "{env}");
    let command = sh("tr '\\0' ' ' < /proc/1/cmdline")?;
    contains(&command, "echo pet.default has $(ADDRESS)")?;
    let files = sh("cat /only/file /scratch/inner/file /host/given /etc/file.conf /etc/sub.conf; ls /new | wc -l")?;
    ensure!(files == "kept\nscratch\nby the host\nby the host\nby the host\n0\n", "{files}");
    for path in ["/only/x", "/scratch/x"] {
        let refused = world.petctl_output(&["exec", "pet", "--", "touch", path], "")?;
        contains(&String::from_utf8_lossy(&refused.stderr), "Read-only file system")?;
    }
    sh("echo by the pod > /host/taken; ! dd if=/dev/zero of=/memory/x bs=1M count=2 2>/dev/null")?;
    ensure!(std::fs::read_to_string(host.path().join("taken"))? == "by the pod\n");
    Ok(())
}

#[test]
fn pods_that_run_to_their_end_say_how_it_was() -> Result<()> {
    let mut world = World::start("ends")?;
    let pod = |name: &str, policy: &str, script: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{restartPolicy: {policy}, \
             volumes: [{{name: memory, emptyDir: {{}}}}], containers: [{{name: app, image: 'busybox:1', \
             command: [sh, -c, '{script}'], volumeMounts: [{{name: memory, mountPath: /m}}]}}]}}}}\n---\n"
        )
    };
    let manifest = pod("bad", "Never", "echo bad; exit 5")
        + &pod("good", "Never", "echo good")
        + &pod("second", "OnFailure", "test -e /m/tried || { touch /m/tried; exit 1; }");
    world.apply(&manifest)?;
    let ended = |phase: &'static str, reason: &'static str, code: i64, restarts: i64| {
        move |pod: &Value| -> Result<()> {
            let status = &pod["status"]["containerStatuses"][0];
            let end = &status["state"]["terminated"];
            ensure!(pod["status"]["phase"] == phase, "{}", pod["status"]);
            ensure!(end["reason"] == reason && end["exitCode"] == code, "{status}");
            ensure!(status["restartCount"] == restarts, "{status}");
            Ok(())
        }
    };
    until(&mut world, "bad", "it has failed", ended("Failed", "Error", 5, 0))?;
    until(&mut world, "good", "it has succeeded", ended("Succeeded", "Completed", 0, 0))?;
    until(&mut world, "second", "it has succeeded", ended("Succeeded", "Completed", 0, 1))?;
    let table = world.petctl(&["get", "pods"])?;
    contains(&table, "Completed")?;
    // What they wrote stays to be read; their network goes.
    ensure!(world.petctl(&["logs", "-f", "bad"])? == "bad\n");
    let refused = world.petctl_output(&["exec", "good", "--", "true"], "")?;
    contains(&String::from_utf8_lossy(&refused.stderr), "completed pod")?;
    world.eventually("no sandbox is left", |world| {
        let left = containers(world, "POD")?;
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })?;
    world.petctl(&["delete", "pods", "--all"])?;
    nothing_is_left(&mut world)
}

#[test]
fn a_name_that_is_used_again_at_once_never_has_two_containers() -> Result<()> {
    let mut world = World::start("again")?;
    let manifest = r#"
apiVersion: v1
kind: Pod
metadata: {name: pet}
spec:
  containers:
  - name: app
    image: busybox:1
    command: [sh, -c, "ls /only/* 2>/dev/null && touch /only/two; touch /only/$$.$(cat /proc/sys/kernel/random/uuid); sleep 1000000"]
    volumeMounts: [{name: only, mountPath: /only}]
  volumes: [{name: only, hostPath: {path: ONLY}}]
"#;
    let only = world.host_volume()?;
    let manifest = manifest.replace("ONLY", &only.path().display().to_string());
    world.apply(&manifest)?;
    for _ in 0..3 {
        let before = until_ready(&mut world, "pet")?;
        world.petctl(&["delete", "pod", "pet", "--grace-period=0", "--force"])?;
        world.apply(&manifest)?;
        let after = until(&mut world, "pet", "it runs anew", |pod| {
            ensure!(containers_of(&pod["metadata"]["uid"])?.len() <= 2, "two at a time");
            ensure!(is_ready(pod), "{}", pod["status"]);
            Ok(())
        })?;
        ensure!(before["metadata"]["uid"] != after["metadata"]["uid"], "the pod is still the old one");
        ensure!(before["status"]["podIP"] == after["status"]["podIP"], "the address changed");
        ensure!(containers_of(&before["metadata"]["uid"])?.is_empty(), "the old one is still there");
    }
    let running = containers(&world, "app")?;
    ensure!(running.len() == 1, "{running:?}");
    world.petctl(&["delete", "pod", "pet", "--now"])?;
    nothing_is_left(&mut world)
}

#[test]
fn exec_and_logs_carry_what_they_are_given() -> Result<()> {
    let mut world = World::start("exec")?;
    world.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: pet}
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: Never
  containers:
  - name: app
    image: busybox:1
    command: [sh, -c, "echo begun; until test -e /tmp/over; do sleep 0.1; done; echo over"]
"#,
    )?;
    until_ready(&mut world, "pet")?;
    let code = world.petctl_output(&["exec", "pet", "--", "sh", "-c", "echo out; echo err >&2; exit 42"], "")?;
    ensure!(code.status.code() == Some(42), "{code:?}");
    ensure!(code.stdout == b"out\n" && code.stderr.starts_with(b"err\n"), "{code:?}");
    let missing = world.petctl_output(&["exec", "pet", "--", "/no/such"], "")?;
    ensure!(!missing.status.success(), "{missing:?}");
    let said = [missing.stdout, missing.stderr].concat();
    contains(&String::from_utf8_lossy(&said), "no such file")?;
    let long = "a line of input\n".repeat(20_000);
    let echoed = world.petctl_output(&["exec", "-i", "pet", "--", "cat"], &long)?;
    ensure!(echoed.status.success() && echoed.stdout == long.as_bytes(), "{} octets", echoed.stdout.len());

    let followed = std::thread::scope(|scope| -> Result<String> {
        let follower = scope.spawn(|| world.petctl(&["logs", "-f", "pet"]));
        // The container may end before the command has, and then takes it along.
        world.petctl_output(&["exec", "pet", "--", "touch", "/tmp/over"], "")?;
        follower.join().map_err(|_| anyhow::anyhow!("the follower panicked"))?
    })?;
    ensure!(followed == "begun\nover\n", "{followed}");
    Ok(())
}

/// Waits until something holds for a pod, and returns the pod as it is then.
fn until(world: &mut World, name: &str, what: &str, holds: impl Fn(&Value) -> Result<()>) -> Result<Value> {
    world.eventually(&format!("{name}: {what}"), |world| {
        let pod = world.json(&["get", "pod", name])?;
        holds(&pod)?;
        Ok(pod)
    })
}

fn until_ready(world: &mut World, name: &str) -> Result<Value> {
    until(world, name, "it is Ready", |pod| {
        ensure!(is_ready(pod), "{}", pod["status"]);
        Ok(())
    })
}

fn condition<'a>(pod: &'a Value, name: &str) -> &'a Value {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().find(|condition| condition["type"] == name).unwrap_or(&Value::Null)
}

fn contains(text: &str, part: &str) -> Result<()> {
    ensure!(text.contains(part), "no `{part}` in:\n{text}");
    Ok(())
}

/// Nothing that was made for pods is left: no container, no scratch volume, no files.
fn nothing_is_left(world: &mut World) -> Result<()> {
    let files = world.data_dir().join("pods");
    world.eventually("nothing is left", |world| {
        let label = format!("label=petset.io/instance={}", world.instance());
        let left = docker(&["ps", "-aq", "--filter", &label])?;
        ensure!(left.is_empty(), "containers {left}");
        let left = docker(&["volume", "ls", "-q", "--filter", &label])?;
        ensure!(left.is_empty(), "volumes {left}");
        // What is hidden is no pod's.
        let left = std::fs::read_dir(&files).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let left: Vec<_> = left.filter(|name| !name.to_string_lossy().starts_with('.')).collect();
        ensure!(left.is_empty(), "files {left:?}");
        Ok(())
    })
}

/// The ids of this instance's running containers of this name.
fn containers(world: &World, name: &str) -> Result<Vec<String>> {
    let instance = format!("label=petset.io/instance={}", world.instance());
    let name = format!("label=petset.io/container={name}");
    let ids = docker(&["ps", "-q", "--no-trunc", "--filter", &instance, "--filter", &name])?;
    Ok(ids.lines().map(str::to_owned).collect())
}

/// The ids of a pod's containers, its sandbox among them, also of those that have ended.
fn containers_of(uid: &Value) -> Result<Vec<String>> {
    let uid = format!("label=petset.io/uid={}", uid.as_str().context("a uid")?);
    let ids = docker(&["ps", "-aq", "--no-trunc", "--filter", &uid])?;
    Ok(ids.lines().map(str::to_owned).collect())
}

fn docker(args: &[&str]) -> Result<String> {
    let output = Command::new("docker").args(args).output().context("docker")?;
    succeed(&format!("docker {}", args.join(" ")), &output)
}
