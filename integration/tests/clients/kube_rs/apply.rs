//! `Patch::Apply`: server-side apply.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::json;

use super::{pet_set, pet_sets, refused, with_client};

fn data(value: &str) -> Patch<serde_json::Value> {
    Patch::Apply(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": value},
    }))
}

#[test]
fn kube_rs_applies_on_the_servers_side() -> Result<()> {
    with_client("kubeapply", async |client| {
        let api: Api<ConfigMap> = Api::default_namespaced(client.clone());
        let first = api.patch("applied", &PatchParams::apply("one"), &data("1")).await?;
        let again = api.patch("applied", &PatchParams::apply("one"), &data("1")).await?;
        ensure!(first.metadata.resource_version == again.metadata.resource_version, "a second time it was written");
        let conflict = refused(api.patch("applied", &PatchParams::apply("two"), &data("2")).await)?;
        ensure!(conflict.is_conflict() && conflict.message.contains("conflict with \"one\": .data.a"), "{conflict:?}");
        let causes = conflict.details.context("details")?.causes;
        ensure!(
            causes.iter().any(|cause| cause.reason == "FieldManagerConflict" && cause.field == ".data.a"),
            "{causes:?}"
        );
        let forced = api.patch("applied", &PatchParams::apply("two").force(), &data("2")).await?;
        ensure!(forced.data.as_ref().is_some_and(|data| data["a"] == "2"), "{forced:?}");

        let sets: Api<DynamicObject> = Api::default_namespaced_with(client, &pet_sets());
        let made = sets.patch("web", &PatchParams::apply("one"), &Patch::Apply(pet_set("web", 0))).await?;
        let again = sets.patch("web", &PatchParams::apply("one"), &Patch::Apply(pet_set("web", 0))).await?;
        // What the set's status says meanwhile is its controller's.
        let entries = |set: &DynamicObject| set.metadata.managed_fields.clone();
        ensure!(entries(&made) == entries(&again), "a second time it was written: {made:?} {again:?}");
        Ok(())
    })
}
