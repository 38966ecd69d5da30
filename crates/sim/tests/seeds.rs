//! Seeds of the hostile world. More of them: `make sim`.

use petset_sim::{Options, judge::Tracing, run};

/// So many run with every test run; `make sim` runs thousands, and CI two of them.
const SEEDS: u64 = 60;

#[test]
fn the_laws_hold_in_the_first_seeds() {
    let half = |from: u64| {
        let broken = |seed: u64| {
            let breach = run(seed, &Options::default()).breach?;
            Some(format!("{}: {}; replay with: make sim SEED={seed}", breach.law, breach.what))
        };
        (from..SEEDS).step_by(2).filter_map(broken).collect::<Vec<_>>()
    };
    let broken = std::thread::scope(|scope| {
        let threads = [scope.spawn(|| half(0)), scope.spawn(|| half(1))];
        threads.map(|thread| thread.join().expect("a seed that panics says so")).concat()
    });
    assert_eq!(broken, [""; 0]);
}

#[test]
fn the_same_seed_twice_gives_the_same_trace() {
    let options = Options { tracing: Tracing::On, ..Options::default() };
    for seed in [1, 2, 3] {
        let (first, second) = (run(seed, &options), run(seed, &options));
        assert!(first.trace.len() > 20, "{:#?}", first.trace);
        assert_eq!(first, second);
    }
}

#[test]
fn looking_at_a_world_does_not_change_it() {
    let seen = run(4, &Options { tracing: Tracing::On, ..Options::default() });
    assert_eq!(run(4, &Options::default()).breach, seen.breach);
}
