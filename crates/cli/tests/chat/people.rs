//! Chats are started, keys compared and receipts looked at, all on the screen.

use crate::support::Machine;
use crate::terminal::Terminal;
use crate::{CTRL_N, ENTER, ESCAPE, say};

const ALT_V: &str = "\x1bv";
/// Groups of digits of a safety number in one row of the screen.
const GROUPS_PER_ROW: usize = 6;

/// The groups of five digits on the screen.
fn digits(terminal: &Terminal) -> Vec<String> {
    let screen = terminal.screen();
    let is_group = |word: &&str| word.len() == 5 && word.chars().all(|c| c.is_ascii_digit());
    screen.split_whitespace().filter(is_group).map(str::to_owned).collect()
}

/// Closes what lies above. What is pressed too soon after Escape would be taken for a key with Alt.
fn close(terminal: &Terminal) {
    terminal.press(ESCAPE);
    terminal.wait_until_gone("Esc close");
}

#[test]
fn two_people_begin_to_talk_compare_their_keys_and_see_who_has_what() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (ada, bob) = (machine.register("ada"), machine.register("bob"));
    let ada_sees = Terminal::start(&ada, &["chat"], 80, 24);
    let bob_sees = Terminal::start(&bob, &["chat"], 80, 24);

    // A wrong address first; what was typed stays, to be mended.
    ada_sees.wait_for(&["online"]);
    ada_sees.press(CTRL_N);
    ada_sees.press("bob@example.or");
    ada_sees.press(ENTER);
    ada_sees.wait_for(&["Nobody with the address bob@example.or uses this server."]);
    ada_sees.press("g");
    ada_sees.press(ENTER);
    ada_sees.wait_for(&["│ Bob"]);
    say(&ada_sees, "Hello Bob");
    bob_sees.wait_for(&["Ada", "1"]);
    bob_sees.press(ENTER);
    bob_sees.wait_for(&["Hello Bob"]);
    ada_sees.wait_for(&["Hello Bob", "✔✔"]);

    // Both see the same digits, and Ada marks them.
    for (terminal, name) in [(&ada_sees, "Bob"), (&bob_sees, "Ada")] {
        terminal.press(ALT_V);
        terminal.wait_for(&[name, "is not marked as verified"]);
    }
    let (one, other) = (digits(&ada_sees), digits(&bob_sees));
    assert_eq!(one.len(), 2 * GROUPS_PER_ROW, "{}", ada_sees.screen());
    assert_eq!(one, other);
    ada_sees.press("m");
    ada_sees.wait_for(&["Bob is marked as verified"]);
    assert_eq!(ada.one(&["verify", "Bob"])["verified"], true);
    ada_sees.press("u");
    ada_sees.wait_for(&["Bob is not marked as verified"]);
    close(&ada_sees);

    // Who has it: the same as the marks beside it say.
    ada_sees.press("\ts");
    ada_sees.wait_for(&["seen", "Bob"]);
    close(&ada_sees);

    // A group, by a name that is known by now.
    ada_sees.press(CTRL_N);
    ada_sees.press("Bob\tSunday walk");
    ada_sees.press(ENTER);
    ada_sees.wait_for(&["│ Sunday walk"]);
    say(&ada_sees, "At ten?");
    close(&bob_sees);
    bob_sees.wait_for(&["# Sunday walk"]);
    let chats = bob.ok(&["chats"]);
    assert_eq!(chats.iter().filter(|chat| chat["encrypted"] == true).count(), 2, "{chats:?}");
}
