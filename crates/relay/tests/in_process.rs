//! What servers in one process hear of each other.

use std::sync::{Arc, Weak};

use dunlin_model::{ChatId, Seq, UserId};
use dunlin_relay::{Fate, InProcessRelay, Lost, Relay, RelayError, ServerId, Signal, Wake, WakeSink};
use parking_lot::Mutex;

const HERE: ServerId = ServerId(1);
const THERE: ServerId = ServerId(2);
const ADA: UserId = UserId::from_bytes([1; 16]);
const BEN: UserId = UserId::from_bytes([2; 16]);
const CHAT: ChatId = ChatId::from_bytes([3; 16]);

#[derive(Default)]
struct Heard {
    wakes: Mutex<Vec<(Vec<UserId>, u64)>>,
    signals: Mutex<Vec<Signal>>,
    lost: Mutex<Vec<Lost>>,
}

impl WakeSink for Heard {
    fn wake(&self, users: &[UserId], wake: &Wake) {
        self.wakes.lock().push((users.to_vec(), wake.head.0));
    }
    fn signal(&self, _users: &[UserId], signal: &Signal) {
        self.signals.lock().push(signal.clone());
    }
    fn lost(&self, lost: Lost) {
        self.lost.lock().push(lost);
    }
}

struct Two {
    relay: InProcessRelay,
    here: Arc<Heard>,
    there: Arc<Heard>,
}

async fn two_servers() -> Two {
    let relay = InProcessRelay::new();
    let (here, there) = (Arc::new(Heard::default()), Arc::new(Heard::default()));
    relay.attach(HERE, Arc::downgrade(&here) as Weak<dyn WakeSink>).await.expect("the relay is in order");
    relay.attach(THERE, Arc::downgrade(&there) as Weak<dyn WakeSink>).await.expect("the relay is in order");
    relay.subscribe(HERE, ADA).await.expect("the relay is in order");
    relay.subscribe(THERE, BEN).await.expect("the relay is in order");
    Two { relay, here, there }
}

fn wake(head: u64) -> Wake {
    Wake { chat: CHAT, head: Seq(head), event: None }
}

#[tokio::test]
async fn a_wake_reaches_the_other_servers_that_subscribed_and_not_the_publisher() {
    let two = two_servers().await;
    two.relay.subscribe(HERE, BEN).await.unwrap();
    two.relay.publish(HERE, &[ADA, BEN], wake(7));
    assert_eq!(*two.there.wakes.lock(), vec![(vec![BEN], 7)]);
    assert!(two.here.wakes.lock().is_empty());
    two.relay.unsubscribe(THERE, BEN).await.unwrap();
    two.relay.publish(HERE, &[ADA, BEN], wake(8));
    assert_eq!(two.there.wakes.lock().len(), 1);
}

#[tokio::test]
async fn a_signal_travels_like_a_wake() {
    let two = two_servers().await;
    let typing = Signal::Typing { chat: CHAT, user: BEN, typing: true };
    two.relay.publish_signal(THERE, &[ADA], typing.clone());
    assert_eq!(*two.here.signals.lock(), vec![typing]);
    assert!(two.there.signals.lock().is_empty());
}

#[tokio::test]
async fn wakes_can_be_lost_doubled_and_late() {
    let two = two_servers().await;
    two.relay.set_fate(Fate::Lose);
    two.relay.publish(HERE, &[BEN], wake(1));
    two.relay.set_fate(Fate::Double);
    two.relay.publish(HERE, &[BEN], wake(2));
    two.relay.set_fate(Fate::Hold);
    two.relay.publish(HERE, &[BEN], wake(3));
    two.relay.set_fate(Fate::Deliver);
    two.relay.publish(HERE, &[BEN], wake(4));
    two.relay.release();
    let heads: Vec<u64> = two.there.wakes.lock().iter().map(|(_, head)| *head).collect();
    assert_eq!(heads, [2, 2, 4, 3]);
}

#[tokio::test]
async fn a_broken_subscription_is_silent_until_it_is_mended_and_then_reported() {
    let two = two_servers().await;
    two.relay.subscribe(THERE, ADA).await.unwrap();
    two.relay.interrupt(THERE, Lost::Users(vec![BEN]));
    two.relay.publish(HERE, &[ADA, BEN], wake(1));
    assert_eq!(*two.there.wakes.lock(), vec![(vec![ADA], 1)]);
    assert!(matches!(two.relay.subscribe(THERE, BEN).await, Err(RelayError::Unavailable(_))));
    two.relay.resume(THERE);
    assert_eq!(*two.there.lost.lock(), vec![Lost::Users(vec![BEN])]);
    two.relay.publish(HERE, &[BEN], wake(2));
    assert_eq!(two.there.wakes.lock().last(), Some(&(vec![BEN], 2)));
}

#[tokio::test]
async fn a_server_that_is_gone_hears_nothing_and_its_place_is_cleared() {
    let two = two_servers().await;
    drop(two.there);
    two.relay.publish(HERE, &[BEN], wake(1));
    let again = Arc::new(Heard::default());
    two.relay.attach(ServerId(3), Arc::downgrade(&again) as Weak<dyn WakeSink>).await.unwrap();
    assert_eq!(two.relay.subscribe(THERE, BEN).await, Err(RelayError::NotAttached(THERE)));
}
