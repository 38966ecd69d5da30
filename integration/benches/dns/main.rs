//! Names: answers per second of processor time, beside the servers that people use.
//!
//! Every server has one thread and the same zone: a hundred headless services of ten pets. They take turns in each
//! round, so that all see the same machine. `integration/bench/dns-servers` installs those that Debian has; one that is
//! missing is left out, and said. Arguments: `--seconds S` of each measurement, `--serve PROGRAM` for a server of ours that
//! is built already.

mod load;
mod servers;

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use petset_integration::{
    bench::{self, Row, table},
    succeed,
};

use load::{Mix, Transport};
use servers::Running;

/// What the ratios are to.
const BASE: &str = "knot";

/// The cases: what is asked, over what.
const CASES: [(&str, Mix, Transport); 4] = [
    ("the mix over UDP", Mix::Everyday, Transport::Udp),
    ("SRV over UDP", Mix::Srv, Transport::Udp),
    ("NXDOMAIN over UDP", Mix::NoSuchName, Transport::Udp),
    ("the mix over TCP", Mix::Everyday, Transport::Tcp),
];

/// What is counted.
const UNIT: &str = "answers per processor second";

/// How long one measurement lasts, unless `--seconds` says so.
const TIME: Duration = Duration::from_secs(1);

/// Services in the zones that are compared with each other.
const SIZES: [u32; 3] = [servers::SERVICES, 1_000, 10_000];

/// Less is not measured well in ticks.
const SPENT_MIN: Duration = Duration::from_millis(200);

/// How often a measurement is prolonged.
const TRIES_MAX: usize = 10;

fn main() -> Result<()> {
    let seconds = argument("--seconds").and_then(|value| value.parse::<u64>().ok());
    let time = seconds.map_or(TIME, Duration::from_secs);
    let serve = argument("--serve").map_or_else(build_petset, |program| Ok(PathBuf::from(program)))?;
    let mut parts = beside_others(&serve, time)?;
    parts.push(sizes(&serve, time)?);
    parts.push(updates(&serve)?);
    parts.insert(0, format!("{}.", bench::machine()));
    bench::publish("dns", &parts.join("\n\n"))
}

/// A table for each case.
fn beside_others(serve: &Path, time: Duration) -> Result<Vec<String>> {
    let dir = tempfile::Builder::new().prefix("petset-bench-").tempdir()?;
    let mut running = vec![Running::petset(serve, servers::SERVICES)?];
    let mut parts = Vec::new();
    for server in servers::OTHERS {
        match server.start(dir.path()) {
            Ok(server) => running.push(server),
            Err(error) => {
                eprintln!("{}: {error:#}", server.name);
                parts.push(format!("{} is left out.", server.name));
            }
        }
    }
    for (title, mix, transport) in CASES {
        let mut rows: Vec<Row> = running.iter().map(|server| Row::new(server.name)).collect();
        for server in &running {
            load::check(server.address, mix, transport).with_context(|| format!("{title}: {}", server.name))?;
        }
        for _ in 0..bench::rounds() {
            for (server, row) in running.iter().zip(&mut rows) {
                let value = answers_per_processor_second(server, mix, transport, time);
                row.values.push(value.with_context(|| format!("{title}: {}", server.name))?);
            }
        }
        parts.push(table(title, UNIT, BASE, &rows));
    }
    Ok(parts)
}

/// What a name that does not exist costs in zones of several sizes, which take turns.
fn sizes(serve: &Path, time: Duration) -> Result<String> {
    let running: Vec<(u32, Running)> =
        SIZES.iter().map(|services| Ok((*services, Running::petset(serve, *services)?))).collect::<Result<_>>()?;
    let name = |services: u32| format!("{} names", services * servers::PETS);
    let mut rows: Vec<Row> = running.iter().map(|(services, _)| Row::new(&name(*services))).collect();
    for _ in 0..bench::rounds() {
        for ((_, server), row) in running.iter().zip(&mut rows) {
            row.values.push(answers_per_processor_second(server, Mix::NoSuchName, Transport::Udp, time)?);
        }
    }
    Ok(table("NXDOMAIN over UDP in a zone of", UNIT, &name(SIZES[0]), &rows))
}

/// From a change of a pod's records until they are answered.
fn updates(serve: &Path) -> Result<String> {
    let mut lines = vec![
        "| a change among | published: median, 99 of 100, longest (µs) | answered: the same (µs) |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    for services in [10, 100, 10_000] {
        let output = Command::new(serve).args(["updates", &services.to_string()]).output()?;
        let text = succeed("serve updates", &output)?;
        let words: Vec<&str> = text.split_whitespace().collect();
        ensure!(words.len() == 6, "serve updates printed {text}");
        let (published, visible) = words.split_at(3);
        let pets = services * servers::PETS;
        lines.push(format!("| {pets} pets | {} | {} |", published.join(", "), visible.join(", ")));
    }
    Ok(lines.join("\n"))
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

/// Builds the server as it is delivered; returns the program.
fn build_petset() -> Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"))
        // The whole workspace: with a part of it the dependencies would have other features, and be built again.
        .args(["build", "--release", "--locked", "--workspace", "--example", "serve"])
        .args(["--message-format", "json-render-diagnostics"])
        .stdout(Stdio::piped())
        .spawn()?;
    let output = BufReader::new(cargo.stdout.take().context("cargo's output")?);
    let mut program = None;
    for line in output.lines() {
        let message: serde_json::Value = serde_json::from_str(&line?)?;
        if message["target"]["name"] == "serve" {
            program = message["executable"].as_str().map(PathBuf::from);
        }
    }
    ensure!(cargo.wait()?.success(), "cargo could not build the server");
    program.context("cargo named no program")
}

/// Measures again and again until so much processor time is spent that its ticks of a hundredth do not matter: a machine
/// that has other things to do may leave a server hardly any.
fn answers_per_processor_second(server: &Running, mix: Mix, transport: Transport, time: Duration) -> Result<f64> {
    let before = server.processor_time()?;
    let mut answers = 0;
    for _ in 0..TRIES_MAX {
        answers += load::answers(server.address, mix, transport, time)?;
        let spent = server.processor_time()?.saturating_sub(before);
        if spent >= SPENT_MIN {
            return Ok(answers as f64 / spent.as_secs_f64());
        }
    }
    bail!("{} spent hardly any time on {answers} answers", server.name)
}
