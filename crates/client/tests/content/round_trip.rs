//! Whatever is sealed reads back; whatever else arrives never panics and never passes for something that could not
//! have been sealed.

use dunlin_client::content::{
    Attachment, ChatMark, ChatMetadata, Content, ContentDigest, Dimensions, Edit, Envelope, Expected,
    FileDigest, FileKey, Files, Mention, OwnFace, OwnMarks, PictureChange, Reaction, Reference, Text,
    VOICE_NOTE_MEDIA_TYPE, VoiceNote,
};
use dunlin_model::{
    AttachmentId, ChatId, ClientSeq, DeviceId, DeviceNumber, IdentityKey, Seq, Timestamp, UserId,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::examples;

const BUCKETS: [usize; 9] = [256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 63_488];

fn reference() -> impl Strategy<Value = Reference> {
    (1_u64.., any::<[u8; 32]>())
        .prop_map(|(seq, digest)| Reference { seq: Seq(seq), digest: ContentDigest(digest) })
}

/// Text with mentions of whole characters.
fn mentioning() -> impl Strategy<Value = (String, Vec<Mention>)> {
    (".{1,600}", vec(any::<(bool, [u8; 16])>(), 0..64)).prop_map(|(text, choices)| {
        let mention = |(at, c): (usize, char), user: [u8; 16]| Mention {
            start: u32::try_from(at).unwrap(),
            length: u32::try_from(c.len_utf8()).unwrap(),
            user: UserId::from_bytes(user),
        };
        let chosen = text.char_indices().zip(choices).filter(|(_, (is_chosen, _))| *is_chosen);
        let mentions = chosen.map(|(place, (_, user))| mention(place, user)).collect();
        (text, mentions)
    })
}

fn text() -> impl Strategy<Value = Text> {
    (mentioning(), option::of(reference())).prop_map(|((text, mentions), reply_to)| Text {
        text,
        mentions,
        reply_to,
    })
}

fn attachment() -> impl Strategy<Value = Attachment> {
    let secrets = any::<([u8; 16], [u8; 32], [u8; 32])>();
    let sizes = (0..=4 * 1024 * 1024 * 1024_u64, option::of((1..=65_535_u32, 1..=65_535_u32)), any::<u32>());
    let names = ("[a-z]{1,20}/[a-z0-9.+-]{1,20}", "[^/\\\\\\pC]{3,40}", vec(any::<u8>(), 0..300));
    let waveform = option::of(vec(any::<u8>(), 0..=64));
    (secrets, sizes, names, waveform).prop_map(|((id, key, digest), sizes, names, waveform)| Attachment {
        id: AttachmentId::from_bytes(id),
        key: FileKey(key),
        digest: FileDigest(digest),
        size_bytes: sizes.0,
        media_type: if waveform.is_some() { VOICE_NOTE_MEDIA_TYPE.to_owned() } else { names.0 },
        file_name: names.1,
        thumbnail: names.2,
        dimensions: sizes.1.map(|(width, height)| Dimensions { width, height }),
        duration_ms: sizes.2.max(1),
        voice_note: waveform.map(|waveform| VoiceNote { waveform }),
    })
}

fn chat_metadata() -> impl Strategy<Value = ChatMetadata> {
    let picture = prop_oneof![
        Just(PictureChange::Removed),
        attachment().prop_map(|picture| PictureChange::Set(Box::new(picture))),
    ];
    (option::of(".{0,50}"), option::of(".{0,200}"), option::of(picture))
        .prop_map(|(name, description, picture)| ChatMetadata { name, description, picture })
        .prop_filter("changes nothing", |metadata| *metadata != ChatMetadata::default())
}

fn own_marks() -> impl Strategy<Value = OwnMarks> {
    let chat = || any::<[u8; 16]>().prop_map(ChatId::from_bytes);
    let texts = (option::of(".{0,50}"), option::of(".{0,200}"));
    let picture = option::of(attachment().prop_map(Box::new));
    let told = option::of(any::<[u8; 32]>().prop_map(FileDigest));
    let mark = (chat(), texts, picture, 0..=365 * 24 * 60 * 60_u32, option::of(any::<[u8; 20]>()), told);
    let mark = mark.prop_map(|(chat, (name, description), picture, disappear_seconds, invite, told_face)| {
        ChatMark { chat, name, description, picture, disappear_seconds, invite, told_face }
    });
    let user = any::<[u8; 16]>().prop_map(UserId::from_bytes);
    let verified = (user, option::of(any::<[u8; 32]>().prop_map(IdentityKey)));
    let hidden = (chat(), (1_u64..).prop_map(Seq));
    let face = (any::<u64>(), option::of(attachment().prop_map(Box::new)));
    let face = face.prop_map(|(changed, picture)| OwnFace { changed: Timestamp(changed), picture });
    (vec(hidden, 0..9), vec(verified, 0..9), vec(mark, 1..5), option::of(face))
        .prop_map(|(hidden, verified, chats, face)| OwnMarks { hidden, verified, chats, face })
}

fn content() -> impl Strategy<Value = Content> {
    let caption = prop_oneof![Just(Text::default()), text()];
    prop_oneof![
        text().prop_map(Content::Text),
        (vec(attachment(), 1..4), caption)
            .prop_map(|(attachments, caption)| Content::Files(Files { attachments, caption })),
        (reference(), "[👍❤😂é]", any::<bool>())
            .prop_map(|(target, emoji, remove)| Content::Reaction(Reaction { target, emoji, remove })),
        (reference(), mentioning()).prop_map(|(target, (text, mentions))| Content::Edit(Edit {
            target,
            text,
            mentions
        })),
        (0..=365 * 24 * 60 * 60_u32).prop_map(|seconds| Content::DisappearingTimer { seconds }),
        chat_metadata().prop_map(Content::ChatMetadata),
        own_marks().prop_map(Content::OwnMarks),
    ]
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let ids = any::<([u8; 16], [u8; 16], u32)>();
    (ids, any::<u64>(), 1_u64.., any::<u64>(), content()).prop_map(|(ids, number, counter, sent, content)| {
        Envelope {
            chat: ChatId::from_bytes(ids.0),
            sender: DeviceId { user: UserId::from_bytes(ids.1), number: DeviceNumber(ids.2) },
            client_seq: ClientSeq(number),
            sender_counter: counter,
            sent: Timestamp(sent),
            disappear_seconds: counter_seconds(counter),
            content,
        }
    })
}

fn expected(envelope: &Envelope) -> Expected {
    Expected { chat: envelope.chat, sender: envelope.sender, client_seq: envelope.client_seq }
}

proptest! {
    #[test]
    fn what_is_sealed_reads_back_and_has_the_length_of_a_bucket(envelope in envelope()) {
        let padded = envelope.seal_plaintext().unwrap();
        prop_assert!(BUCKETS.contains(&padded.len()));
        prop_assert_eq!(Envelope::open(&padded, &expected(&envelope)), Ok(envelope));
    }

    #[test]
    fn texts_that_fit_the_same_bucket_have_the_same_length(a in 1..160_usize, b in 1..160_usize) {
        let length = |n: usize| examples::envelope(examples::text(&"x".repeat(n))).seal_plaintext().unwrap().len();
        prop_assert_eq!(length(a), length(b));
    }

    /// Whatever opens could have been sealed: nothing gets past the checks by being damaged.
    #[test]
    fn damaged_bytes_are_refused_or_read_as_something_lawful(
        which in 0..13_usize,
        damage in vec((0..400_usize, any::<u8>()), 1..6),
    ) {
        let (_, content) = examples::all().swap_remove(which);
        let mut padded = examples::envelope(content).seal_plaintext().unwrap();
        for (at, byte) in damage {
            let length = padded.len();
            padded[at % length] = byte;
        }
        if let Ok(opened) = Envelope::open(&padded, &examples::EXPECTED) {
            let is_unknown = matches!(opened.content, Content::Unknown { .. });
            prop_assert!(is_unknown || opened.seal_plaintext().is_ok());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in vec(any::<u8>(), 0..600)) {
        let _ = Envelope::open(&bytes, &examples::EXPECTED);
        // As an envelope in a lawful frame.
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        bytes.splice(0..0, [1].into_iter().chain(length));
        bytes.resize(bytes.len().next_power_of_two().max(256), 0);
        prop_assert!(Envelope::open(&bytes, &examples::EXPECTED).is_err());
    }
}

/// Any time that is allowed.
fn counter_seconds(counter: u64) -> u32 {
    u32::try_from(counter % (u64::from(dunlin_client::content::limits::DISAPPEARING_SECONDS_MAX) + 1))
        .unwrap()
}
