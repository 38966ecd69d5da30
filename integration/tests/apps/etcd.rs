//! etcd: members join, leave and are replaced by its own API.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use petset_integration::World;
use serde_json::{Value, json};

use crate::{
    http,
    story::{Application, Deed, Pet, Reach, Session, exec, tell, words},
};

const PORT: u16 = 2379;

#[derive(Clone, Copy)]
struct Etcd;

impl Application for Etcd {
    fn name(&self) -> &'static str {
        "etcd"
    }

    fn images(&self) -> &'static [&'static str] {
        &["quay.io/coreos/etcd:v3.4.23"]
    }

    fn connect(&self, _reach: &Reach, pet: &Pet) -> Result<Box<dyn Session>> {
        Ok(Box::new(Member(SocketAddr::new(pet.ip, PORT))))
    }

    fn write_command(&self, host: &str, key: &str, value: &str) -> Vec<String> {
        words(&["etcdctl", "--endpoints", &format!("http://{host}:{PORT}"), "put", key, value])
    }

    fn read_command(&self, host: &str, key: &str) -> Vec<String> {
        words(&["etcdctl", "--endpoints", &format!("http://{host}:{PORT}"), "get", key])
    }

    fn leader(&self, reach: &Reach) -> Result<String> {
        for pet in &reach.pets {
            let status = Member(SocketAddr::new(pet.ip, PORT)).ask("maintenance/status", &json!({}))?;
            if status["leader"] == status["header"]["member_id"] {
                return Ok(pet.name.clone());
            }
        }
        anyhow::bail!("nobody leads")
    }

    fn is_whole(&self, reach: &Reach) -> Result<()> {
        let members = members(reach)?;
        for pet in &reach.pets {
            http::get(SocketAddr::new(pet.ip, PORT), "/health", None)?;
            let member = members.iter().find(|member| member["name"] == pet.name.as_str());
            let member = member.with_context(|| format!("{} is no member: {members:?}", pet.name))?;
            ensure!(member["clientURLs"].is_array(), "{} has not begun to serve: {member}", pet.name);
        }
        Ok(())
    }

    /// A member that is gone for good gives up its seat, else the cluster goes on counting it.
    fn after_scaling_down(&self, world: &World, reach: &Reach) -> Result<()> {
        for member in members(reach)? {
            if reach.pets.iter().all(|pet| member["name"] != pet.name.as_str()) {
                let id: u64 = member["ID"].as_str().context("an id")?.parse()?;
                exec(world, &reach.pets[0].name, &words(&["etcdctl", "member", "remove", &format!("{id:x}")]))?;
            }
        }
        let left = members(reach)?;
        ensure!(left.len() == reach.pets.len(), "the members are {left:?}");
        Ok(())
    }

    fn and_also(&self) -> Option<(&'static str, Deed)> {
        Some(("a member that has lost its volume is replaced", lose_a_volume))
    }

    fn change(&self) -> (&'static str, &'static str) {
        ("{name: SNAPSHOT_COUNT, value: \"10000\"}", "{name: SNAPSHOT_COUNT, value: \"5000\"}")
    }

    fn is_changed(&self, reach: &Reach, pet: &Pet) -> Result<()> {
        let told = reach.command(&pet.name, "etcd", &["cat", "/conf/etcd.yaml"])?.output()?;
        let told = String::from_utf8(told.stdout)?;
        ensure!(told.contains("snapshot-count: 5000"), "{} has {told}", pet.name);
        Ok(())
    }

    /// An election takes a second or two where nobody says goodbye, and clients find the new leader by trying.
    fn pause_max(&self) -> Duration {
        Duration::from_secs(8)
    }
}

/// One member, asked over the gateway to etcd's API.
struct Member(SocketAddr);

impl Member {
    fn ask(&self, what: &str, body: &Value) -> Result<Value> {
        Ok(serde_json::from_str(&http::post(self.0, &format!("/v3/{what}"), &body.to_string())?)?)
    }
}

impl Session for Member {
    fn write(&mut self, key: &str, value: &str) -> Result<()> {
        let said = self.ask("kv/put", &json!({"key": STANDARD.encode(key), "value": STANDARD.encode(value)}))?;
        ensure!(said["header"]["revision"].is_string(), "{said}");
        Ok(())
    }

    /// What this member itself has, without asking the others.
    fn read(&mut self, key: &str) -> Result<Option<String>> {
        let said = self.ask("kv/range", &json!({"key": STANDARD.encode(key), "serializable": true}))?;
        let Some(value) = said["kvs"][0]["value"].as_str() else { return Ok(None) };
        Ok(Some(String::from_utf8(STANDARD.decode(value)?)?))
    }
}

fn members(reach: &Reach) -> Result<Vec<Value>> {
    let first = reach.pets.first().context("a pet")?;
    let said = Member(SocketAddr::new(first.ip, PORT)).ask("cluster/member/list", &json!({}))?;
    Ok(said["members"].as_array().context("a list")?.clone())
}

fn lose_a_volume(world: &mut World, reach: &Reach) -> Result<()> {
    let seat =
        |members: &[Value]| members.iter().find(|member| member["name"] == "etcd-1").map(|member| member["ID"].clone());
    let before = seat(&members(reach)?).context("a seat")?;
    world.petctl(&["delete", "pvc", "data-etcd-1", "--wait=false"])?;
    world.petctl(&["delete", "pod", "etcd-1"])?;
    world.eventually("the member has another seat", |_| {
        let now = seat(&members(reach)?).context("no seat")?;
        ensure!(now != before, "it has the seat of the volume that is gone");
        Ok(())
    })
}

#[test]
fn etcd_replaces_its_members_and_keeps_every_acknowledged_write() -> Result<()> {
    tell(Etcd)
}
