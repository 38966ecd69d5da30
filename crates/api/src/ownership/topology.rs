//! What of each kind is owned by itself: generated from Kubernetes' published schema. `make topology` makes it again.
//!
//! A field is its name and how its value is owned, in the order of the names.

use super::schema::{
    Default, Key, Kind, Struct,
    Type::{Atomic, Deduced, Embedded, Identity, ListMap, Map, Object, Set},
};

/// The kinds, by their versions.
pub(super) static KINDS: &[Kind] = &[
    Kind { api_version: "v1", name: "ConfigMap", shape: &CORE_V1_CONFIG_MAP },
    Kind { api_version: "v1", name: "Endpoints", shape: &CORE_V1_ENDPOINTS },
    Kind { api_version: "v1", name: "Event", shape: &CORE_V1_EVENT },
    Kind { api_version: "v1", name: "LimitRange", shape: &CORE_V1_LIMIT_RANGE },
    Kind { api_version: "v1", name: "Namespace", shape: &CORE_V1_NAMESPACE },
    Kind { api_version: "v1", name: "Node", shape: &CORE_V1_NODE },
    Kind { api_version: "v1", name: "PersistentVolume", shape: &CORE_V1_PERSISTENT_VOLUME },
    Kind { api_version: "v1", name: "PersistentVolumeClaim", shape: &CORE_V1_PERSISTENT_VOLUME_CLAIM },
    Kind { api_version: "v1", name: "Pod", shape: &CORE_V1_POD },
    Kind { api_version: "v1", name: "PodTemplate", shape: &CORE_V1_POD_TEMPLATE },
    Kind { api_version: "v1", name: "ResourceQuota", shape: &CORE_V1_RESOURCE_QUOTA },
    Kind { api_version: "v1", name: "Secret", shape: &CORE_V1_SECRET },
    Kind { api_version: "v1", name: "Service", shape: &CORE_V1_SERVICE },
    Kind { api_version: "v1", name: "ServiceAccount", shape: &CORE_V1_SERVICE_ACCOUNT },
    Kind { api_version: "apps/v1", name: "ControllerRevision", shape: &APPS_V1_CONTROLLER_REVISION },
    Kind { api_version: "apps/v1", name: "StatefulSet", shape: &APPS_V1_STATEFUL_SET },
    Kind { api_version: "coordination.k8s.io/v1", name: "Lease", shape: &COORDINATION_V1_LEASE },
    Kind { api_version: "discovery.k8s.io/v1", name: "EndpointSlice", shape: &DISCOVERY_V1_ENDPOINT_SLICE },
    Kind { api_version: "networking.k8s.io/v1", name: "NetworkPolicy", shape: &NETWORKING_V1_NETWORK_POLICY },
    Kind { api_version: "policy/v1", name: "PodDisruptionBudget", shape: &POLICY_V1_POD_DISRUPTION_BUDGET },
    Kind { api_version: "rbac.authorization.k8s.io/v1", name: "ClusterRole", shape: &RBAC_V1_CLUSTER_ROLE },
    Kind {
        api_version: "rbac.authorization.k8s.io/v1",
        name: "ClusterRoleBinding",
        shape: &RBAC_V1_CLUSTER_ROLE_BINDING,
    },
    Kind { api_version: "rbac.authorization.k8s.io/v1", name: "Role", shape: &RBAC_V1_ROLE },
    Kind { api_version: "rbac.authorization.k8s.io/v1", name: "RoleBinding", shape: &RBAC_V1_ROLE_BINDING },
    Kind { api_version: "scheduling.k8s.io/v1", name: "PriorityClass", shape: &SCHEDULING_V1_PRIORITY_CLASS },
    Kind { api_version: "storage.k8s.io/v1", name: "StorageClass", shape: &STORAGE_V1_STORAGE_CLASS },
];

/// `io.k8s.api.apps.v1.ControllerRevision`.
pub(super) static APPS_V1_CONTROLLER_REVISION: Struct = Struct(&[
    ("apiVersion", Identity),
    ("data", Deduced),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("revision", Atomic),
]);

/// `io.k8s.api.apps.v1.RollingUpdateStatefulSetStrategy`.
pub(super) static APPS_V1_ROLLING_UPDATE_STATEFUL_SET_STRATEGY: Struct =
    Struct(&[("maxUnavailable", Atomic), ("partition", Atomic)]);

/// `io.k8s.api.apps.v1.StatefulSet`.
pub(super) static APPS_V1_STATEFUL_SET: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("spec", Embedded(&APPS_V1_STATEFUL_SET_SPEC)),
    ("status", Embedded(&APPS_V1_STATEFUL_SET_STATUS)),
]);

/// `io.k8s.api.apps.v1.StatefulSetCondition`.
pub(super) static APPS_V1_STATEFUL_SET_CONDITION: Struct = Struct(&[
    ("lastTransitionTime", Atomic),
    ("message", Atomic),
    ("reason", Atomic),
    ("status", Atomic),
    ("type", Atomic),
]);

/// `io.k8s.api.apps.v1.StatefulSetOrdinals`.
pub(super) static APPS_V1_STATEFUL_SET_ORDINALS: Struct = Struct(&[("start", Atomic)]);

/// `io.k8s.api.apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy`.
pub(super) static APPS_V1_STATEFUL_SET_PERSISTENT_VOLUME_CLAIM_RETENTION_POLICY: Struct =
    Struct(&[("whenDeleted", Atomic), ("whenScaled", Atomic)]);

/// `io.k8s.api.apps.v1.StatefulSetSpec`.
pub(super) static APPS_V1_STATEFUL_SET_SPEC: Struct = Struct(&[
    ("minReadySeconds", Atomic),
    ("ordinals", Object(&APPS_V1_STATEFUL_SET_ORDINALS)),
    ("persistentVolumeClaimRetentionPolicy", Object(&APPS_V1_STATEFUL_SET_PERSISTENT_VOLUME_CLAIM_RETENTION_POLICY)),
    ("podManagementPolicy", Atomic),
    ("replicas", Atomic),
    ("revisionHistoryLimit", Atomic),
    ("selector", Atomic),
    ("serviceName", Atomic),
    ("template", Embedded(&CORE_V1_POD_TEMPLATE_SPEC)),
    ("updateStrategy", Embedded(&APPS_V1_STATEFUL_SET_UPDATE_STRATEGY)),
    ("volumeClaimTemplates", Atomic),
]);

/// `io.k8s.api.apps.v1.StatefulSetStatus`.
pub(super) static APPS_V1_STATEFUL_SET_STATUS: Struct = Struct(&[
    ("availableReplicas", Atomic),
    ("collisionCount", Atomic),
    ("conditions", ListMap(&[Key("type", Default::Text(""))], &APPS_V1_STATEFUL_SET_CONDITION)),
    ("currentReplicas", Atomic),
    ("currentRevision", Atomic),
    ("observedGeneration", Atomic),
    ("readyReplicas", Atomic),
    ("replicas", Atomic),
    ("updateRevision", Atomic),
    ("updatedReplicas", Atomic),
]);

/// `io.k8s.api.apps.v1.StatefulSetUpdateStrategy`.
pub(super) static APPS_V1_STATEFUL_SET_UPDATE_STRATEGY: Struct =
    Struct(&[("rollingUpdate", Object(&APPS_V1_ROLLING_UPDATE_STATEFUL_SET_STRATEGY)), ("type", Atomic)]);

/// `io.k8s.api.coordination.v1.Lease`.
pub(super) static COORDINATION_V1_LEASE: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("spec", Embedded(&COORDINATION_V1_LEASE_SPEC)),
]);

/// `io.k8s.api.coordination.v1.LeaseSpec`.
pub(super) static COORDINATION_V1_LEASE_SPEC: Struct = Struct(&[
    ("acquireTime", Atomic),
    ("holderIdentity", Atomic),
    ("leaseDurationSeconds", Atomic),
    ("leaseTransitions", Atomic),
    ("preferredHolder", Atomic),
    ("renewTime", Atomic),
    ("strategy", Atomic),
]);

/// `io.k8s.api.core.v1.AWSElasticBlockStoreVolumeSource`.
pub(super) static CORE_V1_AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE: Struct =
    Struct(&[("fsType", Atomic), ("partition", Atomic), ("readOnly", Atomic), ("volumeID", Atomic)]);

/// `io.k8s.api.core.v1.Affinity`.
pub(super) static CORE_V1_AFFINITY: Struct = Struct(&[
    ("nodeAffinity", Object(&CORE_V1_NODE_AFFINITY)),
    ("podAffinity", Object(&CORE_V1_POD_AFFINITY)),
    ("podAntiAffinity", Object(&CORE_V1_POD_ANTI_AFFINITY)),
]);

/// `io.k8s.api.core.v1.AppArmorProfile`.
pub(super) static CORE_V1_APP_ARMOR_PROFILE: Struct = Struct(&[("localhostProfile", Atomic), ("type", Atomic)]);

