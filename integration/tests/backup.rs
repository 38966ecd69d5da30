//! `petsetd backup` of a daemon that runs, and back into the same instance.

use anyhow::{Result, ensure};
use nix::sys::signal::Signal;
use petset_integration::World;

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
