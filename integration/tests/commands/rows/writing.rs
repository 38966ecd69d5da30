//! What writes objects, without a pod.

use crate::{Chapter, refused, row};

/// Files to write from.
const FILES: &str = r"
kubectl create namespace writing
kubectl config set-context --current --namespace=writing
mkdir -p base overlay
cat > base/config.yaml <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: config, labels: {app: demo}}
data: {one: '1', two: '2'}
END
cat > base/kustomization.yaml <<'END'
resources: [config.yaml]
END
cat > overlay/kustomization.yaml <<'END'
resources: [../base]
namePrefix: over-
configMapGenerator: [{name: made, literals: [a=b]}]
END
sed '/data:/s/, two: .2.//' base/config.yaml > less.yaml
sed 's/^data:/nonsense:/' base/config.yaml > nonsense.yaml
cat > web.yaml <<'END'
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: web
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: pet, image: 'busybox:1'}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
END
sed 's/StatefulSet/PetSet/; s/v1$/v1alpha1/; s/name: web}/name: old}/' web.yaml > old.yaml
cat > add <<'END'
#!/bin/sh
sed -i 's/^data:/data:\n  edited: by-hand/' $1
END
cat > spoil <<'END'
#!/bin/sh
grep -q '^# configmaps' $1 && cat $1 > spoilt && exit 0
sed -i 's/^  one: .*/  one: [a, list]/' $1
END
cat > forbid <<'END'
#!/bin/sh
grep -q '^# .*Forbidden' $1 && cat $1 > forbidden && exit 0
sed -i 's/serviceName: web/serviceName: other/' $1
END
chmod +x add spoil forbid";

const NO_EFFECT: &str = "kept without effect, with a warning: what somebody may do is the scope of their token";

