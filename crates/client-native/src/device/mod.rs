//! A device of a person: the client core, driven by tokio, with its vault on disk and its connection.
//!
//! One task owns all three. It carries out what each step of the core gives in the order that keeps promises:
//! persist, then send, then show. What must not be persisted twice or lost is never held anywhere else.

mod actor;
mod begin;
mod blobs;
mod kept;
mod read;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use dunlin_client::keys::MlsKeys;
use dunlin_client::mls::DeviceIdentity;
use dunlin_client::{Account, Action, Change, Client, Effects, Key, Unfinished, UserCommand, Value};
use dunlin_client::{query, search};
use dunlin_model::{ChatId, Clock, Randomness, Seq};
use tokio::sync::{mpsc, oneshot};

use self::read::VaultRows;
use crate::vault::{Direction, KeyRange, Vault, VaultError};
use crate::{Api, ServerUrl, Tokens};

pub use begin::{account_in, account_under};

/// Commands that may wait for the device's task.
const ORDERS_MAX: usize = 64;
/// Changes that may wait to be shown; while they do, nothing further happens.
const CHANGES_MAX: usize = 1_024;
/// Rows read from the vault at a time.
const PAGE_ROWS: usize = 1_000;

/// What a device needs of its surroundings.
#[derive(Clone)]
pub struct DeviceOptions {
    /// The server.
    pub server: ServerUrl,
    /// Who keeps the access token fresh.
    pub tokens: Arc<dyn Tokens>,
    /// REST, for large parts of handshakes.
    pub api: Api,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Unpredictable bytes.
    pub randomness: Arc<dyn Randomness>,
}

/// Why a device cannot be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The vault cannot be read or written.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The vault holds no account, or not this one.
    #[error("The vault holds no account of this device.")]
    NoAccount,
    /// The vault holds an account already.
    #[error("The vault holds an account already.")]
    AccountExists,
    /// The device's task ended: its vault failed, or it was logged out.
    #[error("The device has stopped: {0}")]
    Stopped(String),
    /// The search index is damaged.
    #[error("The search index is damaged.")]
    Search,
}

/// What happens to a device, in order.
#[derive(Debug)]
pub enum DeviceEvent {
    /// The connection stands.
    Online,
    /// It does not.
    Offline {
        /// Why.
        why: String,
    },
    /// Something to show.
    Change(Box<Change>),
    /// The device was logged out or revoked: nothing more comes.
    LoggedOut,
    /// The vault failed: nothing more comes, and what was said last may be lost.
    Failed(String),
}

enum Order {
    Act(UserCommand),
    TryNow,
    Look(Box<dyn FnOnce(&Client) + Send>),
}

/// A handle on a running device. Clones are of the same; the device stops when all are dropped.
#[derive(Clone)]
pub struct Device {
    orders: mpsc::Sender<Order>,
    vault: Arc<Mutex<Vault>>,
}

impl Device {
    /// Makes a device of a new account in an empty vault, and starts it.
    ///
    /// # Errors
    /// See [`DeviceError`].
    pub fn create(
        mut vault: Vault,
        account: Account,
        options: DeviceOptions,
    ) -> Result<(Self, mpsc::Receiver<DeviceEvent>), DeviceError> {
        if read_client(&vault, &options)?.is_some() {
            return Err(DeviceError::AccountExists);
        }
        let identity = identity_of(&account)?;
        let keys = MlsKeys::create(identity, seed(&options));
        let mut client = Client::create(account, seed(&options), Box::new(keys));
        // The account is durable before the server hears of it.
        let first = client.step(options.clock.now(), dunlin_client::Input::Tick, &VaultRows(&vault));
        vault.commit(&first.persist)?;
        Ok(Self::start(vault, client, options))
    }

    /// Starts the device whose account the vault holds.
    ///
    /// # Errors
    /// See [`DeviceError`].
    pub fn open(
        vault: Vault,
        options: DeviceOptions,
    ) -> Result<(Self, mpsc::Receiver<DeviceEvent>), DeviceError> {
        let client = read_client(&vault, &options)?.ok_or(DeviceError::NoAccount)?;
        Ok(Self::start(vault, client, options))
    }

    fn start(vault: Vault, client: Client, options: DeviceOptions) -> (Self, mpsc::Receiver<DeviceEvent>) {
        let (orders, waiting) = mpsc::channel(ORDERS_MAX);
        let (events, shown) = mpsc::channel(CHANGES_MAX);
        let vault = Arc::new(Mutex::new(vault));
        let actor = actor::Actor::new(client, Arc::clone(&vault), options, waiting, events);
        tokio::spawn(actor.run());
        (Self { orders, vault }, shown)
    }

