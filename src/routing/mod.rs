//! Where an item lives: from the partition key to the partition that holds it.

mod component;
pub(crate) mod epk;
mod feed_range;
pub(crate) mod map;
pub(crate) mod murmur3;
pub(crate) mod range;

pub use feed_range::FeedRange;
