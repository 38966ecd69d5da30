//! RabbitMQ: a quorum queue with a copy in every pet. Writes are messages that are confirmed; the management plugin says how the
//! cluster is.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use amqprs::channel::ConsumerMessage;
use anyhow::{Context, Result, ensure};
use petset_integration::World;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    amqp::Client,
    http,
    story::{Application, Pet, Reach, Session, exec, tell, words},
};

/// Of the management plugin.
const PORT: u16 = 15672;
const USER: &str = "app";
const PASSWORD: &str = "change-me";
const QUEUE: &str = "story";

#[derive(Clone, Copy)]
struct Rabbitmq;

/// What a pet's management plugin says.
fn ask(pet: IpAddr, path: &str) -> Result<Value> {
    Ok(serde_json::from_str(&http::get(SocketAddr::new(pet, PORT), path, Some((USER, PASSWORD)))?)?)
}

/// Names of nodes are `rabbit@rabbitmq-0.rabbitmq…`.
fn pet_of(node: &Value) -> &str {
    let node = node.as_str().unwrap_or_default();
    node.trim_start_matches("rabbit@").split('.').next().unwrap_or_default()
}

fn nodes(reach: &Reach) -> Result<Vec<Value>> {
    let nodes = ask(reach.pets[0].ip, "/api/nodes")?;
    Ok(nodes.as_array().context("a list")?.clone())
}

impl Application for Rabbitmq {
    fn name(&self) -> &'static str {
        "rabbitmq"
    }

    fn images(&self) -> &'static [&'static str] {
        &["rabbitmq:3.10-management"]
    }

    fn connect(&self, _reach: &Reach, pet: &Pet) -> Result<Box<dyn Session>> {
        let client = Client::connect(pet.ip, USER, PASSWORD)?;
        client.declare(QUEUE, "quorum")?;
        Ok(Box::new(Queue { client, look: None, seen: HashMap::new() }))
    }

    fn write_command(&self, host: &str, key: &str, value: &str) -> Vec<String> {
        let script = r#"
            set -e
            admin() { rabbitmqadmin -H "$0" -u app -p "$PASSWORD" "$@"; }
            admin declare queue name="$1" durable=true arguments='{"x-queue-type": "quorum"}'
            admin publish routing_key="$1" payload="$2""#;
        words(&["bash", "-c", script, host, key, value])
    }

    fn read_command(&self, host: &str, key: &str) -> Vec<String> {
        let script = r#"rabbitmqadmin -H "$0" -u app -p "$PASSWORD" get queue="$1" ackmode=ack_requeue_true"#;
        words(&["bash", "-c", script, host, key])
    }

    /// The pet with the queue's leader.
    fn leader(&self, reach: &Reach) -> Result<String> {
        let queue = ask(reach.pets[0].ip, &format!("/api/queues/%2F/{QUEUE}"))?;
        let leader = pet_of(&queue["leader"]);
        ensure!(reach.pets.iter().any(|pet| pet.name == leader), "{leader:?} leads");
        Ok(leader.to_owned())
    }

    fn is_whole(&self, reach: &Reach) -> Result<()> {
        for node in nodes(reach)? {
            let name = pet_of(&node["name"]);
            let is_wanted = reach.pets.iter().any(|pet| pet.name == name);
            ensure!(node["running"] == is_wanted, "{name} is running: {}", node["running"]);
            ensure!(!is_wanted || node["partitions"] == json!([]), "{name} is cut off from {}", node["partitions"]);
        }
        for pet in &reach.pets {
            let seen = ask(pet.ip, "/api/nodes")?;
            let running = seen.as_array().into_iter().flatten().filter(|node| node["running"] == true).count();
            ensure!(running == reach.pets.len(), "{} sees {running} running", pet.name);
        }
        Ok(())
    }

    /// Else the others would wait for the pet that left, when all of them start again.
    fn after_scaling_down(&self, world: &World, reach: &Reach) -> Result<()> {
        for node in nodes(reach)? {
            if !reach.pets.iter().any(|pet| pet.name == pet_of(&node["name"])) {
                let name = node["name"].as_str().unwrap_or_default();
                exec(world, &reach.pets[0].name, &words(&["rabbitmqctl", "forget_cluster_node", name]))?;
            }
        }
        Ok(())
    }

    fn change(&self) -> (&'static str, &'static str) {
        ("{name: MEMORY, value: 256MB}", "{name: MEMORY, value: 300MB}")
    }

    fn is_changed(&self, reach: &Reach, pet: &Pet) -> Result<()> {
        let nodes = nodes(reach)?;
        let node = nodes.iter().find(|node| pet_of(&node["name"]) == pet.name).context("it is in the cluster")?;
        ensure!(node["mem_limit"] == 300_000_000, "{} has {} bytes", pet.name, node["mem_limit"]);
        Ok(())
    }

    /// Another pet's copy of the queue takes over; and a machine with other work.
    fn pause_max(&self) -> Duration {
        Duration::from_secs(15)
    }
}

/// The queue of the story, through one pet.
struct Queue {
    client: Client,
    look: Option<UnboundedReceiver<ConsumerMessage>>,
    seen: HashMap<String, String>,
}

impl Session for Queue {
    /// Confirmed when a majority of the pets has it on disk.
    fn write(&mut self, key: &str, value: &str) -> Result<()> {
        self.client.publish(QUEUE, &format!("{key}={value}"))
    }

    /// Looks at one message after the other until it is this one. They stay in the queue.
    fn read(&mut self, key: &str) -> Result<Option<String>> {
        let look = match self.look.as_mut() {
            Some(look) => look,
            None => self.look.insert(self.client.look(QUEUE)?),
        };
        while !self.seen.contains_key(key) {
            let message = self.client.next(look).with_context(|| format!("{} messages were seen", self.seen.len()))?;
            let (of, value) = message.split_once('=').context("a key and a value")?;
            self.seen.insert(of.to_owned(), value.to_owned());
        }
        Ok(self.seen.get(key).cloned())
    }
}

#[test]
fn rabbitmq_keeps_every_confirmed_message() -> Result<()> {
    tell(Rabbitmq)
}
