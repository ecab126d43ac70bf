//! Errors as clients see them: a stable code, a sentence, and whether to try again (R24).

use std::fmt;

use crate::ids::Seq;
use crate::mls::Epoch;

/// Whether the same request may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// It will not, as it stands.
    Never,
    /// It may: with the same client sequence number, after a pause.
    Later,
    /// It may, once the client has authenticated anew.
    AfterLogin,
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $retry:ident;)*) => {
        /// Every code a client can receive. The text of a code never changes; codes are only added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// All codes, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// Whether the same request may succeed later.
            pub const fn retry(self) -> Retry {
                match self { $(Self::$name => Retry::$retry),* }
            }

            /// The code with this text.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

error_codes! {
    /// The frame or body could not be decoded.
    Malformed = "malformed", Never;
    /// A field is missing or has a value that is not allowed.
    InvalidArgument = "invalidArgument", Never;
    /// Larger than the limit.
    TooLarge = "tooLarge", Never;
    /// More than the limit, in number.
    LimitReached = "limitReached", Never;
    /// Faster than the limit.
    TooFast = "tooFast", Later;
    /// No credentials, or ones that are not valid.
    Unauthenticated = "unauthenticated", AfterLogin;
    /// The device was revoked or logged out.
    DeviceRevoked = "deviceRevoked", Never;
    /// The one-time code is wrong, used, or expired.
    WrongCode = "wrongCode", Never;
    /// Not allowed to this user.
    Forbidden = "forbidden", Never;
    /// There is no such thing, or the user may not know of it.
    NotFound = "notFound", Never;
    /// The user is not a member of the chat.
    NotAMember = "notAMember", Never;
    /// The user is banned from the chat.
    Banned = "banned", Never;
    /// One of the two has blocked the other.
    Blocked = "blocked", Never;
    /// The chat was deleted.
    ChatDeleted = "chatDeleted", Never;
    /// It exists already.
    AlreadyExists = "alreadyExists", Never;
    /// It changed since it was read: read it again.
    Conflict = "conflict", Never;
    /// The client sequence number is older than those remembered: it may have been accepted.
    TooOld = "tooOld", Never;
    /// The keys are of an epoch that is over: catch up, then try again with a new number.
    StaleEpoch = "staleEpoch", Never;
    /// The device has no place in the chat's MLS group.
    NotInGroup = "notInGroup", Never;
    /// Somebody's removal waits for a commit, which comes before anyone's next message.
    RemovalWaits = "removalWaits", Never;
    /// The handshake is not valid, or not what the command says it is.
    InvalidHandshake = "invalidHandshake", Never;
    /// The signature on a change of the roster is missing or not valid.
    NotAttested = "notAttested", Never;
    /// Encrypted and readable content were confused, or this encryption is not allowed here.
    WrongEncryption = "wrongEncryption", Never;
    /// An attachment is not there, not whole, not the sender's, or of another chat.
    InvalidAttachment = "invalidAttachment", Never;
    /// The invite link is not valid, or not any more.
    InvalidInvite = "invalidInvite", Never;
    /// The server is going away; connect again after the time it names.
    Draining = "draining", Later;
    /// The server cannot do this now, its store being out of reach for example.
    Unavailable = "unavailable", Later;
    /// A fault of the server.
    Internal = "internal", Later;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why the chat state machine said no. A refusal is definite: the command was not and will not be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The log has no first event.
    #[error("There is no such chat.")]
    NoSuchChat,
    /// The chat was deleted.
    #[error("The chat was deleted.")]
    ChatDeleted,
    /// The sender is not a member.
    #[error("You are not a member of this chat.")]
    NotAMember,
    /// The sender, or whom they want to add, is banned.
    #[error("Banned from this chat.")]
    Banned,
    /// One of the two has blocked the other.
    #[error("One of you has blocked the other.")]
    Blocked,
    /// The sender's role does not allow it.
    #[error("Your role does not allow this.")]
    RoleTooLow,
    /// The chat's kind does not allow it.
    #[error("This is not possible in a chat of this kind.")]
    WrongKind,
    /// The body does not fit the chat's encryption.
    #[error("The body does not fit the chat's encryption.")]
    WrongEncryption,
    /// The command changes nothing, or names nobody.
    #[error("The command changes nothing.")]
    NothingToDo,
    /// Someone named is not a member.
    #[error("Someone named is not a member.")]
    TargetNotAMember,
    /// The message named does not exist.
    #[error("There is no such message.")]
    NoSuchMessage,
    /// The invite link is not valid.
    #[error("The invite link is not valid.")]
    InvalidInvite,
    /// An attachment cannot be sent.
    #[error("An attachment cannot be sent: {why}.")]
    InvalidAttachment {
        /// Why.
        why: &'static str,
    },
    /// The client sequence number is below those remembered; it may have been accepted.
    #[error("The client sequence number is too old; the newest in this chat is {newest}.")]
    TooOld {
        /// The newest number of the device in this chat.
        newest: u64,
    },
    /// Client sequence numbers start at 1.
    #[error("Client sequence numbers start at 1.")]
    ClientSeqZero,
    /// Something is longer than its limit.
    #[error("{what} is larger than {limit} bytes.")]
    TooLarge {
        /// What.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// There are more of something than its limit.
    #[error("More than {limit} {what}.")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Something must not be empty.
    #[error("{what} must not be empty.")]
    Empty {
        /// What.
        what: &'static str,
    },
    /// The epoch is not one that this is accepted from.
    #[error("The chat's keys are those of epoch {current} now.")]
    StaleEpoch {
        /// The chat's epoch.
        current: Epoch,
    },
    /// The sender's device has no leaf in the current group.
    #[error("This device has no place in the chat's group at epoch {current}.")]
    NotInGroup {
        /// The chat's epoch.
        current: Epoch,
    },
    /// A removal waits for its commit.
    #[error("Somebody's removal must be committed first, at epoch {current}.")]
    RemovalWaits {
        /// The chat's epoch.
        current: Epoch,
    },
    /// The handshake is not valid.
    #[error("The handshake is not valid: {why}.")]
    InvalidHandshake {
        /// Why.
        why: &'static str,
    },
    /// The roster is not the one that was signed for.
    #[error("Who is in the chat has changed since this was signed.")]
    RosterChanged,
    /// The signature is missing or not valid.
    #[error("The change is not signed by the device that asks for it.")]
    NotAttested,
    /// The direct chat is there already.
    #[error("The chat exists already.")]
    AlreadyExists {
        /// Its first event.
        seq: Seq,
    },
}

impl Refusal {
    /// The one place that maps refusals to codes.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NoSuchChat | Self::NoSuchMessage => ErrorCode::NotFound,
            Self::ChatDeleted => ErrorCode::ChatDeleted,
            Self::NotAMember => ErrorCode::NotAMember,
            Self::Banned => ErrorCode::Banned,
            Self::Blocked => ErrorCode::Blocked,
            Self::RoleTooLow => ErrorCode::Forbidden,
            Self::WrongEncryption => ErrorCode::WrongEncryption,
            Self::WrongKind
            | Self::NothingToDo
            | Self::TargetNotAMember
            | Self::ClientSeqZero
            | Self::Empty { .. } => ErrorCode::InvalidArgument,
            Self::InvalidInvite => ErrorCode::InvalidInvite,
            Self::InvalidAttachment { .. } => ErrorCode::InvalidAttachment,
            Self::TooOld { .. } => ErrorCode::TooOld,
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::TooMany { .. } => ErrorCode::LimitReached,
            Self::AlreadyExists { .. } => ErrorCode::AlreadyExists,
            Self::StaleEpoch { .. } => ErrorCode::StaleEpoch,
            Self::NotInGroup { .. } => ErrorCode::NotInGroup,
            Self::RemovalWaits { .. } => ErrorCode::RemovalWaits,
            Self::InvalidHandshake { .. } => ErrorCode::InvalidHandshake,
            Self::RosterChanged => ErrorCode::Conflict,
            Self::NotAttested => ErrorCode::NotAttested,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_from_its_text() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(code.as_str()), Some(*code));
        }
        assert_eq!(ErrorCode::parse("nonsense"), None);
    }
}
