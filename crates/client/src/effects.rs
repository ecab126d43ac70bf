//! What the core wants done, in this order: persist, send, show.

use bytes::Bytes;
use dunlin_model::view::{InviteCode, Receipt, UserPresence};
use dunlin_model::{ChatId, DeviceId, IdentityKey, Seq, Timestamp, UserId};
use dunlin_wire::{ClientFrame, Failure, Outcome};

use crate::Batch;
use crate::chats::StoredMessage;
use crate::identity::linking::{LinkingCode, LinkingError};
use crate::notice::Notice;
use crate::outbox::WaitReason;

/// What follows from a step.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    /// To be durable, as one, before anything else of this step happens.
    pub persist: Batch,
    /// To be sent, in this order.
    pub send: Vec<ClientFrame>,
    /// To be shown.
    pub changes: Vec<Change>,
    /// To be done when there is time.
    pub wants: Vec<Want>,
    /// When `Input::Tick` is wanted at the latest.
    pub wake_at: Option<Timestamp>,
}

/// What only the driver can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// Get this blob; answered by `Input::BlobFetched`.
    FetchBlob {
        /// The chat that it belongs to.
        chat: ChatId,
        /// The event that names it; `None` for the group info of the current epoch.
        seq: Option<Seq>,
        /// Its name.
        hash: [u8; 32],
    },
    /// Store this blob; answered by `Input::BlobStored`.
    StoreBlob {
        /// The chat that it is for.
        chat: ChatId,
        /// Its name.
        hash: [u8; 32],
        /// Its bytes.
        bytes: Bytes,
    },
    /// Read a page of the chat's messages after `after`, by `query::held`; answered by `Input::MessagesLoaded`.
    LoadMessages {
        /// The chat.
        chat: ChatId,
        /// The last one that is not wanted.
        after: Seq,
    },
    /// End the connection and make a new one: the server left something out.
    Reconnect,
}

