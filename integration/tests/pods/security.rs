//! As whom containers run, how they are confined, and whose their volumes are.

use anyhow::{Result, ensure};
use petset_integration::{World, is_ready};

use crate::{contains, docker, nothing_is_left, until, until_ready};

/// An image whose user is 101, made from busybox; dropping it removes it.
struct OwnImage(String);

impl OwnImage {
    fn make(world: &World) -> Result<OwnImage> {
        let (name, container) = (format!("{}-own:1", world.instance()), format!("{}-own", world.instance()));
        world.docker(&["create", "--name", &container, "busybox:1"])?;
        let made = world.docker(&["commit", "--change", "USER 101:102", &container, &name]);
        world.docker(&["rm", "-f", &container])?;
        made.map(|_| OwnImage(name))
    }
}

impl Drop for OwnImage {
    fn drop(&mut self) {
        if let Err(error) = docker(&["rmi", "-f", &self.0]) {
            eprintln!("{error:#}");
        }
    }
}

#[test]
fn containers_run_as_whom_their_manifest_says_and_not_as_root_where_they_must_not() -> Result<()> {
    let mut world = World::start("users")?;
    let image = OwnImage::make(&world)?;
    let pod = |name: &str, image: &str, context: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{terminationGracePeriodSeconds: 0, \
             securityContext: {context}, containers: [{{name: app, image: '{image}', imagePullPolicy: IfNotPresent, \
             command: [sleep, '1000000']}}]}}}}\n---\n"
        )
    };
    world.apply(
        &[
            pod("root", "busybox:1", "{runAsNonRoot: true}"),
            pod("own", &image.0, "{runAsNonRoot: true}"),
            pod("group", &image.0, "{runAsGroup: 3000, supplementalGroups: [5000]}"),
            pod("all", "busybox:1", "{runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, runAsNonRoot: true}"),
        ]
        .concat(),
    )?;
    for (name, expected) in
        [("own", "101 102: 102\n"), ("group", "101 3000: 3000 5000\n"), ("all", "1000 3000: 2000 3000\n")]
    {
        until_ready(&mut world, name)?;
        let script = "echo $(id -u) $(id -g): $(id -G | tr ' ' '\\n' | sort -n)";
        let said = world.petctl(&["exec", name, "--", "sh", "-c", script])?;
        ensure!(said == expected, "{name}: {said}");
    }
    until(&mut world, "root", "it says why it does not run", |pod| {
        let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
        ensure!(waiting["reason"] == "CreateContainerConfigError", "{waiting}");
        contains(
            waiting["message"].as_str().unwrap_or_default(),
            "container has runAsNonRoot and image will run as root",
        )
    })?;
    let refused = pod("bad", "busybox:1", "{seccompProfile: {type: Unconfined}}");
    let refused = world.petctl_output(&["apply", "-f", "-"], &refused)?;
    contains(&String::from_utf8_lossy(&refused.stderr), "pod must not set securityContext.seccompProfile.type")
}

#[test]
fn containers_are_confined_as_their_manifest_says() -> Result<()> {
    let mut world = World::start("confine")?;
    world.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: closed}
spec:
  terminationGracePeriodSeconds: 0
  securityContext:
    seccompProfile: {type: RuntimeDefault}
    sysctls: [{name: net.ipv4.tcp_keepalive_time, value: "77"}, {name: kernel.shm_rmid_forced, value: "1"}]
  containers:
  - name: app
    image: busybox:1
    command: [sleep, "1000000"]
    readinessProbe: {exec: {command: ["true"]}, periodSeconds: 1}
    securityContext:
      runAsUser: 1000
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
---
apiVersion: v1
kind: Pod
metadata: {name: unsafe}
spec:
  securityContext: {sysctls: [{name: kernel.msgmax, value: "65536"}]}
  containers: [{name: app, image: "busybox:1"}]
"#,
    )?;
    until_ready(&mut world, "closed")?;
    let sh = |script: &str| world.petctl(&["exec", "closed", "--", "sh", "-c", script]);
    let status = sh("grep -E 'CapBnd|NoNewPrivs|Seccomp:' /proc/1/status | tr -d '\\t '")?;
    ensure!(status == "CapBnd:0000000000000000\nNoNewPrivs:1\nSeccomp:2\n", "{status}");
    let values = sh("cat /proc/sys/net/ipv4/tcp_keepalive_time /proc/sys/kernel/shm_rmid_forced")?;
    ensure!(values == "77\n1\n", "{values}");
    let refused = world.petctl_output(&["exec", "closed", "--", "touch", "/x"], "")?;
    contains(&String::from_utf8_lossy(&refused.stderr), "Read-only file system")?;
    until(&mut world, "unsafe", "it is rejected", |pod| {
        ensure!(
            pod["status"]["phase"] == "Failed" && pod["status"]["reason"] == "SysctlForbidden",
            "{}",
            pod["status"]
        );
        Ok(())
    })
    .map(drop)
}

