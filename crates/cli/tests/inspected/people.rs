//! People with devices, behind a proxy, and the secrets that they have.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;

use data_encoding::HEXLOWER_PERMISSIVE;
use dunlin_client::chats::{Shown, StoredMessage};
use dunlin_client::content::{Content, Reference};
use dunlin_client::search::Query;
use dunlin_client::{Account, Action, Change};
use dunlin_client_native::device::{Device, DeviceEvent, DeviceOptions};
use dunlin_client_native::files::{Uploaded, upload};
use dunlin_client_native::linking::{Linking, LinkingEvent};
use dunlin_client_native::types::Login;
use dunlin_client_native::vault::{Direction, KeyRange, Vault};
use dunlin_client_native::{Api, Credentials, FixedToken, SystemClock, SystemRandomness, identity};
use dunlin_model::{ChatId, ChatKind, DeviceId, DeviceNumber, Encryption, UserId};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::device::{PATIENCE, can_be_added, next_change, unlock};
use crate::support::Machine;
use dunlin_testkit::secrets::Secrets;

const ROWS: usize = 1_000;
/// Bytes of the secrets of RFC 9420 in both suites, and of the private keys of both.
const SECRET_BYTES: usize = 32;
/// What begins the rows of groups in a vault, of which each has an id of 20 bytes and a stroke.
const GROUPS: &[u8] = b"k/mls/g/";
const GROUP_ID_BYTES: usize = 21;

/// A device that has logged in.
pub(crate) struct LoggedIn {
    pub(crate) id: DeviceId,
    options: DeviceOptions,
    vault: PathBuf,
}

/// A device at work.
pub(crate) struct Running {
    pub(crate) id: DeviceId,
    pub(crate) device: Device,
    events: mpsc::Receiver<DeviceEvent>,
    options: DeviceOptions,
    vault: PathBuf,
    tokens: u64,
}

impl LoggedIn {
    pub(crate) async fn of(machine: &Machine, url: &str, who: &str, name: &str) -> (Self, Credentials) {
        let server: dunlin_client_native::ServerUrl = url.parse().unwrap();
        let api = Api::new(server.clone()).unwrap();
        let address = format!("{who}@example.org");
        api.request_code(&address).await.unwrap();
        let code = machine.code_for(&address);
        let login = Login { address: &address, code: &code, device_name: name };
        let credentials = api.login(&login).await.unwrap().credentials;
        let id = DeviceId { user: credentials.user().unwrap(), number: DeviceNumber(credentials.device) };
        let options = DeviceOptions {
            server,
            tokens: Arc::new(FixedToken(credentials.access_token.clone())),
            api,
            clock: Arc::new(SystemClock::default()),
            randomness: Arc::new(SystemRandomness),
        };
        let vault = machine.path("vaults").join(format!("{who}-{name}"));
        (Self { id, options, vault }, credentials)
    }

    async fn starts_with(self, account: Account) -> Running {
        let Self { id, options, vault } = self;
        fs::create_dir_all(vault.parent().unwrap()).unwrap();
        let created = Vault::create(&vault, &unlock(&vault), Arc::clone(&options.randomness)).unwrap();
        let (device, events) = Device::create(created, account, options.clone()).unwrap();
        let mut running = Running { id, device, events, options, vault, tokens: 0 };
        can_be_added(&mut running.events).await;
        running
    }

    /// The first device of a person.
    pub(crate) async fn starts_anew(self) -> Running {
        let now = dunlin_model::Clock::now(&*self.options.clock);
        let account = identity::new_account(self.id, &*self.options.randomness, now);
        self.starts_with(account).await
    }

    /// A further device, which `other` links by the text that it shows.
    pub(crate) async fn gets_linked_by(self, other: &mut Running, secrets: &mut Secrets) -> Running {
        let mut linking = Linking::begin(self.id, self.options.clone());
        let shown = linking.text().clone();
        let (_, scanned) =
            shown.to_string().rsplit_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let scanned = data_encoding::BASE32_NOPAD_NOCASE.decode(scanned.as_bytes()).unwrap();
        secrets.add_key("the secret to be scanned", &scanned[scanned.len() - 16..]);
        other.act(Action::ScanLink { text: shown }).await;
        let linked = timeout(PATIENCE, async {
            loop {
                if let LinkingEvent::Linked(account) = linking.next().await.unwrap() {
                    return account;
                }
            }
        });
        self.starts_with(*linked.await.unwrap()).await
    }
}

impl Running {
    pub(crate) async fn until(&mut self, is_it: impl Fn(&Change) -> bool) -> Change {
        next_change(&mut self.events, is_it).await
    }

    pub(crate) async fn act(&mut self, action: Action) -> u64 {
        self.tokens += 1;
        self.device.act(self.tokens, action).await.unwrap();
        self.tokens
    }

    pub(crate) async fn creates(
        &mut self,
        kind: ChatKind,
        encryption: Encryption,
        name: &str,
        members: Vec<UserId>,
    ) -> ChatId {
        self.act(Action::Create { kind, encryption, name: name.into(), members }).await;
        match self.until(|change| matches!(change, Change::Created { .. })).await {
            Change::Created { chat, .. } => chat,
            other => panic!("{other:?}"),
        }
    }

    /// Puts a file where attachments are kept, encrypted.
    pub(crate) async fn uploads(&self, content: &[u8]) -> Uploaded {
        let path = self.vault.with_extension("file");
        fs::write(&path, content).unwrap();
        let DeviceOptions { api, tokens, randomness, .. } = &self.options;
        let file = File::open(&path).unwrap();
        let uploaded =
            upload(api, &**tokens, &**randomness, file, None, async |_| Ok(()), |_| {}).await.unwrap();
        fs::remove_file(&path).unwrap();
        uploaded
    }

