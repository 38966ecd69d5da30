//! Services with a virtual address: from pods, from the host, without the daemon, and after their container was killed.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use petset_integration::{World, dns::resolve};

/// Three servers that say their names on a port that no service has, one that nobody is behind, and a client.
const PODS: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: pets}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 8080}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: pets
  replicas: 3
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: busybox:1
        command: [sh, -c, "mkdir -p /www; hostname | tee /www/index.html > /www/ready; exec httpd -f -p 8080 -h /www"]
        ports: [{name: www, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /ready, port: www}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: client, image: "busybox:1", command: [sleep, "1000000"]}]
"#;

const SERVICES: &str = r"
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{name: http, port: 80, targetPort: www}]}
---
apiVersion: v1
kind: Service
metadata: {name: sticky}
spec: {selector: {app: web}, sessionAffinity: ClientIP, ports: [{port: 81, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
";

const READY: [&str; 4] = ["client", "web-0", "web-1", "web-2"];

fn begin(name: &str) -> Result<World> {
    let mut world = World::start(name)?;
    world.apply(&format!("{PODS}{SERVICES}"))?;
    world.pods_ready(&READY)?;
    // A service is served a moment after its pods are ready.
    world.eventually("all pods answer", |world| {
        let found = fetched(world, "http://web", 6)?;
        ensure!(found.len() == 3, "{found:?}");
        Ok(())
    })?;
    Ok(world)
}

/// What the client gets from a URL.
fn fetch(world: &World, url: &str) -> Result<String> {
    let container = world.container("client", "client", 0);
    Ok(world.docker(&["exec", &container, "wget", "-qO-", url])?.trim().to_owned())
}

/// The pods that answer so many requests.
fn fetched(world: &World, url: &str, count: usize) -> Result<BTreeSet<String>> {
    (0..count).map(|_| fetch(world, url)).collect()
}

/// What a port of the host gives.
fn fetch_from_host(address: IpAddr, port: u16) -> Result<String> {
    let mut connection = TcpStream::connect((address, port)).context("connect")?;
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    connection.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer.lines().last().unwrap_or_default().to_owned())
}

fn field(world: &World, service: &str, pointer: &str) -> Result<String> {
    let service = world.json(&["get", "service", service])?;
    let value = service.pointer(pointer).context("the field")?;
    Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn balancer(world: &World) -> Result<String> {
    let instance = format!("label=petset.io/instance={}", world.instance());
    let list = world.docker(&[
        "ps",
        "-aq",
        "--no-trunc",
        "--filter",
        &instance,
        "--filter",
        "label=petset.io/role=balancer",
    ])?;
    Ok(list.trim().to_owned())
}

#[test]
fn all_ready_pods_answer_at_the_address_of_a_service_and_no_others() -> Result<()> {
    let mut world = begin("vip-pods")?;
    let address = field(&world, "web", "/spec/clusterIP")?;
    let named = world.docker(&[
        "exec",
        &world.container("client", "client", 0),
        "nslookup",
        "web.default.svc.cluster.local",
    ])?;
    ensure!(named.contains(&format!("Address: {address}")) || named.contains(&address), "{named}");
    ensure!(fetched(&world, &format!("http://{address}:80"), 6)?.len() == 3);

    let own = fetched(&world, "http://sticky:81", 6)?;
    ensure!(own.len() == 1, "a client with affinity came to {own:?}");

    let refused = fetch(&world, "http://nobody").expect_err("nobody is behind it").to_string();
    ensure!(refused.contains("refused"), "{refused}");

    world.docker(&["exec", &world.container("web-1", "web", 0), "rm", "/www/ready"])?;
    let others = BTreeSet::from(["web-0".to_owned(), "web-2".to_owned()]);
    world.eventually("the unready pod gets nothing more", |world| {
        let found = fetched(world, "http://web", 6)?;
        ensure!(found == others, "{found:?}");
        Ok(())
    })?;
    world.docker(&["exec", &world.container("web-1", "web", 0), "touch", "/www/ready"])?;
    world.eventually("it is back", |world| {
        let found = fetched(world, "http://web", 6)?;
        ensure!(found.len() == 3, "{found:?}");
        Ok(())
    })
}

#[test]
fn a_node_port_is_on_both_loopbacks_of_the_host() -> Result<()> {
    let mut world = begin("vip-host")?;
    let port: u16 = field(&world, "web", "/spec/ports/0/nodePort")?.parse()?;
    for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let found = fetch_from_host(address, port)?;
        ensure!(found.starts_with("web-"), "{found}");
    }
    world.petctl(&["patch", "service", "web", "-p", r#"{"spec":{"type":"ClusterIP"}}"#])?;
    world.eventually("the port is closed", |_| {
        ensure!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
        Ok(())
    })
}

#[test]
fn datagrams_come_back_from_the_address_of_a_service() -> Result<()> {
    let mut world = begin("vip-udp")?;
    // The instance's own name server, behind a service without a selector.
    let gateway = world.json(&["get", "pod", "client"])?["status"]["hostIP"].as_str().context("the node")?.to_owned();
    world.apply(&format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: names}}\nspec: {{ports: [{{name: dns, port: 53, protocol: UDP}}]}}\n---\n\
         apiVersion: v1\nkind: Endpoints\nmetadata: {{name: names}}\n\
         subsets: [{{addresses: [{{ip: {gateway}}}], ports: [{{name: dns, port: 53, protocol: UDP}}]}}]\n"
    ))?;
    let (server, web) = (field(&world, "names", "/spec/clusterIP")?, field(&world, "web", "/spec/clusterIP")?);
    world.eventually("names are told through a service", |world| {
        let client = world.container("client", "client", 0);
        let said = world.docker(&["exec", &client, "nslookup", "web.default.svc.cluster.local", &server])?;
        ensure!(said.contains(&web), "{said}");
        Ok(())
    })?;
    world.petctl(&["patch", "service", "names", "-p", r#"{"spec":{"type":"NodePort"}}"#])?;
    let port: u16 = field(&world, "names", "/spec/ports/0/nodePort")?.parse()?;
    for loopback in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        world.eventually("names are told on the host", |_| {
            let found = resolve(SocketAddr::new(loopback, port), "web.default.svc.cluster.local")?;
            ensure!(found == [web.parse::<IpAddr>()?], "{found:?}");
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn addresses_are_served_while_there_is_no_daemon_and_again_when_their_container_was_killed() -> Result<()> {
    let mut world = begin("vip-outlive")?;
    let (address, before) = (field(&world, "web", "/spec/clusterIP")?, balancer(&world)?);
    let url = format!("http://{address}");
    world.stop_daemon(Signal::SIGKILL)?;
    ensure!(fetched(&world, &url, 6)?.len() == 3, "without a daemon");
    world.start_daemon()?;
    world.pods_ready(&READY)?;
    ensure!(fetched(&world, &url, 6)?.len() == 3);
    ensure!(balancer(&world)? == before, "the new daemon goes on with the container that is there");

    world.docker(&["kill", &before])?;
    world.eventually("it serves again after it was killed", |world| {
        ensure!(fetched(world, &url, 3)?.len() == 3);
        Ok(())
    })?;
    world.docker(&["rm", "-f", &before])?;
    world.eventually("it serves again after it was removed", |world| {
        ensure!(fetched(world, &url, 3)?.len() == 3);
        Ok(())
    })?;
    ensure!(field(&world, "web", "/spec/clusterIP")? == address);

    world.petctl(&["delete", "service", "web", "sticky", "nobody"])?;
    world.eventually("it goes with the last service", |world| {
        ensure!(balancer(world)?.is_empty());
        Ok(())
    })
}
