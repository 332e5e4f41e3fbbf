//! Computes the aggregate functions.

use super::ast::BinaryOp;
use super::bind::Aggregate;
use super::distinct::Seen;
use super::operators::arithmetic;
use super::order::{SortKey, compare_scalars};
use super::value::{Number, Value};

/// The state of one aggregate over the rows seen so far. Undefined operands are passed over.
#[derive(Debug)]
pub(super) enum Accumulator {
    Count {
        only_true: bool,
        count: u64,
    },
    /// The sum is none once something was not a number.
    Sum {
        sum: Option<Number>,
        count: u64,
        average: bool,
    },
    Extreme {
        best: Extreme,
        greatest: bool,
    },
    List {
        values: Vec<Value>,
        seen: Option<Seen>,
    },
}

/// The least or greatest value so far.
#[derive(Debug)]
pub(super) enum Extreme {
    Nothing,
    Value(Value),
    /// An array or object was among the values, which have no order.
    Incomparable,
}

impl Accumulator {
    pub(super) fn new(kind: Aggregate) -> Self {
        let sum = |average| Self::Sum { sum: Some(Number::Int(0)), count: 0, average };
        let extreme = |greatest| Self::Extreme { best: Extreme::Nothing, greatest };
        match kind {
            Aggregate::Count => Self::Count { only_true: false, count: 0 },
            Aggregate::CountIf => Self::Count { only_true: true, count: 0 },
            Aggregate::Sum => sum(false),
            Aggregate::Average => sum(true),
            Aggregate::Min => extreme(false),
            Aggregate::Max => extreme(true),
            Aggregate::MakeList => Self::List { values: Vec::new(), seen: None },
            Aggregate::MakeSet => Self::List { values: Vec::new(), seen: Some(Seen::default()) },
        }
    }

    pub(super) fn add(&mut self, value: &Value) {
        if value.is_undefined() {
            return;
        }
        match self {
            Self::Count { only_true, count } => *count += u64::from(!*only_true || value.is_true()),
            Self::Sum { sum, count, .. } => {
                *count += 1;
                *sum = sum.zip(value.as_number()).map(|(a, b)| arithmetic(BinaryOp::Add, a, b));
            }
            Self::Extreme { best, greatest } => best.add(value, *greatest),
            Self::List { values, seen } => {
                if seen.as_mut().is_none_or(|seen| seen.insert(value)) {
                    values.push(value.clone());
                }
            }
        }
    }

    pub(super) fn finish(self) -> Value {
        match self {
            Self::Count { count, .. } => Value::from(count),
            Self::Sum { sum: None, .. } | Self::Sum { count: 0, average: true, .. } => {
                Value::Undefined
            }
            Self::Sum { sum: Some(sum), count, average: true } => {
                Value::Number(arithmetic(BinaryOp::Divide, sum, Number::from(count)))
            }
            Self::Sum { sum: Some(sum), .. } => Value::Number(sum),
            Self::Extreme { best: Extreme::Value(value), .. } => value,
            Self::Extreme { .. } => Value::Undefined,
            Self::List { values, .. } => Value::array(values),
        }
    }
}

impl Extreme {
    fn add(&mut self, value: &Value, greatest: bool) {
        let better = match (&*self, value) {
            (_, Value::Array(_) | Value::Object(_)) => return *self = Self::Incomparable,
            (Self::Incomparable, _) => false,
            (Self::Nothing, _) => true,
            (Self::Value(best), _) => {
                let order = compare_scalars(value, best)
                    .unwrap_or_else(|| SortKey::of(value).compare(&SortKey::of(best)));
                if greatest { order.is_gt() } else { order.is_lt() }
            }
        };
        if better {
            *self = Self::Value(value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregates_treat_undefined_and_other_types_as_the_service_does() {
        // Each row: the values (`u` is undefined), then count, sum, average, least and greatest.
        for (values, expected) in [
            (vec![], ["0", "0", "u", "u", "u"]),
            (vec!["u"], ["0", "0", "u", "u", "u"]),
            (vec!["1", "u", "2"], ["2", "3", "1.5", "1", "2"]),
            (vec!["0.5", "1"], ["2", "1.5", "0.75", "0.5", "1"]),
            (vec!["1", "null"], ["2", "u", "u", "null", "1"]),
            (vec!["true", "1", "\"a\"", "false"], ["4", "u", "u", "false", "\"a\""]),
            (vec!["1", "[2]"], ["2", "u", "u", "u", "u"]),
            (vec!["{}", "1"], ["2", "u", "u", "u", "u"]),
            (
                vec!["9223372036854775807", "1"],
                [
                    "2",
                    "9.2233720368547758e+18",
                    "4.6116860184273879e+18",
                    "1",
                    "9223372036854775807",
                ],
            ),
        ] {
            let kinds = ["count", "Sum", "AVG", "MIN", "MAX"];
            for (name, expected) in kinds.into_iter().zip(expected) {
                let mut accumulator = Accumulator::new(Aggregate::from_name(name).unwrap());
                for value in &values {
                    accumulator.add(&match *value {
                        "u" => Value::Undefined,
                        text => Value::from_json(text.as_bytes()).unwrap(),
                    });
                }
                let result = accumulator.finish();
                let text = if result.is_undefined() { "u".to_owned() } else { result.to_json() };
                assert_eq!(text, expected, "{name} of {values:?}");
            }
        }
    }

    #[test]
    fn sets_have_no_duplicates() {
        for (kind, expected) in [(Aggregate::MakeList, "[1,1,2]"), (Aggregate::MakeSet, "[1,2]")] {
            let mut accumulator = Accumulator::new(kind);
            for value in [1.0, 1.0, 2.0] {
                accumulator.add(&Value::from(value));
            }
            assert_eq!(accumulator.finish().to_json(), expected);
        }
    }
}