/// What changed, for whoever shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A chat will be created under this id.
    Created {
        /// Of the command.
        token: u64,
        /// The chat.
        chat: ChatId,
    },
    /// Something new stands in a chat. Edits of messages and reactions to them come as `MessageChanged` instead.
    Message {
        /// The chat.
        chat: ChatId,
        /// What.
        message: Box<StoredMessage>,
    },
    /// A message looks different now: it was edited, reacted to or deleted, or it is gone.
    MessageChanged {
        /// The chat.
        chat: ChatId,
        /// The message.
        seq: Seq,
    },
    /// A notice stands in a chat now.
    Noticed {
        /// The chat.
        chat: ChatId,
        /// What it stands behind.
        after: Seq,
        /// What it says.
        notice: Notice,
    },
    /// The invite link that a command of this device made holds from now on.
    InviteMade {
        /// Of the command.
        token: u64,
        /// The chat.
        chat: ChatId,
        /// The link.
        code: InviteCode,
    },
    /// A command of this device became an event.
    Accepted {
        /// Of the command.
        token: u64,
        /// The chat.
        chat: ChatId,
        /// Its place.
        seq: Seq,
    },
    /// A command of this device is kept, and waits for somebody else, although the server is there. It goes on by
    /// itself, to `Accepted` or `Refused`; it may be told of again on another connection.
    Waits {
        /// Of the command.
        token: u64,
        /// The chat.
        chat: ChatId,
        /// Its number in the outbox, for `Action::Cancel`.
        place: u64,
        /// For what.
        why: WaitReason,
    },
    /// A command of this device will not be carried out.
    Refused {
        /// Of the command.
        token: u64,
        /// The chat.
        chat: ChatId,
        /// Why.
        why: Failure,
        /// What a message said that was kept in the outbox. It stands at the end of the chat's draft again.
        words: Option<String>,
    },
    /// A chat's members, keys, title, unread count or draft changed.
    ChatChanged {
        /// The chat.
        chat: ChatId,
    },
    /// A range of a chat cannot be had.
    Missing {
        /// The chat.
        chat: ChatId,
        /// First place.
        from: Seq,
        /// Last place.
        to: Seq,
    },
    /// Messages of a sender are missing: the sender counted them, the server did not deliver them.
    Gap {
        /// The chat.
        chat: ChatId,
        /// Whose.
        sender: DeviceId,
        /// How many.
        missing: u64,
    },
    /// The server shows something that no honest one would. Nothing is sent in the chat any more.
    Distrusted {
        /// The chat.
        chat: ChatId,
        /// Why.
        why: Distrust,
    },
    /// The server's data came back from a backup, and events of the chat were lost. What this device had said is said
    /// again.
    Restored {
        /// The chat.
        chat: ChatId,
    },
    /// An accepted commit cannot be applied. This device enters the chat's keys anew.
    CommitFailed {
        /// The chat.
        chat: ChatId,
        /// Who committed.
        author: DeviceId,
    },
    /// A person has another identity key than before.
    IdentityChanged {
        /// Whose.
        user: UserId,
        /// The new one.
        identity: IdentityKey,
    },
    /// The person found a user's identity key to be right, or no longer relies on that.
    Verified {
        /// Whose.
        user: UserId,
        /// Whether.
        verified: bool,
    },
    /// Somebody looks otherwise: [`Client::face`](crate::Client::face).
    FaceChanged {
        /// Who; may be this person.
        user: UserId,
    },
    /// The search index cannot be read, and what was said lately is not found. `Action::RebuildSearch` helps.
    SearchDamaged,
    /// A member's receipts rose.
    Receipt {
        /// The chat.
        chat: ChatId,
        /// The receipts.
        receipt: Receipt,
    },
    /// Someone is typing, or stopped.
    Typing {
        /// The chat.
        chat: ChatId,
        /// Who.
        user: UserId,
        /// Whether.
        typing: bool,
    },
    /// Someone came or went.
    Presence(UserPresence),
    /// The server has this device's certificate and first key packages: others can write to it.
    Announced,
    /// The server's answer to an `Action::Ask`.
    Answered {
        /// Of the command.
        token: u64,
        /// The answer.
        outcome: Box<Outcome>,
    },
    /// The connection is up to date.
    CaughtUp,
    /// A new device of this user asks to be linked; answered by `Action::AnswerLink` or `Action::RefuseLink`.
    LinkAsked {
        /// Which.
        device: DeviceId,
    },
    /// The new device shows a code too. `Action::ConfirmLink` when it is this one, else `Action::RefuseLink`.
    LinkCode {
        /// Which.
        device: DeviceId,
        /// What it must show.
        code: LinkingCode,
    },
    /// Linking the device goes on no further.
    LinkEnded {
        /// Which.
        device: DeviceId,
        /// Why.
        why: LinkEnd,
    },
    /// The server does not take this device's certificate: others cannot know it.
    CertificateRefused {
        /// Why.
        why: Failure,
    },
}

/// Why linking a device ended on the existing one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkEnd {
    /// It was sent the identity key and its certificate.
    #[error("The device is linked.")]
    Linked,
    /// `Action::RefuseLink`.
    #[error("The device was refused.")]
    Refused,
    /// The new device, or its person, gave up.
    #[error("The new device gave up.")]
    Withdrawn,
    /// Too much time passed.
    #[error("It took too long; begin again on the new device.")]
    TimedOut,
    /// The connection ended.
    #[error("The connection ended; the new device asks again.")]
    Disconnected,
    /// Another device was linked in its place.
    #[error("Another device is being linked.")]
    Replaced,
    /// Too many attempts in a short time.
    #[error("Too many attempts; wait ten minutes.")]
    TooMany,
    /// This device does not hold the identity key.
    #[error("This device cannot link others.")]
    NoIdentity,
    /// No new device of this number asks.
    #[error("No such device asks to be linked.")]
    NotAsked,
    /// What came is not what it should be.
    #[error(transparent)]
    Failed(#[from] LinkingError),
}

/// Why a chat is distrusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
pub enum Distrust {
    /// A change of the roster is not signed by the device that it is said to come from.
    #[error("a change of who is here is not signed by its author")]
    NotAttested,
    /// Its author had no right to it.
    #[error("somebody changed who is here without the right to")]
    NotAllowed,
    /// Somebody got into the keys who is not a member.
    #[error("somebody who is not a member can read here")]
    Intruder,
    /// A handshake is not one that the log allows.
    #[error("the keys were changed against the rules")]
    HandshakeNotAllowed,
    /// A signed change of the roster is shown a second time.
    #[error("a change of who is here is shown again")]
    Repeated,
}
