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
mod bulk_under_faults;
mod change_feed;
mod conflicts;
mod conformance;
mod containers;
mod crud;
mod databases;
mod delete_by_key;
mod feed_ranges;
mod fire;
mod handles;
mod ids;
mod indexing;
mod interop;
mod interop_seed;
mod items;
mod opponent;
mod partition_keys;
mod patch;
mod processor;
mod queries;
mod read_many;
mod resource_tokens;
mod retries;
mod rid_links;
mod scenarios;
mod scripts;
mod seed;
mod threads;
mod throughput;
mod timeouts;
mod ttl;
mod unique_keys;
mod users;
mod wire_faults;
