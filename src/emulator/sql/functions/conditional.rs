//! Choosing one of several values.

use super::Function;
use super::arguments::integer;
use crate::emulator::sql::value::Value;

pub(super) const FUNCTIONS: &[Function] =
    &[row!("CHOOSE", 2.., choose), row!("IIF", 3..=3, if_then_else)];

/// The value at a position that counts from one.
fn choose(args: &[Value]) -> Option<Value> {
    let position = usize::try_from(integer(args, 0)?).ok()?;
    if position == 0 { None } else { args.get(position).cloned() }
}

/// The last value unless the first is exactly `true`.
fn if_then_else(args: &[Value]) -> Option<Value> {
    let condition = args.first()?.is_true();
    args.get(if condition { 1 } else { 2 }).cloned()
}

#[cfg(test)]
mod tests {
    use crate::emulator::sql::functions::tests::check;

    #[test]
    fn choices_count_from_one() {
        check(&[
            ("CHOOSE(1, \"a\", \"b\")", "\"a\""),
            ("CHOOSE(2, \"a\", \"b\")", "\"b\""),
            ("CHOOSE(0, \"a\", \"b\")", "undefined"),
            ("CHOOSE(3, \"a\", \"b\")", "undefined"),
            ("CHOOSE(-1, \"a\", \"b\")", "undefined"),
            ("CHOOSE(1.5, \"a\", \"b\")", "undefined"),
            ("CHOOSE(\"1\", \"a\", \"b\")", "undefined"),
        ]);
    }

    #[test]
    fn only_true_is_true() {
        check(&[("IIF(true, 123, 456)", "123")]);
        for condition in ["false", "123", "\"ABC\"", "[1,2]", "{\"a\":1}", "null", "undefined"] {
            check(&[(&format!("IIF({condition}, 123, 456)"), "456")]);
        }
    }
}
