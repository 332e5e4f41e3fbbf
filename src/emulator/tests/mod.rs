//! Tests of the whole account, by way of its transport.

mod change_feed;
mod gathering;
mod damaged;
mod hosted;
mod items;
mod partitions;
mod support;
