//! What happens in a run: people talk and come and go, and everything between them fails.

use std::collections::BTreeSet;
use std::time::Duration;

use dunlin_client::{Action, Change};
use dunlin_model::{ChatCommand, ChatId, ChatKind, DeviceId, Encryption, Role, Suite};

use super::Options;
use super::random::Random;
use crate::world::{Death, Server, World, device, text, user};

/// After which the server empties messages, and may remove events.
const RETENTION: Duration = Duration::from_hours(30 * 24);
/// Devices of one person.
const DEVICES_MAX: usize = 3;

/// What somebody said.
pub(super) struct Said {
    pub(super) by: usize,
    pub(super) chat: ChatId,
    pub(super) words: String,
    pub(super) token: u64,
}

pub(super) struct Run {
    pub(super) world: World,
    random: Random,
    pub(super) chats: Vec<ChatId>,
    /// Those of them that are groups.
    groups: usize,
    /// What was durable before the process died, if it died.
    pub(super) said: Vec<Said>,
    number: u32,
    people: u8,
    restores: bool,
    pub(super) revoked: BTreeSet<usize>,
    /// A copy of the server's data, and how many devices there were, and how many of them were revoked.
    backup: Option<(Box<Server>, usize, usize)>,
    /// Tokens of what was refused.
    pub(super) refused: BTreeSet<u64>,
}

impl Run {
    pub(super) fn new(seed: u64, options: Options) -> Self {
        let mut run = Self {
            world: World::of_with(options.people, options.cryptography),
            random: Random::new(seed),
            chats: Vec::new(),
            groups: 1 + usize::from(options.people) / 16,
            said: Vec::new(),
            number: 0,
            people: options.people,
            restores: options.restores,
            revoked: BTreeSet::new(),
            backup: None,
            refused: BTreeSet::new(),
        };
        run.begin();
        run
    }

    fn begin(&mut self) {
        for group in 0..self.groups {
            let others: Vec<u8> = (1..=self.people).filter(|_| self.random.one_in(2)).collect();
            self.chats.push(self.world.create(group, ChatKind::Group, Encryption::Mls, &others));
        }
        // Both start the one direct chat.
        let direct = self.world.create(0, ChatKind::Direct, Encryption::Mls, &[2]);
        if self.random.one_in(2) {
            self.world.create(1, ChatKind::Direct, Encryption::Mls, &[1]);
        }
        self.chats.push(direct);
    }

    fn any_peer(&mut self) -> usize {
        self.random.below(self.world.peers.len())
    }

    fn anyone(&mut self) -> u8 {
        u8::try_from(1 + self.random.below(self.people.into())).unwrap()
    }

    pub(super) fn happen(&mut self) {
        let index = self.any_peer();
        if self.revoked.contains(&index) {
            return;
        }
        match self.random.below(1_000) {
            0..480 => self.carry(),
            480..660 => self.say(index),
            660..710 => self.change_roster(index),
            710..730 => self.everyone_at_once(),
            730..745 => self.world.settle(),
            745..770 => {
                let time = Duration::from_secs(self.random.below(100) as u64);
                self.world.pass(time);
            }
            770..800 => self.double(index),
            800..820 => self.lose(index),
            820..850 => self.leave_the_net(index),
            850..900 => self.come_to_the_net(index),
            900..950 => self.die(index),
            950..960 => self.link(),
            960..968 => self.revoke(index),
            968..978 => self.world.server.use_up_packages(self.world.peers[index].device),
            978..986 => self.world.server.exhaust_packages(self.world.peers[index].device),
            986..989 => {
                self.world.arrive_late();
            }
            989..993 => self.back_up(),
            993..996 if self.restores => self.restore(),
            993..996 => {}
            _ => self.weeks_go_by(),
        }
    }

    /// Some frames move, here and there.
    fn carry(&mut self) {
        for _ in 0..self.random.below(8) {
            let index = self.any_peer();
            self.world.carry_up(index);
            self.world.carry_down(index);
        }
        if self.random.one_in(4) {
            self.world.arrive_late();
        }
    }

    fn say(&mut self, by: usize) {
        let chat = self.chats[self.random.below(self.chats.len())];
        self.number += 1;
        let words = format!("{} of {}", self.number, self.world.peers[by].device);
        let is_durable = self.world.peers[by].dies != Some(Death::BeforePersisting);
        let token = self.world.act(by, Action::Send { chat, content: text(&words) });
        if is_durable {
            self.said.push(Said { by, chat, words, token });
        }
    }

    fn change_roster(&mut self, index: usize) {
        let chat = self.chats[self.random.below(self.groups)];
        let who = user(self.anyone());
        if self.random.one_in(8) {
            self.world.act(index, Action::SetInvite { chat });
            return;
        }
        if self.random.one_in(20) {
            let suite = if self.random.one_in(2) { Suite::CLASSIC } else { Suite::HYBRID };
            self.world.act(index, Action::ChangeSuite { chat, suite });
            return;
        }
        if self.random.one_in(8) {
            self.join_by_link(index, chat);
            return;
        }
        let command = match self.random.below(20) {
            0..9 => ChatCommand::Add { users: vec![who] },
            9..15 => ChatCommand::Remove { users: vec![who] },
            15 => ChatCommand::Ban { users: vec![who] },
            16 => ChatCommand::Unban { users: vec![who] },
            17 => ChatCommand::SetRole { user: who, role: Role::Owner },
            18 => ChatCommand::SetRole { user: who, role: Role::Admin },
            _ => ChatCommand::Leave,
        };
        self.world.submit(index, chat, command);
    }

