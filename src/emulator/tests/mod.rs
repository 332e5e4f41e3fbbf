//! Tests of the whole account, by way of its transport.

mod change_feed;
mod conflicts;
mod damaged;
mod faults;
mod gathering;
mod hosted;
mod index_metrics;
mod items;
mod partitions;
mod permissions;
mod regions;
mod rids;
#[cfg(feature = "scripts")]
mod scripts;
mod support;
#[cfg(feature = "scripts")]
mod udf;
mod versions;
