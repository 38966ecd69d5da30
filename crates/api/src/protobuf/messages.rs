//! What is in each message: generated from the types in kubectl. `make protobuf` makes it again.
//!
//! A field is its number, its name in JSON, and its form. A struct that JSON writes in place of a field is `Inline`.

use super::schema::{
    Field,
    Form::{Always, Inline, List, Map, OmitEmpty},
    Kind, Message,
    Type::{Bool, Bytes, Int32, Int64, IntOrString, Json, MicroTime, Object, Quantity, Text, Texts, Time},
};

/// The kinds, by their versions.
pub(super) static KINDS: &[Kind] = &[
    Kind { api_version: "v1", name: "ConfigMap", message: &CORE_V1_CONFIG_MAP },
    Kind { api_version: "v1", name: "Endpoints", message: &CORE_V1_ENDPOINTS },
    Kind { api_version: "v1", name: "Event", message: &CORE_V1_EVENT },
    Kind { api_version: "v1", name: "LimitRange", message: &CORE_V1_LIMIT_RANGE },
    Kind { api_version: "v1", name: "Namespace", message: &CORE_V1_NAMESPACE },
    Kind { api_version: "v1", name: "Node", message: &CORE_V1_NODE },
    Kind { api_version: "v1", name: "PersistentVolume", message: &CORE_V1_PERSISTENT_VOLUME },
    Kind { api_version: "v1", name: "PersistentVolumeClaim", message: &CORE_V1_PERSISTENT_VOLUME_CLAIM },
    Kind { api_version: "v1", name: "Pod", message: &CORE_V1_POD },
    Kind { api_version: "v1", name: "PodTemplate", message: &CORE_V1_POD_TEMPLATE },
    Kind { api_version: "v1", name: "ResourceQuota", message: &CORE_V1_RESOURCE_QUOTA },
    Kind { api_version: "v1", name: "Secret", message: &CORE_V1_SECRET },
    Kind { api_version: "v1", name: "Service", message: &CORE_V1_SERVICE },
    Kind { api_version: "v1", name: "ServiceAccount", message: &CORE_V1_SERVICE_ACCOUNT },
    Kind { api_version: "apps/v1", name: "ControllerRevision", message: &APPS_V1_CONTROLLER_REVISION },
    Kind { api_version: "apps/v1", name: "DaemonSet", message: &APPS_V1_DAEMON_SET },
    Kind { api_version: "apps/v1", name: "Deployment", message: &APPS_V1_DEPLOYMENT },
    Kind { api_version: "apps/v1", name: "StatefulSet", message: &APPS_V1_STATEFUL_SET },
    Kind { api_version: "authentication.k8s.io/v1", name: "SelfSubjectReview", message: &AUTHENTICATION_V1_SELF_SUBJECT_REVIEW },
    Kind { api_version: "authentication.k8s.io/v1", name: "TokenRequest", message: &AUTHENTICATION_V1_TOKEN_REQUEST },
    Kind { api_version: "authentication.k8s.io/v1", name: "TokenReview", message: &AUTHENTICATION_V1_TOKEN_REVIEW },
    Kind { api_version: "authorization.k8s.io/v1", name: "LocalSubjectAccessReview", message: &AUTHORIZATION_V1_LOCAL_SUBJECT_ACCESS_REVIEW },
    Kind { api_version: "authorization.k8s.io/v1", name: "SelfSubjectAccessReview", message: &AUTHORIZATION_V1_SELF_SUBJECT_ACCESS_REVIEW },
    Kind { api_version: "authorization.k8s.io/v1", name: "SelfSubjectRulesReview", message: &AUTHORIZATION_V1_SELF_SUBJECT_RULES_REVIEW },
    Kind { api_version: "authorization.k8s.io/v1", name: "SubjectAccessReview", message: &AUTHORIZATION_V1_SUBJECT_ACCESS_REVIEW },
    Kind { api_version: "autoscaling/v1", name: "Scale", message: &AUTOSCALING_V1_SCALE },
    Kind { api_version: "batch/v1", name: "CronJob", message: &BATCH_V1_CRON_JOB },
    Kind { api_version: "batch/v1", name: "Job", message: &BATCH_V1_JOB },
    Kind { api_version: "coordination.k8s.io/v1", name: "Lease", message: &COORDINATION_V1_LEASE },
    Kind { api_version: "discovery.k8s.io/v1", name: "EndpointSlice", message: &DISCOVERY_V1_ENDPOINT_SLICE },
    Kind { api_version: "networking.k8s.io/v1", name: "NetworkPolicy", message: &NETWORKING_V1_NETWORK_POLICY },
    Kind { api_version: "policy/v1", name: "Eviction", message: &POLICY_V1_EVICTION },
    Kind { api_version: "policy/v1", name: "PodDisruptionBudget", message: &POLICY_V1_POD_DISRUPTION_BUDGET },
    Kind { api_version: "rbac.authorization.k8s.io/v1", name: "ClusterRole", message: &RBAC_V1_CLUSTER_ROLE },
    Kind { api_version: "rbac.authorization.k8s.io/v1", name: "ClusterRoleBinding", message: &RBAC_V1_CLUSTER_ROLE_BINDING },
    Kind { api_version: "rbac.authorization.k8s.io/v1", name: "Role", message: &RBAC_V1_ROLE },
    Kind { api_version: "rbac.authorization.k8s.io/v1", name: "RoleBinding", message: &RBAC_V1_ROLE_BINDING },
    Kind { api_version: "scheduling.k8s.io/v1", name: "PriorityClass", message: &SCHEDULING_V1_PRIORITY_CLASS },
    Kind { api_version: "storage.k8s.io/v1", name: "StorageClass", message: &STORAGE_V1_STORAGE_CLASS },
    Kind { api_version: "meta.k8s.io/v1", name: "DeleteOptions", message: &META_V1_DELETE_OPTIONS },
];

/// `k8s.io/api/apps/v1.ControllerRevision`.
static APPS_V1_CONTROLLER_REVISION: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "data", Always(Json)),
    Field(3, "revision", Always(Int64)),
]);

/// `k8s.io/api/apps/v1.DaemonSet`.
static APPS_V1_DAEMON_SET: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&APPS_V1_DAEMON_SET_SPEC))),
    Field(3, "status", Always(Object(&APPS_V1_DAEMON_SET_STATUS))),
]);

/// `k8s.io/api/apps/v1.DaemonSetCondition`.
static APPS_V1_DAEMON_SET_CONDITION: Message = Message(&[
    Field(1, "type", Always(Text)),
    Field(2, "status", Always(Text)),
    Field(3, "lastTransitionTime", Always(Time)),
    Field(4, "reason", OmitEmpty(Text)),
    Field(5, "message", OmitEmpty(Text)),
]);

/// `k8s.io/api/apps/v1.DaemonSetSpec`.
static APPS_V1_DAEMON_SET_SPEC: Message = Message(&[
    Field(1, "selector", Always(Object(&META_V1_LABEL_SELECTOR))),
    Field(2, "template", Always(Object(&CORE_V1_POD_TEMPLATE_SPEC))),
    Field(3, "updateStrategy", Always(Object(&APPS_V1_DAEMON_SET_UPDATE_STRATEGY))),
    Field(4, "minReadySeconds", OmitEmpty(Int32)),
    Field(6, "revisionHistoryLimit", Always(Int32)),
]);

/// `k8s.io/api/apps/v1.DaemonSetStatus`.
static APPS_V1_DAEMON_SET_STATUS: Message = Message(&[
    Field(1, "currentNumberScheduled", Always(Int32)),
    Field(2, "numberMisscheduled", Always(Int32)),
    Field(3, "desiredNumberScheduled", Always(Int32)),
    Field(4, "numberReady", Always(Int32)),
    Field(5, "observedGeneration", OmitEmpty(Int64)),
    Field(6, "updatedNumberScheduled", OmitEmpty(Int32)),
    Field(7, "numberAvailable", OmitEmpty(Int32)),
    Field(8, "numberUnavailable", OmitEmpty(Int32)),
    Field(9, "collisionCount", Always(Int32)),
    Field(10, "conditions", List(Object(&APPS_V1_DAEMON_SET_CONDITION))),
]);

/// `k8s.io/api/apps/v1.DaemonSetUpdateStrategy`.
static APPS_V1_DAEMON_SET_UPDATE_STRATEGY: Message = Message(&[
    Field(1, "type", OmitEmpty(Text)),
    Field(2, "rollingUpdate", Always(Object(&APPS_V1_ROLLING_UPDATE_DAEMON_SET))),
]);

/// `k8s.io/api/apps/v1.Deployment`.
static APPS_V1_DEPLOYMENT: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&APPS_V1_DEPLOYMENT_SPEC))),
    Field(3, "status", Always(Object(&APPS_V1_DEPLOYMENT_STATUS))),
]);

/// `k8s.io/api/apps/v1.DeploymentCondition`.
static APPS_V1_DEPLOYMENT_CONDITION: Message = Message(&[
    Field(1, "type", Always(Text)),
    Field(2, "status", Always(Text)),
    Field(4, "reason", OmitEmpty(Text)),
    Field(5, "message", OmitEmpty(Text)),
    Field(6, "lastUpdateTime", Always(Time)),
    Field(7, "lastTransitionTime", Always(Time)),
]);

/// `k8s.io/api/apps/v1.DeploymentSpec`.
static APPS_V1_DEPLOYMENT_SPEC: Message = Message(&[
    Field(1, "replicas", Always(Int32)),
    Field(2, "selector", Always(Object(&META_V1_LABEL_SELECTOR))),
    Field(3, "template", Always(Object(&CORE_V1_POD_TEMPLATE_SPEC))),
    Field(4, "strategy", Always(Object(&APPS_V1_DEPLOYMENT_STRATEGY))),
    Field(5, "minReadySeconds", OmitEmpty(Int32)),
    Field(6, "revisionHistoryLimit", Always(Int32)),
    Field(7, "paused", OmitEmpty(Bool)),
    Field(9, "progressDeadlineSeconds", Always(Int32)),
]);

/// `k8s.io/api/apps/v1.DeploymentStatus`.
static APPS_V1_DEPLOYMENT_STATUS: Message = Message(&[
    Field(1, "observedGeneration", OmitEmpty(Int64)),
    Field(2, "replicas", OmitEmpty(Int32)),
    Field(3, "updatedReplicas", OmitEmpty(Int32)),
    Field(4, "availableReplicas", OmitEmpty(Int32)),
    Field(5, "unavailableReplicas", OmitEmpty(Int32)),
    Field(6, "conditions", List(Object(&APPS_V1_DEPLOYMENT_CONDITION))),
    Field(7, "readyReplicas", OmitEmpty(Int32)),
    Field(8, "collisionCount", Always(Int32)),
    Field(9, "terminatingReplicas", Always(Int32)),
]);

/// `k8s.io/api/apps/v1.DeploymentStrategy`.
static APPS_V1_DEPLOYMENT_STRATEGY: Message = Message(&[
    Field(1, "type", OmitEmpty(Text)),
    Field(2, "rollingUpdate", Always(Object(&APPS_V1_ROLLING_UPDATE_DEPLOYMENT))),
]);

/// `k8s.io/api/apps/v1.RollingUpdateDaemonSet`.
static APPS_V1_ROLLING_UPDATE_DAEMON_SET: Message = Message(&[
    Field(1, "maxUnavailable", Always(IntOrString)),
    Field(2, "maxSurge", Always(IntOrString)),
]);

/// `k8s.io/api/apps/v1.RollingUpdateDeployment`.
static APPS_V1_ROLLING_UPDATE_DEPLOYMENT: Message = Message(&[
    Field(1, "maxUnavailable", Always(IntOrString)),
    Field(2, "maxSurge", Always(IntOrString)),
]);

/// `k8s.io/api/apps/v1.RollingUpdateStatefulSetStrategy`.
static APPS_V1_ROLLING_UPDATE_STATEFUL_SET_STRATEGY: Message = Message(&[
    Field(1, "partition", Always(Int32)),
    Field(2, "maxUnavailable", Always(IntOrString)),
]);

/// `k8s.io/api/apps/v1.StatefulSet`.
static APPS_V1_STATEFUL_SET: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&APPS_V1_STATEFUL_SET_SPEC))),
    Field(3, "status", Always(Object(&APPS_V1_STATEFUL_SET_STATUS))),
]);

/// `k8s.io/api/apps/v1.StatefulSetCondition`.
static APPS_V1_STATEFUL_SET_CONDITION: Message = Message(&[
    Field(1, "type", Always(Text)),
    Field(2, "status", Always(Text)),
    Field(3, "lastTransitionTime", Always(Time)),
    Field(4, "reason", OmitEmpty(Text)),
    Field(5, "message", OmitEmpty(Text)),
]);

/// `k8s.io/api/apps/v1.StatefulSetOrdinals`.
static APPS_V1_STATEFUL_SET_ORDINALS: Message = Message(&[
    Field(1, "start", Always(Int32)),
]);

/// `k8s.io/api/apps/v1.StatefulSetPersistentVolumeClaimRetentionPolicy`.
static APPS_V1_STATEFUL_SET_PERSISTENT_VOLUME_CLAIM_RETENTION_POLICY: Message = Message(&[
    Field(1, "whenDeleted", OmitEmpty(Text)),
    Field(2, "whenScaled", OmitEmpty(Text)),
]);

/// `k8s.io/api/apps/v1.StatefulSetSpec`.
static APPS_V1_STATEFUL_SET_SPEC: Message = Message(&[
    Field(1, "replicas", Always(Int32)),
    Field(2, "selector", Always(Object(&META_V1_LABEL_SELECTOR))),
    Field(3, "template", Always(Object(&CORE_V1_POD_TEMPLATE_SPEC))),
    Field(4, "volumeClaimTemplates", List(Object(&CORE_V1_PERSISTENT_VOLUME_CLAIM))),
    Field(5, "serviceName", Always(Text)),
    Field(6, "podManagementPolicy", OmitEmpty(Text)),
    Field(7, "updateStrategy", Always(Object(&APPS_V1_STATEFUL_SET_UPDATE_STRATEGY))),
    Field(8, "revisionHistoryLimit", Always(Int32)),
    Field(9, "minReadySeconds", OmitEmpty(Int32)),
    Field(10, "persistentVolumeClaimRetentionPolicy", Always(Object(&APPS_V1_STATEFUL_SET_PERSISTENT_VOLUME_CLAIM_RETENTION_POLICY))),
    Field(11, "ordinals", Always(Object(&APPS_V1_STATEFUL_SET_ORDINALS))),
]);

/// `k8s.io/api/apps/v1.StatefulSetStatus`.
static APPS_V1_STATEFUL_SET_STATUS: Message = Message(&[
    Field(1, "observedGeneration", OmitEmpty(Int64)),
    Field(2, "replicas", Always(Int32)),
    Field(3, "readyReplicas", OmitEmpty(Int32)),
    Field(4, "currentReplicas", OmitEmpty(Int32)),
    Field(5, "updatedReplicas", OmitEmpty(Int32)),
    Field(6, "currentRevision", OmitEmpty(Text)),
    Field(7, "updateRevision", OmitEmpty(Text)),
    Field(9, "collisionCount", Always(Int32)),
    Field(10, "conditions", List(Object(&APPS_V1_STATEFUL_SET_CONDITION))),
    Field(11, "availableReplicas", Always(Int32)),
]);

/// `k8s.io/api/apps/v1.StatefulSetUpdateStrategy`.
static APPS_V1_STATEFUL_SET_UPDATE_STRATEGY: Message = Message(&[
    Field(1, "type", OmitEmpty(Text)),
    Field(2, "rollingUpdate", Always(Object(&APPS_V1_ROLLING_UPDATE_STATEFUL_SET_STRATEGY))),
]);

/// `k8s.io/api/authentication/v1.BoundObjectReference`.
static AUTHENTICATION_V1_BOUND_OBJECT_REFERENCE: Message = Message(&[
    Field(1, "kind", OmitEmpty(Text)),
    Field(2, "apiVersion", OmitEmpty(Text)),
    Field(3, "name", OmitEmpty(Text)),
    Field(4, "uid", OmitEmpty(Text)),
]);

/// `k8s.io/api/authentication/v1.SelfSubjectReview`.
static AUTHENTICATION_V1_SELF_SUBJECT_REVIEW: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "status", Always(Object(&AUTHENTICATION_V1_SELF_SUBJECT_REVIEW_STATUS))),
]);

/// `k8s.io/api/authentication/v1.SelfSubjectReviewStatus`.
static AUTHENTICATION_V1_SELF_SUBJECT_REVIEW_STATUS: Message = Message(&[
    Field(1, "userInfo", Always(Object(&AUTHENTICATION_V1_USER_INFO))),
]);

/// `k8s.io/api/authentication/v1.TokenRequest`.
static AUTHENTICATION_V1_TOKEN_REQUEST: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&AUTHENTICATION_V1_TOKEN_REQUEST_SPEC))),
    Field(3, "status", Always(Object(&AUTHENTICATION_V1_TOKEN_REQUEST_STATUS))),
]);

/// `k8s.io/api/authentication/v1.TokenRequestSpec`.
static AUTHENTICATION_V1_TOKEN_REQUEST_SPEC: Message = Message(&[
    Field(1, "audiences", List(Text)),
    Field(3, "boundObjectRef", Always(Object(&AUTHENTICATION_V1_BOUND_OBJECT_REFERENCE))),
    Field(4, "expirationSeconds", Always(Int64)),
]);

