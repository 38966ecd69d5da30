//! Redis Cluster: six pets, three shards, nobody above them.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::SocketAddr,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    resp::Connection,
    story::{Application, Pet, Reach, Session, tell, words},
};

const PORT: u16 = 6379;

/// A client follows so many redirections, as the clients of Redis do.
const REDIRECTIONS_MAX: usize = 5;

#[derive(Clone, Copy)]
struct RedisCluster;

impl Application for RedisCluster {
    fn name(&self) -> &'static str {
        "redis-cluster"
    }

    fn images(&self) -> &'static [&'static str] {
        &["redis:7"]
    }

    fn replicas(&self) -> usize {
        6
    }

    fn connect(&self, _reach: &Reach, pet: &Pet) -> Result<Box<dyn Session>> {
        let first = SocketAddr::new(pet.ip, PORT);
        let connections = BTreeMap::from([(first, Connection::open(first)?)]);
        Ok(Box::new(Client { first, connections }))
    }

    fn write_command(&self, host: &str, key: &str, value: &str) -> Vec<String> {
        words(&["redis-cli", "-e", "-c", "-h", host, "set", key, value])
    }

    fn read_command(&self, host: &str, key: &str) -> Vec<String> {
        words(&["redis-cli", "-e", "-c", "-h", host, "get", key])
    }

    /// Each shard has its own: the master of the first one that has one.
    fn leader(&self, reach: &Reach) -> Result<String> {
        for pet in &reach.pets {
            if Connection::open(SocketAddr::new(pet.ip, PORT))?.info("replication", "role")? == "master" {
                return Ok(pet.name.clone());
            }
        }
        bail!("no pet is a master")
    }

    fn is_whole(&self, reach: &Reach) -> Result<()> {
        let mut masters = 0;
        for pet in &reach.pets {
            let mut redis = Connection::open(SocketAddr::new(pet.ip, PORT))?;
            let said = redis.ask(&["CLUSTER", "INFO"])?.unwrap_or_default();
            for wanted in ["cluster_state:ok", "cluster_slots_ok:16384", "cluster_size:3"] {
                ensure!(said.lines().any(|line| line == wanted), "{} does not say {wanted}: {said}", pet.name);
            }
            if redis.info("replication", "role")? == "master" {
                masters += 1;
            } else {
                let link = redis.info("replication", "master_link_status")?;
                ensure!(link == "up", "the link of {} is {link}", pet.name);
            }
        }
        ensure!(masters == 3, "there are {masters} masters");
        Ok(())
    }

    fn change(&self) -> (&'static str, &'static str) {
        ("{name: MAXMEMORY, value: 64mb}", "{name: MAXMEMORY, value: 96mb}")
    }

    fn is_changed(&self, _reach: &Reach, pet: &Pet) -> Result<()> {
        let memory = Connection::open(SocketAddr::new(pet.ip, PORT))?.info("memory", "maxmemory")?;
        ensure!(memory == (96 << 20).to_string(), "{} has {memory} bytes", pet.name);
        Ok(())
    }

    /// `cluster-node-timeout` of two seconds until a master is missed, and as much until a follower has been elected.
    fn pause_max(&self) -> Duration {
        Duration::from_secs(8)
    }
}

/// A client as libraries have it: it begins at one pet and goes where it is sent.
struct Client {
    first: SocketAddr,
    connections: BTreeMap<SocketAddr, Connection>,
}

impl Client {
    /// Says a command where its key is, and returns the answer with the connection that gave it.
    fn ask(&mut self, command: &[&str]) -> Result<(Option<String>, &mut Connection)> {
        let mut at = self.first;
        for _ in 0..REDIRECTIONS_MAX {
            let connection = match self.connections.entry(at) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => free.insert(Connection::open(at)?),
            };
            match connection.ask(command) {
                Ok(answer) => return Ok((answer, self.connections.get_mut(&at).context("just used")?)),
                Err(error) => {
                    let error = error.to_string();
                    let Some(moved) = error.strip_prefix("MOVED ") else { bail!("{at}: {error}") };
                    at = moved.split(' ').nth(1).context("an address")?.parse()?;
                }
            }
        }
        bail!("sent from one to another for {command:?}")
    }
}

impl Session for Client {
    /// Acknowledged is what a follower has as well.
    fn write(&mut self, key: &str, value: &str) -> Result<()> {
        let (_, master) = self.ask(&["SET", key, value])?;
        let followers = master.ask(&["WAIT", "1", "1000"])?.unwrap_or_default();
        ensure!(followers.parse::<u32>()? >= 1, "no follower has {key} yet");
        Ok(())
    }

    fn read(&mut self, key: &str) -> Result<Option<String>> {
        Ok(self.ask(&["GET", key])?.0)
    }
}

#[test]
fn redis_cluster_forms_by_itself_and_keeps_every_write_that_a_follower_has() -> Result<()> {
    tell(RedisCluster)
}
