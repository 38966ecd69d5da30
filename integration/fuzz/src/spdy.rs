//! SPDY, as a client that means harm may send it.

use ::spdy::{Codec, CodecError, Frame};
use bytes::BytesMut;
use tokio_util::codec::{Decoder as _, Encoder as _};

/// Reads a connection's octets as frames, all at once and one by one: both give the same, and what was read can be written and
/// read again.
pub fn spdy(input: &[u8]) {
    let (whole, error) = frames(input, input.len().max(1));
    let (again, same_error) = frames(input, 1);
    assert_eq!((joined(&whole), &error), (joined(&again), &same_error), "the size of the pieces makes a difference");
    if whole.contains(&Frame::Ignored) {
        return;
    }
    let (mut codec, mut octets) = (Codec::default(), BytesMut::new());
    for frame in &whole {
        codec.encode(frame.clone(), &mut octets).expect("what was read can be written");
    }
    let (back, error) = frames(&octets, octets.len().max(1));
    assert_eq!((joined(&back), error), (joined(&whole), None), "what was written is read otherwise");
}

fn frames(octets: &[u8], step: usize) -> (Vec<Frame>, Option<String>) {
    let (mut codec, mut buffer, mut frames) = (Codec::default(), BytesMut::new(), Vec::new());
    for piece in octets.chunks(step) {
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(CodecError::Io(error)) => panic!("there is no connection that could break: {error}"),
                Err(error) => return (frames, Some(error.to_string())),
            }
        }
    }
    (frames, None)
}

/// Data of one stream as one, whatever the pieces: empty ones before others mean nothing.
fn joined(frames: &[Frame]) -> Vec<Frame> {
    let mut whole: Vec<Frame> = Vec::new();
    for frame in frames {
        match (whole.last_mut(), frame) {
            (Some(Frame::Data { stream, bytes, fin: last @ false }), Frame::Data { stream: of, bytes: more, fin })
                if stream == of =>
            {
                *bytes = [&bytes[..], &more[..]].concat().into();
                *last = *fin;
            }
            _ => whole.push(frame.clone()),
        }
    }
    whole
}
