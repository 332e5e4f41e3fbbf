//! Arithmetic on 64-bit integers. What is no such integer, or leads to none, is undefined.

use super::Function;
use super::arguments::integer;
use crate::emulator::sql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    row!("IntAdd", 2..=2, |args| binary(args, i64::checked_add)),
    row!("IntSub", 2..=2, |args| binary(args, i64::checked_sub)),
    row!("IntMul", 2..=2, |args| binary(args, i64::checked_mul)),
    row!("IntDiv", 2..=2, |args| binary(args, i64::checked_div)),
    row!("IntMod", 2..=2, |args| binary(args, i64::checked_rem)),
    row!("IntBitAnd", 2..=2, |args| binary(args, and)),
    row!("IntBitOr", 2..=2, |args| binary(args, or)),
    row!("IntBitXor", 2..=2, |args| binary(args, xor)),
    row!("IntBitNot", 1..=1, not),
    row!("IntBitLeftShift", 2..=2, |args| binary(args, shift_left)),
    row!("IntBitRightShift", 2..=2, |args| binary(args, shift_right)),
    // The names that the .NET SDK knows for the same functions.
    row!("IntBitwiseAnd", 2..=2, |args| binary(args, and)),
    row!("IntBitwiseOr", 2..=2, |args| binary(args, or)),
    row!("IntBitwiseXor", 2..=2, |args| binary(args, xor)),
    row!("IntBitwiseNot", 1..=1, not),
    row!("IntBitwiseLeftShift", 2..=2, |args| binary(args, shift_left)),
    row!("IntBitwiseRightShift", 2..=2, |args| binary(args, shift_right)),
];

fn binary(args: &[Value], function: fn(i64, i64) -> Option<i64>) -> Option<i64> {
    function(integer(args, 0)?, integer(args, 1)?)
}

fn and(a: i64, b: i64) -> Option<i64> {
    Some(a & b)
}

fn or(a: i64, b: i64) -> Option<i64> {
    Some(a | b)
}

fn xor(a: i64, b: i64) -> Option<i64> {
    Some(a ^ b)
}

fn not(args: &[Value]) -> Option<i64> {
    integer(args, 0).map(|it| !it)
}

/// Shifting by the width or more leaves nothing, shifting by a negative count makes no sense.
fn shift_left(value: i64, count: i64) -> Option<i64> {
    let count = u32::try_from(count.min(64)).ok()?;
    Some(value.checked_shl(count).unwrap_or(0))
}

/// Keeps the sign.
fn shift_right(value: i64, count: i64) -> Option<i64> {
    u32::try_from(count.min(63)).ok().map(|count| value >> count)
}

#[cfg(test)]
mod tests {
    use crate::emulator::sql::functions::tests::check;

    #[test]
    fn integers_are_computed_exactly() {
        check(&[
            ("IntAdd(20, 10)", "30"),
            ("IntAdd(9007199254740993, 1)", "9007199254740994"),
            ("IntSub(3, 4)", "-1"),
            ("IntMul(5, -2)", "-10"),
            ("IntDiv(10, -2)", "-5"),
            ("IntDiv(7, 2)", "3"),
            ("IntDiv(-7, 2)", "-3"),
            ("IntMod(12, -5)", "2"),
            ("IntMod(-12, -5)", "-2"),
            ("IntBitAnd(12, 10)", "8"),
            ("IntBitOr(12, 10)", "14"),
            ("IntBitwiseXor(12, 10)", "6"),
            ("IntBitNot(-1)", "0"),
            ("IntBitLeftShift(16, 4)", "256"),
            ("IntBitLeftShift(1, 63)", "-9223372036854775808"),
            ("IntBitLeftShift(1, 64)", "0"),
            ("IntBitRightShift(1024, 3)", "128"),
            ("IntBitRightShift(-8, 1)", "-4"),
            ("IntBitRightShift(-8, 9223372036854775807)", "-1"),
        ]);
    }

    #[test]
    fn what_is_no_integer_is_undefined() {
        check(&[
            ("IntAdd(20, 0.10)", "undefined"),
            ("IntAdd(\"1\", 2)", "undefined"),
            ("IntAdd(9223372036854775807, 1)", "undefined"),
            ("IntMul(9223372036854775807, 2)", "undefined"),
            ("IntDiv(10, 0)", "undefined"),
            ("IntDiv(-9223372036854775808, -1)", "undefined"),
            ("IntMod(12, 0)", "undefined"),
            ("IntMod(-9223372036854775808, -1)", "undefined"),
            ("IntBitLeftShift(16, 0.4)", "undefined"),
            ("IntBitLeftShift(16, -1)", "undefined"),
            ("IntBitRightShift(16, -1)", "undefined"),
            ("IntBitNot(18446744073709551615)", "undefined"),
        ]);
    }
}
