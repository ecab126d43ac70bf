//! The server under load: one of our own in a temporary directory, or one that runs already.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::sync::oneshot;

/// How long a server may take to listen; opening a large store takes its time.
const LISTEN_WAIT: Duration = Duration::from_secs(60);
/// What the server prints once it listens, before its address.
pub(crate) const LISTENING: &str = "listening on http://";
/// Bytes of the server's last words that are shown when it fails.
const LAST_WORDS_BYTES: usize = 4_096;

/// A server process that ends with this value.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    log: PathBuf,
    listening: Option<oneshot::Receiver<SocketAddr>>,
}

impl ServerProcess {
    /// Starts `binary serve` on a free loopback port, with test accounts, on `data`.
    pub(crate) fn spawn(binary: &Path, data: &Path, log: PathBuf) -> anyhow::Result<Self> {
        let log_file = std::fs::File::options().create(true).append(true).open(&log)?;
        let mut child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--test-accounts", "--data-dir"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        let output = child.stdout.take().context("the server has no output")?;
        let (found, listening) = oneshot::channel();
        // The pipe is read to its end, or the server would wait for room in it.
        std::thread::spawn(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            let address = lines.find_map(|line| line.split_once(LISTENING)?.1.trim().parse().ok());
            if let Some(address) = address {
                let _: Result<(), SocketAddr> = found.send(address);
            }
            lines.for_each(drop);
        });
        Ok(Self { child, log, listening: Some(listening) })
    }

    /// Waits until the server listens.
    pub(crate) async fn address(&mut self) -> anyhow::Result<SocketAddr> {
        let listening = self.listening.take().context("the address was asked for twice")?;
        match tokio::time::timeout(LISTEN_WAIT, listening).await {
            Ok(Ok(address)) => Ok(address),
            Ok(Err(_)) => bail!("the server ended before it listened:\n{}", self.last_words()),
            Err(_) => bail!("the server did not listen within {LISTEN_WAIT:?}:\n{}", self.last_words()),
        }
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL: no clean-up, no flush.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().context("killing the server")?;
        self.child.wait().context("waiting for the killed server")?;
        Ok(())
    }

    /// The end of what the server logged.
    pub(crate) fn last_words(&self) -> String {
        let mut text = Vec::new();
        let read = std::fs::File::open(&self.log).and_then(|mut file| file.read_to_end(&mut text));
        match read {
            Ok(_) => {
                String::from_utf8_lossy(&text[text.len().saturating_sub(LAST_WORDS_BYTES)..]).into_owned()
            }
            Err(error) => format!("(its log could not be read: {error})"),
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.child.wait();
    }
}

/// The address in a URL such as `http://127.0.0.1:8080`.
pub(crate) fn address_of(url: &str) -> anyhow::Result<SocketAddr> {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("ws://"))
        .context("load speaks http:// and ws:// only, so that TLS is not what is measured")?;
    let authority = rest.split('/').next().unwrap_or(rest);
    let authority = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    authority.to_socket_addrs()?.next().with_context(|| format!("{authority} has no address"))
}

/// CPU time that a process has used, in user space and kernel, in all its threads.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("reading process {pid}"))?;
    let ticks = cpu_ticks(&stat).context("/proc/PID/stat has another form than proc(5) says")?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Ok(Duration::from_millis(ticks.saturating_mul(1_000) / per_second))
}

/// CPU time is known on Linux only.
#[cfg(not(target_os = "linux"))]
pub(crate) fn cpu_time(_pid: u32) -> anyhow::Result<Duration> {
    bail!("CPU time of another process is read from /proc, which only Linux has")
}

/// utime + stime, fields 14 and 15 of proc(5). The name in field 2 may hold anything, so count from its end.
#[cfg(target_os = "linux")]
fn cpu_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn cpu_ticks_are_found_behind_any_name() {
        let stat = "42 (a (odd) name) S 1 2 3 4 5 6 7 8 9 10 111 222 15 16";
        assert_eq!(cpu_ticks(stat), Some(333));
        assert!(cpu_time(std::process::id()).is_ok());
    }

    #[test]
    fn addresses_are_read_from_urls() {
        assert_eq!(address_of("http://127.0.0.1:81/x").unwrap().port(), 81);
        assert_eq!(address_of("ws://127.0.0.1").unwrap().port(), 80);
        assert!(address_of("https://127.0.0.1").is_err());
    }
}
