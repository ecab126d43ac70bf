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
