//! Whose claims stay when a set shrinks or goes, on the real engine.

use std::collections::BTreeSet;

use super::*;

/// A set called after what becomes of its claims: first where a pet is one too many, then where the set is deleted.
struct Case {
    set: &'static str,
    when_scaled: &'static str,
    when_deleted: &'static str,
    /// The claims of the set that has shrunk from two pets to one.
    after_scaling: &'static [&'static str],
    /// What the volume of the pet that came back holds.
    names: &'static str,
    /// The claims after the set's deletion.
    after_deletion: &'static [&'static str],
}

const CASES: [Case; 4] = [
    Case {
        set: "keep-keep",
        when_scaled: "Retain",
        when_deleted: "Retain",
        after_scaling: &["data-keep-keep-0", "data-keep-keep-1"],
        names: "keep-keep-1\nkeep-keep-1\n",
        after_deletion: &["data-keep-keep-0", "data-keep-keep-1"],
    },
    Case {
        set: "keep-lose",
        when_scaled: "Retain",
        when_deleted: "Delete",
        after_scaling: &["data-keep-lose-0", "data-keep-lose-1"],
        names: "keep-lose-1\nkeep-lose-1\n",
        after_deletion: &[],
    },
    Case {
        set: "lose-keep",
        when_scaled: "Delete",
        when_deleted: "Retain",
        after_scaling: &["data-lose-keep-0"],
        names: "lose-keep-1\n",
        after_deletion: &["data-lose-keep-0", "data-lose-keep-1"],
    },
    Case {
        set: "lose-lose",
        when_scaled: "Delete",
        when_deleted: "Delete",
        after_scaling: &["data-lose-lose-0"],
        names: "lose-lose-1\n",
        after_deletion: &[],
    },
];

#[test]
fn each_retention_policy_keeps_and_takes_the_claims_that_it_says() -> Result<()> {
    let mut world = World::start("retain")?;
    let manifests = CASES.map(|case| {
        let Case { set, when_scaled, when_deleted, .. } = case;
        let policy = format!("{{whenScaled: {when_scaled}, whenDeleted: {when_deleted}}}");
        manifest(set, 2, "1", &[&format!("persistentVolumeClaimRetentionPolicy: {policy}")])
    });
    let manifests = manifests.join("---");
    world.apply(&manifests)?;
    has_pets(&mut world, 2)?;
    has_claims(&mut world, |case| vec![format!("data-{}-0", case.set), format!("data-{}-1", case.set)])?;

    scale(&world, 1)?;
    has_pets(&mut world, 1)?;
    has_claims(&mut world, |case| owned(case.after_scaling))?;
    scale(&world, 2)?;
    has_pets(&mut world, 2)?;
    for case in &CASES {
        let (stayed, back) = (format!("{}-0", case.set), format!("{}-1", case.set));
        ensure!(names(&world, &back)? == case.names, "the volume of {back} holds {:?}", names(&world, &back)?);
        ensure!(names(&world, &stayed)? == format!("{stayed}\n"), "{stayed} was restarted");
    }

    world.petctl(&["delete", "statefulset", "--all"])?;
    has_pets(&mut world, 0)?;
    has_claims(&mut world, |case| owned(case.after_deletion))?;
    world.apply(&manifests)?;
    has_pets(&mut world, 2)?;
    for case in &CASES {
        let before = if case.after_deletion.is_empty() { "" } else { case.names };
        let back = format!("{}-1", case.set);
        let now = names(&world, &back)?;
        ensure!(now == format!("{before}{back}\n"), "the volume of {back} holds {now:?}");
    }
    Ok(())
}

fn scale(world: &World, replicas: u32) -> Result<()> {
    for case in &CASES {
        world.petctl(&["scale", "statefulset", case.set, &format!("--replicas={replicas}")])?;
    }
    Ok(())
}

/// Waits until every set has so many pets, and all are Ready.
fn has_pets(world: &mut World, replicas: u32) -> Result<()> {
    let of = |case: &Case| (0..replicas).map(|pet| format!("{}-{pet}", case.set)).collect::<Vec<_>>();
    let wanted: Vec<String> = CASES.iter().flat_map(of).collect();
    world.pods_ready(&wanted.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Waits until these claims are there, and for each a volume here and one in Docker.
fn has_claims(world: &mut World, of: impl Fn(&Case) -> Vec<String>) -> Result<()> {
    let wanted: BTreeSet<String> = CASES.iter().flat_map(of).collect();
    world.eventually(&format!("{wanted:?}, and their volumes"), |world| {
        let claims = world.petctl(&["get", "pvc", "-o", "jsonpath={.items[*].metadata.name}"])?;
        let volumes = world.petctl(&["get", "pv", "-o", "jsonpath={.items[*].spec.claimRef.name}"])?;
        let ours = format!("name=petset_{}_", world.instance());
        let format = r#"{{.Label "petset.io/claim"}}"#;
        let in_docker = world.docker(&["volume", "ls", "--filter", &ours, "--format", format])?;
        for (what, found) in [("claims", claims), ("volumes", volumes), ("volumes in Docker", in_docker)] {
            let found: Vec<&str> = found.split_whitespace().collect();
            ensure!(found.len() == wanted.len(), "{what}: {found:?}");
            ensure!(found.iter().all(|name| wanted.contains(*name)), "{what}: {found:?}");
        }
        Ok(())
    })
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
