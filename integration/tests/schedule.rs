//! What a pod may run on: the node as users change it, on the real engine.

use anyhow::{Context, Result, ensure};
use petset_integration::{World, is_ready};
use serde_json::Value;

fn pod(name: &str, more: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: pets}}}}
spec:
  terminationGracePeriodSeconds: 0
{more}
  hostname: {name}
  subdomain: pets
  containers:
  - name: app
    image: busybox:1
    command: [sleep, \"1000000\"]
"
    )
}

fn said(said: &str, part: &str) -> Result<()> {
    ensure!(said.contains(part), "{part:?} is not in {said:?}");
    Ok(())
}

fn condition(pod: &Value, kind: &str) -> Value {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().find(|condition| condition["type"] == kind).cloned().unwrap_or_default()
}

/// What `why` prints, and its exit code.
fn why(world: &World, object: &str) -> Result<(String, Option<i32>)> {
    let output = world.petctl_output(&["why", object], "")?;
    Ok((String::from_utf8(output.stdout)?, output.status.code()))
}

fn node(world: &World) -> Result<String> {
    let nodes = world.json(&["get", "nodes"])?;
    Ok(nodes["items"][0]["metadata"]["name"].as_str().context("a name")?.to_owned())
}

#[test]
fn a_cordoned_node_takes_no_pods_until_it_is_uncordoned() -> Result<()> {
    let mut world = World::start("cordon")?;
    let node = node(&world)?;
    said(&world.petctl(&["cordon", &node])?, &format!("node/{node} cordoned"))?;
    world.apply(&pod("late", ""))?;
    world.eventually("it is unschedulable", |world| {
        let late = world.json(&["get", "pod", "late"])?;
        let scheduled = condition(&late, "PodScheduled");
        ensure!(scheduled["reason"] == "Unschedulable", "{scheduled}");
        said(&scheduled.to_string(), "0/1 nodes are available: 1 node(s) were unschedulable.")?;
        ensure!(late["status"]["phase"] == "Pending" && late["spec"].get("nodeName").is_none(), "{late}");
        said(
            &world.events_of("late")?.join("\n"),
            "FailedScheduling: 0/1 nodes are available: 1 node(s) were unschedul",
        )
    })?;
    let (told, code) = why(&world, "pod/late")?;
    let expected = format!("pod/late: node {node} is cordoned and takes no new pods; `petctl uncordon {node}` lets it");
    ensure!(told == format!("{expected} (Unschedulable)\n") && code == Some(1), "{told} {code:?}");
    ensure!(world.docker(&["ps", "-aq", "--filter", &format!("name={}", world.container("late", "", 0))])?.is_empty());

    said(&world.petctl(&["uncordon", &node])?, &format!("node/{node} uncordoned"))?;
    world.pods_ready(&["late"])?;
    let quiet = why(&world, "pod/late")?;
    ensure!(quiet == ("nothing\n".to_owned(), Some(0)), "{quiet:?}");
    Ok(())
}

#[test]
fn a_host_port_is_taken_by_one_pod_and_passes_to_the_next() -> Result<()> {
    let mut world = World::start("ports")?;
    let port = std::net::TcpListener::bind("0.0.0.0:0")?.local_addr()?.port();
    let publishing =
        |name: &str, more: &str| pod(name, more) + &format!("    ports: [{{containerPort: 80, hostPort: {port}}}]\n");
    world.apply(&publishing("first", ""))?;
    world.pods_ready(&["first"])?;
    world.apply(&publishing("second", ""))?;
    world.eventually("the second waits for the port", |world| {
        let (told, _) = why(world, "po/second")?;
        said(&told, &format!("port {port}/TCP of the host is taken by pod default/first (Unschedulable)"))
    })?;
    // Whoever names the node asks nobody, and is refused for good.
    world.apply(&publishing("pushy", &format!("  nodeName: {}", node(&world)?)))?;
    world.eventually("it is rejected", |world| {
        let pushy = world.json(&["get", "pod", "pushy"])?;
        ensure!(
            pushy["status"]["phase"] == "Failed" && pushy["status"]["reason"] == "NodePorts",
            "{}",
            pushy["status"]
        );
        said(&world.events_of("pushy")?.join("\n"), "NodePorts: Predicate NodePorts failed")
    })?;
    world.petctl(&["delete", "pod", "first", "pushy"])?;
    world.pods_ready(&["second"])
}

