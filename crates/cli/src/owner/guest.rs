//! A process that finds the vault owned: it asks the owner.

#[cfg(unix)]
use tokio::io::BufReader;
#[cfg(unix)]
use tokio::net::UnixStream;

#[cfg(unix)]
use super::protocol::{Answer, Said, read, write};
use crate::failure::{Failure, Result};
use crate::output::Output;
#[cfg(unix)]
use crate::output::answer;

pub(crate) use super::protocol::Request;

/// What became of a request.
pub(crate) enum Asked {
    /// It was carried out, with this exit code; the owner told the rest.
    Done(u8),
    /// Nobody accepted it: it did not run.
    Nobody,
    /// It ran and is to be begun again, since the owner left.
    Again,
}

/// Asks the owner who listens at `socket`.
///
/// # Errors
/// `Interrupted` when the owner ended in the middle; failures of this process's own output.
#[cfg(unix)]
pub(crate) async fn ask(socket: &std::path::Path, request: &Request, out: &mut Output) -> Result<Asked> {
    let Ok(stream) = UnixStream::connect(socket).await else { return Ok(Asked::Nobody) };
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from);
    if write(&mut to, request).await.is_err() {
        return Ok(Asked::Nobody);
    }
    match read(&mut from).await {
        Ok(Some(Said::Accepted)) => {}
        _ => return Ok(Asked::Nobody),
    }
    loop {
        match read(&mut from).await {
            Ok(Some(Said::Line(line))) => out.line(&line).await?,
            Ok(Some(Said::Note(text))) => out.note(&text).await,
            Ok(Some(Said::Ask { question, secret })) => {
                let said = Answer(answer(&question, secret).await);
                write(&mut to, &said).await.map_err(|_| Failure::Interrupted)?;
            }
            Ok(Some(Said::End(code))) => return Ok(Asked::Done(code)),
            Ok(Some(Said::Again)) => return Ok(Asked::Again),
            Ok(Some(Said::Accepted) | None) | Err(_) => return Err(Failure::Interrupted),
        }
    }
}

/// There are no guests without Unix sockets.
#[cfg(not(unix))]
#[expect(clippy::unused_async, reason = "it is where it can ask")]
pub(crate) async fn ask(_: &std::path::Path, _: &Request, _: &mut Output) -> Result<Asked> {
    Ok(Asked::Nobody)
}
