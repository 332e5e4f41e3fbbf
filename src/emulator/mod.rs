//! The emulator.
mod sql;

#[cfg(feature = "server")]
mod http;
mod reach;
