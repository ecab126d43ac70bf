//! The past of a chat as one reader may see it, and how far a message has got.

use std::collections::BTreeSet;

use dunlin_model::chat::{ChatState, Memberships};
use dunlin_model::view::{HistoryPage, MessageStatusView, SkipReason, Skipped, Status};
use dunlin_model::{ChatId, Event, Refusal, Seq, UserId};

use crate::chat::{Chat, READ_BYTES_MAX, body_bytes};
use crate::{Delivery, DeliveryError};

/// Events in a page of history when the reader does not say.
const PAGE_EVENTS: usize = 50;
/// Events in a page of history at the most.
const PAGE_EVENTS_MAX: usize = 200;
/// Bytes of bodies in a page, unless its newest event alone has more: pages of many requests wait in memory
/// for a client that reads slowly.
const PAGE_BYTES_MAX: usize = 256 * 1024;
/// Events read at a time, so that a page is not read much further than it reaches.
const STEP_EVENTS: usize = 64;
/// Events looked at for one page when it is filtered by sender.
const SCANNED_EVENTS_MAX: u64 = 2_000;

/// Which part of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryQuery {
    /// Only events below; `None` for from the end.
    pub before: Option<Seq>,
    /// Events in the page; `None` for the default. More than the limit gives the limit.
    pub limit: Option<u32>,
    /// Only messages of this user (R14).
    pub sender: Option<UserId>,
}

impl Delivery {
    /// A page of the past, bounded by what `reader` may see, without what they deleted for themselves.
    /// Cancel safe.
    ///
    /// # Errors
    /// `Refused` for strangers, `Store`.
    pub async fn history(
        &self,
        reader: UserId,
        chat: ChatId,
        query: HistoryQuery,
    ) -> Result<HistoryPage, DeliveryError> {
        let chat = self.current_chat(chat).await?;
        let (memberships, head) = readable(&chat, reader)?;
        let limit = query.limit.filter(|limit| *limit > 0).map_or(PAGE_EVENTS, |limit| {
            usize::try_from(limit).unwrap_or(PAGE_EVENTS_MAX).min(PAGE_EVENTS_MAX)
        });
        let mut page = HistoryPage { events: Vec::new(), skipped: Vec::new(), next_before: None };
        let mut before = query.before.unwrap_or(head.next()).min(head.next());
        let stop = Seq(before.0.saturating_sub(SCANNED_EVENTS_MAX));
        while page.events.len() < limit && before > Seq::FIRST && bytes(&page) < PAGE_BYTES_MAX {
            let Some(last) = memberships.last_covered(before.previous()) else {
                page.skipped.push(skipped(Seq::FIRST, before.previous(), SkipReason::NotEntitled));
                before = Seq::FIRST;
                break;
            };
            if last < before.previous() {
                page.skipped.push(skipped(last.next(), before.previous(), SkipReason::NotEntitled));
            }
            let stay_from = memberships
                .stays()
                .iter()
                .rev()
                .find(|stay| stay.from <= last)
                .map_or(Seq::FIRST, |s| s.from);
            let wanted = u64::try_from((limit - page.events.len()).min(STEP_EVENTS)).unwrap_or(1);
            let from = Seq(last.next().0.saturating_sub(wanted)).max(stay_from).max(Seq::FIRST);
            let reached_floor =
                self.read_backwards(&chat, reader, (from, last), query.sender, &mut page).await?;
            before = from;
            if reached_floor || (query.sender.is_some() && before <= stop) {
                if reached_floor {
                    before = Seq::FIRST;
                }
                break;
            }
        }
        page.events.sort_by_key(|event| event.seq);
        page.skipped.sort_by_key(|range| range.from);
        if let Some(first) = shorten(&mut page) {
            before = first;
        }
        page.next_before = (before > Seq::FIRST).then_some(before);
        Ok(page)
    }

