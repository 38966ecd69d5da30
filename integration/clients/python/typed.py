"""CoreV1Api, AppsV1Api and their like: objects of Kubernetes' own kinds, made and read as the library's models."""

from steps import NAMESPACE, connect, eventually, expect, is_ready, pod, refused, stateful_set, step

from kubernetes import client

STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"

api = connect()
core, apps = client.CoreV1Api(api), client.AppsV1Api(api)


def config_map(name, **data):
    labels = {"app": "pages"}
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels=labels), data=data)


step("creates and reads")
for index in range(7):
    core.create_namespaced_config_map(NAMESPACE, config_map(f"page-{index}", index=str(index)))
read = core.read_namespaced_config_map("page-3", NAMESPACE)
expect({"index": "3"}, read.data)
assert read.metadata.uid and read.metadata.creation_timestamp.tzinfo, read.metadata
named = core.create_namespaced_config_map(
    NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(generate_name="drawn-"))
)
assert named.metadata.name.startswith("drawn-") and len(named.metadata.name) == len("drawn-") + 5, named.metadata.name
core.create_namespaced_config_map(NAMESPACE, config_map("of-a-rehearsal"), dry_run="All")
with refused(404, '"reason":"NotFound"', 'configmaps \\"of-a-rehearsal\\" not found'):
    core.read_namespaced_config_map("of-a-rehearsal", NAMESPACE)

step("lists in pages")
names, pages, token = [], 0, None
while True:
    page = core.list_namespaced_config_map(NAMESPACE, label_selector="app=pages", limit=3, _continue=token)
    names += [item.metadata.name for item in page.items]
    pages, token = pages + 1, page.metadata._continue
    if not token:
        break
expect([f"page-{index}" for index in range(7)], names)
expect(3, pages)
one = core.list_config_map_for_all_namespaces(field_selector="metadata.name=page-5")
expect(["page-5"], [item.metadata.name for item in one.items])

step("patches in three content types")
apps.create_namespaced_stateful_set(NAMESPACE, stateful_set("web", replicas=0, env={"A": "1"}))


def environment(of_set):
    containers = of_set.spec.template.spec.containers
    return [(one.name, [(variable.name, variable.value) for variable in one.env or []]) for one in containers]


def patched(body, content_type):
    return apps.patch_namespaced_stateful_set("web", NAMESPACE, body, _content_type=content_type)


containers = [{"name": "pet", "env": [{"name": "B", "value": "2"}]}]
# A strategic merge goes by the names of containers and variables.
merged = patched({"spec": {"template": {"spec": {"containers": containers}}}}, STRATEGIC)
expect([("pet", [("B", "2"), ("A", "1")])], environment(merged))
# A merge replaces a list as a whole.
whole = {"name": "pet", "image": "busybox:1", "command": ["sleep", "1000000"], "env": [{"name": "C", "value": "3"}]}
replaced = patched({"spec": {"template": {"spec": {"containers": [whole]}}}}, MERGE)
expect([("pet", [("C", "3")])], environment(replaced))
path = "/spec/template/spec/containers/0/env/0/value"
tested = [{"op": "test", "path": path, "value": "3"}, {"op": "replace", "path": path, "value": "4"}]
expect([("pet", [("C", "4")])], environment(patched(tested, JSON)))
with refused(422, '"reason":"Invalid"'):
    patched(tested, JSON)
# Without a word about it the library sends a list as a JSON patch, and an object as a strategic merge.
apps.patch_namespaced_stateful_set("web", NAMESPACE, [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}])
expect("b", apps.patch_namespaced_stateful_set("web", NAMESPACE, {"spec": {"replicas": 0}}).metadata.labels["a"])

step("replaces, and hears of a lost race")
read = core.read_namespaced_config_map("page-0", NAMESPACE)
read.data["index"] = "replaced"
expect("replaced", core.replace_namespaced_config_map("page-0", NAMESPACE, read).data["index"])
with refused(409, '"reason":"Conflict"', "the object has been modified"):
    core.replace_namespaced_config_map("page-0", NAMESPACE, read)

step("hears what is wrong with an object")
wrong = stateful_set("wrong")
wrong.spec.selector.match_labels = {"app": "other"}
with refused(422, '"reason":"Invalid"', '"field":"spec.template.metadata.labels"'):
    apps.create_namespaced_stateful_set(NAMESPACE, wrong)
try:
    client.V1StatefulSetSpec(selector=None, template=None)
    raise AssertionError("the library checks nothing, so that this program shows less than it says")
except ValueError:
    pass

step("scales by the subresource")
scale = apps.patch_namespaced_stateful_set_scale("web", NAMESPACE, {"spec": {"replicas": 2}})
expect(2, scale.spec.replicas)


def set_is_up():
    now = apps.read_namespaced_stateful_set_status("web", NAMESPACE)
    return now if now.status.ready_replicas == 2 and now.status.observed_generation == now.metadata.generation else None


up = eventually("two pets are ready", set_is_up)
expect(up.status.current_revision, up.status.update_revision)
pets = core.list_namespaced_pod(NAMESPACE, label_selector="app=web")
expect(["web-0", "web-1"], [pet.metadata.name for pet in pets.items])
assert all(is_ready(pet) and pet.status.pod_ip for pet in pets.items), pets
scale = apps.read_namespaced_stateful_set_scale("web", NAMESPACE)
expect(("app=web", 2), (scale.status.selector, scale.status.replicas))
# Whoever scales need not know of what the controller has written meanwhile.
scale.spec.replicas, scale.metadata.resource_version = 1, None
expect(1, apps.replace_namespaced_stateful_set_scale("web", NAMESPACE, scale).spec.replicas)

