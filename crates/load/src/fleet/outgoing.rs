//! What the fleet sends: commands with their numbers, again when they were not answered, and
//! acknowledgements.

use std::time::Duration;

use dunlin_model::{Body, ChatCommand, ChatId, ClientSeq, Seq};
use dunlin_wire::{ClientFrame, Command, Format};

use super::incoming::message_hash;
use super::{Client, Fleet, Sending};
use crate::check::{Chat, Record};
use crate::framing::{Opcode, write_frame};

impl Fleet {
    /// Sends a command on an existing chat, intended for `intended`, which `waiting` other devices are to store.
    pub(crate) fn submit(
        &mut self,
        client: usize,
        chat: Chat,
        command: ChatCommand,
        intended: Duration,
        waiting: u32,
    ) {
        let Some(id) = self.history.id_of(chat) else { return };
        let client_seq = self.next_number(client);
        let body = match &command {
            ChatCommand::Send { body, reply_to, attachments, epoch: None } => {
                Some(message_hash(body, *reply_to, attachments.len()))
            }
            _ => None,
        };
        let command = Command::Submit { chat: id, client_seq, command, attestation: None };
        self.send_numbered(client, chat, client_seq, command, body, intended, waiting);
    }

    /// Sends a text.
    pub(crate) fn send_text(
        &mut self,
        client: usize,
        chat: Chat,
        text: String,
        intended: Duration,
        waiting: u32,
    ) {
        let command = ChatCommand::Send {
            body: Body::Text(text),
            reply_to: None,
            attachments: Vec::new(),
            epoch: None,
        };
        self.submit(client, chat, command, intended, waiting);
    }

    /// Creates a chat, whose id is known beforehand, with `waiting` other members.
    pub(crate) fn create_chat(
        &mut self,
        client: usize,
        command: ChatCommand,
        peer: Option<usize>,
        waiting: u32,
    ) -> Chat {
        let client_seq = self.next_number(client);
        let device = self.clients[client].account.device;
        let id = match peer {
            Some(peer) => ChatId::direct(device.user, self.clients[peer].account.device.user),
            None => ChatId::created_by(device, client_seq),
        };
        let chat = self.history.chat(id);
        let now = self.now();
        let command = Command::CreateChat { client_seq, command, attestation: None };
        self.send_numbered(client, chat, client_seq, command, None, now, waiting);
        chat
    }

    /// Says that the person saw everything the client holds of a chat.
    pub(crate) fn mark_seen(&mut self, client: usize, chat: Chat) {
        let (Some(id), Some(position)) =
            (self.history.id_of(chat), self.clients[client].positions.get_mut(&chat))
        else {
            return;
        };
        position.1 = position.0;
        let seq = position.0;
        self.send_frame(client, &ClientFrame { id: 0, command: Command::MarkSeen { chat: id, seq } });
    }

    /// Asks for the page of the past that ends before `before`; it will stand in `pages`.
    pub(crate) fn ask_history(&mut self, client: usize, chat: Chat, before: Option<Seq>) {
        let Some(id) = self.history.id_of(chat) else { return };
        let command = Command::History { chat: id, before, limit: None, sender: None };
        self.ask(client, command);
    }
    /// Acknowledges what came since the last time, once for each chat.
    pub(crate) fn acknowledge(&mut self, client: usize) {
        while let Some(chat) = self.clients[client].unacknowledged.pop() {
            if let Some(id) = self.history.id_of(chat) {
                let seq = self.clients[client].position(chat);
                self.send_frame(client, &ClientFrame { id: 0, command: Command::Received { chat: id, seq } });
            }
        }
    }

    /// Sends again what the server asked to have later and whose pause is over.
    pub(crate) fn retry_due(&mut self) {
        let now = self.now();
        let (due, later) = self.retries.drain(..).partition(|(at, _, _)| *at <= now);
        self.retries = later;
        let due: Vec<(Duration, usize, u64)> = due;
        for (_, client, number) in due {
            if number == 0 {
                self.clients[client].unacknowledged =
                    self.clients[client].positions.keys().copied().collect();
                self.acknowledge(client);
            } else {
                self.send_again(client, number);
            }
        }
    }

    /// Writes what gathered, one write for each connection; what does not fit is left to its task.
    pub(crate) fn flush(&mut self) {
        for client in self.dirty.drain(..) {
            let Client { write, out, waker, is_dirty, .. } = &mut self.clients[client];
            *is_dirty = false;
            let Some(write) = write else {
                out.clear();
                continue;
            };
            match write.try_write(out) {
                Ok(written) if written == out.len() => out.clear(),
                Ok(written) => drop(out.drain(..written)),
                Err(_) => {} // Blocked, or broken: the task finds out which.
            }
            if !out.is_empty()
                && let Some(waker) = waker
            {
                waker.wake_by_ref();
            }
        }
    }
    /// Puts a frame behind what waits to be written.
    pub(crate) fn send_raw(&mut self, client: usize, opcode: Opcode, payload: &[u8]) {
        let this = &mut self.clients[client];
        if this.write.is_none() {
            return;
        }
        write_frame(&mut this.out, opcode, this.mask, payload);
        if !this.is_dirty {
            this.is_dirty = true;
            self.dirty.push(client);
        }
    }

    fn send_frame(&mut self, client: usize, frame: &ClientFrame) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        dunlin_wire::encode_client(Format::Proto, frame, &mut scratch);
        self.send_raw(client, Opcode::Binary, &scratch);
        self.scratch = scratch;
    }

    pub(super) fn ask(&mut self, client: usize, command: Command) {
        self.next_plain_id += 1;
        self.send_frame(client, &ClientFrame { id: self.next_plain_id, command });
    }

    fn next_number(&mut self, client: usize) -> ClientSeq {
        let number = &mut self.clients[client].next_number;
        *number += 1;
        ClientSeq(*number)
    }

    #[expect(clippy::too_many_arguments, reason = "the one place where all that is known of a command meets")]
    fn send_numbered(
        &mut self,
        client: usize,
        chat: Chat,
        number: ClientSeq,
        command: Command,
        body: Option<u64>,
        intended: Duration,
        waiting: u32,
    ) {
        self.counts.sent += 1;
        let device = self.clients[client].device;
        self.history.note(Record::Sent { device, number, chat, body });
        let frame = ClientFrame { id: number.0, command };
        self.send_frame(client, &frame);
        let sending = Sending { chat, body, frame, intended, answered: false, waiting };
        self.clients[client].sendings.insert(number.0, sending);
    }

    pub(super) fn send_again(&mut self, client: usize, number: u64) {
        let Some(sending) = self.clients[client].sendings.remove(&number) else { return };
        self.counts.retried += 1;
        let (device, chat, body) = (self.clients[client].device, sending.chat, sending.body);
        self.history.note(Record::Sent { device, number: ClientSeq(number), chat, body });
        self.send_frame(client, &sending.frame);
        self.clients[client].sendings.insert(number, sending);
    }
}
