//! Handshakes that are not what they say: each is refused by the server, for a reason that can be shown.

use std::time::Duration;

use bytes::Bytes;
use dunlin_client::keys::{Keys, Prepared};
use dunlin_delivery::DeliveryError;
use dunlin_model::{
    ChatCommand, ChatId, Commit, DeviceCertificate, DeviceId, DeviceKey, Epoch, ErrorCode, GroupStart,
    Payload, Refusal, Suite,
};
use ed25519_dalek::SigningKey;
use openmls::prelude::Lifetime;

use crate::crafted::{Crafted, CraftedGroup, Theirs};
use crate::mls::{Peer, certified, commit, start};
use crate::world::{START, World};

const SUITE: Suite = Suite::CLASSIC;

fn inline(bytes: impl Into<Bytes>) -> Payload {
    Payload::Inline(bytes.into())
}

fn why(refused: Result<dunlin_delivery::Accepted, DeliveryError>) -> &'static str {
    let error = refused.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidHandshake, "{error}");
    match error {
        DeliveryError::Refused(Refusal::InvalidHandshake { why }) => why,
        other => panic!("{other}"),
    }
}

/// Three people in a group; the first of them attacks.
struct Scene {
    world: World,
    chat: ChatId,
    mallory: Peer,
    ben: Peer,
    cleo: Peer,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let (mut mallory, mut ben, mut cleo) =
            (world.peer(1).await, world.peer(2).await, world.peer(3).await);
        let chat = world.group_of(SUITE, &mut [&mut mallory, &mut ben, &mut cleo]).await;
        Self { world, chat, mallory, ben, cleo }
    }

    /// Why the server refuses the commit of the attacker; the chat stays as it was.
    async fn refuses(&mut self, commit: Commit) -> &'static str {
        let before = self.world.state(self.chat).await;
        let why = why(self.world.commits(&mut self.mallory, self.chat, commit).await);
        assert_eq!(self.world.state(self.chat).await.keys, before.keys);
        // Slowly enough to be heard.
        self.world.clock.advance(Duration::from_secs(60));
        why
    }

    fn fresh(&mut self) -> Prepared {
        self.mallory.keys.commit(self.chat, &[], &[]).unwrap()
    }
}

#[tokio::test]
async fn a_commit_that_adds_a_stranger_is_refused_whether_it_says_so_or_not() {
    let mut scene = Scene::new().await;
    let mut stranger = scene.world.peer(9).await;
    let adding = scene.mallory.keys.commit(scene.chat, &[stranger.package(SUITE)], &[]).unwrap();
    let open = scene.world.commits(&mut scene.mallory, scene.chat, commit(&adding, &[])).await;
    assert_eq!(open.unwrap_err(), DeliveryError::Refused(Refusal::TargetNotAMember));
    // In secret, with and without the Welcome.
    let mut secret = Commit { added: Vec::new(), ..commit(&adding, &[]) };
    let unknown = "a leaf's certificate is not the one that its device is known by";
    assert_eq!(scene.refuses(secret.clone()).await, unknown);
    secret.welcome = None;
    assert_eq!(scene.refuses(secret).await, unknown);
}

#[tokio::test]
async fn a_commit_that_adds_another_device_than_it_says_is_refused() {
    let mut scene = Scene::new().await;
    let mut laptop = scene.world.second_device(&scene.ben).await;
    let mut phone = scene.world.second_device(&scene.cleo).await;
    let adding = scene.mallory.keys.commit(scene.chat, &[laptop.package(SUITE)], &[]).unwrap();
    let another = Commit { added: vec![phone.id], ..commit(&adding, &[]) };
    assert_eq!(
        scene.refuses(another).await,
        "a leaf's certificate is not the one that its device is known by"
    );
    let packages = [laptop.package(SUITE), phone.package(SUITE)];
    let both = scene.mallory.keys.commit(scene.chat, &packages, &[]).unwrap();
    let mut more = commit(&adding, &[]);
    more.added = vec![laptop.id, phone.id];
    assert_eq!(scene.refuses(more).await, "it adds other devices than it says");
    let right = commit(&both, &[]);
    scene.mallory.keys.discard_pending(scene.chat);
    // What nobody tampered with is taken.
    let mut again = scene.mallory.keys.commit(scene.chat, &packages, &[]).unwrap();
    again.added.sort_unstable();
    assert_eq!(again.added, right.added);
    scene.world.commits(&mut scene.mallory, scene.chat, commit(&again, &[])).await.unwrap();
}

