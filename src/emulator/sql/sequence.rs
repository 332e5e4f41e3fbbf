//! The sequence of sorted rows: by their keys, then by their places.

use std::cmp::Ordering;

use super::ast::Direction;
use super::order::SortKey;

/// In which sequence a query gives its rows.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    directions: Vec<Direction>,
    /// Whether rows with equal keys come from the last document to the first, as they do where an index is read from
    /// its end. Clients count on that when they continue a query.
    is_backward: bool,
}

/// Where a row comes from: the number of its document, and its own within that.
pub(super) type Place = (u64, u64);

impl Sequence {
    /// The sequence that reading an index gives: the direction of the first key is that of the reading.
    pub(super) fn of_index(directions: Vec<Direction>) -> Self {
        let is_backward = directions.first() == Some(&Direction::Descending);
        Self { directions, is_backward }
    }

    /// The sequence of rows that were sorted by what was computed for them.
    pub(super) fn of_scores(directions: Vec<Direction>) -> Self {
        Self { directions, is_backward: false }
    }

    /// Compares key by key, as far as both lists reach.
    pub(super) fn compare_keys(&self, a: &[SortKey], b: &[SortKey]) -> Ordering {
        for ((a, b), direction) in a.iter().zip(b).zip(&self.directions) {
            let order = match direction {
                Direction::Ascending => a.compare(b),
                Direction::Descending => b.compare(a),
            };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }

    /// Compares the documents of rows with equal keys.
    pub(super) fn compare_documents(&self, a: u64, b: u64) -> Ordering {
        if self.is_backward { b.cmp(&a) } else { a.cmp(&b) }
    }

    /// Compares the places of rows with equal keys.
    pub(super) fn compare_places(&self, a: Place, b: Place) -> Ordering {
        self.compare_documents(a.0, b.0).then(a.1.cmp(&b.1))
    }
}
