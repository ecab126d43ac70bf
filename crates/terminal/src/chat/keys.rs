//! What each key does. One table serves the program, the help page and the tests.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::composer::{Erase, Move};

/// Where a key was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// In whatever place, unless it has another meaning there.
    Anywhere,
    /// In the list of chats.
    List,
    /// Where one types.
    Compose,
    /// Among the messages.
    Browse,
    /// Where a chat or a message is looked for.
    Pick,
    /// Where a reaction is chosen.
    React,
    /// Where it is asked for whom to delete.
    Delete,
    /// Where a chat is started.
    New,
    /// Where keys are compared.
    Verify,
    /// Where it is shown who has a message.
    Info,
    /// On the help page.
    Help,
}

impl Context {
    /// What the help page calls it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Anywhere => "Anywhere",
            Self::List => "List of chats",
            Self::Compose => "Writing",
            Self::Browse => "Among messages (Tab)",
            Self::Pick => "Looking for something",
            Self::React => "Choosing a reaction",
            Self::Delete => "Deleting",
            Self::New => "Starting a chat",
            Self::Verify => "Comparing keys",
            Self::Info => "Who has a message",
            Self::Help => "On this page",
        }
    }

    const fn takes_text(self) -> bool {
        matches!(self, Self::Compose | Self::Pick | Self::React | Self::New)
    }
}

/// What a person wants with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    Help,
    Switch,
    Search,
    ChatUp,
    ChatDown,
    NextUnread,
    PageUp,
    PageDown,
    Back,
    Redraw,
    Suspend,
    Leave,
    Up,
    Down,
    First,
    Last,
    Choose,
    Send,
    NewLine,
    Go(Move),
    Erase(Erase),
    Clear,
    Browse,
    Reply,
    Edit,
    React,
    Delete,
    ForMe,
    ForEveryone,
    NewChat,
    NextField,
    Verify,
    Mark,
    Unmark,
    Info,
    Type(char),
}

/// Keys and what they do.
pub(super) struct Binding {
    /// Where.
    pub(super) context: Context,
    /// The keys, each of which does it.
    pub(super) keys: &'static [Key],
    /// What the help page calls them.
    pub(super) shown: &'static str,
    /// What the help page says they do.
    pub(super) what: &'static str,
    /// What they do.
    pub(super) intent: Intent,
}

/// A key with what is held down beside it.
pub(super) type Key = (KeyCode, KeyModifiers);

const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;

const fn plain(code: KeyCode) -> Key {
    (code, NONE)
}
const fn letter(c: char) -> Key {
    (KeyCode::Char(c), NONE)
}
const fn ctrl(c: char) -> Key {
    (KeyCode::Char(c), CTRL)
}
const fn alt(c: char) -> Key {
    (KeyCode::Char(c), ALT)
}

const fn binding(
    context: Context,
    keys: &'static [Key],
    shown: &'static str,
    what: &'static str,
    intent: Intent,
) -> Binding {
    Binding { context, keys, shown, what, intent }
}

use Context::{Anywhere, Browse, Compose, Delete, Help, Info, List, New, Pick, React, Verify};

