//! People's devices against the real server: the client core with its vault on disk and MLS, over the socket.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

// Not every test here needs all of the machine.
#[expect(dead_code, reason = "what is waited for here is not only changes")]
#[path = "support/device.rs"]
mod device;
#[expect(dead_code, reason = "this test has no terminals")]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use device::{LoggedIn, PATIENCE, Running, next_event, text, unlock};
use dunlin_client::content::Content;
use dunlin_client::query::{BodyView, Item, MessageStatus, MessageView, Place, Preview};
use dunlin_client::search::Query;
use dunlin_client::{Account, Action, Change};
use dunlin_client_native::device::{Device, DeviceEvent, DeviceOptions};
use dunlin_client_native::vault::Vault;
use dunlin_model::{ChatId, ChatKind, DeviceCertificate, DeviceKey, Encryption, Timestamp, UserId};
use ed25519_dalek::SigningKey;
use support::Machine;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Somebody with one device.
struct Someone {
    user: UserId,
    vault: PathBuf,
    options: DeviceOptions,
    device: Device,
    events: mpsc::Receiver<DeviceEvent>,
}

impl Someone {
    /// Registers with a one-time code, makes an identity, and goes online.
    async fn register(machine: &Machine, number: u8) -> Self {
        Self::register_device(machine, number, "test").await
    }

    /// The same, or another device of the same person under the same identity key.
    async fn register_device(machine: &Machine, number: u8, name: &str) -> Self {
        let logged_in = LoggedIn::of(machine, &format!("person{number}"), name).await;
        let (vault, options) = (logged_in.vault.clone(), logged_in.options.clone());
        let identity = SigningKey::from_bytes(&[number; 32]);
        let mut seed = [!number; 32];
        seed[..4].copy_from_slice(&logged_in.id.number.0.to_be_bytes());
        let key = SigningKey::from_bytes(&seed);
        let public = DeviceKey(key.verifying_key().to_bytes());
        let certificate = DeviceCertificate::issue(&identity, logged_in.id, public, Timestamp(1));
        let account = Account::new(certificate, &key, Some(&identity));
        let Running { id, device, events } = logged_in.starts_with(account).await;
        Self { user: id.user, vault, options, device, events }
    }

    /// Waits for an event.
    async fn until(&mut self, is_it: impl Fn(&DeviceEvent) -> bool) -> DeviceEvent {
        next_event(&mut self.events, is_it).await
    }