    /// By a link that somebody made, and that holds or not any more.
    fn join_by_link(&mut self, index: usize, chat: ChatId) {
        let mut links =
            self.world.peers.iter().flat_map(|peer| &peer.changes).filter_map(|change| match change {
                Change::InviteMade { chat: of, code, .. } if *of == chat => Some(code.clone()),
                _ => None,
            });
        if let Some(code) = links.next_back() {
            self.world.act(index, Action::JoinByInvite { code });
        }
    }

    /// Several want to write before any of them has heard of the others.
    fn everyone_at_once(&mut self) {
        for _ in 0..4 {
            let index = self.any_peer();
            if !self.revoked.contains(&index) {
                while self.world.carry_down(index) {}
                if self.random.one_in(3) {
                    self.change_roster(index);
                } else {
                    self.say(index);
                }
            }
        }
    }

    fn double(&mut self, index: usize) {
        let peer = &mut self.world.peers[index];
        if let Some(frame) = peer.up.front().cloned() {
            peer.up.push_front(frame);
        }
        if let Some(frame) = peer.down.front().cloned() {
            peer.down.push_front(frame);
        }
    }

    /// A frame gets lost on a connection that lives on. Acknowledgements do not: nothing would tell of it.
    fn lose(&mut self, index: usize) {
        let peer = &mut self.world.peers[index];
        if self.random.one_in(2) {
            peer.down.pop_front();
        } else if peer.up.front().is_some_and(|frame| frame.id != 0) {
            peer.up.pop_front();
        }
    }

    fn leave_the_net(&mut self, index: usize) {
        if !self.world.peers[index].connected {
            return;
        }
        if !self.world.peers[index].severed {
            let arriving = self.random.below(1 + self.world.peers[index].up.len());
            self.world.sever(index, arriving);
        }
        if self.random.one_in(2) {
            self.world.disconnect(index);
        }
    }

    fn come_to_the_net(&mut self, index: usize) {
        if self.world.peers[index].severed {
            self.world.disconnect(index);
        }
        if !self.world.peers[index].connected {
            self.world.connect(index);
        }
    }

    /// The process dies within its next step: before it is durable, or after some of its frames have left.
    fn die(&mut self, index: usize) {
        let death = match self.random.below(3) {
            0 => Death::BeforePersisting,
            _ => Death::AfterSending(self.random.below(3)),
        };
        self.world.peers[index].dies = Some(death);
        match self.random.below(4) {
            0 => self.say(index),
            1 => self.change_roster(index),
            _ => {
                self.world.carry_down(index);
            }
        }
        self.world.peers[index].dies = None;
    }

    fn link(&mut self) {
        let who = self.anyone();
        let devices = self.world.peers.iter().filter(|peer| peer.device.user == user(who)).count();
        if devices < DEVICES_MAX {
            let number = u32::try_from(1 + devices).unwrap();
            self.world.enrol(device(who, number));
        }
    }

    fn revoke(&mut self, index: usize) {
        let revoked: DeviceId = self.world.peers[index].device;
        if revoked.number.0 > 1 {
            let now = self.world.now;
            if self.world.peers[index].connected {
                self.world.disconnect(index);
            }
            self.world.server.revoke(revoked, now);
            self.world.push_all();
            self.revoked.insert(index);
        }
    }

    /// Long enough that messages expire, while some people are away and others write.
    fn weeks_go_by(&mut self) {
        if !self.random.one_in(2) {
            return;
        }
        for _ in 0..5 {
            self.world.pass(Duration::from_hours(8 * 24));
            for _ in 0..3 {
                let index = self.any_peer();
                if !self.revoked.contains(&index) {
                    self.say(index);
                }
            }
            self.world.settle();
        }
        let time = self.world.now - RETENTION;
        for chat in self.chats.clone() {
            let removes = self.random.one_in(2);
            self.world.server.expire(chat, time, removes);
        }
    }

    fn back_up(&mut self) {
        let server = Box::new(self.world.server.clone());
        self.backup = Some((server, self.world.peers.len(), self.revoked.len()));
    }

    /// The server loses what came after the backup, unless devices came or went: those would have to begin anew.
    fn restore(&mut self) {
        let devices = (self.world.peers.len(), self.revoked.len());
        let Some((server, ..)) = self.backup.take_if(|(_, peers, revoked)| devices == (*peers, *revoked))
        else {
            return;
        };
        self.world.restore(*server);
        for index in 0..self.world.peers.len() {
            if !self.revoked.contains(&index) && !self.random.one_in(3) {
                self.world.connect(index);
            }
        }
    }

    /// Everyone connects, says something, and waits long enough.
    pub(super) fn come_back(&mut self) {
        while self.world.arrive_late() {}
        for _ in 0..2 {
            for index in 0..self.world.peers.len() {
                if !self.revoked.contains(&index) {
                    self.come_to_the_net(index);
                }
            }
            self.world.pass(Duration::from_mins(10));
            for index in 0..self.world.peers.len() {
                if !self.revoked.contains(&index) {
                    self.say(index);
                }
            }
            self.world.pass(Duration::from_mins(10));
        }
        let changes = self.world.peers.iter().flat_map(|peer| &peer.changes);
        self.refused.extend(changes.filter_map(|change| match change {
            Change::Refused { token, .. } => Some(*token),
            _ => None,
        }));
    }
}