/// `io.k8s.api.core.v1.AzureDiskVolumeSource`.
pub(super) static CORE_V1_AZURE_DISK_VOLUME_SOURCE: Struct = Struct(&[
    ("cachingMode", Atomic),
    ("diskName", Atomic),
    ("diskURI", Atomic),
    ("fsType", Atomic),
    ("kind", Atomic),
    ("readOnly", Atomic),
]);

/// `io.k8s.api.core.v1.AzureFilePersistentVolumeSource`.
pub(super) static CORE_V1_AZURE_FILE_PERSISTENT_VOLUME_SOURCE: Struct =
    Struct(&[("readOnly", Atomic), ("secretName", Atomic), ("secretNamespace", Atomic), ("shareName", Atomic)]);

/// `io.k8s.api.core.v1.AzureFileVolumeSource`.
pub(super) static CORE_V1_AZURE_FILE_VOLUME_SOURCE: Struct =
    Struct(&[("readOnly", Atomic), ("secretName", Atomic), ("shareName", Atomic)]);

/// `io.k8s.api.core.v1.CSIPersistentVolumeSource`.
pub(super) static CORE_V1_CSI_PERSISTENT_VOLUME_SOURCE: Struct = Struct(&[
    ("controllerExpandSecretRef", Atomic),
    ("controllerPublishSecretRef", Atomic),
    ("driver", Atomic),
    ("fsType", Atomic),
    ("nodeExpandSecretRef", Atomic),
    ("nodePublishSecretRef", Atomic),
    ("nodeStageSecretRef", Atomic),
    ("readOnly", Atomic),
    ("volumeAttributes", Map),
    ("volumeHandle", Atomic),
]);

/// `io.k8s.api.core.v1.CSIVolumeSource`.
pub(super) static CORE_V1_CSI_VOLUME_SOURCE: Struct = Struct(&[
    ("driver", Atomic),
    ("fsType", Atomic),
    ("nodePublishSecretRef", Atomic),
    ("readOnly", Atomic),
    ("volumeAttributes", Map),
]);

/// `io.k8s.api.core.v1.Capabilities`.
pub(super) static CORE_V1_CAPABILITIES: Struct = Struct(&[("add", Atomic), ("drop", Atomic)]);

/// `io.k8s.api.core.v1.CephFSPersistentVolumeSource`.
pub(super) static CORE_V1_CEPH_FS_PERSISTENT_VOLUME_SOURCE: Struct = Struct(&[
    ("monitors", Atomic),
    ("path", Atomic),
    ("readOnly", Atomic),
    ("secretFile", Atomic),
    ("secretRef", Atomic),
    ("user", Atomic),
]);

/// `io.k8s.api.core.v1.CephFSVolumeSource`.
pub(super) static CORE_V1_CEPH_FS_VOLUME_SOURCE: Struct = Struct(&[
    ("monitors", Atomic),
    ("path", Atomic),
    ("readOnly", Atomic),
    ("secretFile", Atomic),
    ("secretRef", Atomic),
    ("user", Atomic),
]);

/// `io.k8s.api.core.v1.CinderPersistentVolumeSource`.
pub(super) static CORE_V1_CINDER_PERSISTENT_VOLUME_SOURCE: Struct =
    Struct(&[("fsType", Atomic), ("readOnly", Atomic), ("secretRef", Atomic), ("volumeID", Atomic)]);

/// `io.k8s.api.core.v1.CinderVolumeSource`.
pub(super) static CORE_V1_CINDER_VOLUME_SOURCE: Struct =
    Struct(&[("fsType", Atomic), ("readOnly", Atomic), ("secretRef", Atomic), ("volumeID", Atomic)]);

/// `io.k8s.api.core.v1.ClientIPConfig`.
pub(super) static CORE_V1_CLIENT_IP_CONFIG: Struct = Struct(&[("timeoutSeconds", Atomic)]);

/// `io.k8s.api.core.v1.ConfigMap`.
pub(super) static CORE_V1_CONFIG_MAP: Struct = Struct(&[
    ("apiVersion", Identity),
    ("binaryData", Map),
    ("data", Map),
    ("immutable", Atomic),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
]);

/// `io.k8s.api.core.v1.ConfigMapNodeConfigSource`.
pub(super) static CORE_V1_CONFIG_MAP_NODE_CONFIG_SOURCE: Struct = Struct(&[
    ("kubeletConfigKey", Atomic),
    ("name", Atomic),
    ("namespace", Atomic),
    ("resourceVersion", Atomic),
    ("uid", Atomic),
]);

/// `io.k8s.api.core.v1.ConfigMapVolumeSource`.
pub(super) static CORE_V1_CONFIG_MAP_VOLUME_SOURCE: Struct =
    Struct(&[("defaultMode", Atomic), ("items", Atomic), ("name", Atomic), ("optional", Atomic)]);

/// `io.k8s.api.core.v1.Container`.
pub(super) static CORE_V1_CONTAINER: Struct = Struct(&[
    ("args", Atomic),
    ("command", Atomic),
    ("env", ListMap(&[Key("name", Default::Text(""))], &CORE_V1_ENV_VAR)),
    ("envFrom", Atomic),
    ("image", Atomic),
    ("imagePullPolicy", Atomic),
    ("lifecycle", Object(&CORE_V1_LIFECYCLE)),
    ("livenessProbe", Object(&CORE_V1_PROBE)),
    ("name", Atomic),
    (
        "ports",
        ListMap(
            &[Key("containerPort", Default::Number(0)), Key("protocol", Default::Text("TCP"))],
            &CORE_V1_CONTAINER_PORT,
        ),
    ),
    ("readinessProbe", Object(&CORE_V1_PROBE)),
    ("resizePolicy", Atomic),
    ("resources", Object(&CORE_V1_RESOURCE_REQUIREMENTS)),
    ("restartPolicy", Atomic),
    ("restartPolicyRules", Atomic),
    ("securityContext", Object(&CORE_V1_SECURITY_CONTEXT)),
    ("startupProbe", Object(&CORE_V1_PROBE)),
    ("stdin", Atomic),
    ("stdinOnce", Atomic),
    ("terminationMessagePath", Atomic),
    ("terminationMessagePolicy", Atomic),
    ("tty", Atomic),
    ("volumeDevices", ListMap(&[Key("devicePath", Default::Text(""))], &CORE_V1_VOLUME_DEVICE)),
    ("volumeMounts", ListMap(&[Key("mountPath", Default::Text(""))], &CORE_V1_VOLUME_MOUNT)),
    ("workingDir", Atomic),
]);

/// `io.k8s.api.core.v1.ContainerPort`.
pub(super) static CORE_V1_CONTAINER_PORT: Struct = Struct(&[
    ("containerPort", Atomic),
    ("hostIP", Atomic),
    ("hostPort", Atomic),
    ("name", Atomic),
    ("protocol", Atomic),
]);

/// `io.k8s.api.core.v1.DaemonEndpoint`.
pub(super) static CORE_V1_DAEMON_ENDPOINT: Struct = Struct(&[("Port", Atomic)]);

/// `io.k8s.api.core.v1.DownwardAPIVolumeSource`.
pub(super) static CORE_V1_DOWNWARD_API_VOLUME_SOURCE: Struct = Struct(&[("defaultMode", Atomic), ("items", Atomic)]);

/// `io.k8s.api.core.v1.EmptyDirVolumeSource`.
pub(super) static CORE_V1_EMPTY_DIR_VOLUME_SOURCE: Struct = Struct(&[("medium", Atomic), ("sizeLimit", Atomic)]);

/// `io.k8s.api.core.v1.Endpoints`.
pub(super) static CORE_V1_ENDPOINTS: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("subsets", Atomic),
]);

/// `io.k8s.api.core.v1.EnvVar`.
pub(super) static CORE_V1_ENV_VAR: Struct =
    Struct(&[("name", Atomic), ("value", Atomic), ("valueFrom", Object(&CORE_V1_ENV_VAR_SOURCE))]);

/// `io.k8s.api.core.v1.EnvVarSource`.
pub(super) static CORE_V1_ENV_VAR_SOURCE: Struct = Struct(&[
    ("configMapKeyRef", Atomic),
    ("fieldRef", Atomic),
    ("fileKeyRef", Atomic),
    ("resourceFieldRef", Atomic),
    ("secretKeyRef", Atomic),
]);

/// `io.k8s.api.core.v1.EphemeralContainer`.
pub(super) static CORE_V1_EPHEMERAL_CONTAINER: Struct = Struct(&[
    ("args", Atomic),
    ("command", Atomic),
    ("env", ListMap(&[Key("name", Default::Text(""))], &CORE_V1_ENV_VAR)),
    ("envFrom", Atomic),
    ("image", Atomic),
    ("imagePullPolicy", Atomic),
    ("lifecycle", Object(&CORE_V1_LIFECYCLE)),
    ("livenessProbe", Object(&CORE_V1_PROBE)),
    ("name", Atomic),
    (
        "ports",
        ListMap(
            &[Key("containerPort", Default::Number(0)), Key("protocol", Default::Text("TCP"))],
            &CORE_V1_CONTAINER_PORT,
        ),
    ),
    ("readinessProbe", Object(&CORE_V1_PROBE)),
    ("resizePolicy", Atomic),
    ("resources", Object(&CORE_V1_RESOURCE_REQUIREMENTS)),
    ("restartPolicy", Atomic),
    ("restartPolicyRules", Atomic),
    ("securityContext", Object(&CORE_V1_SECURITY_CONTEXT)),
    ("startupProbe", Object(&CORE_V1_PROBE)),
    ("stdin", Atomic),
    ("stdinOnce", Atomic),
    ("targetContainerName", Atomic),
    ("terminationMessagePath", Atomic),
    ("terminationMessagePolicy", Atomic),
    ("tty", Atomic),
    ("volumeDevices", ListMap(&[Key("devicePath", Default::Text(""))], &CORE_V1_VOLUME_DEVICE)),
    ("volumeMounts", ListMap(&[Key("mountPath", Default::Text(""))], &CORE_V1_VOLUME_MOUNT)),
    ("workingDir", Atomic),
]);

