//! Full-text search: words, phrases, near misses, and the BM25 score.

mod term;
mod word;

use self::term::Term;
use self::word::words;
use super::Function;
use super::arguments::{array, number, text};
use super::string::{all_of, any_of};
use crate::emulator::sql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    row!("FullTextContains", 2..=2, |args| all_of(found(args)?)),
    row!("FullTextContainsAll", 2.., |args| all_of(found(args)?)),
    row!("FullTextContainsAny", 2.., |args| any_of(found(args)?)),
    row!("_FullTextScore", 5..=5, score),
    row!("_FullTextWordCount", 1..=1, |args| Some(words(text(args, 0)?).count() as i64)),
    // These two have a meaning in ORDER BY RANK only, where a plan replaces them.
    row!("FullTextScore", 2.., no_value),
    row!("RRF", 1.., no_value),
];

/// How fast further occurrences of a term lose weight.
const K1: f64 = 1.2;
/// How much the length of the text counts.
const B: f64 = 0.75;

fn no_value(_: &[Value]) -> Option<Value> {
    None
}

/// For each term whether it occurs in the text; `None` for what is no term.
fn found(args: &[Value]) -> Option<impl Iterator<Item = Option<bool>>> {
    let (subject, terms) = args.split_first()?;
    let words: Vec<_> = words(subject.as_str()?).collect();
    Some(terms.iter().map(move |term| Some(Term::parse(term)?.occurrences(&words) > 0)))
}

/// BM25 of a text for terms: the text, the terms, how many items and words there are, and how many items each term hits.
fn score(args: &[Value]) -> Option<f64> {
    let words: Vec<_> = words(text(args, 0)?).collect();
    let (terms, hits) = (array(args, 1)?, array(args, 4)?);
    let (items, total_words) = (number(args, 2)?, number(args, 3)?);
    if terms.len() != hits.len() {
        return None;
    }
    if items <= 0.0 || total_words <= 0.0 {
        return Some(0.0);
    }
    let length = words.len() as f64 / (total_words / items);
    let damping = K1 * (1.0 - B + B * length);
    let mut score = 0.0;
    for (term, hits) in terms.iter().zip(hits) {
        let hits = hits.as_f64()?.clamp(0.0, items);
        let frequency = Term::parse(term)?.occurrences(&words) as f64;
        let rarity = (1.0 + (items - hits + 0.5) / (hits + 0.5)).ln();
        score += rarity * frequency * (K1 + 1.0) / (frequency + damping);
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use crate::emulator::sql::functions::tests::{call, check, check_about};

    const TEXT: &str = "\"The red Bicycle of John, in the United States.\"";

    #[test]
    fn phrases_are_found_as_whole_words_in_a_row() {
        for (term, expected) in [
            ("\"bicycle\"", "true"),
            ("\"BICYCLE of john\"", "true"),
            ("\"United States\"", "true"),
            ("\"United-States!\"", "true"),
            ("\"States United\"", "false"),
            ("\"United in\"", "false"),
            ("\"cycle\"", "false"),
            ("\"bicycles\"", "false"),
            ("\"\"", "false"),
            ("1", "undefined"),
            ("undefined", "undefined"),
        ] {
            check(&[(&format!("FullTextContains({TEXT}, {term})"), expected)]);
        }
        check(&[
            ("FullTextContains(1, \"a\")", "undefined"),
            ("FullTextContains(undefined, \"a\")", "undefined"),
            (&format!("FullTextContainsAll({TEXT}, \"red\", \"john\")"), "true"),
            (&format!("FullTextContainsAll({TEXT}, \"red\", \"blue\")"), "false"),
            (&format!("FullTextContainsAny({TEXT}, \"blue\", \"john\")"), "true"),
            (&format!("FullTextContainsAny({TEXT}, \"blue\", \"green\")"), "false"),
            ("FullTextContains(\"straße 日本\", \"STRASSE\")", "false"),
            ("FullTextContains(\"Straße 日本\", \"straße 日本\")", "true"),
        ]);
    }

    #[test]
    fn fuzzy_terms_forgive_as_many_edits_as_they_say() {
        for (term, distance, expected) in [
            ("rad", "1", "true"),
            ("rd", "1", "true"),
            ("reds", "1", "true"),
            ("bycycle", "1", "true"),
            ("bycicle", "1", "false"),
            ("bycicle", "2", "true"),
            ("blue", "2", "false"),
            ("red", "0", "true"),
            ("untied state", "2", "true"),
            ("red", "3", "undefined"),
            ("red", "-1", "undefined"),
            ("red", "0.5", "undefined"),
        ] {
            let term = format!("{{\"term\":\"{term}\",\"distance\":{distance}}}");
            check(&[(&format!("FullTextContains({TEXT}, {term})"), expected)]);
        }
        check(&[
            (&format!("FullTextContains({TEXT}, {{\"term\":\"red\"}})"), "true"),
            (&format!("FullTextContains({TEXT}, {{\"distance\":1}})"), "undefined"),
        ]);
    }

    #[test]
    fn the_score_is_bm25() {
        // Two of four words are the term; the text is as long as the average; one of ten items has it.
        let rarity = (1.0 + 9.5 / 1.5f64).ln();
        check_about(
            &[
                ("_FullTextScore(\"a b a c\", [\"a\"], 10, 40, [1])", rarity * 2.0 * 2.2 / 3.2),
                ("_FullTextScore(\"a b a c\", [\"b\", \"x\"], 10, 40, [1, 1])", rarity),
            ],
            1e-15,
        );
        check(&[
            ("_FullTextScore(\"a b\", [\"x\"], 10, 40, [0])", "0"),
            ("_FullTextScore(\"a b\", [\"a\"], 0, 0, [0])", "0"),
            ("_FullTextScore(\"a b\", [\"a\"], 10, 40, [])", "undefined"),
            ("_FullTextScore(1, [\"a\"], 10, 40, [1])", "undefined"),
            ("_FullTextWordCount(\"It's 3 words... or 6\")", "6"),
            ("_FullTextWordCount(\"\")", "0"),
            ("_FullTextWordCount(null)", "undefined"),
            ("FullTextScore(\"a\", \"a\")", "undefined"),
            ("RRF(1, 2)", "undefined"),
        ]);
        let score = |text: &str| {
            call("_FullTextScore", &format!("\"{text}\", [\"a\"], 10, 40, [3]")).as_f64().unwrap()
        };
        assert!(score("a b") > score("a b c d") && score("a a c d") > score("a b c d"));
    }
}
