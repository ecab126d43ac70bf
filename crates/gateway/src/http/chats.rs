//! Chats and their members (R3, R14, R15, R32).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use dunlin_model::view::InviteCode;
use dunlin_model::{self as model, Attestation, ChatCommand, ChatId, ClientSeq, ErrorCode, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::ErrorBody;
use super::extract::{Body, Caller, InPath, InQuery, Text, plain};
use super::types::{AcceptedBody, ChatDetails, ChatKind, Encryption, Role};
use super::{Http, HttpError, keys};

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChatsQuery {
    /// The last chat of the page before.
    #[param(value_type = Option<String>)]
    after: Option<Text<ChatId>>,
    /// Chats in the page.
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatList {
    /// Ascending by id; former chats of the user are among them.
    chats: Vec<ChatDetails>,
    /// `after` of the next page; empty when this is the last.
    next_after: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateChat {
    client_seq: u64,
    kind: ChatKind,
    encryption: Encryption,
    /// Empty for direct and encrypted chats.
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    /// Without the creator.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    member_ids: Vec<Text<UserId>>,
    /// Of encrypted chats.
    attestation: Option<keys::Attestation>,
}

/// What is missing stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateChat {
    client_seq: u64,
    name: Option<String>,
    description: Option<String>,
    picture: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub(super) enum ParticipantAction {
    #[serde(rename = "PARTICIPANT_ACTION_ADD")]
    Add,
    #[serde(rename = "PARTICIPANT_ACTION_REMOVE")]
    Remove,
    #[serde(rename = "PARTICIPANT_ACTION_BAN")]
    Ban,
    #[serde(rename = "PARTICIPANT_ACTION_UNBAN")]
    Unban,
    #[serde(rename = "PARTICIPANT_ACTION_SET_ROLE")]
    SetRole,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ModifyParticipants {
    client_seq: u64,
    action: ParticipantAction,
    /// Exactly one for `PARTICIPANT_ACTION_SET_ROLE`.
    #[schema(value_type = Vec<String>)]
    user_ids: Vec<Text<UserId>>,
    /// For `PARTICIPANT_ACTION_SET_ROLE`.
    role: Option<Role>,
    /// In encrypted chats.
    attestation: Option<keys::Attestation>,
}

/// The device's number for the command.
#[derive(Deserialize, ToSchema, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct Numbered {
    /// Rising for each device, from 1; the same again for a retry.
    pub(super) client_seq: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LeaveChat {
    client_seq: u64,
    /// In encrypted chats.
    attestation: Option<keys::Attestation>,
}

/// Either `code`, or `chatId` and `attestation`: the link of an encrypted chat is not for the server.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct JoinChat {
    client_seq: u64,
    /// The invite link.
    #[schema(value_type = Option<String>)]
    code: Option<Text<InviteCode>>,
    /// The encrypted chat.
    #[schema(value_type = Option<String>)]
    chat_id: Option<Text<ChatId>>,
    /// With the signature of the link's key.
    attestation: Option<keys::Attestation>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SetInviteLink {
    client_seq: u64,
    /// In encrypted chats, whose links are withdrawn so.
    #[serde(default)]
    withdraw: bool,
    /// In encrypted chats: the public half of the link's key, 32 bytes in base64.
    verifier: Option<String>,
    /// In encrypted chats.
    attestation: Option<keys::Attestation>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct InviteLink {
    chat_id: String,
    seq: u64,
    /// What joining takes; empty when withdrawn, and in encrypted chats, whose members alone know it.
    code: String,
}

/// The chats of the user, a page at a time.
#[utoipa::path(get, path = "/api/chats", operation_id = "listChats", tag = "chats", security(("bearer" = [])), params(ChatsQuery),
    responses((status = 200, description = "A page", body = ChatList)))]
pub(super) async fn list(
    State(http): State<Http>,
    Caller(caller): Caller,
    InQuery(query): InQuery<ChatsQuery>,
) -> Result<Json<ChatList>, HttpError> {
    let after = query.after.map(|after| after.0);
    let (chats, next) = http.gateway.delivery().chats(caller, after, query.limit).await?;
    Ok(Json(ChatList {
        chats: chats.into_iter().map(Into::into).collect(),
        next_after: next.map(|chat| chat.to_string()).unwrap_or_default(),
    }))
}

/// Starts a chat. A direct chat of the two that exists already is answered with its first event.
#[utoipa::path(post, path = "/api/chats", operation_id = "createChat", tag = "chats", security(("bearer" = [])), request_body = CreateChat,
    responses(
        (status = 201, description = "It is there", body = AcceptedBody),
        (status = 403, description = "One has blocked the other", body = ErrorBody),
        (status = 404, description = "Someone named does not exist", body = ErrorBody),
        (status = 409, description = "Too many members, or a clientSeq that is too old", body = ErrorBody)
    ))]
pub(super) async fn create(
    State(http): State<Http>,
    Caller(caller): Caller,
    Body(body): Body<CreateChat>,
) -> Result<(StatusCode, Json<AcceptedBody>), HttpError> {
    let command = ChatCommand::Create {
        kind: body.kind.into(),
        encryption: body.encryption.into(),
        name: body.name,
        description: body.description,
        members: plain(body.member_ids),
    };
    let (number, attestation) = (ClientSeq(body.client_seq), keys::signed(body.attestation)?);
    let created = http.gateway.delivery().create_chat(caller, number, command, attestation).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

/// Joins a chat by its invite link.
#[utoipa::path(post, path = "/api/chats/join", operation_id = "joinChat", tag = "chats", security(("bearer" = [])),
    request_body = JoinChat,
    responses(
        (status = 200, description = "Joined", body = AcceptedBody),
        (status = 403, description = "Banned from the chat", body = ErrorBody),
        (status = 404, description = "The link is not valid", body = ErrorBody),
        (status = 409, description = "The chat is full, or the clientSeq is too old", body = ErrorBody),
        (status = 410, description = "The chat was deleted", body = ErrorBody)
    ))]
