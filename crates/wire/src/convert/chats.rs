//! Chats as they are shown: kinds, roles, details, skipped ranges.

use bytes::Bytes;
use dunlin_model::view::{ChatBasis, ChatDetails, MemberView, SkipReason, Skipped};
use dunlin_model::{ChatId, ChatKind, Encryption, Epoch, Role, Seq, Timestamp};

use super::field::{Invalid, parse, parse_all, texts};
use super::keys::{epoch_from_wire, epoch_to_wire, optional_array, suite_from_wire, suite_to_wire};
use crate::proto;

pub(super) const fn kind_to_wire(kind: ChatKind) -> proto::ChatKind {
    match kind {
        ChatKind::Direct => proto::ChatKind::Direct,
        ChatKind::Group => proto::ChatKind::Group,
        ChatKind::Channel => proto::ChatKind::Channel,
    }
}

pub(super) fn kind_from_wire(kind: i32) -> Result<ChatKind, Invalid> {
    match proto::ChatKind::try_from(kind) {
        Ok(proto::ChatKind::Direct) => Ok(ChatKind::Direct),
        Ok(proto::ChatKind::Group) => Ok(ChatKind::Group),
        Ok(proto::ChatKind::Channel) => Ok(ChatKind::Channel),
        Ok(proto::ChatKind::Unspecified) => Err(Invalid::missing("kind")),
        Err(_) => Err(Invalid::new("kind", "is not a kind of chat")),
    }
}

pub(super) const fn encryption_to_wire(encryption: Encryption) -> proto::Encryption {
    match encryption {
        Encryption::None => proto::Encryption::None,
        Encryption::Mls => proto::Encryption::Mls,
    }
}

pub(super) fn encryption_from_wire(encryption: i32) -> Result<Encryption, Invalid> {
    match proto::Encryption::try_from(encryption) {
        Ok(proto::Encryption::None) => Ok(Encryption::None),
        Ok(proto::Encryption::Mls) => Ok(Encryption::Mls),
        Ok(proto::Encryption::Unspecified) => Err(Invalid::missing("encryption")),
        Err(_) => Err(Invalid::new("encryption", "is not a kind of encryption")),
    }
}

pub(super) const fn role_to_wire(role: Role) -> proto::Role {
    match role {
        Role::Member => proto::Role::Member,
        Role::Admin => proto::Role::Admin,
        Role::Owner => proto::Role::Owner,
    }
}

/// `None` where no role is named.
pub(super) fn optional_role(role: i32) -> Result<Option<Role>, Invalid> {
    match proto::Role::try_from(role) {
        Ok(proto::Role::Member) => Ok(Some(Role::Member)),
        Ok(proto::Role::Admin) => Ok(Some(Role::Admin)),
        Ok(proto::Role::Owner) => Ok(Some(Role::Owner)),
        Ok(proto::Role::Unspecified) => Ok(None),
        Err(_) => Err(Invalid::new("role", "is not a role")),
    }
}

pub(super) fn role_from_wire(role: i32) -> Result<Role, Invalid> {
    optional_role(role)?.ok_or_else(|| Invalid::missing("role"))
}

pub(super) fn details_to_wire(details: &ChatDetails) -> proto::ChatDetails {
    proto::ChatDetails {
        chat_id: details.chat.to_string(),
        kind: kind_to_wire(details.kind).into(),
        encryption: encryption_to_wire(details.encryption).into(),
        name: details.name.clone(),
        description: details.description.clone(),
        picture: details.picture.clone(),
        created_ms: details.created.0,
        head: details.head.0,
        received: details.received.0,
        seen: details.seen.0,
        role: details.role.map_or(proto::Role::Unspecified, role_to_wire).into(),
        member_count: details.member_count,
        members: details.members.iter().map(member_to_wire).collect(),
        deleted: details.deleted,
        has_invite_link: details.has_invite_link,
        basis: details.basis.as_deref().map(basis_to_wire),
    }
}

