//! A way to a server that breaks, or stalls, after so many bytes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const MB: u64 = 1_000_000;
/// How often a connection that stalls looks whether it still does.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// When a way breaks.
#[derive(Default)]
pub(crate) struct Cuts {
    passed: AtomicU64,
    left: Mutex<Vec<u64>>,
    /// Bytes after which nothing passes; 0 for never.
    stalls_after: AtomicU64,
    stalled: AtomicBool,
}

impl Cuts {
    /// From now on, after these numbers of bytes; the largest comes first.
    pub(crate) fn after(&self, bytes: &[u64]) {
        let mut left = self.left.lock().unwrap();
        self.passed.store(0, Ordering::SeqCst);
        *left = bytes.to_vec();
    }

    /// From so many bytes on nothing passes, until [`Cuts::go_on`].
    pub(crate) fn stall_after(&self, bytes: u64) {
        self.stalls_after.store(bytes, Ordering::SeqCst);
    }

    pub(crate) fn go_on(&self) {
        self.stalls_after.store(0, Ordering::SeqCst);
    }

    /// Something has waited.
    pub(crate) fn has_stalled(&self) -> bool {
        self.stalled.load(Ordering::SeqCst)
    }

    fn is_now(&self, bytes: u64) -> bool {
        let passed = self.passed.fetch_add(bytes, Ordering::SeqCst) + bytes;
        loop {
            let end = self.stalls_after.load(Ordering::SeqCst);
            if end == 0 || passed < end {
                break;
            }
            self.stalled.store(true, Ordering::SeqCst);
            std::thread::sleep(LOOK_INTERVAL);
        }
        let mut left = self.left.lock().unwrap();
        let is_due = left.last().is_some_and(|due| *due <= passed);
        if is_due {
            left.pop();
        }
        is_due
    }

    pub(crate) fn all_made(&self) -> bool {
        self.left.lock().unwrap().is_empty()
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, cuts: &Cuts) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if cuts.is_now(count as u64) || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// The address of a way to this port that breaks.
pub(crate) fn unsteady(port: u16, cuts: &Arc<Cuts>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, cuts) = (listener.local_addr().unwrap(), Arc::clone(cuts));
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
            for (from, to) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server.try_clone().unwrap(), client.try_clone().unwrap()),
            ] {
                let cuts = Arc::clone(&cuts);
                std::thread::spawn(move || pass_on(from, to, &cuts));
            }
        }
    });
    format!("http://{address}")
}

/// Bytes that do not repeat (xorshift).
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
