//! Redis: pet 0 is the master, the others follow it.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};

use crate::{
    resp::Connection,
    story::{Application, Pet, Reach, Session, tell, words},
};

const PORT: u16 = 6379;

#[derive(Clone, Copy)]
struct Redis;

impl Application for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn images(&self) -> &'static [&'static str] {
        &["redis:7"]
    }

    fn connect(&self, _reach: &Reach, pet: &Pet) -> Result<Box<dyn Session>> {
        Ok(Box::new(Connection::open(SocketAddr::new(pet.ip, PORT))?))
    }

    fn write_command(&self, host: &str, key: &str, value: &str) -> Vec<String> {
        words(&["redis-cli", "-e", "-h", host, "set", key, value])
    }

    fn read_command(&self, host: &str, key: &str) -> Vec<String> {
        words(&["redis-cli", "-e", "-h", host, "get", key])
    }

    fn leader(&self, reach: &Reach) -> Result<String> {
        Ok(reach.pets[0].name.clone())
    }

    fn is_whole(&self, reach: &Reach) -> Result<()> {
        for (ordinal, pet) in reach.pets.iter().enumerate() {
            let mut redis = Connection::open(SocketAddr::new(pet.ip, PORT))?;
            if ordinal == 0 {
                let followers = redis.info("replication", "connected_slaves")?;
                ensure!(followers == (reach.pets.len() - 1).to_string(), "{} has {followers} followers", pet.name);
            } else {
                let master = redis.info("replication", "master_host")?;
                let link = redis.info("replication", "master_link_status")?;
                ensure!(master == "redis-0.redis" && link == "up", "{} follows {master}: {link}", pet.name);
            }
        }
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

    /// Nobody takes over: as long as one start of pet 0 takes, and a machine with other work.
    fn pause_max(&self) -> Duration {
        Duration::from_secs(10)
    }
}

impl Session for Connection {
    fn write(&mut self, key: &str, value: &str) -> Result<()> {
        let answer = self.ask(&["SET", key, value])?;
        ensure!(answer.as_deref() == Some("OK"), "{answer:?}");
        Ok(())
    }

    fn read(&mut self, key: &str) -> Result<Option<String>> {
        self.ask(&["GET", key])
    }
}

#[test]
fn redis_with_followers_keeps_every_acknowledged_write() -> Result<()> {
    tell(Redis)
}
