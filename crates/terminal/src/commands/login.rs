//! Logging in and out.

mod linking;

use std::rc::Rc;
use std::sync::Arc;

use dunlin_client::{Account, Chat};
use dunlin_client_native::device::{Device, account_in, account_under};
use dunlin_client_native::identity::{new_account, revoke_others};
use dunlin_client_native::linking::{Linking, other_devices};
use dunlin_client_native::types::{LoggedIn, Login, Profile as ProfileDocument};
use dunlin_client_native::{Api, ServerUrl, SystemClock, SystemRandomness};
use dunlin_model::account::Address;
use dunlin_model::{Clock, ErrorCode, IdentityKey};
use serde_json::json;

use crate::args::LoginArgs;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::profile::{DeviceFiles, DeviceTokens, Profile, StoredLogin, Unlocking};
use crate::session::{NO_WAIT, Session, device_options};

/// Where `dunlin serve` listens unless told otherwise.
const SERVER_DEFAULT: &str = "http://127.0.0.1:7700";
/// Tries at typing a code.
const CODE_TRIES_MAX: u32 = 3;

/// Logs in, registering who is new, and makes this device's keys.
pub(crate) async fn login(out: &mut Output, profile: Profile, args: LoginArgs) -> Result {
    let server = server_of(&profile, args.server.as_deref())?;
    let address = address_of(out, args.address.as_deref()).await?;
    let address = address.expose();
    let api = Api::new(server.clone()).map_err(|error| Failure::of_api(&server, &error))?;
    if args.code.is_none() {
        api.request_code(address).await.map_err(|error| Failure::of_api(&server, &error))?;
        let hint = "a server of your own that was set up without mail or SMS prints it in its log";
        out.note(&format!("A code was sent to {address} ({hint}).")).await;
    }
    if args.request_code {
        return out
            .show(&json!({"codeSent": true}), || {
                format!("Log in with 'dunlin login {address} --server {server} --code CODE'.")
            })
            .await;
    }
    let device_name = args.device_name.clone().unwrap_or_else(device_name);
    let logged_in = enter(out, &api, address, &device_name, args.code.clone()).await?;
    let new = NewLogin {
        login: StoredLogin {
            server: server.to_string(),
            address: address.to_owned(),
            user_id: logged_in.credentials.user_id.clone(),
            device: logged_in.credentials.device,
        },
        logged_in,
        profile,
        api,
        server,
    };
    match Box::pin(new.begin(out, &args)).await {
        Ok(session) => {
            let session = Rc::new(session);
            let told = new.welcome(out, &session, args.name).await;
            session.close().await;
            told
        }
        Err(failure) => {
            // A device without keys is of no use to anybody, nor is its empty vault.
            let _ = new.api.log_out(&new.logged_in.credentials.access_token).await;
            if let Ok(device) = new.login.device() {
                new.profile.forget_device(device);
            }
            Err(failure)
        }
    }
}

fn server_of(profile: &Profile, given: Option<&str>) -> Result<ServerUrl> {
    let before = profile.login().ok();
    given
        .or(before.as_ref().map(|login| login.server.as_str()))
        .unwrap_or(SERVER_DEFAULT)
        .parse()
        .map_err(|error: dunlin_client_native::ServerUrlError| Failure::Usage(format!("{error}.")))
}

async fn address_of(out: &mut Output, given: Option<&str>) -> Result<Address> {
    let address = match given {
        Some(address) => address.to_owned(),
        None => {
            let instead = "Give it as in 'dunlin login ada@example.org'.";
            out.ask("Your phone number or e-mail address", instead).await?
        }
    };
    Address::parse(&address).map_err(|error| Failure::Usage(format!("'{address}' is {error}.")))
}

