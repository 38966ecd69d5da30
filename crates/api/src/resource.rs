//! The registry: every resource that is served, and what each kind knows about itself.

use serde_json::Value;

use crate::kinds;
use crate::review::REVIEWS;
use crate::status::{Cause, Status};
use crate::usage::USAGES;

/// Whether objects of a resource live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Under `/namespaces/{namespace}/`.
    Namespaced,
    /// At the root of the group version.
    Cluster,
}

/// A subresource that the server offers for a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subresource {
    /// `…/status`: get, patch, update; touches only `status`.
    Status,
    /// `…/scale`: get, patch, update of an `autoscaling/v1 Scale`.
    Scale,
    /// `pods/log`: get.
    Log,
    /// `pods/exec`: create, get.
    Exec,
    /// `pods/attach`: create, get.
    Attach,
    /// `pods/portforward`: create, get.
    PortForward,
    /// `pods/eviction`: create of a `policy/v1 Eviction`.
    Eviction,
    /// `pods/ephemeralcontainers`: get, patch, update; touches only `spec.ephemeralContainers`.
    EphemeralContainers,
    /// `serviceaccounts/token`: create of an `authentication.k8s.io/v1 TokenRequest`.
    Token,
}

impl Subresource {
    /// All that there are.
    pub const ALL: [Subresource; 9] = [
        Subresource::Status,
        Subresource::Scale,
        Subresource::Log,
        Subresource::Exec,
        Subresource::Attach,
        Subresource::PortForward,
        Subresource::Eviction,
        Subresource::EphemeralContainers,
        Subresource::Token,
    ];

    /// Its name in paths.
    pub fn name(self) -> &'static str {
        match self {
            Subresource::Status => "status",
            Subresource::Scale => "scale",
            Subresource::Log => "log",
            Subresource::Exec => "exec",
            Subresource::Attach => "attach",
            Subresource::PortForward => "portforward",
            Subresource::Eviction => "eviction",
            Subresource::EphemeralContainers => "ephemeralcontainers",
            Subresource::Token => "token",
        }
    }
}

/// A resource that is served: its names and its kind's own knowledge.
pub struct Resource {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// API version, such as `v1`.
    pub version: &'static str,
    /// The kind, such as `PetSet`.
    pub kind: &'static str,
    /// The plural, lower-case name in paths, such as `petsets`.
    pub plural: &'static str,
    /// The singular, lower-case name.
    pub singular: &'static str,
    /// Short names that clients may use, such as `po`.
    pub short_names: &'static [&'static str],
    /// Categories, such as `all`.
    pub categories: &'static [&'static str],
    /// Whether its objects are namespaced.
    pub scope: Scope,
    /// The subresources that are served.
    pub subresources: &'static [Subresource],
    /// What the kind knows about its own objects.
    pub rules: &'static dyn Rules,
}

impl Resource {
    /// The group-qualified plural, which is also the store's name for the resource: `pods`, `petsets.apps`.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The 400 for a field selector on a field for which [`Rules::selectable`] has no value.
    pub fn unknown_field(&self, field: &str) -> Status {
        Status::bad_request(kinds::unknown_field(self, field))
    }

    /// `v1` or `apps/v1alpha1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// An object as Kubernetes would store it, with the paths of the fields that its type does not know; or why it is none.
pub type Shaped = Result<(Value, Vec<String>), Status>;

/// What one kind knows about its objects. Everything is pure; objects are JSON values whose shape has been
/// checked by [`Rules::normalise`].
///
/// The life of a request body: bytes → `body::read` (JSON or YAML to a value, duplicates found) →
/// `normalise` (types checked, unknown fields found and removed) → `warnings` → [`crate::admission`], which calls
/// `default` → `prepare_create` or `prepare_update` → `validate_*` → the store.
pub trait Rules: Send + Sync {
    /// Checks the shape against the kind's type and returns the object as Kubernetes would store it, with the
    /// paths of the fields that the type does not know (`spec.template.spec.foo`).
    ///
    /// Errors: 400 `BadRequest` where a field has the wrong type.
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status>;