    async fn create(&mut self, kind: ChatKind, name: &str, members: Vec<UserId>) -> ChatId {
        let action = Action::Create { kind, encryption: Encryption::Mls, name: name.into(), members };
        self.device.act(1, action).await.unwrap();
        let created = |event: &DeviceEvent| matches!(event, DeviceEvent::Change(change) if matches!(**change, Change::Created { token: 1, .. }));
        match self.until(created).await {
            DeviceEvent::Change(change) => match *change {
                Change::Created { chat, .. } => chat,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    async fn say(&mut self, chat: ChatId, token: u64, what: &str) {
        self.device.act(token, Action::Send { chat, content: text(what) }).await.unwrap();
        self.until(|event| {
            let DeviceEvent::Change(change) = event else { return false };
            if let Change::Refused { token: of, why, .. } = &**change {
                assert!(*of != token, "refused: {why:?}");
            }
            matches!(**change, Change::Accepted { token: of, .. } if of == token)
        })
        .await;
    }

    /// Waits until this text was decrypted here.
    async fn reads(&mut self, chat: ChatId, what: &str) {
        self.until(|event| {
            let DeviceEvent::Change(change) = event else { return false };
            let Change::Message { chat: of, message } = &**change else { return false };
            let envelope = message.envelope(chat).filter(|_| *of == chat);
            envelope.is_some_and(|envelope| envelope.content == text(what))
        })
        .await;
    }

    /// Waits until the chat reads so, oldest first.
    async fn reads_as(&mut self, chat: ChatId, is_it: impl Fn(&[MessageView]) -> bool) -> Vec<MessageView> {
        let waited = timeout(PATIENCE, async {
            loop {
                let messages = self.messages(chat);
                if is_it(&messages) {
                    return messages;
                }
                self.events.recv().await.expect("the device runs");
            }
        });
        match waited.await {
            Ok(messages) => messages,
            Err(_) => panic!("waited in vain; there is {:#?}", self.messages(chat)),
        }
    }

    fn messages(&self, chat: ChatId) -> Vec<MessageView> {
        let items = self.device.history(chat, None, 50).items.into_iter().rev();
        let message = |item| match item {
            Item::Message(message) => Some(*message),
            Item::Event(_) | Item::Notice(_) => None,
        };
        items.filter_map(message).collect()
    }

    fn finds(&self, text: &str) -> Vec<String> {
        let query = Query { text, chat: None, limit: 10 };
        self.device.find(&query).unwrap().iter().map(|found| words(&found.message)).collect()
    }

    /// Closes the device, which ends its task, and gives what is needed to open it again.
    async fn close(self) -> (UserId, PathBuf, DeviceOptions) {
        let Self { user, vault, options, device, mut events } = self;
        drop(device);
        while events.recv().await.is_some() {}
        (user, vault, options)
    }

    fn open((user, vault, options): (UserId, PathBuf, DeviceOptions)) -> Self {
        let opened = Vault::open(&vault, &unlock(&vault), Arc::clone(&options.randomness)).unwrap();
        let (device, events) = Device::open(opened, options.clone()).unwrap();
        Self { user, vault, options, device, events }
    }
}

/// What a message says; nothing when it was deleted.
fn words(message: &MessageView) -> String {
    match &message.body {
        BodyView::Text(text) => text.text.clone(),
        BodyView::Deleted => String::new(),
        other => panic!("{other:?}"),
    }
}

/// Every byte of every file below `dir`.
fn bytes_below(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes.extend(bytes_below(&path));
        } else {
            bytes.extend(fs::read(&path).unwrap());
        }
    }
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_talk_encrypted_and_one_of_them_goes_away_and_comes_back() {
    let machine = Machine::new();
    let _server = machine.serve();
    let mut ada = Someone::register(&machine, 1).await;
    let mut ben = Someone::register(&machine, 2).await;
    let chat = ada.create(ChatKind::Direct, "", vec![ben.user]).await;
    ada.say(chat, 10, "marker-one from Ada").await;
    ben.reads(chat, "marker-one from Ada").await;
    ben.say(chat, 20, "marker-two from Ben").await;
    ada.reads(chat, "marker-two from Ben").await;

    let away = ben.close().await;
    ada.say(chat, 11, "marker-three while Ben is away").await;
    let mut ben = Someone::open(away);
    ben.reads(chat, "marker-three while Ben is away").await;
    ben.say(chat, 21, "marker-four, back again").await;
    ada.reads(chat, "marker-four, back again").await;

    // Neither the server nor a vault has a readable byte of it.
    ada.close().await;
    ben.close().await;
    for place in ["data", "vault-person1-test", "vault-person2-test"] {
        let bytes = bytes_below(&machine.path(place));
        assert!(bytes.len() > 1_000, "{place} is looked at");
        for marker in ["marker-one", "marker-two", "marker-three", "marker-four"] {
            assert!(!holds(&bytes, marker), "{marker} in {place}");
        }
    }
    assert!(!holds(&fs::read(machine.path("server.log")).unwrap(), "marker-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_handshakes_do_not_fit_the_log_goes_by_blobs() {
    let machine = Machine::new();
    let _server = machine.serve();
    let mut people = Vec::new();
    for number in 1..=9 {
        people.push(Someone::register(&machine, number).await);
    }
    let others: Vec<UserId> = people[1..].iter().map(|person| person.user).collect();
    let mut ada = people.remove(0);
    let chat = ada.create(ChatKind::Group, "marker-name of the group", others.clone()).await;
    ada.say(chat, 10, "hello all").await;
    for person in &mut people {
        person.reads(chat, "hello all").await;
    }
    assert!(fs::read_dir(machine.path("data").join("blobs")).unwrap().count() > 0, "blobs were used");
    // Who is removed reads nothing that follows; the others do.
    let command = dunlin_model::ChatCommand::Remove { users: vec![others[0]] };
    ada.device.act(11, Action::Submit { chat, command }).await.unwrap();
    let mut gone = people.remove(0);
    ada.say(chat, 12, "without Ben").await;
    for person in &mut people {
        person.reads(chat, "without Ben").await;
    }
    let members = gone.device.look(move |client| client.chat(chat).map(|chat| chat.state.members.len()));
    assert_eq!(members.await.unwrap(), Some(8));
    let seen = std::iter::from_fn(|| gone.events.try_recv().ok()).collect::<Vec<_>>();
    assert!(!format!("{seen:?}").contains("without Ben"));
    assert!(!holds(&bytes_below(&machine.path("data")), "marker-name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_is_edited_reacted_to_answered_deleted_and_found() {
    let machine = Machine::new();
    let _server = machine.serve();
    let mut ada = Someone::register(&machine, 1).await;
    let mut ben = Someone::register(&machine, 2).await;
    let chat = ada.create(ChatKind::Direct, "", vec![ben.user]).await;
    ada.say(chat, 10, "marker-one, the heron").await;
    let heard = ben.reads_as(chat, |messages| messages.len() == 1).await;
    let target = heard[0].reference.unwrap();
    ben.device.act(20, Action::Send { chat, content: Content::reaction(target, "👍") }).await.unwrap();
    ben.device.act(21, Action::Send { chat, content: Content::reply(target, "marker-two") }).await.unwrap();
    ben.device.act(22, Action::MarkSeen { chat, seq: target.seq }).await.unwrap();
    let answered = ada
        .reads_as(chat, |messages| {
            messages.len() == 2
                && messages[0].reactions.len() == 1
                && messages[0].status == Some(MessageStatus::Seen)
        })
        .await;
    assert_eq!((answered[0].reactions[0].emoji.as_str(), answered[0].reactions[0].is_own), ("👍", false));
    let answers = answered[1].reply_to.clone().unwrap();
    assert_eq!(answers.preview, Preview::Text("marker-one, the heron".into()));
    assert_eq!(ada.device.chats(0, 10)[0].unread, 1);

    ada.device
        .act(11, Action::Send { chat, content: Content::edit(target, "marker-three, the egret") })
        .await
        .unwrap();
    ben.reads_as(chat, |messages| messages[0].edited.is_some()).await;
    for someone in [&ada, &ben] {
        assert!(someone.finds("heron").is_empty());
        assert_eq!(someone.finds("egr"), ["marker-three, the egret"]);
        assert_eq!(someone.finds("marker").len(), 2);
    }

    // All of it outlives the process, and a deletion reaches a device that was off.
    let away = ben.close().await;
    ada.device.act(12, Action::Delete { chat, seq: target.seq }).await.unwrap();
    ada.reads_as(chat, |messages| words(&messages[0]).is_empty()).await;
    let mut ben = Someone::open(away);
    let left = ben.reads_as(chat, |messages| words(&messages[0]).is_empty()).await;
    assert_eq!(left.iter().map(words).collect::<Vec<_>>(), ["", "marker-two"]);
    assert!(left[0].reactions.is_empty());
    assert_eq!(left[1].reply_to.as_ref().unwrap().preview, Preview::Deleted);
    assert!(ben.finds("egret").is_empty() && ada.finds("egret").is_empty());

    ada.close().await;
    ben.close().await;
    let bytes = bytes_below(&machine.path("data"));
    for secret in ["marker-", "👍"] {
        assert!(!holds(&bytes, secret), "{secret} is at the server");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_for_oneself_or_verified_holds_on_a_device_that_was_off() {
    let machine = Machine::new();
    let _server = machine.serve();
    let mut ada = Someone::register(&machine, 1).await;
    let mut ben = Someone::register(&machine, 2).await;
    let chat = ada.create(ChatKind::Group, "Birds", vec![ben.user]).await;
    ada.say(chat, 10, "before").await;
    ben.reads(chat, "before").await;
    let mut tablet = Someone::register_device(&machine, 1, "tablet").await;
    let is_in = timeout(PATIENCE, async {
        while !ada
            .device
            .look(move |client| client.chat(chat).unwrap().state.keys.devices.len() == 3)
            .await
            .unwrap()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    is_in.await.unwrap();
    ben.say(chat, 20, "not for Ada").await;
    tablet.reads_as(chat, |messages| messages.iter().any(|message| is_text(message, "not for Ada"))).await;
    let away = tablet.close().await;
    let messages =
        ada.reads_as(chat, |messages| messages.iter().any(|message| is_text(message, "not for Ada"))).await;
    let Place::At(seq) = messages.last().unwrap().place else { panic!("it is in the log") };
    let ben_user = ben.user;
    let identity = ada.device.look(move |client| client.identity_of(ben_user)).await.unwrap().unwrap();
    ada.device.act(11, Action::Hide { chat, seq }).await.unwrap();
    ada.device.act(12, Action::MarkVerified { user: ben_user, identity }).await.unwrap();
    let told = timeout(PATIENCE, async {
        while ada.device.look(|client| client.every_chat().any(|(_, chat)| chat.is_busy())).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    told.await.unwrap();
    ada.close().await;

    let mut tablet = Someone::open(away);
    tablet.reads_as(chat, |messages| !messages.iter().any(|message| is_text(message, "not for Ada"))).await;
    let verified = |event: &DeviceEvent| matches!(event, DeviceEvent::Change(change) if matches!(**change, Change::Verified { verified: true, .. }));
    if !tablet.device.look(move |client| client.is_verified(ben_user)).await.unwrap() {
        tablet.until(verified).await;
    }
    // The name comes after it, in a message of its own.
    let named = timeout(PATIENCE, async {
        loop {
            let listed = tablet.device.chats(0, 10);
            assert_eq!(listed.len(), 1, "the devices' own chat is not for people");
            if listed.iter().all(|summary| summary.title == "Birds") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    named.await.unwrap();
}

fn is_text(message: &MessageView, text: &str) -> bool {
    matches!(&message.body, BodyView::Text(written) if written.text == text)
}
