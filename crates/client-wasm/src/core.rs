//! The class that the worker holds: rows, the core, and between them what makes a step.

use bytes::Bytes;
use dunlin_client::keys::MlsKeys;
use dunlin_client::mls::DeviceIdentity;
use dunlin_client::{
    Account, Batch, Client, Generator, Input, Key, LOST_MESSAGES_PREFIX, MESSAGES_PREFIX, Order, Unfinished,
    UserCommand, query, search,
};
use dunlin_model::{ChatId, DeviceId, DeviceNumber, ErrorCode, Seq};
use dunlin_wire::{
    ClientFrame, Command, Failure, Format, Outcome as Reply, ServerFrame, Welcome, decode_server,
    encode_client,
};
use js_sys::{Array, Uint8Array};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use crate::cache::{Cache, next};
use crate::entering::{Entering, Step, fresh};
use crate::events::Outcome;
use crate::kept;
use crate::plain::{Octets, millis, moment, to_js, whole};
use crate::questions::{self, Question};
use crate::seal::{KEY_BYTES, Sealer};
use crate::views::FailureView;
use crate::wishes::{self, Wish};

/// The core of a browser, and its rows as far as they are in memory.
///
/// What it wants of storage and of the server is for the worker to do, which is `web/src/core/worker`. A step is begun
/// by one of the methods that take `now`, completed by `finish` as soon as no rows are missing, and its changes are
/// those of `batch` then; several steps may share a batch.
#[wasm_bindgen]
pub struct Core {
    cache: Cache,
    sealer: Sealer,
    generator: Generator,
    stage: Stage,
    staged: Batch,
    begun: Option<Begun>,
    /// Whether the connection was welcomed.
    is_welcome: bool,
}

enum Stage {
    Nobody,
    Entering(Box<Entering>),
    Device(Box<Client>),
}

/// A step that has begun.
enum Begun {
    Unfinished(Box<Unfinished>),
    Done(Box<Outcome>),
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").finish_non_exhaustive()
    }
}

/// What a frame was.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Heard {
    /// A step has begun.
    Step,
    /// The connection stands, and a step has begun.
    Welcome {
        heartbeat: u64,
    },
    /// The server does not take the connection.
    Refused {
        failure: FailureView,
    },
    /// The server is going away, for so many milliseconds.
    Draining {
        after: u64,
    },
    Nothing,
}

#[derive(Serialize)]
struct Miss {
    from: Octets,
    until: Octets,
    descending: bool,
    limit: usize,
}

#[wasm_bindgen]
impl Core {
    /// A core without rows. `key` is the vault's, of 32 bytes; `entropy` 32 unpredictable bytes.
    ///
    /// # Errors
    /// When they are not of that length.
    #[wasm_bindgen(constructor)]
    pub fn new(key: Vec<u8>, entropy: &[u8]) -> Result<Self, JsError> {
        let key = Zeroizing::new(key);
        let key: &[u8; KEY_BYTES] = key.as_slice().try_into()?;
        Ok(Self {
            cache: Cache::default(),
            sealer: Sealer::new(key),
            generator: Generator::new(entropy.try_into()?),
            stage: Stage::Nobody,
            staged: Batch::default(),
            begun: None,
            is_welcome: false,
        })
    }

    /// What is to be loaded before `open`: ranges of keys, each whole.
    pub fn ranges() -> JsValue {
        let miss = |(from, until): (Key, Key)| Miss {
            from: Octets(from),
            until: Octets(until),
            descending: false,
            limit: usize::MAX >> 1,
        };
        to_js(&state_ranges().map(miss))
    }

    /// Takes rows that storage holds: those from `from` on and before `until`, all of them. Rows that do not open are
    /// told by their number.
    pub fn load(&mut self, from: &[u8], until: &[u8], keys: &Array, values: &Array) -> usize {
        let pairs = keys.iter().zip(values.iter());
        let mut rows = Vec::with_capacity(usize::try_from(keys.length()).unwrap_or_default());
        let mut damaged = 0;
        for (key, value) in pairs {
            let (key, sealed) = (Uint8Array::new(&key).to_vec(), Uint8Array::new(&value).to_vec());
            match self.sealer.open(&key, &sealed) {
                Some(value) => rows.push((key, value)),
                None => damaged += 1,
            }
        }
        self.cache.load(from, until, rows);
        damaged
    }

