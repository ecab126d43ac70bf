//! Why a command failed: a sentence with what to do next, and the exit code scripts can rely on.

use std::fmt;
use std::io;

use dunlin_client_native::device::DeviceError;
use dunlin_client_native::{ApiError, ServerUrl, TokenError};
use dunlin_model::ErrorCode;
use serde_json::{Value, json};

/// A failed command.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server said no.
    Refused {
        /// The stable code.
        code: ErrorCode,
        /// A sentence.
        message: String,
    },
    /// What was asked for is not possible, or something on this machine went wrong.
    Failed(String),
    /// The command was not used as it should be.
    Usage(String),
    /// Nobody is logged in here.
    NotLoggedIn(String),
    /// The server cannot be reached.
    Unreachable(String),
    /// The process that carried the command out ended before it said what became of it.
    Interrupted,
    /// This process leaves the vault to another one, which is to carry on.
    Moved,
    /// Nobody reads the output any more.
    OutputClosed,
}

/// What commands return.
pub(crate) type Result<T = (), E = Failure> = std::result::Result<T, E>;

/// The exit code of what worked.
pub(crate) const DONE: u8 = 0;
const FAILED: u8 = 1;
const USAGE: u8 = 2;
const NOT_LOGGED_IN: u8 = 3;
const UNREACHABLE: u8 = 4;

impl Failure {
    /// The exit code, as documented in docs/terminal.md.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::OutputClosed | Self::Moved => DONE,
            Self::Refused { .. } | Self::Failed(_) | Self::Interrupted => FAILED,
            Self::Usage(_) => USAGE,
            Self::NotLoggedIn(_) => NOT_LOGGED_IN,
            Self::Unreachable(_) => UNREACHABLE,
        }
    }

    /// Whether there is anything to say about it.
    pub(crate) const fn is_told(&self) -> bool {
        !matches!(self, Self::OutputClosed | Self::Moved)
    }

    /// The failure for scripts: a stable code and a sentence.
    pub(crate) fn to_json(&self) -> Value {
        let code = match self {
            Self::Refused { code, .. } => code.as_str(),
            Self::Failed(_) | Self::OutputClosed | Self::Moved => "failed",
            Self::Interrupted => "interrupted",
            Self::Usage(_) => "usage",
            Self::NotLoggedIn(_) => "notLoggedIn",
            Self::Unreachable(_) => "unreachable",
        };
        json!({"error": {"code": code, "message": self.to_string()}})
    }

    /// A failure of this machine's files.
    pub(crate) fn file(what: &std::path::Path, error: &io::Error) -> Self {
        Self::Failed(format!("{} cannot be used: {error}.", what.display()))
    }

    /// What to say when `server` does not answer.
    pub(crate) fn unreachable(server: &ServerUrl, why: &str) -> Self {
        Self::Unreachable(format!(
            "The server {server} cannot be reached ({why}). Is it running? Try again later."
        ))
    }

    /// The failure of a REST request to `server`.
    pub(crate) fn of_api(server: &ServerUrl, error: &ApiError) -> Self {
        match error {
            ApiError::Failed(failure) => Self::of_server(failure),
            ApiError::Unreachable(_) => {
                let why = error.to_string();
                Self::unreachable(server, why.trim_start_matches("the server cannot be reached: "))
            }
            ApiError::NotUnderstood { .. } => Self::Failed(format!(
                "{server} answered, but not as a Dunlin server: {error}. Is the address right?"
            )),
            ApiError::Tls(_) => Self::Failed(format!("{error}.")),
        }
    }

    /// The device's own failure.
    pub(crate) fn of_device(error: &DeviceError) -> Self {
        Self::Failed(error.to_string())
    }

    /// What the server said.
    pub(crate) fn of_server(failure: &dunlin_wire::Failure) -> Self {
        match failure.code {
            ErrorCode::Unauthenticated | ErrorCode::DeviceRevoked => Self::logged_out(),
            code => Self::Refused { code, message: failure.message.clone() },
        }
    }

    /// The device was logged out from elsewhere.
    pub(crate) fn logged_out() -> Self {
        Self::NotLoggedIn("This device is not logged in any more. Log in again with 'dunlin login'.".into())
    }

    /// The failure of getting a token.
    pub(crate) fn of_token(server: &ServerUrl, error: &TokenError) -> Self {
        match error {
            TokenError::LoginRequired => Self::logged_out(),
            TokenError::Later(error) => Self::of_api(server, error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { message, .. }
            | Self::Failed(message)
            | Self::Usage(message)
            | Self::NotLoggedIn(message)
            | Self::Unreachable(message) => f.write_str(message),
            Self::Interrupted => f.write_str(
                "The dunlin process that was carrying this out has ended. Whether it was done, 'dunlin history' and \
                 'dunlin chats' tell.",
            ),
            Self::Moved => f.write_str("Another dunlin process carries on."),
            Self::OutputClosed => f.write_str("Nobody reads the output."),
        }
    }
}
