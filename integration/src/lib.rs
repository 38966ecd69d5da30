//! Tests against real Docker and stock clients.
//!
//! A [`World`] is one instance of petset on the engine that `DOCKER_HOST` names: its own data, network and ports, so
//! that tests run side by side. Dropping it removes all of it, also when the test fails.

pub mod bench;
pub mod dns;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

/// Nothing takes longer, also on a machine on which several clusters are started at once; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_mins(3);

/// How often a condition is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// One instance of petset, with its daemon running.
pub struct World {
    instance: String,
    dir: tempfile::TempDir,
    docker_host: String,
    /// Further arguments of the daemon.
    arguments: Vec<String>,
    daemon: Option<Child>,
}

impl World {
    /// Starts a daemon of a new instance. `name` is the test's, for people who look at a machine while it runs.
    pub fn start(name: &str) -> Result<World> {
        let engine = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".into());
        World::start_on(name, &engine)
    }

    /// The same with further arguments of the daemon.
    pub fn start_with(name: &str, arguments: &[&str]) -> Result<World> {
        let engine = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".into());
        World::start_as(name, &engine, arguments)
    }

    /// The same on another engine than the tests' own.
    pub fn start_on(name: &str, docker_host: &str) -> Result<World> {
        World::start_as(name, docker_host, &[])
    }

    fn start_as(name: &str, docker_host: &str, arguments: &[&str]) -> Result<World> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let instance = format!("{name}-{}-{count}", std::process::id());
        ensure!(instance.len() <= 20, "the instance's name {instance} is too long");
        let dir = tempfile::Builder::new().prefix("petset-").tempdir()?;
        let mut world = World {
            instance,
            dir,
            docker_host: docker_host.to_owned(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            daemon: None,
        };
        world.start_daemon()?;
        Ok(world)
    }

    /// The instance's name.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The daemon's process, where one runs.
    pub fn daemon_pid(&self) -> Option<nix::unistd::Pid> {
        self.daemon.as_ref().and_then(|child| child.id().try_into().ok()).map(nix::unistd::Pid::from_raw)
    }

    /// Runs Docker's own client on the world's engine and returns what it printed.
    pub fn docker(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new("docker");
        command.args(args).env("DOCKER_HOST", &self.docker_host);
        succeed(&format!("docker {}", args.join(" ")), &run(command, "")?)
    }

