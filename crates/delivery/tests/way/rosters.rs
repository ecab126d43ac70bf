//! Who may read and write what, as members come and go.

use dunlin_delivery::HistoryQuery;
use dunlin_model::account::{Document, DocumentKind};
use dunlin_model::{ChatCommand, ClientSeq, ErrorCode};
use dunlin_store::Documents;

use crate::world::{World, pull, pull_events, seq};

#[tokio::test]
async fn who_leaves_and_rejoins_reads_both_stays_and_nothing_between() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.group(ada, &[bob]).await;
    world.send(ada, chat, 2, "before").await;
    world.act(bob, chat, 1, ChatCommand::Leave).await.unwrap();
    world.send(ada, chat, 3, "between").await;
    assert_eq!(
        world.act(bob, chat, 2, crate::world::text("x")).await.unwrap_err().code(),
        ErrorCode::NotAMember
    );
    world.act(ada, chat, 4, ChatCommand::Add { users: vec![bob.user] }).await.unwrap();
    world.send(ada, chat, 5, "after").await;
    let mut feed = world.connect(bob).await;
    let lines = pull(&mut feed).await;
    let expected =
        ["1 +Created", "2 before", "3 +Left", "4-4 NotEntitled", "5 +MembersAdded", "6 after", "caught up"];
    assert_eq!(lines, expected);
    let page = world.server.history(bob.user, chat, HistoryQuery::default()).await.unwrap();
    let seqs: Vec<u64> = page.events.iter().map(|event| event.seq.0).collect();
    assert_eq!(seqs, [1, 2, 3, 5, 6]);
}

#[tokio::test]
async fn a_banned_member_learns_of_it_and_of_nothing_after() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.group(ada, &[bob]).await;
    let mut feed = world.connect(bob).await;
    pull(&mut feed).await;
    world.act(ada, chat, 2, ChatCommand::Ban { users: vec![bob.user] }).await.unwrap();
    world.send(ada, chat, 3, "about you").await;
    assert_eq!(pull_events(&mut feed).await, ["2 +MembersBanned"]);
    feed.received(chat, seq(2)).await.unwrap();
    assert_eq!(world.act(bob, chat, 1, crate::world::text("x")).await.unwrap_err().code(), ErrorCode::Banned);
    drop(feed);
    let mut feed = world.connect(bob).await;
    assert_eq!(pull(&mut feed).await, ["caught up"]);
}

#[tokio::test]
async fn strangers_do_not_learn_that_a_chat_exists() {
    let world = World::new().await;
    let (ada, eve) = (world.person(1).await, world.person(9).await);
    let chat = world.group(ada, &[]).await;
    let nowhere = dunlin_model::ChatId::from_bytes([3; 16]);
    for chat in [chat, nowhere] {
        let refused = world.act(eve, chat, 1, crate::world::text("x")).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NotFound);
        let refused = world.server.history(eve.user, chat, HistoryQuery::default()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NotFound);
        let refused = world.server.chat_details(eve, chat).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn an_invite_link_lets_in_until_it_is_withdrawn() {
    let world = World::new().await;
    let (ada, bob, cat) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let chat = world.group(ada, &[]).await;
    let (_, code) = world.server.set_invite(ada, chat, ClientSeq(2), false).await.unwrap();
    let (again, same) = world.server.set_invite(ada, chat, ClientSeq(2), false).await.unwrap();
    assert!(again.repeated);
    assert_eq!(code, same, "a retry gets the same link");
    let code = code.unwrap();
    world.server.join(bob, &code, ClientSeq(1), None).await.unwrap();
    world.server.set_invite(ada, chat, ClientSeq(3), true).await.unwrap();
    let refused = world.server.join(cat, &code, ClientSeq(1), None).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidInvite);
    let details = world.server.chat_details(bob, chat).await.unwrap();
    assert_eq!(details.member_count, 2);
}

#[tokio::test]
async fn who_is_blocked_can_neither_write_nor_add() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    let mut blocks = world.store.document(bob.user, DocumentKind::Blocks).await.unwrap();
    blocks.value = Document::Blocks([ada.user].into());
    world.store.replace_document(bob.user, &blocks).await.unwrap();
    world.server.forget_blocks(bob.user);
    for from in [ada, bob] {
        let refused = world.act(from, chat, 2, crate::world::text("x")).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Blocked);
    }
    let group = world.group(ada, &[]).await;
    let refused = world.act(ada, group, 2, ChatCommand::Add { users: vec![bob.user] }).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Blocked);
}

#[tokio::test]
async fn both_may_start_their_direct_chat_at_once() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let (one, two) = tokio::join!(world.direct(ada, bob), world.direct(bob, ada));
    assert_eq!(one, two);
    let mut feed = world.connect(bob).await;
    assert_eq!(pull_events(&mut feed).await, ["1 +Created"]);
}

#[tokio::test]
async fn a_deleted_chat_ends_for_everyone() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.group(ada, &[bob]).await;
    let mut feed = world.connect(bob).await;
    pull(&mut feed).await;
    world.act(ada, chat, 2, ChatCommand::DeleteChat).await.unwrap();
    assert_eq!(pull_events(&mut feed).await, ["2 +ChatDeleted"]);
    let refused = world.act(ada, chat, 3, crate::world::text("x")).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ChatDeleted);
}
