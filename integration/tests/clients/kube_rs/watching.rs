//! `runtime`: watchers of both strategies, reflectors, and controllers with finalizers.

use std::{
    collections::BTreeSet,
    future::Ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    runtime::{
        Controller,
        controller::Action,
        finalizer::{self, finalizer},
        reflector,
        watcher::{self, watcher},
    },
};
use serde_json::json;

use super::{config_map, in_time, until, with_client};

/// What a watcher says, in words.
async fn next(events: &mut (impl Stream<Item = watcher::Result<watcher::Event<ConfigMap>>> + Unpin)) -> Result<String> {
    let event = in_time("an event", events.next()).await?.context("the watcher ended")??;
    Ok(event.to_string())
}

#[test]
fn kube_rs_watches_by_list_and_by_stream() -> Result<()> {
    with_client("kubewatch", async |client| {
        let api: Api<ConfigMap> = Api::default_namespaced(client);
        let selected = watcher::Config::default().labels("watched=yes");
        for (strategy, config) in
            [("by list", selected.clone().page_size(2)), ("by stream", selected.streaming_lists())]
        {
            for name in ["a", "b", "c"] {
                api.create(&PostParams::default(), &config_map(name)).await?;
            }
            let mut events = watcher(api.clone(), config).boxed();
            let mut said = Vec::new();
            for _ in 0..5 {
                said.push(next(&mut events).await?);
            }
            ensure!(
                said == ["Init", "InitApply(a)", "InitApply(b)", "InitApply(c)", "InitDone"],
                "{strategy}: {said:?}"
            );

            api.patch("a", &PatchParams::default(), &Patch::Merge(json!({"data": {"k": "v"}}))).await?;
            api.delete("b", &DeleteParams::default()).await?;
            // Whoever leaves the selection is gone for the watcher.
            let unlabel = Patch::Merge(json!({"metadata": {"labels": null}}));
            api.patch("c", &PatchParams::default(), &unlabel).await?;
            let said = [next(&mut events).await?, next(&mut events).await?, next(&mut events).await?];
            ensure!(said == ["Apply(a)", "Delete(b)", "Delete(c)"], "{strategy}: {said:?}");
            api.delete("a", &DeleteParams::default()).await?;
            api.delete("c", &DeleteParams::default()).await?;
        }
        Ok(())
    })
}

#[test]
fn kube_rs_keeps_a_store_by_reflection() -> Result<()> {
    with_client("kubereflect", async |client| {
        let api: Api<ConfigMap> = Api::default_namespaced(client);
        api.create(&PostParams::default(), &config_map("a")).await?;
        let (reader, writer) = reflector::store();
        let watched = watcher(api.clone(), watcher::Config::default().labels("watched=yes"));
        let reflected = tokio::spawn(reflector::reflector(writer, watched).for_each(|_| std::future::ready(())));
        in_time("the store is ready", reader.wait_until_ready()).await??;
        let names = || reader.state().iter().map(|item| item.name_any()).collect::<BTreeSet<_>>();
        ensure!(names() == BTreeSet::from(["a".to_owned()]), "{:?}", names());
        api.create(&PostParams::default(), &config_map("b")).await?;
        api.delete("a", &DeleteParams::default()).await?;
        let wanted = BTreeSet::from(["b".to_owned()]);
        until("the store has the changes", async || Ok((names() == wanted).then_some(()))).await?;
        reflected.abort();
        Ok(())
    })
}

/// What a controller was asked to do, in order.
type Journal = Mutex<Vec<String>>;

#[derive(Debug, thiserror::Error)]
#[error("a controller that only writes down what it is asked fails at nothing")]
struct Never;

const OURS: &str = "example.com/cleanup";

fn note(event: finalizer::Event<ConfigMap>, journal: &Journal) -> Ready<Result<Action, Never>> {
    let said = match event {
        finalizer::Event::Apply(object) => format!("apply {}", object.name_any()),
        finalizer::Event::Cleanup(object) => format!("clean up {}", object.name_any()),
    };
    journal.lock().expect("no writer panics").push(said);
    std::future::ready(Ok(Action::await_change()))
}

#[test]
fn kube_rs_runs_a_controller_with_finalizers() -> Result<()> {
    with_client("kubecontrol", async |client| {
        let api: Api<ConfigMap> = Api::default_namespaced(client);
        let journal = Arc::new(Journal::default());
        let of_reconciler = api.clone();
        let reconcile = move |object: Arc<ConfigMap>, journal: Arc<Journal>| {
            let api = of_reconciler.clone();
            async move { finalizer(&api, OURS, object, |event| note(event, &journal)).await }
        };
        let after_failure = |_: Arc<ConfigMap>, _: &finalizer::Error<Never>, _: Arc<Journal>| {
            Action::requeue(Duration::from_millis(100))
        };
        let controller = Controller::new(api.clone(), watcher::Config::default().labels("watched=yes"))
            .run(reconcile, after_failure, journal.clone())
            .for_each(|_| std::future::ready(()));
        let controller = tokio::spawn(controller);
        let written = || journal.lock().expect("no writer panics").clone();

        api.create(&PostParams::default(), &config_map("a")).await?;
        until("it is applied", async || Ok(written().contains(&"apply a".to_owned()).then_some(()))).await?;
        let finalizers = api.get("a").await?.metadata.finalizers.unwrap_or_default();
        ensure!(finalizers == [OURS], "{finalizers:?}");
        let deleted = api.delete("a", &DeleteParams::default()).await?;
        ensure!(deleted.is_left(), "it is gone before it was cleaned up");
        until("it is gone", async || Ok(api.get_opt("a").await?.is_none().then_some(()))).await?;
        ensure!(written().last().is_some_and(|last| last == "clean up a"), "{:?}", written());
        controller.abort();
        Ok(())
    })
}
