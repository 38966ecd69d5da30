//! How soon petsetd is ready, and what it takes while nothing happens: with nothing stored, and with a thousand pods.
//!
//! The thousand pods wait for a claim that nobody made: they are stored, indexed, watched and planned, and have no
//! containers, which would be the engine's to carry.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use petset_integration::{
    World,
    bench::{self, Row},
    built,
};
use serde_json::json;

const PODS: usize = 1_000;

/// How long the daemon is left alone before and while it is measured.
const CALM: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(20);

fn main() -> Result<()> {
    let mut world = World::start("footprint")?;
    let mut starts = Vec::new();
    let mut memory = Vec::new();
    let mut idle = Vec::new();
    for pods in [0, PODS] {
        for pod in 0..pods {
            create(&world, pod)?;
        }
        let label = format!("{pods} pods");
        let mut start = Row::new(&label);
        for _ in 0..bench::rounds() {
            world.stop_daemon(Signal::SIGTERM)?;
            start.values.push(ready_after(&mut world)?.as_secs_f64() * 1e3);
        }
        starts.push((start, "at most 150"));
        std::thread::sleep(CALM);
        let pid = world.daemon_pid().context("a daemon")?.as_raw() as u32;
        for (name, field, wanted) in [
            ("resident", "VmRSS", if pods == 0 { "at most 30" } else { "at most 60" }),
            ("of it anonymous", "RssAnon", "-"),
        ] {
            let mut row = Row::new(&format!("{label}, {name}"));
            row.values.push(bench::memory(pid, field)?);
            memory.push((row, wanted));
        }
        let mut row = Row::new(&label);
        for _ in 0..bench::rounds().min(3) {
            let before = bench::processor_time(pid)?;
            std::thread::sleep(IDLE);
            let spent = bench::processor_time(pid)?.saturating_sub(before);
            row.values.push(spent.as_secs_f64() / IDLE.as_secs_f64() * 100.0);
        }
        idle.push((row, "at most 0.2"));
    }
    let mut sizes = Vec::new();
    for program in ["petsetd", "petctl"] {
        let mut row = Row::new(program);
        row.values.push(std::fs::metadata(built(program)?)?.len() as f64 / 1_048_576.0);
        sizes.push((row, "-"));
    }
    let tables = [
        format!("{}.", bench::machine()),
        bench::table_of("from start to /readyz", "ms", &starts),
        bench::table_of("memory while idle", "MiB", &memory),
        bench::table_of("processor while idle", "% of a core", &idle),
        bench::table_of("program", "MiB", &sizes),
    ];
    bench::publish("footprint", &tables.join("\n\n"))
}

/// Starts the daemon, and asks until it says that it is ready.
fn ready_after(world: &mut World) -> Result<Duration> {
    let began = Instant::now();
    world.spawn_daemon()?;
    while !ask(world, "GET", "/readyz", "").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
        ensure!(began.elapsed() < petset_integration::PATIENCE, "not ready: {}", world.log_text());
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(began.elapsed())
}

fn create(world: &World, number: usize) -> Result<()> {
    let pod = json!({
        "metadata": {"name": format!("pod-{number}"), "labels": {"app": "idle"}},
        "spec": {
            "containers": [{"name": "main", "image": "busybox:1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": format!("data-{number}")}}],
        },
    });
    let answer = ask(world, "POST", "/api/v1/namespaces/default/pods", &pod.to_string())?;
    ensure!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    Ok(())
}

/// One request over the daemon's socket.
fn ask(world: &World, method: &str, path: &str, body: &str) -> Result<String> {
    let mut stream = UnixStream::connect(world.socket())?;
    stream.set_read_timeout(Some(petset_integration::PATIENCE))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
