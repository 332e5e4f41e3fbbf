//! Compiles `ORDER BY RANK`.

use super::Compiler;
use crate::emulator::sql::ast::{Direction, Expr};
use crate::emulator::sql::error::SqlError;
use crate::emulator::sql::program::{Node, Rank, Score, ScoreNode};
use crate::emulator::sql::value::Value;
use crate::emulator::sql::vector;

impl Compiler<'_> {
    /// Compiles `FullTextScore(…)`, `VectorDistance(…)` or `RRF(score, …[, [weights]])`.
    pub(super) fn rank(&mut self, expr: &Expr) -> Result<Rank, SqlError> {
        let Expr::Call { name, args, .. } = expr else { return Err(not_a_score()) };
        if !name.eq_ignore_ascii_case("RRF") {
            return Ok(Rank { scores: vec![Score { node: self.score(expr)?, weight: 1.0 }] });
        }
        let (scores, weights) = match args.split_last() {
            Some((last, rest)) if !matches!(last, Expr::Call { .. }) => {
                (rest, weights(&self.expr(last)?)?)
            }
            _ => (args.as_slice(), Vec::new()),
        };
        let mut weights = weights.into_iter();
        let scores = scores.iter().map(|expr| {
            Ok(Score { node: self.score(expr)?, weight: weights.next().unwrap_or(1.0) })
        });
        Ok(Rank { scores: scores.collect::<Result<_, SqlError>>()? })
    }

    fn score(&mut self, expr: &Expr) -> Result<ScoreNode, SqlError> {
        let Expr::Call { name, args, .. } = expr else { return Err(not_a_score()) };
        if let Some(direction) = vector::direction(expr, self.environment) {
            let descending = direction == Direction::Descending;
            return Ok(ScoreNode::Vector { distance: self.expr(expr)?, descending });
        }
        match args.split_first() {
            Some((path, terms)) if name.eq_ignore_ascii_case("FULLTEXTSCORE") => {
                Ok(ScoreNode::FullText { path: self.expr(path)?, terms: self.exprs(terms)? })
            }
            _ => Err(not_a_score()),
        }
    }
}

fn weights(node: &Node) -> Result<Vec<f64>, SqlError> {
    let Node::Constant(Value::Array(weights)) = node else { return Err(not_a_score()) };
    weights.iter().map(|weight| weight.as_f64().ok_or_else(not_a_score)).collect()
}

fn not_a_score() -> SqlError {
    let message = "ORDER BY RANK takes FullTextScore, VectorDistance or RRF of them.";
    SqlError::Refused(message.to_owned())
}
