//! Moves bytes between a fleet's clients and their sockets: one read for all that arrived, one write for all
//! that is ready.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use dunlin_wire::Format;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

use crate::fleet::{Fleet, Scenario};
use crate::framing::{Opcode, read_frame};
use crate::http::open_websocket;
use crate::rng::Rng;

/// Bytes of one read, in a buffer that all connections share.
const READ_BYTES: usize = 256 * 1024;
/// Longest wait before connecting again.
const RECONNECT_WAIT: Duration = Duration::from_millis(80);
/// Longest wait for a connection to open.
const OPEN_WAIT: Duration = Duration::from_secs(20);

/// A fleet and what it is doing. All tasks of a scenario share one, on one thread, and never hold it across
/// an await.
pub(crate) struct World<S> {
    pub(crate) fleet: Fleet,
    pub(crate) scenario: S,
    /// Where the server is; it may move when it is started again.
    pub(crate) address: SocketAddr,
    pub(crate) rng: Rng,
}

/// A world as its tasks share it.
pub(crate) struct Shared<S> {
    pub(crate) world: RefCell<World<S>>,
    pub(crate) stopping: Cell<bool>,
    buffer: RefCell<Box<[u8]>>,
}

impl<S: Scenario> Shared<S> {
    pub(crate) fn new(world: World<S>) -> Rc<Self> {
        Rc::new(Self {
            world: RefCell::new(world),
            stopping: Cell::new(false),
            buffer: RefCell::new(vec![0; READ_BYTES].into_boxed_slice()),
        })
    }

    /// Acts on the fleet, then writes what came of it.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut Fleet, &mut S) -> T) -> T {
        let mut world = self.world.borrow_mut();
        let World { fleet, scenario, .. } = &mut *world;
        let result = act(fleet, scenario);
        fleet.flush();
        result
    }

    /// Keeps every client connected until `stopping`.
    pub(crate) fn connect_all(self: &Rc<Self>) {
        for client in 0..self.world.borrow().fleet.clients.len() {
            tokio::task::spawn_local(Rc::clone(self).keep_connected(client));
        }
    }

    async fn keep_connected(self: Rc<Self>, client: usize) {
        while !self.stopping.get() {
            let (address, token) = {
                let world = self.world.borrow();
                (world.address, world.fleet.clients[client].account.access_token.clone())
            };
            let opened = tokio::time::timeout(OPEN_WAIT, open_websocket(address, &token)).await;
            if let Ok(Ok((stream, rest))) = opened {
                let (mut read, write) = stream.into_split();
                self.act(|fleet, _| fleet.connected(client, write));
                let mut partial = rest;
                poll_fn(|context| self.poll_connection(context, client, &mut read, &mut partial)).await;
                self.act(|fleet, _| fleet.disconnected(client));
            }
            let wait = self.world.borrow_mut().rng.time_below(RECONNECT_WAIT);
            tokio::time::sleep(wait).await;
        }
    }

    /// Ready when the connection is over.
    fn poll_connection(
        &self,
        context: &mut Context<'_>,
        client: usize,
        read: &mut OwnedReadHalf,
        partial: &mut Vec<u8>,
    ) -> Poll<()> {
        if self.stopping.get() {
            return Poll::Ready(());
        }
        let mut buffer = self.buffer.borrow_mut();
        if !partial.is_empty() && self.take(client, partial, &mut Vec::new()).is_err() {
            return Poll::Ready(());
        }
        loop {
            let mut filled = ReadBuf::new(&mut buffer);
            match Pin::new(&mut *read).poll_read(context, &mut filled) {
                Poll::Pending => break,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) if filled.filled().is_empty() => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {
                    let taken = if partial.is_empty() {
                        self.take_slice(client, filled.filled(), partial)
                    } else {
                        partial.extend_from_slice(filled.filled());
                        self.take(client, partial, &mut Vec::new())
                    };
                    if taken.is_err() {
                        return Poll::Ready(());
                    }
                }
            }
        }
        self.poll_write(context, client)
    }

    /// Takes the whole frames out of `partial`.
    fn take(&self, client: usize, partial: &mut Vec<u8>, left: &mut Vec<u8>) -> io::Result<()> {
        self.take_slice(client, partial, left)?;
        std::mem::swap(partial, left);
        Ok(())
    }

    /// Handles the whole frames in `bytes` and leaves the rest in `left`; then acknowledges and writes.
    fn take_slice(&self, client: usize, mut bytes: &[u8], left: &mut Vec<u8>) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        let World { fleet, scenario, .. } = &mut *world;
        while let Some(frame) = read_frame(bytes).map_err(io::Error::other)? {
            match frame.opcode {
                Opcode::Binary => {
                    let decoded = dunlin_wire::decode_server(Format::Proto, frame.payload);
                    let decoded = decoded.map_err(|error| io::Error::other(format!("{error:?}")))?;
                    fleet.handle(scenario, client, decoded);
                }
                Opcode::Ping => fleet.send_raw(client, Opcode::Pong, frame.payload),
                Opcode::Pong => {}
                Opcode::Close | Opcode::Text => return Err(io::ErrorKind::ConnectionAborted.into()),
            }
            bytes = bytes.get(frame.bytes..).unwrap_or_default();
        }
        left.extend_from_slice(bytes);
        fleet.acknowledge(client);
        fleet.flush();
        Ok(())
    }

    /// Writes what a flush could not.
    fn poll_write(&self, context: &mut Context<'_>, client: usize) -> Poll<()> {
        let mut world = self.world.borrow_mut();
        let client = &mut world.fleet.clients[client];
        if !client.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            client.waker = Some(context.waker().clone());
        }
        let Some(write) = &mut client.write else { return Poll::Ready(()) };
        while !client.out.is_empty() {
            match ready!(Pin::new(&mut *write).poll_write(context, &client.out)) {
                Ok(written) => drop(client.out.drain(..written)),
                Err(_) => return Poll::Ready(()),
            }
        }
        Poll::Pending
    }
}
