//! Taking everything of an instance away.

use bollard::{
    errors::Error,
    query_parameters::{
        ListContainersOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptions,
    },
};
use futures::{StreamExt, TryStreamExt, stream};

use crate::{
    Engine, disk,
    failure::{found, status},
    names,
};

/// Removals at once: the engine takes each container's network down, which two at a time keep its processors busy with.
const REMOVALS_MAX: usize = 4;

/// Why not everything could be taken away.
#[derive(Debug, thiserror::Error)]
#[error("remove the {what} of instance {instance}")]
pub struct EraseError {
    what: &'static str,
    instance: String,
    source: Error,
}

impl Engine {
    /// Removes all containers, volumes and the network of an instance, with all data. The directory of its pods' files
    /// is the caller's. What is gone already is success.
    pub async fn erase(&self, instance: &str) -> Result<(), EraseError> {
        let failed = |what| move |source| EraseError { what, instance: instance.to_owned(), source };
        self.erase_containers(instance).await.map_err(failed("containers"))?;
        self.erase_volumes(instance).await.map_err(failed("volumes"))?;
        self.erase_network(instance).await.map_err(failed("network"))
    }

    async fn erase_containers(&self, instance: &str) -> Result<(), Error> {
        let filters = names::filter(&[(names::INSTANCE, instance)]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let ids = self.reads.list_containers(Some(options)).await?.into_iter().filter_map(|entry| entry.id);
        stream::iter(ids.map(Ok))
            .try_for_each_concurrent(REMOVALS_MAX, |id| async move {
                let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
                match found(self.api.remove_container(&id, Some(options)).await) {
                    // Somebody else's removal is under way.
                    Err(error) if status(&error) != Some(409) => Err(error),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn erase_volumes(&self, instance: &str) -> Result<(), Error> {
        let filters = names::filter(&[(names::INSTANCE, instance)]);
        let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
        let volumes = self.reads.list_volumes(Some(options)).await?.volumes.unwrap_or_default();
        stream::iter(volumes)
            .map(|volume| async move {
                disk::unmount(&volume)?;
                found(self.api.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await)
            })
            .buffer_unordered(REMOVALS_MAX)
            .try_for_each(|_| async { Ok(()) })
            .await
    }

    async fn erase_network(&self, instance: &str) -> Result<(), Error> {
        let name = format!("petset-{instance}");
        let there = self.inspect_network(&name).await?;
        let is_ours = there.is_some_and(|there| {
            there.labels.as_ref().and_then(|labels| labels.get(names::INSTANCE)).is_some_and(|label| label == instance)
        });
        if is_ours {
            found(self.api.remove_network(&name).await)?;
        }
        Ok(())
    }
}
