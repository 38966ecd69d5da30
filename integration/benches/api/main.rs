//! How many durable writes, reads and lists the API does in a second, what each costs the daemon, and how soon watchers hear of a
//! write: beside etcd, which does the same for Kubernetes, and beside the disk.
//!
//! The objects are events of 256 octets and more: stored and watched as all others are, and planned by nobody. Each
//! create and each patch is on the disk before it is answered. The servers take turns in each round.
//! `integration/bench/etcd` installs etcd; where it is missing it is left out, and said.

mod client;
mod disk;
mod etcd;
mod fanout;
mod servers;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bytes::Bytes;
use client::Access;
use etcd::Etcd;
use futures::future::try_join_all;
use http::Method;
use petset_integration::{
    World,
    bench::{self, Row},
};
use serde_json::json;
use servers::{OBJECTS, Operation, Server, Space};

/// What the ratios are to.
const BASE: &str = "etcd";

/// Idle watches that are open at a time.
const WATCHES: usize = 10_000;

fn main() -> Result<()> {
    let world = World::start("api")?;
    let etcd = Etcd::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    runtime.block_on(measure(&world, etcd.as_ref()))
}

/// A server, and what is known of it.
struct Candidate {
    name: &'static str,
    server: Server,
    pid: u32,
    /// Objects that were created for figures.
    made: usize,
    /// Objects that were watched.
    watched: usize,
}

async fn measure(world: &World, etcd: Option<&Etcd>) -> Result<()> {
    let access = Access::read(&world.kubeconfig())?;
    let mut connection = access.connect().await?;
    for space in Space::ALL {
        let body = Bytes::from(json!({"metadata": {"name": space.namespace()}}).to_string());
        connection.ask(&Method::POST, "/api/v1/namespaces", "application/json", body).await?;
    }
    let pid = world.daemon_pid().context("a daemon")?.as_raw() as u32;
    let candidate = |name, server, pid| Candidate { name, server, pid, made: 0, watched: 0 };
    let mut candidates = vec![candidate("petset", Server::Petset(access), pid)];
    let mut tables = vec![format!("{}.", bench::machine())];
    match etcd {
        Some(etcd) => candidates.push(candidate("etcd", Server::Etcd(etcd.access().await?), etcd.pid())),
        None => tables.push("etcd is left out, for it is not installed.".to_owned()),
    }
    let objects = filled(&candidates).await?;
    let only = std::env::var("PETSET_BENCH_ONLY").unwrap_or_default();
    if only.is_empty() || only.contains("operations") {
        tables.extend(operations(world, &mut candidates).await?);
    }
    if only.is_empty() || only.contains("watches") {
        tables.extend(watches(&mut candidates).await?);
    }
    tables.push(bench::table("a thousand objects", "MiB", BASE, &objects));
    bench::publish("api", &tables.join("\n\n"))
}

/// Makes what is read and listed; what a thousand of it take of each server's memory.
async fn filled(candidates: &[Candidate]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for Candidate { name, server, pid, .. } in candidates {
        let before = bench::memory(*pid, "RssAnon")?;
        run(server, Operation::Fill, Space::Kept, 16, OBJECTS, 0).await?;
        let mut row = Row::new(name);
        row.values.push((bench::memory(*pid, "RssAnon")? - before) * 1e3 / OBJECTS as f64);
        rows.push(row);
    }
    Ok(rows)
}

