//! Who may read what follows from the log, however much of it is left.

use std::sync::Arc;

use dunlin_model::chat::{ChatState, Membership};
use dunlin_model::{Body, ChatCommand, ChatKind, DeviceId, Encryption, Seq};

use super::fixtures::{act, answered, chat, device, read_all, seqs, state_of, user};
use crate::{Chats, Store};

async fn talk<S: Chats>(store: &S, state: &mut ChatState, sender: DeviceId, up_to: u64) {
    while state.head < Seq(up_to) {
        let body = Body::Text(format!("message {}", state.head.next()));
        act(
            store,
            state,
            sender,
            ChatCommand::Send { body, reply_to: None, attachments: Vec::new(), epoch: None },
        )
        .await;
    }
}

/// A group of 1 (owner), 2 and 3 in which 2 leaves at 10 and is back at 50; the log ends at 60.
async fn somebody_leaves_and_returns<S: Chats>(store: &S) -> ChatState {
    let (owner, guest) = (device(1), device(2));
    let mut state = ChatState::before_creation(chat(1));
    let create = ChatCommand::Create {
        kind: ChatKind::Group,
        encryption: Encryption::None,
        name: "a group".into(),
        description: String::new(),
        members: vec![user(2), user(3)],
    };
    act(store, &mut state, owner, create).await;
    talk(store, &mut state, guest, 9).await;
    act(store, &mut state, guest, ChatCommand::Leave).await;
    talk(store, &mut state, owner, 30).await;
    answered(store.save_snapshot(&state).await);
    talk(store, &mut state, owner, 49).await;
    act(store, &mut state, owner, ChatCommand::Add { users: vec![user(2)] }).await;
    talk(store, &mut state, guest, 60).await;
    state
}

/// A snapshot spares reading the log from its start, and changes nothing else.
pub async fn snapshot_and_log_give_the_state_that_the_log_alone_gives<S: Store>(store: Arc<S>) {
    let expected = somebody_leaves_and_returns(&*store).await;
    let mut from_log = ChatState::before_creation(chat(1));
    for event in read_all(&*store, chat(1)).await {
        from_log.apply(&event);
    }
    assert_eq!(answered(store.snapshot(chat(1)).await).map(|state| state.head), Some(Seq(30)));
    assert_eq!(state_of(&*store, chat(1)).await, expected);
    assert_eq!(from_log, expected);
}

/// Leaving at 10 and returning at 50 leaves what is up to 10 and from 50, and nothing between.
pub async fn who_leaves_and_returns_may_read_both_stays<S: Store>(store: Arc<S>) {
    somebody_leaves_and_returns(&*store).await;
    let state = state_of(&*store, chat(1)).await;
    let stays = [Membership { from: Seq(1), to: Some(Seq(10)) }, Membership { from: Seq(50), to: None }];
    assert_eq!(state.memberships_of(user(2)).stays(), stays);
    let readable: Vec<u64> = (1..=60).filter(|seq| state.may_read(user(2), Seq(*seq))).collect();
    assert_eq!(readable, (1..=10).chain(50..=60).collect::<Vec<_>>());
    assert!((1..=60).all(|seq| state.may_read(user(3), Seq(seq))), "who stayed reads everything");
    assert!((1..=60).all(|seq| !state.may_read(user(4), Seq(seq))), "a stranger nothing");
}

/// When the events of joining and leaving are removed, the snapshot still knows of them.
pub async fn memberships_outlive_the_events_that_made_them<S: Store>(store: Arc<S>) {
    let expected = somebody_leaves_and_returns(&*store).await;
    assert_eq!(answered(store.raise_floor(chat(1), Seq(60)).await), Seq(30), "not past the snapshot");
    assert_eq!(seqs(&read_all(&*store, chat(1)).await), (31..=60).collect::<Vec<_>>());
    assert_eq!(state_of(&*store, chat(1)).await, expected);
    answered(store.save_snapshot(&expected).await);
    assert_eq!(answered(store.raise_floor(chat(1), Seq(60)).await), Seq(60));
    assert_eq!(state_of(&*store, chat(1)).await, expected);
}
