//! What the core is told.

use bytes::Bytes;
use dunlin_model::view::InviteCode;
use dunlin_model::{
    ChatCommand, ChatId, ChatKind, DeviceNumber, Encryption, IdentityKey, Seq, Suite, UserId,
};
use dunlin_wire::{Command, ServerFrame, Welcome};

use crate::content::{Attachment, Content};
use crate::identity::linking::LinkText;
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
        /// As it was asked for.
        after: Seq,
        /// What `query::held` gives.
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
    /// Deletes a message for everyone. The server knows who may.
    Delete {
        /// Where.
        chat: ChatId,
        /// Which.
        seq: Seq,
    },
    /// Deletes a message for this person alone, on all their devices.
    Hide {
        /// Where.
        chat: ChatId,
        /// Which.
        seq: Seq,
    },
    /// Takes back what waits to be sent. Too late once it is on its way: then nothing happens.
    Cancel {
        /// Where.
        chat: ChatId,
        /// Its number in the outbox.
        place: u64,
    },
    /// The person compared safety numbers with a user, and they were the same.
    MarkVerified {
        /// Whose key it is.
        user: UserId,
        /// The key that was compared; nothing happens when it is not theirs any more.
        identity: IdentityKey,
    },
    /// The person no longer relies on that.
    WithdrawVerified {
        /// Whose key it is.
        user: UserId,
    },
    /// The person has another picture of themselves. Those to whom they write are told, and their other devices.
    SetFace {
        /// Whole in itself ([`Attachment::within`]), or else nothing happens; `None`: there is none any more.
        face: Option<Attachment>,
    },
    /// Makes the search index anew from the messages, a piece at a time, after `Change::SearchDamaged`.
    RebuildSearch,
    /// Asks how far the members of a chat have got: what changed while this device was away, and changes in large
    /// chats, are not pushed.
    RefreshReceipts {
        /// Where.
        chat: ChatId,
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
        /// The text; empty for none. What is beyond `content::limits::TEXT_BYTES_MAX` is cut off.
        text: String,
    },
    /// Follows the presence of these users, over connections, in place of those before.
    WatchPresence {
        /// At most `PRESENCE_USERS_MAX`; more are left out.
        users: Vec<UserId>,
    },
    /// Asks the server for something that adds nothing to a log; `Change::Answered` tells what it says. It is not
    /// kept: without a connection, or when that ends before the answer, the answer is that the server is unavailable.
    Ask {
        /// What is asked.
        command: Command,
    },
    /// Begins to link the new device that asked (`Change::LinkAsked`); `Change::LinkCode` follows. Only what the person
    /// does gives this: each answer lets whoever stands between the devices guess once.
    AnswerLink {
        /// Which.
        device: DeviceNumber,
    },
    /// Links the new device that shows this text, without a comparison. Never a text that came from elsewhere than the
    /// new device's screen.
    ScanLink {
        /// What it shows.
        text: LinkText,
    },
    /// Both devices show the same code: the new one gets the identity key.
    ConfirmLink {
        /// Which.
        device: DeviceNumber,
    },
    /// The codes differ, or nobody here is linking a device.
    RefuseLink {
        /// Which.
        device: DeviceNumber,
    },
}