    /// Reads a range into the page; gives whether everything below it was removed.
    async fn read_backwards(
        &self,
        chat: &Chat,
        reader: UserId,
        (from, to): (Seq, Seq),
        sender: Option<UserId>,
        page: &mut HistoryPage,
    ) -> Result<bool, DeliveryError> {
        let mut events = Vec::new();
        let mut next = from;
        while next <= to {
            let (entries, _) = chat.read(&*self.store, next, to, PAGE_EVENTS_MAX, READ_BYTES_MAX).await?;
            let Some(last) = entries.last() else { break };
            next = last.event.seq.next();
            events.extend(entries.into_iter().map(|entry| Event::clone(&entry.event)));
        }
        let first = events.first().map_or(to.next(), |event| event.seq);
        if first > from {
            page.skipped.push(skipped(Seq::FIRST, first.previous(), SkipReason::Expired));
        }
        let hidden = self.store.hidden(reader, chat.id, from, to, PAGE_EVENTS_MAX).await?;
        let hidden: BTreeSet<Seq> = hidden.into_iter().collect();
        for event in events {
            if hidden.contains(&event.seq) {
                page.skipped.push(skipped(event.seq, event.seq, SkipReason::Hidden));
            } else if sender.is_none_or(|user| event.is_message() && event.sender.user == user) {
                page.events.push(event);
            }
        }
        Ok(first > from)
    }

    /// How far a message has got with each recipient, and with the slowest (R7). Cancel safe.
    ///
    /// # Errors
    /// `Refused` for strangers and for what is no message, `Store`.
    pub async fn message_status(
        &self,
        reader: UserId,
        chat: ChatId,
        seq: Seq,
    ) -> Result<MessageStatusView, DeliveryError> {
        let chat = self.current_chat(chat).await?;
        let (memberships, head) = readable(&chat, reader)?;
        if !memberships.covers(seq) || seq > head {
            return Err(Refusal::NoSuchMessage.into());
        }
        let (entries, _) = chat.read(&*self.store, seq, seq, 1, usize::MAX).await?;
        let sender = entries
            .first()
            .filter(|entry| entry.event.seq == seq && entry.event.is_message())
            .map(|entry| entry.event.sender.user)
            .ok_or(Refusal::NoSuchMessage)?;
        chat.load_progress(&*self.store).await?;
        let entitled: Vec<UserId> = chat.look(|state| {
            let may_read = |user: &&UserId| state.may_read(**user, seq) && **user != sender;
            state.memberships.keys().filter(may_read).copied().collect()
        });
        let recipients: Vec<(UserId, Status)> = entitled
            .into_iter()
            .map(|user| {
                let receipt = chat.receipt(user);
                let status = if receipt.seen >= seq {
                    Status::Seen
                } else if receipt.delivered >= seq {
                    Status::Delivered
                } else {
                    Status::Sent
                };
                (user, status)
            })
            .collect();
        let status = recipients.iter().map(|(_, status)| *status).min().unwrap_or(Status::Sent);
        Ok(MessageStatusView { seq, status, recipients })
    }

    /// The chat, applied up to its head: whoever asks may be on a server that nobody woke for it.
    pub(crate) async fn current_chat(&self, id: ChatId) -> Result<std::sync::Arc<Chat>, DeliveryError> {
        let chat = self.chat(id).await?;
        if let Some(head) = self.store.heads(&[id]).await?.first() {
            chat.hint(*head);
        }
        if chat.is_behind() {
            chat.catch_up(&*self.store).await?;
        }
        Ok(chat)
    }
}

/// What `reader` may see of the chat, and up to where; strangers do not learn whether it exists.
pub(crate) fn readable(chat: &Chat, reader: UserId) -> Result<(Memberships, Seq), Refusal> {
    chat.look(|state: &ChatState| {
        let memberships = state.memberships_of(reader);
        match memberships.last_covered(state.head) {
            Some(head) => Ok((memberships, head)),
            None => Err(Refusal::NoSuchChat),
        }
    })
}

fn bytes(page: &HistoryPage) -> usize {
    page.events.iter().map(body_bytes).sum()
}

/// Drops the oldest events of a page that is too large; gives where it then begins, and the page before ends.
fn shorten(page: &mut HistoryPage) -> Option<Seq> {
    let mut left = PAGE_BYTES_MAX;
    let fits = |event: &&Event| {
        let fits = left.checked_sub(body_bytes(event));
        left = fits.unwrap_or(0);
        fits.is_some()
    };
    let kept = page.events.iter().rev().take_while(fits).count().max(1);
    let surplus = page.events.len().checked_sub(kept).filter(|surplus| *surplus > 0)?;
    page.events.drain(..surplus);
    let first = page.events.first()?.seq;
    page.skipped.retain(|range| range.from > first);
    Some(first)
}

fn skipped(from: Seq, to: Seq, reason: SkipReason) -> Skipped {
    Skipped { from, to, reason }
}