#[tokio::test]
async fn a_commit_that_removes_others_than_it_says_is_refused() {
    let mut scene = Scene::new().await;
    let (ben, cleo) = (scene.ben.id, scene.cleo.id);
    let removing = scene.mallory.keys.commit(scene.chat, &[], &[ben]).unwrap();
    // Nobody waits to be removed.
    assert_eq!(scene.refuses(commit(&removing, &[ben])).await, "it removes a device of a member");
    assert_eq!(scene.refuses(commit(&removing, &[])).await, "it removes other devices than it says");
    // One leaves, and the other is put out.
    scene.world.signs(cleo, scene.chat, 9, ChatCommand::Leave).await.unwrap();
    assert_eq!(scene.refuses(commit(&removing, &[cleo])).await, "it removes other devices than it says");
    let fresh = scene.fresh();
    assert_eq!(scene.refuses(commit(&fresh, &[cleo])).await, "it removes other devices than it says");
    let both = scene.mallory.keys.commit(scene.chat, &[], &[ben, cleo]).unwrap();
    assert_eq!(scene.refuses(commit(&both, &[cleo])).await, "it removes other devices than it says");
    let right = scene.mallory.keys.commit(scene.chat, &[], &[cleo]).unwrap();
    scene.world.commits(&mut scene.mallory, scene.chat, commit(&right, &[cleo])).await.unwrap();
}

#[tokio::test]
async fn a_commit_of_another_epoch_or_group_is_refused() {
    let mut scene = Scene::new().await;
    let first = scene.fresh();
    let Scene { world, chat, mallory, ben, .. } = &mut scene;
    world.goes_on(mallory, *chat, &first, &[], &mut [ben]).await;
    let now = Epoch { generation: 1, number: 2 };
    let old = Commit { epoch: now, ..commit(&first, &[]) };
    assert_eq!(scene.refuses(old).await, "it is for another epoch");
    // Of another chat.
    let (mallory, other) = (&mut scene.mallory, ChatId::from_bytes([5; 16]));
    mallory.keys.start(other, 1, SUITE, &[]).unwrap();
    mallory.keys.merge_pending(other).unwrap();
    let elsewhere = mallory.keys.commit(other, &[], &[]).unwrap();
    let moved = Commit { epoch: now, ..commit(&elsewhere, &[]) };
    assert_eq!(scene.refuses(moved).await, "it is for another group");
}

#[tokio::test]
async fn a_commit_by_somebody_else_is_refused() {
    let mut scene = Scene::new().await;
    let bens = scene.ben.keys.commit(scene.chat, &[], &[]).unwrap();
    assert_eq!(scene.refuses(commit(&bens, &[])).await, "it is not by the device that sent it");
    // Of somebody who enters.
    let mut laptop = scene.world.second_device(&scene.ben).await;
    let entrance = scene.world.server.group_info(laptop.id, scene.chat).await.unwrap().group_info;
    let Payload::Inline(entrance) = entrance else { panic!("small") };
    let entering = laptop.keys.enter(scene.chat, 1, &entrance).unwrap();
    let external = Commit { external: true, added: Vec::new(), ..commit(&entering, &[]) };
    assert_eq!(
        scene.refuses(external).await,
        "a leaf's certificate is not the one that its device is known by"
    );
    // Said to be an entry, and the reverse.
    let fresh = scene.fresh();
    let falsely = Commit { external: true, ..commit(&fresh, &[]) };
    assert_eq!(scene.refuses(falsely).await, "it says falsely whether its sender enters by it");
}

#[tokio::test]
async fn a_commit_with_a_byte_changed_anywhere_is_refused() {
    let mut scene = Scene::new().await;
    let fresh = scene.fresh();
    for place in (0..fresh.commit.len()).step_by(7) {
        let mut changed = fresh.commit.to_vec();
        // The last bytes are the membership tag, for which the group's secret is needed.
        if place >= changed.len() - 33 {
            break;
        }
        changed[place] ^= 1;
        let mut commit = commit(&fresh, &[]);
        commit.commit = inline(changed);
        let number = scene.mallory.number();
        let command = ChatCommand::Commit(Box::new(commit));
        let refused = scene.world.act(scene.mallory.id, scene.chat, number, command).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidHandshake, "byte {place}");
        scene.world.clock.advance(Duration::from_secs(60));
    }
    for garbage in [Bytes::new(), Bytes::from_static(b"garbage"), fresh.group_info.clone()] {
        let mut commit = commit(&fresh, &[]);
        commit.commit = inline(garbage);
        assert_eq!(scene.refuses(commit).await, "it is not a commit in a PublicMessage");
    }
    scene.world.commits(&mut scene.mallory, scene.chat, commit(&fresh, &[])).await.unwrap();
}

