//! Refreshing, revoking and checking tokens.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{ADA, HOUR, MINUTE, World};
use dunlin_accounts::AccountError;
use dunlin_model::account::DEVICES_PER_USER_MAX;
use dunlin_model::{DeviceId, DeviceNumber};
use dunlin_store::Devices;
use parking_lot::Mutex;

#[tokio::test]
async fn an_access_token_speaks_for_its_device_for_fifteen_minutes() {
    let mut world = World::new().await;
    let code = world.code(ADA).await;
    let credentials = world.accounts.login(ADA, &code, "laptop").await.unwrap();
    let elsewhere = world.another_server().await;
    for server in [&world.accounts, &elsewhere] {
        let authenticated = server.authenticate(&credentials.access_token).await.unwrap();
        assert_eq!(authenticated.device, credentials.device);
        assert_eq!(authenticated.expires, credentials.expires);
    }
    world.clock.advance(MINUTE * 15);
    let late = world.accounts.authenticate(&credentials.access_token).await;
    assert!(matches!(late, Err(AccountError::Unauthenticated)));
}

#[tokio::test]
async fn a_refresh_retried_within_a_minute_gets_the_same_answer_even_from_another_server() {
    let mut world = World::new().await;
    let first = world.login(ADA).await;
    let second = world.accounts.refresh(&first.refresh_token).await.unwrap();
    assert_ne!(first.refresh_token, second.refresh_token);
    world.accounts.authenticate(&second.access_token).await.unwrap();
    world.clock.advance(MINUTE);
    assert!(world.accounts.refresh(&first.refresh_token).await.unwrap() == second);
    assert!(world.another_server().await.refresh(&first.refresh_token).await.unwrap() == second);
    assert!(world.accounts.refresh(&second.refresh_token).await.is_ok());
}

#[tokio::test]
async fn an_old_refresh_token_revokes_the_device() {
    let world = World::new().await;
    let first = world.login(ADA).await;
    let second = world.accounts.refresh(&first.refresh_token).await.unwrap();
    world.clock.advance(MINUTE + Duration::from_secs(1));
    let reused = world.accounts.refresh(&first.refresh_token).await;
    assert!(matches!(reused, Err(AccountError::RefreshReused)));
    assert!(matches!(world.accounts.refresh(&second.refresh_token).await, Err(AccountError::DeviceRevoked)));
    assert!(matches!(
        world.accounts.authenticate(&second.access_token).await,
        Err(AccountError::DeviceRevoked)
    ));
}

#[tokio::test]
async fn a_token_two_generations_old_revokes_the_device_at_once() {
    let world = World::new().await;
    let first = world.login(ADA).await;
    let second = world.accounts.refresh(&first.refresh_token).await.unwrap();
    world.accounts.refresh(&second.refresh_token).await.unwrap();
    let reused = world.accounts.refresh(&first.refresh_token).await;
    assert!(matches!(reused, Err(AccountError::RefreshReused)));
}

