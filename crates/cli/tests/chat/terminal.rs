//! A person before a terminal of so many columns and rows: the real program in a pseudo-terminal, and what it shows.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use vt100::Parser;

use crate::support::Person;

/// Bytes read from the program at a time.
const PIECE_BYTES: usize = 4_096;

/// How often to look for something that is to happen.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How many looks until a test gives up: 60 s.
const LOOKS_MAX: usize = 3_000;

/// A terminal in which the program runs.
pub(crate) struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    shown: Arc<Mutex<Parser>>,
}

impl Terminal {
    /// Starts `dunlin` with these arguments in the terminal of this person.
    pub(crate) fn start(person: &Person<'_>, arguments: &[&str], columns: u16, rows: u16) -> Self {
        let like = person.command(&[]);
        let command = Command::new(like.get_program());
        Self::run(command.args(arguments), &like, columns, rows)
    }

    /// As [`Terminal::start`], from a shell that takes over when the program is suspended, and with the next line lets
    /// it go on.
    pub(crate) fn start_in_shell(person: &Person<'_>, arguments: &[&str], columns: u16, rows: u16) -> Self {
        let like = person.command(&[]);
        let script = r#"set -m; "$0" "$@"; echo "The shell has the terminal."; read line; fg"#;
        let command = Command::new("sh").args(["-c", script]).arg(like.get_program());
        Self::run(command.args(arguments), &like, columns, rows)
    }

    fn run(mut command: Command, like: &std::process::Command, columns: u16, rows: u16) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        for (name, value) in like.get_envs() {
            command = match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let command = command.env("TERM", "xterm-256color").env("TZ", "UTC").env_remove("NO_COLOR");
        let child = command.spawn(pts).unwrap();
        let size = |count| NonZeroU16::new(count).unwrap();
        let shown = Arc::new(Mutex::new(Parser::new(size(rows), size(columns), 0)));
        let pty = Arc::new(pty);
        let (from, to) = (Arc::clone(&pty), Arc::clone(&shown));
        thread::spawn(move || {
            let mut piece = [0; PIECE_BYTES];
            // It ends with the program.
            while let Ok(count @ 1..) = (&*from).read(&mut piece) {
                to.lock().unwrap().process(&piece[..count]);
            }
        });
        Self { child, pty, shown }
    }

    /// Presses keys, as the bytes that a terminal sends for them.
    pub(crate) fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    /// Makes the window another size.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let size = |count| NonZeroU16::new(count).unwrap();
        self.shown.lock().unwrap().screen_mut().set_size(size(rows), size(columns));
        self.pty.resize(Size::new(rows, columns)).unwrap();
    }

    /// The screen: its rows, without the spaces at their ends.
    pub(crate) fn screen(&self) -> String {
        let shown = self.shown.lock().unwrap();
        let screen = shown.screen();
        let (_, columns) = screen.size();
        screen.rows(0, columns.get()).map(|row| format!("{}\n", row.trim_end())).collect()
    }

    /// Whether the program has the whole terminal to itself.
    pub(crate) fn is_taken(&self) -> bool {
        let shown = self.shown.lock().unwrap();
        shown.screen().alternate_screen() && shown.screen().bracketed_paste()
    }

    /// Whether nothing of what the program changed of the terminal is left.
    pub(crate) fn is_given_back(&self) -> bool {
        let shown = self.shown.lock().unwrap();
        let screen = shown.screen();
        !screen.alternate_screen() && !screen.bracketed_paste() && !screen.hide_cursor()
    }

    /// Waits until a row of the screen holds all of these, in this order.
    pub(crate) fn wait_for(&self, parts: &[&str]) {
        let holds = |row: &str| {
            let mut rest = row;
            parts.iter().all(|part| match rest.split_once(part) {
                Some((_, after)) => {
                    rest = after;
                    true
                }
                None => false,
            })
        };
        let is_so = || self.screen().lines().any(holds);
        if !in_time(is_so) {
            panic!("{parts:?} is not on the screen:\n{}", self.screen());
        }
    }

    /// Waits until no row of the screen holds this.
    pub(crate) fn wait_until_gone(&self, text: &str) {
        if !in_time(|| !self.screen().contains(text)) {
            panic!("{text:?} stays on the screen:\n{}", self.screen());
        }
    }

    /// Asks the program to end, as a closing window does.
    pub(crate) fn terminate(&self) {
        let id = self.child.id().to_string();
        let killed = std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(killed.success());
    }

    /// Waits for the program's end. Gives its exit code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        let mut ended = None;
        in_time(|| {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap_or_else(|| panic!("the program does not end:\n{}", self.screen())).code()
    }
}

fn in_time(mut is_so: impl FnMut() -> bool) -> bool {
    (0..LOOKS_MAX).any(|_| {
        let now = is_so();
        if !now {
            thread::sleep(LOOK_INTERVAL);
        }
        now
    })
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
