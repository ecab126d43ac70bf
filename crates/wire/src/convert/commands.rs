//! What a client sends.

use bytes::Bytes;
use dunlin_model::view::InviteCode;
use dunlin_model::{
    Attestation, Body, ChatCommand, ChatId, ClientSeq, DeviceNumber, Encryption, Role, Seq, UserId,
};

use super::attachments;
use super::chats::{
    encryption_from_wire, encryption_to_wire, kind_from_wire, kind_to_wire, optional_role, role_to_wire,
};
use super::field::{
    Invalid, at_most, at_most_bytes, optional_seq, parse, parse_all, parse_optional, seq_or_zero,
    text_or_empty, texts, users,
};
use super::keys;
use crate::proto::client_frame::Command as Wire;
use crate::proto::send_message::Body as WireBody;
use crate::{
    Command, KEY_PACKAGES_MAX, KEY_USERS_MAX, POSITIONS_MAX, PRESENCE_USERS_MAX, Position, RELAYED_BYTES_MAX,
    proto,
};
use proto::{DeleteScope, ParticipantAction};

pub(crate) fn from_wire(command: Wire) -> Result<Command, Invalid> {
    Ok(match command {
        Wire::Authenticate(proto::Authenticate { access_token }) if access_token.is_empty() => {
            return Err(Invalid::missing("accessToken"));
        }
        Wire::Authenticate(proto::Authenticate { access_token }) => Command::Authenticate { access_token },
        Wire::Resume(resume) => {
            Command::Resume { positions: positions(&resume.positions)?, more: resume.more }
        }
        Wire::Received(received) => {
            Command::Received { chat: chat(&received.chat_id)?, seq: Seq(received.seq) }
        }
        Wire::SendMessage(send) => send_message(send)?,
        Wire::MarkSeen(seen) => Command::MarkSeen { chat: chat(&seen.chat_id)?, seq: Seq(seen.seq) },
        Wire::SetTyping(set) => Command::SetTyping { chat: chat(&set.chat_id)?, typing: set.typing },
        Wire::CreateChat(create) => create_chat(create)?,
        Wire::UpdateChat(proto::UpdateChat { chat_id, client_seq, name, description, picture }) => {
            submit(&chat_id, client_seq, ChatCommand::Update { name, description, picture }, None)?
        }
        Wire::ModifyChatParticipants(modify) => {
            submit(&modify.chat_id, modify.client_seq, participants(&modify)?, modify.attestation)?
        }
        Wire::LeaveChat(leave) => {
            submit(&leave.chat_id, leave.client_seq, ChatCommand::Leave, leave.attestation)?
        }
        Wire::DeleteChat(delete) => {
            submit(&delete.chat_id, delete.client_seq, ChatCommand::DeleteChat, None)?
        }
        Wire::SetInviteLink(set) => set_invite_link(set)?,
        Wire::JoinChat(join) => join_chat(join)?,
        Wire::DeleteMessage(delete) => delete_message(&delete)?,
        Wire::History(history) => Command::History {
            chat: chat(&history.chat_id)?,
            before: optional_seq(history.before),
            limit: optional_limit(history.limit),
            sender: parse_optional("senderId", &history.sender_id)?,
        },
        Wire::MessageStatus(status) => {
            Command::MessageStatus { chat: chat(&status.chat_id)?, seq: Seq(status.seq) }
        }
        Wire::Presence(presence) => {
            at_most("userIds", presence.user_ids.len(), PRESENCE_USERS_MAX)?;
            Command::Presence { users: users(&presence.user_ids)? }
        }
        Wire::ListChats(list) => Command::ListChats {
            after: parse_optional("after", &list.after)?,
            limit: optional_limit(list.limit),
        },
        Wire::GetChat(get) => Command::GetChat { chat: chat(&get.chat_id)? },
        Wire::StartGroup(start) => {
            let command = ChatCommand::StartGroup(keys::start_from_wire(start.start)?);
            submit(&start.chat_id, start.client_seq, command, None)?
        }
        Wire::CommitKeys(commit) => {
            let command = ChatCommand::Commit(keys::commit_from_wire(commit.commit)?);
            submit(&commit.chat_id, commit.client_seq, command, None)?
        }
        Wire::SetCertificate(set) => {
            Command::SetCertificate(keys::certificate_from_wire("certificate", &set.certificate)?)
        }
        Wire::ListDevices(list) => {
            at_most("userIds", list.user_ids.len(), KEY_USERS_MAX)?;
            Command::ListDevices { users: users(&list.user_ids)? }
        }
        Wire::UploadKeyPackages(upload) => {
            at_most("packages", upload.packages.len(), KEY_PACKAGES_MAX)?;
            Command::UploadKeyPackages {
                suite: keys::suite_from_wire(upload.suite)?,
                packages: upload.packages,
                last_resort: Some(upload.last_resort).filter(|package| !package.is_empty()),
            }
        }
        Wire::ClaimKeyPackages(claim) => {
            at_most("userIds", claim.user_ids.len(), KEY_USERS_MAX)?;
            Command::ClaimKeyPackages {
                chat: chat(&claim.chat_id)?,
                change: Seq(claim.change),
                suite: keys::suite_from_wire(claim.suite)?,
                users: users(&claim.user_ids)?,
            }
        }
        Wire::GetGroupInfo(get) => Command::GetGroupInfo { chat: chat(&get.chat_id)? },
        Wire::RelayToDevices(relay) => {
            at_most_bytes("payload", relay.payload.len(), RELAYED_BYTES_MAX)?;
            if relay.payload.is_empty() {
                return Err(Invalid::missing("payload"));
            }
            Command::RelayToDevices { device: relay.device.map(DeviceNumber), payload: relay.payload }
        }
        Wire::CreateAttachment(create) => attachments::create_from_wire(&create)?,
        Wire::GetAttachmentUpload(get) => {
            Command::GetAttachmentUpload { id: attachments::id(&get.attachment_id)? }
        }
        Wire::CompleteAttachment(complete) => {
            Command::CompleteAttachment { id: attachments::id(&complete.attachment_id)? }
        }
        Wire::GetAttachment(get) => Command::GetAttachment {
            chat: chat(&get.chat_id)?,
            seq: Seq(get.seq),
            id: attachments::id(&get.attachment_id)?,
        },
    })
}

