//! Ways into pods.

use crate::{Chapter, Row, refused, row};

const PODS: &str = r#"
kubectl create namespace pods
kubectl config set-context --current --namespace=pods
kubectl create -f - <<'END'
apiVersion: v1
kind: Pod
metadata: {name: loud, labels: {app: loud}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: first
    image: busybox:1
    command: [sh, -c, 'test -e /kept/again || { echo before; touch /kept/again; exit 3; }; seq 5; exec sleep 1000000']
    volumeMounts: [{name: kept, mountPath: /kept}]
  - name: second
    image: busybox:1
    command: [sh, -c, 'mkdir /www; echo page > /www/page; echo serving; exec httpd -f -p 8080 -h /www']
  volumes: [{name: kept, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: echo}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: echo, image: 'busybox:1', stdin: true, command: [sh, -c, 'while read line; do echo "said $line"; done; sleep 1000000']}]
---
apiVersion: v1
kind: Service
metadata: {name: loud}
spec: {clusterIP: None, selector: {app: loud}, ports: [{port: 8080}]}
END
kubectl wait --for=condition=Ready pod --all --timeout=50s
cat > forward <<'END'
kubectl port-forward $target > said & forward=$!; trap 'kill $forward' EXIT
for i in $(seq 400); do grep -q 'from 127' said && break; sleep 0.1; done
cat said >&2; curl -sf --max-time 15 http://$(sed -n 's/Forwarding from \(127[0-9.:]*\) .*/\1/p' said)/page
END
for i in $(seq 100); do kubectl logs loud -c first --tail=1 | grep 5 && break; sleep 0.1; done"#;

