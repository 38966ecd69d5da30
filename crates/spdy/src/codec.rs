//! Frames, as they are on the wire (SPDY/3.1, section 2.2).

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::headers::{Deflater, HeaderError, Headers, Inflater};

const VERSION: u16 = 3;
/// The length of what every frame begins with, in octets.
const HEAD: usize = 8;
/// The first bit of a control frame, and the bit that no stream's number has.
const CONTROL: u32 = 1 << 31;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
const HEADERS: u16 = 8;

const FIN: u8 = 1;

/// The largest control frame, in octets. Kubernetes' clients send headers of some hundred octets.
const CONTROL_BYTES_MAX: usize = 16 * 1024;
/// Data is given on in pieces of at most so many octets, so that no frame, which may be of 16 MiB, is held as a whole.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// What one side tells the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A new stream.
    Open {
        /// Its number, odd where the client opens it.
        stream: u32,
        /// What it is for.
        headers: Headers,
        /// Whoever opens it sends nothing on it.
        fin: bool,
    },
    /// The answer to that.
    Reply {
        /// Whose.
        stream: u32,
        /// Nothing that Kubernetes' clients read.
        headers: Headers,
        /// Whoever answers sends nothing on it.
        fin: bool,
    },
    /// Data, or a part of it.
    Data {
        /// Of which stream.
        stream: u32,
        /// The octets.
        bytes: Bytes,
        /// They are the last ones.
        fin: bool,
    },
    /// More headers of a stream.
    More {
        /// Of which stream.
        stream: u32,
        /// They are the last of it.
        fin: bool,
    },
    /// The stream ends at once, in both directions.
    Reset {
        /// Which.
        stream: u32,
        /// Why.
        reason: Reason,
    },
    /// To be sent back as it is.
    Ping(u32),
    /// The connection ends.
    Goodbye {
        /// The last stream that was taken.
        last: u32,
    },
    /// What needs no answer here: settings, windows, and what no version 3 knows.
    Ignored,
}

/// Why a stream is reset (SPDY/3.1, section 2.6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was not taken: there are enough, or no more are wanted.
    Refused,
    /// Nobody goes on with it.
    Cancelled,
    /// Any other, by its number.
    Other(u32),
}

impl Reason {
    fn number(self) -> u32 {
        match self {
            Reason::Refused => 3,
            Reason::Cancelled => 5,
            Reason::Other(number) => number,
        }
    }

    fn of(number: u32) -> Reason {
        match number {
            3 => Reason::Refused,
            5 => Reason::Cancelled,
            other => Reason::Other(other),
        }
    }
}

/// Why octets are not SPDY.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Another version, or no SPDY at all.
    #[error("a frame of SPDY version {0}, not {VERSION}")]
    Version(u16),
    /// A control frame that is too short for its type, or longer than any needs to be.
    #[error("a control frame of type {kind} with {length} octets")]
    Length {
        /// Its type's number.
        kind: u16,
        /// How long it says it is.
        length: usize,
    },
    /// Its headers.
    #[error(transparent)]
    Headers(#[from] HeaderError),
    /// The connection below.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Reads and writes frames. Each direction of each connection has one of its own, for headers refer to those before.
#[derive(Debug, Default)]
pub struct Codec {
    inflater: Inflater,
    deflater: Deflater,
    /// The data frame whose octets are still coming.
    data: Option<Rest>,
}

/// What is to come of a data frame.
#[derive(Clone, Copy, Debug)]
struct Rest {
    stream: u32,
    length: usize,
    fin: bool,
}

impl Decoder for Codec {
    type Item = Frame;
    type Error = CodecError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        if let Some(rest) = self.data {
            return Ok(self.piece(rest, buffer));
        }
        let Some(mut head) = buffer.get(..HEAD) else { return Ok(None) };
        let (first, second) = (head.get_u32(), head.get_u32());
        let (flags, length) = ((second >> 24) as u8, (second & 0x00ff_ffff) as usize);
        if first & CONTROL == 0 {
            buffer.advance(HEAD);
            let rest = Rest { stream: first, length, fin: flags & FIN != 0 };
            return Ok(self.piece(rest, buffer));
        }
        let (version, kind) = ((first >> 16) as u16 & 0x7fff, first as u16);
        if version != VERSION {
            return Err(CodecError::Version(version));
        }
        if length > CONTROL_BYTES_MAX {
            return Err(CodecError::Length { kind, length });
        }
        if buffer.len() < HEAD + length {
            buffer.reserve(HEAD + length - buffer.len());
            return Ok(None);
        }
        buffer.advance(HEAD);
        let body = buffer.split_to(length);
        self.control(kind, flags & FIN != 0, &body).map(Some)
    }
}

