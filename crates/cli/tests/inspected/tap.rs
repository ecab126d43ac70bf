//! A proxy between clients and the server that keeps every byte of both directions.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const HEAD_END: &[u8] = b"\r\n\r\n";
const MASK_BYTES: usize = 4;
/// Lengths that RFC 6455 section 5.2 writes in two and in eight further bytes.
const LENGTH_IN_2: u8 = 126;
const LENGTH_IN_8: u8 = 127;

type Kept = Arc<Mutex<Vec<u8>>>;

/// One connection.
#[derive(Default, Clone)]
struct Flow {
    up: Kept,
    down: Kept,
}

/// The proxy. It ends with the test's runtime.
pub(crate) struct Tap {
    port: u16,
    flows: Arc<Mutex<Vec<Flow>>>,
}

/// What passed, taken apart.
#[derive(Default)]
pub(crate) struct Wire {
    /// As it was sent by clients, masked frames included.
    pub(crate) raw_up: Vec<u8>,
    /// As it was sent by the server.
    pub(crate) raw_down: Vec<u8>,
    /// The payloads of the frames that clients sent, unmasked.
    pub(crate) frames_up: Vec<u8>,
    /// The payloads of the frames that the server sent.
    pub(crate) frames_down: Vec<u8>,
}

impl Tap {
    /// Stands before the server at this port.
    pub(crate) async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let flows = Arc::<Mutex<Vec<Flow>>>::default();
        let all = Arc::clone(&flows);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // While the server is away its clients find nobody, as they would without a proxy.
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { continue };
                let flow = Flow::default();
                all.lock().unwrap().push(flow.clone());
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(copy(from_client, to_server, flow.up));
                tokio::spawn(copy(from_server, to_client, flow.down));
            }
        });
        Self { port, flows }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All that passed so far.
    pub(crate) fn wire(&self) -> Wire {
        let mut wire = Wire::default();
        for flow in &*self.flows.lock().unwrap() {
            let (up, down) = (flow.up.lock().unwrap(), flow.down.lock().unwrap());
            wire.raw_up.extend_from_slice(&up);
            wire.raw_down.extend_from_slice(&down);
            if holds_ignoring_case(head_of(&up), b"upgrade: websocket") {
                wire.frames_up.extend(payloads(after_head(&up)));
                wire.frames_down.extend(payloads(after_head(&down)));
            }
        }
        wire
    }
}

/// Keeps before it passes on, so that nothing arrives that is not kept.
async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, kept: Kept) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        kept.lock().unwrap().extend_from_slice(&buffer[..count]);
        if to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    // The other side may have gone first.
    let _ = to.shutdown().await;
}

fn head_end(bytes: &[u8]) -> usize {
    let end = bytes.windows(HEAD_END.len()).position(|window| window == HEAD_END);
    end.map_or(bytes.len(), |at| at + HEAD_END.len())
}

fn head_of(bytes: &[u8]) -> &[u8] {
    &bytes[..head_end(bytes)]
}

fn after_head(bytes: &[u8]) -> &[u8] {
    &bytes[head_end(bytes)..]
}

pub(crate) fn holds_ignoring_case(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text))
}

/// The payloads of all frames, one after the other, so that a message in several frames is whole. A frame that was
/// cut off with its connection is taken as far as it goes.
fn payloads(mut bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some((payload, rest)) = next_frame(bytes) {
        all.extend(payload);
        bytes = rest;
    }
    all
}

fn next_frame(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (_, rest) = bytes.split_first()?;
    let (second, rest) = rest.split_first()?;
    let (length, rest) = match second & 0x7f {
        LENGTH_IN_2 => {
            rest.split_first_chunk().map(|(long, rest)| (u64::from(u16::from_be_bytes(*long)), rest))
        }
        LENGTH_IN_8 => rest.split_first_chunk().map(|(long, rest)| (u64::from_be_bytes(*long), rest)),
        short => Some((u64::from(short), rest)),
    }?;
    let (mask, rest) = if second & 0x80 == 0 {
        ([0; MASK_BYTES], rest)
    } else {
        rest.split_first_chunk().map(|(mask, rest)| (*mask, rest))?
    };
    let (payload, rest) = rest.split_at(rest.len().min(usize::try_from(length).unwrap()));
    Some((payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect(), rest))
}
