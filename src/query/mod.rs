//! Queries.
mod builder;

pub use builder::Query;
