//! No text, parameter, item or token makes the engine panic, hang or overflow the stack.

use std::sync::LazyLock;

use regex::Regex;

use super::ast::Query;
use super::bind::{Arity, bind_with, built_in};
use super::environment::VectorEmbedding;
use super::error::SqlError;
use super::parser::parse;
use super::plan::{KeyKind, PlanContext, Space, plan, unsupported};
use super::print;
use super::value::Value;
use crate::fuzz::{Random, check};

mod documents;

/// Words that together can make most sentences of the language, and many that are none.
const WORDS: &[&str] = &[
    "SELECT",
    "VALUE",
    "DISTINCT",
    "TOP",
    "FROM",
    "JOIN",
    "IN",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "RANK",
    "OFFSET",
    "LIMIT",
    "AND",
    "OR",
    "NOT",
    "BETWEEN",
    "LIKE",
    "ESCAPE",
    "EXISTS(",
    "ARRAY(",
    "ALL(",
    "(SELECT VALUE",
    "udf.f(",
    "COUNT(",
    "AVG(",
    "RRF(",
    "FullTextScore(",
    "VectorDistance(",
    "ABS(",
    "ARRAY_CONTAINS(",
    "IS_NULL(",
    "ST_WITHIN(",
    "c",
    "c.pk",
    "c.a",
    "r",
    "t",
    "AS",
    "ASC",
    "DESC",
    "*",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    ":",
    "?",
    "??",
    "=",
    "!=",
    "<",
    ">=",
    "+",
    "-",
    "||",
    "|",
    ">>>",
    "~",
    "1",
    "0.5",
    "-1",
    "9223372036854775808",
    "2147483648",
    "'x'",
    "'%'",
    "\"pk\"",
    "@p",
    "@q",
    "true",
    "null",
    "undefined",
    "NaN",
    ";",
    "--",
    "'",
    "\\",
    "🚀",
    "\u{0}",
    "LEFT(",
    "udf",
    "1e308",
    "0x",
];

fn any(name: &str) -> Option<Arity> {
    built_in(name).or(Some(Arity { min: 0, max: None }))
}

/// Takes a text through everything; answers whether it has a plan.
fn run(text: &str) -> bool {
    let Ok(query) = parse(text) else { return false };
    let printed = print::query(&query);
    match parse(&printed) {
        Ok(again) => assert_eq!(without_spans(&again), without_spans(&query), "{text}\n{printed}"),
        // The brackets that are added may be too many.
        Err(SqlError::Refused(_)) => assert!(printed.len() > 500, "{text}"),
        Err(error) => panic!("{text}\n{printed}\n{error:?}"),
    }
    let parameters = [("p".into(), Value::from(7i64)), ("q".into(), Value::from("x"))];
    let Ok(bound) = bind_with(query.clone(), &parameters, any) else { return false };
    let paths = [vec!["pk".to_owned()], vec!["a".to_owned()]];
    let mut planned = false;
    for (kind, count) in [(KeyKind::Hash, 1), (KeyKind::MultiHash, 2), (KeyKind::Range, 2)] {
        let vectors: &[VectorEmbedding] = &[];
        let context = PlanContext {
            partition_key_paths: &paths[..count],
            kind,
            has_partition_key_header: false,
            features: &[],
            vectors,
            space: Space::Geometry,
        };
        if let Ok(plan) = plan(&query, &bound, &context) {
            plan.to_value(Value::Null).to_json();
            unsupported(&plan, &[]);
            planned = true;
        }
    }
    planned
}

/// The tree as text, without the places in the query's text.
fn without_spans(query: &Query) -> String {
    static SPAN: LazyLock<Regex> = LazyLock::new(|| Regex::new("[0-9]+\\.\\.[0-9]+").unwrap());
    SPAN.replace_all(&format!("{query:?}"), "").into_owned()
}

fn corpus() -> Vec<String> {
    let text = include_str!("../../../tests/data/queries.txt");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_is_printed_is_read_as_the_same_tree() {
    for text in corpus() {
        let Ok(query) = parse(&text) else { continue };
        let printed = print::query(&query);
        let again = parse(&printed).unwrap_or_else(|it| panic!("{text}\n{printed}\n{it:?}"));
        assert_eq!(without_spans(&again), without_spans(&query), "{text}\n{printed}");
    }
}

#[test]
fn no_mix_of_words_is_too_much() {
    check(6_000, |random| {
        let words: Vec<&str> = (0..random.below(24)).map(|_| random.pick(WORDS)).collect();
        run(&words.join(" "));
        run(&format!("SELECT {} FROM c WHERE {}", words.concat(), words.join(" ")));
    });
}

#[test]
fn no_change_to_a_good_query_is_too_much() {
    let corpus = corpus();
    let (mut planned, mut rounds) = (0, 0);
    check(6_000, |random| {
        let text = changed(&corpus[random.below(corpus.len())], random);
        planned += usize::from(run(&text));
        rounds += 1;
    });
    assert!(planned > rounds / 10, "{planned} of {rounds} changed queries had a plan");
}

/// The query with some words put in, and some parts taken out or repeated.
fn changed(query: &str, random: &mut Random) -> String {
    let mut text: Vec<char> = query.chars().collect();
    for _ in 0..=random.below(3) {
        let at = random.below(text.len() + 1);
        match random.below(3) {
            0 => drop(text.splice(at..(at + random.below(9)).min(text.len()), [])),
            1 => drop(text.splice(at..at, random.pick(WORDS).chars())),
            _ => {
                let end = (at + random.below(30)).min(text.len());
                let part = text[at..end].to_vec();
                let to = random.below(text.len() + 1);
                drop(text.splice(to..to, part));
            }
        }
    }
    text.into_iter().collect()
}

#[test]
fn the_deepest_texts_that_are_read_are_planned() {
    for (open, middle, close) in [
        ("(", "c.a", ")"),
        ("[", "c.a", "]"),
        ("(1 + ", "c.a", ")"),
        ("NOT (", "c.a", ")"),
        ("(SELECT VALUE ", "c.a", ")"),
        ("EXISTS(SELECT VALUE t FROM t IN c.t WHERE ", "t", ")"),
        ("ABS(", "c.a", ")"),
        ("{a: ", "c.a", "}"),
        ("c.a = 1 AND (c.pk = 2 OR ", "c.a", ")"),
        ("a ? b : ", "c", ""),
    ] {
        let deepest = (1..130).rev().find(|depth| {
            let expr = format!("{}{middle}{}", open.repeat(*depth), close.repeat(*depth));
            let text = format!("SELECT VALUE {expr} FROM c WHERE {expr}");
            parse(&text).is_ok() && {
                run(&text);
                true
            }
        });
        assert!(deepest.is_some_and(|depth| depth >= 30), "{open}: {deepest:?}");
    }
    assert!(run(&format!("SELECT * FROM c WHERE c.a = 1{}", " OR c.a = 1".repeat(10_000))));
    assert!(run(&format!("SELECT * FROM c WHERE c.a IN (0{})", ", 1".repeat(20_000))));
}