fn chat(text: &str) -> Result<ChatId, Invalid> {
    parse("chatId", text)
}

fn optional_limit(limit: u32) -> Option<u32> {
    (limit > 0).then_some(limit)
}

fn submit(
    chat_id: &str,
    client_seq: u64,
    command: ChatCommand,
    attestation: Option<proto::Attestation>,
) -> Result<Command, Invalid> {
    let attestation = keys::attestation_from_wire(attestation)?;
    Ok(Command::Submit { chat: chat(chat_id)?, client_seq: ClientSeq(client_seq), command, attestation })
}

fn positions(wire: &[proto::Position]) -> Result<Vec<Position>, Invalid> {
    at_most("positions", wire.len(), POSITIONS_MAX)?;
    wire.iter()
        .map(|position| {
            Ok(Position {
                chat: parse("positions.chatId", &position.chat_id)?,
                received: Seq(position.received),
                seen: Seq(position.seen),
            })
        })
        .collect()
}

fn send_message(send: proto::SendMessage) -> Result<Command, Invalid> {
    let body = match send.body {
        Some(WireBody::Text(text)) => Body::Text(text),
        Some(WireBody::Opaque(bytes)) => Body::Opaque(bytes),
        None => return Err(Invalid::new("body", "is required: text or opaque")),
    };
    let attachments = parse_all("attachmentIds", &send.attachment_ids)?;
    let epoch = send.epoch.map(|epoch| keys::epoch_from_wire(Some(epoch))).transpose()?;
    let command = ChatCommand::Send { body, reply_to: optional_seq(send.reply_to), attachments, epoch };
    submit(&send.chat_id, send.client_seq, command, None)
}

