//! Releases of a chart, with a stock Helm.

use anyhow::{Result, ensure};
use petset_integration::World;

use crate::{folder, program};

/// Runs a script in which `helm` is the stock one and `kubectl` the newest.
pub(crate) fn run(world: &World, script: &str) -> Result<String> {
    let helm = program("helm")?;
    let folder = folder();
    let script = format!("helm() {{ {} \"$@\"; }}; cd {}; {script}", helm.display(), folder.display());
    world.shell_with(&program("kubectl")?, &script)
}

#[test]
fn stock_helm_installs_upgrades_rolls_back_and_uninstalls() -> Result<()> {
    releases("helm", "--server-side=false")
}

/// As Helm 4 does by itself.
#[test]
fn stock_helm_applies_on_the_servers_side() -> Result<()> {
    releases("helmssa", "--server-side=true")
}

/// The whole life of a release, which is applied in this way.
fn releases(instance: &str, way: &str) -> Result<()> {
    let world = World::start(instance)?;
    let page = |pod: &str| run(&world, &format!("kubectl exec {pod} -- cat /data/www/page"));

    let installed = run(&world, &format!("helm install shop pets --wait --timeout 80s {way}"))?;
    ensure!(installed.contains("STATUS: deployed"), "{installed}");
    ensure!(page("shop-1")? == "1 of shop-1\n", "{}", page("shop-1")?);
    let named = run(
        &world,
        "kubectl get configmap,secret,serviceaccount,service,pdb,networkpolicy,statefulset -l app.kubernetes.io/instance=shop -o name",
    )?;
    ensure!(named.lines().count() == 8, "{named}");
    let described = run(&world, "helm status shop")?;
    ensure!(described.contains("==> v1/StatefulSet") && described.contains("2/2"), "{described}");

    let change = format!("helm upgrade shop pets --set-string version=2 --set replicas=3 --wait --timeout 80s {way}");
    let upgraded = run(&world, &change)?;
    ensure!(upgraded.contains("REVISION: 2"), "{upgraded}");
    for pod in ["shop-0", "shop-1", "shop-2"] {
        ensure!(page(pod)? == format!("2 of {pod}\n"), "{}", page(pod)?);
    }
    let refused = run(&world, &format!("helm upgrade shop pets --set storage=2Mi {way} 2>&1 && exit 1 || true"))?;
    ensure!(refused.contains("updates to statefulset spec for fields other than"), "{refused}");

    run(&world, &format!("helm rollback shop 1 --wait --timeout 80s {way}"))?;
    ensure!(page("shop-0")? == "1 of shop-0\n", "{}", page("shop-0")?);
    let history = run(&world, "helm history shop")?;
    let kept: Vec<&str> = history.lines().skip(1).filter_map(|line| line.split('\t').nth(2)).map(str::trim).collect();
    ensure!(kept == ["superseded", "superseded", "failed", "deployed"], "{history}");

    run(&world, "helm uninstall shop --wait --timeout 80s")?;
    ensure!(run(&world, "helm list -q")?.is_empty(), "a release is left");
    let left =
        run(&world, "kubectl get statefulset,service,pdb,secret,pod,pvc -l app.kubernetes.io/name=pets -o name")?;
    let claims: Vec<String> = (0..3).map(|ordinal| format!("persistentvolumeclaim/data-shop-{ordinal}")).collect();
    ensure!(left.lines().collect::<Vec<_>>() == claims, "{left}");
    Ok(())
}
