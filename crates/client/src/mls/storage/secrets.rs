//! Message secrets as many rows: one per epoch for what is fixed, one per node and ratchet of its secret tree.
//!
//! openmls hands over the secrets of all kept epochs with every message. Encoding them grows with the group, so
//! they are split: a node or ratchet is written when it comes into being, a ratchet also when it is the one that
//! the message moved ([`Scope::Ratchet`]). Within an epoch nodes never change but from absent to present to
//! absent, and no ratchet moves except by a message that says so, therefore presence tells the rest.
//! Reading puts the rows together to the bytes of the whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::rows::{Rows, encode};
use super::shape::{Visit, is_some, walk};
use super::{Inner, StorageError};
use crate::Key;

const ROW: &str = "message secrets";

/// What the next message secrets to be written differ in from those stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Scope {
    /// In anything.
    #[default]
    Everything,
    /// In the ratchets of one sender, and in nodes that were derived meanwhile.
    Ratchet {
        /// The epoch of the message.
        epoch: u64,
        /// The leaf of its sender.
        leaf: u32,
    },
    /// They are written again, with a scope, before the step ends.
    Later,
}

/// The vectors of a secret tree, in the order of their encoding.
const VECTORS: [&str; 4] =
    ["leaf_nodes", "parent_nodes", "handshake_sender_ratchets", "application_sender_ratchets"];
const FIRST_RATCHETS: usize = 2;
const APPLICATION_RATCHETS: usize = 3;

/// Which elements of the vectors of an epoch's secret tree have rows.
type Presence = [Vec<bool>; VECTORS.len()];

/// The presence of the epochs that were written since they were loaded.
#[derive(Default)]
pub(super) struct Known(BTreeMap<Key, Presence>);

impl Known {
    pub(super) fn forget(&mut self, prefix: &[u8]) {
        self.0.retain(|key, _| !key.starts_with(prefix));
    }
}

/// The row that says which epochs there are.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    epochs_max: u64,
    /// The oldest first.
    past: Vec<u64>,
    current: u64,
}

/// What of an epoch's secrets never changes.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Fixed {
    /// The encoded fields before the secret tree.
    before: Vec<u8>,
    own_index: Vec<u8>,
    lengths: [u32; VECTORS.len()],
    size: Vec<u8>,
}

fn index_key(prefix: &[u8]) -> Key {
    [prefix, b"s"].concat()
}

fn epoch_prefix(prefix: &[u8], epoch: u64) -> Key {
    [prefix, b"m", &epoch.to_be_bytes()].concat()
}

fn fixed_key(epoch: &[u8]) -> Key {
    [epoch, b"f"].concat()
}

fn leaves_key(epoch: &[u8]) -> Key {
    [epoch, b"l"].concat()
}

/// The elements of vector 0 stand under `0`, and so on, with their index as four bytes.
fn element_key(epoch: &[u8], vector: usize, index: u32) -> Key {
    let vector = b'0' + u8::try_from(vector).unwrap_or(u8::MAX - b'0');
    [epoch, &[vector], &index.to_be_bytes()].concat()
}

pub(super) fn write<T: Serialize>(inner: &mut Inner, prefix: &[u8], secrets: &T) -> Result<(), StorageError> {
    let scope = inner.scope;
    if scope == Scope::Later {
        return Ok(());
    }
    let mut writer =
        Writer { rows: &mut inner.rows, known: &mut inner.secrets, prefix, scope, index: Index::default() };
    walk(secrets, &mut writer)?;
    let index = writer.index;
    if scope == Scope::Everything {
        inner.rows.write(index_key(prefix), &index)?;
        delete_epochs(inner, prefix, |epoch| epoch != index.current && !index.past.contains(&epoch));
    }
    Ok(())
}

pub(super) fn delete(inner: &mut Inner, prefix: &[u8]) {
    inner.rows.delete(index_key(prefix));
    delete_epochs(inner, prefix, |_| true);
}

