//! A stream of WebSocket bytes means the same however it is cut.

use dunlin_gateway::websocket::{CONTROL_BYTES_MAX, FrameReader, FramingError, Incoming};

const MESSAGE_BYTES_MAX: usize = 1_000;

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
}

/// The first byte says how the rest, a client's stream, is cut.
pub fn frame_parser(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let whole = read(std::iter::once(stream));
    let pieces = read(stream.chunks(usize::from(*cut).max(1)));
    assert_eq!(whole, pieces, "cut into pieces of {cut}");
    for seen in whole.0 {
        match seen {
            Seen::Text(text) => {
                assert!(text.len() <= MESSAGE_BYTES_MAX);
                assert!(std::str::from_utf8(&text).is_ok());
            }
            Seen::Binary(bytes) => assert!(bytes.len() <= MESSAGE_BYTES_MAX),
            Seen::Ping(payload) => assert!(payload.len() <= CONTROL_BYTES_MAX),
            Seen::Pong | Seen::Close(_) => {}
        }
    }
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Seen>, Result<(), FramingError>) {
    let mut reader = FrameReader::new(MESSAGE_BYTES_MAX);
    let mut seen = Vec::new();
    for piece in pieces {
        let fed = reader.feed(&mut piece.to_vec(), &mut |incoming| {
            seen.push(match incoming {
                Incoming::Text(text) => Seen::Text(text.to_vec()),
                Incoming::Binary(bytes) => Seen::Binary(bytes.to_vec()),
                Incoming::Ping(payload) => Seen::Ping(payload.to_vec()),
                Incoming::Pong => Seen::Pong,
                Incoming::Close(code) => Seen::Close(code),
            });
        });
        if fed.is_err() {
            return (seen, fed);
        }
    }
    (seen, Ok(()))
}
