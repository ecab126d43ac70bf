//! Every byte that the server stored, logged, got and gave in a session of encrypted chats, looked through for what
//! people wrote, the names of files, and keys. What passes between servers: `crates/delivery/tests/way/relayed.rs`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

// Not every test here needs all of the machine.
#[expect(dead_code, reason = "this test's devices keep what it looks through")]
#[path = "../support/device.rs"]
mod device;
mod people;
#[expect(dead_code, reason = "this test has no terminals")]
#[path = "../support/mod.rs"]
mod support;
mod tap;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use device::text;
use dunlin_client::content::{
    Attachment, ChatMetadata, Content, Dimensions, Edit, FileDigest, FileKey, Files, Mention, PictureChange,
    Reaction, Reference, Text, VOICE_NOTE_MEDIA_TYPE, VoiceNote,
};
use dunlin_client::{Action, Change};
use dunlin_client_native::Credentials;
use dunlin_client_native::files::Uploaded;
use dunlin_model::{AttachmentId, Body, ChatCommand, ChatId, ChatKind, Encryption};
use dunlin_testkit::secrets::Secrets;
use people::{LoggedIn, Running};
use support::Machine;
use tap::{Tap, Wire, holds_ignoring_case};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One grapheme cluster, long enough not to arise by chance.
const FAMILY: &str = "👨‍👩‍👧‍👦";
const DAY_SECONDS: u32 = 86_400;
/// What a server says at its most talkative, for people and for programs.
const TALKATIVE: [(&str, &str); 2] = [("DUNLIN_LOG__FILTER", "trace"), ("DUNLIN_LOG__FORMAT", "text")];
const TALKATIVE_JSON: [(&str, &str); 2] = [("DUNLIN_LOG__FILTER", "trace"), ("DUNLIN_LOG__FORMAT", "json")];

/// Bytes like those of a file or key, different for each `n`.
fn bytes<const N: usize>(n: u8) -> [u8; N] {
    use sha2::{Digest as _, Sha256};
    let block = |at: usize| Sha256::digest([n, u8::try_from(at / 32).unwrap()])[at % 32];
    std::array::from_fn(block)
}

/// A file by name and key.
fn attachment(secrets: &mut Secrets, n: u8, name: &str, voice: bool) -> Attachment {
    let (key, thumbnail, waveform) = (bytes(n), bytes::<200>(n + 1), bytes::<64>(n + 2));
    secrets.add_key("the key of a file", &key);
    secrets.add_key("a digest of a file", &bytes::<32>(n + 3));
    secrets.add_key("a thumbnail", &thumbnail);
    secrets.add("the name of a file", name);
    if voice {
        secrets.add_key("the waveform of a voice note", &waveform);
    }
    Attachment {
        id: AttachmentId::from_bytes(bytes(n + 4)),
        key: FileKey(key),
        digest: FileDigest(bytes(n + 3)),
        size_bytes: 123_456,
        media_type: if voice { VOICE_NOTE_MEDIA_TYPE } else { "image/jpeg" }.into(),
        file_name: name.into(),
        thumbnail: if voice { Vec::new() } else { thumbnail.to_vec() },
        dimensions: (!voice).then_some(Dimensions { width: 640, height: 480 }),
        duration_ms: if voice { 4_000 } else { 0 },
        voice_note: voice.then(|| VoiceNote { waveform: waveform.to_vec() }),
    }
}

/// Says something that nobody else is to know.
async fn says(who: &mut Running, secrets: &mut Secrets, chat: ChatId, words: &str) {
    secrets.add("a message", words);
    who.sends(chat, text(words)).await;
}