pub(super) fn details_from_wire(details: proto::ChatDetails) -> Result<ChatDetails, Invalid> {
    Ok(ChatDetails {
        chat: parse("chatId", &details.chat_id)?,
        kind: kind_from_wire(details.kind)?,
        encryption: encryption_from_wire(details.encryption)?,
        name: details.name,
        description: details.description,
        picture: details.picture,
        created: Timestamp(details.created_ms),
        head: Seq(details.head),
        received: Seq(details.received),
        seen: Seq(details.seen),
        role: optional_role(details.role)?,
        member_count: details.member_count,
        members: details.members.iter().map(member_from_wire).collect::<Result<_, _>>()?,
        deleted: details.deleted,
        has_invite_link: details.has_invite_link,
        basis: details.basis.map(basis_from_wire).transpose()?.map(Box::new),
    })
}

fn basis_to_wire(basis: &ChatBasis) -> proto::ChatBasis {
    let grouped = basis.suite.is_some();
    proto::ChatBasis {
        banned_ids: texts(&basis.banned),
        epoch: grouped.then(|| epoch_to_wire(basis.epoch)),
        oldest: grouped.then(|| epoch_to_wire(basis.oldest)),
        suite: basis.suite.map_or(0, suite_to_wire),
        devices: texts(&basis.devices),
        revoked: texts(&basis.revoked),
        since: basis.since.iter().map(|seq| seq.0).collect(),
        invite: basis.invite.map_or_else(Bytes::new, |link| Bytes::copy_from_slice(&link)),
    }
}

fn basis_from_wire(basis: proto::ChatBasis) -> Result<ChatBasis, Invalid> {
    let suite = if basis.suite == 0 { None } else { Some(suite_from_wire(basis.suite)?) };
    let epoch = |epoch| if suite.is_some() { epoch_from_wire(epoch) } else { Ok(Epoch::default()) };
    Ok(ChatBasis {
        banned: parse_all("basis.bannedIds", &basis.banned_ids)?,
        epoch: epoch(basis.epoch)?,
        oldest: epoch(basis.oldest)?,
        suite,
        devices: parse_all("basis.devices", &basis.devices)?,
        revoked: parse_all("basis.revoked", &basis.revoked)?,
        since: basis.since.into_iter().map(Seq).collect(),
        invite: optional_array("basis.invite", &basis.invite)?,
    })
}

fn member_to_wire(member: &MemberView) -> proto::Member {
    proto::Member {
        user_id: member.user.to_string(),
        role: role_to_wire(member.role).into(),
        online: member.online,
        delivered: member.delivered.0,
        seen: member.seen.0,
    }
}

fn member_from_wire(member: &proto::Member) -> Result<MemberView, Invalid> {
    Ok(MemberView {
        user: parse("members.userId", &member.user_id)?,
        role: role_from_wire(member.role)?,
        online: member.online,
        delivered: Seq(member.delivered),
        seen: Seq(member.seen),
    })
}

pub(super) fn skipped_to_wire(chat: ChatId, range: &Skipped) -> proto::Skipped {
    let reason = match range.reason {
        SkipReason::NotEntitled => proto::SkipReason::NotEntitled,
        SkipReason::Expired => proto::SkipReason::Expired,
        SkipReason::Hidden => proto::SkipReason::Hidden,
    };
    proto::Skipped { chat_id: chat.to_string(), from: range.from.0, to: range.to.0, reason: reason.into() }
}

pub(super) fn skipped_from_wire(skipped: &proto::Skipped) -> Result<(ChatId, Skipped), Invalid> {
    let reason = match proto::SkipReason::try_from(skipped.reason) {
        Ok(proto::SkipReason::NotEntitled) => SkipReason::NotEntitled,
        Ok(proto::SkipReason::Expired) => SkipReason::Expired,
        Ok(proto::SkipReason::Hidden) => SkipReason::Hidden,
        Ok(proto::SkipReason::Unspecified) => return Err(Invalid::missing("reason")),
        Err(_) => return Err(Invalid::new("reason", "is not a reason")),
    };
    if skipped.from > skipped.to {
        return Err(Invalid::new("from", "is above `to`"));
    }
    Ok((parse("chatId", &skipped.chat_id)?, Skipped { from: Seq(skipped.from), to: Seq(skipped.to), reason }))
}
