//! How far each chat was shown on this device. What other devices showed does not count.

use std::collections::BTreeMap;

use dunlin_model::{ChatId, Seq};

use crate::failure::Result;
use crate::session::Session;

/// A cache of rows in the vault.
#[derive(Debug, Default)]
pub(super) struct Shown(BTreeMap<ChatId, Seq>);

impl Shown {
    /// Everything up to here was shown.
    pub(super) fn up_to(&mut self, session: &Session, chat: ChatId) -> Result<Seq> {
        if let Some(seq) = self.0.get(&chat) {
            return Ok(*seq);
        }
        let kept = session.device.kept(&name(chat)).map_err(|error| session.device_failure(&error))?;
        let seq = kept.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        let seq = Seq(seq.unwrap_or_default());
        self.0.insert(chat, seq);
        Ok(seq)
    }

    /// Notes that everything up to `seq` was.
    pub(super) async fn note(&mut self, session: &Session, chat: ChatId, seq: Seq) -> Result {
        self.0.insert(chat, seq);
        let kept = session.device.keep(&name(chat), seq.0.to_be_bytes().to_vec()).await;
        kept.map_err(|error| session.device_failure(&error))
    }
}

fn name(chat: ChatId) -> String {
    format!("shown/{chat}")
}
