//! Who may reach what, with a real daemon and a real engine. `docs/security.md` names these tests.

use std::{io::Write as _, net::TcpStream, os::unix::fs::PermissionsExt as _};

use anyhow::{Context, Result, ensure};
use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    signal::Signal,
};
use petset_integration::World;

/// A pod that only is there.
fn pod(name: &str, of_container: &str, of_pod: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{terminationGracePeriodSeconds: 0, {of_pod} \
         containers: [{{name: app, image: 'busybox:1', command: [sleep, '1000000'], {of_container}}}]}}}}\n---\n"
    )
}

/// What the daemon's kubeconfig has under a key.
fn configured(world: &World, key: &str) -> Result<String> {
    let text = world.petctl(&["kubeconfig"])?;
    let value = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "));
    Ok(value.with_context(|| format!("no {key} in the kubeconfig"))?.trim_matches('"').to_owned())
}

fn token(world: &World) -> Result<String> {
    configured(world, "token")
}

fn refused(world: &World, args: &[&str], stdin: &str) -> Result<String> {
    let output = world.petctl_output(args, stdin)?;
    ensure!(!output.status.success(), "petctl {args:?} was served");
    Ok(String::from_utf8(output.stderr)?)
}

#[test]
fn pods_reach_the_dns_and_not_the_api() -> Result<()> {
    let mut world = World::start("bridge")?;
    world.apply(&pod("pet", "", ""))?;
    world.pods_ready(&["pet"])?;
    let server = configured(&world, "server")?;
    let port = server.rsplit(':').next().context("a port")?.to_owned();
    let gateway =
        world.petctl(&["exec", "pet", "--", "sh", "-c", "ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p'"])?;
    let gateway = gateway.trim();
    let said = |address: &str, port: &str| {
        let script = format!("timeout 3 nc {address} {port} </dev/null 2>&1; true");
        world.petctl(&["exec", "pet", "--", "sh", "-c", &script])
    };
    let of_dns = said(gateway, "53")?;
    ensure!(of_dns.is_empty(), "DNS cannot be reached, so this test shows nothing: {of_dns}");
    let node = world.json(&["get", "nodes"])?["items"][0]["status"]["addresses"][0]["address"].clone();
    for address in [gateway, node.as_str().context("an address")?, "127.0.0.1"] {
        let of_api = said(address, &port)?;
        ensure!(of_api.contains("refused"), "the API at {address}:{port}: {of_api}");
    }
    Ok(())
}

/// More connections than the daemon has places for, and than a process may open unasked: some say nothing, some nonsense.
#[test]
fn connections_that_say_nothing_or_nonsense_keep_nobody_out() -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let world = World::start("held")?;
    let server = configured(&world, "server")?;
    let address = server.strip_prefix("https://").context("HTTPS")?;
    let said: [&[u8]; 4] = [b"", b"GET /livez HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", &[0xff; 64]];
    let mut held = Vec::new();
    for octets in said.iter().cycle().take(1_200) {
        let mut stream = TcpStream::connect(address)?;
        // It may have ended already.
        let _ = stream.write_all(octets);
        held.push(stream);
    }
    for _ in 0..3 {
        let alive = world.petctl(&["get", "--raw", "/livez"])?;
        ensure!(alive.trim() == "ok", "{alive}");
    }
    drop(held);
    Ok(())
}

#[test]
fn a_rotated_token_counts_at_once_and_outlives_the_daemon() -> Result<()> {
    let mut world = World::start("rotate")?;
    let old = token(&world)?;
    let said = world.petctl(&["token", "rotate"])?;
    ensure!(said.contains("token rotated") && said.contains("kubeconfig"), "{said}");
    let new = token(&world)?;
    ensure!(old != new, "the token is still the old one");
    let mode = std::fs::metadata(world.kubeconfig())?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "the kubeconfig has mode {mode:o}");
    world.petctl(&["get", "nodes"])?;
    let refusal = refused(&world, &["--token", &old, "get", "nodes"], "")?;
    ensure!(refusal.contains("Unauthorized"), "{refusal}");
    world.petctl(&["token", "rotate", "--grace", "1h"])?;
    world.petctl(&["--token", &new, "get", "nodes"])?;
    let newest = token(&world)?;
    world.stop_daemon(Signal::SIGTERM)?;
    world.start_daemon()?;
    ensure!(token(&world)? == newest, "a start changed the token");
    Ok(())
}

