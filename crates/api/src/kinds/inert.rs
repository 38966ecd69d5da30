//! Kinds that charts bring along and from which nothing follows here: they are checked for their shape, stored and served,
//! and whoever writes one is told that it has no effect.

use k8s_openapi::api::{
    core::v1::{LimitRange, PodTemplate, ResourceQuota},
    networking::v1::NetworkPolicy,
    rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    scheduling::v1::PriorityClass,
};
use serde_json::Value;

use crate::kinds::{fields, keep_status, normalise, text_at};
use crate::resource::{
    self, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, LIMIT_RANGES, NETWORK_POLICIES, POD_TEMPLATES, PRIORITY_CLASSES,
    RESOURCE_QUOTAS, ROLE_BINDINGS, ROLES,
};
use crate::status::{Cause, Status};

/// What a kind without effect knows about its objects.
pub struct Rules {
    /// The check of its shape.
    shape: fn(Value) -> resource::Shaped,
    /// Why nothing follows from its objects.
    why: &'static str,
}

const NO_ROLES: &str = "what somebody may do is the scope of their token";

/// `ClusterRole`.
pub static CLUSTER_ROLE: Rules =
    Rules { shape: |object| normalise::<ClusterRole>(&CLUSTER_ROLES, object), why: NO_ROLES };
/// `ClusterRoleBinding`.
pub static CLUSTER_ROLE_BINDING: Rules =
    Rules { shape: |object| normalise::<ClusterRoleBinding>(&CLUSTER_ROLE_BINDINGS, object), why: NO_ROLES };
/// `LimitRange`.
pub static LIMIT_RANGE: Rules =
    Rules { shape: |object| normalise::<LimitRange>(&LIMIT_RANGES, object), why: "nothing is checked against it" };
/// `NetworkPolicy`.
pub static NETWORK_POLICY: Rules = Rules {
    shape: |object| normalise::<NetworkPolicy>(&NETWORK_POLICIES, object),
    why: "nothing between pods is held back",
};
/// `PodTemplate`.
pub static POD_TEMPLATE: Rules =
    Rules { shape: |object| normalise::<PodTemplate>(&POD_TEMPLATES, object), why: "no pods are made from it" };
/// `PriorityClass`.
pub static PRIORITY_CLASS: Rules = Rules {
    shape: |object| normalise::<PriorityClass>(&PRIORITY_CLASSES, object),
    why: "no pod is preempted, for there is one node",
};
/// `ResourceQuota`.
pub static RESOURCE_QUOTA: Rules = Rules {
    shape: |object| normalise::<ResourceQuota>(&RESOURCE_QUOTAS, object),
    why: "nothing is counted against it",
};
/// `Role`.
pub static ROLE: Rules = Rules { shape: |object| normalise::<Role>(&ROLES, object), why: NO_ROLES };
/// `RoleBinding`.
pub static ROLE_BINDING: Rules =
    Rules { shape: |object| normalise::<RoleBinding>(&ROLE_BINDINGS, object), why: NO_ROLES };

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        (self.shape)(object)
    }

    fn default(&self, _object: &mut Value) {}

    fn prepare_create(&self, object: &mut Value) {
        fields::remove(object, "status");
    }

    fn prepare_update(&self, object: &mut Value, old: &Value) {
        keep_status(object, old);
    }

    fn validate_create(&self, _object: &Value) -> Vec<Cause> {
        Vec::new()
    }

    fn validate_update(&self, _object: &Value, _old: &Value) -> Vec<Cause> {
        Vec::new()
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        vec![format!("this {} has no effect: {}", text_at(object, "/kind"), self.why)]
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}
