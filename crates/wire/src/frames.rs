//! Every frame, as the rest of the code knows it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dunlin_model::view::{
    ChatDetails, HistoryPage, InviteCode, MessageStatusView, Receipt, Skipped, UserPresence,
};
use dunlin_model::{
    AttachmentId, Attestation, ChatCommand, ChatId, ClientSeq, DeviceCertificate, DeviceId, DeviceNumber,
    Epoch, ErrorCode, Event, Payload, Retry, Seq, Suite, Timestamp, UserId,
};

/// Users named in one command about keys.
pub const KEY_USERS_MAX: usize = 256;
/// Key packages in one upload.
pub const KEY_PACKAGES_MAX: usize = 100;
/// Bytes of a payload in `relayToDevices`.
pub const RELAYED_BYTES_MAX: usize = 8 * 1024;
/// Positions in one `resume`.
pub const POSITIONS_MAX: usize = 1_000;
/// Users in one `presence`.
pub const PRESENCE_USERS_MAX: usize = 512;

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFrame {
    /// The request's id; zero where none is needed and an answer comes only on failure.
    pub id: u64,
    /// What is asked.
    pub command: Command,
}

/// How far a device says it has got in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The chat.
    pub chat: ChatId,
    /// Everything up to here is stored on the device.
    pub received: Seq,
    /// Everything up to here was shown.
    pub seen: Seq,
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Who it is.
    Authenticate {
        /// The access token.
        access_token: String,
    },
    /// Where it stands; starts delivery.
    Resume {
        /// At most `POSITIONS_MAX`.
        positions: Vec<Position>,
        /// More positions follow in another `resume`, and delivery starts with the last.
        more: bool,
    },
    /// All of the chat up to `seq` is stored on the device.
    Received {
        /// The chat.
        chat: ChatId,
        /// Cumulative.
        seq: Seq,
    },
    /// All of the chat up to `seq` was shown.
    MarkSeen {
        /// The chat.
        chat: ChatId,
        /// Cumulative.
        seq: Seq,
    },
    /// The person is typing, or stopped.
    SetTyping {
        /// The chat.
        chat: ChatId,
        /// Whether.
        typing: bool,
    },
    /// Adds an event to an existing chat: `sendMessage`, `updateChat`, `modifyChatParticipants`, `leaveChat`,
    /// `deleteChat`, and `deleteMessage` for everyone; `setInviteLink` and `joinChat` where the link was made by a
    /// client. Never `Create`, nor `Join` with a secret.
    Submit {
        /// The chat.
        chat: ChatId,
        /// The device's number for it.
        client_seq: ClientSeq,
        /// What.
        command: ChatCommand,
        /// The device's signature, on changes of an encrypted chat's roster.
        attestation: Option<Box<Attestation>>,
    },
    /// Starts a chat; the command is always `ChatCommand::Create`.
    CreateChat {
        /// The device's number for it.
        client_seq: ClientSeq,
        /// What.
        command: ChatCommand,
        /// The device's signature, for an encrypted chat.
        attestation: Option<Box<Attestation>>,
    },
    /// Has the server make the invite link anew, or withdraws it; for chats without encryption.
    SetInviteLink {
        /// The chat.
        chat: ChatId,
        /// The device's number for it.
        client_seq: ClientSeq,
        /// Whether it is withdrawn.
        withdraw: bool,
    },
    /// Joins a chat without encryption by invite link.
    JoinChat {
        /// The link.
        code: InviteCode,
        /// The device's number for it.
        client_seq: ClientSeq,
        /// The device's signature, in an encrypted chat.
        attestation: Option<Box<Attestation>>,
    },
    /// Deletes a message for the user alone.
    HideMessage {
        /// The chat.
        chat: ChatId,
        /// The message.
        seq: Seq,
    },
    /// A page of the past.
    History {
        /// The chat.
        chat: ChatId,
        /// Only events below; `None` for from the end.
        before: Option<Seq>,
        /// Events in the page; `None` for the default.
        limit: Option<u32>,
        /// Only messages of this user.
        sender: Option<UserId>,
    },
    /// How far a message has got.
    MessageStatus {
        /// The chat.
        chat: ChatId,
        /// The message.
        seq: Seq,
    },
    /// Asks for, and subscribes to, the presence of users.
    Presence {
        /// At most `PRESENCE_USERS_MAX`.
        users: Vec<UserId>,
    },
    /// The user's chats, a page at a time.
    ListChats {
        /// The last chat of the page before.
        after: Option<ChatId>,
        /// Chats in the page; `None` for the default.
        limit: Option<u32>,
    },
    /// One chat with its members.
    GetChat {
        /// The chat.
        chat: ChatId,
    },
    /// By which certificate others know this device.
    SetCertificate(DeviceCertificate),
    /// The certificates of the users' devices.
    ListDevices {
        /// At most `KEY_USERS_MAX`.
        users: Vec<UserId>,
    },
    /// Leaves key packages for others to claim.
    UploadKeyPackages {
        /// Their suite.
        suite: Suite,
        /// At most `KEY_PACKAGES_MAX`, each given out once.
        packages: Vec<Bytes>,
        /// Given out when no other is left.
        last_resort: Option<Bytes>,
    },
    /// Takes a key package of each device of members of a chat.
    ClaimKeyPackages {
        /// The chat.
        chat: ChatId,
        /// The event that let the users in.
        change: Seq,
        /// The suite.
        suite: Suite,
        /// At most `KEY_USERS_MAX`.
        users: Vec<UserId>,
    },
    /// What a device needs to enter a chat's group from outside.
    GetGroupInfo {
        /// The chat.
        chat: ChatId,
    },
    /// Hands a payload to other devices of the same user that are connected now.
    RelayToDevices {
        /// One of them; `None` for all others.
        device: Option<DeviceNumber>,
        /// At most `RELAYED_BYTES_MAX`, and not empty.
        payload: Bytes,
    },
    /// Begins an upload.
    CreateAttachment {
        /// Bytes of the whole.
        bytes: u64,
        /// SHA-256 of the whole.
        sha256: [u8; 32],
        /// SHA-256 of each part; at most [`PARTS_MAX`](dunlin_model::attachment::PARTS_MAX).
        parts: Vec<[u8; 32]>,
    },
    /// How far an upload has got.
    GetAttachmentUpload {
        /// Of which attachment.
        id: AttachmentId,
    },
    /// Says that all parts are there.
    CompleteAttachment {
        /// Of which attachment.
        id: AttachmentId,
    },
    /// Where an attachment can be read.
    GetAttachment {
        /// The chat.
        chat: ChatId,
        /// The message that names it.
        seq: Seq,
        /// The attachment.
        id: AttachmentId,
    },
}

