//! Request bodies: JSON, YAML or protobuf to a value, with duplicates found.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::{self, Write as _};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::limits::{
    BODY_QUOTE_BYTES, NESTING_MAX, YAML_INDENT_MAX, YAML_LINES_MENDED_MAX, YAML_NODES_MAX, YAML_SCALAR_BYTES_MAX,
};
use crate::path::Path;
use crate::protobuf;
use crate::status::{Status, quoted};

/// The format of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`, also where no content type is given.
    Json,
    /// `application/yaml`.
    Yaml,
    /// `application/vnd.kubernetes.protobuf`, which has no duplicates.
    Protobuf,
}

/// Reads one object; also returns the paths of duplicate fields. `kind` is named in errors.
///
/// The last of several values of a field counts. YAML is read as Kubernetes reads it: `yes`, `no`, `on`, `off`, `y`
/// and `n` are booleans, `0755` is octal, a key that is no string becomes one. One difference is left: mixed case
/// (`yEs`) is a boolean too, where Kubernetes reads a string. `null`, and YAML that is all comments, is an empty object.
///
/// Errors: 400 `BadRequest` as Kubernetes words it; also for more than one YAML document, of which Kubernetes would
/// drop all but the first in silence.
pub fn read(bytes: &[u8], media: Media, kind: &str) -> Result<(Value, Vec<String>), Status> {
    let duplicates = RefCell::new(Vec::new());
    let value = match media {
        Media::Json => read_json(bytes, &duplicates),
        Media::Yaml if bytes.is_empty() => Err(unparsable("unexpected end of JSON input")),
        Media::Yaml => read_yaml(bytes, &duplicates),
        Media::Protobuf => return protobuf::read(bytes, kind).map(|value| (value, Vec::new())),
    };
    let value = value.and_then(object).map_err(|why| unrecognised(bytes, kind, &why))?;
    Ok((value, duplicates.into_inner()))
}

/// 400 for a body that says nothing of an object. `kind` is the one that was expected.
pub(crate) fn unrecognised(bytes: &[u8], kind: &str, why: &str) -> Status {
    let quote = quote(bytes);
    Status::bad_request(format!("the object provided is unrecognized (must be of type {kind}): {why} ({quote})"))
}

/// Reads every document of a YAML manifest (or the one of a JSON file), in order, as [`read`] reads one. Documents
/// without content are skipped. As in kubectl, a line that starts with `---` starts a document.
///
/// Errors: a sentence with the line of the manifest, or with the path of a field that is there twice.
pub fn read_manifest(bytes: &[u8]) -> Result<Vec<Value>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut objects = Vec::new();
    let mut document = String::new();
    for line in text.split_inclusive('\n').chain(["---"]) {
        if !line.starts_with("---") {
            document.push_str(line);
            continue;
        }
        let duplicates = RefCell::new(Vec::new());
        let value = read_yaml(document.as_bytes(), &duplicates)?;
        if let Some(path) = duplicates.into_inner().first() {
            return Err(format!("duplicate field {}", quoted(path)));
        }
        if !value.is_null() {
            objects.push(value);
        }
        // The lines that are done with stay as empty ones, so that errors count lines of the manifest.
        document = "\n".repeat(document.matches('\n').count() + 1);
    }
    Ok(objects)
}

/// Reads an applied configuration, in YAML or JSON; also returns the paths of duplicate fields.
///
/// Errors: 400 `BadRequest`.
pub fn read_configuration(bytes: &[u8]) -> Result<(Value, Vec<String>), Status> {
    let duplicates = RefCell::new(Vec::new());
    let is_json = bytes.iter().find(|octet| !octet.is_ascii_whitespace()) == Some(&b'{');
    let value = match is_json.then(|| parse_json(bytes, Node::root(&duplicates, Media::Json))) {
        Some(Ok(value)) => Ok(value),
        // What begins like JSON may still be YAML.
        Some(Err(_)) | None => read_yaml(bytes, &duplicates),
    };
    let refuse = |why: String| Status::bad_request(format!("error decoding YAML: {why}"));
    match value.map_err(refuse)? {
        Value::Null => Ok((Value::Object(Map::new()), Vec::new())),
        value @ Value::Object(_) => Ok((value, duplicates.into_inner())),
        other => Err(refuse(format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            type_name(&other)
        ))),
    }
}

