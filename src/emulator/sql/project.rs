//! SELECT: what a row looks like in the answer.

use std::borrow::Cow;

use super::error::SqlError;
use super::eval::{Frame, evaluate, object};
use super::program::{Program, Shape};
use super::value::Value;

/// The output for one row; undefined where `SELECT VALUE` has none.
pub(super) fn project(program: &Program, frame: &Frame<'_>) -> Result<Value, SqlError> {
    match &program.shape {
        Shape::Star => Ok(frame.slots.first().cloned().unwrap_or_default()),
        Shape::Value(node) => evaluate(node, frame).map(Cow::into_owned),
        Shape::Columns(columns) => object(columns, frame).map(Value::from),
    }
}
