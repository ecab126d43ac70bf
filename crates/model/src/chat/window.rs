//! Dedup without a table: the client sequence numbers a device used in a chat (DESIGN.md, section 1).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::ids::{ClientSeq, Seq};
use crate::limits::DEDUP_WINDOW_NUMBERS;

/// The recent numbers of one device in one chat, with the places they got.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NumberWindow {
    /// Ascending by number; at most `DEDUP_WINDOW_NUMBERS`.
    recent: VecDeque<(ClientSeq, Seq)>,
    /// Numbers up to here are no longer known one by one.
    forgotten: ClientSeq,
}

/// What is known of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberStatus {
    /// Not used so far.
    Fresh,
    /// Used, for the event at this place.
    Used(Seq),
    /// So old that nobody remembers, or would.
    TooOld,
}

impl NumberWindow {
    /// What is known of `number`.
    pub fn status(&self, number: ClientSeq) -> NumberStatus {
        match self.recent.binary_search_by_key(&number, |entry| entry.0) {
            Ok(index) => {
                self.recent.get(index).map_or(NumberStatus::Fresh, |entry| NumberStatus::Used(entry.1))
            }
            Err(_) if number <= self.forgotten => NumberStatus::TooOld,
            // Recorded, it would fall out at once, and its own retry would not be recognised.
            Err(0) if self.recent.len() >= DEDUP_WINDOW_NUMBERS => NumberStatus::TooOld,
            Err(_) => NumberStatus::Fresh,
        }
    }

    /// The newest number used.
    pub fn newest(&self) -> ClientSeq {
        self.recent.back().map_or(self.forgotten, |entry| entry.0)
    }

    /// Notes that `number` got the place `seq`; the oldest number falls out of a full window.
    pub fn record(&mut self, number: ClientSeq, seq: Seq) {
        match self.recent.binary_search_by_key(&number, |entry| entry.0) {
            Ok(_) => {}
            Err(index) => self.recent.insert(index, (number, seq)),
        }
        if self.recent.len() > DEDUP_WINDOW_NUMBERS
            && let Some((oldest, _)) = self.recent.pop_front()
        {
            self.forgotten = self.forgotten.max(oldest);
        }
    }
}
