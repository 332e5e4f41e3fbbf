//! No item, and no token, is too much for a query that is in order.

use std::collections::BTreeSet;
use std::time::SystemTime;

use regex::Regex;

use super::super::bind::bind_with;
use super::super::environment::Environment;
use super::super::execute::{Document, Page, PageRequest, Resume, execute};
use super::super::parser::parse;
use super::super::value::Value;
use super::{any, changed, corpus};
use crate::emulator::sql::ast::Query;
use crate::fuzz::{Random, check};

/// The names of the properties that the queries speak of.
fn names(corpus: &[String]) -> Vec<String> {
    let name = Regex::new(r"\.([a-zA-Z_]\w*)").unwrap();
    let found: BTreeSet<_> =
        corpus.iter().flat_map(|it| name.captures_iter(it)).map(|it| it[1].to_owned()).collect();
    found.into_iter().chain(["type", "coordinates"].map(str::to_owned)).collect()
}

fn items(random: &mut Random, names: &[&str]) -> Vec<Document> {
    let item = |rid| {
        let text = random.object(names, 4);
        let text = if random.one_in(10) { random.change(&text) } else { text };
        let value = Value::from_json(text.as_bytes()).ok()?;
        let written = value.to_json();
        assert_eq!(Value::from_json(written.as_bytes()).unwrap().to_json(), written, "{text}");
        Some(Document::new(rid, value))
    };
    (1..9).filter_map(item).collect()
}

fn bound(text: &str) -> Option<Query> {
    let parameters = [("p".into(), Value::from(7i64)), ("q".into(), Value::from("x"))];
    bind_with(parse(text).ok()?, &parameters, any).ok()
}

fn page(query: &Query, items: &[Document], size: usize, resume: Option<Resume>) -> Option<Page> {
    let first = resume.as_ref().map_or(0, Resume::first_rid);
    let mut rest = items.iter().filter(|it| it.rid >= first).cloned();
    let request = PageRequest { max_items: size, resume, ..PageRequest::everything() };
    execute(query, &mut rest, &request, &Environment::bare(SystemTime::UNIX_EPOCH)).ok()
}

#[test]
fn no_item_and_no_token_is_too_much_for_a_query() {
    let corpus = corpus();
    let names = names(&corpus);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut rows = 0;
    check(2_000, |random| {
        let text = &corpus[random.below(corpus.len())];
        let text = if random.one_in(3) { changed(text, random) } else { text.clone() };
        let (items, Some(query)) = (items(random, &names), bound(&text)) else { return };
        let size = 1 + random.below(4);
        let mut resume = None;
        for _ in 0..4 {
            let Some(page) = page(&query, &items, size, resume) else { return };
            rows += page.rows.len();
            Value::array(page.rows).to_json();
            let Some(next) = page.resume else { return };
            let token = next.to_token();
            assert_eq!(Resume::from_token(&token), Some(next), "{token}");
            let token = if random.one_in(2) { damaged(&token, random) } else { token };
            resume = Resume::from_token(&token);
        }
    });
    assert!(rows > 0, "no query had a row");
}

/// A change to the token, or to what is written in it.
fn damaged(token: &str, random: &mut Random) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let inner =
        token.rsplit_once(':').and_then(|(head, tail)| Some((head, STANDARD.decode(tail).ok()?)));
    match inner {
        Some((head, json)) if random.one_in(2) => {
            let json = random.change(&String::from_utf8_lossy(&json));
            format!("{head}:{}", STANDARD.encode(json))
        }
        _ => random.change(token),
    }
}

#[test]
fn no_bytes_are_too_much_for_the_reader_of_json() {
    check(10_000, |random| {
        let text = random.json(&["a", "é", "\\ud83d", "a\\u0000"], 5);
        let bytes = match random.below(4) {
            0 => random.bytes(30),
            1 => random.change(&text).into_bytes(),
            2 => "[".repeat(random.below(300)).into_bytes(),
            _ => text.into_bytes(),
        };
        if let Ok(value) = Value::from_json(&bytes) {
            let written = value.to_json();
            assert_eq!(Value::from_json(written.as_bytes()).unwrap(), value, "{written}");
        }
    });
}
