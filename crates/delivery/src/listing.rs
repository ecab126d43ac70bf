//! The chats of a user, and what a user deletes for themselves.

use dunlin_model::view::{ChatDetails, MemberView};
use dunlin_model::{ChatId, ChatKind, DeviceId, Encryption, Progress, Seq, UserId};
use dunlin_relay::Signal;

use crate::chat::Chat;
use crate::history::readable;
use crate::{Delivery, DeliveryError};

/// Chats in a page when the reader does not say.
const PAGE_CHATS: u32 = 100;
/// Chats in a page at the most.
const PAGE_CHATS_MAX: u32 = 500;

impl Delivery {
    /// The chats of the device's user, ascending by id, former ones included; and where the next page
    /// begins. Cancel safe.
    ///
    /// # Errors
    /// `Store`.
    pub async fn chats(
        &self,
        device: DeviceId,
        after: Option<ChatId>,
        limit: Option<u32>,
    ) -> Result<(Vec<ChatDetails>, Option<ChatId>), DeliveryError> {
        let limit = limit.filter(|limit| *limit > 0).unwrap_or(PAGE_CHATS).min(PAGE_CHATS_MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let rows = self.store.inbox(device.user, after, limit).await?;
        let next = rows.last().map(|row| row.chat).filter(|_| rows.len() == limit);
        let ids: Vec<ChatId> = rows.iter().map(|row| row.chat).collect();
        let progress = self.store.device_progress(device, &ids).await?;
        let mut chats = Vec::with_capacity(rows.len());
        for (id, progress) in ids.into_iter().zip(progress) {
            let chat = self.current_chat(id).await?;
            chat.load_progress(&*self.store).await?;
            let with_members = chat.look(|state| state.kind == ChatKind::Direct);
            if let Some(details) = self.details(&chat, device.user, progress, with_members) {
                chats.push(details);
            }
        }
        Ok((chats, next))
    }

    /// One chat with its members. Cancel safe.
    ///
    /// # Errors
    /// `Refused` for strangers, `Store`.
    pub async fn chat_details(&self, device: DeviceId, chat: ChatId) -> Result<ChatDetails, DeliveryError> {
        let chat = self.current_chat(chat).await?;
        readable(&chat, device.user)?;
        chat.load_progress(&*self.store).await?;
        let progress = self.store.device_progress(device, &[chat.id]).await?;
        let progress = progress.first().copied().unwrap_or_default();
        self.details(&chat, device.user, progress, true)
            .ok_or_else(|| dunlin_model::Refusal::NoSuchChat.into())
    }

    fn details(
        &self,
        chat: &Chat,
        reader: UserId,
        progress: Progress,
        with_members: bool,
    ) -> Option<ChatDetails> {
        let (_, head) = readable(chat, reader).ok()?;
        let seen = chat.past_own_events(reader, chat.receipt(reader).seen).min(head);
        let mut details = chat.look(|state| ChatDetails {
            chat: state.id,
            kind: state.kind,
            encryption: state.encryption,
            name: state.name.clone(),
            description: state.description.clone(),
            picture: state.picture.clone(),
            created: state.created,
            head,
            received: progress.cursor().min(head),
            seen,
            role: state.role(reader),
            member_count: u32::try_from(state.members.len()).unwrap_or(u32::MAX),
            members: Vec::new(),
            deleted: state.deleted,
            has_invite_link: state.invite.is_some(),
            basis: (with_members && state.role(reader).is_some() && state.encryption == Encryption::Mls)
                .then(|| Box::new(state.basis())),
        });
        // Former members do not learn who is there now.
        if with_members && details.role.is_some() {
            let members: Vec<_> = chat.look(|state| state.members.iter().map(|(u, r)| (*u, *r)).collect());
            details.members = members
                .into_iter()
                .map(|(user, role)| {
                    let receipt = chat.receipt(user);
                    let online = self.shows_online(user);
                    MemberView { user, role, online, delivered: receipt.delivered, seen: receipt.seen }
                })
                .collect();
        }
        Some(details)
    }

    /// Deletes a message for the device's user alone, and tells their other devices (R9). May be repeated.
    ///
    /// # Errors
    /// `Refused` for what the user may not read, `Store`.
    pub async fn hide(&self, device: DeviceId, chat: ChatId, seq: Seq) -> Result<(), DeliveryError> {
        let chat = self.current_chat(chat).await?;
        let (memberships, head) = readable(&chat, device.user)?;
        if !memberships.covers(seq) || seq > head {
            return Err(dunlin_model::Refusal::NoSuchMessage.into());
        }
        self.store.hide(device.user, chat.id, seq).await?;
        self.registry.for_each(device.user, |session| {
            if session.device() != device {
                session.leave_hidden(chat.id, seq);
            }
        });
        let signal = Signal::Hidden { user: device.user, chat: chat.id, seq };
        self.relay.publish_signal(self.server, &[device.user], signal);
        Ok(())
    }

    /// Shows the members of a small chat that the device's user is typing, or stopped (R13). Nothing is kept.
    ///
    /// # Errors
    /// `Refused` for those who are not members, `Store`.
    pub async fn typing(&self, device: DeviceId, chat: ChatId, typing: bool) -> Result<(), DeliveryError> {
        let chat = self.current_chat(chat).await?;
        let user = device.user;
        let members: Vec<UserId> = chat.look(|state| match state.role(user) {
            None => Err(dunlin_model::Refusal::NotAMember),
            Some(_) => Ok(state.members.keys().copied().filter(|member| *member != user).collect()),
        })?;
        if members.len() >= self.config().signal_members_max {
            return Ok(());
        }
        for member in &members {
            self.registry.for_each(*member, |session| {
                if !session.leave_typing(chat.id, user, typing) {
                    self.metrics.signals_dropped.add(1);
                }
            });
        }
        self.relay.publish_signal(self.server, &members, Signal::Typing { chat: chat.id, user, typing });
        Ok(())
    }
}
