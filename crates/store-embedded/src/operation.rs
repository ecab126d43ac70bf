//! What the writer is asked to do, and how it answers.

use dunlin_model::account::Version;
use dunlin_model::{BodyGone, ChatId, DeviceId, InboxMark, Seq, Suite, Timestamp, UserId};
use dunlin_store::{Appended, Claim, KeyClaim, ProgressRaise, Replaced, StoreError};
use tokio::sync::oneshot;

use crate::claiming::Package;
use crate::keys::Key;
use crate::rows::Row;

/// Where an answer goes. Whoever asked may be gone: the write happens all the same.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// One write. Rows are encoded by whoever asks, so that the writer's thread only decides and writes.
pub(crate) enum Operation {
    Append {
        chat: ChatId,
        seq: Seq,
        time: Timestamp,
        row: Row,
        reply: Reply<Appended>,
    },
    SaveSnapshot {
        chat: ChatId,
        head: Seq,
        row: Row,
        reply: Reply<()>,
    },
    EmptyBody {
        chat: ChatId,
        seq: Seq,
        why: BodyGone,
        reply: Reply<()>,
    },
    ExpireBodies {
        chat: ChatId,
        up_to: Seq,
        reply: Reply<Step>,
    },
    RaiseFloor {
        chat: ChatId,
        floor: Seq,
        reply: Reply<Step>,
    },
    RaiseProgress {
        raises: Vec<ProgressRaise>,
        reply: Reply<()>,
    },
    RaiseInbox {
        chat: ChatId,
        mark: InboxMark,
        users: Vec<UserId>,
        reply: Reply<()>,
    },
    RaiseLastSeen {
        user: UserId,
        at: Timestamp,
        reply: Reply<()>,
    },
    Put {
        key: Key,
        row: Row,
        reply: Reply<()>,
    },
    /// Rows that are written, or removed, together.
    Change {
        rows: Vec<(Key, Option<Row>)>,
        reply: Reply<()>,
    },
    Create {
        key: Key,
        row: Row,
        reply: Reply<Appended>,
    },
    Replace {
        key: Key,
        read: Version,
        row: Row,
        reply: Reply<Replaced>,
    },
    Claim {
        address: Key,
        user: Key,
        id: UserId,
        record: Row,
        reply: Reply<Claim>,
    },
    Remember {
        key: Key,
        row: Row,
        reply: Reply<Row>,
    },
    Forget {
        rows: Vec<(Key, Version)>,
        reply: Reply<usize>,
    },
    Remove {
        key: Key,
        reply: Reply<()>,
    },
    PutKeyPackages {
        device: DeviceId,
        suite: Suite,
        packages: Vec<Package>,
        last_resort: Option<Row>,
        reply: Reply<usize>,
    },
    ClaimKeyPackage {
        device: DeviceId,
        suite: Suite,
        claim: KeyClaim,
        reply: Reply<Option<Row>>,
    },
    RemoveKeyPackages {
        device: DeviceId,
        reply: Reply<()>,
    },
}

/// How far one bounded step of the expiry came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// Done up to here.
    pub(crate) reached: Seq,
    /// Whether a further step would do more.
    pub(crate) more: bool,
}

/// An answer that waits for the commit.
pub(crate) enum Settled {
    Unit(Reply<()>),
    Appended(Reply<Appended>, Appended),
    Replaced(Reply<Replaced>, Replaced),
    Claimed(Reply<Claim>, Claim),
    Step(Reply<Step>, Step),
    Row(Reply<Row>, Row),
    MaybeRow(Reply<Option<Row>>, Option<Row>),
    Count(Reply<usize>, usize),
}

impl Settled {
    /// Answers, now that it is known how the commit ended.
    pub(crate) fn answer(self, committed: Result<(), StoreError>) {
        match self {
            Self::Unit(reply) => send(reply, committed, ()),
            Self::Appended(reply, appended) => send(reply, committed, appended),
            Self::Replaced(reply, replaced) => send(reply, committed, replaced),
            Self::Claimed(reply, claim) => send(reply, committed, claim),
            Self::Step(reply, step) => send(reply, committed, step),
            Self::Row(reply, row) => send(reply, committed, row),
            Self::MaybeRow(reply, row) => send(reply, committed, row),
            Self::Count(reply, count) => send(reply, committed, count),
        }
    }
}

fn send<T>(reply: Reply<T>, committed: Result<(), StoreError>, value: T) {
    // An error means that nobody waits any more, which is their right.
    let _ = reply.send(committed.map(|()| value));
}

impl Operation {
    /// Refuses the write before anything of it was staged.
    pub(crate) fn refuse(self, error: StoreError) {
        match self {
            Self::Append { reply, .. } | Self::Create { reply, .. } => drop(reply.send(Err(error))),
            Self::SaveSnapshot { reply, .. }
            | Self::EmptyBody { reply, .. }
            | Self::RaiseProgress { reply, .. }
            | Self::RaiseInbox { reply, .. }
            | Self::RaiseLastSeen { reply, .. }
            | Self::Put { reply, .. }
            | Self::Remove { reply, .. }
            | Self::RemoveKeyPackages { reply, .. } => drop(reply.send(Err(error))),
            Self::ExpireBodies { reply, .. } | Self::RaiseFloor { reply, .. } => drop(reply.send(Err(error))),
            Self::Replace { reply, .. } => drop(reply.send(Err(error))),
            Self::Claim { reply, .. } => drop(reply.send(Err(error))),
            Self::Remember { reply, .. } => drop(reply.send(Err(error))),
            Self::Forget { reply, .. } | Self::PutKeyPackages { reply, .. } => {
                drop(reply.send(Err(error)));
            }
            Self::Change { reply, .. } => drop(reply.send(Err(error))),
            Self::ClaimKeyPackage { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}
