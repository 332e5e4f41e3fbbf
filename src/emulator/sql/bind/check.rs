//! The rules that a query has to keep whatever the data.

use std::collections::HashSet;
use std::sync::Arc;

use super::function::Functions;
use super::{Aggregate, grouping};
use crate::emulator::sql::ast::{
    Collection, Expr, From, OrderBy, OrderItem, Projection, Query, SelectItem, Source, Span,
};
use crate::emulator::sql::error::{Problem, SqlError};
use crate::emulator::sql::naming::{column_names, source_alias};
use crate::emulator::sql::operand::repeated;
use crate::emulator::sql::value::Value;
use crate::emulator::sql::walk;

const MAX_JOINS: usize = 10;
const MAX_UDFS: usize = 10;
const MAX_RRF: usize = 100;
const MAX_TERMS: usize = 30;

/// The first mistake of a query, if it has one.
pub(super) fn check(query: &Query, functions: Functions) -> Result<(), SqlError> {
    Checker { functions, names: Vec::new(), joins: 0, udfs: 0 }.query(query, true)
}

struct Checker {
    functions: Functions,
    /// The aliases in scope, the innermost last.
    names: Vec<Arc<str>>,
    joins: usize,
    udfs: usize,
}

/// Where an expression stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the select list.
    Select,
    /// In the argument of an aggregate.
    Aggregate,
    /// In `ORDER BY RANK`.
    Rank,
    Elsewhere,
}

impl Checker {
    /// Checks a query; one that stands for the container itself may name it as it likes.
    fn query(&mut self, query: &Query, outermost: bool) -> Result<(), SqlError> {
        let outer = self.names.len();
        if let Some(from) = &query.from {
            self.from(from, outermost)?;
        }
        for expr in walk::selected(&query.select.projection) {
            self.expr(expr, Place::Select)?;
        }
        for expr in query.filter.iter().chain(&query.group_by) {
            self.expr(expr, Place::Elsewhere)?;
        }
        if let Projection::List(items) = &query.select.projection {
            unrepeated(items)?;
        }
        self.order_by(query)?;
        let local = self.names.get(outer..).unwrap_or_default();
        grouping::check(query, local)?;
        self.names.truncate(outer);
        Ok(())
    }

    fn from(&mut self, from: &From, outermost: bool) -> Result<(), SqlError> {
        self.joins += from.joins.len();
        if self.joins > MAX_JOINS {
            return Err(SqlError::Refused(format!(
                "The SQL query exceeded the maximum number of joins. The allowed limit is {MAX_JOINS}."
            )));
        }
        for (index, source) in walk::sources(from).enumerate() {
            let (Source::Alias { collection, .. } | Source::Iterate { collection, .. }) = source;
            self.collection(collection, outermost && index == 0)?;
            self.names.extend(source_alias(source));
        }
        Ok(())
    }

    fn collection(&mut self, collection: &Collection, container: bool) -> Result<(), SqlError> {
        match collection {
            Collection::Subquery(query) => self.query(query, container),
            Collection::Path { .. } if container => Ok(()),
            Collection::Path { root, span, .. } => self.resolve(root, span),
        }
    }

    fn resolve(&self, name: &Arc<str>, span: &Span) -> Result<(), SqlError> {
        if self.names.contains(name) {
            return Ok(());
        }
        let message = format!("Identifier '{name}' could not be resolved.");
        Err(SqlError::at(span.clone(), "SC2001", message))
    }

    fn expr(&mut self, expr: &Expr, place: Place) -> Result<(), SqlError> {
        match expr {
            Expr::Name(name, span) => return self.resolve(name, span),
            Expr::Like { escape: Some(escape), .. } => check_escape(escape)?,
            Expr::Call { udf: true, .. } => self.user_function()?,
            Expr::Call { name, args, span, .. } => return self.call(name, args, span, place),
            _ => {}
        }
        if let Some(query) = walk::subquery(expr) {
            return self.query(query, false);
        }
        walk::children(expr).into_iter().try_for_each(|child| self.expr(child, place))
    }

    fn user_function(&mut self) -> Result<(), SqlError> {
        self.udfs += 1;
        if self.udfs <= MAX_UDFS {
            return Ok(());
        }
        Err(SqlError::Refused(format!(
            "The SQL query exceeded the maximum number of user-defined function references. The allowed limit is \
             {MAX_UDFS}."
        )))
    }

