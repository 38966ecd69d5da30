"""What the programs beside this one share: a client of the server that KUBECONFIG names, and a line for each step."""

import contextlib
import time

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

NAMESPACE = "default"
# Nothing on a machine that works takes longer.
PATIENCE_SECONDS = 90


def step(name):
    """Says what comes next: the last line of a program that failed is the step that did."""
    print(f"step: {name}", flush=True)


def connect():
    """A client of the server. It checks what is sent and what comes against the library's models, as it does by default."""
    config.load_kube_config()
    api = client.ApiClient()
    assert api.configuration.client_side_validation, "the library's checks are off"
    return api


def expect(wanted, got):
    """Fails where these differ, and shows both."""
    assert got == wanted, f"wanted {wanted!r}, got {got!r}"


def eventually(what, condition):
    """Waits until a condition holds, and returns what it gave."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"never came true: {what}")


@contextlib.contextmanager
def refused(status, *words):
    """What is done inside has to be refused with this status, in these words."""
    try:
        yield
    except ApiException as refusal:
        expect(status, refusal.status)
        for word in words:
            assert word in refusal.body, refusal.body
        return
    raise AssertionError(f"was not refused with {status}")


def pod(name, *command, **spec):
    """A pod of one container, `app`."""
    container = client.V1Container(name="app", image="busybox:1", command=list(command))
    return client.V1Pod(
        metadata=client.V1ObjectMeta(name=name),
        spec=client.V1PodSpec(containers=[container], termination_grace_period_seconds=0, **spec),
    )


def is_ready(of_pod):
    """Whether a pod's Ready condition is true."""
    conditions = of_pod.status.conditions or []
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)


def stateful_set(name, replicas=1, env=None):
    """A set of pods that sleep, whose template has these variables."""
    labels = {"app": name}
    variables = [client.V1EnvVar(name=key, value=value) for key, value in (env or {}).items()]
    container = client.V1Container(name="pet", image="busybox:1", command=["sleep", "1000000"], env=variables)
    return client.V1StatefulSet(
        metadata=client.V1ObjectMeta(name=name),
        spec=client.V1StatefulSetSpec(
            replicas=replicas,
            service_name=name,
            selector=client.V1LabelSelector(match_labels=labels),
            template=client.V1PodTemplateSpec(
                metadata=client.V1ObjectMeta(labels=labels),
                spec=client.V1PodSpec(containers=[container], termination_grace_period_seconds=0),
            ),
        ),
    )
