//! What a pod reads of ConfigMaps, Secrets and of itself, on the real engine.

use anyhow::{Result, ensure};
use petset_integration::World;

use super::{contains, nothing_is_left, until, until_ready};

const PAUSE: &str = "image: busybox:1\n    command: [sleep, \"1000000\"]";

/// A pod that mounts a ConfigMap and a Secret, and is gone at once when it is to go.
fn reader() -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: reader}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: app
    {PAUSE}
    volumeMounts:
    - {{name: conf, mountPath: /etc/app}}
    - {{name: conf, mountPath: /etc/part.conf, subPath: part.conf}}
    - {{name: key, mountPath: /etc/key}}
  volumes:
  - name: conf
    configMap: {{name: app}}
  - name: key
    secret: {{secretName: key, defaultMode: 0400, items: [{{key: password, path: deep/password}}]}}
"
    )
}

fn told(world: &World, reason: &str, message: &str) -> Result<()> {
    let events = world.events_of("reader")?;
    ensure!(events.iter().any(|event| event.contains(reason) && event.contains(message)), "{events:#?}");
    Ok(())
}

#[test]
fn a_pod_waits_for_its_configuration_reads_it_and_sees_it_change() -> Result<()> {
    let mut world = World::start("config")?;
    world.apply(&reader())?;
    world.eventually("it waits for its ConfigMap", |world| {
        let message = "MountVolume.SetUp failed for volume \"conf\" : configmap \"app\" not found";
        told(world, "FailedMount", message)?;
        contains(&world.petctl(&["get", "pod", "reader"])?, "ContainerCreating")
    })?;
    world.apply(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {part.conf: one, other.conf: two}\nbinaryData: {raw: AAEC}\n",
    )?;
    world.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {other: x}\n")?;
    world.eventually("it waits for its key", |world| {
        let message = "MountVolume.SetUp failed for volume \"key\" : references non-existent secret key: password";
        told(world, "FailedMount", message)
    })?;
    world.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {password: hunter2hunter2}\n")?;
    until_ready(&mut world, "reader")?;
    let run = |world: &World, script: &str| world.petctl(&["exec", "reader", "--", "sh", "-c", script]);
    let read = "cat /etc/app/part.conf /etc/app/other.conf /etc/key/deep/password; wc -c < /etc/app/raw; \
                stat -Lc %a /etc/app/part.conf /etc/key/deep/password; touch /etc/app/x 2>&1 | grep -c Read-only";
    let read = run(&world, read)?;
    ensure!(read == "onetwohunter2hunter23\n644\n400\n1\n", "{read}");

    world.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {part.conf: changed}\n")?;
    world.eventually("the files follow, and what is gone is gone", |world| {
        let read = run(world, "cat /etc/app/part.conf; ls /etc/app")?;
        ensure!(read == "changedpart.conf\n", "{read}");
        Ok(())
    })?;
    let part = run(&world, "cat /etc/part.conf")?;
    ensure!(part == "one", "a part that is mounted by itself stays: {part}");

    // What was there stays when the object goes, and another daemon neither restarts nor forgets.
    let before = world.container_ids()?;
    world.petctl(&["delete", "configmap", "app"])?;
    world.stop_daemon(nix::sys::signal::Signal::SIGKILL)?;
    world.start_daemon()?;
    world.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {part.conf: later}\n")?;
    world.eventually("the next daemon goes on", |world| {
        let read = run(world, "cat /etc/app/part.conf")?;
        ensure!(read == "later", "{read}");
        Ok(())
    })?;
    ensure!(world.container_ids()? == before, "{:?}", world.container_ids()?);
    let log = world.whole_log()?;
    ensure!(!log.contains("hunter2"), "a secret is in the log");
    world.petctl(&["delete", "pod", "reader"])?;
    nothing_is_left(&mut world)
}

