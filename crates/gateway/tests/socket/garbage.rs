//! What is not a frame, or not one that may be: answered with a stable code, never fatal to anyone else.

use dunlin_model::ErrorCode;
use dunlin_wire::{CloseCode, Command, Format, Outcome, ServerFrame};

use crate::raw::{BINARY, CLOSE, CONTINUATION, FIN, Frame, PING, PONG, Raw, TEXT, masked, unmasked};
use crate::world::World;

const LIST: Command = Command::ListChats { after: None, limit: None };

/// A connection past its welcome.
async fn welcomed(world: &World, format: Format) -> Raw {
    let [eve] = world.people().await;
    let mut raw = Raw::connect(world.address, Some(&eve.access_token), format).await;
    let welcome = raw.next().await;
    assert!(matches!(welcome, Frame::Server(ServerFrame::Welcome(_))), "{welcome:?}");
    raw
}

/// The id and code of the failure that comes next.
async fn failure(raw: &mut Raw) -> (u64, ErrorCode) {
    match raw.next().await {
        Frame::Server(ServerFrame::Reply { id, outcome: Outcome::Failed(failure) }) => {
            assert!(!failure.message.is_empty());
            (id, failure.code)
        }
        other => panic!("a failure was expected, not {other:?}"),
    }
}

/// That the connection still answers.
async fn assert_answers(raw: &mut Raw) {
    raw.command(99, LIST).await;
    let answer = raw.next().await;
    assert!(
        matches!(answer, Frame::Server(ServerFrame::Reply { id: 99, outcome: Outcome::Chats { .. } })),
        "{answer:?}"
    );
}

