//! What becomes of the pets of a set that is deleted, on the real engine.

use super::*;

/// Held by a finalizer, a pet shows in which order it and its set go.
#[test]
fn in_the_foreground_the_pets_go_first_and_their_set_last() -> Result<()> {
    let mut world = World::start("ahead")?;
    world.apply(&manifest("web", 2, "1", &[]))?;
    settled(&mut world, &["web-0 1", "web-1 1"])?;
    hold(&world, &["petset.io/test"])?;
    world.petctl(&["delete", "statefulset", "web", "--cascade=foreground", "--wait=false"])?;
    world.eventually("web-1 has gone, web-0 goes, and the set waits for it", |world| {
        let pets = pets(world)?;
        ensure!(pets.len() == 1 && pets[0]["metadata"]["name"] == "web-0", "{pets:?}");
        ensure!(pets[0]["metadata"]["deletionTimestamp"].is_string(), "{}", pets[0]["metadata"]);
        let running = world.docker(&["ps", "--quiet", "--filter", &of_instance(world)])?;
        ensure!(running.is_empty(), "containers still run: {running}");
        let metadata = web(world)?["metadata"].clone();
        ensure!(metadata["deletionTimestamp"].is_string(), "{metadata}");
        ensure!(metadata["finalizers"] == serde_json::json!(["foregroundDeletion"]), "{metadata}");
        Ok(())
    })?;
    hold(&world, &[])?;
    world.eventually("pods, set and revisions are gone", |world| {
        let left = world.petctl(&["get", "pods,statefulsets,controllerrevisions", "-o", "name"])?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })?;
    let claims = world.petctl(&["get", "pvc", "-o", "name"])?;
    ensure!(claims == "persistentvolumeclaim/data-web-0\npersistentvolumeclaim/data-web-1\n", "{claims}");
    Ok(())
}

/// Gives web-0 these finalizers.
fn hold(world: &World, finalizers: &[&str]) -> Result<()> {
    let patch = serde_json::json!({"metadata": {"finalizers": finalizers}}).to_string();
    world.petctl(&["patch", "pod", "web-0", "--type=merge", "-p", &patch]).map(|_| ())
}

fn of_instance(world: &World) -> String {
    format!("label=petset.io/instance={}", world.instance())
}

#[test]
fn orphaned_pets_run_on_and_a_new_set_adopts_them() -> Result<()> {
    let mut world = World::start("leave")?;
    world.apply(&manifest("web", 2, "1", &[]))?;
    settled(&mut world, &["web-0 1", "web-1 1"])?;
    let (set, pods, containers) = (web(&world)?, uids(&world)?, world.container_ids()?);
    world.petctl(&["delete", "statefulset", "web", "--cascade=orphan"])?;
    let sets = world.petctl(&["get", "statefulsets", "-o", "name"])?;
    ensure!(sets.is_empty(), "petctl did not wait for the end of {sets}");
    world.pods_ready_now(&["web-0", "web-1"])?;
    for kind in ["pods", "controllerrevisions"] {
        ensure!(owners(&world, kind)?.is_empty(), "{kind} name {:?}", owners(&world, kind)?);
    }
    ensure!(uids(&world)? == pods && world.container_ids()? == containers, "the pets are not as before");

    world.apply(&manifest("web", 2, "1", &[]))?;
    settled(&mut world, &["web-0 1", "web-1 1"])?;
    let new = web(&world)?;
    ensure!(new["metadata"]["uid"] != set["metadata"]["uid"], "the set never went");
    ensure!(new["status"]["updateRevision"] == set["status"]["updateRevision"], "{}", new["status"]);
    let uid = text(&new["metadata"]["uid"]);
    for (kind, count) in [("pods", 2), ("controllerrevisions", 1)] {
        let owners = owners(&world, kind)?;
        ensure!(owners == vec![uid.clone(); count], "{kind} name {owners:?}, the set is {uid}");
    }
    ensure!(uids(&world)? == pods && world.container_ids()? == containers, "the pets were restarted");
    for pet in ["web-0", "web-1"] {
        let names = names(&world, pet)?;
        ensure!(names == format!("{pet}\n"), "the volume of {pet} holds {names:?}");
    }
    Ok(())
}

/// The uids of all owners that objects of a kind name.
fn owners(world: &World, kind: &str) -> Result<Vec<String>> {
    let list = world.json(&["get", kind])?;
    let references = |object: &Value| object["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
    let items = list["items"].as_array().context("a list")?;
    Ok(items.iter().flat_map(references).map(|owner| text(&owner["uid"])).collect())
}
