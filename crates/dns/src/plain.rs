//! Reading the plainest of questions, without hickory.
//!
//! A second parser beside hickory's, so it takes only what leaves no room for two opinions: one question of the
//! Internet class, in letters that host names have, without compression, with at most an OPT record that has no
//! options. Whatever is odd in any way is left to hickory. `tests/differential.rs` and the fuzz target
//! `dns_differential` hold the two together.

use hickory_proto::rr::RecordType;

/// The octets of a header (RFC 1035, section 4.1.1).
pub(crate) const HEADER: usize = 12;

/// The longest name that is taken here, as encoded: longer ones are rare, and near the limit of 255 where records that
/// are made from a name may not fit any more.
const NAME_MAX: usize = 192;

/// The most labels that are taken here: `_port._proto.service.namespace.svc.cluster.local` has seven, and a foreign name
/// with a search path behind it a few more.
const LABELS_MAX: usize = 24;

/// A question that can be answered from what is kept encoded.
pub(crate) struct Plain<'q> {
    /// The header's two octets of flags.
    pub(crate) flags: [u8; 2],
    /// The question as it was asked: name, type, class.
    pub(crate) question: &'q [u8],
    /// The name in lower case, as encoded, without the final root.
    name: [u8; NAME_MAX],
    name_length: usize,
    /// Where each label begins, from the left.
    starts: [u8; LABELS_MAX],
    label_count: usize,
    pub(crate) kind: RecordType,
    pub(crate) edns: Option<PlainEdns>,
}

/// What an OPT record without options says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlainEdns {
    /// The size that the client takes.
    pub(crate) payload: u16,
    /// The client wants signatures (RFC 4035).
    pub(crate) dnssec_ok: bool,
}

impl<'q> Plain<'q> {
    /// Reads a datagram; `None` where it is not plain.
    pub(crate) fn parse(datagram: &'q [u8]) -> Option<Plain<'q>> {
        let (header, rest) = datagram.split_first_chunk::<HEADER>()?;
        let [_, _, high, low, counts @ ..] = *header;
        // A standard query; of the flags only RD, AD and CD may be set, as resolvers do.
        if high & !1 != 0 || low & !0b0011_0000 != 0 {
            return None;
        }
        let has_edns = match counts {
            [0, 1, 0, 0, 0, 0, 0, 0] => false,
            [0, 1, 0, 0, 0, 0, 0, 1] => true,
            _ => return None,
        };
        let mut plain = Plain {
            flags: [high, low],
            question: &[],
            name: [0; NAME_MAX],
            name_length: 0,
            starts: [0; LABELS_MAX],
            label_count: 0,
            kind: RecordType::A,
            edns: None,
        };
        let after_name = plain.read_name(rest)?;
        let (kind, rest_of_message) = rest.get(after_name..)?.split_first_chunk::<4>()?;
        let [kind @ .., 0, 1] = *kind else { return None };
        plain.kind = match RecordType::from(u16::from_be_bytes(kind)) {
            kind @ (RecordType::A | RecordType::AAAA | RecordType::SRV) => kind,
            _ => return None,
        };
        plain.question = &rest[..after_name + 4];
        plain.edns = match (has_edns, rest_of_message) {
            (false, []) => None,
            // Root, OPT, the size, no higher code, version 0, the DO bit and seven that are not read, no options.
            (true, [0, 0, 41, high, low, 0, 0, flags, _, 0, 0]) => {
                Some(PlainEdns { payload: u16::from_be_bytes([*high, *low]), dnssec_ok: flags & 0x80 != 0 })
            }
            _ => return None,
        };
        Some(plain)
    }

    /// Reads the name at the front; returns where it ends, the root included.
    fn read_name(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            let length = usize::from(*bytes.get(at)?);
            if length == 0 {
                self.name_length = at;
                return Some(at + 1);
            }
            let end = at + 1 + length;
            if length > 63 || end > NAME_MAX || self.label_count == LABELS_MAX {
                return None;
            }
            let label = bytes.get(at + 1..end)?;
            self.starts[self.label_count] = at as u8;
            self.label_count += 1;
            self.name[at] = length as u8;
            for (to, letter) in self.name[at + 1..end].iter_mut().zip(label) {
                if !(letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_')) {
                    return None;
                }
                *to = letter.to_ascii_lowercase();
            }
            at = end;
        }
    }

