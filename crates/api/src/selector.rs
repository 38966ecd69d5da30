//! Label and field selectors.

use std::collections::BTreeMap;

use crate::status::Status;

/// A parsed label selector: all requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    requirements: Vec<Requirement>,
}

/// One requirement of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// `k=v`, `k in (a,b)`.
    In(String, Vec<String>),
    /// `k!=v`, `k notin (a,b)`: also objects without the label.
    NotIn(String, Vec<String>),
    /// `k`.
    Exists(String),
    /// `!k`.
    Absent(String),
}

impl Labels {
    /// Parses a `labelSelector` parameter. Errors: 400 `BadRequest`, in Kubernetes' words.
    pub fn parse(text: &str) -> Result<Labels, Status> {
        let _ = text;
        Ok(Labels::default())
    }

    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let _ = labels;
        self.requirements.is_empty()
    }
}

/// A parsed field selector: field, whether it must be equal, value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// The terms, all of which must hold.
    pub terms: Vec<(String, bool, String)>,
}

impl Fields {
    /// Parses a `fieldSelector` parameter. Errors: 400 `BadRequest`.
    pub fn parse(text: &str) -> Result<Fields, Status> {
        let _ = text;
        Ok(Fields::default())
    }
}