pub(super) async fn join(
    State(http): State<Http>,
    Caller(caller): Caller,
    Body(body): Body<JoinChat>,
) -> Result<Json<AcceptedBody>, HttpError> {
    let attestation = keys::signed(body.attestation)?;
    let refused = |message: &'static str| HttpError::new(ErrorCode::InvalidArgument, message);
    match (body.code, body.chat_id) {
        (Some(Text(code)), None) if code.encryption == model::Encryption::Mls => {
            Err(refused("The link of an encrypted chat is not for the server."))
        }
        (Some(Text(code)), None) => {
            let number = ClientSeq(body.client_seq);
            Ok(Json(http.gateway.delivery().join(caller, &code, number, attestation).await?.into()))
        }
        (None, Some(Text(chat))) => {
            let command = ChatCommand::Join { secret: Bytes::new() };
            http.submit(caller, chat, body.client_seq, command, attestation).await
        }
        _ => Err(refused("A chat is joined by either code or chatId.")),
    }
}

/// One chat with its members.
#[utoipa::path(get, path = "/api/chats/{chatId}", operation_id = "getChat", tag = "chats", security(("bearer" = [])),
    params(("chatId" = String, Path, description = "The chat")),
    responses(
        (status = 200, description = "The chat", body = ChatDetails),
        (status = 404, description = "There is no such chat for this user", body = ErrorBody)
    ))]
pub(super) async fn get(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(chat)): InPath<Text<ChatId>>,
) -> Result<Json<ChatDetails>, HttpError> {
    Ok(Json(http.gateway.delivery().chat_details(caller, chat).await?.into()))
}

/// Changes name, description or picture.
#[utoipa::path(patch, path = "/api/chats/{chatId}", operation_id = "updateChat", tag = "chats", security(("bearer" = [])),
    params(("chatId" = String, Path, description = "The chat")), request_body = UpdateChat,
    responses(
        (status = 200, description = "Changed", body = AcceptedBody),
        (status = 403, description = "Not allowed to this user", body = ErrorBody),
        (status = 404, description = "There is no such chat for this user", body = ErrorBody),
        (status = 409, description = "The clientSeq is too old", body = ErrorBody),
        (status = 410, description = "The chat was deleted", body = ErrorBody)
    ))]
