//! Continuations that somebody has changed give rows or an error, and come to an end.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::fuzz::{Random, check};
use crate::query::tests::fake::Run;

fn options(page: i32) -> Options {
    Options { max_item_count: Some(page), ..Options::default() }
}

/// A scan, an order and a window, each with a continuation of every kind that there is.
fn containers() -> Vec<(Arc<Fake>, Vec<String>)> {
    let order = || {
        plan(json!({"orderBy": ["Ascending", "Descending"],
        "orderByExpressions": ["c.a", "c.id"], "rewrittenQuery": "x {documentdb-formattableorderbyquery-filter}"}))
    };
    let sorted = |copies| Run::Sorted { columns: vec![("a", false), ("id", true)], copies };
    let fakes = [
        Fake::plain(4, items(60), QueryInfo::default()),
        Fake::plain(4, items(60), plan(json!({"offset": 5, "limit": 40}))),
        Fake::plain(2, items(60), plan(json!({"distinctType": "Ordered"}))),
        Fake::new(4, items(60), order(), sorted(1)),
        Fake::new(4, items(60), order(), sorted(3)),
    ];
    let with_tokens = |fake: Fake| {
        let fake = Arc::new(fake);
        let mut pipeline = open(&fake, options(7), None).unwrap();
        let mut tokens = Vec::new();
        while let Some(page) = pipeline.next_page().unwrap() {
            tokens.extend(page.continuation);
        }
        assert!(!tokens.is_empty());
        (fake, tokens)
    };
    fakes.into_iter().map(with_tokens).collect()
}

/// A change to the text, or to the JSON in it.
fn damaged(token: &str, random: &mut Random) -> String {
    let (head, tail) = token.split_once('.').unwrap();
    if random.one_in(4) {
        return random.change(token);
    }
    let json = String::from_utf8(URL_SAFE_NO_PAD.decode(tail).unwrap()).unwrap();
    // The container's id and the fingerprint stay, or nothing behind them would be looked at.
    let at = json.find("\"at\"").unwrap();
    let json = format!("{}{}", &json[..at], random.change(&json[at..]));
    format!("{head}.{}", URL_SAFE_NO_PAD.encode(json))
}

#[test]
fn no_continuation_is_too_much() {
    let containers = containers();
    let (mut followed, mut rounds) = (0, 0);
    check(4_000, |random| {
        let (fake, tokens) = &containers[random.below(containers.len())];
        let token = damaged(&tokens[random.below(tokens.len())], random);
        rounds += 1;
        let Ok(mut pipeline) = open(fake, options(7), Some(&token)) else { return };
        followed += 1;
        for pages in 0.. {
            assert!(pages < 1000, "the query does not end: {token}");
            if !matches!(pipeline.next_page(), Ok(Some(_))) {
                return;
            }
        }
    });
    assert!(followed > rounds / 20, "{followed} of {rounds} continuations were followed");
}
