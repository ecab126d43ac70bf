//! Starts and commits that are what they say, made with real MLS.

use bytes::Bytes;
use dunlin_blobs::{BlobHash, Blobs};
use dunlin_client::keys::Keys;
use dunlin_delivery::DeliveryError;
use dunlin_model::{ChatCommand, Commit, DeviceId, Epoch, ErrorCode, Payload, Refusal, StartReason, Suite};
use ed25519_dalek::Signer as _;

use crate::mls::{certified, commit, start};
use crate::world::World;

const SUITES: [Suite; 2] = [Suite::HYBRID, Suite::CLASSIC];

fn epoch(generation: u32, number: u64) -> Epoch {
    Epoch { generation, number }
}

#[tokio::test]
async fn a_group_lives_through_additions_entries_updates_and_removals() {
    for suite in SUITES {
        let world = World::new().await;
        let (mut ada, mut ben, mut cleo) = (world.peer(1).await, world.peer(2).await, world.peer(3).await);
        let chat = world.group_of(suite, &mut [&mut ada, &mut ben]).await;
        // Fresh keys.
        let fresh = ben.keys.commit(chat, &[], &[]).unwrap();
        world.goes_on(&mut ben, chat, &fresh, &[], &mut [&mut ada]).await;
        // A new member.
        let add = ChatCommand::Add { users: vec![cleo.id.user] };
        world.signs(ada.id, chat, ada.number(), add).await.unwrap();
        let adding = ada.keys.commit(chat, &[cleo.package(suite)], &[]).unwrap();
        world.goes_on(&mut ada, chat, &adding, &[], &mut [&mut ben]).await;
        cleo.keys.join(chat, 1, adding.welcome.as_ref().unwrap()).unwrap();
        // A device of a member enters, then loses its place and enters anew.
        let mut laptop = world.second_device(&ben).await;
        let entering = laptop.keys.enter(chat, 1, &adding.group_info).unwrap();
        let external = Commit { external: true, added: vec![laptop.id], ..commit(&entering, &[]) };
        world.commits(&mut laptop, chat, external).await.unwrap();
        let again = laptop.keys.enter(chat, 1, &entering.group_info).unwrap();
        let external = Commit { external: true, added: Vec::new(), ..commit(&again, &[]) };
        world.commits(&mut laptop, chat, external).await.unwrap();
        laptop.keys.merge_pending(chat).unwrap();
        // Somebody leaves.
        world.signs(cleo.id, chat, 9, ChatCommand::Leave).await.unwrap();
        let removing = laptop.keys.commit(chat, &[], &[cleo.id]).unwrap();
        world.goes_on(&mut laptop, chat, &removing, &[cleo.id], &mut []).await;
        let state = world.state(chat).await;
        assert_eq!(state.keys.epoch, epoch(1, 6));
        let devices: Vec<_> = state.keys.devices.into_keys().collect();
        assert_eq!(devices, [ada.id, ben.id, laptop.id], "{suite:?}");
    }
}

#[tokio::test]
async fn a_server_that_never_saw_the_group_goes_on_from_the_log() {
    let world = World::new().await;
    let (mut ada, mut ben) = (world.peer(1).await, world.peer(2).await);
    let chat = world.group_of(Suite::HYBRID, &mut [&mut ada, &mut ben]).await;
    for id in 2..5 {
        let server = world.another_server(id).await;
        let fresh = ada.keys.commit(chat, &[], &[]).unwrap();
        let command = ChatCommand::Commit(Box::new(commit(&fresh, &[])));
        let number = dunlin_model::ClientSeq(ada.number());
        server.submit_in_task(ada.id, chat, number, command, None).await.unwrap();
        ada.keys.merge_pending(chat).unwrap();
    }
    assert_eq!(world.state(chat).await.keys.epoch, epoch(1, 4));
}

