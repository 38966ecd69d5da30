//! Pets find their peers as `docs/peer-finder.md` says, with the manifest that stands there.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use petset_integration::World;

const PAGE: &str = include_str!("../../docs/peer-finder.md");

/// A pet that does not end on SIGTERM takes its thirty seconds of grace.
const END_WITHIN: Duration = Duration::from_secs(15);

/// The peers that a pet was told last: those of the first look, where nothing has changed since.
fn told(world: &World, pet: &str) -> Result<Vec<String>> {
    lines(world, pet, "/peers/peers").or_else(|_| lines(world, pet, "/peers/at-start"))
}

/// A file of a pet's, one line after the other.
fn lines(world: &World, pet: &str, file: &str) -> Result<Vec<String>> {
    let text = world.petctl(&["exec", pet, "-c", "main", "--", "cat", file])?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn peers(count: usize) -> Vec<String> {
    (0..count).map(|ordinal| format!("ub-{ordinal}.ub.default.svc.cluster.local")).collect()
}

#[test]
fn peer_finder_tells_scripts_who_is_there_and_who_comes_and_goes() -> Result<()> {
    let manifest = PAGE.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).context("a manifest")?;
    let mut world = World::start("peers")?;
    world.apply(manifest)?;
    world.pods_ready(&["ub-0", "ub-1", "ub-2"])?;
    for ordinal in 0..3 {
        let pet = format!("ub-{ordinal}");
        world.eventually(&format!("{pet} was told who was there before it"), |world| {
            let told = lines(world, &pet, "/peers/at-start")?;
            // It may have looked a moment later than the next one was there.
            ensure!(told.len() > ordinal && told == peers(told.len()), "{told:?}");
            Ok(())
        })?;
    }
    for pet in ["ub-0", "ub-1"] {
        world.eventually(&format!("{pet} hears of the others"), |world| {
            let told = told(world, pet)?;
            ensure!(told == peers(3), "{told:?}");
            Ok(())
        })?;
    }
    let began = Instant::now();
    world.petctl(&["scale", "statefulset/ub", "--replicas=2"])?;
    world.pods_ready(&["ub-0", "ub-1"])?;
    ensure!(began.elapsed() < END_WITHIN, "it did not end on SIGTERM");
    for pet in ["ub-0", "ub-1"] {
        world.eventually(&format!("{pet} hears that one is gone"), |world| {
            let told = told(world, pet)?;
            ensure!(told == peers(2), "{told:?}");
            // The others may have come within the second of its first look.
            let changes = lines(world, pet, "/peers/changes")?.len();
            ensure!((1..=3).contains(&changes), "{pet}: {changes} changes where two pets came and one went");
            Ok(())
        })?;
    }

    let wrong = world.petctl_output(&["exec", "ub-0", "-c", "main", "--", "/peers/peer-finder", "-service=ub"], "")?;
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    ensure!(wrong.status.code() == Some(2) && said.contains("-on-start and -on-change are both missing"), "{said}");
    let failed = ["exec", "ub-0", "-c", "main", "--", "/peers/peer-finder", "-service=ub", "-on-start=exit 3"];
    let failed = world.petctl_output(&failed, "")?;
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    ensure!(failed.status.code() == Some(1) && said.contains("\"exit 3\" failed: exit status: 3"), "{said}");
    Ok(())
}
