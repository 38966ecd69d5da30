//! What pods use, as they are asked for it.

use anyhow::{Context, Result, ensure};
use petset_integration::World;
use serde_json::Value;

/// One holds memory and writes a file, one spins on a fifth of a core, one does nothing, one has ended.
const MANIFEST: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: full, labels: {app: measured}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: app
    image: busybox:1
    command:
    - sh
    - -c
    - |
      dd if=/dev/zero of=/written bs=1M count=96
      dd if=/dev/zero of=/held/memory bs=1M count=32
      touch /done; exec sleep 1000000
    readinessProbe: {exec: {command: [test, -e, /done]}, periodSeconds: 1}
    volumeMounts: [{name: held, mountPath: /held}]
  volumes: [{name: held, emptyDir: {medium: Memory}}]
---
apiVersion: v1
kind: Pod
metadata: {name: busy, labels: {app: measured}}
spec:
  terminationGracePeriodSeconds: 0
  initContainers: [{name: before, image: "busybox:1", command: ["true"]}]
  containers:
  - name: spins
    image: busybox:1
    command: [sh, -c, "while :; do :; done"]
    resources: {limits: {cpu: 200m}}
  - name: sleeps
    image: busybox:1
    command: [sleep, "1000000"]
---
apiVersion: v1
kind: Pod
metadata: {name: over, labels: {app: measured}}
spec:
  restartPolicy: Never
  containers: [{name: app, image: "busybox:1", command: ["true"]}]
"#;

const MI: f64 = 1_048_576.0;

/// Cores, or octets.
fn amount(quantity: &Value) -> Result<f64> {
    let text = quantity.as_str().with_context(|| quantity.to_string())?;
    let digits = text.trim_end_matches(char::is_alphabetic);
    let factor = match &text[digits.len()..] {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "" => 1.0,
        "Ki" => 1024.0,
        "Mi" => MI,
        _ => anyhow::bail!("{text}"),
    };
    Ok(digits.parse::<f64>()? * factor)
}

/// The containers of a pod, each with its cores and octets.
fn usage(metrics: &Value) -> Result<Vec<(String, f64, f64)>> {
    let containers = metrics["containers"].as_array().with_context(|| metrics.to_string())?;
    let each = containers.iter().map(|container| {
        let name = container["name"].as_str().context("a name")?.to_owned();
        Ok((name, amount(&container["usage"]["cpu"])?, amount(&container["usage"]["memory"])?))
    });
    each.collect()
}

#[test]
fn what_pods_use_is_measured_when_somebody_asks() -> Result<()> {
    let mut world = World::start("usage")?;
    world.apply(MANIFEST)?;
    for pod in ["full", "busy"] {
        crate::until_ready(&mut world, pod)?;
    }
    crate::until(&mut world, "over", "it has ended", |pod| {
        ensure!(pod["status"]["phase"] == "Succeeded", "{}", pod["status"]);
        Ok(())
    })?;

    let list = world.json(&["get", "pods.metrics.k8s.io", "-l", "app=measured"])?;
    let items = list["items"].as_array().context("a list")?;
    let names: Vec<&Value> = items.iter().map(|item| &item["metadata"]["name"]).collect();
    ensure!(names == ["busy", "full"], "what has ended uses nothing: {list}");

    let busy = usage(&items[0])?;
    let [(sleeps, at_rest, _), (spins, spinning, _)] = &busy[..] else { anyhow::bail!("{busy:?}") };
    ensure!((sleeps.as_str(), spins.as_str()) == ("sleeps", "spins"), "{busy:?}");
    ensure!(*at_rest < 0.01, "{busy:?}");
    // The kernel gives it no more than a fifth, in slices of a tenth of a second; a busy machine may give it less.
    ensure!(*spinning > 0.02 && *spinning < 0.3, "{busy:?}");

    let full = usage(&items[1])?;
    let [(_, _, held)] = &full[..] else { anyhow::bail!("{full:?}") };
    ensure!(*held >= 32.0 * MI && *held < 64.0 * MI, "what it holds, and not the file that it has written: {full:?}");

    let node = world.json(&["get", "nodes.metrics.k8s.io"])?["items"][0].clone();
    let (cores, octets) = (amount(&node["usage"]["cpu"])?, amount(&node["usage"]["memory"])?);
    ensure!(cores > 0.02 && octets >= *held, "{node}");
    let window = node["window"].as_str().and_then(|window| window.strip_suffix('s')).context("a window")?;
    ensure!(window.parse::<f64>()? < 10.0, "{window}");
    Ok(())
}
