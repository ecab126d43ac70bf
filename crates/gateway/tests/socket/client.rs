//! A client that keeps to the protocol, over somebody else's WebSocket implementation.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use dunlin_model::{Body, ChatCommand, ChatId, ClientSeq, ErrorCode, Event, EventKind, Seq};
use dunlin_wire::{ClientFrame, Command, Failure, Format, Outcome, Position, ServerFrame, Welcome};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::world::{QUIET, soon, text};

/// A stream to a server, plain or encrypted.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

pub(crate) struct Client {
    socket: WebSocketStream<Box<dyn Wire>>,
    pub(crate) format: Format,
    /// `None` before authentication.
    pub(crate) welcome: Option<Welcome>,
    next_id: u64,
    next_number: u64,
    pushes: VecDeque<ServerFrame>,
    replies: HashMap<u64, VecDeque<Outcome>>,
    close_code: Option<u16>,
    ended: bool,
}

/// A request to upgrade, with what browsers and our own clients send.
pub(crate) fn upgrade_request(address: SocketAddr, token: Option<&str>, format: Format) -> Request {
    let mut request = format!("ws://{address}/v1/ws").into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", format.sub_protocol().parse().unwrap());
    if let Some(token) = token {
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    request
}

impl Client {
    /// Connects with a token in the header and takes the welcome.
    pub(crate) async fn connect(address: SocketAddr, token: &str, format: Format) -> Self {
        let mut client = Self::anonymous(address, Some(token), format).await;
        client.welcomed().await;
        client
    }

    /// Connects and takes nothing.
    pub(crate) async fn anonymous(address: SocketAddr, token: Option<&str>, format: Format) -> Self {
        let stream: Box<dyn Wire> = Box::new(TcpStream::connect(address).await.unwrap());
        Self::over(stream, upgrade_request(address, token, format), format).await
    }

    pub(crate) async fn over(stream: Box<dyn Wire>, request: Request, format: Format) -> Self {
        let (socket, response) = soon("the upgrade", client_async(request, stream)).await.unwrap();
        assert_eq!(response.headers().get("sec-websocket-protocol").unwrap(), format.sub_protocol());
        Self {
            socket,
            format,
            welcome: None,
            next_id: 1,
            // Chats made past the socket used number 1 of their owner's device.
            next_number: 100,
            pushes: VecDeque::new(),
            replies: HashMap::new(),
            close_code: None,
            ended: false,
        }
    }

    pub(crate) async fn welcomed(&mut self) {
        match self.push().await {
            ServerFrame::Welcome(welcome) => self.welcome = Some(welcome),
            other => panic!("the first push is a welcome, not {other:?}"),
        }
    }

    /// Sends a frame and waits for nothing.
    pub(crate) async fn frame(&mut self, id: u64, command: Command) {
        let mut bytes = Vec::new();
        dunlin_wire::encode_client(self.format, &ClientFrame { id, command }, &mut bytes);
        self.message(bytes).await;
    }

    /// Sends bytes as a message of the sub-protocol's type.
    pub(crate) async fn message(&mut self, bytes: Vec<u8>) {
        let message = match self.format {
            Format::Proto => Message::binary(bytes),
            Format::Json => Message::text(String::from_utf8(bytes).unwrap()),
        };
        soon("room to send", self.socket.send(message)).await.unwrap();
    }

    /// Sends a request and gives its id.
    pub(crate) async fn ask(&mut self, command: Command) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.frame(id, command).await;
        id
    }

    pub(crate) async fn request(&mut self, command: Command) -> Outcome {
        let id = self.ask(command).await;
        self.reply(id).await
    }

    /// The failure that a request must end in.
    pub(crate) async fn refused(&mut self, command: Command) -> Failure {
        match self.request(command).await {
            Outcome::Failed(failure) => failure,
            other => panic!("a failure was expected, not {other:?}"),
        }
    }

    /// The answer to request `id`; there must be one, and only one.
    pub(crate) async fn reply(&mut self, id: u64) -> Outcome {
        loop {
            if let Some(outcome) = self.replies.get_mut(&id).and_then(VecDeque::pop_front) {
                return outcome;
            }
            assert!(self.take_one().await, "the connection ended ({:?}) without reply {id}", self.close_code);
        }
    }

    /// Answers that came and were not asked for by [`Client::reply`].
    pub(crate) fn stray_replies(&self) -> Vec<(u64, &Outcome)> {
        let replies = self.replies.iter();
        replies.flat_map(|(id, outcomes)| outcomes.iter().map(|outcome| (*id, outcome))).collect()
    }

    pub(crate) async fn push(&mut self) -> ServerFrame {
        loop {
            if let Some(push) = self.pushes.pop_front() {
                return push;
            }
            assert!(self.take_one().await, "the connection ended ({:?}) without a push", self.close_code);
        }
    }

    /// Everything pushed until the server is quiet.
    pub(crate) async fn pushes_until_quiet(&mut self) -> Vec<ServerFrame> {
        while !self.ended {
            if tokio::time::timeout(QUIET, self.take_one()).await.is_err() {
                break;
            }
        }
        self.pushes.drain(..).collect()
    }

    /// The code with which the server closes; what comes before it is kept.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        while self.take_one().await {}
        self.close_code
    }

    /// Closes from this side and gives the code of the server's answer.
    pub(crate) async fn close(mut self) -> Option<u16> {
        let _ = self.socket.close(None).await;
        self.closed().await
    }

    /// Reads one message into its place; false at the end.
    async fn take_one(&mut self) -> bool {
        if self.ended {
            return false;
        }
        let bytes = match soon("something from the server", self.socket.next()).await {
            Some(Ok(Message::Binary(bytes))) if self.format == Format::Proto => bytes,
            Some(Ok(Message::Text(text))) if self.format == Format::Json => text.into(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return true,
            Some(Ok(Message::Close(frame))) => {
                self.close_code = frame.map(|frame| frame.code.into());
                return true;
            }
            Some(Ok(other)) => panic!("not of the sub-protocol: {other:?}"),
            Some(Err(_)) | None => {
                self.ended = true;
                let _ = self.socket.get_mut().shutdown().await; // The server waits for this side's end.
                return false;
            }
        };
        match dunlin_wire::decode_server(self.format, &bytes).unwrap() {
            ServerFrame::Reply { id, outcome } => self.replies.entry(id).or_default().push_back(outcome),
            push => self.pushes.push_back(push),
        }
        true
    }

    pub(crate) async fn resume(&mut self, positions: &[Position]) {
        let done = self.request(Command::Resume { positions: positions.to_vec(), more: false }).await;
        assert_eq!(done, Outcome::Done);
    }

    pub(crate) async fn received(&mut self, chat: ChatId, seq: u64) {
        let done = self.request(Command::Received { chat, seq: Seq(seq) }).await;
        assert_eq!(done, Outcome::Done);
    }

    pub(crate) async fn seen(&mut self, chat: ChatId, seq: u64) {
        let done = self.request(Command::MarkSeen { chat, seq: Seq(seq) }).await;
        assert_eq!(done, Outcome::Done);
    }

    pub(crate) fn number(&mut self) -> ClientSeq {
        let number = ClientSeq(self.next_number);
        self.next_number += 1;
        number
    }

    pub(crate) async fn create(&mut self, command: ChatCommand) -> ChatId {
        let client_seq = self.number();
        match self.request(Command::CreateChat { client_seq, command, attestation: None }).await {
            Outcome::Accepted { chat, .. } => chat,
            other => panic!("not created: {other:?}"),
        }
    }

    pub(crate) async fn act(&mut self, chat: ChatId, command: ChatCommand) -> u64 {
        let client_seq = self.number();
        match self.request(Command::Submit { chat, client_seq, command, attestation: None }).await {
            Outcome::Accepted { seq, .. } => seq.0,
            other => panic!("not accepted: {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, chat: ChatId, body: &str) -> u64 {
        self.act(chat, text(body)).await
    }

    /// The code with which a message is refused.
    pub(crate) async fn refused_to_send(&mut self, chat: ChatId) -> ErrorCode {
        let client_seq = self.number();
        self.refused(Command::Submit { chat, client_seq, command: text("x"), attestation: None }).await.code
    }

    /// The events and skips of `chat` up to place `seq`, as lines; other pushes are passed over.
    pub(crate) async fn events_up_to(&mut self, chat: ChatId, seq: u64) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let push = self.push().await;
            let reached = match &push {
                ServerFrame::Event { chat: of, event } if *of == chat => event.seq.0,
                ServerFrame::Skipped { chat: of, range } if *of == chat => range.to.0,
                _ => continue,
            };
            lines.push(line(&push));
            if reached >= seq {
                return lines;
            }
        }
    }

    /// The lines of all pushes up to the one that reads `wanted`.
    pub(crate) async fn lines_until(&mut self, wanted: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.last().is_none_or(|last| last != wanted) {
            lines.push(line(&self.push().await));
        }
        lines
    }

    /// The lines of events and skips that were read and not looked at yet.
    pub(crate) fn pending_events(&mut self) -> Vec<String> {
        events(self.pushes.make_contiguous())
    }

    /// The lines of all events and skips until the server is quiet.
    pub(crate) async fn events_until_quiet(&mut self) -> Vec<String> {
        events(&self.pushes_until_quiet().await)
    }
}

