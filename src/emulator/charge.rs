//! Request units, by the formulas that fit the recorded charges.

use super::sql::value::{Object, Value};

/// Refused by a replica that had to look: a precondition, a bad body, a missing item to write to.
pub(crate) const REFUSED: f64 = 26.0 / 21.0;

/// The header's spelling: two decimals, without zeros at the end.
pub(crate) fn format(charge: f64) -> String {
    let text = format!("{charge:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// How much of an item is indexed: scalars count most, each level of nesting a little.
pub(crate) fn weight(item: &Value) -> f64 {
    let members = item.as_object().into_iter().flat_map(Object::iter);
    members.filter(|(name, _)| !is_system(name)).map(|(_, value)| value_weight(value)).sum()
}

/// The recursion ends because JSON is read to a depth of 128 only.
fn value_weight(value: &Value) -> f64 {
    match value {
        Value::Array(elements) if elements.is_empty() => 4.0,
        Value::Array(elements) => 6.0 + elements.iter().map(value_weight).sum::<f64>(),
        Value::Object(object) if object.is_empty() => 4.0,
        Value::Object(object) => 6.0 + object.iter().map(|it| value_weight(it.1)).sum::<f64>(),
        _ => 8.0,
    }
}

fn is_system(name: &str) -> bool {
    matches!(name, "_rid" | "_self" | "_etag" | "_attachments" | "_ts")
}

/// Items over a kilobyte cost more, in proportion.
fn size_surcharge(bytes: usize) -> f64 {
    (bytes.saturating_sub(1024)) as f64 / 1024.0
}

/// A point read: one unit for a kilobyte, ten for a hundred.
pub(crate) fn read(bytes: usize) -> f64 {
    1.0 + size_surcharge(bytes) / 11.0
}

/// A create.
pub(crate) fn create(item: &Value, bytes: usize, has_unique_keys: bool, has_ttl: bool) -> f64 {
    let extras = if has_unique_keys { 31.2 } else { 0.0 } + if has_ttl { 4.8 } else { 0.0 };
    (108.0 + weight(item) + extras) / 21.0 + 5.0 * size_surcharge(bytes)
}

/// A replace, or an upsert of an item that is there: only members that differ are indexed anew.
pub(crate) fn replace(old: &Value, new: &Value, bytes: usize) -> f64 {
    (216.0 + changed_weight(old, new)) / 21.0 + 10.0 * size_surcharge(bytes)
}

fn changed_weight(old: &Value, new: &Value) -> f64 {
    let members = |it: &Value| {
        it.as_object()
            .into_iter()
            .flat_map(Object::iter)
            .filter(|(name, _)| !is_system(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Vec<_>>()
    };
    let mut weight = 0.0;
    for (name, value) in members(old) {
        let now = new.get(&name);
        if now != value {
            weight +=
                value_weight(&value).max(if now.is_undefined() { 0.0 } else { value_weight(&now) });
        }
    }
    let added = members(new).into_iter().filter(|(name, _)| old.get(name).is_undefined());
    weight + added.map(|(_, value)| value_weight(&value)).sum::<f64>()
}

/// A patch of `operations` operations.
pub(crate) fn patch(old: &Value, new: &Value, bytes: usize, operations: usize) -> f64 {
    replace(old, new, bytes) - 0.0659 + 0.2196 * operations.saturating_sub(1) as f64
}

/// A delete.
pub(crate) fn delete(item: &Value, bytes: usize) -> f64 {
    (92.0 + 1.5 * weight(item)) / 21.0 + 5.0 * size_surcharge(bytes)
}

/// A create or upsert that found its id taken.
pub(crate) fn id_taken(item: &Value) -> f64 {
    (27.0 + weight(item) / 4.0) / 21.0
}

/// A write that found a unique key taken.
pub(crate) fn unique_key_taken(item: &Value) -> f64 {
    id_taken(item) + 7.8 / 21.0
}

/// What is known of a query when it is charged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct QueryWork {
    pub(crate) has_filter: bool,
    pub(crate) rows: usize,
    pub(crate) members_per_row: usize,
    pub(crate) bytes_out: usize,
    /// How many items passed the filter.
    pub(crate) loaded: usize,
    /// Whether a user-defined function ran.
    pub(crate) runs_script: bool,
}

/// A page of a query: a base, more for a filter, and something for every row.
pub(crate) fn query(work: QueryWork) -> f64 {
    // Sorting and aggregating load more than they give out.
    let collected = (work.loaded.saturating_sub(work.rows) as f64 * 0.19).min(0.65);
    // One query with a function was recorded, which made one call.
    let script = if work.runs_script { 0.3 } else { 0.0 };
    let base = collected + script + if work.has_filter { 2.803 } else { 2.2447 };
    let a_row = 0.01106 + 0.00193 * work.members_per_row.min(2) as f64;
    let large = work.bytes_out.saturating_sub(work.rows * 400) as f64 / 1024.0 / 20.0;
    base + a_row * work.rows as f64 + large
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value::from_json(text.as_bytes()).unwrap()
    }

    #[test]
    fn charges_are_those_of_the_recordings() {
        let two = value(r#"{"id":"b9","pk":"b"}"#);
        let three = value(r#"{"id":"b1","pk":"b","n":10}"#);
        let four = value(r#"{"id":"d1","pk":"a","n":1,"s":"x1"}"#);
        let nested = value(
            r#"{"id":"ord1","pk":"a","zeta":1,"alpha":2,"mid":3,"b":4,"abcdef":5,"nu":null,"obj":{"a":{"b":1}}}"#,
        );
        for (charge, expected) in [
            (create(&two, 100, false, false), "5.9"),
            (create(&three, 100, false, false), "6.29"),
            (create(&four, 100, false, false), "6.67"),
            (create(&nested, 100, false, false), "9.14"),
            (create(&three, 100, true, false), "7.77"),
            (create(&three, 100, true, true), "8"),
            (delete(&four, 100), "6.67"),
            (replace(&four, &value(r#"{"id":"d1","pk":"a","n":5,"s":"y"}"#), 100), "11.05"),
            (id_taken(&two), "1.48"),
            (unique_key_taken(&three), "1.94"),
            (REFUSED, "1.24"),
            (read(100), "1"),
            (100.0, "100"),
        ] {
            assert_eq!(format(charge), expected);
        }
    }
}
