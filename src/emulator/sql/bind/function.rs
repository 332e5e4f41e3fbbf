//! Which functions there are, and how many arguments they take.

use super::Aggregate;
use crate::emulator::sql::functions;

/// How many arguments a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arity {
    pub(crate) min: usize,
    /// Nothing where there is no limit.
    pub(crate) max: Option<usize>,
}

/// Finds the functions that a query may call.
pub(crate) type Functions = fn(&str) -> Option<Arity>;

/// The built-in functions, the aggregates among them.
pub(crate) fn built_in(name: &str) -> Option<Arity> {
    if let Some(function) = functions::lookup(name) {
        return Some(Arity { min: function.min, max: function.max });
    }
    Aggregate::from_name(name).map(|_| Arity { min: 1, max: Some(1) })
}

impl Arity {
    pub(crate) fn takes(self, count: usize) -> bool {
        count >= self.min && self.max.is_none_or(|max| count <= max)
    }

    /// The message for a call with another number of arguments.
    pub(super) fn message(self, name: &str) -> String {
        let name = functions::lookup(name).map_or(name, |function| function.name);
        match self.max {
            Some(max) if max == self.min => {
                format!("The {name} function requires {max} argument(s).")
            }
            Some(max) => format!("The {name} function requires {} to {max} argument(s).", self.min),
            None => format!("The {name} function requires at least {} argument(s).", self.min),
        }
    }
}
