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

use crate::error::{Error, Result};
use crate::partition_key::{PartitionKey, PartitionKeyDefinition};

pub use bulk::{Bulk, BulkOperation, BulkProgress, BulkResult, BulkResults, BulkTotals};
pub use patch::Patch;
pub use read_many::{ReadMany, ReadManyResponse};
pub use result::BatchResult;
pub use transactional::{Batch, BatchOperation, BatchResponse};

/// Most operations of a batch.
const MAX_OPERATIONS: usize = 100;

/// Checks that the key names one logical partition, and not all those below a prefix of it.
fn check_complete(key: &PartitionKey, definition: &PartitionKeyDefinition) -> Result<()> {
    let (given, wanted) = (key.components().len(), definition.paths.len());
    if given == wanted || *key == PartitionKey::NONE {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "the partition key has {given} of the {wanted} values that the container's definition ({}) asks for",
        definition.paths.join(", ")
    )))
}
