//! What the device holds, as the screen shows it.

use std::collections::BTreeMap;

use dunlin_client::content::Files;
use dunlin_client::query::{
    self, BodyView, ChatSummary, EventView, Happened, Item, MessageInfo, MessageStatus, MessageView,
    NoticeView, Preview,
};
use dunlin_client::search::Query;
use dunlin_model::{ChatId, ChatKind, EventKind, Role, Seq, UserId};

use crate::chat::model::News;
use crate::chat::text::one_line;
use crate::chat::view::{
    Body, ChatSort, ChatView, Entry, Found, Info, Keys, Message, Page, Place, Quote, Reactions, Tick, What,
    Window,
};
use crate::failure::Result;
use crate::plain;
use crate::session::{NO_WAIT, Session};

/// Chats in the list.
const CHATS_MAX: usize = 1_000;
/// What a search finds at most.
const FOUND_MAX: usize = 50;

/// What only the core's memory has of a chat.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    seen: Seq,
    newest: Seq,
    role: Option<Role>,
    is_deleted: bool,
}

impl Session {
    /// All chats.
    pub(super) async fn chat_views(&self) -> Result<Vec<ChatView>> {
        self.refresh_chats().await?;
        let me = self.me();
        let marks = self.look(move |client| {
            let mark = |chat: &dunlin_client::Chat| Mark {
                seen: chat.marks.seen,
                newest: chat.marks.cursor,
                role: chat.state.role(me),
                is_deleted: chat.state.deleted,
            };
            client.chats().map(|(id, chat)| (id, mark(chat))).collect::<BTreeMap<ChatId, Mark>>()
        });
        let marks = marks.await?;
        let summaries = self.device.chats(0, CHATS_MAX);
        let view = |summary| self.chat_view(summary, &marks);
        Ok(summaries.into_iter().map(view).collect())
    }

    fn chat_view(&self, summary: ChatSummary, marks: &BTreeMap<ChatId, Mark>) -> ChatView {
        let mark = marks.get(&summary.chat).copied().unwrap_or_default();
        let sort = match (summary.kind, summary.peer) {
            (ChatKind::Direct, Some(peer)) => ChatSort::Direct(peer),
            (ChatKind::Channel, _) => ChatSort::Channel,
            _ => ChatSort::Group,
        };
        let is_admin = mark.role.is_some_and(|role| role >= Role::Admin);
        let closed = if mark.is_deleted {
            Some("This chat was deleted.".to_owned())
        } else if !summary.is_member {
            Some("You are not in this chat any more.".to_owned())
        } else if let Some(why) = summary.distrusted {
            Some(format!("Nothing is sent here: {why}."))
        } else if summary.kind == ChatKind::Channel && !is_admin {
            Some("Only admins post here.".to_owned())
        } else {
            None
        };
        ChatView {
            chat: summary.chat,
            name: self.chat_name(summary.chat),
            sort,
            members: summary.members,
            unread: summary.unread,
            seen: mark.seen,
            newest: mark.newest,
            active: summary.active,
            waiting: summary.waiting,
            draft: summary.draft,
            moderates: is_admin && summary.kind != ChatKind::Direct,
            closed,
        }
    }

    /// A part of a chat. Gives with it who has a part in it.
    pub(super) async fn page(&self, chat: ChatId, window: Window) -> Result<(Page, Vec<UserId>)> {
        // How far the chat has got is asked before the page is read, so that no more is taken for shown than is.
        let newest = self.look(move |client| client.chat(chat).map(|chat| chat.marks.cursor)).await?;
        let newest = newest.unwrap_or_default();
        let end = window.end.filter(|end| *end < newest);
        let page = self.device.history(chat, end.map(Seq::next), window.count);
        let mut users = Vec::new();
        let mut entries = Vec::with_capacity(page.items.len());
        let mut nth: BTreeMap<Seq, u32> = BTreeMap::new();
        for item in page.items.into_iter().rev() {
            users.extend(users_of(&item));
            entries.push(match item {
                Item::Message(message) => self.message_entry(*message),
                Item::Event(event) => match self.event_entry(&event) {
                    Some(entry) => entry,
                    None => continue,
                },
                Item::Notice(notice) => {
                    let nth = nth.entry(notice.after).or_insert(0);
                    *nth += 1;
                    self.notice_entry(&notice, *nth)
                }
            });
        }
        entries.sort_by_key(|entry| entry.place);
        users.sort_unstable();
        users.dedup();
        let has_newer = end.is_some();
        Ok((Page { chat, entries, has_older: page.next_before.is_some(), has_newer, newest }, users))
    }

    fn message_entry(&self, message: MessageView) -> Entry {
        let sender = message.sender.user;
        let quote = message.reply_to.map(|reply| Quote {
            name: reply.sender.map_or_else(|| "?".to_owned(), |sender| self.name(sender.user)),
            text: preview_words(&reply.preview),
        });
        let reactions = message.reactions.into_iter();
        let tick = message.status.filter(|_| sender == self.me()).map(tick_of);
        let shown = Message {
            sender,
            name: self.name(sender),
            mine: sender == self.me(),
            body: if message.is_being_deleted { aside("is being deleted") } else { body_of(message.body) },
            quote,
            edited: message.edited.is_some(),
            reactions: reactions
                .map(|reaction| Reactions {
                    emoji: reaction.emoji,
                    count: reaction.users.len(),
                    mine: reaction.is_own,
                })
                .collect(),
            tick,
        };
        let place = match message.place {
            query::Place::At(seq) => Place::at(seq),
            query::Place::Waiting(number) => Place::Waiting(number),
        };
        Entry { place, time: message.time, what: What::Message(Box::new(shown)) }
    }

