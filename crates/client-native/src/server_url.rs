//! Where a server is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

/// The base address of a server, `http` or `https`, without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl(Url);

/// The text does not name a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' does not name a server; it should look like https://chat.example.org or http://127.0.0.1:7700"
)]
pub struct ServerUrlError(String);

impl ServerUrl {
    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host, without brackets around an IPv6 address.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, that of the scheme when none is named.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// The address of a REST resource; each part of the path is escaped.
    pub fn rest(&self, path: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().push("api").extend(path);
        }
        url
    }

    /// An address on this server that it gave itself: path and query. `None` for what leads elsewhere.
    pub fn at(&self, address: &str) -> Option<Url> {
        let url = self.0.join(address).ok()?;
        (url.origin() == self.0.origin()).then_some(url)
    }

    /// An address that this server gave for a file: its own, or one elsewhere, such as an object store's. `None` for what
    /// is no such address, or less protected than the server.
    pub fn file(&self, address: &str) -> Option<Url> {
        let url = self.0.join(address).ok()?;
        let is_allowed = match url.scheme() {
            "https" => true,
            "http" => !self.is_tls(),
            _ => false,
        };
        (is_allowed && url.has_host()).then_some(url)
    }

    /// The address of the WebSocket.
    pub fn websocket(&self) -> String {
        let scheme = if self.is_tls() { "wss" } else { "ws" };
        let host = self.0.host_str().unwrap_or_default();
        format!("{scheme}://{host}:{}/v1/ws", self.port())
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl FromStr for ServerUrl {
    type Err = ServerUrlError;

    /// Without a scheme, loopback is taken as `http` and everything else as `https`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ServerUrlError(text.to_owned());
        let trimmed = text.trim();
        let with_scheme = if trimmed.contains("://") {
            trimmed.to_owned()
        } else {
            let guess = Url::parse(&format!("https://{trimmed}")).map_err(|_| wrong())?;
            let scheme = if is_loopback(guess.host_str().unwrap_or_default()) { "http" } else { "https" };
            format!("{scheme}://{trimmed}")
        };
        let mut url = Url::parse(&with_scheme).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(wrong());
        }
        url.set_path("");
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self(url))
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> ServerUrl {
        text.parse().expect("a server")
    }

    #[test]
    fn a_server_is_read_as_a_person_types_it() {
        assert_eq!(parsed("localhost:7700").to_string(), "http://localhost:7700");
        assert_eq!(parsed("[::1]:7700").to_string(), "http://[::1]:7700");
        assert_eq!(parsed("chat.example.org").to_string(), "https://chat.example.org");
        assert_eq!(parsed("https://chat.example.org/app/?x").to_string(), "https://chat.example.org");
        for wrong in ["", "ftp://x", "https://", "a b"] {
            assert!(wrong.parse::<ServerUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_addresses_of_resources_follow_from_it() {
        assert_eq!(parsed("chat.example.org").websocket(), "wss://chat.example.org:443/v1/ws");
        assert_eq!(parsed("[::1]:7700").websocket(), "ws://[::1]:7700/v1/ws");
        assert_eq!(parsed("[::1]:7700").host(), "::1");
        assert_eq!(
            parsed("localhost:1").rest(&["users", "a/b"]).as_str(),
            "http://localhost:1/api/users/a%2Fb"
        );
        let at = |address| parsed("localhost:1").at(address).map(String::from);
        assert_eq!(at("/api/blobs/a?b=c").as_deref(), Some("http://localhost:1/api/blobs/a?b=c"));
        for elsewhere in ["//example.org/a", "https://localhost:1/a", "http://example.org/", "file:///a"] {
            assert_eq!(at(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn a_file_may_be_elsewhere_but_not_less_protected() {
        let file = |server: &str, address: &str| parsed(server).file(address).map(String::from);
        let path = "/api/attachments/a/file?b=c";
        assert_eq!(file("localhost:1", path), Some(format!("http://localhost:1{path}")));
        assert_eq!(file("example.org", path), Some(format!("https://example.org{path}")));
        for (server, address) in [
            ("example.org", "https://files.example.org/a?b=c"),
            ("localhost:1", "https://files.example.org/a?b=c"),
            ("localhost:1", "http://localhost:9000/a?b=c"),
        ] {
            assert_eq!(file(server, address).as_deref(), Some(address));
        }
        for address in
            ["http://files.example.org/", "file:///etc/passwd", "data:,a", "ftp://files.example.org/"]
        {
            assert_eq!(file("example.org", address), None, "{address}");
        }
    }
}
