//! How the functions read their arguments: `None` is the wrong type, and makes the result undefined.

use crate::emulator::sql::value::{Number, Value};

pub(super) fn text(args: &[Value], index: usize) -> Option<&str> {
    args.get(index)?.as_str()
}

pub(super) fn number(args: &[Value], index: usize) -> Option<f64> {
    args.get(index)?.as_f64()
}

/// A number without a fraction that fits 64 bits.
pub(super) fn integer(args: &[Value], index: usize) -> Option<i64> {
    args.get(index)?.as_number().and_then(Number::as_i64)
}

pub(super) fn array(args: &[Value], index: usize) -> Option<&[Value]> {
    args.get(index)?.as_array()
}

/// An argument that may be left out; one that is there is read, whatever it is.
pub(super) fn optional<'a, T>(
    args: &'a [Value],
    index: usize,
    default: T,
    read: impl FnOnce(&'a [Value], usize) -> Option<T>,
) -> Option<T> {
    if index < args.len() { read(args, index) } else { Some(default) }
}

/// An optional boolean that is false when it is left out.
pub(super) fn flag(args: &[Value], index: usize) -> Option<bool> {
    optional(args, index, false, |args, index| args.get(index)?.as_bool())
}