/// Rates and costs of each operation.
async fn operations(world: &World, candidates: &mut [Candidate]) -> Result<Vec<String>> {
    let cases: Vec<(Operation, usize)> =
        [1, 16].into_iter().flat_map(|connections| Operation::ALL.map(|operation| (operation, connections))).collect();
    let mut figures: Vec<Vec<(Row, Row)>> = cases
        .iter()
        .map(|_| candidates.iter().map(|candidate| (Row::new(candidate.name), Row::new(candidate.name))).collect())
        .collect();
    let mut floors = vec![Row::new("the disk alone"); cases.len()];
    for _ in 0..bench::rounds() {
        for (((operation, connections), figures), floor) in cases.iter().zip(&mut figures).zip(&mut floors) {
            let count = operation.count(*connections);
            for (candidate, (rate, cost)) in candidates.iter_mut().zip(figures) {
                // etcd knows no patches.
                if (*operation, candidate.name) == (Operation::Patch, "etcd") {
                    continue;
                }
                let before = bench::processor_time(candidate.pid)?;
                let took =
                    run(&candidate.server, *operation, Space::Created, *connections, count, candidate.made).await?;
                let spent = bench::processor_time(candidate.pid)?.saturating_sub(before);
                candidate.made += if operation.is_creation() { count } else { 0 };
                rate.values.push(count as f64 / took.as_secs_f64());
                cost.values.push(spent.as_secs_f64() * 1e6 / count as f64);
            }
            if operation.is_creation() {
                let took = disk::append(&world.data_dir(), *connections, count)?;
                floor.values.push(count as f64 / took.as_secs_f64());
            }
        }
    }
    let mut tables = Vec::new();
    for (((operation, connections), figures), floor) in cases.into_iter().zip(figures).zip(floors) {
        let (mut rates, costs): (Vec<Row>, Vec<Row>) = figures.into_iter().unzip();
        rates.push(floor);
        let title =
            format!("{}, {connections} connection{}", operation.label(), if connections > 1 { "s" } else { "" });
        tables.push(table(&title, "per second", rates));
        let wanted = operation.wanted(connections);
        let wanted = if wanted == "-" { String::new() } else { format!(" ({wanted})") };
        tables.push(table(&format!("{title}{wanted}"), "µs CPU of the server", costs));
    }
    Ok(tables)
}

/// A table of the candidates that have done it.
fn table(title: &str, unit: &str, mut rows: Vec<Row>) -> String {
    rows.retain(|row| !row.values.is_empty());
    bench::table(title, unit, BASE, &rows)
}

/// How soon events come, and what idle watches take.
async fn watches(candidates: &mut [Candidate]) -> Result<Vec<String>> {
    let rows = || candidates.iter().map(|candidate| Row::new(candidate.name)).collect::<Vec<_>>();
    let (mut medians, mut lates, mut costs, mut idle) = (rows(), rows(), rows(), rows());
    for round in 0..bench::rounds() {
        for (at, candidate) in candidates.iter_mut().enumerate() {
            let told = fanout::measure(&candidate.server, candidate.pid, candidate.watched).await?;
            candidate.watched += fanout::WRITES_OF_EACH;
            medians[at].values.push(told.median);
            lates[at].values.push(told.late);
            costs[at].values.push(told.cost);
            // Later there is memory of those before.
            if round == 0 {
                idle[at].values.push(fanout::idle(&candidate.server, candidate.pid, WATCHES).await?);
            }
        }
    }
    Ok(vec![
        bench::table("from a write's answer to its event at 100 watchers, median", "ms", BASE, &medians),
        bench::table("the same, 99 of 100 (at most 5)", "ms", BASE, &lates),
        bench::table("a write and its 100 events", "µs CPU of the server", BASE, &costs),
        bench::table("one of 10,000 idle watches", "KiB", BASE, &idle),
    ])
}

/// Asks so many times over so many connections; how long it took.
async fn run(
    server: &Server,
    operation: Operation,
    space: Space,
    connections: usize,
    count: usize,
    made: usize,
) -> Result<Duration> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(server.connect().await?);
    }
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let workers = open.into_iter().map(|mut line| {
        let next = Arc::clone(&next);
        async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<(), anyhow::Error>(());
                }
                let number = if operation.is_creation() { made + number } else { number * 7919 };
                line.ask(operation, space, number).await?;
            }
        }
    });
    try_join_all(workers).await?;
    Ok(began.elapsed())
}