/// Reads the JSON of a patch; also returns the paths of duplicate fields. Errors: in the words of Go's JSON package.
pub(crate) fn read_patch(bytes: &[u8]) -> Result<(Value, Vec<String>), String> {
    let duplicates = RefCell::new(Vec::new());
    let value = parse_json(bytes, Node::root(&duplicates, Media::Json))?;
    Ok((value, duplicates.into_inner()))
}

/// Reads JSON that stands in a body of another format, in `depth` lists and maps. Of duplicate fields the last counts.
///
/// Errors: in the words of Go's JSON package.
pub(crate) fn read_json_within(bytes: &[u8], depth: usize) -> Result<Value, String> {
    let duplicates = RefCell::new(Vec::new());
    parse_json(bytes, Node { depth, ..Node::root(&duplicates, Media::Json) })
}

/// How many levels of lists and maps a value has; 0 for a value that is neither.
///
/// Recursion over values is bounded by [`NESTING_MAX`], which holds for every value that came through here.
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn read_json(bytes: &[u8], duplicates: &RefCell<Vec<String>>) -> Result<Value, String> {
    parse_json(bytes, Node::root(duplicates, Media::Json)).map_err(|why| unparsable(&why))
}

fn parse_json(bytes: &[u8], node: Node<'_>) -> Result<Value, String> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = node.deserialize(&mut json);
    value.and_then(|value| json.end().map(|()| value)).map_err(|error| json_error(bytes, &error))
}

fn read_yaml(bytes: &[u8], duplicates: &RefCell<Vec<String>>) -> Result<Value, String> {
    let refuse = |why: &str| format!("error converting YAML to JSON: yaml: {why}");
    let mut text = Cow::Borrowed(std::str::from_utf8(bytes).map_err(|error| refuse(&error.to_string()))?);
    for _ in 0..YAML_LINES_MENDED_MAX {
        duplicates.borrow_mut().clear();
        let error = match parse_yaml(&text, duplicates) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        match mended(&text, &error) {
            Some(mended) => text = Cow::Owned(mended),
            None => return Err(refuse(&yaml_error(&error))),
        }
    }
    Err(refuse(UNDER_INDENTED))
}

fn parse_yaml(text: &str, duplicates: &RefCell<Vec<String>>) -> Result<Value, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: YAML_NODES_MAX,
            max_total_scalar_bytes: YAML_SCALAR_BYTES_MAX,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    serde_saphyr::with_deserializer_from_str_with_options(text, options, |yaml| {
        Node::root(duplicates, Media::Yaml).deserialize(yaml)
    })
}

/// The parser's complaint about a quoted string whose next line stands no deeper than its key.
const UNDER_INDENTED: &str = "invalid indentation in multiline quoted scalar";

/// An error of the YAML parser; where it speaks of the parser's own workings, in words of ours.
fn yaml_error(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let place = error.location().map(|place| format!(" at line {}, column {}", place.line(), place.column()));
    let ours = if text.contains("Depth {") {
        TOO_DEEP.to_owned()
    } else if text.contains("Nodes {") {
        format!("more than {YAML_NODES_MAX} values, what its aliases stand for included")
    } else if text.contains("budget breached") {
        "more text than fits in a body, what its aliases stand for included".to_owned()
    } else if text.contains("multiple YAML documents") {
        "more than one document: send each in a request of its own".to_owned()
    } else if text.contains("recursive references") {
        "an alias stands inside of what it names".to_owned()
    } else {
        return text;
    };
    ours + &place.unwrap_or_default()
}

