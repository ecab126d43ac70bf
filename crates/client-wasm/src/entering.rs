//! A browser that has logged in and has no keys: the first device of its person makes an identity, every other one
//! asks those to let it in. As `client-native/src/linking`, but for the connection, which is the driver's.
//!
//! Everything may be lost or come twice, so what was said last is said again until it is answered.

use std::time::Duration;

use bytes::Bytes;
use dunlin_client::identity::linking::{
    Admitted, LinkingError, MessageKind, NewDevice, NewDeviceComparing, end,
};
use dunlin_client::{Account, Generator, LINKING_TIME_MAX};
use dunlin_model::{DeviceCertificate, DeviceId, DeviceKey, DeviceNumber, ErrorCode, Timestamp};
use dunlin_wire::{ClientFrame, Command, Outcome as Reply, ServerFrame};
use ed25519_dalek::SigningKey;

use crate::events::{Event, link_failure};

/// How often what was said last is said again.
const REPEAT_INTERVAL: Duration = Duration::from_secs(3);

/// What follows.
#[derive(Default)]
pub(crate) struct Step {
    pub(crate) say: Vec<ClientFrame>,
    pub(crate) events: Vec<Event>,
    /// The account that the device starts from. Nothing comes after.
    pub(crate) account: Option<Box<Account>>,
}

/// A device without keys.
pub(crate) struct Entering {
    device: DeviceId,
    stage: Stage,
    others: Vec<u32>,
    last_id: u64,
    ends: Timestamp,
}

enum Stage {
    /// Whether there are other devices is not known yet.
    Standing,
    Asking {
        key: Box<SigningKey>,
        new: Box<NewDevice>,
        hello: Bytes,
    },
    Comparing(Box<Comparing>),
    Ended,
}

struct Comparing {
    key: Box<SigningKey>,
    by: DeviceId,
    new: NewDeviceComparing,
    reveal: Bytes,
    is_confirmed: bool,
    admit: Option<(Bytes, bool)>,
}

impl Entering {
    pub(crate) fn new(device: DeviceId) -> Self {
        Self { device, stage: Stage::Standing, others: Vec::new(), last_id: 0, ends: Timestamp::default() }
    }

    /// A connection stands.
    pub(crate) fn connected(&mut self) -> Step {
        let mut step = Step::default();
        if matches!(self.stage, Stage::Standing) {
            self.say(&mut step, Command::ListDevices { users: vec![self.device.user] });
        } else {
            self.repeat(&mut step);
        }
        step
    }

    /// Time passed. Wanted every [`REPEAT_INTERVAL`].
    pub(crate) fn tick(&mut self, now: Timestamp) -> (Step, Timestamp) {
        let mut step = Step::default();
        if !matches!(self.stage, Stage::Standing | Stage::Ended) && now >= self.ends {
            self.fail(&mut step, "Nobody linked this device within ten minutes.");
        }
        self.repeat(&mut step);
        (step, now + REPEAT_INTERVAL)
    }

    /// The server said something.
    pub(crate) fn hear(&mut self, frame: ServerFrame, generator: &mut Generator, now: Timestamp) -> Step {
        let mut step = Step::default();
        match frame {
            ServerFrame::Reply { outcome: Reply::Devices(devices), .. } => {
                if matches!(self.stage, Stage::Standing) {
                    self.stand(devices, generator, now, &mut step);
                }
            }
            ServerFrame::Reply { outcome: Reply::Failed(failure), .. }
                if failure.code == ErrorCode::DeviceRevoked =>
            {
                self.fail(&mut step, &failure.message);
            }
            ServerFrame::Relayed { device, payload } => {
                let other = DeviceId { number: device, ..self.device };
                if let Err(error) = self.heard_from(other, payload, &mut step) {
                    self.fail(&mut step, &error.to_string());
                }
            }
            _ => {}
        }
        step
    }

    /// The person says that both devices show the same code.
    pub(crate) fn confirm(&mut self) -> Step {
        let mut step = Step::default();
        if let Stage::Comparing(comparing) = &mut self.stage {
            comparing.is_confirmed = true;
            if let Err(error) = self.admit(&mut step) {
                self.fail(&mut step, &error.to_string());
            }
        }
        step
    }

    /// Begins again, with fresh keys: by the person only, since each attempt is a guess for whoever stands between.
    pub(crate) fn restart(&mut self, generator: &mut Generator, now: Timestamp) -> Step {
        let mut step = Step::default();
        if let Stage::Comparing(comparing) = &self.stage {
            let by = comparing.by.number;
            self.relay(&mut step, Some(by), end().into());
        }
        self.ask(generator, now, &mut step);
        step
    }

    /// An identity of its own. The other devices were revoked.
    pub(crate) fn new_identity(&mut self, generator: &mut Generator, now: Timestamp) -> Step {
        self.stage = Stage::Ended;
        Step { account: Some(Box::new(new_account(self.device, generator, now))), ..Step::default() }
    }

    fn stand(
        &mut self,
        devices: Vec<DeviceCertificate>,
        generator: &mut Generator,
        now: Timestamp,
        step: &mut Step,
    ) {
        let own = self.device;
        let is_other = |device: &DeviceId| device.user == own.user && *device != own;
        let others = devices.into_iter().map(|certificate| certificate.device).filter(is_other);
        self.others = others.map(|device| device.number.0).collect();
        if self.others.is_empty() {
            *step = self.new_identity(generator, now);
        } else {
            self.ask(generator, now, step);
        }
    }

