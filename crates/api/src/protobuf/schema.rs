//! What the table of messages is made of.

use super::messages::KINDS;

/// A kind that may be sent.
pub(super) struct Kind {
    /// `apps/v1`.
    pub(super) api_version: &'static str,
    pub(super) name: &'static str,
    pub(super) message: &'static Message,
}

/// A message: its fields, by their numbers.
pub(super) struct Message(pub(super) &'static [Field]);

/// The number of a field, its name in JSON, and how it is written there.
pub(super) struct Field(pub(super) u32, pub(super) &'static str, pub(super) Form);

/// How a field is written in JSON.
///
/// Go sends zeros of fields that are no pointers, because in its protobuf they are not told from nothing. Its JSON leaves
/// them out where they have `omitempty`, and so must we: an empty string is often no valid value.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// As it is sent: a pointer in Go, which is sent where it was set, or a field that is always written.
    Always(Type),
    /// Unless it is zero.
    OmitEmpty(Type),
    List(Type),
    /// An object whose keys are any strings.
    Map(Type),
    /// The fields of the message, in place of this one.
    Inline(&'static Message),
}

/// What a value is.
#[derive(Clone, Copy)]
pub(super) enum Type {
    Bool,
    Int32,
    Int64,
    Text,
    /// A string in base 64.
    Bytes,
    Object(&'static Message),
    /// Seconds and nanoseconds since 1970; in JSON RFC 3339, to the second.
    Time,
    /// The same to the microsecond.
    MicroTime,
    /// A number or a string, and a number that says which.
    IntOrString,
    /// A message of one string; in JSON the string.
    Quantity,
    /// A message of octets that are JSON.
    Json,
    /// A message of strings; in JSON the list.
    Texts,
}

impl Kind {
    /// The message of a kind in a version, which may be empty where it is not told. The options of a deletion come in the
    /// version of what is deleted.
    pub(super) fn message(api_version: &str, kind: &str) -> Option<&'static Message> {
        let is_any = api_version.is_empty() || kind == "DeleteOptions";
        let known = KINDS.iter().find(|known| known.name == kind && (is_any || known.api_version == api_version))?;
        Some(known.message)
    }
}

impl Message {
    /// The field of a number.
    pub(super) fn field(&self, number: u32) -> Option<&'static Field> {
        self.0.binary_search_by_key(&number, |field| field.0).ok().map(|index| &self.0[index])
    }
}
