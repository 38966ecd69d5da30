//! What one change costs among many sets, and what a pod of a large instance takes: the loop and the store as they are, on a
//! fake engine, in one thread and under a paused clock.
//!
//! Arguments: `--sets N` for another number of sets than a thousand.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use petset_integration::bench::{self, Row};
use serde_json::{Value, json};
use sim::Cluster;
use tokio::runtime::{Builder, Runtime};

/// How many sets there are in the small instance, and in the large one.
const SETS: [usize; 2] = [10, 1_000];

/// Pets of each set.
const PETS: usize = 10;

/// Sets that are changed in one measurement, each twice: as many as the small instance has.
const CHANGED_SETS: usize = SETS[0];

/// What is asked for: the cost among many sets, of that among few.
const WANTED: &str = "at most 1.5";

/// How much an instance may take until all is as asked for, in its own time.
const MINUTES_MAX: u64 = 60;

/// A change to one set; every second turn is the way back.
type Change = (&'static str, fn(&Cluster, usize, usize) -> Deed<'_>);
type Deed<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What is changed. Each is done, and undone, so that all measurements see the same instance. It is another pet each turn: a
/// container that has ended before waits longer.
const CHANGED: [Change; 5] = [
    ("a pet's container ends", |cluster, set, turn| {
        Box::pin(async move { cluster.engine.kill(&pet(set, turn), "main") })
    }),
    ("a pet is deleted", |cluster, set, turn| {
        Box::pin(async move { cluster.delete("pods", &pet(set, turn).name).await })
    }),
    ("a set gets one pet fewer, or more", |cluster, set, turn| {
        let replicas = if is_there(turn) { PETS - 1 } else { PETS };
        let edit = move |set: &mut Value| set["spec"]["replicas"] = json!(replicas);
        Box::pin(async move { cluster.edit("statefulsets.apps", &format!("set-{set}"), edit).await })
    }),
    ("a service publishes unready pets, or not", |cluster, set, turn| {
        let edit = move |service: &mut Value| service["spec"]["publishNotReadyAddresses"] = json!(is_there(turn));
        Box::pin(async move { cluster.edit("services", &format!("set-{set}"), edit).await })
    }),
    ("a disruption budget changes", |cluster, set, turn| {
        let edit = move |budget: &mut Value| budget["spec"]["minAvailable"] = json!(if is_there(turn) { 2 } else { 1 });
        Box::pin(async move { cluster.edit("poddisruptionbudgets.policy", &format!("set-{set}"), edit).await })
    }),
];

fn main() -> Result<()> {
    let many = argument("--sets").and_then(|text| text.parse().ok()).unwrap_or(SETS[1]);
    let (before, began) = (resident()?, Instant::now());
    let large = Instance::settled(many)?;
    let (took, after) = (began.elapsed(), resident()?);
    let small = Instance::settled(SETS[0])?;
    let pods = many * PETS;
    let mut parts = vec![format!("{}.", bench::machine())];
    let one =
        |name: &str, value: f64, wanted: &'static str| (Row { name: name.to_owned(), values: vec![value] }, wanted);
    let took = one(&format!("{pods} pods of {many} sets, all at once"), took.as_secs_f64(), "-");
    parts.push(bench::table_of("until all are Ready, on a fake engine", "s", &[took]));
    let each = one(&format!("one of {pods}, with its part of everything"), (after - before) / pods as f64, "-");
    parts.push(bench::table_of("memory of a pod, on a fake engine", "KiB", &[each]));
    let names = [&small, &large].map(|instance| format!("{} sets", instance.sets));
    for (what, change) in CHANGED {
        let mut rows = [Row::new(&names[0]), Row::new(&names[1])];
        for round in 0..=bench::rounds() {
            for (instance, row) in [&small, &large].into_iter().zip(&mut rows) {
                let cost = instance.cost(change, round)?;
                // The first round finds cold caches.
                if round > 0 {
                    row.values.push(cost);
                }
            }
        }
        parts.push(bench::table(&format!("{what} ({WANTED})"), "µs", &names[0], &rows));
    }
    let mut rows = [Row::new(&names[0]), Row::new(&names[1])];
    for _ in 0..bench::rounds() {
        for (instance, row) in [&small, &large].into_iter().zip(&mut rows) {
            row.values.push(instance.idle()?);
        }
    }
    parts.push(bench::table("a minute without changes, in which all is looked at twice", "ms", &names[0], &rows));
    bench::publish("scale", &parts.join("\n\n"))
}