/// All that one person can say of what another said.
async fn answers(who: &mut Running, secrets: &mut Secrets, chat: ChatId, to: Reference, named: &Running) {
    let words = format!("@secretnickname answers {}", to.seq);
    for secret in ["secretnickname", "secretedited"] {
        secrets.add("an answer", secret);
    }
    secrets.add("an emoji", FAMILY);
    let mentions = vec![Mention { start: 0, length: 15, user: named.id.user }];
    who.sends(chat, Content::Text(Text { text: words.clone(), mentions, reply_to: Some(to) })).await;
    let own = who.device.history(chat, None, 1).items;
    let dunlin_client::query::Item::Message(own) = own.into_iter().next().unwrap() else {
        panic!("a message")
    };
    who.sends(
        chat,
        Content::Edit(Edit {
            target: own.reference.unwrap(),
            text: "secretedited".into(),
            mentions: Vec::new(),
        }),
    )
    .await;
    who.sends(chat, Content::Reaction(Reaction { target: to, emoji: FAMILY.into(), remove: false })).await;
}

async fn sends_files(who: &mut Running, secrets: &mut Secrets, chat: ChatId, n: u8) {
    for voice in [false, true] {
        let name = format!("secretfile{n}{}.bin", if voice { "voice" } else { "photo" });
        let content = format!("secretcontent{n} {voice} of a file");
        secrets.add("what is in a file", &content);
        let stored = who.uploads(content.as_bytes()).await;
        secrets.add_key("the key of a file", &stored.key.0);
        // The server has what is stored, and so knows its digest.
        let file = attachment(secrets, n + if voice { 50 } else { 0 }, &name, voice);
        let Uploaded { id, key, digest, size_bytes } = stored;
        let attachments = vec![Attachment { id, key, digest, size_bytes, ..file }];
        secrets.add("a caption", format!("secretcaption{n}"));
        let caption = Text { text: format!("secretcaption{n} {voice}"), ..Text::default() };
        who.sends(chat, Content::Files(Files { attachments, caption })).await;
    }
    who.sends(chat, Content::DisappearingTimer { seconds: DAY_SECONDS + u32::from(n) }).await;
}

fn looks_for(who: &Running, secrets: &mut Secrets, words: &str, found: usize) {
    secrets.add("what was searched for", words);
    assert_eq!(who.finds(words), found, "{words}");
}

/// A session of two people, one of them with two devices.
async fn two_talk(
    machine: &Machine,
    url: &str,
    secrets: &mut Secrets,
    tokens: &mut Secrets,
) -> Vec<LoggedIn> {
    let mut ada = joins(machine, url, "ada", tokens).await;
    let mut ben = joins(machine, url, "ben", tokens).await;
    let chat = ada.creates(ChatKind::Direct, Encryption::Mls, "", vec![ben.id.user]).await;
    says(&mut ada, secrets, chat, "secretfirst words").await;
    let first = ben.reads(chat, "secretfirst words").await;
    answers(&mut ben, secrets, chat, first, &ada).await;
    sends_files(&mut ada, secrets, chat, 10).await;
    secrets.add("a draft", "secretdraft");
    ada.act(Action::SetDraft { chat, text: "secretdraft".into() }).await;

    let (laptop, credentials) = LoggedIn::of(machine, url, "ada", "laptop").await;
    note_tokens(tokens, &credentials);
    let mut laptop = laptop.gets_linked_by(&mut ada, secrets).await;
    says(&mut laptop, secrets, chat, "secretlaptop words").await;
    ben.reads(chat, "secretlaptop words").await;
    says(&mut ben, secrets, chat, "secretlast words").await;
    laptop.reads(chat, "secretlast words").await;
    ada.reads(chat, "secretlast words").await;
    looks_for(&ben, secrets, "secretfirst", 1);
    looks_for(&ada, secrets, "secretnowhere", 0);
    let mut resting = Vec::new();
    for someone in [ada, ben, laptop] {
        resting.push(someone.rests(secrets).await);
    }
    resting
}