/// `k8s.io/api/authentication/v1.TokenRequestStatus`.
static AUTHENTICATION_V1_TOKEN_REQUEST_STATUS: Message = Message(&[
    Field(1, "token", Always(Text)),
    Field(2, "expirationTimestamp", Always(Time)),
]);

/// `k8s.io/api/authentication/v1.TokenReview`.
static AUTHENTICATION_V1_TOKEN_REVIEW: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&AUTHENTICATION_V1_TOKEN_REVIEW_SPEC))),
    Field(3, "status", Always(Object(&AUTHENTICATION_V1_TOKEN_REVIEW_STATUS))),
]);

/// `k8s.io/api/authentication/v1.TokenReviewSpec`.
static AUTHENTICATION_V1_TOKEN_REVIEW_SPEC: Message = Message(&[
    Field(1, "token", OmitEmpty(Text)),
    Field(2, "audiences", List(Text)),
]);

/// `k8s.io/api/authentication/v1.TokenReviewStatus`.
static AUTHENTICATION_V1_TOKEN_REVIEW_STATUS: Message = Message(&[
    Field(1, "authenticated", OmitEmpty(Bool)),
    Field(2, "user", Always(Object(&AUTHENTICATION_V1_USER_INFO))),
    Field(3, "error", OmitEmpty(Text)),
    Field(4, "audiences", List(Text)),
]);

/// `k8s.io/api/authentication/v1.UserInfo`.
static AUTHENTICATION_V1_USER_INFO: Message = Message(&[
    Field(1, "username", OmitEmpty(Text)),
    Field(2, "uid", OmitEmpty(Text)),
    Field(3, "groups", List(Text)),
    Field(4, "extra", Map(Texts)),
]);

/// `k8s.io/api/authorization/v1.FieldSelectorAttributes`.
static AUTHORIZATION_V1_FIELD_SELECTOR_ATTRIBUTES: Message = Message(&[
    Field(1, "rawSelector", OmitEmpty(Text)),
    Field(2, "requirements", List(Object(&META_V1_FIELD_SELECTOR_REQUIREMENT))),
]);

/// `k8s.io/api/authorization/v1.LabelSelectorAttributes`.
static AUTHORIZATION_V1_LABEL_SELECTOR_ATTRIBUTES: Message = Message(&[
    Field(1, "rawSelector", OmitEmpty(Text)),
    Field(2, "requirements", List(Object(&META_V1_LABEL_SELECTOR_REQUIREMENT))),
]);

/// `k8s.io/api/authorization/v1.LocalSubjectAccessReview`.
static AUTHORIZATION_V1_LOCAL_SUBJECT_ACCESS_REVIEW: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&AUTHORIZATION_V1_SUBJECT_ACCESS_REVIEW_SPEC))),
    Field(3, "status", Always(Object(&AUTHORIZATION_V1_SUBJECT_ACCESS_REVIEW_STATUS))),
]);

/// `k8s.io/api/authorization/v1.NonResourceAttributes`.
static AUTHORIZATION_V1_NON_RESOURCE_ATTRIBUTES: Message = Message(&[
    Field(1, "path", OmitEmpty(Text)),
    Field(2, "verb", OmitEmpty(Text)),
]);

/// `k8s.io/api/authorization/v1.NonResourceRule`.
static AUTHORIZATION_V1_NON_RESOURCE_RULE: Message = Message(&[
    Field(1, "verbs", List(Text)),
    Field(2, "nonResourceURLs", List(Text)),
]);

/// `k8s.io/api/authorization/v1.ResourceAttributes`.
static AUTHORIZATION_V1_RESOURCE_ATTRIBUTES: Message = Message(&[
    Field(1, "namespace", OmitEmpty(Text)),
    Field(2, "verb", OmitEmpty(Text)),
    Field(3, "group", OmitEmpty(Text)),
    Field(4, "version", OmitEmpty(Text)),
    Field(5, "resource", OmitEmpty(Text)),
    Field(6, "subresource", OmitEmpty(Text)),
    Field(7, "name", OmitEmpty(Text)),
    Field(8, "fieldSelector", Always(Object(&AUTHORIZATION_V1_FIELD_SELECTOR_ATTRIBUTES))),
    Field(9, "labelSelector", Always(Object(&AUTHORIZATION_V1_LABEL_SELECTOR_ATTRIBUTES))),
]);

/// `k8s.io/api/authorization/v1.ResourceRule`.
static AUTHORIZATION_V1_RESOURCE_RULE: Message = Message(&[
    Field(1, "verbs", List(Text)),
    Field(2, "apiGroups", List(Text)),
    Field(3, "resources", List(Text)),
    Field(4, "resourceNames", List(Text)),
]);

/// `k8s.io/api/authorization/v1.SelfSubjectAccessReview`.
static AUTHORIZATION_V1_SELF_SUBJECT_ACCESS_REVIEW: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&AUTHORIZATION_V1_SELF_SUBJECT_ACCESS_REVIEW_SPEC))),
    Field(3, "status", Always(Object(&AUTHORIZATION_V1_SUBJECT_ACCESS_REVIEW_STATUS))),
]);

/// `k8s.io/api/authorization/v1.SelfSubjectAccessReviewSpec`.
static AUTHORIZATION_V1_SELF_SUBJECT_ACCESS_REVIEW_SPEC: Message = Message(&[
    Field(1, "resourceAttributes", Always(Object(&AUTHORIZATION_V1_RESOURCE_ATTRIBUTES))),
    Field(2, "nonResourceAttributes", Always(Object(&AUTHORIZATION_V1_NON_RESOURCE_ATTRIBUTES))),
]);

/// `k8s.io/api/authorization/v1.SelfSubjectRulesReview`.
static AUTHORIZATION_V1_SELF_SUBJECT_RULES_REVIEW: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&AUTHORIZATION_V1_SELF_SUBJECT_RULES_REVIEW_SPEC))),
    Field(3, "status", Always(Object(&AUTHORIZATION_V1_SUBJECT_RULES_REVIEW_STATUS))),
]);

/// `k8s.io/api/authorization/v1.SelfSubjectRulesReviewSpec`.
static AUTHORIZATION_V1_SELF_SUBJECT_RULES_REVIEW_SPEC: Message = Message(&[
    Field(1, "namespace", OmitEmpty(Text)),
]);

/// `k8s.io/api/authorization/v1.SubjectAccessReview`.
static AUTHORIZATION_V1_SUBJECT_ACCESS_REVIEW: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&AUTHORIZATION_V1_SUBJECT_ACCESS_REVIEW_SPEC))),
    Field(3, "status", Always(Object(&AUTHORIZATION_V1_SUBJECT_ACCESS_REVIEW_STATUS))),
]);

/// `k8s.io/api/authorization/v1.SubjectAccessReviewSpec`.
static AUTHORIZATION_V1_SUBJECT_ACCESS_REVIEW_SPEC: Message = Message(&[
    Field(1, "resourceAttributes", Always(Object(&AUTHORIZATION_V1_RESOURCE_ATTRIBUTES))),
    Field(2, "nonResourceAttributes", Always(Object(&AUTHORIZATION_V1_NON_RESOURCE_ATTRIBUTES))),
    Field(3, "user", OmitEmpty(Text)),
    Field(4, "groups", List(Text)),
    Field(5, "extra", Map(Texts)),
    Field(6, "uid", OmitEmpty(Text)),
]);

/// `k8s.io/api/authorization/v1.SubjectAccessReviewStatus`.
static AUTHORIZATION_V1_SUBJECT_ACCESS_REVIEW_STATUS: Message = Message(&[
    Field(1, "allowed", Always(Bool)),
    Field(2, "reason", OmitEmpty(Text)),
    Field(3, "evaluationError", OmitEmpty(Text)),
    Field(4, "denied", OmitEmpty(Bool)),
]);

/// `k8s.io/api/authorization/v1.SubjectRulesReviewStatus`.
static AUTHORIZATION_V1_SUBJECT_RULES_REVIEW_STATUS: Message = Message(&[
    Field(1, "resourceRules", List(Object(&AUTHORIZATION_V1_RESOURCE_RULE))),
    Field(2, "nonResourceRules", List(Object(&AUTHORIZATION_V1_NON_RESOURCE_RULE))),
    Field(3, "incomplete", Always(Bool)),
    Field(4, "evaluationError", OmitEmpty(Text)),
]);

/// `k8s.io/api/autoscaling/v1.Scale`.
static AUTOSCALING_V1_SCALE: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&AUTOSCALING_V1_SCALE_SPEC))),
    Field(3, "status", Always(Object(&AUTOSCALING_V1_SCALE_STATUS))),
]);

/// `k8s.io/api/autoscaling/v1.ScaleSpec`.
static AUTOSCALING_V1_SCALE_SPEC: Message = Message(&[
    Field(1, "replicas", OmitEmpty(Int32)),
]);

/// `k8s.io/api/autoscaling/v1.ScaleStatus`.
static AUTOSCALING_V1_SCALE_STATUS: Message = Message(&[
    Field(1, "replicas", Always(Int32)),
    Field(2, "selector", OmitEmpty(Text)),
]);

/// `k8s.io/api/batch/v1.CronJob`.
static BATCH_V1_CRON_JOB: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&BATCH_V1_CRON_JOB_SPEC))),
    Field(3, "status", Always(Object(&BATCH_V1_CRON_JOB_STATUS))),
]);

/// `k8s.io/api/batch/v1.CronJobSpec`.
static BATCH_V1_CRON_JOB_SPEC: Message = Message(&[
    Field(1, "schedule", Always(Text)),
    Field(2, "startingDeadlineSeconds", Always(Int64)),
    Field(3, "concurrencyPolicy", OmitEmpty(Text)),
    Field(4, "suspend", Always(Bool)),
    Field(5, "jobTemplate", Always(Object(&BATCH_V1_JOB_TEMPLATE_SPEC))),
    Field(6, "successfulJobsHistoryLimit", Always(Int32)),
    Field(7, "failedJobsHistoryLimit", Always(Int32)),
    Field(8, "timeZone", Always(Text)),
]);

/// `k8s.io/api/batch/v1.CronJobStatus`.
static BATCH_V1_CRON_JOB_STATUS: Message = Message(&[
    Field(1, "active", List(Object(&CORE_V1_OBJECT_REFERENCE))),
    Field(4, "lastScheduleTime", Always(Time)),
    Field(5, "lastSuccessfulTime", Always(Time)),
]);

/// `k8s.io/api/batch/v1.Job`.
static BATCH_V1_JOB: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&BATCH_V1_JOB_SPEC))),
    Field(3, "status", Always(Object(&BATCH_V1_JOB_STATUS))),
]);

/// `k8s.io/api/batch/v1.JobCondition`.
static BATCH_V1_JOB_CONDITION: Message = Message(&[
    Field(1, "type", Always(Text)),
    Field(2, "status", Always(Text)),
    Field(3, "lastProbeTime", Always(Time)),
    Field(4, "lastTransitionTime", Always(Time)),
    Field(5, "reason", OmitEmpty(Text)),
    Field(6, "message", OmitEmpty(Text)),
]);

/// `k8s.io/api/batch/v1.JobSpec`.
static BATCH_V1_JOB_SPEC: Message = Message(&[
    Field(1, "parallelism", Always(Int32)),
    Field(2, "completions", Always(Int32)),
    Field(3, "activeDeadlineSeconds", Always(Int64)),
    Field(4, "selector", Always(Object(&META_V1_LABEL_SELECTOR))),
    Field(5, "manualSelector", Always(Bool)),
    Field(6, "template", Always(Object(&CORE_V1_POD_TEMPLATE_SPEC))),
    Field(7, "backoffLimit", Always(Int32)),
    Field(8, "ttlSecondsAfterFinished", Always(Int32)),
    Field(9, "completionMode", Always(Text)),
    Field(10, "suspend", Always(Bool)),
    Field(11, "podFailurePolicy", Always(Object(&BATCH_V1_POD_FAILURE_POLICY))),
    Field(12, "backoffLimitPerIndex", Always(Int32)),
    Field(13, "maxFailedIndexes", Always(Int32)),
    Field(14, "podReplacementPolicy", Always(Text)),
    Field(15, "managedBy", Always(Text)),
    Field(16, "successPolicy", Always(Object(&BATCH_V1_SUCCESS_POLICY))),
]);

/// `k8s.io/api/batch/v1.JobStatus`.
static BATCH_V1_JOB_STATUS: Message = Message(&[
    Field(1, "conditions", List(Object(&BATCH_V1_JOB_CONDITION))),
    Field(2, "startTime", Always(Time)),
    Field(3, "completionTime", Always(Time)),
    Field(4, "active", OmitEmpty(Int32)),
    Field(5, "succeeded", OmitEmpty(Int32)),
    Field(6, "failed", OmitEmpty(Int32)),
    Field(7, "completedIndexes", OmitEmpty(Text)),
    Field(8, "uncountedTerminatedPods", Always(Object(&BATCH_V1_UNCOUNTED_TERMINATED_PODS))),
    Field(9, "ready", Always(Int32)),
    Field(10, "failedIndexes", Always(Text)),
    Field(11, "terminating", Always(Int32)),
]);

/// `k8s.io/api/batch/v1.JobTemplateSpec`.
static BATCH_V1_JOB_TEMPLATE_SPEC: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&BATCH_V1_JOB_SPEC))),
]);

/// `k8s.io/api/batch/v1.PodFailurePolicy`.
static BATCH_V1_POD_FAILURE_POLICY: Message = Message(&[
    Field(1, "rules", List(Object(&BATCH_V1_POD_FAILURE_POLICY_RULE))),
]);

/// `k8s.io/api/batch/v1.PodFailurePolicyOnExitCodesRequirement`.
static BATCH_V1_POD_FAILURE_POLICY_ON_EXIT_CODES_REQUIREMENT: Message = Message(&[
    Field(1, "containerName", Always(Text)),
    Field(2, "operator", Always(Text)),
    Field(3, "values", List(Int32)),
]);

/// `k8s.io/api/batch/v1.PodFailurePolicyOnPodConditionsPattern`.
static BATCH_V1_POD_FAILURE_POLICY_ON_POD_CONDITIONS_PATTERN: Message = Message(&[
    Field(1, "type", Always(Text)),
    Field(2, "status", Always(Text)),
]);

/// `k8s.io/api/batch/v1.PodFailurePolicyRule`.
static BATCH_V1_POD_FAILURE_POLICY_RULE: Message = Message(&[
    Field(1, "action", Always(Text)),
    Field(2, "onExitCodes", Always(Object(&BATCH_V1_POD_FAILURE_POLICY_ON_EXIT_CODES_REQUIREMENT))),
    Field(3, "onPodConditions", List(Object(&BATCH_V1_POD_FAILURE_POLICY_ON_POD_CONDITIONS_PATTERN))),
]);

/// `k8s.io/api/batch/v1.SuccessPolicy`.
static BATCH_V1_SUCCESS_POLICY: Message = Message(&[
    Field(1, "rules", List(Object(&BATCH_V1_SUCCESS_POLICY_RULE))),
]);

/// `k8s.io/api/batch/v1.SuccessPolicyRule`.
static BATCH_V1_SUCCESS_POLICY_RULE: Message = Message(&[
    Field(1, "succeededIndexes", Always(Text)),
    Field(2, "succeededCount", Always(Int32)),
]);

/// `k8s.io/api/batch/v1.UncountedTerminatedPods`.
static BATCH_V1_UNCOUNTED_TERMINATED_PODS: Message = Message(&[
    Field(1, "succeeded", List(Text)),
    Field(2, "failed", List(Text)),
]);

/// `k8s.io/api/coordination/v1.Lease`.
static COORDINATION_V1_LEASE: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&COORDINATION_V1_LEASE_SPEC))),
]);

/// `k8s.io/api/coordination/v1.LeaseSpec`.
static COORDINATION_V1_LEASE_SPEC: Message = Message(&[
    Field(1, "holderIdentity", Always(Text)),
    Field(2, "leaseDurationSeconds", Always(Int32)),
    Field(3, "acquireTime", Always(MicroTime)),
    Field(4, "renewTime", Always(MicroTime)),
    Field(5, "leaseTransitions", Always(Int32)),
    Field(6, "strategy", Always(Text)),
    Field(7, "preferredHolder", Always(Text)),
]);

/// `k8s.io/api/core/v1.Affinity`.
static CORE_V1_AFFINITY: Message = Message(&[
    Field(1, "nodeAffinity", Always(Object(&CORE_V1_NODE_AFFINITY))),
    Field(2, "podAffinity", Always(Object(&CORE_V1_POD_AFFINITY))),
    Field(3, "podAntiAffinity", Always(Object(&CORE_V1_POD_ANTI_AFFINITY))),
]);

/// `k8s.io/api/core/v1.AppArmorProfile`.
static CORE_V1_APP_ARMOR_PROFILE: Message = Message(&[
    Field(1, "type", Always(Text)),
    Field(2, "localhostProfile", Always(Text)),
]);

/// `k8s.io/api/core/v1.AttachedVolume`.
static CORE_V1_ATTACHED_VOLUME: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "devicePath", Always(Text)),
]);

/// `k8s.io/api/core/v1.AWSElasticBlockStoreVolumeSource`.
static CORE_V1_AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE: Message = Message(&[
    Field(1, "volumeID", Always(Text)),
    Field(2, "fsType", OmitEmpty(Text)),
    Field(3, "partition", OmitEmpty(Int32)),
    Field(4, "readOnly", OmitEmpty(Bool)),
]);

