//! An instance for a test, and short ways to say what happens in it.

use std::{
    collections::BTreeMap, fs, net::IpAddr, os::unix::fs::symlink, panic::AssertUnwindSafe, process::Command,
    time::Duration,
};

use bytes::Bytes;
use controller::runtime::{Hint, Runtime};
use docker::{
    Allowed, Docker, Engine, Setup,
    streams::{ExecOptions, Output, Target},
};
use futures::{FutureExt, StreamExt, stream::BoxStream};
use plan::{
    Action,
    action::{
        Confinement, Done, Failure, Files, Hook, Mount, Probe, ProbeKind, Resources, Sandbox, Source, Start, Stop,
        TerminationMessage,
    },
    facts::{Container, Owner, PodKey, Role, State},
};
use tokio::io::AsyncWriteExt;

/// A shell and little more, made here from Debian's static busybox.
pub(crate) const IMAGE: &str = "petset-test/busybox:1";

/// A test that waits so long for the engine has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// An instance on the engine, with one pod `default/web-0` in mind.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) docker: Docker,
    pub(crate) setup: Setup,
    pub(crate) uid: String,
    // Dropped last: the pods' files are in it.
    _dir: tempfile::TempDir,
}

/// Runs a test in an instance of its own, and removes all of it whatever comes of the test.
pub(crate) fn in_world<F: Future<Output = ()>>(name: &str, test: impl FnOnce(std::rc::Rc<World>) -> F) {
    in_world_on(&std::env::var("DOCKER_HOST").unwrap_or_default(), name, test);
}

/// The same on the engine at an address of its own.
pub(crate) fn in_world_on<F: Future<Output = ()>>(host: &str, name: &str, test: impl FnOnce(std::rc::Rc<World>) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let engine = match Engine::connect(Some(host)).await {
            Ok(engine) => engine,
            Err(error) => panic!("these tests need a Docker engine (try `integration/engine run …`): {error}"),
        };
        import_image(&engine.address());
        let dir = tempfile::tempdir().unwrap();
        let instance = format!("{name}-{}", std::process::id());
        let setup = Setup {
            instance,
            subnet: None,
            pods_dir: dir.path().join("pods"),
            holds_dir: dir.path().join("holds"),
            allowed: Allowed { host_paths: vec![std::env::temp_dir()], privileged: false },
            enforces_sizes: false,
        };
        let docker = engine.prepare(&setup).await.unwrap();
        let uid = format!("{name}-uid-1");
        let world = World { engine: engine.clone(), docker, setup: setup.clone(), uid, _dir: dir };
        let outcome = AssertUnwindSafe(test(std::rc::Rc::new(world))).catch_unwind().await;
        engine.erase(&setup.instance).await.unwrap();
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}

impl World {
    pub(crate) fn owner(&self, role: Role, container: &str, attempt: u32) -> Owner {
        Owner { pod: web_0(), uid: self.uid.clone(), role, container: container.to_owned(), attempt }
    }

    /// An address of the instance's network that no other pod of the test has.
    pub(crate) fn address(&self, last: u32) -> IpAddr {
        IpAddr::V4((u32::from(self.docker.ready().subnet.network()) + last).into())
    }

    pub(crate) fn sandbox(&self, attempt: u32) -> Sandbox {
        let address = self.address(17);
        Sandbox {
            owner: self.owner(Role::Sandbox, "POD", attempt),
            hostname: "web-0".to_owned(),
            domain: "nginx.default.svc.cluster.local".to_owned(),
            address,
            files: Files {
                hosts: format!("127.0.0.1 localhost\n{address} web-0.nginx.default.svc.cluster.local web-0\n"),
                hostname: "web-0\n".to_owned(),
                resolv_conf: format!("nameserver {}\noptions ndots:5\n", self.docker.ready().gateway),
            },
            publish: Vec::new(),
            host_network: false,
            host_ipc: false,
            sysctls: BTreeMap::new(),
        }
    }