    /// What was asked for and is not loaded: ranges, in an order, and how many rows of each.
    pub fn misses(&self) -> JsValue {
        let misses = self.cache.take_misses().into_iter().map(|miss| Miss {
            from: Octets(miss.from),
            until: Octets(miss.until),
            descending: miss.order == Order::Descending,
            limit: miss.limit,
        });
        to_js(&misses.collect::<Vec<_>>())
    }

    /// Everything that changed since this was asked last, sealed: `[keys, values]`, a value being undefined where the
    /// row goes. To be stored as one, before anything else of the steps that it came from.
    pub fn batch(&mut self) -> Array {
        let (keys, values) = (Array::new(), Array::new());
        for (key, value) in std::mem::take(&mut self.staged) {
            keys.push(&Uint8Array::from(key.as_slice()));
            values.push(&match value {
                Some(value) => {
                    Uint8Array::from(self.sealer.seal(&key, &value, &mut self.generator).as_slice()).into()
                }
                None => JsValue::UNDEFINED,
            });
        }
        Array::of2(&keys, &values)
    }

    /// Bytes of rows in memory.
    pub fn bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// Forgets rows that can be loaded again. Only while nothing is being stored or loaded.
    pub fn trim(&mut self) {
        self.cache.forget_but(&state_ranges());
    }

    /// What the driver keeps under a name, if anything.
    pub fn kept(&self, name: &str) -> Option<Vec<u8>> {
        dunlin_client::Rows::get(&self.cache, &kept::key(name))
    }

    /// Keeps something under a name, or nothing. It is in the next batch.
    pub fn keep(&mut self, name: &str, value: Option<Vec<u8>>) {
        let mut batch = Batch::default();
        match value {
            Some(value) => batch.put(kept::key(name), value),
            None => batch.delete(kept::key(name)),
        }
        self.stage_batch(batch);
    }

    /// Starts the device whose account is among the rows; false when there is none.
    ///
    /// # Errors
    /// When the account's key and certificate do not belong together.
    pub fn open(&mut self) -> Result<bool, JsError> {
        let rows = state_ranges();
        let rows: Vec<_> = rows
            .iter()
            .flat_map(|(from, until)| self.cache.range(from, until))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let Some(account) = query::account(&self.cache) else { return Ok(false) };
        let identity = identity_of(&account)?;
        let (seed, keys_seed) = (fresh(&mut self.generator), fresh(&mut self.generator));
        let keys = |_: &Account, rows| -> Box<dyn dunlin_client::keys::Keys> {
            Box::new(MlsKeys::open(identity, keys_seed, rows))
        };
        let client = Client::open(seed, rows, keys);
        let is_there = client.is_some();
        self.stage = client.map_or(Stage::Nobody, |client| Stage::Device(Box::new(client)));
        Ok(is_there)
    }

    /// A device that logged in, and whose keys are to be found: see [`Entering`].
    ///
    /// # Errors
    /// When `user` is no id.
    pub fn enter(&mut self, user: &str, device: u32) -> Result<(), JsError> {
        let device = DeviceId { user: user.parse()?, number: DeviceNumber(device) };
        self.stage = Stage::Entering(Box::new(Entering::new(device)));
        Ok(())
    }

    /// Whether there is an account.
    #[wasm_bindgen(getter, js_name = hasAccount)]
    pub fn has_account(&self) -> bool {
        matches!(self.stage, Stage::Device(_))
    }

    /// The frame that says who this is, the first one of a connection.
    pub fn authenticate(&mut self, token: String) -> Vec<u8> {
        self.is_welcome = false;
        let command = Command::Authenticate { access_token: token };
        encode(&ClientFrame { id: 1, command })
    }

    /// A frame that asks for nothing but an answer.
    pub fn probe(&self) -> Vec<u8> {
        encode(&ClientFrame { id: PROBE_ID, command: Command::ListDevices { users: Vec::new() } })
    }

    /// Takes a frame of the server. Says what it was, and whether a step has begun.
    pub fn hear(&mut self, now: f64, bytes: &[u8]) -> JsValue {
        // What a newer server says is passed over.
        let heard =
            decode_server(Format::Proto, bytes).map_or(Heard::Nothing, |frame| self.heard(now, frame));
        to_js(&heard)
    }

    /// The connection is gone. Begins a step.
    pub fn disconnected(&mut self, now: f64) {
        self.is_welcome = false;
        self.begin(now, Input::Disconnected);
    }

    /// Time passed. Begins a step.
    pub fn tick(&mut self, now: f64) {
        self.begin(now, Input::Tick);
    }

