//! Why a connection ends: the codes of WebSocket close frames (RFC 6455 section 7.4, and our own from 4000).

use dunlin_model::Retry;

macro_rules! close_codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $retry:ident, $text:literal;)*) => {
        /// Every code a server closes with. Numbers never change; codes are only added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum CloseCode {
            $($(#[$doc])* $name,)*
        }

        impl CloseCode {
            /// All codes, ascending.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The number in the close frame.
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number),* }
            }

            /// The sentence in the close frame; at most `CLOSE_TEXT_BYTES_MAX`.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// Whether connecting again makes sense.
            pub const fn retry(self) -> Retry {
                match self { $(Self::$name => Retry::$retry),* }
            }

            /// The code with this number.
            pub const fn parse(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

/// Bytes of text in a close frame: a control frame holds 125, two of them the number (RFC 6455 section 5.5).
pub const CLOSE_TEXT_BYTES_MAX: usize = 123;

close_codes! {
    /// The client closed first, or asked for it.
    Normal = 1000, Later, "Good-bye.";
    /// The server is draining.
    GoingAway = 1001, Later, "The server is going away; connect again.";
    /// The client broke RFC 6455.
    ProtocolError = 1002, Never, "The WebSocket protocol was broken.";
    /// Text on a binary sub-protocol, or the other way round.
    WrongFrameType = 1003, Never, "This sub-protocol does not use frames of this type.";
    /// A text frame was not UTF-8.
    NotUtf8 = 1007, Never, "A text frame was not UTF-8.";
    /// A frame was larger than the limit; an error reply went before.
    TooLarge = 1009, Never, "The frame is larger than the limit.";
    /// A fault of the server.
    Internal = 1011, Later, "The server failed.";
    /// No valid credentials, or none in time.
    Unauthenticated = 4001, AfterLogin, "Not authenticated, or not in time.";
    /// The device was revoked or logged out.
    DeviceRevoked = 4002, Never, "The device was revoked or logged out.";
    /// Faster than the limit for too long.
    TooFast = 4003, Later, "Too fast for too long.";
    /// Pings were not answered.
    HeartbeatMissed = 4004, Later, "The heartbeat was not answered.";
    /// The device opened more connections than it may have; the oldest ends.
    Replaced = 4005, Never, "A newer connection of this device took the place of this one.";
    /// The access token ran out. Servers do not close for this today.
    TokenExpired = 4006, AfterLogin, "The access token expired.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_code_reads_back_and_its_text_fits_a_close_frame() {
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::parse(code.number()), Some(*code));
            assert!(code.text().len() <= CLOSE_TEXT_BYTES_MAX);
        }
        assert!(CloseCode::ALL.is_sorted_by_key(|code| code.number()));
        assert_eq!(CloseCode::parse(1005), None);
    }
}
