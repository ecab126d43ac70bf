//! The registers that only rise: how far devices have got, and how far there is to go.

use serde::{Deserialize, Serialize};

use crate::ids::{ChatId, Seq};

/// How far one device has got in one chat. Every field only rises; two values merge field by field.
///
/// A member's delivered and seen receipts are the largest `received` and `seen` of the member's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Where a device that was linked later starts; zero for one that was there from the beginning.
    pub start: Seq,
    /// Everything up to here is stored on the device.
    pub received: Seq,
    /// Everything up to here was shown to the person.
    pub seen: Seq,
}

impl Progress {
    /// The larger of both, field by field.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            start: self.start.max(other.start),
            received: self.received.max(other.received),
            seen: self.seen.max(other.seen),
        }
    }

    /// The device's cursor: it needs nothing at or below this.
    pub fn cursor(self) -> Seq {
        self.start.max(self.received)
    }
}

/// How far there is to go for one user in one chat: a register that only rises.
///
/// While the user is a member the row is open: the chat goes on past `head`, which is only the newest that
/// was written here. When the membership ends the row is closed at the last event the user may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InboxMark {
    // The order of the fields is the order of the register: at one head, closed is above open.
    /// The newest event for this user that the row knows of.
    pub head: Seq,
    /// Whether the membership ended at `head`.
    pub closed: bool,
}

impl InboxMark {
    /// The row of a member.
    pub const fn open(head: Seq) -> Self {
        Self { head, closed: false }
    }

    /// The row of a former member, whose last event was `head`.
    pub const fn closed(head: Seq) -> Self {
        Self { head, closed: true }
    }
}

/// One row of a user's inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxEntry {
    /// The chat.
    pub chat: ChatId,
    /// How far there is to go in it.
    pub mark: InboxMark,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_rises_above_every_head_up_to_it_and_rejoining_above_leaving() {
        let (open_10, left_at_10, back_at_50) =
            (InboxMark::open(Seq(10)), InboxMark::closed(Seq(10)), InboxMark::open(Seq(50)));
        assert!(open_10 < left_at_10);
        assert!(left_at_10 < back_at_50);
    }
}
