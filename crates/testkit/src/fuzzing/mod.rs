//! What the fuzz targets in `fuzz/` do with their input. Each function panics when something that must hold
//! does not. The committed corpora run through them as ordinary tests.

mod chat_state;
mod codecs;
mod frame_parser;
pub mod handshakes;

pub use chat_state::chat_state;
pub use codecs::{client_json, client_proto, server_json, server_proto};
pub use frame_parser::frame_parser;

/// The name of a fuzz target and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, under the name of its corpus.
pub const TARGETS: &[Target] = &[
    ("frame_parser", frame_parser),
    ("client_proto", client_proto),
    ("client_json", client_json),
    ("server_proto", server_proto),
    ("server_json", server_json),
    ("chat_state", chat_state),
    ("handshakes", handshakes::handshakes),
];
