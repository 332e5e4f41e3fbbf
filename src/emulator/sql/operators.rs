//! What the operators make of their operands. Nothing is coerced: a wrong type gives undefined.

use std::cmp::Ordering;

use super::ast::{BinaryOp, UnaryOp};
use super::order::compare_scalars;
use super::value::{Number, Value};

/// The value of `left op right`, except for `AND`, `OR` and `??`, which do not always need both.
pub(crate) fn binary(op: BinaryOp, left: &Value, right: &Value) -> Value {
    use BinaryOp as Op;
    match op {
        Op::Or => or(left, right),
        Op::And => and(left, right),
        Op::Coalesce => {
            if left.is_undefined() {
                right.clone()
            } else {
                left.clone()
            }
        }
        Op::Equal => truth(equal(left, right)),
        Op::NotEqual => truth(equal(left, right).map(|it| !it)),
        Op::Less => ordered(left, right, Ordering::is_lt),
        Op::LessOrEqual => ordered(left, right, Ordering::is_le),
        Op::Greater => ordered(left, right, Ordering::is_gt),
        Op::GreaterOrEqual => ordered(left, right, Ordering::is_ge),
        Op::Concat => concatenate(left, right),
        Op::BitOr => bits(left, right, |a, b| a | b),
        Op::BitXor => bits(left, right, |a, b| a ^ b),
        Op::BitAnd => bits(left, right, |a, b| a & b),
        Op::ShiftLeft => bits(left, right, |a, b| a.wrapping_shl(b as u32)),
        Op::ShiftRight => bits(left, right, |a, b| a.wrapping_shr(b as u32)),
        Op::ShiftRightUnsigned => match (left, right) {
            (Value::Number(a), Value::Number(b)) => {
                let shifted = (int32(*a) as u32).wrapping_shr(int32(*b) as u32);
                Value::from(i64::from(shifted))
            }
            _ => Value::Undefined,
        },
        Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Modulo => match (left, right) {
            (Value::Number(a), Value::Number(b)) => Value::Number(arithmetic(op, *a, *b)),
            _ => Value::Undefined,
        },
    }
}

/// The value of `op operand`.
pub(crate) fn unary(op: UnaryOp, operand: &Value) -> Value {
    match (op, operand) {
        (UnaryOp::Not, Value::Bool(flag)) => Value::Bool(!flag),
        (UnaryOp::Plus, Value::Number(_)) => operand.clone(),
        (UnaryOp::Negate, Value::Number(number)) => {
            Value::Number(arithmetic(BinaryOp::Subtract, Number::Int(0), *number))
        }
        (UnaryOp::BitNot, Value::Number(number)) => Value::from(i64::from(!int32(*number))),
        _ => Value::Undefined,
    }
}

/// `left = right`: none where one is undefined or the types differ.
pub(crate) fn equal(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Null, Value::Null) => Some(true),
        (Value::Bool(a), Value::Bool(b)) => Some(a == b),
        (Value::Number(a), Value::Number(b)) => Some(a == b),
        (Value::String(a), Value::String(b)) => Some(a == b),
        (Value::Array(a), Value::Array(b)) => Some(a == b),
        (Value::Object(a), Value::Object(b)) => Some(a == b),
        _ => None,
    }
}

/// Three-valued `AND`: false wins over undefined.
pub(crate) fn and(left: &Value, right: &Value) -> Value {
    match (left.as_bool(), right.as_bool()) {
        (Some(false), _) | (_, Some(false)) => Value::Bool(false),
        (Some(true), Some(true)) => Value::Bool(true),
        _ => Value::Undefined,
    }
}

/// Three-valued `OR`: true wins over undefined.
pub(crate) fn or(left: &Value, right: &Value) -> Value {
    match (left.as_bool(), right.as_bool()) {
        (Some(true), _) | (_, Some(true)) => Value::Bool(true),
        (Some(false), Some(false)) => Value::Bool(false),
        _ => Value::Undefined,
    }
}

/// Integers stay exact as long as they fit into 64 bits; everything else is computed in doubles.
pub(crate) fn arithmetic(op: BinaryOp, left: Number, right: Number) -> Number {
    if let (Number::Int(a), Number::Int(b)) = (left, right) {
        let exact = match op {
            BinaryOp::Add => a.checked_add(b),
            BinaryOp::Subtract => a.checked_sub(b),
            BinaryOp::Multiply => a.checked_mul(b),
            BinaryOp::Modulo => a.checked_rem(b),
            // A whole quotient only: `checked_rem` is none for zero and for overflow.
            _ => a.checked_rem(b).filter(|rest| *rest == 0).map(|_| a / b),
        };
        if let Some(exact) = exact {
            return Number::Int(exact);
        }
    }
    let (a, b) = (left.as_f64(), right.as_f64());
    Number::from(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Subtract => a - b,
        BinaryOp::Multiply => a * b,
        BinaryOp::Modulo => a % b,
        _ => a / b,
    })
}