pub(super) async fn update(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(chat)): InPath<Text<ChatId>>,
    Body(body): Body<UpdateChat>,
) -> Result<Json<AcceptedBody>, HttpError> {
    let UpdateChat { client_seq, name, description, picture } = body;
    let command = ChatCommand::Update { name, description, picture };
    http.submit(caller, chat, client_seq, command, None).await
}

/// Deletes a chat: its owner's right. Nothing can be posted any more.
#[utoipa::path(delete, path = "/api/chats/{chatId}", operation_id = "deleteChat", tag = "chats", security(("bearer" = [])),
    params(("chatId" = String, Path, description = "The chat"), Numbered),
    responses(
        (status = 200, description = "Deleted", body = AcceptedBody),
        (status = 403, description = "Not allowed to this user", body = ErrorBody),
        (status = 404, description = "There is no such chat for this user", body = ErrorBody),
        (status = 409, description = "The clientSeq is too old", body = ErrorBody),
        (status = 410, description = "The chat was deleted", body = ErrorBody)
    ))]
pub(super) async fn delete(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(chat)): InPath<Text<ChatId>>,
    InQuery(query): InQuery<Numbered>,
) -> Result<Json<AcceptedBody>, HttpError> {
    http.submit(caller, chat, query.client_seq, ChatCommand::DeleteChat, None).await
}

/// Adds, removes, bans or unbans members, or changes a member's role.
#[utoipa::path(post, path = "/api/chats/{chatId}/participants", operation_id = "modifyChatParticipants", tag = "chats", security(("bearer" = [])),
    params(("chatId" = String, Path, description = "The chat")), request_body = ModifyParticipants,
    responses(
        (status = 200, description = "Done", body = AcceptedBody),
        (status = 403, description = "Not allowed, or someone is banned or blocked", body = ErrorBody),
        (status = 404, description = "There is no such chat or user for this user", body = ErrorBody),
        (status = 409, description = "Too many members, or a clientSeq that is too old", body = ErrorBody),
        (status = 410, description = "The chat was deleted", body = ErrorBody)
    ))]
pub(super) async fn modify_participants(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(chat)): InPath<Text<ChatId>>,
    Body(body): Body<ModifyParticipants>,
) -> Result<Json<AcceptedBody>, HttpError> {
    let users = plain(body.user_ids);
    let command = match (body.action, body.role) {
        (ParticipantAction::Add, None) => ChatCommand::Add { users },
        (ParticipantAction::Remove, None) => ChatCommand::Remove { users },
        (ParticipantAction::Ban, None) => ChatCommand::Ban { users },
        (ParticipantAction::Unban, None) => ChatCommand::Unban { users },
        (ParticipantAction::SetRole, Some(role)) => match users.as_slice() {
            [user] => ChatCommand::SetRole { user: *user, role: role.into() },
            _ => {
                let message = "A change of role names exactly one user.";
                return Err(HttpError::new(ErrorCode::InvalidArgument, message));
            }
        },
        (ParticipantAction::SetRole, None) | (_, Some(_)) => {
            let message = "A role is given for a change of role, and only then.";
            return Err(HttpError::new(ErrorCode::InvalidArgument, message));
        }
    };
    http.submit(caller, chat, body.client_seq, command, keys::signed(body.attestation)?).await
}

/// Leaves a chat.
#[utoipa::path(post, path = "/api/chats/{chatId}/leave", operation_id = "leaveChat", tag = "chats", security(("bearer" = [])),
    params(("chatId" = String, Path, description = "The chat")), request_body = LeaveChat,
    responses(
        (status = 200, description = "Left", body = AcceptedBody),
        (status = 403, description = "The user is not a member", body = ErrorBody),
        (status = 404, description = "There is no such chat for this user", body = ErrorBody),
        (status = 409, description = "The clientSeq is too old", body = ErrorBody),
        (status = 410, description = "The chat was deleted", body = ErrorBody)
    ))]