/// They go on in a group with others, of whom one comes by a link and one is removed.
async fn a_group_talks(
    machine: &Machine,
    url: &str,
    secrets: &mut Secrets,
    tokens: &mut Secrets,
    two: Vec<LoggedIn>,
) {
    let mut people: Vec<Running> = two.into_iter().map(LoggedIn::opens).collect();
    for who in ["cleo", "dora", "emil"] {
        people.push(joins(machine, url, who, tokens).await);
    }
    let [mut ada, mut ben, mut laptop, mut cleo, mut dora, emil] = people.try_into().ok().unwrap();
    let members = vec![ben.id.user, cleo.id.user, emil.id.user];
    secrets.add("a title", "secrettitle");
    let chat = ada.creates(ChatKind::Group, Encryption::Mls, "secrettitle of all", members).await;
    secrets.add("a description", "secretdescription");
    let picture = attachment(secrets, 100, "secretpicture.webp", false);
    ada.sends(
        chat,
        Content::ChatMetadata(ChatMetadata {
            name: Some("secrettitle again".into()),
            description: Some("secretdescription".into()),
            picture: Some(PictureChange::Set(Box::new(picture))),
        }),
    )
    .await;
    let made = ada.act(Action::SetInvite { chat }).await;
    let made = ada.until(|change| matches!(change, Change::InviteMade { token, .. } if *token == made)).await;
    let Change::InviteMade { code, .. } = made else { panic!("{made:?}") };
    secrets.add_key("the secret of a link", &code.secret);
    secrets.add_key("the key of a link", &code.key().to_bytes());
    dora.act(Action::JoinByInvite { code }).await;
    dora.until(|change| matches!(change, Change::Accepted { .. })).await;
    says(&mut dora, secrets, chat, "secretnewcomer words").await;
    let newcomers = ben.reads(chat, "secretnewcomer words").await;
    answers(&mut ben, secrets, chat, newcomers, &dora).await;
    sends_files(&mut laptop, secrets, chat, 150).await;
    let command = ChatCommand::Remove { users: vec![cleo.id.user] };
    cleo.reads(chat, "secretnewcomer words").await;
    ada.does(Action::Submit { chat, command }).await;
    says(&mut ada, secrets, chat, "secretwithout cleo").await;
    dora.reads(chat, "secretwithout cleo").await;
    looks_for(&dora, secrets, "secretwithout", 1);
    for someone in [ada, ben, laptop, cleo, dora, emil] {
        someone.rests(secrets).await;
    }
}

async fn joins(machine: &Machine, url: &str, who: &str, tokens: &mut Secrets) -> Running {
    let (device, credentials) = LoggedIn::of(machine, url, who, "phone").await;
    note_tokens(tokens, &credentials);
    device.starts_anew().await
}

/// The server knows them for a moment, and is to keep and log none. What makes them hard to guess stands last.
fn note_tokens(tokens: &mut Secrets, credentials: &Credentials) {
    for token in [&credentials.access_token, &credentials.refresh_token] {
        tokens.add("a token", &token[token.len() - 20..]);
    }
}

/// Every byte of every file below `dir` but the keys of vaults.
fn bytes_below(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes.extend(bytes_below(&path));
        } else if path.extension().is_none_or(|extension| extension != "key") {
            bytes.extend(fs::read(&path).unwrap());
        }
    }
    bytes
}

/// What is looked through: a name, and all the bytes.
fn places(machine: &Machine, wire: &Wire) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("what the server stored", bytes_below(&machine.path("data"))),
        ("what the server logged", fs::read(machine.path("server.log")).unwrap()),
        ("what clients sent", wire.raw_up.clone()),
        ("what clients sent in frames", wire.frames_up.clone()),
        ("what the server sent", wire.raw_down.clone()),
        ("what the server sent in frames", wire.frames_down.clone()),
    ]
}

