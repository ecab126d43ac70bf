//! Certificates, key packages, and devices that are revoked.

use std::time::Duration;

use bytes::Bytes;
use dunlin_client::keys::Keys;
use dunlin_delivery::keys::KEY_PACKAGES_LOW;
use dunlin_delivery::{Accepted, DeliveryError};
use dunlin_model::chat::{ChatState, draft};
use dunlin_model::{
    Attestation, ChatCommand, ChatId, ChatKind, ChatLimits, ClientSeq, DecisionContext, DeviceId, Encryption,
    ErrorCode, EventKind, Refusal, Seq, Suite, Timestamp,
};
use dunlin_store::memory::{Fault, Operation};
use dunlin_store::{Chats, Devices, Revocations};

use crate::mls::{Peer, certified};
use crate::world::{START, World, pull, pull_events};

impl World {
    /// Asks with a signature, against the state that the log gives.
    pub(crate) async fn signs(
        &self,
        from: DeviceId,
        chat: ChatId,
        number: u64,
        command: ChatCommand,
    ) -> Result<Accepted, DeliveryError> {
        let state = self.state(chat).await;
        let (key, certificate) = certified(from);
        let (limits, context) = (ChatLimits::default(), DecisionContext::default());
        let kind = draft(&state, &limits, from, command.clone(), &context)?;
        let attestation = Attestation::sign(&key, &certificate, &state, ClientSeq(number), &kind);
        let attestation = attestation.map(Box::new);
        match command {
            ChatCommand::Create { .. } => {
                self.server.create_chat(from, ClientSeq(number), command, attestation).await
            }
            _ => self.server.submit_in_task(from, chat, ClientSeq(number), command, attestation).await,
        }
    }

    pub(crate) async fn state(&self, chat: ChatId) -> ChatState {
        let mut state = ChatState::before_creation(chat);
        for event in self.store.read(chat, Seq::FIRST, Seq(u64::MAX), 1_000, usize::MAX).await.unwrap() {
            state.apply(&event);
        }
        state
    }

    /// An encrypted group, created with the creator's first number.
    pub(crate) async fn encrypted(&self, owner: DeviceId, others: &[DeviceId]) -> ChatId {
        self.encrypted_with(owner, 1, others).await
    }

    /// An encrypted group, created with this number.
    pub(crate) async fn encrypted_with(&self, owner: DeviceId, number: u64, others: &[DeviceId]) -> ChatId {
        let command = ChatCommand::Create {
            kind: ChatKind::Group,
            encryption: Encryption::Mls,
            name: String::new(),
            description: String::new(),
            members: others.iter().map(|other| other.user).collect(),
        };
        let chat = ChatId::created_by(owner, ClientSeq(number));
        assert_eq!(self.signs(owner, chat, number, command).await.unwrap().chat, chat);
        chat
    }

    /// A certificate, and so many key packages, which are given back.
    async fn leaves_keys(&self, device: DeviceId, packages: usize) -> Vec<Bytes> {
        self.server.set_certificate(device, &certified(device).1).await.unwrap();
        let packages = Peer::of(device).keys.key_packages(Suite::HYBRID, packages, false).unwrap();
        let left = self.server.upload_key_packages(device, Suite::HYBRID, &packages, None).await.unwrap();
        assert_eq!(usize::try_from(left).unwrap(), packages.len());
        packages
    }

    async fn claim(
        &self,
        from: DeviceId,
        chat: ChatId,
        change: u64,
        of: DeviceId,
    ) -> Result<Vec<(DeviceId, Bytes)>, DeliveryError> {
        self.server.claim_key_packages(from, chat, Seq(change), Suite::HYBRID, &[of.user]).await
    }
}

