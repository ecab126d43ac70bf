//! What a device is asked: pages of chats, the list of chats, search. Each question locks the vault while it reads
//! the disk, so ask from a blocking thread where others wait.

use std::sync::PoisonError;

use dunlin_client::chats::StoredMessage;
use dunlin_client::content::Reference;
use dunlin_client::query::{self, ChatSummary, ChatView, Found, Item, MessageInfo, Page};
use dunlin_client::search::{self, Query};
use dunlin_client::{Key, Order, Rows, Value};
use dunlin_model::{ChatId, Seq, Timestamp};

use super::{Device, DeviceError};
use crate::vault::{Direction, KeyRange, Vault};

impl Device {
    /// A page of a chat, newest first: see [`query::history`].
    pub fn history(&self, chat: ChatId, before: Option<Seq>, limit: usize) -> Page {
        self.ask(|rows| query::history(rows, chat, before, limit))
    }

    /// What the server has lost of a chat and this device has kept, newest first: see [`query::set_aside`].
    pub fn set_aside(&self, chat: ChatId, before: Option<(Timestamp, Seq)>, limit: usize) -> Vec<Item> {
        self.ask(|rows| query::set_aside(rows, chat, before, limit))
    }

    /// The chats with something to show, by when something was last said: see [`query::chats`].
    pub fn chats(&self, skip: usize, limit: usize) -> Vec<ChatSummary> {
        self.ask(|rows| query::chats(rows, skip, limit))
    }

    /// One chat.
    pub fn chat(&self, chat: ChatId) -> Option<ChatView> {
        self.ask(|rows| query::chat(rows, chat))
    }

    /// What stands at a place of a chat, as a page shows it.
    pub fn view(&self, chat: ChatId, seq: Seq) -> Option<Item> {
        self.ask(|rows| query::view(rows, chat, seq))
    }

    /// Who has received and seen a message.
    pub fn info(&self, chat: ChatId, seq: Seq) -> Option<MessageInfo> {
        self.ask(|rows| query::info(rows, chat, seq))
    }

    /// What replies, edits and reactions name a message by.
    pub fn reference(&self, chat: ChatId, seq: Seq) -> Option<Reference> {
        self.ask(|rows| query::reference(rows, chat, seq))
    }

    /// What is stored at a place of a chat.
    pub fn message(&self, chat: ChatId, seq: Seq) -> Option<StoredMessage> {
        self.ask(|rows| query::message(rows, chat, seq))
    }

    /// Messages that hold all words of `text`, newest first.
    ///
    /// # Errors
    /// `Search`.
    pub fn find(&self, query: &Query<'_>) -> Result<Vec<Found>, DeviceError> {
        self.ask(|rows| query::find(rows, query)).map_err(|_| DeviceError::Search)
    }

    /// The places of such messages.
    ///
    /// # Errors
    /// `Search`.
    pub fn search(&self, query: &Query<'_>) -> Result<Vec<search::Message>, DeviceError> {
        self.ask(|rows| search::find(rows, query)).map_err(|_| DeviceError::Search)
    }

    fn ask<T>(&self, question: impl FnOnce(&dyn Rows) -> T) -> T {
        let vault = self.vault.lock().unwrap_or_else(PoisonError::into_inner);
        question(&VaultRows(&vault))
    }
}

/// A vault as the core reads it. A row that cannot be read counts as not there.
pub(super) struct VaultRows<'a>(pub(super) &'a Vault);

impl Rows for VaultRows<'_> {
    fn get(&self, key: &[u8]) -> Option<Value> {
        self.0.get(key).inspect_err(|error| tracing::warn!(%error, "a row cannot be read")).ok().flatten()
    }

    fn scan(&self, from: &[u8], until: &[u8], order: Order, limit: usize) -> Vec<(Key, Value)> {
        let direction = match order {
            Order::Ascending => Direction::Ascending,
            Order::Descending => Direction::Descending,
        };
        let range = KeyRange::between(from.to_vec(), until.to_vec());
        let page = self.0.scan(&range, direction, limit);
        page.inspect_err(|error| tracing::warn!(%error, "rows cannot be read"))
            .map_or_else(|_| Vec::new(), |page| page.rows)
    }
}
