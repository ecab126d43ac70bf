//! How fast addresses and users may ask.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use dunlin_model::{ErrorCode, UserId};
use dunlin_wire::Failure;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::{HttpConfig, HttpError};

/// Requests after which those who have been quiet are forgotten.
const SWEPT_EVERY_REQUESTS: u32 = 16_384;

pub(super) struct Limits {
    requests: DefaultKeyedRateLimiter<IpAddr>,
    logins: DefaultKeyedRateLimiter<IpAddr>,
    finds: DefaultKeyedRateLimiter<UserId>,
    blobs: DefaultKeyedRateLimiter<UserId>,
    admitted: AtomicU32,
}

impl Limits {
    pub(super) fn new(config: &HttpConfig) -> Self {
        let requests = Quota::per_second(at_least_one(config.requests_per_address_per_second))
            .allow_burst(at_least_one(config.requests_per_address_burst));
        Self {
            requests: RateLimiter::keyed(requests),
            logins: RateLimiter::keyed(Quota::per_minute(at_least_one(config.logins_per_address_per_minute))),
            finds: RateLimiter::keyed(Quota::per_hour(at_least_one(config.finds_per_user_per_hour))),
            blobs: RateLimiter::keyed(Quota::per_minute(at_least_one(config.blobs_per_user_per_minute))),
            admitted: AtomicU32::new(0),
        }
    }

    pub(super) fn admit_request(&self, address: IpAddr) -> Result<(), HttpError> {
        if self.admitted.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEPT_EVERY_REQUESTS) {
            self.requests.retain_recent();
            self.logins.retain_recent();
            self.finds.retain_recent();
            self.blobs.retain_recent();
        }
        check(&self.requests, &network(address))
    }

    pub(super) fn admit_login(&self, address: IpAddr) -> Result<(), HttpError> {
        check(&self.logins, &network(address))
    }

    pub(super) fn admit_find(&self, user: UserId) -> Result<(), HttpError> {
        check(&self.finds, &user)
    }

    pub(super) fn admit_blob(&self, user: UserId) -> Result<(), HttpError> {
        check(&self.blobs, &user)
    }
}

fn check<K: Hash + Eq + Clone>(limiter: &DefaultKeyedRateLimiter<K>, key: &K) -> Result<(), HttpError> {
    limiter.check_key(key).map_err(|until| {
        let mut failure = Failure::new(ErrorCode::TooFast, "Too many requests: wait before the next.");
        failure.retry_after = Some(until.wait_time_from(DefaultClock::default().now()));
        failure.into()
    })
}

/// Whoever has one IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

fn at_least_one(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_network_share_a_limit() {
        let parse = |text: &str| network(text.parse().unwrap());
        assert_eq!(parse("2001:db8::1"), parse("2001:db8::ffff:1"));
        assert_ne!(parse("2001:db8::1"), parse("2001:db8:0:1::1"));
        assert_eq!(parse("::ffff:192.0.2.1"), parse("192.0.2.1"));
        assert_ne!(parse("192.0.2.1"), parse("192.0.2.2"));
    }
}
