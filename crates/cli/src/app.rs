//! What commands share: the profile, the server, names.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use dunlin_client_native::types::FoundUser;
use dunlin_client_native::{
    Api, ApiError, Connection, ConnectionOptions, Push, Pushes, ServerUrl, SystemClock, Tokens,
};
use dunlin_model::{Clock, DeviceId, ErrorCode, Timestamp, UserId};
use dunlin_wire::{Command, Outcome};
use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::profile::{DeviceFiles, People, Profile, ProfileTokens, StoredLogin};

/// How long a name is used before it is asked for again.
const NAME_FRESH: Duration = Duration::from_secs(24 * 60 * 60);
/// Names asked for at a time.
const NAMES_AT_ONCE: usize = 8;
/// Names asked for in one command; others are shown as known.
const NAMES_PER_COMMAND_MAX: usize = 256;

/// A command's surroundings, for someone who is logged in.
pub(crate) struct App {
    pub(crate) out: Output,
    pub(crate) profile: Profile,
    pub(crate) login: StoredLogin,
    pub(crate) server: ServerUrl,
    pub(crate) device: DeviceId,
    pub(crate) files: DeviceFiles,
    pub(crate) api: Api,
    pub(crate) tokens: Arc<ProfileTokens>,
    pub(crate) people: RefCell<People>,
    clock: SystemClock,
}

impl App {
    /// Opens the profile of someone who is logged in.
    pub(crate) fn open(out: Output, profile: Profile) -> Result<Self> {
        let login = profile.login()?;
        let server = login.server()?;
        let device = login.device()?;
        let files = profile.device(device)?;
        let api = Api::new(server.clone()).map_err(|error| Failure::of_api(&server, &error))?;
        let tokens = Arc::new(ProfileTokens::new(profile.clone(), api.clone()));
        let people = RefCell::new(files.people());
        Ok(Self {
            out,
            profile,
            login,
            server,
            device,
            files,
            api,
            tokens,
            people,
            clock: SystemClock::default(),
        })
    }

