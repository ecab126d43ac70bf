//! Which process carries a command out: the one that owns the profile's vault, which may be this one.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use dunlin_client_native::vault::Vault;
use jiff::tz::TimeZone;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::args::Command;
use crate::commands;
use crate::failure::{DONE, Failure, Result};
use crate::output::Output;
use crate::owner::{self, Asked, Host, Request};
use crate::profile::{Profile, StoredLogin, Unlocking};
use crate::session::{Session, device_name};

/// How long an owner that does not take requests, for it begins or ends, is waited for.
const OWNER_TIME_MAX: Duration = Duration::from_secs(30);
/// How long an owner that is about to end is waited for.
const LEAVING_TIME_MAX: Duration = Duration::from_secs(3);
/// How often it is tried meanwhile.
const TRIED_EVERY: Duration = Duration::from_millis(10);

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
    let request = Request {
        device: device_name(login.device()?),
        arguments: std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect(),
        input: input.clone(),
        zone: TimeZone::system().iana_name().map(str::to_owned),
        has_person: out.can_ask(),
    };
    let follows = matches!(command, Command::Tail(_));
    let found = if command.needs_terminal() {
        become_owner(&profile, &login, out).await?
    } else {
        find_owner(&profile, &login, &request, follows, out).await?
    };
    match found {
        Owner::Other(code) => Ok(code),
        Owner::This(vault) => own(vault, profile, login, command, input, out).await.map(|()| DONE),
    }
}

enum Owner {
    /// Another process, which has carried the command out with this exit code.
    Other(u8),
    /// This one.
    This(Box<Vault>),
}

/// Has the owner carry the command out, or becomes the owner.
async fn find_owner(
    profile: &Profile,
    login: &StoredLogin,
    request: &Request,
    follows: bool,
    out: &mut Output,
) -> Result<Owner> {
    let device = login.device()?;
    let (socket, files) = (profile.socket(device), profile.device(device)?);
    let mut unlocking = Unlocking::default();
    let mut deadline = Instant::now() + OWNER_TIME_MAX;
    loop {
        match owner::ask(&socket, request, out).await {
            Ok(Asked::Done(code)) => return Ok(Owner::Other(code)),
            Ok(Asked::Again) => deadline = Instant::now() + OWNER_TIME_MAX,
            // What follows picks up where it was shown last, whatever became of the owner.
            Err(Failure::Interrupted) if follows => deadline = Instant::now() + OWNER_TIME_MAX,
            Ok(Asked::Nobody) => {}
            Err(failure) => return Err(failure),
        }
        if let Some(vault) = unlocking.open(&files, out).await? {
            return Ok(Owner::This(Box::new(vault)));
        }
        if Instant::now() >= deadline {
            return Err(Failure::Failed(
                "Another dunlin process uses this profile and does not answer. End it, and try again.".into(),
            ));
        }
        sleep(TRIED_EVERY).await;
    }
}

/// Becomes the owner, for what no other process can carry out.
async fn become_owner(profile: &Profile, login: &StoredLogin, out: &mut Output) -> Result<Owner> {
    let files = profile.device(login.device()?)?;
    let mut unlocking = Unlocking::default();
    let deadline = Instant::now() + LEAVING_TIME_MAX;
    loop {
        if let Some(vault) = unlocking.open(&files, out).await? {
            return Ok(Owner::This(Box::new(vault)));
        }
        if Instant::now() >= deadline {
            return Err(Failure::Failed(
                "Another dunlin process uses this profile, such as 'dunlin tail' or another 'dunlin chat'. End it \
                 first."
                    .into(),
            ));
        }
        sleep(TRIED_EVERY).await;
    }
}

/// Carries the command out, and those of guests meanwhile.
async fn own(
    vault: Box<Vault>,
    profile: Profile,
    login: StoredLogin,
    command: Command,
    input: Option<String>,
    out: &mut Output,
) -> Result {
    let socket = profile.socket(login.device()?);
    // Before anything else, so that others of this profile find somebody to ask. Where the path is too long for a
    // socket, they wait until this process has ended.
    let host = Host::listen(socket);
    let session = Rc::new(Session::open(profile, login, *vault)?);
    let (leave, leaving) = watch::channel(false);
    let follows = matches!(command, Command::Tail(_) | Command::Chat { .. });
    let ran = {
        let own = async {
            let mut ran = pin!(commands::run(&session, command, input, leaving, out));
            if !follows {
                return ran.await;
            }
            tokio::select! {
                ran = &mut ran => ran,
                _ = tokio::signal::ctrl_c() => {
                    leave.send_replace(true);
                    ran.await
                }
            }
        };
        match host {
            Ok(host) => host.serve(&session, own).await,
            Err(_) => own.await,
        }
    };
    for change in session.feed.take_notices() {
        if let Some(text) = session.change_line(&change) {
            out.note(&text).await;
        }
    }
    session.close().await;
    ran
}
