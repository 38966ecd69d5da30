"""Server-side apply, from typed and from dynamic clients."""

import tempfile

from steps import NAMESPACE, connect, expect, refused, step

from kubernetes import client, utils
from kubernetes.dynamic import DynamicClient

api = connect()
core = client.CoreV1Api(api)
APPLY = "application/apply-patch+yaml"


def applied(manager, **options):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": options.pop("data")}
    return core.patch_namespaced_config_map(
        "applied", NAMESPACE, body, field_manager=manager, _content_type=APPLY, **options
    )


step("creates and changes by applying")
first = applied("one", data={"a": "1", "b": "2"})
expect(first.metadata.resource_version, applied("one", data={"a": "1", "b": "2"}).metadata.resource_version)
expect({"a": "1"}, applied("one", data={"a": "1"}).data)

step("hears who has a field")
with refused(409, "FieldManagerConflict", 'conflict with \\"one\\": .data.a'):
    applied("two", data={"a": "other"})
expect({"a": "other"}, applied("two", data={"a": "other"}, force=True).data)
managers = {entry.manager: entry.operation for entry in core.read_namespaced_config_map("applied", NAMESPACE).metadata.managed_fields}
expect("Apply", managers["two"])

step("applies what there is no model of, and files")
folder = tempfile.TemporaryDirectory()
dynamic = DynamicClient(api, cache_file=f"{folder.name}/discovery.json")
petsets = dynamic.resources.get(api_version="apps/v1alpha1", kind="PetSet")
manifest = {
    "apiVersion": "apps/v1alpha1",
    "kind": "PetSet",
    "metadata": {"name": "applied"},
    "spec": {
        "serviceName": "applied",
        "replicas": 0,
        "template": {
            "metadata": {"labels": {"app": "applied"}},
            "spec": {"containers": [{"name": "pet", "image": "busybox:1"}]},
        },
    },
}
made = petsets.server_side_apply(body=manifest, namespace=NAMESPACE, field_manager="dynamic")
again = utils.create_from_yaml(api, yaml_objects=[manifest], namespace=NAMESPACE, apply=True)[0][0]
expect("applied", again.metadata.name)
expect(made.metadata.uid, again.metadata.uid)

print("all steps are done")