/// `io.k8s.api.core.v1.EphemeralVolumeSource`.
pub(super) static CORE_V1_EPHEMERAL_VOLUME_SOURCE: Struct =
    Struct(&[("volumeClaimTemplate", Object(&CORE_V1_PERSISTENT_VOLUME_CLAIM_TEMPLATE))]);

/// `io.k8s.api.core.v1.Event`.
pub(super) static CORE_V1_EVENT: Struct = Struct(&[
    ("action", Atomic),
    ("apiVersion", Identity),
    ("count", Atomic),
    ("eventTime", Atomic),
    ("firstTimestamp", Atomic),
    ("involvedObject", Atomic),
    ("kind", Identity),
    ("lastTimestamp", Atomic),
    ("message", Atomic),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("reason", Atomic),
    ("related", Atomic),
    ("reportingComponent", Atomic),
    ("reportingInstance", Atomic),
    ("series", Object(&CORE_V1_EVENT_SERIES)),
    ("source", Object(&CORE_V1_EVENT_SOURCE)),
    ("type", Atomic),
]);

/// `io.k8s.api.core.v1.EventSeries`.
pub(super) static CORE_V1_EVENT_SERIES: Struct = Struct(&[("count", Atomic), ("lastObservedTime", Atomic)]);

/// `io.k8s.api.core.v1.EventSource`.
pub(super) static CORE_V1_EVENT_SOURCE: Struct = Struct(&[("component", Atomic), ("host", Atomic)]);

/// `io.k8s.api.core.v1.ExecAction`.
pub(super) static CORE_V1_EXEC_ACTION: Struct = Struct(&[("command", Atomic)]);

/// `io.k8s.api.core.v1.FCVolumeSource`.
pub(super) static CORE_V1_FC_VOLUME_SOURCE: Struct =
    Struct(&[("fsType", Atomic), ("lun", Atomic), ("readOnly", Atomic), ("targetWWNs", Atomic), ("wwids", Atomic)]);

/// `io.k8s.api.core.v1.FlexPersistentVolumeSource`.
pub(super) static CORE_V1_FLEX_PERSISTENT_VOLUME_SOURCE: Struct =
    Struct(&[("driver", Atomic), ("fsType", Atomic), ("options", Map), ("readOnly", Atomic), ("secretRef", Atomic)]);

/// `io.k8s.api.core.v1.FlexVolumeSource`.
pub(super) static CORE_V1_FLEX_VOLUME_SOURCE: Struct =
    Struct(&[("driver", Atomic), ("fsType", Atomic), ("options", Map), ("readOnly", Atomic), ("secretRef", Atomic)]);

/// `io.k8s.api.core.v1.FlockerVolumeSource`.
pub(super) static CORE_V1_FLOCKER_VOLUME_SOURCE: Struct = Struct(&[("datasetName", Atomic), ("datasetUUID", Atomic)]);

/// `io.k8s.api.core.v1.GCEPersistentDiskVolumeSource`.
pub(super) static CORE_V1_GCE_PERSISTENT_DISK_VOLUME_SOURCE: Struct =
    Struct(&[("fsType", Atomic), ("partition", Atomic), ("pdName", Atomic), ("readOnly", Atomic)]);

/// `io.k8s.api.core.v1.GRPCAction`.
pub(super) static CORE_V1_GRPC_ACTION: Struct = Struct(&[("port", Atomic), ("service", Atomic)]);

/// `io.k8s.api.core.v1.GitRepoVolumeSource`.
pub(super) static CORE_V1_GIT_REPO_VOLUME_SOURCE: Struct =
    Struct(&[("directory", Atomic), ("repository", Atomic), ("revision", Atomic)]);

/// `io.k8s.api.core.v1.GlusterfsPersistentVolumeSource`.
pub(super) static CORE_V1_GLUSTERFS_PERSISTENT_VOLUME_SOURCE: Struct =
    Struct(&[("endpoints", Atomic), ("endpointsNamespace", Atomic), ("path", Atomic), ("readOnly", Atomic)]);

/// `io.k8s.api.core.v1.GlusterfsVolumeSource`.
pub(super) static CORE_V1_GLUSTERFS_VOLUME_SOURCE: Struct =
    Struct(&[("endpoints", Atomic), ("path", Atomic), ("readOnly", Atomic)]);

/// `io.k8s.api.core.v1.HTTPGetAction`.
pub(super) static CORE_V1_HTTP_GET_ACTION: Struct =
    Struct(&[("host", Atomic), ("httpHeaders", Atomic), ("path", Atomic), ("port", Atomic), ("scheme", Atomic)]);

/// `io.k8s.api.core.v1.HostAlias`.
pub(super) static CORE_V1_HOST_ALIAS: Struct = Struct(&[("hostnames", Atomic), ("ip", Atomic)]);

/// `io.k8s.api.core.v1.HostPathVolumeSource`.
pub(super) static CORE_V1_HOST_PATH_VOLUME_SOURCE: Struct = Struct(&[("path", Atomic), ("type", Atomic)]);

/// `io.k8s.api.core.v1.ISCSIPersistentVolumeSource`.
pub(super) static CORE_V1_ISCSI_PERSISTENT_VOLUME_SOURCE: Struct = Struct(&[
    ("chapAuthDiscovery", Atomic),
    ("chapAuthSession", Atomic),
    ("fsType", Atomic),
    ("initiatorName", Atomic),
    ("iqn", Atomic),
    ("iscsiInterface", Atomic),
    ("lun", Atomic),
    ("portals", Atomic),
    ("readOnly", Atomic),
    ("secretRef", Atomic),
    ("targetPortal", Atomic),
]);

/// `io.k8s.api.core.v1.ISCSIVolumeSource`.
pub(super) static CORE_V1_ISCSI_VOLUME_SOURCE: Struct = Struct(&[
    ("chapAuthDiscovery", Atomic),
    ("chapAuthSession", Atomic),
    ("fsType", Atomic),
    ("initiatorName", Atomic),
    ("iqn", Atomic),
    ("iscsiInterface", Atomic),
    ("lun", Atomic),
    ("portals", Atomic),
    ("readOnly", Atomic),
    ("secretRef", Atomic),
    ("targetPortal", Atomic),
]);

/// `io.k8s.api.core.v1.ImageVolumeSource`.
pub(super) static CORE_V1_IMAGE_VOLUME_SOURCE: Struct = Struct(&[("pullPolicy", Atomic), ("reference", Atomic)]);

/// `io.k8s.api.core.v1.Lifecycle`.
pub(super) static CORE_V1_LIFECYCLE: Struct = Struct(&[
    ("postStart", Object(&CORE_V1_LIFECYCLE_HANDLER)),
    ("preStop", Object(&CORE_V1_LIFECYCLE_HANDLER)),
    ("stopSignal", Atomic),
]);

/// `io.k8s.api.core.v1.LifecycleHandler`.
pub(super) static CORE_V1_LIFECYCLE_HANDLER: Struct = Struct(&[
    ("exec", Object(&CORE_V1_EXEC_ACTION)),
    ("httpGet", Object(&CORE_V1_HTTP_GET_ACTION)),
    ("sleep", Object(&CORE_V1_SLEEP_ACTION)),
    ("tcpSocket", Object(&CORE_V1_TCP_SOCKET_ACTION)),
]);

/// `io.k8s.api.core.v1.LimitRange`.
pub(super) static CORE_V1_LIMIT_RANGE: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("spec", Embedded(&CORE_V1_LIMIT_RANGE_SPEC)),
]);

/// `io.k8s.api.core.v1.LimitRangeSpec`.
pub(super) static CORE_V1_LIMIT_RANGE_SPEC: Struct = Struct(&[("limits", Atomic)]);

/// `io.k8s.api.core.v1.LoadBalancerStatus`.
pub(super) static CORE_V1_LOAD_BALANCER_STATUS: Struct = Struct(&[("ingress", Atomic)]);

/// `io.k8s.api.core.v1.LocalObjectReference`.
pub(super) static CORE_V1_LOCAL_OBJECT_REFERENCE: Struct = Struct(&[("name", Atomic)]);

/// `io.k8s.api.core.v1.LocalVolumeSource`.
pub(super) static CORE_V1_LOCAL_VOLUME_SOURCE: Struct = Struct(&[("fsType", Atomic), ("path", Atomic)]);

