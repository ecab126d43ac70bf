//! Starting chats, and comparing keys.

use dunlin_model::{ChatId, UserId};

use super::{Focus, Model, Overlay, Request};
use crate::chat::composer::Composer;
use crate::chat::view::{ChatSort, Keys};

/// What is typed to start a chat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::chat) struct Starting {
    /// Who is to be in it, with commas between them.
    pub(in crate::chat) people: Composer,
    /// What it is to be called, if it is a group.
    pub(in crate::chat) title: Composer,
    /// Whether the title is being typed.
    pub(in crate::chat) at_title: bool,
    /// Whether it was asked for.
    pub(in crate::chat) working: bool,
    /// Why it cannot be.
    pub(in crate::chat) said: Option<String>,
}

impl Starting {
    /// What is typed; nothing while it is asked for.
    pub(super) const fn field(&mut self) -> Option<&mut Composer> {
        match (self.working, self.at_title) {
            (true, _) => None,
            (false, true) => Some(&mut self.title),
            (false, false) => Some(&mut self.people),
        }
    }

    fn people(&self) -> Vec<String> {
        let names = self.people.text().split([',', ';', '\n']).map(str::trim);
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }
}

impl Model {
    pub(super) fn next_field(&mut self) {
        if let Some(Overlay::New(starting)) = &mut self.overlay {
            starting.at_title = !starting.at_title;
        }
    }

    /// Asks for the chat that was typed, or says what is missing.
    pub(super) fn start(&mut self, mut starting: Starting, out: &mut Vec<Request>) {
        if !starting.working {
            let (people, title) = (starting.people(), starting.title.text().trim().to_owned());
            starting.said = match (people.len(), title.is_empty()) {
                (0, true) => Some("Who is to be in it?".into()),
                (2.., true) => Some("A group needs a title.".into()),
                _ => None,
            };
            if starting.said.is_none() {
                starting.working = true;
                out.push(Request::Start { people, title });
            }
        }
        self.overlay = Some(Overlay::New(starting));
    }

    /// The chat that was asked for is there.
    pub(super) fn started(&mut self, chat: ChatId, out: &mut Vec<Request>) {
        if matches!(&self.overlay, Some(Overlay::New(starting)) if starting.working) {
            self.overlay = None;
            self.open_chat_at(chat, None, out);
        } else {
            self.note = Some("The new chat is there.".into());
        }
    }

    /// It is not, and why.
    pub(super) fn not_started(&mut self, why: String) {
        match &mut self.overlay {
            Some(Overlay::New(starting)) if starting.working => {
                (starting.working, starting.said) = (false, Some(why));
            }
            _ => self.note = Some(why),
        }
    }

    /// Shows the keys of whoever wrote the chosen message, or is the other one of the chat.
    pub(super) fn ask_keys(&mut self, out: &mut Vec<Request>) {
        let author = match (self.focus, &self.open) {
            (Focus::Browse, Some(open)) => {
                open.chosen_message().map(|message| (message.mine, message.sender))
            }
            _ => None,
        };
        let user = match author {
            Some((false, sender)) => Some(sender),
            Some((true, _)) | None => self.peer(),
        };
        match user {
            Some(user) => out.push(Request::Keys { user }),
            None => self.note = Some("Whose keys? Choose a message of theirs (Tab), then press v.".into()),
        }
    }

    /// The other one of the chat that is open, or that the list's cursor is on.
    fn peer(&self) -> Option<UserId> {
        let chat = match self.focus {
            Focus::List => self.cursor.and_then(|chat| self.chat(chat)),
            Focus::Compose | Focus::Browse => self.open_chat(),
        };
        match chat?.sort {
            ChatSort::Direct(user) => Some(user),
            ChatSort::Group | ChatSort::Channel => None,
        }
    }

    /// Notes that the digits were compared, or takes that back.
    pub(super) fn mark(&mut self, verified: bool, out: &mut Vec<Request>) {
        if let Some(Overlay::Verify { user, keys: Some(Keys { identity, .. }), .. }) = &self.overlay {
            out.push(Request::Verify { user: *user, identity: verified.then_some(*identity) });
        }
    }

    /// What an overlay shows that may be otherwise by now.
    pub(in crate::chat) fn look_again(&self) -> Option<Request> {
        match (&self.overlay, &self.open) {
            (Some(Overlay::Verify { user, .. }), _) => Some(Request::Keys { user: *user }),
            (Some(Overlay::Info { info, .. }), Some(open)) => {
                Some(Request::Info { chat: open.chat, seq: info.seq })
            }
            _ => None,
        }
    }
}
