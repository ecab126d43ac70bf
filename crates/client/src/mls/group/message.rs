//! Application messages.

use std::time::Duration;

use dunlin_model::identity::DeviceCertificate;
use openmls::framing::errors::{MessageDecryptionError, SecretTreeError};
use openmls::group::{PastEpochDeletion, ProcessMessageError, ValidationError};
use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{
    ContentType, MlsMessageBodyIn, MlsMessageIn, ProcessedMessageContent, ProtocolMessage, Sender,
};

use super::{DecryptError, EncryptError, Group, Undecryptable};
use crate::mls::identity::{DeviceIdentity, certificate_in};
use crate::mls::storage::{Scope, StorageError};
use crate::mls::{PAST_EPOCHS_MAX, Provider};

/// A message that was decrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decrypted {
    /// Whose it is: the device's certificate in the message's epoch.
    pub sender: DeviceCertificate,
    /// The epoch in which it was encrypted.
    pub epoch: u64,
    /// What was authenticated beside it.
    pub aad: Vec<u8>,
    /// What was encrypted.
    pub plaintext: Vec<u8>,
}

impl Group {
    /// Encrypts a message in the current epoch: an MLSMessage. The changed state must be persisted before it
    /// leaves, for its key must never be used again.
    ///
    /// # Errors
    /// See [`EncryptError`].
    pub fn encrypt(
        &mut self,
        provider: &Provider,
        identity: &DeviceIdentity,
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, EncryptError> {
        self.inner.set_aad(aad.to_vec());
        let scope = Scope::Ratchet { epoch: self.epoch(), leaf: self.own_leaf() };
        provider
            .state()
            .scoped(scope, || self.inner.create_message(provider, identity, plaintext))
            .map_err(|error| EncryptError::Create(Box::new(error)))?
            .to_bytes()
            .map_err(EncryptError::Encode)
    }

    /// Decrypts an application message, an MLSMessage of the current epoch or one of the
    /// [`PAST_EPOCHS_MAX`] before.
    ///
    /// # Errors
    /// See [`DecryptError`]; nothing changed.
    pub fn decrypt(&mut self, provider: &Provider, message: &[u8]) -> Result<Decrypted, DecryptError> {
        let message = MlsMessageIn::tls_deserialize_exact(message).map_err(DecryptError::Malformed)?;
        let MlsMessageBodyIn::PrivateMessage(message) = message.extract() else {
            return Err(DecryptError::NotApplication);
        };
        let message = ProtocolMessage::PrivateMessage(message);
        if message.content_type() != ContentType::Application {
            return Err(DecryptError::NotApplication);
        }
        if message.group_id() != self.inner.group_id() {
            return Err(DecryptError::OtherGroup);
        }
        let epoch = message.epoch().as_u64();
        if epoch > self.epoch() {
            return Err(DecryptError::Undecryptable(Undecryptable::EpochUnknown));
        }
        if self.epoch() - epoch > u64::from(PAST_EPOCHS_MAX) {
            return Err(DecryptError::Undecryptable(Undecryptable::EpochTooOld));
        }
        let processed = provider
            .state()
            .scoped(Scope::Later, || self.inner.process_message(provider, message))
            .map_err(sort)?;
        let sender = certificate_in(provider, processed.credential());
        let leaf = match processed.sender() {
            Sender::Member(leaf) => leaf.u32(),
            _ => return Err(DecryptError::NotApplication),
        };
        let aad = processed.aad().to_vec();
        let plaintext = match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(content) => content.into_bytes(),
            ProcessedMessageContent::OwnPrivateMessage => {
                return Err(DecryptError::Undecryptable(Undecryptable::Own));
            }
            _ => return Err(DecryptError::NotApplication),
        };
        self.persist_ratchet(provider, epoch, leaf)?;
        let sender = sender.map_err(DecryptError::Sender)?;
        Ok(Decrypted { sender, epoch, aad, plaintext })
    }

    /// Has openmls write the message secrets, now that it is known whose ratchet moved: deleting the secrets of
    /// epochs older than for ever deletes nothing, and writes.
    fn persist_ratchet(&mut self, provider: &Provider, epoch: u64, leaf: u32) -> Result<(), DecryptError> {
        provider
            .state()
            .scoped(Scope::Ratchet { epoch, leaf }, || {
                let nothing = PastEpochDeletion::older_than_duration(Duration::MAX);
                self.inner.delete_past_epoch_secrets(provider, nothing)
            })
            .map_err(DecryptError::Storage)
    }
}

/// Tells what can never be read from what is forged or damaged.
fn sort(error: ProcessMessageError<StorageError>) -> DecryptError {
    let undecryptable = match &error {
        ProcessMessageError::ValidationError(ValidationError::NoPastEpochData) => Undecryptable::EpochTooOld,
        ProcessMessageError::ValidationError(ValidationError::UnableToDecrypt(
            MessageDecryptionError::SecretTreeError(error),
        )) => match error {
            SecretTreeError::TooDistantInThePast | SecretTreeError::SecretReuseError => {
                Undecryptable::KeyGone
            }
            SecretTreeError::TooDistantInTheFuture => Undecryptable::TooFarAhead,
            _ => {
                return DecryptError::Invalid(Box::new(ProcessMessageError::ValidationError(
                    ValidationError::UnableToDecrypt(MessageDecryptionError::SecretTreeError(error.clone())),
                )));
            }
        },
        _ => return DecryptError::Invalid(Box::new(error)),
    };
    DecryptError::Undecryptable(undecryptable)
}
