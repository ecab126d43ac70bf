//! Clients and a server in one process, with every frame between them in the test's hands.

mod peer;
mod server;
mod shown;

use std::collections::VecDeque;
use std::time::Duration;

use dunlin_client::content::{Content, Text};
use dunlin_client::{Action, Change, Input, UserCommand, Want, query};
use dunlin_model::{
    ChatCommand, ChatId, ChatKind, DeviceId, DeviceNumber, Encryption, Seq, Timestamp, UserId,
};

use dunlin_wire::ClientFrame;
use peer::SmallPages;
pub(crate) use peer::{Cryptography, Death, Peer, REBORN, certified, identity};
pub(crate) use server::Server;
pub(crate) use shown::{picture, words};

/// Steps after which a world that should have come to rest has gone astray.
const STEPS_MAX: usize = 5_000;

/// Wakes after which it has.
const WAKES_MAX: usize = 20_000;

/// Everyone, and the server.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) server: Server,
    pub(crate) peers: Vec<Peer>,
    /// Frames of connections that are gone, still on their way to the server.
    pub(crate) late: VecDeque<(DeviceId, ClientFrame)>,
    cryptography: Cryptography,
    last_token: u64,
}

pub(crate) fn user(number: u8) -> UserId {
    UserId::from_bytes([number; 16])
}

pub(crate) fn device(of: u8, number: u32) -> DeviceId {
    DeviceId { user: user(of), number: DeviceNumber(number) }
}

pub(crate) fn text(text: &str) -> Content {
    Content::Text(Text { text: text.to_owned(), ..Text::default() })
}

impl World {
    fn with(cryptography: Cryptography) -> Self {
        Self {
            now: Timestamp(1_000_000),
            server: Server::new(cryptography == Cryptography::StandIn),
            peers: Vec::new(),
            late: VecDeque::new(),
            cryptography,
            last_token: 0,
        }
    }

    /// With the first devices of so many people, connected; peer 0 is user 1.
    pub(crate) fn of(people: u8) -> Self {
        Self::of_with(people, Cryptography::StandIn)
    }

    /// As [`World::of`], with this cryptography.
    pub(crate) fn of_with(people: u8, cryptography: Cryptography) -> Self {
        let mut world = Self::with(cryptography);
        for number in 1..=people {
            world.enrol(device(number, 1));
        }
        world.settle();
        world
    }

    /// A new device, connected; its index.
    pub(crate) fn enrol(&mut self, device: DeviceId) -> usize {
        self.server.enrol(device);
        self.peers.push(Peer::new(device, self.cryptography));
        let index = self.peers.len() - 1;
        self.connect(index);
        index
    }

    pub(crate) fn connect(&mut self, index: usize) {
        let welcome = self.server.connect(self.peers[index].device, self.now);
        self.peers[index].connected = true;
        self.input(index, Input::Connected(welcome));
    }

    /// Breaks the connection; what is under way is lost.
    pub(crate) fn disconnect(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        peer.connected = false;
        peer.up.clear();
        peer.down.clear();
        if !std::mem::take(&mut peer.severed) {
            self.server.disconnect(peer.device);
        }
        self.input(index, Input::Disconnected);
    }

    /// Ends the connection where it is: the first `arriving` frames are on their way yet, and the peer does not
    /// learn of it.
    pub(crate) fn sever(&mut self, index: usize, arriving: usize) {
        let peer = &mut self.peers[index];
        peer.severed = true;
        let device = peer.device;
        self.late.extend(peer.up.drain(..).take(arriving).map(|frame| (device, frame)));
        peer.down.clear();
        self.server.disconnect(device);
    }

    /// A frame of a connection that is gone comes to the server after all.
    pub(crate) fn arrive_late(&mut self) -> bool {
        let Some((device, frame)) = self.late.pop_front() else { return false };
        if self.server.knows(device) {
            // Whoever asked is not there any more.
            self.server.handle_late(device, frame, self.now);
            self.push_all();
        }
        true
    }

    /// Kills the process and starts it again from its rows, disconnected.
    pub(crate) fn crash(&mut self, index: usize) {
        if !self.peers[index].severed {
            self.server.disconnect(self.peers[index].device);
        }
        self.peers[index].reopen();
    }

    pub(crate) fn restart(&mut self, index: usize) {
        self.crash(index);
        self.connect(index);
    }

    pub(crate) fn input(&mut self, index: usize, input: Input) {
        let now = self.now;
        let wants = self.peers[index].step(now, input);
        if self.peers[index].dies.take().is_some() {
            self.sever(index, usize::MAX);
            self.peers[index].reopen();
            return;
        }
        for answer in self.server.blobs.answer(&wants) {
            self.input(index, answer);
        }
        for want in &wants {
            if let Want::LoadMessages { chat, after } = want {
                let (chat, after) = (*chat, *after);
                let rows = query::held(&SmallPages(&self.peers[index].rows), chat, after);
                self.input(index, Input::MessagesLoaded { chat, after, rows });
            }
        }
        if wants.contains(&Want::Reconnect) && self.peers[index].connected {
            self.peers[index].reconnects += 1;
            self.disconnect(index);
            self.connect(index);
        }
    }

