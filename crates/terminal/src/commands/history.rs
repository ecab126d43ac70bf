//! Earlier messages, out of this device's vault.

use dunlin_client::query::{Found, Item, PAGE_ITEMS_MAX, Place};
use dunlin_client::search::Query;
use dunlin_model::{ChatId, Seq, UserId};

use crate::args::HistoryArgs;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::render::users_of;
use crate::session::{NO_WAIT, Session};

impl Session {
    pub(super) async fn history(&self, out: &mut Output, args: HistoryArgs) -> Result {
        if !args.offline {
            match self.catch_up(NO_WAIT).await {
                Err(Failure::Unreachable(why)) if self.known_chat(&args.chat).await?.is_some() => {
                    out.note(&format!("{why} This is what is stored here.")).await;
                }
                caught_up => caught_up?,
            }
        }
        let chat = match self.known_chat(&args.chat).await? {
            Some(chat) => chat,
            None if args.offline => {
                return Err(Failure::Failed(format!(
                    "Nothing is stored here of a chat called '{}'.",
                    args.chat
                )));
            }
            None => self.find_chat(&args.chat).await?,
        };
        let sender = match &args.from {
            None => None,
            Some(person) => Some(match self.known_person(person)? {
                Some(user) => user,
                None if args.offline => {
                    return Err(Failure::Failed(format!("Nobody is known here by '{person}'.")));
                }
                None => self.find_person(person).await?,
            }),
        };
        let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
        let is_wanted = |item: &Item| match (item, sender) {
            (_, None) => true,
            (Item::Message(message), Some(sender)) => message.sender.user == sender,
            (Item::Event(_) | Item::Notice(_), Some(_)) => false,
        };
        let items = if args.set_aside {
            self.set_aside(chat, limit, is_wanted)
        } else {
            self.earlier(chat, args.before.map(Seq), limit, is_wanted)
        };
        if !args.offline {
            self.learn_names_or_not(items.iter().flat_map(users_of)).await?;
        }
        for item in &items {
            out.line(&self.item(chat, item, out)).await?;
        }
        Ok(())
    }

    /// The newest `limit` of what is here before a place, ascending.
    fn earlier(
        &self,
        chat: ChatId,
        before: Option<Seq>,
        limit: usize,
        is_wanted: impl Fn(&Item) -> bool,
    ) -> Vec<Item> {
        let mut items = Vec::new();
        let mut next = before;
        while items.len() < limit {
            let page = self.device.history(chat, next, limit - items.len());
            items.extend(page.items.into_iter().filter(&is_wanted));
            next = page.next_before;
            if next.is_none() {
                break;
            }
        }
        items.truncate(limit);
        items.reverse();
        items
    }

    /// The newest `limit` of what was put aside, ascending.
    fn set_aside(&self, chat: ChatId, limit: usize, is_wanted: impl Fn(&Item) -> bool) -> Vec<Item> {
        let mut items = Vec::new();
        let mut before = None;
        while items.len() < limit {
            let page = self.device.set_aside(chat, before, PAGE_ITEMS_MAX);
            before = page.last().and_then(|item| match item {
                Item::Message(message) => match message.place {
                    Place::At(seq) => Some((message.time, seq)),
                    Place::Waiting(_) => None,
                },
                Item::Event(event) => Some((event.time, event.seq)),
                Item::Notice(_) => None,
            });
            let is_last = page.len() < PAGE_ITEMS_MAX || before.is_none();
            items.extend(page.into_iter().filter(&is_wanted));
            if is_last {
                break;
            }
        }
        items.truncate(limit);
        items.reverse();
        items
    }

    /// Without the names it is shown all the same.
    pub(super) async fn learn_names_or_not(&self, users: impl IntoIterator<Item = UserId>) -> Result {
        match self.learn_names(users).await {
            Err(failure @ (Failure::NotLoggedIn(_) | Failure::OutputClosed)) => Err(failure),
            _ => Ok(()),
        }
    }

    pub(super) async fn search(
        &self,
        out: &mut Output,
        text: &str,
        chat: Option<String>,
        limit: usize,
    ) -> Result {
        let chat = match chat {
            Some(chat) => Some(self.known_chat(&chat).await?.ok_or_else(|| {
                Failure::Failed(format!("You have no chat called '{chat}'. 'dunlin chats' lists them."))
            })?),
            None => None,
        };
        self.refresh_chats().await?;
        let query = Query { text, chat, limit };
        let mut found = self.device.find(&query).map_err(|error| self.device_failure(&error))?;
        // As in 'history': the newest stands last, where the eye is.
        found.reverse();
        if found.is_empty() && !out.is_json() {
            out.note("Nothing is found.").await;
        }
        for Found { chat, message } in found {
            let line = self.item(chat, &Item::Message(Box::new(message)), out);
            let place = if out.is_json() { String::new() } else { format!("[{}] ", self.chat_name(chat)) };
            out.line(&format!("{place}{line}")).await?;
        }
        Ok(())
    }
}
