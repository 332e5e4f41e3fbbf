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
mod full_text;
mod integer;
mod item;
mod math;
mod regex;
mod set;
mod spatial;
mod string;
mod text_parse;
mod type_check;
mod vector;

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
    full_text::FUNCTIONS,
    integer::FUNCTIONS,
    item::FUNCTIONS,
    math::FUNCTIONS,
    regex::FUNCTIONS,
    set::FUNCTIONS,
    spatial::FUNCTIONS,
    string::FUNCTIONS,
    text_parse::FUNCTIONS,
    type_check::FUNCTIONS,
    vector::FUNCTIONS,
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
mod tests;
