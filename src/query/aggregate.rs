//! Aggregates: each page of each partition brings a part, and the parts are put together here.

use std::cmp::Ordering;
use std::collections::HashSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::query::compare::{SortKey, compare};
use crate::query::distinct::hash_row;
use crate::query::row::{parse, present, to_row};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum AggregateKind {
    Average,
    Count,
    CountIf,
    MakeList,
    MakeSet,
    Max,
    Min,
    Sum,
}

/// An aggregate over the parts that were added so far.
#[derive(Debug)]
pub(crate) enum Aggregator {
    Count(Total),
    Sum(Option<Total>),
    Average { sum: Option<Total>, count: Total },
    Extreme(Extreme),
    List { items: Vec<Box<RawValue>>, seen: Option<HashSet<u128>> },
}

/// A value as the partitions wrap it: `{"item": …}`, and for some aggregates a second form that says more.
#[derive(Deserialize)]
pub(crate) struct Wrapped<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    item: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    item2: Option<&'a RawValue>,
}

impl<'a> Wrapped<'a> {
    /// The part that an aggregate takes.
    pub(crate) fn part(&self) -> Option<&'a RawValue> {
        self.item2.or(self.item)
    }
}

/// A sum, exact as long as only integers are added.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Total {
    Integer(i128),
    Double(f64),
}

/// The least or the greatest value.
#[derive(Debug)]
pub(crate) struct Extreme {
    wanted: Ordering,
    state: ExtremeState,
}

#[derive(Debug)]
enum ExtremeState {
    Nothing,
    Value(SortKey, Box<RawValue>),
    /// Some part had a value that cannot be compared, which spoils the whole.
    Undefined,
}

impl Aggregator {
    pub(crate) fn new(kind: AggregateKind) -> Self {
        let extreme = |wanted| Self::Extreme(Extreme { wanted, state: ExtremeState::Nothing });
        let zero = Total::Integer(0);
        match kind {
            AggregateKind::Count | AggregateKind::CountIf => Self::Count(zero),
            AggregateKind::Sum => Self::Sum(Some(zero)),
            AggregateKind::Average => Self::Average { sum: Some(zero), count: zero },
            AggregateKind::Min => extreme(Ordering::Less),
            AggregateKind::Max => extreme(Ordering::Greater),
            AggregateKind::MakeList => Self::List { items: Vec::new(), seen: None },
            AggregateKind::MakeSet => Self::List { items: Vec::new(), seen: Some(HashSet::new()) },
        }
    }

    /// Adds what one page of one partition came to; `None` is undefined.
    pub(crate) fn add(&mut self, part: Option<&RawValue>) -> Result<()> {
        match self {
            Self::Count(total) => {
                if let Some(part) = part {
                    *total = total.plus(number(part)?);
                }
            }
            Self::Sum(sum) => *sum = plus(*sum, part.map(number).transpose()?),
            Self::Average { sum, count } => {
                let part = part.map(parse::<AveragePart<'_>>).transpose()?.unwrap_or_default();
                let added = part.count.map_or(Ok(Total::Integer(0)), number)?;
                if added.is_zero() {
                    return Ok(());
                }
                *count = count.plus(added);
                *sum = plus(*sum, part.sum.map(number).transpose()?);
            }
            Self::Extreme(extreme) => extreme.add(part)?,
            Self::List { items, seen } => {
                let part: Vec<Box<RawValue>> = part.map(parse).transpose()?.unwrap_or_default();
                for item in part {
                    let is_new = match seen {
                        Some(seen) => seen.insert(hash_row(&item)?),
                        None => true,
                    };
                    if is_new {
                        items.push(item);
                    }
                }
            }
        }
        Ok(())
    }

    /// The aggregate over everything, or `None` if it is undefined.
    pub(crate) fn finish(self) -> Result<Option<Box<RawValue>>> {
        match self {
            Self::Count(total) => total.row(),
            Self::Sum(sum) => sum.map_or(Ok(None), Total::row),
            Self::Average { sum: Some(sum), count } if !count.is_zero() => {
                Total::Double(sum.double() / count.double()).row()
            }
            Self::Average { .. } => Ok(None),
            Self::Extreme(extreme) => Ok(match extreme.state {
                ExtremeState::Value(_, value) => Some(value),
                ExtremeState::Nothing | ExtremeState::Undefined => None,
            }),
            Self::List { items, .. } => to_row(&items).map(Some),
        }
    }
}

#[derive(Default, Deserialize)]
struct AveragePart<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    sum: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    count: Option<&'a RawValue>,
}

/// The form of a part that tells no rows at all from rows without a value.
#[derive(Deserialize)]
struct ExtremePart<'a> {
    #[serde(borrow, default, deserialize_with = "present", alias = "max")]
    min: Option<&'a RawValue>,
    count: f64,
}

impl Extreme {
    fn add(&mut self, part: Option<&RawValue>) -> Result<()> {
        let is_object = part.is_some_and(|it| it.get().starts_with('{'));
        let value = match part.filter(|_| is_object).map(parse::<ExtremePart<'_>>) {
            Some(Ok(part)) if part.count <= 0.0 => return Ok(()),
            Some(Ok(part)) => part.min,
            Some(Err(_)) => None,
            None => part,
        };
        let key = SortKey::parse(value)?;
        match (&self.state, value, &key) {
            (ExtremeState::Undefined, ..) => {}
            (_, None, _) | (_, _, SortKey::Array(_) | SortKey::Object(_)) => {
                self.state = ExtremeState::Undefined;
            }
            (ExtremeState::Value(best, _), ..) if compare(&key, best) != self.wanted => {}
            (_, Some(value), _) => self.state = ExtremeState::Value(key, value.to_owned()),
        }
        Ok(())
    }
}

