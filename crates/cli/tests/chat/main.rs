//! Two people talk through `dunlin chat`, each in a pseudo-terminal, with the real server between them.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

// Not every test here needs all of the machine.
mod guests;
mod handing_over;
mod people;
#[expect(dead_code, reason = "this test has no `tail` in the background")]
#[path = "../support/mod.rs"]
mod support;
mod terminal;

use support::{Machine, Person};
use terminal::Terminal;

const ENTER: &str = "\r";
const ESCAPE: &str = "\x1b";
const CTRL_C: &str = "\x03";
const CTRL_L: &str = "\x0c";
const CTRL_N: &str = "\x0e";
const CTRL_Q: &str = "\x11";
const CTRL_U: &str = "\x15";
const CTRL_Z: &str = "\x1a";
const FOCUS_LOST: &str = "\x1b[O";
const FOCUS_GAINED: &str = "\x1b[I";
const SEEN: &str = "✔✔";
const DELIVERED: &str = "✓✓";
const SENT: &str = "✓";
const WAITING: &str = "…";

fn say(terminal: &Terminal, text: &str) {
    terminal.press(text);
    terminal.press(ENTER);
}

/// The screen with every time of day as 00:00.
fn without_times(screen: &str) -> String {
    let characters: Vec<char> = screen.chars().collect();
    let is_time = |at: usize| {
        let shape = "00:00".chars().enumerate();
        let mut fits = shape.map(|(offset, kind)| match (kind, characters.get(at + offset)) {
            ('0', Some(c)) => c.is_ascii_digit(),
            (_, Some(c)) => *c == kind,
            (_, None) => false,
        });
        fits.by_ref().all(|fits| fits)
    };
    let mut masked = characters.clone();
    for at in (0..characters.len()).filter(|at| is_time(*at)) {
        for digit in [0, 1, 3, 4] {
            masked[at + digit] = '0';
        }
    }
    masked.into_iter().collect()
}

fn acquainted(machine: &Machine) -> (Person<'_>, Person<'_>) {
    let (ada, bob) = (machine.register("ada"), machine.register("bob"));
    ada.one(&["send", &bob.address(), "hello"]);
    (ada, bob)
}

#[test]
fn two_people_talk_through_an_outage_and_see_how_far_everything_got() {
    let machine = Machine::new();
    let server = machine.serve();
    let (ada, bob) = acquainted(&machine);

    // Both see what was said before, and Ada that Bob does.
    let ada_sees = Terminal::start(&ada, &["chat", "Bob"], 80, 24);
    ada_sees.wait_for(&["hello", SENT]);
    let bob_sees = Terminal::start(&bob, &["chat", "Ada"], 80, 24);
    bob_sees.wait_for(&["hello"]);
    ada_sees.wait_for(&["hello", SEEN]);
    ada_sees.wait_for(&["● Bob"]);

    // They talk.
    say(&bob_sees, "Hi Ada");
    ada_sees.wait_for(&["Hi Ada"]);
    bob_sees.wait_for(&["Hi Ada", SEEN]);
    bob_sees.press("not sent");
    ada_sees.wait_for(&["Bob is typing"]);
    bob_sees.press(CTRL_U);

    // What arrives while Bob looks elsewhere is delivered, not seen.
    bob_sees.press(FOCUS_LOST);
    say(&ada_sees, "Are you there?");
    bob_sees.wait_for(&["Are you there?"]);
    ada_sees.wait_for(&["Are you there?", DELIVERED]);
    bob_sees.press(FOCUS_GAINED);
    ada_sees.wait_for(&["Are you there?", SEEN]);

    // Another process of Ada's speaks through the one that has the screen.
    ada.one(&["send", "Bob", "From a script"]);
    ada_sees.wait_for(&["From a script", SEEN]);

    // The server is killed. What Ada types waits, and what is there stays readable.
    server.kill();
    ada_sees.wait_for(&["offline"]);
    say(&ada_sees, "While it was away");
    ada_sees.wait_for(&["While it was away", WAITING]);
    ada_sees.wait_for(&["1 waiting to be sent"]);

    // It comes back, and the message goes out.
    let _server = machine.serve();
    bob_sees.wait_for(&["While it was away"]);
    ada_sees.wait_for(&["While it was away", SEEN]);
    ada_sees.wait_for(&["online"]);
    ada_sees.wait_for(&["● Bob"]);
    let expected = include_str!("ada-80x24.txt");
    let screen = without_times(&ada_sees.screen());
    assert!(screen == expected, "{screen}");
}

