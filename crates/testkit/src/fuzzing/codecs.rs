//! What can be read at all can be written and read again, in both formats; what cannot says why.

use dunlin_wire::{Format, Undecodable, decode_client, decode_server, encode_client, encode_server};

/// A client's frame in protobuf.
pub fn client_proto(data: &[u8]) {
    client(Format::Proto, data);
}

/// A client's frame in JSON.
pub fn client_json(data: &[u8]) {
    client(Format::Json, data);
}

/// A server's frame in protobuf.
pub fn server_proto(data: &[u8]) {
    server(Format::Proto, data);
}

/// A server's frame in JSON.
pub fn server_json(data: &[u8]) {
    server(Format::Json, data);
}

fn client(format: Format, data: &[u8]) {
    match decode_client(format, data) {
        Err(undecodable) => check_refusal(&undecodable),
        Ok(frame) => {
            for format in Format::ALL {
                let mut bytes = Vec::new();
                encode_client(*format, &frame, &mut bytes);
                assert_eq!(decode_client(*format, &bytes).as_ref(), Ok(&frame), "{format:?}");
            }
        }
    }
}

fn server(format: Format, data: &[u8]) {
    match decode_server(format, data) {
        Err(undecodable) => check_refusal(&undecodable),
        Ok(frame) => {
            for format in Format::ALL {
                let mut bytes = Vec::new();
                encode_server(*format, &frame, &mut bytes);
                assert_eq!(decode_server(*format, &bytes).as_ref(), Ok(&frame), "{format:?}");
            }
        }
    }
}

fn check_refusal(Undecodable { failure, .. }: &Undecodable) {
    assert!(failure.message.ends_with('.'), "not a sentence: {}", failure.message);
    assert_eq!(failure.retry, failure.code.retry());
}
