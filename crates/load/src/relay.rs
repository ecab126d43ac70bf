//! `relay`: the least a server could do. It speaks enough of the protocol to be loaded with `pairs`, numbers
//! each chat's messages, pushes them to both ends and passes receipts on, all in memory and on one thread. It
//! remembers nothing: no dedup, no log, no disk, no limits. What it needs per message is the bound for a
//! server of this protocol on this machine, and its faults (in tests) show that the scenarios notice them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use anyhow::Context as _;
use dunlin_model::view::Receipt;
use dunlin_model::{
    ChatCommand, ChatId, ClientSeq, DeviceId, DeviceNumber, Event, EventKind, Role, Seq, Timestamp, UserId,
};
use dunlin_wire::{Command, Format, Outcome, ServerFrame, Welcome};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::framing::{Opcode, read_masked_frame, write_plain_frame};
use crate::server::LISTENING;
use crate::stage::on_one_thread;

/// Bytes of one read, in a buffer that all connections share.
const READ_BYTES: usize = 256 * 1024;
/// Bytes of the head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What goes wrong, once, at the hundredth push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    #[cfg(test)]
    DropsOne,
    #[cfg(test)]
    DoublesOne,
    #[cfg(test)]
    AltersOne,
}

struct Peer {
    device: DeviceId,
    write: Option<OwnedWriteHalf>,
    out: Vec<u8>,
    waker: Option<Waker>,
}

struct Room {
    members: Vec<usize>,
    head: Seq,
}

struct Relay {
    peers: Vec<Peer>,
    by_user: HashMap<UserId, usize>,
    rooms: HashMap<ChatId, Room>,
    dirty: Vec<usize>,
    scratch: Vec<u8>,
    fault: Fault,
    pushes: u64,
}

struct Shared {
    relay: RefCell<Relay>,
    buffer: RefCell<Box<[u8]>>,
}

/// Serves until it is killed.
pub(crate) fn run() -> anyhow::Result<bool> {
    on_one_thread(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listening")?;
        println!("{LISTENING}{}", listener.local_addr()?);
        serve(listener, Fault::None).await?;
        Ok(true)
    })
}

pub(crate) async fn serve(listener: TcpListener, fault: Fault) -> anyhow::Result<()> {
    let relay = Relay {
        peers: Vec::new(),
        by_user: HashMap::new(),
        rooms: HashMap::new(),
        dirty: Vec::new(),
        scratch: Vec::new(),
        fault,
        pushes: 0,
    };
    let buffer = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
    let shared = Rc::new(Shared { relay: RefCell::new(relay), buffer });
    loop {
        let (stream, _) = listener.accept().await?;
        let shared = Rc::clone(&shared);
        tokio::task::spawn_local(async move {
            if let Err(error) = shared.connection(stream).await {
                eprintln!("a connection ended: {error:#}");
            }
        });
    }
}

impl Shared {
    async fn connection(&self, mut stream: TcpStream) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        let (head, rest) = read_head(&mut stream).await?;
        if head.starts_with("POST /api/test/accounts ") {
            return self.hand_out_accounts(stream, &head, rest).await;
        }
        let token =
            head.split("Bearer ").nth(1).and_then(|rest| rest.split("\r\n").next()).context("a token")?;
        let peer: usize = token.parse().context("a token of this relay")?;
        let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Protocol: dunlin.v1.proto\r\n\r\n";
        stream.write_all(answer.as_bytes()).await?;
        let (mut read, write) = stream.into_split();
        self.relay.borrow_mut().welcome(peer, write)?;
        let mut partial = rest;
        poll_fn(|context| self.poll(context, peer, &mut read, &mut partial)).await
    }

    async fn hand_out_accounts(
        &self,
        mut stream: TcpStream,
        head: &str,
        mut body: Vec<u8>,
    ) -> anyhow::Result<()> {
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.context("a length")?.parse()?;
        while body.len() < length {
            anyhow::ensure!(stream.read_buf(&mut body).await? > 0, "the request was cut short");
        }
        let request: serde_json::Value = serde_json::from_slice(&body)?;
        let count = request.get("count").and_then(serde_json::Value::as_u64).context("a count")?;
        let accounts: Vec<serde_json::Value> =
            (0..count).map(|_| self.relay.borrow_mut().make_account()).collect();
        let accounts = serde_json::to_string(&accounts)?;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{accounts}", accounts.len());
        stream.write_all(answer.as_bytes()).await?;
        Ok(stream.shutdown().await?)
    }

    /// Ready when the connection is over.
    fn poll(
        &self,
        context: &mut Context<'_>,
        peer: usize,
        read: &mut OwnedReadHalf,
        partial: &mut Vec<u8>,
    ) -> Poll<anyhow::Result<()>> {
        let mut buffer = self.buffer.borrow_mut();
        let mut relay = self.relay.borrow_mut();
        loop {
            if !partial.is_empty() {
                let taken = relay.take(peer, partial)?;
                partial.drain(..taken);
            }
            let mut filled = ReadBuf::new(&mut buffer);
            match Pin::new(&mut *read).poll_read(context, &mut filled)? {
                Poll::Pending => break,
                Poll::Ready(()) if filled.filled().is_empty() => return Poll::Ready(Ok(())),
                Poll::Ready(()) if partial.is_empty() => {
                    let taken = relay.take(peer, filled.filled_mut())?;
                    partial.extend_from_slice(filled.filled().get(taken..).unwrap_or_default());
                }
                Poll::Ready(()) => partial.extend_from_slice(filled.filled()),
            }
            relay.flush();
        }
        relay.flush();
        relay.poll_write(context, peer)
    }
}