    /// A container that runs a shell script.
    pub(crate) fn start(&self, container: &str, attempt: u32, sandbox: &Container, script: &str) -> Start {
        Start {
            owner: self.owner(Role::App, container, attempt),
            sandbox_id: sandbox.id.clone(),
            image: IMAGE.to_owned(),
            command: vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()],
            args: Vec::new(),
            env: Vec::new(),
            working_dir: None,
            mounts: Vec::new(),
            user: None,
            tty: false,
            stdin: false,
            stdin_once: false,
            target: None,
            privileged: false,
            capabilities: (Vec::new(), Vec::new()),
            read_only_root: false,
            resources: Resources::default(),
            confinement: Confinement::default(),
            termination: TerminationMessage::default(),
            exec_probes: false,
            post_start: None,
        }
    }

    pub(crate) async fn act(&self, action: Action) -> Result<Done, Failure> {
        self.docker.act(&action).await
    }

    /// Starts the first sandbox, and gives it as the engine has it.
    pub(crate) async fn up(&self) -> Container {
        self.act(Action::StartSandbox(Box::new(self.sandbox(0)))).await.unwrap();
        self.container("POD", 0).await
    }

    /// Starts a container, and gives it as the engine has it.
    pub(crate) async fn run(&self, start: Start) -> Container {
        let (name, attempt) = (start.owner.container.clone(), start.owner.attempt);
        assert_eq!(self.act(Action::StartContainer(Box::new(start))).await, Ok(Done::Ok));
        self.container(&name, attempt).await
    }

    pub(crate) async fn containers(&self) -> Vec<Container> {
        self.docker.observe_pod(&web_0()).await.unwrap()
    }

    pub(crate) async fn container(&self, name: &str, attempt: u32) -> Container {
        let containers = self.containers().await;
        let found = containers.iter().find(|it| it.owner.container == name && it.owner.attempt == attempt);
        found.unwrap_or_else(|| panic!("no container {name}/{attempt} among {containers:#?}")).clone()
    }

    /// Waits until a container has ended; gives its exit code.
    pub(crate) async fn ended(&self, name: &str, attempt: u32) -> i64 {
        let mut hints = self.docker.hints();
        loop {
            // Looked at after each hint: the first comes when the events are subscribed to.
            next(&mut hints).await;
            if let State::Exited { code, .. } = self.container(name, attempt).await.state {
                return code;
            }
        }
    }

    pub(crate) fn target(&self, container: &str) -> Target {
        Target { pod: web_0(), uid: self.uid.clone(), container: container.to_owned() }
    }

    /// Runs a script in a container with some input: its output, its errors and its exit code.
    pub(crate) async fn exec(&self, container: &str, script: &str, input: &[u8]) -> (Bytes, Bytes, i64) {
        let options = ExecOptions {
            command: vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()],
            stdin: true,
            stdout: true,
            stderr: true,
            tty: false,
        };
        let mut session = self.docker.exec(&self.target(container), &options).await.unwrap();
        let mut stdin = session.stdin.take().unwrap();
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let feed = async {
            stdin.write_all(input).await.unwrap();
            drop(stdin);
        };
        let read = async {
            while let Some(piece) = session.output.next().await {
                match piece.unwrap() {
                    Output::Stdout(bytes) => output.extend_from_slice(&bytes),
                    Output::Stderr(bytes) => errors.extend_from_slice(&bytes),
                }
            }
        };
        tokio::time::timeout(PATIENCE, async { tokio::join!(feed, read) }).await.unwrap();
        (output.into(), errors.into(), session.exit.await.unwrap().unwrap())
    }

    pub(crate) async fn probe(&self, container: &Container, check: Hook, timeout: Duration) -> (bool, String) {
        let probe = Probe {
            owner: container.owner.clone(),
            id: container.id.clone(),
            kind: ProbeKind::Readiness,
            check,
            timeout,
        };
        match self.act(Action::Probe(Box::new(probe))).await.unwrap() {
            Done::Probed { success, message } => (success, message),
            other => panic!("a probe gave {other:?}"),
        }
    }
}

pub(crate) fn web_0() -> PodKey {
    PodKey { namespace: "default".to_owned(), name: "web-0".to_owned() }
}

pub(crate) fn stop(container: &Container, grace: Duration, pre_stop: Option<Hook>) -> Stop {
    Stop { id: container.id.clone(), owner: container.owner.clone(), grace, pre_stop }
}

pub(crate) fn shell(script: &str) -> Hook {
    Hook::Exec { command: vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()] }
}

pub(crate) fn volume_at(name: &str, path: &str, sub_path: &str) -> Mount {
    Mount {
        source: Source::Volume(name.to_owned()),
        path: path.to_owned(),
        sub_path: sub_path.to_owned(),
        read_only: false,
    }
}

pub(crate) fn claim_labels(claim: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("claim".to_owned(), claim.to_owned())])
}

pub(crate) async fn next(hints: &mut BoxStream<'static, Hint>) -> Hint {
    tokio::time::timeout(PATIENCE, hints.next()).await.expect("no hint came").expect("hints never end")
}

/// Imports the test image unless the engine has it.
fn import_image(host: &str) {
    let mut inspect = Command::new("docker");
    let inspect = inspect.args(["image", "inspect", IMAGE]).env("DOCKER_HOST", host).output();
    if inspect.expect("the docker command is there").status.success() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let shell = |script: &str| {
        let output = Command::new("sh").args(["-ec", script]).current_dir(dir.path()).env("DOCKER_HOST", host).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    shell(
        "apt-get -q download busybox-static && dpkg-deb -x busybox-static*.deb package && mkdir -p root/bin root/tmp",
    );
    let busybox = ["bin", "usr/bin"].map(|bin| dir.path().join("package").join(bin).join("busybox"));
    let busybox = busybox.iter().find(|path| path.exists()).expect("the package has a busybox");
    fs::copy(busybox, dir.path().join("root/bin/busybox")).unwrap();
    for applet in shell("root/bin/busybox --list").lines().filter(|applet| *applet != "busybox") {
        symlink("busybox", dir.path().join("root/bin").join(applet)).unwrap();
    }
    shell(&format!("tar -C root -c . | docker import - {IMAGE}"));
}