/// `k8s.io/api/core/v1.AzureDiskVolumeSource`.
static CORE_V1_AZURE_DISK_VOLUME_SOURCE: Message = Message(&[
    Field(1, "diskName", Always(Text)),
    Field(2, "diskURI", Always(Text)),
    Field(3, "cachingMode", Always(Text)),
    Field(4, "fsType", Always(Text)),
    Field(5, "readOnly", Always(Bool)),
    Field(6, "kind", Always(Text)),
]);

/// `k8s.io/api/core/v1.AzureFilePersistentVolumeSource`.
static CORE_V1_AZURE_FILE_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    Field(1, "secretName", Always(Text)),
    Field(2, "shareName", Always(Text)),
    Field(3, "readOnly", OmitEmpty(Bool)),
    Field(4, "secretNamespace", Always(Text)),
]);

/// `k8s.io/api/core/v1.AzureFileVolumeSource`.
static CORE_V1_AZURE_FILE_VOLUME_SOURCE: Message = Message(&[
    Field(1, "secretName", Always(Text)),
    Field(2, "shareName", Always(Text)),
    Field(3, "readOnly", OmitEmpty(Bool)),
]);

/// `k8s.io/api/core/v1.Capabilities`.
static CORE_V1_CAPABILITIES: Message = Message(&[
    Field(1, "add", List(Text)),
    Field(2, "drop", List(Text)),
]);

/// `k8s.io/api/core/v1.CephFSPersistentVolumeSource`.
static CORE_V1_CEPH_FS_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    Field(1, "monitors", List(Text)),
    Field(2, "path", OmitEmpty(Text)),
    Field(3, "user", OmitEmpty(Text)),
    Field(4, "secretFile", OmitEmpty(Text)),
    Field(5, "secretRef", Always(Object(&CORE_V1_SECRET_REFERENCE))),
    Field(6, "readOnly", OmitEmpty(Bool)),
]);

/// `k8s.io/api/core/v1.CephFSVolumeSource`.
static CORE_V1_CEPH_FS_VOLUME_SOURCE: Message = Message(&[
    Field(1, "monitors", List(Text)),
    Field(2, "path", OmitEmpty(Text)),
    Field(3, "user", OmitEmpty(Text)),
    Field(4, "secretFile", OmitEmpty(Text)),
    Field(5, "secretRef", Always(Object(&CORE_V1_LOCAL_OBJECT_REFERENCE))),
    Field(6, "readOnly", OmitEmpty(Bool)),
]);

/// `k8s.io/api/core/v1.CinderPersistentVolumeSource`.
static CORE_V1_CINDER_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    Field(1, "volumeID", Always(Text)),
    Field(2, "fsType", OmitEmpty(Text)),
    Field(3, "readOnly", OmitEmpty(Bool)),
    Field(4, "secretRef", Always(Object(&CORE_V1_SECRET_REFERENCE))),
]);

/// `k8s.io/api/core/v1.CinderVolumeSource`.
static CORE_V1_CINDER_VOLUME_SOURCE: Message = Message(&[
    Field(1, "volumeID", Always(Text)),
    Field(2, "fsType", OmitEmpty(Text)),
    Field(3, "readOnly", OmitEmpty(Bool)),
    Field(4, "secretRef", Always(Object(&CORE_V1_LOCAL_OBJECT_REFERENCE))),
]);

/// `k8s.io/api/core/v1.ClientIPConfig`.
static CORE_V1_CLIENT_IP_CONFIG: Message = Message(&[
    Field(1, "timeoutSeconds", Always(Int32)),
]);

/// `k8s.io/api/core/v1.ClusterTrustBundleProjection`.
static CORE_V1_CLUSTER_TRUST_BUNDLE_PROJECTION: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "signerName", Always(Text)),
    Field(3, "labelSelector", Always(Object(&META_V1_LABEL_SELECTOR))),
    Field(4, "path", Always(Text)),
    Field(5, "optional", Always(Bool)),
]);

/// `k8s.io/api/core/v1.ConfigMap`.
static CORE_V1_CONFIG_MAP: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "data", Map(Text)),
    Field(3, "binaryData", Map(Bytes)),
    Field(4, "immutable", Always(Bool)),
]);

/// `k8s.io/api/core/v1.ConfigMapEnvSource`.
static CORE_V1_CONFIG_MAP_ENV_SOURCE: Message = Message(&[
    Field(1, "LocalObjectReference", Inline(&CORE_V1_LOCAL_OBJECT_REFERENCE)),
    Field(2, "optional", Always(Bool)),
]);

/// `k8s.io/api/core/v1.ConfigMapKeySelector`.
static CORE_V1_CONFIG_MAP_KEY_SELECTOR: Message = Message(&[
    Field(1, "LocalObjectReference", Inline(&CORE_V1_LOCAL_OBJECT_REFERENCE)),
    Field(2, "key", Always(Text)),
    Field(3, "optional", Always(Bool)),
]);

/// `k8s.io/api/core/v1.ConfigMapNodeConfigSource`.
static CORE_V1_CONFIG_MAP_NODE_CONFIG_SOURCE: Message = Message(&[
    Field(1, "namespace", Always(Text)),
    Field(2, "name", Always(Text)),
    Field(3, "uid", OmitEmpty(Text)),
    Field(4, "resourceVersion", OmitEmpty(Text)),
    Field(5, "kubeletConfigKey", Always(Text)),
]);

/// `k8s.io/api/core/v1.ConfigMapProjection`.
static CORE_V1_CONFIG_MAP_PROJECTION: Message = Message(&[
    Field(1, "LocalObjectReference", Inline(&CORE_V1_LOCAL_OBJECT_REFERENCE)),
    Field(2, "items", List(Object(&CORE_V1_KEY_TO_PATH))),
    Field(4, "optional", Always(Bool)),
]);

/// `k8s.io/api/core/v1.ConfigMapVolumeSource`.
static CORE_V1_CONFIG_MAP_VOLUME_SOURCE: Message = Message(&[
    Field(1, "LocalObjectReference", Inline(&CORE_V1_LOCAL_OBJECT_REFERENCE)),
    Field(2, "items", List(Object(&CORE_V1_KEY_TO_PATH))),
    Field(3, "defaultMode", Always(Int32)),
    Field(4, "optional", Always(Bool)),
]);

/// `k8s.io/api/core/v1.Container`.
static CORE_V1_CONTAINER: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "image", OmitEmpty(Text)),
    Field(3, "command", List(Text)),
    Field(4, "args", List(Text)),
    Field(5, "workingDir", OmitEmpty(Text)),
    Field(6, "ports", List(Object(&CORE_V1_CONTAINER_PORT))),
    Field(7, "env", List(Object(&CORE_V1_ENV_VAR))),
    Field(8, "resources", Always(Object(&CORE_V1_RESOURCE_REQUIREMENTS))),
    Field(9, "volumeMounts", List(Object(&CORE_V1_VOLUME_MOUNT))),
    Field(10, "livenessProbe", Always(Object(&CORE_V1_PROBE))),
    Field(11, "readinessProbe", Always(Object(&CORE_V1_PROBE))),
    Field(12, "lifecycle", Always(Object(&CORE_V1_LIFECYCLE))),
    Field(13, "terminationMessagePath", OmitEmpty(Text)),
    Field(14, "imagePullPolicy", OmitEmpty(Text)),
    Field(15, "securityContext", Always(Object(&CORE_V1_SECURITY_CONTEXT))),
    Field(16, "stdin", OmitEmpty(Bool)),
    Field(17, "stdinOnce", OmitEmpty(Bool)),
    Field(18, "tty", OmitEmpty(Bool)),
    Field(19, "envFrom", List(Object(&CORE_V1_ENV_FROM_SOURCE))),
    Field(20, "terminationMessagePolicy", OmitEmpty(Text)),
    Field(21, "volumeDevices", List(Object(&CORE_V1_VOLUME_DEVICE))),
    Field(22, "startupProbe", Always(Object(&CORE_V1_PROBE))),
    Field(23, "resizePolicy", List(Object(&CORE_V1_CONTAINER_RESIZE_POLICY))),
    Field(24, "restartPolicy", Always(Text)),
    Field(25, "restartPolicyRules", List(Object(&CORE_V1_CONTAINER_RESTART_RULE))),
]);

/// `k8s.io/api/core/v1.ContainerExtendedResourceRequest`.
static CORE_V1_CONTAINER_EXTENDED_RESOURCE_REQUEST: Message = Message(&[
    Field(1, "containerName", Always(Text)),
    Field(2, "resourceName", Always(Text)),
    Field(3, "requestName", Always(Text)),
]);

/// `k8s.io/api/core/v1.ContainerImage`.
static CORE_V1_CONTAINER_IMAGE: Message = Message(&[
    Field(1, "names", List(Text)),
    Field(2, "sizeBytes", OmitEmpty(Int64)),
]);

/// `k8s.io/api/core/v1.ContainerPort`.
static CORE_V1_CONTAINER_PORT: Message = Message(&[
    Field(1, "name", OmitEmpty(Text)),
    Field(2, "hostPort", OmitEmpty(Int32)),
    Field(3, "containerPort", Always(Int32)),
    Field(4, "protocol", OmitEmpty(Text)),
    Field(5, "hostIP", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.ContainerResizePolicy`.
static CORE_V1_CONTAINER_RESIZE_POLICY: Message = Message(&[
    Field(1, "resourceName", Always(Text)),
    Field(2, "restartPolicy", Always(Text)),
]);

/// `k8s.io/api/core/v1.ContainerRestartRule`.
static CORE_V1_CONTAINER_RESTART_RULE: Message = Message(&[
    Field(1, "action", OmitEmpty(Text)),
    Field(2, "exitCodes", Always(Object(&CORE_V1_CONTAINER_RESTART_RULE_ON_EXIT_CODES))),
]);

/// `k8s.io/api/core/v1.ContainerRestartRuleOnExitCodes`.
static CORE_V1_CONTAINER_RESTART_RULE_ON_EXIT_CODES: Message = Message(&[
    Field(1, "operator", OmitEmpty(Text)),
    Field(2, "values", List(Int32)),
]);

/// `k8s.io/api/core/v1.ContainerState`.
static CORE_V1_CONTAINER_STATE: Message = Message(&[
    Field(1, "waiting", Always(Object(&CORE_V1_CONTAINER_STATE_WAITING))),
    Field(2, "running", Always(Object(&CORE_V1_CONTAINER_STATE_RUNNING))),
    Field(3, "terminated", Always(Object(&CORE_V1_CONTAINER_STATE_TERMINATED))),
]);

/// `k8s.io/api/core/v1.ContainerStateRunning`.
static CORE_V1_CONTAINER_STATE_RUNNING: Message = Message(&[
    Field(1, "startedAt", Always(Time)),
]);

/// `k8s.io/api/core/v1.ContainerStateTerminated`.
static CORE_V1_CONTAINER_STATE_TERMINATED: Message = Message(&[
    Field(1, "exitCode", Always(Int32)),
    Field(2, "signal", OmitEmpty(Int32)),
    Field(3, "reason", OmitEmpty(Text)),
    Field(4, "message", OmitEmpty(Text)),
    Field(5, "startedAt", Always(Time)),
    Field(6, "finishedAt", Always(Time)),
    Field(7, "containerID", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.ContainerStateWaiting`.
static CORE_V1_CONTAINER_STATE_WAITING: Message = Message(&[
    Field(1, "reason", OmitEmpty(Text)),
    Field(2, "message", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.ContainerStatus`.
static CORE_V1_CONTAINER_STATUS: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "state", Always(Object(&CORE_V1_CONTAINER_STATE))),
    Field(3, "lastState", Always(Object(&CORE_V1_CONTAINER_STATE))),
    Field(4, "ready", Always(Bool)),
    Field(5, "restartCount", Always(Int32)),
    Field(6, "image", Always(Text)),
    Field(7, "imageID", Always(Text)),
    Field(8, "containerID", OmitEmpty(Text)),
    Field(9, "started", Always(Bool)),
    Field(10, "allocatedResources", Map(Quantity)),
    Field(11, "resources", Always(Object(&CORE_V1_RESOURCE_REQUIREMENTS))),
    Field(12, "volumeMounts", List(Object(&CORE_V1_VOLUME_MOUNT_STATUS))),
    Field(13, "user", Always(Object(&CORE_V1_CONTAINER_USER))),
    Field(14, "allocatedResourcesStatus", List(Object(&CORE_V1_RESOURCE_STATUS))),
    Field(15, "stopSignal", Always(Text)),
]);

/// `k8s.io/api/core/v1.ContainerUser`.
static CORE_V1_CONTAINER_USER: Message = Message(&[
    Field(1, "linux", Always(Object(&CORE_V1_LINUX_CONTAINER_USER))),
]);

/// `k8s.io/api/core/v1.CSIPersistentVolumeSource`.
static CORE_V1_CSI_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    Field(1, "driver", Always(Text)),
    Field(2, "volumeHandle", Always(Text)),
    Field(3, "readOnly", OmitEmpty(Bool)),
    Field(4, "fsType", OmitEmpty(Text)),
    Field(5, "volumeAttributes", Map(Text)),
    Field(6, "controllerPublishSecretRef", Always(Object(&CORE_V1_SECRET_REFERENCE))),
    Field(7, "nodeStageSecretRef", Always(Object(&CORE_V1_SECRET_REFERENCE))),
    Field(8, "nodePublishSecretRef", Always(Object(&CORE_V1_SECRET_REFERENCE))),
    Field(9, "controllerExpandSecretRef", Always(Object(&CORE_V1_SECRET_REFERENCE))),
    Field(10, "nodeExpandSecretRef", Always(Object(&CORE_V1_SECRET_REFERENCE))),
]);

/// `k8s.io/api/core/v1.CSIVolumeSource`.
static CORE_V1_CSI_VOLUME_SOURCE: Message = Message(&[
    Field(1, "driver", Always(Text)),
    Field(2, "readOnly", Always(Bool)),
    Field(3, "fsType", Always(Text)),
    Field(4, "volumeAttributes", Map(Text)),
    Field(5, "nodePublishSecretRef", Always(Object(&CORE_V1_LOCAL_OBJECT_REFERENCE))),
]);

/// `k8s.io/api/core/v1.DaemonEndpoint`.
static CORE_V1_DAEMON_ENDPOINT: Message = Message(&[
    Field(1, "Port", Always(Int32)),
]);

/// `k8s.io/api/core/v1.DownwardAPIProjection`.
static CORE_V1_DOWNWARD_API_PROJECTION: Message = Message(&[
    Field(1, "items", List(Object(&CORE_V1_DOWNWARD_API_VOLUME_FILE))),
]);

/// `k8s.io/api/core/v1.DownwardAPIVolumeFile`.
static CORE_V1_DOWNWARD_API_VOLUME_FILE: Message = Message(&[
    Field(1, "path", Always(Text)),
    Field(2, "fieldRef", Always(Object(&CORE_V1_OBJECT_FIELD_SELECTOR))),
    Field(3, "resourceFieldRef", Always(Object(&CORE_V1_RESOURCE_FIELD_SELECTOR))),
    Field(4, "mode", Always(Int32)),
]);

/// `k8s.io/api/core/v1.DownwardAPIVolumeSource`.
static CORE_V1_DOWNWARD_API_VOLUME_SOURCE: Message = Message(&[
    Field(1, "items", List(Object(&CORE_V1_DOWNWARD_API_VOLUME_FILE))),
    Field(2, "defaultMode", Always(Int32)),
]);

/// `k8s.io/api/core/v1.EmptyDirVolumeSource`.
static CORE_V1_EMPTY_DIR_VOLUME_SOURCE: Message = Message(&[
    Field(1, "medium", OmitEmpty(Text)),
    Field(2, "sizeLimit", Always(Quantity)),
]);

/// `k8s.io/api/core/v1.Endpoints`.
static CORE_V1_ENDPOINTS: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "subsets", List(Object(&CORE_V1_ENDPOINT_SUBSET))),
]);

/// `k8s.io/api/core/v1.EndpointAddress`.
static CORE_V1_ENDPOINT_ADDRESS: Message = Message(&[
    Field(1, "ip", Always(Text)),
    Field(2, "targetRef", Always(Object(&CORE_V1_OBJECT_REFERENCE))),
    Field(3, "hostname", OmitEmpty(Text)),
    Field(4, "nodeName", Always(Text)),
]);

/// `k8s.io/api/core/v1.EndpointPort`.
static CORE_V1_ENDPOINT_PORT: Message = Message(&[
    Field(1, "name", OmitEmpty(Text)),
    Field(2, "port", Always(Int32)),
    Field(3, "protocol", OmitEmpty(Text)),
    Field(4, "appProtocol", Always(Text)),
]);

/// `k8s.io/api/core/v1.EndpointSubset`.
static CORE_V1_ENDPOINT_SUBSET: Message = Message(&[
    Field(1, "addresses", List(Object(&CORE_V1_ENDPOINT_ADDRESS))),
    Field(2, "notReadyAddresses", List(Object(&CORE_V1_ENDPOINT_ADDRESS))),
    Field(3, "ports", List(Object(&CORE_V1_ENDPOINT_PORT))),
]);

/// `k8s.io/api/core/v1.EnvFromSource`.
static CORE_V1_ENV_FROM_SOURCE: Message = Message(&[
    Field(1, "prefix", OmitEmpty(Text)),
    Field(2, "configMapRef", Always(Object(&CORE_V1_CONFIG_MAP_ENV_SOURCE))),
    Field(3, "secretRef", Always(Object(&CORE_V1_SECRET_ENV_SOURCE))),
]);

/// `k8s.io/api/core/v1.EnvVar`.
static CORE_V1_ENV_VAR: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "value", OmitEmpty(Text)),
    Field(3, "valueFrom", Always(Object(&CORE_V1_ENV_VAR_SOURCE))),
]);

/// `k8s.io/api/core/v1.EnvVarSource`.
static CORE_V1_ENV_VAR_SOURCE: Message = Message(&[
    Field(1, "fieldRef", Always(Object(&CORE_V1_OBJECT_FIELD_SELECTOR))),
    Field(2, "resourceFieldRef", Always(Object(&CORE_V1_RESOURCE_FIELD_SELECTOR))),
    Field(3, "configMapKeyRef", Always(Object(&CORE_V1_CONFIG_MAP_KEY_SELECTOR))),
    Field(4, "secretKeyRef", Always(Object(&CORE_V1_SECRET_KEY_SELECTOR))),
    Field(5, "fileKeyRef", Always(Object(&CORE_V1_FILE_KEY_SELECTOR))),
]);

/// `k8s.io/api/core/v1.EphemeralContainer`.
static CORE_V1_EPHEMERAL_CONTAINER: Message = Message(&[
    Field(1, "EphemeralContainerCommon", Inline(&CORE_V1_EPHEMERAL_CONTAINER_COMMON)),
    Field(2, "targetContainerName", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.EphemeralContainerCommon`.
static CORE_V1_EPHEMERAL_CONTAINER_COMMON: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "image", OmitEmpty(Text)),
    Field(3, "command", List(Text)),
    Field(4, "args", List(Text)),
    Field(5, "workingDir", OmitEmpty(Text)),
    Field(6, "ports", List(Object(&CORE_V1_CONTAINER_PORT))),
    Field(7, "env", List(Object(&CORE_V1_ENV_VAR))),
    Field(8, "resources", Always(Object(&CORE_V1_RESOURCE_REQUIREMENTS))),
    Field(9, "volumeMounts", List(Object(&CORE_V1_VOLUME_MOUNT))),
    Field(10, "livenessProbe", Always(Object(&CORE_V1_PROBE))),
    Field(11, "readinessProbe", Always(Object(&CORE_V1_PROBE))),
    Field(12, "lifecycle", Always(Object(&CORE_V1_LIFECYCLE))),
    Field(13, "terminationMessagePath", OmitEmpty(Text)),
    Field(14, "imagePullPolicy", OmitEmpty(Text)),
    Field(15, "securityContext", Always(Object(&CORE_V1_SECURITY_CONTEXT))),
    Field(16, "stdin", OmitEmpty(Bool)),
    Field(17, "stdinOnce", OmitEmpty(Bool)),
    Field(18, "tty", OmitEmpty(Bool)),
    Field(19, "envFrom", List(Object(&CORE_V1_ENV_FROM_SOURCE))),
    Field(20, "terminationMessagePolicy", OmitEmpty(Text)),
    Field(21, "volumeDevices", List(Object(&CORE_V1_VOLUME_DEVICE))),
    Field(22, "startupProbe", Always(Object(&CORE_V1_PROBE))),
    Field(23, "resizePolicy", List(Object(&CORE_V1_CONTAINER_RESIZE_POLICY))),
    Field(24, "restartPolicy", Always(Text)),
    Field(25, "restartPolicyRules", List(Object(&CORE_V1_CONTAINER_RESTART_RULE))),
]);

/// `k8s.io/api/core/v1.EphemeralVolumeSource`.
static CORE_V1_EPHEMERAL_VOLUME_SOURCE: Message = Message(&[
    Field(1, "volumeClaimTemplate", Always(Object(&CORE_V1_PERSISTENT_VOLUME_CLAIM_TEMPLATE))),
]);

/// `k8s.io/api/core/v1.Event`.
static CORE_V1_EVENT: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "involvedObject", Always(Object(&CORE_V1_OBJECT_REFERENCE))),
    Field(3, "reason", OmitEmpty(Text)),
    Field(4, "message", OmitEmpty(Text)),
    Field(5, "source", Always(Object(&CORE_V1_EVENT_SOURCE))),
    Field(6, "firstTimestamp", Always(Time)),
    Field(7, "lastTimestamp", Always(Time)),
    Field(8, "count", OmitEmpty(Int32)),
    Field(9, "type", OmitEmpty(Text)),
    Field(10, "eventTime", Always(MicroTime)),
    Field(11, "series", Always(Object(&CORE_V1_EVENT_SERIES))),
    Field(12, "action", OmitEmpty(Text)),
    Field(13, "related", Always(Object(&CORE_V1_OBJECT_REFERENCE))),
    Field(14, "reportingComponent", Always(Text)),
    Field(15, "reportingInstance", Always(Text)),
]);

