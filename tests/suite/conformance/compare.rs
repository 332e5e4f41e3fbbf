//! When rows are those that were wanted.

use serde_json::{Map, Value};

use super::case::{Case, Mode};

/// What may differ between equal values.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slack {
    /// How far numbers may be from each other, relative to them.
    pub(super) tolerance: f64,
    /// Whether arrays are sets.
    pub(super) has_sets: bool,
}

/// Whether rows are the documented ones, compared as the case says.
pub(super) fn is_documented(case: &Case, rows: &[Value], is_ordered: bool) -> bool {
    let tolerance = if case.compare == Mode::Approx { case.rtol.unwrap_or(1e-9) } else { 0.0 };
    let slack = Slack { tolerance, has_sets: case.arrays.is_some() };
    let mut documented = std::iter::once(&case.expected).chain(&case.alternatives);
    documented.any(|expected| match case.compare {
        Mode::ShapeOnly => all(expected, rows, &same_shape),
        Mode::Exact => in_order(expected, rows, slack),
        Mode::Approx if is_ordered => in_order(expected, rows, slack),
        Mode::Approx | Mode::Unordered => in_any_order(expected, rows, slack),
    })
}

/// Whether rows are equal, one by one.
pub(super) fn in_order(a: &[Value], b: &[Value], slack: Slack) -> bool {
    all(a, b, &|a, b| same(a, b, slack))
}

/// Whether the same rows are there, each as often.
pub(super) fn in_any_order(a: &[Value], b: &[Value], slack: Slack) -> bool {
    let mut left: Vec<&Value> = b.iter().collect();
    let mut take = |wanted: &Value| {
        let found = left.iter().position(|it| same(wanted, it, slack));
        found.map(|index| left.swap_remove(index)).is_some()
    };
    a.len() == b.len() && a.iter().all(&mut take)
}

fn all(a: &[Value], b: &[Value], equal: &dyn Fn(&Value, &Value) -> bool) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
}

fn members(
    a: &Map<String, Value>,
    b: &Map<String, Value>,
    equal: &dyn Fn(&Value, &Value) -> bool,
) -> bool {
    a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
}

fn same(a: &Value, b: &Value, slack: Slack) -> bool {
    let equal = |a: &Value, b: &Value| same(a, b, slack);
    match (a, b) {
        (Value::Number(x), Value::Number(y)) if x != y => {
            let (x, y) = (x.as_f64().unwrap(), y.as_f64().unwrap());
            let distance = (slack.tolerance * x.abs().max(y.abs())).max(1e-12);
            x == y || (slack.tolerance > 0.0 && (x - y).abs() <= distance)
        }
        (Value::Array(a), Value::Array(b)) if slack.has_sets => in_any_order(a, b, slack),
        (Value::Array(a), Value::Array(b)) => all(a, b, &equal),
        (Value::Object(a), Value::Object(b)) => members(a, b, &equal),
        _ => a == b,
    }
}

/// Whether values have the same members and types.
pub(super) fn same_shape(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => true,
        (Value::Bool(_), Value::Bool(_)) | (Value::Null, Value::Null) => true,
        // Times have a form of one length.
        (Value::String(a), Value::String(b)) => !a.ends_with('Z') || a.len() == b.len(),
        (Value::Array(a), Value::Array(b)) => all(a, b, &same_shape),
        (Value::Object(a), Value::Object(b)) => members(a, b, &same_shape),
        _ => false,
    }
}