    /// The name in lower case, as encoded, without the final root.
    pub(crate) fn name(&self) -> &[u8] {
        &self.name[..self.name_length]
    }

    /// The name as it was asked, as encoded, without the final root.
    pub(crate) fn asked(&self) -> &'q [u8] {
        &self.question[..self.name_length]
    }

    /// How many labels the name has.
    pub(crate) fn label_count(&self) -> usize {
        self.label_count
    }

    /// Where the last `count` labels begin; `None` where there are not so many.
    pub(crate) fn last(&self, count: usize) -> Option<usize> {
        let first = self.label_count.checked_sub(count)?;
        Some(self.starts.get(first).filter(|_| count > 0).map_or(self.name_length, |start| usize::from(*start)))
    }

    /// The label of this number from the left, in lower case.
    pub(crate) fn label(&self, number: usize) -> &str {
        let start = usize::from(self.starts[..self.label_count][number]);
        let length = usize::from(self.name[start]);
        std::str::from_utf8(&self.name[start + 1..=start + length]).expect("letters of host names are ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A query for `WEB-0.nginx` of this type, with what follows the question.
    fn query(flags: [u8; 2], kind: u8, additional: &[u8]) -> Vec<u8> {
        let count = u8::from(!additional.is_empty());
        let header = [&[7, 8][..], &flags, &[0, 1, 0, 0, 0, 0, 0, count]].concat();
        [&header[..], b"\x05WEB-0\x05nginx\x00", &[0, kind, 0, 1], additional].concat()
    }

    #[test]
    fn a_plain_question_is_read() {
        let datagram = query([1, 0x20], 33, &[0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0]);
        let plain = Plain::parse(&datagram).unwrap();
        assert_eq!((plain.flags, plain.kind), ([1, 0x20], RecordType::SRV));
        assert_eq!(plain.question, b"\x05WEB-0\x05nginx\x00\x00\x21\x00\x01");
        assert_eq!((plain.name(), plain.asked()), (&b"\x05web-0\x05nginx"[..], &b"\x05WEB-0\x05nginx"[..]));
        assert_eq!((plain.label(0), plain.label(1), plain.label_count()), ("web-0", "nginx", 2));
        assert_eq!([0, 1, 2, 3].map(|n| plain.last(n)), [Some(12), Some(6), Some(0), None]);
        assert_eq!(plain.edns, Some(PlainEdns { payload: 1232, dnssec_ok: true }));
    }

    #[test]
    fn what_is_odd_is_left_to_the_other_parser() {
        let odd = [
            ("a reply", query([0x80, 0], 1, &[])),
            ("another opcode", query([0x08, 0], 1, &[])),
            ("a code in a question", query([0, 3], 1, &[])),
            ("another type", query([0, 0], 16, &[])),
            ("octets behind", [query([0, 0], 1, &[]), vec![0]].concat()),
            ("an option", query([0, 0], 1, &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 10, 0, 0])),
            ("another version of EDNS", query([0, 0], 1, &[0, 0, 41, 4, 208, 0, 1, 0, 0, 0, 0])),
            ("a higher code", query([0, 0], 1, &[0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0])),
            ("a letter of no host", query([0, 0], 1, &[]).iter().map(|b| if *b == b'g' { b'.' } else { *b }).collect()),
        ];
        for (what, datagram) in odd {
            assert!(Plain::parse(&datagram).is_none(), "{what}");
        }
        let whole = query([0, 0], 1, &[]);
        for length in 0..whole.len() {
            assert!(Plain::parse(&whole[..length]).is_none(), "{length} octets");
        }
    }
}
