//! A batch in the making: every write is decided here, against what is durable and what the batch already
//! holds. A write reads first and stages last, so that one that fails leaves nothing of itself behind.

use std::collections::HashMap;
use std::mem;

use dunlin_model::{ChatId, DeviceId, Event, Progress};
use dunlin_store::{Appended, Claim, Replaced, StoreError};

use crate::cache::Generations;
use crate::engine::Engine;
use crate::keys::{self, Expiry, Key};
use crate::marks::{Marks, MarksCache, Retention};
use crate::operation::{Operation, Settled};
use crate::rows::{self, Row};

/// The registers that the writer remembers. A failed commit ends all writing, so this may run ahead of it.
pub(crate) type Registers = Generations<(ChatId, DeviceId), Progress>;

/// The rows and decisions of one batch.
pub(crate) struct Staging<'a> {
    pub(crate) engine: &'a Engine,
    cache: &'a MarksCache,
    registers: &'a mut Registers,
    changes: Vec<(Key, Option<Row>)>,
    places: HashMap<Key, usize>,
    marks: HashMap<ChatId, Marks>,
    settled: Vec<Settled>,
    pub(crate) bytes: usize,
    pub(crate) appended: usize,
}

/// What a batch comes down to.
pub(crate) struct Staged {
    pub(crate) changes: Vec<(Key, Option<Row>)>,
    pub(crate) marks: HashMap<ChatId, Marks>,
    pub(crate) settled: Vec<Settled>,
}

impl<'a> Staging<'a> {
    pub(crate) fn new(engine: &'a Engine, cache: &'a MarksCache, registers: &'a mut Registers) -> Self {
        Self {
            engine,
            cache,
            registers,
            changes: Vec::new(),
            places: HashMap::new(),
            marks: HashMap::new(),
            settled: Vec::new(),
            bytes: 0,
            appended: 0,
        }
    }

    pub(crate) fn finish(self) -> Staged {
        Staged { changes: self.changes, marks: self.marks, settled: self.settled }
    }

    /// Decides one write. What cannot be decided is answered at once, with the error.
    pub(crate) fn add(&mut self, operation: Operation) {
        match operation {
            Operation::Append { chat, seq, time, row, reply } => {
                let done = self.append(chat, seq, time, row);
                self.settle(done, reply, Settled::Appended);
            }
            Operation::SaveSnapshot { chat, head, row, reply } => {
                let done = self.save_snapshot(chat, head, row);
                self.settle(done, reply, |reply, ()| Settled::Unit(reply));
            }
            Operation::EmptyBody { chat, seq, why, reply } => {
                let done = self.empty_body(chat, seq, why);
                self.settle(done, reply, |reply, ()| Settled::Unit(reply));
            }
            Operation::ExpireBodies { chat, up_to, reply } => {
                let done = self.expire_bodies(chat, up_to);
                self.settle(done, reply, Settled::Step);
            }
            Operation::RaiseFloor { chat, floor, reply } => {
                let done = self.raise_floor(chat, floor);
                self.settle(done, reply, Settled::Step);
            }
            Operation::RaiseProgress { raises, reply } => {
                let done = self.raise_progress(&raises);
                self.settle(done, reply, |reply, ()| Settled::Unit(reply));
            }
            Operation::RaiseInbox { chat, mark, users, reply } => {
                let done = self.raise_inbox(chat, mark, &users);
                self.settle(done, reply, |reply, ()| Settled::Unit(reply));
            }
            Operation::RaiseLastSeen { user, at, reply } => {
                let done = self.raise_last_seen(user, at);
                self.settle(done, reply, |reply, ()| Settled::Unit(reply));
            }
            Operation::Put { key, row, reply } => {
                self.put(key, row);
                self.settled.push(Settled::Unit(reply));
            }
            Operation::Change { rows, reply } => {
                for (key, row) in rows {
                    self.change(key, row);
                }
                self.settled.push(Settled::Unit(reply));
            }
            Operation::Create { key, row, reply } => {
                let done = self.create(key, row);
                self.settle(done, reply, Settled::Appended);
            }
            Operation::Replace { key, read, row, reply } => {
                let done = self.replace(key, read, row);
                self.settle(done, reply, Settled::Replaced);
            }
            Operation::Claim { address, user, id, record, reply } => {
                let done = self.claim(address, user, id, record);
                self.settle(done, reply, Settled::Claimed);
            }
            Operation::Remember { key, row, reply } => {
                let done = self.remember(key, row);
                self.settle(done, reply, Settled::Row);
            }
            Operation::Remove { key, reply } => {
                self.remove(key);
                self.settled.push(Settled::Unit(reply));
            }
            Operation::PutKeyPackages { device, suite, packages, last_resort, reply } => {
                let done = self.put_key_packages(device, suite, packages, last_resort);
                self.settle(done, reply, Settled::Count);
            }
            Operation::ClaimKeyPackage { device, suite, claim, reply } => {
                let done = self.claim_key_package(device, suite, claim);
                self.settle(done, reply, Settled::MaybeRow);
            }
            Operation::RemoveKeyPackages { device, reply } => {
                let done = self.remove_key_packages(device);
                self.settle(done, reply, |reply, ()| Settled::Unit(reply));
            }
            Operation::Forget { rows, reply } => {
                let done = self.forget(rows);
                self.settle(done, reply, Settled::Count);
            }
        }
    }

