//! The built-in scalar functions, a table for each family.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::environment::Environment;
use super::value::Value;

/// A row of a family's table, for a function that looks at its arguments only; `None` is undefined.
macro_rules! row {
    ($name:literal, $min:literal ..= $max:literal, $function:expr) => {
        row!(@ $name, $min, Some($max), $function)
    };
    ($name:literal, $min:literal .., $function:expr) => {
        row!(@ $name, $min, None, $function)
    };
    (@ $name:literal, $min:literal, $max:expr, $function:expr) => {
        Function {
            name: $name,
            min: $min,
            max: $max,
            eval: |args, _| super::or_undefined($function(args)),
        }
    };
}

mod arguments;
mod array;
mod conditional;
mod datetime;
mod integer;
mod item;
mod math;
mod regex;
mod set;
mod string;
mod text_parse;
mod type_check;

/// A built-in scalar function.
pub(crate) struct Function {
    /// The name as the service's gateway prints it in a rewritten query.
    pub(crate) name: &'static str,
    /// The fewest arguments.
    pub(crate) min: usize,
    /// The most arguments; `None` where there is no limit.
    pub(crate) max: Option<usize>,
    /// Its value for these arguments; the count has been checked.
    pub(crate) eval: fn(&[Value], &Environment<'_>) -> Value,
}

const FAMILIES: &[&[Function]] = &[
    array::FUNCTIONS,
    conditional::FUNCTIONS,
    datetime::FUNCTIONS,
    integer::FUNCTIONS,
    item::FUNCTIONS,
    math::FUNCTIONS,
    regex::FUNCTIONS,
    set::FUNCTIONS,
    string::FUNCTIONS,
    text_parse::FUNCTIONS,
    type_check::FUNCTIONS,
];

/// The function of that name, in any case. Internal names, with a leading underscore, must match exactly.
pub(crate) fn lookup(name: &str) -> Option<&'static Function> {
    static BY_NAME: OnceLock<HashMap<String, &'static Function>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| {
        all().map(|function| (function.name.to_ascii_uppercase(), function)).collect()
    });
    let function = by_name.get(&name.to_ascii_uppercase()).copied()?;
    (!function.name.starts_with('_') || function.name == name).then_some(function)
}

fn all() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().copied().flatten()
}

fn or_undefined<T: Into<Value>>(value: Option<T>) -> Value {
    value.map_or(Value::Undefined, Into::into)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_occur_once() {
        assert_eq!(lookup("is_ARRAY").unwrap().name, "IS_ARRAY");
        assert!(lookup("IS_NOT_THERE").is_none());
        let mut names: Vec<_> = all().map(|it| it.name.to_ascii_uppercase()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    /// The value of `NAME(arguments)`, the arguments in JSON, `undefined` allowed at the top level.
    pub(super) fn call(name: &str, arguments: &str) -> Value {
        let function = lookup(name).unwrap_or_else(|| panic!("no function {name}"));
        let arguments = read_arguments(arguments);
        assert!(arguments.len() >= function.min, "{name}: too few arguments");
        assert!(function.max.is_none_or(|max| arguments.len() <= max), "{name}: too many");
        (function.eval)(&arguments, &Environment::bare(SystemTime::UNIX_EPOCH))
    }

    /// Checks rows of a call such as `ABS(-1)` and its result as JSON, or `undefined`.
    pub(super) fn check(rows: &[(&str, &str)]) {
        for (text, expected) in rows {
            let (name, rest) = text.split_once('(').unwrap();
            let actual = call(name, rest.strip_suffix(')').unwrap());
            let actual = if actual.is_undefined() { "undefined".into() } else { actual.to_json() };
            assert_eq!(actual, *expected, "{text}");
        }
    }

    /// Like [`check`], for numbers that need not agree in the last digits.
    pub(super) fn check_about(rows: &[(&str, f64)], tolerance: f64) {
        for (text, expected) in rows {
            let (name, rest) = text.split_once('(').unwrap();
            let actual = call(name, rest.strip_suffix(')').unwrap()).as_f64().unwrap();
            let error = (actual - expected).abs() / expected.abs().max(1e-300);
            assert!(error <= tolerance, "{text}: {actual} is not {expected}");
        }
    }

    fn read_arguments(text: &str) -> Vec<Value> {
        const MARK: &str = "\u{1}undefined";
        let marked = text.replace("undefined", "\"\\u0001undefined\"");
        let values = Value::from_json(format!("[{marked}]").as_bytes()).unwrap();
        values.as_array().unwrap().iter().map(|value| restore(value, MARK)).collect()
    }

    fn restore(value: &Value, mark: &str) -> Value {
        match value {
            Value::String(text) if &**text == mark => Value::Undefined,
            Value::Array(elements) => {
                Value::array(elements.iter().map(|element| restore(element, mark)).collect())
            }
            _ => value.clone(),
        }
    }
}
