//! Plans of hybrid searches: `ORDER BY RANK`.
//!
//! Each score that is ranked becomes a query of its own; the client merges their ranks. Full-text scores need counts
//! over the whole container, which the client asks for first and puts into the component queries.

use super::rewrite::{Rewriter, call, column, literal, name, object};
use super::{PlanContext, QueryInfo, info};
use crate::emulator::sql::ast::{BinaryOp, Direction, Expr, OrderBy, OrderItem, Query};
use crate::emulator::sql::error::SqlError;
use crate::emulator::sql::print;
use crate::emulator::sql::value::Value;

const TOTAL_DOCUMENTS: &str = "{documentdb-formattablehybridsearchquery-totaldocumentcount}";
/// The fewest rows that a component query asks for.
const MIN_WINDOW: u64 = 120;
/// How many rows a component query asks for in place of each one that the user wants.
const OVERSAMPLING: u64 = 2;
/// What counts as the score of an item that has none: after all others, whichever way a vector's distance is sorted.
const NO_VECTOR_SCORE: f64 = -1.79769e308;

/// What the gateway calls `hybridSearchQueryInfo`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HybridInfo {
    pub(crate) global_statistics_query: String,
    pub(crate) components: Vec<QueryInfo>,
    /// Empty where all weigh the same.
    pub(crate) component_weights: Vec<f64>,
    pub(crate) skip: Option<u64>,
    pub(crate) take: Option<u64>,
    pub(crate) requires_global_statistics: bool,
}

/// One score that is ranked.
struct Component {
    kind: Kind,
    weight: f64,
    /// The internal function that computes it.
    score: Expr,
}

enum Kind {
    /// Over a path, for some terms.
    FullText {
        path: Expr,
        terms: Vec<Expr>,
    },
    Vector,
}

impl Component {
    /// The score, or the worst one for an item that has none.
    fn or_worst(&self) -> Expr {
        let worst = match self.kind {
            Kind::FullText { .. } => -1.0,
            Kind::Vector if self.weight < 0.0 => -NO_VECTOR_SCORE,
            Kind::Vector => NO_VECTOR_SCORE,
        };
        let [score, worst] = [self.score.clone(), literal(worst)].map(Box::new);
        Expr::Binary(BinaryOp::Coalesce, score, worst)
    }

    /// [`Self::or_worst`], the higher the better.
    fn ranked(&self) -> Expr {
        let score = self.or_worst();
        if self.weight >= 0.0 {
            return score;
        }
        Expr::Binary(BinaryOp::Multiply, Box::new(literal(-1.0)), Box::new(score))
    }

    fn direction(&self) -> Direction {
        if self.weight < 0.0 { Direction::Ascending } else { Direction::Descending }
    }

    /// The direction as the text has it: that of a vector's distance goes without saying.
    fn written_direction(&self) -> Option<Direction> {
        match (&self.kind, self.direction()) {
            (Kind::Vector, Direction::Descending) => None,
            (_, direction) => Some(direction),
        }
    }
}

pub(super) fn of(
    query: &Query,
    bound: &Query,
    context: &PlanContext<'_>,
) -> Result<HybridInfo, SqlError> {
    let Some(OrderBy::Rank(rank)) = &query.order_by else {
        return Err(unranked());
    };
    let Some(OrderBy::Rank(bound_rank)) = &bound.order_by else {
        return Err(unranked());
    };
    let (components, weighted) = components(rank, bound_rank)?;
    let top = info::number(bound.select.top.as_ref());
    let skip = info::number(bound.window.as_ref().map(|window| &window.offset));
    let limit = info::number(bound.window.as_ref().map(|window| &window.limit));
    let wanted = match (top, limit) {
        (_, Some(limit)) => skip.unwrap_or(0) + limit,
        (Some(top), None) => top,
        (None, None) => 0,
    };
    // The service computes this in 32 bits.
    let window = (wanted * OVERSAMPLING).max(MIN_WINDOW) & u64::from(u32::MAX);
    let search = Search { query, components: &components, window, windowed: limit.is_some() };
    let skips_rewrite = context.features.contains(&"HybridSearchSkipOrderByRewrite");
    Ok(HybridInfo {
        global_statistics_query: search.statistics(),
        components: (0..components.len())
            .filter_map(|index| search.component(index, skips_rewrite))
            .collect(),
        component_weights: if weighted {
            components.iter().map(|component| component.weight.abs()).collect()
        } else {
            Vec::new()
        },
        skip,
        take: limit.or(top),
        requires_global_statistics: components
            .iter()
            .any(|component| matches!(component.kind, Kind::FullText { .. })),
    })
}

struct Search<'a> {
    query: &'a Query,
    components: &'a [Component],
    /// How many rows each component query asks for.
    window: u64,
    /// Whether the user wrote `OFFSET LIMIT`.
    windowed: bool,
}

