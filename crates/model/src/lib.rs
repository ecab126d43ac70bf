//! What Dunlin is about, without any I/O: ids, events, the chat state machine, limits and the clock.
//!
//! Servers and clients run this same code. `chat::decide` turns a command into an event or a refusal
//! against exactly the state that precedes it; `chat::apply` turns an event into the next state.

pub mod account;
pub mod attachment;
pub mod attestation;
pub mod chat;
pub mod clock;
pub mod command;
pub mod error;
pub mod event;
pub mod identity;
pub mod ids;
pub mod limits;
pub mod mls;
pub mod progress;
pub mod view;

pub use attachment::{Attachment, AttachmentPart};
pub use attestation::{Attestation, RosterDigest};
pub use clock::{Clock, Randomness, Timestamp};
pub use command::{ChatCommand, DecisionContext};
pub use error::{ErrorCode, Refusal, Retry};
pub use event::{Body, BodyGone, ChatKind, Encryption, Event, EventKind, Role};
pub use identity::{DeviceCertificate, DeviceKey, IdentityError, IdentityKey};
pub use ids::{AttachmentId, ChatId, ClientSeq, DeviceId, DeviceNumber, IdError, Seq, UserId};
pub use limits::ChatLimits;
pub use mls::{Commit, Epoch, GroupStart, Payload, StartReason, Suite};
pub use progress::{InboxEntry, InboxMark, Progress};
