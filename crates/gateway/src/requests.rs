//! What becomes of each command: the table of the protocol.
//!
//! What concerns the feed or the device itself is done by the connection's own task, in order. Everything else
//! runs in a task of its own and leaves its answer in the outbox; commands on one chat keep their order by the
//! place that `Delivery::enter` takes for them.

use std::sync::Arc;

use dunlin_delivery::{Accepted, DeliveryError, GroupEntrance, HistoryQuery, NewAttachment, ResumeAt};
use dunlin_model::{DeviceId, ErrorCode, Seq};
use dunlin_wire::{ClientFrame, Command, Failure, Outcome, Position};

use crate::Gateway;
use crate::attachments;
use crate::connection::Connection;

impl Connection {
    /// Handles one command.
    pub(crate) async fn handle(&mut self, frame: ClientFrame) {
        let ClientFrame { id, command } = frame;
        let device = self.feed.device();
        if !matches!(command, Command::Received { .. } | Command::MarkSeen { .. })
            && let Err(failure) = self.gateway.admit_request(device.user)
        {
            return self.reply(id, Outcome::Failed(failure));
        }
        match command {
            Command::Authenticate { .. } => {
                let message = "This connection is authenticated already.";
                self.reply(id, Outcome::Failed(Failure::new(ErrorCode::InvalidArgument, message)));
            }
            Command::Resume { positions, more } => self.resume(id, positions, more).await,
            Command::Received { chat, seq } => {
                let done = self.feed.received(chat, seq).await;
                self.acknowledged(id, done);
            }
            Command::MarkSeen { chat, seq } => {
                let done = self.feed.seen(chat, seq).await;
                self.acknowledged(id, done);
            }
            Command::Presence { users } => {
                let outcome = match self.feed.follow_presence(&users).await {
                    Ok(users) => Outcome::Presence(users),
                    Err(error) => failed(&error),
                };
                self.reply(id, outcome);
            }
            Command::Submit { chat, client_seq, command, attestation } => {
                // The place in the chat's queue is taken here, so that sends keep their order.
                let delivery = Arc::clone(self.gateway.delivery());
                match delivery.enter(device, chat, client_seq).await {
                    Err(error) => self.reply(id, failed(&error)),
                    Ok(entered) => {
                        let pending = self.outbox.begin(id);
                        tokio::spawn(async move {
                            pending.answer(accepted(delivery.submit(entered, command, attestation).await));
                        });
                    }
                }
            }
            Command::SetCertificate(certificate) => {
                // What this connection asks next, key packages above all, is held against it.
                let done = self.gateway.delivery().set_certificate(device, &certificate).await;
                self.reply(id, done.map_or_else(|error| failed(&error), |()| Outcome::Done));
            }
            other => self.spawn(id, device, other),
        }
    }

    async fn resume(&mut self, id: u64, positions: Vec<Position>, more: bool) {
        let positions: Vec<ResumeAt> = positions
            .into_iter()
            .map(|at| ResumeAt { chat: at.chat, received: at.received, seen: at.seen })
            .collect();
        let mut done = self.feed.state(&positions);
        if !more && done.is_ok() {
            done = self.feed.resume(&[]).await;
            self.pull_soon();
        }
        let outcome = done.map_or_else(|error| failed(&error), |()| Outcome::Done);
        self.reply(id, outcome);
    }

    fn acknowledged(&mut self, id: u64, done: Result<Seq, DeliveryError>) {
        // The window may have opened.
        self.pull_soon();
        let outcome = done.map_or_else(|error| failed(&error), |_| Outcome::Done);
        self.reply(id, outcome);
    }

    fn spawn(&self, id: u64, device: DeviceId, command: Command) {
        let gateway = Arc::clone(&self.gateway);
        let pending = self.outbox.begin(id);
        tokio::spawn(async move {
            let answered = answer(&gateway, device, command).await;
            pending.answer(answered.unwrap_or_else(|error| failed(&error)));
        });
    }
}