/// `io.k8s.api.core.v1.ModifyVolumeStatus`.
pub(super) static CORE_V1_MODIFY_VOLUME_STATUS: Struct =
    Struct(&[("status", Atomic), ("targetVolumeAttributesClassName", Atomic)]);

/// `io.k8s.api.core.v1.NFSVolumeSource`.
pub(super) static CORE_V1_NFS_VOLUME_SOURCE: Struct =
    Struct(&[("path", Atomic), ("readOnly", Atomic), ("server", Atomic)]);

/// `io.k8s.api.core.v1.Namespace`.
pub(super) static CORE_V1_NAMESPACE: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("spec", Embedded(&CORE_V1_NAMESPACE_SPEC)),
    ("status", Embedded(&CORE_V1_NAMESPACE_STATUS)),
]);

/// `io.k8s.api.core.v1.NamespaceCondition`.
pub(super) static CORE_V1_NAMESPACE_CONDITION: Struct = Struct(&[
    ("lastTransitionTime", Atomic),
    ("message", Atomic),
    ("reason", Atomic),
    ("status", Atomic),
    ("type", Atomic),
]);

/// `io.k8s.api.core.v1.NamespaceSpec`.
pub(super) static CORE_V1_NAMESPACE_SPEC: Struct = Struct(&[("finalizers", Atomic)]);

/// `io.k8s.api.core.v1.NamespaceStatus`.
pub(super) static CORE_V1_NAMESPACE_STATUS: Struct = Struct(&[
    ("conditions", ListMap(&[Key("type", Default::Text(""))], &CORE_V1_NAMESPACE_CONDITION)),
    ("phase", Atomic),
]);

/// `io.k8s.api.core.v1.Node`.
pub(super) static CORE_V1_NODE: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("spec", Embedded(&CORE_V1_NODE_SPEC)),
    ("status", Embedded(&CORE_V1_NODE_STATUS)),
]);

/// `io.k8s.api.core.v1.NodeAddress`.
pub(super) static CORE_V1_NODE_ADDRESS: Struct = Struct(&[("address", Atomic), ("type", Atomic)]);

/// `io.k8s.api.core.v1.NodeAffinity`.
pub(super) static CORE_V1_NODE_AFFINITY: Struct = Struct(&[
    ("preferredDuringSchedulingIgnoredDuringExecution", Atomic),
    ("requiredDuringSchedulingIgnoredDuringExecution", Atomic),
]);

/// `io.k8s.api.core.v1.NodeCondition`.
pub(super) static CORE_V1_NODE_CONDITION: Struct = Struct(&[
    ("lastHeartbeatTime", Atomic),
    ("lastTransitionTime", Atomic),
    ("message", Atomic),
    ("reason", Atomic),
    ("status", Atomic),
    ("type", Atomic),
]);

/// `io.k8s.api.core.v1.NodeConfigSource`.
pub(super) static CORE_V1_NODE_CONFIG_SOURCE: Struct =
    Struct(&[("configMap", Object(&CORE_V1_CONFIG_MAP_NODE_CONFIG_SOURCE))]);

/// `io.k8s.api.core.v1.NodeConfigStatus`.
pub(super) static CORE_V1_NODE_CONFIG_STATUS: Struct = Struct(&[
    ("active", Object(&CORE_V1_NODE_CONFIG_SOURCE)),
    ("assigned", Object(&CORE_V1_NODE_CONFIG_SOURCE)),
    ("error", Atomic),
    ("lastKnownGood", Object(&CORE_V1_NODE_CONFIG_SOURCE)),
]);

/// `io.k8s.api.core.v1.NodeDaemonEndpoints`.
pub(super) static CORE_V1_NODE_DAEMON_ENDPOINTS: Struct =
    Struct(&[("kubeletEndpoint", Embedded(&CORE_V1_DAEMON_ENDPOINT))]);

/// `io.k8s.api.core.v1.NodeFeatures`.
pub(super) static CORE_V1_NODE_FEATURES: Struct = Struct(&[("supplementalGroupsPolicy", Atomic)]);

/// `io.k8s.api.core.v1.NodeSpec`.
pub(super) static CORE_V1_NODE_SPEC: Struct = Struct(&[
    ("configSource", Object(&CORE_V1_NODE_CONFIG_SOURCE)),
    ("externalID", Atomic),
    ("podCIDR", Atomic),
    ("podCIDRs", Set),
    ("providerID", Atomic),
    ("taints", Atomic),
    ("unschedulable", Atomic),
]);

/// `io.k8s.api.core.v1.NodeStatus`.
pub(super) static CORE_V1_NODE_STATUS: Struct = Struct(&[
    ("addresses", ListMap(&[Key("type", Default::Text(""))], &CORE_V1_NODE_ADDRESS)),
    ("allocatable", Map),
    ("capacity", Map),
    ("conditions", ListMap(&[Key("type", Default::Text(""))], &CORE_V1_NODE_CONDITION)),
    ("config", Object(&CORE_V1_NODE_CONFIG_STATUS)),
    ("daemonEndpoints", Embedded(&CORE_V1_NODE_DAEMON_ENDPOINTS)),
    ("declaredFeatures", Atomic),
    ("features", Object(&CORE_V1_NODE_FEATURES)),
    ("images", Atomic),
    ("nodeInfo", Embedded(&CORE_V1_NODE_SYSTEM_INFO)),
    ("phase", Atomic),
    ("runtimeHandlers", Atomic),
    ("volumesAttached", Atomic),
    ("volumesInUse", Atomic),
]);

/// `io.k8s.api.core.v1.NodeSwapStatus`.
pub(super) static CORE_V1_NODE_SWAP_STATUS: Struct = Struct(&[("capacity", Atomic)]);

/// `io.k8s.api.core.v1.NodeSystemInfo`.
pub(super) static CORE_V1_NODE_SYSTEM_INFO: Struct = Struct(&[
    ("architecture", Atomic),
    ("bootID", Atomic),
    ("containerRuntimeVersion", Atomic),
    ("kernelVersion", Atomic),
    ("kubeProxyVersion", Atomic),
    ("kubeletVersion", Atomic),
    ("machineID", Atomic),
    ("operatingSystem", Atomic),
    ("osImage", Atomic),
    ("swap", Object(&CORE_V1_NODE_SWAP_STATUS)),
    ("systemUUID", Atomic),
]);

/// `io.k8s.api.core.v1.ObjectReference`.
pub(super) static CORE_V1_OBJECT_REFERENCE: Struct = Struct(&[
    ("apiVersion", Atomic),
    ("fieldPath", Atomic),
    ("kind", Atomic),
    ("name", Atomic),
    ("namespace", Atomic),
    ("resourceVersion", Atomic),
    ("uid", Atomic),
]);

/// `io.k8s.api.core.v1.PersistentVolume`.
pub(super) static CORE_V1_PERSISTENT_VOLUME: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("spec", Embedded(&CORE_V1_PERSISTENT_VOLUME_SPEC)),
    ("status", Embedded(&CORE_V1_PERSISTENT_VOLUME_STATUS)),
]);

/// `io.k8s.api.core.v1.PersistentVolumeClaim`.
pub(super) static CORE_V1_PERSISTENT_VOLUME_CLAIM: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("spec", Embedded(&CORE_V1_PERSISTENT_VOLUME_CLAIM_SPEC)),
    ("status", Embedded(&CORE_V1_PERSISTENT_VOLUME_CLAIM_STATUS)),
]);

/// `io.k8s.api.core.v1.PersistentVolumeClaimCondition`.
pub(super) static CORE_V1_PERSISTENT_VOLUME_CLAIM_CONDITION: Struct = Struct(&[
    ("lastProbeTime", Atomic),
    ("lastTransitionTime", Atomic),
    ("message", Atomic),
    ("reason", Atomic),
    ("status", Atomic),
    ("type", Atomic),
]);

/// `io.k8s.api.core.v1.PersistentVolumeClaimSpec`.
pub(super) static CORE_V1_PERSISTENT_VOLUME_CLAIM_SPEC: Struct = Struct(&[
    ("accessModes", Atomic),
    ("dataSource", Atomic),
    ("dataSourceRef", Object(&CORE_V1_TYPED_OBJECT_REFERENCE)),
    ("resources", Embedded(&CORE_V1_VOLUME_RESOURCE_REQUIREMENTS)),
    ("selector", Atomic),
    ("storageClassName", Atomic),
    ("volumeAttributesClassName", Atomic),
    ("volumeMode", Atomic),
    ("volumeName", Atomic),
]);

/// `io.k8s.api.core.v1.PersistentVolumeClaimStatus`.
pub(super) static CORE_V1_PERSISTENT_VOLUME_CLAIM_STATUS: Struct = Struct(&[
    ("accessModes", Atomic),
    ("allocatedResourceStatuses", Map),
    ("allocatedResources", Map),
    ("capacity", Map),
    ("conditions", ListMap(&[Key("type", Default::Text(""))], &CORE_V1_PERSISTENT_VOLUME_CLAIM_CONDITION)),
    ("currentVolumeAttributesClassName", Atomic),
    ("modifyVolumeStatus", Object(&CORE_V1_MODIFY_VOLUME_STATUS)),
    ("phase", Atomic),
]);

