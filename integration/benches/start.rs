//! How long pets take to start and to be replaced, as ratios against the same containers made by nobody but Docker.
//!
//! The floor is the `docker` crate called directly: the same sandboxes and containers, by the same calls, with no
//! store, no planner and no probes. Floor and petset take turns, so that a busy machine slows both.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Write},
    net::{IpAddr, Ipv4Addr},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use controller::runtime::Runtime;
use docker::{Allowed, Docker, Engine, Setup};
use futures::future::try_join_all;
use petset_integration::{
    World,
    bench::{self, Row},
    is_ready,
};
use plan::{
    Action,
    action::{Confinement, Done, Files, Resources, Sandbox, Start, Stop, TerminationMessage},
    facts::{Owner, PodKey, Role},
};
use serde_json::{Value, json};

/// As many as the figures are about.
const PETS: usize = 10;

/// A shell that ends when told to, with a server that answers at once.
const IMAGE: &str = "busybox:1";
const SCRIPT: &str = "trap 'exit 0' TERM; httpd -p 8080 -h /bin; while :; do sleep 3600 & wait $!; done";

fn main() -> Result<()> {
    let only = std::env::var("PETSET_BENCH_ONLY").unwrap_or_default().to_lowercase();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    let floor = runtime.block_on(Floor::start())?;
    let outcome = World::start("fast").and_then(|world| {
        let mut pets = Pets { world };
        let mut tables = vec![format!("{}, Docker {}.", bench::machine(), floor.engine.version())];
        for (figure, title) in FIGURES.iter().filter(|(_, title)| title.to_lowercase().contains(&only)) {
            let mut rows = [Row::new("Docker alone"), Row::new("petset")];
            // The first round warms up.
            for round in 0..=bench::rounds() {
                let took =
                    [runtime.block_on(floor.run(*figure))?, pets.run(*figure)?].map(|took| took.as_secs_f64() * 1e3);
                eprintln!(
                    "{title}, round {round}: {:.0} ms, {:.0} ms, ratio {:.2}",
                    took[0],
                    took[1],
                    took[1] / took[0]
                );
                if round > 0 {
                    rows.iter_mut().zip(took).for_each(|(row, took)| row.values.push(took));
                }
            }
            tables.push(bench::table(title, "ms", "Docker alone", &rows));
        }
        bench::publish("start", &tables.join("\n\n"))
    });
    runtime.block_on(floor.end())?;
    outcome
}

/// What is measured, and what it is called.
const FIGURES: [(Figure, &str); 5] = [
    (Figure::Ordered, "ten pets in order, from `petctl apply` until all are Ready"),
    (Figure::AtOnce, "ten pods of no set, from `petctl apply` until all are Ready"),
    (Figure::Filled, "a Parallel set from 0 to 10, from `petctl scale` until all are Ready"),
    (Figure::Emptied, "a Parallel set from 10 to 0, from `petctl scale` until all are gone"),
    (Figure::Replaced, "one pet, from `petctl delete` until it is Ready again"),
];

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figure {
    /// Ten pets, one after the other.
    Ordered,
    /// Ten pods of no set, all at once.
    AtOnce,
    /// Ten pets of a Parallel set that had none.
    Filled,
    /// Ten pets of a Parallel set that is to have none.
    Emptied,
    /// One pet, deleted and Ready again.
    Replaced,
}

/// The floor: what Docker alone takes.
struct Floor {
    engine: Engine,
    docker: Docker,
    instance: String,
    _dir: tempfile::TempDir,
}

impl Floor {
    async fn start() -> Result<Floor> {
        let engine = Engine::connect(std::env::var("DOCKER_HOST").ok().as_deref()).await?;
        let dir = tempfile::tempdir()?;
        let instance = format!("floor-{}", std::process::id());
        let setup = Setup {
            instance: instance.clone(),
            subnet: None,
            pods_dir: dir.path().join("pods"),
            holds_dir: dir.path().join("holds"),
            allowed: Allowed::default(),
            enforces_sizes: false,
        };
        let docker = engine.prepare(&setup).await?;
        Ok(Floor { engine, docker, instance, _dir: dir })
    }

    async fn end(self) -> Result<()> {
        Ok(self.engine.erase(&self.instance).await?)
    }