#[tokio::test]
async fn a_group_info_that_does_not_fit_the_commit_is_refused() {
    let mut scene = Scene::new().await;
    let stale = scene.fresh();
    let Scene { world, chat, mallory, ben, .. } = &mut scene;
    world.goes_on(mallory, *chat, &stale, &[], &mut [ben]).await;
    let bens = scene.ben.keys.commit(scene.chat, &[], &[]).unwrap();
    let fresh = scene.fresh();
    let mut damaged = fresh.group_info.to_vec();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let mut middle = fresh.group_info.to_vec();
    middle[last / 2] ^= 1;
    let fitting = commit(&fresh, &[]);
    for (info, reason) in [
        (stale.group_info.clone(), "its group info does not fit it"),
        (bens.group_info.clone(), "its group info does not fit it"),
        (damaged.into(), "its group info is not signed by its sender"),
        (Bytes::from_static(b"garbage"), "its group info is not one"),
        (Bytes::new(), "its group info is not one"),
        (fresh.commit.clone(), "its group info is not one"),
        (Bytes::from(vec![0; 16 * 1024]), "its group info does not fit it"),
    ] {
        let wrong = Commit { group_info: inline(info), ..fitting.clone() };
        assert_eq!(scene.refuses(wrong).await, reason);
    }
    let wrong = Commit { group_info: inline(middle), ..fitting.clone() };
    scene.refuses(wrong).await;
    scene.world.commits(&mut scene.mallory, scene.chat, fitting).await.unwrap();
}

#[tokio::test]
async fn a_welcome_that_is_not_for_those_added_is_refused() {
    let mut scene = Scene::new().await;
    let mut laptop = scene.world.second_device(&scene.ben).await;
    let adding = scene.mallory.keys.commit(scene.chat, &[laptop.package(SUITE)], &[]).unwrap();
    let another = scene.mallory.keys.commit(scene.chat, &[laptop.package(SUITE)], &[]).unwrap();
    let fitting = commit(&another, &[]);
    let not_theirs = "its Welcome is not for those whom it adds";
    for (welcome, reason) in [
        (None, not_theirs),
        (adding.welcome.map(inline), not_theirs),
        (Some(inline("garbage")), "its Welcome is not one"),
        (Some(inline(another.commit.clone())), "its Welcome is not one"),
    ] {
        let wrong = Commit { welcome, ..fitting.clone() };
        assert_eq!(scene.refuses(wrong).await, reason);
    }
    let fresh = scene.fresh();
    let for_nobody = Commit { welcome: fitting.welcome, ..commit(&fresh, &[]) };
    assert_eq!(scene.refuses(for_nobody).await, not_theirs);
}

/// A certificate that the attacker made up for a device of somebody else.
fn made_up(device: DeviceId) -> (SigningKey, DeviceCertificate) {
    let (identity, key) = (SigningKey::from_bytes(&[66; 32]), SigningKey::from_bytes(&[67; 32]));
    let public = DeviceKey(key.verifying_key().to_bytes());
    let certificate = DeviceCertificate::issue(&identity, device, public, START);
    (key, certificate)
}

#[tokio::test]
async fn an_impostor_with_a_certificate_of_its_own_making_is_not_let_in() {
    let mut scene = Scene::new().await;
    let laptop = scene.world.second_device(&scene.ben).await;
    let (key, certificate) = made_up(laptop.id);
    let mut impostor = Peer::with(laptop.id, &key, certificate);
    let adding = scene.mallory.keys.commit(scene.chat, &[impostor.package(SUITE)], &[]).unwrap();
    assert_eq!(
        scene.refuses(commit(&adding, &[])).await,
        "a leaf's certificate is not the one that its device is known by"
    );
    // Nor is a device that was revoked, or never said by which certificate it is known.
    let unknown = scene.world.device(scene.cleo.id.user, 2).await;
    let adding = scene.mallory.keys.commit(scene.chat, &[Peer::of(unknown).package(SUITE)], &[]).unwrap();
    assert_eq!(
        scene.refuses(commit(&adding, &[])).await,
        "a leaf's certificate is not the one that its device is known by"
    );
}