/// A truth value, or undefined.
pub(crate) fn truth(value: Option<bool>) -> Value {
    value.map_or(Value::Undefined, Value::Bool)
}

fn ordered(left: &Value, right: &Value, test: fn(Ordering) -> bool) -> Value {
    match (left, right) {
        // Nothing is less or greater than NaN, which still is a number.
        (Value::Number(_), Value::Number(_)) => {
            Value::Bool(compare_scalars(left, right).is_some_and(test))
        }
        _ => truth(compare_scalars(left, right).map(test)),
    }
}

fn concatenate(left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::String(a), Value::String(b)) => Value::from([&**a, &**b].concat()),
        _ => Value::Undefined,
    }
}

fn bits(left: &Value, right: &Value, op: fn(i32, i32) -> i32) -> Value {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => Value::from(i64::from(op(int32(*a), int32(*b)))),
        _ => Value::Undefined,
    }
}

/// The number as JavaScript's bitwise operators see it: the lowest 32 bits of its whole part.
fn int32(number: Number) -> i32 {
    match number {
        Number::Int(value) => value as i32,
        Number::UInt(value) => value as i32,
        Number::Float(value) if value.is_finite() => {
            (value.trunc() % 4_294_967_296.0) as i64 as i32
        }
        Number::Float(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(op: BinaryOp, left: Number, right: Number) -> String {
        Value::Number(arithmetic(op, left, right)).to_json()
    }

    #[test]
    fn integers_are_exact_until_they_overflow() {
        use Number::{Float, Int};
        for (op, left, right, expected) in [
            (BinaryOp::Add, Int(9_007_199_254_740_993), Int(1), "9007199254740994"),
            (BinaryOp::Add, Int(i64::MAX), Int(1), "9.2233720368547758e+18"),
            (BinaryOp::Divide, Int(1), Int(3), "0.33333333333333331"),
            (BinaryOp::Divide, Int(6), Int(3), "2"),
            (BinaryOp::Divide, Int(i64::MIN), Int(-1), "9.2233720368547758e+18"),
            (BinaryOp::Divide, Int(1), Int(0), "Infinity"),
            (BinaryOp::Modulo, Int(-7), Int(2), "-1"),
            (BinaryOp::Modulo, Int(7), Int(0), "NaN"),
            (BinaryOp::Add, Float(0.1), Float(0.2), "0.30000000000000004"),
            (BinaryOp::Multiply, Float(0.5), Int(2), "1"),
        ] {
            assert_eq!(number(op, left, right), expected, "{left:?} {op:?} {right:?}");
        }
    }

    #[test]
    fn bitwise_operators_work_on_32_bits() {
        for (op, left, right, expected) in [
            (BinaryOp::BitOr, 4_294_967_296.0, 0.0, "0"),
            (BinaryOp::ShiftRightUnsigned, -1.0, 0.0, "4294967295"),
            (BinaryOp::ShiftRight, -8.0, 1.0, "-4"),
            (BinaryOp::ShiftLeft, 1.0, 33.0, "2"),
            (BinaryOp::BitXor, 100.7, 1000.0, "908"),
            (BinaryOp::BitAnd, -1e300, 1.0, "0"),
        ] {
            let value = binary(op, &Value::from(left), &Value::from(right));
            assert_eq!(value.to_json(), expected, "{left} {op:?} {right}");
        }
        assert_eq!(unary(UnaryOp::BitNot, &Value::from(0.0)).to_json(), "-1");
    }

    #[test]
    fn values_of_different_types_are_neither_equal_nor_different() {
        let values = ["null", "true", "1", "\"1\"", "[1]", r#"{"a":1}"#]
            .map(|text| Value::from_json(text.as_bytes()).unwrap());
        for (i, left) in values.iter().enumerate() {
            for (j, right) in values.iter().enumerate() {
                let expected = (i == j).then_some(true);
                assert_eq!(equal(left, right), expected, "{left:?} {right:?}");
            }
            assert_eq!(equal(left, &Value::Undefined), None);
        }
    }

    #[test]
    fn logic_has_three_values() {
        let (t, f, u) = (Value::Bool(true), Value::Bool(false), Value::Null);
        for (left, right, both, either) in [
            (&t, &u, None, Some(true)),
            (&u, &t, None, Some(true)),
            (&f, &u, Some(false), None),
            (&u, &f, Some(false), None),
            (&u, &u, None, None),
            (&t, &f, Some(false), Some(true)),
        ] {
            assert_eq!(and(left, right), truth(both), "{left:?} AND {right:?}");
            assert_eq!(or(left, right), truth(either), "{left:?} OR {right:?}");
        }
    }
}
