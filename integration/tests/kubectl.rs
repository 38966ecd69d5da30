//! The same walk with stock kubectls: every version that this machine has, and a fixed one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use petset_integration::{World, built, kubectls_since};

/// The kubectls for the long stories; the everyday commands of all of them are in `commands`.
fn kubectls() -> Result<Vec<PathBuf>> {
    kubectls_since("30")
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

/// A set whose template says its version, and a budget that lets none of its pets go.
const SET: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80, name: http}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: web
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: pet
        image: busybox:1
        command: [sleep, "1000000"]
        env: [{name: VERSION, value: "1"}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
"#;

#[test]
fn stock_kubectls_roll_sets_out_and_drain_the_node() -> Result<()> {
    let mut world = World::start("ctlsets")?;
    for kubectl in kubectls()? {
        rollout(&world, &kubectl).with_context(|| format!("rollout with {}", kubectl.display()))?;
        drain(&mut world, &kubectl).with_context(|| format!("drain with {}", kubectl.display()))?;
        world.shell_with(&kubectl, "kubectl delete statefulset,service,pdb web")?;
        world.pods_ready(&[])?;
    }
    Ok(())
}

/// What `kubectl create` makes by itself it sends in protobuf.
#[test]
fn stock_kubectls_create_what_they_generate() -> Result<()> {
    let world = World::start("ctlmake")?;
    for kubectl in kubectls_since("27")? {
        generate(&world, &kubectl).with_context(|| format!("with {}", kubectl.display()))?;
    }
    Ok(())
}

fn generate(world: &World, kubectl: &Path) -> Result<()> {
    let run = |script: &str| world.shell_with(kubectl, script);
    let created = run("kubectl create namespace demo && \
         kubectl create service clusterip web --tcp=80:8080 && \
         kubectl create service clusterip nginx --clusterip=None && \
         kubectl create pdb web --selector=app=nginx --min-available=0")?;
    let expected = "namespace/demo created\nservice/web created\nservice/nginx created\n\
                    poddisruptionbudget.policy/web created\n";
    ensure!(created == expected, "{created}");
    let port = run("kubectl get service web -o jsonpath='{.spec.ports[0].targetPort} {.spec.selector.app}'")?;
    ensure!(port == "8080 web", "{port}");
    let address = run("kubectl get service nginx -o jsonpath='{.spec.clusterIP}'")?;
    ensure!(address == "None", "{address}");
    let least = run("kubectl get pdb web -o jsonpath='{.spec.minAvailable}'")?;
    ensure!(least == "0", "{least}");
    let again = run("kubectl create namespace demo 2>&1 && exit 1 || true")?;
    ensure!(again.contains("namespaces \"demo\" already exists"), "{again}");
    run("kubectl delete namespace demo && kubectl delete service web nginx && kubectl delete pdb web")?;
    Ok(())
}

/// A server that listens on localhost alone, and says what it was asked.
const NEAR: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: near}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: near
    image: busybox:1
    command: [sh, -c, "mkdir /www && seq 200000 > /www/numbers && exec httpd -f -p 127.0.0.1:8080 -h /www"]
    readinessProbe: {exec: {command: [wget, -q, -O, /dev/null, "http://127.0.0.1:8080/numbers"]}, periodSeconds: 1}
"#;

#[test]
fn stock_kubectls_reach_into_pods() -> Result<()> {
    let mut world = World::start("reach")?;
    world.apply(NEAR)?;
    world.pods_ready(&["near"])?;
    for kubectl in kubectls_since("27")? {
        commands(&world, &kubectl).with_context(|| format!("commands with {}", kubectl.display()))?;
        copies(&world, &kubectl).with_context(|| format!("copies with {}", kubectl.display()))?;
        ports(&world, &kubectl).with_context(|| format!("ports with {}", kubectl.display()))?;
    }
    ports(&world, &built("petctl")?).context("ports with petctl")?;
    // Its probe may be at work just now.
    world.eventually("only the server and what asks it run", |world| {
        let left = world.petctl(&["exec", "near", "--", "ps", "-o", "comm"])?;
        let left: Vec<&str> = left.lines().filter(|name| !["COMMAND", "ps"].contains(name)).collect();
        ensure!(left == ["httpd", "runner"], "after all of that there run {left:?}");
        Ok(())
    })?;
    let sandbox = world.container("near", "POD", 0);
    world.eventually("only the sandbox's own program is left in it", |world| {
        let left = world.docker(&["top", &sandbox, "-o", "pid,args"])?;
        ensure!(left.lines().count() == 2 && !left.contains("forward"), "{left}");
        Ok(())
    })
}

