//! What the daemon and the runner say to each other, over the runner's standard input and output.
//!
//! The runner begins with [`HELLO`]. A request is: id, time limit in milliseconds, number of words, then each word with
//! its length before it. A reply is: id, how it ended, exit code, then the output with its length before it. All numbers
//! are 32 bits, lowest octet first. Replies come in the order in which commands end.
//!
//! A runner that forwards a port says [`CONNECTED`], and then what the pod says. What the client says comes to it in pieces, each
//! with its length in 16 bits before it; an empty one says that the client has no more to say.
//!
//! A runner that gives volumes to a group says [`OWNED`] when all of it is done.

use std::io::{self, Read};

/// What a runner says first. The number grows with each change of what follows: a container keeps the runner that it was
/// started with, and a daemon that does not know its version leaves it alone.
pub(crate) const HELLO: &[u8] = b"petset-runner 1\n";

/// What a runner that forwards a port says first.
pub(crate) const CONNECTED: &[u8] = b"\0";

/// What a runner that gives volumes to a group says last.
pub(crate) const OWNED: &[u8] = b"owned\n";

/// What is kept of a command's output, in octets: a kubelet's limit.
pub(crate) const OUTPUT_BYTES_MAX: usize = 10 * 1024;

/// The longest command, in octets: what Linux takes for one word, and far more than any probe has.
pub(crate) const COMMAND_BYTES_MAX: usize = 128 * 1024;

/// A command to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Chosen by who asks, given back in the reply.
    pub(crate) id: u32,
    /// After so many milliseconds it is killed with all that it has started.
    pub(crate) timeout_ms: u32,
    /// The program and its arguments.
    pub(crate) command: Vec<Vec<u8>>,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The request's.
    pub(crate) id: u32,
    /// The exit code, 128 and the signal's number where it was killed; `None` where it took too long.
    pub(crate) code: Option<i32>,
    /// The beginning of what it wrote to standard output and standard error.
    pub(crate) output: Vec<u8>,
}

#[allow(dead_code, reason = "the daemon and the runner each use one half of this module")]
impl Request {
    /// The request as octets; `None` where the command is longer than [`COMMAND_BYTES_MAX`].
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut octets = Vec::new();
        for number in [self.id, self.timeout_ms, u32::try_from(self.command.len()).ok()?] {
            octets.extend(number.to_le_bytes());
        }
        for word in &self.command {
            octets.extend(u32::try_from(word.len()).ok()?.to_le_bytes());
            octets.extend(word);
        }
        (octets.len() <= COMMAND_BYTES_MAX).then_some(octets)
    }

    /// The next request; `None` at the end of the input. Fails where it is longer than it may be.
    pub(crate) fn read(input: &mut impl Read) -> io::Result<Option<Self>> {
        let Some(id) = number(input)? else { return Ok(None) };
        let timeout_ms = number(input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let words = number(input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut rest = COMMAND_BYTES_MAX;
        let mut command = Vec::new();
        for _ in 0..words {
            let length = number(input)?.ok_or(io::ErrorKind::UnexpectedEof)? as usize;
            // Each word counts with its length, so that empty ones have an end, too.
            rest = rest.checked_sub(length.saturating_add(4)).ok_or(io::ErrorKind::InvalidData)?;
            let mut word = vec![0; length];
            input.read_exact(&mut word)?;
            command.push(word);
        }
        Ok(Some(Self { id, timeout_ms, command }))
    }
}

#[allow(dead_code, reason = "the daemon and the runner each use one half of this module")]
impl Reply {
    const HEADER_BYTES: usize = 16;

    /// The reply as octets.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(Self::HEADER_BYTES + self.output.len());
        octets.extend(self.id.to_le_bytes());
        octets.extend(u32::from(self.code.is_some()).to_le_bytes());
        octets.extend(self.code.unwrap_or_default().to_le_bytes());
        octets.extend((self.output.len() as u32).to_le_bytes());
        octets.extend(&self.output);
        octets
    }

    /// The reply at the beginning of `octets`, with its length; `None` where it is not complete yet. Fails where it is
    /// none.
    pub(crate) fn decode(octets: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let Some((header, rest)) = octets.split_first_chunk::<{ Self::HEADER_BYTES }>() else { return Ok(None) };
        let field = |at: usize| [header[at], header[at + 1], header[at + 2], header[at + 3]];
        let length = u32::from_le_bytes(field(12)) as usize;
        if length > OUTPUT_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let Some(output) = rest.get(..length) else { return Ok(None) };
        let ended = u32::from_le_bytes(field(4)) != 0;
        let reply = Self {
            id: u32::from_le_bytes(field(0)),
            code: ended.then(|| i32::from_le_bytes(field(8))),
            output: output.to_vec(),
        };
        Ok(Some((reply, Self::HEADER_BYTES + length)))
    }
}

/// A number; `None` where the input has ended before it.
fn number(input: &mut impl Read) -> io::Result<Option<u32>> {
    let mut octets = [0; 4];
    let mut filled = 0;
    while filled < octets.len() {
        match input.read(&mut octets[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(u32::from_le_bytes(octets)))
}

/// The next piece of what a client says; `None` when it is gone.
#[allow(dead_code, reason = "the runner's half")]
pub(crate) fn piece(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    if let Err(error) = input.read_exact(&mut length) {
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    let mut octets = vec![0; u16::from_le_bytes(length).into()];
    input.read_exact(&mut octets)?;
    Ok(Some(octets))
}
