//! Random input: a tiny generator, and the properties that hold for whatever comes from outside.
//!
//! Every round has a seed of its own, so that a run is the same everywhere and a failure names the seed that repeats it.
//! `COSMOS_FUZZ_ROUNDS` sets the number of rounds of each property, `COSMOS_FUZZ_SEED` the seed of the first.

mod answers;
mod texts;

use std::time::{Duration, Instant};

/// Far more than any round takes, on a busy machine too: what takes longer hangs.
const LONGEST_ROUND: Duration = Duration::from_secs(20);

/// Tries a property so many times, unless the environment says otherwise.
pub(crate) fn check(usual: u64, mut property: impl FnMut(&mut Random)) {
    let number = |name| std::env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let rounds = number("COSMOS_FUZZ_ROUNDS").unwrap_or(usual);
    let first = number("COSMOS_FUZZ_SEED").unwrap_or(0);
    for seed in first..first.saturating_add(rounds) {
        let _named = Named(seed);
        let start = Instant::now();
        property(&mut Random::new(seed));
        assert!(start.elapsed() < LONGEST_ROUND, "a round took {:?}", start.elapsed());
    }
}

/// Tells the seed of a round that panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to repeat this round: COSMOS_FUZZ_SEED={} COSMOS_FUZZ_ROUNDS=1", self.0);
        }
    }
}

/// Xorshift.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

/// What tends to be read in a way of its own.
const ODDITIES: [&str; 30] = [
    "",
    " ",
    "\"",
    "'",
    "\\",
    "\\u",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "0",
    "-1",
    "1e400",
    "NaN",
    "Infinity",
    "18446744073709551616",
    "9223372036854775807",
    "99999999999999999999",
    "0.5",
    "FF",
    "/",
    "#",
    "=",
    "é",
    "🚀",
    "\u{0}",
];

const NUMBERS: [&str; 14] = [
    "0",
    "-0.0",
    "1",
    "-1",
    "3",
    "0.1",
    "1e308",
    "-1e308",
    "5e-324",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "2147483648",
];

const WORDS: [&str; 16] = [
    "",
    "a",
    "A",
    "x",
    "%",
    "_[^a]",
    "é",
    "🚀 text",
    "2024-02-30T25:61:61Z",
    "2021-01-01T00:00:00.0000000Z",
    "Point",
    "Polygon",
    "swim and swam",
    "null",
    "1",
    "(((",
];

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // Neighbouring seeds shall not have anything in common.
        let mixed = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self((mixed ^ (mixed >> 29)).max(1))
    }

    /// A number less than `bound`, or 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    /// True one time in so many.
    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }

    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.below(256) as u8).collect()
    }

    /// A short text of anything.
    pub(crate) fn text(&mut self) -> String {
        if self.one_in(2) {
            return (0..self.below(6)).map(|_| self.pick(&ODDITIES)).collect();
        }
        String::from_utf8_lossy(&self.bytes(20)).into_owned()
    }

    /// The text with some parts taken out, put in or moved.
    pub(crate) fn change(&mut self, text: &str) -> String {
        let mut text: Vec<char> = text.chars().collect();
        for _ in 0..=self.below(3) {
            let at = self.below(text.len() + 1);
            let end = (at + self.below(9)).min(text.len());
            match self.below(4) {
                0 => drop(text.splice(at..end, [])),
                1 => drop(text.splice(at..at, self.pick(&ODDITIES).chars())),
                2 => drop(text.splice(at..(at + 1).min(text.len()), [self.digit()])),
                _ => {
                    let part = text[at..end].to_vec();
                    let to = self.below(text.len() + 1);
                    drop(text.splice(to..to, part));
                }
            }
        }
        text.into_iter().collect()
    }

    fn digit(&mut self) -> char {
        char::from(b"0123456789abcdefABCDEF+-xz"[self.below(26)])
    }

    /// A JSON text whose objects have these names, for the most part.
    pub(crate) fn json(&mut self, names: &[&str], depth: usize) -> String {
        let kinds = if depth == 0 { 6 } else { 10 };
        match self.below(kinds) {
            0 => "null".into(),
            1 => self.pick(&["true", "false"]).into(),
            2 | 3 => self.pick(&NUMBERS).into(),
            4 => serde_json::to_string(self.pick(&WORDS)).unwrap(),
            5 => serde_json::to_string(&self.text()).unwrap(),
            6 | 7 => {
                let elements: Vec<_> =
                    (0..self.below(5)).map(|_| self.json(names, depth - 1)).collect();
                format!("[{}]", elements.join(","))
            }
            _ => self.object(names, depth),
        }
    }

    /// A JSON object with some of these names.
    pub(crate) fn object(&mut self, names: &[&str], depth: usize) -> String {
        let members: Vec<_> = (0..self.below(8))
            .map(|_| {
                let name = if names.is_empty() { "a" } else { self.pick(names) };
                format!("\"{name}\":{}", self.json(names, depth.saturating_sub(1)))
            })
            .collect();
        format!("{{{}}}", members.join(","))
    }
}
