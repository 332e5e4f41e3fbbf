//! `ORDER BY RANK`: full text scores and vector distances, fused by the ranks that they give.

use std::ops::ControlFlow;

use super::candidate::{Candidate, Sorted};
use super::document::Document;
use super::environment::Environment;
use super::error::SqlError;
use super::eval::{Frame, evaluate, evaluate_all, is_true};
use super::functions::{self, Function};
use super::order::SortKey;
use super::page::Metrics;
use super::program::{Node, Program, Rank, Score, ScoreNode};
use super::source::for_each_row;
use super::value::Value;

/// How much a rank counts: the reciprocal of this and the rank.
const SMOOTHING: f64 = 60.0;

/// The rows that pass the filter, the best first. The statistics are those of all documents.
pub(super) fn collect(
    program: &Program,
    rank: &Rank,
    documents: &mut dyn Iterator<Item = Document>,
    environment: &Environment<'_>,
    metrics: &mut Metrics,
) -> Result<Sorted, SqlError> {
    let mut scorers = rank.scores.iter().map(Scorer::new).collect::<Result<Vec<_>, _>>()?;
    let mut candidates = Vec::new();
    for Document { rid, value, size } in documents {
        metrics.scanned_count += 1;
        let item = [value];
        let outer = Frame::new(environment, &item);
        let mut row = 0;
        let _ = for_each_row(&program.sources, None, &outer, &mut |slots| {
            let frame = outer.inner(slots);
            let passes = program.filter.as_ref().map_or(Ok(true), |it| is_true(it, &frame))?;
            for scorer in &mut scorers {
                scorer.read(&frame, passes)?;
            }
            if passes {
                row += 1;
                if row == 1 {
                    metrics.retrieve(size);
                }
                let (keys, slots) = (Vec::new(), slots.to_vec());
                candidates.push(Candidate { keys, rid, row, slots, aggregates: Vec::new() });
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    let mut fused = vec![0.0; candidates.len()];
    for scorer in scorers {
        scorer.add_reciprocal_ranks(environment, &mut fused);
    }
    for (candidate, score) in candidates.iter_mut().zip(fused) {
        candidate.keys.push(SortKey::of(&Value::from(score)));
    }
    Ok(Sorted::new(candidates, program.directions()))
}

/// Computes one component of the rank.
struct Scorer<'p> {
    score: &'p Score,
    statistics: Option<Statistics>,
    /// The text or the distance of each row that passes the filter.
    operands: Vec<Value>,
}

/// What the score of a text depends on beside the text.
struct Statistics {
    functions: Functions,
    terms: Vec<Value>,
    documents: u64,
    words: f64,
    hits: Vec<u64>,
}

/// The functions that know how text is cut into words.
struct Functions {
    score: &'static Function,
    count_words: &'static Function,
    contains: &'static Function,
}

impl<'p> Scorer<'p> {
    fn new(score: &'p Score) -> Result<Self, SqlError> {
        let statistics = match &score.node {
            ScoreNode::Vector { .. } => None,
            ScoreNode::FullText { .. } => Some(Statistics {
                functions: Functions {
                    score: function("_FullTextScore")?,
                    count_words: function("_FullTextWordCount")?,
                    contains: function("FullTextContains")?,
                },
                terms: Vec::new(),
                documents: 0,
                words: 0.0,
                hits: Vec::new(),
            }),
        };
        Ok(Self { score, statistics, operands: Vec::new() })
    }

    /// Takes note of a row; only those that pass the filter are scored.
    fn read(&mut self, frame: &Frame<'_>, passes: bool) -> Result<(), SqlError> {
        let operand = match &self.score.node {
            ScoreNode::Vector { distance, .. } => evaluate(distance, frame)?,
            ScoreNode::FullText { path, terms } => {
                let text = evaluate(path, frame)?;
                if let Some(statistics) = &mut self.statistics {
                    statistics.read(&text, terms, frame)?;
                }
                text
            }
        };
        if passes {
            self.operands.push(operand.into_owned());
        }
        Ok(())
    }

    fn add_reciprocal_ranks(self, environment: &Environment<'_>, fused: &mut [f64]) {
        let descending = match self.score.node {
            ScoreNode::Vector { descending, .. } => descending,
            ScoreNode::FullText { .. } => true,
        };
        let is_best_first = descending == (self.score.weight >= 0.0);
        let worst = if is_best_first { f64::NEG_INFINITY } else { f64::INFINITY };
        let scores = self.operands.iter().map(|operand| match &self.statistics {
            Some(statistics) => statistics.score(operand, environment).unwrap_or(-1.0),
            None => operand.as_f64().unwrap_or(worst),
        });
        let mut order: Vec<(f64, usize)> = scores.zip(0..).collect();
        order.sort_by(|(a, _), (b, _)| if is_best_first { b.total_cmp(a) } else { a.total_cmp(b) });
        let (mut rank, mut previous) = (0.0, None);
        for (score, index) in order {
            // Equal scores share a rank.
            if previous != Some(score) {
                rank += 1.0;
                previous = Some(score);
            }
            if let Some(sum) = fused.get_mut(index) {
                *sum += self.score.weight.abs() / (SMOOTHING + rank);
            }
        }
    }
}

impl Statistics {
    fn read(&mut self, text: &Value, terms: &[Node], frame: &Frame<'_>) -> Result<(), SqlError> {
        if self.documents == 0 {
            self.terms = flatten(evaluate_all(terms, frame)?);
            self.hits = vec![0; self.terms.len()];
        }
        self.documents += 1;
        let words =
            (self.functions.count_words.eval)(std::slice::from_ref(text), frame.environment);
        self.words += words.as_f64().unwrap_or(0.0);
        for (term, hits) in self.terms.iter().zip(&mut self.hits) {
            let contains =
                (self.functions.contains.eval)(&[text.clone(), term.clone()], frame.environment);
            *hits += u64::from(contains.is_true());
        }
        Ok(())
    }

    fn score(&self, text: &Value, environment: &Environment<'_>) -> Option<f64> {
        let hits = self.hits.iter().map(|hits| Value::from(*hits)).collect();
        let arguments = [
            text.clone(),
            Value::array(self.terms.clone()),
            Value::from(self.documents),
            Value::from(self.words),
            Value::array(hits),
        ];
        (self.functions.score.eval)(&arguments, environment).as_f64()
    }
}

/// Terms may also be given as a list.
fn flatten(terms: Vec<Value>) -> Vec<Value> {
    let lists = terms.into_iter().map(|term| match term {
        Value::Array(terms) => terms.to_vec(),
        one => vec![one],
    });
    lists.flatten().collect()
}

fn function(name: &str) -> Result<&'static Function, SqlError> {
    functions::lookup(name).ok_or_else(|| SqlError::Refused(format!("{name} is not available.")))
}
