//! Functions of arrays.

use std::cmp::Ordering;

use super::Function;
use super::arguments::{array, integer, optional, text};
use super::string::{all_of, any_of};
use crate::emulator::sql::value::{Number, Object, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    row!("ARRAY_AVG", 1..=1, |args| average(&numbers(args)?)),
    row!("ARRAY_CONCAT", 2.., concat),
    row!("ARRAY_CONTAINS", 2..=3, contains),
    row!("ARRAY_CONTAINS_ALL", 2.., |args| all_of(found(args)?)),
    row!("ARRAY_CONTAINS_ANY", 2.., |args| any_of(found(args)?)),
    row!("ARRAY_LENGTH", 1..=1, |args| Some(array(args, 0)?.len() as i64)),
    row!("ARRAY_MAX", 1..=1, |args| extreme(args, Ordering::Greater)),
    row!("ARRAY_MEDIAN", 1..=1, |args| median(numbers(args)?)),
    row!("ARRAY_MIN", 1..=1, |args| extreme(args, Ordering::Less)),
    row!("ARRAY_SLICE", 2..=3, slice),
    row!("ARRAY_SUM", 1..=1, |args| Some(numbers(args)?.iter().sum::<f64>())),
    row!("ObjectToArray", 1..=3, object_to_array),
    // What other front ends of the service send for the same search.
    row!("_TRY_ARRAY_CONTAINS", 2..=3, contains),
];

fn concat(args: &[Value]) -> Option<Value> {
    let arrays: Vec<_> = args.iter().map(Value::as_array).collect::<Option<_>>()?;
    Some(Value::array(arrays.concat()))
}

/// Without the third argument, or where that is undefined, an element must equal the needle as a whole.
fn contains(args: &[Value]) -> Option<bool> {
    let (elements, needle) = (array(args, 0)?, args.get(1)?);
    let partial = match args.get(2) {
        None | Some(Value::Undefined) => false,
        Some(value) => value.as_bool()?,
    };
    if needle.is_undefined() {
        return None;
    }
    Some(elements.iter().any(|it| if partial { includes(it, needle) } else { it == needle }))
}

/// Whether every property of the part is in the whole, objects within objects likewise, and those at the same places of
/// arrays.
fn includes(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(name, part)| whole.get(name).is_some_and(|whole| includes(whole, part))),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part.iter()).all(|(a, b)| includes(a, b))
        }
        _ => whole == part,
    }
}

/// For each needle, whether it is an element; `None` for one that is undefined.
fn found(args: &[Value]) -> Option<impl Iterator<Item = Option<bool>>> {
    let (elements, needles) = (array(args, 0)?, args.get(1..)?);
    let is_element = |it: &Value| (!it.is_undefined()).then(|| elements.contains(it));
    Some(needles.iter().map(is_element))
}

/// A negative start counts from the end.
fn slice(args: &[Value]) -> Option<Value> {
    let (elements, start) = (array(args, 0)?, integer(args, 1)?);
    let count = optional(args, 2, i64::MAX, integer)?;
    let length = elements.len() as i64;
    let start = if start < 0 { start.saturating_add(length).max(0) } else { start.min(length) };
    let end = start.saturating_add(count.max(0)).min(length);
    let range = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
    elements.get(range).map(|it| Value::array(it.to_vec()))
}

/// The numbers of an array of nothing else; undefined elements do not count.
fn numbers(args: &[Value]) -> Option<Vec<f64>> {
    array(args, 0)?.iter().filter(|it| !it.is_undefined()).map(Value::as_f64).collect()
}

fn average(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// The middle number, or the mean of the two middle ones.
fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    let upper = *numbers.get(middle)?;
    Some(if numbers.len() % 2 == 1 {
        upper
    } else {
        (numbers.get(middle.checked_sub(1)?)? + upper) / 2.0
    })
}

/// The smallest or largest element; undefined if one of them is an array or an object.
fn extreme(args: &[Value], wanted: Ordering) -> Option<Value> {
    let mut best: Option<&Value> = None;
    for value in array(args, 0)?.iter().filter(|it| !it.is_undefined()) {
        rank(value)?;
        if best.is_none_or(|best| compare(value, best) == wanted) {
            best = Some(value);
        }
    }
    best.cloned()
}

/// Types in ascending order.
fn rank(value: &Value) -> Option<u8> {
    match value {
        Value::Null => Some(0),
        Value::Bool(_) => Some(1),
        Value::Number(_) => Some(2),
        Value::String(_) => Some(3),
        Value::Undefined | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Strings are compared by UTF-16 units, as the service does.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(Number::Int(a)), Value::Number(Number::Int(b))) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => a.as_f64().total_cmp(&b.as_f64()),
        (Value::String(a), Value::String(b)) => a.encode_utf16().cmp(b.encode_utf16()),
        _ => rank(a).cmp(&rank(b)),
    }
}

/// An object for each property, its name under `k` and its value under `v` unless told otherwise.
fn object_to_array(args: &[Value]) -> Option<Value> {
    let object = args.first()?.as_object()?;
    let (key, value_key) = (optional(args, 1, "k", text)?, optional(args, 2, "v", text)?);
    let entry = |name: &str, value: &Value| {
        [(key, Value::from(name)), (value_key, value.clone())].into_iter().collect::<Object>()
    };
    Some(Value::array(object.iter().map(|(name, value)| Value::from(entry(name, value))).collect()))
}

#[cfg(test)]
mod tests {
    use crate::emulator::sql::functions::tests::check;

