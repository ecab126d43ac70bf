//! One WebSocket to a server: frames out, frames in. No task, no queue, no retry.
//!
//! Buffers are small, so that one process can hold thousands. To send several frames in one write, `feed`
//! each and `flush` once; to react to all that has arrived before writing, drain with `try_next`.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use dunlin_wire::{ClientFrame, Failure, Format, ServerFrame, Undecodable, decode_server, encode_client};
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use crate::api::failure_of;
use crate::server_url::ServerUrl;
use crate::tls;

/// Bytes of the read and of the write buffer.
const BUFFER_BYTES: usize = 4 * 1024;
/// Bytes of a frame that is read.
const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long connecting and upgrading may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a polite close may take.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);
/// The close code when the other end gave none (RFC 6455 section 7.4.1).
const CLOSE_WITHOUT_CODE: u16 = 1005;

/// Why a link failed.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The server could not be reached, or the connection broke.
    #[error("the server cannot be reached: {0}")]
    Unreachable(#[source] io::Error),
    /// The connection ended without a word.
    #[error("the connection broke off")]
    BrokenOff,
    /// The server answered the upgrade with something else.
    #[error("the server refused the connection with HTTP status {status}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// What the answer said, where it was readable.
        failure: Option<Failure>,
    },
    /// What came is not WebSocket as agreed.
    #[error("the connection failed: {0}")]
    Socket(#[source] Box<SocketError>),
    /// A frame could not be decoded.
    #[error("the server sent a frame that cannot be read: {0}")]
    Undecodable(#[from] Undecodable),
    /// The server closed the connection.
    #[error("the server closed the connection ({code} {reason})")]
    Closed {
        /// The close code.
        code: u16,
        /// The reason given.
        reason: String,
    },
}

impl From<SocketError> for LinkError {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::Io(error) => Self::Unreachable(error),
            SocketError::ConnectionClosed | SocketError::AlreadyClosed => {
                Self::Closed { code: CLOSE_WITHOUT_CODE, reason: String::new() }
            }
            SocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::BrokenOff,
            SocketError::Http(response) => Self::Rejected {
                status: response.status().as_u16(),
                failure: response.body().as_deref().and_then(failure_of),
            },
            error => Self::Socket(Box::new(error)),
        }
    }
}

/// What arrived.
#[derive(Debug)]
pub enum Incoming {
    /// A frame.
    Frame(ServerFrame),
    /// A sign of life; it was answered.
    Heartbeat,
}

/// One WebSocket to a server.
#[derive(Debug)]
pub struct Link {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    format: Format,
    scratch: Vec<u8>,
}

impl Link {
    /// Connects, within ten seconds. Without a token the first frame must be `Authenticate`.
    ///
    /// # Errors
    /// When the server is not reached, or does not take the connection.
    pub async fn connect(
        server: &ServerUrl,
        access_token: Option<&str>,
        format: Format,
    ) -> Result<Self, LinkError> {
        let late = |_| LinkError::Unreachable(io::ErrorKind::TimedOut.into());
        // Boxed: the TLS handshake's state is large, and most of a program's futures should not carry it.
        timeout(CONNECT_TIME_MAX, Box::pin(Self::upgrade(server, access_token, format)))
            .await
            .map_err(late)?
    }

    async fn upgrade(
        server: &ServerUrl,
        access_token: Option<&str>,
        format: Format,
    ) -> Result<Self, LinkError> {
        let mut request = server.websocket().into_client_request()?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(format.sub_protocol()));
        if let Some(token) = access_token {
            let header = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| LinkError::Unreachable(io::ErrorKind::InvalidInput.into()))?;
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        let connector = match server.is_tls() {
            true => Connector::Rustls(tls::client_config().map_err(LinkError::Unreachable)?),
            false => Connector::Plain,
        };
        let stream =
            TcpStream::connect((server.host(), server.port())).await.map_err(LinkError::Unreachable)?;
        stream.set_nodelay(true).map_err(LinkError::Unreachable)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES)
            .max_message_size(Some(FRAME_BYTES_MAX))
            .max_frame_size(Some(FRAME_BYTES_MAX));
        let (socket, _response) =
            client_async_tls_with_config(request, stream, Some(config), Some(connector)).await?;
        Ok(Self { socket, format, scratch: Vec::new() })
    }

    /// Puts a frame into the write buffer, and writes when that is full.
    /// Not cancel safe: a dropped future may have sent the frame or not.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn feed(&mut self, frame: &ClientFrame) -> Result<(), LinkError> {
        self.scratch.clear();
        encode_client(self.format, frame, &mut self.scratch);
        let bytes = Bytes::copy_from_slice(&self.scratch);
        let message = match self.format {
            Format::Proto => Message::Binary(bytes),
            Format::Json => Message::Text(
                Utf8Bytes::try_from(bytes).map_err(|error| SocketError::Utf8(error.to_string()))?,
            ),
        };
        Ok(self.socket.feed(message).await?)
    }

    /// Writes what was fed. Cancel safe.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn flush(&mut self) -> Result<(), LinkError> {
        Ok(self.socket.flush().await?)
    }

    /// Sends one frame at once.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, frame: &ClientFrame) -> Result<(), LinkError> {
        self.feed(frame).await?;
        self.flush().await
    }

    /// The next frame or sign of life. Cancel safe.
    ///
    /// # Errors
    /// When the connection is gone or closed, or a frame cannot be decoded.
    pub async fn next(&mut self) -> Result<Incoming, LinkError> {
        match self.socket.next().await {
            None => Err(LinkError::Closed { code: CLOSE_WITHOUT_CODE, reason: String::new() }),
            Some(message) => self.read(message?),
        }
    }

    /// The next frame, past signs of life. Cancel safe.
    ///
    /// # Errors
    /// See [`Link::next`].
    pub async fn next_frame(&mut self) -> Result<ServerFrame, LinkError> {
        loop {
            if let Incoming::Frame(frame) = self.next().await? {
                return Ok(frame);
            }
        }
    }

    /// A frame that has arrived already, if there is one.
    ///
    /// # Errors
    /// See [`Link::next`].
    pub fn try_next(&mut self) -> Result<Option<ServerFrame>, LinkError> {
        self.next_frame().now_or_never().transpose()
    }

    /// Says good-bye, and waits a second at most for the answer.
    pub async fn close(mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
        let farewell = async {
            if self.socket.close(Some(frame)).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        // The other end closes by itself when it does not hear this.
        let _ = timeout(CLOSE_TIME_MAX, farewell).await;
    }

    fn read(&self, message: Message) -> Result<Incoming, LinkError> {
        match message {
            Message::Binary(bytes) => Ok(Incoming::Frame(decode_server(self.format, &bytes)?)),
            Message::Text(text) => Ok(Incoming::Frame(decode_server(self.format, text.as_bytes())?)),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(Incoming::Heartbeat),
            Message::Close(frame) => Err(frame.map_or_else(
                || LinkError::Closed { code: CLOSE_WITHOUT_CODE, reason: String::new() },
                |frame| LinkError::Closed { code: frame.code.into(), reason: frame.reason.to_string() },
            )),
        }
    }
}
