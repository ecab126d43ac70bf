//! Envelopes that the tests share: at least one of each kind, with every field in use.

use dunlin_client::content::{
    Attachment, ChatMark, ChatMetadata, Content, ContentDigest, Dimensions, Edit, Envelope, Expected,
    FileDigest, FileKey, Files, Mention, OwnFace, OwnMarks, PictureChange, Reaction, Reference, Text,
    VOICE_NOTE_MEDIA_TYPE, VoiceNote,
};
use dunlin_model::{
    AttachmentId, ChatId, ClientSeq, DeviceId, DeviceNumber, IdentityKey, Seq, Timestamp, UserId,
};

pub(crate) const ADA: UserId = UserId::from_bytes([0xA0; 16]);
pub(crate) const EXPECTED: Expected = Expected {
    chat: ChatId::from_bytes([0xC0; 16]),
    sender: DeviceId { user: ADA, number: DeviceNumber(2) },
    client_seq: ClientSeq(41),
};
pub(crate) const TARGET: Reference = Reference { seq: Seq(17), digest: ContentDigest([0xDD; 32]) };

pub(crate) fn envelope(content: Content) -> Envelope {
    Envelope {
        chat: EXPECTED.chat,
        sender: EXPECTED.sender,
        client_seq: EXPECTED.client_seq,
        sender_counter: 40,
        sent: Timestamp(1_760_000_000_000),
        disappear_seconds: 0,
        content,
    }
}

pub(crate) fn text(text: &str) -> Content {
    Content::Text(Text { text: text.to_owned(), ..Text::default() })
}

pub(crate) fn picture() -> Attachment {
    Attachment {
        id: AttachmentId::from_bytes([0xF1; 16]),
        key: FileKey([0x11; 32]),
        digest: FileDigest([0x22; 32]),
        size_bytes: 123_456,
        media_type: "image/jpeg".to_owned(),
        file_name: "Brücke bei Nacht.jpg".to_owned(),
        thumbnail: vec![0x52, 0x49, 0x46, 0x46],
        dimensions: Some(Dimensions { width: 4_032, height: 3_024 }),
        duration_ms: 0,
        voice_note: None,
    }
}

/// One that is whole in the message.
pub(crate) fn picture_within() -> Attachment {
    Attachment::within(b"RIFF\x08\0\0\0WEBPVP8L".to_vec()).unwrap()
}

pub(crate) fn recording() -> Attachment {
    Attachment {
        media_type: VOICE_NOTE_MEDIA_TYPE.to_owned(),
        file_name: String::new(),
        thumbnail: Vec::new(),
        dimensions: None,
        duration_ms: 7_250,
        voice_note: Some(VoiceNote { waveform: (0..64).map(|part| part * 4).collect() }),
        ..picture()
    }
}

pub(crate) fn files(attachments: Vec<Attachment>) -> Content {
    Content::Files(Files { attachments, caption: Text::default() })
}

/// One of each, by the name of its golden file.
pub(crate) fn all() -> Vec<(&'static str, Content)> {
    let mention = Mention { start: 6, length: 4, user: ADA };
    let full = Text { text: "Hallo @Ada!".to_owned(), mentions: vec![mention], reply_to: Some(TARGET) };
    let reaction = |remove| Reaction { target: TARGET, emoji: "👩🏽‍🚒".to_owned(), remove };
    let edit = Edit { target: TARGET, text: "Sorry @Ada!".to_owned(), mentions: vec![mention] };
    let named =
        ChatMetadata { name: Some("Ruderclub".to_owned()), description: Some(String::new()), picture: None };
    let with_picture =
        ChatMetadata { picture: Some(PictureChange::Set(Box::new(picture()))), ..ChatMetadata::default() };
    let within = PictureChange::Set(Box::new(picture_within()));
    let with_picture_within = ChatMetadata { picture: Some(within), ..ChatMetadata::default() };
    let without_picture = ChatMetadata { picture: Some(PictureChange::Removed), ..ChatMetadata::default() };
    vec![
        ("text", text("Grüße vom See")),
        ("text_full", Content::Text(full.clone())),
        ("files", Content::Files(Files { attachments: vec![picture(), recording()], caption: full })),
        ("voice_note", files(vec![recording()])),
        ("reaction", Content::Reaction(reaction(false))),
        ("reaction_removed", Content::Reaction(reaction(true))),
        ("edit", Content::Edit(edit)),
        ("disappearing_timer", Content::DisappearingTimer { seconds: 604_800 }),
        ("disappearing_timer_off", Content::DisappearingTimer { seconds: 0 }),
        ("chat_named", Content::ChatMetadata(named)),
        ("chat_picture", Content::ChatMetadata(with_picture)),
        ("chat_picture_within", Content::ChatMetadata(with_picture_within)),
        ("chat_picture_removed", Content::ChatMetadata(without_picture)),
        ("own_marks", Content::OwnMarks(own_marks())),
        ("own_marks_picture", Content::OwnMarks(own_marks_with_picture())),
        ("own_marks_face", Content::OwnMarks(own_marks_with_face(Some(picture_within())))),
        ("own_marks_face_removed", Content::OwnMarks(own_marks_with_face(None))),
    ]
}

pub(crate) fn own_marks() -> OwnMarks {
    let named = ChatMark {
        name: Some("Ruderclub".to_owned()),
        description: Some("Montags".to_owned()),
        disappear_seconds: 604_800,
        invite: Some([0x33; 20]),
        ..ChatMark::of(EXPECTED.chat)
    };
    OwnMarks {
        hidden: vec![(EXPECTED.chat, Seq(17))],
        verified: vec![(ADA, Some(IdentityKey([0x44; 32]))), (UserId::from_bytes([0xB0; 16]), None)],
        chats: vec![named, ChatMark::of(ChatId::from_bytes([0xC1; 16]))],
        face: None,
    }
}

pub(crate) fn own_marks_with_face(picture: Option<Attachment>) -> OwnMarks {
    let told = ChatMark { told_face: Some(FileDigest([0x55; 32])), ..ChatMark::of(EXPECTED.chat) };
    let face = OwnFace { changed: Timestamp(1_900_000_000_000), picture: picture.map(Box::new) };
    OwnMarks { chats: vec![told], face: Some(face), ..OwnMarks::default() }
}

pub(crate) fn own_marks_with_picture() -> OwnMarks {
    let pictured = ChatMark { picture: Some(Box::new(picture_within())), ..ChatMark::of(EXPECTED.chat) };
    OwnMarks { chats: vec![pictured], ..OwnMarks::default() }
}
