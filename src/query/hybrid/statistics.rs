//! What a relevance score has to know of the whole container: how many items, words and hits there are.

use serde::Deserialize;

use crate::error::Result;
use crate::query::continuation::Source;
use crate::query::row::parse;
use crate::query::setup::Setup;
use crate::query::stage::drain;
use crate::query::usage::Usage;
use crate::routing::range::EpkRange;

const DOCUMENTS: &str = "{documentdb-formattablehybridsearchquery-totaldocumentcount}";
const WORDS: &str = "{documentdb-formattablehybridsearchquery-totalwordcount-";
const HITS: &str = "{documentdb-formattablehybridsearchquery-hitcountsarray-";

/// The sums over all partitions.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Statistics {
    document_count: u64,
    full_text_statistics: Vec<FullText>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FullText {
    /// Absent where a partition has no words to add up.
    total_word_count: Option<u64>,
    hit_counts: Vec<u64>,
}

impl Statistics {
    /// Asks all partitions of the container, whatever the query itself is confined to.
    pub(crate) fn read(setup: &Setup, text: &str, usage: &mut Usage) -> Result<Self> {
        let mut everywhere = setup.clone();
        everywhere.target.partition_key = None;
        everywhere.target.ranges = vec![EpkRange::full()];
        everywhere.plan_ranges = vec![EpkRange::full()];
        let mut stage = everywhere.parallel(text, &Source::Start, setup.options.bounds())?;
        let mut total = Self::default();
        usage.add(drain(&mut *stage, |row| {
            total.add(parse(&row)?);
            Ok(())
        })?);
        Ok(total)
    }

    fn add(&mut self, part: Self) {
        self.document_count += part.document_count;
        let known = self.full_text_statistics.len().max(part.full_text_statistics.len());
        self.full_text_statistics.resize(known, FullText::default());
        for (sum, part) in self.full_text_statistics.iter_mut().zip(part.full_text_statistics) {
            let words = sum.total_word_count.unwrap_or(0) + part.total_word_count.unwrap_or(0);
            sum.total_word_count = Some(words);
            let known = sum.hit_counts.len().max(part.hit_counts.len());
            sum.hit_counts.resize(known, 0);
            sum.hit_counts.iter_mut().zip(part.hit_counts).for_each(|(sum, part)| *sum += part);
        }
    }

    /// The text with the numbers in place of what stands for them.
    ///
    /// Some planners number the places by score, others by score on text. The numbers that occur in the text, in order,
    /// stand for the statistics in order either way.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut filled = text.replace(DOCUMENTS, &self.document_count.to_string());
        let mut statistics = self.full_text_statistics.iter();
        let most = text.matches(WORDS).count() + text.matches(HITS).count();
        let mut number = 0;
        let mut idle = 0;
        while (filled.contains(WORDS) || filled.contains(HITS)) && idle <= most {
            let (words, hits) = (format!("{WORDS}{number}}}"), format!("{HITS}{number}}}"));
            number += 1;
            if !filled.contains(&words) && !filled.contains(&hits) {
                idle += 1;
                continue;
            }
            let part = statistics.next().cloned().unwrap_or_default();
            let counts: Vec<String> = part.hit_counts.iter().map(u64::to_string).collect();
            let total = part.total_word_count.unwrap_or(0).to_string();
            filled = filled.replace(&words, &total);
            filled = filled.replace(&hits, &format!("[{}]", counts.join(",")));
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_fill_their_places_in_order() {
        let part = |text: &str| serde_json::from_str::<Statistics>(text).unwrap();
        let mut total = Statistics::default();
        let text = r#"{"documentCount":2,"fullTextStatistics":[{"totalWordCount":5,"hitCounts":[1,2]},{"hitCounts":[3]}]}"#;
        total.add(part(text));
        total.add(part(text));
        total.add(part(r#"{"documentCount":1,"fullTextStatistics":[]}"#));
        for second in [1, 2] {
            let text =
                format!("{DOCUMENTS} {WORDS}0}} {HITS}0}} {WORDS}{second}}} {HITS}{second}}}");
            assert_eq!(total.fill(&text), "5 10 [2,4] 0 [6]");
        }
        assert_eq!(total.fill(&format!("{WORDS}x}}")), format!("{WORDS}x}}"));
    }
}
