//! Values that expressions have whatever the data.

use std::cmp::Ordering;
use std::time::SystemTime;

use super::planar;
use crate::emulator::sql::ast::{BinaryOp, Expr, UnaryOp};
use crate::emulator::sql::environment::Environment;
use crate::emulator::sql::functions;
use crate::emulator::sql::value::{Number, Object, Value};

/// What space the container's geometries are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Space {
    /// The round earth.
    #[default]
    Geography,
    /// The flat plane.
    Geometry,
}

/// The value of an expression that needs no data; nothing if it does, or if it is not worth finding out.
pub(super) fn constant(expr: &Expr, space: Space) -> Option<Value> {
    let all = |exprs: &[Expr]| -> Option<Vec<Value>> {
        exprs.iter().map(|it| constant(it, space)).collect()
    };
    match expr {
        Expr::Literal(value) => Some(value.clone()),
        Expr::Array(elements) => Some(Value::array(all(elements)?)),
        Expr::Object(members) => {
            let members: Option<Object> = members
                .iter()
                .map(|(name, member)| Some((name.clone(), constant(member, space)?)))
                .collect();
            members.map(Value::from)
        }
        Expr::Unary(UnaryOp::Negate, operand) => {
            let number = constant(operand, space)?.as_number()?;
            Some(Value::Number(Number::from(-number.as_f64())))
        }
        Expr::Binary(op, left, right) if is_comparison(*op) => {
            compare(*op, &constant(left, space)?, &constant(right, space)?)
        }
        Expr::Call { name, udf: false, args, .. } => call(name, &all(args)?, space),
        _ => None,
    }
}

fn call(name: &str, args: &[Value], space: Space) -> Option<Value> {
    if is_volatile(name) {
        return None;
    }
    if space == Space::Geometry && name.get(..3).is_some_and(|it| it.eq_ignore_ascii_case("ST_")) {
        return planar::call(name, args);
    }
    let function = functions::lookup(name)?;
    let enough = args.len() >= function.min && function.max.is_none_or(|max| args.len() <= max);
    enough.then(|| (function.eval)(args, &Environment::bare(SystemTime::UNIX_EPOCH)))
}

/// Whether a function has another value each time.
fn is_volatile(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    upper.starts_with("GETCURRENT")
        || matches!(upper.as_str(), "RAND" | "NOW" | "AGO" | "DOCUMENTID")
}

pub(super) fn is_comparison(op: BinaryOp) -> bool {
    use BinaryOp::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    matches!(op, Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual)
}

/// The result of a comparison of numbers, strings or booleans with their like.
fn compare(op: BinaryOp, left: &Value, right: &Value) -> Option<Value> {
    let order = match (left, right) {
        (Value::Number(left), Value::Number(right)) if left == right => Ordering::Equal,
        (Value::Number(left), Value::Number(right)) => {
            left.as_f64().partial_cmp(&right.as_f64())?
        }
        (Value::String(left), Value::String(right)) => {
            left.encode_utf16().cmp(right.encode_utf16())
        }
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        _ => return None,
    };
    Some(Value::Bool(match op {
        BinaryOp::Equal => order.is_eq(),
        BinaryOp::NotEqual => order.is_ne(),
        BinaryOp::Less => order.is_lt(),
        BinaryOp::LessOrEqual => order.is_le(),
        BinaryOp::Greater => order.is_gt(),
        BinaryOp::GreaterOrEqual => order.is_ge(),
        _ => return None,
    }))
}