/// `io.k8s.api.core.v1.PersistentVolumeClaimTemplate`.
pub(super) static CORE_V1_PERSISTENT_VOLUME_CLAIM_TEMPLATE: Struct =
    Struct(&[("metadata", Object(&META_V1_OBJECT_META)), ("spec", Object(&CORE_V1_PERSISTENT_VOLUME_CLAIM_SPEC))]);

/// `io.k8s.api.core.v1.PersistentVolumeClaimVolumeSource`.
pub(super) static CORE_V1_PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE: Struct =
    Struct(&[("claimName", Atomic), ("readOnly", Atomic)]);

/// `io.k8s.api.core.v1.PersistentVolumeSpec`.
pub(super) static CORE_V1_PERSISTENT_VOLUME_SPEC: Struct = Struct(&[
    ("accessModes", Atomic),
    ("awsElasticBlockStore", Object(&CORE_V1_AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE)),
    ("azureDisk", Object(&CORE_V1_AZURE_DISK_VOLUME_SOURCE)),
    ("azureFile", Object(&CORE_V1_AZURE_FILE_PERSISTENT_VOLUME_SOURCE)),
    ("capacity", Map),
    ("cephfs", Object(&CORE_V1_CEPH_FS_PERSISTENT_VOLUME_SOURCE)),
    ("cinder", Object(&CORE_V1_CINDER_PERSISTENT_VOLUME_SOURCE)),
    ("claimRef", Object(&CORE_V1_OBJECT_REFERENCE)),
    ("csi", Object(&CORE_V1_CSI_PERSISTENT_VOLUME_SOURCE)),
    ("fc", Object(&CORE_V1_FC_VOLUME_SOURCE)),
    ("flexVolume", Object(&CORE_V1_FLEX_PERSISTENT_VOLUME_SOURCE)),
    ("flocker", Object(&CORE_V1_FLOCKER_VOLUME_SOURCE)),
    ("gcePersistentDisk", Object(&CORE_V1_GCE_PERSISTENT_DISK_VOLUME_SOURCE)),
    ("glusterfs", Object(&CORE_V1_GLUSTERFS_PERSISTENT_VOLUME_SOURCE)),
    ("hostPath", Object(&CORE_V1_HOST_PATH_VOLUME_SOURCE)),
    ("iscsi", Object(&CORE_V1_ISCSI_PERSISTENT_VOLUME_SOURCE)),
    ("local", Object(&CORE_V1_LOCAL_VOLUME_SOURCE)),
    ("mountOptions", Atomic),
    ("nfs", Object(&CORE_V1_NFS_VOLUME_SOURCE)),
    ("nodeAffinity", Object(&CORE_V1_VOLUME_NODE_AFFINITY)),
    ("persistentVolumeReclaimPolicy", Atomic),
    ("photonPersistentDisk", Object(&CORE_V1_PHOTON_PERSISTENT_DISK_VOLUME_SOURCE)),
    ("portworxVolume", Object(&CORE_V1_PORTWORX_VOLUME_SOURCE)),
    ("quobyte", Object(&CORE_V1_QUOBYTE_VOLUME_SOURCE)),
    ("rbd", Object(&CORE_V1_RBD_PERSISTENT_VOLUME_SOURCE)),
    ("scaleIO", Object(&CORE_V1_SCALE_IO_PERSISTENT_VOLUME_SOURCE)),
    ("storageClassName", Atomic),
    ("storageos", Object(&CORE_V1_STORAGE_OS_PERSISTENT_VOLUME_SOURCE)),
    ("volumeAttributesClassName", Atomic),
    ("volumeMode", Atomic),
    ("vsphereVolume", Object(&CORE_V1_VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE)),
]);

/// `io.k8s.api.core.v1.PersistentVolumeStatus`.
pub(super) static CORE_V1_PERSISTENT_VOLUME_STATUS: Struct =
    Struct(&[("lastPhaseTransitionTime", Atomic), ("message", Atomic), ("phase", Atomic), ("reason", Atomic)]);

/// `io.k8s.api.core.v1.PhotonPersistentDiskVolumeSource`.
pub(super) static CORE_V1_PHOTON_PERSISTENT_DISK_VOLUME_SOURCE: Struct =
    Struct(&[("fsType", Atomic), ("pdID", Atomic)]);

/// `io.k8s.api.core.v1.Pod`.
pub(super) static CORE_V1_POD: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("spec", Embedded(&CORE_V1_POD_SPEC)),
    ("status", Embedded(&CORE_V1_POD_STATUS)),
]);

/// `io.k8s.api.core.v1.PodAffinity`.
pub(super) static CORE_V1_POD_AFFINITY: Struct = Struct(&[
    ("preferredDuringSchedulingIgnoredDuringExecution", Atomic),
    ("requiredDuringSchedulingIgnoredDuringExecution", Atomic),
]);

/// `io.k8s.api.core.v1.PodAntiAffinity`.
pub(super) static CORE_V1_POD_ANTI_AFFINITY: Struct = Struct(&[
    ("preferredDuringSchedulingIgnoredDuringExecution", Atomic),
    ("requiredDuringSchedulingIgnoredDuringExecution", Atomic),
]);

/// `io.k8s.api.core.v1.PodCondition`.
pub(super) static CORE_V1_POD_CONDITION: Struct = Struct(&[
    ("lastProbeTime", Atomic),
    ("lastTransitionTime", Atomic),
    ("message", Atomic),
    ("observedGeneration", Atomic),
    ("reason", Atomic),
    ("status", Atomic),
    ("type", Atomic),
]);

/// `io.k8s.api.core.v1.PodDNSConfig`.
pub(super) static CORE_V1_POD_DNS_CONFIG: Struct =
    Struct(&[("nameservers", Atomic), ("options", Atomic), ("searches", Atomic)]);

/// `io.k8s.api.core.v1.PodExtendedResourceClaimStatus`.
pub(super) static CORE_V1_POD_EXTENDED_RESOURCE_CLAIM_STATUS: Struct =
    Struct(&[("requestMappings", Atomic), ("resourceClaimName", Atomic)]);

/// `io.k8s.api.core.v1.PodIP`.
pub(super) static CORE_V1_POD_IP: Struct = Struct(&[("ip", Atomic)]);

/// `io.k8s.api.core.v1.PodOS`.
pub(super) static CORE_V1_POD_OS: Struct = Struct(&[("name", Atomic)]);

/// `io.k8s.api.core.v1.PodResourceClaim`.
pub(super) static CORE_V1_POD_RESOURCE_CLAIM: Struct =
    Struct(&[("name", Atomic), ("resourceClaimName", Atomic), ("resourceClaimTemplateName", Atomic)]);

/// `io.k8s.api.core.v1.PodResourceClaimStatus`.
pub(super) static CORE_V1_POD_RESOURCE_CLAIM_STATUS: Struct =
    Struct(&[("name", Atomic), ("resourceClaimName", Atomic)]);

/// `io.k8s.api.core.v1.PodSchedulingGate`.
pub(super) static CORE_V1_POD_SCHEDULING_GATE: Struct = Struct(&[("name", Atomic)]);

/// `io.k8s.api.core.v1.PodSchedulingGroup`.
pub(super) static CORE_V1_POD_SCHEDULING_GROUP: Struct = Struct(&[("podGroupName", Atomic)]);

/// `io.k8s.api.core.v1.PodSecurityContext`.
pub(super) static CORE_V1_POD_SECURITY_CONTEXT: Struct = Struct(&[
    ("appArmorProfile", Object(&CORE_V1_APP_ARMOR_PROFILE)),
    ("fsGroup", Atomic),
    ("fsGroupChangePolicy", Atomic),
    ("runAsGroup", Atomic),
    ("runAsNonRoot", Atomic),
    ("runAsUser", Atomic),
    ("seLinuxChangePolicy", Atomic),
    ("seLinuxOptions", Object(&CORE_V1_SE_LINUX_OPTIONS)),
    ("seccompProfile", Object(&CORE_V1_SECCOMP_PROFILE)),
    ("supplementalGroups", Atomic),
    ("supplementalGroupsPolicy", Atomic),
    ("sysctls", Atomic),
    ("windowsOptions", Object(&CORE_V1_WINDOWS_SECURITY_CONTEXT_OPTIONS)),
]);

