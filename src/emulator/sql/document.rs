//! What queries read.

use super::measure::measure;
use super::value::Value;

/// An item with its place in the partition.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Ascending in the order in which items were made, which is the order of rows.
    pub(crate) rid: u64,
    pub(crate) value: Value,
    /// How many bytes its JSON text has.
    pub(crate) size: usize,
}

impl Document {
    /// A document whose size has to be found out.
    pub(crate) fn new(rid: u64, value: Value) -> Self {
        let size = measure(&value).bytes;
        Self { rid, value, size }
    }
}
