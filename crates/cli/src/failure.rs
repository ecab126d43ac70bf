//! Why a command failed: a sentence with what to do next, and the exit code scripts can rely on.

use std::fmt;
use std::io;
use std::process::ExitCode;

use dunlin_client_native::{ApiError, RequestError, ServerUrl, TokenError};
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
    /// Nobody reads the output any more.
    OutputClosed,
}

/// What commands return.
pub(crate) type Result<T = (), E = Failure> = std::result::Result<T, E>;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const NOT_LOGGED_IN: u8 = 3;
const UNREACHABLE: u8 = 4;

impl Failure {
    /// The exit code, as documented in docs/terminal.md.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::OutputClosed => ExitCode::SUCCESS,
            Self::Refused { .. } | Self::Failed(_) => ExitCode::from(FAILED),
            Self::Usage(_) => ExitCode::from(USAGE),
            Self::NotLoggedIn(_) => ExitCode::from(NOT_LOGGED_IN),
            Self::Unreachable(_) => ExitCode::from(UNREACHABLE),
        }
    }

    /// The failure for scripts: a stable code and a sentence.
    pub(crate) fn to_json(&self) -> Value {
        let code = match self {
            Self::Refused { code, .. } => code.as_str(),
            Self::Failed(_) | Self::OutputClosed => "failed",
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

    /// The failure of a request on the connection.
    pub(crate) fn of_request(server: &ServerUrl, error: &RequestError) -> Self {
        match error {
            RequestError::Failed(failure) => Self::of_server(failure),
            RequestError::TimedOut | RequestError::Closed => Self::unreachable(server, &error.to_string()),
            RequestError::LoggedOut => Self::logged_out(),
        }
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
            Self::OutputClosed => f.write_str("Nobody reads the output."),
        }
    }
}
