//! The chat that is open: what is loaded of it, what of that is on the screen, what is typed.

use dunlin_model::{ChatId, Seq, Timestamp};

use super::Request;
use crate::chat::composer::Composer;
use crate::chat::rows::{self, Block, Look};
use crate::chat::view::{ChatView, Entry, Message, Page, Place, Window};

/// Entries that are loaded at first, and that more are loaded by.
pub(super) const PAGE_ENTRIES: usize = 60;
/// Entries that are held at a time.
const WINDOW_ENTRIES_MAX: usize = 300;

/// Rows above and below the screen from which on more is loaded.
const MARGIN_ROWS: usize = 20;

/// A chat that is open.
#[derive(Debug)]
pub(in crate::chat) struct Conversation {
    /// Which.
    pub(in crate::chat) chat: ChatId,
    /// What is loaded, by place.
    pub(in crate::chat) entries: Vec<Entry>,
    /// Whether anything was loaded yet.
    pub(in crate::chat) loaded: bool,
    /// The first place that was new when the chat was opened.
    pub(in crate::chat) new_from: Option<Seq>,
    /// The message that is chosen among messages.
    pub(in crate::chat) chosen: Option<Place>,
    /// What is typed.
    pub(in crate::chat) composer: Composer,
    /// What that is for.
    pub(in crate::chat) purpose: Purpose,
    /// When it was last said that the person types; `None` when they do not.
    pub(super) typing_said: Option<Timestamp>,
    /// What was loaded or is being loaded.
    window: Window,
    /// Whether a page is awaited.
    awaited: bool,
    has_older: bool,
    has_newer: bool,
    newest: Seq,
    scroll: Scroll,
    /// Where to go once it is loaded.
    goal: Option<Seq>,
    /// Up to here it was said that the person saw it.
    marked: Seq,
    /// What was unread when the chat was opened and has to be found once it is loaded.
    seen_before: Option<Seq>,
}

/// What is typed is …
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::chat) enum Purpose {
    /// … a new message.
    Fresh,
    /// … an answer to this one.
    Reply(Seq),
    /// … this message's new text. What was typed before comes back afterwards.
    Edit { seq: Seq, before: Composer },
}

/// What is on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scroll {
    /// The newest.
    Follow,
    /// This row of this entry is the first.
    Top(Place, usize),
}

impl Conversation {
    /// Opens a chat, at what is new or else at its end.
    pub(super) fn open(view: &ChatView) -> Self {
        // Far more is new than is shown at once: begin where the person left off.
        let far_behind = view.unread > WINDOW_ENTRIES_MAX / 2;
        let window = if far_behind {
            Window {
                end: Some(Seq(view.seen.0.saturating_add(PAGE_ENTRIES as u64))),
                count: 2 * PAGE_ENTRIES,
            }
        } else {
            Window { end: None, count: PAGE_ENTRIES + view.unread }
        };
        Self {
            chat: view.chat,
            entries: Vec::new(),
            loaded: false,
            new_from: None,
            chosen: None,
            composer: Composer::holding(&view.draft),
            purpose: Purpose::Fresh,
            typing_said: None,
            window,
            awaited: true,
            has_older: false,
            has_newer: false,
            newest: Seq(0),
            scroll: Scroll::Follow,
            goal: None,
            marked: view.seen,
            seen_before: (view.unread > 0).then_some(view.seen),
        }
    }

    /// The message that is chosen.
    pub(super) fn chosen_message(&self) -> Option<&Message> {
        let chosen = self.chosen?;
        self.entries.iter().find(|entry| entry.place == chosen)?.message()
    }

    /// What has to be loaded.
    pub(super) const fn load(&self) -> Request {
        Request::Load { chat: self.chat, window: self.window }
    }

    /// Takes what was loaded.
    pub(super) fn show(&mut self, page: Page, look: &Look, height: usize) {
        self.entries = page.entries;
        (self.has_older, self.has_newer, self.newest) = (page.has_older, page.has_newer, page.newest);
        (self.loaded, self.awaited) = (true, false);
        if let Some(seen) = self.seen_before.take() {
            self.new_from = self.first_new(seen);
            if let Some(from) = self.new_from {
                self.show_from(Place::at(from), look, height);
            }
        }
        if let Some(goal) = self.goal.take() {
            // What is looked for may be gone; then what stands next to it is shown.
            let near = self.entries.partition_point(|entry| entry.place < Place::at(goal));
            if let Some(place) = self.entries.get(near).or(self.entries.last()).map(|entry| entry.place) {
                self.chosen = Some(place);
                self.show_middle(place, look, height);
            }
        }
        if self.chosen.is_some_and(|chosen| !self.entries.iter().any(|entry| entry.place == chosen)) {
            self.chosen = None;
        }
    }

