//! How far this device has got, chat by chat, on its way to the server. Only the newest counts, so nothing
//! queues: what is said while the socket is busy or away is merged.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dunlin_model::{ChatId, Seq};
use dunlin_wire::{ClientFrame, Command, POSITIONS_MAX, Position};
use tokio::sync::Notify;

/// The positions of all chats, and which of them the server does not know.
#[derive(Debug, Default)]
pub(crate) struct ProgressBoard {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    positions: HashMap<ChatId, Position>,
    received_unsaid: HashSet<ChatId>,
    seen_unsaid: HashSet<ChatId>,
}

impl State {
    fn position(&mut self, chat: ChatId) -> &mut Position {
        self.positions.entry(chat).or_insert(Position { chat, received: Seq::ZERO, seen: Seq::ZERO })
    }
}

impl ProgressBoard {
    pub(crate) fn starting_at(positions: Vec<Position>) -> Self {
        let board = Self::default();
        board.lock().positions = positions.into_iter().map(|position| (position.chat, position)).collect();
        board
    }

    pub(crate) fn received(&self, chat: ChatId, seq: Seq) {
        let mut state = self.lock();
        let position = state.position(chat);
        if seq > position.received {
            position.received = seq;
        }
        // Said again even when it is nothing new: the server's window may wait for it.
        state.received_unsaid.insert(chat);
        drop(state);
        self.changed.notify_one();
    }

    pub(crate) fn seen(&self, chat: ChatId, seq: Seq) {
        let mut state = self.lock();
        let position = state.position(chat);
        if seq > position.seen {
            position.seen = seq;
            state.seen_unsaid.insert(chat);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Returns once there may be something to say. Cancel safe.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What the server does not know yet.
    pub(crate) fn take_unsaid(&self) -> Vec<ClientFrame> {
        let mut state = self.lock();
        let received = std::mem::take(&mut state.received_unsaid);
        let seen = std::mem::take(&mut state.seen_unsaid);
        let frames = frames(&state.positions, &received, &seen);
        drop(state);
        frames
    }

    /// All that is known, for a new connection: one or more `resume`s, of which the last starts the delivery.
    pub(crate) fn restate(&self) -> Vec<Command> {
        let mut state = self.lock();
        state.received_unsaid.clear();
        state.seen_unsaid.clear();
        let positions: Vec<Position> = state.positions.values().copied().collect();
        drop(state);
        let mut pieces: Vec<Command> = positions
            .chunks(POSITIONS_MAX)
            .map(|piece| Command::Resume { positions: piece.to_vec(), more: true })
            .collect();
        match pieces.last_mut() {
            Some(Command::Resume { more, .. }) => *more = false,
            _ => pieces.push(Command::Resume { positions, more: false }),
        }
        pieces
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is a single assignment, so a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn frames(
    positions: &HashMap<ChatId, Position>,
    received: &HashSet<ChatId>,
    seen: &HashSet<ChatId>,
) -> Vec<ClientFrame> {
    let received = received
        .iter()
        .filter_map(|chat| positions.get(chat))
        .map(|at| Command::Received { chat: at.chat, seq: at.received });
    let seen = seen
        .iter()
        .filter_map(|chat| positions.get(chat))
        .filter(|at| at.seen > Seq::ZERO)
        .map(|at| Command::MarkSeen { chat: at.chat, seq: at.seen });
    received.chain(seen).map(|command| ClientFrame { id: 0, command }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: ChatId = ChatId::from_bytes([1; 16]);

    #[test]
    fn only_the_newest_position_is_said_and_only_once() {
        let board = ProgressBoard::default();
        board.received(CHAT, Seq(2));
        board.received(CHAT, Seq(5));
        board.received(CHAT, Seq(4));
        board.seen(CHAT, Seq(3));
        let said: Vec<Command> = board.take_unsaid().into_iter().map(|frame| frame.command).collect();
        assert_eq!(
            said,
            vec![
                Command::Received { chat: CHAT, seq: Seq(5) },
                Command::MarkSeen { chat: CHAT, seq: Seq(3) }
            ]
        );
        assert!(board.take_unsaid().is_empty());
    }

    #[test]
    fn a_new_connection_restates_everything_and_then_only_what_is_new() {
        let board = ProgressBoard::starting_at(vec![Position { chat: CHAT, received: Seq(7), seen: Seq(6) }]);
        board.received(CHAT, Seq(8));
        let at = Position { chat: CHAT, received: Seq(8), seen: Seq(6) };
        assert_eq!(board.restate(), vec![Command::Resume { positions: vec![at], more: false }]);
        assert!(board.take_unsaid().is_empty());
    }

    #[test]
    fn more_positions_than_one_frame_holds_are_stated_in_pieces() {
        assert_eq!(
            ProgressBoard::default().restate(),
            vec![Command::Resume { positions: Vec::new(), more: false }]
        );
        let chat = |n: u16| {
            let [high, low] = n.to_be_bytes();
            ChatId::from_bytes([high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        };
        let all: Vec<Position> =
            (0..2_500).map(|n| Position { chat: chat(n), received: Seq(1), seen: Seq(1) }).collect();
        let pieces = ProgressBoard::starting_at(all).restate();
        let shape: Vec<(usize, bool)> = pieces
            .iter()
            .map(|piece| match piece {
                Command::Resume { positions, more } => (positions.len(), *more),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(shape, [(1_000, true), (1_000, true), (500, false)]);
    }
}
