//! Where an item lives: from the partition key to the partition that holds it.

pub(crate) mod cache;
mod component;
pub(crate) mod endpoint;
pub(crate) mod epk;
pub(crate) mod extract;
mod feed_range;
pub(crate) mod health;
pub(crate) mod locations;
pub(crate) mod lookup;
pub(crate) mod map;
pub(crate) mod murmur3;
pub(crate) mod quarantine;
pub(crate) mod range;
mod range_feed;
pub(crate) mod regions;
pub(crate) mod session;
mod stored_range;

pub use feed_range::FeedRange;
pub use session::latest_session_token;
pub(crate) use stored_range::Stored;
