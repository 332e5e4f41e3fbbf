//! Where a stream of a merge begins, and which of its rows are behind that.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::query::compare::SortKey;
use crate::query::plan::Direction;
use crate::query::sorted_row::{SortedRow, compare_keys, compare_rids};

/// The rows that a stream leaves out at its beginning.
#[derive(Clone, Debug)]
pub(crate) enum Start {
    Everything,
    /// All rows with these values are done: the stream lies left of the last row.
    Behind(Arc<[SortKey]>),
    /// No row with these values is done: the stream lies right of the last row.
    At(Arc<[SortKey]>),
    /// Rows with these values are done up to the last one of this item.
    BehindRow {
        last: Last,
        skipped: u64,
    },
}

/// The last row of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Last {
    pub(crate) keys: Arc<[SortKey]>,
    pub(crate) rid: String,
    /// How many rows in a row had these values and this item.
    pub(crate) count: u64,
}

impl Start {
    /// The last row that is known of a stream that starts like this.
    pub(crate) fn last(&self) -> Option<Last> {
        match self {
            Self::BehindRow { last, .. } => Some(last.clone()),
            _ => None,
        }
    }

    /// Whether the next row of the stream is one to return. From the first such row on, all are.
    pub(crate) fn lets_through(
        &mut self,
        row: &SortedRow,
        order: &[Direction],
        has_falling_rids: bool,
    ) -> bool {
        let keys = match self {
            Self::Everything => return true,
            Self::Behind(keys) | Self::At(keys) => keys,
            Self::BehindRow { last, .. } => &last.keys,
        };
        let is_behind = match (compare_keys(&row.keys, keys, order), &mut *self) {
            (Ordering::Less, _) | (Ordering::Equal, Self::Behind(_)) => false,
            (Ordering::Equal, Self::BehindRow { last, skipped }) => {
                let found = compare_rids(&row.rid, &last.rid);
                match if has_falling_rids { found.reverse() } else { found } {
                    Ordering::Less => false,
                    Ordering::Equal if *skipped < last.count => {
                        *skipped += 1;
                        false
                    }
                    Ordering::Equal | Ordering::Greater => true,
                }
            }
            _ => true,
        };
        if is_behind {
            *self = Self::Everything;
        }
        is_behind
    }
}

impl Last {
    /// Counts one more row.
    pub(crate) fn advance(
        last: &mut Option<Self>,
        keys: Vec<SortKey>,
        rid: String,
        order: &[Direction],
    ) {
        match last {
            Some(last) if last.rid == rid && compare_keys(&last.keys, &keys, order).is_eq() => {
                last.count += 1;
            }
            _ => *last = Some(Self { keys: keys.into(), rid, count: 1 }),
        }
    }
}