/// All keys, in the order of the help page.
pub(super) const BINDINGS: &[Binding] = &[
    // Terminals without a protocol of their own send Ctrl+/ as Ctrl+7.
    binding(Anywhere, &[plain(KeyCode::F(1)), ctrl('/'), ctrl('7')], "F1, Ctrl+/", "this page", Intent::Help),
    binding(Anywhere, &[ctrl('k')], "Ctrl+K", "go to a chat by name", Intent::Switch),
    binding(Anywhere, &[ctrl('f')], "Ctrl+F", "search all messages", Intent::Search),
    binding(Anywhere, &[ctrl('n')], "Ctrl+N", "start a chat, with one or many", Intent::NewChat),
    binding(Anywhere, &[alt('v')], "Alt+V", "compare keys with the other one", Intent::Verify),
    binding(Anywhere, &[(KeyCode::Up, ALT)], "Alt+Up", "the chat above", Intent::ChatUp),
    binding(Anywhere, &[(KeyCode::Down, ALT)], "Alt+Down", "the chat below", Intent::ChatDown),
    binding(Anywhere, &[alt('a')], "Alt+A", "the next chat with something new", Intent::NextUnread),
    binding(Anywhere, &[plain(KeyCode::PageUp)], "Page Up", "a screen up", Intent::PageUp),
    binding(Anywhere, &[plain(KeyCode::PageDown)], "Page Down", "a screen down", Intent::PageDown),
    binding(Anywhere, &[plain(KeyCode::Esc)], "Esc", "back out", Intent::Back),
    binding(Anywhere, &[ctrl('l')], "Ctrl+L", "draw the screen anew", Intent::Redraw),
    binding(Anywhere, &[ctrl('z')], "Ctrl+Z", "suspend; 'fg' comes back", Intent::Suspend),
    binding(Anywhere, &[ctrl('q')], "Ctrl+Q", "leave", Intent::Leave),
    binding(Compose, &[plain(KeyCode::Enter)], "Enter", "send", Intent::Send),
    binding(Compose, &[(KeyCode::Enter, ALT), ctrl('j')], "Alt+Enter, Ctrl+J", "a new line", Intent::NewLine),
    binding(Compose, &[plain(KeyCode::Up)], "Up", "a row up; edit your last message", Intent::Up),
    binding(Compose, &[plain(KeyCode::Down)], "Down", "a row down", Intent::Down),
    binding(Compose, &[plain(KeyCode::Tab)], "Tab", "go among the messages", Intent::Browse),
    binding(Compose, &[plain(KeyCode::Left), ctrl('b')], "Left, Ctrl+B", "left", Intent::Go(Move::Left)),
    binding(Compose, &[plain(KeyCode::Right)], "Right", "right", Intent::Go(Move::Right)),
    binding(
        Compose,
        &[alt('b'), (KeyCode::Left, ALT), (KeyCode::Left, CTRL)],
        "Alt+B, Ctrl+Left",
        "a word left",
        Intent::Go(Move::WordLeft),
    ),
    binding(
        Compose,
        &[alt('f'), (KeyCode::Right, ALT), (KeyCode::Right, CTRL)],
        "Alt+F, Ctrl+Right",
        "a word right",
        Intent::Go(Move::WordRight),
    ),
    binding(
        Compose,
        &[plain(KeyCode::Home), ctrl('a')],
        "Home, Ctrl+A",
        "start of the line",
        Intent::Go(Move::LineStart),
    ),
    binding(
        Compose,
        &[plain(KeyCode::End), ctrl('e')],
        "End, Ctrl+E",
        "end of the line",
        Intent::Go(Move::LineEnd),
    ),
    binding(
        Compose,
        &[plain(KeyCode::Backspace), ctrl('h')],
        "Backspace",
        "erase to the left",
        Intent::Erase(Erase::Left),
    ),
    binding(
        Compose,
        &[plain(KeyCode::Delete), ctrl('d')],
        "Delete, Ctrl+D",
        "erase to the right",
        Intent::Erase(Erase::Right),
    ),
    binding(
        Compose,
        &[ctrl('w'), (KeyCode::Backspace, ALT)],
        "Ctrl+W",
        "erase a word",
        Intent::Erase(Erase::WordLeft),
    ),
    binding(Compose, &[ctrl('u')], "Ctrl+U", "erase to the start", Intent::Erase(Erase::LineLeft)),
    binding(Compose, &[ctrl('c')], "Ctrl+C", "erase all", Intent::Clear),
    binding(Browse, &[plain(KeyCode::Up), letter('k')], "Up, k", "the message before", Intent::Up),
    binding(Browse, &[plain(KeyCode::Down), letter('j')], "Down, j", "the message after", Intent::Down),
    binding(Browse, &[plain(KeyCode::Home), letter('g')], "Home, g", "the oldest one here", Intent::First),
    binding(Browse, &[plain(KeyCode::End), letter('G')], "End, G", "the newest", Intent::Last),
    binding(Browse, &[letter('r'), plain(KeyCode::Enter)], "r, Enter", "reply", Intent::Reply),
    binding(Browse, &[letter('e')], "e", "edit, if it is yours", Intent::Edit),
    binding(Browse, &[letter('+'), letter('a')], "+, a", "react", Intent::React),
    binding(
        Browse,
        &[letter('d'), plain(KeyCode::Delete)],
        "d",
        "delete, for you or everyone",
        Intent::Delete,
    ),
    binding(Browse, &[letter('s')], "s", "who received and saw it", Intent::Info),
    binding(Browse, &[letter('v')], "v", "compare keys with its author", Intent::Verify),
    binding(Browse, &[letter('/')], "/", "search all messages", Intent::Search),
    binding(Browse, &[plain(KeyCode::Tab), letter('i')], "Tab, i", "back to writing", Intent::Back),
    binding(List, &[plain(KeyCode::Up), letter('k')], "Up, k", "the chat above", Intent::Up),
    binding(List, &[plain(KeyCode::Down), letter('j')], "Down, j", "the chat below", Intent::Down),
    binding(List, &[plain(KeyCode::Home), letter('g')], "Home, g", "the first chat", Intent::First),
    binding(List, &[plain(KeyCode::End), letter('G')], "End, G", "the last chat", Intent::Last),
    binding(
        List,
        &[plain(KeyCode::Enter), plain(KeyCode::Right), plain(KeyCode::Tab)],
        "Enter, Right",
        "open",
        Intent::Choose,
    ),
    binding(List, &[letter('n')], "n", "start a chat", Intent::NewChat),
    binding(List, &[letter('/')], "/", "search all messages", Intent::Search),
    binding(Pick, &[plain(KeyCode::Up), ctrl('p')], "Up, Ctrl+P", "the one above", Intent::Up),
    binding(Pick, &[plain(KeyCode::Down), ctrl('n')], "Down, Ctrl+N", "the one below", Intent::Down),
    binding(Pick, &[plain(KeyCode::Enter)], "Enter", "go there", Intent::Choose),
    binding(Pick, &[plain(KeyCode::Backspace), ctrl('h')], "Backspace", "erase", Intent::Erase(Erase::Left)),
    binding(Pick, &[ctrl('u'), ctrl('c')], "Ctrl+U", "erase all", Intent::Clear),
    binding(React, &[plain(KeyCode::Enter)], "1 to 6, Enter", "this one, or what you typed", Intent::Choose),
    binding(React, &[plain(KeyCode::Left)], "Left", "the one before", Intent::Up),
    binding(React, &[plain(KeyCode::Right)], "Right", "the one after", Intent::Down),
    binding(React, &[plain(KeyCode::Backspace), ctrl('h')], "Backspace", "erase", Intent::Erase(Erase::Left)),
    binding(Delete, &[letter('m')], "m", "for you, on your devices", Intent::ForMe),
    binding(Delete, &[letter('e')], "e", "for everyone", Intent::ForEveryone),
    binding(
        New,
        &[plain(KeyCode::Tab), plain(KeyCode::Up), plain(KeyCode::Down)],
        "Tab, Up, Down",
        "the other line",
        Intent::NextField,
    ),
    binding(New, &[plain(KeyCode::Enter)], "Enter", "start it", Intent::Choose),
    binding(New, &[plain(KeyCode::Backspace), ctrl('h')], "Backspace", "erase", Intent::Erase(Erase::Left)),
    binding(New, &[ctrl('u'), ctrl('c')], "Ctrl+U", "erase the line", Intent::Clear),
    binding(Verify, &[letter('m')], "m", "mark as verified", Intent::Mark),
    binding(Verify, &[letter('u')], "u", "take the mark back", Intent::Unmark),
    binding(Info, &[plain(KeyCode::Up), letter('k')], "Up, k", "up", Intent::Up),
    binding(Info, &[plain(KeyCode::Down), letter('j')], "Down, j", "down", Intent::Down),
    binding(Help, &[plain(KeyCode::Up), letter('k')], "Up, k", "up", Intent::Up),
    binding(Help, &[plain(KeyCode::Down), letter('j')], "Down, j", "down", Intent::Down),
    binding(Help, &[letter('q')], "q", "close", Intent::Back),
];

