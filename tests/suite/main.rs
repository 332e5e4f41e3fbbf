//! One suite over every back end: the emulator in process, the emulator over HTTP, and a live account where
//! `COSMOS_TEST_CONNECTION_STRING` names one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(missing_docs, reason = "tests are named as sentences")]

#[macro_use]
mod backend;

mod bad_answers;
mod bad_input;
mod batch;
mod bulk;
mod change_feed;
mod conformance;
mod containers;
mod crud;
mod databases;
mod delete_by_key;
mod feed_ranges;
mod fire;
mod handles;
mod ids;
mod interop;
mod items;
mod opponent;
mod partition_keys;
mod patch;
mod processor;
mod queries;
mod read_many;
mod retries;
mod seed;
mod threads;
