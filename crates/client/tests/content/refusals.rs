//! What must not be sent and what must not be believed.

use dunlin_client::content::limits::{
    ATTACHMENTS_MAX, DESCRIPTION_BYTES_MAX, DISAPPEARING_SECONDS_MAX, EMOJI_BYTES_MAX, FILE_BYTES_MAX,
    MENTIONS_MAX, NAME_BYTES_MAX, OWN_MARKS_MAX, TEXT_BYTES_MAX, THUMBNAIL_BYTES_MAX,
};
use dunlin_client::content::{
    Attachment, ChatMark, ChatMetadata, Content, ContentError, Dimensions, Edit, Envelope, Expected, Files,
    Mention, OwnFace, OwnMarks, PictureChange, Reaction, Reference, Text, VoiceNote,
};
use dunlin_model::{ChatId, ClientSeq, DeviceId, DeviceNumber, Seq, Timestamp, UserId};

use crate::examples::{ADA, EXPECTED, TARGET, envelope, files, picture, picture_within, recording, text};

#[test]
fn a_message_that_was_moved_or_replayed_is_refused() {
    let padded = envelope(text("Only here")).seal_plaintext().unwrap();
    let DeviceId { user, number } = EXPECTED.sender;
    let elsewhere = [
        ("chat", Expected { chat: ChatId::from_bytes([1; 16]), ..EXPECTED }),
        ("sender", Expected { sender: DeviceId { user: UserId::from_bytes([1; 16]), number }, ..EXPECTED }),
        ("sender", Expected { sender: DeviceId { user, number: DeviceNumber(3) }, ..EXPECTED }),
        ("clientSeq", Expected { client_seq: ClientSeq(42), ..EXPECTED }),
    ];
    for (field, expected) in elsewhere {
        assert_eq!(Envelope::open(&padded, &expected), Err(ContentError::WrongBinding { field }));
    }
    assert!(Envelope::open(&padded, &EXPECTED).is_ok());
}

#[test]
fn a_message_that_counts_from_zero_is_refused() {
    let uncounted = Envelope { sender_counter: 0, ..envelope(text("Hi")) };
    assert!(matches!(uncounted.seal_plaintext(), Err(ContentError::Invalid { field: "senderCounter", .. })));
}

fn too_large(content: Content) -> &'static str {
    match envelope(content).seal_plaintext() {
        Err(ContentError::TooLarge { field, size, limit }) => {
            assert!(size > limit);
            field
        }
        other => panic!("{other:?}"),
    }
}

