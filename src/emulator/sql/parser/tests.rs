//! Trees, precedence, depth, and the places of mistakes.

use super::*;
use crate::emulator::sql::ast::{BinaryOp, UnaryOp};
use crate::emulator::sql::print;
use crate::emulator::sql::value::Value;

/// The one mistake of a text: code, place and message.
fn problem(text: &str) -> (&'static str, Span, String) {
    match parse(text) {
        Err(SqlError::Compile(problems)) => {
            let [problem] = problems.try_into().unwrap();
            (problem.code, problem.span.unwrap(), problem.message)
        }
        other => panic!("{text}: {other:?}"),
    }
}

fn value(text: &str) -> Expr {
    match parse(&format!("SELECT VALUE {text}")).unwrap().select.projection {
        Projection::Value(expr) => expr,
        other => panic!("{other:?}"),
    }
}

#[test]
fn mistakes_have_the_codes_and_places_of_the_service() {
    for (text, code, span, message) in [
        (
            "INSERT INTO c VALUES (1)",
            "SC1001",
            0..6,
            "Syntax error, incorrect syntax near 'INSERT'.",
        ),
        ("SELECT FROM c", "SC1001", 7..11, "Syntax error, incorrect syntax near 'FROM'."),
        ("SELECT c.id FROM c;", "SC1010", 18..19, "Syntax error, invalid token ';'."),
        ("", "SC1002", 0..0, "Syntax error, unexpected end-of-file."),
        ("SELECT 1 AS a; SELECT 2 AS b", "SC1010", 13..14, "Syntax error, invalid token ';'."),
        ("SELECT 1 AS a /* c */", "SC1001", 14..15, "Syntax error, incorrect syntax near '/'."),
        (
            "SELECT c.x AS Value FROM c",
            "SC1001",
            14..19,
            "Syntax error, incorrect syntax near 'Value'.",
        ),
        ("SELECT '🚀', FROM c", "SC1001", 13..17, "Syntax error, incorrect syntax near 'FROM'."),
        ("SELECT 'a", "SC1012", 7..9, "Syntax error, invalid string literal token ''a'."),
        (
            "SELECT * FROM c GROUP BY c.a",
            "SC2041",
            7..8,
            "'SELECT *' is not allowed with GROUP BY.",
        ),
        (
            "SELECT {a: 1, 'a': 2} AS b",
            "SC2022",
            14..17,
            "Object creation error, property name 'a' specified more than once.",
        ),
        (
            "SELECT * FROM c WHERE c.x IS NULL",
            "SC1001",
            26..28,
            "Syntax error, incorrect syntax near 'IS'.",
        ),
        ("SELECT c.left FROM c", "SC1001", 9..13, "Syntax error, incorrect syntax near 'left'."),
        ("SELECT {a: 1, a: 2} FROM", "SC1002", 24..24, "Syntax error, unexpected end-of-file."),
    ] {
        assert_eq!(problem(text), (code, span, message.to_owned()), "{text}");
    }
}

#[test]
fn operators_bind_as_the_grammar_says() {
    for (short, long) in [
        ("1 + 2 * 3 - 4", "((1 + (2 * 3)) - 4)"),
        ("NOT a = b AND c OR d", "(((NOT (a = b)) AND c) OR d)"),
        ("a || b + c", "(a || (b + c))"),
        ("a & b | c ^ d << 1 = 2", "(((a & b) | (c ^ (d << 1))) = 2)"),
        ("1 ? 2 ?? 3 : 4", "(1 ? (2 ?? 3) : 4)"),
        ("a ?? b ?? c", "(a ?? (b ?? c))"),
        ("a BETWEEN 1 AND 2 AND b", "((a BETWEEN 1 AND 2) AND b)"),
        ("a NOT IN (1, 2) = true", "((a NOT IN (1, 2)) = true)"),
        ("a LIKE 'x' ESCAPE '!' OR b", "((a LIKE 'x' ESCAPE '!') OR b)"),
        ("{x: 2}.x", "({x: 2}).x"),
        ("-a.b[0]", "-((a.b)[0])"),
        ("true = NOT false", "(true = (NOT false))"),
    ] {
        assert_eq!(shape(&value(short)), shape(&value(long)), "{short}");
    }
}

