//! What an administrator may change about REST.

/// Bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Requests a second from one address (for IPv6, one network of 64 bits).
pub const REQUESTS_PER_ADDRESS_PER_SECOND: u32 = 200;
/// Requests at once from one address.
pub const REQUESTS_PER_ADDRESS_BURST: u32 = 1_000;
/// One-time codes asked for and logins tried a minute from one address. Raise it where all clients come from
/// one address, as behind a proxy.
pub const LOGINS_PER_ADDRESS_PER_MINUTE: u32 = 60;
/// Users looked up by address in an hour by one user, so that nobody tries out all phone numbers.
pub const FINDS_PER_USER_PER_HOUR: u32 = 500;

/// Blobs that one user puts in a minute.
pub const BLOBS_PER_USER_PER_MINUTE: u32 = 120;

/// Limits of REST. Requests of one user count together with those on their connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// Requests a second from one address.
    pub requests_per_address_per_second: u32,
    /// Requests at once from one address.
    pub requests_per_address_burst: u32,
    /// One-time codes asked for and logins tried a minute from one address.
    pub logins_per_address_per_minute: u32,
    /// Users looked up by address in an hour by one user.
    pub finds_per_user_per_hour: u32,
    /// Blobs that one user puts in a minute.
    pub blobs_per_user_per_minute: u32,
    /// Whether anyone who reaches the server may make accounts without codes. Never beyond loopback.
    pub test_accounts: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            body_bytes_max: BODY_BYTES_MAX,
            requests_per_address_per_second: REQUESTS_PER_ADDRESS_PER_SECOND,
            requests_per_address_burst: REQUESTS_PER_ADDRESS_BURST,
            logins_per_address_per_minute: LOGINS_PER_ADDRESS_PER_MINUTE,
            finds_per_user_per_hour: FINDS_PER_USER_PER_HOUR,
            blobs_per_user_per_minute: BLOBS_PER_USER_PER_MINUTE,
            test_accounts: false,
        }
    }
}