/// Something undefined makes a sum undefined, whatever else is added.
fn plus(sum: Option<Total>, part: Option<Total>) -> Option<Total> {
    Some(sum?.plus(part?))
}

fn number(part: &RawValue) -> Result<Total> {
    let number: serde_json::Number = parse(part)?;
    let integer = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match (integer, number.as_f64()) {
        (Some(integer), _) => Ok(Total::Integer(integer)),
        (None, Some(double)) => Ok(Total::Double(double)),
        (None, None) => Err(Error::json("a part of an aggregate is not a number")),
    }
}

impl Total {
    pub(crate) fn plus(self, other: Self) -> Self {
        if let (Self::Integer(one), Self::Integer(other)) = (self, other)
            && let Some(sum) = one.checked_add(other)
        {
            return Self::Integer(sum);
        }
        Self::Double(self.double() + other.double())
    }

    fn double(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Double(double) => double,
        }
    }

    fn is_zero(self) -> bool {
        self.double() == 0.0
    }

    /// The number as JSON has it, without a fraction where it has none. A number that JSON lacks is undefined.
    fn row(self) -> Result<Option<Box<RawValue>>> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let double = self.double();
        match self {
            Self::Integer(integer) => match (i64::try_from(integer), u64::try_from(integer)) {
                (Ok(integer), _) => to_row(&integer).map(Some),
                (_, Ok(integer)) => to_row(&integer).map(Some),
                _ => to_row(&double).map(Some),
            },
            Self::Double(_) if !double.is_finite() => Ok(None),
            Self::Double(_) if double.fract() == 0.0 && double.abs() < EXACT => {
                to_row(&(double as i64)).map(Some)
            }
            Self::Double(_) => to_row(&double).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AggregateKind::{Average, Count, CountIf, MakeList, MakeSet, Max, Min, Sum};

    fn total(kind: AggregateKind, parts: &[&str]) -> Result<Option<String>> {
        let mut aggregator = Aggregator::new(kind);
        for part in parts {
            let wrapped: Wrapped<'_> = serde_json::from_str(part).unwrap();
            aggregator.add(wrapped.part())?;
        }
        Ok(aggregator.finish()?.map(|it| it.get().to_owned()))
    }

    #[test]
    fn parts_come_to_what_one_partition_would_return() {
        let nothing = r#"{"item":7,"item2":{"count":0}}"#;
        for (kind, parts, expected) in [
            (Count, &[][..], Some("0")),
            (Count, &[r#"{"item":2}"#, r#"{"item":3.0}"#, "{}"], Some("5")),
            (CountIf, &[r#"{"item":2}"#], Some("2")),
            (Sum, &[], Some("0")),
            (Sum, &[r#"{"item":0.5}"#, r#"{"item":1.5}"#], Some("2")),
            (Sum, &[r#"{"item":0.1}"#, r#"{"item":1}"#], Some("1.1")),
            (
                Sum,
                &[r#"{"item":9223372036854775807}"#, r#"{"item":1}"#],
                Some("9223372036854775808"),
            ),
            (Sum, &[r#"{"item":9007199254740993}"#, r#"{"item":-1}"#], Some("9007199254740992")),
            (Sum, &[r#"{"item":1}"#, "{}", r#"{"item":2}"#], None),
            (Sum, &[r#"{"item":1e308}"#, r#"{"item":1e308}"#], None),
            (Average, &[], None),
            (Average, &[r#"{"item":{"sum":0,"count":0}}"#], None),
            (
                Average,
                &[r#"{"item":{"sum":3,"count":1}}"#, r#"{"item":{"sum":6,"count":2}}"#],
                Some("3"),
            ),
            (Average, &[r#"{"item":{"count":0}}"#, r#"{"item":{"sum":5,"count":2}}"#], Some("2.5")),
            (Average, &[r#"{"item":{"count":1}}"#, r#"{"item":{"sum":5,"count":2}}"#], None),
            (Max, &[], None),
            (Max, &[nothing], None),
            (Max, &[nothing, r#"{"item2":{"max":-1,"count":1}}"#], Some("-1")),
            (
                Max,
                &[r#"{"item2":{"max":1,"count":1}}"#, r#"{"item2":{"max":"a","count":1}}"#],
                Some("\"a\""),
            ),
            (Max, &[r#"{"item2":{"max":1,"count":1}}"#, r#"{"item2":{"count":1}}"#], None),
            (
                Min,
                &[r#"{"item2":{"min":null,"count":1}}"#, r#"{"item2":{"min":false,"count":1}}"#],
                Some("null"),
            ),
            (Min, &[r#"{"item":2}"#, r#"{"item":1.50}"#], Some("1.50")),
            (Min, &[r#"{"item":2}"#, r#"{"item":[1]}"#, r#"{"item":1}"#], None),
            (Min, &[r#"{"item":{"a":1}}"#], None),
            (Min, &["{}"], None),
            (
                MakeList,
                &[r#"{"item":[1,{"b":1,"a":2}]}"#, r#"{"item":[1]}"#],
                Some(r#"[1,{"b":1,"a":2},1]"#),
            ),
            (
                MakeSet,
                &[r#"{"item":[1,[0]]}"#, r#"{"item":[1.0,[0],"1"]}"#],
                Some(r#"[1,[0],"1"]"#),
            ),
        ] {
            assert_eq!(total(kind, parts).unwrap().as_deref(), expected, "{kind:?} {parts:?}");
        }
        assert!(total(Sum, &[r#"{"item":"1"}"#]).is_err());
        assert!(total(MakeList, &[r#"{"item":1}"#]).is_err());
    }
}
