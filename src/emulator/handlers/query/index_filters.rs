//! The conditions of a query that an index can serve, and the paths that they are on.

use std::collections::HashMap;
use std::sync::Arc;

use crate::emulator::sql::ast::{BinaryOp, Collection, Expr, Query, Source, Step, UnaryOp};
use crate::emulator::sql::naming::source_alias;
use crate::emulator::sql::value::Value;
use crate::emulator::sql::walk::{children, sources, subquery};

/// The names along a path; [`ELEMENT`] stands for any element of an array.
pub(super) type Path = Vec<String>;

/// The step into an array.
pub(super) const ELEMENT: &str = "[]";

/// Functions that look up their first argument in an index.
const SERVED_FUNCTIONS: [&str; 11] = [
    "STARTSWITH",
    "ENDSWITH",
    "CONTAINS",
    "STRINGEQUALS",
    "REGEXMATCH",
    "IS_DEFINED",
    "IS_NULL",
    "IS_BOOL",
    "IS_NUMBER",
    "IS_STRING",
    "IS_PRIMITIVE",
];

/// How a filter can take part in a composite index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Equality,
    Range,
    /// It is one of several alternatives, or on the elements of an array.
    Alone,
}

/// A comparison that an index can serve.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) path: Path,
    pub(super) role: Role,
}

/// What the aliases of a query stand for.
pub(super) type Aliases = HashMap<Arc<str>, Path>;

/// The filters of a query and its subqueries. How deep it goes, the parser has bounded.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) filters: Vec<Filter>,
}

impl Survey {
    /// Adds the filters of a query, and answers what its aliases stand for.
    pub(super) fn query(&mut self, query: &Query, outer: &Aliases) -> Aliases {
        let mut aliases = outer.clone();
        for (index, source) in query.from.iter().flat_map(sources).enumerate() {
            // The first source of all is the container, whatever it is called.
            self.source(source, &mut aliases, outer.is_empty() && index == 0);
        }
        if let Some(filter) = &query.filter {
            self.filter(filter, &aliases, outer.is_empty());
        }
        aliases
    }

    fn source(&mut self, source: &Source, aliases: &mut Aliases, is_container: bool) {
        let (Source::Alias { collection, .. } | Source::Iterate { collection, .. }) = source;
        let path = match collection {
            Collection::Path { root, steps, .. } => {
                let base =
                    if is_container { Some(Path::new()) } else { aliases.get(root).cloned() };
                let is_iterated = matches!(source, Source::Iterate { .. });
                let element = is_iterated.then(|| ELEMENT.to_owned());
                base.map(|it| {
                    it.into_iter().chain(steps.iter().map(step_name)).chain(element).collect()
                })
            }
            Collection::Subquery(query) => {
                self.query(query, aliases);
                None
            }
        };
        match (source_alias(source), path) {
            (Some(alias), Some(path)) => aliases.insert(alias, path),
            (Some(alias), None) => aliases.remove(&alias),
            (None, _) => None,
        };
    }

    /// Adds the filters of a condition; `required` where no item passes without it.
    fn filter(&mut self, expr: &Expr, aliases: &Aliases, required: bool) {
        match expr {
            Expr::Binary(BinaryOp::And, left, right) => {
                self.filter(left, aliases, required);
                self.filter(right, aliases, required);
            }
            Expr::Binary(BinaryOp::Or, left, right) => {
                self.filter(left, aliases, false);
                self.filter(right, aliases, false);
            }
            Expr::Unary(UnaryOp::Not, inner) => self.filter(inner, aliases, false),
            Expr::Exists(query) => {
                self.query(query, aliases);
            }
            _ => {
                if let Some((path, role)) = served(expr, aliases)
                    && !path.is_empty()
                {
                    let is_composable = required && !path.iter().any(|it| it == ELEMENT);
                    let role = if is_composable { role } else { Role::Alone };
                    self.filters.push(Filter { path, role });
                }
            }
        }
    }
}

/// The path that a single condition looks up, and how.
fn served(expr: &Expr, aliases: &Aliases) -> Option<(Path, Role)> {
    let path = |expr: &Expr| path_of(expr, aliases);
    match expr {
        Expr::Binary(op, left, right) => {
            let role = comparison(*op)?;
            let (key, value) = if is_constant(left) { (right, left) } else { (left, right) };
            Some((is_constant(value).then(|| path(key))??, role))
        }
        Expr::In { needle, list, negated } => {
            let role = if *negated { Role::Range } else { Role::Equality };
            Some((list.iter().all(is_constant).then(|| path(needle))??, role))
        }
        Expr::Between { value, low, high, .. } => {
            let is_served = is_constant(low) && is_constant(high);
            Some((is_served.then(|| path(value))??, Role::Range))
        }
        Expr::Like { value, pattern, .. } => {
            Some((is_constant(pattern).then(|| path(value))??, Role::Range))
        }
        Expr::Call { name, udf: false, args, .. } => served_call(name, args, aliases),
        // A property by itself is looked up as `true`.
        _ => Some((path(expr)?, Role::Equality)),
    }
}

fn served_call(name: &str, args: &[Expr], aliases: &Aliases) -> Option<(Path, Role)> {
    let (first, rest) = args.split_first()?;
    if name.eq_ignore_ascii_case("ARRAY_CONTAINS") {
        if is_constant(first) {
            return Some((path_of(rest.first()?, aliases)?, Role::Equality));
        }
        let mut path = path_of(first, aliases)?;
        path.push(ELEMENT.to_owned());
        return rest.iter().all(is_constant).then_some((path, Role::Alone));
    }
    let is_served = SERVED_FUNCTIONS.iter().any(|it| name.eq_ignore_ascii_case(it));
    (is_served && rest.iter().all(is_constant))
        .then(|| Some((path_of(first, aliases)?, Role::Range)))?
}

fn comparison(op: BinaryOp) -> Option<Role> {
    match op {
        BinaryOp::Equal => Some(Role::Equality),
        BinaryOp::NotEqual
        | BinaryOp::Less
        | BinaryOp::LessOrEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterOrEqual => Some(Role::Range),
        _ => None,
    }
}

/// Whether an expression reads no item.
fn is_constant(expr: &Expr) -> bool {
    !matches!(expr, Expr::Name(..))
        && subquery(expr).is_none()
        && children(expr).into_iter().all(is_constant)
}

/// The path of an expression within an item; nothing where it is computed.
pub(super) fn path_of(expr: &Expr, aliases: &Aliases) -> Option<Path> {
    let (inner, step) = match expr {
        Expr::Name(name, _) => return aliases.get(name).cloned(),
        Expr::Property(inner, name) => (inner, name.to_string()),
        Expr::Index(inner, index) => match &**index {
            Expr::Literal(Value::String(name)) => (inner, name.to_string()),
            Expr::Literal(Value::Number(_)) => (inner, ELEMENT.to_owned()),
            _ => return None,
        },
        _ => return None,
    };
    let mut path = path_of(inner, aliases)?;
    path.push(step);
    Some(path)
}

fn step_name(step: &Step) -> String {
    match step {
        Step::Property(name) | Step::Quoted(name) => name.to_string(),
        Step::Index(_) => ELEMENT.to_owned(),
    }
}
