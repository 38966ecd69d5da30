//! How many durable writes, reads and lists the API does in a second, and what each costs the daemon.
//!
//! The objects are events of 256 octets and more: stored and watched as all others are, and planned by nobody. Each
//! create and each patch is on the disk before it is answered.

mod client;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bytes::Bytes;
use client::{Access, Connection};
use futures::future::try_join_all;
use http::Method;
use petset_integration::{
    World,
    bench::{self, Row},
};
use serde_json::json;

/// Where what is read, patched and listed lies.
const PATH: &str = "/api/v1/namespaces/default/events";

/// Where what is created for a figure goes, so that lists stay as long as they are.
const CREATED: &str = "/api/v1/namespaces/measured/events";

/// As many objects as Kubernetes was measured with are there when lists are measured.
const OBJECTS: usize = 4_000;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    /// What the others work on. Not a figure.
    Fill,
    Create,
    Get,
    Patch,
    List,
}

impl Operation {
    const ALL: [Operation; 4] = [Operation::Create, Operation::Get, Operation::Patch, Operation::List];

    /// How many on so many connections: enough that the clock's ticks of 10 ms do not show.
    fn count(self, connections: usize) -> usize {
        match self {
            Operation::Fill => OBJECTS,
            Operation::Create => 500,
            Operation::Get | Operation::Patch => 1_000 * if connections > 1 { 4 } else { 1 },
            Operation::List => 20,
        }
    }

    /// A fifth or less of what Kubernetes' API server takes for each on 16 connections, in µs of a processor. On a single
    /// one nobody has measured it.
    fn wanted(self, connections: usize) -> &'static str {
        match self {
            Operation::Create if connections == 16 => "at most 250",
            Operation::Get if connections == 16 => "at most 100",
            Operation::Patch if connections == 16 => "at most 440",
            Operation::List if connections == 16 => "at most 8000",
            _ => "-",
        }
    }

    async fn ask(self, connection: &mut Connection, number: usize, objects: usize) -> Result<()> {
        let filler = "x".repeat(256);
        match self {
            Operation::Fill | Operation::Create => {
                let (path, space) = if self == Operation::Fill { (PATH, "default") } else { (CREATED, "measured") };
                let body = json!({
                    "metadata": {"name": name(number)}, "message": filler, "reason": "Measured", "type": "Normal",
                    "involvedObject": {"kind": "Namespace", "name": space, "namespace": space},
                });
                connection.ask(&Method::POST, path, "application/json", Bytes::from(body.to_string())).await?;
            }
            Operation::Get => {
                let path = format!("{PATH}/{}", name(number % objects));
                connection.ask(&Method::GET, &path, "application/json", Bytes::new()).await?;
            }
            Operation::Patch => {
                let path = format!("{PATH}/{}", name(number % objects));
                let body = json!({"message": format!("{number}{filler}")});
                let body = Bytes::from(body.to_string());
                connection.ask(&Method::PATCH, &path, "application/merge-patch+json", body).await?;
            }
            Operation::List => {
                connection.ask(&Method::GET, PATH, "application/json", Bytes::new()).await?;
            }
        }
        Ok(())
    }
}

fn name(number: usize) -> String {
    format!("measured-{number}")
}

fn main() -> Result<()> {
    let world = World::start("api")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    runtime.block_on(measure(&world))
}

async fn measure(world: &World) -> Result<()> {
    let access = Access::read(&world.kubeconfig())?;
    let pid = world.daemon_pid().context("a daemon")?.as_raw() as u32;
    let mut made = 0;
    let mut figures: Vec<(Operation, usize, Row, Row)> = Vec::new();
    for connections in [1, 16] {
        for operation in Operation::ALL {
            let label = format!("{operation:?}, {connections} connection{}", if connections > 1 { "s" } else { "" });
            figures.push((operation, connections, Row::new(&label), Row::new(&label)));
        }
    }
    let space = Bytes::from(json!({"metadata": {"name": "measured"}}).to_string());
    access.connect().await?.ask(&Method::POST, "/api/v1/namespaces", "application/json", space).await?;
    run(&access, Operation::Fill, 16, OBJECTS, 0).await?;
    for _ in 0..bench::rounds() {
        for (operation, connections, rate, cost) in &mut figures {
            let count = operation.count(*connections);
            let before = bench::processor_time(pid)?;
            let took = run(&access, *operation, *connections, count, made).await?;
            let spent = bench::processor_time(pid)?.saturating_sub(before);
            if *operation == Operation::Create {
                made += count;
            }
            rate.values.push(count as f64 / took.as_secs_f64());
            cost.values.push(spent.as_secs_f64() * 1e6 / count as f64);
        }
    }
    let mut tables = vec![format!("{}.", bench::machine())];
    let (rates, costs): (Vec<_>, Vec<_>) = figures
        .into_iter()
        .map(|(operation, connections, rate, cost)| ((rate, "-"), (cost, operation.wanted(connections))))
        .unzip();
    tables.push(bench::table_of("API", "operations per second", &rates));
    tables.push(bench::table_of("API", "µs CPU of petsetd for each", &costs));
    bench::publish("api", &tables.join("\n\n"))
}

/// Asks so many times over so many connections; how long it took.
async fn run(access: &Access, operation: Operation, connections: usize, count: usize, made: usize) -> Result<Duration> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(access.connect().await?);
    }
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let workers = open.into_iter().map(|mut connection| {
        let next = Arc::clone(&next);
        async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<(), anyhow::Error>(());
                }
                let is_new = matches!(operation, Operation::Fill | Operation::Create);
                let number = if is_new { made + number } else { number * 7919 };
                operation.ask(&mut connection, number, OBJECTS).await?;
            }
        }
    });
    try_join_all(workers).await?;
    Ok(began.elapsed())
}