pub(super) static CHAPTER: Chapter = Chapter {
    title: "Pods",
    setup: PODS,
    rows: &[
        row("get pods, that run", "NAME   READY   STATUS    RESTARTS …AGE\necho   1/1     Running   0 …loud   2/2     Running   1 (")
            .by("kubectl get pods"),
        row("describe pod, that runs", "Last State:…Terminated…Exit Code:…3…Restart Count:…1…Started")
            .by("kubectl describe pod loud"),
        row("top pods", "NAME   CPU(cores)   MEMORY(bytes) …\necho   …m …Mi …\nloud   …m …Mi"),
        row("top pod NAME --containers", "POD    NAME     CPU(cores)   MEMORY(bytes) …\nloud   first    …\nloud   second ")
            .by("kubectl top pod loud --containers"),
        row("top pods -l", "NAME   CPU(cores)   MEMORY(bytes) …\nloud ").by("kubectl top pods -l app=loud"),
        refused("top pod, of one that is not there", "podmetrics.metrics.k8s.io \"pods/nonesuch\" not found")
            .by("kubectl top pod nonesuch"),
        row("get pods.metrics.k8s.io", "NAME   CPU …MEMORY …WINDOW\necho …Ki …s\nloud "),
        row("logs -c", "1\n2\n3\n4\n5\n").by("kubectl logs loud -c first"),
        row("logs, of several containers", "Defaulted container \"first\" out of: first, second").by("kubectl logs loud"),
        row("logs --all-containers", "serving\n").by("kubectl logs loud --all-containers | sort -r"),
        row("logs --all-containers --prefix", "[pod/loud/second] serving").by("kubectl logs loud --all-containers --prefix"),
        row("logs --previous", "before\n").by("kubectl logs loud -c first --previous"),
        refused("logs --previous, where there is none", "previous terminated container \"echo\" in pod \"echo\" not found")
            .by("kubectl logs echo --previous"),
        row("logs --tail", "4\n5\n").by("test $(kubectl logs loud -c first --tail=2 | wc -l) = 2; kubectl logs loud -c first --tail=2"),
        row("logs --timestamps", "T").by(
            "kubectl logs loud -c second --timestamps | grep -E '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z serving$'",
        ),
        row("logs --since", "serving").by("kubectl logs loud -c second --since=1h; test -z \"$(kubectl logs loud -c second --since=1s)\""),
        row("logs --since-time", "serving").by(
            "kubectl logs loud -c second --since-time=2020-01-01T00:00:00Z
            test -z \"$(kubectl logs loud -c second --since-time=2099-01-01T00:00:00Z)\"",
        ),
        row("logs --limit-bytes", "1\n2").by("test $(kubectl logs loud -c first --limit-bytes=3 | wc -c) = 3; kubectl logs loud -c first --limit-bytes=3"),
        row("logs -l", "serving").by("kubectl logs -l app=loud -c second"),
        refused("logs -c, of no container", "container nonsense is not valid for pod loud").by("kubectl logs loud -c nonsense"),
        row("logs --follow", "serving…GET").by(
            "kubectl logs loud -c second --follow > said & follow=$!; trap 'kill $follow' EXIT
            for i in $(seq 100); do grep -q serving said && break; sleep 0.1; done
            kubectl exec loud -c second -- sh -c 'echo GET > /proc/1/fd/1'
            for i in $(seq 100); do grep -q GET said && break; sleep 0.1; done; cat said",
        ),
        Row { code: 7, ..row("exec, of what fails", "command terminated with exit code 7") }
            .by("kubectl exec loud -c first -- sh -c 'exit 7'"),
        row("exec, with its output apart", "out\nerr\n").by("kubectl exec loud -c first -- sh -c 'echo out; echo err >&2'"),
        row("exec -i", "30000\n").by("seq 30000 | kubectl exec -i loud -c first -- wc -l"),
        row("exec -it", "/dev/").by("script -qec 'kubectl exec -it loud -c first -- tty' /dev/null < /dev/null"),
        row("exec, without a container's name", "Defaulted container \"first\"").by("kubectl exec loud -- true"),
        refused("exec, of no program", "nonsense").by("kubectl exec loud -c first -- nonsense || exit 1"),
        row("attach -i", "said hello").by("(echo hello; sleep 2) | kubectl attach -i echo"),
        row("cp FILE POD:", "same\n").by("seq 9999 > there; kubectl cp there loud:/tmp/there -c first; kubectl exec loud -c first -- cat /tmp/there | cmp - there; echo same"),
        row("cp POD: FILE", "same\n").by("kubectl cp loud:/tmp/there back -c first; cmp there back; echo same"),
        row("cp FOLDER POD:", "one\ntwo\n").by(
            "mkdir -p folder; touch folder/one folder/two; kubectl cp folder loud:/tmp/folder -c first
            kubectl exec loud -c first -- ls /tmp/folder",
        ),
        row("port-forward pod/…", "page").by("target='pod/loud :8080'; . ./forward"),
        row("port-forward service/…", "page").by("target='service/loud :8080'; . ./forward"),
        row("debug POD --target", "httpd").by(
            "kubectl debug loud -c look --image=busybox:1 --target=second -- sh -c 'ps -o args; sleep 1000000'
            for i in $(seq 200); do kubectl logs loud -c look > seen 2>&1 && grep httpd seen && break; sleep 0.1; done; grep httpd seen",
        ),
        row("debug -it POD", "inside").by(
            "script -qec \"kubectl debug -it echo -c inside --image=busybox:1 -- sh -c 'sleep 2; echo inside'\" /dev/null < /dev/null",
        ),
        row("get pod -o jsonpath=…, after debug", "true look").by(
            "kubectl get pod loud -o jsonpath='{.status.containerStatuses[1].ready} {.spec.ephemeralContainers[*].name}'",
        ),
        row("debug POD --copy-to", "Running").by(
            "kubectl debug echo --copy-to=copy --image=busybox:1 -- sleep 1000000
            kubectl wait --for=condition=Ready pod/copy --timeout=40s > met; kubectl get pod copy; kubectl delete pod copy --now",
        ),
        row("run", "pod/ran created…Succeeded").by(
            "kubectl run ran --image=busybox:1 --restart=Never --labels=app=ran -- true
            kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/ran --timeout=40s > met
            kubectl get pod ran -o jsonpath='{.status.phase}'",
        ),
        row("run -it --rm", "inside…deleted").by(
            "script -qec \"kubectl run once -it --rm --restart=Never --image=busybox:1 -- sh -c 'sleep 1; echo inside'\" /dev/null < /dev/null",
        ),
        row("run --rm -i, with input", "5…deleted").by("(sleep 1; seq 5) | kubectl run once -i --rm --restart=Never --image=busybox:1 -- wc -l"),
        row("run --restart=OnFailure", "pod/again created").by("kubectl run again --image=busybox:1 --restart=OnFailure -- true"),
        row("expose pod", "service/ran exposed").by("kubectl expose pod ran --port=80"),
        row("delete pod --now", "pod \"again\" deleted").by("kubectl delete pod again --now"),
        row("delete pod --force", "Warning: Immediate deletion…pod \"ran\" force deleted")
            .by("kubectl delete pod ran --force 2>&1"),
        row("delete pod -l, --grace-period", "pod \"loud\" deleted").by("kubectl delete pod -l app=loud --grace-period=1"),
    ],
};
