//! Finds messages.

use std::cmp::Reverse;

use super::rows::{Counter, Segment, TailMessage, counter_key, read, segments_key, tail_key};
use super::segment::{
    Head, SLOTS_PER_ROW, decode_block, each_place, message_in, read_block, read_head, read_slots,
};
use super::{Damaged, HITS_MAX, Message, Query, Rows, terms};

/// The newest messages that have all words of the query, newest first. Two or more characters of a script without
/// spaces are found as pairs, so a message with all pairs in other places is a hit too.
///
/// # Errors
///
/// When the index is damaged.
pub fn find(rows: &dyn Rows, query: &Query<'_>) -> Result<Vec<Message>, Damaged> {
    let words = terms::of_query(query.text);
    let limit = query.limit.min(HITS_MAX);
    if words.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let mut hits = Hits { found: Vec::new(), limit };
    find_in_tail(rows, query, &words, &mut hits)?;
    hits.keep_newest();
    let list: Option<Vec<Segment>> = read(rows, "the list of segments", &segments_key())?;
    let mut segments = list.unwrap_or_default();
    segments.retain(|segment| segment.live > 0);
    segments.sort_by_key(|segment| Reverse((segment.newest, segment.first)));
    for segment in &segments {
        // All that follow are older still.
        if hits.are_newer_than(segment) {
            break;
        }
        find_in_segment(rows, segment, query, &words, &mut hits)?;
        hits.keep_newest();
    }
    Ok(hits.found)
}

struct Hits {
    found: Vec<Message>,
    limit: usize,
}

impl Hits {
    fn keep_newest(&mut self) {
        self.found.sort_unstable_by_key(|message| Reverse(message.recency()));
        self.found.truncate(self.limit);
    }

    fn are_newer_than(&self, segment: &Segment) -> bool {
        self.found.len() == self.limit && self.found.last().is_some_and(|oldest| oldest.sent > segment.newest)
    }
}

fn find_in_tail(
    rows: &dyn Rows,
    query: &Query<'_>,
    words: &[String],
    hits: &mut Hits,
) -> Result<(), Damaged> {
    let counter: Counter = read(rows, "the counter", &counter_key())?.unwrap_or_default();
    for document in counter.tail_first..counter.next {
        let tail: Option<TailMessage> = read(rows, "a message of the tail", &tail_key(document))?;
        let Some(TailMessage { chat, seq, sent, terms }) = tail else { continue };
        let is_here = query.chat.is_none_or(|wanted| wanted == chat);
        if is_here && words.iter().all(|word| has_beginning(&terms, word)) {
            hits.found.push(Message { chat, seq, sent });
        }
    }
    Ok(())
}

fn has_beginning(terms: &[String], word: &str) -> bool {
    let at = terms.partition_point(|term| term.as_str() < word);
    terms.get(at).is_some_and(|term| term.starts_with(word))
}

fn find_in_segment(
    rows: &dyn Rows,
    segment: &Segment,
    query: &Query<'_>,
    words: &[String],
    hits: &mut Hits,
) -> Result<(), Damaged> {
    let head = read_head(rows, segment)?;
    if query.chat.is_some_and(|chat| head.chats.binary_search(&chat).is_err()) {
        return Ok(());
    }
    let mut places: Option<Places> = None;
    for word in words {
        let of_word = places_of(rows, segment, &head, word)?;
        let both = match places {
            Some(before) => before.and(&of_word),
            None => of_word,
        };
        if both.is_empty() {
            return Ok(());
        }
        places = Some(both);
    }
    let places = places.unwrap_or_default();
    for number in 0..segment.span.div_ceil(SLOTS_PER_ROW) {
        let range = number * SLOTS_PER_ROW..(number + 1) * SLOTS_PER_ROW;
        if !range.clone().any(|place| places.has(place)) {
            continue;
        }
        for (place, slot) in range.zip(read_slots(rows, segment, number)?) {
            let Some(slot) = slot.filter(|_| places.has(place)) else { continue };
            let message = message_in(&head, &slot)?;
            if query.chat.is_none_or(|wanted| wanted == message.chat) {
                hits.found.push(message);
            }
        }
    }
    Ok(())
}

/// The messages with a term that begins with `word`.
fn places_of(rows: &dyn Rows, segment: &Segment, head: &Head, word: &str) -> Result<Places, Damaged> {
    let mut places = Places::default();
    // The block before the first that begins at or after the word may end with it.
    let first = head.blocks.partition_point(|term| term.as_str() < word).saturating_sub(1);
    for (number, begins_with) in (0..).zip(&head.blocks).skip(first) {
        if begins_with.as_str() > word && !begins_with.starts_with(word) {
            break;
        }
        let value = read_block(rows, segment, number)?;
        let terms = decode_block(&value)?.terms;
        let at = terms.partition_point(|(term, _)| *term < word);
        for (_, postings) in terms.iter().skip(at).take_while(|(term, _)| term.starts_with(word)) {
            each_place(postings, segment.span, |place| places.set(place))?;
        }
    }
    Ok(places)
}

/// A set of places in a segment, one bit for each.
#[derive(Default)]
struct Places {
    bits: Vec<u64>,
}

impl Places {
    fn set(&mut self, place: u32) {
        let word = (place / 64) as usize;
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        if let Some(bits) = self.bits.get_mut(word) {
            *bits |= 1 << (place % 64);
        }
    }

    fn has(&self, place: u32) -> bool {
        self.bits.get((place / 64) as usize).is_some_and(|bits| bits >> (place % 64) & 1 == 1)
    }

    fn and(mut self, other: &Self) -> Self {
        self.bits.truncate(other.bits.len());
        self.bits.iter_mut().zip(&other.bits).for_each(|(bits, others)| *bits &= others);
        self
    }

    fn is_empty(&self) -> bool {
        self.bits.iter().all(|&bits| bits == 0)
    }
}
