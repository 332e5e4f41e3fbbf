//! Rows that have to be collected before the first one can be given out: for ORDER BY, GROUP BY and aggregates.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::aggregate::Accumulator;
use super::ast::Direction;
use super::distinct::DistinctHash;
use super::error::SqlError;
use super::eval::{Frame, evaluate, evaluate_all};
use super::order::SortKey;
use super::program::Program;
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

    /// The candidates in the order of the query; ties keep the order of the rows.
    pub(super) fn into_sorted(self, outer: &Frame<'_>) -> Result<Vec<Candidate>, SqlError> {
        let program = self.program;
        let mut candidates = self.rows;
        for group in self.groups {
            candidates.extend(group.finish(program, outer)?);
        }
        let directions = program.directions();
        candidates.sort_by(|a, b| compare_keys(&a.keys, &b.keys, &directions));
        Ok(candidates)
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

/// Compares key by key, as far as both lists reach.
pub(super) fn compare_keys(a: &[SortKey], b: &[SortKey], directions: &[Direction]) -> Ordering {
    for ((a, b), direction) in a.iter().zip(b).zip(directions) {
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
