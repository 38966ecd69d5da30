//! Sets whose pets run.

use crate::{Chapter, refused, row};

const SET: &str = r"
kubectl create namespace sets
kubectl config set-context --current --namespace=sets
cat > set.yaml <<'END'
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80, name: http}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: web
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: pet
        image: busybox:1
        command: [sh, -c, 'echo this is $HOSTNAME; exec sleep 1000000']
        env: [{name: VERSION, value: '1'}]
END
kubectl apply -f set.yaml";

pub(super) static CHAPTER: Chapter = Chapter {
    title: "Sets",
    setup: SET,
    rows: &[
        row(
            "rollout status",
            "Waiting for 2 pods to be ready...…partitioned roll out complete: 2 new pods have been updated",
        )
        .by("kubectl rollout status statefulset/web"),
        row("get pods -o custom-columns=…, of a set", "web-0   true\nweb-1   true\n")
            .by("kubectl get pods --no-headers -o custom-columns=:.metadata.name,:.status.containerStatuses[0].ready"),
        row(
            "describe statefulset web, that runs",
            "Pods Status:…2 Running / 0 Waiting…create Pod web-0 in StatefulSet web successful",
        )
        .by("kubectl describe statefulset web | sed s/Create/create/"),
        row("logs statefulset/web", "this is web-").by("kubectl logs statefulset/web"),
        row("logs -l app=web --prefix", "[pod/web-0/pet] this is web-0\n[pod/web-1/pet] this is web-1\n")
            .by("kubectl logs -l app=web --prefix | sort"),
        row("exec statefulset/web", "web-0").by("kubectl exec statefulset/web -- hostname"),
        row("set env, and rollout status", "roll out complete: 2 new pods…2 2")
            .by("kubectl set env statefulset/web VERSION=2; kubectl rollout status statefulset/web
            kubectl get pods -l app=web -o jsonpath='{.items[*].spec.containers[0].env[0].value}'"),
        row("rollout history", "REVISION  CHANGE-CAUSE\n1         <none>\n2         <none>")
            .by("kubectl rollout history statefulset/web"),
        row("rollout history --revision=1", "revision #1\nPod Template:…VERSION:\t1")
            .by("kubectl rollout history statefulset/web --revision=1"),
        row("rollout undo --dry-run=server", "rolled back (server dry run)")
            .by("kubectl rollout undo statefulset/web --dry-run=server"),
        row("rollout undo", "rolled back…roll out complete…1 1")
            .by("kubectl rollout undo statefulset/web; kubectl rollout status statefulset/web
            kubectl get pods -l app=web -o jsonpath='{.items[*].spec.containers[0].env[0].value}'"),
        row("rollout undo --to-revision=2", "rolled back").by("kubectl rollout undo statefulset/web --to-revision=2"),
        refused("rollout undo --to-revision=99", "unable to find specified revision")
            .by("kubectl rollout undo statefulset/web --to-revision=99"),
        row("rollout restart", "restarted…roll out complete")
            .by("kubectl rollout restart statefulset/web; kubectl rollout status statefulset/web"),
        refused("rollout pause", "pausing is not supported").by("kubectl rollout pause statefulset/web"),
        row("scale", "scaled…roll out complete")
            .by("kubectl scale statefulset web --replicas=3; kubectl rollout status statefulset/web"),
        row("scale --current-replicas=3", "statefulset.apps/web scaled")
            .by("kubectl scale statefulset web --current-replicas=3 --replicas=1
            kubectl wait --for=delete pod/web-1 pod/web-2 --timeout=40s"),
        row("wait --for=condition=Ready pod --all", "pod/web-0 condition met")
            .by("kubectl wait --for=condition=Ready pod --all"),
        row("wait --for=jsonpath={.status.readyReplicas}=1", "statefulset.apps/web condition met")
            .by("kubectl wait --for=jsonpath='{.status.readyReplicas}'=1 statefulset/web --timeout=20s"),
        row("delete pod, of a set", "pod \"web-0\" deleted…condition met").by("kubectl delete pod web-0
            for i in $(seq 100); do kubectl get pod web-0 > seen 2>&1 && break; sleep 0.1; done
            kubectl wait --for=condition=Ready pod/web-0 --timeout=40s"),
        row("delete statefulset --cascade=orphan", "statefulset.apps \"web\" deleted…web-0")
            .by("kubectl get statefulset web -o yaml | grep -v resourceVersion: > kept.yaml
            kubectl delete statefulset web --cascade=orphan; kubectl get pods"),
        row("create, of the set whose pods were left", "statefulset.apps/web created…pod/web-0 condition met")
            .by("kubectl create -f kept.yaml
            kubectl wait --for=jsonpath='{.metadata.ownerReferences[0].kind}'=StatefulSet pod/web-0 --timeout=20s"),
        row("delete statefulset", "statefulset.apps \"web\" deleted…condition met").by(
            "kubectl delete statefulset web; kubectl wait --for=delete pod/web-0 --timeout=40s; echo condition met",
        ),
    ],
};
