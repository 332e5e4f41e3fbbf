//! The emulator.
mod sql;

#[cfg(feature = "server")]
mod http;
