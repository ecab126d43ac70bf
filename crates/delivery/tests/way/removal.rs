//! Parts of handshakes leave blob storage when no device needs them any more, and not before.

use std::time::Duration;

use bytes::Bytes;
use dunlin_blobs::{BlobHash, Blobs};
use dunlin_client::keys::Keys;
use dunlin_delivery::BLOBS_KEPT_MIN;
use dunlin_model::{ChatCommand, ChatId, Commit, DeviceId, Payload, Progress, Seq, Suite};
use dunlin_store::{ProgressRaise, Progresses, Revocations};

use crate::mls::{Peer, commit, start};
use crate::world::World;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const KEPT: Duration = DAY.saturating_mul(60);
const SUITE: Suite = Suite::CLASSIC;

impl World {
    /// Puts a part of a handshake as clients do.
    async fn puts(&self, by: &Peer, chat: ChatId, bytes: &Bytes) -> Payload {
        let (hash, length) = (BlobHash::of(bytes), u32::try_from(bytes.len()).unwrap());
        self.server.blob_to_put(by.id, chat, hash, u64::from(length)).await.unwrap();
        self.blobs.put(hash, bytes.clone()).await.unwrap();
        Payload::Stored { hash: hash.0, bytes: length }
    }

    /// A commit with fresh keys whose parts are in blobs, and their names: of the commit, and of the GroupInfo.
    async fn goes_on_by_blobs(&self, by: &mut Peer, chat: ChatId) -> (BlobHash, BlobHash) {
        let fresh = by.keys.commit(chat, &[], &[]).unwrap();
        let (part, info) =
            (self.puts(by, chat, &fresh.commit).await, self.puts(by, chat, &fresh.group_info).await);
        let by_blobs = Commit { commit: part, group_info: info, ..commit(&fresh, &[]) };
        self.commits(by, chat, by_blobs).await.unwrap();
        by.keys.merge_pending(chat).unwrap();
        (BlobHash::of(&fresh.commit), BlobHash::of(&fresh.group_info))
    }

    async fn reaches(&self, chat: ChatId, device: DeviceId, seq: Seq) {
        let progress = Progress { received: seq, ..Progress::default() };
        self.store.raise_progress(&[ProgressRaise { chat, device, progress }]).await.unwrap();
    }

    /// How many blobs one look at all of them removes.
    async fn sweeps(&self) -> u64 {
        let swept = self.server.remove_unneeded_blobs(None, 100, KEPT).await.unwrap();
        assert_eq!(swept.next, None);
        swept.removed
    }

    async fn has(&self, hash: BlobHash) -> bool {
        self.blobs.get(hash).await.unwrap().is_some()
    }

    /// A chat whose start names a Welcome and a GroupInfo in blobs.
    async fn started_by_blobs(
        &self,
        ada: &mut Peer,
        others: &mut [&mut Peer],
    ) -> (ChatId, Seq, [BlobHash; 2]) {
        let ids: Vec<DeviceId> = others.iter().map(|other| other.id).collect();
        let chat = self.encrypted(ada.id, &ids).await;
        let packages: Vec<_> = others.iter_mut().map(|other| other.package(SUITE)).collect();
        let prepared = ada.keys.start(chat, 1, SUITE, &packages).unwrap();
        let (welcome, info) = (prepared.welcome.clone().unwrap(), prepared.group_info.clone());
        let mut by_blobs = start(ada.id, SUITE, &prepared);
        by_blobs.welcome = Some(self.puts(ada, chat, &welcome).await);
        by_blobs.group_info = self.puts(ada, chat, &info).await;
        let seq = self.starts(ada, chat, by_blobs).await.unwrap().seq;
        ada.keys.merge_pending(chat).unwrap();
        (chat, seq, [BlobHash::of(&welcome), BlobHash::of(&info)])
    }
}

