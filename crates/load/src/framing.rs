//! The little of RFC 6455 that a load client needs: whole frames in both directions, masked on the way out.
//!
//! The scenarios share a machine with the server they measure, so framing here is a few instructions and
//! allocates nothing. Deliberately absent: fragments and extensions, which are never negotiated.

/// Longest frame that is read.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    const fn bits(self) -> u8 {
        match self {
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xA => Some(Self::Pong),
            _ => None,
        }
    }
}

/// The peer sent what this client cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a WebSocket frame that is masked, fragmented, unknown or too long")]
pub(crate) struct BadFrame;

/// A frame, and how many bytes it took.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: Opcode,
    pub(crate) payload: &'a [u8],
    pub(crate) bytes: usize,
}

/// The frame at the start of `bytes`, as a server sends it; `None` while it is not all there.
pub(crate) fn read_frame(bytes: &[u8]) -> Result<Option<Frame<'_>>, BadFrame> {
    let Some(header) = read_header(bytes, false)? else { return Ok(None) };
    let payload = bytes.get(header.payload..header.end);
    Ok(payload.map(|payload| Frame { opcode: header.opcode, payload, bytes: header.end }))
}

/// The frame at the start of `bytes`, as a client sends it, unmasked in place; `None` while it is not all there.
pub(crate) fn read_masked_frame(bytes: &mut [u8]) -> Result<Option<Frame<'_>>, BadFrame> {
    let Some(header) = read_header(bytes, true)? else { return Ok(None) };
    let mask =
        bytes.get(..header.payload).and_then(|head| head.last_chunk::<4>()).copied().unwrap_or_default();
    let Some(payload) = bytes.get_mut(header.payload..header.end) else { return Ok(None) };
    apply_mask(payload, mask);
    Ok(Some(Frame { opcode: header.opcode, payload, bytes: header.end }))
}

/// Where a frame's payload begins and ends.
struct Header {
    opcode: Opcode,
    payload: usize,
    end: usize,
}

fn read_header(bytes: &[u8], is_masked: bool) -> Result<Option<Header>, BadFrame> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if first & 0xF0 != FINAL || (second & MASKED != 0) != is_masked {
        return Err(BadFrame);
    }
    let opcode = Opcode::from_bits(first & 0x0F).ok_or(BadFrame)?;
    let (length, header) = match second & 0x7F {
        126 => match rest {
            [a, b, ..] => (usize::from(u16::from_be_bytes([*a, *b])), 4),
            _ => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(bytes) => (usize::try_from(u64::from_be_bytes(*bytes)).map_err(|_| BadFrame)?, 10),
            None => return Ok(None),
        },
        short => (usize::from(short), 2),
    };
    if length > FRAME_BYTES_MAX {
        return Err(BadFrame);
    }
    let payload = if is_masked { header + 4 } else { header };
    Ok(Some(Header { opcode, payload, end: payload + length }))
}

/// Appends a frame to `out`, as a client sends it.
pub(crate) fn write_frame(out: &mut Vec<u8>, opcode: Opcode, mask: [u8; 4], payload: &[u8]) {
    write_header(out, opcode, payload.len(), MASKED);
    out.extend_from_slice(&mask);
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(body) = out.get_mut(start..) {
        apply_mask(body, mask);
    }
}

/// Appends a frame to `out`, as a server sends it.
pub(crate) fn write_plain_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    write_header(out, opcode, payload.len(), 0);
    out.extend_from_slice(payload);
}

fn write_header(out: &mut Vec<u8>, opcode: Opcode, length: usize, masked: u8) {
    out.push(FINAL | opcode.bits());
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => out.push(masked | short),
        (_, Ok(medium)) => {
            out.push(masked | 126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// Masks or unmasks (RFC 6455, section 5.3), eight bytes at a time.
pub(crate) fn apply_mask(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_read_back() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![7; length];
            let mut bytes = Vec::new();
            write_plain_frame(&mut bytes, Opcode::Binary, &payload);
            for cut in [0, 1, 2, 3, 9, bytes.len() - 1] {
                assert_eq!(read_frame(&bytes[..cut.min(bytes.len() - 1)]), Ok(None));
            }
            let frame = read_frame(&bytes).unwrap().unwrap();
            assert_eq!(
                (frame.opcode, frame.payload.len(), frame.bytes),
                (Opcode::Binary, length, bytes.len())
            );
        }
    }

    #[test]
    fn masking_twice_gives_the_bytes_back() {
        let original: Vec<u8> = (0..=40).collect();
        let mut bytes = original.clone();
        apply_mask(&mut bytes, [1, 2, 3, 4]);
        assert_eq!(bytes[9], 9 ^ 2);
        apply_mask(&mut bytes, [1, 2, 3, 4]);
        assert_eq!(bytes, original);
    }

    #[test]
    fn what_was_not_negotiated_is_refused() {
        for bytes in [[0x02, 0x00], [0x82, 0x80], [0xC2, 0x00], [0x83, 0x00]] {
            assert_eq!(read_frame(&bytes), Err(BadFrame));
        }
        let mut endless = vec![0x82, 127];
        endless.extend_from_slice(&u64::MAX.to_be_bytes());
        assert_eq!(read_frame(&endless), Err(BadFrame));
    }
}
