//! A person links their second device with the first over the real server, or begins anew without it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

// Not every test here needs all of the machine.
#[path = "support/device.rs"]
mod device;
#[expect(dead_code, reason = "this test has no terminals")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use device::{LoggedIn, PATIENCE, Running, text, unlock};
use dunlin_client::identity::linking::LinkingCode;
use dunlin_client::{Action, Change, LINKING_TIME_MAX, LinkEnd};
use dunlin_client_native::device::Device;
use dunlin_client_native::identity;
use dunlin_client_native::linking::{Linking, LinkingEvent, LinkingFailure, other_devices};
use dunlin_client_native::vault::Vault;
use dunlin_model::clock::ManualClock;
use dunlin_model::{ChatId, ChatKind, Clock, DeviceId, Encryption, Timestamp, UserId};
use support::Machine;
use tokio::time::timeout;

impl Running {
    async fn acts(&self, action: Action) {
        self.device.act(1, action).await.unwrap();
    }

    async fn creates(&mut self, with: UserId) -> ChatId {
        let (kind, encryption) = (ChatKind::Direct, Encryption::Mls);
        self.acts(Action::Create { kind, encryption, name: String::new(), members: vec![with] }).await;
        match self.until(|change| matches!(change, Change::Created { .. })).await {
            Change::Created { chat, .. } => chat,
            other => panic!("{other:?}"),
        }
    }

    async fn says(&self, chat: ChatId, what: &str) {
        self.acts(Action::Send { chat, content: text(what) }).await;
    }

    /// Answers the new device that asks, up to the code.
    async fn answers(&mut self, new: DeviceId) -> LinkingCode {
        self.until(|change| *change == Change::LinkAsked { device: new }).await;
        self.acts(Action::AnswerLink { device: new.number }).await;
        match self.until(|change| matches!(change, Change::LinkCode { .. })).await {
            Change::LinkCode { device, code } if device == new => code,
            other => panic!("{other:?}"),
        }
    }

    async fn link_ends(&mut self) -> LinkEnd {
        match self.until(|change| matches!(change, Change::LinkEnded { .. })).await {
            Change::LinkEnded { why, .. } => why,
            other => panic!("{other:?}"),
        }
    }
}

/// Past events that only tell how many hear.
async fn next(linking: &mut Linking) -> Result<LinkingEvent, LinkingFailure> {
    let next = async {
        loop {
            match linking.next().await {
                Ok(LinkingEvent::Reached(_)) => {}
                event => return event,
            }
        }
    };
    timeout(PATIENCE, next).await.expect("an event comes")
}

async fn compares(linking: &mut Linking, with: DeviceId) -> LinkingCode {
    match next(linking).await.unwrap() {
        LinkingEvent::Compare { by, code } if by == with => code,
        other => panic!("{other:?}"),
    }
}