/// A link that the server makes, unless the command holds what the server is to know of one, or a signature.
fn set_invite_link(set: proto::SetInviteLink) -> Result<Command, Invalid> {
    let proto::SetInviteLink { chat_id, client_seq, withdraw, verifier, attestation } = set;
    let secret_hash = keys::optional_array("verifier", &verifier)?;
    if secret_hash.is_none() && attestation.is_none() {
        let (chat, client_seq) = (chat(&chat_id)?, ClientSeq(client_seq));
        return Ok(Command::SetInviteLink { chat, client_seq, withdraw });
    }
    if secret_hash.is_some() == withdraw {
        return Err(Invalid::new("withdraw", "a link is either made or withdrawn"));
    }
    submit(&chat_id, client_seq, ChatCommand::SetInvite { secret_hash }, attestation)
}

fn join_chat(join: proto::JoinChat) -> Result<Command, Invalid> {
    let proto::JoinChat { code, client_seq, attestation, chat_id } = join;
    if code.is_empty() {
        return submit(&chat_id, client_seq, ChatCommand::Join { secret: Bytes::new() }, attestation);
    }
    let code: InviteCode = parse("code", &code)?;
    if code.encryption == Encryption::Mls {
        return Err(Invalid::new("code", "the link of an encrypted chat is not for the server"));
    }
    let (client_seq, attestation) = (ClientSeq(client_seq), keys::attestation_from_wire(attestation)?);
    Ok(Command::JoinChat { code, client_seq, attestation })
}

fn create_chat(create: proto::CreateChat) -> Result<Command, Invalid> {
    let command = ChatCommand::Create {
        kind: kind_from_wire(create.kind)?,
        encryption: encryption_from_wire(create.encryption)?,
        name: create.name,
        description: create.description,
        members: parse_all("memberIds", &create.member_ids)?,
    };
    let attestation = keys::attestation_from_wire(create.attestation)?;
    Ok(Command::CreateChat { client_seq: ClientSeq(create.client_seq), command, attestation })
}

fn participants(modify: &proto::ModifyChatParticipants) -> Result<ChatCommand, Invalid> {
    let action = ParticipantAction::try_from(modify.action)
        .map_err(|_| Invalid::new("action", "is not an action on participants"))?;
    let users: Vec<UserId> = users(&modify.user_ids)?;
    let role = optional_role(modify.role)?;
    if role.is_some() && action != ParticipantAction::SetRole {
        return Err(Invalid::new("role", "belongs to action SET_ROLE only; whoever is added is a member"));
    }
    Ok(match action {
        ParticipantAction::Unspecified => return Err(Invalid::missing("action")),
        ParticipantAction::Add => ChatCommand::Add { users },
        ParticipantAction::Remove => ChatCommand::Remove { users },
        ParticipantAction::Ban => ChatCommand::Ban { users },
        ParticipantAction::Unban => ChatCommand::Unban { users },
        ParticipantAction::SetRole => {
            let [user] = users[..] else {
                return Err(Invalid::new("userIds", "must name exactly one user for SET_ROLE"));
            };
            ChatCommand::SetRole { user, role: role.ok_or_else(|| Invalid::missing("role"))? }
        }
    })
}

fn delete_message(delete: &proto::DeleteMessage) -> Result<Command, Invalid> {
    match DeleteScope::try_from(delete.scope) {
        Ok(DeleteScope::Me) => {
            Ok(Command::HideMessage { chat: chat(&delete.chat_id)?, seq: Seq(delete.seq) })
        }
        Ok(DeleteScope::Everyone) => {
            let target = Seq(delete.seq);
            submit(&delete.chat_id, delete.client_seq, ChatCommand::DeleteMessage { target }, None)
        }
        Ok(DeleteScope::Unspecified) => Err(Invalid::missing("scope")),
        Err(_) => Err(Invalid::new("scope", "is neither ME nor EVERYONE")),
    }
}