#[test]
fn messages_are_answered_edited_reacted_to_searched_and_deleted_by_keys() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (ada, bob) = acquainted(&machine);
    let ada_sees = Terminal::start(&ada, &["chat", "Bob"], 80, 24);
    let bob_sees = Terminal::start(&bob, &["chat", "Ada"], 80, 24);
    bob_sees.wait_for(&["hello"]);
    bob_sees.press("\tr");
    say(&bob_sees, "an answer");
    ada_sees.wait_for(&["│ you: hello"]);
    ada_sees.wait_for(&["an answer"]);
    ada_sees.press("\x1b[A");
    ada_sees.wait_for(&["Edit you: hello"]);
    say(&ada_sees, " world");
    bob_sees.wait_for(&["hello world (edited)"]);
    ada_sees.press("\t+1");
    bob_sees.wait_for(&["[👍]"]);
    bob_sees.press("\x06");
    bob_sees.press("wor");
    bob_sees.wait_for(&["Ada · Ada"]);
    bob_sees.press(ESCAPE);
    ada_sees.press("\x1b[A");
    ada_sees.press("de");
    bob_sees.wait_for(&["(deleted)"]);
}

#[test]
fn a_suspended_screen_gives_the_terminal_back_and_is_drawn_anew_when_it_goes_on() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (ada, bob) = acquainted(&machine);
    let mut terminal = Terminal::start_in_shell(&ada, &["chat", "Bob"], 80, 24);
    terminal.wait_for(&["hello"]);
    say(&terminal, "before");
    terminal.wait_for(&["before", SENT]);
    terminal.press("a draft");
    terminal.wait_for(&["> a draft"]);
    terminal.press(CTRL_Z);
    terminal.wait_for(&["The shell has the terminal."]);
    assert!(terminal.is_given_back());
    assert!(!terminal.screen().contains("before"), "{}", terminal.screen());
    bob.one(&["send", "Ada", "meanwhile"]);
    // The shell says "fg".
    terminal.press(ENTER);
    terminal.wait_for(&["meanwhile"]);
    terminal.wait_for(&["before", SENT]);
    terminal.wait_for(&["> a draft"]);
    assert!(terminal.is_taken());
    terminal.press(CTRL_Q);
    assert_eq!(terminal.end(), Some(0));
    assert!(terminal.is_given_back());
}

#[test]
fn the_terminal_is_given_back_however_the_program_ends() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (ada, bob) = acquainted(&machine);
    let mut terminal = Terminal::start(&ada, &["chat"], 50, 12);
    terminal.wait_for(&["Bob"]);
    assert!(terminal.is_taken());
    terminal.press(ENTER);
    terminal.wait_for(&["hello"]);
    terminal.resize(80, 24);
    terminal.wait_for(&["▌○ Bob", "│"]);
    terminal.press(CTRL_L);
    terminal.press("a draft");
    terminal.wait_for(&["> a draft"]);
    terminal.press(CTRL_Z);
    terminal.press(CTRL_Q);
    assert_eq!(terminal.end(), Some(0));
    assert!(terminal.is_given_back());

    // What was typed is there again.
    let mut terminal = Terminal::start(&ada, &["chat", "Bob"], 80, 24);
    terminal.wait_for(&["> a draft"]);
    terminal.terminate();
    assert_eq!(terminal.end(), Some(0));
    assert!(terminal.is_given_back());

    // Two cannot have the vault at once, and scripts have no screen.
    let bob_sees = Terminal::start(&bob, &["chat"], 80, 24);
    bob_sees.wait_for(&["Ada"]);
    let mut second = Terminal::start(&bob, &["chat"], 80, 24);
    second.wait_for(&["'dunlin chat' is open in another terminal already"]);
    assert_eq!(second.end(), Some(1));
    assert_eq!(ada.fails(&["chat"]).0, 2);
}