async fn read_head(stream: &mut TcpStream) -> anyhow::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(1_024);
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok((String::from_utf8(bytes)?, rest));
        }
        anyhow::ensure!(bytes.len() < HEAD_BYTES_MAX, "a request without an end");
        anyhow::ensure!(stream.read_buf(&mut bytes).await? > 0, "a request was cut short");
    }
}

impl Relay {
    fn make_account(&mut self) -> serde_json::Value {
        let peer = self.peers.len();
        let mut id = [0; 16];
        let (_, low) = id.split_at_mut(8);
        low.copy_from_slice(&(peer as u64).to_be_bytes());
        let user = UserId::from_bytes(id);
        let device = DeviceId { user, number: DeviceNumber(1) };
        self.peers.push(Peer { device, write: None, out: Vec::new(), waker: None });
        self.by_user.insert(user, peer);
        serde_json::json!({ "userId": user.to_string(), "device": 1, "accessToken": peer.to_string() })
    }

    fn welcome(&mut self, peer: usize, write: OwnedWriteHalf) -> anyhow::Result<()> {
        let this = self.peers.get_mut(peer).context("a peer of this relay")?;
        this.write = Some(write);
        let welcome = Welcome {
            device: this.device,
            server_time: Timestamp(0),
            incarnation: "relay".to_owned(),
            heartbeat: Duration::from_secs(30),
            frame_bytes_max: u32::MAX,
            window_events: u32::MAX,
            requests_in_flight_max: u32::MAX,
        };
        self.push(peer, &ServerFrame::Welcome(welcome));
        self.flush();
        Ok(())
    }

    /// Handles the whole frames in `bytes`, and says how much they took.
    fn take(&mut self, peer: usize, bytes: &mut [u8]) -> anyhow::Result<usize> {
        let mut taken = 0;
        while let Some(rest) = bytes.get_mut(taken..)
            && let Some(frame) = read_masked_frame(rest)?
        {
            taken += frame.bytes;
            if frame.opcode == Opcode::Binary {
                let frame = dunlin_wire::decode_client(Format::Proto, frame.payload)
                    .map_err(|error| anyhow::anyhow!("{error:?}"))?;
                self.handle(peer, frame.id, frame.command);
            }
        }
        Ok(taken)
    }

    fn handle(&mut self, peer: usize, id: u64, command: Command) {
        match command {
            Command::Resume { .. } => {
                self.push(peer, &ServerFrame::Reply { id, outcome: Outcome::Done });
                self.push(peer, &ServerFrame::CaughtUp);
            }
            Command::CreateChat {
                client_seq,
                command: ChatCommand::Create { kind, encryption, name, description, members },
                ..
            } => {
                let Some(device) = self.peers.get(peer).map(|peer| peer.device) else { return };
                let chat = match members.as_slice() {
                    [other] if name.is_empty() => ChatId::direct(device.user, *other),
                    _ => ChatId::created_by(device, client_seq),
                };
                let others = members.iter().filter_map(|user| self.by_user.get(user).copied());
                let room = Room { members: std::iter::once(peer).chain(others).collect(), head: Seq::ZERO };
                self.rooms.insert(chat, room);
                let members = members.into_iter().map(|user| (user, Role::Member)).collect();
                let event = EventKind::Created { kind, encryption, name, description, members };
                self.post(peer, id, chat, client_seq, event);
            }
            Command::Submit {
                chat,
                client_seq,
                command: ChatCommand::Send { body, reply_to, attachments, epoch: None },
                ..
            } => {
                self.post(peer, id, chat, client_seq, EventKind::Message { body, reply_to, attachments });
            }
            Command::Received { chat, seq } => self.pass_receipt(peer, chat, seq),
            _ => {}
        }
    }