    /// Fills in what Kubernetes fills in, so that a second apply of the same manifest changes nothing.
    /// Filling in twice is filling in once.
    fn default(&self, object: &mut Value);

    /// Resets what a client may not set on creation: status, generation.
    fn prepare_create(&self, object: &mut Value);

    /// Carries over from `old` what a client may not change on update of the main resource (`status`, and
    /// `generation`, which grows by one when the spec differs).
    fn prepare_update(&self, object: &mut Value, old: &Value);

    /// All that is wrong with a new object (metadata is checked by the caller for every kind alike).
    fn validate_create(&self, object: &Value) -> Vec<Cause>;

    /// All that is wrong with a change.
    fn validate_update(&self, object: &Value, old: &Value) -> Vec<Cause>;

    /// All that is wrong with a change of the status alone. Most kinds take whatever their controller says.
    fn validate_status(&self, _object: &Value, _old: &Value) -> Vec<Cause> {
        Vec::new()
    }

    /// Whether an update may leave out the `resourceVersion` that it is for. Kubernetes allows it for most kinds.
    fn is_updated_blindly(&self) -> bool {
        true
    }

    /// Sentences for `Warning` headers: fields that are valid and have no effect here. To be asked before `default`, so
    /// that what the client wrote can be told from what was filled in.
    fn warnings(&self, object: &Value) -> Vec<String>;

    /// The value of a field for a field selector, or `None` when the kind does not offer the field.
    /// `metadata.name` and `metadata.namespace` are answered by the caller.
    fn selectable(&self, object: &Value, field: &str) -> Option<String>;
}

/// Everything that is kept, in the order in which discovery lists it.
pub static RESOURCES: &[&Resource] = &[
    &NAMESPACES,
    &NODES,
    &SERVICES,
    &PODS,
    &CLAIMS,
    &VOLUMES,
    &EVENTS,
    &ENDPOINTS,
    &CONFIG_MAPS,
    &SECRETS,
    &SERVICE_ACCOUNTS,
    &POD_TEMPLATES,
    &LIMIT_RANGES,
    &RESOURCE_QUOTAS,
    &CONTROLLER_REVISIONS,
    &STATEFUL_SETS,
    &PET_SETS,
    &BUDGETS,
    &STORAGE_CLASSES,
    &LEASES,
    &ENDPOINT_SLICES,
    &NETWORK_POLICIES,
    &ROLES,
    &ROLE_BINDINGS,
    &CLUSTER_ROLES,
    &CLUSTER_ROLE_BINDINGS,
    &PRIORITY_CLASSES,
];

/// Everything that discovery tells of: the resources, and what is asked and what is measured, of which nothing is kept.
pub fn served() -> impl Iterator<Item = &'static Resource> {
    RESOURCES.iter().copied().chain(REVIEWS).chain(USAGES)
}

/// The resource at a path.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    RESOURCES.iter().copied().find(|r| r.group == group && r.version == version && r.plural == plural)
}

/// What a namespaced resource of the core group has in common with the others.
const CORE: Resource = Resource {
    group: "",
    version: "v1",
    kind: "",
    plural: "",
    singular: "",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    subresources: &[],
    rules: &kinds::endpoints::Rules,
};

/// `v1 Namespace`.
pub static NAMESPACES: Resource = Resource {
    kind: "Namespace",
    plural: "namespaces",
    singular: "namespace",
    short_names: &["ns"],
    scope: Scope::Cluster,
    subresources: &[Subresource::Status],
    rules: &kinds::namespace::Rules,
    ..CORE
};

/// `v1 Node`.
pub static NODES: Resource = Resource {
    kind: "Node",
    plural: "nodes",
    singular: "node",
    short_names: &["no"],
    scope: Scope::Cluster,
    subresources: &[Subresource::Status],
    rules: &kinds::node::Rules,
    ..CORE
};

/// `v1 Service`.
pub static SERVICES: Resource = Resource {
    kind: "Service",
    plural: "services",
    singular: "service",
    short_names: &["svc"],
    categories: &["all"],
    subresources: &[Subresource::Status],
    rules: &kinds::service::Rules,
    ..CORE
};

