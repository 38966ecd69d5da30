//! Every limit on what a client may send, each with its reason.

/// The largest request body, in octets: Kubernetes' own limit, so that what one accepts the other accepts.
pub const BODY_BYTES_MAX: usize = 3 * 1024 * 1024;

/// The largest stored object, in octets: etcd's request limit, which bounds objects in Kubernetes.
pub const OBJECT_BYTES_MAX: usize = 3 * 1024 * 1024 / 2;

/// How deep a body may nest. The deepest path of the served kinds is below 20; the rest is room for `managedFields`.
/// Recursion over a value is bounded by it.
pub const NESTING_MAX: usize = 64;

/// How much of a body that is not understood is quoted back, in octets: Kubernetes' own choice.
pub const BODY_QUOTE_BYTES: usize = 30;

/// The longest name of a port, in octets (RFC 6335, section 5.1).
pub const PORT_NAME_BYTES_MAX: usize = 15;

/// Nameservers of one pod: what Kubernetes allows, for resolvers read no more than the first three.
pub const DNS_NAMESERVERS_MAX: usize = 3;

/// Search domains of one pod: Kubernetes' own limit.
pub const DNS_SEARCHES_MAX: usize = 32;

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