impl Search<'_> {
    /// The query for the counts that full-text scores are computed with. The user's filter has no say in it.
    fn statistics(&self) -> String {
        let statistics = self.components.iter().filter_map(|component| match &component.kind {
            Kind::FullText { path, terms } => Some(statistics_of(path, terms)),
            Kind::Vector => None,
        });
        let mut query = self.query.clone();
        query.filter = None;
        query.order_by = None;
        query.window = None;
        query.select.top = None;
        query.select.distinct = false;
        let statistics = Expr::Array(statistics.collect());
        let mut rewriter = Rewriter::new(&query);
        rewriter.select(vec![
            column(call("COUNT", vec![literal(1.0)]), Some("documentCount")),
            column(statistics, Some("fullTextStatistics")),
        ]);
        rewriter.text()
    }

    fn component(&self, index: usize, skips_rewrite: bool) -> Option<QueryInfo> {
        let component = self.components.get(index)?;
        let single = self.components.len() == 1;
        let mut rewriter = Rewriter::new(self.query);
        if self.windowed {
            rewriter.widen_window(self.window);
            rewriter.set_top(None);
        } else {
            rewriter.set_top(Some(self.window));
        }
        rewriter.sort_by(OrderItem {
            expr: component.score.clone(),
            direction: component.written_direction(),
            span: 0..0,
        });
        let payload = rewriter.payload(Clone::clone);
        if skips_rewrite && !single {
            let scores = self.components.iter().map(Component::ranked).collect();
            rewriter.select(vec![
                column(rewriter.rid(), None),
                column(payload, Some("payload")),
                column(Expr::Array(scores), Some("componentScores")),
            ]);
            return Some(QueryInfo { rewritten: rewriter.text(), ..QueryInfo::default() });
        }
        let scores = if skips_rewrite {
            Vec::new()
        } else {
            self.components.iter().map(Component::or_worst).collect()
        };
        let payload = object([("payload", payload), ("componentScores", Expr::Array(scores))]);
        Some(QueryInfo {
            top: (!self.windowed).then_some(self.window),
            offset: self.windowed.then_some(0),
            limit: self.windowed.then_some(self.window),
            order_by: vec![component.direction()],
            order_by_expressions: vec![print::expr(&component.score)],
            rewritten: rewriter.ordered(&[&component.score], payload),
            has_non_streaming_order_by: true,
            ..QueryInfo::default()
        })
    }
}

/// `{"totalWordCount": …, "hitCounts": […]}`
fn statistics_of(path: &Expr, terms: &[Expr]) -> Expr {
    let words = call("_FullTextWordCount", vec![path.clone()]);
    let hits = terms.iter().map(|term| {
        let contains = call("FullTextContains", vec![path.clone(), term.clone()]);
        call("COUNTIF", vec![contains])
    });
    object([
        ("totalWordCount", call("SUM", vec![words])),
        ("hitCounts", Expr::Array(hits.collect())),
    ])
}

/// The scores of the clause, and whether it weighs them.
fn components(rank: &Expr, bound: &Expr) -> Result<(Vec<Component>, bool), SqlError> {
    let (Expr::Call { name, args, .. }, Expr::Call { args: bound_args, .. }) = (rank, bound) else {
        return Err(unranked());
    };
    if !name.eq_ignore_ascii_case("RRF") {
        let component = component(rank, 1.0, 0).ok_or_else(unranked)?;
        return Ok((vec![component], false));
    }
    let weights = bound_args.last().and_then(weights);
    let scores = args.len() - usize::from(weights.is_some());
    if weights.as_ref().is_some_and(|weights| weights.len() != scores) {
        return Err(SqlError::Refused(
            "The number of weights of the RRF function must be that of its scores.".into(),
        ));
    }
    let mut found = Vec::with_capacity(scores);
    let mut texts = 0;
    for (index, arg) in args.iter().take(scores).enumerate() {
        let weight = weights.as_ref().and_then(|weights| weights.get(index).copied());
        let component = component(arg, weight.unwrap_or(1.0), texts).ok_or_else(unranked)?;
        texts += usize::from(matches!(component.kind, Kind::FullText { .. }));
        found.push(component);
    }
    Ok((found, weights.is_some()))
}

/// The weights at the end of a rank fusion, if that is what the argument is.
fn weights(arg: &Expr) -> Option<Vec<f64>> {
    let number = |value: &Value| value.as_f64();
    match arg {
        Expr::Literal(value) => value.as_array()?.iter().map(number).collect(),
        Expr::Array(elements) => elements
            .iter()
            .map(|element| match element {
                Expr::Literal(value) => number(value),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// The score that a call asks for; `index` counts the full-text scores before it.
fn component(expr: &Expr, weight: f64, index: usize) -> Option<Component> {
    let Expr::Call { name: function, udf: false, args, .. } = expr else { return None };
    if function.eq_ignore_ascii_case("VectorDistance") {
        let score = call("_VectorScore", args.clone());
        return Some(Component { kind: Kind::Vector, weight, score });
    }
    if !function.eq_ignore_ascii_case("FullTextScore") {
        return None;
    }
    let (path, terms) = args.split_first()?;
    let placeholder =
        |what: &str| name(&format!("{{documentdb-formattablehybridsearchquery-{what}-{index}}}"));
    let score = call(
        "_FullTextScore",
        vec![
            path.clone(),
            Expr::Array(terms.to_vec()),
            name(TOTAL_DOCUMENTS),
            placeholder("totalwordcount"),
            placeholder("hitcountsarray"),
        ],
    );
    let kind = Kind::FullText { path: path.clone(), terms: terms.to_vec() };
    Some(Component { kind, weight, score })
}

fn unranked() -> SqlError {
    SqlError::Refused(
        "The ORDER BY RANK clause must be followed by a scoring function: FullTextScore, VectorDistance or RRF."
            .into(),
    )
}
