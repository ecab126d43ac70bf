//! Who may read what: the union of a user's stays in the chat (DESIGN.md, section 2, entitlement).

use serde::{Deserialize, Serialize};

use crate::ids::Seq;

/// One stay of a user, both ends included: it begins with the event that brought them in and ends with the
/// one that took them out, so that they learn of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The first event they may read.
    pub from: Seq,
    /// The last one; `None` while they are a member.
    pub to: Option<Seq>,
}

/// All stays of one user, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memberships(Vec<Membership>);

impl Memberships {
    /// The stays, ascending.
    pub fn stays(&self) -> &[Membership] {
        &self.0
    }

    /// Whether the user may read the event at `seq`.
    pub fn covers(&self, seq: Seq) -> bool {
        self.0.iter().any(|stay| stay.from <= seq && stay.to.is_none_or(|to| seq <= to))
    }

    /// The first place at or after `seq` that the user may read; `None` when there is none until they return.
    pub fn next_covered(&self, seq: Seq) -> Option<Seq> {
        self.0.iter().find(|stay| stay.to.is_none_or(|to| seq <= to)).map(|stay| stay.from.max(seq))
    }

    /// The last place at or before `seq` that the user may read.
    pub fn last_covered(&self, seq: Seq) -> Option<Seq> {
        self.0.iter().rev().find(|stay| stay.from <= seq).map(|stay| stay.to.map_or(seq, |to| to.min(seq)))
    }

    /// Of someone who came in at `seq`, for the first time as far as is known.
    pub fn open_since(seq: Seq) -> Self {
        Self(vec![Membership { from: seq, to: None }])
    }

    /// Whether the user is a member now.
    pub fn is_open(&self) -> bool {
        self.0.last().is_some_and(|stay| stay.to.is_none())
    }

    pub(super) fn begin(&mut self, seq: Seq) {
        if !self.is_open() {
            self.0.push(Membership { from: seq, to: None });
        }
    }

    pub(super) fn end(&mut self, seq: Seq) {
        if let Some(stay) = self.0.last_mut()
            && stay.to.is_none()
        {
            stay.to = Some(seq);
        }
    }
}
