//! The wire protocol: bytes to model and back. Protobuf types stop here.
//!
//! A frame is decoded once, into [`ClientFrame`] or [`ServerFrame`]; validation of what a frame may say has
//! its one home here, validation of what a command may do is `model::chat::decide`.

mod close;
mod codec;
mod convert;
mod error;
mod format;
mod frame_id;
mod frames;
mod hot;
mod proto;

pub use close::{CLOSE_TEXT_BYTES_MAX, CloseCode};
pub use codec::{decode_client, decode_server, encode_client, encode_event, encode_server};
pub use error::Undecodable;
pub use format::Format;
pub use frames::{
    ClientFrame, Command, Failure, KEY_PACKAGES_MAX, KEY_USERS_MAX, Outcome, POSITIONS_MAX,
    PRESENCE_USERS_MAX, PartUpload, Position, RELAYED_BYTES_MAX, ServerFrame, SignedRequest, Welcome,
};
