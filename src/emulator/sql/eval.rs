//! The value of an expression for one row.

use std::borrow::Cow;
use std::sync::Arc;

use super::ast::{BinaryOp, Quantifier, UnaryOp};
use super::environment::Environment;
use super::error::SqlError;
use super::functions::Function;
use super::like::LikePattern;
use super::operators;
use super::program::{Node, Pattern, Program};
use super::subquery;
use super::value::{Number, Object, Value};

static UNDEFINED: Value = Value::Undefined;

/// The row for which expressions are evaluated, and the rows of the queries around it.
#[derive(Clone, Copy)]
pub(super) struct Frame<'v> {
    pub(super) environment: &'v Environment<'v>,
    pub(super) slots: &'v [Value],
    pub(super) aggregates: &'v [Value],
    pub(super) outer: Option<&'v Self>,
}

impl<'v> Frame<'v> {
    /// A row of the outermost level.
    pub(super) fn new(environment: &'v Environment<'v>, slots: &'v [Value]) -> Self {
        Self { environment, slots, aggregates: &[], outer: None }
    }

    /// A row of a query inside this one.
    pub(super) fn inner<'i>(&'i self, slots: &'i [Value]) -> Frame<'i> {
        Frame { environment: self.environment, slots, aggregates: &[], outer: Some(self) }
    }

    fn slot(&self, up: usize, index: usize) -> &'v Value {
        let mut frame = *self;
        for _ in 0..up {
            match frame.outer {
                Some(outer) => frame = *outer,
                None => return &UNDEFINED,
            }
        }
        frame.slots.get(index).unwrap_or(&UNDEFINED)
    }
}

/// The value of `node`. The depth of nodes is bounded by the parser.
pub(super) fn evaluate<'v>(node: &'v Node, frame: &Frame<'v>) -> Result<Cow<'v, Value>, SqlError> {
    Ok(match node {
        Node::Constant(value) => Cow::Borrowed(value),
        Node::Slot { up, index } => Cow::Borrowed(frame.slot(*up, *index)),
        Node::Aggregate(index) => Cow::Borrowed(frame.aggregates.get(*index).unwrap_or(&UNDEFINED)),
        Node::Property(base, name) => {
            member(&evaluate(base, frame)?, |base| base.as_object()?.get(name))
        }
        Node::Index(base, index) => {
            let base = evaluate(base, frame)?;
            let index = evaluate(index, frame)?;
            member(&base, |base| element(base, &index))
        }
        other => Cow::Owned(compute(other, frame)?),
    })
}

/// Whether the expression is exactly `true`.
pub(super) fn is_true(node: &Node, frame: &Frame<'_>) -> Result<bool, SqlError> {
    evaluate(node, frame).map(|value| value.is_true())
}

/// The value of a node that makes a new one.
fn compute(node: &Node, frame: &Frame<'_>) -> Result<Value, SqlError> {
    Ok(match node {
        Node::Unary(op, operand) => operators::unary(*op, &*evaluate(operand, frame)?),
        Node::Binary(op, left, right) => binary(*op, left, right, frame)?,
        Node::Conditional(condition, yes, no) => {
            let chosen = if is_true(condition, frame)? { yes } else { no };
            evaluate(chosen, frame)?.into_owned()
        }
        Node::In { needle, list, negated } => negate(is_in(needle, list, frame)?, *negated),
        Node::InStrings { needle, set, negated } => match &*evaluate(needle, frame)? {
            Value::String(text) => Value::Bool(set.contains(text) != *negated),
            _ => Value::Undefined,
        },
        Node::Between { value, low, high, negated } => {
            let value = evaluate(value, frame)?;
            let above =
                operators::binary(BinaryOp::GreaterOrEqual, &value, &*evaluate(low, frame)?);
            let below = operators::binary(BinaryOp::LessOrEqual, &value, &*evaluate(high, frame)?);
            negate(operators::and(&above, &below), *negated)
        }
        Node::Like { value, pattern, negated } => like(value, pattern, *negated, frame)?,
        Node::Array(elements) => array(elements, frame)?,
        Node::Object(members) => Value::from(object(members, frame)?),
        Node::Function(function, args) => call(function, args, frame)?,
        Node::UserFunction(name, args) => {
            frame.environment.udfs.call(name, &evaluate_all(args, frame)?)?
        }
        Node::Computed(program, item) => {
            let item = [evaluate(item, frame)?.into_owned()];
            subquery::scalar(program, &Frame::new(frame.environment, &item))?
        }
        Node::Subquery(program) => subquery::scalar(program, frame)?,
        Node::Exists(program) => Value::Bool(!subquery::rows(program, frame, 1)?.is_empty()),
        Node::ArrayOf(program) => Value::array(subquery::rows(program, frame, usize::MAX)?),
        Node::Quantified(quantifier, program) => quantified(*quantifier, program, frame)?,
        Node::Constant(_)
        | Node::Slot { .. }
        | Node::Aggregate(_)
        | Node::Property(..)
        | Node::Index(..) => evaluate(node, frame)?.into_owned(),
    })
}