/// The tree without places.
fn shape(expr: &Expr) -> String {
    let text = format!("{expr:?}");
    text.split(", ").filter(|part| !part.contains("..")).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_minus_before_a_number_is_part_of_it() {
    assert_eq!(value("-5"), Expr::Literal(Value::from(-5i64)));
    assert_eq!(value("-9223372036854775808"), Expr::Literal(Value::from(i64::MIN)));
    assert_eq!(value("- -5"), Expr::Unary(UnaryOp::Negate, Box::new(value("-5"))));
    assert!(matches!(value("1 -5"), Expr::Binary(BinaryOp::Subtract, ..)));
}

#[test]
fn sources_have_paths_aliases_and_subqueries() {
    let text = r#"SELECT r FROM Root r JOIN c IN r.a["b"][0] JOIN (SELECT VALUE 1) AS s JOIN r.x"#;
    let from = parse(text).unwrap().from.unwrap();
    let Source::Alias { collection: Collection::Path { root, span, .. }, alias } = from.source
    else {
        panic!()
    };
    assert_eq!((&*root, span, alias.as_deref()), ("Root", 14..18, Some("r")));
    let [Source::Iterate { alias, collection: Collection::Path { steps, .. } }, second, third] =
        &from.joins[..]
    else {
        panic!()
    };
    assert_eq!(&**alias, "c");
    assert_eq!(steps[..], [Step::Property("a".into()), Step::Quoted("b".into()), Step::Index(0)]);
    assert!(matches!(
        second,
        Source::Alias { collection: Collection::Subquery(_), alias: Some(_) }
    ));
    assert!(matches!(third, Source::Alias { collection: Collection::Path { .. }, alias: None }));

    let [called, selected] = ["ObjectToArray(c.a)", "(SELECT VALUE ObjectToArray(c.a))"]
        .map(|it| print::query(&parse(&format!("SELECT k FROM c JOIN k IN {it}")).unwrap()));
    assert_eq!(called, selected);
}

#[test]
fn no_text_overflows_the_stack() {
    let deep = 20_000;
    let mut texts = vec![
        format!("SELECT VALUE {}1", "NOT ".repeat(deep)),
        format!("SELECT VALUE {}1", "- ".repeat(deep)),
        format!("SELECT VALUE 1{}", " + 1".repeat(deep)),
        format!("SELECT VALUE 1{}", " = 1 + 1".repeat(deep)),
        format!("SELECT VALUE c{}", ".a".repeat(deep)),
        format!("SELECT VALUE c{}", "[0".repeat(deep)),
        format!("SELECT VALUE 1{}", " ?? 1".repeat(deep)),
        format!("SELECT VALUE 1{}", " ? 1 : 1".repeat(deep)),
        format!("SELECT VALUE 1{}", " IN (1)".repeat(deep)),
    ];
    // The deepest recursion that a level of brackets can take.
    let ladder = "a ? b : c OR d AND NOT e = f | g ^ h & i << j || k + l * m[";
    texts.push(format!("SELECT VALUE {}", ladder.repeat(2_000)));
    for open in ["(", "[", "{a:", "(SELECT VALUE ", "EXISTS(SELECT VALUE ", "ABS(", "1 + (1 * "] {
        texts.push(format!("SELECT VALUE {}", open.repeat(deep / 4)));
    }
    for text in texts {
        assert!(parse(&text).is_err());
    }
}

#[test]
fn long_chains_of_and_or_and_in_lists_are_taken() {
    for text in [
        format!("SELECT VALUE a{}", " OR a".repeat(20_000)),
        format!("SELECT VALUE a{}", " AND a = 1".repeat(10_000)),
        format!("SELECT VALUE a IN (1{})", ", 1".repeat(100_000)),
        format!("SELECT VALUE {}1", "a < b OR c + ".repeat(10_000)),
        format!("SELECT VALUE 1{}", " + 1".repeat(120)),
        format!("SELECT VALUE {}1{}", "(".repeat(100), ")".repeat(100)),
    ] {
        assert!(parse(&text).is_ok());
    }
}

#[test]
fn every_query_of_the_corpus_is_read() {
    let mistaken = [
        "SELECT c.name FROM c OFFSET -1",
        "SELECT c.name FROM c OFFSET 10 LIMIT -1",
        "SELECT c.name FROM c ORDER BY RANK FullTextScore(c.text, 'swim') OFFSET 10 LIMIT -1",
        "SELECT * FROM c GROUP BY",
        "SELECT udf.func1(r.a), udf.func2(r.b)",
    ];
    for line in include_str!("../../../../tests/data/queries.txt").lines() {
        let query: String = serde_json::from_str(line).unwrap();
        let words = query.split_whitespace().collect::<Vec<_>>().join(" ");
        let expected = !mistaken.iter().any(|start| words.starts_with(start));
        assert_eq!(parse(&query).is_ok(), expected, "{query}");
    }
}
