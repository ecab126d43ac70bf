//! A client that writes what it likes: bytes on a socket, framed by hand or not at all.

use std::net::SocketAddr;

use dunlin_wire::{ClientFrame, Command, Format, ServerFrame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::world::soon;

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;
/// The last frame of a message.
pub(crate) const FIN: u8 = 0x80;
const MASK: [u8; 4] = [0x12, 0xE4, 0x5B, 0x9F];

pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    pub(crate) format: Format,
    buffer: Vec<u8>,
}

/// What the server sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Server(ServerFrame),
    Ping,
    Pong(Vec<u8>),
    Close(u16),
    End,
}

/// A frame as clients write it.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, 0x80, payload.len());
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A frame as only servers may write it.
pub(crate) fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, 0, payload.len());
    frame.extend_from_slice(payload);
    frame
}

fn header(first: u8, mask: u8, length: usize) -> Vec<u8> {
    let mut header = vec![first];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..126), _) => header.push(mask | short),
        (_, Ok(medium)) => {
            header.push(mask | 126);
            header.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            header.push(mask | 127);
            header.extend_from_slice(&u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    header
}

/// The lines of a proper upgrade; tests leave out or replace some.
pub(crate) fn upgrade_lines(token: Option<&str>, format: Format) -> Vec<String> {
    let mut lines = vec![
        "Host: dunlin.test".to_owned(),
        "Connection: Upgrade".to_owned(),
        "Upgrade: websocket".to_owned(),
        "Sec-WebSocket-Version: 13".to_owned(),
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==".to_owned(),
        format!("Sec-WebSocket-Protocol: {}", format.sub_protocol()),
    ];
    lines.extend(token.map(|token| format!("Authorization: Bearer {token}")));
    lines
}

/// An HTTP answer: status, and head and body as text.
pub(crate) async fn http(address: SocketAddr, path: &str, lines: &[String]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let answer = ask(&mut stream, path, lines).await;
    (answer.0, answer.1)
}

async fn ask(stream: &mut TcpStream, path: &str, lines: &[String]) -> (u16, String, Vec<u8>) {
    let request = format!("GET {path} HTTP/1.1\r\n{}\r\n\r\n", lines.join("\r\n"));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        if let Some((head_bytes, body_bytes)) = measure(&bytes)
            && bytes.len() >= head_bytes + body_bytes
        {
            let rest = bytes.split_off(head_bytes + body_bytes);
            let answer = String::from_utf8(bytes).unwrap();
            let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
            return (status, answer, rest);
        }
        let read = soon("an HTTP answer", stream.read_buf(&mut bytes)).await.unwrap();
        assert!(read > 0, "the server hung up: {}", String::from_utf8_lossy(&bytes));
    }
}

/// How long head and body of an answer are, once the head is there.
fn measure(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    Some((end, length.unwrap_or(0)))
}

impl Raw {
    /// Upgrades; without a token the connection still has to authenticate.
    pub(crate) async fn connect(address: SocketAddr, token: Option<&str>, format: Format) -> Self {
        Self::upgrade(TcpStream::connect(address).await.unwrap(), token, format).await
    }

    /// Upgrades with a receive buffer so small that the server soon notices who does not read.
    pub(crate) async fn connect_narrow(address: SocketAddr, token: &str, format: Format) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        Self::upgrade(socket.connect(address).await.unwrap(), Some(token), format).await
    }

    async fn upgrade(mut stream: TcpStream, token: Option<&str>, format: Format) -> Self {
        let (status, head, buffer) = ask(&mut stream, "/v1/ws", &upgrade_lines(token, format)).await;
        assert_eq!(status, 101, "{head}");
        Self { stream, format, buffer }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        soon("room to write", self.stream.write_all(bytes)).await.unwrap();
    }

    /// A message of the sub-protocol's type.
    pub(crate) async fn message(&mut self, payload: &[u8]) {
        self.write(&masked(FIN | self.opcode(), payload)).await;
    }

    pub(crate) async fn command(&mut self, id: u64, command: Command) {
        let mut payload = Vec::new();
        dunlin_wire::encode_client(self.format, &ClientFrame { id, command }, &mut payload);
        self.message(&payload).await;
    }

    pub(crate) const fn opcode(&self) -> u8 {
        match self.format {
            Format::Proto => BINARY,
            Format::Json => TEXT,
        }
    }

    /// The next frame that is no ping; pings stay unanswered.
    pub(crate) async fn next(&mut self) -> Frame {
        loop {
            match self.next_of_any_kind().await {
                Frame::Ping => {}
                other => return other,
            }
        }
    }

    pub(crate) async fn next_of_any_kind(&mut self) -> Frame {
        loop {
            if let Some((first, payload, used)) = parse(&self.buffer) {
                let frame = self.frame(first, &payload);
                self.buffer.drain(..used);
                return frame;
            }
            match soon("a frame from the server", self.stream.read_buf(&mut self.buffer)).await {
                Ok(0) | Err(_) => return Frame::End,
                Ok(_) => {}
            }
        }
    }

    fn frame(&self, first: u8, payload: &[u8]) -> Frame {
        assert_eq!(first & 0xF0, FIN, "servers send whole messages without extensions");
        match first & 0x0F {
            PING => Frame::Ping,
            PONG => Frame::Pong(payload.to_vec()),
            CLOSE => Frame::Close(u16::from_be_bytes([payload[0], payload[1]])),
            opcode => {
                assert_eq!(opcode, self.opcode());
                Frame::Server(dunlin_wire::decode_server(self.format, payload).unwrap())
            }
        }
    }
}

/// The first byte, the payload and the length of an unmasked frame, once it is whole.
fn parse(bytes: &[u8]) -> Option<(u8, Vec<u8>, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    assert_eq!(second & 0x80, 0, "servers do not mask");
    let (length, start) = match second {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap())), 4),
        127 => {
            let long = u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap());
            (usize::try_from(long).unwrap(), 10)
        }
        short => (usize::from(short), 2),
    };
    let payload = bytes.get(start..start + length)?;
    Some((first, payload.to_vec(), start + length))
}
