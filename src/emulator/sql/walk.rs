//! What lies directly below a node of the syntax tree, for whoever has to visit all of it.

use super::ast::{Collection, Expr, From, OrderBy, Projection, Query, Source};

/// The expressions directly below an expression; those of a subquery are the subquery's.
pub(crate) fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Literal(_) | Expr::Parameter(_) | Expr::Name(..) => Vec::new(),
        Expr::Subquery(_) | Expr::Exists(_) | Expr::ArrayOf(_) | Expr::Quantified(..) => Vec::new(),
        Expr::Property(inner, _) | Expr::Unary(_, inner) => vec![inner],
        Expr::Index(left, right) | Expr::Binary(_, left, right) => vec![left, right],
        Expr::Conditional(condition, yes, no) => vec![condition, yes, no],
        Expr::In { needle, list, .. } => std::iter::once(&**needle).chain(list).collect(),
        Expr::Between { value, low, high, .. } => vec![value, low, high],
        Expr::Like { value, pattern, .. } => vec![value, pattern],
        Expr::Array(elements) => elements.iter().collect(),
        Expr::Object(members) => members.iter().map(|(_, member)| member).collect(),
        Expr::Call { args, .. } => args.iter().collect(),
    }
}

/// Like [`children`], to change them.
pub(crate) fn children_mut(expr: &mut Expr) -> Vec<&mut Expr> {
    match expr {
        Expr::Literal(_) | Expr::Parameter(_) | Expr::Name(..) => Vec::new(),
        Expr::Subquery(_) | Expr::Exists(_) | Expr::ArrayOf(_) | Expr::Quantified(..) => Vec::new(),
        Expr::Property(inner, _) | Expr::Unary(_, inner) => vec![inner],
        Expr::Index(left, right) | Expr::Binary(_, left, right) => vec![left, right],
        Expr::Conditional(condition, yes, no) => vec![condition, yes, no],
        Expr::In { needle, list, .. } => std::iter::once(&mut **needle).chain(list).collect(),
        Expr::Between { value, low, high, .. } => vec![value, low, high],
        Expr::Like { value, pattern, .. } => vec![value, pattern],
        Expr::Array(elements) => elements.iter_mut().collect(),
        Expr::Object(members) => members.iter_mut().map(|(_, member)| member).collect(),
        Expr::Call { args, .. } => args.iter_mut().collect(),
    }
}

/// The query that an expression runs.
pub(crate) fn subquery(expr: &Expr) -> Option<&Query> {
    match expr {
        Expr::Subquery(query)
        | Expr::Exists(query)
        | Expr::ArrayOf(query)
        | Expr::Quantified(_, query) => Some(query),
        _ => None,
    }
}

/// Like [`subquery`], to change it.
pub(crate) fn subquery_mut(expr: &mut Expr) -> Option<&mut Query> {
    match expr {
        Expr::Subquery(query)
        | Expr::Exists(query)
        | Expr::ArrayOf(query)
        | Expr::Quantified(_, query) => Some(query),
        _ => None,
    }
}

/// The selected expressions of a query.
pub(crate) fn selected(projection: &Projection) -> Vec<&Expr> {
    match projection {
        Projection::Star => Vec::new(),
        Projection::Value(expr) => vec![expr],
        Projection::List(items) => items.iter().map(|item| &item.expr).collect(),
    }
}

/// The expressions of a query's clauses, not those of the subqueries in its `FROM`.
pub(crate) fn expressions_mut(query: &mut Query) -> Vec<&mut Expr> {
    let mut found: Vec<&mut Expr> = match &mut query.select.projection {
        Projection::Star => Vec::new(),
        Projection::Value(expr) => vec![expr],
        Projection::List(items) => items.iter_mut().map(|item| &mut item.expr).collect(),
    };
    found.extend(&mut query.filter);
    found.extend(&mut query.group_by);
    match &mut query.order_by {
        Some(OrderBy::Items(items)) => found.extend(items.iter_mut().map(|item| &mut item.expr)),
        Some(OrderBy::Rank(expr)) => found.push(expr),
        None => {}
    }
    found
}

/// The sources of a `FROM`, from left to right.
pub(crate) fn sources(from: &From) -> impl Iterator<Item = &Source> {
    std::iter::once(&from.source).chain(&from.joins)
}

/// The subqueries in a `FROM`.
pub(crate) fn source_queries_mut(from: &mut From) -> impl Iterator<Item = &mut Query> {
    std::iter::once(&mut from.source).chain(&mut from.joins).filter_map(|source| {
        let (Source::Alias { collection, .. } | Source::Iterate { collection, .. }) = source;
        match collection {
            Collection::Subquery(query) => Some(&mut **query),
            Collection::Path { .. } => None,
        }
    })
}