    async fn run(&self, figure: Figure) -> Result<Duration> {
        let took = match figure {
            Figure::Ordered => {
                let began = Instant::now();
                for pet in 0..PETS {
                    self.make(pet).await?;
                }
                began.elapsed()
            }
            Figure::AtOnce | Figure::Filled => {
                let began = Instant::now();
                try_join_all((0..PETS).map(|pet| self.make(pet))).await?;
                began.elapsed()
            }
            Figure::Emptied => {
                try_join_all((0..PETS).map(|pet| self.make(pet))).await?;
                let made = try_join_all((0..PETS).map(|pet| self.ids(pet))).await?;
                let began = Instant::now();
                try_join_all((0..PETS).zip(made).map(|(pet, ids)| self.end_pet(pet, ids))).await?;
                began.elapsed()
            }
            Figure::Replaced => {
                self.make(0).await?;
                let ids = self.ids(0).await?;
                let began = Instant::now();
                self.end_pet(0, ids).await?;
                self.make(0).await?;
                began.elapsed()
            }
        };
        for pet in 0..PETS {
            for container in self.docker.observe_pod(&key(pet)).await.map_err(|failure| failed(&failure))? {
                self.act(Action::Remove { id: container.id, owner: container.owner }).await?;
            }
        }
        Ok(took)
    }

    /// A pet's sandbox and container, as petsetd asks for them.
    async fn make(&self, pet: usize) -> Result<()> {
        let address = IpAddr::V4(Ipv4Addr::from(u32::from(self.docker.ready().gateway) + 1 + pet as u32));
        let name = format!("web-{pet}");
        let domain = "nginx.default.svc.cluster.local".to_owned();
        let files = Files {
            hosts: format!("127.0.0.1 localhost\n{address} {name}.{domain} {name}\n"),
            hostname: format!("{name}\n"),
            resolv_conf: format!("nameserver {}\noptions ndots:5\n", self.docker.ready().gateway),
        };
        let owner_of_sandbox = owner(pet, Role::Sandbox);
        let sandbox_id = format!("petset_{}_default_{name}_POD_0", self.instance);
        let sandbox = Sandbox {
            owner: owner_of_sandbox,
            hostname: name,
            domain,
            address,
            files,
            publish: Vec::new(),
            host_network: false,
            host_ipc: false,
            sysctls: BTreeMap::new(),
        };
        self.act(Action::StartSandbox(Box::new(sandbox))).await?;
        let start = Start {
            owner: owner(pet, Role::App),
            sandbox_id,
            image: IMAGE.to_owned(),
            command: ["sh", "-c", SCRIPT].map(str::to_owned).to_vec(),
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
        };
        self.act(Action::StartContainer(Box::new(start))).await
    }

    async fn ids(&self, pet: usize) -> Result<Ids> {
        let there = self.docker.observe_pod(&key(pet)).await.map_err(|failure| failed(&failure))?;
        let of = |role| there.iter().find(|c| c.owner.role == role).map(|c| c.id.clone()).context("it was made");
        Ok(Ids { sandbox: of(Role::Sandbox)?, app: of(Role::App)? })
    }

    /// Stops a pet's container and removes it and its sandbox.
    async fn end_pet(&self, pet: usize, ids: Ids) -> Result<()> {
        let Ids { sandbox, app } = ids;
        let grace = Duration::from_secs(30);
        let stop = Stop { id: app.clone(), owner: owner(pet, Role::App), grace, pre_stop: None };
        self.act(Action::Stop(vec![stop])).await?;
        self.act(Action::Remove { id: app, owner: owner(pet, Role::App) }).await?;
        self.act(Action::Remove { id: sandbox, owner: owner(pet, Role::Sandbox) }).await
    }

    async fn act(&self, action: Action) -> Result<()> {
        let done = self.docker.act(&action).await.map_err(|failure| failed(&failure))?;
        ensure!(done == Done::Ok, "{action:?}: {done:?}");
        Ok(())
    }
}

/// What the engine calls a pet's containers.
struct Ids {
    sandbox: String,
    app: String,
}

fn failed(failure: &plan::action::Failure) -> anyhow::Error {
    anyhow::anyhow!("{failure:?}")
}

fn key(pet: usize) -> PodKey {
    PodKey { namespace: "default".to_owned(), name: format!("web-{pet}") }
}

fn owner(pet: usize, role: Role) -> Owner {
    let container = if role == Role::Sandbox { "POD" } else { "main" };
    Owner { pod: key(pet), uid: format!("floor-{pet}"), role, container: container.to_owned(), attempt: 0 }
}

/// The same with petset.
struct Pets {
    world: World,
}

