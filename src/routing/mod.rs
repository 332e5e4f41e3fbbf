//! Where an item lives: from the partition key to the partition that holds it.

mod component;
pub(crate) mod epk;
pub(crate) mod murmur3;
pub(crate) mod range;
