//! New templates on the real engine: how far they get, and the way back.

use super::*;

#[test]
fn a_set_is_updated_down_to_its_partition_then_whole_and_is_rolled_back() -> Result<()> {
    let mut world = World::start("sts")?;
    world.apply(&manifest("web", 5, "1", &[]))?;
    settled(&mut world, &["web-0 1", "web-1 1", "web-2 1", "web-3 1", "web-4 1"])?;
    let first = web(&world)?["status"]["updateRevision"].clone();
    let before = uids(&world)?;
    let pet = world.json(&["get", "pod", "web-1"])?;
    ensure!(pet["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "web-1", "{pet}");
    ensure!(pet["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1", "{pet}");
    ensure!(pet["metadata"]["ownerReferences"][0]["kind"] == "StatefulSet", "{pet}");

    let down_to = |partition: u32| format!("updateStrategy: {{rollingUpdate: {{partition: {partition}}}}}");
    world.apply(&manifest("web", 5, "2", &[&down_to(3)]))?;
    settled(&mut world, &["web-0 1", "web-1 1", "web-2 1", "web-3 2", "web-4 2"])?;
    let status = web(&world)?["status"].clone();
    ensure!(status["currentRevision"] == first && status["currentReplicas"] == 3, "{status}");
    ensure!(status["updateRevision"] != first && status["updatedReplicas"] == 2, "{status}");
    let now = uids(&world)?;
    ensure!(now[..3] == before[..3], "below the partition there were {before:?} and are {now:?}");
    ensure!(now[3..].iter().zip(&before[3..]).all(|(now, before)| now != before), "nothing new: {now:?}");
    from_the_highest_down(&world, 3)?;
    world.petctl(&["delete", "pod", "web-0"])?;
    settled(&mut world, &["web-0 1", "web-1 1", "web-2 1", "web-3 2", "web-4 2"])?;

    let updated = uids(&world)?;
    world.apply(&manifest("web", 5, "2", &[&down_to(0)]))?;
    settled(&mut world, &["web-0 2", "web-1 2", "web-2 2", "web-3 2", "web-4 2"])?;
    ensure!(uids(&world)?[3..] == updated[3..], "pets that were new already were replaced");
    from_the_highest_down(&world, 0)?;

    let said = world.petctl(&["rollout", "undo", "statefulset/web"])?;
    ensure!(said == "statefulset.apps/web rolled back\n", "{said}");
    settled(&mut world, &["web-0 1", "web-1 1", "web-2 1", "web-3 1", "web-4 1"])?;
    from_the_highest_down(&world, 0)?;
    let again = web(&world)?["status"]["updateRevision"].clone();
    ensure!(again == first, "the old template is revision {again}, not {first}");
    for pet in pets(&world)? {
        ensure!(pet["metadata"]["labels"]["controller-revision-hash"] == first, "{pet}");
    }
    // Each was made, updated and rolled back, and web-0 was deleted once besides.
    for (pet, starts) in [("web-0", 4), ("web-1", 3), ("web-2", 3), ("web-3", 3), ("web-4", 3)] {
        let names = names(&world, pet)?;
        ensure!(names == format!("{pet}\n").repeat(starts), "the volume of {pet} holds {names:?}");
    }
    Ok(())
}

/// Whether of the pets of the set `web` from this one on each was started after the next one.
fn from_the_highest_down(world: &World, first: usize) -> Result<()> {
    let mut starts = Vec::new();
    for pet in first..5 {
        let container = world.container(&format!("web-{pet}"), "pet", 0);
        let started = world.docker(&["inspect", "--format", "{{.State.StartedAt}}", &container])?;
        starts.push(started.trim().parse::<jiff::Timestamp>().with_context(|| format!("start of {container}"))?);
    }
    ensure!(starts.is_sorted_by(|lower, higher| lower > higher), "from web-{first} on they were started at {starts:?}");
    Ok(())
}

#[test]
fn a_broken_update_waits_says_why_and_is_mended_by_recreate() -> Result<()> {
    let mut world = World::start("trap")?;
    world.apply(&manifest("web", 2, "1", &[]))?;
    settled(&mut world, &["web-0 1", "web-1 1"])?;
    world.apply(&manifest("web", 2, "broken", &[]))?;
    has(&mut world, &["web-0 1", "web-1 broken"])?;
    let broken = uids(&world)?;
    world.petctl(&["rollout", "undo", "statefulset/web"])?;
    world.eventually("the set says what it waits for and what helps", |world| {
        let waits = world.waits_of("web")?;
        let says = |part: &str| waits.iter().any(|wait| wait.contains(part));
        ensure!(says("waiting to update web-1: web-1 is not Ready"), "{waits:?}");
        ensure!(says("delete pod web-1 to have it made of the newest"), "{waits:?}");
        ensure!(says("set spec.updateStrategy to {type: Recreate, rollingUpdate: null}"), "{waits:?}");
        Ok(())
    })?;
    ensure!(uids(&world)? == broken, "Kubernetes would not replace it either");

    let recreate = "updateStrategy: {type: Recreate, rollingUpdate: null}";
    world.apply(&manifest("web", 2, "1", &[recreate]))?;
    settled(&mut world, &["web-0 1", "web-1 1"])?;
    let mended = uids(&world)?;
    ensure!(mended[0] == broken[0], "web-0 was of the right revision");

    // Under Recreate the first new pet that is broken is the only one, and a rollback needs nobody's hand.
    world.apply(&manifest("web", 2, "broken", &[recreate]))?;
    has(&mut world, &["web-0 broken"])?;
    world.petctl(&["rollout", "undo", "statefulset/web"])?;
    settled(&mut world, &["web-0 1", "web-1 1"])?;
    // Both were made, broken and mended; web-1 went with its set besides, where web-0 was what broke.
    for (pet, starts) in [("web-0", 3), ("web-1", 4)] {
        let names = names(&world, pet)?;
        ensure!(names == format!("{pet}\n").repeat(starts), "the volume of {pet} holds {names:?}");
    }
    Ok(())
}

/// Waits until the set `web` has these pets of these versions, and their containers have done their work.
fn has(world: &mut World, wanted: &[&str]) -> Result<()> {
    world.eventually(&format!("{wanted:?}"), |world| {
        let now = versions(world)?;
        ensure!(now == wanted, "there are {now:?}");
        for pet in wanted.iter().filter_map(|pet| pet.split(' ').next()) {
            world.petctl(&["exec", pet, "--", "test", "-f", "/started"])?;
        }
        Ok(())
    })
}
