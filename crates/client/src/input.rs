//! What the core is told.

use bytes::Bytes;
use dunlin_model::view::InviteCode;
use dunlin_model::{ChatCommand, ChatId, ChatKind, Encryption, Seq, Suite, UserId};
use dunlin_wire::{ServerFrame, Welcome};

use crate::content::Content;
use crate::{Key, Value};

/// What a step is about.
#[derive(Debug, Clone)]
pub enum Input {
    /// A connection stands and is authenticated.
    Connected(Welcome),
    /// It is gone.
    Disconnected,
    /// A frame came.
    Frame(ServerFrame),
    /// The person wants something.
    Command(UserCommand),
    /// Time passed: `Effects::wake_at` came.
    Tick,
    /// The answer to `Want::FetchBlob`; `None` when it could not be had.
    BlobFetched {
        /// Its name.
        hash: [u8; 32],
        /// Its bytes.
        bytes: Option<Bytes>,
    },
    /// The answer to `Want::StoreBlob`.
    BlobStored {
        /// Its name.
        hash: [u8; 32],
        /// Whether it is durable now.
        stored: bool,
    },
    /// The answer to `Want::LoadMessages`.
    MessagesLoaded {
        /// The chat.
        chat: ChatId,
        /// The rows.
        rows: Vec<(Key, Value)>,
    },
    /// Unpredictable bytes for the generator.
    Entropy([u8; 32]),
}

/// What a person wants. Changes that come of it carry `token`.
#[derive(Debug, Clone)]
pub struct UserCommand {
    /// Chosen by the caller.
    pub token: u64,
    /// What.
    pub action: Action,
}

/// What a person can want.
#[derive(Debug, Clone)]
pub enum Action {
    /// Starts a chat; `Change::Created` tells its id.
    Create {
        /// The kind.
        kind: ChatKind,
        /// The encryption.
        encryption: Encryption,
        /// Readable to the server in chats without encryption, a first message in encrypted ones.
        name: String,
        /// The others.
        members: Vec<UserId>,
    },
    /// Says something in an encrypted chat.
    Send {
        /// Where.
        chat: ChatId,
        /// What.
        content: Content,
    },
    /// Changes the cipher suite of a chat's group, by a new one: what an owner or admin does when a chat grows beyond
    /// the 256 devices of the hybrid suite, or has shrunk below.
    ChangeSuite {
        /// Where.
        chat: ChatId,
        /// To which.
        suite: Suite,
    },
    /// Makes the chat's invite link anew; the one before it ends. `Change::InviteMade` gives the link once it holds.
    SetInvite {
        /// Where.
        chat: ChatId,
    },
    /// Withdraws the invite link.
    RevokeInvite {
        /// Where.
        chat: ChatId,
    },
    /// Joins a chat by an invite link.
    JoinByInvite {
        /// The link.
        code: InviteCode,
    },
    /// Asks for something of the log: a roster change, a deletion, a text in a chat without encryption. Never
    /// `Create`, `Join`, `SetInvite`, `StartGroup` or `Commit`.
    Submit {
        /// Where.
        chat: ChatId,
        /// What.
        command: ChatCommand,
    },
    /// Everything up to `seq` was shown.
    MarkSeen {
        /// Where.
        chat: ChatId,
        /// Cumulative.
        seq: Seq,
    },
    /// The person types, or stopped.
    SetTyping {
        /// Where.
        chat: ChatId,
        /// Whether.
        typing: bool,
    },
    /// Keeps what was typed and not sent.
    SetDraft {
        /// Where.
        chat: ChatId,
        /// The text; empty for none.
        text: String,
    },
    /// Follows the presence of these users.
    WatchPresence {
        /// Whose.
        users: Vec<UserId>,
    },
}
