//! One-time codes: what they open, and what limits them.

use crate::common::{ADA, HOUR, MINUTE, World, wrong};
use dunlin_accounts::AccountError;
use dunlin_model::ErrorCode;

#[tokio::test]
async fn a_code_registers_once_and_logs_in_afterwards() {
    let world = World::new().await;
    let first = world.login(ADA).await;
    let second = world.login(ADA).await;
    assert!(first.new_user && !second.new_user);
    assert_eq!(first.device.user, second.device.user);
    assert_eq!((first.device.number.0, second.device.number.0), (1, 2));
    assert_ne!(first.access_token, second.access_token);
}

#[tokio::test]
async fn a_code_is_six_digits_and_works_once() {
    let world = World::new().await;
    let code = world.code(ADA).await;
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    world.accounts.login(ADA, &code, "laptop").await.unwrap();
    let again = world.accounts.login(ADA, &code, "laptop").await;
    assert!(matches!(again, Err(AccountError::WrongCode)));
}

#[tokio::test]
async fn a_code_expires_and_a_newer_one_replaces_it() {
    let world = World::new().await;
    let old = world.code(ADA).await;
    let new = world.code(ADA).await;
    assert_ne!(old, new);
    assert!(world.accounts.login(ADA, &old, "laptop").await.is_err());
    world.clock.advance(MINUTE * 10);
    assert!(matches!(world.accounts.login(ADA, &new, "laptop").await, Err(AccountError::WrongCode)));
}

#[tokio::test]
async fn five_wrong_attempts_end_a_code_even_across_a_restart() {
    let mut world = World::new().await;
    let code = world.code(ADA).await;
    for _ in 0..3 {
        assert!(world.accounts.login(ADA, wrong(&code), "laptop").await.is_err());
    }
    let restarted = world.another_server().await;
    for _ in 0..2 {
        assert!(restarted.login(ADA, wrong(&code), "laptop").await.is_err());
    }
    assert!(matches!(restarted.login(ADA, &code, "laptop").await, Err(AccountError::WrongCode)));
}

#[tokio::test]
async fn concurrent_guesses_are_all_counted() {
    let world = World::new().await;
    let code = world.code(ADA).await;
    let guesses: Vec<_> = (0..20)
        .map(|_| {
            let (accounts, guess) = (world.accounts.clone(), wrong(&code));
            tokio::spawn(async move { accounts.login(ADA, guess, "laptop").await })
        })
        .collect();
    for guess in guesses {
        assert!(guess.await.unwrap().is_err());
    }
    assert!(world.accounts.login(ADA, &code, "laptop").await.is_err());
}

#[tokio::test]
async fn one_code_used_twice_at_once_opens_one_device() {
    let world = World::new().await;
    let code = world.code(ADA).await;
    let (a, b) =
        tokio::join!(world.accounts.login(ADA, &code, "laptop"), world.accounts.login(ADA, &code, "laptop"));
    assert!(a.is_ok() != b.is_ok());
}

#[tokio::test]
async fn codes_per_hour_are_limited_alike_for_strangers_and_users() {
    let mut world = World::new().await;
    world.login(ADA).await;
    for address in [ADA, "stranger@example.org"] {
        for _ in 0..5 {
            world.accounts.request_code(address).await.unwrap();
            world.clock.advance(MINUTE);
        }
        let restarted = world.another_server().await;
        let refused = restarted.request_code(address).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::TooFast);
        assert_eq!(refused.retry_after(), Some(MINUTE * 55));
        world.clock.advance(MINUTE * 55);
        restarted.request_code(address).await.unwrap();
    }
}

#[tokio::test]
async fn thirty_failures_close_an_address_for_a_day() {
    let world = World::new().await;
    for _ in 0..6 {
        let code = world.code(ADA).await;
        for _ in 0..5 {
            assert!(world.accounts.login(ADA, wrong(&code), "laptop").await.is_err());
        }
        world.clock.advance(HOUR);
    }
    assert_eq!(world.accounts.request_code(ADA).await.unwrap_err().code(), ErrorCode::TooFast);
    let tried = world.accounts.login(ADA, "123456", "laptop").await;
    assert!(matches!(tried, Err(AccountError::TooFast { .. })));
    world.clock.advance(HOUR * 18);
    assert!(world.try_login(ADA).await.is_ok());
}

#[tokio::test]
async fn a_clock_set_back_an_hour_does_not_lengthen_the_limit() {
    let world = World::new().await;
    for _ in 0..5 {
        world.accounts.request_code(ADA).await.unwrap();
    }
    world.set_back(MINUTE);
    assert!(world.accounts.request_code(ADA).await.is_err(), "clocks of servers differ a little");
    world.set_back(HOUR);
    world.accounts.request_code(ADA).await.unwrap();
}

#[tokio::test]
async fn a_code_survives_a_clock_set_back_and_ends_with_one_set_forward() {
    let world = World::new().await;
    let code = world.code(ADA).await;
    world.set_back(HOUR);
    world.accounts.login(ADA, &code, "laptop").await.unwrap();
    let code = world.code(ADA).await;
    world.set_forward(HOUR);
    assert!(world.accounts.login(ADA, &code, "laptop").await.is_err());
}

#[tokio::test]
async fn nonsense_is_refused_before_the_code_is_touched() {
    let world = World::new().await;
    assert!(matches!(world.accounts.request_code("ada").await, Err(AccountError::InvalidAddress)));
    let code = world.code(ADA).await;
    let long = "x".repeat(65);
    for name in ["", "  ", long.as_str()] {
        assert!(world.accounts.login(ADA, &code, name).await.is_err());
    }
    assert!(world.accounts.login("ADA@example.org ", &format!(" {code}"), "laptop").await.is_ok());
    assert!(world.accounts.login("nobody@example.org", "123456", "laptop").await.is_err());
}
