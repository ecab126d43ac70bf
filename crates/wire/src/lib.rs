//! The wire protocol: bytes to model and back. Protobuf types stop here.
//!
//! A frame is decoded once, into [`ClientFrame`] or [`ServerFrame`]; validation of what a frame may say has
//! its one home here, validation of what a command may do is `model::chat::decide`.

mod frames;

pub use frames::{
    ClientFrame, Command, Failure, Outcome, Position, ServerFrame, Welcome, POSITIONS_MAX, PRESENCE_USERS_MAX,
};
