//! Who may read and write parts of handshakes in blob storage: addresses that serve for a few minutes.

use dunlin_blobs::{Access, BlobHash, GRANT_VALID, Grant, GrantError, GrantKey, Holder};
use dunlin_model::{ChatId, DeviceId, Encryption, EventKind, Payload, Refusal, Seq, Timestamp};

use crate::{Delivery, DeliveryError};

/// The name of the secret that signs addresses at this server.
pub const BLOB_ADDRESSES_SECRET: &str = "blob addresses v1";

/// Where a blob can be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobAddress {
    /// Path and query, at any server.
    pub address: String,
    /// Until when.
    pub expires: Timestamp,
}

impl Delivery {
    /// An address where `from` can put a part of a handshake of `bytes` bytes for an encrypted chat that its user
    /// is a member of. Cancel safe.
    ///
    /// # Errors
    /// `Refused`, `Store`, `Blobs`.
    pub async fn blob_to_put(
        &self,
        from: DeviceId,
        chat: ChatId,
        hash: BlobHash,
        bytes: u64,
    ) -> Result<BlobAddress, DeliveryError> {
        let chat = self.current_chat(chat).await?;
        let after = chat.look(|state| match state.role(from.user) {
            None if state.memberships.contains_key(&from.user) => Err(Refusal::NotAMember),
            None => Err(Refusal::NoSuchChat),
            Some(_) if state.encryption != Encryption::Mls => Err(Refusal::WrongEncryption),
            Some(_) => Ok(state.head),
        })?;
        let limit = self.blobs.bytes_max();
        if bytes > u64::try_from(limit).unwrap_or(u64::MAX) {
            return Err(Refusal::TooLarge { what: "A part of the handshake", limit }.into());
        }
        // Before anyone can put it, so that no blob is there of which nobody knows whose it is.
        self.blobs.hold(hash, Holder { chat: chat.id, after, held: self.clock.now() }).await?;
        self.grant(Access::Put, hash, bytes).await
    }

    /// An address where `from` can read a part of the handshake at `seq`, which its user may read, or, without
    /// one, the GroupInfo with which members enter now. Cancel safe.
    ///
    /// # Errors
    /// `NoBlob` for everything that the user may not know of, too; `Store`.
    pub async fn blob_to_get(
        &self,
        from: DeviceId,
        chat: ChatId,
        seq: Option<Seq>,
        hash: BlobHash,
    ) -> Result<BlobAddress, DeliveryError> {
        let chat = self.current_chat(chat).await?;
        let bytes = match seq {
            None => chat.look(|state| {
                let info = state.keys.group_info.as_ref().filter(|_| state.role(from.user).is_some());
                info.and_then(|info| named(info, hash))
            }),
            Some(seq) if chat.look(|state| state.may_read(from.user, seq)) => {
                let (entries, _) = chat.read(&*self.store, seq, seq, 1, usize::MAX).await?;
                let event = entries.first().map(|entry| &entry.event).filter(|event| event.seq == seq);
                event.and_then(|event| {
                    parts(&event.kind).into_iter().flatten().find_map(|part| named(part, hash))
                })
            }
            Some(_) => None,
        };
        self.grant(Access::Get, hash, bytes.ok_or(DeliveryError::NoBlob)?).await
    }

    /// Checks an address that somebody came with.
    ///
    /// # Errors
    /// `Store`; the inner error when the address does not serve.
    pub async fn blob_granted(
        &self,
        grant: &Grant,
        signature: &str,
    ) -> Result<Result<(), GrantError>, DeliveryError> {
        Ok(self.grant_key().await?.verify(grant, signature, self.clock.now()))
    }

    async fn grant(&self, access: Access, hash: BlobHash, bytes: u64) -> Result<BlobAddress, DeliveryError> {
        let expires = self.clock.now() + GRANT_VALID;
        let address = self.grant_key().await?.address(&Grant { access, hash, bytes, expires });
        Ok(BlobAddress { address, expires })
    }

    pub(crate) async fn grant_key(&self) -> Result<&GrantKey, DeliveryError> {
        let read = async || {
            let mut candidate = [0; 32];
            self.randomness.fill(&mut candidate);
            Ok::<_, DeliveryError>(GrantKey::new(
                self.store.shared_secret(BLOB_ADDRESSES_SECRET, candidate).await?,
            ))
        };
        self.grant_key.get_or_try_init(read).await
    }
}

/// The parts of a handshake.
pub(crate) fn parts(kind: &EventKind) -> [Option<&Payload>; 3] {
    match kind {
        EventKind::GroupStarted(start) => [None, start.welcome.as_ref(), Some(&start.group_info)],
        EventKind::Committed(commit) => {
            [Some(&commit.commit), commit.welcome.as_ref(), Some(&commit.group_info)]
        }
        _ => [None; 3],
    }
}

/// How many bytes the blob has, if it is this one.
pub(crate) fn named(part: &Payload, wanted: BlobHash) -> Option<u64> {
    match part {
        Payload::Stored { hash, bytes } if *hash == wanted.0 => Some(u64::from(*bytes)),
        _ => None,
    }
}
