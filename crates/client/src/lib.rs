//! The client core, sans-I/O: what every Dunlin client shares.
//!
//! It holds no clock, no randomness of its own, no socket and no file. Whoever drives it (`client-native`,
//! `client-wasm`, the simulator) carries out what [`Client::step`] gives: persists, then sends, then shows.

mod account;
pub mod batch;
pub mod chats;
pub mod content;
mod duty;
mod effects;
mod face;
pub mod file;
mod fold;
mod generator;
pub mod identity;
mod input;
pub mod keys;
mod linking;
pub mod mls;
pub mod notice;
mod outbox;
mod own;
mod people;
pub mod query;
mod reading;
mod rows;
pub mod search;
mod session;
mod step;
mod sync;
mod timers;

pub use account::Account;
pub use batch::{Batch, Key, Value};
pub use chats::Chat;
pub use duty::{UPDATE_INTERVAL, UPDATE_MESSAGES};
pub use effects::{Change, Distrust, Effects, LinkEnd, Want};
pub use fold::Unfinished;
pub use generator::Generator;
pub use input::{Action, Input, UserCommand};
pub use linking::{LINKING_TIME_MAX, LINKINGS_ANSWERED_MAX};
pub use outbox::WaitReason;
pub use reading::{Order, Rows};
pub use rows::{LOST as LOST_MESSAGES_PREFIX, MESSAGE as MESSAGES_PREFIX};
pub use session::KEY_PACKAGES_PER_UPLOAD;
pub use step::Client;
pub use sync::Restored;
