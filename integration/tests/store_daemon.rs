//! The daemon's store: its backup while it runs, back into the same instance, and a full disk.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use petset_integration::{World, succeed};

fn service(name: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{clusterIP: None, ports: [{{port: 80}}]}}}}"
    )
}

#[test]
fn a_running_instance_is_backed_up_and_its_pets_live_through_the_restore() -> Result<()> {
    let mut world = World::start("backup")?;
    world.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: pet}, spec: {terminationGracePeriodSeconds: 1, containers: \
         [{name: pet, image: 'busybox:1', command: [sleep, '1000000']}]}}",
    )?;
    world.pods_ready(&["pet"])?;
    world.apply(&service("before"))?;
    let containers = world.container_ids()?;
    let saved = world.data_dir().with_file_name("saved");
    let saved = saved.to_str().unwrap_or_default();
    world.petsetd_once(&["backup", saved])?;
    world.apply(&service("after"))?;

    let refused = world.petsetd_once(&["restore", "--force", saved]);
    ensure!(
        refused.is_err_and(|error| format!("{error:#}").contains("is run by another petsetd")),
        "restored while it runs"
    );
    world.stop_daemon(Signal::SIGTERM)?;
    let said = world.petsetd_once(&["restore", "--force", saved])?;
    ensure!(said.contains("the former store is in"), "{said}");
    world.start_daemon()?;
    world.pods_ready(&["pet"])?;
    ensure!(world.container_ids()? == containers, "the restore cost a container");
    ensure!(world.petctl(&["get", "service", "before"]).is_ok(), "what was backed up is gone");
    ensure!(world.petctl(&["get", "service", "after"]).is_err(), "what came later is there");
    Ok(())
}

/// A file system in the place of the store, which goes before the instance does.
struct Mounted(PathBuf);

impl Mounted {
    /// A small one that holds what is in the directory. Takes root.
    fn over(dir: &Path) -> Result<Mounted> {
        let was = dir.with_extension("was");
        std::fs::rename(dir, &was)?;
        std::fs::create_dir(dir)?;
        let mounted = Mounted(dir.to_owned());
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=24m,mode=700", "petset-test"]).arg(dir);
        succeed("mount a tmpfs, which takes root", &mount.output()?)?;
        succeed("cp", &Command::new("cp").arg("-a").arg(was.join(".")).arg(dir).output()?)?;
        Ok(mounted)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).output());
    }
}

/// What is needed is a little more than the 4 MiB that stay free.
fn said_of(store: &Path) -> String {
    format!("the object was not stored: the disk of {} is full: 4.", store.display())
}

#[test]
fn a_full_disk_is_507_while_reads_and_pets_go_on_and_ends_by_itself() -> Result<()> {
    let mut world = World::start("full")?;
    world.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: pet}, spec: {terminationGracePeriodSeconds: 1, containers: \
         [{name: pet, image: 'busybox:1', command: [sleep, '1000000']}]}}",
    )?;
    world.pods_ready(&["pet"])?;
    world.stop_daemon(Signal::SIGTERM)?;
    let store = world.data_dir().join("store");
    let _mounted = Mounted::over(&store)?;
    world.start_daemon()?;

    let filler = store.join("filler");
    let filled =
        Command::new("dd").args(["if=/dev/zero", "bs=64k"]).arg(format!("of={}", filler.display())).output()?;
    ensure!(!filled.status.success(), "the disk is not full");
    let refused = world.apply(&service("one-more")).err().context("a write on a full disk")?;
    let said = said_of(&store);
    let remedy = "0.0 MiB are free; make room there, and writing goes on by itself";
    let refused = format!("{refused:#}");
    ensure!(
        refused.contains("InsufficientStorage") && refused.contains(&said) && refused.contains(remedy),
        "{refused}"
    );
    world.pods_ready_now(&["pet"])?;
    world.petctl(&["exec", "pet", "--", "true"])?;

    // A daemon that is started on it does the same.
    world.stop_daemon(Signal::SIGKILL)?;
    world.start_daemon()?;
    world.pods_ready_now(&["pet"])?;
    let refused = world.apply(&service("one-more")).err().context("a write on a disk that was full at the start")?;
    let refused = format!("{refused:#}");
    ensure!(refused.contains("InsufficientStorage") && refused.contains(&said_of(&store)), "{refused}");
    world.petctl(&["exec", "pet", "--", "true"])?;

    std::fs::remove_file(filler)?;
    world.apply(&service("one-more"))?;
    ensure!(world.daemon_runs(), "petsetd has ended");
    Ok(())
}
