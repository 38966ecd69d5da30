//! What the size of a claim means, on the real engine.

use std::{fs, path::PathBuf};

use nix::{mount::umount, sys::signal::Signal, unistd::Uid};

use super::*;

const MIB: u64 = 1 << 20;
const ENFORCED: &[&str] = &["--claim-sizes", "enforced"];

/// Two pets with 24 MiB each, of a class that lets claims grow.
fn sized() -> String {
    manifest("web", 2, "1", &["podManagementPolicy: Parallel"])
        .replace("annotations: {volume.alpha.kubernetes.io/storage-class: anything}", "labels: {app: web}")
        .replace("storage: 10Mi", "storage: 24Mi")
}

#[test]
fn a_full_claim_stops_its_own_pet_and_grows_while_it_is_mounted() -> Result<()> {
    let mut world = World::start_with("sizes", ENFORCED)?;
    world.apply(&sized())?;
    world.pods_ready(&["web-0", "web-1"])?;
    let told = world.petctl(&["describe", "pv"])?;
    if !Uid::effective().is_root() {
        ensure!(told.contains("not enforced: petsetd does not run as root"), "{told}");
        return Ok(());
    }
    ensure!(told.matches("a limit: the volume is a file system of its own").count() == 2, "{told}");
    ensure!(exec(&world, "web-0", "ls -A /data")? == "names\n", "there is nothing in the way of a first start");

    let full = "dd if=/dev/zero of=/data/full bs=1M count=64 2>&1 || true; sync";
    let said = exec(&world, "web-0", full)?;
    ensure!(said.contains("No space left on device"), "{said}");
    let size = octets(&world, "web-0")?;
    ensure!((20 * MIB..24 * MIB).contains(&size), "a full volume holds {size} octets");
    exec(&world, "web-1", "dd if=/dev/zero of=/data/half bs=1M count=12")?;

    let patch = r#"{"spec": {"resources": {"requests": {"storage": "48Mi"}}}}"#;
    world.petctl(&["patch", "pvc", "data-web-0", "-p", patch])?;
    if !may_resize()? {
        return world.eventually("the kernel's refusal is told", |world| {
            let events = world.events_of("data-web-0")?;
            let is_told =
                |event: &String| event.starts_with("VolumeResizeFailed") && event.contains("Permission denied");
            ensure!(events.iter().any(is_told), "{events:?}");
            Ok(())
        });
    }
    world.eventually("the claim has grown", |world| {
        let claim = world.json(&["get", "pvc", "data-web-0"])?;
        ensure!(claim["status"]["capacity"]["storage"] == "48Mi", "{}", claim["status"]);
        Ok(())
    })?;
    exec(&world, "web-0", "dd if=/dev/zero of=/data/more bs=1M count=16")?;
    let grown = octets(&world, "web-0")?;
    ensure!((36 * MIB..48 * MIB).contains(&grown), "it holds {grown} octets");
    ensure!(world.json(&["get", "pod", "web-0"])?["status"]["containerStatuses"][0]["restartCount"] == 0);
    Ok(())
}

#[test]
fn a_volume_of_its_own_is_mounted_again_and_leaves_nothing_behind() -> Result<()> {
    if !Uid::effective().is_root() {
        // There is none: see the test above.
        return Ok(());
    }
    let mut world = World::start_with("remount", ENFORCED)?;
    world.apply(&sized())?;
    world.pods_ready(&["web-0", "web-1"])?;
    ensure!(mounts(&world)?.len() == 2, "{:?}", mounts(&world)?);

    // As after a restart of the machine: nothing runs, nothing is mounted.
    let sandboxes = ["web-0", "web-1"].map(|pet| world.container(pet, "POD", 0));
    let containers = ["web-0", "web-1"].map(|pet| world.container(pet, "pet", 0));
    world.stop_daemon(Signal::SIGKILL)?;
    for container in containers.iter().chain(&sandboxes) {
        world.docker(&["kill", container])?;
    }
    for mount in mounts(&world)? {
        umount(&mount)?;
    }
    world.start_daemon()?;
    world.eventually("the pets are back with their data", |world| {
        for pet in ["web-0", "web-1"] {
            let names = names(world, pet)?;
            ensure!(names == format!("{pet}\n{pet}\n"), "{pet} has {names:?}");
        }
        Ok(())
    })?;

    world.petctl(&["delete", "statefulset", "web"])?;
    world.petctl(&["delete", "pvc", "--all"])?;
    world.eventually("no mount is left", |world| {
        ensure!(mounts(world)?.is_empty(), "{:?}", mounts(world)?);
        Ok(())
    })
}

#[test]
fn where_sizes_are_only_recorded_a_volume_holds_more() -> Result<()> {
    let mut world = World::start("recorded")?;
    world.apply(&sized())?;
    world.pods_ready(&["web-0", "web-1"])?;
    let told = world.petctl(&["describe", "pv"])?;
    ensure!(!told.contains("a limit"), "{told}");
    exec(&world, "web-0", "dd if=/dev/zero of=/data/more bs=1M count=32")?;
    ensure!(mounts(&world)?.is_empty(), "{:?}", mounts(&world)?);
    Ok(())
}

/// Whether this process has `CAP_SYS_RESOURCE`, without which the kernel lets nobody resize a mounted ext4. Root in a container
/// may lack it.
fn may_resize() -> Result<bool> {
    const CAP_SYS_RESOURCE: u32 = 24;
    let status = fs::read_to_string("/proc/self/status")?;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).context("capabilities")?;
    Ok(u64::from_str_radix(effective.trim(), 16)? >> CAP_SYS_RESOURCE & 1 == 1)
}

/// What a script in a pet prints.
fn exec(world: &World, pet: &str, script: &str) -> Result<String> {
    world.petctl(&["exec", pet, "--", "sh", "-c", script])
}

/// How much the files in a pet's volume hold together.
fn octets(world: &World, pet: &str) -> Result<u64> {
    let kibibytes = exec(world, pet, "du -sk /data | cut -f1")?;
    Ok(kibibytes.trim().parse::<u64>()? * 1024)
}

/// Where this instance's volumes are mounted.
fn mounts(world: &World) -> Result<Vec<PathBuf>> {
    let volumes = format!("/petset_{}_", world.instance());
    let table = fs::read_to_string("/proc/self/mounts")?;
    let points = table.lines().filter_map(|line| line.split(' ').nth(1));
    Ok(points.filter(|point| point.contains(&volumes) && point.ends_with("/_data")).map(PathBuf::from).collect())
}
