//! What the kinds of sets differ in: one table.
//!
//! | | PetSet | StatefulSet, `OrderedReady` | StatefulSet, `Parallel` |
//! |---|---|---|---|
//! | members | what it selects | what it controls, adopts and selects by name | the same |
//! | a pet that is not well holds up | everything, itself included | what comes after it | nothing |
//! | one too many goes first that is | newest | highest | any |
//! | a pet that has ended | stays | is made again | is made again |
//! | claims are made | for all pets first | with their pet | with their pet |
//! | a pet is well when | Running, Ready, initialised | Running, Ready for `minReadySeconds` | the same |
//! | an identity is kept in | annotations | labels | labels |
//! | a set that is deleted | leaves its pets | leaves them to the garbage collector | the same |
//!
//! Sources: `pkg/controller/petset` of Kubernetes 1.3, `pkg/controller/statefulset` of Kubernetes 1.36.

/// Whom a pet that is not well holds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HoldsUp {
    /// Everything: nothing is made, made again or deleted, not even that pet.
    All,
    /// What comes after it: higher ordinals, then pets too many, then updates.
    Later,
    /// Nothing but updates, whose number is limited.
    Nothing,
}

/// Which of the pets too many goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surplus {
    /// The youngest.
    Newest,
    /// That with the highest ordinal.
    Highest,
}

/// Whose pods are whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Members {
    /// All that the set selects.
    Selected,
    /// Those that it controls; it adopts what it selects by labels and name.
    Controlled,
}

/// What becomes of a pet that has Failed or Succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It stays, and is not well.
    Stays,
    /// It is deleted, so that it is made again.
    Replaced,
}

/// When claims are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClaimsAre {
    /// Those of all ordinals, before the first pod.
    First,
    /// Each pet's with the pet.
    WithPet,
}

/// What a pet that is Running and Ready must be besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Well {
    /// It has the annotation `pod.alpha.kubernetes.io/initialized: "true"`.
    Initialized,
    /// It has been so for `spec.minReadySeconds`.
    Available,
}

/// A row for each kind of set.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    /// The source of its events.
    pub(super) component: &'static str,
    pub(super) holds_up: HoldsUp,
    pub(super) surplus: Surplus,
    pub(super) members: Members,
    pub(super) ended: Ended,
    pub(super) claims: ClaimsAre,
    pub(super) well: Well,
    /// Whether the template may change, and its revisions are kept.
    pub(super) has_revisions: bool,
}

pub(super) static PET_SET: Rules = Rules {
    api_version: "apps/v1alpha1",
    kind: "PetSet",
    component: "petset",
    holds_up: HoldsUp::All,
    surplus: Surplus::Newest,
    members: Members::Selected,
    ended: Ended::Stays,
    claims: ClaimsAre::First,
    well: Well::Initialized,
    has_revisions: false,
};

/// A StatefulSet's row, whatever its policy.
const STATEFUL_SET: Rules = Rules {
    api_version: "apps/v1",
    kind: "StatefulSet",
    component: "statefulset-controller",
    holds_up: HoldsUp::Later,
    surplus: Surplus::Highest,
    members: Members::Controlled,
    ended: Ended::Replaced,
    claims: ClaimsAre::WithPet,
    well: Well::Available,
    has_revisions: true,
};

pub(super) static ORDERED_READY: Rules = STATEFUL_SET;

pub(super) static PARALLEL: Rules = Rules { holds_up: HoldsUp::Nothing, ..STATEFUL_SET };