    /// What happened to the chat; `None` for what concerns keys alone, of which nobody needs to know.
    fn event_entry(&self, event: &EventView) -> Option<Entry> {
        if let Happened::Event(kind) = &event.what
            && matches!(**kind, EventKind::GroupStarted(_) | EventKind::Committed(_))
        {
            return None;
        }
        let text = one_line(&self.event_text(event));
        let what = What::Notice { text, alarming: false };
        Some(Entry { place: Place::at(event.seq), time: event.time, what })
    }

    fn notice_entry(&self, notice: &NoticeView, nth: u32) -> Entry {
        let text = one_line(&self.notice_text(&notice.notice));
        let what = What::Notice { text, alarming: true };
        Entry { place: Place::In(notice.after, nth), time: notice.time, what }
    }

    /// The keys of somebody.
    pub(super) async fn keys_news(&self, user: UserId) -> Result<News> {
        let known = self.known_keys(user).await?;
        let keys = known.map(|known| Keys {
            identity: known.identity,
            number: known.halves(),
            verified: known.verified,
        });
        Ok(News::Keys { user, name: self.name(user), keys })
    }

    /// Who has a message, and who they are. `None` where there is none.
    pub(super) fn message_info(&self, chat: ChatId, seq: Seq) -> Option<(Info, Vec<UserId>)> {
        let MessageInfo { message, recipients } = self.device.info(chat, seq)?;
        let users = recipients.iter().map(|(user, _)| *user).collect();
        let named = recipients.into_iter().map(|(user, status)| (self.name(user), tick_of(status)));
        let mut recipients: Vec<(String, Tick)> = named.collect();
        recipients.sort_by(|(one, far), (other, further)| further.cmp(far).then_with(|| one.cmp(other)));
        let (name, time) = (self.name(message.sender.user), message.time);
        let text = body_of(message.body).words().to_owned();
        Some((Info { seq, name, time, text, recipients }, users))
    }

    /// Starts a chat with one person, or a group with a title.
    pub(super) async fn start_chat(&self, people: &[String], title: String) -> Result<ChatId> {
        self.catch_up(NO_WAIT).await?;
        let mut members = Vec::new();
        for person in people {
            members.push(self.find_person(person).await?);
        }
        match members.as_slice() {
            [user] if title.is_empty() => self.start_direct(*user).await,
            _ => Ok(self.start_group(ChatKind::Group, title, members).await?.chat),
        }
    }

    /// Messages that hold all words of `text`.
    pub(super) fn found(&self, text: &str) -> Result<Vec<Found>> {
        let query = Query { text, chat: None, limit: FOUND_MAX };
        let found = self.device.find(&query).map_err(|error| self.device_failure(&error))?;
        let shown = found.into_iter().filter_map(|hit| {
            let query::Place::At(seq) = hit.message.place else { return None };
            Some(Found {
                chat: hit.chat,
                chat_name: self.chat_name(hit.chat),
                seq,
                time: hit.message.time,
                name: self.name(hit.message.sender.user),
                text: body_of(hit.message.body).words().to_owned(),
            })
        });
        Ok(shown.collect())
    }
}

fn users_of(item: &Item) -> Vec<UserId> {
    match item {
        Item::Message(message) => {
            let quoted = message.reply_to.as_ref().and_then(|reply| reply.sender);
            quoted.into_iter().chain([message.sender]).map(|device| device.user).collect()
        }
        Item::Event(event) => vec![event.sender.user],
        Item::Notice(_) => Vec::new(),
    }
}

const fn tick_of(status: MessageStatus) -> Tick {
    match status {
        MessageStatus::Waiting => Tick::Waiting,
        MessageStatus::Sent => Tick::Sent,
        MessageStatus::Delivered => Tick::Delivered,
        MessageStatus::Seen => Tick::Seen,
    }
}

fn aside(what: &str) -> Body {
    Body::Aside(format!("({what})"))
}

fn body_of(body: BodyView) -> Body {
    match body {
        BodyView::Text(text) => Body::Text(text.text),
        BodyView::Files(files) => Body::Aside(files_words(&files)),
        BodyView::Deleted => aside("deleted"),
        BodyView::Expired => aside("no longer kept by the server"),
        BodyView::Stub(why) => Body::Aside(format!("(cannot be read: {})", lower_first(&why.to_string()))),
        BodyView::Unknown { .. } => aside("of a kind that only a newer version shows"),
    }
}

fn files_words(files: &Files) -> String {
    let names: Vec<String> = files
        .attachments
        .iter()
        .map(|file| if file.file_name.is_empty() { file.media_type.clone() } else { file.file_name.clone() })
        .map(|name| format!("[{}]", plain::name(&name)))
        .collect();
    let names = names.join(" ");
    if files.caption.text.is_empty() { names } else { format!("{names}\n{}", files.caption.text) }
}

fn preview_words(preview: &Preview) -> String {
    match preview {
        Preview::Text(text) => text.clone(),
        Preview::Files { count: 1, name } if !name.is_empty() => format!("[{name}]"),
        Preview::Files { count, .. } => format!("[{count} files]"),
        Preview::Deleted => "(deleted)".to_owned(),
        Preview::Unreadable => "(cannot be read)".to_owned(),
        Preview::NotHere => "(a message that is not here)".to_owned(),
    }
}

/// A sentence within another.
fn lower_first(sentence: &str) -> String {
    let mut characters = sentence.trim_end_matches('.').chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_shown_says_why_in_the_place_of_words() {
        use dunlin_client::chats::StubReason;
        let said = |body| body_of(body).words().to_owned();
        assert_eq!(said(BodyView::Deleted), "(deleted)");
        assert_eq!(
            said(BodyView::Stub(StubReason::BeforeEntry)),
            "(cannot be read: it was sent before this device had the keys of the chat)"
        );
    }
}