    /// The server's data comes back from a backup; everyone is disconnected.
    pub(crate) fn restore(&mut self, backup: Server) {
        for index in 0..self.peers.len() {
            if self.peers[index].connected {
                self.disconnect(index);
            }
        }
        self.late.clear();
        self.server.restore(backup);
        let ids: Vec<ChatId> =
            self.peers.iter().flat_map(|peer| peer.client.every_chat().map(|(id, _)| id)).collect();
        for id in ids {
            let head = Seq(self.server.head(id));
            let beyond = |peer: &&Peer| peer.client.chat(id).is_some_and(|chat| chat.marks.cursor > head);
            let devices = self.peers.iter().filter(beyond).map(|peer| peer.device).collect();
            self.server.rewound.insert((id, head), devices);
            for peer in &self.peers {
                let cursor = peer.client.chat(id).map(|chat| chat.marks.cursor);
                self.server.compared.extend(cursor.map(|cursor| (id, cursor, peer.device)));
            }
        }
    }

    /// What a person asks; the token.
    pub(crate) fn act(&mut self, index: usize, action: Action) -> u64 {
        self.last_token += 1;
        let token = self.last_token;
        self.input(index, Input::Command(UserCommand { token, action }));
        token
    }

    pub(crate) fn create(
        &mut self,
        index: usize,
        kind: ChatKind,
        encryption: Encryption,
        with: &[u8],
    ) -> ChatId {
        let members = with.iter().map(|number| user(*number)).collect();
        let name = if kind == ChatKind::Direct { String::new() } else { "Birds".to_owned() };
        let token = self.act(index, Action::Create { kind, encryption, name, members });
        let created = self.peers[index].changes.iter().rev().find_map(|change| match change {
            Change::Created { token: of, chat } if *of == token => Some(*chat),
            _ => None,
        });
        created.unwrap()
    }

    pub(crate) fn group(&mut self, index: usize, with: &[u8]) -> ChatId {
        let chat = self.create(index, ChatKind::Group, Encryption::Mls, with);
        self.settle();
        chat
    }

    pub(crate) fn say(&mut self, index: usize, chat: ChatId, words: &str) -> u64 {
        self.act(index, Action::Send { chat, content: text(words) })
    }

    pub(crate) fn submit(&mut self, index: usize, chat: ChatId, command: ChatCommand) -> u64 {
        self.act(index, Action::Submit { chat, command })
    }

    pub(crate) fn add(&mut self, index: usize, chat: ChatId, who: u8) {
        self.submit(index, chat, ChatCommand::Add { users: vec![user(who)] });
    }

    pub(crate) fn remove(&mut self, index: usize, chat: ChatId, who: u8) {
        self.submit(index, chat, ChatCommand::Remove { users: vec![user(who)] });
    }

    /// Carries one frame up, if there is one.
    pub(crate) fn carry_up(&mut self, index: usize) -> bool {
        let Some(frame) = self.peers[index].up.pop_front() else { return false };
        let device = self.peers[index].device;
        if self.peers[index].severed {
            return true;
        }
        let replies = self.server.handle(device, frame, self.now);
        self.peers[index].down.extend(replies);
        self.push_all();
        true
    }

    /// Carries one frame down, if there is one.
    pub(crate) fn carry_down(&mut self, index: usize) -> bool {
        let Some(frame) = self.peers[index].down.pop_front() else { return false };
        self.input(index, Input::Frame(frame));
        true
    }

    pub(crate) fn push_all(&mut self) {
        for peer in self.peers.iter_mut().filter(|peer| peer.connected && !peer.severed) {
            peer.down.extend(self.server.pushes(peer.device));
        }
    }

    /// Lets everything that is under way arrive.
    pub(crate) fn settle(&mut self) {
        for _ in 0..STEPS_MAX {
            let mut moved = false;
            for index in 0..self.peers.len() {
                moved |= self.carry_up(index);
                moved |= self.carry_down(index);
            }
            if !moved {
                return;
            }
        }
        for peer in &self.peers {
            println!("{} up {:?}", peer.device, peer.up.front());
            println!("{} down {:?}", peer.device, peer.down.front());
        }
        panic!("the world does not come to rest");
    }

    /// Lets time pass, waking whoever wants to be woken.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        let mut wakes = 0;
        while let Some((at, index)) = self.next_wake().filter(|(at, _)| *at <= end) {
            wakes += 1;
            assert!(
                wakes < WAKES_MAX,
                "{:?} does not come to rest",
                self.peers[index].client.chats().collect::<Vec<_>>()
            );
            self.now = self.now.max(at);
            self.input(index, Input::Tick);
            self.settle();
        }
        self.now = end;
    }

    fn next_wake(&self) -> Option<(Timestamp, usize)> {
        let wakes = self.peers.iter().enumerate();
        wakes.filter(|(_, peer)| peer.connected).filter_map(|(i, peer)| Some((peer.wake_at?, i))).min()
    }

    /// The texts that a peer has of a chat, in order; what it cannot read is "-".
    pub(crate) fn texts(&self, index: usize, chat: ChatId) -> Vec<String> {
        let head = self.server.head(chat);
        (1..=head).filter_map(|seq| self.peers[index].text_at(chat, seq)).collect()
    }
}
