//! How values are owned: what the table of the topology is made of, and PetSet's part of it.

use super::topology::{CORE_V1_POD_TEMPLATE_SPEC, IDENTIFYING_METADATA, KINDS};
use crate::resource::Resource;

/// A kind that is served.
pub(super) struct Kind {
    /// `apps/v1`.
    pub(super) api_version: &'static str,
    pub(super) name: &'static str,
    pub(super) shape: &'static Struct,
}

/// A struct: all its fields, in the order of their names.
pub(super) struct Struct(pub(super) &'static [(&'static str, Type)]);

/// How a value is owned.
#[derive(Clone, Copy)]
pub(super) enum Type {
    /// Not at all: it tells which object this is, or which state of it.
    Identity,
    /// As a whole: a plain value, or a list or a map that is not looked into.
    Atomic,
    /// Field by field.
    Object(&'static Struct),
    /// The same, of a struct that is there with whatever it stands in, if only empty.
    Embedded(&'static Struct),
    /// Value by value, whatever the keys are.
    Map,
    /// A list of plain values, each of them by itself.
    Set,
    /// A list of structs that are told apart by these keys, each of them field by field.
    ListMap(&'static [Key], &'static Struct),
    /// A value of no known shape: maps value by value, everything else as a whole.
    Deduced,
}

/// A key by which the items of a list are told apart.
pub(super) struct Key(pub(super) &'static str, pub(super) Default);

/// What a key is where an item does not say it.
pub(super) enum Default {
    /// It must be said.
    Missing,
    Text(&'static str),
    Number(i64),
}

impl Struct {
    /// The shape of a kind's objects.
    pub(super) fn of(resource: &Resource) -> &'static Struct {
        if resource.kind == "PetSet" {
            return &PET_SET;
        }
        let is_its = |kind: &&Kind| kind.name == resource.kind && kind.is_in(resource.group, resource.version);
        KINDS.iter().find(is_its).expect("every kind that is served is in the table, as a test shows").shape
    }

    /// How a field is owned; `None` where there is no such field.
    pub(super) fn field(&self, name: &str) -> Option<Type> {
        self.0.binary_search_by_key(&name, |(field, _)| field).ok().map(|index| self.0[index].1)
    }
}

impl Kind {
    fn is_in(&self, group: &str, version: &str) -> bool {
        match self.api_version.split_once('/') {
            Some((its_group, its_version)) => its_group == group && its_version == version,
            None => group.is_empty() && self.api_version == version,
        }
    }
}

/// `apps/v1alpha1 PetSet`, which is owned as a StatefulSet is, as far as it has its fields.
static PET_SET: Struct = Struct(&[
    ("apiVersion", Type::Identity),
    ("kind", Type::Identity),
    ("metadata", Type::Embedded(&IDENTIFYING_METADATA)),
    ("spec", Type::Embedded(&PET_SET_SPEC)),
    ("status", Type::Embedded(&PET_SET_STATUS)),
]);

static PET_SET_SPEC: Struct = Struct(&[
    ("replicas", Type::Atomic),
    ("selector", Type::Atomic),
    ("serviceName", Type::Atomic),
    ("template", Type::Embedded(&CORE_V1_POD_TEMPLATE_SPEC)),
    ("volumeClaimTemplates", Type::Atomic),
]);

static PET_SET_STATUS: Struct = Struct(&[("observedGeneration", Type::Atomic), ("replicas", Type::Atomic)]);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::RESOURCES;

    #[test]
    fn every_kind_that_is_served_has_its_fields_in_order() {
        for resource in RESOURCES {
            let shape = Struct::of(resource);
            assert!(shape.0.is_sorted_by_key(|(name, _)| name), "{}", resource.kind);
            assert!(matches!(shape.field("metadata"), Some(Type::Embedded(_))), "{}", resource.kind);
        }
    }
}
