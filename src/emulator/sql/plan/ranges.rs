//! Where the items can be that a query is about: ranges of partition keys.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::solve::{Alternative, Interval, Solver};
use super::{KeyKind, PlanContext};
use crate::emulator::sql::ast::Query;
use crate::emulator::sql::value::Value;

/// One component of a partition key, or an end of those of one kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum KeyPart {
    /// A primitive value; undefined also stands for arrays and objects.
    Value(Value),
    MinNumber,
    MaxNumber,
    MinString,
    MaxString,
}

/// An end of a [`KeyRange`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bound {
    /// The first components of a key; none of them is before all keys.
    Key(Vec<KeyPart>),
    /// After all keys.
    Infinity,
}

/// A range of partition keys. One with fewer components than the container's key means all keys that start so.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeyRange {
    pub(crate) min: Bound,
    pub(crate) max: Bound,
    pub(crate) is_min_inclusive: bool,
    pub(crate) is_max_inclusive: bool,
}

impl KeyPart {
    /// The component that a value amounts to.
    pub(super) fn of(value: &Value) -> Self {
        Self::Value(match value {
            Value::Array(_) | Value::Object(_) => Value::Undefined,
            other => other.clone(),
        })
    }

    /// The order of keys: by kind, then by value.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let kinds = self.kind().cmp(&other.kind());
        kinds.then_with(|| match (self, other) {
            (Self::Value(left), Self::Value(right)) => compare(left, right),
            _ => Ordering::Equal,
        })
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Value(Value::Null) => 1,
            Self::Value(Value::Bool(_)) => 2,
            Self::MinNumber => 3,
            Self::Value(Value::Number(_)) => 4,
            Self::MaxNumber => 5,
            Self::MinString => 6,
            Self::Value(Value::String(_)) => 7,
            Self::MaxString => 8,
            Self::Value(_) => 0,
        }
    }
}

/// Compares two values of one kind.
fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) => left.as_f64().total_cmp(&right.as_f64()),
        (Value::String(left), Value::String(right)) => left.as_bytes().cmp(right.as_bytes()),
        _ => Ordering::Equal,
    }
}

impl KeyRange {
    /// All keys.
    fn full() -> Self {
        Self {
            min: Bound::Key(Vec::new()),
            max: Bound::Infinity,
            is_min_inclusive: true,
            is_max_inclusive: false,
        }
    }

    /// A range for queries that need no items: the first partition answers them.
    fn first() -> Self {
        Self { max: Bound::Key(Vec::new()), is_max_inclusive: true, ..Self::full() }
    }

    /// The keys whose first components are within these.
    fn of(intervals: &[&Interval]) -> Self {
        let lows = intervals.iter().map(|interval| interval.low.part.clone());
        let highs = intervals.iter().map(|interval| interval.high.part.clone());
        Self {
            min: Bound::Key(lows.collect()),
            max: Bound::Key(highs.collect()),
            is_min_inclusive: intervals.iter().all(|interval| interval.low.inclusive),
            is_max_inclusive: intervals.iter().all(|interval| interval.high.inclusive),
        }
    }
}

/// The ranges of a bound query.
pub(super) fn of(query: &Query, context: &PlanContext<'_>) -> Vec<KeyRange> {
    let Some(from) = &query.from else { return vec![KeyRange::first()] };
    let solver = Solver::new(from, context.partition_key_paths, context.space);
    let (Some(filter), Some(solver)) = (&query.filter, solver) else {
        return vec![KeyRange::full()];
    };
    let alternatives = solver.solve(filter, true).0;
    if alternatives.is_empty() {
        return vec![KeyRange::first()];
    }
    let ranges: Option<Vec<KeyRange>> =
        alternatives.iter().map(|alternative| range_of(alternative, context.kind)).collect();
    ranges.map_or_else(|| vec![KeyRange::full()], distinct)
}

/// Whether these ranges are one whole partition key.
pub(super) fn are_one_point(ranges: &[KeyRange], context: &PlanContext<'_>) -> bool {
    let [KeyRange { min: Bound::Key(min), max: Bound::Key(max), .. }] = ranges else {
        return false;
    };
    min == max && !min.is_empty() && min.len() == context.partition_key_paths.len()
}

/// The range of an alternative, unless that is no smaller than all keys.
fn range_of(alternative: &Alternative, kind: KeyKind) -> Option<KeyRange> {
    let known: Vec<&Interval> = alternative
        .iter()
        .map_while(Option::as_ref)
        .take_while(|interval| kind == KeyKind::Range || interval.is_point())
        .collect();
    let enough = match kind {
        KeyKind::Hash => known.len() == alternative.len(),
        KeyKind::MultiHash | KeyKind::Range => !known.is_empty(),
    };
    (enough && !known.is_empty()).then(|| KeyRange::of(&known))
}

/// Leaves out what is there twice, or as a part of a shorter key.
fn distinct(ranges: Vec<KeyRange>) -> Vec<KeyRange> {
    let mut seen = HashSet::with_capacity(ranges.len());
    let unique: Vec<KeyRange> =
        ranges.into_iter().filter(|range| seen.insert(format!("{range:?}"))).collect();
    let points: HashSet<String> =
        unique.iter().filter_map(|range| key(range, usize::MAX)).collect();
    let covered = |range: &KeyRange| {
        let length = if let Bound::Key(parts) = &range.min { parts.len() } else { 0 };
        (1..length).any(|count| key(range, count).is_some_and(|it| points.contains(&it)))
    };
    let kept = unique.iter().map(|range| !covered(range)).collect::<Vec<_>>();
    unique.into_iter().zip(kept).filter_map(|(range, keep)| keep.then_some(range)).collect()
}

/// The first components of a range that is a point, as text.
fn key(range: &KeyRange, count: usize) -> Option<String> {
    let Bound::Key(parts) = &range.min else { return None };
    (range.min == range.max).then(|| format!("{:?}", parts.get(..count.min(parts.len()))))
}