#[tokio::test]
async fn concurrent_refreshes_all_get_the_same_answer() {
    let mut world = World::new().await;
    let first = world.login(ADA).await;
    let servers = [world.accounts.clone(), world.another_server().await];
    let tasks: Vec<_> = (0..16)
        .map(|turn| {
            let (accounts, token) = (servers[turn % 2].clone(), first.refresh_token.clone());
            tokio::spawn(async move { accounts.refresh(&token).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn a_clock_that_jumps_an_hour_during_a_retry_logs_nobody_out() {
    for forward in [true, false] {
        let world = World::new().await;
        let first = world.login(ADA).await;
        let second = world.accounts.refresh(&first.refresh_token).await.unwrap();
        if forward {
            world.set_forward(HOUR)
        } else {
            world.set_back(HOUR)
        }
        assert!(world.accounts.refresh(&first.refresh_token).await.unwrap() == second);
        world.accounts.refresh(&second.refresh_token).await.unwrap();
    }
}

#[tokio::test]
async fn a_device_goes_on_after_its_record_was_restored_from_a_backup() {
    let world = World::new().await;
    let first = world.login(ADA).await;
    let backup = world.store.device(first.device).await.unwrap().unwrap().value;
    let second = world.accounts.refresh(&first.refresh_token).await.unwrap();
    let third = world.accounts.refresh(&second.refresh_token).await.unwrap();
    let mut now = world.store.device(first.device).await.unwrap().unwrap();
    now.value = backup;
    world.store.replace_device(&now).await.unwrap();
    let fourth = world.accounts.refresh(&third.refresh_token).await.unwrap();
    assert!(world.accounts.refresh(&fourth.refresh_token).await.is_ok());
}

#[tokio::test]
async fn no_changed_refresh_token_is_accepted_or_does_harm() {
    let world = World::new().await;
    let credentials = world.login(ADA).await;
    let token = &credentials.refresh_token;
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let refused = world.accounts.refresh(&String::from_utf8(changed).unwrap()).await;
        assert!(matches!(refused, Err(AccountError::Unauthenticated)), "byte {at}");
    }
    assert!(world.accounts.refresh("").await.is_err());
    assert!(world.accounts.refresh(token).await.is_ok());
}

#[tokio::test]
async fn a_revoked_device_is_refused_at_once_and_listeners_hear_of_it() {
    let mut world = World::new().await;
    let (laptop, phone) = (world.login(ADA).await, world.login(ADA).await);
    let phone = world.accounts.refresh(&phone.refresh_token).await.unwrap();
    world.accounts.authenticate(&phone.access_token).await.unwrap();
    let heard = Arc::new(Mutex::new(Vec::<DeviceId>::new()));
    let ears = heard.clone();
    world.accounts.on_revoked(Arc::new(move |device| ears.lock().push(device)));

    world.accounts.revoke_device(laptop.device.user, phone.device.number).await.unwrap();
    assert_eq!(*heard.lock(), [phone.device]);
    assert!(matches!(
        world.accounts.authenticate(&phone.access_token).await,
        Err(AccountError::DeviceRevoked)
    ));
    assert!(matches!(
        world.another_server().await.authenticate(&phone.access_token).await,
        Err(AccountError::DeviceRevoked)
    ));
    let left = world.accounts.devices(laptop.device.user).await.unwrap();
    assert_eq!(left.iter().map(|device| device.id).collect::<Vec<_>>(), [laptop.device]);
    let missing = world.accounts.revoke_device(laptop.device.user, DeviceNumber(9)).await;
    assert!(matches!(missing, Err(AccountError::NoSuchDevice)));
}

#[tokio::test]
async fn a_revocation_on_another_server_shows_within_ten_seconds() {
    let mut world = World::new().await;
    let phone = world.login(ADA).await;
    let phone = world.accounts.refresh(&phone.refresh_token).await.unwrap();
    world.accounts.authenticate(&phone.access_token).await.unwrap();
    world.another_server().await.logout(phone.device).await.unwrap();
    world.clock.advance(Duration::from_secs(10));
    assert!(matches!(
        world.accounts.authenticate(&phone.access_token).await,
        Err(AccountError::DeviceRevoked)
    ));
}

#[tokio::test]
async fn the_seventeenth_device_is_refused_unless_one_has_been_idle_for_a_month() {
    let world = World::new().await;
    for _ in 0..DEVICES_PER_USER_MAX {
        world.login(ADA).await;
    }
    assert!(matches!(world.try_login(ADA).await, Err(AccountError::TooMany { .. })));
    world.clock.advance(HOUR * 24 * 30);
    let newest = world.login(ADA).await;
    let devices = world.accounts.devices(newest.device.user).await.unwrap();
    assert_eq!(devices.len(), DEVICES_PER_USER_MAX);
    assert!(devices.iter().all(|device| device.id.number != DeviceNumber(1)), "the first was the most idle");
    assert_eq!(newest.device.number.0 as usize, DEVICES_PER_USER_MAX + 1, "numbers are not used again");
}

#[tokio::test]
async fn test_accounts_come_by_the_thousand_and_work() {
    let world = World::new().await;
    let all = world.accounts.test_accounts(400, 5).await.unwrap();
    assert_eq!(all.len(), 2_000);
    assert_eq!(all[4].device.user, all[0].device.user);
    assert_ne!(all[5].device.user, all[0].device.user);
    assert!(world.accounts.authenticate(&all[1_999].access_token).await.is_ok());
    assert!(matches!(world.accounts.test_accounts(401, 5).await, Err(AccountError::TooMany { .. })));
}

#[tokio::test]
async fn a_resident_comes_back_as_the_device_it_was_and_anew_when_that_is_gone() {
    let world = World::new().await;
    let first = world.accounts.resident("echo@demo.invalid", "demo", None).await.unwrap();
    let again = world.accounts.resident("echo@demo.invalid", "demo", Some(first.device)).await.unwrap();
    assert_eq!(again.device, first.device);
    assert!(world.accounts.authenticate(&again.access_token).await.is_ok());
    let anew = world.accounts.resident("echo@demo.invalid", "demo", None).await.unwrap();
    assert_eq!(anew.device.user, first.device.user);
    assert_ne!(anew.device, first.device);
    let devices = world.accounts.devices(first.device.user).await.unwrap();
    assert_eq!(devices.iter().map(|device| device.id).collect::<Vec<_>>(), [anew.device]);
    // Somebody else's device is nobody's here.
    let other = world.accounts.resident("ada@demo.invalid", "demo", Some(anew.device)).await.unwrap();
    assert_ne!(other.device.user, anew.device.user);
}

#[tokio::test]
async fn who_listens_hears_of_logins_by_code_alone() {
    let world = World::new().await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    world.accounts.on_login(Arc::new(move |user| hears.lock().push(user)));
    world.accounts.resident("echo@demo.invalid", "demo", None).await.unwrap();
    world.accounts.test_accounts(2, 1).await.unwrap();
    let ada = world.login("ada@example.org").await;
    assert_eq!(*heard.lock(), [ada.device.user]);
}
