//! Names: answers per second of processor time, beside the servers that people use.
//!
//! Every server has one thread and the same zone: a hundred headless services of ten pets. They take turns in each
//! round, so that all see the same machine. `integration/bench/dns-servers` installs those that Debian has; one that is
//! missing is left out, and said. Arguments: `--rounds N`, `--seconds S` of each measurement, `--serve PROGRAM` for a
//! server that is built already.

mod load;
mod servers;

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use petset_integration::bench::{Row, table};

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

/// Less is not measured well in ticks.
const SPENT_MIN: Duration = Duration::from_millis(200);

/// How often a measurement is prolonged.
const TRIES_MAX: usize = 10;

fn main() -> Result<()> {
    let number = |name| argument(name).and_then(|value| value.parse::<u64>().ok());
    let rounds = number("--rounds").unwrap_or(5);
    let time = Duration::from_secs(number("--seconds").unwrap_or(1));
    let serve = argument("--serve").map_or_else(build_petset, |program| Ok(PathBuf::from(program)))?;
    let dir = tempfile::Builder::new().prefix("petset-bench-").tempdir()?;
    let mut running = vec![Running::petset(&serve, servers::SERVICES)?];
    for server in servers::OTHERS {
        match server.start(dir.path()) {
            Ok(server) => running.push(server),
            Err(error) => println!("{} is left out: {error:#}", server.name),
        }
    }
    for (title, mix, transport) in CASES {
        let mut rows: Vec<Row> = running.iter().map(|server| Row::new(server.name)).collect();
        for server in &running {
            load::check(server.address, mix, transport).with_context(|| format!("{title}: {}", server.name))?;
        }
        for _ in 0..rounds {
            for (server, row) in running.iter().zip(&mut rows) {
                row.values.push(answers_per_processor_second(server, mix, transport, time)?);
            }
        }
        println!("\n{}", table(title, "answers per processor second", BASE, &rows));
    }
    drop(running);

    let mut rows = Vec::new();
    for services in [10, 1_000, 10_000] {
        let server = Running::petset(&serve, services)?;
        let mut row = Row::new(&format!("{} names", services * servers::PETS));
        for _ in 0..rounds {
            row.values.push(answers_per_processor_second(&server, Mix::NoSuchName, Transport::Udp, time)?);
        }
        rows.push(row);
    }
    println!("\n{}", table("NXDOMAIN in a zone of", "answers per processor second", "100 names", &rows));

    println!(
        "\n| a change among | published: median, 99 of 100, longest (µs) | answered: the same (µs) |\n|---|---|---|"
    );
    for services in [10_u32, 100, 10_000] {
        let output = Command::new(&serve).args(["updates", &services.to_string()]).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout)?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let [published, visible] = [words[..3].join(", "), words[3..].join(", ")];
        println!("| {} pets | {published} | {visible} |", services * servers::PETS);
    }
    Ok(())
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

/// Builds the server as it is delivered; returns the program.
fn build_petset() -> Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--package", "petset-dns", "--example", "serve"])
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
