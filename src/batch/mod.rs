//! What users do with items beyond one at a time, and patches.
//!
//! [`Patch`] changes parts of an item; [`Batch`] carries out several operations on items of one partition key, all or
//! none; [`Bulk`] carries out very many, each for itself; [`ReadMany`] reads many by their ids and keys;
//! [`Container::delete_all_items`](crate::Container::delete_all_items) deletes all items of a key.

mod bulk;
mod delete_by_key;
mod entry;
mod patch;
mod read_many;
mod result;
mod setup;
mod transactional;
mod workers;

#[cfg(test)]
mod fake;

pub use bulk::{Bulk, BulkOperation, BulkProgress, BulkResult, BulkResults, BulkTotals};
pub use patch::Patch;
pub use read_many::{ReadMany, ReadManyResponse};
pub use result::BatchResult;
pub use transactional::{Batch, BatchOperation, BatchResponse};

/// Most operations of a batch.
const MAX_OPERATIONS: usize = 100;