/// `k8s.io/api/core/v1.EventSeries`.
static CORE_V1_EVENT_SERIES: Message = Message(&[
    Field(1, "count", OmitEmpty(Int32)),
    Field(2, "lastObservedTime", Always(MicroTime)),
]);

/// `k8s.io/api/core/v1.EventSource`.
static CORE_V1_EVENT_SOURCE: Message = Message(&[
    Field(1, "component", OmitEmpty(Text)),
    Field(2, "host", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.ExecAction`.
static CORE_V1_EXEC_ACTION: Message = Message(&[
    Field(1, "command", List(Text)),
]);

/// `k8s.io/api/core/v1.FCVolumeSource`.
static CORE_V1_FC_VOLUME_SOURCE: Message = Message(&[
    Field(1, "targetWWNs", List(Text)),
    Field(2, "lun", Always(Int32)),
    Field(3, "fsType", OmitEmpty(Text)),
    Field(4, "readOnly", OmitEmpty(Bool)),
    Field(5, "wwids", List(Text)),
]);

/// `k8s.io/api/core/v1.FileKeySelector`.
static CORE_V1_FILE_KEY_SELECTOR: Message = Message(&[
    Field(1, "volumeName", Always(Text)),
    Field(2, "path", Always(Text)),
    Field(3, "key", Always(Text)),
    Field(4, "optional", Always(Bool)),
]);

/// `k8s.io/api/core/v1.FlexPersistentVolumeSource`.
static CORE_V1_FLEX_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    Field(1, "driver", Always(Text)),
    Field(2, "fsType", OmitEmpty(Text)),
    Field(3, "secretRef", Always(Object(&CORE_V1_SECRET_REFERENCE))),
    Field(4, "readOnly", OmitEmpty(Bool)),
    Field(5, "options", Map(Text)),
]);

/// `k8s.io/api/core/v1.FlexVolumeSource`.
static CORE_V1_FLEX_VOLUME_SOURCE: Message = Message(&[
    Field(1, "driver", Always(Text)),
    Field(2, "fsType", OmitEmpty(Text)),
    Field(3, "secretRef", Always(Object(&CORE_V1_LOCAL_OBJECT_REFERENCE))),
    Field(4, "readOnly", OmitEmpty(Bool)),
    Field(5, "options", Map(Text)),
]);

/// `k8s.io/api/core/v1.FlockerVolumeSource`.
static CORE_V1_FLOCKER_VOLUME_SOURCE: Message = Message(&[
    Field(1, "datasetName", OmitEmpty(Text)),
    Field(2, "datasetUUID", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.GCEPersistentDiskVolumeSource`.
static CORE_V1_GCE_PERSISTENT_DISK_VOLUME_SOURCE: Message = Message(&[
    Field(1, "pdName", Always(Text)),
    Field(2, "fsType", OmitEmpty(Text)),
    Field(3, "partition", OmitEmpty(Int32)),
    Field(4, "readOnly", OmitEmpty(Bool)),
]);

/// `k8s.io/api/core/v1.GitRepoVolumeSource`.
static CORE_V1_GIT_REPO_VOLUME_SOURCE: Message = Message(&[
    Field(1, "repository", Always(Text)),
    Field(2, "revision", OmitEmpty(Text)),
    Field(3, "directory", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.GlusterfsPersistentVolumeSource`.
static CORE_V1_GLUSTERFS_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    Field(1, "endpoints", Always(Text)),
    Field(2, "path", Always(Text)),
    Field(3, "readOnly", OmitEmpty(Bool)),
    Field(4, "endpointsNamespace", Always(Text)),
]);

/// `k8s.io/api/core/v1.GlusterfsVolumeSource`.
static CORE_V1_GLUSTERFS_VOLUME_SOURCE: Message = Message(&[
    Field(1, "endpoints", Always(Text)),
    Field(2, "path", Always(Text)),
    Field(3, "readOnly", OmitEmpty(Bool)),
]);

/// `k8s.io/api/core/v1.GRPCAction`.
static CORE_V1_GRPC_ACTION: Message = Message(&[
    Field(1, "port", Always(Int32)),
    Field(2, "service", Always(Text)),
]);

/// `k8s.io/api/core/v1.HostAlias`.
static CORE_V1_HOST_ALIAS: Message = Message(&[
    Field(1, "ip", Always(Text)),
    Field(2, "hostnames", List(Text)),
]);

/// `k8s.io/api/core/v1.HostIP`.
static CORE_V1_HOST_IP: Message = Message(&[
    Field(1, "ip", Always(Text)),
]);

/// `k8s.io/api/core/v1.HostPathVolumeSource`.
static CORE_V1_HOST_PATH_VOLUME_SOURCE: Message = Message(&[
    Field(1, "path", Always(Text)),
    Field(2, "type", Always(Text)),
]);

/// `k8s.io/api/core/v1.HTTPGetAction`.
static CORE_V1_HTTP_GET_ACTION: Message = Message(&[
    Field(1, "path", OmitEmpty(Text)),
    Field(2, "port", Always(IntOrString)),
    Field(3, "host", OmitEmpty(Text)),
    Field(4, "scheme", OmitEmpty(Text)),
    Field(5, "httpHeaders", List(Object(&CORE_V1_HTTP_HEADER))),
]);

/// `k8s.io/api/core/v1.HTTPHeader`.
static CORE_V1_HTTP_HEADER: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "value", Always(Text)),
]);

/// `k8s.io/api/core/v1.ImageVolumeSource`.
static CORE_V1_IMAGE_VOLUME_SOURCE: Message = Message(&[
    Field(1, "reference", OmitEmpty(Text)),
    Field(2, "pullPolicy", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.ImageVolumeStatus`.
static CORE_V1_IMAGE_VOLUME_STATUS: Message = Message(&[
    Field(1, "imageRef", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.ISCSIPersistentVolumeSource`.
static CORE_V1_ISCSI_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    Field(1, "targetPortal", Always(Text)),
    Field(2, "iqn", Always(Text)),
    Field(3, "lun", Always(Int32)),
    Field(4, "iscsiInterface", OmitEmpty(Text)),
    Field(5, "fsType", OmitEmpty(Text)),
    Field(6, "readOnly", OmitEmpty(Bool)),
    Field(7, "portals", List(Text)),
    Field(8, "chapAuthDiscovery", OmitEmpty(Bool)),
    Field(10, "secretRef", Always(Object(&CORE_V1_SECRET_REFERENCE))),
    Field(11, "chapAuthSession", OmitEmpty(Bool)),
    Field(12, "initiatorName", Always(Text)),
]);

/// `k8s.io/api/core/v1.ISCSIVolumeSource`.
static CORE_V1_ISCSI_VOLUME_SOURCE: Message = Message(&[
    Field(1, "targetPortal", Always(Text)),
    Field(2, "iqn", Always(Text)),
    Field(3, "lun", Always(Int32)),
    Field(4, "iscsiInterface", OmitEmpty(Text)),
    Field(5, "fsType", OmitEmpty(Text)),
    Field(6, "readOnly", OmitEmpty(Bool)),
    Field(7, "portals", List(Text)),
    Field(8, "chapAuthDiscovery", OmitEmpty(Bool)),
    Field(10, "secretRef", Always(Object(&CORE_V1_LOCAL_OBJECT_REFERENCE))),
    Field(11, "chapAuthSession", OmitEmpty(Bool)),
    Field(12, "initiatorName", Always(Text)),
]);

/// `k8s.io/api/core/v1.KeyToPath`.
static CORE_V1_KEY_TO_PATH: Message = Message(&[
    Field(1, "key", Always(Text)),
    Field(2, "path", Always(Text)),
    Field(3, "mode", Always(Int32)),
]);

/// `k8s.io/api/core/v1.Lifecycle`.
static CORE_V1_LIFECYCLE: Message = Message(&[
    Field(1, "postStart", Always(Object(&CORE_V1_LIFECYCLE_HANDLER))),
    Field(2, "preStop", Always(Object(&CORE_V1_LIFECYCLE_HANDLER))),
    Field(3, "stopSignal", Always(Text)),
]);

/// `k8s.io/api/core/v1.LifecycleHandler`.
static CORE_V1_LIFECYCLE_HANDLER: Message = Message(&[
    Field(1, "exec", Always(Object(&CORE_V1_EXEC_ACTION))),
    Field(2, "httpGet", Always(Object(&CORE_V1_HTTP_GET_ACTION))),
    Field(3, "tcpSocket", Always(Object(&CORE_V1_TCP_SOCKET_ACTION))),
    Field(4, "sleep", Always(Object(&CORE_V1_SLEEP_ACTION))),
]);

/// `k8s.io/api/core/v1.LimitRange`.
static CORE_V1_LIMIT_RANGE: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&CORE_V1_LIMIT_RANGE_SPEC))),
]);

/// `k8s.io/api/core/v1.LimitRangeItem`.
static CORE_V1_LIMIT_RANGE_ITEM: Message = Message(&[
    Field(1, "type", Always(Text)),
    Field(2, "max", Map(Quantity)),
    Field(3, "min", Map(Quantity)),
    Field(4, "default", Map(Quantity)),
    Field(5, "defaultRequest", Map(Quantity)),
    Field(6, "maxLimitRequestRatio", Map(Quantity)),
]);

/// `k8s.io/api/core/v1.LimitRangeSpec`.
static CORE_V1_LIMIT_RANGE_SPEC: Message = Message(&[
    Field(1, "limits", List(Object(&CORE_V1_LIMIT_RANGE_ITEM))),
]);

/// `k8s.io/api/core/v1.LinuxContainerUser`.
static CORE_V1_LINUX_CONTAINER_USER: Message = Message(&[
    Field(1, "uid", Always(Int64)),
    Field(2, "gid", Always(Int64)),
    Field(3, "supplementalGroups", List(Int64)),
]);

/// `k8s.io/api/core/v1.LoadBalancerIngress`.
static CORE_V1_LOAD_BALANCER_INGRESS: Message = Message(&[
    Field(1, "ip", OmitEmpty(Text)),
    Field(2, "hostname", OmitEmpty(Text)),
    Field(3, "ipMode", Always(Text)),
    Field(4, "ports", List(Object(&CORE_V1_PORT_STATUS))),
]);

/// `k8s.io/api/core/v1.LoadBalancerStatus`.
static CORE_V1_LOAD_BALANCER_STATUS: Message = Message(&[
    Field(1, "ingress", List(Object(&CORE_V1_LOAD_BALANCER_INGRESS))),
]);

/// `k8s.io/api/core/v1.LocalObjectReference`.
static CORE_V1_LOCAL_OBJECT_REFERENCE: Message = Message(&[
    Field(1, "name", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.LocalVolumeSource`.
static CORE_V1_LOCAL_VOLUME_SOURCE: Message = Message(&[
    Field(1, "path", Always(Text)),
    Field(2, "fsType", Always(Text)),
]);

/// `k8s.io/api/core/v1.ModifyVolumeStatus`.
static CORE_V1_MODIFY_VOLUME_STATUS: Message = Message(&[
    Field(1, "targetVolumeAttributesClassName", OmitEmpty(Text)),
    Field(2, "status", Always(Text)),
]);

/// `k8s.io/api/core/v1.Namespace`.
static CORE_V1_NAMESPACE: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&CORE_V1_NAMESPACE_SPEC))),
    Field(3, "status", Always(Object(&CORE_V1_NAMESPACE_STATUS))),
]);

/// `k8s.io/api/core/v1.NamespaceCondition`.
static CORE_V1_NAMESPACE_CONDITION: Message = Message(&[
    Field(1, "type", Always(Text)),
    Field(2, "status", Always(Text)),
    Field(4, "lastTransitionTime", Always(Time)),
    Field(5, "reason", OmitEmpty(Text)),
    Field(6, "message", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.NamespaceSpec`.
static CORE_V1_NAMESPACE_SPEC: Message = Message(&[
    Field(1, "finalizers", List(Text)),
]);

/// `k8s.io/api/core/v1.NamespaceStatus`.
static CORE_V1_NAMESPACE_STATUS: Message = Message(&[
    Field(1, "phase", OmitEmpty(Text)),
    Field(2, "conditions", List(Object(&CORE_V1_NAMESPACE_CONDITION))),
]);

/// `k8s.io/api/core/v1.NFSVolumeSource`.
static CORE_V1_NFS_VOLUME_SOURCE: Message = Message(&[
    Field(1, "server", Always(Text)),
    Field(2, "path", Always(Text)),
    Field(3, "readOnly", OmitEmpty(Bool)),
]);

/// `k8s.io/api/core/v1.Node`.
static CORE_V1_NODE: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&CORE_V1_NODE_SPEC))),
    Field(3, "status", Always(Object(&CORE_V1_NODE_STATUS))),
]);

/// `k8s.io/api/core/v1.NodeAddress`.
static CORE_V1_NODE_ADDRESS: Message = Message(&[
    Field(1, "type", Always(Text)),
    Field(2, "address", Always(Text)),
]);

/// `k8s.io/api/core/v1.NodeAffinity`.
static CORE_V1_NODE_AFFINITY: Message = Message(&[
    Field(1, "requiredDuringSchedulingIgnoredDuringExecution", Always(Object(&CORE_V1_NODE_SELECTOR))),
    Field(2, "preferredDuringSchedulingIgnoredDuringExecution", List(Object(&CORE_V1_PREFERRED_SCHEDULING_TERM))),
]);

/// `k8s.io/api/core/v1.NodeAllocatableResourceClaimStatus`.
static CORE_V1_NODE_ALLOCATABLE_RESOURCE_CLAIM_STATUS: Message = Message(&[
    Field(1, "resourceClaimName", Always(Text)),
    Field(2, "containers", List(Text)),
    Field(3, "resources", Map(Quantity)),
]);

/// `k8s.io/api/core/v1.NodeCondition`.
static CORE_V1_NODE_CONDITION: Message = Message(&[
    Field(1, "type", Always(Text)),
    Field(2, "status", Always(Text)),
    Field(3, "lastHeartbeatTime", Always(Time)),
    Field(4, "lastTransitionTime", Always(Time)),
    Field(5, "reason", OmitEmpty(Text)),
    Field(6, "message", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.NodeConfigSource`.
static CORE_V1_NODE_CONFIG_SOURCE: Message = Message(&[
    Field(2, "configMap", Always(Object(&CORE_V1_CONFIG_MAP_NODE_CONFIG_SOURCE))),
]);

/// `k8s.io/api/core/v1.NodeConfigStatus`.
static CORE_V1_NODE_CONFIG_STATUS: Message = Message(&[
    Field(1, "assigned", Always(Object(&CORE_V1_NODE_CONFIG_SOURCE))),
    Field(2, "active", Always(Object(&CORE_V1_NODE_CONFIG_SOURCE))),
    Field(3, "lastKnownGood", Always(Object(&CORE_V1_NODE_CONFIG_SOURCE))),
    Field(4, "error", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.NodeDaemonEndpoints`.
static CORE_V1_NODE_DAEMON_ENDPOINTS: Message = Message(&[
    Field(1, "kubeletEndpoint", Always(Object(&CORE_V1_DAEMON_ENDPOINT))),
]);

/// `k8s.io/api/core/v1.NodeFeatures`.
static CORE_V1_NODE_FEATURES: Message = Message(&[
    Field(1, "supplementalGroupsPolicy", Always(Bool)),
]);

/// `k8s.io/api/core/v1.NodeRuntimeHandler`.
static CORE_V1_NODE_RUNTIME_HANDLER: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "features", Always(Object(&CORE_V1_NODE_RUNTIME_HANDLER_FEATURES))),
]);

/// `k8s.io/api/core/v1.NodeRuntimeHandlerFeatures`.
static CORE_V1_NODE_RUNTIME_HANDLER_FEATURES: Message = Message(&[
    Field(1, "recursiveReadOnlyMounts", Always(Bool)),
    Field(2, "userNamespaces", Always(Bool)),
]);

/// `k8s.io/api/core/v1.NodeSelector`.
static CORE_V1_NODE_SELECTOR: Message = Message(&[
    Field(1, "nodeSelectorTerms", List(Object(&CORE_V1_NODE_SELECTOR_TERM))),
]);

/// `k8s.io/api/core/v1.NodeSelectorRequirement`.
static CORE_V1_NODE_SELECTOR_REQUIREMENT: Message = Message(&[
    Field(1, "key", Always(Text)),
    Field(2, "operator", Always(Text)),
    Field(3, "values", List(Text)),
]);

/// `k8s.io/api/core/v1.NodeSelectorTerm`.
static CORE_V1_NODE_SELECTOR_TERM: Message = Message(&[
    Field(1, "matchExpressions", List(Object(&CORE_V1_NODE_SELECTOR_REQUIREMENT))),
    Field(2, "matchFields", List(Object(&CORE_V1_NODE_SELECTOR_REQUIREMENT))),
]);

/// `k8s.io/api/core/v1.NodeSpec`.
static CORE_V1_NODE_SPEC: Message = Message(&[
    Field(1, "podCIDR", OmitEmpty(Text)),
    Field(2, "externalID", OmitEmpty(Text)),
    Field(3, "providerID", OmitEmpty(Text)),
    Field(4, "unschedulable", OmitEmpty(Bool)),
    Field(5, "taints", List(Object(&CORE_V1_TAINT))),
    Field(6, "configSource", Always(Object(&CORE_V1_NODE_CONFIG_SOURCE))),
    Field(7, "podCIDRs", List(Text)),
]);

/// `k8s.io/api/core/v1.NodeStatus`.
static CORE_V1_NODE_STATUS: Message = Message(&[
    Field(1, "capacity", Map(Quantity)),
    Field(2, "allocatable", Map(Quantity)),
    Field(3, "phase", OmitEmpty(Text)),
    Field(4, "conditions", List(Object(&CORE_V1_NODE_CONDITION))),
    Field(5, "addresses", List(Object(&CORE_V1_NODE_ADDRESS))),
    Field(6, "daemonEndpoints", Always(Object(&CORE_V1_NODE_DAEMON_ENDPOINTS))),
    Field(7, "nodeInfo", Always(Object(&CORE_V1_NODE_SYSTEM_INFO))),
    Field(8, "images", List(Object(&CORE_V1_CONTAINER_IMAGE))),
    Field(9, "volumesInUse", List(Text)),
    Field(10, "volumesAttached", List(Object(&CORE_V1_ATTACHED_VOLUME))),
    Field(11, "config", Always(Object(&CORE_V1_NODE_CONFIG_STATUS))),
    Field(12, "runtimeHandlers", List(Object(&CORE_V1_NODE_RUNTIME_HANDLER))),
    Field(13, "features", Always(Object(&CORE_V1_NODE_FEATURES))),
    Field(14, "declaredFeatures", List(Text)),
]);

/// `k8s.io/api/core/v1.NodeSwapStatus`.
static CORE_V1_NODE_SWAP_STATUS: Message = Message(&[
    Field(1, "capacity", Always(Int64)),
]);

/// `k8s.io/api/core/v1.NodeSystemInfo`.
static CORE_V1_NODE_SYSTEM_INFO: Message = Message(&[
    Field(1, "machineID", Always(Text)),
    Field(2, "systemUUID", Always(Text)),
    Field(3, "bootID", Always(Text)),
    Field(4, "kernelVersion", Always(Text)),
    Field(5, "osImage", Always(Text)),
    Field(6, "containerRuntimeVersion", Always(Text)),
    Field(7, "kubeletVersion", Always(Text)),
    Field(8, "kubeProxyVersion", Always(Text)),
    Field(9, "operatingSystem", Always(Text)),
    Field(10, "architecture", Always(Text)),
    Field(11, "swap", Always(Object(&CORE_V1_NODE_SWAP_STATUS))),
]);

/// `k8s.io/api/core/v1.ObjectFieldSelector`.
static CORE_V1_OBJECT_FIELD_SELECTOR: Message = Message(&[
    Field(1, "apiVersion", OmitEmpty(Text)),
    Field(2, "fieldPath", Always(Text)),
]);

/// `k8s.io/api/core/v1.ObjectReference`.
static CORE_V1_OBJECT_REFERENCE: Message = Message(&[
    Field(1, "kind", OmitEmpty(Text)),
    Field(2, "namespace", OmitEmpty(Text)),
    Field(3, "name", OmitEmpty(Text)),
    Field(4, "uid", OmitEmpty(Text)),
    Field(5, "apiVersion", OmitEmpty(Text)),
    Field(6, "resourceVersion", OmitEmpty(Text)),
    Field(7, "fieldPath", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.PersistentVolume`.
static CORE_V1_PERSISTENT_VOLUME: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&CORE_V1_PERSISTENT_VOLUME_SPEC))),
    Field(3, "status", Always(Object(&CORE_V1_PERSISTENT_VOLUME_STATUS))),
]);

/// `k8s.io/api/core/v1.PersistentVolumeClaim`.
static CORE_V1_PERSISTENT_VOLUME_CLAIM: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&CORE_V1_PERSISTENT_VOLUME_CLAIM_SPEC))),
    Field(3, "status", Always(Object(&CORE_V1_PERSISTENT_VOLUME_CLAIM_STATUS))),
]);

