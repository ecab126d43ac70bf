//! `dunlin chat`: chats on the whole screen, by keyboard alone.
//!
//! `model` holds all that is shown and changes by keys (`keys`) and news; `rows` and `draw` put it on the screen;
//! both are pure. `run` connects them with the terminal and the device.

mod composer;
mod draw;
mod geometry;
mod keys;
mod model;
mod rows;
mod run;
mod text;
mod view;

pub(crate) use run::needs_screen;

#[cfg(test)]
mod tests;
