//! Questions about the type of a value. They are never undefined themselves: of undefined they are false.

use super::{Function, datetime};
use crate::emulator::sql::value::{Number, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    row!("IS_ARRAY", 1..=1, |args| is(args, |it| matches!(it, Value::Array(_)))),
    row!("IS_BOOL", 1..=1, |args| is(args, |it| matches!(it, Value::Bool(_)))),
    row!("IS_BOOLEAN", 1..=1, |args| is(args, |it| matches!(it, Value::Bool(_)))),
    row!("IS_DATETIME", 1..=1, |args| is(args, is_datetime)),
    row!("IS_DEFINED", 1..=1, |args| is(args, |it| !it.is_undefined())),
    row!("IS_FINITE_NUMBER", 1..=1, |args| is(args, is_finite)),
    row!("IS_INTEGER", 1..=1, |args| is(args, is_integer)),
    row!("IS_NULL", 1..=1, |args| is(args, |it| matches!(it, Value::Null))),
    row!("IS_NUMBER", 1..=1, |args| is(args, |it| matches!(it, Value::Number(_)))),
    row!("IS_OBJECT", 1..=1, |args| is(args, |it| matches!(it, Value::Object(_)))),
    row!("IS_PRIMITIVE", 1..=1, |args| is(args, is_primitive)),
    row!("IS_STRING", 1..=1, |args| is(args, |it| matches!(it, Value::String(_)))),
];

fn is(args: &[Value], question: fn(&Value) -> bool) -> Option<bool> {
    Some(args.first().is_some_and(question))
}

fn is_datetime(value: &Value) -> bool {
    value.as_str().and_then(datetime::parse).is_some()
}

fn is_finite(value: &Value) -> bool {
    value.as_number().is_some_and(Number::is_finite)
}

fn is_integer(value: &Value) -> bool {
    value.as_number().and_then(Number::as_i64).is_some()
}

fn is_primitive(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))
}

#[cfg(test)]
mod tests {
    use crate::emulator::sql::functions::tests::check;

    #[test]
    fn each_type_is_told_from_the_others() {
        let values = [
            ("true", "IS_BOOL IS_BOOLEAN IS_PRIMITIVE"),
            ("1.5", "IS_NUMBER IS_FINITE_NUMBER IS_PRIMITIVE"),
            ("-4", "IS_NUMBER IS_FINITE_NUMBER IS_INTEGER IS_PRIMITIVE"),
            ("\"value\"", "IS_STRING IS_PRIMITIVE"),
            ("\"2023-03-06\"", "IS_STRING IS_PRIMITIVE IS_DATETIME"),
            ("null", "IS_NULL IS_PRIMITIVE"),
            ("{\"a\":1}", "IS_OBJECT"),
            ("[1]", "IS_ARRAY"),
        ];
        for (value, names) in values {
            for function in super::FUNCTIONS {
                let yes = names.split(' ').any(|it| it == function.name);
                let yes = yes || function.name == "IS_DEFINED";
                check(&[(
                    &format!("{}({value})", function.name),
                    if yes { "true" } else { "false" },
                )]);
            }
        }
    }

    #[test]
    fn undefined_is_of_no_type() {
        for function in super::FUNCTIONS {
            check(&[(&format!("{}(undefined)", function.name), "false")]);
        }
    }

    #[test]
    fn integers_end_at_64_bits() {
        check(&[
            ("IS_INTEGER(3454.123)", "false"),
            ("IS_INTEGER(5523432)", "true"),
            ("IS_INTEGER(-9223372036854775808)", "true"),
            ("IS_INTEGER(9223372036854775807)", "true"),
            ("IS_INTEGER(18446744073709551615)", "false"),
        ]);
    }

    #[test]
    fn a_date_needs_no_time_but_a_time_needs_its_seconds() {
        for (text, valid) in [
            ("2024-12-12", true),
            ("2024-12-12Z", true),
            ("2024-12-12 20:21:25", true),
            ("2024-12-12T20:21:25Z", true),
            ("2024-12-12T20:21:25.123", true),
            ("2024-12-12 20:21:25.123Z", true),
            ("2023-03-06T15:29:59.1234567Z", true),
            ("2024-02-29", true),
            ("2024-12-12T20Z", false),
            ("2024-12-12 20:21:25.", false),
            ("2023-03-06T15:29:59.12345678Z", false),
            ("2023-03-06_15:29:59", false),
            ("23-03-06", false),
            ("2023-02-29", false),
            ("2023-13-01", false),
            ("0000-01-01", false),
            ("2023-01-01T24:00:00", false),
            ("２０２３-01-01", false),
        ] {
            let expected = if valid { "true" } else { "false" };
            check(&[(&format!("IS_DATETIME(\"{text}\")"), expected)]);
        }
    }
}