step("reads all that is written for it")
core.create_namespaced_service(
    NAMESPACE,
    client.V1Service(
        metadata=client.V1ObjectMeta(name="web"),
        spec=client.V1ServiceSpec(cluster_ip="None", selector={"app": "web"}, ports=[client.V1ServicePort(port=80)]),
    ),
)
discovery, storage, coordination = client.DiscoveryV1Api(api), client.StorageV1Api(api), client.CoordinationV1Api(api)


def addresses():
    slices = discovery.list_namespaced_endpoint_slice(NAMESPACE, label_selector="kubernetes.io/service-name=web").items
    return [address for one in slices for endpoint in one.endpoints for address in endpoint.addresses]


eventually("the service has an endpoint", lambda: len(addresses()) == 1)
claim = client.V1PersistentVolumeClaim(
    metadata=client.V1ObjectMeta(name="data"),
    spec=client.V1PersistentVolumeClaimSpec(
        access_modes=["ReadWriteOnce"], resources=client.V1VolumeResourceRequirements(requests={"storage": "1Mi"})
    ),
)
core.create_namespaced_persistent_volume_claim(NAMESPACE, claim)
eventually(
    "the claim is bound",
    lambda: core.read_namespaced_persistent_volume_claim("data", NAMESPACE).status.phase == "Bound",
)
for listed in [
    core.list_node(),
    core.list_namespace(),
    core.list_persistent_volume(),
    core.list_persistent_volume_claim_for_all_namespaces(),
    core.list_service_for_all_namespaces(),
    core.list_endpoints_for_all_namespaces(),
    core.list_event_for_all_namespaces(),
    core.list_service_account_for_all_namespaces(),
    core.list_pod_for_all_namespaces(),
    apps.list_controller_revision_for_all_namespaces(),
    apps.list_stateful_set_for_all_namespaces(),
    discovery.list_endpoint_slice_for_all_namespaces(),
    storage.list_storage_class(),
]:
    assert listed.items, listed.kind

step("renews a lease")
lease = coordination.create_namespaced_lease(
    NAMESPACE,
    client.V1Lease(metadata=client.V1ObjectMeta(name="held"), spec=client.V1LeaseSpec(holder_identity="python")),
)
# The library writes times with microseconds, as the kind wants them.
renewed_at = lease.metadata.creation_timestamp.replace(microsecond=123456)
lease.spec.renew_time = renewed_at
expect(renewed_at, coordination.replace_namespaced_lease("held", NAMESPACE, lease).spec.renew_time)

step("asks what is served")
assert int(client.VersionApi(api).get_code().minor.rstrip("+")) >= 30
expect(["v1"], client.CoreApi(api).get_api_versions().versions)
groups = {group.name: group.preferred_version.version for group in client.ApisApi(api).get_api_versions().groups}
expect("v1", groups["apps"])
served = {resource.name: resource.kind for resource in apps.get_api_resources().resources}
expect(("StatefulSet", "Scale"), (served["statefulsets"], served["statefulsets/scale"]))

step("reads logs, also while they are written")
# It says no more than it is asked to, so that the log of a container that has ended is read, and one that goes on.
core.create_namespaced_pod(NAMESPACE, pod("talker", "sh", "-c", "echo one; echo two; sleep 2; echo three", restart_policy="Never"))
eventually("the talker runs", lambda: core.read_namespaced_pod("talker", NAMESPACE).status.phase != "Pending")
followed = core.read_namespaced_pod_log("talker", NAMESPACE, follow=True, _preload_content=False)
expect([b"one", b"two", b"three"], b"".join(followed.stream()).split())
# Left to itself this version of the library makes of octets the text of a Python literal.
last = core.read_namespaced_pod_log("talker", NAMESPACE, tail_lines=1, _preload_content=False)
expect(b"three\n", last.data)
with refused(400, "container other is not valid for pod talker"):
    core.read_namespaced_pod_log("talker", NAMESPACE, container="other")

step("evicts a pod")
eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name="talker", namespace=NAMESPACE))
core.create_namespaced_pod_eviction("talker", NAMESPACE, eviction)


def gone(name):
    return name not in [item.metadata.name for item in core.list_namespaced_pod(NAMESPACE).items]


eventually("the talker is gone", lambda: gone("talker"))

step("deletes on conditions, with all that depends on it, and whole collections")
with refused(409, "the UID in the precondition"):
    preconditions = client.V1Preconditions(uid="00000000-0000-0000-0000-000000000000")
    core.delete_namespaced_config_map("page-0", NAMESPACE, body=client.V1DeleteOptions(preconditions=preconditions))
deleted = core.delete_namespaced_config_map("page-0", NAMESPACE)
expect(("Success", "page-0"), (deleted.status, deleted.details.name))
core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="app=pages")
expect([], core.list_namespaced_config_map(NAMESPACE, label_selector="app=pages").items)
apps.delete_namespaced_stateful_set("web", NAMESPACE, propagation_policy="Foreground")
eventually("the pets are gone", lambda: gone("web-0") and gone("web-1"))
eventually("the set is gone", lambda: not apps.list_namespaced_stateful_set(NAMESPACE).items)
with refused(404, '"kind":"statefulsets"', '"group":"apps"'):
    apps.delete_namespaced_stateful_set("web", NAMESPACE)

print("all steps are done")