    fn ask(&mut self, generator: &mut Generator, now: Timestamp, step: &mut Step) {
        let key = Box::new(SigningKey::from_bytes(&fresh(generator)));
        let public = DeviceKey(key.verifying_key().to_bytes());
        let (new, hello) = NewDevice::begin(self.device, public, fresh(generator), fresh(generator));
        self.ends = now + LINKING_TIME_MAX;
        let text = new.text().for_qr().to_string();
        self.stage = Stage::Asking { key, new: Box::new(new), hello: hello.into() };
        step.events.push(self.event(Some(text), None));
        self.repeat(step);
    }

    fn repeat(&mut self, step: &mut Step) {
        match &self.stage {
            Stage::Asking { hello, .. } => {
                let hello = hello.clone();
                self.relay(step, None, hello);
            }
            Stage::Comparing(comparing) if comparing.admit.is_none() => {
                let (by, reveal) = (comparing.by.number, comparing.reveal.clone());
                self.relay(step, Some(by), reveal);
            }
            Stage::Standing | Stage::Comparing(_) | Stage::Ended => {}
        }
    }

    fn heard_from(&mut self, other: DeviceId, message: Bytes, step: &mut Step) -> Result<(), LinkingError> {
        let Some(kind) = MessageKind::of(&message) else { return Ok(()) };
        match (&mut self.stage, kind) {
            (Stage::Asking { .. }, MessageKind::Answer) => self.answered(other, &message, step),
            (Stage::Comparing(comparing), MessageKind::Answer) if comparing.by == other => {
                // It has not heard what followed from its answer.
                self.repeat(step);
                Ok(())
            }
            (Stage::Comparing(_), MessageKind::Answer) => {
                self.relay(step, Some(other.number), end().into());
                Ok(())
            }
            (Stage::Comparing(comparing), MessageKind::Admit | MessageKind::AdmitScanned)
                if comparing.by == other && comparing.admit.is_none() =>
            {
                comparing.admit = Some((message, kind == MessageKind::AdmitScanned));
                self.admit(step)
            }
            (Stage::Comparing(comparing), MessageKind::End)
                if comparing.by == other && comparing.admit.is_none() =>
            {
                self.fail(step, "The other device refused, or gave up.");
                Ok(())
            }
            (Stage::Asking { .. }, MessageKind::End) => {
                self.fail(step, "The other device refused, or gave up.");
                Ok(())
            }
            // From other new devices, or too late.
            _ => Ok(()),
        }
    }

    fn answered(&mut self, by: DeviceId, answer: &[u8], step: &mut Step) -> Result<(), LinkingError> {
        let Stage::Asking { key, new, .. } = std::mem::replace(&mut self.stage, Stage::Ended) else {
            return Ok(());
        };
        let (new, reveal) = new.answered(by, answer)?;
        let code = new.code().to_string();
        let reveal = Bytes::from(reveal);
        let comparing = Comparing { key, by, new, reveal, is_confirmed: false, admit: None };
        self.stage = Stage::Comparing(Box::new(comparing));
        self.repeat(step);
        step.events.push(self.event(None, Some(code)));
        Ok(())
    }

    /// Takes the account, once it was sent and the person agrees: by comparing, or by having the text scanned.
    fn admit(&mut self, step: &mut Step) -> Result<(), LinkingError> {
        let is_ready = |comparing: &Comparing| match &comparing.admit {
            Some((_, is_scanned)) => *is_scanned || comparing.is_confirmed,
            None => false,
        };
        if !matches!(&self.stage, Stage::Comparing(comparing) if is_ready(comparing)) {
            return Ok(());
        }
        let Stage::Comparing(comparing) = std::mem::replace(&mut self.stage, Stage::Ended) else {
            return Ok(());
        };
        let Comparing { key, new, admit, .. } = *comparing;
        let (message, is_scanned) = admit.unwrap_or_default();
        let Admitted { identity, certificate } =
            if is_scanned { new.admitted_by_scan(&message)? } else { new.admitted(&message)? };
        step.account = Some(Box::new(Account::new(certificate, &key, Some(&identity))));
        Ok(())
    }

    fn fail(&mut self, step: &mut Step, why: &str) {
        self.stage = Stage::Ended;
        let others = self.others.clone();
        let failure = Some(link_failure(why));
        step.events.push(Event::Entering { text: None, code: None, others, failure });
    }

    fn event(&self, text: Option<String>, code: Option<String>) -> Event {
        Event::Entering { text, code, others: self.others.clone(), failure: None }
    }

    fn relay(&mut self, step: &mut Step, device: Option<DeviceNumber>, payload: Bytes) {
        self.say(step, Command::RelayToDevices { device, payload });
    }

    fn say(&mut self, step: &mut Step, command: Command) {
        self.last_id += 1;
        step.say.push(ClientFrame { id: self.last_id, command });
    }
}

/// An account with fresh keys.
fn new_account(device: DeviceId, generator: &mut Generator, now: Timestamp) -> Account {
    let identity = SigningKey::from_bytes(&fresh(generator));
    let key = SigningKey::from_bytes(&fresh(generator));
    let public = DeviceKey(key.verifying_key().to_bytes());
    let certificate = DeviceCertificate::issue(&identity, device, public, now);
    Account::new(certificate, &key, Some(&identity))
}

pub(crate) fn fresh<const N: usize>(generator: &mut Generator) -> [u8; N] {
    let mut bytes = [0; N];
    generator.fill(&mut bytes);
    bytes
}