    /// The end of what a container has said, on both streams, for whoever looks for the reason of a failure.
    pub fn last_words(&self, container: &str) -> String {
        let mut command = Command::new("docker");
        command.args(["logs", "--tail", "20", container]).env("DOCKER_HOST", &self.docker_host);
        match command.output() {
            Ok(said) => [said.stdout, said.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat(),
            Err(error) => format!("docker logs: {error}"),
        }
    }

    /// What Docker calls a container of a pod in the namespace `default`; a sandbox is the container `POD`.
    pub fn container(&self, pod: &str, container: &str, attempt: u32) -> String {
        format!("petset_{}_default_{pod}_{container}_{attempt}", self.instance)
    }

    /// The events of an object, as `reason: message`.
    pub fn events_of(&self, name: &str) -> Result<Vec<String>> {
        let events = self.json(&["get", "events"])?;
        let about = events["items"].as_array().into_iter().flatten().filter(|e| e["involvedObject"]["name"] == name);
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        Ok(about.map(|event| format!("{}: {}", text(&event["reason"]), text(&event["message"]))).collect())
    }

    /// The sentences of what an object waits for.
    pub fn waits_of(&self, name: &str) -> Result<Vec<String>> {
        let waits: serde_json::Value =
            serde_json::from_str(&self.petctl(&["get", "--raw", &format!("/petset/v1/waits?name={name}")])?)?;
        let items = waits["items"].as_array().context("a list")?;
        Ok(items.iter().map(|wait| wait["message"].as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Where the daemon keeps its data.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A new directory that pods may mount by `hostPath`.
    pub fn host_volume(&self) -> Result<tempfile::TempDir> {
        Ok(tempfile::tempdir_in(self.data_dir().join("host-volumes"))?)
    }

    /// The socket on which the daemon answers without asking who it is.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("run/petsetd.sock")
    }

    /// Where the daemon answers questions about names, for programs on the host.
    pub fn dns(&self) -> Result<SocketAddr> {
        let announced = std::fs::read_to_string(self.dir.path().join("run").join("endpoint.json"))?;
        let announced: serde_json::Value = serde_json::from_str(&announced)?;
        announced["dns"].as_str().context("an address")?.parse().context("an address")
    }

    /// The kubeconfig that the daemon wrote.
    pub fn kubeconfig(&self) -> PathBuf {
        self.data_dir().join("kubeconfig")
    }

    /// Starts the daemon (again) and waits until it is ready.
    pub fn start_daemon(&mut self) -> Result<()> {
        self.spawn_daemon()?;
        let since = Instant::now();
        // Fails while the kubeconfig is the former process's, whose address nobody answers at.
        while let Err(error) = self.petctl(&["get", "namespace", "default"]) {
            ensure!(self.daemon_runs(), "petsetd ended:\n{}", self.log_text());
            ensure!(since.elapsed() < PATIENCE, "petsetd is not ready: {error:#}\n{}", self.log_text());
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// Starts the daemon and waits for nothing.
    pub fn spawn_daemon(&mut self) -> Result<()> {
        ensure!(self.daemon.is_none(), "the daemon runs already");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log())?;
        let child = self
            .petsetd()
            .args(["--listen", "127.0.0.1:0", "--dns-listen", "127.0.0.1:0"])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("start petsetd; is it built? `make integration` builds it")?;
        self.daemon = Some(child);
        Ok(())
    }

    /// Sends a signal to the daemon, unless it has ended already, and waits for its end.
    pub fn stop_daemon(&mut self, signal: nix::sys::signal::Signal) -> Result<()> {
        let Some(mut child) = self.daemon.take() else { bail!("no daemon runs") };
        if child.try_wait()?.is_none() {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().try_into()?), signal)?;
        }
        let since = Instant::now();
        while child.try_wait()?.is_none() {
            ensure!(since.elapsed() < PATIENCE, "petsetd did not end on {signal}");
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// Whether the daemon's process is still there.
    pub fn daemon_runs(&mut self) -> bool {
        self.daemon.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Runs petctl and returns what it printed on standard output; an exit code other than 0 is an error that says all.
    pub fn petctl(&self, args: &[&str]) -> Result<String> {
        let output = self.petctl_output(args, "")?;
        succeed(&format!("petctl {}", args.join(" ")), &output)
    }

    /// Runs petctl with this standard input and returns whatever came of it.
    pub fn petctl_output(&self, args: &[&str], stdin: &str) -> Result<Output> {
        let mut command = Command::new(built("petctl")?);
        self.point(&mut command);
        command.args(args);
        run(command, stdin)
    }

    /// Runs a shell script in which `kubectl` is petctl, as the document's blocks are written.
    pub fn shell(&self, script: &str) -> Result<String> {
        self.shell_with(&built("petctl")?, script)
    }

    /// Runs a shell script in which `kubectl` is this program.
    pub fn shell_with(&self, kubectl: &Path, script: &str) -> Result<String> {
        succeed(script, &self.shell_output_with(kubectl, script)?)
    }

    /// The same, and returns whatever came of it.
    pub fn shell_output_with(&self, kubectl: &Path, script: &str) -> Result<Output> {
        let bin = self.dir.path().join("bin");
        std::fs::create_dir_all(&bin)?;
        let link = bin.join("kubectl");
        drop(std::fs::remove_file(&link));
        std::os::unix::fs::symlink(kubectl, &link)?;
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command
            .args(["-euc", script])
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HOME", self.dir.path())
            .current_dir(examples());
        self.point(&mut command);
        run(command, "")
    }

    /// Applies a manifest.
    pub fn apply(&self, manifest: &str) -> Result<String> {
        let output = self.petctl_output(&["apply", "-f", "-"], manifest)?;
        succeed("petctl apply -f -", &output)
    }

    /// Runs a command of petsetd that ends by itself, and returns what it printed.
    pub fn petsetd_once(&self, args: &[&str]) -> Result<String> {
        let mut command = self.petsetd();
        command.args(args);
        succeed(&format!("petsetd {}", args.join(" ")), &run(command, "")?)
    }

    /// Waits until a condition holds; the last error is told where it never does.
    pub fn eventually<T>(&mut self, what: &str, mut condition: impl FnMut(&mut World) -> Result<T>) -> Result<T> {
        let since = Instant::now();
        loop {
            match condition(self) {
                Ok(value) => return Ok(value),
                Err(error) if since.elapsed() > PATIENCE => {
                    let state =
                        self.petctl(&["get", "petsets,pods,pvc,events", "-A"]).unwrap_or_else(|e| format!("{e:#}"));
                    bail!("never came true: {what}: {error:#}\n{state}\npetsetd's log:\n{}", self.log_text());
                }
                Err(_) => std::thread::sleep(LOOK_AGAIN),
            }
        }
    }

    /// Waits until exactly these pods exist and all are Ready.
    pub fn pods_ready(&mut self, names: &[&str]) -> Result<()> {
        self.eventually(&format!("pods {names:?} are Ready"), |world| world.pods_ready_now(names))
    }

    /// Whether exactly these pods exist and all are Ready.
    pub fn pods_ready_now(&self, names: &[&str]) -> Result<()> {
        let pods = self.json(&["get", "pods"])?;
        let items = pods["items"].as_array().context("a list")?;
        let mut ready = Vec::new();
        for pod in items {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            ensure!(is_ready(pod), "{name} is not Ready: {}", pod["status"]);
            ensure!(pod["metadata"].get("deletionTimestamp").is_none(), "{name} is being deleted");
            ready.push(name);
        }
        ensure!(ready == names, "there are {ready:?}");
        Ok(())
    }

    /// What petctl prints with `-o json`.
    pub fn json(&self, args: &[&str]) -> Result<serde_json::Value> {
        let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
        Ok(serde_json::from_str(&self.petctl(&args)?)?)
    }

    /// The ids of the pods' containers by pod and container name, as the API tells them.
    pub fn container_ids(&self) -> Result<Vec<(String, String)>> {
        let pods = self.json(&["get", "pods"])?;
        let mut ids = Vec::new();
        for pod in pods["items"].as_array().context("a list")? {
            for status in pod["status"]["containerStatuses"].as_array().into_iter().flatten() {
                let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
                ids.push((text(&pod["metadata"]["name"]), text(&status["containerID"])));
            }
        }
        Ok(ids)
    }

    /// The daemon's whole log so far.
    pub fn whole_log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(self.log())?).into_owned())
    }

    /// The end of the daemon's log so far.
    pub fn log_text(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("petsetd.log")
    }

    fn petsetd(&self) -> Command {
        // `built` fails where the binary is missing; `spawn` then names the path.
        let mut command = Command::new(built("petsetd").unwrap_or_else(|_| "petsetd".into()));
        self.point(&mut command);
        command.env("DOCKER_HOST", &self.docker_host);
        command
    }

    /// Points a program of ours, or a kubectl, at this instance.
    fn point(&self, command: &mut Command) {
        command
            .env("KUBECONFIG", self.kubeconfig())
            .env("PETSET_INSTANCE", &self.instance)
            .env("PETSET_DATA_DIR", self.data_dir())
            .env("PETSET_RUNTIME_DIR", self.dir.path().join("run"));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            drop(child.kill());
            drop(child.wait());
        }
        match self.petsetd().args(["purge", "--yes"]).output() {
            Ok(output) if output.status.success() => {}
            other => eprintln!("petsetd purge of instance {} failed: {other:?}", self.instance),
        }
    }
}

/// A private engine for one test, which may be restarted and killed. Dropping it takes it away.
pub struct Engine {
    dir: tempfile::TempDir,
    address: String,
}

impl Engine {
    /// Starts an engine that has the image `busybox:1`.
    pub fn start() -> Result<Engine> {
        let dir = tempfile::Builder::new().prefix("petset-engine-").tempdir()?;
        let address = format!("unix://{}/docker.sock", dir.path().display());
        let engine = Engine { dir, address };
        engine.script(&["start-private"])?;
        let mut build = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("images/build"));
        build.arg("busybox:1").env("DOCKER_HOST", engine.address());
        succeed("images/build busybox:1", &run(build, "")?)?;
        Ok(engine)
    }