/// Output, errors, input, exit codes, also by SPDY as kubectl speaks it up to 1.29.
fn commands(world: &World, kubectl: &Path) -> Result<()> {
    let said = world.shell_with(
        kubectl,
        "errors=$(mktemp); trap 'rm $errors' EXIT
        kubectl exec near -- sh -c 'echo out; echo err >&2; exit 7' 2> $errors && exit 1 || code=$?; cat $errors; echo $code",
    )?;
    ensure!(said == "out\nerr\ncommand terminated with exit code 7\n7\n", "{said}");
    let echoed =
        world.shell_with(kubectl, "seq 50000 | kubectl exec -i near -- cat | sha256sum; seq 50000 | sha256sum")?;
    let sums: Vec<&str> = echoed.lines().collect();
    ensure!(sums.len() == 2 && sums[0] == sums[1], "{echoed}");
    Ok(())
}

/// A file to the pod and back.
fn copies(world: &World, kubectl: &Path) -> Result<()> {
    let said = world.shell_with(
        kubectl,
        "scratch=$(mktemp -d); trap 'rm -rf $scratch' EXIT; cd $scratch; seq 300000 > there
        kubectl cp there near:/tmp/there; kubectl cp near:/tmp/there back > said 2>&1; cmp there back && echo same",
    )?;
    ensure!(said == "same\n", "{said}");
    Ok(())
}

/// Connections to a port, side by side; and to one where nobody listens.
fn ports(world: &World, kubectl: &Path) -> Result<()> {
    let script = r#"
        scratch=$(mktemp -d); cd $scratch
        kubectl port-forward pod/near :8080 :81 > said 2> errors & forward=$!
        trap 'kill $forward 2> kill || true; wait $forward || true; rm -rf $scratch' EXIT
        port() { sed -n "s/^Forwarding from 127.0.0.1:\([0-9]*\) -> $1\$/\1/p" said; }
        for i in $(seq 300); do [ -n "$(port 81)" ] && break; sleep 0.1; done
        for i in 1 2 3 4; do curl -sf "http://127.0.0.1:$(port 8080)/numbers" -o got$i & curls="${curls:-} $!"; done
        for curl in $curls; do wait $curl; done
        seq 200000 > wanted; for i in 1 2 3 4; do cmp wanted got$i; done
        curl -s --max-time 10 "http://127.0.0.1:$(port 81)/" && exit 1 || true
        for i in $(seq 100); do grep -q 'port 81' errors && break; sleep 0.1; done
        grep -o "nobody answers at port 81 of the pod's localhost" errors | head -n 1
    "#;
    let said = world.shell_with(kubectl, script)?;
    ensure!(said == "nobody answers at port 81 of the pod's localhost\n", "{said}");
    Ok(())
}

