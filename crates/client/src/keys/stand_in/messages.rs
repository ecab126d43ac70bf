//! Application messages of the stand-in: plaintext with a tag that only holders of the epoch's secret can check.

use bytes::Bytes;
use dunlin_model::{ChatId, Epoch};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Decrypted, KeysError, LeafId, Secret, StandIn};
use crate::rows::{decode, encode};

/// Which key a ciphertext uses; two ciphertexts with the same one betray both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyUse {
    group: [u8; 16],
    generation: u32,
    epoch: u64,
    leaf: LeafId,
    number: u64,
}

#[derive(Serialize, Deserialize)]
struct Message {
    key: KeyUse,
    plaintext: Vec<u8>,
    tag: [u8; 32],
}

/// The key that a ciphertext of the stand-in uses; `None` when it is not one.
pub fn key_use(ciphertext: &[u8]) -> Option<KeyUse> {
    decode::<Message>(ciphertext).map(|message| message.key)
}

impl StandIn {
    pub(super) fn write_message(
        &mut self,
        chat: ChatId,
        plaintext: &[u8],
    ) -> Result<(Epoch, Bytes), KeysError> {
        let own = self.own();
        let group = self.group_mut(chat)?;
        let leaf = group.current.leaves.get(&own).ok_or(KeysError::NoGroup)?.id;
        group.sent += 1;
        let key = KeyUse {
            group: group.id,
            generation: group.generation,
            epoch: group.current.number,
            leaf,
            number: group.sent,
        };
        let tag = tag(&group.current.secret, &key, plaintext);
        let message = Message { key, plaintext: plaintext.to_vec(), tag };
        Ok((group.epoch(), encode(&message).into()))
    }

    pub(super) fn read_message(&mut self, chat: ChatId, ciphertext: &[u8]) -> Result<Decrypted, KeysError> {
        let Message { key, plaintext, tag: claimed } =
            decode(ciphertext).ok_or(KeysError::Invalid("the message is not one"))?;
        let group = self.group_mut(chat)?;
        if key.group != group.id {
            return Err(KeysError::BeforeEntry);
        }
        if key.epoch < group.entered {
            return Err(KeysError::BeforeEntry);
        }
        let newest = group.current.number;
        let epochs = std::iter::once(&mut group.current).chain(&mut group.past);
        let keys = epochs.into_iter().find(|keys| keys.number == key.epoch);
        let keys = keys.ok_or(if key.epoch < newest { KeysError::TooOld } else { KeysError::NotEntered })?;
        let sender = keys.leaves.iter().find(|(_, leaf)| leaf.id == key.leaf).map(|(device, _)| *device);
        let sender = sender.ok_or(KeysError::Invalid("the sender has no leaf"))?;
        if tag(&keys.secret, &key, &plaintext) != claimed {
            return Err(KeysError::Invalid("the message was changed"));
        }
        if !keys.used.insert((key.leaf, key.number)) {
            return Err(KeysError::Reused);
        }
        Ok(Decrypted { sender, plaintext })
    }
}

fn tag(secret: &Secret, key: &KeyUse, plaintext: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(secret).chain_update(encode(key)).chain_update(plaintext).finalize().into()
}