/// `k8s.io/api/core/v1.PersistentVolumeClaimCondition`.
static CORE_V1_PERSISTENT_VOLUME_CLAIM_CONDITION: Message = Message(&[
    Field(1, "type", Always(Text)),
    Field(2, "status", Always(Text)),
    Field(3, "lastProbeTime", Always(Time)),
    Field(4, "lastTransitionTime", Always(Time)),
    Field(5, "reason", OmitEmpty(Text)),
    Field(6, "message", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.PersistentVolumeClaimSpec`.
static CORE_V1_PERSISTENT_VOLUME_CLAIM_SPEC: Message = Message(&[
    Field(1, "accessModes", List(Text)),
    Field(2, "resources", Always(Object(&CORE_V1_VOLUME_RESOURCE_REQUIREMENTS))),
    Field(3, "volumeName", OmitEmpty(Text)),
    Field(4, "selector", Always(Object(&META_V1_LABEL_SELECTOR))),
    Field(5, "storageClassName", Always(Text)),
    Field(6, "volumeMode", Always(Text)),
    Field(7, "dataSource", Always(Object(&CORE_V1_TYPED_LOCAL_OBJECT_REFERENCE))),
    Field(8, "dataSourceRef", Always(Object(&CORE_V1_TYPED_OBJECT_REFERENCE))),
    Field(9, "volumeAttributesClassName", Always(Text)),
]);

/// `k8s.io/api/core/v1.PersistentVolumeClaimStatus`.
static CORE_V1_PERSISTENT_VOLUME_CLAIM_STATUS: Message = Message(&[
    Field(1, "phase", OmitEmpty(Text)),
    Field(2, "accessModes", List(Text)),
    Field(3, "capacity", Map(Quantity)),
    Field(4, "conditions", List(Object(&CORE_V1_PERSISTENT_VOLUME_CLAIM_CONDITION))),
    Field(5, "allocatedResources", Map(Quantity)),
    Field(7, "allocatedResourceStatuses", Map(Text)),
    Field(8, "currentVolumeAttributesClassName", Always(Text)),
    Field(9, "modifyVolumeStatus", Always(Object(&CORE_V1_MODIFY_VOLUME_STATUS))),
]);

/// `k8s.io/api/core/v1.PersistentVolumeClaimTemplate`.
static CORE_V1_PERSISTENT_VOLUME_CLAIM_TEMPLATE: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&CORE_V1_PERSISTENT_VOLUME_CLAIM_SPEC))),
]);

/// `k8s.io/api/core/v1.PersistentVolumeClaimVolumeSource`.
static CORE_V1_PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE: Message = Message(&[
    Field(1, "claimName", Always(Text)),
    Field(2, "readOnly", OmitEmpty(Bool)),
]);

/// `k8s.io/api/core/v1.PersistentVolumeSource`.
static CORE_V1_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    Field(1, "gcePersistentDisk", Always(Object(&CORE_V1_GCE_PERSISTENT_DISK_VOLUME_SOURCE))),
    Field(2, "awsElasticBlockStore", Always(Object(&CORE_V1_AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE))),
    Field(3, "hostPath", Always(Object(&CORE_V1_HOST_PATH_VOLUME_SOURCE))),
    Field(4, "glusterfs", Always(Object(&CORE_V1_GLUSTERFS_PERSISTENT_VOLUME_SOURCE))),
    Field(5, "nfs", Always(Object(&CORE_V1_NFS_VOLUME_SOURCE))),
    Field(6, "rbd", Always(Object(&CORE_V1_RBD_PERSISTENT_VOLUME_SOURCE))),
    Field(7, "iscsi", Always(Object(&CORE_V1_ISCSI_PERSISTENT_VOLUME_SOURCE))),
    Field(8, "cinder", Always(Object(&CORE_V1_CINDER_PERSISTENT_VOLUME_SOURCE))),
    Field(9, "cephfs", Always(Object(&CORE_V1_CEPH_FS_PERSISTENT_VOLUME_SOURCE))),
    Field(10, "fc", Always(Object(&CORE_V1_FC_VOLUME_SOURCE))),
    Field(11, "flocker", Always(Object(&CORE_V1_FLOCKER_VOLUME_SOURCE))),
    Field(12, "flexVolume", Always(Object(&CORE_V1_FLEX_PERSISTENT_VOLUME_SOURCE))),
    Field(13, "azureFile", Always(Object(&CORE_V1_AZURE_FILE_PERSISTENT_VOLUME_SOURCE))),
    Field(14, "vsphereVolume", Always(Object(&CORE_V1_VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE))),
    Field(15, "quobyte", Always(Object(&CORE_V1_QUOBYTE_VOLUME_SOURCE))),
    Field(16, "azureDisk", Always(Object(&CORE_V1_AZURE_DISK_VOLUME_SOURCE))),
    Field(17, "photonPersistentDisk", Always(Object(&CORE_V1_PHOTON_PERSISTENT_DISK_VOLUME_SOURCE))),
    Field(18, "portworxVolume", Always(Object(&CORE_V1_PORTWORX_VOLUME_SOURCE))),
    Field(19, "scaleIO", Always(Object(&CORE_V1_SCALE_IO_PERSISTENT_VOLUME_SOURCE))),
    Field(20, "local", Always(Object(&CORE_V1_LOCAL_VOLUME_SOURCE))),
    Field(21, "storageos", Always(Object(&CORE_V1_STORAGE_OS_PERSISTENT_VOLUME_SOURCE))),
    Field(22, "csi", Always(Object(&CORE_V1_CSI_PERSISTENT_VOLUME_SOURCE))),
]);

/// `k8s.io/api/core/v1.PersistentVolumeSpec`.
static CORE_V1_PERSISTENT_VOLUME_SPEC: Message = Message(&[
    Field(1, "capacity", Map(Quantity)),
    Field(2, "PersistentVolumeSource", Inline(&CORE_V1_PERSISTENT_VOLUME_SOURCE)),
    Field(3, "accessModes", List(Text)),
    Field(4, "claimRef", Always(Object(&CORE_V1_OBJECT_REFERENCE))),
    Field(5, "persistentVolumeReclaimPolicy", OmitEmpty(Text)),
    Field(6, "storageClassName", OmitEmpty(Text)),
    Field(7, "mountOptions", List(Text)),
    Field(8, "volumeMode", Always(Text)),
    Field(9, "nodeAffinity", Always(Object(&CORE_V1_VOLUME_NODE_AFFINITY))),
    Field(10, "volumeAttributesClassName", Always(Text)),
]);

/// `k8s.io/api/core/v1.PersistentVolumeStatus`.
static CORE_V1_PERSISTENT_VOLUME_STATUS: Message = Message(&[
    Field(1, "phase", OmitEmpty(Text)),
    Field(2, "message", OmitEmpty(Text)),
    Field(3, "reason", OmitEmpty(Text)),
    Field(4, "lastPhaseTransitionTime", Always(Time)),
]);

/// `k8s.io/api/core/v1.PhotonPersistentDiskVolumeSource`.
static CORE_V1_PHOTON_PERSISTENT_DISK_VOLUME_SOURCE: Message = Message(&[
    Field(1, "pdID", Always(Text)),
    Field(2, "fsType", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.Pod`.
static CORE_V1_POD: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&CORE_V1_POD_SPEC))),
    Field(3, "status", Always(Object(&CORE_V1_POD_STATUS))),
]);

/// `k8s.io/api/core/v1.PodAffinity`.
static CORE_V1_POD_AFFINITY: Message = Message(&[
    Field(1, "requiredDuringSchedulingIgnoredDuringExecution", List(Object(&CORE_V1_POD_AFFINITY_TERM))),
    Field(2, "preferredDuringSchedulingIgnoredDuringExecution", List(Object(&CORE_V1_WEIGHTED_POD_AFFINITY_TERM))),
]);

/// `k8s.io/api/core/v1.PodAffinityTerm`.
static CORE_V1_POD_AFFINITY_TERM: Message = Message(&[
    Field(1, "labelSelector", Always(Object(&META_V1_LABEL_SELECTOR))),
    Field(2, "namespaces", List(Text)),
    Field(3, "topologyKey", Always(Text)),
    Field(4, "namespaceSelector", Always(Object(&META_V1_LABEL_SELECTOR))),
    Field(5, "matchLabelKeys", List(Text)),
    Field(6, "mismatchLabelKeys", List(Text)),
]);

/// `k8s.io/api/core/v1.PodAntiAffinity`.
static CORE_V1_POD_ANTI_AFFINITY: Message = Message(&[
    Field(1, "requiredDuringSchedulingIgnoredDuringExecution", List(Object(&CORE_V1_POD_AFFINITY_TERM))),
    Field(2, "preferredDuringSchedulingIgnoredDuringExecution", List(Object(&CORE_V1_WEIGHTED_POD_AFFINITY_TERM))),
]);

