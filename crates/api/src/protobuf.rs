//! Bodies in Kubernetes' protobuf, to the value that the same object has in JSON.
//!
//! A body is the mark [`MARK`] and an envelope (`runtime.Unknown`): `apiVersion` and `kind`, and the object as a message.
//! [`messages`] has the messages, generated; [`schema`] says what a message is; [`wire`] is protobuf's own format.
//!
//! How deep an object nests is given by its messages, but for the JSON that some of them hold. How many values it has is
//! limited: two octets may stand for an object, which takes some hundreds in memory.

#[rustfmt::skip]
mod messages;
mod schema;
#[cfg(test)]
mod tests;
mod wire;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use serde_json::{Map, Value};

use crate::body;
use crate::limits::PROTOBUF_VALUES_MAX;
use crate::status::{Status, quoted};
use schema::{Field, Form, Kind, Message, Type};
use wire::{Malformed, Payload, fields};

/// What every body begins with.
const MARK: &[u8] = b"k8s\0";

/// An object as an envelope tells of it.
#[derive(Default)]
struct Envelope<'a> {
    api_version: &'a str,
    kind: &'a str,
    object: &'a [u8],
}

/// Reads one object. `expected` is the kind that errors name, and that of a body which does not tell its own.
///
/// Fields that a message does not have are passed over, as in Kubernetes, also under strict validation: their names are
/// not known. A text that is no UTF-8 is refused, where Kubernetes stores it with replacement characters.
///
/// Errors: 400 `BadRequest` as Kubernetes words it.
pub(crate) fn read(bytes: &[u8], expected: &str) -> Result<Value, Status> {
    let envelope = open(bytes).map_err(|why| body::unrecognised(bytes, expected, &why))?;
    let kind = if envelope.kind.is_empty() { expected } else { envelope.kind };
    let version = envelope.api_version.rsplit('/').next().unwrap_or_default();
    let refuse = |why: &str| Status::undecodable(kind, version, expected, why);
    let Some(message) = Kind::message(envelope.api_version, kind) else {
        let version = quoted(envelope.api_version);
        return Err(refuse(&format!("no kind {} is registered for version {version}", quoted(kind))));
    };
    let mut object = Map::new();
    for (field, told) in [("apiVersion", envelope.api_version), ("kind", envelope.kind)] {
        if !told.is_empty() {
            object.insert(field.to_owned(), told.into());
        }
    }
    let mut reader = Reader { values: 0 };
    reader.message(message, envelope.object, 0, &mut object).map_err(|why| refuse(&why.to_string()))?;
    Ok(Value::Object(object))
}

/// What is in the envelope. Errors: why there is none, in words that Kubernetes has for it.
fn open(bytes: &[u8]) -> Result<Envelope<'_>, String> {
    if bytes.is_empty() {
        return Err("empty data".to_owned());
    }
    let Some(unknown) = bytes.strip_prefix(MARK) else {
        return Err("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]".to_owned());
    };
    if unknown.is_empty() {
        return Err("empty body".to_owned());
    }
    let mut envelope = Envelope::default();
    open_unknown(unknown, &mut envelope).map_err(|why| why.to_string())?;
    Ok(envelope)
}

/// Reads a `runtime.Unknown`.
fn open_unknown<'a>(bytes: &'a [u8], envelope: &mut Envelope<'a>) -> Result<(), Malformed> {
    for field in fields(bytes) {
        match field? {
            (1, payload) => open_type(octets("TypeMeta", payload)?, envelope)?,
            (2, payload) => envelope.object = octets("Raw", payload)?,
            // Its encoding and format are what the request's headers say already.
            _ => {}
        }
    }
    Ok(())
}

/// Reads a `runtime.TypeMeta`.
fn open_type<'a>(bytes: &'a [u8], envelope: &mut Envelope<'a>) -> Result<(), Malformed> {
    for field in fields(bytes) {
        match field? {
            (1, payload) => envelope.api_version = text("APIVersion", payload)?,
            (2, payload) => envelope.kind = text("Kind", payload)?,
            _ => {}
        }
    }
    Ok(())
}

/// What reads an object, and how many values it has read.
struct Reader {
    values: usize,
}

/// A place for values: the field that they are of, their type, and in how many objects and lists they lie.
#[derive(Clone, Copy)]
struct Place {
    name: &'static str,
    kind: Type,
    depth: usize,
}