    /// The same with more images of `images/recipes`. The tests' own engine builds and keeps them, this one gets copies.
    pub fn start_with(images: &[&str]) -> Result<Engine> {
        let mut build = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("images/build"));
        build.args(images);
        succeed(&format!("images/build {}", images.join(" ")), &run(build, "")?)?;
        let engine = Engine::start()?;
        let mut copy = Command::new("bash");
        copy.args(["-o", "pipefail", "-ec", "docker save \"$@\" | DOCKER_HOST=$TO docker load --quiet", "copy"]);
        copy.args(images).env("TO", engine.address());
        succeed(&format!("copy {}", images.join(" ")), &run(copy, "")?)?;
        Ok(engine)
    }

    /// What `DOCKER_HOST` is for it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Stops the engine, where it runs, and starts it again, as an update of Docker does.
    pub fn restart(&self) -> Result<()> {
        self.script(&["restart-private"])
    }

    /// Sends the engine's own process a signal: `KILL`, `STOP`, `CONT`. Its containers are left alone.
    pub fn signal(&self, signal: &str) -> Result<()> {
        self.script(&["signal-private", signal])
    }

    /// The engine's socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("docker.sock")
    }

    fn script(&self, args: &[&str]) -> Result<()> {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("engine"));
        command.args(args).env("PETSET_ENGINE_DIR", self.dir.path());
        succeed(&format!("engine {}", args.join(" ")), &run(command, "")?).map(|_| ())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Err(error) = self.script(&["stop"]) {
            eprintln!("the private engine was not taken away: {error:#}");
        }
    }
}

