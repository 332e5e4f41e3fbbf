//! Arrays as sets. Results have no duplicates and keep the order of their elements.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::Function;
use super::arguments::array;
use crate::emulator::sql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    row!("SetDifference", 2..=2, difference),
    row!("SetEqual", 2..=2, equal),
    row!("SetIntersect", 2..=2, intersect),
    row!("SetUnion", 2..=2, union),
];

/// Distinct values in the order in which they came.
#[derive(Default)]
pub(crate) struct ValueSet {
    values: Vec<Value>,
    by_hash: HashMap<u64, Vec<usize>>,
}

impl ValueSet {
    pub(crate) fn contains(&self, value: &Value) -> bool {
        let places = self.by_hash.get(&hash(value));
        places
            .is_some_and(|places| places.iter().any(|place| self.values.get(*place) == Some(value)))
    }

    /// Whether the value is new. Undefined is never one of a set.
    pub(crate) fn insert(&mut self, value: &Value) -> bool {
        if value.is_undefined() || self.contains(value) {
            return false;
        }
        self.by_hash.entry(hash(value)).or_default().push(self.values.len());
        self.values.push(value.clone());
        true
    }

    pub(crate) fn into_values(self) -> Vec<Value> {
        self.values
    }
}

impl<'a> FromIterator<&'a Value> for ValueSet {
    fn from_iter<I: IntoIterator<Item = &'a Value>>(values: I) -> Self {
        let mut set = Self::default();
        for value in values {
            set.insert(value);
        }
        set
    }
}

/// The same for equal values: numbers whatever their kind, objects whatever their order.
fn hash(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Undefined => 0.hash(&mut hasher),
        Value::Null => 1.hash(&mut hasher),
        Value::Bool(value) => (2, value).hash(&mut hasher),
        // Adding zero makes the negative zero positive.
        Value::Number(value) => (3, (value.as_f64() + 0.0).to_bits()).hash(&mut hasher),
        Value::String(value) => (4, value).hash(&mut hasher),
        Value::Array(values) => {
            (5, values.iter().map(hash).collect::<Vec<_>>()).hash(&mut hasher);
        }
        Value::Object(object) => {
            let entry = |(name, value): (&std::sync::Arc<str>, &Value)| {
                let mut hasher = DefaultHasher::new();
                (name, hash(value)).hash(&mut hasher);
                hasher.finish()
            };
            (6, object.iter().map(entry).fold(0, u64::wrapping_add)).hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn set(args: &[Value], index: usize) -> Option<ValueSet> {
    Some(array(args, index)?.iter().collect())
}

fn union(args: &[Value]) -> Option<Value> {
    let (first, second) = (array(args, 0)?, array(args, 1)?);
    let set: ValueSet = first.iter().chain(second).collect();
    Some(Value::array(set.into_values()))
}

/// In the order of the second array: so the documentation shows it.
fn intersect(args: &[Value]) -> Option<Value> {
    let first = set(args, 0)?;
    let both: ValueSet = array(args, 1)?.iter().filter(|it| first.contains(it)).collect();
    Some(Value::array(both.into_values()))
}

fn difference(args: &[Value]) -> Option<Value> {
    let second = set(args, 1)?;
    let rest: ValueSet = array(args, 0)?.iter().filter(|it| !second.contains(it)).collect();
    Some(Value::array(rest.into_values()))
}

fn equal(args: &[Value]) -> Option<bool> {
    let (first, second) = (set(args, 0)?, set(args, 1)?);
    Some(
        first.values.len() == second.values.len()
            && first.values.iter().all(|it| second.contains(it)),
    )
}

#[cfg(test)]
mod tests {
    use crate::emulator::sql::functions::tests::check;

    #[test]
    fn sets_are_combined_without_duplicates() {
        check(&[
            ("SetUnion([1, 2, 3, 4], [3, 4, 5, 6])", "[1,2,3,4,5,6]"),
            ("SetUnion([1, 2, 3, 4], [1, 1, 1, 1])", "[1,2,3,4]"),
            (r#"SetUnion([1, 2, "A", "B"], ["A", 1])"#, r#"[1,2,"A","B"]"#),
            (r#"SetIntersect([1, 2, "A", "B"], ["A", 1])"#, r#"["A",1]"#),
            ("SetIntersect([1, 2, 3, 4], [1, 1, 1, 1])", "[1]"),
            ("SetIntersect([1, 2, 3, 4], [])", "[]"),
            ("SetDifference([1, 2, 6, 7], [1, 2, 3])", "[6,7]"),
            ("SetDifference([1, 1, 1, 1], [2, 3, 4])", "[1]"),
            ("SetDifference([], [1, 2, 3])", "[]"),
            (r#"SetUnion([{"a":1,"b":2.0}], [{"b":2,"a":1.0}])"#, r#"[{"a":1,"b":2}]"#),
            ("SetUnion([10000000000000000000], [1e19])", "[10000000000000000000]"),
            ("SetUnion([1], 2)", "undefined"),
        ]);
    }

    #[test]
    fn equal_sets_have_the_same_members() {
        check(&[
            ("SetEqual([1, 2, 3], [3, 2, 1])", "true"),
            ("SetEqual([1, 2, 3, 3], [1, 2, 2, 3, 1, 2])", "true"),
            (r#"SetEqual([1, true, "abc"], [true, 1, "abc"])"#, "true"),
            ("SetEqual([], [1, 2, 3])", "false"),
            ("SetEqual([1], [1, 2])", "false"),
            ("SetEqual([1], null)", "undefined"),
        ]);
    }
}
