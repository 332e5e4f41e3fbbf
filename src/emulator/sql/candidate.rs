//! Rows that have to be collected before the first one can be given out: for ORDER BY, GROUP BY and aggregates.

use std::collections::HashMap;

use super::aggregate::Accumulator;
use super::distinct::DistinctHash;
use super::error::SqlError;
use super::eval::{Frame, evaluate, evaluate_all};
use super::order::SortKey;
use super::program::Program;
use super::sequence::Sequence;
use super::value::Value;

/// A row, or a group of rows, with what it is sorted by.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) keys: Vec<SortKey>,
    pub(super) rid: u64,
    pub(super) row: u64,
    pub(super) slots: Vec<Value>,
    pub(super) aggregates: Vec<Value>,
}

impl Candidate {
    /// The row as expressions see it. For a group it is its first row.
    pub(super) fn frame<'f>(&'f self, outer: &'f Frame<'f>) -> Frame<'f> {
        Frame { aggregates: &self.aggregates, ..outer.inner(&self.slots) }
    }
}

/// The candidates of one query.
pub(super) struct Candidates<'p> {
    program: &'p Program,
    rows: Vec<Candidate>,
    groups: Vec<Group>,
    group_of: HashMap<DistinctHash, usize>,
}

struct Group {
    keys: Vec<Value>,
    slots: Vec<Value>,
    accumulators: Vec<Accumulator>,
}

impl<'p> Candidates<'p> {
    pub(super) fn new(program: &'p Program) -> Self {
        let mut new =
            Self { program, rows: Vec::new(), groups: Vec::new(), group_of: HashMap::new() };
        if program.is_grouped() && program.group_by.is_empty() {
            // Aggregates without GROUP BY make one row, even of nothing.
            new.groups.push(Group::new(program, Vec::new(), Vec::new()));
        }
        new
    }

    /// Takes a row that has passed the filter.
    pub(super) fn add(&mut self, frame: &Frame<'_>, rid: u64, row: u64) -> Result<(), SqlError> {
        if self.program.is_grouped() {
            return self.add_to_group(frame);
        }
        if let Some(keys) = sort_keys(self.program, frame)? {
            let slots = frame.slots.to_vec();
            self.rows.push(Candidate { keys, rid, row, slots, aggregates: Vec::new() });
        }
        Ok(())
    }

    /// The candidates in the order of the query.
    pub(super) fn into_sorted(self, outer: &Frame<'_>) -> Result<Sorted, SqlError> {
        let mut candidates = self.rows;
        for group in self.groups {
            candidates.extend(group.finish(self.program, outer)?);
        }
        Ok(Sorted::new(candidates, self.program.sequence()))
    }

    fn add_to_group(&mut self, frame: &Frame<'_>) -> Result<(), SqlError> {
        let mut index = 0;
        if !self.program.group_by.is_empty() {
            let keys = Value::array(evaluate_all(&self.program.group_by, frame)?);
            index = *self.group_of.entry(DistinctHash::of(&keys)).or_insert(self.groups.len());
            if index == self.groups.len() {
                let keys = keys.as_array().unwrap_or_default().to_vec();
                self.groups.push(Group::new(self.program, keys, frame.slots.to_vec()));
            }
        }
        if let Some(group) = self.groups.get_mut(index) {
            if group.slots.is_empty() {
                group.slots = frame.slots.to_vec();
            }
            for (accumulator, aggregate) in
                group.accumulators.iter_mut().zip(&self.program.aggregates)
            {
                accumulator.add(&*evaluate(&aggregate.operand, frame)?);
            }
        }
        Ok(())
    }
}

impl Group {
    fn new(program: &Program, keys: Vec<Value>, slots: Vec<Value>) -> Self {
        let accumulators =
            program.aggregates.iter().map(|aggregate| Accumulator::new(aggregate.kind)).collect();
        Self { keys, slots, accumulators }
    }

    /// The group's own keys follow those of the query: so its place does not depend on which rows were seen first.
    fn finish(self, program: &Program, outer: &Frame<'_>) -> Result<Option<Candidate>, SqlError> {
        let aggregates = self.accumulators.into_iter().map(Accumulator::finish).collect();
        let mut candidate =
            Candidate { keys: Vec::new(), rid: 0, row: 0, slots: self.slots, aggregates };
        let Some(mut keys) = sort_keys(program, &candidate.frame(outer))? else { return Ok(None) };
        keys.extend(self.keys.iter().map(SortKey::of));
        candidate.keys = keys;
        Ok(Some(candidate))
    }
}

/// The values of ORDER BY; none for an item without the vector that the query orders by.
fn sort_keys(program: &Program, frame: &Frame<'_>) -> Result<Option<Vec<SortKey>>, SqlError> {
    let mut keys = Vec::with_capacity(program.order_by.len());
    for column in &program.order_by {
        let value = evaluate(&column.node, frame)?;
        if column.is_vector && value.is_undefined() {
            return Ok(None);
        }
        keys.push(SortKey::of(&value));
    }
    Ok(Some(keys))
}

/// Candidates by their keys, then by document and row.
///
/// They are sorted piece by piece, as most queries want only the first page of many.
pub(super) struct Sorted {
    sequence: Sequence,
    unsorted: Vec<Candidate>,
    sorted: std::vec::IntoIter<Candidate>,
    piece: usize,
}

/// How many candidates are sorted at first.
const FIRST_PIECE: usize = 1024;

impl Sorted {
    pub(super) fn new(candidates: Vec<Candidate>, sequence: Sequence) -> Self {
        let sorted = Vec::new().into_iter();
        Self { sequence, unsorted: candidates, sorted, piece: FIRST_PIECE }
    }

    /// Leaves out what does not satisfy `keep`.
    pub(super) fn retain(&mut self, keep: impl Fn(&Candidate, &Sequence) -> bool) {
        self.unsorted.retain(|candidate| keep(candidate, &self.sequence));
    }

    fn sort_piece(&mut self) {
        let sequence = &self.sequence;
        let compare = |a: &Candidate, b: &Candidate| {
            let by_keys = sequence.compare_keys(&a.keys, &b.keys);
            by_keys.then_with(|| sequence.compare_places((a.rid, a.row), (b.rid, b.row)))
        };
        let mut piece = std::mem::take(&mut self.unsorted);
        if piece.len() > self.piece {
            piece.select_nth_unstable_by(self.piece, compare);
            self.unsorted = piece.split_off(self.piece);
        }
        piece.sort_unstable_by(compare);
        self.piece = self.piece.saturating_mul(4);
        self.sorted = piece.into_iter();
    }
}

impl Iterator for Sorted {
    type Item = Candidate;

    fn next(&mut self) -> Option<Candidate> {
        if self.sorted.len() == 0 {
            self.sort_piece();
        }
        self.sorted.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::sql::ast::Direction;
    use crate::emulator::sql::value::Number;

    #[test]
    fn candidates_are_sorted_across_pieces() {
        let candidate = |rid: u64| {
            let keys = vec![SortKey::Number(Number::from(rid * 7919 % 100))];
            Candidate { keys, rid, row: 0, slots: Vec::new(), aggregates: Vec::new() }
        };
        let count = 6 * FIRST_PIECE as u64;
        let candidates = (0..count).map(candidate).collect();
        let sorted = Sorted::new(candidates, Sequence::of_index(vec![Direction::Descending]));
        let found: Vec<u64> = sorted.map(|it| it.rid).collect();
        let mut expected: Vec<u64> = (0..count).collect();
        expected.sort_by_key(|rid| std::cmp::Reverse((rid * 7919 % 100, *rid)));
        assert_eq!(found, expected);
    }
}
