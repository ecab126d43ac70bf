//! What happens to the device, handed to whoever waits for it.
//!
//! One task reads the device's events, always at once, so that the device never waits for a slow terminal. Commands
//! wait for the end of what they asked for by its token. Everything else is a hint, which a slow reader may miss:
//! what counts stands in the vault.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use dunlin_client::{Change, WaitReason};
use dunlin_client_native::SystemRandomness;
use dunlin_client_native::device::{Device, DeviceEvent};
use dunlin_model::{ChatId, Randomness, Seq};
use dunlin_wire::{Failure as Refusal, Outcome};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::failure::Failure;

/// Changes that a reader may be behind; then it is told that it missed some.
const CHANGES_MAX: usize = 4_096;
/// Things to tell a person that are kept until somebody tells them; the oldest go.
const NOTICES_MAX: usize = 64;

/// A device that was started, with its events.
pub(super) type Started = (Device, mpsc::Receiver<DeviceEvent>);

/// How the device is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Online {
    /// It tries for the first time.
    NotYet,
    /// It is, and hears what it missed.
    Connected,
    /// It is, and has heard all.
    CaughtUp,
    /// It is not, and tries again by itself.
    Offline {
        /// Why.
        why: String,
    },
    /// It was logged out: nothing more comes.
    LoggedOut,
    /// Its vault failed: nothing more comes.
    Failed(String),
}

/// The end of something that was asked for.
#[derive(Debug)]
pub(crate) enum End {
    /// It stands in the log.
    Accepted { chat: ChatId, seq: Seq },
    /// It will not be carried out.
    Refused(Refusal),
    /// The server's answer.
    Answered(Box<Outcome>),
    /// It is kept, and waits for somebody else.
    Waits(WaitReason),
}

type Waiting = Rc<RefCell<BTreeMap<u64, oneshot::Sender<End>>>>;
type Notices = Rc<RefCell<VecDeque<Change>>>;

/// The device's events.
pub(crate) struct Feed {
    online: watch::Receiver<Online>,
    changes: broadcast::Sender<Arc<Change>>,
    waiting: Waiting,
    notices: Notices,
    last_token: Cell<u64>,
    reading: JoinHandle<()>,
}

impl Feed {
    pub(super) fn new(events: mpsc::Receiver<DeviceEvent>) -> Self {
        let (set_online, online) = watch::channel(Online::NotYet);
        let (changes, _) = broadcast::channel(CHANGES_MAX);
        let (waiting, notices) = (Waiting::default(), Notices::default());
        let reader = Reader {
            online: set_online,
            changes: changes.clone(),
            waiting: Rc::clone(&waiting),
            notices: Rc::clone(&notices),
        };
        // What the outbox holds from earlier processes has other tokens.
        let mut first = [0; 8];
        SystemRandomness.fill(&mut first);
        Self {
            online,
            changes,
            waiting,
            notices,
            last_token: Cell::new(u64::from_le_bytes(first) >> 1),
            reading: tokio::task::spawn_local(reader.read(events)),
        }
    }

    /// How the device is connected, now and from now on. Each failed attempt to connect counts as a change.
    pub(crate) fn online(&self) -> watch::Receiver<Online> {
        self.online.clone()
    }

    /// What changes from now on.
    pub(crate) fn changes(&self) -> broadcast::Receiver<Arc<Change>> {
        self.changes.subscribe()
    }

    /// A token for the next command, and where its end will be told.
    pub(super) fn expect(&self) -> (u64, oneshot::Receiver<End>) {
        let token = self.next_token();
        let (end, ended) = oneshot::channel();
        self.waiting.borrow_mut().insert(token, end);
        (token, ended)
    }

    /// A token whose end nobody waits for.
    pub(crate) fn next_token(&self) -> u64 {
        self.last_token.set(self.last_token.get() + 1);
        self.last_token.get()
    }

    /// What a person should be told that no command asked for: refusals of what was kept from earlier, keys that
    /// changed, a chat that is not to be trusted, what is missing. Each is given once.
    pub(crate) fn take_notices(&self) -> Vec<Change> {
        self.notices.borrow_mut().drain(..).collect()
    }

    /// Waits until the server refuses this device's certificate, before or from now on; for ever when it does not.
    /// Cancel safe. Does not take the notice.
    pub(crate) async fn certificate_refused(&self) -> Change {
        let is_refusal = |change: &&Change| matches!(change, Change::CertificateRefused { .. });
        let mut changes = self.changes();
        loop {
            if let Some(refusal) = self.notices.borrow().iter().find(is_refusal) {
                return refusal.clone();
            }
            if matches!(changes.recv().await, Err(broadcast::error::RecvError::Closed)) {
                return std::future::pending().await;
            }
        }
    }

    /// Why nothing more comes, if so.
    pub(crate) fn end(&self) -> Option<Failure> {
        match &*self.online.borrow() {
            Online::LoggedOut => Some(Failure::logged_out()),
            Online::Failed(why) => Some(Failure::Failed(format!("The vault failed: {why}."))),
            _ => None,
        }
    }

    /// Waits until the device has ended, which it does when no handle is left.
    pub(super) async fn ended(self) {
        // The task does not panic; if it did, the device would be gone all the same.
        let _ = self.reading.await;
    }
}

/// The task that reads the device's events.
struct Reader {
    online: watch::Sender<Online>,
    changes: broadcast::Sender<Arc<Change>>,
    waiting: Waiting,
    notices: Notices,
}

impl Reader {
    async fn read(self, mut events: mpsc::Receiver<DeviceEvent>) {
        while let Some(event) = events.recv().await {
            match event {
                DeviceEvent::Online => self.turn(Online::Connected),
                DeviceEvent::Offline { why } => self.turn(Online::Offline { why }),
                DeviceEvent::LoggedOut => self.turn(Online::LoggedOut),
                DeviceEvent::Failed(why) => self.turn(Online::Failed(why)),
                DeviceEvent::Change(change) => self.take(*change),
            }
        }
    }

    fn turn(&self, online: Online) {
        self.online.send_replace(online);
    }

    fn take(&self, change: Change) {
        match &change {
            Change::CaughtUp => self.turn(Online::CaughtUp),
            Change::Accepted { token, chat, seq } => {
                self.tell(*token, End::Accepted { chat: *chat, seq: *seq });
            }
            Change::Refused { token, why, .. } => {
                if !self.tell(*token, End::Refused(why.clone())) && *token != 0 {
                    self.note(change);
                }
                return;
            }
            Change::Waits { token, why, .. } => drop(self.tell(*token, End::Waits(*why))),
            Change::Answered { token, outcome } => {
                self.tell(*token, End::Answered(outcome.clone()));
                return;
            }
            Change::Noticed { .. } | Change::CertificateRefused { .. } => self.note(change.clone()),
            _ => {}
        }
        // Nobody may be listening.
        let _ = self.changes.send(Arc::new(change));
    }

    fn tell(&self, token: u64, end: End) -> bool {
        let waiting = self.waiting.borrow_mut().remove(&token);
        waiting.is_some_and(|waiting| waiting.send(end).is_ok())
    }

    fn note(&self, change: Change) {
        let mut notices = self.notices.borrow_mut();
        if notices.len() >= NOTICES_MAX {
            notices.pop_front();
        }
        notices.push_back(change);
    }
}