/// `io.k8s.api.core.v1.PodSpec`.
pub(super) static CORE_V1_POD_SPEC: Struct = Struct(&[
    ("activeDeadlineSeconds", Atomic),
    ("affinity", Object(&CORE_V1_AFFINITY)),
    ("automountServiceAccountToken", Atomic),
    ("containers", ListMap(&[Key("name", Default::Text(""))], &CORE_V1_CONTAINER)),
    ("dnsConfig", Object(&CORE_V1_POD_DNS_CONFIG)),
    ("dnsPolicy", Atomic),
    ("enableServiceLinks", Atomic),
    ("ephemeralContainers", ListMap(&[Key("name", Default::Text(""))], &CORE_V1_EPHEMERAL_CONTAINER)),
    ("hostAliases", ListMap(&[Key("ip", Default::Text(""))], &CORE_V1_HOST_ALIAS)),
    ("hostIPC", Atomic),
    ("hostNetwork", Atomic),
    ("hostPID", Atomic),
    ("hostUsers", Atomic),
    ("hostname", Atomic),
    ("hostnameOverride", Atomic),
    ("imagePullSecrets", ListMap(&[Key("name", Default::Text(""))], &CORE_V1_LOCAL_OBJECT_REFERENCE)),
    ("initContainers", ListMap(&[Key("name", Default::Text(""))], &CORE_V1_CONTAINER)),
    ("nodeName", Atomic),
    ("nodeSelector", Atomic),
    ("os", Object(&CORE_V1_POD_OS)),
    ("overhead", Map),
    ("preemptionPolicy", Atomic),
    ("priority", Atomic),
    ("priorityClassName", Atomic),
    ("readinessGates", Atomic),
    ("resourceClaims", ListMap(&[Key("name", Default::Text(""))], &CORE_V1_POD_RESOURCE_CLAIM)),
    ("resources", Object(&CORE_V1_RESOURCE_REQUIREMENTS)),
    ("restartPolicy", Atomic),
    ("runtimeClassName", Atomic),
    ("schedulerName", Atomic),
    ("schedulingGates", ListMap(&[Key("name", Default::Text(""))], &CORE_V1_POD_SCHEDULING_GATE)),
    ("schedulingGroup", Object(&CORE_V1_POD_SCHEDULING_GROUP)),
    ("securityContext", Object(&CORE_V1_POD_SECURITY_CONTEXT)),
    ("serviceAccount", Atomic),
    ("serviceAccountName", Atomic),
    ("setHostnameAsFQDN", Atomic),
    ("shareProcessNamespace", Atomic),
    ("subdomain", Atomic),
    ("terminationGracePeriodSeconds", Atomic),
    ("tolerations", Atomic),
    (
        "topologySpreadConstraints",
        ListMap(
            &[Key("topologyKey", Default::Text("")), Key("whenUnsatisfiable", Default::Text(""))],
            &CORE_V1_TOPOLOGY_SPREAD_CONSTRAINT,
        ),
    ),
    ("volumes", ListMap(&[Key("name", Default::Text(""))], &CORE_V1_VOLUME)),
]);

/// `io.k8s.api.core.v1.PodStatus`.
pub(super) static CORE_V1_POD_STATUS: Struct = Struct(&[
    ("allocatedResources", Map),
    ("conditions", ListMap(&[Key("type", Default::Text(""))], &CORE_V1_POD_CONDITION)),
    ("containerStatuses", Atomic),
    ("ephemeralContainerStatuses", Atomic),
    ("extendedResourceClaimStatus", Object(&CORE_V1_POD_EXTENDED_RESOURCE_CLAIM_STATUS)),
    ("hostIP", Atomic),
    ("hostIPs", Atomic),
    ("initContainerStatuses", Atomic),
    ("message", Atomic),
    ("nodeAllocatableResourceClaimStatuses", Atomic),
    ("nominatedNodeName", Atomic),
    ("observedGeneration", Atomic),
    ("phase", Atomic),
    ("podIP", Atomic),
    ("podIPs", ListMap(&[Key("ip", Default::Text(""))], &CORE_V1_POD_IP)),
    ("qosClass", Atomic),
    ("reason", Atomic),
    ("resize", Atomic),
    ("resourceClaimStatuses", ListMap(&[Key("name", Default::Text(""))], &CORE_V1_POD_RESOURCE_CLAIM_STATUS)),
    ("resources", Object(&CORE_V1_RESOURCE_REQUIREMENTS)),
    ("startTime", Atomic),
]);

/// `io.k8s.api.core.v1.PodTemplate`.
pub(super) static CORE_V1_POD_TEMPLATE: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("template", Embedded(&CORE_V1_POD_TEMPLATE_SPEC)),
]);

/// `io.k8s.api.core.v1.PodTemplateSpec`.
pub(super) static CORE_V1_POD_TEMPLATE_SPEC: Struct =
    Struct(&[("metadata", Embedded(&META_V1_OBJECT_META)), ("spec", Embedded(&CORE_V1_POD_SPEC))]);

/// `io.k8s.api.core.v1.PortworxVolumeSource`.
pub(super) static CORE_V1_PORTWORX_VOLUME_SOURCE: Struct =
    Struct(&[("fsType", Atomic), ("readOnly", Atomic), ("volumeID", Atomic)]);

/// `io.k8s.api.core.v1.Probe`.
pub(super) static CORE_V1_PROBE: Struct = Struct(&[
    ("exec", Object(&CORE_V1_EXEC_ACTION)),
    ("failureThreshold", Atomic),
    ("grpc", Object(&CORE_V1_GRPC_ACTION)),
    ("httpGet", Object(&CORE_V1_HTTP_GET_ACTION)),
    ("initialDelaySeconds", Atomic),
    ("periodSeconds", Atomic),
    ("successThreshold", Atomic),
    ("tcpSocket", Object(&CORE_V1_TCP_SOCKET_ACTION)),
    ("terminationGracePeriodSeconds", Atomic),
    ("timeoutSeconds", Atomic),
]);

/// `io.k8s.api.core.v1.ProjectedVolumeSource`.
pub(super) static CORE_V1_PROJECTED_VOLUME_SOURCE: Struct = Struct(&[("defaultMode", Atomic), ("sources", Atomic)]);

/// `io.k8s.api.core.v1.QuobyteVolumeSource`.
pub(super) static CORE_V1_QUOBYTE_VOLUME_SOURCE: Struct = Struct(&[
    ("group", Atomic),
    ("readOnly", Atomic),
    ("registry", Atomic),
    ("tenant", Atomic),
    ("user", Atomic),
    ("volume", Atomic),
]);

/// `io.k8s.api.core.v1.RBDPersistentVolumeSource`.
pub(super) static CORE_V1_RBD_PERSISTENT_VOLUME_SOURCE: Struct = Struct(&[
    ("fsType", Atomic),
    ("image", Atomic),
    ("keyring", Atomic),
    ("monitors", Atomic),
    ("pool", Atomic),
    ("readOnly", Atomic),
    ("secretRef", Atomic),
    ("user", Atomic),
]);

/// `io.k8s.api.core.v1.RBDVolumeSource`.
pub(super) static CORE_V1_RBD_VOLUME_SOURCE: Struct = Struct(&[
    ("fsType", Atomic),
    ("image", Atomic),
    ("keyring", Atomic),
    ("monitors", Atomic),
    ("pool", Atomic),
    ("readOnly", Atomic),
    ("secretRef", Atomic),
    ("user", Atomic),
]);

/// `io.k8s.api.core.v1.ResourceClaim`.
pub(super) static CORE_V1_RESOURCE_CLAIM: Struct = Struct(&[("name", Atomic), ("request", Atomic)]);

/// `io.k8s.api.core.v1.ResourceQuota`.
pub(super) static CORE_V1_RESOURCE_QUOTA: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("spec", Embedded(&CORE_V1_RESOURCE_QUOTA_SPEC)),
    ("status", Embedded(&CORE_V1_RESOURCE_QUOTA_STATUS)),
]);

/// `io.k8s.api.core.v1.ResourceQuotaSpec`.
pub(super) static CORE_V1_RESOURCE_QUOTA_SPEC: Struct =
    Struct(&[("hard", Map), ("scopeSelector", Atomic), ("scopes", Atomic)]);

/// `io.k8s.api.core.v1.ResourceQuotaStatus`.
pub(super) static CORE_V1_RESOURCE_QUOTA_STATUS: Struct = Struct(&[("hard", Map), ("used", Map)]);

/// `io.k8s.api.core.v1.ResourceRequirements`.
pub(super) static CORE_V1_RESOURCE_REQUIREMENTS: Struct = Struct(&[
    ("claims", ListMap(&[Key("name", Default::Text(""))], &CORE_V1_RESOURCE_CLAIM)),
    ("limits", Map),
    ("requests", Map),
]);

/// `io.k8s.api.core.v1.SELinuxOptions`.
pub(super) static CORE_V1_SE_LINUX_OPTIONS: Struct =
    Struct(&[("level", Atomic), ("role", Atomic), ("type", Atomic), ("user", Atomic)]);

/// `io.k8s.api.core.v1.ScaleIOPersistentVolumeSource`.
pub(super) static CORE_V1_SCALE_IO_PERSISTENT_VOLUME_SOURCE: Struct = Struct(&[
    ("fsType", Atomic),
    ("gateway", Atomic),
    ("protectionDomain", Atomic),
    ("readOnly", Atomic),
    ("secretRef", Atomic),
    ("sslEnabled", Atomic),
    ("storageMode", Atomic),
    ("storagePool", Atomic),
    ("system", Atomic),
    ("volumeName", Atomic),
]);

