//! The stages over an account that exists in memory only.
