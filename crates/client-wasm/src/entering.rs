//! A browser that has logged in and has no keys: the first device of its person makes an identity, every other one
//! asks those to let it in. The connection is the driver's.

use dunlin_client::identity::linking::{Newcomer, REPEAT_INTERVAL, Reached, Say};
use dunlin_client::{Account, Generator, LINKING_TIME_MAX};
use dunlin_model::{DeviceCertificate, DeviceId, DeviceKey, ErrorCode, Timestamp};
use dunlin_wire::{ClientFrame, Command, Outcome as Reply, ServerFrame};
use ed25519_dalek::SigningKey;

use crate::events::{Event, link_failure};

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
    Linking(Box<Newcomer>),
    Ended,
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
                if let Stage::Linking(newcomer) = &mut self.stage {
                    match newcomer.hear(device, payload) {
                        Ok(say) => self.say_all(&mut step, say),
                        Err(why) => self.fail(&mut step, &why.to_string()),
                    }
                    self.go_on(&mut step);
                }
            }
            _ => {}
        }
        step
    }

    /// The person says that both devices show the same code.
    pub(crate) fn confirm(&mut self) -> Step {
        let mut step = Step::default();
        if let Stage::Linking(newcomer) = &mut self.stage {
            newcomer.confirm();
            self.go_on(&mut step);
        }
        step
    }

    /// Begins again, with fresh keys: by the person only, since each attempt is a guess for whoever stands between.
    pub(crate) fn restart(&mut self, generator: &mut Generator, now: Timestamp) -> Step {
        let mut step = Step::default();
        if let Stage::Linking(newcomer) = &self.stage {
            let farewell = newcomer.farewell();
            self.say_all(&mut step, farewell);
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
        let key = SigningKey::from_bytes(&fresh(generator));
        let newcomer = Newcomer::begin(self.device, key, fresh(generator), fresh(generator));
        self.ends = now + LINKING_TIME_MAX;
        let text = newcomer.text().for_qr().to_string();
        self.stage = Stage::Linking(Box::new(newcomer));
        step.events.push(self.event(Some(text), None));
        self.repeat(step);
    }

    fn repeat(&mut self, step: &mut Step) {
        if let Stage::Linking(newcomer) = &self.stage {
            let say = newcomer.repeat();
            self.say_all(step, say);
        }
    }

    /// Tells what it has come to.
    fn go_on(&mut self, step: &mut Step) {
        let Stage::Linking(newcomer) = &mut self.stage else { return };
        match newcomer.reached() {
            Ok(None) => {}
            Ok(Some(Reached::Compare { code, .. })) => {
                step.events.push(self.event(None, Some(code.to_string())));
            }
            Ok(Some(Reached::Linked(account))) => {
                self.stage = Stage::Ended;
                step.account = Some(account);
            }
            Err(why) => self.fail(step, &why.to_string()),
        }
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

    fn say_all(&mut self, step: &mut Step, say: Option<Say>) {
        if let Some(Say { to, payload }) = say {
            self.say(step, Command::RelayToDevices { device: to, payload });
        }
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