/// Somebody alone in a chat, with a group that keeps to no rules, and another device to add.
async fn alone() -> (World, ChatId, Peer, CraftedGroup, DeviceId) {
    let world = World::new().await;
    let mut ada = world.peer(1).await;
    let chat = world.encrypted(ada.id, &[]).await;
    let mut group = Crafted::of(ada.id).group(chat);
    let start = group.start(ada.id);
    world.starts(&mut ada, chat, start).await.unwrap();
    let laptop = world.second_device(&ada).await;
    (world, chat, ada, group, laptop.id)
}

#[tokio::test]
async fn a_leaf_whose_certificate_is_for_another_key_is_not_let_in() {
    let (world, chat, mut ada, mut group, laptop) = alone().await;
    let (key, _) = made_up(laptop);
    let crafted = Crafted { key, certificate: certified(laptop).1 };
    let adding = group.adds(&crafted.package(Lifetime::init(0, u64::MAX)), laptop);
    let refused = why(world.commits(&mut ada, chat, adding).await);
    assert_eq!(refused, "a leaf has another key than the certificate in it");
}

#[tokio::test]
async fn a_leaf_that_is_not_valid_for_years_is_not_let_in() {
    let (world, chat, mut ada, mut group, laptop) = alone().await;
    let soon = Lifetime::init(0, START.0 / 1_000 + 365 * 24 * 3_600);
    let adding = group.adds(&Crafted::of(laptop).package(soon), laptop);
    let refused = why(world.commits(&mut ada, chat, adding).await);
    assert_eq!(refused, "a key package must be valid from now on and for ten years");
    let long = group.adds(&Theirs::of(laptop).package(), laptop);
    world.commits(&mut ada, chat, long).await.unwrap();
}

#[tokio::test]
async fn a_commit_without_fresh_keys_or_with_other_proposals_is_refused() {
    let (world, chat, mut ada, mut group, laptop) = alone().await;
    let package = Crafted::of(laptop).package(Lifetime::init(0, u64::MAX));
    let pathless = group.adds_without_a_path(&package, laptop);
    let refused = why(world.commits(&mut ada, chat, pathless).await);
    assert_eq!(refused, "it brings no fresh keys of its sender");
    let extended = group.changes_the_extensions();
    let refused = why(world.commits(&mut ada, chat, extended).await);
    assert_eq!(refused, "it has a proposal that chats do not use");
}

#[tokio::test]
async fn a_device_that_enters_removes_nobody_else() {
    let world = World::new().await;
    let (mut ada, mut ben) = (world.peer(1).await, world.peer(2).await);
    let chat = world.group_of(SUITE, &mut [&mut ada, &mut ben]).await;
    let mut laptop = world.second_device(&ada).await;
    let Payload::Inline(info) = world.server.group_info(laptop.id, chat).await.unwrap().group_info else {
        panic!("small")
    };
    let theirs = Theirs::of(laptop.id);
    let (taken_over, group_info) = theirs.enters(&info, Some(1));
    let external = |commit: &Bytes, group_info: &Bytes| Commit {
        epoch: Epoch { generation: 1, number: 1 },
        external: true,
        added: vec![laptop.id],
        removed: Vec::new(),
        commit: inline(commit.clone()),
        welcome: None,
        group_info: inline(group_info.clone()),
    };
    let wrong = external(&taken_over, &group_info);
    let right = theirs.enters(&info, None);
    let right = external(&right.0, &right.1);
    assert_eq!(
        why(world.commits(&mut laptop, chat, wrong).await),
        "its sender enters and removes somebody else"
    );
    // The other implementation's own way in is taken.
    world.commits(&mut laptop, chat, right).await.unwrap();
}

/// A chat of two, and its start by the first of them, with so many strangers in it.
async fn starting(strangers: usize) -> (World, ChatId, Peer, GroupStart) {
    let world = World::new().await;
    let (mut ada, mut ben) = (world.peer(1).await, world.peer(2).await);
    let mut stranger = world.peer(9).await;
    let chat = world.encrypted(ada.id, &[ben.id]).await;
    let mut packages = vec![ben.package(SUITE)];
    if strangers > 0 {
        packages.push(stranger.package(SUITE));
    }
    let prepared = ada.keys.start(chat, 1, SUITE, &packages).unwrap();
    let start = start(ada.id, SUITE, &prepared);
    (world, chat, ada, start)
}

