//! Faults on order, so that tests meet every answer a database can give.

use std::collections::{HashMap, VecDeque};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Refused: certainly not done.
    Unavailable,
    /// The answer was lost after the write had happened; a read is only `Unavailable`.
    UncertainWritten,
    /// The answer was lost before the write had happened; a read is only `Unavailable`.
    UncertainLost,
    /// What is stored cannot be read; nothing is done.
    Damaged,
}

/// Which calls a fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `append`.
    Append,
    /// Every read of [`crate::Chats`].
    ReadChats,
    /// `save_snapshot`.
    SaveSnapshot,
    /// `empty_body`.
    EmptyBody,
    /// `expire_bodies`, `raise_floor`.
    Retire,
    /// `raise_inbox`.
    RaiseInbox,
    /// `inbox`.
    ReadInbox,
    /// Every write of [`crate::Progresses`].
    RaiseProgress,
    /// Every read of [`crate::Progresses`].
    ReadProgress,
    /// Every write of users, devices, challenges, documents and secrets.
    WritePeople,
    /// Every read of users, devices, challenges, documents and the incarnation.
    ReadPeople,
    /// Every write of certificates, key packages and revocations.
    WriteKeys,
    /// Every read of certificates, key packages and revocations.
    ReadKeys,
    /// Every write of attachments.
    WriteAttachments,
    /// Every read of attachments.
    ReadAttachments,
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    unavailable: bool,
    // `None` lets a call pass.
    queued: HashMap<Operation, VecDeque<Option<Fault>>>,
}

impl Faults {
    pub(super) fn fail_after(&mut self, operation: Operation, calls: usize, fault: Fault) {
        let queue = self.queued.entry(operation).or_default();
        queue.extend(std::iter::repeat_n(None, calls));
        queue.push_back(Some(fault));
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(super) fn set_unavailable(&mut self, unavailable: bool) {
        self.unavailable = unavailable;
    }

    pub(super) fn take(&mut self, operation: Operation) -> Option<Fault> {
        if self.unavailable {
            return Some(Fault::Unavailable);
        }
        self.queued.get_mut(&operation).and_then(VecDeque::pop_front).flatten()
    }
}