    /// 32 unpredictable bytes. Begins a step.
    ///
    /// # Errors
    /// When they are not 32.
    pub fn entropy(&mut self, now: f64, bytes: &[u8]) -> Result<(), JsError> {
        self.generator.stir(bytes);
        self.begin(now, Input::Entropy(bytes.try_into()?));
        Ok(())
    }

    /// What became of a blob that was wanted. Begins a step.
    ///
    /// # Errors
    /// When `hash` is not one.
    #[wasm_bindgen(js_name = blobFetched)]
    pub fn blob_fetched(&mut self, now: f64, hash: &[u8], bytes: Option<Vec<u8>>) -> Result<(), JsError> {
        let input = Input::BlobFetched { hash: hash.try_into()?, bytes: bytes.map(Bytes::from) };
        self.begin(now, input);
        Ok(())
    }

    /// What became of a blob that was to be stored. Begins a step.
    ///
    /// # Errors
    /// When `hash` is not one.
    #[wasm_bindgen(js_name = blobStored)]
    pub fn blob_stored(&mut self, now: f64, hash: &[u8], stored: bool) -> Result<(), JsError> {
        self.begin(now, Input::BlobStored { hash: hash.try_into()?, stored });
        Ok(())
    }

    /// The rows of a chat's messages after a place were wanted. Begins a step; false when rows are missing.
    ///
    /// # Errors
    /// When `chat` is no id.
    #[wasm_bindgen(js_name = messagesLoaded)]
    pub fn messages_loaded(&mut self, now: f64, chat: &str, seq: f64) -> Result<bool, JsError> {
        let chat: ChatId = chat.parse()?;
        let after = Seq(whole(seq));
        let rows = query::held(&self.cache, chat, after);
        if self.cache.has_misses() {
            return Ok(false);
        }
        self.begin(now, Input::MessagesLoaded { chat, after, rows });
        Ok(true)
    }

    /// The person wants something; what becomes of it carries `token`. Begins a step; false when rows are missing.
    ///
    /// # Errors
    /// A `Failure` of `web/src/core/api.ts`.
    pub fn act(&mut self, now: f64, token: f64, wish: JsValue) -> Result<bool, JsValue> {
        let wish: Wish = serde_wasm_bindgen::from_value(wish).map_err(|error| wrong(&error.to_string()))?;
        let Stage::Device(client) = &self.stage else { return Err(nobody()) };
        let action = wishes::action(wish, client, &self.cache);
        if self.cache.has_misses() {
            return Ok(false);
        }
        let action = action.map_err(|failure| to_js(&FailureView::from(&failure)))?;
        self.begin(now, Input::Command(UserCommand { token: whole(token), action }));
        Ok(true)
    }

    /// Answers a question. What it gives means nothing when `misses` says that rows are missing.
    ///
    /// # Errors
    /// A `Failure` of `web/src/core/api.ts`.
    pub fn ask(&self, question: JsValue) -> Result<JsValue, JsValue> {
        let question: Question =
            serde_wasm_bindgen::from_value(question).map_err(|error| wrong(&error.to_string()))?;
        let Stage::Device(client) = &self.stage else { return Err(nobody()) };
        questions::answer(&question, client, &self.cache)
            .map_err(|failure| to_js(&FailureView::from(&failure)))
    }

    /// While this device is entering: what its person wants. Begins a step.
    ///
    /// # Errors
    /// When it is not entering.
    pub fn entering(&mut self, now: f64, wish: &str) -> Result<(), JsValue> {
        let Stage::Entering(entering) = &mut self.stage else { return Err(nobody()) };
        let step = match wish {
            "confirm" => entering.confirm(),
            "restart" => entering.restart(&mut self.generator, moment(now)),
            "newIdentity" => entering.new_identity(&mut self.generator, moment(now)),
            _ => return Err(wrong("There is no such wish.")),
        };
        self.entered(now, step, None);
        Ok(())
    }

    /// Completes the step that was begun: what follows from it once the batch is stored. Undefined when rows are
    /// missing; then it is to be called again when they are loaded.
    pub fn finish(&mut self) -> JsValue {
        match self.begun.take() {
            None => to_js(&Outcome::default()),
            Some(Begun::Done(outcome)) => to_js(&outcome),
            Some(Begun::Unfinished(unfinished)) => {
                let mut effects = unfinished.clone().finish(&self.cache);
                if self.cache.has_misses() {
                    self.begun = Some(Begun::Unfinished(unfinished));
                    return JsValue::UNDEFINED;
                }
                self.stage_batch(std::mem::take(&mut effects.persist));
                let Stage::Device(client) = &self.stage else { return to_js(&Outcome::default()) };
                to_js(&Outcome::of(effects, client.account().user()))
            }
        }
    }
}

