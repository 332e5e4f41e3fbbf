//! A blocking client for Azure Cosmos DB for NoSQL, with the database in the box.
#![allow(dead_code, unused_imports)]

mod auth;
pub mod clock;
mod diagnostics;
mod error;
mod link;
pub mod models;
mod partition_key;
mod query;
mod routing;
mod sync;
pub mod transport;
mod wire;

#[cfg(feature = "emulator")]
mod emulator;

pub use diagnostics::{Attempt, Diagnostics};
pub use error::{Error, ErrorKind, OptionalExt, Result};
pub use partition_key::{
    PartitionKey, PartitionKeyDefinition, PartitionKeyKind, PartitionKeyValue,
};
pub use routing::FeedRange;
