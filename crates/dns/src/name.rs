//! Names: labels in lower case for looking up, the asked letters for answering.

use hickory_proto::rr::Name;

/// A name's labels in lower case, from the right: `web-0.nginx` is `["nginx", "web-0"]`.
///
/// Octets that are no UTF-8 become a sign that stands in no name of ours.
pub(crate) fn labels(name: &Name) -> Vec<String> {
    let mut labels: Vec<String> =
        name.iter().map(|label| String::from_utf8_lossy(label).to_ascii_lowercase()).collect();
    labels.reverse();
    labels
}

/// What stands to the left of a domain, from the right; `None` where the name is not in the domain.
pub(crate) fn within<'a>(labels: &'a [String], domain: &str) -> Option<&'a [String]> {
    let mut rest = labels;
    for expected in domain.rsplit('.') {
        let (label, left) = rest.split_first()?;
        if !label.eq_ignore_ascii_case(expected) {
            return None;
        }
        rest = left;
    }
    Some(rest)
}

/// A name from labels, left to right, below `parent`. `None` where it would be longer than DNS allows.
pub(crate) fn below(labels: &[&str], parent: &Name) -> Option<Name> {
    let mut name = parent.clone();
    for label in labels.iter().rev() {
        name = name.prepend_label(label.as_bytes()).ok()?;
    }
    Some(name)
}

/// An absolute name from text, with or without the final dot.
pub(crate) fn absolute(text: &str) -> Option<Name> {
    let mut name = Name::from_ascii(text.trim_end_matches('.')).ok()?;
    name.set_fqdn(true);
    Some(name)
}