#[test]
fn a_readiness_gate_keeps_a_pod_out_of_dns_until_somebody_opens_it() -> Result<()> {
    let mut world = World::start("gate")?;
    let service = "\n---\napiVersion: v1\nkind: Service\nmetadata: {name: pets}\nspec: {clusterIP: None, selector: {app: pets}, ports: [{port: 80}]}\n";
    world.apply(&(pod("pet", "  readinessGates: [{conditionType: example.org/open}]") + service))?;
    world.eventually("its containers are ready and it is not", |world| {
        let pet = world.json(&["get", "pod", "pet"])?;
        ensure!(condition(&pet, "ContainersReady")["status"] == "True", "{}", pet["status"]);
        ensure!(condition(&pet, "Ready")["reason"] == "ReadinessGatesNotReady", "{}", pet["status"]);
        let (told, _) = why(world, "pod/pet")?;
        said(&told, "corresponding condition of pod readiness gate \"example.org/open\" does not exist")
    })?;
    let address = |world: &World| -> Result<Value> {
        Ok(world.json(&["get", "endpoints", "pets"])?["subsets"][0]["addresses"][0]["ip"].clone())
    };
    ensure!(address(&world)?.is_null(), "published before it is Ready");
    let set = |world: &World, status: &str| {
        let condition = format!(r#"{{"type": "example.org/open", "status": "{status}"}}"#);
        let patch = format!(r#"{{"status": {{"conditions": [{condition}]}}}}"#);
        world.petctl(&["patch", "pod", "pet", "--subresource=status", "-p", &patch])
    };
    set(&world, "True")?;
    world.pods_ready(&["pet"])?;
    world.eventually("it is published", |world| {
        ensure!(address(world)?.is_string());
        Ok(())
    })?;
    let pet = world.json(&["get", "pod", "pet"])?;
    ensure!(condition(&pet, "example.org/open")["status"] == "True", "the gate's condition is lost: {}", pet["status"]);
    set(&world, "False")?;
    world.eventually("it is not Ready any more", |world| {
        ensure!(!is_ready(&world.json(&["get", "pod", "pet"])?) && address(world)?.is_null());
        Ok(())
    })
}

#[test]
fn pets_that_must_not_share_a_node_run_where_the_daemon_is_told_so() -> Result<()> {
    let set = r#"
apiVersion: apps/v1alpha1
kind: PetSet
metadata: {name: web}
spec:
  serviceName: web
  replicas: 2
  template:
    metadata:
      labels: {app: web}
      annotations: {pod.alpha.kubernetes.io/initialized: "true"}
    spec:
      terminationGracePeriodSeconds: 0
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
          - {labelSelector: {matchLabels: {app: web}}, topologyKey: kubernetes.io/hostname}
      containers: [{name: app, image: "busybox:1", command: [sleep, "1000000"]}]
"#;
    let mut world = World::start("shun")?;
    world.apply(set)?;
    world.eventually("the second pet waits, and the set says why", |world| {
        let pod = world.json(&["get", "pod", "web-1"])?;
        said(&condition(&pod, "PodScheduled").to_string(), "1 node(s) didn't match pod anti-affinity rules.")?;
        let (told, code) = why(world, "set/web")?;
        ensure!(code == Some(1), "{code:?}");
        said(&told, "pod/web-1: the pod's required anti-affinity shuns pod default/web-0")?;
        said(&told, "--pod-affinity preferred")?;
        said(&world.petctl(&["describe", "petset", "web"])?, "--pod-affinity preferred")
    })?;
    let mut world = World::start_with("shun", &["--pod-affinity", "preferred"])?;
    world.apply(set)?;
    world.pods_ready(&["web-0", "web-1"])
}
