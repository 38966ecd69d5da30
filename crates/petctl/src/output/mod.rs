//! Printing: data on standard output, talk on standard error.

mod jsonpath;
pub(crate) mod print;
mod table;

use std::str::FromStr;

use serde_json::{Value, json};

pub(crate) use jsonpath::Template;
pub(crate) use table::{Columns, Shown, aligned, shown};

use crate::{failure::Failure, kind::Kind};

/// How objects are printed.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// A table with more columns.
    Wide,
    /// One YAML document.
    Yaml,
    /// JSON, indented by four.
    Json,
    /// `kind/name`, one a line.
    Name,
    /// A template.
    JsonPath(Template),
    /// Columns of the user's own: headings and paths.
    Custom(Vec<(String, Template)>),
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Output, String> {
        let (format, argument) = text.split_once('=').unwrap_or((text, ""));
        match format {
            "wide" => Ok(Output::Wide),
            "yaml" => Ok(Output::Yaml),
            "json" => Ok(Output::Json),
            "name" => Ok(Output::Name),
            "jsonpath" => Template::parse(argument).map(Output::JsonPath),
            "custom-columns" => {
                let columns = argument.split(',').map(|column| {
                    let (heading, path) = column.split_once(':').ok_or("write custom-columns=HEADING:.path,…")?;
                    Ok((heading.to_owned(), Template::parse(path)?))
                });
                columns.collect::<Result<_, String>>().map(Output::Custom)
            }
            _ => {
                Err("choose one of wide, yaml, json, name, jsonpath=TEMPLATE, custom-columns=HEADING:.path,…"
                    .to_owned())
            }
        }
    }
}

/// A value as YAML.
pub(crate) fn yaml(value: &Value) -> Result<String, Failure> {
    // Certificates and messages stay on one line, as kubectl leaves them.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(value, options)
        .map_err(|error| Failure::message(format!("write YAML: {error}")))
}

/// A value as kubectl writes JSON: indented by four.
pub(crate) fn json(value: &Value) -> Result<String, Failure> {
    let mut text = Vec::new();
    let format = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, format);
    serde::Serialize::serialize(value, &mut serializer)
        .map_err(|error| Failure::message(format!("write JSON: {error}")))?;
    text.push(b'\n');
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Objects of these kinds, together: one object as itself, several as a `List`.
pub(crate) fn together(mut objects: Vec<Value>, is_single: bool) -> Value {
    if is_single && objects.len() == 1 {
        return objects.remove(0);
    }
    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": objects})
}

/// The items of a list, each with the kind that the list leaves out.
pub(crate) fn items(kind: &Kind, list: &mut Value) -> Vec<Value> {
    let Value::Array(mut items) = list["items"].take() else { return Vec::new() };
    for item in &mut items {
        if let Some(item) = item.as_object_mut() {
            item.entry("apiVersion").or_insert_with(|| kind.api_version().into());
            item.entry("kind").or_insert_with(|| kind.kind.clone().into());
        }
    }
    items
}

/// Takes out who owns which fields, which is longer than the object and seldom what somebody wants to read.
pub(crate) fn hide_managed_fields(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

/// `metadata.name`.
pub(crate) fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_looks_as_kubectls() {
        let long = "x".repeat(200);
        let spaced = "word ".repeat(60) + "end";
        let value = json!({"a": [{"b": 1, "c": "true"}], "d": "two\nlines\n", "e": {}, "f": [], "g": null, "h": long, "i": spaced, "j": "2026-01-01T00:00:00Z"});
        let expected = format!(
            "a:\n- b: 1\n  c: \"true\"\nd: |\n  two\n  lines\ne: {{}}\nf: []\ng: null\nh: {long}\ni: {spaced}\nj: \"2026-01-01T00:00:00Z\"\n"
        );
        assert_eq!(yaml(&value).unwrap(), expected);
    }
}