    /// The user.
    pub(crate) fn me(&self) -> UserId {
        self.device.user
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An access token.
    pub(crate) async fn token(&self) -> Result<String> {
        self.tokens.access_token(None).await.map_err(|error| Failure::of_token(&self.server, &error))
    }

    /// The failure of a REST request.
    pub(crate) fn api_failure(&self, error: &ApiError) -> Failure {
        Failure::of_api(&self.server, error)
    }

    /// How to connect.
    pub(crate) fn connection_options(&self) -> ConnectionOptions {
        ConnectionOptions::new(self.server.clone(), Arc::clone(&self.tokens) as Arc<dyn Tokens>)
    }

    /// A connection that is up, for requests only. Tries for as long as `wait`, at least once.
    pub(crate) async fn connect(&self, wait: Duration) -> Result<Connection> {
        let (connection, mut pushes) = Connection::open(self.connection_options());
        self.await_online(&mut pushes, wait).await?;
        // What is pushed is of no interest here, but the stream must not fill up.
        tokio::spawn(async move { while pushes.next().await.is_some() {} });
        Ok(connection)
    }

    async fn await_online(&self, pushes: &mut Pushes, wait: Duration) -> Result {
        let deadline = Instant::now() + wait;
        let mut reason = "it does not answer".to_owned();
        let mut tried = false;
        loop {
            // The first attempt has its own time-out.
            let push =
                if tried { timeout_at(deadline, pushes.next()).await } else { Ok(pushes.next().await) };
            match push {
                Ok(Some(Push::Online(_))) => return Ok(()),
                Ok(Some(Push::Offline { why, retry_in })) => {
                    reason = why.trim_start_matches("the server cannot be reached: ").to_owned();
                    tried = true;
                    if Instant::now() + retry_in > deadline {
                        break;
                    }
                }
                Ok(Some(Push::LoggedOut)) => return Err(Failure::logged_out()),
                Ok(Some(Push::Frame(_))) => {}
                Ok(None) | Err(_) => break,
            }
        }
        Err(Failure::unreachable(&self.server, &reason))
    }

    /// Asks the server once.
    pub(crate) async fn request(&self, connection: &Connection, command: Command) -> Result<Outcome> {
        connection.request(command).await.map_err(|error| Failure::of_request(&self.server, &error))
    }

    /// Asks for the names of users that are not known, or not freshly. Failing to is no failure.
    pub(crate) async fn learn_names(&self, users: impl IntoIterator<Item = UserId>) -> Result {
        let now = self.now();
        let mut unknown: Vec<UserId> = {
            let people = self.people.borrow();
            let asked = |user: UserId| people.person(user).map_or(0, |person| person.asked_ms);
            let stale = |user: &UserId| now.since(Timestamp(asked(*user))) > NAME_FRESH;
            users.into_iter().filter(|user| *user != self.me()).filter(stale).collect()
        };
        unknown.sort_unstable();
        unknown.dedup();
        unknown.truncate(NAMES_PER_COMMAND_MAX);
        if unknown.is_empty() {
            return Ok(());
        }
        let token = self.token().await?;
        for users in unknown.chunks(NAMES_AT_ONCE) {
            let answers = join_all(users.iter().map(|user| self.api.user(&token, *user))).await;
            let mut people = self.people.borrow_mut();
            for (user, answer) in users.iter().zip(answers) {
                if let Ok(FoundUser { name, .. }) = answer {
                    let person = people.person_mut(*user);
                    person.name = name;
                    person.asked_ms = now.0;
                }
            }
        }
        self.keep_people()
    }

    /// Asks for the contacts, so that people can be called by their names there.
    pub(crate) async fn learn_contacts(&self) -> Result {
        let token = self.token().await?;
        let document = self.api.contacts(&token).await.map_err(|error| self.api_failure(&error))?;
        {
            let mut people = self.people.borrow_mut();
            people.forget_contacts();
            for contact in document.contacts {
                if let Ok(user) = contact.user_id.parse() {
                    people.person_mut(user).contact = contact.name;
                }
            }
        }
        self.keep_people()
    }

    /// Keeps what was learnt of people and chats.
    pub(crate) fn keep_people(&self) -> Result {
        self.files.keep_people(&self.people.borrow())
    }

    /// What to call `user`.
    pub(crate) fn name(&self, user: UserId) -> String {
        if user == self.me() { "you".into() } else { self.people.borrow().name(user) }
    }

    /// Who is meant by `text`: an id, an address, or a name.
    pub(crate) async fn find_person(&self, text: &str) -> Result<UserId> {
        if text == "me" || text == self.login.address {
            return Ok(self.me());
        }
        if let Ok(user) = text.parse() {
            return Ok(user);
        }
        if looks_like_address(text) {
            return self.find_address(text).await;
        }
        let mut found = self.people.borrow().called(text);
        if found.is_empty() {
            self.learn_contacts().await?;
            found = self.people.borrow().called(text);
        }
        match found.as_slice() {
            [] => Err(Failure::Failed(format!(
                "Nobody called '{text}' is known here. Use their phone number or e-mail address."
            ))),
            [user] => Ok(*user),
            _ => Err(Failure::Failed(format!(
                "Several people are called '{text}'. Use a phone number or e-mail address, or give them names \
                 with 'dunlin contacts add'."
            ))),
        }
    }

    async fn find_address(&self, address: &str) -> Result<UserId> {
        let token = self.token().await?;
        let found = self.api.find_user(&token, address).await.map_err(|error| match error.code() {
            Some(ErrorCode::NotFound) => Failure::Failed(format!(
                "Nobody with the address {address} uses this server. Ask them to log in once."
            )),
            _ => self.api_failure(&error),
        })?;
        let not_an_id = |_| Failure::Failed("The server's answer cannot be read.".into());
        let user = found.user_id.parse().map_err(not_an_id)?;
        {
            let mut people = self.people.borrow_mut();
            let person = people.person_mut(user);
            person.name = found.name;
            person.address = address.to_lowercase();
            person.asked_ms = self.now().0;
        }
        self.keep_people()?;
        Ok(user)
    }
}

/// Whether someone may be found by it on the server.
pub(crate) fn looks_like_address(text: &str) -> bool {
    text.starts_with('+') || text.contains('@')
}
