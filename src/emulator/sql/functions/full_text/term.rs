//! What is searched for.

use super::word::{is_near, words};
use crate::emulator::sql::value::{Number, Value};

/// A word or phrase, and how many edits each of its words may be off.
pub(super) struct Term {
    words: Vec<String>,
    edits: u8,
}

/// The service allows no more edits.
const MAX_EDITS: u8 = 2;

impl Term {
    /// A string, or an object with `term` and `distance`.
    pub(super) fn parse(value: &Value) -> Option<Self> {
        if let Some(text) = value.as_str() {
            return Some(Self { words: words(text).collect(), edits: 0 });
        }
        let object = value.as_object()?;
        let edits = match object.get("distance") {
            Some(distance) => distance.as_number().and_then(Number::as_i64)?,
            None => 0,
        };
        let edits = u8::try_from(edits).ok().filter(|it| *it <= MAX_EDITS)?;
        Some(Self { words: words(object.get("term")?.as_str()?).collect(), edits })
    }

    /// How often the words occur one after another.
    pub(super) fn occurrences(&self, text: &[String]) -> usize {
        if self.words.is_empty() {
            return 0;
        }
        let matches =
            |window: &&[String]| window.iter().zip(&self.words).all(|(a, b)| self.is_match(a, b));
        text.windows(self.words.len()).filter(matches).count()
    }

    fn is_match(&self, found: &str, wanted: &str) -> bool {
        if self.edits == 0 {
            return found == wanted;
        }
        let characters = |word: &str| word.chars().collect::<Vec<_>>();
        is_near(&characters(found), &characters(wanted), self.edits)
    }
}