/// `k8s.io/api/core/v1.PodCertificateProjection`.
static CORE_V1_POD_CERTIFICATE_PROJECTION: Message = Message(&[
    Field(1, "signerName", OmitEmpty(Text)),
    Field(2, "keyType", OmitEmpty(Text)),
    Field(3, "maxExpirationSeconds", Always(Int32)),
    Field(4, "credentialBundlePath", OmitEmpty(Text)),
    Field(5, "keyPath", OmitEmpty(Text)),
    Field(6, "certificateChainPath", OmitEmpty(Text)),
    Field(7, "userAnnotations", Map(Text)),
]);

/// `k8s.io/api/core/v1.PodCondition`.
static CORE_V1_POD_CONDITION: Message = Message(&[
    Field(1, "type", Always(Text)),
    Field(2, "status", Always(Text)),
    Field(3, "lastProbeTime", Always(Time)),
    Field(4, "lastTransitionTime", Always(Time)),
    Field(5, "reason", OmitEmpty(Text)),
    Field(6, "message", OmitEmpty(Text)),
    Field(7, "observedGeneration", OmitEmpty(Int64)),
]);

/// `k8s.io/api/core/v1.PodDNSConfig`.
static CORE_V1_POD_DNS_CONFIG: Message = Message(&[
    Field(1, "nameservers", List(Text)),
    Field(2, "searches", List(Text)),
    Field(3, "options", List(Object(&CORE_V1_POD_DNS_CONFIG_OPTION))),
]);

/// `k8s.io/api/core/v1.PodDNSConfigOption`.
static CORE_V1_POD_DNS_CONFIG_OPTION: Message = Message(&[
    Field(1, "name", OmitEmpty(Text)),
    Field(2, "value", Always(Text)),
]);

/// `k8s.io/api/core/v1.PodExtendedResourceClaimStatus`.
static CORE_V1_POD_EXTENDED_RESOURCE_CLAIM_STATUS: Message = Message(&[
    Field(1, "requestMappings", List(Object(&CORE_V1_CONTAINER_EXTENDED_RESOURCE_REQUEST))),
    Field(2, "resourceClaimName", Always(Text)),
]);

/// `k8s.io/api/core/v1.PodIP`.
static CORE_V1_POD_IP: Message = Message(&[
    Field(1, "ip", Always(Text)),
]);

/// `k8s.io/api/core/v1.PodOS`.
static CORE_V1_POD_OS: Message = Message(&[
    Field(1, "name", Always(Text)),
]);

/// `k8s.io/api/core/v1.PodReadinessGate`.
static CORE_V1_POD_READINESS_GATE: Message = Message(&[
    Field(1, "conditionType", Always(Text)),
]);

/// `k8s.io/api/core/v1.PodResourceClaim`.
static CORE_V1_POD_RESOURCE_CLAIM: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(3, "resourceClaimName", Always(Text)),
    Field(4, "resourceClaimTemplateName", Always(Text)),
]);

/// `k8s.io/api/core/v1.PodResourceClaimStatus`.
static CORE_V1_POD_RESOURCE_CLAIM_STATUS: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "resourceClaimName", Always(Text)),
]);

/// `k8s.io/api/core/v1.PodSchedulingGate`.
static CORE_V1_POD_SCHEDULING_GATE: Message = Message(&[
    Field(1, "name", Always(Text)),
]);

/// `k8s.io/api/core/v1.PodSchedulingGroup`.
static CORE_V1_POD_SCHEDULING_GROUP: Message = Message(&[
    Field(1, "podGroupName", Always(Text)),
]);

/// `k8s.io/api/core/v1.PodSecurityContext`.
static CORE_V1_POD_SECURITY_CONTEXT: Message = Message(&[
    Field(1, "seLinuxOptions", Always(Object(&CORE_V1_SE_LINUX_OPTIONS))),
    Field(2, "runAsUser", Always(Int64)),
    Field(3, "runAsNonRoot", Always(Bool)),
    Field(4, "supplementalGroups", List(Int64)),
    Field(5, "fsGroup", Always(Int64)),
    Field(6, "runAsGroup", Always(Int64)),
    Field(7, "sysctls", List(Object(&CORE_V1_SYSCTL))),
    Field(8, "windowsOptions", Always(Object(&CORE_V1_WINDOWS_SECURITY_CONTEXT_OPTIONS))),
    Field(9, "fsGroupChangePolicy", Always(Text)),
    Field(10, "seccompProfile", Always(Object(&CORE_V1_SECCOMP_PROFILE))),
    Field(11, "appArmorProfile", Always(Object(&CORE_V1_APP_ARMOR_PROFILE))),
    Field(12, "supplementalGroupsPolicy", Always(Text)),
    Field(13, "seLinuxChangePolicy", Always(Text)),
]);

/// `k8s.io/api/core/v1.PodSpec`.
static CORE_V1_POD_SPEC: Message = Message(&[
    Field(1, "volumes", List(Object(&CORE_V1_VOLUME))),
    Field(2, "containers", List(Object(&CORE_V1_CONTAINER))),
    Field(3, "restartPolicy", OmitEmpty(Text)),
    Field(4, "terminationGracePeriodSeconds", Always(Int64)),
    Field(5, "activeDeadlineSeconds", Always(Int64)),
    Field(6, "dnsPolicy", OmitEmpty(Text)),
    Field(7, "nodeSelector", Map(Text)),
    Field(8, "serviceAccountName", OmitEmpty(Text)),
    Field(9, "serviceAccount", OmitEmpty(Text)),
    Field(10, "nodeName", OmitEmpty(Text)),
    Field(11, "hostNetwork", OmitEmpty(Bool)),
    Field(12, "hostPID", OmitEmpty(Bool)),
    Field(13, "hostIPC", OmitEmpty(Bool)),
    Field(14, "securityContext", Always(Object(&CORE_V1_POD_SECURITY_CONTEXT))),
    Field(15, "imagePullSecrets", List(Object(&CORE_V1_LOCAL_OBJECT_REFERENCE))),
    Field(16, "hostname", OmitEmpty(Text)),
    Field(17, "subdomain", OmitEmpty(Text)),
    Field(18, "affinity", Always(Object(&CORE_V1_AFFINITY))),
    Field(19, "schedulerName", OmitEmpty(Text)),
    Field(20, "initContainers", List(Object(&CORE_V1_CONTAINER))),
    Field(21, "automountServiceAccountToken", Always(Bool)),
    Field(22, "tolerations", List(Object(&CORE_V1_TOLERATION))),
    Field(23, "hostAliases", List(Object(&CORE_V1_HOST_ALIAS))),
    Field(24, "priorityClassName", OmitEmpty(Text)),
    Field(25, "priority", Always(Int32)),
    Field(26, "dnsConfig", Always(Object(&CORE_V1_POD_DNS_CONFIG))),
    Field(27, "shareProcessNamespace", Always(Bool)),
    Field(28, "readinessGates", List(Object(&CORE_V1_POD_READINESS_GATE))),
    Field(29, "runtimeClassName", Always(Text)),
    Field(30, "enableServiceLinks", Always(Bool)),
    Field(31, "preemptionPolicy", Always(Text)),
    Field(32, "overhead", Map(Quantity)),
    Field(33, "topologySpreadConstraints", List(Object(&CORE_V1_TOPOLOGY_SPREAD_CONSTRAINT))),
    Field(34, "ephemeralContainers", List(Object(&CORE_V1_EPHEMERAL_CONTAINER))),
    Field(35, "setHostnameAsFQDN", Always(Bool)),
    Field(36, "os", Always(Object(&CORE_V1_POD_OS))),
    Field(37, "hostUsers", Always(Bool)),
    Field(38, "schedulingGates", List(Object(&CORE_V1_POD_SCHEDULING_GATE))),
    Field(39, "resourceClaims", List(Object(&CORE_V1_POD_RESOURCE_CLAIM))),
    Field(40, "resources", Always(Object(&CORE_V1_RESOURCE_REQUIREMENTS))),
    Field(41, "hostnameOverride", Always(Text)),
    Field(43, "schedulingGroup", Always(Object(&CORE_V1_POD_SCHEDULING_GROUP))),
]);

/// `k8s.io/api/core/v1.PodStatus`.
static CORE_V1_POD_STATUS: Message = Message(&[
    Field(1, "phase", OmitEmpty(Text)),
    Field(2, "conditions", List(Object(&CORE_V1_POD_CONDITION))),
    Field(3, "message", OmitEmpty(Text)),
    Field(4, "reason", OmitEmpty(Text)),
    Field(5, "hostIP", OmitEmpty(Text)),
    Field(6, "podIP", OmitEmpty(Text)),
    Field(7, "startTime", Always(Time)),
    Field(8, "containerStatuses", List(Object(&CORE_V1_CONTAINER_STATUS))),
    Field(9, "qosClass", OmitEmpty(Text)),
    Field(10, "initContainerStatuses", List(Object(&CORE_V1_CONTAINER_STATUS))),
    Field(11, "nominatedNodeName", OmitEmpty(Text)),
    Field(12, "podIPs", List(Object(&CORE_V1_POD_IP))),
    Field(13, "ephemeralContainerStatuses", List(Object(&CORE_V1_CONTAINER_STATUS))),
    Field(14, "resize", OmitEmpty(Text)),
    Field(15, "resourceClaimStatuses", List(Object(&CORE_V1_POD_RESOURCE_CLAIM_STATUS))),
    Field(16, "hostIPs", List(Object(&CORE_V1_HOST_IP))),
    Field(17, "observedGeneration", OmitEmpty(Int64)),
    Field(18, "extendedResourceClaimStatus", Always(Object(&CORE_V1_POD_EXTENDED_RESOURCE_CLAIM_STATUS))),
    Field(19, "allocatedResources", Map(Quantity)),
    Field(20, "resources", Always(Object(&CORE_V1_RESOURCE_REQUIREMENTS))),
    Field(21, "nodeAllocatableResourceClaimStatuses", List(Object(&CORE_V1_NODE_ALLOCATABLE_RESOURCE_CLAIM_STATUS))),
]);

/// `k8s.io/api/core/v1.PodTemplate`.
static CORE_V1_POD_TEMPLATE: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "template", Always(Object(&CORE_V1_POD_TEMPLATE_SPEC))),
]);

/// `k8s.io/api/core/v1.PodTemplateSpec`.
static CORE_V1_POD_TEMPLATE_SPEC: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&CORE_V1_POD_SPEC))),
]);

/// `k8s.io/api/core/v1.PortworxVolumeSource`.
static CORE_V1_PORTWORX_VOLUME_SOURCE: Message = Message(&[
    Field(1, "volumeID", Always(Text)),
    Field(2, "fsType", OmitEmpty(Text)),
    Field(3, "readOnly", OmitEmpty(Bool)),
]);

/// `k8s.io/api/core/v1.PortStatus`.
static CORE_V1_PORT_STATUS: Message = Message(&[
    Field(1, "port", Always(Int32)),
    Field(2, "protocol", Always(Text)),
    Field(3, "error", Always(Text)),
]);

/// `k8s.io/api/core/v1.PreferredSchedulingTerm`.
static CORE_V1_PREFERRED_SCHEDULING_TERM: Message = Message(&[
    Field(1, "weight", Always(Int32)),
    Field(2, "preference", Always(Object(&CORE_V1_NODE_SELECTOR_TERM))),
]);

/// `k8s.io/api/core/v1.Probe`.
static CORE_V1_PROBE: Message = Message(&[
    Field(1, "ProbeHandler", Inline(&CORE_V1_PROBE_HANDLER)),
    Field(2, "initialDelaySeconds", OmitEmpty(Int32)),
    Field(3, "timeoutSeconds", OmitEmpty(Int32)),
    Field(4, "periodSeconds", OmitEmpty(Int32)),
    Field(5, "successThreshold", OmitEmpty(Int32)),
    Field(6, "failureThreshold", OmitEmpty(Int32)),
    Field(7, "terminationGracePeriodSeconds", Always(Int64)),
]);

/// `k8s.io/api/core/v1.ProbeHandler`.
static CORE_V1_PROBE_HANDLER: Message = Message(&[
    Field(1, "exec", Always(Object(&CORE_V1_EXEC_ACTION))),
    Field(2, "httpGet", Always(Object(&CORE_V1_HTTP_GET_ACTION))),
    Field(3, "tcpSocket", Always(Object(&CORE_V1_TCP_SOCKET_ACTION))),
    Field(4, "grpc", Always(Object(&CORE_V1_GRPC_ACTION))),
]);

/// `k8s.io/api/core/v1.ProjectedVolumeSource`.
static CORE_V1_PROJECTED_VOLUME_SOURCE: Message = Message(&[
    Field(1, "sources", List(Object(&CORE_V1_VOLUME_PROJECTION))),
    Field(2, "defaultMode", Always(Int32)),
]);

/// `k8s.io/api/core/v1.QuobyteVolumeSource`.
static CORE_V1_QUOBYTE_VOLUME_SOURCE: Message = Message(&[
    Field(1, "registry", Always(Text)),
    Field(2, "volume", Always(Text)),
    Field(3, "readOnly", OmitEmpty(Bool)),
    Field(4, "user", OmitEmpty(Text)),
    Field(5, "group", OmitEmpty(Text)),
    Field(6, "tenant", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.RBDPersistentVolumeSource`.
static CORE_V1_RBD_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    Field(1, "monitors", List(Text)),
    Field(2, "image", Always(Text)),
    Field(3, "fsType", OmitEmpty(Text)),
    Field(4, "pool", OmitEmpty(Text)),
    Field(5, "user", OmitEmpty(Text)),
    Field(6, "keyring", OmitEmpty(Text)),
    Field(7, "secretRef", Always(Object(&CORE_V1_SECRET_REFERENCE))),
    Field(8, "readOnly", OmitEmpty(Bool)),
]);

/// `k8s.io/api/core/v1.RBDVolumeSource`.
static CORE_V1_RBD_VOLUME_SOURCE: Message = Message(&[
    Field(1, "monitors", List(Text)),
    Field(2, "image", Always(Text)),
    Field(3, "fsType", OmitEmpty(Text)),
    Field(4, "pool", OmitEmpty(Text)),
    Field(5, "user", OmitEmpty(Text)),
    Field(6, "keyring", OmitEmpty(Text)),
    Field(7, "secretRef", Always(Object(&CORE_V1_LOCAL_OBJECT_REFERENCE))),
    Field(8, "readOnly", OmitEmpty(Bool)),
]);

/// `k8s.io/api/core/v1.ResourceClaim`.
static CORE_V1_RESOURCE_CLAIM: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "request", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.ResourceFieldSelector`.
static CORE_V1_RESOURCE_FIELD_SELECTOR: Message = Message(&[
    Field(1, "containerName", OmitEmpty(Text)),
    Field(2, "resource", Always(Text)),
    Field(3, "divisor", Always(Quantity)),
]);

/// `k8s.io/api/core/v1.ResourceHealth`.
static CORE_V1_RESOURCE_HEALTH: Message = Message(&[
    Field(1, "resourceID", Always(Text)),
    Field(2, "health", OmitEmpty(Text)),
    Field(6, "message", Always(Text)),
]);

/// `k8s.io/api/core/v1.ResourceQuota`.
static CORE_V1_RESOURCE_QUOTA: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&CORE_V1_RESOURCE_QUOTA_SPEC))),
    Field(3, "status", Always(Object(&CORE_V1_RESOURCE_QUOTA_STATUS))),
]);

/// `k8s.io/api/core/v1.ResourceQuotaSpec`.
static CORE_V1_RESOURCE_QUOTA_SPEC: Message = Message(&[
    Field(1, "hard", Map(Quantity)),
    Field(2, "scopes", List(Text)),
    Field(3, "scopeSelector", Always(Object(&CORE_V1_SCOPE_SELECTOR))),
]);

/// `k8s.io/api/core/v1.ResourceQuotaStatus`.
static CORE_V1_RESOURCE_QUOTA_STATUS: Message = Message(&[
    Field(1, "hard", Map(Quantity)),
    Field(2, "used", Map(Quantity)),
]);

/// `k8s.io/api/core/v1.ResourceRequirements`.
static CORE_V1_RESOURCE_REQUIREMENTS: Message = Message(&[
    Field(1, "limits", Map(Quantity)),
    Field(2, "requests", Map(Quantity)),
    Field(3, "claims", List(Object(&CORE_V1_RESOURCE_CLAIM))),
]);

/// `k8s.io/api/core/v1.ResourceStatus`.
static CORE_V1_RESOURCE_STATUS: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "resources", List(Object(&CORE_V1_RESOURCE_HEALTH))),
]);

/// `k8s.io/api/core/v1.ScaleIOPersistentVolumeSource`.
static CORE_V1_SCALE_IO_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    Field(1, "gateway", Always(Text)),
    Field(2, "system", Always(Text)),
    Field(3, "secretRef", Always(Object(&CORE_V1_SECRET_REFERENCE))),
    Field(4, "sslEnabled", OmitEmpty(Bool)),
    Field(5, "protectionDomain", OmitEmpty(Text)),
    Field(6, "storagePool", OmitEmpty(Text)),
    Field(7, "storageMode", OmitEmpty(Text)),
    Field(8, "volumeName", OmitEmpty(Text)),
    Field(9, "fsType", OmitEmpty(Text)),
    Field(10, "readOnly", OmitEmpty(Bool)),
]);