#[tokio::test]
async fn a_signed_change_keeps_its_signature_in_the_log_and_an_unsigned_one_is_refused() {
    let world = World::new().await;
    let (ada, ben, cleo) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let chat = world.encrypted(ada, &[ben]).await;
    let add = || ChatCommand::Add { users: vec![cleo.user] };
    let refused = world.act(ada, chat, 2, add()).await.unwrap_err();
    assert_eq!(refused, DeliveryError::Refused(Refusal::NotAttested));
    let before = world.state(chat).await;
    world.signs(ada, chat, 3, add()).await.unwrap();
    let events = world.store.read(chat, Seq(1), Seq(2), 10, usize::MAX).await.unwrap();
    let added = events.last().unwrap();
    let attestation = added.attestation.as_ref().unwrap();
    assert_eq!(attestation.verify(&before, ada, added.client_seq, &added.kind), Ok(()));
}

#[tokio::test]
async fn a_device_sets_its_own_certificate_only_and_others_see_those_that_are_not_revoked() {
    let world = World::new().await;
    let (ada, ben) = (world.person(1).await, world.person(2).await);
    let laptop = world.device(ada.user, 2).await;
    let refused = world.server.set_certificate(ada, &certified(laptop).1).await.unwrap_err();
    assert_eq!(refused, DeliveryError::NotThisDevice);
    for device in [ada, laptop, ben] {
        world.server.set_certificate(device, &certified(device).1).await.unwrap();
    }
    world.direct(ada, ben).await;
    let both = world.server.list_devices(ada.user, &[ben.user, ada.user, ben.user]).await.unwrap();
    let devices: Vec<DeviceId> = both.iter().map(|certificate| certificate.device).collect();
    assert_eq!(devices, [ada, laptop, ben]);
    let many = vec![ada.user; 257];
    assert_eq!(world.server.list_devices(ada.user, &many).await.unwrap_err().code(), ErrorCode::LimitReached);
}

#[tokio::test]
async fn members_claim_packages_of_members_for_an_event_that_is_there() {
    let world = World::new().await;
    let (ada, ben, cleo) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let packages = world.leaves_keys(ben, 12).await;
    world.leaves_keys(cleo, 12).await;
    let chat = world.encrypted(ada, &[ben]).await;
    let first = world.claim(ada, chat, 1, ben).await.unwrap();
    assert_eq!(first, [(ben, packages[0].clone())]);
    assert_eq!(world.claim(ben, chat, 1, ben).await.unwrap(), first, "whoever asks");
    let refused = |error: DeliveryError| match error {
        DeliveryError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    };
    assert_eq!(refused(world.claim(cleo, chat, 1, ben).await.unwrap_err()), Refusal::NoSuchChat);
    assert_eq!(refused(world.claim(ada, chat, 1, cleo).await.unwrap_err()), Refusal::TargetNotAMember);
    for nowhere in [0, 2] {
        let refusal = refused(world.claim(ada, chat, nowhere, ben).await.unwrap_err());
        assert_eq!(refusal, Refusal::NoSuchMessage);
    }
    let readable = world.direct(cleo, ada).await;
    assert_eq!(refused(world.claim(ada, readable, 1, cleo).await.unwrap_err()), Refusal::WrongEncryption);
}

#[tokio::test]
async fn a_device_whose_packages_run_out_is_asked_for_more() {
    let world = World::new().await;
    let (ada, ben) = (world.person(1).await, world.person(2).await);
    world.leaves_keys(ben, KEY_PACKAGES_LOW).await;
    let chat = world.encrypted(ada, &[ben]).await;
    let mut feed = world.connect(ben).await;
    assert!(!pull(&mut feed).await.iter().any(|line| line.ends_with("left")));
    world.claim(ada, chat, 1, ben).await.unwrap();
    assert_eq!(pull(&mut feed).await, [format!("suite 79 has {} left", KEY_PACKAGES_LOW - 1)]);
    let mut again = world.connect(ben).await;
    let lines = pull(&mut again).await;
    assert!(lines.contains(&format!("suite 79 has {} left", KEY_PACKAGES_LOW - 1)), "{lines:?}");
    let mut never = world.connect(ada).await;
    assert!(!pull(&mut never).await.iter().any(|line| line.ends_with("left")), "who never left any");
}

