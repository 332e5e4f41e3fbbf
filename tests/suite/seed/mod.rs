//! What the first Azure Cosmos DB SDK for Python had, row by row: `s05` is the row S5 of the table on the page on
//! compatibility.

mod wire;

mod baseline;
mod child_ids;
mod conflicts;
mod connection;
mod consistency;
mod ids;
mod indexing;
mod links;
mod multi_region;
mod names;
mod offers;
mod partition_keys;
mod queries;
mod resolvers;
mod scripts;
mod throttling;
mod ttl;
mod unicode;
mod users;