/// `k8s.io/api/core/v1.ScaleIOVolumeSource`.
static CORE_V1_SCALE_IO_VOLUME_SOURCE: Message = Message(&[
    Field(1, "gateway", Always(Text)),
    Field(2, "system", Always(Text)),
    Field(3, "secretRef", Always(Object(&CORE_V1_LOCAL_OBJECT_REFERENCE))),
    Field(4, "sslEnabled", OmitEmpty(Bool)),
    Field(5, "protectionDomain", OmitEmpty(Text)),
    Field(6, "storagePool", OmitEmpty(Text)),
    Field(7, "storageMode", OmitEmpty(Text)),
    Field(8, "volumeName", OmitEmpty(Text)),
    Field(9, "fsType", OmitEmpty(Text)),
    Field(10, "readOnly", OmitEmpty(Bool)),
]);

/// `k8s.io/api/core/v1.ScopedResourceSelectorRequirement`.
static CORE_V1_SCOPED_RESOURCE_SELECTOR_REQUIREMENT: Message = Message(&[
    Field(1, "scopeName", Always(Text)),
    Field(2, "operator", Always(Text)),
    Field(3, "values", List(Text)),
]);

/// `k8s.io/api/core/v1.ScopeSelector`.
static CORE_V1_SCOPE_SELECTOR: Message = Message(&[
    Field(1, "matchExpressions", List(Object(&CORE_V1_SCOPED_RESOURCE_SELECTOR_REQUIREMENT))),
]);

/// `k8s.io/api/core/v1.SeccompProfile`.
static CORE_V1_SECCOMP_PROFILE: Message = Message(&[
    Field(1, "type", Always(Text)),
    Field(2, "localhostProfile", Always(Text)),
]);

/// `k8s.io/api/core/v1.Secret`.
static CORE_V1_SECRET: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "data", Map(Bytes)),
    Field(3, "type", OmitEmpty(Text)),
    Field(4, "stringData", Map(Text)),
    Field(5, "immutable", Always(Bool)),
]);

/// `k8s.io/api/core/v1.SecretEnvSource`.
static CORE_V1_SECRET_ENV_SOURCE: Message = Message(&[
    Field(1, "LocalObjectReference", Inline(&CORE_V1_LOCAL_OBJECT_REFERENCE)),
    Field(2, "optional", Always(Bool)),
]);

/// `k8s.io/api/core/v1.SecretKeySelector`.
static CORE_V1_SECRET_KEY_SELECTOR: Message = Message(&[
    Field(1, "LocalObjectReference", Inline(&CORE_V1_LOCAL_OBJECT_REFERENCE)),
    Field(2, "key", Always(Text)),
    Field(3, "optional", Always(Bool)),
]);

/// `k8s.io/api/core/v1.SecretProjection`.
static CORE_V1_SECRET_PROJECTION: Message = Message(&[
    Field(1, "LocalObjectReference", Inline(&CORE_V1_LOCAL_OBJECT_REFERENCE)),
    Field(2, "items", List(Object(&CORE_V1_KEY_TO_PATH))),
    Field(4, "optional", Always(Bool)),
]);

/// `k8s.io/api/core/v1.SecretReference`.
static CORE_V1_SECRET_REFERENCE: Message = Message(&[
    Field(1, "name", OmitEmpty(Text)),
    Field(2, "namespace", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.SecretVolumeSource`.
static CORE_V1_SECRET_VOLUME_SOURCE: Message = Message(&[
    Field(1, "secretName", OmitEmpty(Text)),
    Field(2, "items", List(Object(&CORE_V1_KEY_TO_PATH))),
    Field(3, "defaultMode", Always(Int32)),
    Field(4, "optional", Always(Bool)),
]);

/// `k8s.io/api/core/v1.SecurityContext`.
static CORE_V1_SECURITY_CONTEXT: Message = Message(&[
    Field(1, "capabilities", Always(Object(&CORE_V1_CAPABILITIES))),
    Field(2, "privileged", Always(Bool)),
    Field(3, "seLinuxOptions", Always(Object(&CORE_V1_SE_LINUX_OPTIONS))),
    Field(4, "runAsUser", Always(Int64)),
    Field(5, "runAsNonRoot", Always(Bool)),
    Field(6, "readOnlyRootFilesystem", Always(Bool)),
    Field(7, "allowPrivilegeEscalation", Always(Bool)),
    Field(8, "runAsGroup", Always(Int64)),
    Field(9, "procMount", Always(Text)),
    Field(10, "windowsOptions", Always(Object(&CORE_V1_WINDOWS_SECURITY_CONTEXT_OPTIONS))),
    Field(11, "seccompProfile", Always(Object(&CORE_V1_SECCOMP_PROFILE))),
    Field(12, "appArmorProfile", Always(Object(&CORE_V1_APP_ARMOR_PROFILE))),
]);

/// `k8s.io/api/core/v1.Service`.
static CORE_V1_SERVICE: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&CORE_V1_SERVICE_SPEC))),
    Field(3, "status", Always(Object(&CORE_V1_SERVICE_STATUS))),
]);

/// `k8s.io/api/core/v1.ServiceAccount`.
static CORE_V1_SERVICE_ACCOUNT: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "secrets", List(Object(&CORE_V1_OBJECT_REFERENCE))),
    Field(3, "imagePullSecrets", List(Object(&CORE_V1_LOCAL_OBJECT_REFERENCE))),
    Field(4, "automountServiceAccountToken", Always(Bool)),
]);

/// `k8s.io/api/core/v1.ServiceAccountTokenProjection`.
static CORE_V1_SERVICE_ACCOUNT_TOKEN_PROJECTION: Message = Message(&[
    Field(1, "audience", OmitEmpty(Text)),
    Field(2, "expirationSeconds", Always(Int64)),
    Field(3, "path", Always(Text)),
]);

/// `k8s.io/api/core/v1.ServicePort`.
static CORE_V1_SERVICE_PORT: Message = Message(&[
    Field(1, "name", OmitEmpty(Text)),
    Field(2, "protocol", OmitEmpty(Text)),
    Field(3, "port", Always(Int32)),
    Field(4, "targetPort", Always(IntOrString)),
    Field(5, "nodePort", OmitEmpty(Int32)),
    Field(6, "appProtocol", Always(Text)),
]);

/// `k8s.io/api/core/v1.ServiceSpec`.
static CORE_V1_SERVICE_SPEC: Message = Message(&[
    Field(1, "ports", List(Object(&CORE_V1_SERVICE_PORT))),
    Field(2, "selector", Map(Text)),
    Field(3, "clusterIP", OmitEmpty(Text)),
    Field(4, "type", OmitEmpty(Text)),
    Field(5, "externalIPs", List(Text)),
    Field(7, "sessionAffinity", OmitEmpty(Text)),
    Field(8, "loadBalancerIP", OmitEmpty(Text)),
    Field(9, "loadBalancerSourceRanges", List(Text)),
    Field(10, "externalName", OmitEmpty(Text)),
    Field(11, "externalTrafficPolicy", OmitEmpty(Text)),
    Field(12, "healthCheckNodePort", OmitEmpty(Int32)),
    Field(13, "publishNotReadyAddresses", OmitEmpty(Bool)),
    Field(14, "sessionAffinityConfig", Always(Object(&CORE_V1_SESSION_AFFINITY_CONFIG))),
    Field(17, "ipFamilyPolicy", Always(Text)),
    Field(18, "clusterIPs", List(Text)),
    Field(19, "ipFamilies", List(Text)),
    Field(20, "allocateLoadBalancerNodePorts", Always(Bool)),
    Field(21, "loadBalancerClass", Always(Text)),
    Field(22, "internalTrafficPolicy", Always(Text)),
    Field(23, "trafficDistribution", Always(Text)),
]);

/// `k8s.io/api/core/v1.ServiceStatus`.
static CORE_V1_SERVICE_STATUS: Message = Message(&[
    Field(1, "loadBalancer", Always(Object(&CORE_V1_LOAD_BALANCER_STATUS))),
    Field(2, "conditions", List(Object(&META_V1_CONDITION))),
]);

/// `k8s.io/api/core/v1.SessionAffinityConfig`.
static CORE_V1_SESSION_AFFINITY_CONFIG: Message = Message(&[
    Field(1, "clientIP", Always(Object(&CORE_V1_CLIENT_IP_CONFIG))),
]);

/// `k8s.io/api/core/v1.SELinuxOptions`.
static CORE_V1_SE_LINUX_OPTIONS: Message = Message(&[
    Field(1, "user", OmitEmpty(Text)),
    Field(2, "role", OmitEmpty(Text)),
    Field(3, "type", OmitEmpty(Text)),
    Field(4, "level", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.SleepAction`.
static CORE_V1_SLEEP_ACTION: Message = Message(&[
    Field(1, "seconds", Always(Int64)),
]);

/// `k8s.io/api/core/v1.StorageOSPersistentVolumeSource`.
static CORE_V1_STORAGE_OS_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    Field(1, "volumeName", OmitEmpty(Text)),
    Field(2, "volumeNamespace", OmitEmpty(Text)),
    Field(3, "fsType", OmitEmpty(Text)),
    Field(4, "readOnly", OmitEmpty(Bool)),
    Field(5, "secretRef", Always(Object(&CORE_V1_OBJECT_REFERENCE))),
]);

/// `k8s.io/api/core/v1.StorageOSVolumeSource`.
static CORE_V1_STORAGE_OS_VOLUME_SOURCE: Message = Message(&[
    Field(1, "volumeName", OmitEmpty(Text)),
    Field(2, "volumeNamespace", OmitEmpty(Text)),
    Field(3, "fsType", OmitEmpty(Text)),
    Field(4, "readOnly", OmitEmpty(Bool)),
    Field(5, "secretRef", Always(Object(&CORE_V1_LOCAL_OBJECT_REFERENCE))),
]);

/// `k8s.io/api/core/v1.Sysctl`.
static CORE_V1_SYSCTL: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "value", Always(Text)),
]);

/// `k8s.io/api/core/v1.Taint`.
static CORE_V1_TAINT: Message = Message(&[
    Field(1, "key", Always(Text)),
    Field(2, "value", OmitEmpty(Text)),
    Field(3, "effect", Always(Text)),
    Field(4, "timeAdded", Always(Time)),
]);