    fn call(
        &mut self,
        name: &str,
        args: &[Expr],
        span: &Span,
        place: Place,
    ) -> Result<(), SqlError> {
        let Some(arity) = (self.functions)(name) else {
            let end = span.start + name.encode_utf16().count();
            let message = format!("'{name}' is not a recognized built-in function name.");
            return Err(SqlError::at(span.start..end, "SC2005", message));
        };
        if !arity.takes(args.len()) {
            return Err(SqlError::at(span.clone(), "SC2050", arity.message(name)));
        }
        let aggregate = Aggregate::from_name(name).is_some();
        match place {
            Place::Aggregate if aggregate => return Err(nested_aggregate(span)),
            Place::Elsewhere | Place::Rank if aggregate => return Err(misplaced_aggregate(name)),
            _ => {}
        }
        ranking(name, args.len(), place)?;
        let inner = if aggregate { Place::Aggregate } else { place };
        args.iter().try_for_each(|arg| self.expr(arg, inner))
    }

    fn order_by(&mut self, query: &Query) -> Result<(), SqlError> {
        match &query.order_by {
            None => Ok(()),
            Some(OrderBy::Rank(expr)) => {
                if !is_ranking(expr) {
                    return Err(SqlError::Refused(
                        "The ORDER BY RANK clause must be followed by a scoring function: FullTextScore, \
                         VectorDistance or RRF."
                            .into(),
                    ));
                }
                self.expr(expr, Place::Rank)
            }
            Some(OrderBy::Items(items)) => items.iter().try_for_each(|item| self.order_item(item)),
        }
    }

    fn order_item(&mut self, item: &OrderItem) -> Result<(), SqlError> {
        self.expr(&item.expr, Place::Elsewhere)?;
        if is_path(&item.expr) || is_vector_distance(&item.expr) || is_score(&item.expr) {
            return Ok(());
        }
        Err(SqlError::Compile(vec![Problem {
            code: "2206",
            message: "Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path."
                .into(),
            span: None,
        }]))
    }
}

fn unrepeated(items: &[SelectItem]) -> Result<(), SqlError> {
    let mut seen = HashSet::with_capacity(items.len());
    for (name, item) in column_names(items).into_iter().zip(items) {
        if !seen.insert(name.clone()) {
            return Err(SqlError::at(item.span.clone(), "SC2022", repeated(&name)));
        }
    }
    Ok(())
}

fn check_escape(escape: &str) -> Result<(), SqlError> {
    let mut characters = escape.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) if character != '\\' => Ok(()),
        _ => Err(SqlError::Refused(
            "The ESCAPE character of a LIKE expression must be a single character other than a backslash."
                .into(),
        )),
    }
}

fn nested_aggregate(span: &Span) -> SqlError {
    let message = "Cannot perform an aggregate function on an expression containing an aggregate.";
    SqlError::at(span.clone(), "SC2101", message)
}

fn misplaced_aggregate(name: &str) -> SqlError {
    SqlError::Refused(format!(
        "The aggregate function {} is only allowed in a SELECT clause.",
        name.to_ascii_uppercase()
    ))
}

/// The scoring functions have their place, and limits of their own.
fn ranking(name: &str, count: usize, place: Place) -> Result<(), SqlError> {
    let rrf = name.eq_ignore_ascii_case("RRF");
    let score = name.eq_ignore_ascii_case("FULLTEXTSCORE");
    let message = match () {
        () if (rrf || score) && place != Place::Rank => format!(
            "The {} function is only allowed in the ORDER BY RANK clause.",
            if rrf { "RRF" } else { "FullTextScore" }
        ),
        () if rrf && count > MAX_RRF => {
            format!("The RRF function takes at most {MAX_RRF} arguments.")
        }
        () if score && count > MAX_TERMS + 1 => {
            format!("The FullTextScore function takes at most {MAX_TERMS} terms.")
        }
        () => return Ok(()),
    };
    Err(SqlError::Refused(message))
}

fn is_ranking(expr: &Expr) -> bool {
    matches!(expr, Expr::Call { name, udf: false, .. }
        if ["FULLTEXTSCORE", "VECTORDISTANCE", "RRF"].iter().any(|it| it.eq_ignore_ascii_case(name)))
}

fn is_vector_distance(expr: &Expr) -> bool {
    matches!(expr, Expr::Call { name, udf: false, .. } if name.eq_ignore_ascii_case("VECTORDISTANCE"))
}

/// The scores by which the component queries of a hybrid search are ordered.
fn is_score(expr: &Expr) -> bool {
    matches!(expr, Expr::Call { name, udf: false, .. }
        if ["_FULLTEXTSCORE", "_VECTORSCORE"].iter().any(|it| it.eq_ignore_ascii_case(name)))
}

/// Whether an expression is a path into an item.
fn is_path(expr: &Expr) -> bool {
    match expr {
        Expr::Name(..) => true,
        Expr::Property(base, _) => is_path(base),
        Expr::Index(base, index) => {
            matches!(&**index, Expr::Literal(Value::String(_) | Value::Number(_))) && is_path(base)
        }
        _ => false,
    }
}
