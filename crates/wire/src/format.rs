//! The two ways of writing a frame, and the sub-protocols that name them.

/// How frames are written on a connection. Both say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Protocol Buffers, one message to a binary frame.
    Proto,
    /// proto3 JSON, one object to a text frame.
    Json,
}

impl Format {
    /// Both, the preferred one first.
    pub const ALL: &'static [Self] = &[Self::Proto, Self::Json];

    /// The name in `Sec-WebSocket-Protocol`.
    pub const fn sub_protocol(self) -> &'static str {
        match self {
            Self::Proto => "dunlin.v1.proto",
            Self::Json => "dunlin.v1.json",
        }
    }

    /// The format that one name of `Sec-WebSocket-Protocol` stands for.
    pub fn parse_sub_protocol(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.sub_protocol() == name)
    }
}