/// `io.k8s.api.core.v1.ScaleIOVolumeSource`.
pub(super) static CORE_V1_SCALE_IO_VOLUME_SOURCE: Struct = Struct(&[
    ("fsType", Atomic),
    ("gateway", Atomic),
    ("protectionDomain", Atomic),
    ("readOnly", Atomic),
    ("secretRef", Atomic),
    ("sslEnabled", Atomic),
    ("storageMode", Atomic),
    ("storagePool", Atomic),
    ("system", Atomic),
    ("volumeName", Atomic),
]);

/// `io.k8s.api.core.v1.SeccompProfile`.
pub(super) static CORE_V1_SECCOMP_PROFILE: Struct = Struct(&[("localhostProfile", Atomic), ("type", Atomic)]);

/// `io.k8s.api.core.v1.Secret`.
pub(super) static CORE_V1_SECRET: Struct = Struct(&[
    ("apiVersion", Identity),
    ("data", Map),
    ("immutable", Atomic),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("stringData", Map),
    ("type", Atomic),
]);

/// `io.k8s.api.core.v1.SecretVolumeSource`.
pub(super) static CORE_V1_SECRET_VOLUME_SOURCE: Struct =
    Struct(&[("defaultMode", Atomic), ("items", Atomic), ("optional", Atomic), ("secretName", Atomic)]);

/// `io.k8s.api.core.v1.SecurityContext`.
pub(super) static CORE_V1_SECURITY_CONTEXT: Struct = Struct(&[
    ("allowPrivilegeEscalation", Atomic),
    ("appArmorProfile", Object(&CORE_V1_APP_ARMOR_PROFILE)),
    ("capabilities", Object(&CORE_V1_CAPABILITIES)),
    ("privileged", Atomic),
    ("procMount", Atomic),
    ("readOnlyRootFilesystem", Atomic),
    ("runAsGroup", Atomic),
    ("runAsNonRoot", Atomic),
    ("runAsUser", Atomic),
    ("seLinuxOptions", Object(&CORE_V1_SE_LINUX_OPTIONS)),
    ("seccompProfile", Object(&CORE_V1_SECCOMP_PROFILE)),
    ("windowsOptions", Object(&CORE_V1_WINDOWS_SECURITY_CONTEXT_OPTIONS)),
]);

/// `io.k8s.api.core.v1.Service`.
pub(super) static CORE_V1_SERVICE: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("spec", Embedded(&CORE_V1_SERVICE_SPEC)),
    ("status", Embedded(&CORE_V1_SERVICE_STATUS)),
]);

/// `io.k8s.api.core.v1.ServiceAccount`.
pub(super) static CORE_V1_SERVICE_ACCOUNT: Struct = Struct(&[
    ("apiVersion", Identity),
    ("automountServiceAccountToken", Atomic),
    ("imagePullSecrets", Atomic),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("secrets", ListMap(&[Key("name", Default::Missing)], &CORE_V1_OBJECT_REFERENCE)),
]);

/// `io.k8s.api.core.v1.ServicePort`.
pub(super) static CORE_V1_SERVICE_PORT: Struct = Struct(&[
    ("appProtocol", Atomic),
    ("name", Atomic),
    ("nodePort", Atomic),
    ("port", Atomic),
    ("protocol", Atomic),
    ("targetPort", Atomic),
]);

/// `io.k8s.api.core.v1.ServiceSpec`.
pub(super) static CORE_V1_SERVICE_SPEC: Struct = Struct(&[
    ("allocateLoadBalancerNodePorts", Atomic),
    ("clusterIP", Atomic),
    ("clusterIPs", Atomic),
    ("externalIPs", Atomic),
    ("externalName", Atomic),
    ("externalTrafficPolicy", Atomic),
    ("healthCheckNodePort", Atomic),
    ("internalTrafficPolicy", Atomic),
    ("ipFamilies", Atomic),
    ("ipFamilyPolicy", Atomic),
    ("loadBalancerClass", Atomic),
    ("loadBalancerIP", Atomic),
    ("loadBalancerSourceRanges", Atomic),
    (
        "ports",
        ListMap(&[Key("port", Default::Number(0)), Key("protocol", Default::Text("TCP"))], &CORE_V1_SERVICE_PORT),
    ),
    ("publishNotReadyAddresses", Atomic),
    ("selector", Atomic),
    ("sessionAffinity", Atomic),
    ("sessionAffinityConfig", Object(&CORE_V1_SESSION_AFFINITY_CONFIG)),
    ("trafficDistribution", Atomic),
    ("type", Atomic),
]);

/// `io.k8s.api.core.v1.ServiceStatus`.
pub(super) static CORE_V1_SERVICE_STATUS: Struct = Struct(&[
    ("conditions", ListMap(&[Key("type", Default::Text(""))], &META_V1_CONDITION)),
    ("loadBalancer", Embedded(&CORE_V1_LOAD_BALANCER_STATUS)),
]);

/// `io.k8s.api.core.v1.SessionAffinityConfig`.
pub(super) static CORE_V1_SESSION_AFFINITY_CONFIG: Struct = Struct(&[("clientIP", Object(&CORE_V1_CLIENT_IP_CONFIG))]);

/// `io.k8s.api.core.v1.SleepAction`.
pub(super) static CORE_V1_SLEEP_ACTION: Struct = Struct(&[("seconds", Atomic)]);

/// `io.k8s.api.core.v1.StorageOSPersistentVolumeSource`.
pub(super) static CORE_V1_STORAGE_OS_PERSISTENT_VOLUME_SOURCE: Struct = Struct(&[
    ("fsType", Atomic),
    ("readOnly", Atomic),
    ("secretRef", Atomic),
    ("volumeName", Atomic),
    ("volumeNamespace", Atomic),
]);

/// `io.k8s.api.core.v1.StorageOSVolumeSource`.
pub(super) static CORE_V1_STORAGE_OS_VOLUME_SOURCE: Struct = Struct(&[
    ("fsType", Atomic),
    ("readOnly", Atomic),
    ("secretRef", Atomic),
    ("volumeName", Atomic),
    ("volumeNamespace", Atomic),
]);

/// `io.k8s.api.core.v1.TCPSocketAction`.
pub(super) static CORE_V1_TCP_SOCKET_ACTION: Struct = Struct(&[("host", Atomic), ("port", Atomic)]);

/// `io.k8s.api.core.v1.TopologySpreadConstraint`.
pub(super) static CORE_V1_TOPOLOGY_SPREAD_CONSTRAINT: Struct = Struct(&[
    ("labelSelector", Atomic),
    ("matchLabelKeys", Atomic),
    ("maxSkew", Atomic),
    ("minDomains", Atomic),
    ("nodeAffinityPolicy", Atomic),
    ("nodeTaintsPolicy", Atomic),
    ("topologyKey", Atomic),
    ("whenUnsatisfiable", Atomic),
]);

/// `io.k8s.api.core.v1.TypedObjectReference`.
pub(super) static CORE_V1_TYPED_OBJECT_REFERENCE: Struct =
    Struct(&[("apiGroup", Atomic), ("kind", Atomic), ("name", Atomic), ("namespace", Atomic)]);

/// `io.k8s.api.core.v1.Volume`.
pub(super) static CORE_V1_VOLUME: Struct = Struct(&[
    ("awsElasticBlockStore", Object(&CORE_V1_AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE)),
    ("azureDisk", Object(&CORE_V1_AZURE_DISK_VOLUME_SOURCE)),
    ("azureFile", Object(&CORE_V1_AZURE_FILE_VOLUME_SOURCE)),
    ("cephfs", Object(&CORE_V1_CEPH_FS_VOLUME_SOURCE)),
    ("cinder", Object(&CORE_V1_CINDER_VOLUME_SOURCE)),
    ("configMap", Object(&CORE_V1_CONFIG_MAP_VOLUME_SOURCE)),
    ("csi", Object(&CORE_V1_CSI_VOLUME_SOURCE)),
    ("downwardAPI", Object(&CORE_V1_DOWNWARD_API_VOLUME_SOURCE)),
    ("emptyDir", Object(&CORE_V1_EMPTY_DIR_VOLUME_SOURCE)),
    ("ephemeral", Object(&CORE_V1_EPHEMERAL_VOLUME_SOURCE)),
    ("fc", Object(&CORE_V1_FC_VOLUME_SOURCE)),
    ("flexVolume", Object(&CORE_V1_FLEX_VOLUME_SOURCE)),
    ("flocker", Object(&CORE_V1_FLOCKER_VOLUME_SOURCE)),
    ("gcePersistentDisk", Object(&CORE_V1_GCE_PERSISTENT_DISK_VOLUME_SOURCE)),
    ("gitRepo", Object(&CORE_V1_GIT_REPO_VOLUME_SOURCE)),
    ("glusterfs", Object(&CORE_V1_GLUSTERFS_VOLUME_SOURCE)),
    ("hostPath", Object(&CORE_V1_HOST_PATH_VOLUME_SOURCE)),
    ("image", Object(&CORE_V1_IMAGE_VOLUME_SOURCE)),
    ("iscsi", Object(&CORE_V1_ISCSI_VOLUME_SOURCE)),
    ("name", Atomic),
    ("nfs", Object(&CORE_V1_NFS_VOLUME_SOURCE)),
    ("persistentVolumeClaim", Object(&CORE_V1_PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE)),
    ("photonPersistentDisk", Object(&CORE_V1_PHOTON_PERSISTENT_DISK_VOLUME_SOURCE)),
    ("portworxVolume", Object(&CORE_V1_PORTWORX_VOLUME_SOURCE)),
    ("projected", Object(&CORE_V1_PROJECTED_VOLUME_SOURCE)),
    ("quobyte", Object(&CORE_V1_QUOBYTE_VOLUME_SOURCE)),
    ("rbd", Object(&CORE_V1_RBD_VOLUME_SOURCE)),
    ("scaleIO", Object(&CORE_V1_SCALE_IO_VOLUME_SOURCE)),
    ("secret", Object(&CORE_V1_SECRET_VOLUME_SOURCE)),
    ("storageos", Object(&CORE_V1_STORAGE_OS_VOLUME_SOURCE)),
    ("vsphereVolume", Object(&CORE_V1_VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE)),
]);