    /// The first message of somebody else after what was seen.
    fn first_new(&self, seen: Seq) -> Option<Seq> {
        let is_new = |entry: &&Entry| {
            entry.place > Place::at(seen) && entry.message().is_some_and(|message| !message.mine)
        };
        self.entries.iter().find(is_new).and_then(|entry| entry.place.seq())
    }

    /// A message that is loaded.
    pub(in crate::chat) fn message(&self, seq: Seq) -> Option<&Message> {
        self.entries.iter().find(|entry| entry.place == Place::at(seq)).and_then(Entry::message)
    }

    /// Goes to a message, which may have to be loaded.
    pub(super) fn go_to(&mut self, seq: Seq, look: &Look, height: usize) {
        let place = Place::at(seq);
        if self.entries.iter().any(|entry| entry.place == place) {
            self.chosen = Some(place);
            self.show_middle(place, look, height);
        } else {
            self.goal = Some(seq);
            let end = Some(Seq(seq.0.saturating_add(PAGE_ENTRIES as u64 / 2)));
            self.window = Window { end, count: PAGE_ENTRIES };
            self.awaited = false;
            self.scroll = Scroll::Follow;
            self.seen_before = None;
        }
    }

    /// Whether the newest is on the screen whatever comes.
    pub(in crate::chat) fn follows(&self) -> bool {
        self.scroll == Scroll::Follow && !self.has_newer
    }

    /// Shows the newest from now on. Gives whether it has to be loaded.
    pub(super) fn follow(&mut self) -> bool {
        self.scroll = Scroll::Follow;
        if !self.has_newer {
            return false;
        }
        self.window = Window { end: None, count: PAGE_ENTRIES };
        self.awaited = true;
        true
    }

    /// The first row on the screen, of all rows.
    pub(in crate::chat) fn top(&self, blocks: &[Block], height: usize) -> usize {
        let total: usize = blocks.iter().map(|block| block.lines.len()).sum();
        let last = total.saturating_sub(height);
        match self.scroll {
            Scroll::Follow => last,
            Scroll::Top(place, row) => {
                let before = blocks.partition_point(|block| block.place < place);
                let start: usize = blocks.iter().take(before).map(|block| block.lines.len()).sum();
                let rows = blocks.get(before).map_or(0, |block| block.lines.len().saturating_sub(1));
                (start + row.min(rows)).min(last)
            }
        }
    }

    /// Moves by rows: up below zero, down above.
    pub(super) fn scroll(&mut self, rows: isize, look: &Look, height: usize) {
        let blocks = rows::blocks(self, look);
        let top = self.top(&blocks, height).saturating_add_signed(rows);
        self.set_top(top, &blocks, height);
    }

    fn set_top(&mut self, top: usize, blocks: &[Block], height: usize) {
        let total: usize = blocks.iter().map(|block| block.lines.len()).sum();
        if top + height >= total && !self.has_newer {
            self.scroll = Scroll::Follow;
            return;
        }
        let mut before = 0;
        for block in blocks {
            if before + block.lines.len() > top {
                self.scroll = Scroll::Top(block.place, top - before);
                return;
            }
            before += block.lines.len();
        }
    }

    fn show_from(&mut self, place: Place, look: &Look, height: usize) {
        let blocks = rows::blocks(self, look);
        let start = start_of(&blocks, place);
        self.set_top(start, &blocks, height);
    }

    fn show_middle(&mut self, place: Place, look: &Look, height: usize) {
        let blocks = rows::blocks(self, look);
        let start = start_of(&blocks, place);
        self.set_top(start.saturating_sub(height / 2), &blocks, height);
    }

    /// Chooses the next or the previous message, and brings it on the screen.
    pub(super) fn choose(&mut self, down: bool, look: &Look, height: usize) {
        let mut messages =
            self.entries.iter().filter(|entry| entry.message().is_some()).map(|entry| entry.place);
        let next = match (self.chosen, down) {
            (None, _) => messages.next_back(),
            (Some(chosen), true) => messages.find(|place| *place > chosen),
            (Some(chosen), false) => messages.rfind(|place| *place < chosen),
        };
        if let Some(next) = next {
            self.chosen = Some(next);
        }
        self.show_chosen(look, height);
    }