impl Pets {
    fn run(&mut self, figure: Figure) -> Result<Duration> {
        let took = match figure {
            Figure::Ordered => {
                let watch = Watch::open(&self.world)?;
                let began = Instant::now();
                self.world.apply(&set(PETS).to_string())?;
                watch.until_ready(PETS, began)?
            }
            Figure::AtOnce => {
                let watch = Watch::open(&self.world)?;
                let pods: Vec<Value> = (0..PETS).map(pod).collect();
                let list = json!({"apiVersion": "v1", "kind": "List", "items": pods}).to_string();
                let began = Instant::now();
                self.world.apply(&list)?;
                watch.until_ready(PETS, began)?
            }
            Figure::Filled => {
                self.world.apply(&parallel_set(0).to_string())?;
                let watch = Watch::open(&self.world)?;
                let began = Instant::now();
                self.world.petctl(&["scale", "statefulset", "web", &format!("--replicas={PETS}")])?;
                watch.until_ready(PETS, began)?
            }
            Figure::Emptied => {
                let watch = Watch::open(&self.world)?;
                self.world.apply(&parallel_set(PETS).to_string())?;
                watch.until_ready(PETS, Instant::now())?;
                let watch = Watch::open(&self.world)?;
                let began = Instant::now();
                self.world.petctl(&["scale", "statefulset", "web", "--replicas=0"])?;
                watch.until_gone(PETS, began)?
            }
            Figure::Replaced => {
                self.world.apply(&set(1).to_string())?;
                self.world.pods_ready(&["web-0"])?;
                let watch = Watch::open(&self.world)?;
                let began = Instant::now();
                self.world.petctl(&["delete", "pod", "web-0", "--wait=false"])?;
                watch.until_replaced(began)?
            }
        };
        self.world.petctl(&["delete", "petset,statefulset", "--all"])?;
        self.world.petctl(&["delete", "pod", "--all", "--grace-period=1"])?;
        self.world.pods_ready(&[])?;
        Ok(took)
    }
}

/// The API's watch of pods, from now on.
struct Watch(BufReader<UnixStream>);

impl Watch {
    fn open(world: &World) -> Result<Watch> {
        let mut stream = UnixStream::connect(world.socket())?;
        stream.set_read_timeout(Some(petset_integration::PATIENCE))?;
        stream.write_all(b"GET /api/v1/namespaces/default/pods?watch=true HTTP/1.0\r\nHost: petset\r\n\r\n")?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        ensure!(line.contains("200"), "the watch: {line}");
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line)?;
        }
        Ok(Watch(reader))
    }

    fn next(&mut self) -> Result<Value> {
        let mut line = String::new();
        ensure!(self.0.read_line(&mut line)? > 0, "the watch has ended");
        Ok(serde_json::from_str(&line)?)
    }

    fn until_ready(mut self, pods: usize, began: Instant) -> Result<Duration> {
        let mut ready = BTreeSet::new();
        while ready.len() < pods {
            let event = self.next()?;
            let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            if is_ready(&event["object"]) {
                ready.insert(name);
            }
        }
        Ok(began.elapsed())
    }

    fn until_gone(mut self, pods: usize, began: Instant) -> Result<Duration> {
        let mut gone = 0;
        while gone < pods {
            gone += usize::from(self.next()?["type"] == "DELETED");
        }
        Ok(began.elapsed())
    }

    fn until_replaced(mut self, began: Instant) -> Result<Duration> {
        let mut is_gone = false;
        loop {
            let event = self.next()?;
            is_gone |= event["type"] == "DELETED";
            if is_gone && is_ready(&event["object"]) && event["type"] != "DELETED" {
                return Ok(began.elapsed());
            }
        }
    }
}

fn pod_spec() -> Value {
    json!({
        "terminationGracePeriodSeconds": 30,
        "containers": [{
            "name": "main", "image": IMAGE, "command": ["sh", "-c", SCRIPT],
            "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        }],
    })
}

fn set(replicas: usize) -> Value {
    json!({
        "apiVersion": "apps/v1alpha1", "kind": "PetSet", "metadata": {"name": "web"},
        "spec": {
            "serviceName": "nginx", "replicas": replicas,
            "template": {
                "metadata": {
                    "labels": {"app": "web"}, "annotations": {"pod.alpha.kubernetes.io/initialized": "true"},
                },
                "spec": pod_spec(),
            },
        },
    })
}

fn parallel_set(replicas: usize) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"},
        "spec": {
            "serviceName": "nginx", "replicas": replicas, "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod_spec()},
        },
    })
}

fn pod(number: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("bare-{number}")},
        "spec": pod_spec(),
    })
}
