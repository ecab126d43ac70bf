//! The relay within one process: for a server alone, and for several in a test.
//!
//! With one server attached, publishing is one atomic read. With several, sinks are called directly by the
//! publishing thread. What tests want to go wrong is decided by [`InProcessRelay::set_fate`],
//! [`InProcessRelay::release`] and [`InProcessRelay::interrupt`].

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use dunlin_model::UserId;
use parking_lot::{Mutex, RwLock};

use crate::{Lost, Relay, RelayError, ServerId, Signal, Wake, WakeSink};

/// How many things [`Fate::Hold`] holds; more are lost.
pub const HELD_MAX: usize = 65_536;

/// What becomes of what is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fate {
    /// It arrives at once.
    #[default]
    Deliver,
    /// It never arrives, and nobody is told.
    Lose,
    /// It arrives twice.
    Double,
    /// It waits for [`InProcessRelay::release`].
    Hold,
}

/// What travels.
#[derive(Debug, Clone)]
enum News {
    Wake(Wake),
    Signal(Signal),
}

struct Attached {
    sink: Weak<dyn WakeSink>,
    subscribed: HashSet<UserId>,
    interrupted: Option<Lost>,
}

impl Attached {
    fn is_interrupted_for(&self, user: UserId) -> bool {
        match &self.interrupted {
            None => false,
            Some(Lost::All) => true,
            Some(Lost::Users(users)) => users.contains(&user),
        }
    }

    fn hears_of(&self, user: UserId) -> bool {
        self.subscribed.contains(&user) && !self.is_interrupted_for(user)
    }
}

/// A relay between the servers of one process.
#[derive(Default)]
pub struct InProcessRelay {
    servers: RwLock<BTreeMap<ServerId, Attached>>,
    // How many there are, so that a server alone pays one read for each message.
    attached: AtomicUsize,
    fate: RwLock<Fate>,
    held: Mutex<VecDeque<(ServerId, Vec<UserId>, News)>>,
}

impl InProcessRelay {
    /// A relay that delivers.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on, this happens to what is published.
    pub fn set_fate(&self, fate: Fate) {
        *self.fate.write() = fate;
    }

    /// Delivers what was held, in the order it was published, to those who are subscribed now.
    pub fn release(&self) {
        let held = std::mem::take(&mut *self.held.lock());
        for (from, users, news) in held {
            self.deliver(from, &users, &news);
        }
    }

    /// Breaks subscriptions of `server`: nothing arrives for them, and subscribing fails, until
    /// [`InProcessRelay::resume`].
    pub fn interrupt(&self, server: ServerId, lost: Lost) {
        if let Some(attached) = self.servers.write().get_mut(&server) {
            attached.interrupted = Some(lost);
        }
    }

    /// Mends what [`InProcessRelay::interrupt`] broke, and tells the server.
    pub fn resume(&self, server: ServerId) {
        let mended = self.servers.write().get_mut(&server).and_then(|attached| {
            let lost = attached.interrupted.take()?;
            Some((attached.sink.upgrade()?, lost))
        });
        if let Some((sink, lost)) = mended {
            sink.lost(lost);
        }
    }

    fn send(&self, from: ServerId, users: &[UserId], news: News) {
        let fate = *self.fate.read();
        match fate {
            Fate::Lose => {}
            Fate::Deliver => self.deliver(from, users, &news),
            Fate::Double => {
                self.deliver(from, users, &news);
                self.deliver(from, users, &news);
            }
            Fate::Hold => {
                let mut held = self.held.lock();
                if held.len() < HELD_MAX {
                    held.push_back((from, users.to_vec(), news));
                }
            }
        }
    }

    fn deliver(&self, from: ServerId, users: &[UserId], news: &News) {
        // Sinks are called without the lock: they may well publish or subscribe themselves.
        let mut hearers: Vec<(Arc<dyn WakeSink>, Vec<UserId>)> = Vec::new();
        for (server, attached) in self.servers.read().iter() {
            if *server == from {
                continue;
            }
            let hearing: Vec<UserId> =
                users.iter().copied().filter(|user| attached.hears_of(*user)).collect();
            if hearing.is_empty() {
                continue;
            }
            if let Some(sink) = attached.sink.upgrade() {
                hearers.push((sink, hearing));
            }
        }
        for (sink, hearing) in hearers {
            match news {
                News::Wake(wake) => sink.wake(&hearing, wake),
                News::Signal(signal) => sink.signal(&hearing, signal),
            }
        }
    }

    fn is_alone(&self) -> bool {
        self.attached.load(Ordering::Acquire) < 2
    }
}

#[async_trait]
impl Relay for InProcessRelay {
    async fn attach(&self, server: ServerId, sink: Weak<dyn WakeSink>) -> Result<(), RelayError> {
        let mut servers = self.servers.write();
        // Servers that are gone leave their entries behind; here they are cleared away.
        servers.retain(|_, attached| attached.sink.strong_count() > 0);
        servers.insert(server, Attached { sink, subscribed: HashSet::new(), interrupted: None });
        self.attached.store(servers.len(), Ordering::Release);
        Ok(())
    }

    async fn subscribe(&self, server: ServerId, user: UserId) -> Result<(), RelayError> {
        let mut servers = self.servers.write();
        let attached = servers.get_mut(&server).ok_or(RelayError::NotAttached(server))?;
        if attached.is_interrupted_for(user) {
            return Err(RelayError::Unavailable("the connection to it is interrupted".into()));
        }
        attached.subscribed.insert(user);
        Ok(())
    }

    async fn unsubscribe(&self, server: ServerId, user: UserId) -> Result<(), RelayError> {
        let mut servers = self.servers.write();
        let attached = servers.get_mut(&server).ok_or(RelayError::NotAttached(server))?;
        attached.subscribed.remove(&user);
        Ok(())
    }

    fn publish(&self, from: ServerId, users: &[UserId], wake: Wake) {
        if !self.is_alone() {
            self.send(from, users, News::Wake(wake));
        }
    }

    fn publish_signal(&self, from: ServerId, users: &[UserId], signal: Signal) {
        if !self.is_alone() {
            self.send(from, users, News::Signal(signal));
        }
    }
}
