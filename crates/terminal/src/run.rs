//! Which process carries a command out: the one that owns the profile's vault, which may be this one.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use dunlin_client_native::vault::Vault;
use jiff::tz::TimeZone;
use tokio::signal::ctrl_c;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::args::{Command, TailArgs};
use crate::chat::needs_screen;
use crate::commands;
use crate::failure::{DONE, Failure, Result};
use crate::output::Output;
use crate::owner::{self, Asked, Host, Own, Request};
use crate::profile::{Profile, StoredLogin, Unlocking};
use crate::session::{Session, device_name};

/// How long an owner that does not take requests, for it begins or ends, is waited for.
const OWNER_TIME_MAX: Duration = Duration::from_secs(30);
/// How long the process that asked for the vault has to take it before the one that handed it over does again.
const HAND_OVER_TIME: Duration = Duration::from_secs(3);
/// How often it is tried meanwhile.
const TRIED_EVERY: Duration = Duration::from_millis(10);

/// A command on its way to the process that carries it out.
struct Errand {
    profile: Profile,
    login: StoredLogin,
    request: Request,
    unlocking: Unlocking,
}

/// Runs a command of the chat client. Gives the exit code.
pub(crate) async fn run(command: Command, out: &mut Output, profile: Profile) -> Result<u8> {
    let command = match command {
        Command::Login(args) => {
            return Box::pin(commands::login(out, profile, args)).await.map(|()| DONE);
        }
        command => command,
    };
    let login = profile.login()?;
    let input = commands::input_of(&command)?;
    if command.needs_terminal() {
        // Nobody is asked to hand over for what cannot run here.
        needs_screen(out)?;
    }
    let request = Request {
        device: device_name(login.device()?),
        arguments: std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect(),
        input: input.clone(),
        folder: std::env::current_dir().unwrap_or_default(),
        zone: TimeZone::system().iana_name().map(str::to_owned),
        has_person: out.can_ask(),
        hand_over: command.needs_terminal(),
    };
    let mut errand = Errand { profile, login, request, unlocking: Unlocking::default() };
    if let Command::Tail(args) = command {
        return errand.follow(args, out).await;
    }
    match errand.find_owner(false, None, out).await? {
        Owner::Other(code) => Ok(code),
        Owner::This(vault) => errand.own(vault, command, input, out).await.map(|_| DONE),
    }
}

enum Owner {
    /// Another process, which has carried the command out with this exit code.
    Other(u8),
    /// This one.
    This(Box<Vault>),
}

/// How a command of this process's own ended.
enum Ended {
    Done,
    /// Another process owns the vault from here on, and the command is to go on there.
    HandedOver,
}

impl Errand {
    /// Follows, here or in another process, whoever owns the vault by and by.
    async fn follow(&mut self, args: TailArgs, out: &mut Output) -> Result<u8> {
        let mut handed_over = None;
        loop {
            let was_owner = handed_over.is_some();
            let vault = tokio::select! {
                found = self.find_owner(true, handed_over, out) => match found? {
                    Owner::Other(code) => return Ok(code),
                    Owner::This(vault) => vault,
                },
                // An owner has taken the signal over, so that it does not end the process any more.
                _ = ctrl_c(), if was_owner => return Ok(DONE),
            };
            match self.own(vault, Command::Tail(args.clone()), None, out).await? {
                Ended::Done => return Ok(DONE),
                Ended::HandedOver => handed_over = Some(Instant::now()),
            }
        }
    }

    /// Has the owner carry the command out, or becomes the owner; not before who it was `handed_over` to could.
    async fn find_owner(
        &mut self,
        follows: bool,
        handed_over: Option<Instant>,
        out: &mut Output,
    ) -> Result<Owner> {
        let device = self.login.device()?;
        let (socket, files) = (self.profile.socket(device), self.profile.device(device)?);
        let mut deadline = Instant::now() + OWNER_TIME_MAX;
        let mut not_before = handed_over.map(|then| then + HAND_OVER_TIME);
        loop {
            match owner::ask(&socket, &self.request, out).await {
                Ok(Asked::Done(code)) => return Ok(Owner::Other(code)),
                Ok(Asked::Again) if follows => {
                    deadline = Instant::now() + OWNER_TIME_MAX;
                    not_before = None;
                }
                // What follows picks up where it was shown last, whatever became of the owner.
                Err(Failure::Interrupted) if follows => {
                    deadline = Instant::now() + OWNER_TIME_MAX;
                    not_before = None;
                }
                // Asking for the vault does nothing that could be done twice.
                Err(Failure::Interrupted) if self.request.hand_over => {}
                Ok(Asked::Again | Asked::Nobody) => {}
                Err(failure) => return Err(failure),
            }
            if not_before.is_none_or(|then| then <= Instant::now())
                && let Some(vault) = self.unlocking.open(&files, out).await?
            {
                return Ok(Owner::This(Box::new(vault)));
            }
            if Instant::now() >= deadline {
                let why = if self.request.hand_over { "is not ready to leave it" } else { "does not answer" };
                return Err(Failure::Failed(format!(
                    "Another dunlin process uses this profile and {why}. End it, and try again."
                )));
            }
            sleep(TRIED_EVERY).await;
        }
    }

    /// Carries the command out, and those of guests meanwhile.
    async fn own(
        &self,
        vault: Box<Vault>,
        command: Command,
        input: Option<String>,
        out: &mut Output,
    ) -> Result<Ended> {
        let (profile, login) = (self.profile.clone(), self.login.clone());
        let socket = profile.socket(login.device()?);
        // Before anything else, so that others of this profile find somebody to ask. Where the path is too long for a
        // socket, they wait until this process has ended.
        let host = Host::listen(socket);
        let session = Rc::new(Session::open(profile, login, *vault)?);
        let (leave, leaving) = watch::channel(false);
        let (kind, follows) = match &command {
            Command::Tail(TailArgs { once: false, .. }) => (Own::Follows(leave.clone()), true),
            Command::Tail(_) => (Own::Short, true),
            Command::Chat { .. } => (Own::Screen, true),
            _ => (Own::Short, false),
        };
        let interrupted = Cell::new(false);
        let ran = {
            let own = async {
                let mut ran = pin!(commands::run(&session, command, input, leaving, out));
                if !follows {
                    return ran.await;
                }
                tokio::select! {
                    ran = &mut ran => ran,
                    _ = ctrl_c() => {
                        interrupted.set(true);
                        leave.send_replace(true);
                        ran.await
                    }
                }
            };
            match host {
                Ok(host) => host.serve(&session, kind, own).await,
                Err(_) => own.await,
            }
        };
        for change in session.feed.take_notices() {
            if let Some(text) = session.change_line(&change) {
                out.note(&text).await;
            }
        }
        session.close().await;
        match ran {
            Err(Failure::Moved) if !interrupted.get() => Ok(Ended::HandedOver),
            ran => ran.map(|()| Ended::Done),
        }
    }
}
