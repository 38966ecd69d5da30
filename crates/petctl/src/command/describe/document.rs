//! The text that `describe` builds: names in a column, values beside them, sections indented.

use serde_json::Value;

use crate::output::aligned;

/// Spaces per level.
const INDENT: usize = 2;

/// A text in the making.
pub(super) struct Document {
    text: String,
    level: usize,
    /// Lines that are aligned together: at the same level, without a section between them.
    pending: Vec<Vec<String>>,
}

impl Document {
    /// Begins with nothing.
    pub(super) fn empty() -> Document {
        Document { text: String::new(), level: 0, pending: Vec::new() }
    }

    /// Begins with what every object has.
    pub(super) fn of(object: &Value) -> Document {
        let mut document = Document::empty();
        let metadata = &object["metadata"];
        document.field("Name", &say(&metadata["name"]));
        if metadata["namespace"].is_string() {
            document.field("Namespace", &say(&metadata["namespace"]));
        }
        document
    }

    /// Labels, annotations, creation and owner.
    pub(super) fn metadata(&mut self, object: &Value) {
        let metadata = &object["metadata"];
        self.field("Created", &say(&metadata["creationTimestamp"]));
        if metadata["deletionTimestamp"].is_string() {
            self.field("Deleted", &say(&metadata["deletionTimestamp"]));
        }
        self.map("Labels", &metadata["labels"], "=");
        self.map("Annotations", &metadata["annotations"], ": ");
        let owners = metadata["ownerReferences"].as_array().into_iter().flatten();
        for owner in owners.filter(|owner| owner["controller"] == true) {
            self.field("Controlled By", &format!("{}/{}", say(&owner["kind"]), say(&owner["name"])));
        }
        let finalizers = list(&metadata["finalizers"]);
        if !finalizers.is_empty() {
            self.field("Finalizers", &finalizers.join(", "));
        }
    }

    /// A name and its value.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        let value = if value.is_empty() { "<none>" } else { value };
        self.pending.push(vec![format!("{}{name}:", self.indent()), value.to_owned()]);
    }

    /// A name and a value that is left out where there is none.
    pub(super) fn optional(&mut self, name: &str, value: &Value) {
        if !value.is_null() {
            self.field(name, &say(value));
        }
    }

    /// A name and one line per entry of a map.
    pub(super) fn map(&mut self, name: &str, map: &Value, between: &str) {
        let is_shown = |name: &str| name != crate::merge::LAST_APPLIED;
        let entries = map.as_object().into_iter().flatten().filter(|(name, _)| is_shown(name));
        let lines: Vec<String> = entries.map(|(name, value)| format!("{name}{between}{}", say(value))).collect();
        self.lines(name, &lines);
    }

    /// A name and one line per value.
    pub(super) fn lines(&mut self, name: &str, lines: &[String]) {
        let Some((first, rest)) = lines.split_first() else { return self.field(name, "") };
        self.field(name, first);
        let indent = self.indent();
        self.pending.extend(rest.iter().map(|line| vec![indent.clone(), line.clone()]));
    }

    /// Cells of a table inside a section.
    pub(super) fn row(&mut self, cells: &[&str]) {
        let mut row: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
        if let Some(first) = row.first_mut() {
            first.insert_str(0, &self.indent());
        }
        self.pending.push(row);
    }

    /// Begins an indented section.
    pub(super) fn section(&mut self, name: &str) {
        self.flush();
        self.text.extend([self.indent().as_str(), name, ":\n"]);
        self.level += 1;
    }

    /// Ends the section.
    pub(super) fn end(&mut self) {
        self.flush();
        self.level = self.level.saturating_sub(1);
    }

    /// A name and any value, with all that is in it.
    pub(super) fn dump(&mut self, name: &str, value: &Value) {
        let heading = words(name);
        match value {
            Value::Object(fields) if fields.is_empty() => self.field(&heading, ""),
            Value::Object(fields) => {
                self.section(&heading);
                fields.iter().for_each(|(name, value)| self.dump(name, value));
                self.end();
            }
            Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
                self.section(&heading);
                for (n, item) in items.iter().enumerate() {
                    self.dump(&n.to_string(), item);
                }
                self.end();
            }
            Value::Array(_) => self.lines(&heading, &list(value)),
            value => self.field(&heading, &say(value)),
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.flush();
        self.text
    }

    fn flush(&mut self) {
        self.text.push_str(&aligned(&std::mem::take(&mut self.pending)));
    }

    fn indent(&self) -> String {
        " ".repeat(self.level * INDENT)
    }
}

/// A value in words.
pub(super) fn say(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The items of a list in words.
pub(super) fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(say).collect()
}

/// `claimRef` as `Claim Ref`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for (n, character) in name.chars().enumerate() {
        if n == 0 {
            words.extend(character.to_uppercase());
            continue;
        }
        if character.is_uppercase() && !words.ends_with(char::is_uppercase) {
            words.push(' ');
        }
        words.push(character);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_become_words() {
        assert_eq!(words("claimRef"), "Claim Ref");
        assert_eq!(words("podIP"), "Pod IP");
        assert_eq!(words("status"), "Status");
    }
}
