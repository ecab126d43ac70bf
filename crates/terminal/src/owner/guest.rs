//! A process that finds the vault owned: it asks the owner.

use std::path::Path;
#[cfg(unix)]
use std::{io::Read, net::Shutdown, time::Duration};

#[cfg(unix)]
use tokio::io::BufReader;
#[cfg(unix)]
use tokio::net::UnixStream;
#[cfg(unix)]
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
#[cfg(unix)]
use tokio::time::timeout;

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

/// How long the owner may take to accept a request.
#[cfg(unix)]
const ACCEPT_TIME_MAX: Duration = Duration::from_secs(10);

/// Asks the owner who listens at `socket`.
///
/// # Errors
/// When the owner does not accept in time, as one that is suspended or has no place free: it did not run, and will
/// not.
/// `Interrupted` when the owner ended in the middle; failures of this process's own output.
#[cfg(unix)]
pub(crate) async fn ask(socket: &Path, request: &Request, out: &mut Output) -> Result<Asked> {
    ask_within(ACCEPT_TIME_MAX, socket, request, out).await
}

#[cfg(unix)]
async fn ask_within(limit: Duration, socket: &Path, request: &Request, out: &mut Output) -> Result<Asked> {
    let Ok(stream) = UnixStream::connect(socket).await else { return Ok(Asked::Nobody) };
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from);
    let mut is_full = false;
    let accepting = async {
        write(&mut to, request).await.ok()?;
        loop {
            match read(&mut from).await.ok().flatten() {
                Some(Said::Full) => is_full = true,
                said => return said,
            }
        }
    };
    match timeout(limit, accepting).await {
        Ok(Some(Said::Accepted)) => {}
        Ok(_) => return Ok(Asked::Nobody),
        Err(_) => return Err(withdraw(from, to, is_full)),
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
            Ok(Some(Said::Accepted | Said::Full) | None) | Err(_) => return Err(Failure::Interrupted),
        }
    }
}

/// Takes a request back that was not accepted in time.
#[cfg(unix)]
fn withdraw(from: BufReader<OwnedReadHalf>, to: OwnedWriteHalf, is_full: bool) -> Failure {
    let stream = from.into_inner().reunite(to).ok().and_then(|stream| stream.into_std().ok());
    let was_accepted = stream.is_some_and(|mut stream| {
        // From here on the owner cannot accept any more; it may have in the last moment.
        let _ = stream.shutdown(Shutdown::Both);
        stream.read(&mut [0]).is_ok_and(|length| length > 0)
    });
    if was_accepted {
        return Failure::Interrupted;
    }
    let why = if is_full {
        "carries out as many commands as it can at a time. End one, such as a 'dunlin tail', and try again."
    } else {
        "does not answer: it may be suspended ('fg' continues it)."
    };
    Failure::Failed(format!("The dunlin process that uses this profile {why}"))
}

/// There are no guests without Unix sockets.
#[cfg(not(unix))]
#[expect(clippy::unused_async, reason = "it is where it can ask")]
pub(crate) async fn ask(_: &Path, _: &Request, _: &mut Output) -> Result<Asked> {
    Ok(Asked::Nobody)
}

#[cfg(all(test, unix))]
mod tests {
    use std::path::PathBuf;

    use tokio::net::UnixListener;

    use super::*;

    fn request() -> Request {
        Request {
            device: "ada-1".into(),
            arguments: vec!["send".into()],
            input: None,
            zone: None,
            has_person: false,
            folder: PathBuf::new(),
            hand_over: false,
        }
    }

    #[tokio::test]
    async fn who_finds_no_place_free_is_told_so_and_not_that_the_owner_is_suspended() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let owner = UnixListener::bind(&socket).unwrap();
        let mut out = Output::terminal(true);
        let (request, full) = (request(), async {
            let (from, mut to) = owner.accept().await.unwrap().0.into_split();
            write(&mut to, &Said::Full).await.unwrap();
            (from, to)
        });
        let asking = ask_within(Duration::from_millis(200), &socket, &request, &mut out);
        let (asked, _owner) = tokio::join!(asking, full);
        let Err(Failure::Failed(why)) = asked else { panic!("it waits, or tries again") };
        assert!(why.contains("End one") && !why.contains("suspended"), "{why}");
    }

    #[tokio::test]
    async fn a_request_that_a_suspended_owner_does_not_take_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        // It listens, as one that is stopped still does, and accepts nobody.
        let owner = UnixListener::bind(&socket).unwrap();
        let request = request();
        let mut out = Output::terminal(true);
        let asked = ask_within(Duration::from_millis(50), &socket, &request, &mut out).await;
        let Err(Failure::Failed(why)) = asked else { panic!("it waits, or tries again") };
        assert!(why.contains("suspended"), "{why}");
        // When the owner goes on it still reads the request, but cannot accept it, and so does not run it.
        let (from, mut to) = owner.accept().await.unwrap().0.into_split();
        let read: Option<Request> = read(&mut BufReader::new(from)).await.unwrap();
        assert_eq!(read.unwrap().arguments, ["send"]);
        assert!(write(&mut to, &Said::Accepted).await.is_err());
    }
}
