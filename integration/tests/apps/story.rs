//! The story that each application has to live through, on one cluster and an engine of its own, which is restarted.
//!
//! To add an application: put its manifest into `examples/NAME/NAME.yaml` (a headless Service and one StatefulSet, both called
//! `NAME`), and recipes for its images into `integration/images/recipes`. Then write a file beside this one, and name it in `main.rs`: a
//! type that implements [`Application`], a [`Session`], and a test that calls [`tell`]. A session is a client's connection to
//! one pet; the host reaches pets by their addresses. Where a protocol is too much to write down, [`Reach::command`] gives a program inside
//! a pet's container, whose standard input and output a session can keep open. What a session's `write` returns
//! without an error counts as acknowledged, and each pet has to have it after each step: where the application promises less, let
//! `write` ask for more, and let the example's README say it. [`Application::is_whole`] is what a careful operator would look
//! at. All steps together have a few minutes: three pets, and the short timeouts in the manifest itself, for a reader wants them too.
//! `cargo nextest run -p petset-integration --test apps --no-capture` prints a line for each step.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use petset_integration::{Engine, World, dns::resolve, examples, succeed};
use serde_json::Value;

use crate::{bare, ledger::Writer};

/// petsetd is away for so long while clients write.
const DAEMON_AWAY: Duration = Duration::from_secs(10);

/// What a client may feel of petsetd's death: nothing. So long other work on the machine may hold it up, and who needs petsetd for a
/// write waits twice as long.
const DAEMON_PAUSE_MAX: Duration = Duration::from_secs(5);

/// Other work on the machine makes one failover so much longer than another.
const FAILOVERS_RATIO_MAX: u32 = 3;

/// What somebody does to a cluster.
pub(crate) type Deed = fn(&mut World, &Reach) -> Result<()>;

/// What a story has to know of an application.
pub(crate) trait Application: Copy + Send + Sync + 'static {
    /// The example's folder, its manifest, its set and its service.
    fn name(&self) -> &'static str;

    /// The images of the manifest, besides `busybox:1`.
    fn images(&self) -> &'static [&'static str];

    fn replicas(&self) -> usize {
        3
    }

    /// A client's connection to one pet. It gives up within seconds, for the pet may be gone.
    fn connect(&self, reach: &Reach, pet: &Pet) -> Result<Box<dyn Session>>;

    /// A command in a pet's container that writes through the pet of this name in DNS.
    fn write_command(&self, host: &str, key: &str, value: &str) -> Vec<String>;

    /// A command in a pet's container that prints, maybe among other things, what the pet of this name in DNS has for the key.
    fn read_command(&self, host: &str, key: &str) -> Vec<String>;

    /// The pet that leads; any one where all are equal.
    fn leader(&self, reach: &Reach) -> Result<String>;

    /// Whether exactly these pets are one healthy cluster, as the application itself says.
    fn is_whole(&self, reach: &Reach) -> Result<()>;

    /// What an operator does after the set was scaled down to these pets for good, if anything.
    fn after_scaling_down(&self, _world: &World, _reach: &Reach) -> Result<()> {
        Ok(())
    }

    /// What only this application's manifest can do, if anything: it is done, and then the cluster heals.
    fn and_also(&self) -> Option<(&'static str, Deed)> {
        None
    }

    /// A part of the manifest's template, and what it is replaced by.
    fn change(&self) -> (&'static str, &'static str);

    /// Whether the change has arrived in this pet.
    fn is_changed(&self, reach: &Reach, pet: &Pet) -> Result<()>;

    /// The longest time without an acknowledged write while the change is rolled out: the application's own failover. Where the
    /// story has seen longer ones, when the leader was lost, it may be a few times those.
    fn pause_max(&self) -> Duration;
}

/// A client's connection to one pet.
pub(crate) trait Session: Send {
    /// Returns when the write is acknowledged. After an error the session is not used again, and the write may be there or not.
    fn write(&mut self, key: &str, value: &str) -> Result<()>;
    fn read(&mut self, key: &str) -> Result<Option<String>>;
}

/// A pet and its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pet {
    pub(crate) name: String,
    pub(crate) ip: IpAddr,
}

