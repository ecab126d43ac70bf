//! What happened, as the app hears of it, and what became of what it asked for.

use dunlin_client::{Change, Effects, LinkEnd, Want};
use dunlin_model::{ChatId, Seq, UserId};
use dunlin_wire::{Format, encode_client};
use serde::Serialize;

use crate::plain::{Octets, Text, millis};
use crate::views::FailureView;

/// What follows from a step, once its changes are stored: as `Effects` in `web/src/core/worker/core.ts`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outcome {
    /// Frames, in this order.
    pub(crate) send: Vec<Octets>,
    wants: Vec<Errand>,
    /// When a tick is wanted.
    pub(crate) wake_at: Option<f64>,
    /// For the app.
    pub(crate) events: Vec<Event>,
    /// What became of commands.
    ends: Vec<End>,
    /// Messages of others that are new.
    news: Vec<News>,
    reconnect: bool,
    search_damaged: bool,
    /// There is an account now, and what came before it has ended.
    pub(crate) account_made: bool,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Errand {
    Fetch { chat: Text<ChatId>, seq: Option<Seq>, hash: Octets },
    Store { chat: Text<ChatId>, hash: Octets, bytes: Octets },
    Load { chat: Text<ChatId>, after: Seq },
}

#[derive(Debug, Serialize)]
struct News {
    chat: Text<ChatId>,
    seq: Seq,
}

#[derive(Debug, Serialize)]
pub(crate) struct End {
    token: u64,
    chat: Option<Text<ChatId>>,
    seq: Option<Seq>,
    code: Option<String>,
    failure: Option<FailureView>,
    /// The chat's id is known; more follows.
    created: bool,
}

/// As `CoreEvent` in `web/src/core/api.ts`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Event {
    Chats,
    Chat {
        chat: Text<ChatId>,
    },
    Messages {
        chat: Text<ChatId>,
        seqs: Seqs,
    },
    Typing {
        chat: Text<ChatId>,
        user: Text<UserId>,
        typing: bool,
    },
    Presence {
        presence: Presence,
    },
    People,
    LinkAsked {
        device: u32,
    },
    LinkCode {
        device: u32,
        code: String,
    },
    LinkEnded {
        device: u32,
        failure: Option<FailureView>,
    },
    Refused {
        chat: Text<ChatId>,
        failure: FailureView,
        /// They stand in the draft again.
        words: Option<String>,
    },
    /// Of this browser, while another device is to let it in.
    Entering {
        text: Option<String>,
        code: Option<String>,
        others: Vec<u32>,
        failure: Option<FailureView>,
    },
    CaughtUp,
}

/// Places in a chat.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Seqs {
    These(Vec<Seq>),
    All(&'static str),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Presence {
    user: Text<UserId>,
    online: bool,
    last_seen: Option<f64>,
}

impl Outcome {
    /// Takes what a step gives, but for what is to be stored. `me` is this person.
    pub(crate) fn of(effects: Effects, me: UserId) -> Self {
        let mut outcome = Self { wake_at: effects.wake_at.map(millis), ..Self::default() };
        for frame in &effects.send {
            let mut bytes = Vec::new();
            encode_client(Format::Proto, frame, &mut bytes);
            outcome.send.push(Octets(bytes));
        }
        for want in effects.wants {
            outcome.want(want);
        }
        for change in effects.changes {
            outcome.change(change, me);
        }
        outcome
    }

    fn want(&mut self, want: Want) {
        self.wants.push(match want {
            Want::FetchBlob { chat, seq, hash } => {
                Errand::Fetch { chat: Text(chat), seq, hash: Octets(hash.to_vec()) }
            }
            Want::StoreBlob { chat, hash, bytes } => {
                let (hash, bytes) = (Octets(hash.to_vec()), Octets(bytes.to_vec()));
                Errand::Store { chat: Text(chat), hash, bytes }
            }
            Want::LoadMessages { chat, after } => Errand::Load { chat: Text(chat), after },
            Want::Reconnect => {
                self.reconnect = true;
                return;
            }
        });
    }

