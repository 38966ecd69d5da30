"""CustomObjectsApi and DynamicClient: PetSets, of which the library has no model."""

import tempfile

from steps import NAMESPACE, connect, eventually, expect, refused, step

from kubernetes import client, utils
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError

api = connect()
custom, core = client.CustomObjectsApi(api), client.CoreV1Api(api)
PETSETS = ("apps", "v1alpha1", NAMESPACE, "petsets")


def pet_set(name, replicas=1):
    container = {"name": "pet", "image": "busybox:1", "command": ["sleep", "1000000"]}
    annotations = {"pod.alpha.kubernetes.io/initialized": "true"}
    return {
        "apiVersion": "apps/v1alpha1",
        "kind": "PetSet",
        "metadata": {"name": name},
        "spec": {
            "serviceName": name,
            "replicas": replicas,
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations},
                "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
            },
        },
    }


step("creates, lists, patches and scales custom objects")
created = custom.create_namespaced_custom_object(*PETSETS, pet_set("custom"))
expect({"app": "custom"}, created["spec"]["selector"]["matchLabels"])
listed = custom.list_namespaced_custom_object(*PETSETS, limit=1)
expect(("PetSetList", ["custom"]), (listed["kind"], [item["metadata"]["name"] for item in listed["items"]]))
patched = custom.patch_namespaced_custom_object(*PETSETS, "custom", {"metadata": {"labels": {"a": "b"}}})
expect({"a": "b", "app": "custom"}, patched["metadata"]["labels"])
test = [{"op": "test", "path": "/metadata/labels/a", "value": "c"}]
with refused(422, '"reason":"Invalid"'):
    custom.patch_namespaced_custom_object(*PETSETS, "custom", test, _content_type="application/json-patch+json")
with refused(422, "fields other than 'replicas' are forbidden."):
    custom.patch_namespaced_custom_object(*PETSETS, "custom", {"spec": {"serviceName": "other"}})
scale = custom.patch_namespaced_custom_object_scale(*PETSETS, "custom", {"spec": {"replicas": 2}})
expect(("Scale", 2), (scale["kind"], scale["spec"]["replicas"]))


def pets():
    return [pod.metadata.name for pod in core.list_namespaced_pod(NAMESPACE, label_selector="app=custom").items]


eventually("both pets are there", lambda: pets() == ["custom-0", "custom-1"])
status = custom.get_namespaced_custom_object_status(*PETSETS, "custom")["status"]
assert status["replicas"] >= 1, status

step("replaces, and hears of a lost race")
read = custom.get_namespaced_custom_object(*PETSETS, "custom")
stale = dict(read, metadata=dict(read["metadata"], resourceVersion="1"))
with refused(409, '"reason":"Conflict"'):
    custom.replace_namespaced_custom_object(*PETSETS, "custom", stale)

step("finds resources by discovery")
# Its own file: the library would keep what it found under the server's address, which another test may have had.
folder = tempfile.TemporaryDirectory()
dynamic = DynamicClient(api, cache_file=f"{folder.name}/discovery.json")
resource = dynamic.resources.get(api_version="apps/v1alpha1", kind="PetSet")
expect(("petsets", True), (resource.name, resource.namespaced))
assert "PetSet" in {found.kind for found in dynamic.resources.search(group="apps")}
expect("v1", dynamic.resources.get(kind="StatefulSet", group="apps").api_version)
assert resource.subresources["scale"] and resource.subresources["status"], resource.subresources

step("drives them by name")
resource.create(body=pet_set("dynamic", replicas=0), namespace=NAMESPACE)
got = resource.get(name="dynamic", namespace=NAMESPACE)
expect(("dynamic", 0), (got.metadata.name, got.spec.replicas))
merge = "application/merge-patch+json"
patch = {"metadata": {"name": "dynamic", "annotations": {"by": "merge"}}}
expect("merge", resource.patch(body=patch, namespace=NAMESPACE, content_type=merge).metadata.annotations.by)
body = got.to_dict()
body["spec"]["replicas"] = 1
try:
    resource.replace(body=body, namespace=NAMESPACE)
    raise AssertionError("a lost race was not noticed")
except ConflictError:
    pass
scale = resource.scale.get(name="dynamic", namespace=NAMESPACE)
expect(("Scale", 0), (scale.kind, scale.status.replicas))
resource.delete(name="dynamic", namespace=NAMESPACE)
try:
    resource.get(name="dynamic", namespace=NAMESPACE)
    raise AssertionError("it is still there")
except NotFoundError as missing:
    assert 'petsets.apps "dynamic" not found' in missing.summary(), missing.summary()

step("watches them")
seen = []
for event in resource.watch(namespace=NAMESPACE, timeout=2):
    seen.append((event["type"], event["object"].metadata.name))
assert ("ADDED", "custom") in seen, seen

step("creates what a file says")
manifest = """
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: filed}
  spec: {clusterIP: None, selector: {app: filed}, ports: [{port: 80, name: http}]}
- apiVersion: apps/v1
  kind: StatefulSet
  metadata: {name: filed}
  spec:
    serviceName: filed
    replicas: 0
    selector: {matchLabels: {app: filed}}
    template:
      metadata: {labels: {app: filed}}
      spec: {containers: [{name: pet, image: "busybox:1"}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: filed}
spec: {minAvailable: 1, selector: {matchLabels: {app: filed}}}
"""
with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
    file.write(manifest)
    file.flush()
    made = utils.create_from_yaml(api, file.name)
expect([["Service", "StatefulSet"], ["PodDisruptionBudget"]], [[one.kind for one in some] for some in made])
try:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(manifest)
        file.flush()
        utils.create_from_yaml(api, file.name)
    raise AssertionError("they were created twice")
except utils.FailToCreateError as failure:
    expect([409, 409, 409], [refusal.status for refusal in failure.api_exceptions])

step("deletes collections of custom objects")
custom.delete_collection_namespaced_custom_object(*PETSETS)
expect([], custom.list_namespaced_custom_object(*PETSETS)["items"])
# A PetSet that is deleted leaves its pets.
expect(["custom-0", "custom-1"], pets())

print("all steps are done")
