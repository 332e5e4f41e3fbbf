//! A blocking client for Azure Cosmos DB for NoSQL, with the database in the box.
//!
//! ```
//! use cosmosdb::{ContainerProperties, CosmosClient, Emulator};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Order { id: String, city: String, total: f64 }
//!
//! fn main() -> cosmosdb::Result<()> {
//!     // On an account: `CosmosClient::from_env()?`. Without one, in memory:
//!     let client = Emulator::new().client();
//!     client.create_database("shop").send()?;
//!     client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
//!     let orders = client.database("shop").container("orders");
//!
//!     orders.upsert_item(&Order { id: "42".into(), city: "Lyon".into(), total: 12.5 }).send()?;
//!
//!     let order: Order = orders.read_item("42", "Lyon").send()?.item()?;
//!     assert_eq!(order.total, 12.5);
//!
//!     for order in orders
//!         .query_items::<Order>("SELECT * FROM c WHERE c.total >= @min ORDER BY c.total DESC")
//!         .param("@min", 10)
//!     {
//!         println!("{}", order?.id);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! - **Handles** ([`CosmosClient`], [`Database`], [`Container`]) are cheap clones that send nothing when they are
//!   made; share them between threads as you like.
//! - **Calls** are an [`Operation`] that takes options and ends in [`send`](Operation::send).
//! - **Feeds** ([`Query`], [`Listing`]) are iterators of items, or of [`FeedPage`]s by `pages()`; what changes is told
//!   by a [`ChangeFeed`], and shared out among workers by a [`ChangeFeedProcessor`].
//! - **What stands beside items**: [`Scripts`], a [`User`] with permissions, [`ResourceThroughput`], [`Conflict`]s.
//! - **Resolvers** ([`resolver`]) spread items over several containers by a rule of the program's own.
//! - **Answers** ([`Response`]) own their bytes and read them when asked; an [`Error`] says what happened, where, and
//!   what to do about it.
//! - **No runtime.** Everything blocks; what runs in parallel runs in threads. A deadline bounds every call.
//!
//! More: the [guide](docs::guide), the way [from Python](docs::from_python), the [architecture](docs::architecture),
//! the [emulator](docs::emulator), and how to [test](docs::testing) with it.
//!
//! # Features
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `ureq` | yes | the HTTP transport |
//! | `rustls` | yes | TLS in Rust, with bundled root certificates |
//! | `native-tls` | | TLS of the platform |
//! | `platform-verifier` | | the platform's trust store, for TLS by rustls |
//! | `gzip` | | compressed responses |
//! | `emulator` | | the in-memory account, SQL engine included |
//! | `scripts` | | stored procedures, triggers and user-defined functions in the emulator, run by a JavaScript engine |
//! | `server` | | the emulator over HTTP and HTTPS: the `cosmosdb-emulator` binary; includes `scripts` |
//!
//! With no features at all the crate is a client for a transport of your own.

mod auth;
mod batch;
mod client;
pub mod clock;
mod container;
mod database;
mod diagnostics;
pub mod docs;
mod error;
mod feed;
mod link;
pub mod models;
mod new_id;
mod operation;
mod options;
mod partition_key;
mod pipeline;
mod query;
pub mod resolver;
mod resources;
mod response;
mod routing;
mod sync;
pub mod transport;
mod wire;

#[cfg(feature = "emulator")]
mod emulator;

#[cfg(test)]
mod fuzz;

pub use auth::PermissionToken;
pub use batch::{
    Batch, BatchOperation, BatchResponse, BatchResult, Bulk, BulkOperation, BulkProgress,
    BulkResult, BulkResults, BulkTotals, Patch, ReadMany, ReadManyResponse,
};
pub use client::{
    CircuitBreakerOptions, ClientBuilder, CosmosClient, HedgingOptions, RetryOptions,
};
pub use container::Container;
pub use database::Database;
pub use diagnostics::{Attempt, Diagnostics};
#[cfg(feature = "server")]
pub use emulator::EmulatorServer;
#[cfg(feature = "emulator")]
pub use emulator::{Emulator, EmulatorBuilder, EmulatorOperation, FaultRule, RequestRecord};
pub use error::{Error, ErrorKind, OptionalExt, Result};
pub use feed::{
    Change, ChangeFeed, ChangeFeedProcessor, ChangeOperation, ChangePages, Changes, FeedPage,
    Items, LeaseEstimate, Listing, Pages, ProcessorHandle, StopHandle, WaitingPages,
};
pub use models::{
    ConsistencyLevel, ContainerProperties, DatabaseProperties, Etag, IndexingDirective,
    IndexingPolicy, PriorityLevel, ReadConsistencyStrategy, Throughput,
};
pub use operation::Operation;
pub use partition_key::{
    PartitionKey, PartitionKeyDefinition, PartitionKeyKind, PartitionKeyValue,
};
pub use query::Query;
pub use resources::{
    Conflict, Offer, Permission, ResourceThroughput, Scripts, StoredProcedure, Trigger, User,
    UserDefinedFunction,
};
pub use response::{ResourceResponse, Response};
pub use routing::{FeedRange, latest_session_token};

/// The kinds of [`Operation`]: they say which options a call takes and what it answers.
pub mod ops {
    pub use crate::operation::{
        CreateContainer, CreateDatabase, CreateItem, CreatePermission, CreateStoredProcedure,
        CreateTrigger, CreateUser, CreateUserDefinedFunction, DeleteAllItems, DeleteConflict,
        DeleteContainer, DeleteDatabase, DeleteItem, DeletePermission, DeleteStoredProcedure,
        DeleteTrigger, DeleteUser, DeleteUserDefinedFunction, ExecuteStoredProcedure, IssuesToken,
        Kind, MakesItem, OnContainer, OnItem, PatchItem, Provisions, ReadAccount, ReadConflict,
        ReadContainer, ReadDatabase, ReadItem, ReadOffer, ReadPermission, ReadStoredProcedure,
        ReadTrigger, ReadUser, ReadUserDefinedFunction, Reads, ReadsOne, ReplaceContainer,
        ReplaceItem, ReplaceOffer, ReplacePermission, ReplaceStoredProcedure, ReplaceTrigger,
        ReplaceUser, ReplaceUserDefinedFunction, Replaces, Triggers, UpsertItem, UpsertPermission,
        UpsertStoredProcedure, UpsertTrigger, UpsertUser, UpsertUserDefinedFunction, Writes,
        WritesItem,
    };
}