async fn enter(
    out: &mut Output,
    api: &Api,
    address: &str,
    device_name: &str,
    code: Option<String>,
) -> Result<LoggedIn> {
    let may_ask = code.is_none();
    let mut next = code;
    for tries_left in (0..CODE_TRIES_MAX).rev() {
        let code = match next.take() {
            Some(code) => code,
            None => out.ask("Code", &format!("Give it as in 'dunlin login {address} --code CODE'.")).await?,
        };
        match api.login(&Login { address, code: code.trim(), device_name }).await {
            Err(error) if may_ask && tries_left > 0 && error.code() == Some(ErrorCode::WrongCode) => {
                out.note("That is not the code. Try once more.").await;
            }
            Err(error) => return Err(Failure::of_api(api.server(), &error)),
            Ok(logged_in) => return Ok(logged_in),
        }
    }
    Err(Failure::Failed("The code was wrong. Ask for a new one with 'dunlin login'.".into()))
}

/// A device that has just logged in and has no keys yet.
struct NewLogin {
    login: StoredLogin,
    logged_in: LoggedIn,
    profile: Profile,
    api: Api,
    server: ServerUrl,
}

impl NewLogin {
    /// Makes the device's vault and keys, keeps the login, and starts the device.
    async fn begin(&self, out: &mut Output, args: &LoginArgs) -> Result<Session> {
        let device = self.login.device()?;
        let files = self.profile.device(device)?;
        files.keep_credentials(&self.logged_in.credentials)?;
        let mut unlocking = Unlocking::default();
        // First, for it may ask for a passphrase: what is typed while a device is being linked answers that.
        let vault = unlocking.create(&files, args.unlock, out).await?;
        let account = Box::pin(self.account(out, &files, &mut unlocking, args.new_identity)).await?;
        let session = Session::start(self.profile.clone(), self.login.clone(), |options| {
            Device::create(vault, account, options)
        })?;
        // From here on this is the profile's device.
        self.profile.keep_login(&self.login)?;
        Ok(session)
    }

    /// The device's keys: under the person's identity where it can be had, else under a new one.
    async fn account(
        &self,
        out: &mut Output,
        files: &DeviceFiles,
        unlocking: &mut Unlocking,
        begin_anew: bool,
    ) -> Result<Account> {
        let device = files.device();
        let (randomness, now) = (SystemRandomness, SystemClock::default().now());
        let token = &self.logged_in.credentials.access_token;
        if self.logged_in.new_user {
            return Ok(new_account(device, &randomness, now));
        }
        if begin_anew {
            confirm_new(out).await?;
            revoke_others(&self.api, token).await.map_err(|error| Failure::of_api(&self.server, &error))?;
            return Ok(new_account(device, &randomness, now));
        }
        let tokens = Arc::new(DeviceTokens::new(files.clone(), self.api.clone()));
        let options = device_options(self.server.clone(), self.api.clone(), tokens);
        let others = other_devices(device, &options).await.map_err(|failure| self.not_linked(&failure))?;
        for before in self.profile.devices_before(device) {
            let vault = unlocking.open(&before, out).await.ok().flatten();
            let Some(identity) = vault.and_then(|vault| account_in(&vault)?.identity()) else { continue };
            // It may have been replaced meanwhile, with --new-identity elsewhere: the server takes no second one.
            let public = IdentityKey(identity.verifying_key().to_bytes());
            if others.iter().all(|other| other.identity == public) {
                return Ok(account_under(&identity, device, &randomness, now));
            }
        }
        if others.is_empty() {
            out.note(
                "No other device of yours is left, so this one begins with new keys. Those you write with are told, \
                 and earlier messages cannot be read here.",
            )
            .await;
            return Ok(new_account(device, &randomness, now));
        }
        Box::pin(self.be_linked(out, Linking::begin(device, options))).await
    }

