//! Gives volumes to a pod's `fsGroup`, through a container that has them: see `runner/own.rs`.

use std::time::Duration;

use bollard::{
    errors::Error,
    models::{ContainerCreateBody, HostConfig, HostConfigLogConfig},
    query_parameters::CreateContainerOptions,
};
use futures::StreamExt;
use hyper_util::rt::TokioIo;
use plan::action::{Done, Failure, OwnershipChange, VolumeOwnership};
use serde_json::json;

use crate::{
    Docker,
    failure::failure,
    names, pause,
    runner::{self, OUTPUT_BYTES_MAX, OWNED},
    streams::{Output, frames},
    volume::volume_mount,
};

/// For all files of all volumes: as long as a kubelet waits for volumes before it says so is a few minutes, and it goes
/// on. Here it is tried again, from the beginning.
const TIMEOUT: Duration = Duration::from_mins(30);

/// What it takes to give files of any owner to any group.
const CAPABILITIES: [&str; 4] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"];

impl Docker {
    /// Gives volumes to a group. What was done by half is done again from the beginning.
    pub(crate) async fn set_volume_ownership(&self, ownership: &VolumeOwnership) -> Result<Done, Failure> {
        for volume in &ownership.volumes {
            self.volume(&volume.name).await?;
        }
        let Some(program) = self.runners.mount() else {
            let why = "this build of petsetd has no program for containers, which fsGroup needs";
            return Err(Failure::Refused(why.to_owned()));
        };
        for volume in &ownership.volumes {
            self.ready_disk(&self.volume(&volume.name).await?).await?;
        }
        let body = self.errand(ownership, program);
        let made = self.engine.api.create_container(None::<CreateContainerOptions>, body).await.map_err(failure)?;
        let outcome = tokio::time::timeout(TIMEOUT, self.run_errand(&made.id)).await;
        let removed = self.force_remove(&made.id).await;
        let said = outcome.map_err(|_| Failure::Refused("it took too long".to_owned()))?.map_err(failure)?;
        removed?;
        match said.strip_suffix(OWNED) {
            Some(_) => Ok(Done::Ok),
            None => Err(Failure::Refused(Self::named(ownership, &String::from_utf8_lossy(&said)))),
        }
    }

    /// It shares the network of the pod's sandbox, because making another one costs most of a start.
    fn errand(&self, ownership: &VolumeOwnership, program: bollard::models::Mount) -> ContainerCreateBody {
        let policy = match ownership.change {
            OwnershipChange::Always => "always",
            OwnershipChange::OnRootMismatch => "mismatch",
        };
        let mut command = vec!["own".to_owned(), ownership.group.to_string(), policy.to_owned()];
        let mut mounts = vec![program];
        for (index, volume) in ownership.volumes.iter().enumerate() {
            let access = if volume.read_only { "ro" } else { "rw" };
            command.push(format!("{access}:{}", inside(index)));
            mounts.push(volume_mount(&volume.name, &inside(index), false));
        }
        ContainerCreateBody {
            image: Some(pause::IMAGE.to_owned()),
            entrypoint: Some(vec![runner::PATH.to_owned()]),
            cmd: Some(command),
            user: Some("0:0".to_owned()),
            labels: Some(names::errand_labels(&self.instance)),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            host_config: Some(HostConfig {
                mounts: Some(mounts),
                network_mode: Some(format!("container:{}", ownership.sandbox_id)),
                cap_drop: Some(vec!["ALL".to_owned()]),
                cap_add: Some(CAPABILITIES.map(str::to_owned).to_vec()),
                security_opt: Some(vec!["no-new-privileges".to_owned()]),
                readonly_rootfs: Some(true),
                auto_remove: Some(true),
                log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }

    /// Starts a container and gives what it says, until its end.
    async fn run_errand(&self, id: &str) -> Result<Vec<u8>, Error> {
        let path = format!("/containers/{id}/attach?stream=1&stdout=1&stderr=1");
        let connection = self.engine.wire.upgrade(&path, &json!({})).await?;
        self.try_start(id).await?;
        let mut pieces = frames(TokioIo::new(connection));
        let mut said = Vec::new();
        while let Some(piece) = pieces.next().await {
            let (Output::Stdout(bytes) | Output::Stderr(bytes)) = piece?;
            let rest = OUTPUT_BYTES_MAX - said.len();
            said.extend_from_slice(&bytes[..bytes.len().min(rest)]);
        }
        Ok(said)
    }

    /// What went wrong, with the names of volumes in place of their paths inside.
    fn named(ownership: &VolumeOwnership, said: &str) -> String {
        let index = (0..ownership.volumes.len()).rev().find(|index| said.starts_with(&inside(*index)));
        match index.and_then(|index| Some((ownership.volumes.get(index)?, said.strip_prefix(&inside(index))?))) {
            Some((volume, rest)) => format!("volume {}: {}", volume.name, rest.trim_start_matches([':', ' '])),
            None if said.is_empty() => "the program that does it ended without a word".to_owned(),
            None => said.to_owned(),
        }
    }
}

/// Where a volume is inside.
fn inside(index: usize) -> String {
    format!("/volume-{index}")
}