    /// Chooses the first or the last message that is loaded.
    pub(super) fn choose_end(&mut self, last: bool, look: &Look, height: usize) {
        let mut messages =
            self.entries.iter().filter(|entry| entry.message().is_some()).map(|entry| entry.place);
        self.chosen = if last { messages.next_back() } else { messages.next() };
        self.show_chosen(look, height);
    }

    fn show_chosen(&mut self, look: &Look, height: usize) {
        let Some(chosen) = self.chosen else { return };
        let blocks = rows::blocks(self, look);
        let top = self.top(&blocks, height);
        let start = start_of(&blocks, chosen);
        let rows = blocks.iter().find(|block| block.place == chosen).map_or(1, |block| block.lines.len());
        if start < top || rows > height {
            self.set_top(start, &blocks, height);
        } else if start + rows > top + height {
            self.set_top(start + rows - height, &blocks, height);
        }
    }

    /// What follows from what is on the screen: more is loaded near the edges, and what was seen is told.
    pub(super) fn settle(&mut self, looked_at: bool, look: &Look, height: usize, out: &mut Vec<Request>) {
        if !self.loaded || height == 0 {
            return;
        }
        let blocks = rows::blocks(self, look);
        let total: usize = blocks.iter().map(|block| block.lines.len()).sum();
        let top = self.top(&blocks, height);
        if !self.awaited {
            let margin = height.min(MARGIN_ROWS);
            // So much is held that what is loaded at one end does not bring the other one near.
            let count_max = WINDOW_ENTRIES_MAX.max(4 * height);
            let window = self.wanted_window(count_max, top < margin, top + height + margin > total);
            if window != self.window || self.goal.is_some() {
                self.window = window;
                self.awaited = true;
                out.push(self.load());
            }
        }
        if looked_at && self.goal.is_none() {
            let seen = self.on_screen(&blocks, top + height);
            if seen > self.marked {
                self.marked = seen;
                out.push(Request::Seen { chat: self.chat, seq: seen });
            }
        }
    }

    fn wanted_window(&self, count_max: usize, near_start: bool, near_end: bool) -> Window {
        let Window { end, count } = self.window;
        if self.goal.is_some() {
            return self.window;
        }
        if near_start && self.has_older {
            if count < count_max {
                return Window { end, count: count + PAGE_ENTRIES };
            }
            // As much as is loaded at the start is let go at the end.
            let kept = self.entries.len().saturating_sub(PAGE_ENTRIES);
            let end = self.entries.get(kept).and_then(|entry| entry.place.seq()).or(end);
            return Window { end, count };
        }
        if let (true, true, Some(end)) = (near_end, self.has_newer, end) {
            let end = Seq(end.0.saturating_add(PAGE_ENTRIES as u64));
            return Window {
                end: (end < self.newest).then_some(end),
                count: count_max.min(count + PAGE_ENTRIES),
            };
        }
        self.window
    }

    /// Up to where everything before the row `bottom` is shown whole.
    fn on_screen(&self, blocks: &[Block], bottom: usize) -> Seq {
        let mut end = 0;
        let whole = blocks.iter().take_while(|block| {
            end += block.lines.len();
            end <= bottom
        });
        let (count, last) =
            whole.fold((0, None), |(count, last), block| (count + 1, block.place.seq().or(last)));
        if count == blocks.len() && !self.has_newer {
            // Also what has no rows of its own: reactions, edits.
            return self.newest;
        }
        last.unwrap_or(Seq(0))
    }

    /// How many messages came in below what is on the screen.
    pub(in crate::chat) fn below(&self, blocks: &[Block], bottom: usize) -> usize {
        let mut end = 0;
        let hidden = blocks.iter().zip(&self.entries).filter(|(block, entry)| {
            end += block.lines.len();
            end > bottom && entry.message().is_some()
        });
        hidden.count()
    }
}

fn start_of(blocks: &[Block], place: Place) -> usize {
    let before = blocks.partition_point(|block| block.place < place);
    blocks.iter().take(before).map(|block| block.lines.len()).sum()
}
