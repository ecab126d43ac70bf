//! What happens when: one task that hears what all sample people hear, and has them do something about it, now or soon.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dunlin_client::content::{Content, Reaction, Text};
use dunlin_client::query::{Item, MessageView, Place};
use dunlin_client::{Action, Change};
use dunlin_client_native::SystemClock;
use dunlin_client_native::device::{Device, DeviceEvent};
use dunlin_model::{ChatCommand, ChatId, ChatKind, Clock as _, Encryption, Seq, UserId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Reception;
use super::answer::{Paces, answer_to};
use super::cast::{CAST, ECHO, GROUP, GROUP_ANSWERS, HELLO, HOST, WELCOME};
use super::group::Talk;
use super::look::{GREETED_MAX, has_spoken, text_of, unanswered};
use super::player::Player;

/// How long an answer is typed.
const TYPING: Duration = Duration::from_millis(800);
/// Between a newcomer in the group and what is said next.
const BEFORE_LINE: Duration = Duration::from_secs(5);
/// Between two lines in the group.
const BETWEEN_LINES: Duration = Duration::from_secs(15);
/// The host answers newcomers in the group no more often.
const BETWEEN_GROUP_ANSWERS: Duration = Duration::from_secs(60);
/// What may be about to be done at a time.
const DEEDS_MAX: usize = 512;
/// Where the host's vault keeps the talk of the group.
const TALK: &str = "demo-talk";

/// What is done at its time.
enum Deed {
    Say { who: usize, chat: ChatId, text: String },
    React { who: usize, chat: ChatId, seq: Seq, emoji: &'static str },
    Line,
}

/// The sample people, and what they are about to do.
pub(super) struct Stage {
    players: Vec<Player>,
    announced: BTreeSet<usize>,
    /// Up to where was answered at the start what had come before, some of which is told as well.
    resumed: BTreeMap<(usize, ChatId), Seq>,
    deeds: BTreeMap<(Instant, u64), Deed>,
    deeds_so_far: u64,
    paces: Paces,
    group: Option<ChatId>,
    group_answers: usize,
    group_answered: Option<Instant>,
    talk: Talk,
    /// Newcomers in the group who are online.
    present: BTreeSet<UserId>,
    is_line_due: bool,
    clock: SystemClock,
}

impl Stage {
    pub(super) async fn new(players: Vec<Player>) -> Self {
        let kept = match players.get(HOST) {
            Some(host) => host.ask(|device| device.kept(TALK).ok().flatten()).await.flatten(),
            None => None,
        };
        Self {
            players,
            announced: BTreeSet::new(),
            resumed: BTreeMap::new(),
            deeds: BTreeMap::new(),
            deeds_so_far: 0,
            paces: Paces::default(),
            group: None,
            group_answers: 0,
            group_answered: None,
            talk: kept.as_deref().map(Talk::read).unwrap_or_default(),
            present: BTreeSet::new(),
            is_line_due: false,
            clock: SystemClock::default(),
        }
    }

    /// Plays until a device fails.
    pub(super) async fn run(
        mut self,
        mut reception: Box<dyn Reception>,
        mut told: mpsc::Receiver<(usize, DeviceEvent)>,
    ) -> Result<(), String> {
        self.resume().await;
        let mut asking = self.ask_who_is_announced();
        loop {
            let next = self.deeds.first_key_value().map(|((due, _), _)| *due);
            tokio::select! {
                event = told.recv() => {
                    let (who, event) = event.ok_or("its people are gone")?;
                    self.happened(who, event).await?;
                }
                Some(asked) = asking.join_next() => {
                    if let Ok(Some(who)) = asked {
                        self.has_announced(who).await;
                    }
                }
                Some(user) = reception.arrival() => self.welcome(user).await,
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.act().await,
            }
        }
    }

    /// Goes on where the process before this one ended: who was not answered is answered now.
    async fn resume(&mut self) {
        for who in 0..self.players.len() {
            let Some(player) = self.players.get(who) else { continue };
            // Echo says everything again; of the others one answer is enough.
            let (me, at_most) = (player.user, if who == ECHO { usize::MAX } else { 1 });
            let left = player.ask(move |device| unanswered(device, me, at_most)).await;
            for (chat, message) in left.unwrap_or_default() {
                self.answer(who, chat, &message).await;
                if let Place::At(seq) = message.place {
                    self.resumed.insert((who, chat), seq);
                }
            }
        }
    }

    /// Asks beside everything else: a device that waits to tell what happened answers nobody meanwhile, and whoever waited
    /// for it would not hear it.
    fn ask_who_is_announced(&self) -> JoinSet<Option<usize>> {
        let asking = self.players.iter().enumerate().map(|(who, player)| {
            let is_announced = player.is_announced();
            async move { is_announced.await.then_some(who) }
        });
        asking.collect()
    }

    async fn has_announced(&mut self, who: usize) {
        // Once for each, so that the group is opened once.
        if self.announced.insert(who) {
            self.open_group().await;
        }
    }

    async fn happened(&mut self, who: usize, event: DeviceEvent) -> Result<(), String> {
        let name = CAST.get(who).map_or("", |part| part.name);
        let change = match event {
            DeviceEvent::Change(change) => *change,
            DeviceEvent::Failed(why) => return Err(format!("{name}: {why}")),
            DeviceEvent::LoggedOut => return Err(format!("{name} was logged out")),
            DeviceEvent::Online | DeviceEvent::Offline { .. } => return Ok(()),
        };
        match change {
            Change::Message { chat, message } => self.heard(who, chat, message.seq).await,
            Change::Announced => self.has_announced(who).await,
            // The host creates nothing but the group.
            Change::Created { chat, .. } if who == HOST => {
                self.group = Some(chat);
                self.let_in_all().await;
            }
            // What Echo said was accepted, so there is somebody who can read it.
            Change::Accepted { chat, .. } if who == ECHO => self.let_in(chat).await,
            Change::Accepted { chat, .. } if who == HOST && self.group == Some(chat) => self.watch(),
            Change::Presence(presence) if who == HOST && self.talk.invited().contains(&presence.user) => {
                if presence.online {
                    self.present.insert(presence.user);
                } else {
                    self.present.remove(&presence.user);
                }
                self.plan_line(BEFORE_LINE);
            }
            _ => {}
        }
        Ok(())
    }

    async fn welcome(&mut self, user: UserId) {
        let Some(echo) = self.players.get(ECHO).filter(|_| !self.is_sample(user)) else { return };
        let (me, chat) = (echo.user, ChatId::direct(echo.user, user));
        let asked = move |device: &Device| {
            (device.chats(0, GREETED_MAX).len() < GREETED_MAX, has_spoken(device, chat, me))
        };
        if let Some((true, false)) = echo.ask(asked).await {
            let (kind, encryption) = (ChatKind::Direct, Encryption::Mls);
            echo.wants(Action::Create { kind, encryption, name: String::new(), members: vec![user] });
            echo.wants(say(chat, WELCOME.to_owned()));
        }
    }

    async fn heard(&mut self, who: usize, chat: ChatId, seq: Seq) {
        if self.resumed.get(&(who, chat)).is_some_and(|answered| seq <= *answered) {
            return;
        }
        let Some(player) = self.players.get(who) else { return };
        let Some(Some(Item::Message(message))) = player.ask(move |device| device.view(chat, seq)).await
        else {
            return;
        };
        self.answer(who, chat, &message).await;
    }

    async fn answer(&mut self, who: usize, chat: ChatId, message: &MessageView) {
        let (Some(player), Place::At(seq)) = (self.players.get(who), message.place) else {
            return;
        };
        let (me, sender) = (player.user, message.sender.user);
        if self.is_sample(sender) {
            return;
        }
        player.wants(Action::MarkSeen { chat, seq });
        if self.group == Some(chat) {
            self.answer_in_group(who, chat, seq, message);
        } else if chat == ChatId::direct(me, sender) {
            let has_spoken = player.ask(move |device| has_spoken(device, chat, me)).await;
            let Some(answer) = answer_to(who, message, has_spoken == Some(false)) else { return };
            if !self.paces.permit(chat, text_of(message), self.clock.now()) {
                return;
            }
            if let Some(emoji) = answer.reaction {
                self.plan(TYPING / 2, Deed::React { who, chat, seq, emoji });
            }
            if let Some(text) = answer.text {
                self.type_then_say(who, chat, text, TYPING);
            }
        }
    }

    /// Somebody puts a thumb on what a newcomer said, and now and then the host says something.
    fn answer_in_group(&mut self, who: usize, chat: ChatId, seq: Seq, message: &MessageView) {
        let (others, at) = (CAST.len() - 1, usize::try_from(seq.0).unwrap_or_default());
        if who != 1 + at % others || !self.paces.permit(chat, text_of(message), self.clock.now()) {
            return;
        }
        self.plan(TYPING * 2, Deed::React { who, chat, seq, emoji: "👍" });
        if self.group_answered.is_none_or(|then| then.elapsed() >= BETWEEN_GROUP_ANSWERS)
            && let Some(text) = GROUP_ANSWERS.get(self.group_answers % GROUP_ANSWERS.len())
        {
            self.group_answers += 1;
            self.group_answered = Some(Instant::now());
            self.type_then_say(HOST, chat, (*text).to_owned(), TYPING * 3);
        }
    }

    fn type_then_say(&mut self, who: usize, chat: ChatId, text: String, typing: Duration) {
        if let Some(player) = self.players.get(who) {
            player.wants(Action::SetTyping { chat, typing: true });
            self.plan(typing, Deed::Say { who, chat, text });
        }
    }

    /// Whether there is room for it.
    fn plan(&mut self, after: Duration, deed: Deed) -> bool {
        let has_room = self.deeds.len() < DEEDS_MAX;
        if has_room {
            self.deeds_so_far += 1;
            self.deeds.insert((Instant::now() + after, self.deeds_so_far), deed);
        }
        has_room
    }

    /// Does what is due.
    async fn act(&mut self) {
        match self.deeds.pop_first() {
            Some((_, Deed::Say { who, chat, text })) => {
                if let Some(player) = self.players.get(who) {
                    player.wants(say(chat, text));
                    player.wants(Action::SetTyping { chat, typing: false });
                }
            }
            Some((_, Deed::React { who, chat, seq, emoji })) => {
                let Some(player) = self.players.get(who) else { return };
                let target = player.ask(move |device| device.reference(chat, seq)).await.flatten();
                if let Some(target) = target {
                    let reaction = Reaction { target, emoji: emoji.to_owned(), remove: false };
                    player.wants(Action::Send { chat, content: Content::Reaction(reaction) });
                }
            }
            Some((_, Deed::Line)) => self.say_line().await,
            None => {}
        }
    }

    /// Finds the group, or makes it once everyone can be written to.
    async fn open_group(&mut self) {
        let Some(host) = self.players.get(HOST) else { return };
        if self.group.is_some() || self.announced.len() < self.players.len() {
            return;
        }
        let existing = host.ask(|device| {
            let mut chats = device.chats(0, GREETED_MAX).into_iter();
            chats.find(|chat| chat.is_member && chat.kind == ChatKind::Group && chat.title == GROUP)
        });
        if let Some(existing) = existing.await.flatten() {
            self.group = Some(existing.chat);
            self.watch();
            self.let_in_all().await;
            return;
        }
        let members = self.players.iter().enumerate().filter(|(who, _)| *who != ECHO && *who != HOST);
        let members = members.map(|(_, player)| player.user).collect();
        let (kind, encryption) = (ChatKind::Group, Encryption::Mls);
        host.wants(Action::Create { kind, encryption, name: GROUP.to_owned(), members });
    }

    /// Lets everyone into the group whom Echo has reached.
    async fn let_in_all(&mut self) {
        let Some(echo) = self.players.get(ECHO) else { return };
        let chats = echo.ask(|device| device.chats(0, GREETED_MAX)).await.unwrap_or_default();
        for chat in chats.into_iter().filter(|chat| chat.kind == ChatKind::Direct && chat.waiting == 0) {
            self.let_in(chat.chat).await;
        }
    }

    /// Lets the other one of a chat with Echo into the group.
    async fn let_in(&mut self, direct: ChatId) {
        let (Some(group), Some(echo)) = (self.group, self.players.get(ECHO)) else { return };
        let peer = echo.ask(move |device| device.chat(direct)?.summary.peer).await.flatten();
        let Some(user) = peer.filter(|user| !self.is_sample(*user)) else { return };
        if !self.talk.invite(user) {
            return;
        }
        self.keep_talk().await;
        if let Some(host) = self.players.get(HOST) {
            host.wants(Action::Submit { chat: group, command: ChatCommand::Add { users: vec![user] } });
            self.type_then_say(HOST, group, HELLO.to_owned(), TYPING * 2);
        }
    }

    /// Follows whether newcomers are there.
    fn watch(&self) {
        if let Some(host) = self.players.get(HOST) {
            host.wants(Action::WatchPresence { users: self.talk.invited().to_vec() });
        }
    }

    fn plan_line(&mut self, after: Duration) {
        if !self.is_line_due && self.talk.goes_on() && !self.present.is_empty() {
            self.is_line_due = self.plan(after, Deed::Line);
        }
    }

    async fn say_line(&mut self) {
        self.is_line_due = false;
        let Some(group) = self.group.filter(|_| !self.present.is_empty()) else { return };
        if let Some((who, text)) = self.talk.line() {
            self.keep_talk().await;
            self.type_then_say(who, group, text.to_owned(), TYPING * 3);
            self.plan_line(BETWEEN_LINES);
        }
    }

    async fn keep_talk(&self) {
        if let Some(host) = self.players.get(HOST) {
            host.keep(TALK, self.talk.to_bytes()).await;
        }
    }

    fn is_sample(&self, user: UserId) -> bool {
        self.players.iter().any(|player| player.user == user)
    }
}

fn say(chat: ChatId, text: String) -> Action {
    Action::Send { chat, content: Content::Text(Text { text, ..Text::default() }) }
}