/// `None` for what no client may send (see [`Command::Submit`]); the server refuses the empty frame.
pub(crate) fn to_wire(command: &Command) -> Option<Wire> {
    Some(match command {
        Command::Authenticate { access_token } => {
            Wire::Authenticate(proto::Authenticate { access_token: access_token.clone() })
        }
        Command::Resume { positions, more } => Wire::Resume(proto::Resume {
            more: *more,
            positions: positions
                .iter()
                .map(|position| proto::Position {
                    chat_id: position.chat.to_string(),
                    received: position.received.0,
                    seen: position.seen.0,
                })
                .collect(),
        }),
        Command::Received { chat, seq } => {
            Wire::Received(proto::Received { chat_id: chat.to_string(), seq: seq.0 })
        }
        Command::MarkSeen { chat, seq } => {
            Wire::MarkSeen(proto::MarkSeen { chat_id: chat.to_string(), seq: seq.0 })
        }
        Command::SetTyping { chat, typing } => {
            Wire::SetTyping(proto::SetTyping { chat_id: chat.to_string(), typing: *typing })
        }
        Command::Submit { chat, client_seq, command, attestation } => {
            return submit_to_wire(*chat, *client_seq, command, attestation.as_deref());
        }
        Command::CreateChat { client_seq, command, attestation } => {
            return create_to_wire(*client_seq, command, attestation.as_deref());
        }
        Command::SetInviteLink { chat, client_seq, withdraw } => Wire::SetInviteLink(proto::SetInviteLink {
            chat_id: chat.to_string(),
            client_seq: client_seq.0,
            withdraw: *withdraw,
            verifier: Bytes::new(),
            attestation: None,
        }),
        Command::JoinChat { code, client_seq, attestation } => Wire::JoinChat(proto::JoinChat {
            code: code.to_string(),
            client_seq: client_seq.0,
            attestation: keys::attestation_to_wire(attestation.as_deref()),
            chat_id: String::new(),
        }),
        Command::HideMessage { chat, seq } => Wire::DeleteMessage(proto::DeleteMessage {
            chat_id: chat.to_string(),
            seq: seq.0,
            scope: DeleteScope::Me.into(),
            client_seq: 0,
        }),
        Command::History { chat, before, limit, sender } => Wire::History(proto::History {
            chat_id: chat.to_string(),
            before: seq_or_zero(*before),
            limit: limit.unwrap_or(0),
            sender_id: text_or_empty(sender.as_ref()),
        }),
        Command::MessageStatus { chat, seq } => {
            Wire::MessageStatus(proto::MessageStatus { chat_id: chat.to_string(), seq: seq.0 })
        }
        Command::Presence { users } => Wire::Presence(proto::Presence { user_ids: texts(users) }),
        Command::ListChats { after, limit } => Wire::ListChats(proto::ListChats {
            after: text_or_empty(after.as_ref()),
            limit: limit.unwrap_or(0),
        }),
        Command::GetChat { chat } => Wire::GetChat(proto::GetChat { chat_id: chat.to_string() }),
        Command::SetCertificate(certificate) => Wire::SetCertificate(proto::SetCertificate {
            certificate: keys::certificate_to_wire(certificate),
        }),
        Command::ListDevices { users } => Wire::ListDevices(proto::ListDevices { user_ids: texts(users) }),
        Command::UploadKeyPackages { suite, packages, last_resort } => {
            Wire::UploadKeyPackages(proto::UploadKeyPackages {
                suite: keys::suite_to_wire(*suite),
                packages: packages.clone(),
                last_resort: last_resort.clone().unwrap_or_default(),
            })
        }
        Command::ClaimKeyPackages { chat, change, suite, users } => {
            Wire::ClaimKeyPackages(proto::ClaimKeyPackages {
                chat_id: chat.to_string(),
                change: change.0,
                suite: keys::suite_to_wire(*suite),
                user_ids: texts(users),
            })
        }
        Command::GetGroupInfo { chat } => {
            Wire::GetGroupInfo(proto::GetGroupInfo { chat_id: chat.to_string() })
        }
        Command::RelayToDevices { device, payload } => Wire::RelayToDevices(proto::RelayToDevices {
            device: device.map(|device| device.0),
            payload: payload.clone(),
        }),
        Command::CreateAttachment { bytes, sha256, parts } => {
            Wire::CreateAttachment(attachments::create_to_wire(*bytes, *sha256, parts))
        }
        Command::GetAttachmentUpload { id } => {
            Wire::GetAttachmentUpload(proto::GetAttachmentUpload { attachment_id: id.to_string() })
        }
        Command::CompleteAttachment { id } => {
            Wire::CompleteAttachment(proto::CompleteAttachment { attachment_id: id.to_string() })
        }
        Command::GetAttachment { chat, seq, id } => Wire::GetAttachment(proto::GetAttachment {
            chat_id: chat.to_string(),
            seq: seq.0,
            attachment_id: id.to_string(),
        }),
    })
}

