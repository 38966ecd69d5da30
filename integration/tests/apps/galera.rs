//! MariaDB with Galera: every pet takes writes.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, ensure};

use crate::{
    sql::Client,
    story::{Application, Pet, Reach, Session, tell, words},
};

#[derive(Clone, Copy)]
struct Galera;

fn client(reach: &Reach, pet: &Pet) -> Result<Client> {
    let mariadb = "exec mariadb --no-auto-rehash --batch --unbuffered --skip-column-names app 2>&1";
    Client::start(reach.command(&pet.name, "galera", &["sh", "-c", mariadb])?)
}

impl Application for Galera {
    fn name(&self) -> &'static str {
        "galera"
    }

    fn images(&self) -> &'static [&'static str] {
        &["mariadb:10.11"]
    }

    fn connect(&self, reach: &Reach, pet: &Pet) -> Result<Box<dyn Session>> {
        Ok(Box::new(client(reach, pet)?))
    }

    fn write_command(&self, host: &str, key: &str, value: &str) -> Vec<String> {
        let table = "CREATE TABLE IF NOT EXISTS greetings (k varchar(64) PRIMARY KEY, v varchar(64))";
        let statements = format!("{table}; REPLACE INTO greetings VALUES ('{key}', '{value}')");
        words(&["sh", "-c", r#"mariadb -h "$0" -u app -p"$PASSWORD" app -e "$1""#, host, &statements])
    }

    fn read_command(&self, host: &str, key: &str) -> Vec<String> {
        let statement = format!("SELECT v FROM greetings WHERE k = '{key}'");
        words(&["sh", "-c", r#"mariadb -h "$0" -u app -p"$PASSWORD" app -e "$1""#, host, &statement])
    }

    /// All are equal.
    fn leader(&self, reach: &Reach) -> Result<String> {
        Ok(reach.pets[0].name.clone())
    }

    fn is_whole(&self, reach: &Reach) -> Result<()> {
        let mut clusters = BTreeMap::new();
        for pet in &reach.pets {
            let rows = client(reach, pet)?.ask("SHOW STATUS LIKE 'wsrep_%'")?;
            let status: BTreeMap<&str, &str> = rows.iter().filter_map(|row| row.split_once('\t')).collect();
            let said = |name: &str| status.get(name).copied().unwrap_or_default();
            let (size, state) = (said("wsrep_cluster_size"), said("wsrep_local_state_comment"));
            let is_well = said("wsrep_cluster_status") == "Primary" && size == reach.pets.len().to_string();
            ensure!(is_well && state == "Synced", "{} is {state} in a cluster of {size}", pet.name);
            clusters.insert(said("wsrep_cluster_state_uuid").to_owned(), pet.name.clone());
        }
        ensure!(clusters.len() == 1, "there are several clusters: {clusters:?}");
        Ok(())
    }

    fn change(&self) -> (&'static str, &'static str) {
        (r#"{name: MARIADB_OPTIONS, value: ""}"#, "{name: MARIADB_OPTIONS, value: --max-connections=77}")
    }

    fn is_changed(&self, reach: &Reach, pet: &Pet) -> Result<()> {
        let connections = client(reach, pet)?.value("SELECT @@max_connections")?;
        ensure!(connections == "77", "{} takes {connections} connections", pet.name);
        Ok(())
    }

    /// The others go on while one pet is away, once they agree that it is; and a machine with other work.
    fn pause_max(&self) -> Duration {
        Duration::from_secs(10)
    }
}

#[test]
fn galera_keeps_every_acknowledged_write() -> Result<()> {
    tell(Galera)
}