/// `v1 Pod`.
pub static PODS: Resource = Resource {
    kind: "Pod",
    plural: "pods",
    singular: "pod",
    short_names: &["po"],
    categories: &["all"],
    subresources: &[
        Subresource::Status,
        Subresource::Log,
        Subresource::Exec,
        Subresource::Attach,
        Subresource::PortForward,
        Subresource::Eviction,
        Subresource::EphemeralContainers,
    ],
    rules: &kinds::pod::Rules,
    ..CORE
};

/// `v1 PersistentVolumeClaim`.
pub static CLAIMS: Resource = Resource {
    kind: "PersistentVolumeClaim",
    plural: "persistentvolumeclaims",
    singular: "persistentvolumeclaim",
    short_names: &["pvc"],
    subresources: &[Subresource::Status],
    rules: &kinds::claim::Rules,
    ..CORE
};

/// `v1 PersistentVolume`.
pub static VOLUMES: Resource = Resource {
    kind: "PersistentVolume",
    plural: "persistentvolumes",
    singular: "persistentvolume",
    short_names: &["pv"],
    scope: Scope::Cluster,
    subresources: &[Subresource::Status],
    rules: &kinds::volume::Rules,
    ..CORE
};

/// `v1 Event`.
pub static EVENTS: Resource = Resource {
    kind: "Event",
    plural: "events",
    singular: "event",
    short_names: &["ev"],
    rules: &kinds::event::Rules,
    ..CORE
};

/// `v1 Endpoints`.
pub static ENDPOINTS: Resource = Resource {
    kind: "Endpoints",
    plural: "endpoints",
    singular: "endpoints",
    short_names: &["ep"],
    rules: &kinds::endpoints::Rules,
    ..CORE
};

/// `v1 ConfigMap`.
pub static CONFIG_MAPS: Resource = Resource {
    kind: "ConfigMap",
    plural: "configmaps",
    singular: "configmap",
    short_names: &["cm"],
    rules: &kinds::config_map::Rules,
    ..CORE
};

/// `v1 Secret`.
pub static SECRETS: Resource =
    Resource { kind: "Secret", plural: "secrets", singular: "secret", rules: &kinds::secret::Rules, ..CORE };

/// `v1 ServiceAccount`.
pub static SERVICE_ACCOUNTS: Resource = Resource {
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    singular: "serviceaccount",
    short_names: &["sa"],
    subresources: &[Subresource::Token],
    rules: &kinds::service_account::Rules,
    ..CORE
};

/// `v1 PodTemplate`.
pub static POD_TEMPLATES: Resource = Resource {
    kind: "PodTemplate",
    plural: "podtemplates",
    singular: "podtemplate",
    rules: &kinds::inert::POD_TEMPLATE,
    ..CORE
};

/// `v1 LimitRange`.
pub static LIMIT_RANGES: Resource = Resource {
    kind: "LimitRange",
    plural: "limitranges",
    singular: "limitrange",
    short_names: &["limits"],
    rules: &kinds::inert::LIMIT_RANGE,
    ..CORE
};

/// `v1 ResourceQuota`.
pub static RESOURCE_QUOTAS: Resource = Resource {
    kind: "ResourceQuota",
    plural: "resourcequotas",
    singular: "resourcequota",
    short_names: &["quota"],
    rules: &kinds::inert::RESOURCE_QUOTA,
    ..CORE
};

/// `apps/v1 ControllerRevision`.
pub static CONTROLLER_REVISIONS: Resource = Resource {
    group: "apps",
    kind: "ControllerRevision",
    plural: "controllerrevisions",
    singular: "controllerrevision",
    rules: &kinds::controller_revision::Rules,
    ..CORE
};

/// `apps/v1 StatefulSet`.
pub static STATEFUL_SETS: Resource = Resource {
    group: "apps",
    kind: "StatefulSet",
    plural: "statefulsets",
    singular: "statefulset",
    short_names: &["sts"],
    categories: &["all"],
    subresources: &[Subresource::Status, Subresource::Scale],
    rules: &kinds::statefulset::Rules,
    ..CORE
};

