//! A look at a query's text that tells whether the service has to be asked for a plan.

use crate::query::clauses::words::Words;

mod words;

/// The clauses that a text seems to have. Those in a subquery count, since telling them apart takes a parser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clauses {
    pub(crate) aggregate: bool,
    pub(crate) distinct: bool,
    pub(crate) group_by: bool,
    pub(crate) order_by: bool,
    /// `TOP`, `OFFSET` or `LIMIT`.
    pub(crate) window: bool,
    /// An order by distance or relevance.
    pub(crate) ranking: bool,
}

const AGGREGATES: [&str; 8] =
    ["COUNT", "SUM", "AVG", "MIN", "MAX", "COUNTIF", "MAKELIST", "MAKESET"];
const RANKINGS: [&str; 3] = ["VECTORDISTANCE", "FULLTEXTSCORE", "RRF"];

impl Clauses {
    pub(crate) fn of(text: &str) -> Self {
        let mut found = Self::default();
        let mut before = String::new();
        for word in Words::new(text) {
            let name = word.text.to_ascii_uppercase();
            match name.as_str() {
                "DISTINCT" => found.distinct = true,
                "BY" if before == "GROUP" => found.group_by = true,
                "BY" if before == "ORDER" => found.order_by = true,
                "RANK" if before == "BY" => found.ranking = true,
                "TOP" | "OFFSET" | "LIMIT" => found.window = true,
                name if word.is_called && AGGREGATES.contains(&name) => found.aggregate = true,
                name if word.is_called && RANKINGS.contains(&name) => found.ranking = true,
                _ => {}
            }
            before = name;
        }
        found
    }

    /// Whether one partition can answer the text as it is, page after page.
    ///
    /// Aggregates, `DISTINCT` and `GROUP BY` hold within a page only, so that the client has to finish them.
    pub(crate) fn is_backends_business(self) -> bool {
        !(self.aggregate || self.distinct || self.group_by || self.ranking)
    }

    /// Whether the rows of the partitions, one after the other, are the answer.
    pub(crate) fn is_plain(self) -> bool {
        self == Self::default()
    }
}

/// Whether the query cannot do without a plan.
pub(crate) fn needs_plan(text: &str, has_full_key: bool) -> bool {
    !has_full_key || !Clauses::of(text).is_backends_business()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_of_the_language_count() {
        for (text, needs) in [
            ("SELECT * FROM c WHERE c.a = 1 ORDER BY c.b", false),
            ("SELECT TOP 5 * FROM c", false),
            ("SELECT * FROM c OFFSET 1 LIMIT 2", false),
            ("select value count(1) from c", true),
            ("SELECT c.count FROM c", false),
            ("SELECT c.count (1) FROM c", false),
            ("SELECT udf.sum(c.a) FROM c", false),
            ("SELECT c.x AS count FROM c", false),
            ("SELECT MAX /* of */ (c.a) FROM c", true),
            ("SELECT ARRAY_MAX(c.a) FROM c", false),
            ("SELECT 'DISTINCT' AS a, \"SUM(1)\" AS b FROM c", false),
            ("SELECT 'it\\'s DISTINCT' FROM c", false),
            ("SELECT * FROM c -- GROUP BY c.a\n WHERE true", false),
            ("SELECT * FROM c -- x\n GROUP  BY c.a", true),
            ("SELECT * FROM c WHERE c.a = 'x", false),
            ("SELECT DISTINCT VALUE c.a FROM c", true),
            ("SELECT @distinct FROM c", false),
            ("SELECT c.é.distinct FROM c", false),
            ("SELECT * FROM c ORDER BY RANK RRF(x)", true),
            ("SELECT TOP 1 * FROM c ORDER BY VectorDistance(c.v, [1])", true),
            ("", false),
        ] {
            assert_eq!(needs_plan(text, true), needs, "{text}");
            assert!(needs_plan(text, false));
        }
        assert!(Clauses::of("SELECT * FROM c WHERE c.top = 1").is_plain());
        assert!(!Clauses::of("SELECT top 1 * FROM c").is_plain());
    }
}