fn delete_epochs(inner: &mut Inner, prefix: &[u8], which: impl Fn(u64) -> bool) {
    let all = [prefix, b"m"].concat();
    let epochs: BTreeSet<u64> = inner
        .rows
        .scan(&all)
        .filter_map(|key| key.get(all.len()..)?.first_chunk().copied().map(u64::from_be_bytes))
        .collect();
    for epoch in epochs.into_iter().filter(|epoch| which(*epoch)) {
        let epoch = epoch_prefix(prefix, epoch);
        inner.secrets.forget(&epoch);
        inner.rows.delete_prefix(&epoch);
    }
}

struct Writer<'a> {
    rows: &'a mut Rows,
    known: &'a mut Known,
    prefix: &'a [u8],
    scope: Scope,
    index: Index,
}

/// The whole: a MessageSecretsStore.
impl Visit for Writer<'_> {
    fn visit<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        _: usize,
        value: &T,
    ) -> Result<(), StorageError> {
        match name {
            "max_epochs" => self.index.epochs_max = number(value)?,
            "past_epoch_trees" => walk(value, &mut PastEpochs(self))?,
            "message_secrets" => self.index.current = self.epoch(value)?,
            _ => return Err(unknown(name)),
        }
        Ok(())
    }
}

impl Writer<'_> {
    /// Writes the MessageSecrets of one epoch, and gives its number.
    fn epoch<T: Serialize + ?Sized>(&mut self, secrets: &T) -> Result<u64, StorageError> {
        let mut visit = EpochSecrets { writer: self, fixed: Fixed::default(), epoch: None };
        walk(secrets, &mut visit)?;
        let EpochSecrets { fixed, epoch, .. } = visit;
        let epoch = epoch.ok_or_else(|| unknown("a group context"))?;
        if self.scope == Scope::Everything {
            self.rows.write(fixed_key(&epoch_prefix(self.prefix, epoch)), &fixed)?;
        }
        Ok(epoch)
    }
}

struct PastEpochs<'a, 'b>(&'a mut Writer<'b>);

impl Visit for PastEpochs<'_, '_> {
    fn visit<T: Serialize + ?Sized>(
        &mut self,
        _: &'static str,
        _: usize,
        tree: &T,
    ) -> Result<(), StorageError> {
        walk(tree, &mut PastEpoch { writer: self.0, epoch: 0 })
    }
}

struct PastEpoch<'a, 'b> {
    writer: &'a mut Writer<'b>,
    epoch: u64,
}

/// An EpochTree.
impl Visit for PastEpoch<'_, '_> {
    fn visit<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        _: usize,
        value: &T,
    ) -> Result<(), StorageError> {
        let writer = &mut *self.writer;
        match (name, writer.scope) {
            ("epoch", _) => {
                self.epoch = number(value)?;
                writer.index.past.push(self.epoch);
            }
            ("message_secrets", Scope::Ratchet { epoch, .. }) if epoch != self.epoch => {}
            ("message_secrets", _) => {
                writer.epoch(value)?;
            }
            ("leaves", Scope::Everything) => {
                // The leaves of a past epoch never change, and are much.
                let key = leaves_key(&epoch_prefix(writer.prefix, self.epoch));
                if !writer.rows.contains(&key) {
                    writer.rows.write(key, value)?;
                }
            }
            ("leaves", _) => {}
            _ => return Err(unknown(name)),
        }
        Ok(())
    }
}

struct EpochSecrets<'a, 'b> {
    writer: &'a mut Writer<'b>,
    fixed: Fixed,
    epoch: Option<u64>,
}

