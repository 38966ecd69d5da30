//! kube, the client library for Rust, of the version that petctl is built with.

mod apply;
mod objects;
mod pods;
mod watching;

use std::{future::Future, time::Duration};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Client, Config,
    api::{ApiResource, DynamicObject, GroupVersionKind},
    config::{KubeConfigOptions, Kubeconfig},
};
use petset_integration::{PATIENCE, World};
use serde_json::{Value, json};

/// Runs a story on a daemon of its own.
fn with_client<F, S>(instance: &str, story: F) -> Result<()>
where
    F: FnOnce(Client) -> S,
    S: Future<Output = Result<()>>,
{
    let world = World::start(instance)?;
    let told = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let kubeconfig = Kubeconfig::read_from(world.kubeconfig())?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        story(Client::try_from(config)?).await
    });
    told.with_context(|| format!("petsetd's log:\n{}", world.log_text()))
}

/// What comes of something, if it comes in time.
fn in_time<T>(what: &str, future: impl Future<Output = T>) -> impl Future<Output = Result<T>> {
    // Those of kube take kilobytes.
    let future = tokio::time::timeout(PATIENCE, Box::pin(future));
    async move { future.await.with_context(|| format!("never came: {what}")) }
}

/// Looks again and again, until what it sees is what it waits for.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let looked = async {
        loop {
            if let Some(seen) = look().await? {
                return Ok(seen);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    in_time(what, looked).await?
}

/// The status of a refusal.
fn refused<T>(result: kube::Result<T>) -> Result<kube::core::Status> {
    match result.err().context("it was not refused")? {
        kube::Error::Api(status) => Ok(*status),
        other => Err(other.into()),
    }
}

fn config_map(name: &str) -> ConfigMap {
    let labels = [("watched".to_owned(), "yes".to_owned())].into();
    let mut config_map = ConfigMap::default();
    config_map.metadata.name = Some(name.to_owned());
    config_map.metadata.labels = Some(labels);
    config_map
}

/// PetSets, of which there is no type.
fn pet_sets() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1alpha1", "PetSet"))
}

fn pet_set(name: &str, replicas: i32) -> DynamicObject {
    DynamicObject::new(name, &pet_sets()).data(json!({"spec": {
        "serviceName": name,
        "replicas": replicas,
        "template": template(name),
    }}))
}

/// Pods that sleep, initialised from the start.
fn template(app: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": app}, "annotations": {"pod.alpha.kubernetes.io/initialized": "true"}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "pet", "image": "busybox:1", "command": ["sleep", "1000000"]}],
        },
    })
}