pub(super) async fn leave(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(chat)): InPath<Text<ChatId>>,
    Body(body): Body<LeaveChat>,
) -> Result<Json<AcceptedBody>, HttpError> {
    http.submit(caller, chat, body.client_seq, ChatCommand::Leave, keys::signed(body.attestation)?).await
}

/// Makes a new invite link; the old one ends. In encrypted chats a member makes it and the server learns what proves it.
#[utoipa::path(post, path = "/api/chats/{chatId}/invite", operation_id = "setInviteLink", tag = "chats", security(("bearer" = [])),
    params(("chatId" = String, Path, description = "The chat")), request_body = SetInviteLink,
    responses(
        (status = 200, description = "The link", body = InviteLink),
        (status = 403, description = "Not allowed to this user", body = ErrorBody),
        (status = 404, description = "There is no such chat for this user", body = ErrorBody),
        (status = 409, description = "The clientSeq is too old", body = ErrorBody),
        (status = 410, description = "The chat was deleted", body = ErrorBody)
    ))]
pub(super) async fn set_invite(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(chat)): InPath<Text<ChatId>>,
    Body(body): Body<SetInviteLink>,
) -> Result<Json<InviteLink>, HttpError> {
    let SetInviteLink { client_seq, withdraw, verifier, attestation } = body;
    if attestation.is_some() || verifier.is_some() {
        if verifier.is_some() == withdraw {
            let message = "A link is either made or withdrawn.";
            return Err(HttpError::new(ErrorCode::InvalidArgument, message));
        }
        let secret_hash = verifier.map(|verifier| keys::array("verifier", &verifier)).transpose()?;
        let (command, attestation) = (ChatCommand::SetInvite { secret_hash }, keys::signed(attestation)?);
        let number = ClientSeq(client_seq);
        let accepted =
            http.gateway.delivery().submit_in_task(caller, chat, number, command, attestation).await?;
        return Ok(Json(InviteLink { chat_id: chat.to_string(), seq: accepted.seq.0, code: String::new() }));
    }
    let number = ClientSeq(client_seq);
    let (accepted, code) = http.gateway.delivery().set_invite(caller, chat, number, withdraw).await?;
    Ok(Json(InviteLink {
        chat_id: chat.to_string(),
        seq: accepted.seq.0,
        code: code.map(|code| code.to_string()).unwrap_or_default(),
    }))
}

/// Withdraws the invite link.
#[utoipa::path(delete, path = "/api/chats/{chatId}/invite", operation_id = "withdrawInviteLink", tag = "chats", security(("bearer" = [])),
    params(("chatId" = String, Path, description = "The chat"), Numbered),
    responses(
        (status = 200, description = "Withdrawn", body = AcceptedBody),
        (status = 403, description = "Not allowed to this user", body = ErrorBody),
        (status = 404, description = "There is no such chat for this user", body = ErrorBody),
        (status = 409, description = "The clientSeq is too old", body = ErrorBody),
        (status = 410, description = "The chat was deleted", body = ErrorBody)
    ))]
pub(super) async fn withdraw_invite(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(chat)): InPath<Text<ChatId>>,
    InQuery(query): InQuery<Numbered>,
) -> Result<Json<AcceptedBody>, HttpError> {
    let number = ClientSeq(query.client_seq);
    let (accepted, _) = http.gateway.delivery().set_invite(caller, chat, number, true).await?;
    Ok(Json(accepted.into()))
}

impl Http {
    /// Submits a command on a chat that is there.
    pub(super) async fn submit(
        &self,
        caller: dunlin_model::DeviceId,
        chat: ChatId,
        client_seq: u64,
        command: ChatCommand,
        attestation: Option<Box<Attestation>>,
    ) -> Result<Json<AcceptedBody>, HttpError> {
        let (delivery, number) = (self.gateway.delivery(), ClientSeq(client_seq));
        Ok(Json(delivery.submit_in_task(caller, chat, number, command, attestation).await?.into()))
    }
}
