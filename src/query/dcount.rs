//! Counts of distinct rows, which no partition can count alone.

use crate::error::Result;
use crate::query::collected::Collection;
use crate::query::row::{object, to_row};
use crate::query::stage::{Stage, drain};

/// Counts the rows below, and gives the number under a name if it has one.
pub(crate) fn count(mut child: Box<dyn Stage>, alias: Option<&str>) -> Result<Collection> {
    let mut count = 0_u64;
    let usage = drain(&mut *child, |_| {
        count += 1;
        Ok(())
    })?;
    let number = to_row(&count)?;
    let row = match alias.filter(|it| !it.is_empty()) {
        Some(alias) => object([(alias, number)])?,
        None => number,
    };
    Ok(Collection { rows: vec![row], usage })
}
