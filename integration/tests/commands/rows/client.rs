//! What is about the client and the API as a whole.

use crate::{Chapter, refused, row};

pub(super) static CHAPTER: Chapter = Chapter {
    title: "The client, and what is served",
    setup: "",
    rows: &[
        row("version", "v1.36.0+petset-"),
        row("version -o yaml", "serverVersion:…gitVersion: v1.36.0+petset-"),
        row("cluster-info", "is running at…https://127.0.0.1:"),
        refused("cluster-info dump", "petset does not serve replicationcontrollers: use a StatefulSet, or a pod")
            .differs(
                "it lists ReplicationControllers, which are not served; `petctl why` and the daemon's log tell more",
            ),
        row("api-resources", "NAME…SHORTNAMES…petsets…pets…apps/v1alpha1…true…PetSet…statefulsets…sts…apps/v1"),
        row("api-resources --verbs=list --namespaced=false -o name", "namespaces\nnodes\npersistentvolumes\n"),
        row(
            "api-resources --api-group=apps -o wide",
            "VERBS…create,delete,deletecollection,get,list,patch,update,watch",
        ),
        row("api-versions", "apps/v1\napps/v1alpha1\n…storage.k8s.io/v1\nv1\n"),
        row("explain statefulset", "apps…StatefulSet…serviceName").by("kubectl explain statefulset.spec"),
        row("explain petset --recursive", "PetSet…volumeClaimTemplates"),
        row("explain KIND --recursive, for every kind", "all of them\n").by(
            "for kind in $(kubectl api-resources --no-headers | awk '{print $1}'); do
                kubectl explain $kind --recursive > explained && grep -q metadata explained || { echo $kind; exit 1; }
            done; echo all of them",
        ),
        row("explain --output=plaintext-openapiv2 pod.spec.containers", "RESOURCE: containers <[]Object>…image"),
        refused("explain nonsense", "resource type \"nonsense\""),
        row("get --raw /readyz", "ok"),
        row("get --raw /openapi/v2", "\"swagger\":\"2.0\""),
        row("proxy", "Starting to serve on 127.0.0.1:…\"name\":\"default\"").by(
            "kubectl proxy --port=0 > said & proxy=$!; trap 'kill $proxy' EXIT
            for i in $(seq 200); do grep -q Starting said && break; sleep 0.1; done; cat said
            curl -sf http://$(sed -n 's/.* on //p' said)/api/v1/namespaces/default",
        ),
        row("config view", "current-context: petset-"),
        row("config get-contexts -o name", "petset-"),
        row("config set-context --current --namespace=kube-system", "modified…kube-system…modified").by(
            "kubectl config set-context --current --namespace=kube-system
            kubectl config view --minify -o jsonpath='{..namespace}'
            kubectl config set-context --current --namespace=default",
        ),
        row("completion bash", "__start_kubectl"),
        row("completion of names", "kube-root-ca.crt").by("kubectl __complete get configmaps kube-root"),
        row("options", "--kubeconfig"),
        refused("plugin list", "unable to find any kubectl plugins in your PATH"),
        row("auth can-i create pods", "yes"),
        row("auth can-i --list", "Resources…*.*…[*]"),
        row("auth whoami", "Username…petset-admin").since(28),
        refused("certificate approve NAME", "the server doesn't have a resource type \"certificatesigningrequests\"")
            .differs("petset signs no certificates for others")
            .by("kubectl certificate approve name"),
    ],
};
