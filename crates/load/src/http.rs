//! Just enough HTTP/1.1: one POST, and the upgrade to WebSocket.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of the head of an answer to an upgrade.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The accepting hash is not checked: a load client trusts the server it was pointed at.
const WEBSOCKET_KEY: &str = "ZHVubGluIGxvYWQgdGVzdA==";

/// Posts JSON and returns the status and body of the answer.
pub(crate) async fn post_json(address: SocketAddr, path: &str, body: &str) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    let answer = String::from_utf8(answer).context("the answer is not text")?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    ensure!(
        !head.to_ascii_lowercase().contains("transfer-encoding: chunked"),
        "the answer is in chunks, which this client does not read"
    );
    Ok((status(head)?, body.to_owned()))
}

/// Connects and upgrades. Returns the stream and what the server sent right behind its answer.
pub(crate) async fn open_websocket(address: SocketAddr, token: &str) -> anyhow::Result<(TcpStream, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {WEBSOCKET_KEY}\r\n\
         Sec-WebSocket-Protocol: dunlin.v1.proto\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(512);
    loop {
        if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = answer.split_off(end + 4);
            let head = String::from_utf8_lossy(&answer);
            let status = status(&head)?;
            ensure!(status == 101, "the server answered {status} to the upgrade");
            return Ok((stream, rest));
        }
        ensure!(answer.len() < HEAD_BYTES_MAX, "the answer to the upgrade has no end");
        if stream.read_buf(&mut answer).await? == 0 {
            bail!("the server closed the connection instead of upgrading it");
        }
    }
}

fn status(head: &str) -> anyhow::Result<u16> {
    let code =
        head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).context("not an HTTP/1.1 answer")?;
    code.parse().context("not an HTTP status")
}