/// `k8s.io/api/core/v1.TCPSocketAction`.
static CORE_V1_TCP_SOCKET_ACTION: Message = Message(&[
    Field(1, "port", Always(IntOrString)),
    Field(2, "host", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.Toleration`.
static CORE_V1_TOLERATION: Message = Message(&[
    Field(1, "key", OmitEmpty(Text)),
    Field(2, "operator", OmitEmpty(Text)),
    Field(3, "value", OmitEmpty(Text)),
    Field(4, "effect", OmitEmpty(Text)),
    Field(5, "tolerationSeconds", Always(Int64)),
]);

/// `k8s.io/api/core/v1.TopologySelectorLabelRequirement`.
static CORE_V1_TOPOLOGY_SELECTOR_LABEL_REQUIREMENT: Message = Message(&[
    Field(1, "key", Always(Text)),
    Field(2, "values", List(Text)),
]);

/// `k8s.io/api/core/v1.TopologySelectorTerm`.
static CORE_V1_TOPOLOGY_SELECTOR_TERM: Message = Message(&[
    Field(1, "matchLabelExpressions", List(Object(&CORE_V1_TOPOLOGY_SELECTOR_LABEL_REQUIREMENT))),
]);

/// `k8s.io/api/core/v1.TopologySpreadConstraint`.
static CORE_V1_TOPOLOGY_SPREAD_CONSTRAINT: Message = Message(&[
    Field(1, "maxSkew", Always(Int32)),
    Field(2, "topologyKey", Always(Text)),
    Field(3, "whenUnsatisfiable", Always(Text)),
    Field(4, "labelSelector", Always(Object(&META_V1_LABEL_SELECTOR))),
    Field(5, "minDomains", Always(Int32)),
    Field(6, "nodeAffinityPolicy", Always(Text)),
    Field(7, "nodeTaintsPolicy", Always(Text)),
    Field(8, "matchLabelKeys", List(Text)),
]);

/// `k8s.io/api/core/v1.TypedLocalObjectReference`.
static CORE_V1_TYPED_LOCAL_OBJECT_REFERENCE: Message = Message(&[
    Field(1, "apiGroup", Always(Text)),
    Field(2, "kind", Always(Text)),
    Field(3, "name", Always(Text)),
]);

/// `k8s.io/api/core/v1.TypedObjectReference`.
static CORE_V1_TYPED_OBJECT_REFERENCE: Message = Message(&[
    Field(1, "apiGroup", Always(Text)),
    Field(2, "kind", Always(Text)),
    Field(3, "name", Always(Text)),
    Field(4, "namespace", Always(Text)),
]);

/// `k8s.io/api/core/v1.Volume`.
static CORE_V1_VOLUME: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "VolumeSource", Inline(&CORE_V1_VOLUME_SOURCE)),
]);

/// `k8s.io/api/core/v1.VolumeDevice`.
static CORE_V1_VOLUME_DEVICE: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "devicePath", Always(Text)),
]);

/// `k8s.io/api/core/v1.VolumeMount`.
static CORE_V1_VOLUME_MOUNT: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "readOnly", OmitEmpty(Bool)),
    Field(3, "mountPath", Always(Text)),
    Field(4, "subPath", OmitEmpty(Text)),
    Field(5, "mountPropagation", Always(Text)),
    Field(6, "subPathExpr", OmitEmpty(Text)),
    Field(7, "recursiveReadOnly", Always(Text)),
]);

/// `k8s.io/api/core/v1.VolumeMountStatus`.
static CORE_V1_VOLUME_MOUNT_STATUS: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "mountPath", Always(Text)),
    Field(3, "readOnly", OmitEmpty(Bool)),
    Field(4, "recursiveReadOnly", Always(Text)),
    Field(5, "volumeStatus", Always(Object(&CORE_V1_VOLUME_STATUS))),
]);

/// `k8s.io/api/core/v1.VolumeNodeAffinity`.
static CORE_V1_VOLUME_NODE_AFFINITY: Message = Message(&[
    Field(1, "required", Always(Object(&CORE_V1_NODE_SELECTOR))),
]);

/// `k8s.io/api/core/v1.VolumeProjection`.
static CORE_V1_VOLUME_PROJECTION: Message = Message(&[
    Field(1, "secret", Always(Object(&CORE_V1_SECRET_PROJECTION))),
    Field(2, "downwardAPI", Always(Object(&CORE_V1_DOWNWARD_API_PROJECTION))),
    Field(3, "configMap", Always(Object(&CORE_V1_CONFIG_MAP_PROJECTION))),
    Field(4, "serviceAccountToken", Always(Object(&CORE_V1_SERVICE_ACCOUNT_TOKEN_PROJECTION))),
    Field(5, "clusterTrustBundle", Always(Object(&CORE_V1_CLUSTER_TRUST_BUNDLE_PROJECTION))),
    Field(6, "podCertificate", Always(Object(&CORE_V1_POD_CERTIFICATE_PROJECTION))),
]);

/// `k8s.io/api/core/v1.VolumeResourceRequirements`.
static CORE_V1_VOLUME_RESOURCE_REQUIREMENTS: Message = Message(&[
    Field(1, "limits", Map(Quantity)),
    Field(2, "requests", Map(Quantity)),
]);

/// `k8s.io/api/core/v1.VolumeSource`.
static CORE_V1_VOLUME_SOURCE: Message = Message(&[
    Field(1, "hostPath", Always(Object(&CORE_V1_HOST_PATH_VOLUME_SOURCE))),
    Field(2, "emptyDir", Always(Object(&CORE_V1_EMPTY_DIR_VOLUME_SOURCE))),
    Field(3, "gcePersistentDisk", Always(Object(&CORE_V1_GCE_PERSISTENT_DISK_VOLUME_SOURCE))),
    Field(4, "awsElasticBlockStore", Always(Object(&CORE_V1_AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE))),
    Field(5, "gitRepo", Always(Object(&CORE_V1_GIT_REPO_VOLUME_SOURCE))),
    Field(6, "secret", Always(Object(&CORE_V1_SECRET_VOLUME_SOURCE))),
    Field(7, "nfs", Always(Object(&CORE_V1_NFS_VOLUME_SOURCE))),
    Field(8, "iscsi", Always(Object(&CORE_V1_ISCSI_VOLUME_SOURCE))),
    Field(9, "glusterfs", Always(Object(&CORE_V1_GLUSTERFS_VOLUME_SOURCE))),
    Field(10, "persistentVolumeClaim", Always(Object(&CORE_V1_PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE))),
    Field(11, "rbd", Always(Object(&CORE_V1_RBD_VOLUME_SOURCE))),
    Field(12, "flexVolume", Always(Object(&CORE_V1_FLEX_VOLUME_SOURCE))),
    Field(13, "cinder", Always(Object(&CORE_V1_CINDER_VOLUME_SOURCE))),
    Field(14, "cephfs", Always(Object(&CORE_V1_CEPH_FS_VOLUME_SOURCE))),
    Field(15, "flocker", Always(Object(&CORE_V1_FLOCKER_VOLUME_SOURCE))),
    Field(16, "downwardAPI", Always(Object(&CORE_V1_DOWNWARD_API_VOLUME_SOURCE))),
    Field(17, "fc", Always(Object(&CORE_V1_FC_VOLUME_SOURCE))),
    Field(18, "azureFile", Always(Object(&CORE_V1_AZURE_FILE_VOLUME_SOURCE))),
    Field(19, "configMap", Always(Object(&CORE_V1_CONFIG_MAP_VOLUME_SOURCE))),
    Field(20, "vsphereVolume", Always(Object(&CORE_V1_VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE))),
    Field(21, "quobyte", Always(Object(&CORE_V1_QUOBYTE_VOLUME_SOURCE))),
    Field(22, "azureDisk", Always(Object(&CORE_V1_AZURE_DISK_VOLUME_SOURCE))),
    Field(23, "photonPersistentDisk", Always(Object(&CORE_V1_PHOTON_PERSISTENT_DISK_VOLUME_SOURCE))),
    Field(24, "portworxVolume", Always(Object(&CORE_V1_PORTWORX_VOLUME_SOURCE))),
    Field(25, "scaleIO", Always(Object(&CORE_V1_SCALE_IO_VOLUME_SOURCE))),
    Field(26, "projected", Always(Object(&CORE_V1_PROJECTED_VOLUME_SOURCE))),
    Field(27, "storageos", Always(Object(&CORE_V1_STORAGE_OS_VOLUME_SOURCE))),
    Field(28, "csi", Always(Object(&CORE_V1_CSI_VOLUME_SOURCE))),
    Field(29, "ephemeral", Always(Object(&CORE_V1_EPHEMERAL_VOLUME_SOURCE))),
    Field(30, "image", Always(Object(&CORE_V1_IMAGE_VOLUME_SOURCE))),
]);

/// `k8s.io/api/core/v1.VolumeStatus`.
static CORE_V1_VOLUME_STATUS: Message = Message(&[
    Field(1, "image", Always(Object(&CORE_V1_IMAGE_VOLUME_STATUS))),
]);

/// `k8s.io/api/core/v1.VsphereVirtualDiskVolumeSource`.
static CORE_V1_VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE: Message = Message(&[
    Field(1, "volumePath", Always(Text)),
    Field(2, "fsType", OmitEmpty(Text)),
    Field(3, "storagePolicyName", OmitEmpty(Text)),
    Field(4, "storagePolicyID", OmitEmpty(Text)),
]);

/// `k8s.io/api/core/v1.WeightedPodAffinityTerm`.
static CORE_V1_WEIGHTED_POD_AFFINITY_TERM: Message = Message(&[
    Field(1, "weight", Always(Int32)),
    Field(2, "podAffinityTerm", Always(Object(&CORE_V1_POD_AFFINITY_TERM))),
]);

/// `k8s.io/api/core/v1.WindowsSecurityContextOptions`.
static CORE_V1_WINDOWS_SECURITY_CONTEXT_OPTIONS: Message = Message(&[
    Field(1, "gmsaCredentialSpecName", Always(Text)),
    Field(2, "gmsaCredentialSpec", Always(Text)),
    Field(3, "runAsUserName", Always(Text)),
    Field(4, "hostProcess", Always(Bool)),
]);

/// `k8s.io/api/discovery/v1.Endpoint`.
static DISCOVERY_V1_ENDPOINT: Message = Message(&[
    Field(1, "addresses", List(Text)),
    Field(2, "conditions", Always(Object(&DISCOVERY_V1_ENDPOINT_CONDITIONS))),
    Field(3, "hostname", Always(Text)),
    Field(4, "targetRef", Always(Object(&CORE_V1_OBJECT_REFERENCE))),
    Field(5, "deprecatedTopology", Map(Text)),
    Field(6, "nodeName", Always(Text)),
    Field(7, "zone", Always(Text)),
    Field(8, "hints", Always(Object(&DISCOVERY_V1_ENDPOINT_HINTS))),
]);

/// `k8s.io/api/discovery/v1.EndpointConditions`.
static DISCOVERY_V1_ENDPOINT_CONDITIONS: Message = Message(&[
    Field(1, "ready", Always(Bool)),
    Field(2, "serving", Always(Bool)),
    Field(3, "terminating", Always(Bool)),
]);

/// `k8s.io/api/discovery/v1.EndpointHints`.
static DISCOVERY_V1_ENDPOINT_HINTS: Message = Message(&[
    Field(1, "forZones", List(Object(&DISCOVERY_V1_FOR_ZONE))),
    Field(2, "forNodes", List(Object(&DISCOVERY_V1_FOR_NODE))),
]);

/// `k8s.io/api/discovery/v1.EndpointPort`.
static DISCOVERY_V1_ENDPOINT_PORT: Message = Message(&[
    Field(1, "name", Always(Text)),
    Field(2, "protocol", Always(Text)),
    Field(3, "port", Always(Int32)),
    Field(4, "appProtocol", Always(Text)),
]);

/// `k8s.io/api/discovery/v1.EndpointSlice`.
static DISCOVERY_V1_ENDPOINT_SLICE: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "endpoints", List(Object(&DISCOVERY_V1_ENDPOINT))),
    Field(3, "ports", List(Object(&DISCOVERY_V1_ENDPOINT_PORT))),
    Field(4, "addressType", Always(Text)),
]);

/// `k8s.io/api/discovery/v1.ForNode`.
static DISCOVERY_V1_FOR_NODE: Message = Message(&[
    Field(1, "name", Always(Text)),
]);

/// `k8s.io/api/discovery/v1.ForZone`.
static DISCOVERY_V1_FOR_ZONE: Message = Message(&[
    Field(1, "name", Always(Text)),
]);

/// `k8s.io/apimachinery/pkg/apis/meta/v1.Condition`.
static META_V1_CONDITION: Message = Message(&[
    Field(1, "type", Always(Text)),
    Field(2, "status", Always(Text)),
    Field(3, "observedGeneration", OmitEmpty(Int64)),
    Field(4, "lastTransitionTime", Always(Time)),
    Field(5, "reason", Always(Text)),
    Field(6, "message", Always(Text)),
]);

/// `k8s.io/apimachinery/pkg/apis/meta/v1.DeleteOptions`.
static META_V1_DELETE_OPTIONS: Message = Message(&[
    Field(1, "gracePeriodSeconds", Always(Int64)),
    Field(2, "preconditions", Always(Object(&META_V1_PRECONDITIONS))),
    Field(3, "orphanDependents", Always(Bool)),
    Field(4, "propagationPolicy", Always(Text)),
    Field(5, "dryRun", List(Text)),
    Field(6, "ignoreStoreReadErrorWithClusterBreakingPotential", Always(Bool)),
]);

/// `k8s.io/apimachinery/pkg/apis/meta/v1.FieldSelectorRequirement`.
static META_V1_FIELD_SELECTOR_REQUIREMENT: Message = Message(&[
    Field(1, "key", Always(Text)),
    Field(2, "operator", Always(Text)),
    Field(3, "values", List(Text)),
]);

/// `k8s.io/apimachinery/pkg/apis/meta/v1.LabelSelector`.
static META_V1_LABEL_SELECTOR: Message = Message(&[
    Field(1, "matchLabels", Map(Text)),
    Field(2, "matchExpressions", List(Object(&META_V1_LABEL_SELECTOR_REQUIREMENT))),
]);

/// `k8s.io/apimachinery/pkg/apis/meta/v1.LabelSelectorRequirement`.
static META_V1_LABEL_SELECTOR_REQUIREMENT: Message = Message(&[
    Field(1, "key", Always(Text)),
    Field(2, "operator", Always(Text)),
    Field(3, "values", List(Text)),
]);

/// `k8s.io/apimachinery/pkg/apis/meta/v1.ManagedFieldsEntry`.
static META_V1_MANAGED_FIELDS_ENTRY: Message = Message(&[
    Field(1, "manager", OmitEmpty(Text)),
    Field(2, "operation", OmitEmpty(Text)),
    Field(3, "apiVersion", OmitEmpty(Text)),
    Field(4, "time", Always(Time)),
    Field(6, "fieldsType", OmitEmpty(Text)),
    Field(7, "fieldsV1", Always(Json)),
    Field(8, "subresource", OmitEmpty(Text)),
]);

/// `k8s.io/apimachinery/pkg/apis/meta/v1.ObjectMeta`.
static META_V1_OBJECT_META: Message = Message(&[
    Field(1, "name", OmitEmpty(Text)),
    Field(2, "generateName", OmitEmpty(Text)),
    Field(3, "namespace", OmitEmpty(Text)),
    Field(4, "selfLink", OmitEmpty(Text)),
    Field(5, "uid", OmitEmpty(Text)),
    Field(6, "resourceVersion", OmitEmpty(Text)),
    Field(7, "generation", OmitEmpty(Int64)),
    Field(8, "creationTimestamp", Always(Time)),
    Field(9, "deletionTimestamp", Always(Time)),
    Field(10, "deletionGracePeriodSeconds", Always(Int64)),
    Field(11, "labels", Map(Text)),
    Field(12, "annotations", Map(Text)),
    Field(13, "ownerReferences", List(Object(&META_V1_OWNER_REFERENCE))),
    Field(14, "finalizers", List(Text)),
    Field(17, "managedFields", List(Object(&META_V1_MANAGED_FIELDS_ENTRY))),
]);

/// `k8s.io/apimachinery/pkg/apis/meta/v1.OwnerReference`.
static META_V1_OWNER_REFERENCE: Message = Message(&[
    Field(1, "kind", Always(Text)),
    Field(3, "name", Always(Text)),
    Field(4, "uid", Always(Text)),
    Field(5, "apiVersion", Always(Text)),
    Field(6, "controller", Always(Bool)),
    Field(7, "blockOwnerDeletion", Always(Bool)),
]);

/// `k8s.io/apimachinery/pkg/apis/meta/v1.Preconditions`.
static META_V1_PRECONDITIONS: Message = Message(&[
    Field(1, "uid", Always(Text)),
    Field(2, "resourceVersion", Always(Text)),
]);

/// `k8s.io/api/networking/v1.IPBlock`.
static NETWORKING_V1_IP_BLOCK: Message = Message(&[
    Field(1, "cidr", Always(Text)),
    Field(2, "except", List(Text)),
]);

/// `k8s.io/api/networking/v1.NetworkPolicy`.
static NETWORKING_V1_NETWORK_POLICY: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&NETWORKING_V1_NETWORK_POLICY_SPEC))),
]);

/// `k8s.io/api/networking/v1.NetworkPolicyEgressRule`.
static NETWORKING_V1_NETWORK_POLICY_EGRESS_RULE: Message = Message(&[
    Field(1, "ports", List(Object(&NETWORKING_V1_NETWORK_POLICY_PORT))),
    Field(2, "to", List(Object(&NETWORKING_V1_NETWORK_POLICY_PEER))),
]);

/// `k8s.io/api/networking/v1.NetworkPolicyIngressRule`.
static NETWORKING_V1_NETWORK_POLICY_INGRESS_RULE: Message = Message(&[
    Field(1, "ports", List(Object(&NETWORKING_V1_NETWORK_POLICY_PORT))),
    Field(2, "from", List(Object(&NETWORKING_V1_NETWORK_POLICY_PEER))),
]);

/// `k8s.io/api/networking/v1.NetworkPolicyPeer`.
static NETWORKING_V1_NETWORK_POLICY_PEER: Message = Message(&[
    Field(1, "podSelector", Always(Object(&META_V1_LABEL_SELECTOR))),
    Field(2, "namespaceSelector", Always(Object(&META_V1_LABEL_SELECTOR))),
    Field(3, "ipBlock", Always(Object(&NETWORKING_V1_IP_BLOCK))),
]);

/// `k8s.io/api/networking/v1.NetworkPolicyPort`.
static NETWORKING_V1_NETWORK_POLICY_PORT: Message = Message(&[
    Field(1, "protocol", Always(Text)),
    Field(2, "port", Always(IntOrString)),
    Field(3, "endPort", Always(Int32)),
]);

/// `k8s.io/api/networking/v1.NetworkPolicySpec`.
static NETWORKING_V1_NETWORK_POLICY_SPEC: Message = Message(&[
    Field(1, "podSelector", Always(Object(&META_V1_LABEL_SELECTOR))),
    Field(2, "ingress", List(Object(&NETWORKING_V1_NETWORK_POLICY_INGRESS_RULE))),
    Field(3, "egress", List(Object(&NETWORKING_V1_NETWORK_POLICY_EGRESS_RULE))),
    Field(4, "policyTypes", List(Text)),
]);

/// `k8s.io/api/policy/v1.Eviction`.
static POLICY_V1_EVICTION: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "deleteOptions", Always(Object(&META_V1_DELETE_OPTIONS))),
]);

/// `k8s.io/api/policy/v1.PodDisruptionBudget`.
static POLICY_V1_POD_DISRUPTION_BUDGET: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "spec", Always(Object(&POLICY_V1_POD_DISRUPTION_BUDGET_SPEC))),
    Field(3, "status", Always(Object(&POLICY_V1_POD_DISRUPTION_BUDGET_STATUS))),
]);

/// `k8s.io/api/policy/v1.PodDisruptionBudgetSpec`.
static POLICY_V1_POD_DISRUPTION_BUDGET_SPEC: Message = Message(&[
    Field(1, "minAvailable", Always(IntOrString)),
    Field(2, "selector", Always(Object(&META_V1_LABEL_SELECTOR))),
    Field(3, "maxUnavailable", Always(IntOrString)),
    Field(4, "unhealthyPodEvictionPolicy", Always(Text)),
]);

/// `k8s.io/api/policy/v1.PodDisruptionBudgetStatus`.
static POLICY_V1_POD_DISRUPTION_BUDGET_STATUS: Message = Message(&[
    Field(1, "observedGeneration", OmitEmpty(Int64)),
    Field(2, "disruptedPods", Map(Time)),
    Field(3, "disruptionsAllowed", Always(Int32)),
    Field(4, "currentHealthy", Always(Int32)),
    Field(5, "desiredHealthy", Always(Int32)),
    Field(6, "expectedPods", Always(Int32)),
    Field(7, "conditions", List(Object(&META_V1_CONDITION))),
]);

/// `k8s.io/api/rbac/v1.AggregationRule`.
static RBAC_V1_AGGREGATION_RULE: Message = Message(&[
    Field(1, "clusterRoleSelectors", List(Object(&META_V1_LABEL_SELECTOR))),
]);

/// `k8s.io/api/rbac/v1.ClusterRole`.
static RBAC_V1_CLUSTER_ROLE: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "rules", List(Object(&RBAC_V1_POLICY_RULE))),
    Field(3, "aggregationRule", Always(Object(&RBAC_V1_AGGREGATION_RULE))),
]);

/// `k8s.io/api/rbac/v1.ClusterRoleBinding`.
static RBAC_V1_CLUSTER_ROLE_BINDING: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "subjects", List(Object(&RBAC_V1_SUBJECT))),
    Field(3, "roleRef", Always(Object(&RBAC_V1_ROLE_REF))),
]);

/// `k8s.io/api/rbac/v1.PolicyRule`.
static RBAC_V1_POLICY_RULE: Message = Message(&[
    Field(1, "verbs", List(Text)),
    Field(2, "apiGroups", List(Text)),
    Field(3, "resources", List(Text)),
    Field(4, "resourceNames", List(Text)),
    Field(5, "nonResourceURLs", List(Text)),
]);

/// `k8s.io/api/rbac/v1.Role`.
static RBAC_V1_ROLE: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "rules", List(Object(&RBAC_V1_POLICY_RULE))),
]);

/// `k8s.io/api/rbac/v1.RoleBinding`.
static RBAC_V1_ROLE_BINDING: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "subjects", List(Object(&RBAC_V1_SUBJECT))),
    Field(3, "roleRef", Always(Object(&RBAC_V1_ROLE_REF))),
]);

/// `k8s.io/api/rbac/v1.RoleRef`.
static RBAC_V1_ROLE_REF: Message = Message(&[
    Field(1, "apiGroup", Always(Text)),
    Field(2, "kind", Always(Text)),
    Field(3, "name", Always(Text)),
]);

/// `k8s.io/api/rbac/v1.Subject`.
static RBAC_V1_SUBJECT: Message = Message(&[
    Field(1, "kind", Always(Text)),
    Field(2, "apiGroup", OmitEmpty(Text)),
    Field(3, "name", Always(Text)),
    Field(4, "namespace", OmitEmpty(Text)),
]);

/// `k8s.io/api/scheduling/v1.PriorityClass`.
static SCHEDULING_V1_PRIORITY_CLASS: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "value", Always(Int32)),
    Field(3, "globalDefault", OmitEmpty(Bool)),
    Field(4, "description", OmitEmpty(Text)),
    Field(5, "preemptionPolicy", Always(Text)),
]);

/// `k8s.io/api/storage/v1.StorageClass`.
static STORAGE_V1_STORAGE_CLASS: Message = Message(&[
    Field(1, "metadata", Always(Object(&META_V1_OBJECT_META))),
    Field(2, "provisioner", Always(Text)),
    Field(3, "parameters", Map(Text)),
    Field(4, "reclaimPolicy", Always(Text)),
    Field(5, "mountOptions", List(Text)),
    Field(6, "allowVolumeExpansion", Always(Bool)),
    Field(7, "volumeBindingMode", Always(Text)),
    Field(8, "allowedTopologies", List(Object(&CORE_V1_TOPOLOGY_SELECTOR_TERM))),
]);