pub(super) static CHAPTER: Chapter = Chapter {
    title: "Writing",
    setup: FILES,
    rows: &[
        row("create -f FILE", "configmap/config created").by("kubectl create -f base/config.yaml"),
        refused("create -f FILE, again", "configmaps \"config\" already exists").by("kubectl create -f base/config.yaml"),
        refused("create -f FILE with an unknown field", "unknown field \"nonsense\"").by("kubectl create -f nonsense.yaml"),
        row("create --validate=warn -f FILE with an unknown field", "created (server dry run)…Warning…unknown field \"nonsense\"")
            .by("sed s/config/lax/ nonsense.yaml | kubectl create --validate=warn --dry-run=server -f -"),
        row("create --dry-run=client -o yaml", "kind: Namespace…name: x").by("kubectl create namespace x --dry-run=client -o yaml"),
        row("create --dry-run=server", "namespace/x created (server dry run)").by("kubectl create namespace x --dry-run=server"),
        row("create namespace", "namespace/made created").by("kubectl create namespace made"),
        row("create configmap", "configmap/made created").by("kubectl create configmap made --from-literal=a=b --from-file=web.yaml"),
        row("create secret generic", "secret/made created").by("kubectl create secret generic made --from-literal=a=b"),
        row("create secret tls", "secret/tls created…kubernetes.io/tls").by(
            "openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -subj /CN=x -days 2 2> openssl
            kubectl create secret tls tls --cert=cert --key=key; kubectl get secret tls",
        ),
        row("create secret docker-registry", "secret/registry created")
            .by("kubectl create secret docker-registry registry --docker-username=u --docker-password=p"),
        row("create serviceaccount", "serviceaccount/made created").by("kubectl create serviceaccount made"),
        row("create service clusterip", "service/cluster created").by("kubectl create service clusterip cluster --tcp=80:8080"),
        row("create service externalname", "service/far created")
            .by("kubectl create service externalname far --external-name=example.com"),
        row("create service nodeport", "service/port created\n3").by(
            "kubectl create service nodeport port --tcp=80; kubectl get service port -o jsonpath='{.spec.ports[0].nodePort}'",
        ),
        row("create poddisruptionbudget", "poddisruptionbudget.policy/made created")
            .by("kubectl create pdb made --selector=app=web --min-available=1"),
        row("create quota", "resourcequota/made created").differs("kept without effect, with a warning").by(
            "kubectl create quota made --hard=pods=3",
        ),
        row("create priorityclass", "priorityclass.scheduling.k8s.io/made created")
            .differs("kept without effect, with a warning: there is one node")
            .by("kubectl create priorityclass made --value=3"),
        row("create role", "role.rbac.authorization.k8s.io/made created")
            .differs(NO_EFFECT)
            .by("kubectl create role made --verb=get --resource=pods"),
        row("create rolebinding", "rolebinding.rbac.authorization.k8s.io/made created")
            .differs(NO_EFFECT)
            .by("kubectl create rolebinding made --role=made --serviceaccount=writing:made"),
        row("create clusterrole, clusterrolebinding", "clusterrole.rbac.authorization.k8s.io/made created…made created")
            .differs(NO_EFFECT)
            .by("kubectl create clusterrole made --verb=get --resource=pods
                kubectl create clusterrolebinding made --clusterrole=made --user=x"),
        row("auth reconcile -f FILE", "made reconciled")
            .differs(NO_EFFECT)
            .by("kubectl get role made -o yaml > role.yaml; kubectl auth reconcile -f role.yaml"),
        row("set subject", "subjects updated").by("kubectl set subject rolebinding made --user=x"),
        row("create token", "parts: 3").by("echo \"parts: $(kubectl create token default | tr . '\\n' | grep -c .)\""),
        refused("create deployment", "petset does not serve deployments.apps: use a StatefulSet, or a pod")
            .differs("refused, with what to use instead")
            .by("kubectl create deployment x --image=busybox:1"),
        refused("create job", "petset does not serve jobs.batch: use a pod")
            .differs("refused, with what to use instead")
            .by("kubectl create job x --image=busybox:1"),
        refused("create cronjob", "petset does not serve cronjobs.batch")
            .differs("refused, with what to use instead")
            .by("kubectl create cronjob x --image=busybox:1 --schedule='* * * * *'"),
        refused("create ingress", "petset does not serve ingresses.networking.k8s.io")
            .differs("refused, with what to use instead")
            .by("kubectl create ingress x --rule=host/path=web:80"),
        row("apply -f FILE", "statefulset.apps/web created").by("kubectl apply -f web.yaml"),
        row("apply -f FILE, of a PetSet", "petset.apps/old created…petset.apps/old configured")
            .by("kubectl apply -f old.yaml; kubectl apply -f old.yaml"),
        row("apply -f FILE, again with templates of claims", "statefulset.apps/web configured")
            .by("kubectl apply -f web.yaml"),
        row("apply -f FILE, of what create has made", "annotation…config configured…unchanged").by(
            "kubectl apply -f base/config.yaml 2>&1; kubectl apply -f base/config.yaml",
        ),
        row("apply -f FILE, without a field that was there", "configured\n{\"one\":\"1\"}")
            .by("kubectl apply -f less.yaml; kubectl get configmap config -o jsonpath='{.data}'"),
        row("apply --dry-run=server", "configured (server dry run)").by("kubectl apply --dry-run=server -f base/config.yaml"),
        row("apply --prune -l", "configmap/config unchanged\nconfigmap/pruned pruned").by(
            "sed 's/name: config/name: pruned/' less.yaml | kubectl apply -f - > first
            kubectl apply --prune -l app=demo --prune-allowlist=core/v1/ConfigMap -f less.yaml",
        ),
        row("apply -k FOLDER", "configmap/over-config created\nconfigmap/over-made-").by("kubectl apply -k overlay | sort"),
        row("kustomize FOLDER", "name: over-config").by("kubectl kustomize overlay"),
        row("delete -k FOLDER", "configmap \"over-config\" deleted").by("kubectl delete -k overlay"),
        row("apply view-last-applied", "one: \"1\"").by("kubectl apply view-last-applied configmap/config"),
        row("apply set-last-applied", "configmap/config configured")
            .by("kubectl apply set-last-applied -f base/config.yaml"),
        row("apply --server-side", "configmap/config serverside-applied").by("kubectl apply --server-side -f less.yaml"),
        refused("apply --server-side, of what somebody else owns", "Apply failed with 2 conflicts: conflicts with \"kubectl\":\n- .data.one")
            .by("sed 's/one: .1./one: more/' less.yaml | kubectl apply --server-side --field-manager=other -f -"),
        refused("diff --server-side -f FILE", "+  two: \"2\"").by("kubectl diff --server-side -f base/config.yaml"),
        refused("diff -f FILE", "+  two: \"2\"").by("kubectl diff -f base/config.yaml"),
        row("diff -f FILE, of what is so", "").by("kubectl diff -f less.yaml || kubectl apply -f less.yaml && kubectl diff -f less.yaml"),
        row("edit", "configmap/config edited\nby-hand").by(
            "KUBE_EDITOR=./add kubectl edit configmap config; kubectl get configmap config -o jsonpath='{.data.edited}'",
        ),
        row("edit, without a change", "Edit cancelled, no changes made.").by("KUBE_EDITOR=true kubectl edit configmap config"),
        refused("edit, to what is no ConfigMap", "cannot unmarshal…configmaps \"config\" is invalid")
            .by("KUBE_EDITOR=./spoil kubectl edit configmap config || { code=$?; cat spoilt; exit $code; }"),
        refused("edit, of what may not change", "statefulsets.apps \"web\" was not valid:…spec: Forbidden: updates to statefulset spec")
            .by("KUBE_EDITOR=./forbid kubectl edit statefulset web || { code=$?; cat forbidden; exit $code; }"),
        row("patch", "statefulset.apps/web patched\nbusybox:2").by(
            r#"kubectl patch statefulset web -p '{"spec":{"template":{"spec":{"containers":[{"name":"pet","image":"busybox:2"}]}}}}'
            kubectl get statefulset web -o jsonpath='{..image}'"#,
        ),
        row("patch, of a PetSet", "petset.apps/old patched (no change)")
            .by(r#"kubectl patch petset old -p '{"spec":{"replicas":0}}'"#),
        row("patch --type=merge", "configmap/config patched (no change)")
            .by(r#"kubectl patch configmap config --type=merge -p '{"data":{"one":"1"}}'"#),
        row("patch --type=json", "configmap/config patched").by(
            r#"kubectl patch configmap config --type=json -p '[{"op":"add","path":"/data/three","value":"3"}]'"#,
        ),
        refused("patch --type=json, where a test fails", "the server rejected our request due to an error in our request").by(
            r#"kubectl patch configmap config --type=json -p '[{"op":"test","path":"/data/one","value":"9"}]'"#,
        ),
        row("patch --subresource=scale", "scale.autoscaling/web patched (no change)")
            .by(r#"kubectl patch statefulset web --subresource=scale --type=merge -p '{"spec":{"replicas":0}}'"#),
        row("patch --subresource=status", "petset.apps/old patched")
            .by(r#"kubectl patch petset old --subresource=status --type=merge -p '{"status":{"replicas":0}}'"#),
        row("replace -f FILE", "configmap/config replaced").by("kubectl replace -f base/config.yaml"),
        refused("replace -f FILE, of an older version", "the object has been modified; please apply your changes to the latest version")
            .by("kubectl get configmap config -o yaml > older.yaml; kubectl label configmap config a=b; kubectl replace -f older.yaml"),
        row("replace --force -f FILE", "configmap \"config\" deleted…configmap/config replaced")
            .by("kubectl replace --force -f base/config.yaml"),
        row("label", "configmap/config labeled").by("kubectl label configmap config a=b"),
        refused("label, what has it already", "'a' already has a value (b), and --overwrite is false")
            .by("kubectl label configmap config a=c"),
        row("label --overwrite", "configmap/config labeled").by("kubectl label --overwrite configmap config a=c"),
        row("label KEY-", "configmap/config unlabeled").by("kubectl label configmap config a-"),
        row("label --list", "app=demo").by("kubectl label configmap config --list"),
        refused("label, with what is none", "a valid label must be").by("kubectl label configmap config 'a=!'"),
        row("annotate", "configmap/config annotate…\nb").by(
            "kubectl annotate configmap config a=b; kubectl get configmap config -o jsonpath='{.metadata.annotations.a}'",
        ),
        row("annotate KEY-", "configmap/config annotate").by("kubectl annotate configmap config a-"),
        row("set image", "statefulset.apps/web image updated").by("kubectl set image statefulset/web pet=busybox:3"),
        row("set env", "statefulset.apps/web env updated\n…A=b").by(
            "kubectl set env statefulset/web A=b; kubectl set env statefulset/web --list",
        ),
        row("set env --from=configmap/…", "statefulset.apps/web env updated\n…C_ONE from configmap config, key one").by(
            "kubectl set env statefulset/web --from=configmap/config --prefix=C_; kubectl set env statefulset/web --list",
        ),
        row("set resources", "statefulset.apps/web resource requirements updated")
            .by("kubectl set resources statefulset/web --requests=cpu=10m"),
        row("set serviceaccount", "statefulset.apps/web serviceaccount updated")
            .by("kubectl set serviceaccount statefulset/web made"),
        row("set selector", "service/cluster selector updated").by("kubectl set selector service cluster a=b"),
        refused("set image, of a PetSet", "no kind \"PetSet\" is registered")
            .differs("kubectl itself knows no PetSets; `kubectl patch` does it, where the set allows the change")
            .by("kubectl set image petset/old pet=busybox:3"),
        row("scale, of a PetSet", "petset.apps/old scaled").by("kubectl scale petset old --replicas=0"),
        refused("scale --current-replicas=3, where there are none", "Expected replicas to be 3, was 0")
            .by("kubectl scale statefulset web --current-replicas=3 --replicas=0"),
        refused("autoscale", "autoscaling")
            .differs("refused: sets are scaled by hand")
            .by("kubectl autoscale statefulset web --max=3"),
        row("expose service", "service/shown exposed").by("kubectl expose service cluster --name=shown --port=81"),
        refused("expose statefulset", "cannot expose a StatefulSet.apps").by("kubectl expose statefulset web --port=80"),
        row("wait --for=delete", "condition met").by(
            "kubectl wait --for=delete secret/tls --timeout=20s & wait=$!
            sleep 2; kubectl delete secret tls > deleted; wait $wait",
        ),
        row("wait --for=create", "condition met")
            .since(31)
            .by("kubectl wait --for=create secret/new --timeout=20s & wait=$!
                sleep 0.5; kubectl create secret generic new > created; wait $wait"),
        row("delete TYPE NAME", "secret \"made\" deleted").by("kubectl delete secret made"),
        row("delete -f FILE", "petset.apps \"old\" deleted").by("kubectl delete -f old.yaml"),
        row("delete --cascade=orphan", "statefulset.apps \"web\" deleted").by("kubectl delete statefulset web --cascade=orphan"),
        row("delete --cascade=foreground", "statefulset.apps \"web\" deleted")
            .by("kubectl create -f web.yaml > created; kubectl delete statefulset web --cascade=foreground"),
        row("delete --dry-run=server", "deleted…(server dry run)").by("kubectl delete configmap config --dry-run=server"),
        row("delete --wait=false", "configmap \"config\" deleted").by("kubectl delete configmap config --wait=false"),
        row("delete -l", "service \"cluster\" deleted").by("kubectl delete services -l app=cluster"),
        row("delete TYPE --all", "service \"far\" deleted").by("kubectl delete services --all"),
        row("delete, what has a finalizer", "deleted\nheld\n").by(
            r#"kubectl create configmap held > created
            kubectl patch configmap held -p '{"metadata":{"finalizers":["example.com/hold"]}}' > patched
            kubectl delete configmap held --wait=false | sed 's/.* deleted.*/deleted/'
            kubectl get configmap held -o jsonpath='{.metadata.name}{"\n"}'
            kubectl patch configmap held --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]'"#,
        ),
        refused("delete, what is not there", "Error from server (NotFound): configmaps \"none\" not found")
            .by("kubectl delete configmap none"),
        row("delete --ignore-not-found", "").by("kubectl delete configmap none --ignore-not-found"),
        row("delete namespace", "namespace \"made\" deleted").by("kubectl delete namespace made"),
    ],
};
