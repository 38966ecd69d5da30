//! Protobuf's own format: fields, each with a number and what was sent for it.

use std::fmt;

use crate::limits::PROTOBUF_VALUES_MAX;

/// What was sent for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload<'a> {
    Varint(u64),
    /// No field of ours is of a fixed size: those are passed over.
    Fixed(&'a [u8]),
    Bytes(&'a [u8]),
}

/// Why a body is no message, in the words of Kubernetes' reader where it has any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// It ends within a field.
    Cut,
    /// A number has more than 64 bits.
    Overflow,
    /// No field has the number 0, or one of more than 31 bits.
    Tag(u64),
    /// A format that there is not, or that of groups, which Kubernetes does not use.
    WireType(u64),
    /// A field of another format than its type has.
    Field { name: &'static str, wire_type: u8 },
    /// A field whose value is none of its type.
    Value { name: &'static str, why: String },
    /// There are more values than may be.
    TooMany,
}

/// The fields of a message, in the order in which they were sent.
pub(super) fn fields(bytes: &[u8]) -> Fields<'_> {
    Fields { rest: bytes }
}

/// The numbers of a list that was sent as one field.
pub(super) fn packed(mut rest: &[u8]) -> impl Iterator<Item = Result<u64, Malformed>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let number = varint(&mut rest);
        if number.is_err() {
            rest = &[];
        }
        Some(number)
    })
}

pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Payload<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = field(&mut self.rest);
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl Payload<'_> {
    /// The number by which the format of a field is told.
    pub(super) fn wire_type(self) -> u8 {
        match self {
            Payload::Varint(_) => 0,
            Payload::Fixed(bytes) if bytes.len() == 8 => 1,
            Payload::Bytes(_) => 2,
            Payload::Fixed(_) => 5,
        }
    }
}

fn field<'a>(rest: &mut &'a [u8]) -> Result<(u32, Payload<'a>), Malformed> {
    let key = varint(rest)?;
    let number = u32::try_from(key >> 3).ok().filter(|number| (1..=i32::MAX.cast_unsigned()).contains(number));
    let number = number.ok_or(Malformed::Tag(key))?;
    let payload = match key & 7 {
        0 => Payload::Varint(varint(rest)?),
        1 => Payload::Fixed(take(rest, 8)?),
        2 => {
            let len = varint(rest)?;
            Payload::Bytes(take(rest, len)?)
        }
        5 => Payload::Fixed(take(rest, 4)?),
        other => return Err(Malformed::WireType(other)),
    };
    Ok((number, payload))
}

fn take<'a>(rest: &mut &'a [u8], len: u64) -> Result<&'a [u8], Malformed> {
    let len = usize::try_from(len).map_err(|_| Malformed::Cut)?;
    let (taken, after) = rest.split_at_checked(len).ok_or(Malformed::Cut)?;
    *rest = after;
    Ok(taken)
}

/// A number in groups of seven bits, the lowest first; all but the last have the eighth bit set.
fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(Malformed::Cut)?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Malformed::Overflow)
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Cut => f.write_str("unexpected EOF"),
            Malformed::Overflow => f.write_str("proto: integer overflow"),
            Malformed::Tag(key) => write!(f, "proto: illegal tag {} (wire type {})", key >> 3, key & 7),
            Malformed::WireType(wire_type) => write!(f, "proto: illegal wireType {wire_type}"),
            Malformed::Field { name, wire_type } => write!(f, "proto: wrong wireType = {wire_type} for field {name}"),
            Malformed::TooMany => write!(f, "more than {PROTOBUF_VALUES_MAX} values"),
            Malformed::Value { name, why } => write!(f, "proto: field {name}: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(u32, Payload<'_>)>, Malformed> {
        fields(bytes).collect()
    }

    #[test]
    fn fields_of_every_format_are_told_apart() {
        let bytes = [8, 0x96, 1, 0x12, 2, b'h', b'i', 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3, 4];
        let expected = vec![
            (1, Payload::Varint(150)),
            (2, Payload::Bytes(b"hi")),
            (3, Payload::Fixed(&[1, 2, 3, 4, 5, 6, 7, 8])),
            (4, Payload::Fixed(&[1, 2, 3, 4])),
        ];
        assert_eq!(expected.iter().map(|(_, payload)| payload.wire_type()).collect::<Vec<_>>(), [0, 2, 1, 5]);
        assert_eq!(read(&bytes), Ok(expected));
    }

    #[test]
    fn what_is_no_field_is_named() {
        let mut long = [0xff; 12];
        long[0] = 8;
        for (bytes, why) in [
            (&[8][..], "unexpected EOF"),
            (&[0x12, 5, b'h'], "unexpected EOF"),
            (&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "unexpected EOF"),
            (&[0x19, 1, 2], "unexpected EOF"),
            (&long, "proto: integer overflow"),
            (&[0], "proto: illegal tag 0 (wire type 0)"),
            (&[0xfa, 0xff, 0xff, 0xff, 0xff, 1, 0], "proto: illegal tag 8589934591 (wire type 2)"),
            (&[0x0b, 0x0c], "proto: illegal wireType 3"),
            (&[0x0f], "proto: illegal wireType 7"),
        ] {
            assert_eq!(read(bytes).map_err(|malformed| malformed.to_string()), Err(why.to_owned()), "{bytes:?}");
        }
    }

    #[test]
    fn a_list_of_numbers_may_be_one_field() {
        assert_eq!(packed(&[1, 0x96, 1]).collect::<Result<Vec<_>, _>>(), Ok(vec![1, 150]));
        assert_eq!(packed(&[1, 0x96]).collect::<Vec<_>>(), [Ok(1), Err(Malformed::Cut)]);
    }
}
