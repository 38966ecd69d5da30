//! What charts of stateful programs bring along, with a stock kubectl and a stock Helm. `README.md` says where the manifests
//! are from.

mod helm;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use petset_integration::{World, succeed};

/// The manifests that are taken whole.
const TAKEN: [&str; 7] = ["cassandra", "cockroachdb", "elasticsearch", "etcd", "mysql-galera", "redis", "zookeeper"];

/// What a second apply says `configured` of, on Kubernetes too: kubectl sends the templates of claims each time, the selectors of
/// budgets, fields of which a chart says that they are null, and of the binding the empty group that the server fills in.
const CONFIGURED_AGAIN: [&str; 4] = [
    "statefulset.apps/",
    "clusterrolebinding.rbac.authorization.k8s.io/",
    "poddisruptionbudget.policy/shop",
    "service/shop",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts")
}

/// The manifests, and what Helm makes of the chart, by name.
fn manifests(world: &World, scratch: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let rendered = scratch.join("rendered.yaml");
    fs::write(&rendered, helm::run(world, "helm template shop pets")?)?;
    let taken = TAKEN.map(|name| (name, folder().join(format!("{name}.yaml"))));
    Ok(taken.into_iter().chain([("the chart", rendered)]).collect())
}

/// What a script of the tests prints as its last line: the path of a program.
fn program(script: &str) -> Result<PathBuf> {
    let output =
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(script)).output().context(script.to_owned())?;
    let printed = succeed(script, &output)?;
    Ok(printed.lines().last().context("a path")?.into())
}

/// A world in which one of the manifests may be privileged, and has the namespace that it is for.
fn world(name: &str) -> Result<World> {
    let world = World::start_with(name, &["--allow-privileged"])?;
    world.petctl(&["create", "namespace", "kube-system"])?;
    Ok(world)
}

/// The objects of a manifest, and what identifies the present state of each: the generation where it has one, for the
/// controller writes the status of others, and when its fields were written by those who own them.
fn states(world: &World, kubectl: &Path, manifest: &Path) -> Result<BTreeMap<String, String>> {
    let column = "{.kind}/{.metadata.name} {.metadata.generation}:{.metadata.resourceVersion}:{.metadata.managedFields[*].time}{\"\\n\"}";
    let path = format!("'{{range .items[*]}}{column}{{end}}'");
    let said = world.shell_with(kubectl, &format!("kubectl get -f {} -o jsonpath={path}", manifest.display()))?;
    let state = |line: &str| {
        let (name, state) = line.split_once(' ')?;
        let (generation, version) = state.split_once(':')?;
        let (version, written) = version.split_once(':')?;
        let state = if generation.is_empty() { version } else { generation };
        Some((name.to_owned(), format!("{state}, written {written}")))
    };
    said.lines().map(|line| state(line).with_context(|| format!("{line:?} names no state"))).collect()
}

#[test]
fn manifests_of_stateful_programs_are_applied_and_a_second_time_change_nothing() -> Result<()> {
    let world = world("charts")?;
    let kubectl = program("kubectl")?;
    let scratch = tempfile::tempdir()?;
    for (name, manifest) in manifests(&world, scratch.path())? {
        let apply = || world.shell_with(&kubectl, &format!("kubectl apply -f {}", manifest.display()));
        let first = apply().with_context(|| name)?;
        ensure!(first.lines().count() >= 2 && first.lines().all(|line| line.ends_with(" created")), "{name}: {first}");
        let before = states(&world, &kubectl, &manifest)?;
        ensure!(before.len() == first.lines().count(), "{name}: {before:?}");
        for line in apply().with_context(|| format!("{name} a second time"))?.lines() {
            let wanted =
                if CONFIGURED_AGAIN.iter().any(|kind| line.starts_with(kind)) { "configured" } else { "unchanged" };
            ensure!(line.ends_with(wanted), "{name}: {line}");
        }
        let after = states(&world, &kubectl, &manifest)?;
        ensure!(before == after, "{name}: {before:?} became {after:?}");
    }
    Ok(())
}

#[test]
fn a_manifest_that_mounts_a_config_map_is_applied_and_its_pets_find_the_files() -> Result<()> {
    let mut world = world("mounted")?;
    let kubectl = program("kubectl")?;
    let manifest = folder().join("mysql-upgrade.yaml");
    // Where it comes from, the default class is called so.
    world.apply(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: default}\nprovisioner: petset.io/docker\n",
    )?;
    let script = format!("kubectl apply -f {} 2>&1 && exit 1 || true", manifest.display());
    let said = world.shell_with(&kubectl, &script)?;
    // The ConfigMap, two services and the set; the budget is of a version that is no more.
    ensure!(said.matches(" created").count() == 4 && !said.contains("poddisruptionbudget"), "{said}");
    // Its images are not at hand, but one with a shell is.
    let image = r#"{"spec":{"template":{"spec":{"initContainers":[{"name":"init-mysql","image":"busybox:1","command":["sh","-c",
        "cat /mnt/config-map/master.cnf; exec sleep 1000000"]}]}}}}"#;
    world.shell_with(
        &kubectl,
        &format!("kubectl patch statefulset mysql -p '{image}'; kubectl delete pod mysql-0 --grace-period=0"),
    )?;
    world.eventually("the init container reads the ConfigMap", |world| {
        let said = world.petctl(&["logs", "mysql-0", "-c", "init-mysql"])?;
        ensure!(said == "[mysqld]\nlog-bin\n", "{said}");
        Ok(())
    })
}

#[test]
fn manifests_of_stateful_programs_are_applied_on_the_servers_side_and_a_second_time_write_nothing() -> Result<()> {
    let world = world("ssacharts")?;
    let kubectl = program("kubectl")?;
    let scratch = tempfile::tempdir()?;
    for (name, manifest) in manifests(&world, scratch.path())? {
        let apply = || world.shell_with(&kubectl, &format!("kubectl apply --server-side -f {}", manifest.display()));
        let first = apply().with_context(|| name)?;
        ensure!(first.lines().all(|line| line.ends_with(" serverside-applied")), "{name}: {first}");
        let before = states(&world, &kubectl, &manifest)?;
        ensure!(before.len() == first.lines().count(), "{name}: {before:?}");
        // What is written is said to the second.
        thread::sleep(Duration::from_millis(1100));
        apply().with_context(|| format!("{name} a second time"))?;
        let after = states(&world, &kubectl, &manifest)?;
        ensure!(before == after, "{name}: {before:?} became {after:?}");
    }
    Ok(())
}
