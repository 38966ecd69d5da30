//! PostgreSQL: pet 0 is the primary, the others stream from it.

use std::time::Duration;

use anyhow::{Result, ensure};
use petset_integration::World;

use crate::{
    sql::Client,
    story::{Application, Pet, Reach, Session, exec, tell, words},
};

#[derive(Clone, Copy)]
struct Postgres;

fn client(reach: &Reach, pet: &Pet) -> Result<Client> {
    let psql = "exec psql -qAtX -v ON_ERROR_STOP=1 -U postgres 2>&1";
    Client::start(reach.command(&pet.name, "postgres", &["sh", "-c", psql])?)
}

impl Application for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn images(&self) -> &'static [&'static str] {
        &["postgres:15"]
    }

    fn connect(&self, reach: &Reach, pet: &Pet) -> Result<Box<dyn Session>> {
        Ok(Box::new(client(reach, pet)?))
    }

    fn write_command(&self, host: &str, key: &str, value: &str) -> Vec<String> {
        let table = "CREATE TABLE IF NOT EXISTS greetings (k text PRIMARY KEY, v text)";
        let insert = format!("INSERT INTO greetings VALUES ('{key}', '{value}') ON CONFLICT DO NOTHING");
        words(&["psql", "-h", host, "-U", "postgres", "-c", table, "-c", &insert])
    }

    fn read_command(&self, host: &str, key: &str) -> Vec<String> {
        words(&["psql", "-h", host, "-U", "postgres", "-c", &format!("SELECT v FROM greetings WHERE k = '{key}'")])
    }

    fn leader(&self, reach: &Reach) -> Result<String> {
        Ok(reach.pets[0].name.clone())
    }

    fn is_whole(&self, reach: &Reach) -> Result<()> {
        let streaming = "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming' ORDER BY 1";
        let followers = client(reach, &reach.pets[0])?.ask(streaming)?;
        let wanted: Vec<&str> = reach.pets.iter().skip(1).map(|pet| pet.name.as_str()).collect();
        ensure!(followers == wanted, "{followers:?} stream from {}", reach.pets[0].name);
        for (ordinal, pet) in reach.pets.iter().enumerate() {
            let is_replica = client(reach, pet)?.value("SELECT pg_is_in_recovery()")?;
            ensure!(is_replica == if ordinal == 0 { "f" } else { "t" }, "{}: is a replica: {is_replica}", pet.name);
        }
        Ok(())
    }

    fn and_also(&self) -> Option<(&'static str, fn(&mut World, &Reach) -> Result<()>)> {
        Some(("a primary that has lost its volume waits, and is given a replica's data", lose_the_primarys_volume))
    }

    fn change(&self) -> (&'static str, &'static str) {
        (r#"{name: POSTGRES_OPTIONS, value: ""}"#, "{name: POSTGRES_OPTIONS, value: -c work_mem=8MB}")
    }

    fn is_changed(&self, reach: &Reach, pet: &Pet) -> Result<()> {
        let memory = client(reach, pet)?.value("SHOW work_mem")?;
        ensure!(memory == "8MB", "{} has {memory}", pet.name);
        Ok(())
    }

    /// Nobody takes over: as long as one stop and start of pet 0 takes, and a machine with other work.
    fn pause_max(&self) -> Duration {
        Duration::from_secs(15)
    }
}

/// A primary that is told to stop gives its replicas all that it has acknowledged, so that nothing is lost with its volume.
fn lose_the_primarys_volume(world: &mut World, _reach: &Reach) -> Result<()> {
    world.petctl(&["delete", "pvc", "data-postgres-0", "--wait=false"])?;
    world.petctl(&["delete", "pod", "postgres-0"])?;
    world.eventually("postgres-0 makes no database in place of the replicas' one", |world| {
        let log = world.petctl(&["logs", "postgres-0"])?;
        ensure!(log.contains("this volume is empty and the replica at"), "{log}");
        Ok(())
    })?;
    // As the README says.
    let copy = "pg_basebackup -h postgres-1.postgres -U postgres -D $PGDATA.copy -c fast && mv $PGDATA.copy $PGDATA";
    let as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "sh", "-c", copy];
    exec(world, "postgres-0", &words(&as_postgres)).map(|_| ())
}

#[test]
fn postgres_with_replicas_keeps_every_acknowledged_write() -> Result<()> {
    tell(Postgres)
}