    fn chats(&mut self) {
        if !self.events.iter().any(|event| matches!(event, Event::Chats)) {
            self.events.push(Event::Chats);
        }
    }

    fn messages(&mut self, chat: ChatId, seqs: Option<Seq>) {
        let seqs = seqs.map_or(Seqs::All("all"), |seq| Seqs::These(vec![seq]));
        self.events.push(Event::Messages { chat: Text(chat), seqs });
        self.chats();
    }

    fn chat(&mut self, chat: ChatId) {
        self.events.push(Event::Chat { chat: Text(chat) });
        self.chats();
    }

    fn end(&mut self, token: u64) -> &mut End {
        let (chat, seq, code, failure) = (None, None, None, None);
        self.ends.push(End { token, chat, seq, code, failure, created: false });
        self.ends.last_mut().expect("one was pushed")
    }

    fn change(&mut self, change: Change, me: UserId) {
        match change {
            Change::Created { token, chat } => {
                let end = self.end(token);
                (end.chat, end.created) = (Some(Text(chat)), true);
                self.chats();
            }
            Change::Message { chat, message } => {
                if message.sender.user != me {
                    self.news.push(News { chat: Text(chat), seq: message.seq });
                }
                self.messages(chat, Some(message.seq));
            }
            Change::MessageChanged { chat, seq } => self.messages(chat, Some(seq)),
            Change::Noticed { chat, .. }
            | Change::Missing { chat, .. }
            | Change::Gap { chat, .. }
            | Change::Restored { chat }
            | Change::CommitFailed { chat, .. }
            | Change::Waits { chat, .. }
            | Change::Receipt { chat, .. } => self.messages(chat, None),
            Change::Distrusted { chat, .. } => {
                self.messages(chat, None);
                self.chat(chat);
            }
            Change::InviteMade { token, chat, code } => {
                let end = self.end(token);
                (end.chat, end.code) = (Some(Text(chat)), Some(code.to_string()));
                self.chat(chat);
            }
            Change::Accepted { token, chat, seq } => {
                let end = self.end(token);
                (end.chat, end.seq) = (Some(Text(chat)), Some(seq));
                self.messages(chat, Some(seq));
            }
            Change::Refused { token, chat, why, words } => {
                let end = self.end(token);
                (end.chat, end.failure) = (Some(Text(chat)), Some((&why).into()));
                self.messages(chat, None);
                self.events.push(Event::Refused { chat: Text(chat), failure: (&why).into(), words });
            }
            Change::ChatChanged { chat } => self.chat(chat),
            Change::IdentityChanged { .. } | Change::Verified { .. } | Change::FaceChanged { .. } => {
                self.events.push(Event::People);
            }
            Change::SearchDamaged => self.search_damaged = true,
            Change::Typing { chat, user, typing } => {
                self.events.push(Event::Typing { chat: Text(chat), user: Text(user), typing });
            }
            Change::Presence(presence) => self.events.push(Event::Presence {
                presence: Presence {
                    user: Text(presence.user),
                    online: presence.online,
                    last_seen: presence.last_seen.map(millis),
                },
            }),
            Change::CaughtUp => self.events.push(Event::CaughtUp),
            Change::LinkAsked { device } => self.events.push(Event::LinkAsked { device: device.number.0 }),
            Change::LinkCode { device, code } => {
                self.events.push(Event::LinkCode { device: device.number.0, code: code.to_string() });
            }
            Change::LinkEnded { device, why } => {
                let failure = (why != LinkEnd::Linked).then(|| link_failure(&why.to_string()));
                self.events.push(Event::LinkEnded { device: device.number.0, failure });
            }
            // Nobody here asks, and nobody waits for the rest.
            Change::Answered { .. } | Change::Announced | Change::CertificateRefused { .. } => {}
        }
    }
}

/// Why linking ended.
pub(crate) fn link_failure(message: &str) -> FailureView {
    FailureView { code: "unlinked".to_owned(), message: message.to_owned(), retry_after: None }
}