/// The pets of a cluster, in order, and how to come to them.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub(crate) pets: Vec<Pet>,
    engine: String,
    instance: String,
}

impl Reach {
    /// A program in a pet's running container, with standard input. It needs no daemon of ours.
    pub(crate) fn command(&self, pet: &str, container: &str, program: &[&str]) -> Result<Command> {
        let mut docker = Command::new("docker");
        docker.args(["ps", "--quiet", "--filter", &format!("label=petset.io/instance={}", self.instance)]);
        docker.args(["--filter", &format!("label=petset.io/pod={pet}")]);
        docker.args(["--filter", &format!("label=petset.io/container={container}")]).env("DOCKER_HOST", &self.engine);
        let id = succeed("docker ps", &docker.output()?)?;
        ensure!(!id.trim().is_empty(), "no container {container} of {pet} runs");
        let mut docker = Command::new("docker");
        docker.args(["exec", "--interactive", id.trim()]).args(program).env("DOCKER_HOST", &self.engine);
        Ok(docker)
    }
}

/// A command's words.
pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Tells an application's story.
pub(crate) fn tell(app: impl Application) -> Result<()> {
    let began = Instant::now();
    let engine = Engine::start_with(app.images())?;
    let short: String = app.name().chars().filter(char::is_ascii_alphanumeric).take(9).collect();
    let world = World::start_on(&short, engine.address())?;
    let reach = Reach { pets: vec![], engine: engine.address().to_owned(), instance: world.instance().to_owned() };
    println!("{}: the engine has its images after {:.1} s", app.name(), began.elapsed().as_secs_f64());
    let mut story = Story { app, world, reach, writer: None, failover: Duration::ZERO, engine };
    story.step("the cluster forms by itself, in order", Story::forms)?;
    story.step("the same containers by hand", Story::bare)?;
    story.step("what is written through one pet is read through another, by their names", Story::by_name)?;
    story.writer = Some(Writer::start(app, story.reach.clone()));
    story.step("a pet's container is killed", |story| story.kill_container(1))?;
    story.step("a pet is deleted", |story| story.delete_pet(1))?;
    story.step("the pet that leads is deleted", |story| story.fails_over(|story| story.delete_pet(0)))?;
    story.step("the container of the pet that leads is killed", |story| {
        story.fails_over(|story| story.kill_container(0))
    })?;
    story.step("petsetd is killed", Story::kill_daemon)?;
    story.step("the engine is restarted", Story::restart_engine)?;
    story.step("all pets are killed together", Story::kill_all)?;
    story.step("all pets are deleted together", Story::delete_all)?;
    story.step("a pet joins, leaves, and joins again with its volume", Story::scale)?;
    if let Some((what, act)) = app.and_also() {
        story.step(what, |story| act(&mut story.world, &story.reach).and_then(|()| story.heals()))?;
    }
    story.step("a change is rolled out, one pet at a time", Story::roll_out)?;
    story.step("every write of the story is in every pet", |story| story.all_is_there(true))?;
    println!(
        "{}: {} acknowledged writes, all of them there; {:.1} s in all",
        app.name(),
        story.writer()?.count(),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

/// One cluster, and who writes to it. Fields go in order: the client first, the engine last.
struct Story<A: Application> {
    app: A,
    writer: Option<Writer>,
    /// The longest pause of writes so far after a leader was lost.
    failover: Duration,
    world: World,
    reach: Reach,
    engine: Engine,
}

impl<A: Application> Story<A> {
    fn step(&mut self, what: &str, act: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let began = Instant::now();
        act(self).with_context(|| format!("{}: {what}", self.app.name()))?;
        let pause = self.writer.as_ref().map(|writer| {
            format!(", longest pause {:.1} s, {} writes", writer.longest_pause(began).as_secs_f64(), writer.count())
        });
        let (name, seconds) = (self.app.name(), began.elapsed().as_secs_f64());
        println!("{name}: {what}: {seconds:.1} s{}", pause.unwrap_or_default());
        Ok(())
    }

    fn writer(&mut self) -> Result<&mut Writer> {
        self.writer.as_mut().context("somebody writes")
    }

    fn names(&self, replicas: usize) -> Vec<String> {
        (0..replicas).map(|ordinal| format!("{}-{ordinal}", self.app.name())).collect()
    }

    fn manifest(&self) -> Result<String> {
        let name = self.app.name();
        Ok(std::fs::read_to_string(examples().join(name).join(format!("{name}.yaml")))?)
    }

    fn forms(&mut self) -> Result<()> {
        let manifest = self.manifest()?;
        let began = Instant::now();
        self.world.apply(&manifest)?;
        self.ready(self.app.replicas())?;
        self.reach.pets = self.pets()?;
        let ready = began.elapsed();
        self.whole()?;
        // Parallel pets wait for nobody, and are made in order all the same.
        let made = if bare::is_parallel(&self.world, self.app.name())? { self.creations()? } else { self.starts()? };
        ensure!(made.is_sorted(), "not in order: {made:?}");
        println!(
            "{}: all pets Ready after {:.1} s, one cluster after {:.1} s",
            self.app.name(),
            ready.as_secs_f64(),
            began.elapsed().as_secs_f64()
        );
        Ok(())
    }

    fn bare(&mut self) -> Result<()> {
        let names = self.names(self.app.replicas());
        let took = bare::time(&self.world, &names, self.app.name())?;
        println!("{}: docker alone has them after {:.1} s", self.app.name(), took.as_secs_f64());
        Ok(())
    }

    fn by_name(&mut self) -> Result<()> {
        let (first, last) = (self.reach.pets[0].name.clone(), self.reach.pets[self.app.replicas() - 1].name.clone());
        let (app, service) = (self.app, self.app.name());
        self.world.eventually("a write by name", |world| {
            exec(world, &last, &app.write_command(&format!("{first}.{service}"), "greeting", "hello-from-afar"))
        })?;
        self.world.eventually("it is read by name", |world| {
            let read = exec(world, &first, &app.read_command(&format!("{last}.{service}"), "greeting"))?;
            ensure!(read.contains("hello-from-afar"), "{last} has {read:?}");
            Ok(())
        })
    }

    /// Kills the container of the leader (0), or of another pet.
    fn kill_container(&mut self, which: usize) -> Result<()> {
        let pet = self.choose(which)?;
        let before = container(&self.world, &pet)?;
        self.world.docker(&["kill", "--signal", "KILL", &before])?;
        self.world.eventually(&format!("{pet} has another container"), |world| {
            ensure!(container(world, &pet)? != before, "it has the one that was killed");
            Ok(())
        })?;
        self.heals()
    }

    /// Deletes the leader (0), or another pet.
    fn delete_pet(&mut self, which: usize) -> Result<()> {
        let pet = self.choose(which)?;
        let uid =
            |world: &World| Ok::<Value, anyhow::Error>(world.json(&["get", "pod", &pet])?["metadata"]["uid"].clone());
        let before = uid(&self.world)?;
        self.world.petctl(&["delete", "pod", &pet])?;
        self.world.eventually(&format!("{pet} is another pod"), |world| {
            ensure!(uid(world)? != before, "it is the one that was deleted");
            Ok(())
        })?;
        self.heals()
    }

    /// Loses the leader, and remembers how long nothing was acknowledged.
    fn fails_over(&mut self, lose: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let began = Instant::now();
        lose(self)?;
        self.failover = self.failover.max(self.writer()?.longest_pause(began));
        Ok(())
    }

    fn kill_daemon(&mut self) -> Result<()> {
        let (began, before) = (Instant::now(), self.world.container_ids()?);
        self.world.stop_daemon(Signal::SIGKILL)?;
        thread::sleep(DAEMON_AWAY);
        self.world.start_daemon()?;
        self.heals()?;
        ensure!(self.world.container_ids()? == before, "containers were restarted");
        let pause = self.writer()?.longest_pause(began);
        ensure!(pause < DAEMON_PAUSE_MAX, "clients felt it for {pause:?}");
        Ok(())
    }

    fn restart_engine(&mut self) -> Result<()> {
        let before = self.world.container_ids()?;
        self.engine.restart()?;
        self.all_are_others(&before)?;
        self.heals()
    }

    /// As a power cut does: nobody can hand over to anybody.
    fn kill_all(&mut self) -> Result<()> {
        let before = self.world.container_ids()?;
        let ids = before.iter().map(|(_, id)| id.trim_start_matches("docker://"));
        self.world.docker(&["kill", "--signal", "KILL"].into_iter().chain(ids).collect::<Vec<_>>())?;
        self.all_are_others(&before)?;
        self.heals()
    }

    /// Each is told to end while the others do.
    fn delete_all(&mut self) -> Result<()> {
        let before = self.world.container_ids()?;
        let names = self.reach.pets.iter().map(|pet| pet.name.as_str());
        self.world.petctl(&["delete", "pod"].into_iter().chain(names).collect::<Vec<_>>())?;
        self.all_are_others(&before)?;
        self.heals()
    }

    /// Waits until there are as many containers as before, and none of them.
    fn all_are_others(&mut self, before: &[(String, String)]) -> Result<()> {
        self.world.eventually("every container is another one", |world| {
            let now = world.container_ids()?;
            ensure!(
                now.len() == before.len() && now.iter().all(|id| !before.contains(id)),
                "{before:?} became {now:?}"
            );
            Ok(())
        })
    }

    fn scale(&mut self) -> Result<()> {
        let (few, many) = (self.app.replicas(), self.app.replicas() + 1);
        self.scale_to(many)?;
        let claims = self.claims()?;
        ensure!(claims.len() >= many, "{many} pets have the claims {claims:?}");
        self.scale_to(few)?;
        ensure!(self.claims()? == claims, "claims changed when the set was scaled down");
        self.scale_to(many)?;
        ensure!(self.claims()? == claims, "a pet that came again has another volume");
        self.scale_to(few)?;
        self.app.after_scaling_down(&self.world, &self.reach)?;
        self.heals()
    }

    /// Waits until so many pets are one cluster, and each of them has every write.
    fn scale_to(&mut self, replicas: usize) -> Result<()> {
        let set = format!("statefulset/{}", self.app.name());
        self.world.petctl(&["scale", &set, &format!("--replicas={replicas}")])?;
        self.ready(replicas)?;
        self.reach.pets = self.pets()?;
        self.whole()?;
        self.goes_on()?;
        self.all_is_there(true)
    }

    fn roll_out(&mut self) -> Result<()> {
        let (from, to) = self.app.change();
        let (manifest, set) = (self.manifest()?, format!("statefulset/{}", self.app.name()));
        ensure!(manifest.matches(from).count() == 1, "{from:?} is not once in the manifest");
        let began = Instant::now();
        self.world.apply(&manifest.replace(from, to))?;
        let replicas = self.app.replicas();
        // Each pet may take its time.
        for count in 1..=replicas {
            self.world.eventually(&format!("{count} pets are of the new revision"), |world| {
                let found = world.json(&["get", &set])?;
                let is_seen = found["status"]["observedGeneration"] == found["metadata"]["generation"];
                let updated = found["status"]["updatedReplicas"].as_u64();
                ensure!(is_seen && updated >= Some(u64::try_from(count)?), "{}", found["status"]);
                Ok(())
            })?;
        }
        self.world.eventually("the change is rolled out", |world| {
            let status = world.json(&["get", &set])?["status"].clone();
            let is_new = status["updatedReplicas"] == replicas && status["currentRevision"] == status["updateRevision"];
            ensure!(is_new && status["readyReplicas"] == replicas, "{status}");
            Ok(())
        })?;
        self.heals()?;
        for pet in &self.reach.pets {
            self.app.is_changed(&self.reach, pet)?;
        }
        let starts = self.starts()?;
        ensure!(starts.iter().rev().is_sorted(), "not from the highest ordinal down: {starts:?}");
        let pause = self.writer()?.longest_pause(began);
        let pause_max = self.app.pause_max().max(self.failover * FAILOVERS_RATIO_MAX);
        ensure!(pause <= pause_max, "no write was acknowledged for {pause:?}, and a failover took {:?}", self.failover);
        Ok(())
    }

    /// The pets are as before, with their names and addresses, and one cluster, which has lost nothing and takes writes.
    fn heals(&mut self) -> Result<()> {
        self.ready(self.app.replicas())?;
        let (before, now) = (self.reach.pets.clone(), self.pets()?);
        ensure!(now == before, "there were {before:?} and are {now:?}");
        for pet in &now {
            let name = format!("{}.{}.default.svc.cluster.local", pet.name, self.app.name());
            self.world.eventually(&format!("{name} leads to {}", pet.ip), |world| {
                let found = resolve(world.dns()?, &name)?;
                ensure!(found == [pet.ip], "it leads to {found:?}");
                Ok(())
            })?;
        }
        self.whole()?;
        self.goes_on()?;
        self.all_is_there(false)
    }

    fn ready(&mut self, replicas: usize) -> Result<()> {
        let names = self.names(replicas);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.world.pods_ready(&names)
    }

    fn whole(&mut self) -> Result<()> {
        let (app, reach) = (self.app, &self.reach);
        self.world.eventually("the pets are one cluster", |_| app.is_whole(reach))
    }

    fn goes_on(&mut self) -> Result<()> {
        let now = Instant::now();
        let writer = self.writer.as_ref().context("somebody writes")?;
        self.world.eventually("writes are acknowledged", |_| writer.goes_on_after(now))
    }

    /// Whether every acknowledged write is in every pet; what was found before is looked for `again`, or not.
    fn all_is_there(&mut self, again: bool) -> Result<()> {
        let (app, reach) = (self.app, &self.reach);
        let writer = self.writer.as_mut().context("somebody writes")?;
        self.world.eventually("every acknowledged write is there", |_| writer.all_is_there(&app, reach, again))
    }

    fn choose(&mut self, which: usize) -> Result<String> {
        let (app, reach) = (self.app, &self.reach);
        let leader = self.world.eventually("somebody leads", |_| app.leader(reach))?;
        if which == 0 {
            return Ok(leader);
        }
        let mut others = self.reach.pets.iter().filter(|pet| pet.name != leader);
        Ok(others.next_back().context("there are others")?.name.clone())
    }

    /// The pets and their addresses, in order.
    fn pets(&self) -> Result<Vec<Pet>> {
        let pods = self.world.json(&["get", "pods"])?;
        let pet = |pod: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let ip =
                text(&pod["status"]["podIP"]).parse().with_context(|| format!("the address of {}", pod["metadata"]))?;
            Ok(Pet { name: text(&pod["metadata"]["name"]), ip })
        };
        pods["items"].as_array().context("a list")?.iter().map(pet).collect()
    }

    /// When the first container of each pet was started, in seconds.
    fn starts(&self) -> Result<Vec<String>> {
        let pods = self.world.json(&["get", "pods"])?;
        let started = |pod: &Value| {
            pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"].as_str().map(str::to_owned)
        };
        pods["items"].as_array().context("a list")?.iter().map(|pod| started(pod).context("it runs")).collect()
    }

    /// When each pet was made, in seconds.
    fn creations(&self) -> Result<Vec<String>> {
        let pods = self.world.json(&["get", "pods"])?;
        let made = |pod: &Value| pod["metadata"]["creationTimestamp"].as_str().map(str::to_owned);
        pods["items"].as_array().context("a list")?.iter().map(|pod| made(pod).context("it was made")).collect()
    }

    /// The claims, and the volume of each.
    fn claims(&self) -> Result<BTreeMap<String, String>> {
        let claims = self.world.json(&["get", "pvc"])?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let claims = claims["items"].as_array().context("a list")?.iter();
        Ok(claims.map(|claim| (text(&claim["metadata"]["name"]), text(&claim["spec"]["volumeName"]))).collect())
    }
}

/// What a command in a pet printed.
pub(crate) fn exec(world: &World, pet: &str, command: &[String]) -> Result<String> {
    let args: Vec<&str> = ["exec", pet, "--"].into_iter().chain(command.iter().map(String::as_str)).collect();
    world.petctl(&args)
}

/// The id of a pet's first container, as Docker knows it.
fn container(world: &World, pet: &str) -> Result<String> {
    let pod = world.json(&["get", "pod", pet])?;
    let id = pod["status"]["containerStatuses"][0]["containerID"].as_str().context("a container")?;
    Ok(id.trim_start_matches("docker://").to_owned())
}