fn create_to_wire(
    client_seq: ClientSeq,
    command: &ChatCommand,
    attestation: Option<&Attestation>,
) -> Option<Wire> {
    let ChatCommand::Create { kind, encryption, name, description, members } = command else {
        return None;
    };
    Some(Wire::CreateChat(proto::CreateChat {
        client_seq: client_seq.0,
        kind: kind_to_wire(*kind).into(),
        encryption: encryption_to_wire(*encryption).into(),
        name: name.clone(),
        description: description.clone(),
        member_ids: texts(members),
        attestation: keys::attestation_to_wire(attestation),
    }))
}

fn submit_to_wire(
    chat: ChatId,
    client_seq: ClientSeq,
    command: &ChatCommand,
    attestation: Option<&Attestation>,
) -> Option<Wire> {
    let attestation = keys::attestation_to_wire(attestation);
    let (chat_id, client_seq) = (chat.to_string(), client_seq.0);
    let modify = |chat_id: String, action: ParticipantAction, users: &[UserId], role: Option<Role>| {
        Wire::ModifyChatParticipants(proto::ModifyChatParticipants {
            chat_id,
            client_seq,
            action: action.into(),
            user_ids: texts(users),
            role: role.map_or(proto::Role::Unspecified, role_to_wire).into(),
            attestation: attestation.clone(),
        })
    };
    Some(match command {
        ChatCommand::Create { .. } => return None,
        // A secret travels as part of a code.
        ChatCommand::Join { secret } if !secret.is_empty() => return None,
        ChatCommand::Join { .. } => {
            Wire::JoinChat(proto::JoinChat { code: String::new(), client_seq, attestation, chat_id })
        }
        ChatCommand::SetInvite { secret_hash } => Wire::SetInviteLink(proto::SetInviteLink {
            chat_id,
            client_seq,
            withdraw: secret_hash.is_none(),
            verifier: secret_hash.map_or_else(Bytes::new, |link| Bytes::copy_from_slice(&link)),
            attestation,
        }),
        ChatCommand::Send { body, reply_to, attachments, epoch } => Wire::SendMessage(proto::SendMessage {
            chat_id,
            client_seq,
            body: match body {
                Body::Text(text) => Some(WireBody::Text(text.clone())),
                Body::Opaque(bytes) => Some(WireBody::Opaque(bytes.clone())),
                Body::Gone(_) => None,
            },
            reply_to: seq_or_zero(*reply_to),
            attachment_ids: texts(attachments),
            epoch: epoch.map(keys::epoch_to_wire),
        }),
        ChatCommand::DeleteMessage { target } => Wire::DeleteMessage(proto::DeleteMessage {
            chat_id,
            seq: target.0,
            scope: DeleteScope::Everyone.into(),
            client_seq,
        }),
        ChatCommand::Update { name, description, picture } => Wire::UpdateChat(proto::UpdateChat {
            chat_id,
            client_seq,
            name: name.clone(),
            description: description.clone(),
            picture: picture.clone(),
        }),
        ChatCommand::Add { users } => modify(chat_id, ParticipantAction::Add, users, None),
        ChatCommand::Remove { users } => modify(chat_id, ParticipantAction::Remove, users, None),
        ChatCommand::Ban { users } => modify(chat_id, ParticipantAction::Ban, users, None),
        ChatCommand::Unban { users } => modify(chat_id, ParticipantAction::Unban, users, None),
        ChatCommand::SetRole { user, role } => {
            modify(chat_id, ParticipantAction::SetRole, &[*user], Some(*role))
        }
        ChatCommand::Leave => Wire::LeaveChat(proto::LeaveChat { chat_id, client_seq, attestation }),
        ChatCommand::DeleteChat => Wire::DeleteChat(proto::DeleteChat { chat_id, client_seq }),
        ChatCommand::StartGroup(start) => {
            let start = Some(keys::start_to_wire(start));
            Wire::StartGroup(proto::StartGroup { chat_id, client_seq, start })
        }
        ChatCommand::Commit(commit) => {
            let commit = Some(keys::commit_to_wire(commit));
            Wire::CommitKeys(proto::CommitKeys { chat_id, client_seq, commit })
        }
    })
}