impl Reader {
    /// Adds the fields of a message to an object, which lies in `depth` objects and lists.
    ///
    /// As everywhere in protobuf, the last of several values counts, lists are continued, and messages are merged.
    fn message(
        &mut self,
        message: &Message,
        bytes: &[u8],
        depth: usize,
        object: &mut Map<String, Value>,
    ) -> Result<(), Malformed> {
        for sent in fields(bytes) {
            let (number, payload) = sent?;
            let Some(Field(_, name, form)) = message.field(number) else { continue };
            self.count()?;
            match *form {
                Form::Inline(inner) => self.message(inner, octets(name, payload)?, depth, object)?,
                Form::Always(kind) => {
                    let value = self.value(Place { name, kind, depth: depth + 1 }, payload, object.remove(*name))?;
                    // Kubernetes sends the time that is none as an empty message.
                    if !value.is_null() {
                        object.insert((*name).to_owned(), value);
                    }
                }
                Form::OmitEmpty(kind) => {
                    let value = self.value(Place { name, kind, depth: depth + 1 }, payload, None)?;
                    if is_zero(&value) {
                        object.remove(*name);
                    } else {
                        object.insert((*name).to_owned(), value);
                    }
                }
                Form::List(kind) => {
                    if let Value::Array(list) = object.entry(*name).or_insert_with(|| Value::Array(Vec::new())) {
                        self.items(Place { name, kind, depth: depth + 2 }, payload, list)?;
                    }
                }
                Form::Map(kind) => {
                    if let Value::Object(map) = object.entry(*name).or_insert_with(|| Value::Object(Map::new())) {
                        self.entry(Place { name, kind, depth: depth + 2 }, payload, map)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads a value. `old` is what was sent for the same field before, which a message is added to.
    fn value(&mut self, place: Place, payload: Payload<'_>, old: Option<Value>) -> Result<Value, Malformed> {
        if let Payload::Varint(number) = payload {
            return place.number(number).ok_or_else(|| astray(place.name, payload));
        }
        let bytes = octets(place.name, payload)?;
        match place.kind {
            Type::Bool | Type::Int32 | Type::Int64 => Err(astray(place.name, payload)),
            Type::Text => text(place.name, payload).map(Value::from),
            Type::Bytes => {
                serde_json::to_value(ByteString(bytes.to_vec())).map_err(|why| place.refuse(why.to_string()))
            }
            Type::Object(message) => {
                let mut object = match old {
                    Some(Value::Object(object)) => object,
                    _ => Map::new(),
                };
                self.message(message, bytes, place.depth, &mut object)?;
                Ok(Value::Object(object))
            }
            Type::Time => place.time(bytes),
            Type::MicroTime => place.micro_time(bytes),
            Type::IntOrString => place.int_or_string(bytes),
            Type::Quantity => {
                let quantity = string(place.name, bytes, 1)?;
                Ok(quantity.unwrap_or("0").into())
            }
            Type::Json => match last(bytes, 1)? {
                None | Some(Payload::Bytes([])) => Ok(Value::Null),
                Some(payload) => {
                    let json = body::read_json_within(octets(place.name, payload)?, place.depth);
                    json.map_err(|why| place.refuse(why))
                }
            },
            Type::Texts => {
                let mut texts = Vec::new();
                for field in fields(bytes) {
                    if let (1, payload) = field? {
                        self.count()?;
                        texts.push(text(place.name, payload)?.into());
                    }
                }
                Ok(Value::Array(texts))
            }
        }
    }

    /// Adds what was sent to a list: an item, or several numbers at once.
    fn items(&mut self, place: Place, payload: Payload<'_>, list: &mut Vec<Value>) -> Result<(), Malformed> {
        match (place.kind, payload) {
            (Type::Bool | Type::Int32 | Type::Int64, Payload::Bytes(bytes)) => {
                for number in wire::packed(bytes) {
                    self.count()?;
                    list.extend(place.number(number?));
                }
            }
            _ => list.push(self.value(place, payload, None)?),
        }
        Ok(())
    }

    /// Adds what was sent to a map: a message of a key and a value, of which either may be missing where it is empty.
    fn entry(&mut self, place: Place, payload: Payload<'_>, map: &mut Map<String, Value>) -> Result<(), Malformed> {
        let entry = octets(place.name, payload)?;
        let key = string(place.name, entry, 1)?;
        let value = self.value(place, last(entry, 2)?.unwrap_or(Payload::Bytes(&[])), None)?;
        map.insert(key.unwrap_or_default().to_owned(), value);
        Ok(())
    }

    fn count(&mut self) -> Result<(), Malformed> {
        self.values += 1;
        if self.values > PROTOBUF_VALUES_MAX { Err(Malformed::TooMany) } else { Ok(()) }
    }
}

impl Place {
    /// A number, cut to the type's size as Go does it; none where the type is no number.
    fn number(self, number: u64) -> Option<Value> {
        match self.kind {
            Type::Bool => Some(Value::Bool(number != 0)),
            Type::Int32 => Some(Value::from(number as i32)),
            Type::Int64 => Some(Value::from(number.cast_signed())),
            _ => None,
        }
    }

    /// A time to the second, which is all that Kubernetes keeps of it.
    fn time(self, bytes: &[u8]) -> Result<Value, Malformed> {
        self.moment(bytes, |_| 0, |time| time.to_string())
    }

    /// A time to the microsecond.
    fn micro_time(self, bytes: &[u8]) -> Result<Value, Malformed> {
        self.moment(bytes, |nanoseconds| nanoseconds / 1_000 * 1_000, |time| format!("{time:.6}"))
    }

    /// Seconds and nanoseconds since 1970; `null` for the time that is none.
    fn moment(
        self,
        bytes: &[u8],
        cut: impl FnOnce(i32) -> i32,
        write: impl FnOnce(Timestamp) -> String,
    ) -> Result<Value, Malformed> {
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        let [seconds, nanoseconds] = self.numbers(bytes)?;
        let time = Timestamp::new(seconds.cast_signed(), cut(nanoseconds as i32));
        let text = time.map(write).map_err(|why| self.refuse(why.to_string()))?;
        // RFC 3339 has four digits for it, and no sign.
        if text.starts_with('-') {
            return Err(self.refuse("year outside of range [0,9999]".to_owned()));
        }
        Ok(text.into())
    }

    /// A message that says which it is, with both.
    fn int_or_string(self, bytes: &[u8]) -> Result<Value, Malformed> {
        let [is_string, number] = self.numbers(bytes)?;
        let string = string(self.name, bytes, 3)?;
        Ok(if is_string == 0 { Value::from(number as i32) } else { string.unwrap_or_default().into() })
    }

    /// The numbers in the fields 1 and 2 of a message.
    fn numbers(self, bytes: &[u8]) -> Result<[u64; 2], Malformed> {
        let mut numbers = [0; 2];
        for (number, at) in numbers.iter_mut().zip(1..) {
            match last(bytes, at)? {
                None => {}
                Some(Payload::Varint(sent)) => *number = sent,
                Some(payload) => return Err(astray(self.name, payload)),
            }
        }
        Ok(numbers)
    }

    fn refuse(self, why: String) -> Malformed {
        Malformed::Value { name: self.name, why }
    }
}

/// Whether a value is what Go's `omitempty` leaves out.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// What was sent last for one field of a message.
fn last(bytes: &[u8], number: u32) -> Result<Option<Payload<'_>>, Malformed> {
    let mut last = None;
    for field in fields(bytes) {
        let (sent, payload) = field?;
        if sent == number {
            last = Some(payload);
        }
    }
    Ok(last)
}

/// The text in one field of a message.
fn string<'a>(name: &'static str, bytes: &'a [u8], number: u32) -> Result<Option<&'a str>, Malformed> {
    last(bytes, number)?.map(|payload| text(name, payload)).transpose()
}

fn text<'a>(name: &'static str, payload: Payload<'a>) -> Result<&'a str, Malformed> {
    let text = std::str::from_utf8(octets(name, payload)?);
    text.map_err(|why| Malformed::Value { name, why: why.to_string() })
}

fn octets<'a>(name: &'static str, payload: Payload<'a>) -> Result<&'a [u8], Malformed> {
    match payload {
        Payload::Bytes(bytes) => Ok(bytes),
        Payload::Varint(_) | Payload::Fixed(_) => Err(astray(name, payload)),
    }
}

fn astray(name: &'static str, payload: Payload<'_>) -> Malformed {
    Malformed::Field { name, wire_type: payload.wire_type() }
}
