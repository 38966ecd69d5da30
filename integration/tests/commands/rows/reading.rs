//! What only reads.

use crate::{Chapter, refused, row};

/// Objects that nothing runs for: a set of no pets, and a pod that no node is good enough for.
const OBJECTS: &str = r"
cat > objects.yaml <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {app: demo, tier: one}}
data: {key: value}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, labels: {app: demo, tier: two}}
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: demo}}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80, name: http}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web, labels: {app: demo}}
spec:
  serviceName: web
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: pet, image: 'busybox:1'}]}
---
apiVersion: apps/v1alpha1
kind: PetSet
metadata: {name: old, labels: {app: demo}}
spec:
  serviceName: web
  replicas: 0
  template:
    metadata: {labels: {app: old}}
    spec: {containers: [{name: pet, image: 'busybox:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stuck, labels: {app: demo}}
spec: {nodeSelector: {place: nowhere}, containers: [{name: c, image: 'busybox:1'}]}
END
kubectl create namespace reading
kubectl config set-context --current --namespace=reading
kubectl create -f objects.yaml";

pub(super) static CHAPTER: Chapter = Chapter {
    title: "Reading",
    setup: OBJECTS,
    rows: &[
        row("get pods", "NAME    READY   STATUS    RESTARTS   AGE\nstuck   0/1     Pending   0 "),
        row("get pods -o wide", "IP       NODE     NOMINATED NODE   READINESS GATES\nstuck"),
        row("get statefulsets -o wide", "NAME   READY   AGE   CONTAINERS   IMAGES\nweb    0/0…pet…busybox:1"),
        row("get petsets", "NAME   DESIRED   CURRENT   AGE\nold    0         0 "),
        row("get services", "NAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE\nweb    ClusterIP   None"),
        row("get all", "pod/stuck…service/web…statefulset.apps/web").by("kubectl get all | sort"),
        row("get configmaps,services", "configmap/a…configmap/b…service/web"),
        row("get statefulset/web configmap/a", "statefulset.apps/web…configmap/a"),
        row("get -f objects.yaml", "configmap/a…petset.apps/old…pod/stuck"),
        row("get configmaps -A", "NAMESPACE…default…kube-root-ca.crt…reading…b"),
        row("get configmap a -o yaml", "apiVersion: v1\ndata:\n  key: value\nkind: ConfigMap"),
        row("get configmap a -o json", "\"key\": \"value\""),
        row("get configmaps -o name", "configmap/a\nconfigmap/b\n"),
        row("get configmap a -o jsonpath={.data.key}", "value"),
        row("get configmaps -o go-template=…", "a b kube-root-ca.crt ")
            .by("kubectl get configmaps -o go-template='{{range .items}}{{.metadata.name}} {{end}}'"),
        row("get configmaps -o custom-columns=…", "NAME…TIER\na…one\nb…two")
            .by("kubectl get configmaps -o custom-columns=NAME:.metadata.name,TIER:.metadata.labels.tier"),
        row("get configmaps --no-headers", "a "),
        row("get configmaps --show-labels", "LABELS\na…app=demo,tier=one"),
        row("get configmaps -L tier", "TIER\na…one"),
        row("get configmap a --show-kind", "configmap/a"),
        row("get configmap a --show-managed-fields -o yaml", "name: a"),
        row("get configmaps -l tier=one", "a ").by("kubectl get configmaps -l tier=one --no-headers; ! kubectl get configmaps -l tier=one | grep ^b"),
        row("get configmaps -l 'tier in (one,two),app!=x'", "a …b "),
        row("get configmaps -l '!tier'", "NAME…kube-root-ca.crt"),
        refused("get configmaps -l =", "found '=', expected: !, identifier, or 'end of string'"),
        row("get pods --field-selector status.phase=Pending,spec.restartPolicy!=Never", "stuck"),
        row("get configmaps --field-selector metadata.name=b", "NAME…b "),
        row("get events --field-selector involvedObject.name=stuck,type=Warning", "FailedScheduling…pod/stuck"),
        refused("get pods --field-selector spec.nonsense=1", "field label not supported: spec.nonsense"),
        refused("get configmaps --field-selector data=1", "\"data\" is not a known field selector: only"),
        row("get configmaps --sort-by=.metadata.labels.tier", "kube-root-ca.crt…a …b "),
        row("get events --sort-by=.lastTimestamp", "LAST SEEN…TYPE…REASON…OBJECT…MESSAGE"),
        row("get configmaps --chunk-size=1", "a …b …kube-root-ca.crt"),
        row("get statefulset web --subresource=status", "web"),
        row("get statefulset web --subresource=scale", "NAME   DESIRED   AVAILABLE   AGE\nweb    0         0 "),
        refused("get pod none", "Error from server (NotFound): pods \"none\" not found"),
        row("get pod none --ignore-not-found", ""),
        refused("get nonsense", "the server doesn't have a resource type \"nonsense\""),
        refused("get deployments", "the server doesn't have a resource type \"deployments\"")
            .differs("only sets run pods; whoever creates another workload is told what to use instead"),
        row("get configmaps -w", "a …kube-root-ca.crt…late ").by(
            "kubectl get configmaps -w > said & watch=$!; trap 'kill $watch' EXIT
            for i in $(seq 200); do grep -q kube-root said && break; sleep 0.1; done
            kubectl create configmap late > created
            for i in $(seq 200); do grep -q late said && break; sleep 0.1; done; cat said",
        ),
        row("get configmap late -w", "late…late…app=x").by(
            "kubectl get configmap late -w --show-labels > said & watch=$!; trap 'kill $watch' EXIT
            for i in $(seq 200); do grep -q late said && break; sleep 0.1; done
            kubectl label configmap late app=x > labelled
            for i in $(seq 200); do grep -q app=x said && break; sleep 0.1; done; cat said",
        ),
        row("get configmaps --watch-only --output-watch-events", "EVENT…DELETED…late").by(
            "kubectl get configmaps --watch-only --output-watch-events > said & watch=$!; trap 'kill $watch' EXIT
            for i in $(seq 99); do kubectl label --overwrite configmap late try=$i > labelled; grep -q MODIFIED said && break; sleep 0.2; done
            kubectl delete configmap late > deleted
            for i in $(seq 200); do grep -q DELETED said && break; sleep 0.1; done; cat said",
        ),
        row("describe pod stuck", "Name:…stuck…Node-Selectors:…place=nowhere…Events:…FailedScheduling"),
        row("describe statefulset web", "Name:…web…Replicas:…0 desired | 0 total…Pod Template:…busybox:1"),
        row("describe petset old", "Name:…old…Kind:…PetSet"),
        row("describe service web", "Name:…web…Port:…http  80/TCP"),
        row("describe configmap a", "Data\n====\nkey:\n----\nvalue"),
        row("describe namespace reading", "Status:…Active"),
        row("describe storageclass", "IsDefaultClass:…Yes"),
        row("describe KIND,KIND,…, of every kind", "Name:…reading").by(
            "kubectl describe $(kubectl api-resources --verbs=list -o name | paste -sd,)",
        ),
        refused("describe pod none", "Error from server (NotFound): pods \"none\" not found"),
        row("events", "LAST SEEN…FailedScheduling…Pod/stuck"),
        row("events --for=pod/stuck --types=Warning", "FailedScheduling…Pod/stuck"),
        row("events --watch", "FailedScheduling").by(
            "kubectl events --watch > said & watch=$!; trap 'kill $watch' EXIT
            for i in $(seq 200); do grep -q FailedScheduling said && break; sleep 0.1; done; cat said",
        ),
        row("wait pod/stuck --for=condition=PodScheduled=False", "pod/stuck condition met"),
        row("wait pod/stuck --for=jsonpath={.status.phase}=Pending", "pod/stuck condition met"),
        refused("wait pod/stuck --for=condition=Ready --timeout=1s", "timed out waiting for the condition on pods/stuck"),
        row("logs stuck", ""),
        refused("exec stuck -- true", "pod stuck does not have a host assigned"),
        refused("port-forward stuck 80", "pod is not running. Current status=Pending"),
    ],
};