#[tokio::test]
async fn a_large_group_is_kept_from_one_commit_to_the_next_and_made_anew_when_it_is_not() {
    let world = World::new().await;
    let mut peers = Vec::new();
    for n in 1..=20 {
        peers.push(world.peer(n).await);
    }
    let mut all: Vec<_> = peers.iter_mut().collect();
    let chat = world.group_of(Suite::CLASSIC, &mut all).await;
    let another = world.another_server(2).await;
    // Each server in turn: what one kept is of an epoch that is over when it is asked again.
    for (round, server) in [&world.server, &world.server, &another, &world.server].into_iter().enumerate() {
        let committer = &mut peers[0];
        let fresh = committer.keys.commit(chat, &[], &[]).unwrap();
        let mut false_one = commit(&fresh, &[]);
        let mut group_info = fresh.group_info.to_vec();
        *group_info.last_mut().unwrap() ^= 1;
        false_one.group_info = Payload::Inline(group_info.into());
        let number = dunlin_model::ClientSeq(committer.number());
        let wrong = ChatCommand::Commit(Box::new(false_one));
        let refused = server.submit_in_task(committer.id, chat, number, wrong, None).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidHandshake, "round {round}");
        // What a refused commit found, or had to make, is there for the next one.
        let verified = [&world.server, &another].map(|server| server.metrics().groups_verified.get());
        assert_eq!(verified, [[0, 0], [0, 0], [0, 1], [1, 1]][round]);
        let number = dunlin_model::ClientSeq(committer.number());
        let right = ChatCommand::Commit(Box::new(commit(&fresh, &[])));
        server.submit_in_task(committer.id, chat, number, right, None).await.unwrap();
        committer.keys.merge_pending(chat).unwrap();
    }
    assert_eq!(world.state(chat).await.keys.epoch, epoch(1, 5));
    assert_eq!(world.server.metrics().groups_verified.get(), 1);
    assert_eq!(another.metrics().groups_verified.get(), 1);
}

/// A GroupInfo with something else in it, signed anew by the device that made it.
fn signed_anew(of: DeviceId, info: &[u8], change: impl Fn(&mut [u8])) -> Bytes {
    // The versions before it and the signature behind it are not signed (RFC 9420 section 12.4.3).
    let (head, rest) = info.split_at(4);
    let mut signed = rest[..rest.len() - 2 - 64].to_vec();
    change(&mut signed);
    let label = b"MLS 1.0 GroupInfoTBS";
    // Longer than 63 bytes and shorter than 16 KiB, so its length takes two.
    let length = u16::try_from(signed.len()).unwrap() | 0x4000;
    let content =
        [&[u8::try_from(label.len()).unwrap()], &label[..], &length.to_be_bytes(), &signed].concat();
    let signature = certified(of).0.sign(&content).to_bytes();
    [head, &signed, &[0x40, 64], &signature].concat().into()
}

/// What is done to a GroupInfo before it is signed anew.
type Change<'a> = &'a dyn Fn(&mut [u8]);

