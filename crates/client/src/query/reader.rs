//! What every question about a chat needs of it, read once.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use dunlin_model::chat::{ChatState, Memberships, draft};
use dunlin_model::{
    Body, ChatCommand, ChatId, ClientSeq, DecisionContext, DeviceId, Event, Seq, Timestamp, UserId,
};
use dunlin_wire::Command;

use super::{MessageStatus, message, own};
use crate::chats::{Marks, StoredMessage};
use crate::content::{ChatMetadata, Content, Edit, Envelope, Expected, Reaction, Text};
use crate::outbox::{Entry, Wish};
use crate::reading::{Order, Rows, beginning_with, each_row};
use crate::rows;
use crate::sync::unlimited;

/// Rows read at a time.
const PIECE_ROWS: usize = 256;

/// A chat's rows.
pub(super) struct Reader<'a> {
    pub(super) rows: &'a dyn Rows,
    chat: ChatId,
    pub(super) own: DeviceId,
    pub(super) state: ChatState,
    pub(super) marks: Marks,
    pub(super) waiting: Waiting,
    receipts: OnceCell<BTreeMap<UserId, (Seq, Seq)>>,
}

/// What waits in the outbox.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) count: usize,
    /// In the order in which they were written.
    pub(super) messages: Vec<(u64, Timestamp, Content)>,
    pub(super) edits: BTreeMap<Seq, (Timestamp, Edit)>,
    pub(super) reactions: BTreeMap<Seq, Reaction>,
    pub(super) deletions: BTreeSet<Seq>,
    pub(super) title: Option<String>,
    creation: Option<ChatCommand>,
}

impl<'a> Reader<'a> {
    /// `None` where there is no such chat, or no account.
    pub(super) fn open(rows: &'a dyn Rows, chat: ChatId) -> Option<Self> {
        let marks = rows.get(&rows::of_chat(rows::MARKS, chat)).and_then(|value| rows::decode(&value));
        Self::with_marks(rows, chat, marks?)
    }

    pub(super) fn with_marks(rows: &'a dyn Rows, chat: ChatId, marks: Marks) -> Option<Self> {
        let own = own(rows)?;
        let waiting = Waiting::read(rows, chat, own);
        let stored: Option<ChatState> =
            rows.get(&rows::of_chat(rows::STATE, chat)).and_then(|value| rows::decode(&value));
        let state = stored.filter(ChatState::exists).unwrap_or_else(|| waiting.state(chat, own));
        Some(Self { rows, chat, own, state, marks, waiting, receipts: OnceCell::new() })
    }

    pub(super) fn chat(&self) -> ChatId {
        self.chat
    }

    pub(super) fn message(&self, seq: Seq) -> Option<StoredMessage> {
        message(self.rows, self.chat, seq)
    }

    pub(super) fn read<T: serde::de::DeserializeOwned>(&self, key: &[u8]) -> Option<T> {
        self.rows.get(key).and_then(|value| rows::decode(&value))
    }

    /// Everyone who may read what stands at `seq`, but its author, with how far they have got.
    pub(super) fn recipients(&self, seq: Seq, author: UserId) -> Vec<(UserId, MessageStatus)> {
        let receipts = self.receipts();
        let may_read = |(user, stays): &(&UserId, &Memberships)| **user != author && stays.covers(seq);
        let status = |user: &UserId| match receipts.get(user) {
            Some((_, seen)) if *seen >= seq => MessageStatus::Seen,
            Some((delivered, _)) if *delivered >= seq => MessageStatus::Delivered,
            _ => MessageStatus::Sent,
        };
        self.state.memberships.iter().filter(may_read).map(|(user, _)| (*user, status(user))).collect()
    }

    /// How far an own message has got.
    pub(super) fn status(&self, seq: Seq, author: UserId) -> Option<MessageStatus> {
        if author != self.own.user {
            return None;
        }
        let least = self.recipients(seq, author).into_iter().map(|(_, status)| status).min();
        Some(least.unwrap_or(MessageStatus::Sent))
    }

    fn receipts(&self) -> &BTreeMap<UserId, (Seq, Seq)> {
        self.receipts.get_or_init(|| {
            let mut receipts = BTreeMap::new();
            let range = beginning_with(&rows::of_chat(rows::RECEIPT, self.chat));
            each_row(self.rows, range, Order::Ascending, PIECE_ROWS, |key, value| {
                if let (Some((_, user, _)), Some(receipt)) =
                    (rows::user_of(rows::RECEIPT, &key), rows::decode(&value))
                {
                    receipts.insert(user, receipt);
                }
                true
            });
            receipts
        })
    }
}

impl Waiting {
    fn read(rows: &dyn Rows, chat: ChatId, own: DeviceId) -> Self {
        let mut waiting = Self::default();
        let range = beginning_with(&rows::of_chat(rows::OUTBOX, chat));
        each_row(rows, range, Order::Ascending, PIECE_ROWS, |_, value| {
            if let Some(Entry { place, wish, .. }) = rows::decode::<Entry>(&value) {
                waiting.count += 1;
                waiting.take(chat, own, place, wish);
            }
            true
        });
        waiting
    }

    fn take(&mut self, chat: ChatId, own: DeviceId, place: u64, wish: Wish) {
        match wish {
            Wish::Content(sealed) => {
                let expected = Expected { chat, sender: own, client_seq: ClientSeq(0) };
                let Ok(Envelope { sent, content, .. }) = Envelope::open(&sealed, &expected) else { return };
                match content {
                    Content::Edit(edit) => drop(self.edits.insert(edit.target.seq, (sent, edit))),
                    Content::Reaction(reaction) => {
                        drop(self.reactions.insert(reaction.target.seq, reaction));
                    }
                    Content::ChatMetadata(ChatMetadata { name: Some(name), .. }) => self.title = Some(name),
                    Content::ChatMetadata(_) | Content::DisappearingTimer { .. } | Content::OwnMarks(_) => {}
                    content => self.messages.push((place, sent, content)),
                }
            }
            Wish::Command(frame) => match crate::outbox::read(&frame) {
                Some(Command::Submit {
                    command: ChatCommand::Send { body: Body::Text(text), .. }, ..
                }) => {
                    let content = Content::Text(Text { text, ..Text::default() });
                    self.messages.push((place, Timestamp::default(), content));
                }
                Some(Command::Submit { command: ChatCommand::DeleteMessage { target }, .. }) => {
                    self.deletions.insert(target);
                }
                _ => {}
            },
            Wish::Create(frame) => {
                if let Some(Command::CreateChat { command, .. }) = crate::outbox::read(&frame) {
                    self.creation = Some(command);
                }
            }
            Wish::Invite(_) | Wish::Join(_) | Wish::Suite(_) => {}
        }
    }

    /// What a chat will be that waits to be created.
    fn state(&self, chat: ChatId, own: DeviceId) -> ChatState {
        let mut state = ChatState::before_creation(chat);
        let Some(command) = self.creation.clone() else { return state };
        let created = draft(&state, &unlimited(), own, command, &DecisionContext::default());
        if let Ok(kind) = created {
            let (seq, time, client_seq) = (Seq::FIRST, Timestamp::default(), ClientSeq(0));
            state.apply(&Event { seq, time, sender: own, client_seq, kind, attestation: None });
        }
        state
    }
}
