//! A segment: a run of documents with their terms, written once and replaced as a whole.

use std::collections::BTreeMap;

use dunlin_model::{ChatId, Seq, Timestamp};
use serde::{Deserialize, Serialize};

use super::rows::{Part, Pending, Segment, decode, read, segment_key};
use super::{Damaged, Message, Rows};

/// Messages in one row.
pub(super) const SLOTS_PER_ROW: u32 = 512;
/// Bytes at which a block of terms is full.
const BLOCK_BYTES: usize = 4 * 1024;

const DAMAGED_BLOCK: Damaged = Damaged { row: "a block of terms" };
const DAMAGED_SLOTS: Damaged = Damaged { row: "a row of messages" };

/// What finds the other rows of a segment.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    /// Chats that have messages here.
    pub(super) chats: Vec<ChatId>,
    /// The first term of each block, ascending.
    pub(super) blocks: Vec<String>,
}

/// A message, its chat by its place in the head.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Slot {
    pub(super) chat: u32,
    pub(super) seq: Seq,
    pub(super) sent: Timestamp,
}

/// Terms in ascending order, each with its postings.
#[derive(Serialize, Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow)]
    pub(super) terms: Vec<(&'a str, &'a [u8])>,
}

pub(super) fn read_head(rows: &dyn Rows, segment: &Segment) -> Result<Head, Damaged> {
    const ROW: &str = "the head of a segment";
    read(rows, ROW, &segment_key(segment, Part::Head))?.ok_or(Damaged { row: ROW })
}

/// One row of slots; holes are `None`.
pub(super) fn read_slots(
    rows: &dyn Rows,
    segment: &Segment,
    number: u32,
) -> Result<Vec<Option<Slot>>, Damaged> {
    read(rows, DAMAGED_SLOTS.row, &segment_key(segment, Part::Slots(number)))?.ok_or(DAMAGED_SLOTS)
}

pub(super) fn read_block(rows: &dyn Rows, segment: &Segment, number: usize) -> Result<Vec<u8>, Damaged> {
    let number = u32::try_from(number).map_err(|_| DAMAGED_BLOCK)?;
    rows.get(&segment_key(segment, Part::Block(number))).ok_or(DAMAGED_BLOCK)
}

pub(super) fn decode_block(value: &[u8]) -> Result<Block<'_>, Damaged> {
    decode(DAMAGED_BLOCK.row, value)
}

/// Places of messages in a segment, ascending: each as its distance from the one before, in LEB128.
fn encode_postings(places: &[u32]) -> Vec<u8> {
    let (mut bytes, mut before) = (Vec::with_capacity(places.len()), 0);
    for &place in places {
        let mut distance = place - before;
        before = place;
        while distance >= 0x80 {
            bytes.push(distance.to_le_bytes()[0] | 0x80);
            distance >>= 7;
        }
        bytes.push(distance.to_le_bytes()[0]);
    }
    bytes
}

/// Gives `take` each place; all are below `span`.
pub(super) fn each_place(postings: &[u8], span: u32, mut take: impl FnMut(u32)) -> Result<(), Damaged> {
    let (mut place, mut distance, mut shift) = (0_u32, 0_u32, 0_u32);
    for &byte in postings {
        // Places have at most 28 bits.
        if shift > 21 {
            return Err(DAMAGED_BLOCK);
        }
        distance |= u32::from(byte & 0x7F) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            place = place.checked_add(distance).filter(|&place| place < span).ok_or(DAMAGED_BLOCK)?;
            take(place);
            (distance, shift) = (0, 0);
        }
    }
    if shift == 0 { Ok(()) } else { Err(DAMAGED_BLOCK) }
}

/// A segment in memory, to be written.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// One for each document; `None` where it was removed.
    slots: Vec<Option<Message>>,
    terms: BTreeMap<String, Vec<u32>>,
}

impl Contents {
    /// Adds the next document; `None` for one that was removed.
    pub(super) fn push(&mut self, document: Option<(Message, Vec<String>)>) {
        let Some((message, terms)) = document else { return self.slots.push(None) };
        let place = u32::try_from(self.slots.len()).expect("a segment has at most some thousand documents");
        for term in terms {
            self.terms.entry(term).or_default().push(place);
        }
        self.slots.push(Some(message));
    }

    /// Adds what a segment holds, without what was removed since it was written.
    pub(super) fn push_segment(&mut self, rows: &dyn Rows, segment: &Segment) -> Result<(), Damaged> {
        let head = read_head(rows, segment)?;
        let base = self.slots.len();
        for number in 0..segment.span.div_ceil(SLOTS_PER_ROW) {
            for slot in read_slots(rows, segment, number)? {
                self.slots.push(slot.map(|slot| message_in(&head, &slot)).transpose()?);
            }
        }
        if self.slots.len() - base != segment.span as usize {
            return Err(DAMAGED_SLOTS);
        }
        let offset = u32::try_from(base).map_err(|_| DAMAGED_SLOTS)?;
        for number in 0..head.blocks.len() {
            for (term, postings) in decode_block(&read_block(rows, segment, number)?)?.terms {
                let mut places = Vec::new();
                each_place(postings, segment.span, |place| places.push(offset + place))?;
                places.retain(|&place| self.slots.get(place as usize).is_some_and(Option::is_some));
                if !places.is_empty() {
                    self.terms.entry(term.to_owned()).or_default().extend(places);
                }
            }
        }
        Ok(())
    }

