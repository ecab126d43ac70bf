//! What happened to the clients, in order.

use std::collections::HashMap;

use dunlin_model::view::SkipReason;
use dunlin_model::{ChatId, ClientSeq, DeviceId, Seq, UserId};

/// A device of this history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Device(pub(super) u32);

/// A chat of this history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chat(pub(super) u32);

/// An event as a device saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// In which chat.
    pub chat: Chat,
    /// Its place.
    pub seq: Seq,
    /// Who caused it.
    pub sender: Device,
    /// The sender's number for it.
    pub number: ClientSeq,
    /// A hash of what it says; `None` when the body was emptied.
    pub body: Option<u64>,
    /// The server's time of it, in milliseconds since the Unix epoch.
    pub time_ms: u64,
}

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// The device is entitled to the chat from `from` to `to`, both included. May be said at any time.
    Entitled {
        /// Who.
        device: Device,
        /// To which chat.
        chat: Chat,
        /// From where on.
        from: Seq,
        /// Up to where; `None` for open.
        to: Option<Seq>,
    },
    /// The device sent a command, for the first time or again.
    Sent {
        /// Who.
        device: Device,
        /// Its number for it.
        number: ClientSeq,
        /// To which chat.
        chat: Chat,
        /// A hash of what it says, where it is known what the event will say.
        body: Option<u64>,
    },
    /// The device was told that the command was accepted.
    Accepted {
        /// Who.
        device: Device,
        /// Its number.
        number: ClientSeq,
        /// In which chat.
        chat: Chat,
        /// The place it got.
        seq: Seq,
        /// Whether the server said that it had been accepted before.
        repeated: bool,
    },
    /// The device was told definitely that the command was not and will not be applied.
    Refused {
        /// Who.
        device: Device,
        /// Its number.
        number: ClientSeq,
        /// In which chat.
        chat: Chat,
    },
    /// The device was told that its number is too old to say.
    TooOld {
        /// Who.
        device: Device,
        /// Its number.
        number: ClientSeq,
        /// In which chat.
        chat: Chat,
    },
    /// An event was pushed to the device, which stored it.
    Pushed {
        /// To whom.
        device: Device,
        /// What.
        entry: Entry,
    },
    /// An event stood in a page of the past that the device asked for.
    Listed {
        /// To whom.
        device: Device,
        /// What.
        entry: Entry,
    },
    /// A range was announced that the device does not get.
    Skipped {
        /// To whom.
        device: Device,
        /// In which chat.
        chat: Chat,
        /// First place.
        from: Seq,
        /// Last place.
        to: Seq,
        /// Why.
        reason: SkipReason,
    },
    /// A member's receipts were shown to the device.
    Receipt {
        /// To whom.
        viewer: Device,
        /// In which chat.
        chat: Chat,
        /// Whose.
        user: UserId,
        /// How far they have stored.
        delivered: Seq,
        /// How far they have seen.
        seen: Seq,
    },
    /// The device connected and restated what it holds.
    Connected {
        /// Who.
        device: Device,
    },
    /// The server was killed.
    Crashed,
}

/// What happened, in order, and the ids behind the short names in it.
#[derive(Debug, Clone, Default)]
pub struct History {
    devices: Vec<DeviceId>,
    device_index: HashMap<DeviceId, Device>,
    chats: Vec<ChatId>,
    chat_index: HashMap<ChatId, Chat>,
    records: Vec<Record>,
}

impl History {
    /// The short name of a device.
    pub fn device(&mut self, id: DeviceId) -> Device {
        let next = Device(u32::try_from(self.devices.len()).unwrap_or(u32::MAX));
        let devices = &mut self.devices;
        *self.device_index.entry(id).or_insert_with(|| {
            devices.push(id);
            next
        })
    }

    /// The short name of a chat.
    pub fn chat(&mut self, id: ChatId) -> Chat {
        let next = Chat(u32::try_from(self.chats.len()).unwrap_or(u32::MAX));
        let chats = &mut self.chats;
        *self.chat_index.entry(id).or_insert_with(|| {
            chats.push(id);
            next
        })
    }

    /// Notes what happened next.
    pub fn note(&mut self, record: Record) {
        self.records.push(record);
    }

    /// The id behind a short name.
    pub fn id_of(&self, chat: Chat) -> Option<ChatId> {
        self.chats.get(chat.0 as usize).copied()
    }

    /// Everything that happened.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The highest place of each chat that any client was told of.
    pub fn highest_places(&self) -> HashMap<Chat, Seq> {
        let mut highest: HashMap<Chat, Seq> = HashMap::new();
        for record in &self.records {
            if let Record::Accepted { chat, seq, .. }
            | Record::Pushed { entry: Entry { chat, seq, .. }, .. } = record
            {
                let known = highest.entry(*chat).or_default();
                *known = (*known).max(*seq);
            }
        }
        highest
    }

    /// The same names with other records.
    #[must_use]
    pub fn with_records(&self, records: Vec<Record>) -> Self {
        Self { records, ..self.clone() }
    }

    /// Where the device stands among those named so far, from zero.
    pub fn index_of(&self, device: Device) -> usize {
        device.0 as usize
    }

    pub(super) fn devices(&self) -> &[DeviceId] {
        &self.devices
    }

    pub(super) fn chats(&self) -> &[ChatId] {
        &self.chats
    }

    pub(super) fn device_id(&self, device: Device) -> String {
        self.devices
            .get(device.0 as usize)
            .map_or_else(|| "a device without a name".to_owned(), ToString::to_string)
    }

    pub(super) fn chat_id(&self, chat: Chat) -> String {
        self.chats
            .get(chat.0 as usize)
            .map_or_else(|| "a chat without a name".to_owned(), ToString::to_string)
    }
}
