//! The condition that starts an ordered query in its middle.
//!
//! It stands for the placeholder in the rewritten text. It may let through more rows than it should, since the merge
//! drops what comes too early; it must not hold back any.

use crate::error::Result;
use crate::query::compare::SortKey;
use crate::query::plan::Direction;
use crate::query::row::to_row;

/// What the service writes into an ordered query for the client to fill in.
const PLACEHOLDER: &str = "{documentdb-formattableorderbyquery-filter}";

/// The checks for types, in the order of types.
const TYPES: [&str; 7] =
    ["NOT IS_DEFINED", "IS_NULL", "IS_BOOLEAN", "IS_NUMBER", "IS_STRING", "IS_ARRAY", "IS_OBJECT"];

/// Whether rows with exactly the values of the boundary are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    Inclusive,
    Exclusive,
}

/// The text with a condition for its placeholder; a text that starts at the beginning has none.
pub(crate) fn fill(text: &str, condition: Option<&str>) -> String {
    text.replace(PLACEHOLDER, condition.unwrap_or("true"))
}

/// The condition for rows behind the boundary.
pub(crate) fn condition(
    expressions: &[String],
    order: &[Direction],
    keys: &[SortKey],
    edge: Edge,
) -> Result<String> {
    let columns: Vec<_> = expressions.iter().zip(order).zip(keys).collect();
    let mut prefixes = Vec::with_capacity(columns.len());
    for (last, ((expression, direction), key)) in columns.iter().enumerate() {
        let mut terms = Vec::with_capacity(last + 1);
        for ((expression, _), key) in columns.iter().take(last) {
            terms.push(equals(expression, key)?);
        }
        let edge = if last + 1 == columns.len() { edge } else { Edge::Exclusive };
        terms.push(beyond(expression, **direction, key, edge)?);
        prefixes.push(format!("({})", terms.join(" AND ")));
    }
    Ok(prefixes.join(" OR "))
}

fn equals(expression: &str, key: &SortKey) -> Result<String> {
    Ok(match literal(key)? {
        Some(literal) => format!("({expression} = {literal})"),
        None => is_of_type(expression, key.type_rank()),
    })
}

fn beyond(expression: &str, direction: Direction, key: &SortKey, edge: Edge) -> Result<String> {
    let rank = key.type_rank();
    let later = match direction {
        Direction::Ascending => rank + 1..TYPES.len(),
        Direction::Descending => 0..rank,
    };
    let mut terms = Vec::new();
    match literal(key)? {
        Some(literal) => {
            let operator = match (direction, edge) {
                (Direction::Ascending, Edge::Exclusive) => ">",
                (Direction::Ascending, Edge::Inclusive) => ">=",
                (Direction::Descending, Edge::Exclusive) => "<",
                (Direction::Descending, Edge::Inclusive) => "<=",
            };
            terms.push(format!("{expression} {operator} {literal}"));
        }
        // All undefined values are equal. Values with parts have no literal to compare with.
        None if *key == SortKey::Undefined && edge == Edge::Exclusive => {}
        None => terms.push(is_of_type(expression, rank)),
    }
    terms.extend(later.map(|rank| is_of_type(expression, rank)));
    if terms.is_empty() {
        terms.push("false".to_owned());
    }
    Ok(format!("({})", terms.join(" OR ")))
}

fn is_of_type(expression: &str, rank: usize) -> String {
    format!("{}({expression})", TYPES.get(rank).copied().unwrap_or_default())
}

fn literal(key: &SortKey) -> Result<Option<String>> {
    let text = match key {
        SortKey::Null => "null".to_owned(),
        SortKey::Bool(value) => value.to_string(),
        SortKey::Number(number) => number.to_string(),
        SortKey::String(text) => to_row(text)?.get().to_owned(),
        SortKey::Undefined | SortKey::Array(_) | SortKey::Object(_) => return Ok(None),
    };
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{Ascending, Descending};
    use serde_json::json;

    #[test]
    fn conditions_name_the_values_behind_and_the_types_behind() {
        let undefined = SortKey::Undefined;
        for (key, direction, edge, expected) in [
            (
                json!("a\"b").into(),
                Ascending,
                Edge::Exclusive,
                r#"((e > "a\"b" OR IS_ARRAY(e) OR IS_OBJECT(e)))"#,
            ),
            (
                json!(1).into(),
                Descending,
                Edge::Inclusive,
                "((e <= 1 OR NOT IS_DEFINED(e) OR IS_NULL(e) OR IS_BOOLEAN(e)))",
            ),
            (undefined.clone(), Descending, Edge::Exclusive, "((false))"),
            (undefined.clone(), Descending, Edge::Inclusive, "((NOT IS_DEFINED(e)))"),
            (json!({"a": 1}).into(), Ascending, Edge::Exclusive, "((IS_OBJECT(e)))"),
            (
                undefined,
                Ascending,
                Edge::Exclusive,
                "((IS_NULL(e) OR IS_BOOLEAN(e) OR IS_NUMBER(e) OR IS_STRING(e) OR IS_ARRAY(e) OR IS_OBJECT(e)))",
            ),
        ] {
            assert_eq!(condition(&["e".into()], &[direction], &[key], edge).unwrap(), expected);
        }
    }

    #[test]
    fn several_columns_compare_one_after_the_other() {
        let keys = [SortKey::Undefined, json!(true).into()];
        let text =
            condition(&["a".into(), "b".into()], &[Descending, Ascending], &keys, Edge::Inclusive);
        let types = "IS_NUMBER(b) OR IS_STRING(b) OR IS_ARRAY(b) OR IS_OBJECT(b)";
        let expected = format!("((false)) OR (NOT IS_DEFINED(a) AND (b >= true OR {types}))");
        assert_eq!(text.unwrap(), expected);
        let filled = fill(&format!("WHERE ({PLACEHOLDER})"), None);
        assert_eq!(filled, "WHERE (true)");
    }
}
