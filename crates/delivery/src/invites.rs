//! Invite links (R15) that the server makes, of chats without encryption: only a hash of the secret is in the log; the
//! link itself is given to who made it. Those of encrypted chats are made by clients.

use std::sync::Arc;

use dunlin_model::view::{INVITE_SECRET_BYTES, InviteCode};
use dunlin_model::{Attestation, ChatCommand, ChatId, ClientSeq, DeviceId, Encryption};
use sha2::{Digest, Sha256};

use crate::{Accepted, Delivery, DeliveryError};

/// The name of the secret that links are derived from.
const SECRET_NAME: &str = "invite links v1";

impl Delivery {
    /// Makes the chat's invite link anew, or withdraws it. A retry gets the same link, since the link's secret
    /// follows from the chat, the device and its number. Cancel safe.
    ///
    /// # Errors
    /// As [`Delivery::submit`].
    pub async fn set_invite(
        self: &Arc<Self>,
        from: DeviceId,
        chat: ChatId,
        number: ClientSeq,
        withdraw: bool,
    ) -> Result<(Accepted, Option<InviteCode>), DeliveryError> {
        let code = if withdraw { None } else { Some(self.invite_code(from, chat, number).await?) };
        let secret_hash = code.as_ref().map(|code| Sha256::digest(code.secret).into());
        let command = ChatCommand::SetInvite { secret_hash };
        Ok((self.submit_in_task(from, chat, number, command, None).await?, code))
    }

    /// Joins a chat by its invite link. Cancel safe.
    ///
    /// # Errors
    /// As [`Delivery::submit`].
    pub async fn join(
        self: &Arc<Self>,
        from: DeviceId,
        code: &InviteCode,
        number: ClientSeq,
        attestation: Option<Box<Attestation>>,
    ) -> Result<Accepted, DeliveryError> {
        let secret = bytes::Bytes::copy_from_slice(&code.secret);
        self.submit_in_task(from, code.chat, number, ChatCommand::Join { secret }, attestation).await
    }

    async fn invite_code(
        &self,
        from: DeviceId,
        chat: ChatId,
        number: ClientSeq,
    ) -> Result<InviteCode, DeliveryError> {
        let mut candidate = [0; 32];
        self.randomness.fill(&mut candidate);
        let key = self.store.shared_secret(SECRET_NAME, candidate).await?;
        // All parts have fixed lengths, and only a part of the digest leaves.
        let digest = Sha256::new()
            .chain_update(key)
            .chain_update(chat.as_bytes())
            .chain_update(from.user.as_bytes())
            .chain_update(from.number.0.to_be_bytes())
            .chain_update(number.0.to_be_bytes())
            .finalize();
        let mut secret = [0; INVITE_SECRET_BYTES];
        for (byte, from) in secret.iter_mut().zip(digest) {
            *byte = from;
        }
        Ok(InviteCode { chat, secret, encryption: Encryption::None })
    }
}
