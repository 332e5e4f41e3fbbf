//! No text and no parameter makes the front half of the engine panic, hang or overflow the stack.

use super::bind::{Arity, bind_with, built_in};
use super::environment::VectorEmbedding;
use super::error::SqlError;
use super::parser::parse;
use super::plan::{KeyKind, PlanContext, Space, plan, unsupported};
use super::print;
use super::value::Value;

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

/// A tiny generator, so that every run tries the same texts.
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }
}

fn any(name: &str) -> Option<Arity> {
    built_in(name).or(Some(Arity { min: 0, max: None }))
}

/// Takes a text through everything; answers whether it has a plan.
fn run(text: &str) -> bool {
    let Ok(query) = parse(text) else { return false };
    let printed = print::query(&query);
    match parse(&printed) {
        Ok(again) => assert_eq!(print::query(&again), printed, "{text}"),
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

fn corpus() -> Vec<String> {
    let text = include_str!("../../../tests/data/queries.txt");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn no_mix_of_words_is_too_much() {
    let mut random = Xorshift(0x9E37_79B9_7F4A_7C15);
    for _ in 0..6_000 {
        let length = random.below(24);
        let words: Vec<&str> = (0..length).map(|_| random.pick(WORDS)).collect();
        run(&words.join(" "));
        run(&format!("SELECT {} FROM c WHERE {}", words.concat(), words.join(" ")));
    }
}

#[test]
fn no_change_to_a_good_query_is_too_much() {
    let mut random = Xorshift(0xD1B5_4A32_D192_ED03);
    let corpus = corpus();
    let mut planned = 0;
    for _ in 0..6_000 {
        let mut text: Vec<char> = corpus[random.below(corpus.len())].chars().collect();
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
        planned += usize::from(run(&text.into_iter().collect::<String>()));
    }
    assert!(planned > 600, "{planned} of the changed queries had a plan");
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
