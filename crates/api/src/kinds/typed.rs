//! Checks a value against a Kubernetes type, and names what the type does not know.
//!
//! The types' own `Deserialize` does the work; what is ours is the deserialiser that feeds it. `serde_ignored` would
//! name unknown fields, but not say where a value of the wrong type stands, and it would keep what Go's JSON package
//! drops. So one deserialiser does as Go's package does: it names the struct and the path of a wrong type, reads
//! `null` as the zero value, drops empty lists, maps and strings, and takes numbers for quantities.

use std::cell::RefCell;
use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::{Serialize, forward_to_deserialize_any};
use serde_json::Value;

use crate::body::type_name;
use crate::kinds::quantity;
use crate::path::Path;

/// The value as an object of type `T` and the paths of the fields that `T` does not have.
///
/// Errors: in Go's words, what has the wrong type.
pub(crate) fn read<T: DeserializeOwned>(value: Value) -> Result<(T, Vec<String>), String> {
    let unknown = RefCell::new(Vec::new());
    let root = Typed { value, path: Path::Root, owner: "", unknown: &unknown };
    let typed = T::deserialize(root).map_err(|error| error.0)?;
    Ok((typed, unknown.into_inner()))
}

/// The value as Kubernetes would store it as a `T`, and the paths of the fields that `T` does not have.
///
/// Errors: in Go's words, what has the wrong type.
pub(crate) fn round_trip<T: DeserializeOwned + Serialize>(value: Value) -> Result<(Value, Vec<String>), String> {
    let (typed, unknown) = read::<T>(value)?;
    let value = serde_json::to_value(typed).map_err(|error| error.to_string())?;
    Ok((value, unknown))
}

/// Strings that Kubernetes writes although they are empty; most are pointers in its Go types.
const POINTER_STRINGS: &[(&str, &str)] = &[
    ("EndpointPort", "appProtocol"),
    ("HostPathVolumeSource", "type"),
    ("PersistentVolumeClaimSpec", "storageClassName"),
    ("PersistentVolumeClaimSpec", "volumeAttributesClassName"),
    ("PersistentVolumeSpec", "volumeAttributesClassName"),
    ("PodDNSConfigOption", "value"),
    ("PodDisruptionBudgetSpec", "unhealthyPodEvictionPolicy"),
    ("PodSpec", "hostnameOverride"),
    ("PodSpec", "runtimeClassName"),
    ("ServicePort", "appProtocol"),
    ("ServiceSpec", "loadBalancerClass"),
    ("StatefulSetSpec", "serviceName"),
];

/// A value and its place.
struct Typed<'a> {
    value: Value,
    path: Path<'a>,
    /// The type whose field this is, in or under that field.
    owner: &'a str,
    unknown: &'a RefCell<Vec<String>>,
}

/// Why a value is not of its type, in Go's words.
#[derive(Debug)]
struct Mismatch(String);

impl Typed<'_> {
    fn mismatch(&self, target: &str) -> Mismatch {
        let found = match &self.value {
            Value::Number(number) if target.starts_with("int") => format!("number {number}"),
            other => type_name(other).to_owned(),
        };
        mismatch(&found, self.owner, self.path, target)
    }

    /// Whether an optional value is dropped as Go's `omitempty` drops it. `target` is the Rust type of the field.
    fn is_omitted(&self, target: &str) -> bool {
        match &self.value {
            Value::Null => true,
            Value::Array(items) => items.is_empty() && target.contains("Option<alloc::vec::Vec<"),
            Value::Object(fields) => fields.is_empty() && target.contains("BTreeMap"),
            Value::String(text) => {
                let Path::Field(_, name) = self.path else { return false };
                text.is_empty()
                    && target.ends_with("Option<alloc::string::String>")
                    && !POINTER_STRINGS.contains(&(self.owner, name))
            }
            Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

/// What was found where a value of the Go type `target` must stand.
fn mismatch(found: &str, owner: &str, path: Path<'_>, target: &str) -> Mismatch {
    let place = match path.fields() {
        fields if fields.is_empty() => format!("value of type {target}"),
        fields => format!("struct field {owner}.{fields} of type {target}"),
    };
    Mismatch(format!("json: cannot unmarshal {found} into Go {place}"))
}

/// Where Go's decoder stops in a text that is no base64: at the octet that does not belong there, or where the last group
/// begins that is not whole. Line breaks are left out.
fn fault_in_base64(text: &[u8]) -> Option<usize> {
    let mut letters = text.iter().enumerate().filter(|(_, octet)| !matches!(octet, b'\r' | b'\n'));
    // How many letters of a group of four have been read.
    let mut read = 0;
    while let Some((place, octet)) = letters.next() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => read = (read + 1) % 4,
            b'=' if read == 3 => return letters.next().map(|(rest, _)| rest),
            b'=' if read == 2 => {
                return match letters.next() {
                    Some((_, b'=')) => letters.next().map(|(rest, _)| rest),
                    Some((other, _)) => Some(other - 1),
                    None => Some(text.len()),
                };
            }
            _ => return Some(place),
        }
    }
    (read > 0).then(|| text.len() - read)
}