/// A part of a value, without copying where the value itself is borrowed.
///
/// An integer beyond `i64` that is taken out of its item becomes a double, as on the service.
fn member<'v>(base: &Cow<'v, Value>, find: impl Fn(&Value) -> Option<&Value>) -> Cow<'v, Value> {
    let found = match base {
        Cow::Borrowed(base) => Cow::Borrowed(find(base).unwrap_or(&UNDEFINED)),
        Cow::Owned(base) => Cow::Owned(find(base).cloned().unwrap_or_default()),
    };
    match *found {
        Value::Number(Number::UInt(value)) => {
            Cow::Owned(Value::Number(Number::Float(value as f64)))
        }
        _ => found,
    }
}

fn element<'b>(base: &'b Value, index: &Value) -> Option<&'b Value> {
    match (base, index) {
        (Value::Object(object), Value::String(name)) => object.get(name),
        (Value::Array(elements), Value::Number(index)) => {
            elements.get(usize::try_from(index.as_i64()?).ok()?)
        }
        _ => None,
    }
}

fn binary(op: BinaryOp, left: &Node, right: &Node, frame: &Frame<'_>) -> Result<Value, SqlError> {
    let left = evaluate(left, frame)?;
    let decided = match op {
        BinaryOp::And => left.as_bool() == Some(false),
        BinaryOp::Or => left.is_true(),
        BinaryOp::Coalesce => !left.is_undefined(),
        _ => false,
    };
    if decided {
        return Ok(left.into_owned());
    }
    Ok(operators::binary(op, &left, &*evaluate(right, frame)?))
}

fn is_in(needle: &Node, list: &[Node], frame: &Frame<'_>) -> Result<Value, SqlError> {
    let needle = evaluate(needle, frame)?;
    let mut result = Value::Bool(false);
    for node in list {
        let equal = operators::equal(&needle, &*evaluate(node, frame)?);
        if equal == Some(true) {
            return Ok(Value::Bool(true));
        }
        result = operators::or(&result, &operators::truth(equal));
    }
    Ok(result)
}

fn negate(value: Value, negated: bool) -> Value {
    if negated { operators::unary(UnaryOp::Not, &value) } else { value }
}

fn like(
    value: &Node,
    pattern: &Pattern,
    negated: bool,
    frame: &Frame<'_>,
) -> Result<Value, SqlError> {
    let value = evaluate(value, frame)?;
    let Some(text) = value.as_str() else { return Ok(Value::Undefined) };
    let matches = match pattern {
        Pattern::Fixed(pattern) => pattern.matches(text),
        Pattern::Dynamic(node, escape) => match &*evaluate(node, frame)? {
            Value::String(pattern) => LikePattern::new(pattern, *escape).matches(text),
            _ => return Ok(Value::Undefined),
        },
    };
    Ok(Value::Bool(matches != negated))
}

/// Undefined elements are left out, as a hosted account does.
fn array(elements: &[Node], frame: &Frame<'_>) -> Result<Value, SqlError> {
    let mut values = evaluate_all(elements, frame)?;
    values.retain(|value| !value.is_undefined());
    Ok(Value::array(values))
}

/// The object with these members; undefined ones are left out.
pub(super) fn object(members: &[(Arc<str>, Node)], frame: &Frame<'_>) -> Result<Object, SqlError> {
    let mut object = Object::new();
    for (name, node) in members {
        let value = evaluate(node, frame)?;
        if !value.is_undefined() {
            object.insert(name.clone(), value.into_owned());
        }
    }
    Ok(object)
}

/// Most functions have one or two arguments; those need no list on the heap.
fn call(function: &Function, args: &[Node], frame: &Frame<'_>) -> Result<Value, SqlError> {
    let value = |node| evaluate(node, frame).map(Cow::into_owned);
    Ok(match args {
        [] => (function.eval)(&[], frame.environment),
        [one] => (function.eval)(&[value(one)?], frame.environment),
        [one, two] => (function.eval)(&[value(one)?, value(two)?], frame.environment),
        many => (function.eval)(&evaluate_all(many, frame)?, frame.environment),
    })
}

/// The values of several expressions.
pub(super) fn evaluate_all(nodes: &[Node], frame: &Frame<'_>) -> Result<Vec<Value>, SqlError> {
    nodes.iter().map(|node| evaluate(node, frame).map(Cow::into_owned)).collect()
}

fn quantified(
    quantifier: Quantifier,
    program: &Program,
    frame: &Frame<'_>,
) -> Result<Value, SqlError> {
    let limit = if quantifier == Quantifier::First { 1 } else { usize::MAX };
    let mut rows = subquery::rows(program, frame, limit)?;
    Ok(match quantifier {
        Quantifier::All => Value::Bool(rows.iter().all(Value::is_true)),
        Quantifier::First | Quantifier::Last => rows.pop().unwrap_or_default(),
    })
}