/// `apps/v1alpha1 PetSet`. It has no short name `ps`, which reads as Docker's list of containers.
pub static PET_SETS: Resource = Resource {
    group: "apps",
    version: "v1alpha1",
    kind: "PetSet",
    plural: "petsets",
    singular: "petset",
    short_names: &["pets"],
    categories: &["all"],
    subresources: &[Subresource::Status, Subresource::Scale],
    rules: &kinds::petset::Rules,
    ..CORE
};

/// `policy/v1 PodDisruptionBudget`.
pub static BUDGETS: Resource = Resource {
    group: "policy",
    kind: "PodDisruptionBudget",
    plural: "poddisruptionbudgets",
    singular: "poddisruptionbudget",
    short_names: &["pdb"],
    subresources: &[Subresource::Status],
    rules: &kinds::budget::Rules,
    ..CORE
};

/// `storage.k8s.io/v1 StorageClass`.
pub static STORAGE_CLASSES: Resource = Resource {
    group: "storage.k8s.io",
    kind: "StorageClass",
    plural: "storageclasses",
    singular: "storageclass",
    short_names: &["sc"],
    scope: Scope::Cluster,
    rules: &kinds::storage_class::Rules,
    ..CORE
};

/// `coordination.k8s.io/v1 Lease`.
pub static LEASES: Resource = Resource {
    group: "coordination.k8s.io",
    kind: "Lease",
    plural: "leases",
    singular: "lease",
    rules: &kinds::lease::Rules,
    ..CORE
};

/// `discovery.k8s.io/v1 EndpointSlice`.
pub static ENDPOINT_SLICES: Resource = Resource {
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
    plural: "endpointslices",
    singular: "endpointslice",
    rules: &kinds::endpoint_slice::Rules,
    ..CORE
};

/// `networking.k8s.io/v1 NetworkPolicy`.
pub static NETWORK_POLICIES: Resource = Resource {
    group: "networking.k8s.io",
    kind: "NetworkPolicy",
    plural: "networkpolicies",
    singular: "networkpolicy",
    short_names: &["netpol"],
    rules: &kinds::inert::NETWORK_POLICY,
    ..CORE
};

/// `rbac.authorization.k8s.io/v1 Role`.
pub static ROLES: Resource = Resource {
    group: "rbac.authorization.k8s.io",
    kind: "Role",
    plural: "roles",
    singular: "role",
    rules: &kinds::inert::ROLE,
    ..CORE
};

/// `rbac.authorization.k8s.io/v1 RoleBinding`.
pub static ROLE_BINDINGS: Resource = Resource {
    group: "rbac.authorization.k8s.io",
    kind: "RoleBinding",
    plural: "rolebindings",
    singular: "rolebinding",
    rules: &kinds::inert::ROLE_BINDING,
    ..CORE
};

/// `rbac.authorization.k8s.io/v1 ClusterRole`.
pub static CLUSTER_ROLES: Resource = Resource {
    group: "rbac.authorization.k8s.io",
    kind: "ClusterRole",
    plural: "clusterroles",
    singular: "clusterrole",
    scope: Scope::Cluster,
    rules: &kinds::inert::CLUSTER_ROLE,
    ..CORE
};

/// `rbac.authorization.k8s.io/v1 ClusterRoleBinding`.
pub static CLUSTER_ROLE_BINDINGS: Resource = Resource {
    group: "rbac.authorization.k8s.io",
    kind: "ClusterRoleBinding",
    plural: "clusterrolebindings",
    singular: "clusterrolebinding",
    scope: Scope::Cluster,
    rules: &kinds::inert::CLUSTER_ROLE_BINDING,
    ..CORE
};

/// `scheduling.k8s.io/v1 PriorityClass`.
pub static PRIORITY_CLASSES: Resource = Resource {
    group: "scheduling.k8s.io",
    kind: "PriorityClass",
    plural: "priorityclasses",
    singular: "priorityclass",
    short_names: &["pc"],
    scope: Scope::Cluster,
    rules: &kinds::inert::PRIORITY_CLASS,
    ..CORE
};
