//! Takes a message into the index.

use sha2::{Digest, Sha256};

use super::rows::{
    Counter, Pending, Place, Segment, TailMessage, counter_key, message_key, read, segments_key, tail_key,
};
use super::segment::{self, Contents};
use super::{Damaged, LEVEL_MAX, Message, Rows, SEGMENTS_PER_MERGE, TAIL_MESSAGES_MAX, remove, terms};
use crate::batch::Batch;

/// Indexes `text` as that of `message`, in place of what it had before. Most messages cost three small rows; every
/// 64th makes a segment, and now and then one of those merges others.
///
/// # Errors
///
/// When the index is damaged; what `batch` then holds must not be written.
pub fn add(rows: &dyn Rows, batch: &mut Batch, message: &Message, text: &str) -> Result<(), Damaged> {
    let terms = terms::of_message(text);
    let fingerprint = fingerprint(message, &terms);
    let mut pending = Pending { rows, batch };
    let key = message_key(message.chat, message.seq);
    if let Some(place) = read::<Place>(&pending, "the place of a message", &key)? {
        if place.fingerprint == fingerprint {
            return Ok(());
        }
        remove::from(&mut pending, message.chat, message.seq)?;
    }
    if terms.is_empty() {
        return Ok(());
    }
    let mut counter = pending.counter()?;
    let document = counter.next;
    counter.next += 1;
    let Message { chat, seq, sent } = *message;
    pending.put(tail_key(document), &TailMessage { chat, seq, sent, terms });
    pending.put(key, &Place { document, fingerprint });
    if counter.next - counter.tail_first >= TAIL_MESSAGES_MAX {
        close_tail(&mut pending, &mut counter)?;
    }
    pending.put(counter_key(), &counter);
    Ok(())
}

/// Tells a message that is indexed again from one that was edited.
fn fingerprint(message: &Message, terms: &[String]) -> [u8; 8] {
    let mut hash = Sha256::new_with_prefix(message.sent.0.to_be_bytes());
    for term in terms {
        hash.update(term.as_bytes());
        // No term has a space.
        hash.update(b" ");
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut fingerprint = [0; 8];
    fingerprint.copy_from_slice(&digest[..8]);
    fingerprint
}

/// Makes a segment of the tail.
fn close_tail(pending: &mut Pending<'_>, counter: &mut Counter) -> Result<(), Damaged> {
    let mut contents = Contents::default();
    for document in counter.tail_first..counter.next {
        let tail: Option<TailMessage> = read(pending, "a message of the tail", &tail_key(document))?;
        contents
            .push(tail.map(|tail| (Message { chat: tail.chat, seq: tail.seq, sent: tail.sent }, tail.terms)));
        pending.delete(tail_key(document));
    }
    let mut segments = pending.segments()?;
    segments.push(contents.write(pending, counter.tail_first, 0));
    counter.tail_first = counter.next;
    merge(pending, &mut segments)?;
    pending.put(segments_key(), &segments);
    Ok(())
}

/// Merges the newest segments while there are enough of one level.
fn merge(pending: &mut Pending<'_>, segments: &mut Vec<Segment>) -> Result<(), Damaged> {
    while let Some(level) = segments.last().map(|segment| segment.level).filter(|&level| level < LEVEL_MAX) {
        let start = segments.len() - segments.iter().rev().take_while(|other| other.level == level).count();
        let Some(merged) = segments.get(start..).filter(|merged| merged.len() >= SEGMENTS_PER_MERGE) else {
            break;
        };
        let mut contents = Contents::default();
        let first = merged.first().map_or(0, |segment| segment.first);
        let mut next = first;
        for segment in merged {
            // A document is found by its distance from the first, so none may be missing in between.
            if segment.first != next {
                return Err(Damaged { row: "the list of segments" });
            }
            next = segment.first.saturating_add(u64::from(segment.span));
            contents.push_segment(pending, segment)?;
            segment::delete(pending, segment)?;
        }
        segments.truncate(start);
        segments.push(contents.write(pending, first, level + 1));
    }
    Ok(())
}
