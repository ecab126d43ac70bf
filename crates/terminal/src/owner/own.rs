//! What the owner does for itself, as far as it matters to who wants to be the owner instead.

use tokio::sync::watch;

use crate::failure::Failure;

/// What the owner's own command is.
#[cfg_attr(not(unix), expect(dead_code, reason = "nobody asks where there are no Unix sockets"))]
pub(crate) enum Own {
    /// It follows, and goes on as a guest as well: this asks it to leave.
    Follows(watch::Sender<bool>),
    /// It has a terminal of its own, and stays.
    Screen,
    /// It ends by itself.
    Short,
}

impl Own {
    /// Asks it to let somebody else be the owner. `Moved` when it does, or will have ended; else why it does not.
    #[cfg_attr(not(unix), expect(dead_code, reason = "nobody asks where there are no Unix sockets"))]
    pub(super) fn hand_over(&self) -> Failure {
        match self {
            Self::Follows(leave) => {
                leave.send_replace(true);
                Failure::Moved
            }
            Self::Short => Failure::Moved,
            Self::Screen => Failure::Failed(
                "'dunlin chat' is open in another terminal already, and one of a profile has the screen. Go there, \
                 or leave it with Ctrl+Q."
                    .into(),
            ),
        }
    }
}
