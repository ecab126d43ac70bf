//! The person's terminal, taken for the whole screen and given back: when the program ends, panics, or is suspended.

use std::io::{self, IsTerminal, Stdout, Write};
use std::panic;
use std::sync::Once;

use crossterm::event::{DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange};
use crossterm::terminal::{
    self, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::chat::draw;
use crate::chat::model::Model;
use crate::failure::{Failure, Result};
use crate::output::Output;

/// Looks whether this process has a terminal that can be taken.
///
/// # Errors
/// When there is none, or a script is to read from it, or it cannot move its cursor.
pub(crate) fn needs_screen(out: &Output) -> Result {
    if out.is_guest() || out.is_json() || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Failure::Usage(
            "'dunlin chat' needs a terminal of its own; scripts use 'dunlin tail'.".into(),
        ));
    }
    if std::env::var_os("TERM").is_some_and(|kind| kind == "dumb") {
        return Err(Failure::Usage("This terminal cannot show a whole screen; use 'dunlin tail'.".into()));
    }
    Ok(())
}

/// The terminal while it is taken.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal, which is one that [`needs_screen`] allows.
    ///
    /// # Errors
    /// When it is gone.
    pub(super) fn take() -> Result<Self> {
        give_back_on_panic();
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout())).map_err(|error| broken(&error))?;
        let screen = Self { terminal };
        enter().map_err(|error| broken(&error))?;
        Ok(screen)
    }

    /// Columns and rows.
    pub(super) fn size() -> (u16, u16) {
        terminal::size().unwrap_or((80, 24))
    }

    /// Shows the model.
    pub(super) fn draw(&mut self, model: &Model) -> Result {
        match self.terminal.draw(|frame| draw::draw(model, frame)) {
            Ok(_) => Ok(()),
            Err(error) => Err(broken(&error)),
        }
    }

    /// Draws everything anew the next time: something else may have written on the screen. `Terminal::clear` would ask
    /// the terminal where its cursor is, and the answer would get among the keys.
    pub(super) fn forget(&mut self) -> Result {
        execute!(io::stdout(), terminal::Clear(ClearType::All)).map_err(|error| broken(&error))?;
        self.terminal = Terminal::new(CrosstermBackend::new(io::stdout())).map_err(|error| broken(&error))?;
        Ok(())
    }

    /// Gives the terminal to whoever started the program until they continue it.
    pub(super) fn suspend(&mut self) -> Result {
        give_back();
        stop();
        enter().map_err(|error| broken(&error))?;
        self.forget()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange, cursor::Hide)
}

/// Nothing can be done when this fails: the terminal is gone.
fn give_back() {
    let mut out = io::stdout();
    let _ = execute!(out, DisableFocusChange, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
    let _ = disable_raw_mode();
    let _ = out.flush();
}

/// What a panic says is to be read on the terminal as it was before.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            give_back();
            tell(panic);
        }));
    });
}

/// Stops this process and those that were started together with it, as Ctrl+Z does outside of raw mode. Returns when
/// they are continued, or at once where nobody could continue them.
#[cfg(unix)]
fn stop() {
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
}

#[cfg(not(unix))]
fn stop() {}

fn broken(error: &io::Error) -> Failure {
    Failure::Failed(format!("The terminal cannot be used: {error}."))
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Read;

    use pty_process::Size;
    use pty_process::blocking::{Command, open};

    use super::*;

    #[test]
    #[ignore = "it panics; the test below runs it in a terminal of its own"]
    fn panics_while_it_has_the_screen() {
        let _screen = Screen::take().unwrap();
        panic!("something to be told");
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_is_told() {
        let (mut pty, pts) = open().unwrap();
        pty.resize(Size::new(50, 100)).unwrap();
        let name = "chat::run::terminal::tests::panics_while_it_has_the_screen";
        let this = std::env::current_exe().unwrap();
        let command = Command::new(this).args(["--exact", name, "--ignored", "--nocapture"]);
        let mut child = command.env("TERM", "xterm-256color").spawn(pts).unwrap();
        let size = |count| std::num::NonZeroU16::new(count).unwrap();
        let mut shown = vt100::Parser::new(size(50), size(100), 0);
        let (mut piece, mut was_taken) = ([0; 4_096], false);
        // It ends with the program.
        while let Ok(count @ 1..) = pty.read(&mut piece) {
            for byte in &piece[..count] {
                shown.process(&[*byte]);
                was_taken |= shown.screen().alternate_screen();
            }
        }
        assert!(!child.wait().unwrap().success() && was_taken);
        let screen = shown.screen();
        assert!(!screen.alternate_screen() && !screen.bracketed_paste() && !screen.hide_cursor());
        // Outside of raw mode a new line begins at the left.
        let is_told = screen.rows(0, 100).any(|row| row.starts_with("something to be told"));
        assert!(is_told, "{}", screen.contents());
    }
}
