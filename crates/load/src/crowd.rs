//! People who talk without end, in pairs and in groups whose members come and go.

use std::collections::HashMap;
use std::time::Duration;

use dunlin_model::chat::ChatState;
use dunlin_model::{ChatCommand, ChatKind, Encryption, Event, Seq, UserId};

use crate::check::{Chat, Record};
use crate::fleet::{Fleet, Scenario};
use crate::rng::Rng;
use crate::text::text_of;

/// Devices of each user; all of them send, and all of them get everything.
pub(crate) const DEVICES_EACH: usize = 2;
/// Messages that each device in a pair keeps under way.
const PAIR_WINDOW: usize = 2;
/// Longest pause before the next message.
const PAUSE_MAX: Duration = Duration::from_millis(20);
/// One command in so many of a group's owner removes or adds the guest.
const CHURN_ONE_IN: u64 = 8;
/// One event in so many is marked as seen.
const SEEN_ONE_IN: u64 = 4;
/// Longest text in bytes.
const TEXT_BYTES_MAX: u64 = 400;

/// A chat and who is in it.
struct Circle {
    chat: Chat,
    /// Users; their devices are clients `user * DEVICES_EACH` and following.
    members: Vec<usize>,
    is_group: bool,
    /// What the first device of its first member, who never leaves, knows of it.
    state: ChatState,
}

impl Circle {
    /// All clients of its members.
    fn devices(&self) -> impl Iterator<Item = usize> + '_ {
        self.members.iter().flat_map(|user| (0..DEVICES_EACH).map(move |device| user * DEVICES_EACH + device))
    }

    /// The client that was there from the first event to the last.
    fn reader(&self) -> Option<usize> {
        self.members.first().map(|user| user * DEVICES_EACH)
    }
}

/// All of them.
pub(crate) struct Crowd {
    rng: Rng,
    pairs: usize,
    groups: usize,
    group_members: usize,
    circles: Vec<Circle>,
    by_chat: HashMap<Chat, usize>,
    /// Who sends next, in which circle, and when.
    due: Vec<(Duration, usize, usize)>,
    is_sending: bool,
}

impl Crowd {
    pub(crate) fn new(rng: Rng, pairs: u32, groups: u32, group_members: u32) -> Self {
        Self {
            rng,
            pairs: pairs as usize,
            groups: groups as usize,
            group_members: group_members as usize,
            circles: Vec::new(),
            by_chat: HashMap::new(),
            due: Vec::new(),
            is_sending: false,
        }
    }

    /// Users that it takes. Those of the pairs are in the groups too.
    pub(crate) fn users(&self) -> usize {
        (self.pairs * 2).max(self.group_members)
    }

    /// Makes the chats and lets everybody talk.
    pub(crate) fn begin(&mut self, fleet: &mut Fleet) {
        let users = self.users();
        for pair in 0..self.pairs {
            self.make(fleet, vec![pair * 2, pair * 2 + 1], false);
        }
        for group in 0..self.groups {
            let members = (0..self.group_members).map(|member| (group * 2 + member) % users).collect();
            self.make(fleet, members, true);
        }
        self.is_sending = true;
    }

    /// Nobody begins another message.
    pub(crate) fn stop(&mut self) {
        self.is_sending = false;
        self.due.clear();
    }

    /// Sends what is due.
    pub(crate) fn send_due(&mut self, fleet: &mut Fleet) {
        let now = fleet.now();
        let (due, later) = self.due.drain(..).partition(|(at, _, _)| *at <= now);
        self.due = later;
        let due: Vec<(Duration, usize, usize)> = due;
        for (_, client, circle) in due {
            self.send(fleet, client, circle);
        }
    }

    /// Whether everybody has all that they are entitled to, up to these heads.
    pub(crate) fn is_complete(&self, fleet: &Fleet, heads: &HashMap<Chat, Seq>) -> bool {
        self.circles.iter().all(|circle| {
            let head = heads.get(&circle.chat).copied().unwrap_or_default();
            circle.state.head >= head
                && circle.devices().all(|client| {
                    let client = &fleet.clients[client];
                    let last = circle.state.memberships_of(client.account.device.user).last_covered(head);
                    client.position(circle.chat) >= last.unwrap_or_default()
                })
        })
    }

