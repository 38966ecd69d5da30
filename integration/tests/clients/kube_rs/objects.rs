//! `Api` for typed and for dynamic objects.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Event, Namespace, Node, PersistentVolumeClaim, Pod, Service},
    discovery::v1::EndpointSlice,
};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
    runtime::wait::{await_condition, conditions},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{config_map, in_time, pet_set, pet_sets, refused, template, until, with_client};

#[test]
fn kube_rs_drives_typed_objects() -> Result<()> {
    with_client("kubetyped", async |client| {
        let api: Api<ConfigMap> = Api::default_namespaced(client.clone());
        for index in 0..5 {
            api.create(&PostParams::default(), &config_map(&format!("page-{index}"))).await?;
        }
        let again = refused(api.create(&PostParams::default(), &config_map("page-0")).await)?;
        ensure!(again.is_already_exists() && again.code == 409, "{again:?}");
        ensure!(api.get_opt("missing").await?.is_none(), "it is not missing");
        ensure!(refused(api.get("missing").await)?.is_not_found(), "it is not missing");

        let mut names = Vec::new();
        let mut page = ListParams::default().labels("watched=yes").limit(2);
        loop {
            let list = api.list(&page).await?;
            names.extend(list.items.into_iter().filter_map(|item| item.metadata.name));
            let Some(token) = list.metadata.continue_.filter(|token| !token.is_empty()) else { break };
            page = page.continue_token(&token);
        }
        ensure!(names == ["page-0", "page-1", "page-2", "page-3", "page-4"], "{names:?}");
        // Metadata alone, which the server answers as `PartialObjectMetadata`.
        let metadata = api.get_metadata("page-1").await?;
        ensure!(metadata.metadata.uid.is_some(), "{metadata:?}");

        let patch = Patch::Merge(json!({"data": {"k": "v"}}));
        let patched = api.patch("page-0", &PatchParams::default(), &patch).await?;
        ensure!(patched.data.as_ref().is_some_and(|data| data["k"] == "v"), "{patched:?}");
        let mut stale = patched.clone();
        stale.metadata.resource_version = Some("1".to_owned());
        ensure!(refused(api.replace("page-0", &PostParams::default(), &stale).await)?.is_conflict(), "no conflict");
        api.replace("page-0", &PostParams::default(), &patched).await?;

        let other = Preconditions { uid: Some("00000000-0000-0000-0000-000000000000".into()), resource_version: None };
        let refusal = refused(api.delete("page-0", &DeleteParams::default().preconditions(other)).await)?;
        ensure!(refusal.is_conflict(), "{refusal:?}");
        // An object that is gone at once is answered with a status; one that waits for something with itself.
        let deleted = api.delete("page-0", &DeleteParams::default()).await?;
        ensure!(deleted.right().is_some_and(|status| status.is_success()), "it is not gone at once");
        api.delete_collection(&DeleteParams::default(), &ListParams::default().labels("watched=yes")).await?;
        ensure!(api.list(&ListParams::default().labels("watched=yes")).await?.items.is_empty(), "some are left");
        Ok(())
    })
}

