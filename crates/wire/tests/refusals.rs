//! What a frame may not say is answered to the request's id, with the field's name and a sentence.

use dunlin_model::mls::INLINE_BYTES_MAX;
use dunlin_model::{
    Attestation, ChatCommand, ClientSeq, DeviceCertificate, DeviceId, DeviceKey, DeviceNumber, ErrorCode,
    Retry, RosterDigest, Timestamp,
};
use dunlin_wire::{
    Command, Format, KEY_PACKAGES_MAX, KEY_USERS_MAX, Outcome, POSITIONS_MAX, PRESENCE_USERS_MAX,
    RELAYED_BYTES_MAX, ServerFrame, Undecodable, decode_client, decode_server, encode_client,
};
use ed25519_dalek::SigningKey;

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

/// Bytes of an Ed25519 signature.
const SIGNATURE_BYTES: usize = 64;

/// Base64 of so many zeros.
fn zeros(bytes: usize) -> String {
    format!("{}{}", "AAAA".repeat(bytes / 3), ["", "AA==", "AAA="][bytes % 3])
}

#[test]
fn fields_of_attestations_and_certificates_have_their_lengths() {
    let certificate = zeros(12);
    let attested = |command: &str, roster: usize, certificate: &str, signature: usize, invite: usize| {
        format!(
            r#"{{"id":3,{command},"attestation":{{"roster":"{}","certificate":"{certificate}","signature":"{}","invite":"{}"}}}}}}"#,
            zeros(roster),
            zeros(signature),
            zeros(invite)
        )
    };
    let commands = [
        format!(r#""leaveChat":{{"chatId":"{CHAT}""#),
        format!(r#""joinChat":{{"chatId":"{CHAT}""#),
        format!(r#""setInviteLink":{{"chatId":"{CHAT}","withdraw":true"#),
        format!(r#""modifyChatParticipants":{{"chatId":"{CHAT}","action":"PARTICIPANT_ACTION_ADD""#),
        r#""createChat":{"kind":"CHAT_KIND_GROUP","encryption":"ENCRYPTION_MLS""#.to_owned(),
    ];
    for command in &commands {
        for roster in [0, 31, 33] {
            let json = attested(command, roster, &certificate, 64, 0);
            assert_refused(&json, 3, ErrorCode::InvalidArgument, "attestation.roster is not 32 bytes");
        }
        for bad in ["", &certificate, &zeros(4_096)] {
            let json = attested(command, 32, bad, 64, 0);
            assert_refused(&json, 3, ErrorCode::InvalidArgument, "attestation.certificate is not valid");
        }
    }
    for bad in [String::new(), certificate, zeros(4_096)] {
        let json = format!(r#"{{"id":3,"setCertificate":{{"certificate":"{bad}"}}}}"#);
        assert_refused(&json, 3, ErrorCode::InvalidArgument, "setCertificate.certificate is not valid");
    }
    let verifier = format!(r#"{{"id":3,"setInviteLink":{{"chatId":"{CHAT}","verifier":"{}"}}}}"#, zeros(31));
    assert_refused(&verifier, 3, ErrorCode::InvalidArgument, "setInviteLink.verifier is not 32 bytes");
}

#[test]
fn signatures_and_invite_proofs_have_their_lengths() {
    let device = DeviceId { user: CHAT.parse().unwrap(), number: DeviceNumber(1) };
    let (identity, key) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let public = DeviceKey(key.verifying_key().to_bytes());
    let certificate = DeviceCertificate::issue(&identity, device, public, Timestamp(1));
    let signed = [0; SIGNATURE_BYTES];
    let attestation =
        Attestation { roster: RosterDigest([7; 32]), certificate, signature: signed, invite: Some(signed) };
    let leaving = Command::Submit {
        chat: CHAT.parse().unwrap(),
        client_seq: ClientSeq(1),
        command: ChatCommand::Leave,
        attestation: Some(Box::new(attestation)),
    };
    let mut json = Vec::new();
    encode_client(Format::Json, &dunlin_wire::ClientFrame { id: 3, command: leaving }, &mut json);
    let json = String::from_utf8(json).unwrap();
    let of = |field: &str, bytes: usize| format!(r#""{field}":"{}""#, zeros(bytes));
    let decode = |signature: usize, invite: usize| {
        let json = json.replace(&of("signature", SIGNATURE_BYTES), &of("signature", signature));
        let json = json.replace(&of("invite", SIGNATURE_BYTES), &of("invite", invite));
        decode_client(Format::Json, json.as_bytes())
    };
    decode(64, 0).unwrap();
    decode(64, 64).unwrap();
    for (signature, invite, words) in [
        (0, 0, "attestation.signature is not 64 bytes"),
        (63, 0, "attestation.signature is not 64 bytes"),
        (65, 64, "attestation.signature is not 64 bytes"),
        (64, 1, "attestation.invite is not 64 bytes"),
        (64, 65, "attestation.invite is not 64 bytes"),
    ] {
        let refused = decode(signature, invite).unwrap_err().failure;
        assert_eq!(refused.code, ErrorCode::InvalidArgument);
        assert!(refused.message.contains(words), "{}", refused.message);
    }
}

#[test]
fn handshakes_name_all_they_need_and_carry_no_more_than_they_may() {
    let invalid = ErrorCode::InvalidArgument;
    let payload = |bytes: usize| format!(r#"{{"inline":"{}"}}"#, zeros(bytes));
    let stored = |bytes: usize| format!(r#"{{"stored":{{"sha256":"{}","size":9}}}}"#, zeros(bytes));
    let commit = |parts: &str| {
        format!(
            r#"{{"id":3,"commitKeys":{{"chatId":"{CHAT}","commit":{{"epoch":{{"generation":1}},{parts}}}}}}}"#
        )
    };
    let whole = |part: &str, info: &str| commit(&format!(r#""commit":{part},"groupInfo":{info}"#));
    let (small, most) = (payload(3), payload(INLINE_BYTES_MAX));
    for good in [whole(&small, &most), whole(&stored(32), &small)] {
        assert!(decode_client(Format::Json, good.as_bytes()).is_ok());
    }
    let large = payload(INLINE_BYTES_MAX + 1);
    for (json, words) in [
        (whole(&large, &small), "commit is larger than 16384 bytes: upload it as a blob"),
        (whole(&small, &large), "groupInfo is larger than 16384 bytes"),
        (whole(&stored(31), &small), "commit is not 32 bytes"),
        (whole(&small, &stored(0)), "groupInfo is not 32 bytes"),
        (commit(&format!(r#""commit":{small}"#)), "groupInfo is required"),
        (commit(&format!(r#""groupInfo":{small}"#)), "commit is required"),
        (commit(&format!(r#""commit":{{}},"groupInfo":{small}"#)), "commit is required"),
        (commit(&format!(r#""welcome":{{}},"commit":{small},"groupInfo":{small}"#)), "welcome is required"),
        (commit(&format!(r#""added":["x"],"commit":{small},"groupInfo":{small}"#)), "added is not valid"),
        (
            commit(&format!(r#""removed":["{CHAT}"],"commit":{small},"groupInfo":{small}"#)),
            "removed is not valid",
        ),
        (format!(r#"{{"id":3,"commitKeys":{{"chatId":"{CHAT}"}}}}"#), "commit is required"),
        (format!(r#"{{"id":3,"startGroup":{{"chatId":"{CHAT}"}}}}"#), "start is required"),
    ] {
        assert_refused(&json, 3, invalid, words);
    }
    let start =
        |fields: &str| format!(r#"{{"id":3,"startGroup":{{"chatId":"{CHAT}","start":{{{fields}}}}}}}"#);
    let epoch = r#""epoch":{"generation":1,"number":1}"#;
    for (fields, words) in [
        (epoch.to_owned(), "reason is required"),
        (format!(r#"{epoch},"reason":0"#), "reason is required"),
        (r#""reason":"START_REASON_FIRST""#.to_owned(), "epoch is required"),
        (format!(r#"{epoch},"reason":1,"suite":65536"#), "suite is not a number of a cipher suite"),
        (format!(r#"{epoch},"reason":1,"suite":1,"devices":[""]"#), "devices is not valid"),
        (format!(r#"{epoch},"reason":1,"suite":1"#), "groupInfo is required"),
    ] {
        assert_refused(&start(&fields), 3, invalid, words);
    }
    // In JSON an unknown reason is none of those that there are.
    let unknown = start(&format!(r#"{epoch},"reason":77"#));
    assert_refused(&unknown, 3, ErrorCode::Malformed, "START_REASON_SUITE_CHANGE");
}

#[test]
fn key_packages_are_of_a_suite_and_not_too_many() {
    let upload = |suite: u32, count: usize| {
        let packages = vec![r#""AAAA""#; count].join(",");
        format!(r#"{{"id":3,"uploadKeyPackages":{{"suite":{suite},"packages":[{packages}]}}}}"#)
    };
    assert!(decode_client(Format::Json, upload(1, KEY_PACKAGES_MAX).as_bytes()).is_ok());
    let words = "uploadKeyPackages.packages has 101 entries";
    assert_refused(&upload(1, KEY_PACKAGES_MAX + 1), 3, ErrorCode::LimitReached, words);
    let words = "suite is not a number of a cipher suite";
    assert_refused(&upload(65_536, 1), 3, ErrorCode::InvalidArgument, words);
    let claim = format!(r#"{{"id":3,"claimKeyPackages":{{"chatId":"{CHAT}","suite":70000}}}}"#);
    assert_refused(&claim, 3, ErrorCode::InvalidArgument, words);
    let users = vec![format!(r#""{CHAT}""#); KEY_USERS_MAX + 1].join(",");
    for json in [
        format!(r#"{{"id":3,"claimKeyPackages":{{"chatId":"{CHAT}","userIds":[{users}]}}}}"#),
        format!(r#"{{"id":3,"listDevices":{{"userIds":[{users}]}}}}"#),
    ] {
        assert_refused(&json, 3, ErrorCode::LimitReached, "userIds has 257 entries");
    }
    for field in ["claimKeyPackages", "getGroupInfo", "commitKeys", "startGroup"] {
        let words = if field.ends_with("Keys") { "commit is required" } else { "is required" };
        assert_refused(&format!(r#"{{"id":3,"{field}":{{}}}}"#), 3, ErrorCode::InvalidArgument, words);
    }
}

#[test]
fn hashes_of_attachments_have_32_bytes_and_are_not_too_many() {
    // Zeros in Base64.
    let (whole, shorter) = (format!("{}=", "A".repeat(43)), format!("{}==", "A".repeat(42)));
    let create = |sha256: &str, parts: usize| {
        let parts = vec![format!("\"{whole}\""); parts].join(",");
        format!(r#"{{"id":4,"createAttachment":{{"size":"9","sha256":"{sha256}","partSha256s":[{parts}]}}}}"#)
    };
    let decoded = decode_client(Format::Json, create(&whole, 2_048).as_bytes()).unwrap();
    assert!(
        matches!(decoded.command, Command::CreateAttachment { bytes: 9, parts, .. } if parts.len() == 2_048)
    );
    assert_refused(
        &create(&shorter, 1),
        4,
        ErrorCode::InvalidArgument,
        "createAttachment.sha256 has 32 bytes",
    );
    assert_refused(&create("", 1), 4, ErrorCode::InvalidArgument, "createAttachment.sha256 is required");
    let words = "createAttachment.partSha256s has 2049 entries; 2048 are allowed";
    assert_refused(&create(&whole, 2_049), 4, ErrorCode::LimitReached, words);
}
