//! What the model asks for.

use std::collections::VecDeque;
use std::rc::Rc;

use dunlin_client::Action;
use dunlin_client::content::Content;
use dunlin_model::{ChatId, Seq, UserId};

use super::{Flow, Running};
use crate::chat::model::{News, Request};
use crate::failure::{Failure, Result};
use crate::session::NO_WAIT;

/// Pages that are loaded before a key is taken again.
const LOADS_MAX: usize = 16;

impl Running {
    /// Carries out what is asked for, in this order, and what follows from it.
    pub(super) async fn carry_out(&mut self, requests: Vec<Request>) -> Result<Flow> {
        let mut waiting: VecDeque<Request> = requests.into();
        let mut loads = 0;
        while let Some(request) = waiting.pop_front() {
            match request {
                Request::Leave => return Ok(Flow::Leave),
                Request::Redraw => self.screen.forget()?,
                Request::Suspend => self.screen.suspend()?,
                // A page may ask for the next one, but not for ever.
                Request::Load { .. } if loads >= LOADS_MAX => {}
                Request::Load { chat, window } => {
                    loads += 1;
                    if self.refreshed != Some(chat) {
                        self.refreshed = Some(chat);
                        self.act(Action::RefreshReceipts { chat }).await?;
                    }
                    let (page, users) = self.session.page(chat, window).await?;
                    self.learn(users);
                    waiting.extend(self.model.hear(News::Page(page)));
                }
                Request::Search { text } => {
                    let found = self.session.found(&text)?;
                    waiting.extend(self.model.hear(News::Found { text, found }));
                }
                Request::Say { chat, text, reply_to: None } => self.say(chat, Content::text(text)),
                Request::Say { chat, text, reply_to: Some(seq) } => {
                    self.say_about(chat, seq, |reference| Content::reply(reference, text));
                }
                Request::Edit { chat, seq, text } => {
                    self.say_about(chat, seq, |reference| Content::edit(reference, text));
                }
                Request::React { chat, seq, emoji, remove } => {
                    self.say_about(chat, seq, |reference| {
                        let make = if remove { Content::reaction_withdrawn } else { Content::reaction };
                        make(reference, emoji)
                    });
                }
                Request::Delete { chat, seq, everyone: true } => self.perform(Action::Delete { chat, seq }),
                Request::Delete { chat, seq, everyone: false } => {
                    self.act(Action::Hide { chat, seq }).await?;
                }
                Request::Cancel { chat, number } => self.act(Action::Cancel { chat, place: number }).await?,
                Request::Seen { chat, seq } => self.act(Action::MarkSeen { chat, seq }).await?,
                Request::Typing { chat, typing } => self.act(Action::SetTyping { chat, typing }).await?,
                Request::Draft { chat, text } => self.act(Action::SetDraft { chat, text }).await?,
                Request::Start { people, title } => self.start(people, title),
                Request::Keys { user } => {
                    self.learn(vec![user]);
                    let news = self.session.keys_news(user).await?;
                    waiting.extend(self.model.hear(news));
                }
                Request::Verify { user, identity } => {
                    self.session.set_verified(user, identity).await?;
                    waiting.push_back(Request::Keys { user });
                }
                Request::Info { chat, seq } => match self.session.message_info(chat, seq) {
                    Some((info, users)) => {
                        self.learn(users);
                        waiting.extend(self.model.hear(News::Info(info)));
                    }
                    None => self.model.note = Some("Of that it is not known who has it.".into()),
                },
                Request::Watch { users } => self.act(Action::WatchPresence { users }).await?,
            }
        }
        Ok(Flow::On)
    }

    /// Asks for what needs no answer.
    async fn act(&self, action: Action) -> Result {
        self.session.act(self.session.feed.next_token(), action).await
    }

    fn say_about(
        &mut self,
        chat: ChatId,
        seq: Seq,
        make: impl FnOnce(dunlin_client::content::Reference) -> Content,
    ) {
        match self.session.device.reference(chat, seq) {
            Some(reference) => self.say(chat, make(reference)),
            None => self.model.note = Some("That message cannot be named any more.".into()),
        }
    }

    fn say(&self, chat: ChatId, content: Content) {
        self.perform(Action::Send { chat, content });
    }

    /// Asks for something that may be refused, and tells when it is. It is kept at once, whether the server is there
    /// or not; tasks begin in the order in which they are spawned, so that what was said first goes first.
    fn perform(&self, action: Action) {
        let (session, news) = (Rc::clone(&self.session), self.news.clone());
        tokio::task::spawn_local(async move {
            if let Err(failure @ (Failure::Refused { .. } | Failure::Failed(_))) =
                session.perform(action, NO_WAIT).await
            {
                // With so much to tell, one more would not be read.
                let _ = news.try_send(News::Note(failure.to_string()));
            }
        });
    }

    /// Starts a chat. It takes its time: keys of others are needed.
    fn start(&self, people: Vec<String>, title: String) {
        let (session, news) = (Rc::clone(&self.session), self.news.clone());
        tokio::task::spawn_local(async move {
            let told = match session.start_chat(&people, title).await {
                Ok(chat) => News::Started(chat),
                Err(failure) => News::NotStarted(failure.to_string()),
            };
            // Nobody waits for it when the screen is left.
            let _ = news.send(told).await;
        });
    }

    /// Asks for the names of people who were not asked for yet.
    pub(super) fn learn(&mut self, users: Vec<UserId>) {
        let unknown: Vec<UserId> = users.into_iter().filter(|user| self.asked.insert(*user)).collect();
        if unknown.is_empty() {
            return;
        }
        let (session, news) = (Rc::clone(&self.session), self.news.clone());
        tokio::task::spawn_local(async move {
            // Without names, people are shown as they are known.
            if session.learn_names(unknown).await.is_ok() {
                let _ = news.try_send(News::Time(session.now()));
            }
        });
    }

    /// Asks for the contacts, and for the names of those with whom there are chats.
    pub(super) fn learn_all(&mut self) {
        self.asked.clear();
        let (session, news) = (Rc::clone(&self.session), self.news.clone());
        tokio::task::spawn_local(async move {
            let _ = session.learn_contacts().await;
            let _ = session.learn_names(session.peers()).await;
            let _ = news.try_send(News::Time(session.now()));
        });
    }
}
