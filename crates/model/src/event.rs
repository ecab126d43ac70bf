//! The events of a chat's log. What is here is durable and is what clients see.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::attestation::Attestation;
use crate::clock::Timestamp;
use crate::ids::{AttachmentId, ClientSeq, DeviceId, Seq, UserId};
use crate::mls::{Commit, GroupStart};

/// Who may post, and how many may be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChatKind {
    /// Two users, one chat for each pair.
    Direct,
    /// Every member posts.
    Group,
    /// Only the owner and admins post.
    Channel,
}

/// Whether bodies are readable to the server; fixed at creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Encryption {
    /// Bodies are text.
    None,
    /// Bodies are opaque bytes, encrypted by clients with MLS (RFC 9420).
    Mls,
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Reads, and posts where the chat's kind lets members post.
    Member,
    /// Also manages members below, and the chat's name and invite link.
    Admin,
    /// Also appoints admins, and deletes the chat. A chat has at most one.
    Owner,
}

/// Why a body is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BodyGone {
    /// Deleted for everyone.
    Deleted,
    /// Older than the retention time.
    Expired,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Readable text, in chats without encryption.
    Text(String),
    /// Bytes that only clients understand.
    Opaque(Bytes),
    /// The body was removed; the event keeps its place.
    Gone(BodyGone),
}

impl Body {
    /// Length of the content in bytes; zero when it is gone.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Opaque(bytes) => bytes.len(),
            Self::Gone(_) => 0,
        }
    }

    /// Whether there is no content.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// The first event of every log.
    Created {
        /// The chat's kind.
        kind: ChatKind,
        /// Whether bodies are readable to the server.
        encryption: Encryption,
        /// Empty for direct and encrypted chats.
        name: String,
        /// Empty for direct and encrypted chats.
        description: String,
        /// All members with their roles, the creator among them.
        members: Vec<(UserId, Role)>,
    },
    /// A message.
    Message {
        /// What it says.
        body: Body,
        /// The message it answers, in chats without encryption.
        reply_to: Option<Seq>,
        /// The files that belong to it.
        attachments: Vec<AttachmentId>,
    },
    /// A message was deleted for everyone.
    MessageDeleted {
        /// The place of that message.
        target: Seq,
    },
    /// The name, description or picture changed; `None` leaves one as it was.
    Updated {
        /// The new name.
        name: Option<String>,
        /// The new description.
        description: Option<String>,
        /// The new picture; empty text removes it.
        picture: Option<String>,
    },
    /// Members were added by an owner or admin, with role member.
    MembersAdded {
        /// Who.
        users: Vec<UserId>,
    },
    /// The sender came in by the invite link.
    Joined,
    /// The sender left.
    Left {
        /// Who owns the chat from now on, when the owner left.
        new_owner: Option<UserId>,
    },
    /// Members were removed; they may be added again.
    MembersRemoved {
        /// Who.
        users: Vec<UserId>,
    },
    /// Users were removed, if they were members, and cannot come back until unbanned.
    MembersBanned {
        /// Who.
        users: Vec<UserId>,
    },
    /// Users may come back.
    MembersUnbanned {
        /// Who.
        users: Vec<UserId>,
    },
    /// A member's role changed. Making someone owner makes the sender an admin.
    RoleChanged {
        /// Whose.
        user: UserId,
        /// To what.
        role: Role,
    },
    /// The invite link was made anew, or withdrawn.
    InviteChanged {
        /// SHA-256 of the link's secret, in encrypted chats its public key; `None` when withdrawn.
        secret_hash: Option<[u8; 32]>,
    },
    /// The chat was deleted by its owner: nothing can be posted, every membership ends here.
    ChatDeleted,
    /// A generation of an encrypted chat's MLS group began.
    GroupStarted(Box<GroupStart>),
    /// A commit was accepted: the chat's keys are those of the next epoch.
    Committed(Box<Commit>),
    /// A device of a member was revoked; it loses its keys with the next commit. By the server.
    DeviceRevoked {
        /// Which.
        device: DeviceId,
    },
}

/// One entry of a chat's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place.
    pub seq: Seq,
    /// When the server accepted it, by the server's clock: for people, never for order.
    pub time: Timestamp,
    /// The device that caused it.
    pub sender: DeviceId,
    /// That device's number for it; zero for what the server does by itself.
    pub client_seq: ClientSeq,
    /// What happened.
    pub kind: EventKind,
    /// The sender's signature on a change of an encrypted chat's roster.
    pub attestation: Option<Box<Attestation>>,
}

impl Event {
    /// Whether this is a message (and not a change of the chat).
    pub fn is_message(&self) -> bool {
        matches!(self.kind, EventKind::Message { .. })
    }

    /// Empties the body of a message and forgets its attachments; other events stay as they are.
    /// What was deleted stays deleted when it expires later.
    pub fn empty_body(&mut self, why: BodyGone) {
        if let EventKind::Message { body, attachments, .. } = &mut self.kind {
            if !matches!(body, Body::Gone(BodyGone::Deleted)) {
                *body = Body::Gone(why);
            }
            attachments.clear();
        }
    }
}
