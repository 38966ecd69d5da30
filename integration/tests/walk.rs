//! The walk through the document, block by block, with petctl in kubectl's place.

use anyhow::{Context, Result, ensure};
use petset_integration::World;

#[test]
fn identity_survives_the_deletion_of_both_pets() -> Result<()> {
    let mut world = World::start("walk")?;

    let created = world.shell("kubectl create -f nginx/petset.yaml")?;
    ensure!(created == "service/nginx created\npetset.apps/web created\n", "create printed {created:?}");
    world.pods_ready(&["web-0", "web-1"])?;

    let pods = world.shell("kubectl get po")?;
    let rows: Vec<Vec<&str>> = pods.lines().map(|line| line.split_whitespace().collect()).collect();
    ensure!(rows[0] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"], "{pods}");
    ensure!(rows[1][..4] == ["web-0", "1/1", "Running", "0"], "{pods}");
    ensure!(rows[2][..4] == ["web-1", "1/1", "Running", "0"], "{pods}");
    ensure!(created_in_order(&world, "web-0", "web-1")?, "web-1 was created before web-0 was Ready");

    let services = world.shell("kubectl get svc")?;
    let service = services.lines().find(|line| line.starts_with("nginx")).context("the service")?;
    ensure!(service.split_whitespace().nth(2) == Some("None") && service.contains("80/TCP"), "{services}");

    let volumes = world.shell("kubectl get pv")?;
    for claim in ["default/www-web-0", "default/www-web-1"] {
        let row = volumes.lines().find(|line| line.contains(claim)).with_context(|| volumes.clone())?;
        let cells: Vec<&str> = row.split_whitespace().collect();
        ensure!(cells[0].starts_with("pvc-") && cells[1..5] == ["1Gi", "RWO", "Delete", "Bound"], "{volumes}");
    }

    world.shell(
        "for i in 0 1; do kubectl exec web-$i -- sh -c 'echo $(hostname) > /usr/share/nginx/html/index.html'; done",
    )?;
    let before = world.json(&["get", "pods"])?;
    let deleted = world.shell("kubectl delete po -l app=nginx")?;
    ensure!(deleted.contains("pod \"web-0\" deleted") && deleted.contains("pod \"web-1\" deleted"), "{deleted}");
    world.pods_ready(&["web-0", "web-1"])?;
    let after = world.json(&["get", "pods"])?;
    for ordinal in 0..2 {
        let of = |list: &serde_json::Value, field: &str| list["items"][ordinal]["metadata"][field].clone();
        ensure!(of(&before, "uid") != of(&after, "uid"), "pod {ordinal} is not a new one");
        let ip = |list: &serde_json::Value| list["items"][ordinal]["status"]["podIP"].clone();
        ensure!(ip(&before) == ip(&after), "pod {ordinal} has moved: {} to {}", ip(&before), ip(&after));
    }

    ensure!(world.shell("kubectl exec -it web-1 -- curl -s web-0.nginx")?.trim() == "web-0");
    ensure!(world.shell("kubectl exec -it web-0 -- curl -s web-1.nginx")?.trim() == "web-1");
    Ok(())
}

#[test]
fn a_virtual_machine_keeps_what_was_installed_at_run_time() -> Result<()> {
    let mut world = World::start("vm")?;
    let created = world.shell("kubectl create -f vm/petset_vm.yaml")?;
    ensure!(created == "service/ub created\npetset.apps/vm created\n", "create printed {created:?}");
    world.pods_ready(&["vm-0", "vm-1"])?;

    // The document types these into `kubectl exec vm-0 /bin/sh`.
    world.shell("printf 'apt-get update\napt-get install nginx -y\n' | kubectl exec -i vm-0 /bin/sh")?;
    world.shell("kubectl delete po vm-0")?;
    world.pods_ready(&["vm-0", "vm-1"])?;
    let pods = world.shell("kubectl get po")?;
    ensure!(pods.lines().count() == 3 && pods.lines().skip(1).all(|pod| pod.contains("1/1")), "{pods}");

    // A claim is mounted over /etc, and the pod's own files are still there.
    ensure!(world.shell("kubectl exec vm-0 hostname")?.trim() == "vm-0");
    let hosts = world.shell("kubectl exec vm-0 cat /etc/hosts")?;
    ensure!(hosts.contains("vm-0.ub.default.svc.cluster.local"), "{hosts}");

    let answer = world.shell("kubectl exec -it vm-0 -- nslookup -type=srv ub.default")?;
    for pet in ["vm-0.ub.default.svc.cluster.local", "vm-1.ub.default.svc.cluster.local"] {
        ensure!(answer.contains(pet), "{answer}");
    }

    // The document's conversation between two machines. nginx stays in the foreground there; here it must not.
    world.shell(
        "printf 'mkdir -p /var/log/nginx /var/lib/nginx; nginx\n' | kubectl exec -i vm-0 /bin/sh
         printf 'apt-get update\napt-get install netcat -y\n' | kubectl exec -i vm-1 /bin/sh",
    )?;
    let answer = world
        .shell(r#"printf 'printf "GET / HTTP/1.0\r\n\r\n" | netcat vm-0.ub 80\n' | kubectl exec -i vm-1 /bin/sh"#)?;
    // Its pages are not on a claim, so it has none after the deletion; that it answers is what matters.
    ensure!(answer.starts_with("HTTP/1.1") && answer.contains("nginx"), "{answer}");
    Ok(())
}

fn created_in_order(world: &World, first: &str, second: &str) -> Result<bool> {
    let pod = |name| world.json(&["get", "pod", name]);
    let (first, second) = (pod(first)?, pod(second)?);
    let ready = first["status"]["conditions"].as_array().into_iter().flatten().find(|c| c["type"] == "Ready");
    let ready = ready.and_then(|condition| condition["lastTransitionTime"].as_str()).context("a Ready condition")?;
    let created = second["metadata"]["creationTimestamp"].as_str().context("a creation time")?;
    Ok(ready <= created)
}