/// Of the frame of `Core::probe`: the core counts up from one, and never gets there.
const PROBE_ID: u64 = 1 << 52;

impl Core {
    fn begin(&mut self, now: f64, input: Input) {
        let at = moment(now);
        match &mut self.stage {
            Stage::Nobody => self.begun = None,
            Stage::Device(client) => {
                self.begun = Some(Begun::Unfinished(Box::new(client.begin_step(at, input))));
            }
            Stage::Entering(entering) => {
                let (step, wake_at) = match input {
                    Input::Tick => {
                        let (step, wake_at) = entering.tick(at);
                        (step, Some(millis(wake_at)))
                    }
                    Input::Connected(_) => (entering.connected(), Some(now)),
                    Input::Frame(frame) => (entering.hear(frame, &mut self.generator, at), None),
                    _ => (Step::default(), None),
                };
                self.entered(now, step, wake_at);
            }
        }
    }

    /// What follows from a step of a device without keys. With an account it becomes one that has some.
    fn entered(&mut self, now: f64, step: Step, wake_at: Option<f64>) {
        let mut outcome = Outcome::default();
        (outcome.wake_at, outcome.events) = (wake_at, step.events);
        outcome.send = step.say.iter().map(|frame| Octets(encode(frame))).collect();
        if let Some(account) = step.account
            && let Ok(identity) = identity_of(&account)
        {
            let keys = MlsKeys::create(identity, fresh(&mut self.generator));
            let mut client = Client::create(*account, fresh(&mut self.generator), Box::new(keys));
            let first = client.step(moment(now), Input::Tick, &self.cache);
            self.stage_batch(first.persist);
            self.stage = Stage::Device(Box::new(client));
            outcome.account_made = true;
        }
        self.begun = Some(Begun::Done(Box::new(outcome)));
    }

    fn heard(&mut self, now: f64, frame: ServerFrame) -> Heard {
        match frame {
            ServerFrame::Welcome(welcome) if !self.is_welcome => self.welcomed(now, welcome),
            ServerFrame::Reply { outcome: Reply::Failed(failure), .. } if !self.is_welcome => {
                Heard::Refused { failure: (&failure).into() }
            }
            _ if !self.is_welcome => Heard::Nothing,
            ServerFrame::Reply { id: PROBE_ID, .. } => Heard::Nothing,
            ServerFrame::Draining { reconnect_after } => {
                Heard::Draining { after: u64::try_from(reconnect_after.as_millis()).unwrap_or_default() }
            }
            frame => {
                self.begin(now, Input::Frame(frame));
                Heard::Step
            }
        }
    }

    fn welcomed(&mut self, now: f64, welcome: Welcome) -> Heard {
        self.is_welcome = true;
        let heartbeat = u64::try_from(welcome.heartbeat.as_millis()).unwrap_or_default();
        self.begin(now, Input::Connected(welcome));
        Heard::Welcome { heartbeat }
    }

    fn stage_batch(&mut self, batch: Batch) {
        self.cache.apply(&batch);
        self.staged.append(batch);
    }
}

/// All keys but those of messages, lost ones included, and of the search index.
fn state_ranges() -> [(Key, Key); 4] {
    let (lost, messages, index) = (LOST_MESSAGES_PREFIX, MESSAGES_PREFIX, search::PREFIX);
    [
        (Key::new(), lost.to_vec()),
        (next(lost), messages.to_vec()),
        (next(messages), index.to_vec()),
        (next(index), vec![u8::MAX]),
    ]
}

fn identity_of(account: &Account) -> Result<DeviceIdentity, JsError> {
    Ok(DeviceIdentity::new(account.key(), account.certificate().clone())?)
}

fn encode(frame: &ClientFrame) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_client(Format::Proto, frame, &mut bytes);
    bytes
}

fn wrong(message: &str) -> JsValue {
    to_js(&FailureView::from(&Failure::new(ErrorCode::InvalidArgument, message)))
}

fn nobody() -> JsValue {
    let message = "Nobody is logged in here.".to_owned();
    to_js(&FailureView { code: "stopped".to_owned(), message, retry_after: None })
}
