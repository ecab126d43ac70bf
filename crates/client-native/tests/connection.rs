//! A connection against a server that says what each test has it say.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "waits are measured by the real clock")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dunlin_client_native::{
    Connection, ConnectionOptions, FixedToken, Push, Pushes, RequestError, TokenError, Tokens,
};
use dunlin_model::{
    Body, ChatCommand, ChatId, ClientSeq, DeviceId, DeviceNumber, ErrorCode, Seq, Timestamp, UserId,
};
use dunlin_wire::{
    ClientFrame, Command, Failure, Format, Outcome, Position, ServerFrame, Welcome, decode_client,
    encode_server,
};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

const CHAT: ChatId = ChatId::from_bytes([3; 16]);
/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// The other end, which takes one connection after the other.
struct Server(TcpListener);

/// One connection at the other end.
struct Session(WebSocketStream<TcpStream>);

impl Server {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn options(&self, tokens: Arc<dyn Tokens>) -> ConnectionOptions {
        let server = format!("http://{}", self.0.local_addr().unwrap());
        ConnectionOptions::new(server.parse().unwrap(), tokens)
    }

    /// Takes the next connection whose token is good, and says welcome.
    async fn accept(&self) -> Session {
        loop {
            let (stream, _) = timeout(PATIENCE, self.0.accept()).await.unwrap().unwrap();
            if let Ok(socket) = accept_hdr_async(stream, admit).await {
                let mut session = Session(socket);
                session.say(ServerFrame::Welcome(welcome())).await;
                return session;
            }
        }
    }
}

#[expect(clippy::result_large_err, reason = "the type is that of the WebSocket library")]
fn admit(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    if request.headers().get(header::AUTHORIZATION).is_none_or(|value| value != "Bearer good") {
        let mut refusal = ErrorResponse::new(None);
        *refusal.status_mut() = StatusCode::UNAUTHORIZED;
        return Err(refusal);
    }
    let protocol = HeaderValue::from_static(Format::Proto.sub_protocol());
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    Ok(response)
}

impl Session {
    async fn say(&mut self, frame: ServerFrame) {
        let mut bytes = Vec::new();
        encode_server(Format::Proto, &frame, &mut bytes);
        self.0.send(Message::binary(bytes)).await.unwrap();
    }

    async fn hear(&mut self) -> ClientFrame {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.unwrap().unwrap().unwrap();
            if let Message::Binary(bytes) = message {
                return decode_client(Format::Proto, &bytes).unwrap();
            }
        }
    }

    async fn answer(&mut self, id: u64, outcome: Outcome) {
        self.say(ServerFrame::Reply { id, outcome }).await;
    }

    async fn fail(&mut self, id: u64, code: ErrorCode) {
        self.answer(id, Outcome::Failed(Failure::new(code, "no"))).await;
    }
}

fn welcome() -> Welcome {
    Welcome {
        device: DeviceId { user: UserId::from_bytes([1; 16]), number: DeviceNumber(1) },
        server_time: Timestamp(1),
        incarnation: "one".into(),
        heartbeat: Duration::from_secs(30),
        frame_bytes_max: 65_536,
        window_events: 16,
        requests_in_flight_max: 4,
    }
}

fn good() -> Arc<dyn Tokens> {
    Arc::new(FixedToken("good".into()))
}

fn send(number: u64) -> Command {
    let body = Body::Text(format!("m{number}"));
    let command = ChatCommand::Send { body, reply_to: None, attachments: Vec::new(), epoch: None };
    Command::Submit { chat: CHAT, client_seq: ClientSeq(number), command, attestation: None }
}

fn accepted(seq: u64) -> Outcome {
    Outcome::Accepted { chat: CHAT, seq: Seq(seq), time: None, repeated: true }
}

/// Waits until the connection is up; what comes before is passed over.
async fn online(pushes: &mut Pushes) {
    while !matches!(timeout(PATIENCE, pushes.next()).await.unwrap().unwrap(), Push::Online(_)) {}
}

#[tokio::test]
async fn what_a_lost_connection_left_unanswered_goes_out_again_unchanged() {
    let server = Server::start().await;
    let (connection, _pushes) = Connection::open(server.options(good()));
    let asking = tokio::spawn(async move { connection.submit(send(7)).await });
    let mut first = server.accept().await;
    let before = first.hear().await;
    drop(first);
    let mut second = server.accept().await;
    let again = second.hear().await;
    assert_eq!(again, before);
    second.answer(again.id, accepted(5)).await;
    assert_eq!(asking.await.unwrap().unwrap(), accepted(5));
}