/// Whether a pod's Ready condition is true.
pub fn is_ready(pod: &serde_json::Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// The folder with the examples.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// A program of this workspace, of the same profile as the test that asks.
pub fn built(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test.ancestors().find(|dir| dir.join("deps").is_dir()).context("not run by cargo")?;
    let program = profile.join(name);
    ensure!(program.is_file(), "{} is not built; `make integration` builds it", program.display());
    Ok(program)
}

/// The kubectls to test with that are of this minor version or later.
pub fn kubectls_since(minor: &str) -> Result<Vec<PathBuf>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/kubectl");
    let output = Command::new(script).arg(minor).output().context("integration/kubectl")?;
    Ok(succeed("integration/kubectl", &output)?.lines().map(PathBuf::from).collect())
}

/// What a command printed, or an error with all that it said.
pub fn succeed(what: &str, output: &Output) -> Result<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    bail!("{what}: {}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

fn run(mut command: Command, stdin: &str) -> Result<Output> {
    use std::io::Write;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{command:?}"))?;
    let mut input = child.stdin.take().context("piped")?;
    let stdin = stdin.to_owned();
    // A program that ends without reading all of its input closes the pipe: that is its right.
    let writer = std::thread::spawn(move || drop(input.write_all(stdin.as_bytes())));
    let output = child.wait_with_output()?;
    writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))?;
    Ok(output)
}
