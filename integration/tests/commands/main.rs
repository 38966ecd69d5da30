//! The compatibility matrix: everyday commands, with every stock kubectl that can be had.
//!
//! A [`Row`] is a command and what comes of it. The same rows are the tables of `docs/clients.md`, so that the page and the
//! test cannot part.

mod page;
mod rows;

use std::{
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};
use petset_integration::{World, kubectls_since, succeed};

/// A part of the matrix. Its rows run one after the other, and may build on each other.
struct Chapter {
    title: &'static str,
    /// What has to be there: a script, of which the page says nothing.
    setup: &'static str,
    rows: &'static [Row],
}

/// One command, and what comes of it.
struct Row {
    /// The command as the page names it, without `kubectl`.
    name: &'static str,
    /// The script that runs, unless it is the command alone.
    script: Option<&'static str>,
    /// What is printed: pieces that come in this order, with `…` between them.
    prints: &'static str,
    /// The exit code.
    code: i32,
    /// The first minor version that has the command.
    since: u32,
    /// Why it is not as in Kubernetes.
    differs: Option<&'static str>,
}

/// The least minor version that is asked for.
const MINOR_MIN: u32 = 27;

/// What a row may take. Those that wait for pods to start or end take seconds.
const ROW_SECONDS_MAX: u32 = 60;

const fn row(name: &'static str, prints: &'static str) -> Row {
    Row { name, script: None, prints, code: 0, since: MINOR_MIN, differs: None }
}

const fn refused(name: &'static str, prints: &'static str) -> Row {
    Row { code: 1, ..row(name, prints) }
}

impl Row {
    const fn by(self, script: &'static str) -> Row {
        Row { script: Some(script), ..self }
    }

    const fn since(self, minor: u32) -> Row {
        Row { since: minor, ..self }
    }

    const fn differs(self, why: &'static str) -> Row {
        Row { differs: Some(why), ..self }
    }

    /// Errors: what came of it instead.
    fn check(&self, world: &World, kubectl: &Path) -> Result<()> {
        let script = self.script.map_or_else(|| format!("kubectl {}", self.name), str::to_owned);
        let output = run(world, kubectl, &script)?;
        let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
        ensure!(output.status.code() == Some(self.code), "ended with {}, not {}:\n{text}", output.status, self.code);
        let mut rest = text.as_str();
        for piece in self.prints.split('…') {
            let found = rest.find(piece).with_context(|| format!("{piece:?} is missing in\n{text}"))?;
            rest = &rest[found + piece.len()..];
        }
        Ok(())
    }
}

#[test]
fn everyday_commands_work_with_every_kubectl() -> Result<()> {
    let kubectls = kubectls_since(&MINOR_MIN.to_string())?;
    let failures: Vec<String> = std::thread::scope(|scope| {
        let matrices: Vec<_> = kubectls.iter().map(|kubectl| scope.spawn(|| matrix(kubectl))).collect();
        let answers = matrices.into_iter().zip(&kubectls).map(|(matrix, kubectl)| match matrix.join() {
            Ok(Ok(failures)) => failures,
            Ok(Err(error)) => vec![format!("{}: {error:#}", kubectl.display())],
            Err(_) => vec![format!("{}: the test panicked", kubectl.display())],
        });
        answers.flatten().collect()
    });
    ensure!(failures.is_empty(), "{} of the commands differ:\n{}", failures.len(), failures.join("\n"));
    Ok(())
}

/// All rows with one kubectl, and what of them failed.
fn matrix(kubectl: &Path) -> Result<Vec<String>> {
    let minor = minor(kubectl)?;
    let world = World::start(&format!("cli{minor}"))?;
    let mut failures = Vec::new();
    for chapter in rows::CHAPTERS {
        let ready = run(&world, kubectl, chapter.setup)?;
        if let Err(error) = succeed(chapter.setup, &ready) {
            failures.push(format!("1.{minor}: {}: {error:#}", chapter.title));
            continue;
        }
        for row in chapter.rows.iter().filter(|row| row.since <= minor) {
            if let Err(error) = row.check(&world, kubectl) {
                failures.push(format!("1.{minor}: {}: {error:#}", row.name));
            }
        }
    }
    Ok(failures)
}

/// Runs a script in a shell, in the world's own folder, for a limited time.
///
/// What commands in the background say goes to `said`, which is empty at first: their shell may be late to empty it, and the
/// script would read what was said before.
fn run(world: &World, kubectl: &Path, script: &str) -> Result<Output> {
    let quoted = format!("cd \"$HOME\"\nexport TMPDIR=\"$HOME\"\n: > said\n{script}").replace('\'', r"'\''");
    world.shell_output_with(kubectl, &format!("exec timeout --kill-after=5 {ROW_SECONDS_MAX} sh -euc '{quoted}'"))
}

fn minor(kubectl: &Path) -> Result<u32> {
    let output = Command::new(kubectl).args(["version", "--client", "-o", "json"]).output()?;
    let version: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let minor = version["clientVersion"]["minor"].as_str().unwrap_or_default();
    minor.trim_end_matches('+').parse().with_context(|| format!("a minor version: {version}"))
}