#[tokio::test]
async fn a_refusal_for_now_is_asked_again_with_the_same_number_and_a_definite_one_is_told() {
    let server = Server::start().await;
    let (connection, _pushes) = Connection::open(server.options(good()));
    let asking = tokio::spawn(async move { connection.submit(send(7)).await });
    let mut session = server.accept().await;
    let first = session.hear().await;
    session.fail(first.id, ErrorCode::Unavailable).await;
    let second = session.hear().await;
    assert_eq!(second.command, first.command);
    session.fail(second.id, ErrorCode::Banned).await;
    let refused = asking.await.unwrap();
    assert!(matches!(refused, Err(RequestError::Failed(failure)) if failure.code == ErrorCode::Banned));
}

#[tokio::test]
async fn no_more_requests_are_in_flight_than_the_server_allows() {
    let server = Server::start().await;
    let (connection, mut pushes) = Connection::open(server.options(good()));
    let mut session = server.accept().await;
    online(&mut pushes).await;
    let ask = |number| {
        let connection = connection.clone();
        tokio::spawn(async move { connection.submit(send(number)).await })
    };
    let asking: Vec<_> = (1..=6).map(ask).collect();
    let mut waiting = VecDeque::new();
    for _ in 0..4 {
        waiting.push_back(session.hear().await.id);
    }
    assert!(
        timeout(Duration::from_millis(100), session.hear()).await.is_err(),
        "a fifth came before an answer"
    );
    for _ in 0..6 {
        let id = match waiting.pop_front() {
            Some(id) => id,
            None => session.hear().await.id,
        };
        session.answer(id, accepted(1)).await;
    }
    for asked in asking {
        asked.await.unwrap().unwrap();
    }
}

/// Gives a token that is not good until told so, and notes what it was told.
#[derive(Default)]
struct Renewing(Mutex<Vec<Option<String>>>);

#[async_trait]
impl Tokens for Renewing {
    async fn access_token(&self, rejected: Option<&str>) -> Result<String, TokenError> {
        self.0.lock().unwrap().push(rejected.map(str::to_owned));
        Ok(if rejected.is_some() { "good" } else { "stale" }.into())
    }
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_renewed_and_the_connection_comes_up() {
    let server = Server::start().await;
    let tokens = Arc::new(Renewing::default());
    let (_connection, mut pushes) = Connection::open(server.options(Arc::clone(&tokens) as Arc<dyn Tokens>));
    let _session = server.accept().await;
    online(&mut pushes).await;
    assert_eq!(*tokens.0.lock().unwrap(), [None, Some("stale".to_owned())]);
}

#[tokio::test]
async fn a_device_that_is_logged_out_is_told_so_and_nothing_hangs() {
    let server = Server::start().await;
    let tokens = Arc::new(FixedToken("revoked".into()));
    let (connection, mut pushes) = Connection::open(server.options(tokens));
    let asking = tokio::spawn(async move { connection.submit(send(1)).await });
    let serving = tokio::spawn(async move { server.accept().await });
    assert!(matches!(timeout(PATIENCE, pushes.next()).await.unwrap(), Some(Push::LoggedOut)));
    assert!(matches!(asking.await.unwrap(), Err(RequestError::LoggedOut)));
    serving.abort();
}

#[tokio::test]
async fn positions_are_restated_at_each_connect_with_what_was_said_while_away() {
    let server = Server::start().await;
    let start = Position { chat: CHAT, received: Seq(3), seen: Seq(2) };
    let (connection, mut pushes) = Connection::open(server.options(good()).following(vec![start]));
    let mut first = server.accept().await;
    assert_eq!(first.hear().await.command, Command::Resume { positions: vec![start], more: false });
    online(&mut pushes).await;
    drop(first);
    while !matches!(pushes.next().await, Some(Push::Offline { .. })) {}
    connection.received(CHAT, Seq(9));
    connection.mark_seen(CHAT, Seq(8));
    let mut second = server.accept().await;
    let now = Position { chat: CHAT, received: Seq(9), seen: Seq(8) };
    assert_eq!(second.hear().await.command, Command::Resume { positions: vec![now], more: false });
    online(&mut pushes).await;
    connection.received(CHAT, Seq(10));
    assert_eq!(second.hear().await.command, Command::Received { chat: CHAT, seq: Seq(10) });
}

#[tokio::test]
async fn a_server_that_goes_away_answers_what_is_asked_and_is_left_at_the_time_it_names() {
    let server = Server::start().await;
    let (connection, mut pushes) = Connection::open(server.options(good()));
    let mut first = server.accept().await;
    online(&mut pushes).await;
    let began = Instant::now();
    first.say(ServerFrame::Draining { reconnect_after: Duration::from_millis(300) }).await;
    let asker = connection.clone();
    let asking = tokio::spawn(async move { asker.submit(send(1)).await });
    let asked = first.hear().await;
    first.answer(asked.id, accepted(1)).await;
    assert_eq!(asking.await.unwrap().unwrap(), accepted(1));
    let _second = server.accept().await;
    assert!(began.elapsed() >= Duration::from_millis(290), "came back before the time named");
    online(&mut pushes).await;
}