#[test]
fn no_secret_is_logged_however_much_is() -> Result<()> {
    let mut world = World::start_with("logs", &["--log", "trace"])?;
    let first = token(&world)?;
    let password = "hunter2-in-the-environment";
    let env = format!("env: [{{name: PASSWORD, value: {password}}}],");
    world.apply(&pod("pet", &env, ""))?;
    world.pods_ready(&["pet"])?;
    world.petctl(&["exec", "pet", "--", "true"])?;
    world.petctl(&["logs", "pet"])?;
    let wrong = "a-wrong-token-that-somebody-tries";
    refused(&world, &["--token", wrong, "get", "nodes"], "")?;
    world.petctl(&["token", "rotate"])?;
    let second = token(&world)?;
    world.petctl(&["delete", "pod", "pet"])?;
    world.stop_daemon(Signal::SIGTERM)?;

    let log = world.whole_log()?;
    ensure!(log.contains(" TRACE ") || log.contains(" DEBUG "), "the log says so little that this test shows nothing");
    let key = std::fs::read_to_string(world.data_dir().join("ca.key"))?;
    let key = key.lines().nth(1).context("a key in PEM")?.to_owned();
    for (what, secret) in [
        ("the first token", first.as_str()),
        ("the second token", &second),
        ("a wrong token", wrong),
        ("the authority's key", &key),
        ("a header", "Bearer "),
        ("a container's environment", password),
    ] {
        let line = log.lines().find(|line| line.contains(secret));
        ensure!(line.is_none(), "{what} is in the log: {}", line.unwrap_or_default());
    }
    Ok(())
}

#[test]
fn pods_get_nothing_of_the_host_that_is_not_allowed() -> Result<()> {
    let world = World::start("denied")?;
    let etc = "volumes: [{name: v, hostPath: {path: /etc}}],";
    let privileged = "securityContext: {privileged: true}";
    for (manifest, expected) in [
        (pod("p", "", etc), "hostPath volumes (volume \"v\": the path \"/etc\" is not allowed"),
        (pod("p", privileged, ""), "privileged (container \"app\" must not set securityContext.privileged=true"),
        (pod("p", "", "hostNetwork: true,"), "host namespaces (hostNetwork=true"),
        (
            "{apiVersion: v1, kind: PersistentVolume, metadata: {name: p}, spec: {capacity: {storage: 1Gi}, \
             accessModes: [ReadWriteOnce], hostPath: {path: /}}}"
                .to_owned(),
            "hostPath volumes (the path \"/\" is not allowed",
        ),
    ] {
        let said = refused(&world, &["create", "-f", "-"], &manifest)?;
        ensure!(said.contains("(Forbidden)") && said.contains(expected), "{said}");
    }
    let left = world.petctl(&["get", "pods,pv", "-o", "name"])?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

#[test]
fn what_the_daemon_allows_pods_have() -> Result<()> {
    let host = tempfile::tempdir()?;
    let prefix = host.path().display().to_string();
    let mut world = World::start_with("granted", &["--allow-host-path", &prefix, "--allow-privileged"])?;
    std::fs::create_dir(host.path().join("shared"))?;
    std::fs::write(host.path().join("shared/file"), "of the host\n")?;
    let volume = format!("volumes: [{{name: v, hostPath: {{path: {prefix}/shared}}}}],");
    let mount = "volumeMounts: [{name: v, mountPath: /v}],";
    // Of the powers the one that an engine inside of a container can give, too.
    world.apply(&pod("pet", mount, &format!("hostNetwork: true, {volume}")))?;
    world.pods_ready(&["pet"])?;
    let said = world.petctl(&["exec", "pet", "--", "cat", "/v/file"])?;
    ensure!(said == "of the host\n", "{said}");
    let status = world.json(&["get", "pod", "pet"])?["status"].clone();
    ensure!(status["podIP"] == status["hostIP"], "{status}");
    Ok(())
}
