//! Logging in and out.

use dunlin_client_native::types::{LoggedIn, Login, Profile as ProfileDocument};
use dunlin_client_native::{Api, ServerUrl};
use dunlin_model::ErrorCode;
use dunlin_model::account::Address;
use serde_json::json;

use crate::app::App;
use crate::args::LoginArgs;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::profile::{Profile, StoredLogin};

/// Where `dunlin serve` listens unless told otherwise.
const SERVER_DEFAULT: &str = "http://127.0.0.1:7700";
/// Tries at typing a code.
const CODE_TRIES_MAX: u32 = 3;

/// Logs in, registering who is new.
pub(super) async fn login(out: Output, profile: Profile, args: LoginArgs) -> Result {
    let before = profile.login().ok();
    let server: ServerUrl = args
        .server
        .or_else(|| before.as_ref().map(|login| login.server.clone()))
        .unwrap_or_else(|| SERVER_DEFAULT.to_owned())
        .parse()
        .map_err(|error: dunlin_client_native::ServerUrlError| Failure::Usage(format!("{error}.")))?;
    let address = match args.address {
        Some(address) => address,
        None => {
            out.ask("Your phone number or e-mail address", "Give it as in 'dunlin login ada@example.org'.")?
        }
    };
    let address =
        Address::parse(&address).map_err(|error| Failure::Usage(format!("'{address}' is {error}.")))?;
    let address = address.expose();
    let api = Api::new(server.clone()).map_err(|error| Failure::of_api(&server, &error))?;
    if args.code.is_none() {
        api.request_code(address).await.map_err(|error| Failure::of_api(&server, &error))?;
        let hint = "a server of your own that was set up without mail or SMS prints it in its log";
        out.note(&format!("A code was sent to {address} ({hint})."));
    }
    if args.request_code {
        return out.show(&json!({"codeSent": true}), || {
            format!("Log in with 'dunlin login {address} --server {server} --code CODE'.")
        });
    }
    let device_name = args.device_name.unwrap_or_else(device_name);
    let logged_in = enter(out, &api, address, &device_name, args.code).await?;
    let user = logged_in.credentials.user_id.clone();
    let device = logged_in.credentials.device;
    let login = StoredLogin {
        server: server.to_string(),
        address: address.to_owned(),
        credentials: logged_in.credentials,
    };
    profile.keep_login(&login)?;
    let app = App::open(out, profile)?;
    app.keep_name(args.name, logged_in.new_user).await?;
    app.learn_contacts().await?;
    let value = json!({
        "user": user, "device": device, "address": address, "server": server.to_string(),
        "newUser": logged_in.new_user,
    });
    out.show(&value, || {
        let greeting = if logged_in.new_user { "You are registered" } else { "You are logged in" };
        format!("{greeting} at {server} as {address}. Follow your chats with 'dunlin tail'.")
    })
}

async fn enter(
    out: Output,
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
            None => out.ask("Code", &format!("Give it as in 'dunlin login {address} --code CODE'."))?,
        };
        match api.login(&Login { address, code: code.trim(), device_name }).await {
            Err(error) if may_ask && tries_left > 0 && error.code() == Some(ErrorCode::WrongCode) => {
                out.note("That is not the code. Try once more.");
            }
            Err(error) => return Err(Failure::of_api(api.server(), &error)),
            Ok(logged_in) => return Ok(logged_in),
        }
    }
    Err(Failure::Failed("The code was wrong. Ask for a new one with 'dunlin login'.".into()))
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

impl App {
    /// Gives a new user a name, asking for it when there is someone to ask.
    async fn keep_name(&self, name: Option<String>, new_user: bool) -> Result {
        let token = self.token().await?;
        let mut profile = self.api.profile(&token).await.map_err(|error| self.api_failure(&error))?;
        let name = match name {
            None if new_user && profile.name.is_empty() && self.out.can_ask() => {
                self.out.ask("Your name, as others are to see it", "").ok()
            }
            name => name,
        };
        if let Some(name) = name.filter(|name| *name != profile.name) {
            profile.name = name;
            self.store_profile(&token, &profile).await?;
        }
        self.people.borrow_mut().person_mut(self.me()).name = profile.name;
        self.keep_people()
    }

    pub(super) async fn store_profile(&self, token: &str, profile: &ProfileDocument) -> Result {
        self.api.set_profile(token, profile).await.map_err(|error| self.api_failure(&error))
    }

    /// Logs this device out. When the server is out of reach only this machine forgets.
    pub(super) async fn log_out(&self) -> Result {
        let said = match self.token().await {
            Ok(token) => self.api.log_out(&token).await.map_err(|error| self.api_failure(&error)),
            Err(failure) => Err(failure),
        };
        self.profile.forget_login()?;
        match said {
            Ok(()) | Err(Failure::NotLoggedIn(_)) => self.done("You are logged out on this device."),
            Err(failure) => Err(Failure::Failed(format!(
                "This machine has forgotten the login, but the server was not told: {failure} Log the device out \
                 from another one with 'dunlin devices revoke'."
            ))),
        }
    }
}