impl Codec {
    /// As much of a data frame as is there. One without octets is a frame all the same: it may be the last.
    fn piece(&mut self, rest: Rest, buffer: &mut BytesMut) -> Option<Frame> {
        let length = rest.length.min(buffer.len()).min(PIECE_BYTES_MAX);
        let left = rest.length - length;
        self.data = (left > 0).then_some(Rest { length: left, ..rest });
        if length == 0 && left > 0 {
            return None;
        }
        let bytes = buffer.split_to(length).freeze();
        Some(Frame::Data { stream: rest.stream, bytes, fin: rest.fin && left == 0 })
    }

    fn control(&mut self, kind: u16, fin: bool, body: &[u8]) -> Result<Frame, CodecError> {
        let wrong = || CodecError::Length { kind, length: body.len() };
        let mut rest = body;
        let mut number = || rest.try_get_u32().map_err(|_| wrong());
        let stream = |number: u32| number & !CONTROL;
        Ok(match kind {
            SYN_STREAM => {
                let opened = stream(number()?);
                // The stream that it belongs to, and its priority and slot, mean nothing here.
                let headers = body.get(10..).ok_or_else(wrong)?;
                Frame::Open { stream: opened, headers: self.inflater.read(headers)?, fin }
            }
            SYN_REPLY => {
                let stream = stream(number()?);
                Frame::Reply { stream, headers: self.inflater.read(rest)?, fin }
            }
            HEADERS => {
                let stream = stream(number()?);
                self.inflater.read(rest)?;
                Frame::More { stream, fin }
            }
            RST_STREAM => Frame::Reset { stream: stream(number()?), reason: Reason::of(number()?) },
            PING => Frame::Ping(number()?),
            GOAWAY => Frame::Goodbye { last: stream(number()?) },
            _ => Frame::Ignored,
        })
    }
}

impl Encoder<Frame> for Codec {
    type Error = CodecError;

    fn encode(&mut self, frame: Frame, buffer: &mut BytesMut) -> Result<(), CodecError> {
        match frame {
            Frame::Open { stream, headers, fin } => {
                let mut body = Vec::new();
                body.put_u32(stream);
                body.put_bytes(0, 6);
                body.extend(self.deflater.write(&headers));
                control(buffer, SYN_STREAM, fin, &body);
            }
            Frame::Reply { stream, headers, fin } => {
                let mut body = stream.to_be_bytes().to_vec();
                body.extend(self.deflater.write(&headers));
                control(buffer, SYN_REPLY, fin, &body);
            }
            Frame::More { stream, fin } => {
                let mut body = stream.to_be_bytes().to_vec();
                body.extend(self.deflater.write(&Headers::default()));
                control(buffer, HEADERS, fin, &body);
            }
            Frame::Data { stream, mut bytes, fin } => loop {
                let piece = bytes.split_to(bytes.len().min(PIECE_BYTES_MAX));
                let is_last = bytes.is_empty();
                buffer.put_u32(stream & !CONTROL);
                buffer.put_u32(head(fin && is_last, piece.len()));
                buffer.put_slice(&piece);
                if is_last {
                    break;
                }
            },
            Frame::Reset { stream, reason } => {
                control(buffer, RST_STREAM, false, &[stream.to_be_bytes(), reason.number().to_be_bytes()].concat());
            }
            Frame::Ping(id) => control(buffer, PING, false, &id.to_be_bytes()),
            Frame::Goodbye { last } => {
                control(buffer, GOAWAY, false, &[last.to_be_bytes(), 0_u32.to_be_bytes()].concat());
            }
            Frame::Ignored => {}
        }
        Ok(())
    }
}

fn control(buffer: &mut BytesMut, kind: u16, fin: bool, body: &[u8]) {
    buffer.put_u32(CONTROL | u32::from(VERSION) << 16 | u32::from(kind));
    buffer.put_u32(head(fin, body.len()));
    buffer.put_slice(body);
}

