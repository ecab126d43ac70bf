//! The messages of a chat (R7 to R9, R14).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dunlin_delivery::HistoryQuery;
use dunlin_model::{AttachmentId, Body as Content, ChatCommand, ChatId, ErrorCode, Seq, UserId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::error::ErrorBody;
use super::extract::{Body, Caller, InPath, InQuery, Text, plain};
use super::types::{AcceptedBody, HistoryPage, MessageStatusResult};
use super::{Http, HttpError, keys};

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct PageQuery {
    /// Only events below; 0, or nothing, for from the end.
    #[serde(default)]
    before: u64,
    /// Events in the page.
    limit: Option<u32>,
    /// Only messages of this user.
    #[param(value_type = Option<String>)]
    sender_id: Option<Text<UserId>>,
}

/// Either `text` or `opaque`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SendMessage {
    /// Rising for each device, from 1; the same again for a retry.
    client_seq: u64,
    text: Option<String>,
    /// Base64.
    opaque: Option<String>,
    /// The seq answered; 0 for none.
    #[serde(default)]
    reply_to: u64,
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    attachment_ids: Vec<Text<AttachmentId>>,
    /// In encrypted chats: with the keys of which.
    epoch: Option<keys::Epoch>,
}

/// Which message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessagePath {
    chat_id: Text<ChatId>,
    seq: u64,
}

#[derive(Deserialize, ToSchema)]
pub(super) enum DeleteScope {
    #[serde(rename = "DELETE_SCOPE_ME")]
    Me,
    #[serde(rename = "DELETE_SCOPE_EVERYONE")]
    Everyone,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct DeleteQuery {
    #[param(inline)]
    scope: DeleteScope,
    /// For `DELETE_SCOPE_EVERYONE`: rising for each device, the same again for a retry.
    client_seq: Option<u64>,
}

/// A page of the past: messages and changes of the chat, as far as the reader may see it.
#[utoipa::path(get, path = "/api/chats/{chatId}/messages", operation_id = "history", tag = "messages", security(("bearer" = [])),
    params(("chatId" = String, Path, description = "The chat"), PageQuery),
    responses(
        (status = 200, description = "A page", body = HistoryPage),
        (status = 404, description = "There is no such chat for this user", body = ErrorBody)
    ))]
pub(super) async fn history(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(chat)): InPath<Text<ChatId>>,
    InQuery(query): InQuery<PageQuery>,
) -> Result<Json<HistoryPage>, HttpError> {
    let query = HistoryQuery {
        before: (query.before > 0).then_some(Seq(query.before)),
        limit: query.limit,
        sender: query.sender_id.map(|sender| sender.0),
    };
    let page = http.gateway.delivery().history(caller.user, chat, query).await?;
    Ok(Json(HistoryPage::new(chat, page)))
}

/// Posts a message. When this is answered, the message is durable.
#[utoipa::path(post, path = "/api/chats/{chatId}/messages", operation_id = "sendMessage", tag = "messages", security(("bearer" = [])),
    params(("chatId" = String, Path, description = "The chat")), request_body = SendMessage,
    responses(
        (status = 201, description = "Accepted", body = AcceptedBody),
        (status = 403, description = "Not allowed, or one has blocked the other", body = ErrorBody),
        (status = 404, description = "There is no such chat or message for this user", body = ErrorBody),
        (status = 409, description = "The clientSeq is too old, or too many attachments", body = ErrorBody),
        (status = 410, description = "The chat was deleted", body = ErrorBody)
    ))]
pub(super) async fn send(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(chat)): InPath<Text<ChatId>>,
    Body(message): Body<SendMessage>,
) -> Result<(StatusCode, Json<AcceptedBody>), HttpError> {
    let body = match (message.text, message.opaque) {
        (Some(text), None) => Content::Text(text),
        (None, Some(opaque)) => Content::Opaque(from_base64(&opaque)?.into()),
        _ => {
            let message = "A message has either text or opaque.";
            return Err(HttpError::new(ErrorCode::InvalidArgument, message));
        }
    };
    let command = ChatCommand::Send {
        body,
        reply_to: (message.reply_to > 0).then_some(Seq(message.reply_to)),
        attachments: plain(message.attachment_ids),
        epoch: message.epoch.map(Into::into),
    };
    let accepted = http.submit(caller, chat, message.client_seq, command, None).await?;
    Ok((StatusCode::CREATED, accepted))
}

/// Deletes a message, for the user alone or for everyone.
#[utoipa::path(delete, path = "/api/chats/{chatId}/messages/{seq}", operation_id = "deleteMessage", tag = "messages",
    security(("bearer" = [])),
    params(
        ("chatId" = String, Path, description = "The chat"),
        ("seq" = u64, Path, description = "The message"),
        DeleteQuery
    ),
    responses(
        (status = 200, description = "Deleted for everyone", body = AcceptedBody),
        (status = 204, description = "Deleted for the user"),
        (status = 403, description = "Not allowed to this user", body = ErrorBody),
        (status = 404, description = "There is no such chat or message for this user", body = ErrorBody),
        (status = 409, description = "The clientSeq is too old", body = ErrorBody),
        (status = 410, description = "The chat was deleted", body = ErrorBody)
    ))]
pub(super) async fn delete(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(at): InPath<MessagePath>,
    InQuery(query): InQuery<DeleteQuery>,
) -> Result<Response, HttpError> {
    match (query.scope, query.client_seq) {
        (DeleteScope::Me, None) => {
            http.gateway.delivery().hide(caller, at.chat_id.0, Seq(at.seq)).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        (DeleteScope::Everyone, Some(client_seq)) => {
            let command = ChatCommand::DeleteMessage { target: Seq(at.seq) };
            Ok(http.submit(caller, at.chat_id.0, client_seq, command, None).await?.into_response())
        }
        _ => {
            let message = "clientSeq is given for DELETE_SCOPE_EVERYONE, and only then.";
            Err(HttpError::new(ErrorCode::InvalidArgument, message))
        }
    }
}

/// How far a message has got.
#[utoipa::path(get, path = "/api/chats/{chatId}/messages/{seq}/status", operation_id = "messageStatus", tag = "messages",
    security(("bearer" = [])),
    params(
        ("chatId" = String, Path, description = "The chat"),
        ("seq" = u64, Path, description = "The message")
    ),
    responses(
        (status = 200, description = "How far", body = MessageStatusResult),
        (status = 404, description = "There is no such chat or message for this user", body = ErrorBody)
    ))]
pub(super) async fn status(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(at): InPath<MessagePath>,
) -> Result<Json<MessageStatusResult>, HttpError> {
    let status = http.gateway.delivery().message_status(caller.user, at.chat_id.0, Seq(at.seq)).await?;
    Ok(Json(MessageStatusResult::new(at.chat_id.0, status)))
}

fn from_base64(text: &str) -> Result<Vec<u8>, HttpError> {
    STANDARD
        .decode(text)
        .map_err(|_| HttpError::new(ErrorCode::InvalidArgument, "opaque is not base64 with padding."))
}