/// The text with the line that the parser complains of moved to the right, if it is such a complaint.
///
/// YAML forbids the continuation of a quoted string to stand at its key's column, but libyaml and its Go port, with which
/// all of Kubernetes' manifests were written, allow it; the documented init-containers annotation ends in such a line.
/// White space at the start of a continuation means nothing, so moving the line changes nothing else.
fn mended(text: &str, error: &serde_saphyr::Error) -> Option<String> {
    if !error.to_string().contains(UNDER_INDENTED) {
        return None;
    }
    let line = usize::try_from(error.location()?.line()).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let deepest = text[..start].lines().map(indent).max()?;
    let (before, after) = text.split_at(start);
    Some(format!("{before}{}{after}", " ".repeat(deepest.min(YAML_INDENT_MAX) + 1)))
}

/// The value if it is an object whose type is told in strings, as far as it is told.
fn object(value: Value) -> Result<Value, String> {
    let fields = match value {
        Value::Null => return Ok(Value::Object(Map::new())),
        Value::Object(fields) => fields,
        other => {
            let target = r#"Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
            return Err(unparsable(&format!("json: cannot unmarshal {} into {target}", type_name(&other))));
        }
    };
    for field in ["apiVersion", "kind"] {
        match fields.get(field) {
            None | Some(Value::Null | Value::String(_)) => {}
            Some(other) => {
                let found = type_name(other);
                let why = format!("json: cannot unmarshal {found} into Go struct field .{field} of type string");
                return Err(unparsable(&why));
            }
        }
    }
    Ok(Value::Object(fields))
}

fn unparsable(why: &str) -> String {
    format!("couldn't get version/kind; json parse error: {why}")
}

/// What Go's JSON package calls the type of a value.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A JSON error in the words of Go's JSON package where it has the same notion, else in serde's.
pub(crate) fn json_error(bytes: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".into();
    }
    let text = error.to_string();
    if text.starts_with(TOO_DEEP) {
        return TOO_DEEP.into();
    }
    let line = bytes.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let culprit = String::from_utf8_lossy(line.get(error.column().saturating_sub(1)..).unwrap_or_default());
    match culprit.chars().next() {
        Some(found) if text.starts_with("expected value") => {
            format!("invalid character '{found}' looking for beginning of value")
        }
        Some(found) if text.starts_with("key must be a string") => {
            format!("invalid character '{found}' looking for beginning of object key string")
        }
        Some(found) if text.starts_with("trailing characters") => {
            format!("invalid character '{found}' after top-level value")
        }
        _ => text,
    }
}

/// The start of a body: its text where it looks like JSON, else in hexadecimal.
fn quote(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(BODY_QUOTE_BYTES)];
    let mut quote = match start.first() {
        None => return "<empty>".into(),
        Some(b'{') => String::from_utf8_lossy(start).into_owned(),
        Some(_) => start.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        }),
    };
    if bytes.len() > BODY_QUOTE_BYTES {
        quote.push_str(" ...");
    }
    quote
}

const TOO_DEEP: &str = "exceeded max depth";

/// A place in a body, from which a value is read.
#[derive(Clone, Copy)]
struct Node<'a> {
    path: Path<'a>,
    depth: usize,
    media: Media,
    duplicates: &'a RefCell<Vec<String>>,
}

impl<'a> Node<'a> {
    fn root(duplicates: &'a RefCell<Vec<String>>, media: Media) -> Self {
        Node { path: Path::Root, depth: 0, media, duplicates }
    }

    fn child<E: de::Error>(self, path: Path<'a>) -> Result<Self, E> {
        if self.depth == NESTING_MAX {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(Node { path, depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        // YAML goes through Go's float64 on its way to JSON, which writes 1.0 as 1.
        let whole = value.fract() == 0.0 && value.abs() < 2f64.powi(53);
        if self.media == Media::Yaml && whole {
            return Ok(Value::from(value as i64));
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("unsupported value: not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        loop {
            let path = Path::Index(&self.path, values.len());
            match items.next_element_seed(self.child(path)?)? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let path = Path::Key(&self.path, &name);
            if object.contains_key(&name) {
                path.note(&mut self.duplicates.borrow_mut());
            }
            let value = fields.next_value_seed(self.child(path)?)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}
