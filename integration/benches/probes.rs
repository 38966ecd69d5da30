//! What a probe's command costs, over all processes of the machine: by the runner inside the container, and by Docker's
//! exec.
//!
//! The CPU is that of the whole machine less what it spends while nothing is asked, so that nobody is forgotten: the
//! daemon, the engine, its shims, the runner, and the command itself. Measure on a machine that does nothing else.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use controller::runtime::Runtime;
use docker::{Allowed, Docker, Engine, Setup};
use petset_integration::bench::{self, Row};
use plan::{
    Action,
    action::{Confinement, Done, Files, Hook, Probe, ProbeKind, Resources, Sandbox, Start, TerminationMessage},
    facts::{Container, Owner, PodKey, Role},
};

const IMAGE: &str = "busybox:1";

/// Probes of each kind in a round.
const PROBES: u32 = 200;

/// As many as the planner would ask for in a second of a set of pets.
const PACE: Duration = Duration::from_millis(20);

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    runtime.block_on(async {
        let engine = Engine::connect(std::env::var("DOCKER_HOST").ok().as_deref()).await?;
        let dir = tempfile::tempdir()?;
        let instance = format!("probes-{}", std::process::id());
        let setup = Setup {
            instance: instance.clone(),
            subnet: None,
            pods_dir: dir.path().join("pods"),
            holds_dir: dir.path().join("holds"),
            allowed: Allowed::default(),
            enforces_sizes: false,
        };
        let docker = engine.prepare(&setup).await?;
        let outcome = measure(&docker).await;
        engine.erase(&instance).await?;
        outcome
    })
}

async fn measure(docker: &Docker) -> Result<()> {
    let by_runner = container(docker, 0, true).await?;
    let by_engine = container(docker, 1, false).await?;
    let mut rows = [Row::new("the runner"), Row::new("Docker's exec")];
    for round in 0..=bench::rounds() {
        let (idle, waited) = load(None).await?;
        for (row, container) in rows.iter_mut().zip([&by_runner, &by_engine]) {
            let (spent, took) = load(Some((docker, container))).await?;
            // The first opens the way in.
            if round > 0 {
                let without = idle * took / waited;
                row.values.push((spent - without).max(0.0) * 1e3 / f64::from(PROBES));
            }
        }
    }
    let title = "a probe's command (`true`)";
    let tables = [format!("{}.", bench::machine()), bench::table(title, "ms CPU", "Docker's exec", &rows)];
    bench::publish("probes", &tables.join("\n\n"))
}

/// Probes at an even pace, or as much time without any: CPU seconds of the machine, and seconds that it took.
async fn load(probed: Option<(&Docker, &Container)>) -> Result<(f64, f64)> {
    let (before, began) = (bench::machine_time()?, Instant::now());
    let mut ticks = tokio::time::interval(PACE);
    for _ in 0..PROBES {
        ticks.tick().await;
        let Some((docker, container)) = probed else { continue };
        let done = docker.act(&probe(container)).await.map_err(|failure| failed(&failure))?;
        ensure!(done == Done::Probed { success: true, message: String::new() }, "{done:?}");
    }
    let spent = bench::machine_time()?.saturating_sub(before);
    Ok((spent.as_secs_f64(), began.elapsed().as_secs_f64()))
}

async fn container(docker: &Docker, number: u32, exec_probes: bool) -> Result<Container> {
    let address = IpAddr::V4(Ipv4Addr::from(u32::from(docker.ready().gateway) + 1 + number));
    let pod = PodKey { namespace: "default".to_owned(), name: format!("probed-{number}") };
    let owner = |role, container: &str| Owner {
        pod: pod.clone(),
        uid: format!("probes-{number}"),
        role,
        container: container.to_owned(),
        attempt: 0,
    };
    let sandbox = Sandbox {
        owner: owner(Role::Sandbox, "POD"),
        hostname: pod.name.clone(),
        domain: String::new(),
        address,
        files: Files::default(),
        publish: Vec::new(),
        host_network: false,
        host_ipc: false,
        sysctls: BTreeMap::new(),
    };
    docker.act(&Action::StartSandbox(Box::new(sandbox))).await.map_err(|failure| failed(&failure))?;
    let sandbox_id = find(docker, &pod, Role::Sandbox).await?.id;
    let start = Start {
        owner: owner(Role::App, "main"),
        sandbox_id,
        image: IMAGE.to_owned(),
        command: ["sleep", "86400"].map(str::to_owned).to_vec(),
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
        exec_probes,
        post_start: None,
    };
    docker.act(&Action::StartContainer(Box::new(start))).await.map_err(|failure| failed(&failure))?;
    find(docker, &pod, Role::App).await
}

async fn find(docker: &Docker, pod: &PodKey, role: Role) -> Result<Container> {
    let there = docker.observe_pod(pod).await.map_err(|failure| failed(&failure))?;
    there.into_iter().find(|container| container.owner.role == role).context("it was started")
}

fn probe(container: &Container) -> Action {
    Action::Probe(Box::new(Probe {
        owner: container.owner.clone(),
        id: container.id.clone(),
        kind: ProbeKind::Readiness,
        check: Hook::Exec { command: vec!["true".to_owned()] },
        timeout: Duration::from_secs(10),
    }))
}

fn failed(failure: &plan::action::Failure) -> anyhow::Error {
    anyhow::anyhow!("{failure:?}")
}
