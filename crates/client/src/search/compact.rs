//! Takes the words of removed messages out of the vault.

use super::rows::{Pending, segments_key};
use super::segment::{self, Contents};
use super::{Damaged, LEVEL_MAX, Rows};
use crate::batch::Batch;

/// Rewrites the segment with the most removed messages without their words. Whoever drives the core calls it when
/// there is nothing else to do, until it says `false`: nothing is left of any removed message.
///
/// # Errors
///
/// When the index is damaged; what `batch` then holds must not be written.
pub fn compact(rows: &dyn Rows, batch: &mut Batch) -> Result<bool, Damaged> {
    let mut pending = Pending { rows, batch };
    let mut segments = pending.segments()?;
    let stalest = (0..).zip(&segments).max_by_key(|(_, segment)| segment.stale);
    let Some((index, stalest)) = stalest.filter(|(_, segment)| segment.stale > 0) else { return Ok(false) };
    let stalest = stalest.clone();
    let mut contents = Contents::default();
    contents.push_segment(&pending, &stalest)?;
    segment::delete(&mut pending, &stalest)?;
    if stalest.live == 0 && stalest.level == LEVEL_MAX {
        segments.remove(index);
    } else {
        // An empty segment below the last level keeps its place, since merges count on neighbours.
        let rewritten = contents.write(&mut pending, stalest.first, stalest.level);
        if let Some(entry) = segments.get_mut(index) {
            *entry = rewritten;
        }
    }
    pending.put(segments_key(), &segments);
    Ok(true)
}