    /// Asks for something. What becomes of it is told by changes that carry `token`. Returns once the device's task
    /// has taken it; cancel safe. The task waits while too many events wait to be read, so events are read elsewhere
    /// than where this is awaited, or between.
    ///
    /// # Errors
    /// `Stopped`.
    pub async fn act(&self, token: u64, action: Action) -> Result<(), DeviceError> {
        self.orders.send(Order::Act(UserCommand { token, action })).await.map_err(|_| stopped())
    }

    /// Has the server tried at once, when the device waits to try again. Otherwise nothing happens. Cancel safe.
    ///
    /// # Errors
    /// `Stopped`.
    pub async fn try_now(&self) -> Result<(), DeviceError> {
        self.orders.send(Order::TryNow).await.map_err(|_| stopped())
    }

    /// Looks at what the core holds: chats, members, unread counts.
    ///
    /// # Errors
    /// `Stopped`.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Client) -> T + Send + 'static,
    ) -> Result<T, DeviceError> {
        let (answer, answered) = oneshot::channel();
        let order = Order::Look(Box::new(move |client| drop(answer.send(look(client)))));
        self.orders.send(order).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())
    }
}

fn stopped() -> DeviceError {
    DeviceError::Stopped("its task has ended".to_owned())
}

fn seed(options: &DeviceOptions) -> [u8; 32] {
    let mut seed = [0; 32];
    options.randomness.fill(&mut seed);
    seed
}

fn identity_of(account: &Account) -> Result<DeviceIdentity, DeviceError> {
    DeviceIdentity::new(account.key(), account.certificate().clone()).map_err(|_| DeviceError::NoAccount)
}

/// The core from its rows, everything but messages and the search index.
fn read_client(vault: &Vault, options: &DeviceOptions) -> Result<Option<Client>, DeviceError> {
    let mut rows = Vec::new();
    for range in state_ranges() {
        read_range(vault, range, &mut rows)?;
    }
    let (core_seed, keys_seed) = (seed(options), seed(options));
    Ok(Client::open(core_seed, rows, |account, rows| {
        let identity = identity_of(account).expect("`create` checked the account, and the vault is sealed");
        Box::new(MlsKeys::open(identity, keys_seed, rows))
    }))
}

/// All keys but those of messages, lost ones included, and of the search index.
fn state_ranges() -> [KeyRange; 4] {
    let after = |prefix: &[u8]| {
        let mut key = prefix.to_vec();
        if let Some(last) = key.last_mut() {
            *last += 1;
        }
        key
    };
    let lost = dunlin_client::LOST_MESSAGES_PREFIX;
    let (messages, index) = (dunlin_client::MESSAGES_PREFIX, search::PREFIX);
    [
        KeyRange::between(Key::new(), lost.to_vec()),
        KeyRange::between(after(lost), messages.to_vec()),
        KeyRange::between(after(messages), index.to_vec()),
        KeyRange::between(after(index), vec![u8::MAX]),
    ]
}

fn read_range(vault: &Vault, range: KeyRange, rows: &mut Vec<(Key, Value)>) -> Result<(), VaultError> {
    let mut next = Some(range);
    while let Some(range) = next {
        let page = vault.scan(&range, Direction::Ascending, PAGE_ROWS)?;
        rows.extend(page.rows);
        next = page.next;
    }
    Ok(())
}

/// A page of what is held of a chat after a place, read off the async threads.
async fn messages_after(
    vault: &Arc<Mutex<Vault>>,
    chat: ChatId,
    after: Seq,
) -> Result<Vec<(Key, Value)>, String> {
    let vault = Arc::clone(vault);
    let read = tokio::task::spawn_blocking(move || {
        let vault = vault.lock().unwrap_or_else(PoisonError::into_inner);
        query::held(&VaultRows(&vault), chat, after)
    });
    read.await.map_err(|_| "the vault's thread panicked".to_owned())
}

/// Completes a step from the rows and writes its batch, off the async threads. What is to follow is given back.
async fn complete(vault: &Arc<Mutex<Vault>>, unfinished: Unfinished) -> Result<Effects, String> {
    if unfinished.is_idle() {
        return Ok(unfinished.finish(&BTreeMap::new()));
    }
    let vault = Arc::clone(vault);
    let written = tokio::task::spawn_blocking(move || {
        let mut vault = vault.lock().unwrap_or_else(PoisonError::into_inner);
        let mut effects = unfinished.finish(&VaultRows(&vault));
        let batch = std::mem::take(&mut effects.persist);
        if !batch.is_empty() {
            vault.commit(&batch)?;
        }
        Ok::<_, VaultError>(effects)
    });
    match written.await {
        Ok(Ok(effects)) => Ok(effects),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the vault's thread panicked".to_owned()),
    }
}
