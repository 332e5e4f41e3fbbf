//! The whole client doing the same work.

use std::error::Error;

use crate::work::Work;

/// Reads item `42` of `CITY`, or creates it, `work.count` times, and parses each answer into an `Item`.
pub fn run_client(work: &Work) -> Result<(), Box<dyn Error>> {
    Err(format!("{} is not measured with the client yet", work.endpoint).into())
}
