//! What passes between servers, looked through for what people write and for keys: of files, of devices and of groups. What
//! passes between clients and a server, and what a server keeps: `crates/cli/tests/inspected`.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use dunlin_client::content::{
    Attachment, ChatMetadata, Content, Edit, Envelope, FileDigest, FileKey, Files, Mention, PictureChange,
    Reaction, Reference, Text, VOICE_NOTE_MEDIA_TYPE, VoiceNote,
};
use dunlin_client::keys::Keys;
use dunlin_delivery::{Accepted, Delivery, Storage};
use dunlin_model::clock::SeededRandomness;
use dunlin_model::{AttachmentId, Body, ChatCommand, ChatId, ClientSeq, Encryption, Seq, Suite, UserId};
use dunlin_relay::{InProcessRelay, Relay, RelayError, ServerId, Signal, Wake, WakeSink};
use dunlin_testkit::key_rows;
use dunlin_testkit::secrets::Secrets;
use parking_lot::Mutex;

use crate::mls::{Peer, certified, commit, identity, start};
use crate::world::{START, World, connect, pull, rung, text};

/// A relay that keeps what is published, as a program would log it and as it would write it.
#[derive(Default)]
struct Recording {
    relay: InProcessRelay,
    kept: Mutex<Vec<u8>>,
}

impl Recording {
    fn keep(&self, logged: String, written: &[u8]) {
        let mut kept = self.kept.lock();
        kept.extend(logged.into_bytes());
        kept.extend(written);
    }
}

#[async_trait]
impl Relay for Recording {
    async fn attach(&self, server: ServerId, sink: Weak<dyn WakeSink>) -> Result<(), RelayError> {
        self.relay.attach(server, sink).await
    }

    async fn subscribe(&self, server: ServerId, user: UserId) -> Result<(), RelayError> {
        self.relay.subscribe(server, user).await
    }

    async fn unsubscribe(&self, server: ServerId, user: UserId) -> Result<(), RelayError> {
        self.relay.unsubscribe(server, user).await
    }

    fn publish(&self, from: ServerId, users: &[UserId], wake: Wake) {
        let written = wake.event.as_ref().map(|event| postcard::to_stdvec(&**event).unwrap());
        self.keep(format!("{wake:?}"), &written.unwrap_or_default());
        self.relay.publish(from, users, wake);
    }

    fn publish_signal(&self, from: ServerId, users: &[UserId], signal: Signal) {
        let written =
            if let Signal::Relayed { payload, .. } = &signal { payload.clone() } else { Bytes::new() };
        self.keep(format!("{signal:?}"), &written);
        self.relay.publish_signal(from, users, signal);
    }
}

async fn server(world: &World, relay: &Arc<Recording>, id: u64) -> Arc<Delivery> {
    let (store, blobs) = (Arc::clone(&world.store) as _, Storage::in_memory(Arc::clone(&world.blobs) as _));
    let (clock, randomness) = (Arc::clone(&world.clock) as _, Arc::new(SeededRandomness::new(id)));
    let config = world.config.clone();
    Delivery::start(store, blobs, Arc::clone(relay) as _, ServerId(id), clock, randomness, config)
        .await
        .unwrap()
}

/// A file whose name, key and picture are secrets.
fn attachment(secrets: &mut Secrets, n: u8) -> Attachment {
    let key = std::array::from_fn(|at| n ^ u8::try_from(at * 7).unwrap());
    let (name, thumbnail) = (format!("secretfile{n}.ogg"), vec![n; 64]);
    let waveform: Vec<u8> = (n..n + 64).collect();
    secrets.add_key("the key of a file", &key);
    secrets.add("the name of a file", &name);
    secrets.add("a thumbnail", &thumbnail);
    secrets.add_key("a waveform", &waveform);
    Attachment {
        id: AttachmentId::from_bytes([n; 16]),
        key: FileKey(key),
        digest: FileDigest([n; 32]),
        size_bytes: 1_000,
        media_type: VOICE_NOTE_MEDIA_TYPE.into(),
        file_name: name,
        thumbnail,
        dimensions: None,
        duration_ms: 4_000,
        voice_note: Some(VoiceNote { waveform }),
    }
}

/// A message of every kind.
fn contents(secrets: &mut Secrets, named: UserId) -> Vec<Content> {
    for word in [
        "secretwords",
        "secretnickname",
        "secretanswer",
        "secretedited",
        "secretcaption",
        "secrettitle",
        "secretabout",
    ] {
        secrets.add("a message", word);
    }
    let family = "👨‍👩‍👧‍👦";
    secrets.add("an emoji", family);
    let target = Reference { seq: Seq(3), digest: dunlin_client::content::ContentDigest([7; 32]) };
    let mentions = vec![Mention { start: 0, length: 15, user: named }];
    let answer = Text { text: "@secretnickname secretanswer".into(), mentions, reply_to: Some(target) };
    let caption = Text { text: "secretcaption".into(), ..Text::default() };
    vec![
        Content::text("secretwords"),
        Content::Text(answer),
        Content::Edit(Edit { target, text: "secretedited".into(), mentions: Vec::new() }),
        Content::Reaction(Reaction { target, emoji: family.into(), remove: false }),
        Content::Files(Files { attachments: vec![attachment(secrets, 11)], caption }),
        Content::DisappearingTimer { seconds: 86_400 },
        Content::ChatMetadata(ChatMetadata {
            name: Some("secrettitle".into()),
            description: Some("secretabout".into()),
            picture: Some(PictureChange::Removed),
        }),
    ]
}

