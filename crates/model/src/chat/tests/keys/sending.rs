//! From which epochs messages are accepted, and from whom.

use super::*;

fn stale(current: Epoch) -> Option<Refusal> {
    Some(Refusal::StaleEpoch { current })
}

#[test]
fn a_message_is_taken_from_the_current_epoch_of_a_device_with_a_leaf() {
    let mut chat = Chat::keyed();
    chat.does(MEMBER, message(epoch(1, 1)));
    let nowhere = Some(Refusal::NotInGroup { current: epoch(1, 1) });
    assert_eq!(chat.refuses(ANOTHER_MEMBER, message(epoch(1, 1))), nowhere, "a member without a leaf");
    assert_eq!(chat.refuses(STRANGER, message(epoch(1, 1))), Some(Refusal::NoSuchChat));
}

#[test]
fn nothing_is_sent_before_the_first_group() {
    let chat = Chat::encrypted();
    let current = epoch(0, 0);
    assert_eq!(chat.refuses(OWNER, message(current)), Some(Refusal::NotInGroup { current }));
}

#[test]
fn an_encrypted_chat_takes_no_text_and_a_readable_one_no_epoch() {
    let chat = Chat::keyed();
    assert_eq!(chat.refuses(OWNER, text("hello")), Some(Refusal::WrongEncryption));
    let body = Body::Text("hello".into());
    let disguised =
        ChatCommand::Send { body, reply_to: None, attachments: Vec::new(), epoch: Some(epoch(1, 1)) };
    assert_eq!(chat.refuses(OWNER, disguised), Some(Refusal::WrongEncryption));
    assert_eq!(Chat::group().refuses(OWNER, message(epoch(1, 1))), Some(Refusal::WrongEncryption));
}

#[test]
fn a_message_of_an_epoch_to_come_is_refused() {
    let chat = Chat::keyed();
    assert_eq!(chat.refuses(OWNER, message(epoch(1, 2))), stale(epoch(1, 1)));
    assert_eq!(chat.refuses(OWNER, message(epoch(2, 0))), stale(epoch(1, 1)));
}

#[test]
fn after_an_update_messages_of_a_few_epochs_back_are_taken_and_no_older_ones() {
    let mut chat = Chat::keyed();
    for number in 1..=EPOCHS_BACK_MAX {
        chat.does(OWNER, commits(commit(epoch(1, number), &[], &[])));
        assert_eq!(chat.refuses(MEMBER, message(epoch(1, 1))), None, "{number} epochs back");
    }
    chat.does(OWNER, commits(commit(chat.current(), &[], &[])));
    assert_eq!(chat.refuses(MEMBER, message(epoch(1, 1))), stale(chat.current()));
    assert_eq!(chat.refuses(MEMBER, message(epoch(1, 2))), None);
}

#[test]
fn after_a_commit_that_changes_who_reads_no_earlier_epoch_is_taken() {
    let newcomer = phones(&[ANOTHER_MEMBER]);
    let mut added = Chat::keyed();
    added.does(OWNER, commits(commit(epoch(1, 1), &newcomer, &[])));
    let mut entered = Chat::keyed();
    entered.does(ANOTHER_MEMBER, commits(external(epoch(1, 1), &newcomer)));
    let mut replaced = Chat::keyed();
    replaced.does(MEMBER, commits(external(epoch(1, 1), &[])));
    let mut removed = Chat::keyed();
    removed.signs(MEMBER, ChatCommand::Leave);
    removed.does(OWNER, commits(commit(epoch(1, 1), &[], &phones(&[MEMBER]))));
    for chat in [added, entered, replaced, removed] {
        assert_eq!(chat.refuses(OWNER, message(epoch(1, 1))), stale(epoch(1, 2)));
        assert_eq!(chat.refuses(OWNER, message(epoch(1, 2))), None);
    }
}

#[test]
fn a_removal_blocks_messages_until_it_is_committed() {
    let mut chat = Chat::keyed();
    chat.signs(OWNER, ChatCommand::Remove { users: users(&[MEMBER]) });
    let waits = Some(Refusal::RemovalWaits { current: epoch(1, 1) });
    assert_eq!(chat.refuses(OWNER, message(epoch(1, 1))), waits);
    assert_eq!(chat.refuses(ADMIN, message(epoch(1, 1))), waits);
    chat.does(ADMIN, commits(commit(epoch(1, 1), &[], &phones(&[MEMBER]))));
    assert_eq!(chat.refuses(OWNER, message(epoch(1, 2))), None);
}

#[test]
fn an_addition_blocks_nothing() {
    let mut chat = Chat::keyed();
    chat.signs(OWNER, ChatCommand::Add { users: users(&[STRANGER]) });
    assert_eq!(chat.refuses(OWNER, message(epoch(1, 1))), None);
}

#[test]
fn the_removal_of_a_member_without_a_leaf_blocks_nothing() {
    let mut chat = Chat::keyed();
    chat.signs(OWNER, ChatCommand::Remove { users: users(&[ANOTHER_MEMBER]) });
    assert_eq!(chat.refuses(OWNER, message(epoch(1, 1))), None);
}
