//! Every limit on what a client may send, each with its reason.

/// The largest request body, in octets: Kubernetes' own limit, so that what one accepts the other accepts.
pub const BODY_BYTES_MAX: usize = 3 * 1024 * 1024;

/// The largest stored object, in octets: etcd's request limit, which bounds objects in Kubernetes.
pub const OBJECT_BYTES_MAX: usize = 3 * 1024 * 1024 / 2;

/// How deep a body may nest. The deepest path of the served kinds is below 20; the rest is room for `managedFields`.
/// Recursion over a value is bounded by it.
pub const NESTING_MAX: usize = 64;

/// Operations of one JSON patch, as in Kubernetes: each may copy the whole object.
pub const JSON_OPERATIONS_MAX: usize = 10_000;

/// What the `copy` operations of one JSON patch may add together, in octets, as in Kubernetes: a few that copy a map into
/// itself would otherwise fill the memory.
pub const PATCH_COPIED_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Causes that are named in one refusal; the rest is counted. A body of small faults would otherwise be answered with
/// a hundred times its size.
pub const CAUSES_MAX: usize = 64;

/// The annotations of one object together, keys and values, in octets: Kubernetes' own limit.
pub const ANNOTATION_BYTES_MAX: usize = 256 * 1024;

/// What the values of one ConfigMap or Secret may have together, in octets, those of a Secret decoded: Kubernetes' own limit.
pub const DATA_BYTES_MAX: usize = 1024 * 1024;

/// Endpoints of one slice: Kubernetes' own limit. Those that are made here have no more than a hundred.
pub const SLICE_ENDPOINTS_MAX: usize = 1000;

/// The shortest time that a token of a ServiceAccount may be asked for, in seconds: Kubernetes' own limit.
pub const SERVICE_TOKEN_SECONDS_MIN: i64 = 600;

/// The longest that a token of a ServiceAccount counts, in seconds: a year. One that is asked for longer is given for this
/// long, as by a Kubernetes that has such a limit: it is cut only with its account.
pub const SERVICE_TOKEN_SECONDS_MAX: i64 = 365 * 24 * 3600;

/// The longest DNS label (RFC 1123), label value, and name part of a label's key, in octets.
pub const LABEL_BYTES_MAX: usize = 63;

/// The longest DNS subdomain (RFC 1123), in octets: most names of objects, and the prefix of a label's key.
pub const SUBDOMAIN_BYTES_MAX: usize = 253;

/// How much of a body that is not understood is quoted back, in octets: Kubernetes' own choice.
pub const BODY_QUOTE_BYTES: usize = 30;

/// How much of a patch that leads to no object of its kind is quoted back, in octets. Kubernetes quotes all of the patched
/// object, which may be a megabyte.
pub const PATCH_QUOTE_BYTES: usize = 1024;

/// The longest name of a port, in octets (RFC 6335, section 5.1).
pub const PORT_NAME_BYTES_MAX: usize = 15;

/// Nameservers of one pod: what Kubernetes allows, for resolvers read no more than the first three.
pub const DNS_NAMESERVERS_MAX: usize = 3;

/// Search domains of one pod: Kubernetes' own limit.
pub const DNS_SEARCHES_MAX: usize = 32;

/// Octets of a pod's hostname as a whole (`hostnameOverride`, `setHostnameAsFQDN`): what Linux takes.
pub const KERNEL_NAME_OCTETS_MAX: usize = 64;

/// Evictions under one disruption budget that were granted and whose pods are not deleted yet: Kubernetes' own limit.
pub const DISRUPTED_PODS_MAX: usize = 2000;

/// Warnings in one answer. Each is a header, and clients bound the size of all headers together.
pub const WARNINGS_MAX: usize = 64;

/// Unknown or duplicate fields that are named in one answer; more would tell nobody anything.
pub const COMPLAINTS_MAX: usize = 64;

/// The part of one such field's path that is named, in octets.
pub const COMPLAINT_BYTES_MAX: usize = 512;

/// Lines of one YAML body that are moved to the right for the parser, which reads the body again for each.
pub const YAML_LINES_MENDED_MAX: usize = 32;

/// How far such a line is moved, in columns; no manifest is written deeper.
pub const YAML_INDENT_MAX: usize = 512;

/// Values in one YAML document, aliases expanded. Few aliases can stand for very many values, and reading each costs far
/// more than in JSON; the largest manifests that people write have some thousand.
pub const YAML_NODES_MAX: usize = 50_000;

/// Text in one YAML document, aliases expanded, in octets: what fits in a body, twice.
pub const YAML_SCALAR_BYTES_MAX: usize = 2 * BODY_BYTES_MAX;

/// Values in one protobuf body. Two octets may stand for an object, which takes some hundreds in memory; the largest objects
/// that people and programs make have some thousand.
pub const PROTOBUF_VALUES_MAX: usize = 100_000;

/// The longest name of a field manager, in octets: Kubernetes' own limit.
pub const MANAGER_BYTES_MAX: usize = 128;

/// The longest name of a subresource in `managedFields`, in octets: Kubernetes' own limit.
pub const SUBRESOURCE_BYTES_MAX: usize = 256;

/// Managers of one object that came to their fields by updates: Kubernetes' own limit. The oldest are put together, as
/// `ancient-changes`.
pub const UPDATE_MANAGERS_MAX: usize = 10;
