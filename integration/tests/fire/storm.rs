//! A hundred kills of the daemon in the middle of a storm of changes, ten of them with a kill of the engine.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use petset_integration::{Engine, World};
use serde_json::Value;

use crate::{pod, set};

/// So many times the daemon is killed.
const KILLS: u64 = 100;
/// In every so many of them the engine is killed, too.
const ENGINE_KILLED_EVERY: u64 = 10;
/// A daemon lives for so long at most before it is killed.
const LIFE_MAX: Duration = Duration::from_millis(900);
/// The sets of the storm, and how many pets one has at most.
const SETS: [&str; 3] = ["a", "b", "c"];
const REPLICAS_MAX: u64 = 3;
/// Services and single pods that come and go.
const NAMES: u64 = 4;
/// A service's port tells which of its writes it shows.
const PORTS: i64 = 60_000;

/// Chance from a seed, by the splitmix64 generator: the same seed gives the same schedule.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// What was acknowledged, and what may have happened since: for each object the values that it may have now. `None` is
/// an object that is not there, or on its way out.
#[derive(Default)]
struct Ledger {
    possible: BTreeMap<(&'static str, String), Vec<Option<i64>>>,
    acknowledged: usize,
}

impl Ledger {
    fn record(&mut self, kind: &'static str, name: &str, value: Option<i64>, is_acknowledged: bool) {
        let possible = self.possible.entry((kind, name.to_owned())).or_insert_with(|| vec![None]);
        if is_acknowledged {
            possible.clear();
            self.acknowledged += 1;
        }
        possible.push(value);
    }

    /// Compares with what is; from then on that is certain.
    fn compare(&mut self, world: &World) -> Result<()> {
        let mut actual = BTreeMap::new();
        for kind in ["petsets", "services", "pods"] {
            for object in world.json(&["get", kind])?["items"].as_array().context("a list")? {
                if object["metadata"].get("deletionTimestamp").is_some() {
                    continue;
                }
                let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                let value = match kind {
                    "petsets" => object["spec"]["replicas"].as_i64().context("replicas")?,
                    "services" if SETS.contains(&name.as_str()) => continue,
                    "services" => object["spec"]["ports"][0]["port"].as_i64().context("a port")?,
                    _ => 1,
                };
                actual.insert((kind, name), value);
            }
        }
        for (key, possible) in &mut self.possible {
            let now = actual.get(key).copied();
            ensure!(possible.contains(&now), "lost: {key:?} is {now:?} and must be one of {possible:?}");
            *possible = vec![now];
        }
        Ok(())
    }
}

/// One change by a user. Whatever comes of it goes into the ledger.
fn change(world: &World, chance: &mut Chance, count: i64, ledger: &mut Ledger) {
    let one_of = SETS[usize::try_from(chance.below(3)).unwrap_or(0)];
    let name = format!("n{}", chance.below(NAMES));
    let apply = |manifest: &str| world.apply(manifest).is_ok();
    let petctl = |args: &[&str]| {
        // What is gone already is as good as deleted now.
        world.petctl_output(args, "").is_ok_and(|output| {
            output.status.success() || String::from_utf8_lossy(&output.stderr).contains("not found")
        })
    };
    match chance.below(10) {
        0..=3 => {
            let replicas = chance.below(REPLICAS_MAX + 1);
            let done = apply(&set(one_of, usize::try_from(replicas).unwrap_or(0)));
            ledger.record("petsets", one_of, i64::try_from(replicas).ok(), done);
        }
        4 => {
            let done = petctl(&["delete", "petset", one_of, "--wait=false"]);
            ledger.record("petsets", one_of, None, done);
        }
        // The set makes it again: nothing to record.
        5 => drop(petctl(&["delete", "pod", &format!("{one_of}-0"), "--wait=false"])),
        6 => {
            let port = 1 + count % PORTS;
            let manifest = format!(
                "{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{clusterIP: None, ports: [{{port: {port}}}]}}}}"
            );
            ledger.record("services", &name, Some(port), apply(&manifest));
        }
        7 => {
            let done = petctl(&["delete", "service", &name, "--wait=false"]);
            ledger.record("services", &name, None, done);
        }
        8 => {
            // One that is on its way out is applied to as well, and goes.
            if ledger.possible.get(&("pods", name.clone())).is_none_or(|possible| *possible == [None])
                && world.petctl(&["get", "pod", &name]).is_err()
            {
                let done = apply(&pod(&name, ""));
                ledger.record("pods", &name, Some(1), done);
            }
        }
        _ => {
            let done = petctl(&["delete", "pod", &name, "--wait=false"]);
            ledger.record("pods", &name, None, done);
        }
    }
}

/// What Docker's API answers to a `GET`.
fn ask(socket: &Path, path: &str) -> Result<Value> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    // HTTP/1.0: the answer ends with the connection.
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("an answer")?;
    Ok(serde_json::from_str(body)?)
}

