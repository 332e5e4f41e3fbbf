//! Parameters, and the mistakes that are found without data.

use super::*;
use crate::emulator::sql::parser::parse;
use crate::emulator::sql::print;

/// Any function, so that these tests do not hang on the table of functions.
fn any(name: &str) -> Option<Arity> {
    match name {
        "STARTSWITH" => Some(Arity { min: 2, max: Some(3) }),
        "ABC" => None,
        _ => built_in(name).or(Some(Arity { min: 0, max: None })),
    }
}

fn bound(text: &str) -> Result<Query, SqlError> {
    bind_with(parse(text)?, &[("n".into(), Value::from(3i64)), ("s".into(), "x".into())], any)
}

#[test]
fn parameters_become_literals() {
    for (text, expected) in [
        ("SELECT TOP @n c[@s] FROM c", "SELECT TOP 3 c[\"x\"]\nFROM c"),
        ("SELECT VALUE @none", "SELECT VALUE undefined"),
        (
            "SELECT VALUE (SELECT VALUE t FROM t IN c.t WHERE t = @n) FROM c OFFSET @n LIMIT 1",
            "SELECT VALUE (\n    SELECT VALUE t\n    FROM t IN c.t\n    WHERE (t = 3)\n)\nFROM c\nOFFSET 3 LIMIT 1",
        ),
    ] {
        assert_eq!(print::query(&bound(text).unwrap()), expected);
    }
}

#[test]
fn mistakes_have_codes_and_places() {
    for (text, code, span) in [
        ("SELECT c.zeta AS a, c.alpha AS a FROM c WHERE c.id = 'ord1'", "SC2022", Some(31..32)),
        ("SELECT c.a, c.b.a FROM c", "SC2022", Some(12..17)),
        ("SELECT ABC(1) AS x FROM c", "SC2005", Some(7..10)),
        ("SELECT * FROM Root r WHERE STARTSWITH(r.key, 'a', 'b', 'c')", "SC2050", Some(27..59)),
        ("SELECT * FROM root WHERE root.key = 1 ORDER BY LOWER(root.field)", "2206", None),
        ("SELECT c.name FROM c OFFSET 4294967296 LIMIT 10", "SC2062", Some(28..38)),
        ("SELECT c.name FROM c OFFSET 10 LIMIT @s", "SC2061", Some(37..39)),
        ("SELECT TOP 1.5 * FROM c", "SC2060", Some(11..14)),
        ("SELECT * FROM c WHERE d.x", "SC2001", Some(22..23)),
        ("SELECT r.a FROM c JOIN t IN r.x", "SC2001", Some(28..29)),
        ("SELECT c.x FROM c.x", "SC2001", Some(7..8)),
        ("SELECT VALUE (SELECT VALUE 1 FROM d) FROM c", "SC2001", Some(34..35)),
        ("SELECT c.a, c.b FROM c GROUP BY c.a", "SC2102", Some(12..15)),
        ("SELECT c.a, COUNT(1) FROM c", "SC2102", Some(7..10)),
        ("SELECT SUM(AVG(c.a)) FROM c", "SC2101", Some(11..19)),
    ] {
        match bound(text) {
            Err(SqlError::Compile(problems)) => {
                let [problem] = &problems[..] else { panic!("{text}: {problems:?}") };
                assert_eq!((problem.code, &problem.span), (code, &span), "{text}: {problem:?}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn some_queries_are_refused_as_a_whole() {
    let joins = |count: usize| format!("SELECT c.a FROM c{}", " JOIN t IN c.t".repeat(count));
    let calls = |count: usize| format!("SELECT VALUE [{}1] FROM c", "udf.f(1), ".repeat(count));
    for text in [
        joins(11),
        calls(11),
        "SELECT * FROM c WHERE COUNT(1) > 1".into(),
        "SELECT FullTextScore(c.a, 'b') FROM c".into(),
        "SELECT * FROM c ORDER BY RANK c.a".into(),
        "SELECT * FROM c WHERE c.a LIKE 'b' ESCAPE 'ab'".into(),
        r"SELECT * FROM c WHERE c.a LIKE 'b' ESCAPE '\\'".into(),
    ] {
        assert!(matches!(bound(&text), Err(SqlError::Refused(_))), "{text}");
    }
    for text in [joins(10), calls(10)] {
        assert!(bound(&text).is_ok());
    }
}

#[test]
fn scopes_and_groups_are_understood() {
    for text in [
        "SELECT * FROM anything c WHERE c.x",
        "SELECT x.a FROM c.x JOIN t IN x.t JOIN u IN t",
        "SELECT VALUE EXISTS(SELECT VALUE t FROM t IN c.t WHERE t = c.x) FROM c",
        "SELECT COUNT(1) FROM (SELECT DISTINCT c.a FROM c)",
        "SELECT UPPER(c.a), c.a.b, COUNT(1) + 1 FROM c GROUP BY c.a",
        r#"SELECT c["a"].b, UPPER(c.a["b"]) FROM c GROUP BY c.a["b"]"#,
        "SELECT VALUE (SELECT COUNT(1), c.x FROM t IN c.t) FROM c",
        "SELECT g FROM c JOIN g IN c.g GROUP BY g ORDER BY g",
    ] {
        bound(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    }
}

#[test]
fn names_of_parameters_are_checked() {
    let named = |names: &[&str]| {
        let list: Vec<_> = names.iter().map(|name| ((*name).to_owned(), None)).collect();
        check_parameters(&list)
    };
    assert_eq!(named(&["@p", "@_q1"]).unwrap()[1], ("_q1".into(), Value::Undefined));
    for names in [&["p"][..], &["@"], &["@1"], &["@a b"], &["@p", "@p"]] {
        assert!(matches!(named(names), Err(SqlError::Refused(_))));
    }
}