#[tokio::test]
async fn there_is_nowhere_to_enter_before_the_first_group() {
    let world = World::new().await;
    let (ada, ben) = (world.person(1).await, world.person(2).await);
    let chat = world.encrypted(ada, &[]).await;
    assert_eq!(world.server.group_info(ada, chat).await, Err(DeliveryError::NoGroup));
    let refused = world.server.group_info(ben, chat).await;
    assert_eq!(refused, Err(DeliveryError::Refused(Refusal::NoSuchChat)));
}

fn revocations(lines: &[String]) -> usize {
    lines.iter().filter(|line| line.ends_with("+DeviceRevoked")).count()
}

#[tokio::test]
async fn a_revoked_device_is_said_to_be_so_in_each_encrypted_chat_of_its_user_once() {
    let world = World::new().await;
    let (ada, ben) = (world.person(1).await, world.person(2).await);
    let laptop = world.device(ben.user, 2).await;
    world.leaves_keys(laptop, 3).await;
    let encrypted = world.encrypted(ada, &[ben]).await;
    let readable = world.direct(ben, ada).await;
    let mut feed = world.connect(ada).await;
    pull(&mut feed).await;
    world.store.intend_revocation(laptop).await.unwrap();
    for _ in 0..2 {
        world.server.carry_out_revocations().await.unwrap();
    }
    let state = world.state(encrypted).await;
    assert!(state.keys.revoked.contains(&laptop));
    assert_eq!((state.head, world.state(readable).await.head), (Seq(2), Seq(1)));
    assert_eq!(revocations(&pull_events(&mut feed).await), 1, "those who are there are told");
    assert!(world.store.device(laptop).await.unwrap().unwrap().value.revoked.is_some());
    assert_eq!(world.store.revocations(None, 10).await.unwrap(), []);
    assert_eq!(world.claim(ada, encrypted, 1, ben).await.unwrap(), [], "nobody adds it anew");
}

#[tokio::test]
async fn a_revocation_that_dies_on_the_way_is_resumed() {
    // Whichever call to the store is the last one.
    for operation in [
        Operation::Append,
        Operation::RaiseInbox,
        Operation::ReadChats,
        Operation::ReadInbox,
        Operation::WriteKeys,
        Operation::WritePeople,
    ] {
        for fault in [Fault::Unavailable, Fault::UncertainWritten, Fault::UncertainLost] {
            let world = World::new().await;
            let (ada, ben) = (world.person(1).await, world.person(2).await);
            let laptop = world.device(ben.user, 2).await;
            let chat = world.encrypted(ada, &[ben]).await;
            world.store.intend_revocation(laptop).await.unwrap();
            world.store.fail_next(operation, fault);
            let _ = world.server.carry_out_revocations().await;
            world.store.forget_faults();
            let next = world.another_server(2).await;
            next.carry_out_revocations().await.unwrap();
            let events = world.store.read(chat, Seq(1), Seq(9), 10, usize::MAX).await.unwrap();
            let said = events.iter().filter(|event| matches!(event.kind, EventKind::DeviceRevoked { .. }));
            assert_eq!(said.count(), 1, "{operation:?} {fault:?}");
            let mut feed = crate::world::connect(&next, ada, &[]).await;
            assert_eq!(revocations(&pull_events(&mut feed).await), 1, "{operation:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_told_of_a_revocation_carries_it_out() {
    let world = World::new().await;
    let (ada, ben) = (world.person(1).await, world.person(2).await);
    let chat = world.encrypted(ada, &[ben]).await;
    world.store.intend_revocation(ben).await.unwrap();
    world.server.revoke_device(ben);
    for _ in 0..500 {
        if world.state(chat).await.head == Seq(2) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the chat never learned of it at {}", Timestamp(START.0));
}