/// What a key means in a place.
pub(super) fn intent(context: Context, event: KeyEvent) -> Option<Intent> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let key = normal(event);
    let bound = |wanted: Context| {
        BINDINGS
            .iter()
            .find(|binding| binding.context == wanted && binding.keys.contains(&key))
            .map(|binding| binding.intent)
    };
    let typed = || match key {
        (KeyCode::Char(c), NONE) if context.takes_text() => Some(Intent::Type(c)),
        _ => None,
    };
    bound(context).or_else(|| bound(Anywhere)).or_else(typed)
}

/// Shift is in the letter already. Ctrl and Alt together are how some keyboards type letters.
fn normal(event: KeyEvent) -> Key {
    let mut held = event.modifiers & (CTRL | ALT);
    if held == CTRL | ALT && matches!(event.code, KeyCode::Char(_)) {
        held = NONE;
    }
    match event.code {
        KeyCode::Char(c) if held != NONE => (KeyCode::Char(c.to_ascii_lowercase()), held),
        code => (code, held),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_has_two_meanings_in_one_place() {
        for (index, one) in BINDINGS.iter().enumerate() {
            for other in BINDINGS.iter().skip(index + 1).filter(|other| other.context == one.context) {
                let shared = one.keys.iter().find(|key| other.keys.contains(key));
                assert_eq!(shared, None, "{} and {}", one.what, other.what);
            }
        }
    }

    #[test]
    fn every_key_of_the_table_does_what_the_table_says() {
        for binding in BINDINGS {
            for (code, held) in binding.keys {
                assert_eq!(intent(binding.context, KeyEvent::new(*code, *held)), Some(binding.intent));
            }
        }
    }

    #[test]
    fn a_place_goes_before_anywhere_and_text_comes_last() {
        let up = KeyEvent::new(KeyCode::Up, NONE);
        assert_eq!(intent(Compose, up), Some(Intent::Up));
        assert_eq!(intent(Compose, KeyEvent::new(KeyCode::Char('k'), NONE)), Some(Intent::Type('k')));
        assert_eq!(intent(Browse, KeyEvent::new(KeyCode::Char('k'), NONE)), Some(Intent::Up));
        assert_eq!(intent(Browse, KeyEvent::new(KeyCode::Char('x'), NONE)), None);
        assert_eq!(intent(Compose, KeyEvent::new(KeyCode::Char('é'), NONE)), Some(Intent::Type('é')));
        let shifted = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(intent(Browse, shifted), Some(Intent::Last));
        let alt_gr = KeyEvent::new(KeyCode::Char('@'), CTRL | ALT);
        assert_eq!(intent(Compose, alt_gr), Some(Intent::Type('@')));
        let released = KeyEvent::new_with_kind(KeyCode::Enter, NONE, KeyEventKind::Release);
        assert_eq!(intent(Compose, released), None);
    }
}