/// A MessageSecrets.
impl Visit for EpochSecrets<'_, '_> {
    fn visit<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        _: usize,
        value: &T,
    ) -> Result<(), StorageError> {
        match name {
            "sender_data_secret" | "membership_key" | "confirmation_key" => {
                if self.writer.scope == Scope::Everything {
                    append(&mut self.fixed.before, value)?;
                }
            }
            "serialized_context" => {
                let start = self.fixed.before.len();
                append(&mut self.fixed.before, value)?;
                self.epoch = self.fixed.before.get(start..).and_then(epoch_of_context);
            }
            "secret_tree" => {
                let epoch = self.epoch.ok_or_else(|| unknown("a group context"))?;
                if matches!(self.writer.scope, Scope::Ratchet { epoch: of, .. } if of != epoch) {
                    return Ok(());
                }
                let key = epoch_prefix(self.writer.prefix, epoch);
                let mut presence =
                    self.writer.known.0.remove(&key).unwrap_or_else(|| presence(self.writer.rows, &key));
                walk(
                    value,
                    &mut Tree {
                        rows: self.writer.rows,
                        scope: self.writer.scope,
                        epoch: &key,
                        presence: &mut presence,
                        fixed: &mut self.fixed,
                    },
                )?;
                self.writer.known.0.insert(key, presence);
            }
            // When the system clock saw the epoch begin. Nothing here asks for it, and it is no function of
            // the inputs.
            "added_at" => {}
            _ => return Err(unknown(name)),
        }
        Ok(())
    }
}

/// Which elements of an epoch have rows, found out from the rows.
fn presence(rows: &Rows, epoch: &[u8]) -> Presence {
    let mut presence = Presence::default();
    for key in rows.scan(epoch) {
        let Some([vector, index @ ..]) = key.get(epoch.len()..) else { continue };
        let vector = presence.get_mut(usize::from(vector.wrapping_sub(b'0')));
        let (Some(vector), Ok(index)) = (vector, <[u8; 4]>::try_from(index)) else { continue };
        let index = u32::from_be_bytes(index) as usize;
        if vector.len() <= index {
            vector.resize(index + 1, false);
        }
        if let Some(place) = vector.get_mut(index) {
            *place = true;
        }
    }
    presence
}

struct Tree<'a> {
    rows: &'a mut Rows,
    scope: Scope,
    epoch: &'a [u8],
    presence: &'a mut Presence,
    fixed: &'a mut Fixed,
}

impl Tree<'_> {
    /// Whether nothing can have changed but one ratchet that has a row: no leaf was looked at for the first time.
    fn moves_only(&self) -> bool {
        let Scope::Ratchet { leaf, .. } = self.scope else { return false };
        let ratchets = self.presence.get(APPLICATION_RATCHETS);
        ratchets.and_then(|ratchets| ratchets.get(leaf as usize)) == Some(&true)
    }
}

/// A SecretTree.
impl Visit for Tree<'_> {
    fn visit<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        _: usize,
        value: &T,
    ) -> Result<(), StorageError> {
        match name {
            "own_index" => self.fixed.own_index = postcard::to_extend(value, Vec::new())?,
            "size" => self.fixed.size = postcard::to_extend(value, Vec::new())?,
            _ => {
                let vector =
                    VECTORS.iter().position(|vector| *vector == name).ok_or_else(|| unknown(name))?;
                // Nodes are derived only where a ratchet comes into being.
                let only_moved = self.moves_only();
                if only_moved && vector != APPLICATION_RATCHETS {
                    return Ok(());
                }
                let (Some(presence), Some(length)) =
                    (self.presence.get_mut(vector), self.fixed.lengths.get_mut(vector))
                else {
                    return Err(unknown(name));
                };
                let moved = match self.scope {
                    Scope::Ratchet { leaf, .. } if vector >= FIRST_RATCHETS => Moved::One(leaf as usize),
                    Scope::Ratchet { .. } | Scope::Later => Moved::None,
                    Scope::Everything => Moved::All,
                };
                let (rows, epoch) = (&mut *self.rows, self.epoch);
                let mut elements = Elements { rows, epoch, vector, presence, moved, only_moved, length };
                walk(value, &mut elements)?;
            }
        }
        Ok(())
    }
}

/// Which elements may have changed though they were there before and are now.
#[derive(Clone, Copy)]
enum Moved {
    All,
    One(usize),
    None,
}

struct Elements<'a> {
    rows: &'a mut Rows,
    epoch: &'a [u8],
    vector: usize,
    presence: &'a mut Vec<bool>,
    moved: Moved,
    /// Whether all others are as they were.
    only_moved: bool,
    length: &'a mut u32,
}