fn rollout(world: &World, kubectl: &Path) -> Result<()> {
    let run = |script: &str| world.shell_with(kubectl, script);
    let version = || run("kubectl get statefulset web -o jsonpath='{.spec.template.spec.containers[0].env[0].value}'");
    let rolled_out = || run("kubectl rollout status statefulset/web --timeout=60s");
    run(&format!("kubectl apply -f - <<'END'\n{SET}\nEND"))?;
    rolled_out()?;
    run("kubectl set env statefulset/web VERSION=2")?;
    let said = rolled_out()?;
    ensure!(said.contains("roll out complete: 2 new pods have been updated"), "{said}");
    let history = run("kubectl rollout history statefulset/web")?;
    let revisions: Vec<&str> = history.lines().filter_map(|line| line.split_whitespace().next()).collect();
    ensure!(revisions == ["statefulset.apps/web", "REVISION", "1", "2"], "{history}");
    let undone = run("kubectl rollout undo statefulset/web")?;
    ensure!(undone == "statefulset.apps/web rolled back\n", "{undone}");
    rolled_out()?;
    ensure!(version()? == "1", "after the rollback the version is {}", version()?);
    let restarted = run("kubectl rollout restart statefulset/web")?;
    ensure!(restarted == "statefulset.apps/web restarted\n", "{restarted}");
    rolled_out()?;
    let marks = run(
        "kubectl get pods -l app=web -o jsonpath='{.items[*].metadata.annotations.kubectl\\.kubernetes\\.io/restartedAt}'",
    )?;
    ensure!(marks.split_whitespace().count() == 2, "the pets were restarted at {marks:?}");
    let refused = run("kubectl rollout pause statefulset/web 2>&1 && exit 1 || true")?;
    ensure!(refused.contains("pausing is not supported"), "{refused}");
    Ok(())
}

fn drain(world: &mut World, kubectl: &Path) -> Result<()> {
    let node = world.shell_with(kubectl, "kubectl get nodes -o jsonpath='{.items[0].metadata.name}'")?;
    let uids =
        |world: &World| world.shell_with(kubectl, "kubectl get pods -l app=web -o jsonpath='{.items[*].metadata.uid}'");
    let before = uids(world)?;
    let held = world.shell_with(kubectl, &format!("kubectl drain {node} --timeout=5s 2>&1 && exit 1 || true"))?;
    ensure!(held.contains("Cannot evict pod as it would violate the pod's disruption budget"), "{held}");
    ensure!(uids(world)? == before, "the budget has let pets go");
    let nodes = world.shell_with(kubectl, "kubectl get nodes")?;
    ensure!(nodes.contains("SchedulingDisabled"), "{nodes}");

    world.shell_with(kubectl, "kubectl patch pdb web --type=merge -p '{\"spec\":{\"minAvailable\":0}}'")?;
    let drained = world.shell_with(kubectl, &format!("kubectl drain {node} --timeout=60s"))?;
    ensure!(drained.contains(&format!("node/{node} drained")), "{drained}");
    world.eventually("web-0 says that the node takes no pods", |world| {
        let described = world.shell_with(kubectl, "kubectl describe pod web-0")?;
        ensure!(described.contains("FailedScheduling") && described.contains("unschedulable"), "{described}");
        Ok(())
    })?;
    world.shell_with(kubectl, &format!("kubectl uncordon {node}"))?;
    world.pods_ready(&["web-0", "web-1"])?;

    world.shell_with(kubectl, &format!("kubectl taint nodes {node} keep=out:NoSchedule"))?;
    world.shell_with(kubectl, "kubectl delete pod web-1")?;
    world.eventually("web-1 says what it does not tolerate", |world| {
        let described = world.shell_with(kubectl, "kubectl describe pod web-1")?;
        ensure!(described.contains("untolerated taint"), "{described}");
        Ok(())
    })?;
    world.shell_with(kubectl, &format!("kubectl taint nodes {node} keep-"))?;
    world.pods_ready(&["web-0", "web-1"])
}

