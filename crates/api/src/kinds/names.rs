//! The forms that names take inside objects: each function says what is wrong with one, in Kubernetes' words.

use crate::limits::{PORT_NAME_BYTES_MAX, SUBDOMAIN_BYTES_MAX};
use crate::status::Cause;

pub(crate) use crate::metadata::{
    dns_label as label, dns_subdomain as subdomain, label_value, qualified_name as qualified,
};

/// What Kubernetes says of what is no IP address.
pub(crate) const NO_ADDRESS: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

/// Adds one cause for each thing that is wrong with a value.
pub(crate) fn invalid(wrong: &mut Vec<Cause>, field: &str, value: &str, whys: impl IntoIterator<Item = String>) {
    wrong.extend(whys.into_iter().map(|why| Cause::invalid(field, value, &why)));
}

/// Of the name of a port (RFC 6335, section 5.1).
pub(crate) fn port(name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if name.len() > PORT_NAME_BYTES_MAX {
        wrong.push(format!("must be no more than {PORT_NAME_BYTES_MAX} characters"));
    }
    if !name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-') || name.is_empty() {
        wrong.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".into());
    }
    if !name.bytes().any(|c| c.is_ascii_lowercase()) {
        wrong.push("must contain at least one letter (a-z)".into());
    }
    if name.contains("--") {
        wrong.push("must not contain consecutive hyphens".into());
    }
    if name.starts_with('-') || name.ends_with('-') {
        wrong.push("must not begin or end with a hyphen".into());
    }
    wrong
}

/// Of a key of a ConfigMap or a Secret, which may become the name of a file.
pub(crate) fn config_key(key: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if key.len() > SUBDOMAIN_BYTES_MAX {
        wrong.push(format!("must be no more than {SUBDOMAIN_BYTES_MAX} bytes"));
    }
    if key.is_empty() || !key.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._".contains(&c)) {
        wrong.push(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
             'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                .into(),
        );
    }
    match key {
        "." | ".." => wrong.push(format!("must not be '{key}'")),
        _ if key.starts_with("..") => wrong.push("must not start with '..'".into()),
        _ => {}
    }
    wrong
}

/// Of the name of an environment variable.
pub(crate) fn variable(name: &str) -> Vec<String> {
    if name.bytes().all(|c| (b' '..=b'~').contains(&c) && c != b'=') {
        return Vec::new();
    }
    vec!["a valid environment variable name must consist only of printable ASCII characters other than '='".into()]
}

/// Of the number of a port.
pub(crate) fn port_number(port: i64) -> Vec<String> {
    if (1..=65535).contains(&port) { Vec::new() } else { vec!["must be between 1 and 65535, inclusive".into()] }
}