    /// Waits until others can write to the device, and says that all is well.
    async fn welcome(&self, out: &mut Output, session: &Session, name: Option<String>) -> Result {
        session.keep_name(out, name, self.logged_in.new_user).await?;
        session.learn_contacts().await?;
        tokio::select! {
            announced = session.until(|client| client.account().is_announced()) => announced?,
            refusal = session.feed.certificate_refused() => {
                return Err(Failure::Failed(session.change_line(&refusal).unwrap_or_default()));
            }
        }
        if !self.logged_in.new_user {
            session.enter_chats(out).await;
        }
        let StoredLogin { address, server, user_id, device } = &self.login;
        let value = json!({
            "user": user_id, "device": device, "address": address, "server": server,
            "newUser": self.logged_in.new_user,
        });
        let greeting = if self.logged_in.new_user { "You are registered" } else { "You are logged in" };
        out.show(&value, || {
            format!("{greeting} at {server} as {address}. Follow your chats with 'dunlin tail'.")
        })
        .await
    }
}

async fn confirm_new(out: &mut Output) -> Result {
    out.note(
        "With --new-identity this device begins with new keys. Everyone you write with is told that your keys have \
         changed, earlier messages cannot be read here, and your other devices are logged out. Link this device with \
         another one of yours instead, if you have one.",
    )
    .await;
    // Where nobody can be asked, the option itself says so.
    if out.can_ask() && out.ask("Type 'new' to go on", "").await? != "new" {
        return Err(Failure::Failed("Nothing was changed.".into()));
    }
    Ok(())
}

/// What others know this machine by.
fn device_name() -> String {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let host = set("HOSTNAME").or_else(|| set("COMPUTERNAME")).or_else(|| {
        let text = std::fs::read_to_string("/etc/hostname").ok()?;
        Some(text.trim().to_owned()).filter(|name| !name.is_empty())
    });
    host.map_or_else(|| "terminal".to_owned(), |host| format!("terminal on {host}"))
}

impl Session {
    /// Gives a new user a name, asking for it when there is someone to ask.
    async fn keep_name(&self, out: &mut Output, name: Option<String>, new_user: bool) -> Result {
        let token = self.token().await?;
        let mut profile = self.api.profile(&token).await.map_err(|error| self.api_failure(&error))?;
        let name = match name {
            None if new_user && profile.name.is_empty() && out.can_ask() => {
                out.ask("Your name, as others are to see it", "").await.ok()
            }
            name => name,
        };
        if let Some(name) = name.filter(|name| *name != profile.name) {
            profile.name = name;
            self.store_profile(&token, &profile).await?;
        }
        self.people.borrow_mut().person_mut(self.me()).name = profile.name;
        self.keep_people().await
    }

    /// Waits until the device has the keys of the chats that were there before it: what is written from then on it reads.
    async fn enter_chats(&self, out: &mut Output) {
        let me = self.device_id();
        let has_keys = move |chat: &Chat| {
            let state = &chat.state;
            let has_group = chat.is_encrypted() && state.keys.suite.is_some();
            !has_group || state.role(me.user).is_none() || state.keys.devices.contains_key(&me)
        };
        let entered = async {
            self.catch_up(NO_WAIT).await?;
            self.until(move |client| client.chats().all(|(_, chat)| !chat.is_behind() && has_keys(chat)))
                .await
        };
        if entered.await.is_err() {
            out.note(
                "This device does not have the keys of all your chats yet. It gets them when it is online.",
            )
            .await;
        }
    }

    pub(super) async fn store_profile(&self, token: &str, profile: &ProfileDocument) -> Result {
        self.api.set_profile(token, profile).await.map_err(|error| self.api_failure(&error))
    }

    /// Logs this device out. When the server is out of reach only this machine forgets.
    pub(super) async fn log_out(&self, out: &mut Output) -> Result {
        let said = match self.token().await {
            Ok(token) => self.api.log_out(&token).await.map_err(|error| self.api_failure(&error)),
            Err(failure) => Err(failure),
        };
        self.profile.forget_login()?;
        match said {
            Ok(()) | Err(Failure::NotLoggedIn(_)) => out.done("You are logged out on this device.").await,
            Err(failure) => Err(Failure::Failed(format!(
                "This machine has forgotten the login, but the server was not told: {failure} Log the device out \
                 from another one with 'dunlin devices revoke'."
            ))),
        }
    }
}