/// A request that whoever has it may make for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// Absolute, or path and query at the server.
    pub url: String,
    /// The method.
    pub method: String,
    /// To be sent as they are.
    pub headers: BTreeMap<String, String>,
    /// Until when it may begin.
    pub expires: Timestamp,
}

/// Where a part of an attachment goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartUpload {
    /// 1, 2, 3 …
    pub part: u32,
    /// Where it begins in the whole.
    pub offset: u64,
    /// Bytes of it.
    pub bytes: u64,
    /// What puts it.
    pub request: SignedRequest,
}

/// What a server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerFrame {
    /// The one answer to a request.
    Reply {
        /// The request's id; zero when the frame could not be read far enough.
        id: u64,
        /// The answer.
        outcome: Outcome,
    },
    /// The first push on an authenticated connection.
    Welcome(Welcome),
    /// `newMessage` or `chatUpdate`: an event of a log.
    Event {
        /// The chat.
        chat: ChatId,
        /// The event.
        event: Arc<Event>,
    },
    /// A range of the log that this device does not get.
    Skipped {
        /// The chat.
        chat: ChatId,
        /// The range.
        range: Skipped,
    },
    /// Every chat had been delivered up to its head.
    CaughtUp,
    /// A member's receipts rose.
    StatusUpdate {
        /// The chat.
        chat: ChatId,
        /// The receipts.
        receipt: Receipt,
    },
    /// Someone came or went.
    PresenceUpdate(UserPresence),
    /// Someone is typing, or stopped.
    Typing {
        /// The chat.
        chat: ChatId,
        /// Who.
        user: UserId,
        /// Whether.
        typing: bool,
    },
    /// The user deleted a message for themselves on another device.
    MessageHidden {
        /// The chat.
        chat: ChatId,
        /// The message.
        seq: Seq,
    },
    /// Few key packages of this device are left.
    KeyPackagesLow {
        /// Of this suite.
        suite: Suite,
        /// So many.
        left: u32,
    },
    /// Another device of this user relayed something.
    Relayed {
        /// Which.
        device: DeviceNumber,
        /// What.
        payload: Bytes,
    },
    /// The server is going away.
    Draining {
        /// When to connect again.
        reconnect_after: Duration,
    },
}