/// An instance in which nothing happens by itself.
struct Instance {
    runtime: Runtime,
    cluster: Cluster,
    sets: usize,
}

impl Instance {
    /// One with so many sets, each with a service and a disruption budget of its own, when all pets are Ready.
    fn settled(sets: usize) -> Result<Instance> {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build()?;
        let cluster = runtime.block_on(async {
            let cluster = Cluster::start_large(&["busybox:1"]).await;
            for set in 0..sets {
                for object in objects(set) {
                    cluster.create(object).await;
                }
            }
            for _ in 0..MINUTES_MAX {
                cluster.pass(60).await;
                if cluster.ready().len() == sets * PETS {
                    return Ok(cluster);
                }
            }
            let (ready, waits) = (cluster.ready().len(), cluster.waits());
            anyhow::bail!("{ready} of {} pets are Ready; {:?}", sets * PETS, waits.first())
        })?;
        Ok(Instance { runtime, cluster, sets })
    }

    /// The processor time of one change, and of what comes of it: the median of changes in some sets and of undoing them. So
    /// a look at everything that falls into one of them does not count; it is measured by itself.
    fn cost(&self, change: fn(&Cluster, usize, usize) -> Deed<'_>, round: usize) -> Result<f64> {
        let mut costs = Row::new("changes");
        for turn in [2 * round, 2 * round + 1] {
            for set in (0..self.sets).step_by(self.sets / CHANGED_SETS) {
                let before = spent()?;
                self.runtime.block_on(async {
                    change(&self.cluster, set, turn).await;
                    // Long enough for a container to be started again, and short enough for no more than that.
                    self.cluster.pass(1).await;
                });
                costs.values.push(spent()?.saturating_sub(before).as_secs_f64() * 1e6);
            }
        }
        self.runtime.block_on(self.cluster.pass(120));
        let ready = self.cluster.ready().len();
        ensure!(ready == self.sets * PETS, "{ready} pets are Ready");
        Ok(costs.median())
    }

    /// The processor time of a minute in which nothing happens.
    fn idle(&self) -> Result<f64> {
        let before = spent()?;
        self.runtime.block_on(self.cluster.pass(60));
        Ok(spent()?.saturating_sub(before).as_secs_f64() * 1e3)
    }
}

/// A set that starts its pets all at once, its service, and its budget.
fn objects(number: usize) -> [Value; 3] {
    let name = format!("set-{number}");
    let selector = json!({"app": "scale", "set": name});
    [
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"clusterIP": "None", "selector": selector, "ports": [{"port": 80, "name": "web"}]},
        }),
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": selector}},
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name},
            "spec": {
                "serviceName": name, "replicas": PETS, "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": selector},
                "template": {
                    "metadata": {"labels": selector},
                    "spec": {"containers": [{"name": "main", "image": "busybox:1"}]},
                },
            },
        }),
    ]
}

/// Whether what is changed is there after this turn, or undone.
fn is_there(turn: usize) -> bool {
    turn.is_multiple_of(2)
}

/// The pet of a set whose turn it is.
fn pet(set: usize, turn: usize) -> plan::facts::PodKey {
    sim::cluster::pod(&format!("set-{set}-{}", turn % PETS))
}

/// What this thread has used of the processor.
fn spent() -> Result<Duration> {
    // The kernel counts when it is asked who runs next, and at its ticks: too seldom for a change of a millisecond.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().context("the time on a processor")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// The memory of this process, in KiB.
fn resident() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the field")?;
    Ok(line.split_whitespace().next().context("a number")?.parse()?)
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}
