//! One row for each user and chat, which only rises.

use std::sync::Arc;

use dunlin_model::{ChatId, InboxEntry, InboxMark, Seq};

use super::fixtures::{ALL, answered, at_once, chat, user};
use crate::{Inboxes, Store};

async fn row<S: Inboxes>(store: &S, of: u32, chat: ChatId) -> Option<InboxMark> {
    let rows = answered(store.inbox(user(of), None, ALL).await);
    rows.iter().find(|row| row.chat == chat).map(|row| row.mark)
}

/// Higher heads win, and at one head the end of a membership.
pub async fn inbox_rows_only_rise<S: Store>(store: Arc<S>) {
    let raises = [
        (InboxMark::open(Seq(3)), InboxMark::open(Seq(3))),
        (InboxMark::open(Seq(2)), InboxMark::open(Seq(3))),
        (InboxMark::open(Seq(10)), InboxMark::open(Seq(10))),
        (InboxMark::closed(Seq(9)), InboxMark::open(Seq(10))),
        (InboxMark::closed(Seq(10)), InboxMark::closed(Seq(10))),
        (InboxMark::open(Seq(10)), InboxMark::closed(Seq(10))),
        (InboxMark::open(Seq(50)), InboxMark::open(Seq(50))),
        (InboxMark::closed(Seq(10)), InboxMark::open(Seq(50))),
        (InboxMark::open(Seq(u64::MAX >> 2)), InboxMark::open(Seq(u64::MAX >> 2))),
    ];
    assert_eq!(row(&*store, 1, chat(1)).await, None);
    for (raise, expected) in raises {
        answered(store.raise_inbox(chat(1), raise, &[user(1)]).await);
        assert_eq!(row(&*store, 1, chat(1)).await, Some(expected), "after {raise:?}");
    }
    assert_eq!(row(&*store, 2, chat(1)).await, None, "nobody else's row");
}

/// Raises in any order end at the highest, and no reader sees a row go down.
pub async fn inbox_rows_raised_at_once_keep_the_highest<S: Store>(store: Arc<S>) {
    at_once(&store, 8, |store, task| async move {
        let mut seen = None;
        for round in 0..25_u32 {
            let value = u64::from((round * 7 + task * 13) % 100);
            let mark = InboxMark { head: Seq(value), closed: value % 3 == 0 };
            answered(store.raise_inbox(chat(1), mark, &[user(1), user(2)]).await);
            let now = row(&*store, 1, chat(1)).await;
            assert!(now >= Some(mark) && now >= seen, "{now:?} after {mark:?} and {seen:?}");
            seen = now;
        }
    })
    .await;
    answered(store.raise_inbox(chat(1), InboxMark::closed(Seq(99)), &[user(1)]).await);
    assert_eq!(row(&*store, 1, chat(1)).await, Some(InboxMark::closed(Seq(99))));
    let highest = (0..8_u64).flat_map(|task| (0..25).map(move |round| (round * 7 + task * 13) % 100)).max();
    assert_eq!(row(&*store, 2, chat(1)).await.map(|mark| mark.head), highest.map(Seq));
}

/// Pages follow one another without gap or double, ascending by chat.
pub async fn a_large_inbox_is_read_in_pages<S: Store>(store: Arc<S>) {
    let mark = |number: u32| InboxMark::open(Seq(u64::from(number) + 1));
    at_once(&store, 20, |store, task| async move {
        for number in (0..1_000).filter(|number| number % 20 == task) {
            answered(store.raise_inbox(chat(number), mark(number), &[user(1)]).await);
        }
    })
    .await;
    answered(store.raise_inbox(chat(5_000), mark(1), &[user(2)]).await);
    let mut rows: Vec<InboxEntry> = Vec::new();
    loop {
        let page = answered(store.inbox(user(1), rows.last().map(|row| row.chat), 150).await);
        assert!(page.len() <= 150);
        if page.is_empty() {
            break;
        }
        rows.extend(page);
    }
    let expected: Vec<InboxEntry> =
        (0..1_000).map(|number| InboxEntry { chat: chat(number), mark: mark(number) }).collect();
    assert_eq!(rows, expected);
    let after_none = answered(store.inbox(user(1), Some(ChatId::from_bytes([0xFF; 16])), 10).await);
    assert_eq!(after_none, []);
    // The one to go on after need not have a row: this stands between the first two.
    let mut absent = [0xFF; 16];
    absent[..4].copy_from_slice(&[0; 4]);
    let after_absent = answered(store.inbox(user(1), Some(ChatId::from_bytes(absent)), 1).await);
    assert_eq!(after_absent, [InboxEntry { chat: chat(1), mark: mark(1) }]);
    assert_eq!(answered(store.inbox(user(3), None, 10).await), []);
}

/// One raise for a whole group.
pub async fn a_raise_reaches_every_user_named<S: Store>(store: Arc<S>) {
    let users: Vec<_> = (0..300).map(user).collect();
    answered(store.raise_inbox(chat(1), InboxMark::open(Seq(7)), &users).await);
    answered(store.raise_inbox(chat(1), InboxMark::open(Seq(8)), &[]).await);
    answered(store.raise_inbox(chat(1), InboxMark::open(Seq(9)), &[user(4), user(4)]).await);
    for number in 0..300 {
        let expected = InboxMark::open(Seq(if number == 4 { 9 } else { 7 }));
        assert_eq!(row(&*store, number, chat(1)).await, Some(expected));
    }
    assert_eq!(row(&*store, 300, chat(1)).await, None);
}
