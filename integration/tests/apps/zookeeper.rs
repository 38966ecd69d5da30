//! ZooKeeper: three pets vote, a fourth observes.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    jute::Connection,
    story::{Application, Pet, Reach, Session, tell, words},
};

const PORT: u16 = 2181;

/// So many pets vote.
const VOTERS: usize = 3;

const ANSWER_WITHIN: Duration = Duration::from_secs(2);

#[derive(Clone, Copy)]
struct ZooKeeper;

impl Application for ZooKeeper {
    fn name(&self) -> &'static str {
        "zookeeper"
    }

    fn images(&self) -> &'static [&'static str] {
        &["zookeeper:3.8"]
    }

    fn connect(&self, _reach: &Reach, pet: &Pet) -> Result<Box<dyn Session>> {
        let connection = Connection::open(SocketAddr::new(pet.ip, PORT))?;
        Ok(Box::new(Client { connection, is_synced: false }))
    }

    fn write_command(&self, host: &str, key: &str, value: &str) -> Vec<String> {
        words(&["zkCli.sh", "-server", &format!("{host}:{PORT}"), "create", &format!("/{key}"), value])
    }

    fn read_command(&self, host: &str, key: &str) -> Vec<String> {
        words(&["zkCli.sh", "-server", &format!("{host}:{PORT}"), "get", &format!("/{key}")])
    }

    fn leader(&self, reach: &Reach) -> Result<String> {
        let leads = |pet: &&Pet| mode(pet).is_ok_and(|mode| mode == "leader");
        Ok(reach.pets.iter().find(leads).context("nobody leads")?.name.clone())
    }

    fn is_whole(&self, reach: &Reach) -> Result<()> {
        let modes = reach.pets.iter().map(mode).collect::<Result<Vec<String>>>()?;
        let (voters, others) = modes.split_at(VOTERS.min(modes.len()));
        let leaders = voters.iter().filter(|mode| *mode == "leader").count();
        let followers = voters.iter().filter(|mode| *mode == "follower").count();
        ensure!(leaders == 1 && followers == VOTERS - 1, "the voters are {voters:?}");
        ensure!(others.iter().all(|mode| mode == "observer"), "the others are {others:?}");
        Ok(())
    }

    fn change(&self) -> (&'static str, &'static str) {
        ("{name: ZOO_MAX_CLIENT_CNXNS, value: \"60\"}", "{name: ZOO_MAX_CLIENT_CNXNS, value: \"80\"}")
    }

    fn is_changed(&self, _reach: &Reach, pet: &Pet) -> Result<()> {
        let told = four_letters(pet, "conf")?;
        ensure!(told.lines().any(|line| line == "maxClientCnxns=80"), "{} has {told}", pet.name);
        Ok(())
    }

    /// The voters elect among themselves as soon as the leader's connections break, and clients find a server by trying.
    fn pause_max(&self) -> Duration {
        Duration::from_secs(10)
    }
}

struct Client {
    connection: Connection,
    is_synced: bool,
}

impl Session for Client {
    fn write(&mut self, key: &str, value: &str) -> Result<()> {
        self.connection.create(&format!("/{key}"), value)
    }

    fn read(&mut self, key: &str) -> Result<Option<String>> {
        // A server answers from what it has: only after this it has all that was acknowledged before.
        if !self.is_synced {
            self.connection.sync()?;
            self.is_synced = true;
        }
        self.connection.get(&format!("/{key}"))
    }
}

/// What a server does in its ensemble: `leader`, `follower` or `observer`.
fn mode(pet: &Pet) -> Result<String> {
    let told = four_letters(pet, "srvr")?;
    let mode = told.lines().find_map(|line| line.strip_prefix("Mode: "));
    Ok(mode.with_context(|| format!("{} says {told:?}", pet.name))?.to_owned())
}

fn four_letters(pet: &Pet, word: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::new(pet.ip, PORT), ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.write_all(word.as_bytes())?;
    let mut told = String::new();
    stream.read_to_string(&mut told)?;
    Ok(told)
}

#[test]
fn zookeeper_keeps_every_acknowledged_write_while_there_is_a_quorum_again() -> Result<()> {
    tell(ZooKeeper)
}