fn walk(world: &mut World, kubectl: &Path) -> Result<()> {
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

/// Two managers of one object, and one that goes over from client-side apply.
#[test]
fn stock_kubectls_apply_on_the_server() -> Result<()> {
    let world = World::start("ctlown")?;
    for kubectl in kubectls_since("27")? {
        owners(&world, &kubectl).with_context(|| format!("owners with {}", kubectl.display()))?;
        migration(&world, &kubectl).with_context(|| format!("migration with {}", kubectl.display()))?;
    }
    Ok(())
}

/// The script that gives a manifest to a command and then does something else.
fn given(command: &str, then: &str, manifest: &str) -> String {
    format!("{command} -f - <<'END' {then}\n{manifest}\nEND\n")
}

fn owners(world: &World, kubectl: &Path) -> Result<()> {
    let run = |script: &str| world.shell_with(kubectl, script);
    let manifest = |version: u8, metadata: &str| {
        format!(
            "apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: own{metadata}}}
spec:
  serviceName: own
  replicas: 0
  selector: {{matchLabels: {{app: own}}}}
  template:
    metadata: {{labels: {{app: own}}}}
    spec: {{containers: [{{name: pet, image: busybox:1, env: [{{name: VERSION, value: '{version}'}}]}}]}}"
        )
    };
    let apply = |options: &str, then: &str, manifest: &str| {
        run(&given(&format!("kubectl apply --server-side {options}"), then, manifest))
    };
    let field = |path: &str| run(&format!("kubectl get statefulset own -o jsonpath='{{{path}}}'"));
    let applied = "statefulset.apps/own serverside-applied\n";
    let (one, two) = (manifest(1, ", labels: {tier: db}"), manifest(2, ", labels: {tier: db}"));

    let said = apply("", "", &one)?;
    ensure!(said == applied, "{said}");
    let before = field(".metadata.resourceVersion")?;
    apply("", "", &one)?;
    ensure!(field(".metadata.resourceVersion")? == before, "the second time has changed the object");

    let refused = apply("--field-manager=other", "2>&1 && exit 1 || true", &two)?;
    ensure!(refused.contains("Apply failed with 1 conflict: conflict with \"kubectl\""), "{refused}");
    ensure!(refused.contains(".spec.template.spec.containers[name=\"pet\"].env[name=\"VERSION\"].value"), "{refused}");
    let said = apply("--field-manager=other --force-conflicts", "", &two)?;
    ensure!(said == applied, "{said}");
    let version = field(".spec.template.spec.containers[0].env[0].value")?;
    ensure!(version == "2", "{version}");

    // What a manager no longer says goes where nobody else says it.
    let bare = manifest(2, "");
    apply("", "", &bare)?;
    let label = field(".metadata.labels.tier")?;
    ensure!(label == "db", "the other still owns the label, which is {label:?}");
    apply("--field-manager=other", "", &bare)?;
    let label = field(".metadata.labels.tier")?;
    ensure!(label.is_empty(), "nobody owns the label, which is {label:?}");

    let hidden = run("kubectl get statefulset own -o yaml")?;
    ensure!(!hidden.contains("managedFields"), "{hidden}");
    let managers = field(".metadata.managedFields[*].manager")?;
    ensure!(managers == "kubectl other" || managers == "other kubectl", "{managers}");
    run("kubectl delete statefulset own").map(drop)
}

/// Client-side apply, and then the server's.
fn migration(world: &World, kubectl: &Path) -> Result<()> {
    let run = |script: &str| world.shell_with(kubectl, script);
    let manifest = |data: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: own}}\ndata: {{{data}}}");
    // Kubectls before 1.30 ask for OpenAPI in version 2 where they validate by themselves.
    run(&given("kubectl apply --validate=false", "", &manifest("x: '1', y: '1'")))?;
    let said = run(&given("kubectl apply --server-side", "", &manifest("x: '2'")))?;
    ensure!(said == "configmap/own serverside-applied\n", "{said}");
    let data = run("kubectl get configmap own -o jsonpath='{.data}'")?;
    ensure!(data == r#"{"x":"2"}"#, "what only the client had applied should be gone: {data}");
    let code = run(&given("kubectl diff --server-side", "> /dev/null && exit 2 || echo $?", &manifest("x: '3'")))?;
    ensure!(code == "1\n", "a difference is told by {code:?}");
    let same = run(&given("kubectl diff --server-side", "&& echo same", &manifest("x: '2'")))?;
    ensure!(same == "same\n", "{same}");
    run("kubectl delete configmap own").map(drop)
}
