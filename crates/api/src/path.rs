//! Where a value stands in an object.

use std::fmt;

use crate::limits::{COMPLAINT_BYTES_MAX, COMPLAINTS_MAX};

/// The way from the root of an object to one of its values, as a chain through the stack: a step costs no allocation,
/// so that long keys above long lists cannot make reading a body slow.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    /// The object itself.
    Root,
    /// A field of a type.
    Field(&'a Path<'a>, &'a str),
    /// A key of a map.
    Key(&'a Path<'a>, &'a str),
    /// An item of a list.
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// The fields alone, without keys and indices: `spec.template.spec.containers.ports`. So Go's JSON package names a place.
    pub(crate) fn fields(&self) -> String {
        match self {
            Path::Root => String::new(),
            Path::Field(Path::Root, name) => (*name).to_owned(),
            Path::Field(parent, name) => {
                let parent = parent.fields();
                if parent.is_empty() { (*name).to_owned() } else { format!("{parent}.{name}") }
            }
            Path::Key(parent, _) | Path::Index(parent, _) => parent.fields(),
        }
    }

    /// Notes the path, unless so many are noted already that more would tell nobody anything.
    pub(crate) fn note(&self, noted: &mut Vec<String>) {
        if noted.len() < COMPLAINTS_MAX {
            let mut text = self.to_string();
            text.truncate(text.floor_char_boundary(COMPLAINT_BYTES_MAX));
            noted.push(text);
        }
    }
}

/// `spec.containers[0].name`.
impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Field(Path::Root, name) | Path::Key(Path::Root, name) => f.write_str(name),
            Path::Field(parent, name) | Path::Key(parent, name) => write!(f, "{parent}.{name}"),
            Path::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