    fn settle<T>(
        &mut self,
        done: Result<T, StoreError>,
        reply: crate::operation::Reply<T>,
        settled: impl FnOnce(crate::operation::Reply<T>, T) -> Settled,
    ) {
        match done {
            Ok(value) => self.settled.push(settled(reply, value)),
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    /// A row as it will be after this batch.
    pub(crate) fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        match self.places.get(key).and_then(|place| self.changes.get(*place)) {
            Some((_, row)) => Ok(row.clone()),
            None => self.engine.get(key),
        }
    }

    pub(crate) fn put(&mut self, key: Key, row: Row) {
        self.change(key, Some(row));
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.change(key, None);
    }

    /// The rows between these keys, both included, that this batch changes.
    pub(crate) fn staged_between(&self, from: &Key, to: &Key) -> Vec<Key> {
        let staged = self.changes.iter().map(|(key, _)| key);
        staged.filter(|key| (from..=to).contains(key)).cloned().collect()
    }

    /// Of several changes of one row in a batch the last one is written, once.
    fn change(&mut self, key: Key, row: Option<Row>) {
        self.bytes += key.len() + row.as_ref().map_or(0, |row| row.len());
        match self.places.get(&key).and_then(|place| self.changes.get_mut(*place)) {
            Some(change) => change.1 = row,
            None => {
                self.places.insert(key.clone(), self.changes.len());
                self.changes.push((key, row));
            }
        }
    }

    pub(crate) fn marks(&self, chat: ChatId) -> Result<Marks, StoreError> {
        match self.marks.get(&chat) {
            Some(marks) => Ok(*marks),
            None => self.cache.get(self.engine, chat),
        }
    }

    pub(crate) fn set_marks(&mut self, chat: ChatId, marks: Marks) {
        self.marks.insert(chat, marks);
    }

    pub(crate) fn retention(&self, chat: ChatId) -> Result<Retention, StoreError> {
        self.get(&keys::retention(chat))?.map_or(Ok(Retention::default()), |row| Retention::read(&row))
    }

    /// Writes the retention row, and moves the chat in the time indexes to where the row has it.
    pub(crate) fn set_retention(&mut self, chat: ChatId, old: Retention, new: Retention) {
        if new == old {
            return;
        }
        for (expiry, from, to) in [
            (Expiry::Bodies, old.oldest_body, new.oldest_body),
            (Expiry::Events, old.oldest_event, new.oldest_event),
        ] {
            if from != to {
                if let Some(time) = from {
                    self.remove(keys::oldest(expiry, time, chat));
                }
                if let Some(time) = to {
                    self.put(keys::oldest(expiry, time, chat), rows::numbers([]));
                }
            }
        }
        self.put(keys::retention(chat), new.row());
    }

    pub(crate) fn event(&self, chat: ChatId, seq: dunlin_model::Seq) -> Result<Option<Event>, StoreError> {
        self.get(&keys::event(chat, seq))?.map(|row| rows::decode_event(&row)).transpose()
    }

    pub(crate) fn register(&mut self, chat: ChatId, device: DeviceId) -> Result<Progress, StoreError> {
        if let Some(progress) = self.registers.get(&(chat, device)) {
            return Ok(progress);
        }
        let row = self.get(&keys::progress(chat, device))?;
        let progress = row.map_or(Ok(Progress::default()), |row| rows::read_progress(&row))?;
        self.registers.put((chat, device), progress);
        Ok(progress)
    }

    pub(crate) fn set_register(&mut self, chat: ChatId, device: DeviceId, progress: Progress) {
        self.put(keys::progress(chat, device), rows::progress(progress));
        self.registers.put((chat, device), progress);
    }

    fn create(&mut self, key: Key, row: Row) -> Result<Appended, StoreError> {
        if self.get(&key)?.is_some() {
            return Ok(Appended::Taken);
        }
        self.put(key, row);
        Ok(Appended::Written)
    }

    fn replace(
        &mut self,
        key: Key,
        read: dunlin_model::account::Version,
        row: Row,
    ) -> Result<Replaced, StoreError> {
        if rows::version(self.get(&key)?.as_ref())? != read {
            return Ok(Replaced::Changed);
        }
        let version = rows::version(Some(&row))?;
        self.put(key, row);
        Ok(Replaced::Done(version))
    }

    fn claim(
        &mut self,
        address: Key,
        user: Key,
        id: dunlin_model::UserId,
        record: Row,
    ) -> Result<Claim, StoreError> {
        if let Some(row) = self.get(&address)? {
            return rows::decode(&row).map(Claim::Existing);
        }
        let owner = rows::encode(&id)?;
        // The address names the user, so the user comes first.
        self.put(user, record);
        self.put(address, owner);
        Ok(Claim::New)
    }

    fn remember(&mut self, key: Key, row: Row) -> Result<Row, StoreError> {
        if let Some(row) = self.get(&key)? {
            return Ok(row);
        }
        self.put(key, row.clone());
        Ok(row)
    }

    fn forget(
        &mut self,
        mut forgettable: Vec<(Key, dunlin_model::account::Version)>,
    ) -> Result<usize, StoreError> {
        let mut unchanged = Vec::new();
        for (key, version) in mem::take(&mut forgettable) {
            if rows::version(self.get(&key)?.as_ref())? == version {
                unchanged.push(key);
            }
        }
        let count = unchanged.len();
        for key in unchanged {
            self.remove(key);
        }
        Ok(count)
    }
}