    #[test]
    fn arrays_are_searched_for_whole_and_partial_matches() {
        let apples = r#"[{"name":"apples","fresh":true}]"#;
        for (arguments, expected) in [
            (r#"["coats","jackets"], "coats""#, "true"),
            (r#"["coats","jackets"], "hoodies""#, "false"),
            (r#"[1.0, 2], 1"#, "true"),
            ("[], null", "false"),
            ("[null], null", "true"),
            ("[4, 4], 2", "false"),
            (&format!(r#"{apples}, {{"fresh":true,"name":"apples"}}"#), "true"),
            (&format!(r#"{apples}, {{"name":"apples"}}"#), "false"),
            (&format!(r#"{apples}, {{"name":"apples"}}, true"#), "true"),
            (&format!(r#"{apples}, {{"name":"mangoes"}}, true"#), "false"),
            (&format!(r#"{apples}, {{"name":"apples"}}, undefined"#), "false"),
            (r#"[{"foo":{"a":1,"b":2},"bar":2}], {"foo":{"a":1}}, true"#, "true"),
            (r#"[[{"foo":1,"bar":2}]], [{"foo":1}], true"#, "true"),
            ("[[1,2]], [1], true", "false"),
            ("[1], undefined", "undefined"),
            ("[1], 1, 1", "undefined"),
            ("1, 1", "undefined"),
        ] {
            check(&[(&format!("ARRAY_CONTAINS({arguments})"), expected)]);
        }
        check(&[
            ("ARRAY_CONTAINS_ALL([1, 2, 3], 3, 1)", "true"),
            ("ARRAY_CONTAINS_ALL([1, 2, 3], 3, 4)", "false"),
            ("ARRAY_CONTAINS_ANY([1, 2, 3], 4, 3)", "true"),
            ("ARRAY_CONTAINS_ANY([1, 2, 3], 4, 5)", "false"),
            ("ARRAY_CONTAINS_ANY([1, 2, 3], undefined, 3)", "true"),
            ("ARRAY_CONTAINS_ANY([1, 2, 3], 5, undefined)", "undefined"),
            ("ARRAY_CONTAINS_ALL([1, 2, 3], undefined, 3)", "undefined"),
            ("ARRAY_CONTAINS_ALL([1, 2, 3], 5, undefined)", "false"),
        ]);
    }

    #[test]
    fn arrays_are_put_together_and_cut() {
        let scores = "[70,86,92,99,85,90,82]";
        for (arguments, expected) in [
            ("0", scores),
            ("1", "[86,92,99,85,90,82]"),
            ("-2", "[90,82]"),
            ("-100", scores),
            ("0, 3", "[70,86,92]"),
            ("0, 12", scores),
            ("3, 5", "[99,85,90,82]"),
            ("-2, 1", "[90]"),
            ("1, 0", "[]"),
            ("1, -100", "[]"),
            ("100, 1", "[]"),
            ("-9223372036854775808, 9223372036854775807", scores),
            ("0.5", "undefined"),
            ("0, 0.5", "undefined"),
        ] {
            check(&[(&format!("ARRAY_SLICE({scores}, {arguments})"), expected)]);
        }
        check(&[
            (r#"ARRAY_CONCAT(["a","b"], ["c"], [[]])"#, r#"["a","b","c",[]]"#),
            ("ARRAY_CONCAT([1], 2)", "undefined"),
            ("ARRAY_LENGTH([1,[2,3]])", "2"),
            (r#"ARRAY_LENGTH("ab")"#, "undefined"),
            (r#"ObjectToArray({"a":1,"b":[2]})"#, r#"[{"k":"a","v":1},{"k":"b","v":[2]}]"#),
            (r#"ObjectToArray({"a":"12345"}, "key", "value")"#, r#"[{"key":"a","value":"12345"}]"#),
            ("ObjectToArray([1])", "undefined"),
        ]);
    }

    #[test]
    fn arrays_of_numbers_have_sum_mean_and_median() {
        check(&[
            ("ARRAY_SUM([1, undefined, 2])", "3"),
            (r#"ARRAY_SUM([1, "2"])"#, "undefined"),
            ("ARRAY_AVG([1.0, 2.0, 3.3, 4.7])", "2.75"),
            ("ARRAY_AVG([1, undefined, 2])", "1.5"),
            ("ARRAY_AVG([1, null])", "undefined"),
            ("ARRAY_AVG([])", "undefined"),
            ("ARRAY_MEDIAN([3, 1, 2])", "2"),
            ("ARRAY_MEDIAN([1, 2, 3, 4])", "2.5"),
            ("ARRAY_MEDIAN([1, -2.7, 3, -4, undefined])", "-0.85000000000000009"),
            ("ARRAY_MEDIAN([1, true])", "undefined"),
        ]);
    }

    #[test]
    fn extremes_follow_the_order_of_types() {
        check(&[
            ("ARRAY_MIN([1, 2, 3, 4])", "1"),
            (r#"ARRAY_MIN(["abc", "ABC", "aBc", "AbC"])"#, r#""ABC""#),
            (r#"ARRAY_MIN([12, "abc", true, false, null, undefined])"#, "null"),
            (r#"ARRAY_MAX([12, "a", true, null])"#, r#""a""#),
            ("ARRAY_MAX([12, true, null])", "12"),
            ("ARRAY_MAX([false, null])", "false"),
            ("ARRAY_MAX([9007199254740993, 9007199254740992])", "9007199254740993"),
            ("ARRAY_MAX([null, null])", "null"),
            ("ARRAY_MAX([1, [2]])", "undefined"),
            ("ARRAY_MAX([])", "undefined"),
        ]);
    }
}
