//! WebSocket framing (RFC 6455, section 5), the server's side: no allocation for frames that arrive whole.

/// The opcode of a continuation frame.
const CONTINUATION: u8 = 0x0;
/// The opcode of a text frame.
pub const TEXT: u8 = 0x1;
/// The opcode of a binary frame.
pub const BINARY: u8 = 0x2;
/// The opcode of a close frame.
pub const CLOSE: u8 = 0x8;
/// The opcode of a ping.
pub const PING: u8 = 0x9;
/// The opcode of a pong.
pub const PONG: u8 = 0xA;
/// Bytes of a control frame's payload at the most (RFC 6455, section 5.5).
pub const CONTROL_BYTES_MAX: usize = 125;

/// What a peer sent, unmasked.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A whole text message, valid UTF-8.
    Text(&'a [u8]),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A ping to be answered with the same payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong,
    /// The peer closes, with this code if it gave one.
    Close(Option<u16>),
}

/// Why a connection cannot go on. Nothing after it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// Against the protocol: close code 1002.
    #[error("{0}")]
    Protocol(&'static str),
    /// A text message is not UTF-8: close code 1007.
    #[error("a text message is not UTF-8")]
    NotUtf8,
    /// A message is larger than the limit: close code 1009.
    #[error("a message is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

/// Puts frames together from bytes as they arrive; keeps only what is incomplete.
#[derive(Debug)]
pub struct FrameReader {
    message_bytes_max: usize,
    /// The beginning of a frame whose end has not arrived.
    partial: Vec<u8>,
    /// The fragments of a message whose last one has not arrived, and its opcode.
    fragments: Option<(u8, Vec<u8>)>,
}

struct Header {
    fin: bool,
    opcode: u8,
    mask: [u8; 4],
    header_bytes: usize,
    payload_bytes: usize,
}

impl FrameReader {
    /// A reader that refuses messages above `message_bytes_max`.
    pub const fn new(message_bytes_max: usize) -> Self {
        Self { message_bytes_max, partial: Vec::new(), fragments: None }
    }

    /// Takes bytes as they came and calls `on` for each message or control frame that is complete. The bytes
    /// are unmasked in place.
    ///
    /// # Errors
    /// See [`FramingError`]; what was complete before the fault has been given to `on`.
    pub fn feed(&mut self, bytes: &mut [u8], on: &mut dyn FnMut(Incoming<'_>)) -> Result<(), FramingError> {
        if self.partial.is_empty() {
            let used = self.frames(bytes, on)?;
            let rest = bytes.get(used..).unwrap_or_default();
            self.partial.extend_from_slice(rest);
            return Ok(());
        }
        let mut joined = std::mem::take(&mut self.partial);
        joined.extend_from_slice(bytes);
        let used = self.frames(&mut joined, on)?;
        if used < joined.len() {
            joined.drain(..used);
            self.partial = joined;
        }
        Ok(())
    }

    /// Whether nothing incomplete is kept.
    pub fn is_idle(&self) -> bool {
        self.partial.is_empty() && self.fragments.is_none()
    }

    /// Handles all whole frames at the beginning of `bytes`; gives how many bytes they take.
    fn frames(&mut self, bytes: &mut [u8], on: &mut dyn FnMut(Incoming<'_>)) -> Result<usize, FramingError> {
        let mut used = 0;
        loop {
            let Some(rest) = bytes.get_mut(used..) else { return Ok(used) };
            let Some(header) = self.header(rest)? else { return Ok(used) };
            let end = header.header_bytes + header.payload_bytes;
            let Some(payload) = rest.get_mut(header.header_bytes..end) else { return Ok(used) };
            unmask(payload, header.mask);
            self.frame(header.fin, header.opcode, payload, on)?;
            used += end;
        }
    }

    /// Reads a header; `None` when it is incomplete.
    fn header(&self, bytes: &[u8]) -> Result<Option<Header>, FramingError> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let (fin, opcode) = (first & 0x80 != 0, first & 0x0F);
        if first & 0x70 != 0 {
            return Err(FramingError::Protocol("a reserved bit is set: no extension was negotiated"));
        }
        if second & 0x80 == 0 {
            return Err(FramingError::Protocol("a client's frames are masked"));
        }
        let (length, length_bytes) = match (second & 0x7F, rest) {
            (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 2),
            (127, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 8),
            (126 | 127, _) => return Ok(None),
            (short, _) => (u64::from(short), 0),
        };
        let payload_bytes = usize::try_from(length).unwrap_or(usize::MAX);
        let is_control = opcode & 0x8 != 0;
        if is_control && (!fin || payload_bytes > CONTROL_BYTES_MAX) {
            return Err(FramingError::Protocol("a control frame is short and not fragmented"));
        }
        let before = self.fragments.as_ref().map_or(0, |(_, fragments)| fragments.len());
        if !is_control && payload_bytes.saturating_add(before) > self.message_bytes_max {
            return Err(FramingError::TooLarge { limit: self.message_bytes_max });
        }
        let Some(&[a, b, c, d]) = rest.get(length_bytes..length_bytes + 4) else { return Ok(None) };
        Ok(Some(Header {
            fin,
            opcode,
            mask: [a, b, c, d],
            header_bytes: 2 + length_bytes + 4,
            payload_bytes,
        }))
    }

    fn frame(
        &mut self,
        fin: bool,
        opcode: u8,
        payload: &[u8],
        on: &mut dyn FnMut(Incoming<'_>),
    ) -> Result<(), FramingError> {
        match (opcode, self.fragments.take()) {
            (TEXT | BINARY, None) if fin => message(opcode, payload, on),
            (TEXT | BINARY, None) => {
                self.fragments = Some((opcode, payload.to_vec()));
                Ok(())
            }
            (CONTINUATION, Some((opcode, mut fragments))) => {
                fragments.extend_from_slice(payload);
                if fin {
                    return message(opcode, &fragments, on);
                }
                self.fragments = Some((opcode, fragments));
                Ok(())
            }
            (TEXT | BINARY, Some(_)) => Err(FramingError::Protocol("a message began inside another")),
            (CONTINUATION, None) => Err(FramingError::Protocol("a continuation without a beginning")),
            (control, fragments) => {
                self.fragments = fragments;
                self.control(control, payload, on)
            }
        }
    }

    fn control(
        &self,
        opcode: u8,
        payload: &[u8],
        on: &mut dyn FnMut(Incoming<'_>),
    ) -> Result<(), FramingError> {
        match (opcode, payload) {
            (PING, payload) => on(Incoming::Ping(payload)),
            (PONG, _) => on(Incoming::Pong),
            (CLOSE, []) => on(Incoming::Close(None)),
            (CLOSE, [_]) => return Err(FramingError::Protocol("a close code has two bytes")),
            (CLOSE, [high, low, ..]) => on(Incoming::Close(Some(u16::from_be_bytes([*high, *low])))),
            _ => return Err(FramingError::Protocol("an opcode that is not defined")),
        }
        Ok(())
    }
}

fn message(opcode: u8, payload: &[u8], on: &mut dyn FnMut(Incoming<'_>)) -> Result<(), FramingError> {
    if opcode == BINARY {
        on(Incoming::Binary(payload));
    } else if std::str::from_utf8(payload).is_ok() {
        on(Incoming::Text(payload));
    } else {
        return Err(FramingError::NotUtf8);
    }
    Ok(())
}

/// XORs `payload` with `mask` (RFC 6455, section 5.3), eight bytes at a time.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut chunks = payload.chunks_exact_mut(8);
    for chunk in &mut chunks {
        if let Ok(word) = <[u8; 8]>::try_from(&*chunk) {
            chunk.copy_from_slice(&(u64::from_ne_bytes(word) ^ wide).to_ne_bytes());
        }
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// Appends a whole, unmasked frame whose payload `write` appends.
pub fn push_frame(out: &mut Vec<u8>, opcode: u8, write: impl FnOnce(&mut Vec<u8>)) {
    // Room for the header of a payload of up to 64 KiB; moved when that was wrong.
    const ROOM: usize = 4;
    let start = out.len();
    out.extend_from_slice(&[0x80 | opcode, 126, 0, 0]);
    write(out);
    let length = out.len() - start - ROOM;
    let header: &mut [u8] = &mut out[start..start + ROOM];
    if let Ok(short) = u8::try_from(length)
        && short < 126
    {
        header[1] = short;
        out.copy_within(start + ROOM.., start + 2);
        out.truncate(out.len() - 2);
    } else if let Ok(medium) = u16::try_from(length) {
        header[2..].copy_from_slice(&medium.to_be_bytes());
    } else {
        header[1] = 127;
        let long = u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes();
        out.splice(start + 2..start + ROOM, long);
    }
}

/// Appends a close frame with a code and a short reason.
pub fn push_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let mut end = reason.len().min(CONTROL_BYTES_MAX - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    push_frame(out, CLOSE, |out| {
        out.extend_from_slice(&code.to_be_bytes());
        out.extend_from_slice(reason.get(..end).unwrap_or_default().as_bytes());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's frame: masked.
    fn masked(fin: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![if fin { 0x80 } else { 0 } | opcode];
        match payload.len() {
            short @ 0..=125 => frame.push(0x80 | u8::try_from(short).unwrap()),
            medium @ 126..=65_535 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(medium).unwrap().to_be_bytes());
            }
            long => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&u64::try_from(long).unwrap().to_be_bytes());
            }
        }
        let mask = [0x37, 0xFA, 0x21, 0x3D];
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        frame
    }

    fn read(reader: &mut FrameReader, bytes: &[u8]) -> Result<Vec<String>, FramingError> {
        let mut seen = Vec::new();
        reader.feed(&mut bytes.to_vec(), &mut |incoming| {
            seen.push(match incoming {
                Incoming::Text(text) => format!("text {}", String::from_utf8_lossy(text)),
                Incoming::Binary(bytes) => format!("binary {}", bytes.len()),
                other => format!("{other:?}"),
            });
        })?;
        Ok(seen)
    }

    #[test]
    fn the_masked_hello_of_the_rfc_is_read() {
        // RFC 6455, section 5.7.
        let bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(read(&mut FrameReader::new(100), &bytes), Ok(vec!["text Hello".to_owned()]));
    }

    #[test]
    fn frames_are_put_together_however_they_are_cut() {
        let mut bytes = masked(true, BINARY, &[7; 300]);
        bytes.extend(masked(true, PING, b"x"));
        bytes.extend(masked(false, TEXT, b"on"));
        bytes.extend(masked(true, PONG, b""));
        bytes.extend(masked(true, CONTINUATION, b"ce"));
        let whole = read(&mut FrameReader::new(1_000), &bytes).unwrap();
        assert_eq!(whole, ["binary 300", "Ping([120])", "Pong", "text once"]);
        for cut in 1..bytes.len() {
            let mut reader = FrameReader::new(1_000);
            let mut seen = read(&mut reader, &bytes[..cut]).unwrap();
            seen.extend(read(&mut reader, &bytes[cut..]).unwrap());
            assert_eq!(seen, whole, "cut at {cut}");
            assert!(reader.is_idle());
        }
    }

    #[test]
    fn what_is_against_the_protocol_is_refused() {
        let unmasked = [0x81, 0x02, b'h', b'i'];
        let reserved = [0xC1, 0x80, 0, 0, 0, 0];
        for bytes in [
            &unmasked[..],
            &reserved[..],
            &masked(true, CONTINUATION, b"x"),
            &masked(false, PING, b""),
            &masked(true, 0x3, b""),
            &masked(true, CLOSE, b"x"),
            &[masked(false, TEXT, b"a"), masked(true, TEXT, b"b")].concat(),
        ] {
            let outcome = read(&mut FrameReader::new(100), bytes);
            assert!(matches!(outcome, Err(FramingError::Protocol(_))), "{bytes:?}: {outcome:?}");
        }
        assert_eq!(
            read(&mut FrameReader::new(100), &masked(true, TEXT, &[0xFF])),
            Err(FramingError::NotUtf8)
        );
    }

    #[test]
    fn a_large_message_is_refused_at_its_header() {
        let limit = FramingError::TooLarge { limit: 10 };
        let frame = masked(true, BINARY, &[0; 11]);
        assert_eq!(read(&mut FrameReader::new(10), &frame[..6]), Err(limit));
        let pieces = [masked(false, BINARY, &[0; 6]), masked(true, CONTINUATION, &[0; 6])].concat();
        assert_eq!(read(&mut FrameReader::new(10), &pieces), Err(limit));
        let huge = [0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        assert_eq!(read(&mut FrameReader::new(10), &huge), Err(limit));
    }

    #[test]
    fn headers_are_written_for_every_length() {
        for (length, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let mut out = b"before".to_vec();
            push_frame(&mut out, BINARY, |out| out.resize(out.len() + length, 9));
            assert_eq!(out.len(), 6 + header + length);
            assert_eq!(&out[..6], b"before");
            assert!(out[6 + header..].iter().all(|byte| *byte == 9));
        }
        let mut out = Vec::new();
        push_close(&mut out, 1001, &"é".repeat(100));
        assert!(out.len() <= 2 + CONTROL_BYTES_MAX);
    }
}