/// Sends one message, encrypted, by this server, and gives its plaintext.
async fn says(server: &Arc<Delivery>, who: &mut Peer, chat: ChatId, content: Content) -> Vec<u8> {
    let number = ClientSeq(who.number());
    let envelope = Envelope {
        chat,
        sender: who.id,
        client_seq: number,
        sender_counter: number.0,
        sent: START,
        disappear_seconds: 0,
        content,
    };
    let plaintext = envelope.seal_plaintext().unwrap();
    let (epoch, ciphertext) = who.keys.encrypt(chat, &plaintext).unwrap();
    let body = Body::Opaque(ciphertext);
    let command = ChatCommand::Send { body, reply_to: None, attachments: Vec::new(), epoch: Some(epoch) };
    let said: Accepted = server.submit_in_task(who.id, chat, number, command, None).await.unwrap();
    assert!(!said.repeated);
    plaintext
}

/// Takes note of the private keys and secrets that a device has come to since the last time.
fn note_keys(secrets: &mut Secrets, who: &mut Peer) {
    secrets.add_key("the key of a device", &certified(who.id).0.to_bytes());
    secrets.add_key("an identity key", &identity(who.id).to_bytes());
    for (key, value) in who.keys.take_changes().iter() {
        key_rows::add(secrets, key, value.unwrap_or_default());
    }
}

#[tokio::test]
async fn nothing_that_people_write_and_no_private_key_passes_between_servers() {
    let world = World::new().await;
    let relay = Arc::new(Recording::default());
    let (here, there) = (server(&world, &relay, 11).await, server(&world, &relay, 12).await);
    let (mut ada, mut ben) = (world.peer(1).await, world.peer(2).await);
    let phone = world.second_device(&ada).await;
    let (mut bens, mut phones) = (connect(&there, ben.id, &[]).await, connect(&there, phone.id, &[]).await);
    let mut secrets = Secrets::default();

    let chat = world.encrypted(ada.id, &[ben.id]).await;
    let prepared = ada.keys.start(chat, 1, Suite::HYBRID, &[ben.package(Suite::HYBRID)]).unwrap();
    let number = ClientSeq(ada.number());
    let first = ChatCommand::StartGroup(Box::new(start(ada.id, Suite::HYBRID, &prepared)));
    here.submit_in_task(ada.id, chat, number, first, None).await.unwrap();
    ada.keys.merge_pending(chat).unwrap();
    note_keys(&mut secrets, &mut ben);
    ben.keys.join(chat, 1, prepared.welcome.as_ref().unwrap()).unwrap();
    for who in [&mut ada, &mut ben] {
        note_keys(&mut secrets, who);
    }
    for content in contents(&mut secrets, ben.id.user) {
        let plaintext = says(&here, &mut ada, chat, content).await;
        let used = plaintext.iter().rposition(|byte| *byte != 0).unwrap();
        secrets.add("a plaintext", &plaintext[..used]);
        note_keys(&mut secrets, &mut ada);
    }
    let fresh = ada.keys.commit(chat, &[], &[]).unwrap();
    note_keys(&mut secrets, &mut ada);
    let number = ClientSeq(ada.number());
    let next = ChatCommand::Commit(Box::new(commit(&fresh, &[])));
    here.submit_in_task(ada.id, chat, number, next, None).await.unwrap();
    ada.keys.merge_pending(chat).unwrap();
    note_keys(&mut secrets, &mut ada);
    for kind in [
        "an epoch secret",
        "a secret of messages",
        "a private key of the tree",
        "a private key of a key package",
    ] {
        assert!(secrets.names().contains(kind), "{kind} was looked for");
    }
    here.relay_to_devices(ada.id, None, &Bytes::from_static(b"an openly said payload")).unwrap();
    rung(&bens).await;
    rung(&phones).await;
    pull(&mut bens).await;
    pull(&mut phones).await;
    // What is said openly is found: a text in a chat without encryption, and a payload.
    let open_chat = open_chat(&here, &mut ada, &ben).await;
    let number = ClientSeq(ada.number());
    here.submit_in_task(ada.id, open_chat, number, text("openly said words"), None).await.unwrap();

    let kept = relay.kept.lock();
    assert!(kept.len() > 10_000, "events passed: {}", kept.len());
    let found = secrets.scanner().found_in(&kept).into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(found, [""; 0]);
    for word in ["openly said words", "an openly said payload"] {
        let mut open = Secrets::default();
        open.add("said openly", word);
        assert!(!open.scanner().found_in(&kept).is_empty(), "{word}");
    }
}

async fn open_chat(server: &Arc<Delivery>, by: &mut Peer, with: &Peer) -> ChatId {
    let command = ChatCommand::Create {
        kind: dunlin_model::ChatKind::Group,
        encryption: Encryption::None,
        name: "Open".into(),
        description: String::new(),
        members: vec![with.id.user],
    };
    server.create_chat(by.id, ClientSeq(by.number()), command, None).await.unwrap().chat
}