async fn answer(gateway: &Gateway, device: DeviceId, command: Command) -> Result<Outcome, DeliveryError> {
    let delivery = gateway.delivery();
    Ok(match command {
        Command::CreateChat { client_seq, command, attestation } => {
            accepted(delivery.create_chat(device, client_seq, command, attestation).await)
        }
        Command::SetInviteLink { chat, client_seq, withdraw } => {
            let (accepted, code) = delivery.set_invite(device, chat, client_seq, withdraw).await?;
            Outcome::InviteLink { chat, seq: accepted.seq, code }
        }
        Command::JoinChat { code, client_seq, attestation } => {
            accepted(delivery.join(device, &code, client_seq, attestation).await)
        }
        Command::HideMessage { chat, seq } => {
            delivery.hide(device, chat, seq).await?;
            Outcome::Done
        }
        Command::History { chat, before, limit, sender } => {
            let page = delivery.history(device.user, chat, HistoryQuery { before, limit, sender }).await?;
            Outcome::History { chat, page }
        }
        Command::MessageStatus { chat, seq } => {
            Outcome::MessageStatus { chat, status: delivery.message_status(device.user, chat, seq).await? }
        }
        Command::ListChats { after, limit } => {
            let (chats, next_after) = delivery.chats(device, after, limit).await?;
            Outcome::Chats { chats, next_after }
        }
        Command::GetChat { chat } => Outcome::Chat(delivery.chat_details(device, chat).await?),
        Command::SetTyping { chat, typing } => {
            delivery.typing(device, chat, typing).await?;
            Outcome::Done
        }
        Command::ListDevices { users } => Outcome::Devices(delivery.list_devices(device.user, &users).await?),
        Command::UploadKeyPackages { suite, packages, last_resort } => {
            let left = delivery.upload_key_packages(device, suite, &packages, last_resort.as_ref()).await?;
            Outcome::KeyPackageCount { suite, left }
        }
        Command::ClaimKeyPackages { chat, change, suite, users } => {
            Outcome::KeyPackages(delivery.claim_key_packages(device, chat, change, suite, &users).await?)
        }
        Command::GetGroupInfo { chat } => {
            let GroupEntrance { epoch, suite, group_info } = delivery.group_info(device, chat).await?;
            Outcome::GroupInfo { chat, epoch, suite, group_info }
        }
        Command::RelayToDevices { device: to, payload } => {
            Outcome::Relayed { reached: delivery.relay_to_devices(device, to, &payload)? }
        }
        Command::CreateAttachment { bytes, sha256, parts } => {
            if let Err(failure) = gateway.admit_upload(device.user) {
                return Ok(Outcome::Failed(failure));
            }
            let new = NewAttachment { bytes, sha256, parts };
            attachments::upload(delivery.create_attachment(device, new).await?)
        }
        Command::GetAttachmentUpload { id } => attachments::upload(delivery.upload_state(device, id).await?),
        Command::CompleteAttachment { id } => {
            delivery.complete_attachment(device, id).await?;
            Outcome::Done
        }
        Command::GetAttachment { chat, seq, id } => {
            attachments::source(delivery.attachment_to_get(device, chat, seq, id).await?)
        }
        Command::Authenticate { .. }
        | Command::Resume { .. }
        | Command::Received { .. }
        | Command::MarkSeen { .. }
        | Command::Presence { .. }
        | Command::SetCertificate(_)
        | Command::Submit { .. } => {
            Outcome::Failed(Failure::new(ErrorCode::Internal, "The server mislaid the request."))
        }
    })
}

fn accepted(result: Result<Accepted, DeliveryError>) -> Outcome {
    match result {
        Ok(Accepted { chat, seq, time, repeated }) => Outcome::Accepted { chat, seq, time, repeated },
        Err(error) => failed(&error),
    }
}

/// The one place that puts delivery's errors on the wire.
pub(crate) fn failed(error: &DeliveryError) -> Outcome {
    if error.code() == ErrorCode::Internal {
        tracing::error!(%error, "a request failed");
    }
    let mut failure = Failure::new(error.code(), error.to_string());
    failure.retry_after = error.retry_after();
    Outcome::Failed(failure)
}
