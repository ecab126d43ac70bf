//! Reading what is typed without showing it.

use std::io;

/// A line from standard input, which is a terminal, without echo. `None` where echo cannot be turned off.
#[cfg(unix)]
pub(super) fn read_line() -> Option<String> {
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    /// Gives the terminal back as it was, however reading ends.
    struct Echo(Termios);

    impl Drop for Echo {
        fn drop(&mut self) {
            // Nothing can be done about a terminal that is gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
            eprintln!();
        }
    }

    let before = tcgetattr(io::stdin()).ok()?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(io::stdin(), OptionalActions::Flush, &silent).ok()?;
    let _echo = Echo(before);
    io::stdin().lines().next()?.ok()
}

/// A passphrase comes from the environment where this program cannot turn the echo off.
#[cfg(not(unix))]
pub(super) fn read_line() -> Option<String> {
    None
}
