//! The same containers by hand: what a script with nothing but `docker run` would take.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use petset_integration::{PATIENCE, World};
use serde_json::Value;

use crate::http;

/// A script would look as often.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The time in which Docker alone has these pets: their images, commands, environments and fresh volumes, each pet when the
/// readiness probe of the one before says yes, or all together where the set is `Parallel`. Names are aliases on one
/// network. All of it is taken away again.
pub(crate) fn time(world: &World, pets: &[String], service: &str) -> Result<Duration> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut hand = Hand { world, service, containers: vec![], volumes: BTreeMap::new() };
    // A bridge of this name is one that the tests' engines let traffic through, also one that makes no rules for its networks.
    let count = COUNT.fetch_add(1, Ordering::SeqCst);
    let bridge = format!("com.docker.network.bridge.name=pets-b{:x}-{count}", std::process::id());
    world.docker(&["network", "create", "--opt", &bridge, &hand.network()])?;
    let began = Instant::now();
    if is_parallel(world, service)? {
        pets.iter().try_for_each(|pet| hand.start(pet))?;
        pets.iter().try_for_each(|pet| hand.wait(pet))?;
    } else {
        pets.iter().try_for_each(|pet| hand.start(pet).and_then(|()| hand.wait(pet)))?;
    }
    Ok(began.elapsed())
}

/// Whether the pets of a set wait for nobody.
pub(crate) fn is_parallel(world: &World, set: &str) -> Result<bool> {
    Ok(world.json(&["get", "statefulset", set])?["spec"]["podManagementPolicy"] == "Parallel")
}

/// The names of a pod's containers of one kind.
fn names(pod: &Value, kind: &str) -> Vec<String> {
    let containers = pod["spec"][kind].as_array().into_iter().flatten();
    containers.map(|container| container["name"].as_str().unwrap_or_default().to_owned()).collect()
}

struct Hand<'w> {
    world: &'w World,
    service: &'w str,
    containers: Vec<String>,
    /// For each source of a mount of a pet the volume that stands for it.
    volumes: BTreeMap<String, String>,
}

impl Hand<'_> {
    fn network(&self) -> String {
        format!("bare-{}", self.world.instance())
    }

    fn start(&mut self, pet: &str) -> Result<()> {
        let pod = self.world.json(&["get", "pod", pet])?;
        for container in names(&pod, "initContainers") {
            self.run(pet, &container, &["--attach", "stdout", "--attach", "stderr"])?;
        }
        for container in names(&pod, "containers") {
            // Pods have their containers started again, and so has whoever writes such a script.
            self.run(pet, &container, &["--detach", "--restart", "on-failure"])?;
        }
        Ok(())
    }

    /// Waits until the readiness probe of a pet's first container says yes.
    fn wait(&self, pet: &str) -> Result<()> {
        let pod = self.world.json(&["get", "pod", pet])?;
        let container = names(&pod, "containers").into_iter().next().context("a container")?;
        let name = self.name(pet, &container);
        let since = Instant::now();
        while let Err(error) = self.probe(&name, &pod["spec"]["containers"][0]) {
            let last = || self.world.last_words(&name);
            ensure!(since.elapsed() < PATIENCE, "{pet} is not ready by hand: {error:#}\n{}", last());
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    fn probe(&self, name: &str, container: &Value) -> Result<()> {
        let probe = &container["readinessProbe"];
        if let Some(command) = probe["exec"]["command"].as_array() {
            let command: Vec<&str> =
                ["exec", name].into_iter().chain(command.iter().filter_map(Value::as_str)).collect();
            return self.world.docker(&command).map(|_| ());
        }
        let path = probe["httpGet"]["path"].as_str().context("a probe that is a command or asks for a path")?;
        let port =
            container["ports"].as_array().into_iter().flatten().find(|port| port["name"] == probe["httpGet"]["port"]);
        let port = port.and_then(|port| port["containerPort"].as_u64()).context("a named port")?;
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let ip = self.world.docker(&["inspect", "--format", format, name])?;
        http::get(SocketAddr::new(ip.trim().parse()?, u16::try_from(port)?), path, None).map(|_| ())
    }

    fn name(&self, pet: &str, container: &str) -> String {
        format!("{}-{pet}-{container}", self.network())
    }

    /// Runs what a pet's container runs, as Docker tells it.
    fn run(&mut self, pet: &str, container: &str, how: &[&str]) -> Result<()> {
        let said = self.world.docker(&["inspect", &self.world.container(pet, container, 0)])?;
        let it: Value = serde_json::from_str::<Value>(&said)?[0].clone();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| -> Vec<String> { value.as_array().into_iter().flatten().map(text).collect() };
        let name = self.name(pet, container);
        let mut args: Vec<String> = vec!["run".into(), "--name".into(), name.clone()];
        args.extend(how.iter().map(|word| (*word).to_owned()));
        let alias = format!("{pet}.{}", self.service);
        for (option, value) in [
            ("--hostname", pet.to_owned()),
            ("--network", self.network()),
            ("--network-alias", format!("{alias}.default.svc.cluster.local")),
            ("--network-alias", alias),
            ("--network-alias", self.service.to_owned()),
            // Nobody is asked for names that are not there yet: a host's resolvers may take their time to say no.
            ("--dns", "127.0.0.1".to_owned()),
        ] {
            args.extend([option.to_owned(), value]);
        }
        for variable in list(&it["Config"]["Env"]) {
            args.extend(["--env".to_owned(), variable]);
        }
        for mount in it["Mounts"].as_array().into_iter().flatten() {
            let target = text(&mount["Destination"]);
            if !target.starts_with("/etc/") && !target.starts_with("/dev/") && mount["RW"] == true {
                // An application that begins tells it by the empty volume, also where the image has something there.
                let volume = self.volume(&text(&mount["Source"]));
                args.extend(["--volume".to_owned(), format!("{volume}:{target}:nocopy")]);
            }
        }
        let mut words = list(&it["Config"]["Entrypoint"]);
        words.extend(list(&it["Config"]["Cmd"]));
        let (program, rest) = words.split_first().context("a command")?;
        args.extend(["--entrypoint".to_owned(), program.clone(), text(&it["Config"]["Image"])]);
        args.extend(rest.iter().cloned());
        self.containers.push(name);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.world.docker(&args).map(|_| ())
    }

    fn volume(&mut self, source: &str) -> String {
        let name = format!("{}-{}", self.network(), self.volumes.len());
        self.volumes.entry(source.to_owned()).or_insert(name).clone()
    }
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        let remove = |first: &[&str], names: &[&str]| {
            if !names.is_empty() {
                drop(self.world.docker(&[first, names].concat()));
            }
        };
        remove(&["rm", "--force"], &self.containers.iter().map(String::as_str).collect::<Vec<_>>());
        remove(&["volume", "rm"], &self.volumes.values().map(String::as_str).collect::<Vec<_>>());
        remove(&["network", "rm"], &[&self.network()]);
    }
}
