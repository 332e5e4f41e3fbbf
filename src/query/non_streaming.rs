//! `ORDER BY` on something that partitions cannot return in order, such as a distance between vectors.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::query::collected::Collection;
use crate::query::plan::{Direction, QueryInfo};
use crate::query::sorted_row::{Output, SortedRow, compare_keys};
use crate::query::stage::{Stage, drain};

/// The most rows that are kept to be sorted.
const MOST_ROWS: u64 = 50_000;

/// How many rows have to be kept for a query to be answered from them.
pub(crate) fn capacity(info: &QueryInfo) -> Result<usize> {
    let (skip, take) = info.window();
    let Some(take) = take else {
        return Err(Error::invalid_input(
            "an ORDER BY on a distance or score needs TOP or LIMIT: without one all rows would have to be kept in memory",
        ));
    };
    match skip.checked_add(take) {
        Some(rows) if rows <= MOST_ROWS => Ok(rows as usize),
        _ => Err(Error::invalid_input(format!(
            "an ORDER BY on a distance or score can reach to row {MOST_ROWS}: lower TOP, or OFFSET and LIMIT"
        ))),
    }
}

/// Keeps the first rows in order while all are read. Equal rows keep the order in which they came.
pub(crate) fn sort(
    mut child: Box<dyn Stage>,
    order: &Arc<[Direction]>,
    capacity: usize,
    output: Output,
) -> Result<Collection> {
    let mut kept: BinaryHeap<Candidate> = BinaryHeap::with_capacity(capacity.min(1024) + 1);
    let mut arrival = 0;
    let usage = drain(&mut *child, |row| {
        let row = SortedRow::parse(row, order.len(), output)?;
        kept.push(Candidate { row, arrival, order: Arc::clone(order) });
        arrival += 1;
        if kept.len() > capacity {
            kept.pop();
        }
        Ok(())
    })?;
    let rows = kept.into_sorted_vec().into_iter().filter_map(|it| it.row.output).collect();
    Ok(Collection { rows, usage })
}

struct Candidate {
    row: SortedRow,
    arrival: u64,
    order: Arc<[Direction]>,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_keys(&self.row.keys, &other.row.keys, &self.order)
            .then_with(|| self.arrival.cmp(&other.arrival))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_rows_are_kept_as_the_window_reaches_to_and_no_more_than_memory_allows() {
        for (window, expected) in [
            (serde_json::json!({ "top": 5 }), Ok(5)),
            (serde_json::json!({ "offset": 3, "limit": 5 }), Ok(8)),
            (serde_json::json!({ "top": 50_000 }), Ok(50_000)),
            (serde_json::json!({ "top": 50_001 }), Err("reach to row 50000")),
            (serde_json::json!({ "offset": 49_999, "limit": 2 }), Err("reach to row 50000")),
            (serde_json::json!({}), Err("needs TOP or LIMIT")),
        ] {
            let info: QueryInfo = serde_json::from_value(window.clone()).unwrap();
            match (capacity(&info), expected) {
                (Ok(rows), Ok(expected)) => assert_eq!(rows, expected, "{window}"),
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().contains(expected), "{window}: {error}");
                }
                (found, _) => panic!("{window}: {found:?}"),
            }
        }
    }
}
