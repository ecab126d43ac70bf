//! What a device can ask of a chat's log. Each command becomes one event, or a refusal.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::attestation::Attestation;
use crate::event::{Body, ChatKind, Encryption, Role};
use crate::ids::{AttachmentId, Seq, UserId};
use crate::mls::{Commit, Epoch, GroupStart};

/// A command on one chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatCommand {
    /// Starts the chat.
    Create {
        /// The chat's kind.
        kind: ChatKind,
        /// Whether bodies are readable to the server.
        encryption: Encryption,
        /// Must be empty for direct and encrypted chats.
        name: String,
        /// Must be empty for direct and encrypted chats.
        description: String,
        /// The others; the creator is a member (and owner, except of a direct chat) in any case.
        members: Vec<UserId>,
    },
    /// Posts a message.
    Send {
        /// What it says.
        body: Body,
        /// The message it answers.
        reply_to: Option<Seq>,
        /// Files that belong to it.
        attachments: Vec<AttachmentId>,
        /// The epoch whose keys encrypt it, in encrypted chats.
        epoch: Option<Epoch>,
    },
    /// Deletes a message for everyone.
    DeleteMessage {
        /// Its place.
        target: Seq,
    },
    /// Changes name, description or picture; `None` leaves one as it is.
    Update {
        /// The new name.
        name: Option<String>,
        /// The new description.
        description: Option<String>,
        /// The new picture.
        picture: Option<String>,
    },
    /// Adds members.
    Add {
        /// Who.
        users: Vec<UserId>,
    },
    /// Removes members.
    Remove {
        /// Who.
        users: Vec<UserId>,
    },
    /// Removes and bans users.
    Ban {
        /// Who.
        users: Vec<UserId>,
    },
    /// Lifts bans.
    Unban {
        /// Who.
        users: Vec<UserId>,
    },
    /// Changes a member's role.
    SetRole {
        /// Whose.
        user: UserId,
        /// To what.
        role: Role,
    },
    /// Leaves.
    Leave,
    /// Joins by invite link.
    Join {
        /// The secret part of the link; empty in encrypted chats, where a signature with its key stands for it.
        secret: Bytes,
    },
    /// Makes the invite link anew, or withdraws it.
    SetInvite {
        /// SHA-256 of the link's secret, in encrypted chats its public key; `None` withdraws it.
        secret_hash: Option<[u8; 32]>,
    },
    /// Deletes the chat.
    DeleteChat,
    /// Starts a generation of an encrypted chat's MLS group.
    StartGroup(Box<GroupStart>),
    /// Changes the keys of an encrypted chat.
    Commit(Box<Commit>),
}

/// Facts that `decide` needs and the chat's state does not hold. Whoever calls looks them up.
#[derive(Debug, Clone, Default)]
pub struct DecisionContext {
    /// Of the users named (or the other one of a direct chat), those who blocked the sender or are blocked by the sender.
    pub blocked: BTreeSet<UserId>,
    /// For `DeleteMessage`: who wrote the target, when it is a message.
    pub target_author: Option<UserId>,
    /// The sender's signature, for changes of an encrypted chat's roster.
    pub attestation: Option<Box<Attestation>>,
    /// For `Send`: why one of its attachments cannot be sent.
    pub attachment_fault: Option<&'static str>,
}
