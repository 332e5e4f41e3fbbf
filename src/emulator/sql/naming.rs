//! The names of the columns that a select list makes.

use std::sync::Arc;

use super::ast::{Collection, Expr, SelectItem, Source, Step};
use super::value::Value;

/// The name by which the rest of a query refers to a source: the alias, else the last name of its path.
pub(crate) fn source_alias(source: &Source) -> Option<Arc<str>> {
    match source {
        Source::Iterate { alias, .. } | Source::Alias { alias: Some(alias), .. } => {
            Some(alias.clone())
        }
        Source::Alias { collection: Collection::Path { root, steps, .. }, alias: None } => {
            match steps.last() {
                None => Some(root.clone()),
                Some(Step::Property(name) | Step::Quoted(name)) => Some(name.clone()),
                Some(Step::Index(_)) => None,
            }
        }
        Source::Alias { collection: Collection::Subquery(_), alias: None } => None,
    }
}

/// The property names of a select list: the alias, else the last name of a path, else `$1`, `$2` and so on, counting
/// only the columns that need such a number.
pub(crate) fn column_names(items: &[SelectItem]) -> Vec<Arc<str>> {
    let mut unnamed = 0;
    let mut names = Vec::with_capacity(items.len());
    for item in items {
        names.push(item.alias.clone().or_else(|| last_name(&item.expr)).unwrap_or_else(|| {
            unnamed += 1;
            format!("${unnamed}").into()
        }));
    }
    names
}

/// The name that a path ends in.
fn last_name(expr: &Expr) -> Option<Arc<str>> {
    match expr {
        Expr::Name(name, _) | Expr::Property(_, name) => Some(name.clone()),
        Expr::Index(_, index) => match &**index {
            Expr::Literal(Value::String(name)) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::sql::ast::Projection;
    use crate::emulator::sql::parser::parse;

    #[test]
    fn a_column_is_named_by_its_alias_its_path_or_a_number() {
        let query =
            parse(r#"SELECT c, c.a, 1, c["b"], c.x[0], c.d AS e, LOWER(c.f) FROM c"#).unwrap();
        let Projection::List(items) = query.select.projection else { panic!("no list") };
        let names = column_names(&items);
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        assert_eq!(names, ["c", "a", "$1", "b", "$2", "e", "$3"]);
    }
}