fn head(fin: bool, length: usize) -> u32 {
    u32::from(if fin { FIN } else { 0 }) << 24 | length as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(codec: &mut Codec, octets: &[u8], step: usize) -> Result<Vec<Frame>, CodecError> {
        let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
        for piece in octets.chunks(step.max(1)) {
            buffer.extend_from_slice(piece);
            while let Some(frame) = codec.decode(&mut buffer)? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }

    fn written(frames: &[Frame]) -> BytesMut {
        let (mut codec, mut buffer) = (Codec::default(), BytesMut::new());
        for frame in frames {
            codec.encode(frame.clone(), &mut buffer).unwrap();
        }
        buffer
    }

    /// Data as one, in whatever pieces it came.
    fn joined(frames: Vec<Frame>) -> Vec<Frame> {
        let mut whole: Vec<Frame> = Vec::new();
        for frame in frames {
            match (whole.last_mut(), frame) {
                (
                    Some(Frame::Data { stream, bytes, fin: last @ false }),
                    Frame::Data { stream: of, bytes: more, fin },
                ) if *stream == of => {
                    *bytes = [&bytes[..], &more[..]].concat().into();
                    *last = fin;
                }
                (_, frame) => whole.push(frame),
            }
        }
        whole
    }

    #[test]
    fn what_clients_send_is_read_in_pieces_of_any_size() {
        let headers = Headers::from([("streamType", "data"), ("port", "80"), ("requestID", "0")]);
        let frames = vec![
            Frame::Open { stream: 1, headers: headers.clone(), fin: false },
            Frame::Open { stream: 3, headers, fin: true },
            Frame::Reply { stream: 1, headers: Headers::default(), fin: false },
            Frame::Data { stream: 1, bytes: vec![7; 200_000].into(), fin: true },
            Frame::More { stream: 3, fin: true },
            Frame::Reset { stream: 3, reason: Reason::Refused },
            Frame::Ping(5),
            Frame::Goodbye { last: 3 },
        ];
        let octets = written(&frames);
        for step in [1, 7, 4096, octets.len()] {
            assert_eq!(joined(all(&mut Codec::default(), &octets, step).unwrap()), frames, "in steps of {step}");
        }
    }

    #[test]
    fn the_second_block_refers_to_the_first() {
        let headers = Headers::from([("streamtype", "error")]);
        let open = |stream| Frame::Open { stream, headers: headers.clone(), fin: false };
        let (first, both) = (written(&[open(1)]), written(&[open(1), open(3)]));
        assert!(both.len() - first.len() < first.len(), "{} and {}", first.len(), both.len());
        // Alone it cannot be read.
        assert!(all(&mut Codec::default(), &both[first.len()..], 64).is_err());
    }

    #[test]
    fn a_small_block_that_stands_for_a_large_one_is_refused() {
        let bomb = Headers::from([("x", "y".repeat(100 * 1024).as_str())]);
        let octets = written(&[Frame::Open { stream: 1, headers: bomb, fin: false }]);
        assert!(octets.len() < 2048, "{}", octets.len());
        let refused = all(&mut Codec::default(), &octets, 512).unwrap_err();
        assert!(matches!(refused, CodecError::Headers(HeaderError::TooLarge)), "{refused}");
    }

    #[test]
    fn what_is_not_spdy_is_refused_at_once() {
        for (octets, why) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], None),
            (&[0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1][..], Some("a frame of SPDY version 2, not 3")),
            (&[0x80, 3, 0, 1, 0, 0x10, 0, 0][..], Some("a control frame of type 1 with 1048576 octets")),
            (&[0x80, 3, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1][..], Some("a control frame of type 1 with 4 octets")),
            (&[0x80, 3, 0, 3, 0, 0, 0, 4, 0, 0, 0, 1][..], Some("a control frame of type 3 with 4 octets")),
            (&[0x80, 3, 0, 2, 0, 0, 0, 6, 0, 0, 0, 1, 9, 9][..], Some("a header block cannot be inflated")),
            (&[0x80, 3, 0, 2, 0, 0, 0, 4, 0, 0, 0, 1][..], Some("a header block is not as long as it says")),
        ] {
            let read = all(&mut Codec::default(), octets, octets.len());
            assert_eq!(read.err().map(|error| error.to_string()).as_deref(), why, "{octets:?}");
        }
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..512), step in 1_usize..64) {
            let _ = all(&mut Codec::default(), &octets, step);
        }

        #[test]
        fn no_header_block_makes_it_panic(block in proptest::collection::vec(any::<u8>(), 0..256)) {
            let mut octets = BytesMut::new();
            control(&mut octets, SYN_REPLY, false, &[&1_u32.to_be_bytes()[..], &block].concat());
            let _ = all(&mut Codec::default(), &octets, 64);
        }
    }
}
