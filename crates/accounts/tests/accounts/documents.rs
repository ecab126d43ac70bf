//! Profiles, settings, contacts, blocks and finding people.

use crate::common::{ADA, World};
use dunlin_accounts::AccountError;
use dunlin_model::account::{Contact, LastSeenVisibility, Profile, Settings, Version};
use dunlin_model::{ErrorCode, UserId};

const BOB: &str = "+1 555 123 4567";

#[tokio::test]
async fn a_profile_is_replaced_only_if_it_is_the_one_that_was_read() {
    let world = World::new().await;
    let ada = world.login(ADA).await.device.user;
    let read = world.accounts.profile(ada).await.unwrap();
    assert_eq!(read.version, Version(0));
    let named = |name: &str| Profile { name: name.into(), ..Profile::default() };
    let written = world.accounts.set_profile(ada, Some(read.version), named("Ada")).await.unwrap();
    let stale = world.accounts.set_profile(ada, Some(read.version), named("Eve")).await;
    assert!(matches!(stale, Err(AccountError::Changed)));
    assert_eq!(world.accounts.profile(ada).await.unwrap(), written);
    world.accounts.set_profile(ada, None, named("Ada L.")).await.unwrap();
    let long = world.accounts.set_profile(ada, None, named(&"x".repeat(129))).await;
    assert_eq!(long.unwrap_err().code(), ErrorCode::TooLarge);
    let nobody = world.accounts.profile(UserId::from_bytes([0; 16])).await;
    assert!(matches!(nobody, Err(AccountError::NoSuchUser)));
}

#[tokio::test]
async fn settings_survive_a_restart() {
    let mut world = World::new().await;
    let ada = world.login(ADA).await.device.user;
    let hidden = Settings { last_seen: LastSeenVisibility::Nobody };
    world.accounts.set_settings(ada, None, hidden.clone()).await.unwrap();
    assert_eq!(world.another_server().await.settings(ada).await.unwrap().value, hidden);
}

#[tokio::test]
async fn contacts_added_at_once_are_all_kept() {
    let world = World::new().await;
    let ada = world.login(ADA).await.device.user;
    let others = world.accounts.test_accounts(12, 1).await.unwrap();
    let tasks: Vec<_> = others
        .iter()
        .map(|other| {
            let (accounts, user) = (world.accounts.clone(), other.device.user);
            tokio::spawn(async move { accounts.put_contact(ada, &Contact { user, name: "x".into() }).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(world.accounts.contacts(ada).await.unwrap().value.len(), others.len());
    let first = others[0].device.user;
    world.accounts.put_contact(ada, &Contact { user: first, name: "Bob".into() }).await.unwrap();
    let contacts = world.accounts.contacts(ada).await.unwrap().value;
    assert_eq!(contacts.iter().find(|contact| contact.user == first).unwrap().name, "Bob");
    world.accounts.remove_contact(ada, first).await.unwrap();
    world.accounts.remove_contact(ada, first).await.unwrap();
    assert_eq!(world.accounts.contacts(ada).await.unwrap().value.len(), others.len() - 1);
}

#[tokio::test]
async fn all_contacts_are_replaced_at_once_and_named_once() {
    let world = World::new().await;
    let ada = world.login(ADA).await.device.user;
    let others = world.accounts.test_accounts(2, 1).await.unwrap();
    let contact = |at: usize, name: &str| Contact { user: others[at].device.user, name: name.into() };
    let new = vec![contact(0, "old"), contact(1, "x"), contact(0, "new")];
    let written = world.accounts.set_contacts(ada, Some(Version(0)), new).await.unwrap();
    assert_eq!(written.value, [contact(1, "x"), contact(0, "new")]);
    let stale = world.accounts.set_contacts(ada, Some(Version(0)), Vec::new()).await;
    assert!(matches!(stale, Err(AccountError::Changed)));
    let oneself = vec![Contact { user: ada, name: String::new() }];
    assert!(matches!(world.accounts.set_contacts(ada, None, oneself).await, Err(AccountError::Oneself)));
}

#[tokio::test]
async fn blocking_takes_existing_others_and_may_be_repeated() {
    let world = World::new().await;
    let ada = world.login(ADA).await.device.user;
    let bob = world.login("bob@example.org").await.device.user;
    world.accounts.block(ada, bob).await.unwrap();
    world.accounts.block(ada, bob).await.unwrap();
    assert_eq!(world.accounts.blocks(ada).await.unwrap().into_iter().collect::<Vec<_>>(), [bob]);
    assert!(matches!(world.accounts.block(ada, ada).await, Err(AccountError::Oneself)));
    let nobody = world.accounts.block(ada, UserId::from_bytes([0; 16])).await;
    assert!(matches!(nobody, Err(AccountError::NoSuchUser)));
    world.accounts.unblock(ada, bob).await.unwrap();
    assert!(world.accounts.blocks(ada).await.unwrap().is_empty());
}

#[tokio::test]
async fn people_are_found_by_exact_address_only() {
    let world = World::new().await;
    let ada = world.login(ADA).await.device.user;
    let bob = world.login("+15551234567").await.device.user;
    assert_eq!(world.accounts.find_user("Ada@Example.org").await.unwrap(), Some(ada));
    assert_eq!(world.accounts.find_user(BOB).await.unwrap(), Some(bob));
    assert_eq!(world.accounts.find_user("ad@example.org").await.unwrap(), None);
}