#[tokio::test]
async fn json_that_is_no_frame_is_answered_and_the_connection_goes_on() {
    let world = World::new().await;
    let mut raw = welcomed(&world, Format::Json).await;
    let chat = "aaaaaaaaaaaaaaaaaaaaaaaaaa";
    let cases = [
        (String::new(), 0, ErrorCode::Malformed),
        ("hello".into(), 0, ErrorCode::Malformed),
        ("{".into(), 0, ErrorCode::Malformed),
        ("[]".into(), 0, ErrorCode::Malformed),
        ("\u{0}".into(), 0, ErrorCode::Malformed),
        ("[".repeat(10_000), 0, ErrorCode::Malformed),
        (r#"{"id":"4"}"#.into(), 4, ErrorCode::Malformed),
        (r#"{"id":"5","launchMissiles":{}}"#.into(), 5, ErrorCode::Malformed),
        (r#"{"id":"-1","listChats":{}}"#.into(), 0, ErrorCode::Malformed),
        (r#"{"listChats":{}}"#.into(), 0, ErrorCode::InvalidArgument),
        (r#"{"id":"6","getChat":{"chatId":"short"}}"#.into(), 6, ErrorCode::InvalidArgument),
        (r#"{"id":"7","getChat":{}}"#.into(), 7, ErrorCode::InvalidArgument),
        (format!(r#"{{"id":"8","getChat":{{"chatId":"{chat}"}}}}"#), 8, ErrorCode::NotFound),
        (r#"{"id":"9","presence":{"userIds":["nobody"]}}"#.into(), 9, ErrorCode::InvalidArgument),
        (format!(r#"{{"id":"10","sendMessage":{{"chatId":"{chat}"}}}}"#), 10, ErrorCode::InvalidArgument),
        (r#"{"id":"11","joinChat":{"code":"a.b"}}"#.into(), 11, ErrorCode::InvalidArgument),
        (r#"{"id":"12","authenticate":{"accessToken":""}}"#.into(), 12, ErrorCode::InvalidArgument),
    ];
    for (text, id, code) in cases {
        raw.message(text.as_bytes()).await;
        assert_eq!(failure(&mut raw).await, (id, code), "{:.80}", text);
    }
    assert_answers(&mut raw).await;
}

#[tokio::test]
async fn protobuf_that_is_no_frame_is_answered_and_the_connection_goes_on() {
    let world = World::new().await;
    let mut raw = welcomed(&world, Format::Proto).await;
    let unknown_command = [0x08, 5, 0xFA, 0x3F, 0];
    let cases: [(&[u8], u64, ErrorCode); 6] = [
        (&[], 0, ErrorCode::Malformed),
        (&[0xFF; 40], 0, ErrorCode::Malformed),
        (b"{\"id\":1}", 0, ErrorCode::Malformed),
        // A request with an id and nothing else, and one with a command of the future.
        (&[0x08, 4], 4, ErrorCode::Malformed),
        (&unknown_command, 5, ErrorCode::Malformed),
        // `getChat` with an id of three characters.
        (&[0x08, 6, 0xA2, 0x01, 5, 0x0A, 3, b'a', b'b', b'c'], 6, ErrorCode::InvalidArgument),
    ];
    for (bytes, id, code) in cases {
        raw.message(bytes).await;
        assert_eq!(failure(&mut raw).await, (id, code), "{bytes:?}");
    }
    assert_answers(&mut raw).await;
}

#[tokio::test]
async fn what_breaks_the_framing_is_answered_and_closes_with_its_code() {
    let world = World::new().await;
    let (protocol, not_utf8) = (CloseCode::ProtocolError.number(), CloseCode::NotUtf8.number());
    let cases = [
        (unmasked(FIN | TEXT, b"{}"), protocol),
        (masked(FIN | 0x40 | TEXT, b"{}"), protocol),
        (masked(FIN | 0x3, b""), protocol),
        (masked(FIN | 0xB, b""), protocol),
        (masked(PING, b""), protocol),
        (masked(FIN | PING, &[0; 126]), protocol),
        (masked(FIN | CONTINUATION, b"x"), protocol),
        ([masked(TEXT, b"{"), masked(FIN | TEXT, b"}")].concat(), protocol),
        (masked(FIN | CLOSE, b"x"), protocol),
        (masked(FIN | TEXT, &[b'{', 0xC3, 0x28]), not_utf8),
        ([masked(TEXT, &[b'"', 0xC3]), masked(FIN | CONTINUATION, b"\"")].concat(), not_utf8),
    ];
    for (bytes, code) in cases {
        let mut raw = welcomed(&world, Format::Json).await;
        raw.write(&bytes).await;
        assert_eq!(failure(&mut raw).await, (0, ErrorCode::Malformed), "{bytes:?}");
        assert_eq!(raw.next().await, Frame::Close(code), "{bytes:?}");
        assert_eq!(raw.next().await, Frame::End);
    }
    world.assert_serves().await;
}

#[tokio::test]
async fn a_frame_of_the_other_type_closes() {
    let world = World::new().await;
    for (format, opcode) in [(Format::Json, BINARY), (Format::Proto, TEXT)] {
        let mut raw = welcomed(&world, format).await;
        raw.write(&masked(FIN | opcode, b"{}")).await;
        assert_eq!(raw.next().await, Frame::Close(CloseCode::WrongFrameType.number()));
    }
}

#[tokio::test]
async fn a_frame_too_large_is_refused_at_its_header_and_closes() {
    let world = World::configured(|config| config.frame_bytes_max = 10_000).await;
    let whole = masked(FIN | TEXT, &[b' '; 10_001]);
    let announced = masked(FIN | TEXT, &[b' '; 70_000])[..14].to_vec();
    let exabytes = [&[FIN | TEXT, 0xFF][..], &[0x7F; 8], &[0; 4]].concat();
    let fragments = [masked(TEXT, &[b' '; 6_000]), masked(CONTINUATION, &[b' '; 6_000])].concat();
    for bytes in [whole, announced, exabytes, fragments] {
        let mut raw = welcomed(&world, Format::Json).await;
        raw.write(&bytes).await;
        assert_eq!(failure(&mut raw).await, (0, ErrorCode::TooLarge));
        assert_eq!(raw.next().await, Frame::Close(CloseCode::TooLarge.number()));
    }
    // As much as allowed is not too large.
    let mut raw = welcomed(&world, Format::Json).await;
    raw.write(&masked(FIN | TEXT, &[b' '; 10_000])).await;
    assert_eq!(failure(&mut raw).await, (0, ErrorCode::Malformed));
    assert_answers(&mut raw).await;
}

#[tokio::test]
async fn a_command_in_fragments_with_pings_between_is_one_command() {
    let world = World::new().await;
    let mut raw = welcomed(&world, Format::Json).await;
    for piece in [
        masked(TEXT, br#"{"id":"#),
        masked(FIN | PING, b"are you there"),
        masked(CONTINUATION, b""),
        masked(CONTINUATION, br#""3","listChats""#),
        masked(FIN | PONG, b"unasked"),
        masked(FIN | CONTINUATION, b":{}}"),
    ] {
        // Byte by byte, as a slow line would.
        for byte in piece {
            raw.write(&[byte]).await;
        }
    }
    assert_eq!(raw.next().await, Frame::Pong(b"are you there".to_vec()));
    assert!(matches!(
        raw.next().await,
        Frame::Server(ServerFrame::Reply { id: 3, outcome: Outcome::Chats { .. } })
    ));
}

#[tokio::test]
async fn a_close_is_answered_with_a_close() {
    let world = World::new().await;
    for payload in [&[][..], &1_000_u16.to_be_bytes(), &4_321_u16.to_be_bytes()] {
        let mut raw = welcomed(&world, Format::Proto).await;
        raw.write(&masked(FIN | CLOSE, payload)).await;
        assert_eq!(raw.next().await, Frame::Close(CloseCode::Normal.number()));
        assert_eq!(raw.next().await, Frame::End);
    }
}

#[tokio::test]
async fn garbage_before_authentication_is_answered_and_closes() {
    let world = World::new().await;
    let mut raw = Raw::connect(world.address, None, Format::Json).await;
    raw.message(b"let me in").await;
    assert_eq!(failure(&mut raw).await, (0, ErrorCode::Malformed));
    assert_eq!(raw.next().await, Frame::Close(CloseCode::Unauthenticated.number()));
    let mut raw = Raw::connect(world.address, None, Format::Json).await;
    raw.write(&unmasked(FIN | TEXT, b"{}")).await;
    assert_eq!(failure(&mut raw).await, (0, ErrorCode::Malformed));
    assert_eq!(raw.next().await, Frame::Close(CloseCode::ProtocolError.number()));
    world.assert_serves().await;
}
