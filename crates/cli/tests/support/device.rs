//! A person's devices without the program around them: logged in at the real server, with a vault on disk.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dunlin_client::content::{Content, Text};
use dunlin_client::{Account, Change};
use dunlin_client_native::device::{Device, DeviceEvent, DeviceOptions};
use dunlin_client_native::types::Login;
use dunlin_client_native::vault::{Unlock, Vault};
use dunlin_client_native::{Api, FixedToken, ServerUrl, SystemClock, SystemRandomness, identity};
use dunlin_model::{ChatId, DeviceId, DeviceNumber};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::Machine;

/// How long something may take that is to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A device that has logged in and has no keys yet.
pub(crate) struct LoggedIn {
    pub(crate) id: DeviceId,
    pub(crate) token: String,
    pub(crate) options: DeviceOptions,
    pub(crate) vault: PathBuf,
}

/// A device at work.
pub(crate) struct Running {
    pub(crate) id: DeviceId,
    pub(crate) device: Device,
    pub(crate) events: mpsc::Receiver<DeviceEvent>,
}

/// Words, as content.
pub(crate) fn text(text: &str) -> Content {
    Content::Text(Text { text: text.into(), mentions: Vec::new(), reply_to: None })
}

/// What opens the vault of a test.
pub(crate) fn unlock(vault: &Path) -> Unlock {
    Unlock::KeyFile(vault.with_extension("key"))
}

/// Waits for an event.
pub(crate) async fn next_event(
    events: &mut mpsc::Receiver<DeviceEvent>,
    is_it: impl Fn(&DeviceEvent) -> bool,
) -> DeviceEvent {
    let mut seen = Vec::new();
    let found = timeout(PATIENCE, async {
        loop {
            let event = events.recv().await.expect("the device runs");
            if is_it(&event) {
                return event;
            }
            seen.push(format!("{event:?}"));
        }
    });
    match found.await {
        Ok(event) => event,
        Err(_) => panic!("waited in vain; there came {seen:#?}"),
    }
}

/// Waits for a change.
pub(crate) async fn next_change(
    events: &mut mpsc::Receiver<DeviceEvent>,
    is_it: impl Fn(&Change) -> bool,
) -> Change {
    let is_change = |event: &DeviceEvent| matches!(event, DeviceEvent::Change(change) if is_it(change));
    match next_event(events, is_change).await {
        DeviceEvent::Change(change) => *change,
        other => panic!("{other:?}"),
    }
}

/// Waits until others can add the device: its key packages are at the server then.
pub(crate) async fn can_be_added(events: &mut mpsc::Receiver<DeviceEvent>) {
    let (caught_up, announced) = (Cell::new(false), Cell::new(false));
    next_change(events, |change| {
        caught_up.set(caught_up.get() || *change == Change::CaughtUp);
        announced.set(announced.get() || *change == Change::Announced);
        caught_up.get() && announced.get()
    })
    .await;
}

impl LoggedIn {
    /// Logs in with a one-time code, which registers who is new.
    pub(crate) async fn of(machine: &Machine, person: &str, device_name: &str) -> Self {
        let server: ServerUrl = machine.url().parse().unwrap();
        let api = Api::new(server.clone()).unwrap();
        let address = format!("{person}@example.org");
        api.request_code(&address).await.unwrap();
        let code = machine.code_for(&address);
        let login = Login { address: &address, code: &code, device_name };
        let credentials = api.login(&login).await.unwrap().credentials;
        let id = DeviceId { user: credentials.user().unwrap(), number: DeviceNumber(credentials.device) };
        let options = DeviceOptions {
            server,
            tokens: Arc::new(FixedToken(credentials.access_token.clone())),
            api,
            clock: Arc::new(SystemClock::default()),
            randomness: Arc::new(SystemRandomness),
        };
        let vault = machine.path(&format!("vault-{person}-{device_name}"));
        Self { id, token: credentials.access_token, options, vault }
    }

    /// Goes online with keys, and waits until others can add it.
    pub(crate) async fn starts_with(self, account: Account) -> Running {
        let vault =
            Vault::create(&self.vault, &unlock(&self.vault), Arc::clone(&self.options.randomness)).unwrap();
        let (device, events) = Device::create(vault, account, self.options).unwrap();
        let mut running = Running { id: self.id, device, events };
        can_be_added(&mut running.events).await;
        running
    }

    /// The first device of a person, or one that begins anew.
    pub(crate) async fn starts_anew(self) -> Running {
        let account = identity::new_account(self.id, &*self.options.randomness, self.options.clock.now());
        self.starts_with(account).await
    }
}

impl Running {
    /// Waits for a change.
    pub(crate) async fn until(&mut self, is_it: impl Fn(&Change) -> bool) -> Change {
        next_change(&mut self.events, is_it).await
    }

    /// Waits until this text was decrypted here.
    pub(crate) async fn reads(&mut self, chat: ChatId, what: &str) {
        self.until(|change| {
            let Change::Message { chat: of, message } = change else { return false };
            let envelope = message.envelope(chat).filter(|_| *of == chat);
            envelope.is_some_and(|envelope| envelope.content == text(what))
        })
        .await;
    }
}