#[test]
fn a_pod_has_of_the_host_what_it_asks_for_where_the_daemon_allows_it() -> Result<()> {
    let mut world = World::start_with("hosts", &["--allow-privileged"])?;
    let pod = |name: &str, spec: &str, container: &str| {
        format!(
            "
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  terminationGracePeriodSeconds: 0
  {spec}
  containers:
  - name: app
    image: busybox:1
    command: [sleep, \"1000000\"]
    {container}
---"
        )
    };
    world.apply(
        &(pod("hosts", "hostPID: true\n  hostIPC: true", "")
            + &pod("open", "hostUsers: false", "securityContext: {procMount: Unmasked}")
            + &pod("own", "", "")),
    )?;
    let spaces = "readlink /proc/self/ns/pid; readlink /proc/self/ns/ipc";
    let hosts = world.docker(&[
        "run",
        "--rm",
        "--network",
        "none",
        "--pid",
        "host",
        "--ipc",
        "host",
        "busybox:1",
        "sh",
        "-c",
        spaces,
    ])?;
    for (name, is_hosts) in [("hosts", true), ("own", false)] {
        until_ready(&mut world, name)?;
        let own = world.petctl(&["exec", name, "--", "sh", "-c", spaces])?;
        let shared = own.lines().zip(hosts.lines()).filter(|(own, hosts)| own == hosts).count();
        ensure!(own.lines().count() == 2 && shared == if is_hosts { 2 } else { 0 }, "{name} has {own}of {hosts}");
    }
    until_ready(&mut world, "open")?;
    let covered =
        |name: &str| world.petctl(&["exec", name, "--", "sh", "-c", "grep -c ' /proc/' /proc/mounts || true"]);
    ensure!(covered("open")? == "0\n" && covered("own")? != "0\n", "{} {}", covered("open")?, covered("own")?);
    world.petctl(&["delete", "pod", "--all"])?;
    nothing_is_left(&mut world)
}

const CLAIM: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
";

/// Writes as root what nobody else may read.
const BEFORE: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: before}
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: Never
  containers:
  - name: app
    image: busybox:1
    command: [sh, -c, "mkdir -p /data/deep/er && echo kept > /data/deep/er/file && chmod -R go= /data/deep && ln -s /etc/passwd /data/link"]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"#;

/// Its first container closes a file to the group, which must stay closed when the second one starts.
const AFTER: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: after}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000}
  initContainers:
  - name: closes
    image: busybox:1
    command: [sh, -c, "echo secret > /data/secret && chmod 600 /data/secret"]
    volumeMounts: [{name: data, mountPath: /data}]
  containers:
  - name: app
    image: busybox:1
    command: [sleep, "1000000"]
    volumeMounts: [{name: data, mountPath: /data}, {name: scratch, mountPath: /scratch}]
  volumes:
  - {name: data, persistentVolumeClaim: {claimName: data}}
  - {name: scratch, emptyDir: {}}
"#;

#[test]
fn volumes_are_the_pods_groups_before_its_containers_start() -> Result<()> {
    let mut world = World::start("fsgroup")?;
    world.apply(&format!("{CLAIM}{BEFORE}"))?;
    until(&mut world, "before", "it has ended well", |pod| {
        ensure!(pod["status"]["phase"] == "Succeeded", "{}", pod["status"]);
        Ok(())
    })?;
    world.petctl(&["delete", "pod", "before"])?;
    world.apply(AFTER)?;
    until_ready(&mut world, "after")?;
    let sh = |world: &World, script: &str| world.petctl(&["exec", "after", "--", "sh", "-c", script]);
    let modes = sh(&world, "cd /data && stat -c '%u:%g %a' . deep deep/er deep/er/file secret link /scratch")?;
    let expected = "0:2000 2777\n0:2000 2770\n0:2000 2770\n0:2000 660\n1000:2000 600\n0:2000 777\n0:2000 2777\n";
    ensure!(modes == expected, "{modes}");
    let mine = sh(&world, "cd /data/deep/er && echo more >> file && cat file && echo x > new && stat -c '%u:%g' new")?;
    ensure!(mine == "kept\nmore\n1000:2000\n", "{mine}");
    // Another container of the same pod changes nothing; another pod does it anew.
    world.docker(&["kill", &world.container("after", "app", 0)])?;
    until(&mut world, "after", "it runs again", |pod| {
        ensure!(pod["status"]["containerStatuses"][0]["restartCount"] == 1 && is_ready(pod), "{}", pod["status"]);
        Ok(())
    })?;
    let mode = sh(&world, "stat -c %a /data/secret")?;
    ensure!(mode == "600\n", "{mode}");
    world.petctl(&["delete", "pod", "after"])?;
    world.apply(AFTER)?;
    until_ready(&mut world, "after")?;
    let passwd = sh(&world, "stat -c '%g' /etc/passwd")?;
    ensure!(passwd == "0\n", "a link in a volume led out of it: {passwd}");
    world.petctl(&["delete", "pod", "after"])?;
    world.petctl(&["delete", "pvc", "data"])?;
    crate::nothing_is_left(&mut world)
}
