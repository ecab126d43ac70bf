//! The list of chats, and one chat by itself.

use std::cmp::Reverse;
use std::time::Duration;

use dunlin_model::{ChatId, Encryption};

use super::message::preview;
use super::reader::Reader;
use super::{ChatSummary, ChatView, LastView, MessageView};
use crate::chats::{About, Marks, is_of_own_devices};
use crate::reading::{Order, Rows, beginning_with, each_row};
use crate::rows;

/// Rows read at a time.
const PIECE_ROWS: usize = 256;

/// The chats, former ones included, by when something was last said in them, newest first: `limit` of them after
/// the first `skip`. Reads one small row of every chat, and more of those that are asked for.
pub fn chats(rows: &dyn Rows, skip: usize, limit: usize) -> Vec<ChatSummary> {
    let mut all: Vec<(ChatId, Marks)> = Vec::new();
    each_row(rows, beginning_with(rows::MARKS), Order::Ascending, PIECE_ROWS, |key, value| {
        let chat = key.strip_prefix(rows::MARKS).and_then(|id| ChatId::try_from(id).ok());
        all.extend(chat.zip(rows::decode(&value)));
        true
    });
    all.sort_by_key(|(chat, marks)| (Reverse(marks.active), *chat));
    let asked = all.into_iter().skip(skip).take(limit);
    shown(asked.filter_map(|(chat, marks)| Reader::with_marks(rows, chat, marks)))
}

/// The same of these chats, for whoever has the order already: see [`Client::chats_by_activity`](crate::Client::chats_by_activity).
pub fn summaries(rows: &dyn Rows, chats: impl IntoIterator<Item = ChatId>) -> Vec<ChatSummary> {
    shown(chats.into_iter().filter_map(|chat| Reader::open(rows, chat)))
}

fn shown<'a>(readers: impl Iterator<Item = Reader<'a>>) -> Vec<ChatSummary> {
    // One that was written to and does not exist is none, and what devices tell each other is not for people. Neither
    // was ever active, so they are the last.
    let is_shown = |reader: &Reader<'_>| reader.state.exists() && !reader.is_of_own_devices();
    readers.filter(is_shown).map(|reader| reader.summary()).collect()
}

/// One chat. `None` for what devices of one person tell each other, which no list has either.
pub fn chat(rows: &dyn Rows, chat: ChatId) -> Option<ChatView> {
    let reader = Reader::open(rows, chat).filter(|reader| !reader.is_of_own_devices())?;
    Some(reader.chat_view())
}

impl Reader<'_> {
    fn is_of_own_devices(&self) -> bool {
        self.waiting.title.is_none() && is_of_own_devices(&self.state, &self.marks, self.own.user)
    }

    fn summary(&self) -> ChatSummary {
        let state = &self.state;
        let own = self.own.user;
        let title = match state.encryption {
            Encryption::Mls => self.waiting.title.clone().or_else(|| self.marks.title.clone()),
            Encryption::None => Some(state.name.clone()),
        };
        let newest = self.waiting_messages().pop().or_else(|| self.last().map(|message| *message));
        ChatSummary {
            chat: self.chat(),
            kind: state.kind,
            encryption: state.encryption,
            title: title.unwrap_or_default(),
            peer: state.peer_of(own),
            is_member: state.role(own).is_some(),
            members: state.members.len(),
            unread: self.marks.unread.len(),
            draft: self.read(&rows::of_chat(rows::DRAFT, self.chat())).unwrap_or_default(),
            waiting: self.waiting.count,
            distrusted: self.marks.distrusted,
            last: newest.map(|message| {
                let preview = preview(&message.body);
                let MessageView { place, sender, time, status, .. } = message;
                LastView { place, sender, time, preview, status }
            }),
            active: self.marks.active,
        }
    }

    fn chat_view(&self) -> ChatView {
        let about: About = self.read(&rows::of_chat(rows::ABOUT, self.chat())).unwrap_or_default();
        let description = match self.state.encryption {
            Encryption::Mls => about.description,
            Encryption::None => self.state.description.clone(),
        };
        let timer = self.marks.timer;
        ChatView {
            summary: self.summary(),
            description,
            picture: about.picture.map(|picture| *picture),
            timer: (timer > 0).then(|| Duration::from_secs(timer.into())),
            members: self.state.members.iter().map(|(user, role)| (*user, *role)).collect(),
            banned: self.state.banned.iter().copied().collect(),
            seen: self.marks.seen,
        }
    }
}
