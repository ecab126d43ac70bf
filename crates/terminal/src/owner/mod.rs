//! One process owns a profile's vault; the others, its guests, have their commands carried out by it.
//!
//! The owner listens on a Unix socket in the profile's directory, which only its user may enter. A guest sends one
//! request, a line of JSON: its arguments as they were typed, and what it has of a terminal. The owner says
//! `accepted`, from which on it does not leave before it has answered; runs the command; and sends what it prints,
//! line by line, and how it ended. A guest whose request was not accepted tries again, or becomes the owner itself:
//! so each command runs once. What needs this terminal cannot be a guest: it asks the owner to hand over, and one that
//! only follows does, and goes on as a guest.

mod guest;
#[cfg(unix)]
mod host;
mod line;
mod own;
mod protocol;

pub(crate) use guest::{Asked, Request, ask};
pub(crate) use line::GuestLine;
pub(crate) use own::Own;

#[cfg(unix)]
pub(crate) use host::Host;
#[cfg(not(unix))]
pub(crate) use nobody::Host;

/// Without Unix sockets there are no guests: they wait until the vault is free.
#[cfg(not(unix))]
mod nobody;
