//! What happens when the store does not know whether it wrote, or cannot be reached.

use crate::common::{ADA, World};
use dunlin_model::ErrorCode;
use dunlin_model::account::Contact;
use dunlin_store::memory::{Fault, Operation};

const UNCERTAIN: [Fault; 2] = [Fault::UncertainWritten, Fault::UncertainLost];

#[tokio::test]
async fn a_refresh_whose_write_is_uncertain_moves_on_by_exactly_one() {
    for fault in UNCERTAIN {
        let world = World::new().await;
        let first = world.login(ADA).await;
        world.store.fail_next(Operation::WritePeople, fault);
        let second = world.accounts.refresh(&first.refresh_token).await.unwrap();
        assert!(world.accounts.refresh(&first.refresh_token).await.unwrap() == second);
        assert!(world.accounts.refresh(&second.refresh_token).await.is_ok());
    }
}

#[tokio::test]
async fn an_uncertain_claim_registers_one_user() {
    for fault in UNCERTAIN {
        let world = World::new().await;
        world.store.fail_next(Operation::WritePeople, fault);
        let made = world.accounts.test_accounts(1, 1).await.unwrap();
        assert!(made[0].new_user);
        assert!(world.accounts.profile(made[0].device.user).await.is_ok());
    }
}

#[tokio::test]
async fn an_uncertain_revocation_revokes() {
    for fault in UNCERTAIN {
        let world = World::new().await;
        let device = world.login(ADA).await.device;
        world.store.fail_next(Operation::WritePeople, fault);
        world.accounts.logout(device).await.unwrap();
        assert!(world.accounts.devices(device.user).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_uncertain_contact_is_there_once() {
    for fault in UNCERTAIN {
        let world = World::new().await;
        let ada = world.login(ADA).await.device.user;
        let bob = world.login("bob@example.org").await.device.user;
        world.store.fail_next(Operation::WritePeople, fault);
        world.accounts.put_contact(ada, &Contact { user: bob, name: "Bob".into() }).await.unwrap();
        assert_eq!(world.accounts.contacts(ada).await.unwrap().value.len(), 1);
    }
}

#[tokio::test]
async fn without_a_store_everything_is_refused_to_be_tried_later() {
    let world = World::new().await;
    let credentials = world.login(ADA).await;
    let credentials = world.accounts.refresh(&credentials.refresh_token).await.unwrap();
    world.store.set_unavailable(true);
    let codes = [
        world.accounts.request_code(ADA).await.unwrap_err().code(),
        world.accounts.login(ADA, "123456", "laptop").await.unwrap_err().code(),
        world.accounts.refresh(&credentials.refresh_token).await.unwrap_err().code(),
        world.accounts.authenticate(&credentials.access_token).await.unwrap_err().code(),
        world.accounts.contacts(credentials.device.user).await.unwrap_err().code(),
    ];
    assert_eq!(codes, [ErrorCode::Unavailable; 5]);
    assert_eq!(world.outbox.codes(ADA).len(), 1, "no code goes out that was not stored");
}