#[test]
fn a_containers_environment_is_made_of_configuration_and_waits_for_it() -> Result<()> {
    let mut world = World::start("environ")?;
    world.apply(&format!(
        r#"
apiVersion: v1
kind: Pod
metadata: {{name: reader}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: app
    {PAUSE}
    resources: {{requests: {{memory: 32Mi}}}}
    envFrom:
    - {{prefix: APP_, configMapRef: {{name: app}}}}
    - {{secretRef: {{name: none, optional: true}}}}
    env:
    - {{name: PASSWORD, valueFrom: {{secretKeyRef: {{name: key, key: password}}}}}}
    - {{name: URL, value: "db://$(APP_USER):$(PASSWORD)@$(HOSTNAME_OF)"}}
    - {{name: NODE, valueFrom: {{fieldRef: {{fieldPath: spec.nodeName}}}}}}
    - {{name: MEMORY, valueFrom: {{resourceFieldRef: {{resource: requests.memory, divisor: 1Mi}}}}}}
    volumeMounts: [{{name: work, mountPath: /nodes, subPathExpr: $(NODE)}}]
  volumes: [{{name: work, emptyDir: {{}}}}]
"#
    ))?;
    world.eventually("it says what it lacks", |world| {
        told(world, "Failed", "Error: configmap \"app\" not found")?;
        contains(&world.petctl(&["get", "pod", "reader"])?, "CreateContainerConfigError")
    })?;
    world.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {USER: petset}\n")?;
    world.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {other: x}\n")?;
    until(&mut world, "reader", "it names the key", |pod| {
        let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
        ensure!(waiting["message"] == "couldn't find key password in Secret default/key", "{waiting}");
        Ok(())
    })?;
    world.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {password: hunter2hunter2}\n")?;
    until_ready(&mut world, "reader")?;
    let read =
        world.petctl(&["exec", "reader", "--", "sh", "-c", "echo $URL $MEMORY; test -d /nodes && echo there"])?;
    ensure!(read == "db://petset:hunter2hunter2@$(HOSTNAME_OF) 32\nthere\n", "{read}");
    ensure!(!world.whole_log()?.contains("hunter2"), "a secret is in the log");
    world.petctl(&["delete", "pod", "reader"])?;
    nothing_is_left(&mut world)
}

#[test]
fn a_pod_reads_of_itself_in_files_that_follow_its_labels() -> Result<()> {
    let mut world = World::start("downward")?;
    world.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {k: v}\n")?;
    world.apply(&format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: reader, labels: {{tier: one}}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: app
    {PAUSE}
    resources: {{limits: {{cpu: 500m}}}}
    volumeMounts: [{{name: info, mountPath: /info}}, {{name: all, mountPath: /all}}]
  volumes:
  - name: info
    downwardAPI:
      items:
      - {{path: labels, fieldRef: {{fieldPath: metadata.labels}}}}
      - {{path: cpu, resourceFieldRef: {{containerName: app, resource: limits.cpu, divisor: 1m}}}}
  - name: all
    projected:
      sources:
      - configMap: {{name: app}}
      - configMap: {{name: kube-root-ca.crt, items: [{{key: ca.crt, path: certs/ca.crt}}]}}
      - downwardAPI: {{items: [{{path: name, fieldRef: {{fieldPath: metadata.name}}}}]}}
"
    ))?;
    until_ready(&mut world, "reader")?;
    let run = |world: &World, script: &str| world.petctl(&["exec", "reader", "--", "sh", "-c", script]);
    let read =
        run(&world, "cat /info/labels; echo; cat /info/cpu; echo; cat /all/k /all/name; head -1 /all/certs/ca.crt")?;
    ensure!(read == "tier=\"one\"\n500\nvreader-----BEGIN CERTIFICATE-----\n", "{read}");
    world.petctl(&["label", "pod", "reader", "--overwrite", "tier=two"])?;
    world.eventually("the file follows the label", |world| {
        let read = run(world, "cat /info/labels")?;
        ensure!(read == "tier=\"two\"", "{read}");
        Ok(())
    })?;
    world.petctl(&["delete", "pod", "reader"])?;
    nothing_is_left(&mut world)
}