#[tokio::test]
async fn a_start_with_a_leaf_more_or_less_than_it_says_is_refused() {
    let (world, chat, mut ada, mut start) = starting(1).await;
    let refused = world.starts(&mut ada, chat, start.clone()).await.unwrap_err();
    assert_eq!(refused, DeliveryError::Refused(Refusal::TargetNotAMember));
    start.devices.pop();
    assert_eq!(why(world.starts(&mut ada, chat, start).await), "its group has other devices than it says");
    let (world, chat, mut ada, mut start) = starting(0).await;
    let laptop = world.second_device(&ada).await;
    start.devices.insert(1, laptop.id);
    assert_eq!(
        why(world.starts(&mut ada, chat, start.clone()).await),
        "its group has other devices than it says"
    );
    // As many, and another one.
    start.devices.remove(2);
    assert_eq!(
        why(world.starts(&mut ada, chat, start).await),
        "a leaf's certificate is not the one that its device is known by"
    );
}

#[tokio::test]
async fn a_start_of_another_suite_epoch_group_or_founder_is_refused() {
    let (world, chat, mut ada, start) = starting(0).await;
    let suite = GroupStart { suite: Suite::HYBRID, ..start.clone() };
    assert_eq!(why(world.starts(&mut ada, chat, suite).await), "it is of another cipher suite than it says");
    for number in [0, 2, u64::MAX] {
        let epoch = Epoch { generation: 1, number };
        let elsewhere = GroupStart { epoch, ..start.clone() };
        assert_eq!(why(world.starts(&mut ada, chat, elsewhere).await), "a group begins at its epoch 1");
    }
    let mut ben = Peer::of(start.devices[1]);
    assert_eq!(
        why(world.starts(&mut ben, chat, start.clone()).await),
        "its group info is not signed by its sender"
    );
    let mut bytes = match &start.group_info {
        Payload::Inline(bytes) => bytes.to_vec(),
        Payload::Stored { .. } => panic!("small"),
    };
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let damaged = GroupStart { group_info: inline(bytes), ..start.clone() };
    assert_eq!(why(world.starts(&mut ada, chat, damaged).await), "its group info is not valid");
    let alone = GroupStart { welcome: None, ..start.clone() };
    assert_eq!(why(world.starts(&mut ada, chat, alone).await), "its Welcome is not for those whom it adds");
    // Of another chat.
    let other = world.encrypted_with(ada.id, ada.number(), &[ben.id]).await;
    assert_eq!(why(world.starts(&mut ada, other, start.clone()).await), "it is for another group");
    world.starts(&mut ada, chat, start).await.unwrap();
}

#[tokio::test]
async fn a_device_is_heard_ten_times_a_minute_with_handshakes_that_are_not_valid() {
    let Scene { world, chat, mut mallory, mut ben, .. } = Scene::new().await;
    let fresh = mallory.keys.commit(chat, &[], &[]).unwrap();
    let wrong = Commit { commit: inline("garbage"), ..commit(&fresh, &[]) };
    for _ in 0..10 {
        let refused = world.commits(&mut mallory, chat, wrong.clone()).await;
        assert_eq!(why(refused), "it is not a commit in a PublicMessage");
    }
    world.clock.advance(Duration::from_secs(20));
    let retry_after = Duration::from_secs(40);
    let right = commit(&fresh, &[]);
    for handshake in [&wrong, &right] {
        let error = world.commits(&mut mallory, chat, handshake.clone()).await.unwrap_err();
        assert_eq!((error.code(), error.retry_after()), (ErrorCode::TooFast, Some(retry_after)));
        assert_eq!(error.to_string(), "Too many handshakes that are not valid.");
    }
    // Who only sent what has no place any more is not counted; and others are not held up.
    let others = ben.keys.commit(chat, &[], &[]).unwrap();
    world.commits(&mut ben, chat, commit(&others, &[])).await.unwrap();
    let late = world.commits(&mut mallory, chat, right).await.unwrap_err();
    assert_eq!(late.code(), ErrorCode::StaleEpoch);
    mallory.keys.discard_pending(chat);
    mallory.keys.stage(chat, &others.commit).unwrap();
    mallory.keys.merge_staged(chat).unwrap();
    world.clock.advance(retry_after);
    let again = mallory.keys.commit(chat, &[], &[]).unwrap();
    world.commits(&mut mallory, chat, commit(&again, &[])).await.unwrap();
}