impl Visit for Elements<'_> {
    fn length(&mut self, length: usize) {
        self.presence.resize(length, false);
        *self.length = u32::try_from(length).unwrap_or(u32::MAX);
    }

    fn visit<T: Serialize + ?Sized>(
        &mut self,
        _: &'static str,
        index: usize,
        value: &T,
    ) -> Result<(), StorageError> {
        if self.only_moved && !matches!(self.moved, Moved::One(which) if which == index) {
            return Ok(());
        }
        let present = is_some(value)?;
        let Some(was_present) = self.presence.get_mut(index) else { return Err(unknown("an element")) };
        let moved = match self.moved {
            Moved::All => true,
            Moved::One(which) => which == index,
            Moved::None => false,
        };
        if !(present && moved) && present == *was_present {
            return Ok(());
        }
        *was_present = present;
        let index = u32::try_from(index).map_err(|_| unknown("an element"))?;
        let key = element_key(self.epoch, self.vector, index);
        if present {
            self.rows.put(key, encode(value)?);
        } else {
            self.rows.delete(key);
        }
        Ok(())
    }
}

pub(super) fn read<T: DeserializeOwned>(rows: &Rows, prefix: &[u8]) -> Result<Option<T>, StorageError> {
    let Some(index) = rows.read::<Index>(&index_key(prefix), ROW)? else { return Ok(None) };
    let mut bytes = postcard::to_extend(&(index.epochs_max, index.past.len()), Vec::new())?;
    for epoch in index.past {
        append(&mut bytes, &epoch)?;
        let key = epoch_prefix(prefix, epoch);
        assemble(rows, &key, &mut bytes)?;
        bytes.extend_from_slice(rows.bytes(&leaves_key(&key), ROW)?.ok_or(StorageError::Damaged(ROW))?);
    }
    assemble(rows, &epoch_prefix(prefix, index.current), &mut bytes)?;
    postcard::from_bytes(&bytes).map(Some).map_err(|_| StorageError::Damaged(ROW))
}

/// Puts the MessageSecrets of an epoch together, in postcard's encoding.
fn assemble(rows: &Rows, epoch: &[u8], bytes: &mut Vec<u8>) -> Result<(), StorageError> {
    const NONE: u8 = 0;
    let fixed: Fixed = rows.read(&fixed_key(epoch), ROW)?.ok_or(StorageError::Damaged(ROW))?;
    bytes.extend_from_slice(&fixed.before);
    bytes.extend_from_slice(&fixed.own_index);
    for (vector, length) in fixed.lengths.into_iter().enumerate() {
        append(bytes, &length)?;
        for index in 0..length {
            match rows.bytes(&element_key(epoch, vector, index), ROW)? {
                Some(element) => bytes.extend_from_slice(element),
                None => bytes.push(NONE),
            }
        }
    }
    bytes.extend_from_slice(&fixed.size);
    bytes.push(NONE);
    Ok(())
}

fn append<T: Serialize + ?Sized>(bytes: &mut Vec<u8>, value: &T) -> Result<(), StorageError> {
    *bytes = postcard::to_extend(value, std::mem::take(bytes))?;
    Ok(())
}

fn unknown(name: &str) -> StorageError {
    StorageError::Encode(format!("unexpected message secrets: {name}"))
}

fn number<T: Serialize + ?Sized>(value: &T) -> Result<u64, StorageError> {
    Ok(postcard::from_bytes(&postcard::to_extend(value, Vec::new())?)?)
}

/// The epoch in an encoded GroupContext (RFC 9420 section 8.1): version, suite, `group_id<V>`, epoch.
fn epoch_of_context(encoded: &[u8]) -> Option<u64> {
    let (context, _) = postcard::take_from_bytes::<Vec<u8>>(encoded).ok()?;
    // Ids of ours are short, so their length takes one byte (RFC 9420 section 2.1.2).
    let [_, _, _, _, id_length, rest @ ..] = context.as_slice() else { return None };
    if *id_length >= 64 {
        return None;
    }
    rest.get(usize::from(*id_length)..)?.first_chunk().copied().map(u64::from_be_bytes)
}