/// The first push on an authenticated connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// Who the connection belongs to.
    pub device: DeviceId,
    /// The server's clock.
    pub server_time: Timestamp,
    /// Changes when the store was restored from a backup.
    pub incarnation: String,
    /// How often the server pings.
    pub heartbeat: Duration,
    /// Bytes of a frame that the server reads.
    pub frame_bytes_max: u32,
    /// Pushed events that may wait for `received`.
    pub window_events: u32,
    /// Requests that may wait for an answer.
    pub requests_in_flight_max: u32,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It failed.
    Failed(Failure),
    /// Nothing more to say.
    Done,
    /// The command became an event.
    Accepted {
        /// The chat.
        chat: ChatId,
        /// The event's place.
        seq: Seq,
        /// When it was accepted; `None` in the answer to a retry.
        time: Option<Timestamp>,
        /// Whether it had been accepted before.
        repeated: bool,
    },
    /// A page of the past.
    History {
        /// The chat.
        chat: ChatId,
        /// The page.
        page: HistoryPage,
    },
    /// How far a message has got.
    MessageStatus {
        /// The chat.
        chat: ChatId,
        /// How far.
        status: MessageStatusView,
    },
    /// Who is there.
    Presence(Vec<UserPresence>),
    /// Chats.
    Chats {
        /// Ascending by id.
        chats: Vec<ChatDetails>,
        /// Where the next page begins; `None` when this is the last.
        next_after: Option<ChatId>,
    },
    /// One chat.
    Chat(ChatDetails),
    /// The new invite link.
    InviteLink {
        /// The chat.
        chat: ChatId,
        /// The event's place.
        seq: Seq,
        /// The link; `None` when withdrawn.
        code: Option<InviteCode>,
    },
    /// Certificates of devices, ascending by device. Those that do not verify are left out.
    Devices(Vec<DeviceCertificate>),
    /// How many key packages of this device are left.
    KeyPackageCount {
        /// Of this suite.
        suite: Suite,
        /// So many, without the one of last resort.
        left: u32,
    },
    /// Key packages, ascending by device.
    KeyPackages(Vec<(DeviceId, Bytes)>),
    /// What a device needs to enter a chat's group from outside.
    GroupInfo {
        /// The chat.
        chat: ChatId,
        /// The epoch that it is of.
        epoch: Epoch,
        /// The group's suite.
        suite: Suite,
        /// The MLS GroupInfo.
        group_info: Payload,
    },
    /// Something was handed to so many connections, as far as the server can know.
    Relayed {
        /// Connections to the same server.
        reached: u32,
    },
    /// How far an upload has got, and where the first of its missing parts go.
    AttachmentUpload {
        /// The attachment.
        id: AttachmentId,
        /// Whether it can be sent.
        complete: bool,
        /// The numbers of the parts that are there, ascending.
        there: Vec<u32>,
        /// Where others go.
        uploads: Vec<PartUpload>,
    },
    /// Where an attachment can be read.
    Attachment {
        /// Bytes of it.
        bytes: u64,
        /// What reads it.
        request: SignedRequest,
    },
}

/// Why a request failed: a stable code, a sentence, and whether to try again (R24).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The stable code.
    pub code: ErrorCode,
    /// A sentence for people.
    pub message: String,
    /// Whether to try again.
    pub retry: Retry,
    /// At least so long after, where it is known.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure with the code's own advice on trying again.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry: code.retry(), retry_after: None }
    }
}
