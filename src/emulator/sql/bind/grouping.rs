//! What a query with `GROUP BY` or aggregates may select.

use std::collections::HashSet;
use std::sync::Arc;

use super::Aggregate;
use crate::emulator::sql::ast::{Expr, Query, Span};
use crate::emulator::sql::error::SqlError;
use crate::emulator::sql::value::Value;
use crate::emulator::sql::{print, walk};

/// Every property of the query's own sources has to be grouped by, or stand in an aggregate.
pub(super) fn check(query: &Query, sources: &[Arc<str>]) -> Result<(), SqlError> {
    let selected = walk::selected(&query.select.projection);
    if query.group_by.is_empty() && !selected.iter().any(|expr| Aggregate::is_within(expr)) {
        return Ok(());
    }
    let groups = query.group_by.iter().map(text).collect();
    let grouping = Grouping { groups, sources };
    selected.into_iter().try_for_each(|expr| grouping.expr(expr))
}

struct Grouping<'a> {
    /// The grouped expressions as text, which leaves out where they stand.
    groups: HashSet<String>,
    sources: &'a [Arc<str>],
}

impl Grouping<'_> {
    fn expr(&self, expr: &Expr) -> Result<(), SqlError> {
        if Aggregate::of(expr).is_some() || self.is_grouped(expr) {
            return Ok(());
        }
        match self.reference(expr) {
            Some(span) => {
                let text = print::expr(expr);
                let end = span.start + text.encode_utf16().count();
                let message = format!(
                    "Property reference '{text}' is invalid in the select list because it is not contained in \
                     either an aggregate function or the GROUP BY clause."
                );
                Err(SqlError::at(span.start..end, "SC2102", message))
            }
            None => walk::children(expr).into_iter().try_for_each(|child| self.expr(child)),
        }
    }

    /// Whether an expression or, for a path, what it starts from is grouped by.
    fn is_grouped(&self, expr: &Expr) -> bool {
        if self.groups.is_empty() {
            return false;
        }
        let mut path = Some(expr);
        while let Some(expr) = path {
            if self.groups.contains(&text(expr)) {
                return true;
            }
            path = match expr {
                Expr::Property(base, _) | Expr::Index(base, _) => Some(&**base),
                _ => None,
            };
        }
        false
    }

    /// Where a path into one of the query's own sources starts.
    fn reference<'a>(&self, expr: &'a Expr) -> Option<&'a Span> {
        match expr {
            Expr::Name(name, span) => self.sources.contains(name).then_some(span),
            Expr::Property(base, _) | Expr::Index(base, _) => self.reference(base),
            _ => None,
        }
    }
}

/// An expression as text in which `c["name"]` and `c.name` are the same.
fn text(expr: &Expr) -> String {
    let mut expr = expr.clone();
    name_properties(&mut expr);
    print::expr(&expr)
}

fn name_properties(expr: &mut Expr) {
    if let Expr::Index(base, index) = expr
        && let Expr::Literal(Value::String(name)) = &**index
    {
        *expr = Expr::Property(base.clone(), name.clone());
    }
    for child in walk::children_mut(expr) {
        name_properties(child);
    }
}
