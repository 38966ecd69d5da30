//! What the daemon takes of the processor while nothing happens.

use std::{thread, time::Duration};

use anyhow::{Context, Result, ensure};
use petset_integration::World;

use super::nothing_is_left;

/// An idle daemon takes less of the processor in ten seconds, in ticks of 10 ms, also of a machine with other work. One that never
/// rests takes a thousand; what it takes to the tick is measured by `make bench`.
const TICKS_IDLE_MAX: u64 = 20;

#[test]
fn an_idle_daemon_rests() -> Result<()> {
    let mut world = World::start("idle")?;
    let pod = |name: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{terminationGracePeriodSeconds: 0, \
             containers: [{{name: app, image: 'busybox:1', command: [sleep, '1000000']}}]}}}}\n---\n"
        )
    };
    world.apply(&["a", "b", "c"].map(pod).concat())?;
    world.pods_ready(&["a", "b", "c"])?;
    thread::sleep(Duration::from_secs(2));
    let before = ticks_used(&world)?;
    thread::sleep(Duration::from_secs(10));
    let ticks = ticks_used(&world)? - before;
    ensure!(ticks < TICKS_IDLE_MAX, "{ticks} ticks of CPU in 10 s of rest");
    world.petctl(&["delete", "pods", "--all"])?;
    nothing_is_left(&mut world)
}

/// The daemon's CPU time so far, in ticks of 10 ms.
fn ticks_used(world: &World) -> Result<u64> {
    let pid = std::fs::read_to_string(world.data_dir().join("petsetd.pid"))?;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()))?;
    // After the name, which may hold anything: utime and stime are the 14th and 15th fields.
    let (_, fields) = stat.rsplit_once(')').context("a name")?;
    let ticks = |n: usize| fields.split_whitespace().nth(n).and_then(|ticks| ticks.parse::<u64>().ok());
    Ok(ticks(11).context("utime")? + ticks(12).context("stime")?)
}
