//! Runs seeds of the simulator: `sim [--seeds N] [--from SEED] [--jobs N]`, or `sim --seed SEED` to replay one with its
//! trace. Ends at the first few seeds in which a law is broken, and prints the line that replays each.

use std::{
    hash::{BuildHasher, RandomState},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use petset_sim::{Options, judge::Tracing, run};

/// After so many seeds that fail nobody reads on.
const FAILURES_MAX: usize = 10;

fn main() -> ExitCode {
    let mut numbers = std::collections::BTreeMap::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let known = ["--seeds", "--from", "--jobs", "--seed"].contains(&name.as_str());
        match arguments.next().and_then(|value| value.parse::<u64>().ok()) {
            Some(value) if known => drop(numbers.insert(name, value)),
            Some(_) | None => {
                eprintln!("usage: sim [--seeds N] [--from SEED] [--jobs N] | --seed SEED");
                return ExitCode::from(2);
            }
        }
    }
    if let Some(seed) = numbers.get("--seed") {
        return replay(*seed);
    }
    let seeds = numbers.get("--seeds").copied().unwrap_or(2_000);
    // Chance of the machine's: only the first seed depends on it, and it is printed.
    let from = numbers.get("--from").copied().unwrap_or_else(|| RandomState::new().hash_one(0) >> 16);
    let processors = || std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let jobs = numbers.get("--jobs").copied().unwrap_or_else(processors);
    many(from, seeds, jobs)
}

fn replay(seed: u64) -> ExitCode {
    let outcome = run(seed, &Options { tracing: Tracing::On, ..Options::default() });
    for line in &outcome.trace {
        println!("{line}");
    }
    match outcome.breach {
        None => ExitCode::SUCCESS,
        Some(breach) => {
            println!("seed {seed}: {}: {}", breach.law, breach.what);
            ExitCode::FAILURE
        }
    }
}

fn many(from: u64, seeds: u64, jobs: u64) -> ExitCode {
    let began = Instant::now();
    let (next, failed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let work = || {
        while failed.lock().is_ok_and(|failed| failed.len() < FAILURES_MAX) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= seeds {
                return;
            }
            let seed = from.wrapping_add(number);
            if let Some(breach) = run(seed, &Options::default()).breach {
                println!("seed {seed}: {}: {}\n    make sim SEED={seed}", breach.law, breach.what);
                failed.lock().expect("nobody panics while holding it").push(seed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(work);
        }
    });
    let run = next.into_inner().min(seeds);
    let failed = failed.into_inner().expect("nobody panics while holding it");
    println!("{run} seeds from {from} in {:.1} s, {} failed", began.elapsed().as_secs_f64(), failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