/// The running containers, by namespace, pod and container name.
fn live(socket: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let mut live: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for container in ask(socket, "/containers/json")?.as_array().context("a list")? {
        let label = |name: &str| container["Labels"][format!("petset.io/{name}")].as_str().unwrap_or_default();
        let identity = format!("{}/{}/{}", label("namespace"), label("pod"), label("container"));
        live.entry(identity).or_default().push(container["Names"][0].as_str().unwrap_or_default().to_owned());
    }
    Ok(live)
}

/// Looks for two live containers of one identity, until told to stop. Returns what it found, and how often it looked.
fn watch(socket: &Path, stop: &AtomicBool) -> (Vec<String>, usize) {
    let (mut found, mut looks) = (Vec::new(), 0);
    while !stop.load(Ordering::SeqCst) {
        // An engine that is down has nothing to show.
        if let Ok(live) = live(socket) {
            looks += 1;
            found.extend(live.into_iter().filter(|(_, all)| all.len() > 1).map(|(who, all)| format!("{who}: {all:?}")));
        }
        thread::sleep(Duration::from_millis(40));
    }
    (found, looks)
}

#[test]
fn a_storm_of_kills_loses_nothing_and_doubles_nobody() -> Result<()> {
    let began = Instant::now();
    let seed = std::env::var("PETSET_STORM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("storm: seed {seed} (PETSET_STORM_SEED)");
    let engine = Engine::start()?;
    let mut world = World::start_on("storm", engine.address())?;
    let stop = Arc::new(AtomicBool::new(false));
    let watcher = thread::spawn({
        let (socket, stop) = (engine.socket(), Arc::clone(&stop));
        move || watch(&socket, &stop)
    });
    let mut ledger = Ledger::default();
    let outcome = storm(&mut world, &engine, seed, &mut ledger);
    let outcome = outcome.and_then(|()| calm(&mut world));
    stop.store(true, Ordering::SeqCst);
    let (doubles, looks) = watcher.join().map_err(|_| anyhow::anyhow!("the watcher panicked"))?;
    outcome?;
    ensure!(doubles.is_empty(), "two live containers for one identity: {doubles:#?}");
    end(&mut world, &engine)?;
    println!(
        "storm: seed {seed}, {KILLS} kills of petsetd, {} of the engine, {} acknowledged writes, {looks} looks at the \
         containers, {} s",
        KILLS / ENGINE_KILLED_EVERY,
        ledger.acknowledged,
        began.elapsed().as_secs()
    );
    Ok(())
}

fn storm(world: &mut World, engine: &Engine, seed: u64, ledger: &mut Ledger) -> Result<()> {
    // Two streams of chance: when the daemon dies does not change what is asked of it.
    let (mut changes, mut deaths) = (Chance(seed), Chance(!seed));
    let count = AtomicUsize::new(0);
    for round in 1..=KILLS {
        let pid = world.daemon_pid().context("it runs")?;
        let life = LIFE_MAX.mul_f64(deaths.below(1000) as f64 / 1000.0);
        let is_engine_killed = round % ENGINE_KILLED_EVERY == 0;
        let engine_lives = life.mul_f64(deaths.below(1000) as f64 / 1000.0);
        thread::scope(|scope| -> Result<()> {
            let killer = scope.spawn(move || -> Result<()> {
                if is_engine_killed {
                    thread::sleep(engine_lives);
                    engine.signal("KILL")?;
                    // Its restart is under way when the daemon dies.
                    let restart = thread::scope(|inner| {
                        let restart = inner.spawn(|| engine.restart());
                        thread::sleep(life.saturating_sub(engine_lives));
                        let killed = kill(pid, Signal::SIGKILL);
                        (restart.join(), killed)
                    });
                    restart.0.map_err(|_| anyhow::anyhow!("the restart panicked"))??;
                    return Ok(restart.1?);
                }
                thread::sleep(life);
                Ok(kill(pid, Signal::SIGKILL)?)
            });
            while world.daemon_runs() {
                let count = i64::try_from(count.fetch_add(1, Ordering::SeqCst))?;
                change(world, &mut changes, count, ledger);
            }
            killer.join().map_err(|_| anyhow::anyhow!("the killer panicked"))?
        })
        .with_context(|| format!("kill {round} of seed {seed}\n{}", world.log_text()))?;
        world.stop_daemon(Signal::SIGKILL)?;
        if round % ENGINE_KILLED_EVERY == 0 {
            println!("storm: kill {round}, {} acknowledged writes", ledger.acknowledged);
        }
        world.start_daemon().with_context(|| format!("after kill {round} of seed {seed}"))?;
        ledger.compare(world).with_context(|| format!("after kill {round} of seed {seed}"))?;
    }
    Ok(())
}

/// After the storm the sets become what is asked for, on their own volumes, with nothing beside them.
fn calm(world: &mut World) -> Result<()> {
    for name in SETS {
        world.apply(&set(name, 2))?;
    }
    for name in 0..NAMES {
        world.petctl(&["delete", "pod", &format!("n{name}"), "--ignore-not-found"])?;
    }
    let pets: Vec<String> = SETS.iter().flat_map(|set| (0..2).map(move |ordinal| format!("{set}-{ordinal}"))).collect();
    let names: Vec<&str> = pets.iter().map(String::as_str).collect();
    world.pods_ready(&names)?;
    for pet in &names {
        let owner = world.petctl(&["exec", pet, "--", "cat", "/data/owner"])?;
        ensure!(owner.trim() == *pet, "{pet} has the volume of {owner}");
    }
    let filter = format!("label=petset.io/instance={}", world.instance());
    world.eventually("there are two containers for each pet, and no more", |world| {
        let running = world.docker(&["ps", "-q", "--filter", &filter])?.lines().count();
        ensure!(running == 2 * names.len(), "{running} containers run");
        let all = world.docker(&["ps", "-a", "--filter", &filter, "--format", "{{.Label \"petset.io/pod\"}}"])?;
        let strange: Vec<&str> = all.lines().filter(|pod| !names.contains(pod)).collect();
        ensure!(strange.is_empty(), "containers of {strange:?}");
        Ok(())
    })
}

/// When everything is deleted, nothing of ours is left but the network.
fn end(world: &mut World, engine: &Engine) -> Result<()> {
    for name in SETS {
        world.petctl(&["scale", "petset", name, "--replicas=0"])?;
    }
    world.pods_ready(&[])?;
    world.petctl(&["delete", "petsets", "--all"])?;
    world.petctl(&["delete", "pvc", "--all"])?;
    world.petctl(&["delete", "pv", "--all"])?;
    let socket = engine.socket();
    world.eventually("no container and no volume is left", |_| {
        let containers = ask(&socket, "/containers/json?all=1")?;
        let volumes = ask(&socket, "/volumes")?;
        let left = |list: &Value| list.as_array().map_or(0, Vec::len);
        ensure!(left(&containers) == 0, "{containers}");
        ensure!(left(&volumes["Volumes"]) == 0, "{volumes}");
        Ok(())
    })
}
