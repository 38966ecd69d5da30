"""kubernetes.leaderelection: of two candidates one leads, and the other does when the first is gone."""

import json
import multiprocessing

from steps import NAMESPACE, connect, eventually, step

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock


def run(identity):
    connect()
    settings = electionconfig.Config(
        ConfigMapLock("leader", NAMESPACE, identity),
        lease_duration=3,
        renew_deadline=2,
        retry_period=1,
        onstarted_leading=lambda: None,
        onstopped_leading=lambda: None,
    )
    leaderelection.LeaderElection(settings).run()


def holder(core):
    try:
        lock = core.read_namespaced_config_map("leader", NAMESPACE)
    except ApiException as missing:
        assert missing.status == 404, missing
        return None
    return json.loads(lock.metadata.annotations["control-plane.alpha.kubernetes.io/leader"])["holderIdentity"]


if __name__ == "__main__":
    core = client.CoreV1Api(connect())
    candidates = {name: multiprocessing.Process(target=run, args=(name,), daemon=True) for name in ["a", "b"]}
    step("elects the first")
    candidates["a"].start()
    eventually("a leads", lambda: holder(core) == "a")
    step("elects the other when the first is gone")
    candidates["b"].start()
    candidates["a"].kill()
    eventually("b leads", lambda: holder(core) == "b")
    candidates["b"].kill()
    print("all steps are done")