/// The lines of events and skips.
pub(crate) fn events(pushes: &[ServerFrame]) -> Vec<String> {
    let of_a_log =
        |push: &&ServerFrame| matches!(push, ServerFrame::Event { .. } | ServerFrame::Skipped { .. });
    pushes.iter().filter(of_a_log).map(line).collect()
}

/// A push as a short line: `3 hello`, `4 +Left`, `1-2 NotEntitled`, `caught up`, `delivered 3 seen 0`.
pub(crate) fn line(push: &ServerFrame) -> String {
    match push {
        ServerFrame::Event { event, .. } => event_line(event),
        ServerFrame::Skipped { range, .. } => format!("{}-{} {:?}", range.from, range.to, range.reason),
        ServerFrame::CaughtUp => "caught up".into(),
        ServerFrame::StatusUpdate { receipt, .. } => {
            format!("delivered {} seen {}", receipt.delivered, receipt.seen)
        }
        other => format!("{other:?}"),
    }
}

pub(crate) fn event_line(event: &Event) -> String {
    let what = match &event.kind {
        EventKind::Message { body: Body::Text(text), .. } => text.clone(),
        EventKind::Message { body, .. } => format!("{body:?}"),
        other => {
            let debug = format!("{other:?}");
            format!("+{}", debug.split([' ', '{']).next().unwrap_or_default())
        }
    };
    format!("{} {what}", event.seq)
}