    /// Writes a segment that begins with the document `first`; its entry for the list.
    pub(super) fn write(&self, pending: &mut Pending<'_>, first: u64, level: u8) -> Segment {
        let live = self.slots.iter().flatten().count();
        let segment = Segment {
            first,
            span: count(self.slots.len()),
            level,
            newest: self.slots.iter().flatten().map(|message| message.sent).max().unwrap_or_default(),
            live: count(live),
            stale: 0,
        };
        let mut chats: Vec<ChatId> = self.slots.iter().flatten().map(|message| message.chat).collect();
        chats.sort_unstable();
        chats.dedup();
        for (number, messages) in (0..).zip(self.slots.chunks(SLOTS_PER_ROW as usize)) {
            let slots: Vec<Option<Slot>> =
                messages.iter().map(|message| message.map(|message| slot_of(&chats, &message))).collect();
            pending.put(segment_key(&segment, Part::Slots(number)), &slots);
        }
        let blocks = self.write_blocks(pending, &segment);
        pending.put(segment_key(&segment, Part::Head), &Head { chats, blocks });
        segment
    }

    /// The first term of each block.
    fn write_blocks(&self, pending: &mut Pending<'_>, segment: &Segment) -> Vec<String> {
        let mut firsts: Vec<String> = Vec::new();
        let mut block: Vec<(&str, Vec<u8>)> = Vec::new();
        let mut bytes = 0;
        let mut terms = self.terms.iter().peekable();
        while let Some((term, places)) = terms.next() {
            let postings = encode_postings(places);
            bytes += term.len() + postings.len() + 2;
            block.push((term, postings));
            if bytes < BLOCK_BYTES && terms.peek().is_some() {
                continue;
            }
            let terms = block.iter().map(|(term, postings)| (*term, postings.as_slice())).collect();
            pending.put(segment_key(segment, Part::Block(count(firsts.len()))), &Block { terms });
            firsts.extend(block.first().map(|(term, _)| (*term).to_owned()));
            block.clear();
            bytes = 0;
        }
        firsts
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).expect("a segment has at most some thousand documents and blocks")
}

fn slot_of(chats: &[ChatId], message: &Message) -> Slot {
    let chat = chats.binary_search(&message.chat).expect("the list has the chat of every message");
    Slot { chat: count(chat), seq: message.seq, sent: message.sent }
}

/// The message in a slot.
pub(super) fn message_in(head: &Head, slot: &Slot) -> Result<Message, Damaged> {
    let chat = *head.chats.get(slot.chat as usize).ok_or(DAMAGED_SLOTS)?;
    Ok(Message { chat, seq: slot.seq, sent: slot.sent })
}

/// Deletes every row of a segment.
pub(super) fn delete(pending: &mut Pending<'_>, segment: &Segment) -> Result<(), Damaged> {
    let head = read_head(pending, segment)?;
    for number in 0..count(head.blocks.len()) {
        pending.delete(segment_key(segment, Part::Block(number)));
    }
    for number in 0..segment.span.div_ceil(SLOTS_PER_ROW) {
        pending.delete(segment_key(segment, Part::Slots(number)));
    }
    pending.delete(segment_key(segment, Part::Head));
    Ok(())
}

/// Makes a hole of one document.
pub(super) fn make_hole(pending: &mut Pending<'_>, segment: &Segment, document: u64) -> Result<(), Damaged> {
    let place = u32::try_from(document - segment.first).map_err(|_| DAMAGED_SLOTS)?;
    let number = place / SLOTS_PER_ROW;
    let mut slots = read_slots(pending, segment, number)?;
    *slots.get_mut((place % SLOTS_PER_ROW) as usize).ok_or(DAMAGED_SLOTS)? = None;
    pending.put(segment_key(segment, Part::Slots(number)), &slots);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_back() {
        let places = [0, 1, 127, 128, 300, 4_095];
        let mut found = Vec::new();
        each_place(&encode_postings(&places), 4_096, |place| found.push(place)).unwrap();
        assert_eq!(found, places);
    }

    #[test]
    fn places_beyond_the_segment_and_broken_ones_are_damage() {
        assert_eq!(each_place(&encode_postings(&[5]), 5, |_| ()), Err(DAMAGED_BLOCK));
        assert_eq!(each_place(&[0x80], 5, |_| ()), Err(DAMAGED_BLOCK));
        assert_eq!(each_place(&[0xFF; 9], u32::MAX, |_| ()), Err(DAMAGED_BLOCK));
    }
}
