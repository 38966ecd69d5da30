//! The same walk with stock kubectls: every version that this machine has, and a fixed one.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use petset_integration::{World, succeed};

/// The kubectls to test with.
fn kubectls() -> Result<Vec<PathBuf>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/kubectl");
    let output = Command::new(script).output().context("integration/kubectl")?;
    Ok(succeed("integration/kubectl", &output)?.lines().map(PathBuf::from).collect())
}

/// The blocks of the document that a client of today still sends: since 1.31 kubectl itself refuses
/// `exec vm-0 /bin/sh` without `--`.
#[test]
fn the_walk_works_with_stock_kubectls() -> Result<()> {
    let mut world = World::start("kubectl")?;
    for kubectl in kubectls()? {
        walk(&mut world, &kubectl).with_context(|| format!("with {}", kubectl.display()))?;
    }
    Ok(())
}

fn walk(world: &mut World, kubectl: &std::path::Path) -> Result<()> {
    let created = world.shell_with(kubectl, "kubectl create -f nginx/petset.yaml")?;
    ensure!(created == "service/nginx created\npetset.apps/web created\n", "create printed {created:?}");
    world.pods_ready(&["web-0", "web-1"])?;

    let pods = world.shell_with(kubectl, "kubectl get po")?;
    let rows: Vec<Vec<&str>> = pods.lines().map(|line| line.split_whitespace().collect()).collect();
    ensure!(rows[0] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"], "{pods}");
    ensure!(rows[1][..3] == ["web-0", "1/1", "Running"] && rows[2][..3] == ["web-1", "1/1", "Running"], "{pods}");
    let services = world.shell_with(kubectl, "kubectl get svc")?;
    ensure!(services.contains("80/TCP"), "{services}");
    let volumes = world.shell_with(kubectl, "kubectl get pv")?;
    ensure!(volumes.contains("default/www-web-0") && volumes.contains("default/www-web-1"), "{volumes}");

    world.shell_with(
        kubectl,
        "for i in 0 1; do kubectl exec web-$i -- sh -c 'echo $(hostname) > /usr/share/nginx/html/index.html'; done",
    )?;
    let deleted = world.shell_with(kubectl, "kubectl delete po -l app=nginx")?;
    ensure!(deleted.contains("pod \"web-0\" deleted") && deleted.contains("pod \"web-1\" deleted"), "{deleted}");
    world.pods_ready(&["web-0", "web-1"])?;
    ensure!(world.shell_with(kubectl, "kubectl exec -i web-1 -- curl -s web-0.nginx")?.trim() == "web-0");
    ensure!(world.shell_with(kubectl, "kubectl exec -i web-0 -- curl -s web-1.nginx")?.trim() == "web-1");

    // Pausing by hand, and scaling, as the document's text says.
    world.shell_with(kubectl, "kubectl annotate --overwrite po web-0 pod.alpha.kubernetes.io/initialized=false")?;
    world.shell_with(kubectl, "kubectl patch petset web -p '{\"spec\":{\"replicas\":0}}'")?;
    world.pods_ready(&["web-0", "web-1"])?;
    world.shell_with(kubectl, "kubectl annotate --overwrite po web-0 pod.alpha.kubernetes.io/initialized=true")?;
    world.pods_ready(&[])?;
    let left = world
        .shell_with(kubectl, "kubectl delete petset web && kubectl delete svc nginx && kubectl delete pvc --all")?;
    ensure!(left.contains("petset.apps \"web\" deleted"), "{left}");
    world.eventually("the volumes are gone", |world| {
        let left = world.petctl(&["get", "pv", "-o", "name"])?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })
}
