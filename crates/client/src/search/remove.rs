//! Takes a message out of the index.

use dunlin_model::{ChatId, Seq};

use super::rows::{Pending, Place, message_key, read, segments_key, tail_key};
use super::{Damaged, Rows, segment};
use crate::batch::Batch;

/// Removes a message that was deleted or has expired; one that is not there is no error. It is not found from now on.
/// Its words may stay, among those of others, until [`compact`](super::compact()) has run.
///
/// # Errors
///
/// When the index is damaged; what `batch` then holds must not be written.
pub fn remove(rows: &dyn Rows, batch: &mut Batch, chat: ChatId, seq: Seq) -> Result<(), Damaged> {
    from(&mut Pending { rows, batch }, chat, seq)
}

pub(super) fn from(pending: &mut Pending<'_>, chat: ChatId, seq: Seq) -> Result<(), Damaged> {
    let key = message_key(chat, seq);
    let Some(place) = read::<Place>(pending, "the place of a message", &key)? else { return Ok(()) };
    pending.delete(key);
    if place.document >= pending.counter()?.tail_first {
        pending.delete(tail_key(place.document));
        return Ok(());
    }
    let mut segments = pending.segments()?;
    let segment = segments
        .iter_mut()
        .find(|segment| segment.contains(place.document))
        .ok_or(Damaged { row: "the list of segments" })?;
    segment::make_hole(pending, segment, place.document)?;
    segment.live = segment.live.saturating_sub(1);
    segment.stale = segment.stale.saturating_add(1);
    pending.put(segments_key(), &segments);
    Ok(())
}
