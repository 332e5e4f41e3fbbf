//! From text to values and back.

use super::Function;
use super::arguments::text;
use crate::emulator::sql::value::{ExponentStyle, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    row!("StringToArray", 1..=1, |args| parse(args, |it| matches!(it, Value::Array(_)))),
    row!("StringToBoolean", 1..=1, |args| parse(args, |it| matches!(it, Value::Bool(_)))),
    row!("StringToNull", 1..=1, |args| parse(args, |it| matches!(it, Value::Null))),
    row!("StringToNumber", 1..=1, |args| parse(args, |it| matches!(it, Value::Number(_)))),
    row!("StringToObject", 1..=1, |args| parse(args, |it| matches!(it, Value::Object(_)))),
    row!("ToString", 1..=1, to_string),
];

/// The JSON value that the text is, if it is of the wanted kind.
fn parse(args: &[Value], wanted: fn(&Value) -> bool) -> Option<Value> {
    let value = Value::from_json(text(args, 0)?.as_bytes()).ok()?;
    wanted(&value).then_some(value)
}

/// Strings stay as they are, everything else is written as JSON. Exponents have three digits, as in stored items.
fn to_string(args: &[Value]) -> Option<Value> {
    let value = args.first()?;
    if matches!(value, Value::Undefined | Value::String(_)) {
        return Some(value.clone());
    }
    let mut text = String::new();
    value.write_json(ExponentStyle::ThreeDigits, &mut text);
    Some(Value::from(text))
}

#[cfg(test)]
mod tests {
    use crate::emulator::sql::functions::tests::{call, check};
    use crate::emulator::sql::functions::{Function, lookup};
    use crate::emulator::sql::value::Value;

    #[test]
    fn text_is_read_as_json_of_one_kind() {
        check(&[
            (r#"StringToNumber("100")"#, "100"),
            (r#"StringToNumber("3.14")"#, "3.14"),
            (r#"StringToNumber("   60   ")"#, "60"),
            (r#"StringToNumber("-1.79769e+308")"#, "-1.79769e+308"),
            (r#"StringToNumber("Hello")"#, "undefined"),
            (r#"StringToNumber("99     54")"#, "undefined"),
            (r#"StringToNumber("false")"#, "undefined"),
            (r#"StringToNumber(" ")"#, "undefined"),
            (r#"StringToNumber("NaN")"#, "undefined"),
            ("StringToNumber(false)", "undefined"),
            ("StringToNumber(undefined)", "undefined"),
            (r#"StringToObject("{}")"#, "{}"),
            (
                r#"StringToObject("{\"division\": {\"name\": \"Sales\"}}")"#,
                r#"{"division":{"name":"Sales"}}"#,
            ),
            (r#"StringToObject("{'price': 27.55}")"#, "undefined"),
            (r#"StringToObject("{a:[1,2,3]}")"#, "undefined"),
            (r#"StringToObject("}")"#, "undefined"),
            (r#"StringToObject("1")"#, "undefined"),
            (r#"StringToArray("[1,2,[]]")"#, "[1,2,[]]"),
            (r#"StringToArray("['5','6','7']")"#, "undefined"),
            (r#"StringToBoolean(" true ")"#, "true"),
            (r#"StringToBoolean("TRUE")"#, "undefined"),
            (r#"StringToBoolean("null")"#, "undefined"),
            ("StringToBoolean(true)", "undefined"),
            (r#"StringToNull("null")"#, "null"),
            (r#"StringToNull("true")"#, "undefined"),
        ]);
        let deep = Value::from("[".repeat(100_000));
        let function: &Function = lookup("StringToArray").unwrap();
        let environment =
            crate::emulator::sql::environment::Environment::bare(std::time::UNIX_EPOCH);
        assert!((function.eval)(&[deep], &environment).is_undefined());
    }

    #[test]
    fn values_are_written_compactly() {
        for (argument, expected) in [
            ("125", "125"),
            ("0.1234", "0.1234"),
            ("9007199254740993", "9007199254740993"),
            ("1e20", "1e+020"),
            ("false", "false"),
            ("null", "null"),
            ("[ 1, 2, 3 ]", "[1,2,3]"),
            ("{ \"department\": \"Bicycles\" }", "{\"department\":\"Bicycles\"}"),
            ("\"Hello World\"", "Hello World"),
        ] {
            assert_eq!(call("ToString", argument).as_str(), Some(expected));
        }
        check(&[("ToString(undefined)", "undefined")]);
        let function = lookup("ToString").unwrap();
        let environment =
            crate::emulator::sql::environment::Environment::bare(std::time::UNIX_EPOCH);
        let write = |value: f64| (function.eval)(&[Value::from(value)], &environment);
        assert_eq!(write(f64::NAN).as_str(), Some("NaN"));
        assert_eq!(write(f64::INFINITY).as_str(), Some("Infinity"));
    }
}
