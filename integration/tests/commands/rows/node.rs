//! The node, and what takes pods off it.

use crate::{Chapter, refused, row};

const POD: &str = r"
kubectl create namespace node
kubectl config set-context --current --namespace=node
kubectl get nodes -o jsonpath='{.items[0].metadata.name}' > node
kubectl run lone --image=busybox:1 --restart=Never -- sleep 1000000
kubectl wait --for=condition=Ready pod/lone --timeout=50s";

pub(super) static CHAPTER: Chapter = Chapter {
    title: "The node",
    setup: POD,
    rows: &[
        row(
            "get nodes -o wide",
            "STATUS   ROLES …VERSION …INTERNAL-IP …OS-IMAGE …KERNEL-VERSION …CONTAINER-RUNTIME\n…Ready…docker://",
        ),
        row("describe node", "Conditions:…Ready…Non-terminated Pods:…lone…Allocated resources:"),
        row("top nodes", "NAME …CPU(cores) …MEMORY(bytes) …m …% …Mi …%"),
        row("cordon", "cordoned…SchedulingDisabled").by("kubectl cordon $(cat node); kubectl get nodes"),
        row("uncordon", "uncordoned").by("kubectl uncordon $(cat node)"),
        row("taint nodes KEY=VALUE:EFFECT", "tainted").by("kubectl taint nodes $(cat node) a=b:NoSchedule"),
        row("taint nodes KEY-", "untainted").by("kubectl taint nodes $(cat node) a-"),
        row("label nodes", "labeled").by("kubectl label nodes $(cat node) place=here"),
        refused("drain, of a pod that nobody makes again", "cannot delete…declare no controller")
            .by("kubectl drain $(cat node) --timeout=20s --pod-selector=run=lone"),
        row("drain --force", "evicting pod node/lone…drained")
            .by("kubectl drain $(cat node) --force --grace-period=0 --timeout=40s --pod-selector=run=lone 2>&1"),
    ],
};