/// What Go calls a Rust type: `[]v1.Container` for `Vec<…::core::v1::container::Container>`. For messages only.
fn go_type<T>() -> String {
    go_type_of(std::any::type_name::<T>())
}

fn go_type_of(rust: &str) -> String {
    if let Some(item) = rust.strip_prefix("alloc::vec::Vec<").and_then(|rest| rest.strip_suffix('>')) {
        return format!("[]{}", go_type_of(item));
    }
    if let Some(pair) = rust.strip_prefix("alloc::collections::btree::map::BTreeMap<")
        && let Some((_, value)) = pair.split_once(',')
    {
        return format!("map[string]{}", go_type_of(value.trim().trim_end_matches('>')));
    }
    let name = rust.rsplit("::").next().unwrap_or(rust);
    match (name, rust) {
        ("String", _) => "string".into(),
        ("i32", _) => "int32".into(),
        ("i64", _) => "int64".into(),
        ("Quantity", _) => "resource.Quantity".into(),
        ("IntOrString", _) => "intstr.IntOrString".into(),
        (_, rust) if rust.contains("::petset::") => format!("v1alpha1.{name}"),
        (_, rust) if rust.contains("::") => format!("v1.{name}"),
        _ => name.into(),
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $as:ident $type:ty, $go:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            match self.value.$as().and_then(|number| <$type>::try_from(number).ok()) {
                Some(number) => visitor.$visit(number),
                None if self.value.is_null() => visitor.$visit(0),
                None => Err(self.mismatch($go)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Typed<'_> {
    type Error = Mismatch;

    /// Only values of no fixed type arrive here: an `IntOrString`, and values kept as they are.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let Typed { value, path, owner, .. } = self;
        let found = type_name(&value);
        let refuse = |_: serde_json::Error| mismatch(found, owner, path, "int32");
        value.into_deserializer().deserialize_any(visitor).map_err(refuse)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.value {
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Null => visitor.visit_bool(false),
            _ => Err(self.mismatch("bool")),
        }
    }

    integers! {
        deserialize_i8 visit_i8 as_i64 i8, "int8";
        deserialize_i16 visit_i16 as_i64 i16, "int16";
        deserialize_i32 visit_i32 as_i64 i32, "int32";
        deserialize_i64 visit_i64 as_i64 i64, "int64";
        deserialize_u8 visit_u8 as_u64 u8, "uint8";
        deserialize_u16 visit_u16 as_u64 u16, "uint16";
        deserialize_u32 visit_u32 as_u64 u32, "uint32";
        deserialize_u64 visit_u64 as_u64 u64, "uint64";
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.value.as_f64() {
            Some(number) => visitor.visit_f64(number),
            None if self.value.is_null() => visitor.visit_f64(0.0),
            None => Err(self.mismatch("float64")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.value {
            Value::String(text) => visitor.visit_string(text),
            Value::Null => visitor.visit_string(String::new()),
            _ => Err(self.mismatch("string")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let target = std::any::type_name::<V::Value>();
        // Octets say that they are optional; they are text in base64.
        if target.ends_with("::ByteString") && !self.value.is_null() {
            return visitor.visit_some(self.octets()?);
        }
        if self.is_omitted(target) { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match (name, &self.value) {
            ("Quantity", Value::String(_) | Value::Number(_)) => {
                let text = self.value.as_str().map_or_else(|| self.value.to_string(), str::to_owned);
                let quantity = quantity::parse(text.trim()).ok_or_else(|| Mismatch(quantity::MALFORMED.into()))?;
                self.value = Value::String(quantity.to_string());
            }
            ("Time" | "MicroTime", Value::String(text)) if text.parse::<jiff::Timestamp>().is_err() => {
                let layout = "2006-01-02T15:04:05Z07:00";
                return Err(Mismatch(format!(
                    "parsing time {text:?} as {layout:?}: cannot parse {text:?} as \"2006\""
                )));
            }
            ("Quantity", Value::Null) => self.value = "0".into(),
            _ => {}
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let Typed { value, path, owner, unknown } = self;
        match value {
            Value::Array(items) => visitor.visit_seq(Items { rest: items.into_iter(), index: 0, path, owner, unknown }),
            Value::Null => visitor.visit_seq(Items { rest: Vec::new().into_iter(), index: 0, path, owner, unknown }),
            value => Err(Typed { value, path, owner, unknown }.mismatch(&go_type::<V::Value>())),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.fields(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.fields(Some(name), visitor)
    }

    /// What a type does not know comes here.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.path.note(&mut self.unknown.borrow_mut());
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}

impl Typed<'_> {
    /// Text in base64, without its line breaks.
    fn octets(mut self) -> Result<Self, Mismatch> {
        let Value::String(text) = &mut self.value else { return Err(self.mismatch("[]uint8")) };
        if let Some(place) = fault_in_base64(text.as_bytes()) {
            return Err(Mismatch(format!("illegal base64 data at input byte {place}")));
        }
        text.retain(|c| !matches!(c, '\r' | '\n'));
        Ok(self)
    }

    /// Visits the fields of the struct `name`, or the keys of a map.
    fn fields<'de, V: Visitor<'de>>(self, name: Option<&'static str>, visitor: V) -> Result<V::Value, Mismatch> {
        let Typed { value, path, owner, unknown } = self;
        let entries = match value {
            Value::Object(entries) => entries,
            Value::Null => serde_json::Map::new(),
            value => return Err(Typed { value, path, owner, unknown }.mismatch(&go_type::<V::Value>())),
        };
        let is_struct = name.is_some();
        let owner = name.unwrap_or(owner);
        visitor.visit_map(Entries { rest: entries.into_iter(), entry: None, is_struct, path, owner, unknown })
    }
}

struct Items<'a> {
    rest: std::vec::IntoIter<Value>,
    index: usize,
    path: Path<'a>,
    owner: &'a str,
    unknown: &'a RefCell<Vec<String>>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let Some(value) = self.rest.next() else { return Ok(None) };
        let path = Path::Index(&self.path, self.index);
        self.index += 1;
        seed.deserialize(Typed { value, path, owner: self.owner, unknown: self.unknown }).map(Some)
    }
}

struct Entries<'a> {
    rest: serde_json::map::IntoIter,
    entry: Option<(String, Value)>,
    is_struct: bool,
    path: Path<'a>,
    owner: &'a str,
    unknown: &'a RefCell<Vec<String>>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        self.entry = self.rest.next();
        let Some((key, _)) = &self.entry else { return Ok(None) };
        seed.deserialize(key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Mismatch> {
        let (key, value) = self.entry.take().ok_or_else(|| Mismatch::custom("a value was asked for before its key"))?;
        let path = if self.is_struct { Path::Field(&self.path, &key) } else { Path::Key(&self.path, &key) };
        seed.deserialize(Typed { value, path, owner: self.owner, unknown: self.unknown })
    }
}

impl serde::de::Error for Mismatch {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Mismatch(message.to_string())
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}