    /// Does something in a chat, and waits until it is in the log.
    pub(crate) async fn does(&mut self, action: Action) {
        let done = self.act(action).await;
        let answered = |change: &Change| match change {
            Change::Refused { token, why, .. } => {
                assert!(*token != done, "refused: {why:?}");
                false
            }
            Change::Accepted { token, .. } => *token == done,
            _ => false,
        };
        self.until(answered).await;
    }

    pub(crate) async fn sends(&mut self, chat: ChatId, content: Content) {
        self.does(Action::Send { chat, content }).await;
    }

    /// Waits for this text, and gives what others name it by.
    pub(crate) async fn reads(&mut self, chat: ChatId, words: &str) -> Reference {
        let read = self
            .until(|change| message_of(change, chat).is_some_and(|message| says(message, chat, words)))
            .await;
        let message = message_of(&read, chat).unwrap();
        Reference { seq: message.seq, digest: message.digest().unwrap() }
    }

    pub(crate) fn finds(&self, words: &str) -> usize {
        self.device.find(&Query { text: words, chat: None, limit: 10 }).unwrap().len()
    }

    /// Closes the device, and takes note of the keys in its vault and of what it has read.
    pub(crate) async fn rests(self, secrets: &mut Secrets) -> LoggedIn {
        let Self { id, device, mut events, options, vault, .. } = self;
        let keys = device.look(|client| {
            let account = client.account();
            [Some(account.key()), account.identity()].map(|key| key.map(|key| key.to_bytes()))
        });
        for key in keys.await.unwrap().into_iter().flatten() {
            secrets.add_key("a private signature key", &key);
        }
        drop(device);
        while events.recv().await.is_some() {}
        let file = fs::read_to_string(vault.with_extension("key")).unwrap();
        let key = HEXLOWER_PERMISSIVE.decode(file.trim().as_bytes()).unwrap();
        secrets.add_key("the key of a vault", &key);
        let opened = Vault::open(&vault, &unlock(&vault), Arc::clone(&options.randomness)).unwrap();
        let page = |range: &KeyRange| opened.scan(range, Direction::Ascending, ROWS).unwrap();
        let mut next = Some(KeyRange::all());
        while let Some(range) = next {
            let page = page(&range);
            page.rows.iter().for_each(|(key, value)| note_row(secrets, key, value));
            next = page.next;
        }
        LoggedIn { id, options, vault }
    }
}

impl LoggedIn {
    pub(crate) fn opens(self) -> Running {
        let Self { id, options, vault } = self;
        let opened = Vault::open(&vault, &unlock(&vault), Arc::clone(&options.randomness)).unwrap();
        let (device, events) = Device::open(opened, options.clone()).unwrap();
        Running { id, device, events, options, vault, tokens: 1_000 }
    }
}

fn message_of(change: &Change, of: ChatId) -> Option<&StoredMessage> {
    let Change::Message { chat, message } = change else { return None };
    (*chat == of).then_some(&**message)
}

fn says(message: &StoredMessage, chat: ChatId, words: &str) -> bool {
    let envelope = message.envelope(chat);
    envelope.is_some_and(|envelope| envelope.content.written().is_some_and(|text| text.text == words))
}

/// Of a row of a vault, what the server must not have: the secrets of a group, and the plaintext of a message.
fn note_row(secrets: &mut Secrets, key: &[u8], value: &[u8]) {
    if let Some(entity) = key.strip_prefix(GROUPS).and_then(|key| key.get(GROUP_ID_BYTES..)) {
        match entity.first() {
            Some(b'e') => note_fields(secrets, "an epoch secret", value),
            Some(b'r') => note_fields(secrets, "a resumption secret", value),
            // Nodes and ratchets; what else is said of an epoch's messages is partly public.
            Some(b'm') if entity.get(9).is_some_and(u8::is_ascii_digit) => {
                note_fields(secrets, "a secret of messages", value);
            }
            // Key pairs, of which only the last is taken: each begins with a public key.
            Some(b'k') => note_last(secrets, "a private key of the tree", value, 1),
            _ => {}
        }
    } else if key.starts_with(b"k/mls/d/k/") {
        note_last(secrets, "a private key of a key package", value, 2);
    } else if key.starts_with(b"k/mls/d/e/") {
        note_last(secrets, "a private key of a leaf", value, 1);
    } else if key.starts_with(dunlin_client::MESSAGES_PREFIX)
        && let Ok(StoredMessage { shown: Shown::Content(padded), .. }) = postcard::from_bytes(value)
    {
        let used = padded.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        secrets.add("the plaintext of a message", &padded[..used]);
    }
}

/// The fields that are as long as secrets, of a row that has nothing public.
fn note_fields(secrets: &mut Secrets, name: &str, mut value: &[u8]) {
    while let Some((length, rest)) = value.split_first() {
        value = rest;
        if usize::from(*length) == SECRET_BYTES && rest.len() >= SECRET_BYTES {
            let (secret, after) = rest.split_at(SECRET_BYTES);
            secrets.add_key(name, secret);
            value = after;
        }
    }
}

/// The last fields of a row.
fn note_last(secrets: &mut Secrets, name: &str, value: &[u8], count: usize) {
    let Some(from) = value.len().checked_sub(count * (1 + SECRET_BYTES)) else { return };
    for field in value[from..].chunks(1 + SECRET_BYTES) {
        assert_eq!(usize::from(field[0]), SECRET_BYTES, "{name}");
        secrets.add_key(name, &field[1..]);
    }
}
