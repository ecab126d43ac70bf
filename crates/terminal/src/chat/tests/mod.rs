//! Screens as text, each key by what it does, and what goes out of it.

mod fixture;
mod moving;
mod pressing;
mod screens;
mod sheets;