/// The name of the command, as JSON has it.
pub(crate) const fn name(command: &Wire) -> &'static str {
    match command {
        Wire::Authenticate(_) => "authenticate",
        Wire::Resume(_) => "resume",
        Wire::Received(_) => "received",
        Wire::SendMessage(_) => "sendMessage",
        Wire::MarkSeen(_) => "markSeen",
        Wire::SetTyping(_) => "setTyping",
        Wire::CreateChat(_) => "createChat",
        Wire::UpdateChat(_) => "updateChat",
        Wire::ModifyChatParticipants(_) => "modifyChatParticipants",
        Wire::LeaveChat(_) => "leaveChat",
        Wire::DeleteChat(_) => "deleteChat",
        Wire::SetInviteLink(_) => "setInviteLink",
        Wire::JoinChat(_) => "joinChat",
        Wire::DeleteMessage(_) => "deleteMessage",
        Wire::History(_) => "history",
        Wire::MessageStatus(_) => "messageStatus",
        Wire::Presence(_) => "presence",
        Wire::ListChats(_) => "listChats",
        Wire::GetChat(_) => "getChat",
        Wire::StartGroup(_) => "startGroup",
        Wire::CommitKeys(_) => "commitKeys",
        Wire::SetCertificate(_) => "setCertificate",
        Wire::ListDevices(_) => "listDevices",
        Wire::UploadKeyPackages(_) => "uploadKeyPackages",
        Wire::ClaimKeyPackages(_) => "claimKeyPackages",
        Wire::GetGroupInfo(_) => "getGroupInfo",
        Wire::RelayToDevices(_) => "relayToDevices",
        Wire::CreateAttachment(_) => "createAttachment",
        Wire::GetAttachmentUpload(_) => "getAttachmentUpload",
        Wire::CompleteAttachment(_) => "completeAttachment",
        Wire::GetAttachment(_) => "getAttachment",
    }
}

/// Whether the command may come without an id, and is then answered only when it fails.
pub(crate) const fn needs_no_id(command: &Wire) -> bool {
    matches!(command, Wire::Received(_) | Wire::MarkSeen(_) | Wire::SetTyping(_))
}