/// A search is only worth something where nothing is hidden by how it was sent or logged.
fn all_is_legible(wire: &Wire, log: &[u8]) {
    for hiding in ["content-encoding:", "transfer-encoding:", "sec-websocket-extensions:"] {
        for bytes in [&wire.raw_up, &wire.raw_down] {
            assert!(!holds_ignoring_case(bytes, hiding.as_bytes()), "{hiding} hides something");
        }
    }
    let lines =
        [" DEBUG ", r#""level":"DEBUG""#, "The code for ada@example.org", "The code for cleo@example.org"];
    for line in lines {
        assert!(holds_ignoring_case(log, line.as_bytes()), "the log says {line}");
    }
}

/// Something that only a talkative server logs.
async fn talks_nonsense(port: u16) {
    let mut nonsense = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    nonsense.write_all(b"nonsense\r\n\r\n").await.unwrap();
    nonsense.read_to_end(&mut Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_people_write_and_no_key_is_stored_logged_or_sent_legibly() {
    let machine = Machine::new();
    let tap = Tap::before(machine.port()).await;
    let (mut secrets, mut tokens) = (Secrets::default(), Secrets::default());
    let server = machine.serve_with(&TALKATIVE);
    talks_nonsense(machine.port()).await;
    let two = two_talk(&machine, &tap.url(), &mut secrets, &mut tokens).await;
    server.kill();
    let server = machine.serve_with(&TALKATIVE_JSON);
    talks_nonsense(machine.port()).await;
    a_group_talks(&machine, &tap.url(), &mut secrets, &mut tokens, two).await;
    server.kill();

    let wire = tap.wire();
    let places = places(&machine, &wire);
    all_is_legible(&wire, &places[1].1);
    assert!(secrets.count() > 500, "keys were found in the vaults");
    assert!(fs::read_dir(machine.path("data/blobs")).unwrap().count() > 0, "handshakes went by blobs too");
    let (secrets, tokens) = (secrets.scanner(), tokens.scanner());
    for (place, bytes) in &places {
        assert!(bytes.len() > 1_000, "{place} is looked at");
        assert_eq!(secrets.found_in(bytes), BTreeSet::new(), "in {place}");
    }
    assert_eq!(secrets.found_in(&bytes_below(&machine.path("vaults"))), BTreeSet::new(), "in the vaults");
    // Tokens are sent, which also shows that the search finds what is there.
    assert!(!tokens.found_in(&wire.raw_up).is_empty() && !tokens.found_in(&wire.raw_down).is_empty());
    for (place, bytes) in &places[..2] {
        assert_eq!(tokens.found_in(bytes), BTreeSet::new(), "in {place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_in_a_chat_without_encryption_is_found_in_all_these_places_but_the_log() {
    let machine = Machine::new();
    let tap = Tap::before(machine.port()).await;
    let server =
        machine.serve_with(&[&TALKATIVE[..], &[("DUNLIN_DELIVERY__PLAINTEXT_CHATS", "true")]].concat());
    let mut ada = joins(&machine, &tap.url(), "ada", &mut Secrets::default()).await;
    let mut ben = joins(&machine, &tap.url(), "ben", &mut Secrets::default()).await;
    let chat = ada.creates(ChatKind::Direct, Encryption::None, "", vec![ben.id.user]).await;
    let body = Body::Text("openly said words".into());
    let command = ChatCommand::Send { body, reply_to: None, attachments: Vec::new(), epoch: None };
    ada.does(Action::Submit { chat, command }).await;
    ben.until(|change| format!("{change:?}").contains("openly said")).await;
    drop((ada, ben));
    server.kill();

    let mut open = Secrets::default();
    open.add("a message", "openly said");
    let open = open.scanner();
    for (place, bytes) in places(&machine, &tap.wire()) {
        // Frames of clients are masked, so only what was unmasked shows it.
        let is_hidden = matches!(place, "what the server logged" | "what clients sent");
        assert_eq!(open.found_in(&bytes).is_empty(), is_hidden, "in {place}");
    }
}
