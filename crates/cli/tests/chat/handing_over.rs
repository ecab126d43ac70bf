//! `dunlin chat` takes the vault over from a `dunlin tail`, which goes on.

use crate::support::{Machine, Person};
use crate::terminal::Terminal;
use crate::{CTRL_C, CTRL_Q, acquainted, say};

fn tail(person: &Person<'_>) -> Terminal {
    let tail = Terminal::start(person, &["tail"], 80, 24);
    tail.wait_for(&["[Bob]", "you: hello"]);
    tail
}

/// How many rows of the screen hold this.
fn times(terminal: &Terminal, text: &str) -> usize {
    terminal.screen().lines().filter(|row| row.contains(text)).count()
}

#[test]
fn a_tail_hands_the_vault_to_the_screen_goes_on_as_its_guest_and_takes_it_back() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (ada, bob) = acquainted(&machine);
    let mut tail = tail(&ada);

    let mut screen = Terminal::start(&ada, &["chat", "Bob"], 80, 24);
    screen.wait_for(&["hello"]);
    assert!(screen.is_taken());
    bob.one(&["send", "Ada", "To both"]);
    for terminal in [&screen, &tail] {
        terminal.wait_for(&["To both"]);
    }
    // There is one screen.
    let mut second = Terminal::start(&ada, &["chat"], 80, 24);
    second.wait_for(&["'dunlin chat' is open in another terminal already"]);
    assert_eq!(second.end(), Some(1));
    // Whoever cannot have a screen takes nothing from anybody.
    assert_eq!(ada.fails(&["chat"]).0, 2);

    // The screen leaves, and what follows owns the vault again.
    screen.press(CTRL_Q);
    assert_eq!(screen.end(), Some(0));
    bob.one(&["send", "Ada", "To the tail"]);
    tail.wait_for(&["To the tail"]);
    ada.one(&["send", "Bob", "Through the tail"]);
    tail.wait_for(&["Through the tail"]);

    // And once more; now it is stopped while it is a guest, which the screen does not mind.
    let screen = Terminal::start(&ada, &["chat", "Bob"], 80, 24);
    screen.wait_for(&["Through the tail"]);
    say(&screen, "From the screen");
    tail.wait_for(&["you: From the screen"]);
    for text in ["To both", "To the tail", "Through the tail", "From the screen"] {
        assert_eq!(times(&tail, text), 1, "{text}:\n{}", tail.screen());
    }
    tail.press(CTRL_C);
    assert_eq!(tail.end(), Some(0));
    say(&screen, "Still here");
    screen.wait_for(&["Still here", "✓"]);
}

/// Bob speaks until this terminal shows it: what is said before a guest is there another one may have shown.
fn hears(terminal: &Terminal, bob: &Person<'_>, words: &str) {
    for _ in 0..20 {
        bob.one(&["send", "Ada", words]);
        if times(terminal, words) > 0 {
            return;
        }
    }
    terminal.wait_for(&[words]);
}

#[test]
fn of_two_that_follow_both_go_on_beside_the_screen() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (ada, bob) = acquainted(&machine);
    let first = tail(&ada);
    let second = Terminal::start(&ada, &["tail"], 80, 24);
    hears(&second, &bob, "To two");
    let screen = Terminal::start(&ada, &["chat", "Bob"], 80, 24);
    screen.wait_for(&["To two"]);
    assert!(screen.is_taken());
    hears(&first, &bob, "To the first");
    hears(&second, &bob, "To the second");
    assert!(screen.is_taken());
}