/// `io.k8s.api.core.v1.VolumeDevice`.
pub(super) static CORE_V1_VOLUME_DEVICE: Struct = Struct(&[("devicePath", Atomic), ("name", Atomic)]);

/// `io.k8s.api.core.v1.VolumeMount`.
pub(super) static CORE_V1_VOLUME_MOUNT: Struct = Struct(&[
    ("mountPath", Atomic),
    ("mountPropagation", Atomic),
    ("name", Atomic),
    ("readOnly", Atomic),
    ("recursiveReadOnly", Atomic),
    ("subPath", Atomic),
    ("subPathExpr", Atomic),
]);

/// `io.k8s.api.core.v1.VolumeNodeAffinity`.
pub(super) static CORE_V1_VOLUME_NODE_AFFINITY: Struct = Struct(&[("required", Atomic)]);

/// `io.k8s.api.core.v1.VolumeResourceRequirements`.
pub(super) static CORE_V1_VOLUME_RESOURCE_REQUIREMENTS: Struct = Struct(&[("limits", Map), ("requests", Map)]);

/// `io.k8s.api.core.v1.VsphereVirtualDiskVolumeSource`.
pub(super) static CORE_V1_VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE: Struct =
    Struct(&[("fsType", Atomic), ("storagePolicyID", Atomic), ("storagePolicyName", Atomic), ("volumePath", Atomic)]);

/// `io.k8s.api.core.v1.WindowsSecurityContextOptions`.
pub(super) static CORE_V1_WINDOWS_SECURITY_CONTEXT_OPTIONS: Struct = Struct(&[
    ("gmsaCredentialSpec", Atomic),
    ("gmsaCredentialSpecName", Atomic),
    ("hostProcess", Atomic),
    ("runAsUserName", Atomic),
]);

/// `io.k8s.api.discovery.v1.EndpointSlice`.
pub(super) static DISCOVERY_V1_ENDPOINT_SLICE: Struct = Struct(&[
    ("addressType", Atomic),
    ("apiVersion", Identity),
    ("endpoints", Atomic),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("ports", Atomic),
]);

/// `io.k8s.api.networking.v1.NetworkPolicy`.
pub(super) static NETWORKING_V1_NETWORK_POLICY: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("spec", Embedded(&NETWORKING_V1_NETWORK_POLICY_SPEC)),
]);

/// `io.k8s.api.networking.v1.NetworkPolicySpec`.
pub(super) static NETWORKING_V1_NETWORK_POLICY_SPEC: Struct =
    Struct(&[("egress", Atomic), ("ingress", Atomic), ("podSelector", Atomic), ("policyTypes", Atomic)]);

/// `io.k8s.api.policy.v1.PodDisruptionBudget`.
pub(super) static POLICY_V1_POD_DISRUPTION_BUDGET: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("spec", Embedded(&POLICY_V1_POD_DISRUPTION_BUDGET_SPEC)),
    ("status", Embedded(&POLICY_V1_POD_DISRUPTION_BUDGET_STATUS)),
]);

/// `io.k8s.api.policy.v1.PodDisruptionBudgetSpec`.
pub(super) static POLICY_V1_POD_DISRUPTION_BUDGET_SPEC: Struct = Struct(&[
    ("maxUnavailable", Atomic),
    ("minAvailable", Atomic),
    ("selector", Atomic),
    ("unhealthyPodEvictionPolicy", Atomic),
]);

/// `io.k8s.api.policy.v1.PodDisruptionBudgetStatus`.
pub(super) static POLICY_V1_POD_DISRUPTION_BUDGET_STATUS: Struct = Struct(&[
    ("conditions", ListMap(&[Key("type", Default::Text(""))], &META_V1_CONDITION)),
    ("currentHealthy", Atomic),
    ("desiredHealthy", Atomic),
    ("disruptedPods", Map),
    ("disruptionsAllowed", Atomic),
    ("expectedPods", Atomic),
    ("observedGeneration", Atomic),
]);

/// `io.k8s.api.rbac.v1.AggregationRule`.
pub(super) static RBAC_V1_AGGREGATION_RULE: Struct = Struct(&[("clusterRoleSelectors", Atomic)]);

/// `io.k8s.api.rbac.v1.ClusterRole`.
pub(super) static RBAC_V1_CLUSTER_ROLE: Struct = Struct(&[
    ("aggregationRule", Object(&RBAC_V1_AGGREGATION_RULE)),
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("rules", Atomic),
]);

/// `io.k8s.api.rbac.v1.ClusterRoleBinding`.
pub(super) static RBAC_V1_CLUSTER_ROLE_BINDING: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("roleRef", Atomic),
    ("subjects", Atomic),
]);

/// `io.k8s.api.rbac.v1.Role`.
pub(super) static RBAC_V1_ROLE: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("rules", Atomic),
]);

/// `io.k8s.api.rbac.v1.RoleBinding`.
pub(super) static RBAC_V1_ROLE_BINDING: Struct = Struct(&[
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("roleRef", Atomic),
    ("subjects", Atomic),
]);

/// `io.k8s.api.scheduling.v1.PriorityClass`.
pub(super) static SCHEDULING_V1_PRIORITY_CLASS: Struct = Struct(&[
    ("apiVersion", Identity),
    ("description", Atomic),
    ("globalDefault", Atomic),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("preemptionPolicy", Atomic),
    ("value", Atomic),
]);

/// `io.k8s.api.storage.v1.StorageClass`.
pub(super) static STORAGE_V1_STORAGE_CLASS: Struct = Struct(&[
    ("allowVolumeExpansion", Atomic),
    ("allowedTopologies", Atomic),
    ("apiVersion", Identity),
    ("kind", Identity),
    ("metadata", Embedded(&IDENTIFYING_METADATA)),
    ("mountOptions", Atomic),
    ("parameters", Map),
    ("provisioner", Atomic),
    ("reclaimPolicy", Atomic),
    ("volumeBindingMode", Atomic),
]);

/// `io.k8s.apimachinery.pkg.apis.meta.v1.Condition`.
pub(super) static META_V1_CONDITION: Struct = Struct(&[
    ("lastTransitionTime", Atomic),
    ("message", Atomic),
    ("observedGeneration", Atomic),
    ("reason", Atomic),
    ("status", Atomic),
    ("type", Atomic),
]);

/// `io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta`.
pub(super) static META_V1_OBJECT_META: Struct = Struct(&[
    ("annotations", Map),
    ("creationTimestamp", Atomic),
    ("deletionGracePeriodSeconds", Atomic),
    ("deletionTimestamp", Atomic),
    ("finalizers", Set),
    ("generateName", Atomic),
    ("generation", Atomic),
    ("labels", Map),
    ("managedFields", Atomic),
    ("name", Atomic),
    ("namespace", Atomic),
    ("ownerReferences", ListMap(&[Key("uid", Default::Text(""))], &META_V1_OWNER_REFERENCE)),
    ("resourceVersion", Atomic),
    ("selfLink", Atomic),
    ("uid", Atomic),
]);

/// `io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference`.
pub(super) static META_V1_OWNER_REFERENCE: Struct = Struct(&[
    ("apiVersion", Atomic),
    ("blockOwnerDeletion", Atomic),
    ("controller", Atomic),
    ("kind", Atomic),
    ("name", Atomic),
    ("uid", Atomic),
]);

/// `io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta`, of an object itself.
pub(super) static IDENTIFYING_METADATA: Struct = Struct(&[
    ("annotations", Map),
    ("creationTimestamp", Identity),
    ("deletionGracePeriodSeconds", Atomic),
    ("deletionTimestamp", Atomic),
    ("finalizers", Set),
    ("generateName", Atomic),
    ("generation", Identity),
    ("labels", Map),
    ("managedFields", Identity),
    ("name", Identity),
    ("namespace", Identity),
    ("ownerReferences", ListMap(&[Key("uid", Default::Text(""))], &META_V1_OWNER_REFERENCE)),
    ("resourceVersion", Identity),
    ("selfLink", Identity),
    ("uid", Identity),
]);
