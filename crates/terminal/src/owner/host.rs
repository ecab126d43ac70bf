//! The owner: takes requests of guests until it leaves, and leaves only when they are answered.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Own;
use super::line::GuestLine;
use super::protocol::{Answer, Request, Said, read, write};
use crate::args::CommandLine;
use crate::commands;
use crate::failure::{DONE, Failure};
use crate::output::Output;
use crate::session::Session;

/// Guests served at a time; others wait for a place, and are told so.
const GUESTS_MAX: usize = 64;
/// Guests that wait for a place, at most; yet others wait to be accepted.
const WAITING_MAX: usize = 64;
/// How long the answers of guests may take when the owner leaves.
const LEAVE_TIME_MAX: Duration = Duration::from_secs(60);
/// Answers of a guest's person that may wait.
const ANSWERS_MAX: usize = 4;

/// Listens for guests.
pub(crate) struct Host {
    socket: PathBuf,
    listener: UnixListener,
    user: u32,
    leaving: watch::Sender<bool>,
}

impl Host {
    /// Begins to listen at `socket`. The vault must be owned: its owner alone makes and removes the socket.
    ///
    /// # Errors
    /// When the path is too long for a socket, or the file system has none.
    pub(crate) fn listen(socket: PathBuf) -> io::Result<Self> {
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&socket)?;
        // The directory is private already; this is for whoever opens it up.
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o600))?;
        let user = fs::metadata(&socket)?.uid();
        Ok(Self { socket, listener, user, leaving: watch::Sender::new(false) })
    }

    /// Serves guests while `own`, which is a command of this kind, runs; then leaves, when those whose requests were
    /// accepted have their answers. Gives what `own` came to.
    pub(crate) async fn serve<T>(self, session: &Rc<Session>, kind: Own, own: impl Future<Output = T>) -> T {
        let (kind, places) = (Rc::new(kind), Rc::new(Semaphore::new(GUESTS_MAX)));
        let mut guests = JoinSet::new();
        let mut own = std::pin::pin!(own);
        let done = loop {
            tokio::select! {
                // A guest is taken before the own end is seen, so that fewer have to try again.
                biased;
                Ok((stream, _)) = self.listener.accept(), if guests.len() < GUESTS_MAX + WAITING_MAX => {
                    if is_own_user(&stream, self.user) {
                        let own = Rc::clone(&kind);
                        let places = Rc::clone(&places);
                        guests.spawn_local(serve(Rc::clone(session), own, places, stream, self.leaving.subscribe()));
                    }
                }
                done = &mut own => break done,
                Some(_) = guests.join_next() => {}
            }
        };
        self.leave(guests).await;
        done
    }

    /// The socket goes first, so that nobody who comes later is in doubt about whom they reached.
    async fn leave(self, mut guests: JoinSet<()>) {
        let Self { socket, listener, leaving, .. } = self;
        remove(&socket);
        drop(listener);
        leaving.send_replace(true);
        tokio::select! {
            () = async { while guests.join_next().await.is_some() {} } => {}
            // A guest may not be reading, as when its pager is left open.
            () = sleep(LEAVE_TIME_MAX) => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        guests.shutdown().await;
    }
}

fn remove(socket: &Path) {
    // The next owner removes what is left.
    let _ = fs::remove_file(socket);
}

fn is_own_user(stream: &UnixStream, user: u32) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == user)
}

/// Serves one guest. Ends when the guest does.
async fn serve(
    session: Rc<Session>,
    own: Rc<Own>,
    places: Rc<Semaphore>,
    stream: UnixStream,
    mut leaving: watch::Receiver<bool>,
) {
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from);
    let request = tokio::select! {
        biased;
        // Not accepted, so it runs elsewhere.
        _ = leaving.wait_for(|leaving| *leaving) => return,
        request = read::<Request>(&mut from) => request,
    };
    let Ok(Some(request)) = request else { return };
    if request.device != session.device_name() {
        return;
    }
    // Handing over takes no place: it is how a place becomes free.
    let _place = if request.hand_over {
        None
    } else {
        match place(&places, &mut from, &mut to, &mut leaving).await {
            Some(place) => Some(place),
            None => return,
        }
    };
    let (said, answers) = mpsc::channel(ANSWERS_MAX);
    let mut line = GuestLine::new(Box::new(to), answers, request.has_person);
    if line.say(&Said::Accepted).await.is_err() {
        return;
    }
    if request.hand_over {
        let answer = own.hand_over();
        let mut out = Output::guest(false, None, line);
        out.failure(&answer).await;
        return out.end(Err(&answer)).await;
    }
    tokio::select! {
        () = carry_out(&session, request, line, leaving) => {}
        () = hear(from, said) => {}
    }
}

/// Waits for a place. `None` when the guest is gone meanwhile, or the owner leaves.
async fn place<'a>(
    places: &'a Semaphore,
    from: &mut BufReader<OwnedReadHalf>,
    to: &mut OwnedWriteHalf,
    leaving: &mut watch::Receiver<bool>,
) -> Option<SemaphorePermit<'a>> {
    if let Ok(place) = places.try_acquire() {
        return Some(place);
    }
    write(to, &Said::Full).await.ok()?;
    tokio::select! {
        biased;
        _ = leaving.wait_for(|leaving| *leaving) => None,
        // A guest says nothing before it is accepted: this is its end.
        _ = from.fill_buf() => None,
        place = places.acquire() => place.ok(),
    }
}

async fn carry_out(session: &Rc<Session>, request: Request, line: GuestLine, leaving: watch::Receiver<bool>) {
    let arguments = std::iter::once("dunlin".to_owned()).chain(request.arguments);
    let CommandLine { globals, command } = match CommandLine::try_parse_from(arguments) {
        Ok(typed) => typed,
        Err(error) => {
            // It was understood by the guest: the two are not of the same version.
            let mut out = Output::guest(false, None, line);
            out.failure(&Failure::Usage(error.to_string())).await;
            return out.end(Err(&Failure::Usage(String::new()))).await;
        }
    };
    let mut out = Output::guest(globals.json, request.zone.as_deref(), line);
    let command = command.within(&request.folder);
    let ran = Box::pin(commands::run(session, command, request.input, leaving, &mut out)).await;
    if let Err(failure) = &ran {
        out.failure(failure).await;
    }
    out.end(ran.as_ref().map(|()| DONE)).await;
}

/// Hears what the guest's person answers, until the guest is gone.
async fn hear(mut from: BufReader<OwnedReadHalf>, said: mpsc::Sender<Answer>) {
    while let Ok(Some(answer)) = read::<Answer>(&mut from).await {
        if said.send(answer).await.is_err() {
            break;
        }
    }
}