/// Ada at her phone and Ben at his, who have written to each other.
async fn talking(machine: &Machine) -> (Running, Running, ChatId) {
    let phone = LoggedIn::of(machine, "ada", "phone").await;
    assert_eq!(other_devices(phone.id, &phone.options).await.unwrap(), [], "she is new here");
    let mut phone = phone.starts_anew().await;
    let mut ben = LoggedIn::of(machine, "ben", "phone").await.starts_anew().await;
    let chat = phone.creates(ben.id.user).await;
    phone.says(chat, "before").await;
    ben.reads(chat, "before").await;
    (phone, ben, chat)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_links_a_second_device_which_enters_all_chats_and_reads_and_writes() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (mut phone, mut ben, chat) = talking(&machine).await;
    let laptop = LoggedIn::of(&machine, "ada", "laptop").await;
    let others = other_devices(laptop.id, &laptop.options).await.unwrap();
    assert_eq!(others.iter().map(|other| other.device).collect::<Vec<_>>(), [phone.id]);

    let mut linking = Linking::begin(laptop.id, laptop.options.clone());
    let (on_laptop, on_phone) = tokio::join!(compares(&mut linking, phone.id), phone.answers(laptop.id));
    assert_eq!(on_laptop, on_phone);
    phone.acts(Action::ConfirmLink { device: laptop.id.number }).await;
    assert_eq!(phone.link_ends().await, LinkEnd::Linked);
    // The phone's word alone is not enough: the person says so here too.
    assert!(timeout(Duration::from_secs(1), linking.next()).await.is_err());
    linking.confirm();
    let LinkingEvent::Linked(account) = next(&mut linking).await.unwrap() else { panic!("it is linked") };
    assert!(matches!(linking.next().await, Err(LinkingFailure::Ended)));

    let mut laptop = laptop.starts_with(*account).await;
    // It has entered once it can write.
    laptop.says(chat, "from the laptop").await;
    ben.reads(chat, "from the laptop").await;
    phone.reads(chat, "from the laptop").await;
    ben.says(chat, "hello laptop").await;
    laptop.reads(chat, "hello laptop").await;
    phone.reads(chat, "hello laptop").await;
    let identities = [&phone, &laptop].map(|of| {
        let user = of.id.user;
        of.device.look(move |client| client.identity_of(user))
    });
    let [one, other] = identities;
    assert_eq!(one.await.unwrap(), other.await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_text_is_scanned_needs_no_comparison() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (mut phone, mut ben, chat) = talking(&machine).await;
    let laptop = LoggedIn::of(&machine, "ada", "laptop").await;
    let mut linking = Linking::begin(laptop.id, laptop.options.clone());
    let shown = linking.text().for_qr().parse().unwrap();
    phone.acts(Action::ScanLink { text: shown }).await;
    let account = loop {
        match next(&mut linking).await.unwrap() {
            LinkingEvent::Linked(account) => break account,
            LinkingEvent::Compare { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(phone.link_ends().await, LinkEnd::Linked);
    let laptop = laptop.starts_with(*account).await;
    laptop.says(chat, "scanned").await;
    ben.reads(chat, "scanned").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_refuses_on_either_device_ends_it_on_both() {
    let machine = Machine::new();
    let _server = machine.serve();
    let mut phone = LoggedIn::of(&machine, "ada", "phone").await.starts_anew().await;
    let laptop = LoggedIn::of(&machine, "ada", "laptop").await;
    // On the phone, as somebody does who sees another code there.
    let mut linking = Linking::begin(laptop.id, laptop.options.clone());
    let (_, _) = tokio::join!(compares(&mut linking, phone.id), phone.answers(laptop.id));
    phone.acts(Action::RefuseLink { device: laptop.id.number }).await;
    assert_eq!(phone.link_ends().await, LinkEnd::Refused);
    linking.confirm();
    assert!(matches!(next(&mut linking).await, Err(LinkingFailure::Refused)));
    // On the laptop.
    let mut linking = Linking::begin(laptop.id, laptop.options.clone());
    let (_, _) = tokio::join!(compares(&mut linking, phone.id), phone.answers(laptop.id));
    linking.refuse().await;
    assert_eq!(phone.link_ends().await, LinkEnd::Withdrawn);
}

#[tokio::test(flavor = "multi_thread")]
async fn linking_that_nobody_answers_ends_after_ten_minutes() {
    let machine = Machine::new();
    let _server = machine.serve();
    let mut laptop = LoggedIn::of(&machine, "ada", "laptop").await;
    let clock = Arc::new(ManualClock::at(Timestamp(1)));
    laptop.options.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let mut linking = Linking::begin(laptop.id, laptop.options.clone());
    assert!(matches!(timeout(PATIENCE, linking.next()).await.unwrap(), Ok(LinkingEvent::Reached(0))));
    clock.advance(LINKING_TIME_MAX);
    let ended = next(&mut linking).await.unwrap_err();
    assert_eq!(ended.to_string(), "Nobody linked this device within ten minutes.");
    assert!(matches!(linking.next().await, Err(LinkingFailure::Ended)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_device_left_begins_anew_and_everybody_is_shown_that() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (phone, mut ben, chat) = talking(&machine).await;
    let (lost, lost_device) = (phone.id, phone);
    let tablet = LoggedIn::of(&machine, "ada", "tablet").await;
    assert_eq!(other_devices(tablet.id, &tablet.options).await.unwrap().len(), 1);
    identity::revoke_others(&tablet.options.api, &tablet.token).await.unwrap();
    assert_eq!(other_devices(tablet.id, &tablet.options).await.unwrap(), []);
    let mut tablet = tablet.starts_anew().await;
    tablet.says(chat, "it is me again").await;
    let changed = ben.until(|change| matches!(change, Change::IdentityChanged { .. })).await;
    let Change::IdentityChanged { user, .. } = changed else { panic!("{changed:?}") };
    assert_eq!(user, lost.user);
    ben.reads(chat, "it is me again").await;
    ben.says(chat, "who is me?").await;
    tablet.reads(chat, "who is me?").await;
    let can_read = |device: DeviceId| {
        ben.device.look(move |client| {
            client.keys().members(chat).iter().any(|certificate| certificate.device == device)
        })
    };
    assert!(!can_read(lost).await.unwrap(), "the lost device is out");
    assert!(can_read(tablet.id).await.unwrap());
    drop(lost_device);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_identity_beside_the_first_is_refused_in_words() {
    let machine = Machine::new();
    let _server = machine.serve();
    let _phone = LoggedIn::of(&machine, "ada", "phone").await.starts_anew().await;
    let laptop = LoggedIn::of(&machine, "ada", "laptop").await;
    let account = identity::new_account(laptop.id, &*laptop.options.randomness, laptop.options.clock.now());
    let vault =
        Vault::create(&laptop.vault, &unlock(&laptop.vault), Arc::clone(&laptop.options.randomness)).unwrap();
    let (device, events) = Device::create(vault, account, laptop.options).unwrap();
    let mut laptop = Running { id: laptop.id, device, events };
    let refused = laptop.until(|change| matches!(change, Change::CertificateRefused { .. })).await;
    let Change::CertificateRefused { why } = refused else { panic!("{refused:?}") };
    assert!(why.message.contains("revoked first"), "{}", why.message);
}