    /// Someone who was in each chat from its first event to its last.
    pub(crate) fn readers(&self) -> Vec<(usize, Chat)> {
        self.circles.iter().filter_map(|circle| Some((circle.reader()?, circle.chat))).collect()
    }

    /// Notes who may read what, as the logs say.
    pub(crate) fn state_entitlements(&self, fleet: &mut Fleet) {
        for circle in &self.circles {
            for client in circle.devices() {
                let client = &fleet.clients[client];
                let (device, user) = (client.device, client.account.device.user);
                for stay in circle.state.memberships_of(user).stays() {
                    let (from, to) = (stay.from, stay.to);
                    fleet.history.note(Record::Entitled { device, chat: circle.chat, from, to });
                }
            }
        }
    }

    fn make(&mut self, fleet: &mut Fleet, members: Vec<usize>, is_group: bool) {
        let Some((creator, others)) = members.split_first() else { return };
        let users =
            others.iter().map(|user| fleet.clients[user * DEVICES_EACH].account.device.user).collect();
        let command = ChatCommand::Create {
            kind: if is_group { ChatKind::Group } else { ChatKind::Direct },
            encryption: Encryption::None,
            name: if is_group { "Waders".to_owned() } else { String::new() },
            description: String::new(),
            members: users,
        };
        let peer = others.first().filter(|_| !is_group).map(|user| user * DEVICES_EACH);
        let chat = fleet.create_chat(creator * DEVICES_EACH, command, peer, 0);
        let Some(id) = fleet.history.id_of(chat) else { return };
        let circle = self.circles.len();
        self.by_chat.insert(chat, circle);
        let window = if is_group { 1 } else { PAIR_WINDOW };
        let made = Circle { chat, members, is_group, state: ChatState::before_creation(id) };
        for client in made.devices() {
            // Not before the chat is there: those who come too early are refused, and go on later.
            self.due.extend((0..window).map(|_| (fleet.now() + PAUSE_MAX, client, circle)));
        }
        self.circles.push(made);
    }

    fn send(&mut self, fleet: &mut Fleet, client: usize, circle: usize) {
        let Some(circle) = self.circles.get(circle) else { return };
        let now = fleet.now();
        if circle.is_group && circle.reader() == Some(client) && self.rng.below(CHURN_ONE_IN) == 0 {
            let guest = circle.members.last().copied().unwrap_or_default() * DEVICES_EACH;
            let users: Vec<UserId> = vec![fleet.clients[guest].account.device.user];
            let is_member = users.iter().all(|user| circle.state.members.contains_key(user));
            let command = if is_member { ChatCommand::Remove { users } } else { ChatCommand::Add { users } };
            fleet.submit(client, circle.chat, command, now, 0);
            return;
        }
        let bytes = usize::try_from(1 + self.rng.below(TEXT_BYTES_MAX)).unwrap_or(1);
        // In a group, who is to get it depends on when the guest comes and goes; the checker knows.
        let others = u32::try_from(circle.devices().count() - 1).unwrap_or(u32::MAX);
        let waiting = if circle.is_group { 0 } else { others };
        fleet.send_text(client, circle.chat, text_of(fleet.counts.sent, bytes), now, waiting);
    }
}

impl Scenario for Crowd {
    fn completed(&mut self, fleet: &mut Fleet, client: usize, chat: Chat) {
        if let (true, Some(circle)) = (self.is_sending, self.by_chat.get(&chat)) {
            self.due.push((fleet.now() + self.rng.time_below(PAUSE_MAX), client, *circle));
        }
    }

    fn stored(&mut self, fleet: &mut Fleet, client: usize, chat: Chat, event: &Event) {
        if let Some(circle) = self.by_chat.get(&chat).and_then(|circle| self.circles.get_mut(*circle))
            && circle.reader() == Some(client)
        {
            // Out of order is for the checker to say; here it would only confuse.
            if event.seq == circle.state.head.next() {
                circle.state.apply(event);
            }
        }
        if self.rng.below(SEEN_ONE_IN) == 0 {
            fleet.mark_seen(client, chat);
        }
    }
}
