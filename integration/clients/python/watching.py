"""watch.Watch and informer.SharedInformer: what changes, in order, also after a break."""

import threading

from steps import NAMESPACE, connect, eventually, expect, step

from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.informer import SharedInformer

api = connect()
core = client.CoreV1Api(api)
WATCHED = {"namespace": NAMESPACE, "label_selector": "watched=yes"}


def config_map(name):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"watched": "yes"}), data={})


def observed(watcher, count, **parameters):
    """The first events of a watch."""
    events = []
    for event in watcher.stream(core.list_namespaced_config_map, **WATCHED, **parameters):
        events.append((event["type"], event["object"].metadata.name))
        if len(events) == count:
            watcher.stop()
    return events


def short(*arguments, **parameters):
    """A watch that the server ends after a second. Told so itself, the library would not begin anew."""
    return core.list_namespaced_config_map(*arguments, timeout_seconds=1, **parameters)


# It is read by the library, which learns from it what is listed.
short.__doc__ = core.list_namespaced_config_map.__doc__

for name in ["a", "b"]:
    core.create_namespaced_config_map(NAMESPACE, config_map(name))

step("begins with what is there")
watcher = watch.Watch()
expect([("ADDED", "a"), ("ADDED", "b")], observed(watcher, 2))
first = watcher.resource_version

step("goes on from where it was")
core.patch_namespaced_config_map("a", NAMESPACE, {"data": {"k": "v"}})
core.create_namespaced_config_map(NAMESPACE, config_map("c"))
core.delete_namespaced_config_map("b", NAMESPACE)
changes = [("MODIFIED", "a"), ("ADDED", "c"), ("DELETED", "b")]
expect(changes, observed(watcher, 3, resource_version=watcher.resource_version))

step("sees an object leave a selection")
core.patch_namespaced_config_map("c", NAMESPACE, {"metadata": {"labels": {"watched": "no"}}})
expect([("DELETED", "c")], observed(watcher, 1, resource_version=watcher.resource_version))

step("begins anew by itself when the server ends a watch")
listed = core.list_namespaced_config_map(**WATCHED)
core.create_namespaced_config_map(NAMESPACE, config_map("d"))
# The server ends each watch after a second, and the change comes after two.
again, asked = watch.Watch(), []
for event in again.stream(short, **WATCHED, resource_version=listed.metadata.resource_version):
    asked.append((event["type"], event["object"].metadata.name))
    if asked == [("ADDED", "d")]:
        threading.Timer(2, core.delete_namespaced_config_map, ("d", NAMESPACE)).start()
    else:
        again.stop()
expect([("ADDED", "d"), ("DELETED", "d")], asked)

step("ends when its time is up")
expect([("ADDED", "a")], observed(watch.Watch(), 99, timeout_seconds=1))

step("keeps a cache by an informer")
heard = []
informer = SharedInformer(core.list_namespaced_config_map, namespace=NAMESPACE, label_selector="watched=yes")
for kind in ["ADDED", "MODIFIED", "DELETED"]:
    informer.add_event_handler(kind, lambda item, kind=kind: heard.append((kind, item.metadata.name)))
informer.start()
eventually("the cache has what is there", lambda: [item.metadata.name for item in informer.cache.list()] == ["a"])
core.create_namespaced_config_map(NAMESPACE, config_map("e"))
core.delete_namespaced_config_map("a", NAMESPACE)
wanted = [("ADDED", "a"), ("ADDED", "e"), ("DELETED", "a")]
eventually("its handlers have heard of the changes", lambda: heard == wanted)
expect(["e"], [item.metadata.name for item in informer.cache.list()])
informer.stop()

step("hears that a revision is too old, and begins anew")
# More than the eight MiB of changes that are kept.
for round in range(12):
    core.patch_namespaced_config_map("e", NAMESPACE, {"data": {"k": f"{round:x}" * 900_000}})
try:
    observed(watch.Watch(), 1, resource_version=first)
    raise AssertionError("the first revision is still known")
except ApiException as refusal:
    expect(410, refusal.status)
    assert refusal.reason.startswith("Expired: too old resource version"), refusal.reason
listed = core.list_namespaced_config_map(**WATCHED)
core.create_namespaced_config_map(NAMESPACE, config_map("f"))
expect([("ADDED", "f")], observed(watch.Watch(), 1, resource_version=listed.metadata.resource_version))

print("all steps are done")