#[tokio::test]
async fn a_handshakes_parts_go_when_every_device_has_passed_it_and_the_newest_group_info_stays() {
    let world = World::new().await;
    let (mut ada, mut ben) = (world.peer(1).await, world.peer(2).await);
    let (chat, started, [welcome, first]) = world.started_by_blobs(&mut ada, &mut [&mut ben]).await;
    let (committed, newest) = world.goes_on_by_blobs(&mut ada, chat).await;
    world.reaches(chat, ada.id, started.next()).await;
    world.reaches(chat, ben.id, started.next()).await;
    assert_eq!(world.sweeps().await, 0, "they were put a moment ago");
    world.clock.advance(BLOBS_KEPT_MIN);
    assert_eq!(world.sweeps().await, 3);
    for gone in [welcome, first, committed] {
        assert!(!world.has(gone).await);
    }
    assert!(world.has(newest).await);
    world.clock.advance(KEPT * 10);
    assert_eq!(world.sweeps().await, 0);
    assert!(world.has(newest).await, "members enter by it, however old it is");
    assert_eq!(world.server.metrics().blobs_removed.get(), 3);
    // And the chat goes on by it, on a server that has nothing else.
    let another = world.another_server(7).await;
    let fresh = ada.keys.commit(chat, &[], &[]).unwrap();
    let number = dunlin_model::ClientSeq(ada.number());
    let next = ChatCommand::Commit(Box::new(commit(&fresh, &[])));
    another.submit_in_task(ada.id, chat, number, next, None).await.unwrap();
}

#[tokio::test]
async fn whoever_was_away_finds_their_welcome_and_the_commits_until_the_retention_ends() {
    let world = World::new().await;
    let (mut ada, mut ben, mut cleo) = (world.peer(1).await, world.peer(2).await, world.peer(3).await);
    let (chat, started, [welcome, _]) = world.started_by_blobs(&mut ada, &mut [&mut ben, &mut cleo]).await;
    let (committed, _) = world.goes_on_by_blobs(&mut ada, chat).await;
    // Somebody is put out without having read what came before: that stays theirs.
    let remove = ChatCommand::Remove { users: vec![cleo.id.user] };
    let removed = world.signs(ada.id, chat, ada.number(), remove).await.unwrap().seq;
    for device in [ada.id, ben.id] {
        world.reaches(chat, device, removed).await;
    }
    world.clock.advance(DAY * 30);
    world.sweeps().await;
    assert!(world.has(welcome).await && world.has(committed).await);
    world.reaches(chat, cleo.id, started).await;
    assert_eq!(world.sweeps().await, 2, "the Welcome and the first GroupInfo");
    assert!(!world.has(welcome).await && world.has(committed).await);
    world.clock.advance(KEPT - DAY * 30 - Duration::from_millis(1));
    assert_eq!(world.sweeps().await, 0);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.sweeps().await, 1);
    assert!(!world.has(committed).await, "its event may be removed now as well");
}

#[tokio::test]
async fn a_device_that_came_later_or_is_revoked_keeps_nothing() {
    let world = World::new().await;
    let (mut ada, mut ben) = (world.peer(1).await, world.peer(2).await);
    let lost = world.second_device(&ben).await;
    let (chat, started, [welcome, _]) = world.started_by_blobs(&mut ada, &mut [&mut ben]).await;
    world.goes_on_by_blobs(&mut ada, chat).await;
    for device in [ada.id, ben.id] {
        world.reaches(chat, device, started.next()).await;
    }
    world.clock.advance(BLOBS_KEPT_MIN);
    world.device(ben.id.user, 3).await;
    assert_eq!(world.sweeps().await, 0, "one that never came back is waited for");
    world.store.intend_revocation(lost.id).await.unwrap();
    world.server.carry_out_revocations().await.unwrap();
    assert_eq!(world.sweeps().await, 3);
    assert!(!world.has(welcome).await);
}

#[tokio::test]
async fn what_nobody_named_goes_after_a_day_unless_it_was_announced_again() {
    let world = World::new().await;
    let (mut ada, mut ben) = (world.peer(1).await, world.peer(2).await);
    let chat = world.group_of(SUITE, &mut [&mut ada, &mut ben]).await;
    let mut parts = Vec::new();
    for n in 0..5_u8 {
        let part = Bytes::from(vec![n; 32]);
        world.puts(&ada, chat, &part).await;
        parts.push(BlobHash::of(&part));
    }
    world.clock.advance(BLOBS_KEPT_MIN - Duration::from_secs(1));
    world.puts(&ada, chat, &Bytes::from(vec![0; 32])).await;
    world.clock.advance(Duration::from_secs(1));
    // A few at a time, each step where the one before ended.
    let (mut after, mut removed, mut steps) = (None, 0, 0);
    loop {
        let swept = world.server.remove_unneeded_blobs(after, 2, KEPT).await.unwrap();
        (after, removed, steps) = (swept.next, removed + swept.removed, steps + 1);
        if after.is_none() {
            break;
        }
    }
    assert_eq!((removed, steps), (4, 3));
    assert!(world.has(parts[0]).await && !world.has(parts[1]).await);
}
