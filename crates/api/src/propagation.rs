//! What the deletion of an object means for those that name it as their owner.
//!
//! Follows `shouldOrphanDependents`, `shouldDeleteDependents` and `deletionFinalizersForGarbageCollection` of
//! Kubernetes' `apiserver/pkg/registry/generic/registry/store.go`.

use serde_json::Value;

use crate::{
    admission::DeleteOptions,
    metadata::{FOREGROUND, ORPHAN, finalizers},
    resource::Resource,
};

/// What becomes of the dependents of an object that is deleted (`meta/v1 DeletionPropagation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Propagation {
    /// They stay, and lose their reference to it before it goes.
    Orphan,
    /// They go after it.
    Background,
    /// They go before it, where they say that they hold it up.
    Foreground,
}

impl Propagation {
    /// From the wire: `Orphan`, `Background`, `Foreground`.
    pub fn parse(text: &str) -> Option<Propagation> {
        match text {
            "Orphan" => Some(Propagation::Orphan),
            "Background" => Some(Propagation::Background),
            "Foreground" => Some(Propagation::Foreground),
            _ => None,
        }
    }

    /// The finalizer that stands for it, if any.
    fn finalizer(self) -> Option<&'static str> {
        match self {
            Propagation::Orphan => Some(ORPHAN),
            Propagation::Background => None,
            Propagation::Foreground => Some(FOREGROUND),
        }
    }

    /// What is asked for with a deletion: by the request, else by a finalizer that the object has already. Without both,
    /// the dependents of every kind that is served go after their owner; those of events are never looked at.
    fn chosen(resource: &Resource, metadata: &Value, options: &DeleteOptions) -> Propagation {
        if resource.kind == "Event" {
            return Propagation::Background;
        }
        if let Some(orphan) = options.orphan_dependents {
            return if orphan { Propagation::Orphan } else { Propagation::Background };
        }
        if let Some(asked) = options.propagation {
            return asked;
        }
        let stands = finalizers(metadata).into_iter().find_map(|finalizer| match finalizer {
            ORPHAN => Some(Propagation::Orphan),
            FOREGROUND => Some(Propagation::Foreground),
            _ => None,
        });
        stands.unwrap_or(Propagation::Background)
    }
}

/// The finalizers that an object has once its deletion was asked for: its own, and the one that stands for what becomes
/// of its dependents. Nothing is moved where nothing changes.
pub(crate) fn finalizers_of_deletion(resource: &Resource, metadata: &Value, options: &DeleteOptions) -> Vec<String> {
    let chosen = Propagation::chosen(resource, metadata, options).finalizer();
    let stays = |finalizer: &&str| Some(*finalizer) == chosen || ![ORPHAN, FOREGROUND].contains(finalizer);
    let mut kept: Vec<String> = finalizers(metadata).into_iter().filter(stays).map(str::to_owned).collect();
    if let Some(chosen) = chosen.filter(|chosen| !kept.iter().any(|finalizer| finalizer == chosen)) {
        kept.push(chosen.to_owned());
    }
    kept
}
