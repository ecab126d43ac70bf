//! Random bytes, and frames that were valid once: whatever comes, no task dies and everyone else is served.
//!
//! A connection's task that panicked would not be counted as closed, and a request's task that panicked
//! would answer `internal`.

use std::time::Duration;

use dunlin_model::clock::{Randomness as _, SeededRandomness};
use dunlin_model::{ChatCommand, ChatId, ClientSeq, ErrorCode, Seq, UserId};
use dunlin_wire::{ClientFrame, Command, Format, Outcome, Position, ServerFrame};
use futures_util::future::join_all;
use tokio::io::AsyncWriteExt as _;

use crate::raw::{FIN, Frame, Raw, masked};
use crate::world::{World, text, until};

const CONNECTIONS: u64 = 240;
const AT_ONCE: usize = 24;

struct Dice(SeededRandomness);

impl Dice {
    fn below(&self, limit: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % limit
    }

    fn bytes(&self, longest: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(self.below(longest + 1)).unwrap()];
        self.0.fill(&mut bytes);
        bytes
    }

    fn byte(&self) -> u8 {
        self.below(256).to_le_bytes()[0]
    }

    fn index(&self, length: usize) -> usize {
        usize::try_from(self.below(u64::try_from(length).unwrap())).unwrap()
    }

    /// A command that makes some sense, about one of `chats`.
    fn command(&self, chats: &[ChatId], user: UserId) -> Command {
        let chat = chats[self.index(chats.len())];
        let seq = Seq([0, 1, 2, 3, u64::MAX][self.index(5)]);
        let client_seq = ClientSeq([0, 1, 2, 70, u64::MAX][self.index(5)]);
        let users = vec![user; self.index(3)];
        let submit = |command| Command::Submit { chat, client_seq, command, attestation: None };
        match self.below(16) {
            0 => Command::Resume {
                positions: vec![Position { chat, received: seq, seen: seq }; 3],
                more: false,
            },
            1 => Command::Received { chat, seq },
            2 => Command::MarkSeen { chat, seq },
            3 => Command::SetTyping { chat, typing: self.below(2) == 0 },
            4 => submit(text(&String::from_utf8_lossy(&self.bytes(50)))),
            5 => submit(ChatCommand::DeleteMessage { target: seq }),
            6 => submit(ChatCommand::Add { users }),
            7 => submit(ChatCommand::Ban { users }),
            8 => submit(ChatCommand::Update { name: Some("x".into()), description: None, picture: None }),
            9 => Command::SetInviteLink { chat, client_seq, withdraw: self.below(2) == 0 },
            10 => Command::HideMessage { chat, seq },
            11 => Command::History { chat, before: Some(seq), limit: Some(u32::MAX), sender: Some(user) },
            12 => Command::MessageStatus { chat, seq },
            13 => Command::Presence { users },
            14 => Command::ListChats { after: Some(chat), limit: Some(u32::MAX) },
            _ => Command::GetChat { chat },
        }
    }

    /// Flips, drops, doubles or inserts a few bytes.
    fn damage(&self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            if bytes.is_empty() {
                return;
            }
            let at = self.index(bytes.len());
            match self.below(4) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes.truncate(at),
                2 => bytes.insert(at, self.byte()),
                _ => bytes[at] = self.byte(),
            }
        }
    }

    /// What one connection says, in pieces.
    fn monologue(&self, format: Format, chats: &[ChatId], user: UserId) -> Vec<Vec<u8>> {
        let opcode = FIN | if format == Format::Proto { crate::raw::BINARY } else { crate::raw::TEXT };
        let mut pieces = Vec::new();
        for id in 0..=self.below(20) {
            let mut payload = Vec::new();
            let frame = ClientFrame { id: id % 7, command: self.command(chats, user) };
            dunlin_wire::encode_client(format, &frame, &mut payload);
            let piece = match self.below(6) {
                0 => self.bytes(200),
                1 => masked(self.byte(), &self.bytes(200)),
                2 => masked(opcode, &self.bytes(200)),
                3 => {
                    self.damage(&mut payload);
                    masked(opcode, &payload)
                }
                4 => {
                    let mut frame = masked(opcode, &payload);
                    self.damage(&mut frame);
                    frame
                }
                _ => masked(opcode, &payload),
            };
            pieces.push(piece);
        }
        pieces
    }
}

async fn ramble(world: &World, dice: &Dice, token: Option<&str>, chats: &[ChatId], user: UserId) {
    let format = Format::ALL[dice.index(2)];
    let mut raw = Raw::connect(world.address, token, format).await;
    for piece in dice.monologue(format, chats, user) {
        // The server may have closed already.
        if raw.stream.write_all(&piece).await.is_err() {
            break;
        }
    }
    let _ = raw.stream.shutdown().await;
    loop {
        match raw.next().await {
            Frame::End => return,
            Frame::Server(ServerFrame::Reply { outcome: Outcome::Failed(failure), .. }) => {
                assert_ne!(failure.code, ErrorCode::Internal, "{failure:?}");
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_noise_kills_nothing() {
    let world = World::configured(|config| {
        config.authenticate_within = Duration::from_secs(2);
        config.connections_per_device_max = AT_ONCE;
    })
    .await;
    let [ada, eve] = world.people().await;
    let chats =
        [world.group(&ada, &[&eve]).await, world.group(&eve, &[&ada]).await, ChatId::from_bytes([7; 16])];
    for round in 0..CONNECTIONS / u64::try_from(AT_ONCE).unwrap() {
        let dice: Vec<Dice> = (0..AT_ONCE)
            .map(|index| Dice(SeededRandomness::new(round * 1_000 + u64::try_from(index).unwrap())))
            .collect();
        let rambling = dice.iter().map(|dice| {
            let token = (dice.below(8) > 0).then_some(eve.access_token.as_str());
            ramble(&world, dice, token, &chats, ada.device.user)
        });
        join_all(rambling).await;
    }
    let metrics = world.gateway.metrics();
    assert_eq!(metrics.opened.get(), CONNECTIONS);
    until("the end of every connection's task", || metrics.closed.get() == CONNECTIONS).await;
    assert_eq!(world.gateway.connection_count(), 0);
    world.assert_serves().await;
}