fn invalid(content: Content) -> &'static str {
    match envelope(content).seal_plaintext() {
        Err(ContentError::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

fn mentioning(mentions: Vec<Mention>) -> Content {
    Content::Text(Text { text: "für @Ada".to_owned(), mentions, reply_to: None })
}

fn reacting(emoji: &str) -> Content {
    Content::Reaction(Reaction { target: TARGET, emoji: emoji.to_owned(), remove: false })
}

#[test]
fn whatever_is_above_its_limit_is_refused_and_named() {
    assert_eq!(too_large(text(&"a".repeat(TEXT_BYTES_MAX + 1))), "text");
    let mention = Mention { start: 0, length: 1, user: ADA };
    assert_eq!(too_large(mentioning(vec![mention; MENTIONS_MAX + 1])), "mentions");
    assert_eq!(too_large(files(vec![picture(); ATTACHMENTS_MAX + 1])), "attachments");
    let with = |change: fn(&mut Attachment)| {
        let mut attachment = picture();
        change(&mut attachment);
        too_large(files(vec![attachment]))
    };
    assert_eq!(with(|file| file.size_bytes = FILE_BYTES_MAX + 1), "attachment.size");
    assert_eq!(with(|file| file.thumbnail = vec![0; THUMBNAIL_BYTES_MAX + 1]), "attachment.thumbnail");
    assert_eq!(with(|file| file.file_name = "a".repeat(256)), "attachment.fileName");
    assert_eq!(with(|file| file.media_type = "a/".repeat(128)), "attachment.mediaType");
    let wide = Some(Dimensions { width: 65_536, height: 1 });
    assert_eq!(too_large(files(vec![Attachment { dimensions: wide, ..picture() }])), "attachment.dimensions");
    let voice_note = Some(VoiceNote { waveform: vec![0; 65] });
    assert_eq!(too_large(files(vec![Attachment { voice_note, ..recording() }])), "voiceNote.waveform");
    assert_eq!(too_large(reacting(&"e".repeat(EMOJI_BYTES_MAX + 1))), "reaction.emoji");
    let seconds = DISAPPEARING_SECONDS_MAX + 1;
    assert_eq!(too_large(Content::DisappearingTimer { seconds }), "disappearingTimer.seconds");
    let name = Some("n".repeat(NAME_BYTES_MAX + 1));
    let metadata = ChatMetadata { name, ..ChatMetadata::default() };
    assert_eq!(too_large(Content::ChatMetadata(metadata)), "chatMetadata.name");
    let description = Some("d".repeat(DESCRIPTION_BYTES_MAX + 1));
    let metadata = ChatMetadata { description, ..ChatMetadata::default() };
    assert_eq!(too_large(Content::ChatMetadata(metadata)), "chatMetadata.description");
    let hidden = vec![(EXPECTED.chat, Seq(1)); OWN_MARKS_MAX + 1];
    assert_eq!(too_large(Content::OwnMarks(OwnMarks { hidden, ..OwnMarks::default() })), "ownMarks.hidden");
    let verified = vec![(ADA, None); OWN_MARKS_MAX + 1];
    assert_eq!(
        too_large(Content::OwnMarks(OwnMarks { verified, ..OwnMarks::default() })),
        "ownMarks.verified"
    );
    let mark = |change: fn(&mut ChatMark)| {
        let mut mark = ChatMark::of(EXPECTED.chat);
        change(&mut mark);
        too_large(Content::OwnMarks(OwnMarks { chats: vec![mark], ..OwnMarks::default() }))
    };
    assert_eq!(mark(|mark| mark.name = Some("n".repeat(NAME_BYTES_MAX + 1))), "ownMarks.name");
    let described = mark(|mark| mark.description = Some("d".repeat(DESCRIPTION_BYTES_MAX + 1)));
    assert_eq!(described, "ownMarks.description");
    let timed = mark(|mark| mark.disappear_seconds = DISAPPEARING_SECONDS_MAX + 1);
    assert_eq!(timed, "ownMarks.disappearSeconds");
    let long = "a".repeat(TEXT_BYTES_MAX + 1);
    let edit = Edit { target: TARGET, text: long, mentions: Vec::new() };
    assert_eq!(too_large(Content::Edit(edit)), "text");
}

#[test]
fn a_picture_that_is_whole_in_the_message_is() {
    assert_eq!(Attachment::within(b"<svg onload=x>".to_vec()), None);
    assert_eq!(Attachment::within(Vec::new()), None);
    let set = |picture: Attachment| {
        let picture = Some(PictureChange::Set(Box::new(picture)));
        Content::ChatMetadata(ChatMetadata { picture, ..ChatMetadata::default() })
    };
    let whole = picture_within();
    assert!(whole.is_within() && !picture().is_within());
    assert!(envelope(set(whole.clone())).seal_plaintext().is_ok());
    let mut other = whole.clone();
    other.thumbnail.push(0);
    let longer = Attachment { size_bytes: whole.size_bytes + 1, ..whole.clone() };
    let empty = Attachment { thumbnail: Vec::new(), ..whole };
    for wrong in [other.clone(), longer, empty] {
        assert_eq!(invalid(set(wrong)), "picture");
    }
    let broken = other.clone();
    let mark = ChatMark { picture: Some(Box::new(other)), ..ChatMark::of(EXPECTED.chat) };
    assert_eq!(invalid(Content::OwnMarks(OwnMarks { chats: vec![mark], ..OwnMarks::default() })), "picture");
    let face = OwnFace { changed: Timestamp(1), picture: Some(Box::new(broken)) };
    assert_eq!(invalid(Content::OwnMarks(OwnMarks { face: Some(face), ..OwnMarks::default() })), "picture");
    let mut jpeg = vec![0xff, 0xd8, 0xff];
    jpeg.resize(THUMBNAIL_BYTES_MAX, 0);
    let largest = Attachment::within(jpeg.clone()).unwrap();
    assert_eq!(largest.media_type, "image/jpeg");
    assert!(envelope(set(largest)).seal_plaintext().is_ok());
    jpeg.push(0);
    assert_eq!(too_large(set(Attachment::within(jpeg).unwrap())), "attachment.thumbnail");
}

#[test]
fn thumbnails_share_what_a_message_may_have() {
    let large = Attachment { thumbnail: vec![1; THUMBNAIL_BYTES_MAX], ..picture() };
    assert!(envelope(files(vec![large.clone(); 7])).seal_plaintext().is_ok());
    assert_eq!(too_large(files(vec![large; 8])), "content");
}

#[test]
fn the_longest_text_with_everything_fits() {
    let mentions = (0..64).map(|at| Mention { start: 49_000 + at, length: 1, user: ADA }).collect();
    let full = Text { text: "a".repeat(TEXT_BYTES_MAX), mentions, reply_to: Some(TARGET) };
    let padded = envelope(Content::Text(full)).seal_plaintext().unwrap();
    assert_eq!(padded.len(), 62 * 1024);
}

#[test]
fn mentions_are_ranges_of_the_text() {
    let at = |start, length| Mention { start, length, user: ADA };
    assert!(envelope(mentioning(vec![at(0, 4), at(5, 4)])).seal_plaintext().is_ok());
    for wrong in [
        vec![at(5, 5)],           // Beyond the text.
        vec![at(2, 2)],           // Within the ü.
        vec![at(5, 0)],           // Empty.
        vec![at(5, 4), at(0, 4)], // Out of order.
        vec![at(0, 4), at(3, 2)], // Overlapping.
        vec![at(u32::MAX, 2)],    // Beyond what can be counted.
    ] {
        assert_eq!(invalid(mentioning(wrong)), "mentions");
    }
}

#[test]
fn a_file_name_cannot_leave_its_folder() {
    for name in ["../evil", "a/b", "a\\b", "..", ".", "a\nb", "a\0"] {
        let attachment = Attachment { file_name: name.to_owned(), ..picture() };
        assert_eq!(invalid(files(vec![attachment])), "attachment.fileName", "{name:?}");
    }
    for media_type in ["", "image", "/png", "image/", "image/p\nng", "bild/ü"] {
        let attachment = Attachment { media_type: media_type.to_owned(), ..picture() };
        assert_eq!(invalid(files(vec![attachment])), "attachment.mediaType", "{media_type:?}");
    }
}

#[test]
fn a_voice_note_is_opus_in_ogg_and_has_a_duration() {
    let mp3 = Attachment { media_type: "audio/mpeg".to_owned(), ..recording() };
    assert_eq!(invalid(files(vec![mp3])), "voiceNote");
    assert_eq!(invalid(files(vec![Attachment { duration_ms: 0, ..recording() }])), "voiceNote");
    let silent = Attachment { voice_note: Some(VoiceNote::default()), ..recording() };
    assert!(envelope(files(vec![silent])).seal_plaintext().is_ok());
}

#[test]
fn a_reaction_is_one_visible_character_on_a_message() {
    for emoji in ["", "👍👍", "ok", " ", "\u{7}"] {
        assert_eq!(invalid(reacting(emoji)), "reaction.emoji", "{emoji:?}");
    }
    let nowhere = Reference { seq: Seq(0), ..TARGET };
    let reaction = Reaction { target: nowhere, emoji: "👍".to_owned(), remove: false };
    assert_eq!(invalid(Content::Reaction(reaction)), "reaction.target");
}

#[test]
fn what_says_nothing_is_refused() {
    assert_eq!(invalid(text("")), "text");
    assert_eq!(invalid(files(Vec::new())), "attachments");
    assert_eq!(invalid(Content::ChatMetadata(ChatMetadata::default())), "chatMetadata");
    assert_eq!(invalid(Content::OwnMarks(OwnMarks::default())), "ownMarks");
    let nowhere = OwnMarks { hidden: vec![(EXPECTED.chat, Seq::ZERO)], ..OwnMarks::default() };
    assert_eq!(invalid(Content::OwnMarks(nowhere)), "ownMarks.hidden");
    let half = Some(Dimensions { width: 3, height: 0 });
    let content = Content::Files(Files {
        attachments: vec![Attachment { dimensions: half, ..picture() }],
        caption: Text::default(),
    });
    assert_eq!(invalid(content), "attachment.dimensions");
}
