//! The emulator.
mod sql;
