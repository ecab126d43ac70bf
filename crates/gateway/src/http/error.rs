//! Failures as HTTP answers: the one place that maps codes to statuses.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dunlin_accounts::AccountError;
use dunlin_delivery::DeliveryError;
use dunlin_model::{ErrorCode, Retry};
use dunlin_wire::Failure;
use serde::Serialize;
use utoipa::ToSchema;

/// A request that failed.
#[derive(Debug)]
pub(crate) struct HttpError {
    failure: Failure,
    /// Where HTTP has a status for what went wrong that the code does not tell.
    status: Option<StatusCode>,
}

/// What every answer says that is not a success.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorBody {
    error: ErrorFields,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Error)]
struct ErrorFields {
    /// Stable; docs/protocol.md lists them all.
    #[schema(example = "wrongCode")]
    code: &'static str,
    /// A sentence for people.
    message: String,
    /// Whether the same request may succeed later.
    retry: RetryText,
    /// At least so long, where the server knows; else 0.
    retry_after_ms: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Retry)]
enum RetryText {
    #[serde(rename = "RETRY_NEVER")]
    Never,
    #[serde(rename = "RETRY_LATER")]
    Later,
    #[serde(rename = "RETRY_AFTER_LOGIN")]
    AfterLogin,
}

impl HttpError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::from_failure(Failure::new(code, message))
    }

    pub(super) const fn from_failure(failure: Failure) -> Self {
        Self { failure, status: None }
    }

    /// With another status than the one that belongs to the code.
    pub(crate) const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(ErrorCode::Malformed, "This address does not take this method.")
            .with_status(StatusCode::METHOD_NOT_ALLOWED)
    }

    pub(super) fn not_json() -> Self {
        Self::new(ErrorCode::Malformed, "The body must be JSON, with content-type application/json.")
            .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    }

    fn status(&self) -> StatusCode {
        self.status.unwrap_or(match self.failure.code {
            ErrorCode::Malformed
            | ErrorCode::InvalidArgument
            | ErrorCode::WrongEncryption
            | ErrorCode::InvalidHandshake => StatusCode::BAD_REQUEST,
            ErrorCode::Unauthenticated | ErrorCode::DeviceRevoked | ErrorCode::WrongCode => {
                StatusCode::UNAUTHORIZED
            }
            ErrorCode::Forbidden
            | ErrorCode::NotAMember
            | ErrorCode::Banned
            | ErrorCode::Blocked
            | ErrorCode::NotAttested => StatusCode::FORBIDDEN,
            ErrorCode::NotFound | ErrorCode::InvalidInvite => StatusCode::NOT_FOUND,
            ErrorCode::AlreadyExists
            | ErrorCode::Conflict
            | ErrorCode::TooOld
            | ErrorCode::LimitReached
            | ErrorCode::InvalidAttachment
            | ErrorCode::StaleEpoch
            | ErrorCode::NotInGroup
            | ErrorCode::RemovalWaits => StatusCode::CONFLICT,
            ErrorCode::ChatDeleted => StatusCode::GONE,
            ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::TooFast => StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::Draining | ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        })
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let status = self.status();
        let Failure { code, message, retry, retry_after } = self.failure;
        let retry = match retry {
            Retry::Never => RetryText::Never,
            Retry::Later => RetryText::Later,
            Retry::AfterLogin => RetryText::AfterLogin,
        };
        let retry_after_ms =
            retry_after.map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let body = ErrorBody { error: ErrorFields { code: code.as_str(), message, retry, retry_after_ms } };
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, section 11.6.1, wants one with every 401.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if retry_after_ms > 0 {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after_ms.div_ceil(1_000).into());
        }
        response
    }
}

impl From<AccountError> for HttpError {
    fn from(error: AccountError) -> Self {
        let code = error.code();
        if code == ErrorCode::Internal {
            tracing::error!(%error, "a request failed");
        }
        if let AccountError::NotSent(cause) = &error {
            tracing::warn!(error = %cause, "a one-time code was not sent");
        }
        let mut failure = Failure::new(code, error.to_string());
        failure.retry_after = error.retry_after();
        Self::from_failure(failure)
    }
}

impl From<DeliveryError> for HttpError {
    fn from(error: DeliveryError) -> Self {
        if error.code() == ErrorCode::Internal {
            tracing::error!(%error, "a request failed");
        }
        let mut failure = Failure::new(error.code(), error.to_string());
        failure.retry_after = error.retry_after();
        Self::from_failure(failure)
    }
}
