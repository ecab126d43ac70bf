//! What a frame may not say is answered to the request's id, with the field's name and a sentence.

use dunlin_model::{ErrorCode, Retry};
use dunlin_wire::{
    Command, Format, Outcome, POSITIONS_MAX, PRESENCE_USERS_MAX, RELAYED_BYTES_MAX, ServerFrame, Undecodable,
    decode_client, decode_server, encode_client,
};

const CHAT: &str = "sgizdemrsgizdemrsgizdemrse";

fn refused(json: &str) -> Undecodable {
    decode_client(Format::Json, json.as_bytes()).expect_err(json)
}

fn assert_refused(json: &str, id: u64, code: ErrorCode, words: &str) {
    let Undecodable { id: found, failure } = refused(json);
    assert_eq!((found, failure.code), (id, code), "{json}: {}", failure.message);
    assert!(failure.message.contains(words), "{json}: {}", failure.message);
    assert!(failure.message.ends_with('.'), "{}", failure.message);
}

#[test]
fn a_bad_field_is_named_and_the_id_reported() {
    let invalid = ErrorCode::InvalidArgument;
    let cases = [
        (r#"{"id":3,"getChat":{"chatId":"short"}}"#, "getChat.chatId is not valid"),
        (r#"{"id":3,"getChat":{}}"#, "getChat.chatId is required"),
        (r#"{"id":3,"authenticate":{}}"#, "authenticate.accessToken is required"),
        (r#"{"id":3,"createChat":{"kind":"CHAT_KIND_GROUP"}}"#, "createChat.encryption is required"),
        (r#"{"id":3,"createChat":{"encryption":"ENCRYPTION_NONE"}}"#, "createChat.kind is required"),
        (r#"{"id":3,"joinChat":{"code":"a.b"}}"#, "joinChat.code is not valid"),
        (r#"{"id":3,"history":{"chatId":"CHAT","senderId":"x"}}"#, "history.senderId is not valid"),
        (r#"{"id":3,"sendMessage":{"chatId":"CHAT"}}"#, "sendMessage.body is required"),
        (
            r#"{"id":3,"sendMessage":{"chatId":"CHAT","text":"","attachmentIds":["x"]}}"#,
            "sendMessage.attachmentIds is not valid",
        ),
        (r#"{"id":3,"deleteMessage":{"chatId":"CHAT","seq":1}}"#, "deleteMessage.scope is required"),
        (
            r#"{"id":3,"modifyChatParticipants":{"chatId":"CHAT"}}"#,
            "modifyChatParticipants.action is required",
        ),
        (
            r#"{"id":3,"modifyChatParticipants":{"chatId":"CHAT","action":"PARTICIPANT_ACTION_SET_ROLE"}}"#,
            "modifyChatParticipants.userIds must name exactly one",
        ),
        (
            r#"{"id":3,"modifyChatParticipants":{"chatId":"CHAT","action":1,"role":"ROLE_ADMIN"}}"#,
            "modifyChatParticipants.role belongs to action SET_ROLE",
        ),
    ];
    for (json, words) in cases {
        assert_refused(&json.replace("CHAT\"", &format!("{CHAT}\"")), 3, invalid, words);
    }
}

#[test]
fn a_request_without_an_id_is_refused_but_signals_need_none() {
    let json = format!(r#"{{"getChat":{{"chatId":"{CHAT}"}}}}"#);
    assert_refused(&json, 0, ErrorCode::InvalidArgument, "getChat needs an id above 0");
    for signal in ["received", "markSeen", "setTyping"] {
        let json = format!(r#"{{"{signal}":{{"chatId":"{CHAT}"}}}}"#);
        assert_eq!(decode_client(Format::Json, json.as_bytes()).unwrap().id, 0);
    }
}

#[test]
fn what_is_not_known_in_json_is_named_and_the_id_reported() {
    let malformed = ErrorCode::Malformed;
    assert_refused(r#"{"id":"12","fly":{}}"#, 12, malformed, "unknown field `fly`");
    assert_refused(r#"{"fly":{},"id":12}"#, 12, malformed, "unknown field `fly`");
    assert_refused(r#"{"id":12,"getChat":{"chat":1}}"#, 12, malformed, "unknown field `chat`");
    assert_refused(r#"{"id":12,"createChat":{"kind":"CHAT_KIND_ZOO"}}"#, 12, malformed, "CHAT_KIND_ZOO");
    assert_refused(r#"{"id":12}"#, 12, malformed, "no command");
    assert_refused("[1]", 0, malformed, "cannot be decoded");
    assert_refused("", 0, malformed, "cannot be decoded");
    assert_refused(r#"{"id":12,"leaveChat":{"chatId":"#, 12, malformed, "cannot be decoded");
    let deep = format!(r#"{{"id":12,"getChat":{}"#, "[".repeat(100_000));
    assert_refused(&deep, 12, malformed, "cannot be decoded");
}

#[test]
fn fields_of_newer_clients_are_ignored_in_protobuf_and_their_commands_refused() {
    let mut bytes = Vec::new();
    let chat = CHAT.parse().unwrap();
    let frame = dunlin_wire::ClientFrame { id: 9, command: Command::GetChat { chat } };
    encode_client(Format::Proto, &frame, &mut bytes);
    bytes.extend([0xF8, 0x06, 0x01]); // Field 111, a varint.
    assert_eq!(decode_client(Format::Proto, &bytes), Ok(frame));

    let newer = decode_client(Format::Proto, &[0x08, 0x09, 0xFA, 0x06, 0x00]).unwrap_err(); // Field 111, bytes.
    assert_eq!((newer.id, newer.failure.code), (9, ErrorCode::Malformed));
    assert!(newer.failure.message.contains("none that this server knows"), "{}", newer.failure.message);

    let cut = decode_client(Format::Proto, &[0x08, 0x09, 0x22, 0x7F, 0x0A]).unwrap_err();
    assert_eq!((cut.id, cut.failure.code), (9, ErrorCode::Malformed));
}

#[test]
fn long_lists_are_refused_by_their_limit() {
    let position = format!(r#"{{"chatId":"{CHAT}"}}"#);
    let resume = |count| {
        format!(r#"{{"id":4,"resume":{{"positions":[{}]}}}}"#, vec![position.as_str(); count].join(","))
    };
    assert!(decode_client(Format::Json, resume(POSITIONS_MAX).as_bytes()).is_ok());
    assert_refused(
        &resume(POSITIONS_MAX + 1),
        4,
        ErrorCode::LimitReached,
        "resume.positions has 1001 entries",
    );

    let user = format!(r#""{CHAT}""#);
    let presence =
        |count| format!(r#"{{"id":4,"presence":{{"userIds":[{}]}}}}"#, vec![user.as_str(); count].join(","));
    assert!(decode_client(Format::Json, presence(PRESENCE_USERS_MAX).as_bytes()).is_ok());
    assert_refused(&presence(PRESENCE_USERS_MAX + 1), 4, ErrorCode::LimitReached, "presence.userIds has 513");
}

#[test]
fn a_payload_for_other_devices_is_neither_empty_nor_too_large() {
    let relay = |bytes: usize| {
        // Three bytes for each four characters of base64.
        let (whole, rest) = (bytes / 3, ["", "AA==", "AAA="][bytes % 3]);
        format!(r#"{{"id":4,"relayToDevices":{{"payload":"{}{rest}"}}}}"#, "AAAA".repeat(whole))
    };
    let decoded = decode_client(Format::Json, relay(RELAYED_BYTES_MAX).as_bytes()).unwrap();
    assert!(
        matches!(decoded.command, Command::RelayToDevices { device: None, payload } if payload.len() == RELAYED_BYTES_MAX)
    );
    let words = "relayToDevices.payload has 8193 bytes; 8192 are allowed";
    assert_refused(&relay(RELAYED_BYTES_MAX + 1), 4, ErrorCode::TooLarge, words);
    assert_refused(&relay(0), 4, ErrorCode::InvalidArgument, "relayToDevices.payload is required");
}

#[test]
fn a_code_of_a_newer_server_reads_as_internal_and_keeps_its_advice() {
    let json = r#"{"reply":{"id":"5","error":{"code":"onTheMoon","message":"Far.","retry":"RETRY_NEVER"}}}"#;
    let frame = decode_server(Format::Json, json.as_bytes()).unwrap();
    let ServerFrame::Reply { id: 5, outcome: Outcome::Failed(failure) } = frame else { panic!("{frame:?}") };
    assert_eq!((failure.code, failure.retry), (ErrorCode::Internal, Retry::Never));
    assert_eq!(failure.message, "onTheMoon: Far.");
}

#[test]
fn a_reply_that_cannot_be_understood_still_belongs_to_its_request() {
    let unknown = decode_server(Format::Json, br#"{"reply":{"id":"5"}}"#).unwrap_err();
    assert_eq!(unknown.id, 5);
    let backwards = format!(r#"{{"skipped":{{"chatId":"{CHAT}","from":3,"to":2,"reason":1}}}}"#);
    let failure = decode_server(Format::Json, backwards.as_bytes()).unwrap_err().failure;
    assert!(failure.message.contains("skipped.from is above `to`"), "{}", failure.message);
}

#[test]
fn numbers_are_read_as_text_or_as_numbers_in_json() {
    for seq in ["\"18446744073709551615\"", "18446744073709551615"] {
        let json = format!(r#"{{"received":{{"chatId":"{CHAT}","seq":{seq}}}}}"#);
        let frame = decode_client(Format::Json, json.as_bytes()).unwrap();
        assert!(matches!(frame.command, Command::Received { seq, .. } if seq.0 == u64::MAX));
    }
}