#[tokio::test]
async fn a_large_group_is_kept_when_a_commit_with_a_false_tree_tag_or_signer_is_refused() {
    let world = World::new().await;
    let mut peers = Vec::new();
    for n in 1..=20 {
        peers.push(world.peer(n).await);
    }
    let mut all: Vec<_> = peers.iter_mut().collect();
    let chat = world.group_of(Suite::CLASSIC, &mut all).await;
    let (others, committer) = (certified(peers[7].id).0.verifying_key().to_bytes(), &mut peers[0]);
    let fresh = committer.keys.commit(chat, &[], &[]).unwrap();
    let key_of_a_leaf = |signed: &[u8]| signed.windows(32).position(|window| window == others).unwrap();
    let in_a_leafs_signature_key = |signed: &mut [u8]| signed[key_of_a_leaf(signed) + 5] ^= 1;
    // Which stands before the other one and the byte of its length; only the hash of the tree tells.
    let in_a_leafs_encryption_key = |signed: &mut [u8]| signed[key_of_a_leaf(signed) - 5] ^= 1;
    // Before its last four bytes, the signer's leaf, stands the tag.
    let in_the_tag = |signed: &mut [u8]| signed[signed.len() - 5] ^= 1;
    let another_signer = |signed: &mut [u8]| signed[signed.len() - 1] ^= 3;
    let changes: [(Change<'_>, _); 4] = [
        (&in_a_leafs_signature_key, "its group info does not fit it"),
        (&in_a_leafs_encryption_key, "its group info does not fit it"),
        (&in_the_tag, "its group info does not fit it"),
        (&another_signer, "its group info is not signed by its sender"),
    ];
    for (change, reason) in changes {
        let mut false_one = commit(&fresh, &[]);
        false_one.group_info = Payload::Inline(signed_anew(committer.id, &fresh.group_info, change));
        let refused = world.commits(committer, chat, false_one).await.unwrap_err();
        assert_eq!(refused, DeliveryError::Refused(Refusal::InvalidHandshake { why: reason }));
    }
    // Signed anew and not changed, it is taken, by the group that was kept.
    let mut right = commit(&fresh, &[]);
    right.group_info = Payload::Inline(signed_anew(committer.id, &fresh.group_info, |_| ()));
    world.commits(committer, chat, right).await.unwrap();
    assert_eq!(world.server.metrics().groups_verified.get(), 0);
}

#[tokio::test]
async fn a_commit_sent_again_gets_its_seq_and_one_that_lost_the_race_is_told_of_the_epoch() {
    let world = World::new().await;
    let (mut ada, mut ben) = (world.peer(1).await, world.peer(2).await);
    let chat = world.group_of(Suite::HYBRID, &mut [&mut ada, &mut ben]).await;
    let losing = ben.keys.commit(chat, &[], &[]).unwrap();
    let fresh = ada.keys.commit(chat, &[], &[]).unwrap();
    let number = ada.number();
    let command = || ChatCommand::Commit(Box::new(commit(&fresh, &[])));
    let first = world.act(ada.id, chat, number, command()).await.unwrap();
    ada.keys.merge_pending(chat).unwrap();
    let again = world.act(ada.id, chat, number, command()).await.unwrap();
    assert_eq!((again.seq, again.repeated), (first.seq, true));
    let lost = world.commits(&mut ben, chat, commit(&losing, &[])).await.unwrap_err();
    assert_eq!(lost, DeliveryError::Refused(Refusal::StaleEpoch { current: epoch(1, 2) }));
    // Also when the group has gone on.
    let next = ada.keys.commit(chat, &[], &[]).unwrap();
    world.goes_on(&mut ada, chat, &next, &[], &mut []).await;
    let again = world.act(ada.id, chat, number, command()).await.unwrap();
    assert_eq!((again.seq, again.repeated), (first.seq, true));
}

#[tokio::test]
async fn the_next_generation_begins_another_group() {
    let world = World::new().await;
    let (mut ada, mut ben) = (world.peer(1).await, world.peer(2).await);
    let chat = world.group_of(Suite::HYBRID, &mut [&mut ada, &mut ben]).await;
    let prepared = ada.keys.start(chat, 2, Suite::HYBRID, &[]).unwrap();
    let mut next = start(ada.id, Suite::HYBRID, &prepared);
    next.reason = StartReason::Broken;
    world.starts(&mut ada, chat, next).await.unwrap();
    let entering = ben.keys.enter(chat, 2, &prepared.group_info).unwrap();
    let external = Commit { external: true, added: vec![ben.id], ..commit(&entering, &[]) };
    world.commits(&mut ben, chat, external).await.unwrap();
    assert_eq!(world.state(chat).await.keys.epoch, epoch(2, 2));
}

#[tokio::test]
async fn a_handshake_names_blobs_that_are_there() {
    let world = World::new().await;
    let mut ada = world.peer(1).await;
    let chat = world.encrypted(ada.id, &[]).await;
    let prepared = ada.keys.start(chat, 1, Suite::HYBRID, &[]).unwrap();
    let bytes: Bytes = prepared.group_info.clone();
    let (hash, length) = (BlobHash::of(&bytes), u32::try_from(bytes.len()).unwrap());
    let stored = |bytes| {
        let mut start = start(ada.id, Suite::HYBRID, &prepared);
        start.group_info = Payload::Stored { hash: hash.0, bytes };
        start
    };
    let (right, wrong) = (stored(length), stored(length - 1));
    let missing = world.starts(&mut ada, chat, right.clone()).await.unwrap_err();
    assert_eq!(missing.code(), ErrorCode::InvalidHandshake);
    world.blobs.put(hash, bytes).await.unwrap();
    let another_size = world.starts(&mut ada, chat, wrong).await.unwrap_err();
    assert_eq!(another_size.code(), ErrorCode::InvalidHandshake);
    world.starts(&mut ada, chat, right).await.unwrap();
    let entrance = world.server.group_info(ada.id, chat).await.unwrap();
    assert_eq!(entrance.group_info, Payload::Stored { hash: hash.0, bytes: length });
    // The commit after it is checked against the blob.
    ada.keys.merge_pending(chat).unwrap();
    let fresh = ada.keys.commit(chat, &[], &[]).unwrap();
    world.goes_on(&mut ada, chat, &fresh, &[], &mut []).await;
}

#[tokio::test]
async fn parts_in_blobs_are_read_by_those_who_may_read_the_event_and_by_nobody_else() {
    let world = World::new().await;
    let (mut ada, mut ben, cleo) = (world.peer(1).await, world.peer(2).await, world.peer(3).await);
    let stranger = world.peer(4).await;
    let chat = world.encrypted(ada.id, &[ben.id]).await;
    let prepared = ada.keys.start(chat, 1, Suite::HYBRID, &[ben.package(Suite::HYBRID)]).unwrap();
    let hash = BlobHash::of(&prepared.group_info);
    let bytes = u64::try_from(prepared.group_info.len()).unwrap();
    let server = &world.server;
    assert_eq!(
        server.blob_to_put(stranger.id, chat, hash, bytes).await.unwrap_err().code(),
        ErrorCode::NotFound
    );
    server.blob_to_put(ada.id, chat, hash, bytes).await.unwrap();
    world.blobs.put(hash, prepared.group_info.clone()).await.unwrap();
    let mut start = start(ada.id, Suite::HYBRID, &prepared);
    start.group_info = Payload::Stored { hash: hash.0, bytes: u32::try_from(bytes).unwrap() };
    world.starts(&mut ada, chat, start).await.unwrap();
    let seq = world.state(chat).await.head;
    let read = async |device, seq| server.blob_to_get(device, chat, seq, hash).await.map(|_| ());
    assert_eq!(read(ben.id, Some(seq)).await, Ok(()));
    assert_eq!(read(ben.id, None).await, Ok(()));
    for nobody in [stranger.id, cleo.id] {
        assert_eq!(read(nobody, Some(seq)).await, Err(DeliveryError::NoBlob));
        assert_eq!(read(nobody, None).await, Err(DeliveryError::NoBlob));
    }
    assert_eq!(read(ben.id, Some(dunlin_model::Seq(1))).await, Err(DeliveryError::NoBlob));
    // Who came later reads what is current, and not what was before.
    let add = ChatCommand::Add { users: vec![cleo.id.user] };
    world.signs(ada.id, chat, ada.number(), add).await.unwrap();
    assert_eq!(read(cleo.id, None).await, Ok(()));
    assert_eq!(read(cleo.id, Some(seq)).await, Err(DeliveryError::NoBlob));
    // Who left reads what was theirs, and not what is current.
    world.signs(ben.id, chat, 9, ChatCommand::Leave).await.unwrap();
    assert_eq!(read(ben.id, Some(seq)).await, Ok(()));
    assert_eq!(read(ben.id, None).await, Err(DeliveryError::NoBlob));
    assert_eq!(
        server.blob_to_put(ben.id, chat, hash, bytes).await.unwrap_err().code(),
        ErrorCode::NotAMember
    );
}
