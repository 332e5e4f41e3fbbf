//! `GROUP BY`, and aggregates that are not `VALUE`, which are one group over everything.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::query::aggregate::{AggregateKind, Aggregator, Wrapped};
use crate::query::collected::Collection;
use crate::query::distinct::hash_row;
use crate::query::plan::QueryInfo;
use crate::query::row::{object, parse, present};
use crate::query::stage::{Stage, drain};

/// What a group returns.
pub(crate) enum Shape {
    /// An object with these columns, in this order. A column without an aggregate is the same for the whole group.
    Columns(Vec<(String, Option<AggregateKind>)>),
    Aggregate(AggregateKind),
    Scalar,
}

impl Shape {
    pub(crate) fn of(info: &QueryInfo) -> Result<Self> {
        match info.aggregates.first() {
            Some(kind) => Ok(Self::Aggregate(*kind)),
            None if info.has_select_value => Ok(Self::Scalar),
            None => columns(info).map(Self::Columns),
        }
    }
}

/// The columns in the order of the query's `SELECT`, and any that the plan forgot to put in order.
fn columns(info: &QueryInfo) -> Result<Vec<(String, Option<AggregateKind>)>> {
    let kinds = &info.group_by_alias_to_aggregate_type;
    let forgotten = kinds.keys().filter(|it| !info.group_by_aliases.contains(it));
    let kind = |name: &String| match kinds.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(kind) => AggregateKind::deserialize(kind).map(Some).map_err(|error| {
            Error::json("the query plan has an aggregate that is not known").with_source(error)
        }),
    };
    info.group_by_aliases
        .iter()
        .chain(forgotten)
        .map(|name| Ok((name.clone(), kind(name)?)))
        .collect()
}

/// Puts the groups of all partitions together, in the order in which they first occur.
///
/// `has_one_group` is for aggregates without `GROUP BY`: they return something even over nothing.
pub(crate) fn group(
    mut child: Box<dyn Stage>,
    shape: &Shape,
    has_one_group: bool,
) -> Result<Collection> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<u128, usize> = HashMap::new();
    let usage = drain(&mut *child, |row| {
        let row: Row<'_> = parse(&row)?;
        let place = match places.entry(row.items.map_or(Ok(0), hash_row)?) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) => {
                groups.push(Group::new(shape));
                *place.insert(groups.len() - 1)
            }
        };
        groups.get_mut(place).map_or(Ok(()), |it| it.add(shape, row.payload))
    })?;
    if has_one_group && groups.is_empty() {
        groups.push(Group::new(shape));
    }
    let rows = groups.into_iter().filter_map(|it| it.finish(shape).transpose());
    Ok(Collection { rows: rows.collect::<Result<_>>()?, usage })
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow, default, rename = "groupByItems", deserialize_with = "present")]
    items: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    payload: Option<&'a RawValue>,
}

/// The columns of one group, or its only value.
struct Group {
    cells: Vec<Cell>,
}

enum Cell {
    Aggregate(Aggregator),
    /// Whether a row was seen, and the first row's value.
    First(bool, Option<Box<RawValue>>),
}

impl Group {
    fn new(shape: &Shape) -> Self {
        let cell = |kind: Option<AggregateKind>| match kind {
            Some(kind) => Cell::Aggregate(Aggregator::new(kind)),
            None => Cell::First(false, None),
        };
        let cells = match shape {
            Shape::Columns(columns) => columns.iter().map(|it| cell(it.1)).collect(),
            Shape::Aggregate(kind) => vec![cell(Some(*kind))],
            Shape::Scalar => vec![cell(None)],
        };
        Self { cells }
    }

    fn add(&mut self, shape: &Shape, payload: Option<&RawValue>) -> Result<()> {
        match shape {
            Shape::Columns(columns) => {
                let values: HashMap<String, &RawValue> =
                    payload.map(parse).transpose()?.unwrap_or_default();
                for ((name, _), cell) in columns.iter().zip(&mut self.cells) {
                    cell.add(values.get(name).copied())?;
                }
                Ok(())
            }
            Shape::Aggregate(_) => {
                let wrapped: Vec<&RawValue> = payload.map(parse).transpose()?.unwrap_or_default();
                self.cells.iter_mut().try_for_each(|it| it.add(wrapped.first().copied()))
            }
            Shape::Scalar => self.cells.iter_mut().try_for_each(|it| it.add(payload)),
        }
    }

    /// The group's row. An undefined column is left out, an undefined value is no row.
    fn finish(self, shape: &Shape) -> Result<Option<Box<RawValue>>> {
        let values = self.cells.into_iter().map(Cell::finish).collect::<Result<Vec<_>>>()?;
        let Shape::Columns(columns) = shape else {
            return Ok(values.into_iter().next().flatten());
        };
        let names = columns.iter().map(|it| it.0.as_str());
        object(names.zip(values).filter_map(|(name, value)| Some((name, value?)))).map(Some)
    }
}

impl Cell {
    fn add(&mut self, value: Option<&RawValue>) -> Result<()> {
        match self {
            Self::Aggregate(aggregator) => {
                let wrapped = value.map(parse::<Wrapped<'_>>).transpose()?;
                aggregator.add(wrapped.and_then(|it| it.part()))
            }
            Self::First(true, _) => Ok(()),
            Self::First(is_set, first) => {
                *is_set = true;
                *first = value.map(ToOwned::to_owned);
                Ok(())
            }
        }
    }

    fn finish(self) -> Result<Option<Box<RawValue>>> {
        match self {
            Self::Aggregate(aggregator) => aggregator.finish(),
            Self::First(_, value) => Ok(value),
        }
    }
}

/// The one aggregate of a query that is `SELECT VALUE`; a row is a list around it.
pub(crate) fn aggregate(mut child: Box<dyn Stage>, kind: AggregateKind) -> Result<Collection> {
    let mut aggregator = Aggregator::new(kind);
    let usage = drain(&mut *child, |row| {
        let wrapped: Vec<Wrapped<'_>> = parse(&row)?;
        aggregator.add(wrapped.first().and_then(Wrapped::part))
    })?;
    Ok(Collection { rows: aggregator.finish()?.into_iter().collect(), usage })
}
