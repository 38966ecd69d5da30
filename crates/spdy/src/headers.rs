//! Header blocks: name and value pairs, in one compressed stream for all frames of a direction.

use bytes::{Buf as _, BufMut as _};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The names and values that headers often have, from which the compression starts (SPDY/3.1, section 2.6.10.1).
const DICTIONARY: &[u8] = include_bytes!("dictionary.bin");

/// The largest header block after it was inflated, in octets. Kubernetes' clients send three short headers; a small block may
/// stand for a thousand times its size.
const INFLATED_BYTES_MAX: usize = 64 * 1024;

/// Header blocks are flushed to a whole octet, so what is left to give out is never more than this at a time.
const PIECE_BYTES: usize = 4 * 1024;

/// Why a header block is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It is not what zlib makes with SPDY's dictionary.
    #[error("a header block cannot be inflated")]
    Compressed,
    /// It is larger than anybody needs.
    #[error("a header block is larger than {INFLATED_BYTES_MAX} octets")]
    TooLarge,
    /// It ends within a name or value, or goes on after the last one.
    #[error("a header block is not as long as it says")]
    Length,
    /// A name or a value is not text.
    #[error("a header is not text")]
    Text,
}

/// Names and values, in the order in which they came. Names are in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The value of a header, by its name in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Headers {
    fn from(headers: [(&str, &str); N]) -> Self {
        Headers(headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect())
    }
}

/// Reads the header blocks of one direction, each of which goes on where the one before has ended.
#[derive(Debug)]
pub(crate) struct Inflater(Decompress);

impl Default for Inflater {
    fn default() -> Self {
        Inflater(Decompress::new(true))
    }
}

impl Inflater {
    /// One block.
    pub(crate) fn read(&mut self, mut compressed: &[u8]) -> Result<Headers, HeaderError> {
        let mut inflated = Vec::new();
        loop {
            inflated.reserve(PIECE_BYTES);
            let (taken, given) = (self.0.total_in(), self.0.total_out());
            let done = match self.0.decompress_vec(compressed, &mut inflated, FlushDecompress::Sync) {
                Ok(Status::Ok | Status::BufError) => false,
                Ok(Status::StreamEnd) => true,
                Err(error) if error.needs_dictionary().is_some() => {
                    self.0.set_dictionary(DICTIONARY).map_err(|_| HeaderError::Compressed)?;
                    false
                }
                Err(_) => return Err(HeaderError::Compressed),
            };
            if inflated.len() > INFLATED_BYTES_MAX {
                return Err(HeaderError::TooLarge);
            }
            let taken = (self.0.total_in() - taken) as usize;
            compressed = &compressed[taken..];
            let is_still = taken == 0 && self.0.total_out() == given;
            if done || is_still {
                // Nobody ends the stream, nor sends what does not count.
                return if compressed.is_empty() && !done { parse(&inflated) } else { Err(HeaderError::Compressed) };
            }
        }
    }
}

fn parse(mut block: &[u8]) -> Result<Headers, HeaderError> {
    let count = block.try_get_u32().map_err(|_| HeaderError::Length)?;
    let mut headers = Vec::new();
    for _ in 0..count {
        let (name, value) = (text(&mut block)?, text(&mut block)?);
        headers.push((name.to_ascii_lowercase(), value));
    }
    if block.is_empty() { Ok(Headers(headers)) } else { Err(HeaderError::Length) }
}

fn text(block: &mut &[u8]) -> Result<String, HeaderError> {
    let length = block.try_get_u32().map_err(|_| HeaderError::Length)? as usize;
    let (text, rest) = block.split_at_checked(length).ok_or(HeaderError::Length)?;
    *block = rest;
    String::from_utf8(text.to_vec()).map_err(|_| HeaderError::Text)
}

/// Writes the header blocks of one direction.
#[derive(Debug)]
pub(crate) struct Deflater(Compress);

impl Default for Deflater {
    fn default() -> Self {
        let mut compress = Compress::new(Compression::default(), true);
        compress.set_dictionary(DICTIONARY).expect("nothing was compressed before");
        Deflater(compress)
    }
}

impl Deflater {
    /// One block.
    pub(crate) fn write(&mut self, headers: &Headers) -> Vec<u8> {
        let mut block = Vec::new();
        block.put_u32(headers.0.len() as u32);
        for part in headers.0.iter().flat_map(|(name, value)| [name, value]) {
            block.put_u32(part.len() as u32);
            block.put_slice(part.as_bytes());
        }
        let mut rest = block.as_slice();
        let mut compressed = Vec::new();
        loop {
            compressed.reserve(PIECE_BYTES);
            let before = self.0.total_in();
            let flushed = self.0.compress_vec(rest, &mut compressed, FlushCompress::Sync);
            flushed.expect("zlib compresses whatever it is given");
            rest = &rest[(self.0.total_in() - before) as usize..];
            if rest.is_empty() && compressed.len() < compressed.capacity() {
                return compressed;
            }
        }
    }
}
