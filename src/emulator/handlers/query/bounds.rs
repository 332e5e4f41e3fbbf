//! Ranges of keys, which plans speak of, as effective partition keys.

use crate::emulator::sql::plan::{Bound, KeyPart, KeyRange};
use crate::emulator::sql::value::{Object, Value};
use crate::emulator::store::container::Rules;
use crate::partition_key::{PartitionKey, PartitionKeyKind, PartitionKeyValue};
use crate::routing::epk::Epk;
use crate::routing::range::EpkRange;

/// A range of keys as effective partition keys.
pub(super) struct KeyBounds {
    pub(super) min: Epk,
    max: Epk,
    is_min_inclusive: bool,
    is_max_inclusive: bool,
}

impl KeyBounds {
    pub(super) fn of(range: &KeyRange, rules: &Rules) -> Self {
        let definition = &rules.definition.key;
        let levels = rules.definition.key_paths.len();
        let epk = |bound: &Bound| match bound {
            Bound::Infinity => Epk::max(),
            Bound::Key(parts) if parts.is_empty() => Epk::MIN,
            Bound::Key(parts) => rules.epk(&key_of(parts)),
        };
        let (min, max) = (epk(&range.min), epk(&range.max));
        let is_prefix = definition.kind == PartitionKeyKind::MultiHash
            && range.min == range.max
            && matches!(&range.min, Bound::Key(parts) if !parts.is_empty() && parts.len() < levels);
        if is_prefix {
            let range = EpkRange::of_prefix(min);
            return Self {
                min: range.min,
                max: range.max,
                is_min_inclusive: true,
                is_max_inclusive: false,
            };
        }
        Self {
            min,
            max,
            is_min_inclusive: range.is_min_inclusive,
            is_max_inclusive: range.is_max_inclusive,
        }
    }

    pub(super) fn range(&self) -> EpkRange {
        EpkRange::from_bounds(
            (self.min.clone(), self.is_min_inclusive),
            (self.max.clone(), self.is_max_inclusive),
        )
    }

    pub(super) fn to_value(&self) -> Value {
        Object::from_iter([
            ("min", Value::from(self.min.to_string())),
            ("max", self.max.to_string().into()),
            ("isMinInclusive", self.is_min_inclusive.into()),
            ("isMaxInclusive", self.is_max_inclusive.into()),
        ])
        .into()
    }
}

fn key_of(parts: &[KeyPart]) -> PartitionKey {
    PartitionKey::from_components(parts.iter().map(|part| match part {
        KeyPart::Value(Value::Null) => PartitionKeyValue::Null,
        KeyPart::Value(Value::Bool(value)) => PartitionKeyValue::Bool(*value),
        KeyPart::Value(Value::Number(number)) => PartitionKeyValue::from(number.as_f64()),
        KeyPart::Value(Value::String(text)) => PartitionKeyValue::from(&**text),
        KeyPart::MinNumber => PartitionKeyValue::Number(f64::NEG_INFINITY),
        KeyPart::MaxNumber => PartitionKeyValue::Number(f64::INFINITY),
        KeyPart::MinString => PartitionKeyValue::from(""),
        KeyPart::MaxString => PartitionKeyValue::from("\u{10FFFF}"),
        KeyPart::Value(_) => PartitionKeyValue::Undefined,
    }))
}
