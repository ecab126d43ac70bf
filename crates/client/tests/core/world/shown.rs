//! What a peer's person is shown: the queries, over the rows that the peer has stored.

use dunlin_client::content::{Attachment, Content, FileDigest, FileKey, Reference};
use dunlin_client::notice::Notice;
use dunlin_client::query::{self, BodyView, ChatSummary, Item, MessageView, Page, Place};
use dunlin_client::search::Query;
use dunlin_client::{Action, Input};
use dunlin_model::{AttachmentId, ChatId, Seq};

use super::World;

impl World {
    pub(crate) fn page(&self, peer: usize, chat: ChatId) -> Page {
        query::history(&self.peers[peer].rows, chat, None, query::PAGE_ITEMS_MAX)
    }

    /// The messages that a peer is shown, oldest first.
    pub(crate) fn messages(&self, peer: usize, chat: ChatId) -> Vec<MessageView> {
        let items = self.page(peer, chat).items.into_iter().rev();
        let message = |item| match item {
            Item::Message(message) => Some(*message),
            Item::Event(_) | Item::Notice(_) => None,
        };
        items.filter_map(message).collect()
    }

    /// What they say.
    pub(crate) fn shown(&self, peer: usize, chat: ChatId) -> Vec<String> {
        self.messages(peer, chat).iter().map(words).collect()
    }

    pub(crate) fn notices(&self, peer: usize, chat: ChatId) -> Vec<Notice> {
        let items = self.page(peer, chat).items.into_iter().rev();
        let notice = |item| match item {
            Item::Notice(view) => Some(view.notice),
            Item::Message(_) | Item::Event(_) => None,
        };
        items.filter_map(notice).collect()
    }

    /// The message that reads so.
    pub(crate) fn find_shown(&self, peer: usize, chat: ChatId, text: &str) -> MessageView {
        let found = self.messages(peer, chat).into_iter().find(|message| words(message) == text);
        found.unwrap_or_else(|| panic!("{text:?} is not among {:?}", self.shown(peer, chat)))
    }

    pub(crate) fn place(&self, peer: usize, chat: ChatId, text: &str) -> Seq {
        match self.find_shown(peer, chat, text).place {
            Place::At(seq) => seq,
            Place::Waiting(_) => panic!("{text:?} waits to be sent"),
        }
    }

    pub(crate) fn reference(&self, peer: usize, chat: ChatId, text: &str) -> Reference {
        self.find_shown(peer, chat, text).reference.unwrap()
    }

    pub(crate) fn send(&mut self, peer: usize, chat: ChatId, content: Content) -> u64 {
        self.act(peer, Action::Send { chat, content })
    }

    pub(crate) fn summary(&self, peer: usize, chat: ChatId) -> ChatSummary {
        let list = query::chats(&self.peers[peer].rows, 0, 100);
        list.into_iter().find(|summary| summary.chat == chat).unwrap()
    }

    /// What a peer finds, newest first.
    pub(crate) fn found(&self, peer: usize, text: &str) -> Vec<String> {
        let query = Query { text, chat: None, limit: 100 };
        let found = query::find(&self.peers[peer].rows, &query).unwrap();
        found.iter().map(|found| words(&found.message)).collect()
    }

    /// Wakes a peer whose time has come, connected or not, until nothing more is due.
    pub(crate) fn wake(&mut self, peer: usize) {
        while self.peers[peer].wake_at.is_some_and(|at| at <= self.now) {
            self.input(peer, Input::Tick);
        }
    }

    /// Whether a peer's rows hold these bytes anywhere.
    pub(crate) fn holds(&self, peer: usize, text: &str) -> bool {
        let bytes = text.as_bytes();
        self.peers[peer].rows.values().any(|value| value.windows(bytes.len()).any(|window| window == bytes))
    }
}

pub(crate) fn words(message: &MessageView) -> String {
    match &message.body {
        BodyView::Text(text) => text.text.clone(),
        BodyView::Files(files) => files.caption.text.clone(),
        BodyView::Deleted => "(deleted)".to_owned(),
        BodyView::Expired => "(expired)".to_owned(),
        BodyView::Stub(reason) => format!("({reason:?})"),
        BodyView::Unknown { kind } => format!("(kind {kind})"),
    }
}

pub(crate) fn picture() -> Attachment {
    Attachment {
        id: AttachmentId::from_bytes([4; 16]),
        key: FileKey([5; 32]),
        digest: FileDigest([6; 32]),
        size_bytes: 10,
        media_type: "image/webp".to_owned(),
        file_name: "heron.webp".to_owned(),
        thumbnail: Vec::new(),
        dimensions: None,
        duration_ms: 0,
        voice_note: None,
    }
}