#[test]
fn kube_rs_drives_statefulsets_and_reads_all_that_is_written_for_them() -> Result<()> {
    with_client("kubesets", async |client| {
        let sets: Api<StatefulSet> = Api::default_namespaced(client.clone());
        let services: Api<Service> = Api::default_namespaced(client.clone());
        let service = json!({
            "metadata": {"name": "web"},
            "spec": {"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 80}]},
        });
        services.create(&PostParams::default(), &serde_json::from_value(service)?).await?;
        let claim = json!({
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
        });
        let set = json!({"metadata": {"name": "web"}, "spec": {
            "serviceName": "web",
            "selector": {"matchLabels": {"app": "web"}},
            "template": template("web"),
            "volumeClaimTemplates": [claim],
        }});
        sets.create(&PostParams::default(), &serde_json::from_value(set)?).await?;
        let two = Patch::Merge(json!({"spec": {"replicas": 2}}));
        let scaled = sets.patch_scale("web", &PatchParams::default(), &two).await?;
        ensure!(scaled.spec.and_then(|spec| spec.replicas) == Some(2), "it is not scaled");
        let pods: Api<Pod> = Api::default_namespaced(client.clone());
        let running = await_condition(pods.clone(), "web-1", conditions::is_pod_running());
        in_time("web-1 runs", running).await??;
        until("both are counted", async || {
            let status = sets.get_status("web").await?.status;
            Ok(status.filter(|status| status.ready_replicas == Some(2)))
        })
        .await?;
        let restarted = sets.restart("web").await?;
        ensure!(restarted.metadata.generation > Some(1), "{restarted:?}");

        some_are_read::<Event>(&client).await?;
        some_are_read::<Namespace>(&client).await?;
        some_are_read::<Node>(&client).await?;
        some_are_read::<PersistentVolumeClaim>(&client).await?;
        some_are_read::<EndpointSlice>(&client).await?;

        let parameters = DeleteParams { propagation_policy: Some(PropagationPolicy::Foreground), ..Default::default() };
        let deleted = sets.delete("web", &parameters).await?;
        let uid = deleted.left().and_then(|set| set.metadata.uid);
        let uid = uid.context("it does not wait for its pets")?;
        in_time("the set is gone", await_condition(sets, "web", conditions::is_deleted(&uid))).await??;
        ensure!(pods.list(&ListParams::default()).await?.items.is_empty(), "pets are left");
        Ok(())
    })
}

/// The library's types take what is listed of a kind, in all namespaces.
async fn some_are_read<K>(client: &Client) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let api: Api<K> = Api::all(client.clone());
    let listed = api.list(&ListParams::default()).await?;
    ensure!(!listed.items.is_empty(), "there is no {}", K::kind(&()));
    Ok(())
}

#[test]
fn kube_rs_drives_petsets_without_a_type_of_them() -> Result<()> {
    with_client("kubedyn", async |client| {
        let group = kube::discovery::group(&client, "apps").await?;
        let (found, capabilities) = group.recommended_kind("StatefulSet").context("no sets")?;
        ensure!(found.plural == "statefulsets" && capabilities.subresources.len() == 2, "{capabilities:?}");
        let found = group.versioned_resources("v1alpha1").into_iter().map(|(resource, _)| resource.plural);
        let found: Vec<String> = found.collect();
        ensure!(found == ["petsets"], "{found:?}");

        let sets: Api<DynamicObject> = Api::default_namespaced_with(client.clone(), &pet_sets());
        let made = sets.create(&PostParams::default(), &pet_set("web", 1)).await?;
        ensure!(made.data["spec"]["selector"]["matchLabels"]["app"] == "web", "{:?}", made.data);
        let pods: Api<Pod> = Api::default_namespaced(client.clone());
        in_time("web-0 runs", await_condition(pods.clone(), "web-0", conditions::is_pod_running())).await??;
        let scale = sets.get_scale("web").await?;
        ensure!(scale.spec.and_then(|spec| spec.replicas) == Some(1), "{:?}", scale.status);
        let patch = Patch::Strategic(json!({"spec": {"replicas": 0}}));
        let patched = sets.patch("web", &PatchParams::default(), &patch).await?;
        ensure!(patched.data["spec"]["replicas"] == 0, "{:?}", patched.data);
        until("the pet is gone", async || Ok(pods.get_opt("web-0").await?.is_none().then_some(()))).await?;
        let refusal = Patch::Merge(json!({"spec": {"serviceName": "other"}}));
        let refusal = refused(sets.patch("web", &PatchParams::default(), &refusal).await)?;
        ensure!(refusal.code == 422 && refusal.message.contains("other than 'replicas'"), "{refusal:?}");
        sets.delete("web", &DeleteParams::default()).await?;
        ensure!(sets.get_opt("web").await?.is_none(), "it is left");
        Ok(())
    })
}
