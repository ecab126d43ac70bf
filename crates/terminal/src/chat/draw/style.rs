//! How things look: the sixteen colours of the terminal, whose owner chose them, on the terminal's own background.
//! Nothing is told by colour alone, so that it also works without any (NO_COLOR).

use dunlin_model::UserId;
use ratatui::style::{Color, Modifier, Style};

/// Colours of names; readable on dark and light backgrounds.
const NAMES: [Color; 4] = [Color::Cyan, Color::Magenta, Color::Green, Color::Blue];

/// The look of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::chat) struct Theme {
    /// Whether colours are used.
    pub(in crate::chat) colours: bool,
}

impl Theme {
    fn colour(self, colour: Color) -> Style {
        if self.colours { Style::new().fg(colour) } else { Style::new() }
    }

    /// What stands back.
    pub(in crate::chat) const fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// What stands out.
    pub(in crate::chat) const fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What is chosen.
    pub(in crate::chat) const fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// What deserves attention.
    pub(in crate::chat) fn alarm(self) -> Style {
        self.colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// What is new.
    pub(in crate::chat) fn fresh(self) -> Style {
        self.colour(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    /// What is well: there, seen.
    pub(in crate::chat) fn well(self) -> Style {
        self.colour(Color::Green)
    }

    /// The name of someone.
    pub(in crate::chat) fn name(self, user: UserId, mine: bool) -> Style {
        if mine {
            return self.strong();
        }
        let sum: usize = user.as_bytes().iter().map(|byte| usize::from(*byte)).sum();
        let colour = NAMES.get(sum % NAMES.len()).copied().unwrap_or(Color::Reset);
        self.colour(colour).add_modifier(Modifier::BOLD)
    }
}
