//! The sandbox image: one static program under 300 bytes, which this crate carries. No registry is ever asked for it.

use std::collections::HashSet;

use bollard::{
    body_full,
    errors::Error,
    models::{ContainerCreateBody, HostConfig},
    query_parameters::{CreateContainerOptions, CreateImageOptionsBuilder, RemoveContainerOptionsBuilder},
};
use futures::TryStreamExt;
use plan::action::Files;

use crate::{
    Engine, PrepareError,
    failure::{found, status},
    files::PodFiles,
    names,
};

/// The image's name. The tag grows with the program.
pub(crate) const IMAGE: &str = "petset/pause:1";
const REPOSITORY: &str = "petset/pause";
const TAG: &str = "1";

/// The program's path in the image.
const PATH: &str = "pause";

/// Assembled from the sources beside them; what they do, and how to assemble them, is said there.
const PROGRAM_X86_64: &[u8] = include_bytes!("pause/pause-x86_64");
const PROGRAM_AARCH64: &[u8] = include_bytes!("pause/pause-aarch64");

impl Engine {
    /// Imports the sandbox image where the engine does not have it.
    pub(crate) async fn ensure_pause_image(&self) -> Result<(), Error> {
        if found(self.reads.inspect_image(IMAGE).await)?.is_some() {
            return Ok(());
        }
        let engine = self.reads.version().await?;
        let program = match engine.arch.as_deref() {
            Some("arm64" | "aarch64") => PROGRAM_AARCH64,
            _ => PROGRAM_X86_64,
        };
        let options = CreateImageOptionsBuilder::default()
            .from_src("-")
            .repo(REPOSITORY)
            .tag(TAG)
            .changes(vec![format!("ENTRYPOINT [\"/{PATH}\"]")])
            .build();
        let archive = body_full(archive(program)?.into());
        self.api.create_image(Some(options), Some(archive), None).try_collect::<Vec<_>>().await?;
        Ok(())
    }

    /// Whether the engine sees the same files as we do. A bind mount of a path that the engine does not have is refused
    /// when the container is made, so nothing has to run.
    pub(crate) async fn sees(&self, files: &PodFiles, instance: &str) -> Result<bool, PrepareError> {
        let uid = format!("seen-{}", std::process::id());
        let unusable = |source| PrepareError::Files { dir: files.dir().into(), source };
        files.write(&uid, &Files::default()).map_err(unusable)?;
        let body = ContainerCreateBody {
            image: Some(IMAGE.to_owned()),
            labels: Some([(names::INSTANCE.to_owned(), instance.to_owned())].into()),
            host_config: Some(HostConfig {
                mounts: Some(files.mounts(&uid, &HashSet::new()).map_err(unusable)?),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let made = self.api.create_container(None::<CreateContainerOptions>, body).await;
        files.remove(&uid).map_err(unusable)?;
        match made {
            Ok(made) => {
                let force = RemoveContainerOptionsBuilder::default().force(true).build();
                let removed = found(self.api.remove_container(&made.id, Some(force)).await);
                removed.map_err(|source| PrepareError::Engine { doing: "remove a container", source })?;
                Ok(true)
            }
            Err(error) if status(&error) == Some(400) => Ok(false),
            Err(source) => Err(PrepareError::Engine { doing: "create a container", source }),
        }
    }
}

/// A tar archive with the program alone.
fn archive(program: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, PATH, program)?;
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_are_small_static_executables() {
        for (program, machine) in [(PROGRAM_X86_64, 62), (PROGRAM_AARCH64, 183)] {
            assert!(program.len() < 300);
            assert_eq!(program[..4], *b"\x7fELF");
            // ET_EXEC, the machine, and one program header: nothing to interpret or link.
            assert_eq!(program[16..20], [2, 0, machine, 0]);
            assert_eq!(program[56..58], [1, 0]);
        }
    }
}