    fn post(&mut self, peer: usize, id: u64, chat: ChatId, client_seq: ClientSeq, kind: EventKind) {
        let (Some(sender), Some(room)) =
            (self.peers.get(peer).map(|peer| peer.device), self.rooms.get_mut(&chat))
        else {
            return;
        };
        room.head = room.head.next();
        let (seq, members) = (room.head, room.members.clone());
        let outcome = Outcome::Accepted { chat, seq, time: Some(Timestamp(0)), repeated: false };
        self.push(peer, &ServerFrame::Reply { id, outcome });
        let event = Arc::new(Event { seq, time: Timestamp(0), sender, client_seq, kind, attestation: None });
        for member in members {
            self.push_event(member, chat, &event);
        }
    }

    fn push_event(&mut self, member: usize, chat: ChatId, event: &Arc<Event>) {
        self.pushes += 1;
        let frame = ServerFrame::Event { chat, event: Arc::clone(event) };
        match self.fault {
            #[cfg(test)]
            Fault::DropsOne if self.pushes == 100 => {}
            #[cfg(test)]
            Fault::DoublesOne if self.pushes == 100 => {
                self.push(member, &frame);
                self.push(member, &frame);
            }
            #[cfg(test)]
            Fault::AltersOne if self.pushes == 100 => {
                let event = Event { time: Timestamp(1), ..Event::clone(event) };
                self.push(member, &ServerFrame::Event { chat, event: Arc::new(event) });
            }
            _ => self.push(member, &frame),
        }
    }

    fn pass_receipt(&mut self, peer: usize, chat: ChatId, seq: Seq) {
        let Some(user) = self.peers.get(peer).map(|peer| peer.device.user) else { return };
        let members = self.rooms.get(&chat).map(|room| room.members.clone()).unwrap_or_default();
        let receipt = Receipt { user, delivered: seq, seen: Seq::ZERO };
        for member in members.into_iter().filter(|member| *member != peer) {
            self.push(member, &ServerFrame::StatusUpdate { chat, receipt });
        }
    }

    fn push(&mut self, peer: usize, frame: &ServerFrame) {
        let Some(this) = self.peers.get_mut(peer).filter(|peer| peer.write.is_some()) else { return };
        self.scratch.clear();
        dunlin_wire::encode_server(Format::Proto, frame, &mut self.scratch);
        if this.out.is_empty() {
            self.dirty.push(peer);
        }
        write_plain_frame(&mut this.out, Opcode::Binary, &self.scratch);
    }

    fn flush(&mut self) {
        for peer in self.dirty.drain(..) {
            let Some(Peer { write: Some(write), out, waker, .. }) = self.peers.get_mut(peer) else {
                continue;
            };
            match write.try_write(out) {
                Ok(written) if written == out.len() => out.clear(),
                Ok(written) => drop(out.drain(..written)),
                Err(_) => {}
            }
            if !out.is_empty()
                && let Some(waker) = waker
            {
                waker.wake_by_ref();
            }
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, peer: usize) -> Poll<anyhow::Result<()>> {
        let Some(Peer { write: Some(write), out, waker, .. }) = self.peers.get_mut(peer) else {
            return Poll::Ready(Ok(()));
        };
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        while !out.is_empty() {
            let written = ready!(Pin::new(&mut *write).poll_write(context, out))?;
            out.drain(..written);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairs::{self, PairsOptions};
    use crate::target::TargetOptions;

    /// Whether `pairs` is content with a relay that has this fault.
    fn pairs_pass(fault: Fault, rate: Option<u32>) -> bool {
        let (told, address) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || {
            on_one_thread(|| async {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                told.send(listener.local_addr()?)?;
                serve(listener, fault).await
            })
        });
        let address = address.recv().unwrap();
        let target = TargetOptions {
            server: Some(format!("http://{address}")),
            server_pid: Some(std::process::id()),
            data_under: None,
            settle: 1,
            json: true,
        };
        pairs::run(&PairsOptions { pairs: 3, seconds: 1, window: 2, rate, bytes: 100, target }).unwrap()
    }

    #[test]
    fn pairs_pass_in_both_loops_when_nothing_goes_wrong() {
        assert!(pairs_pass(Fault::None, None));
        assert!(pairs_pass(Fault::None, Some(300)));
    }

    #[test]
    fn a_message_that_is_lost_doubled_or_altered_fails_the_run() {
        for fault in [Fault::DropsOne, Fault::DoublesOne, Fault::AltersOne] {
            assert!(!pairs_pass(fault, None), "{fault:?}");
        }
    }
}
