//! `ORDER BY RANK`: several rankings of the same items, fused into one.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::Result;
use crate::query::collected::Collection;
use crate::query::continuation::Source;
use crate::query::hybrid::statistics::Statistics;
use crate::query::plan::{Direction, HybridInfo, QueryInfo};
use crate::query::row::{parse, present};
use crate::query::setup::Setup;
use crate::query::sorted_row::Output;
use crate::query::stage::drain;
use crate::query::usage::Usage;
use crate::query::window::Window;

mod statistics;

/// How strongly the first ranks stand out. The service's own clients have the same.
const RANK_CONSTANT: f64 = 60.0;

/// Runs all rankings and returns the items from the best fused score on.
pub(crate) fn run(setup: &Setup, info: &HybridInfo) -> Result<Collection> {
    let mut usage = Usage::default();
    let mut statistics = Statistics::default();
    if info.requires_global_statistics {
        statistics = Statistics::read(setup, &info.global_statistics_query, &mut usage)?;
    }
    let mut rows = Vec::new();
    for component in &info.component_query_infos {
        rows.push(run_component(setup, component, &statistics, &mut usage)?);
    }
    let ranked = match rows.pop() {
        Some(only) if rows.is_empty() => only,
        last => fuse(rows.into_iter().chain(last).flatten().collect(), info),
    };
    let skip = usize::try_from(info.skip.unwrap_or(0)).unwrap_or(usize::MAX);
    let take = info.take.map_or(usize::MAX, |it| usize::try_from(it).unwrap_or(usize::MAX));
    let payloads = ranked.into_iter().skip(skip).take(take).filter_map(|it| it.payload);
    Ok(Collection { rows: payloads.collect(), usage })
}

/// The rows of one ranking, best first if its plan says how to sort them.
fn run_component(
    setup: &Setup,
    info: &QueryInfo,
    statistics: &Statistics,
    usage: &mut Usage,
) -> Result<Vec<RankedRow>> {
    let mut info = info.clone();
    info.rewritten_query = statistics.fill(info.text(&setup.query.text));
    let mut stage = setup.sorted(&info, &Source::Start, Output::Envelope)?;
    if !info.order_by.is_empty() {
        let (skip, take) = info.window();
        stage = Box::new(Window::new(stage, skip, take));
    }
    let mut rows = Vec::new();
    usage.add(drain(&mut *stage, |row| {
        rows.push(RankedRow::parse(&row)?);
        Ok(())
    })?);
    Ok(rows)
}

struct RankedRow {
    rid: String,
    scores: Vec<f64>,
    payload: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(rename = "_rid", default)]
    rid: String,
    #[serde(borrow, default, deserialize_with = "present")]
    payload: Option<&'a RawValue>,
    component_scores: Option<Vec<f64>>,
}

/// The payload of a row that also has values to sort by: the scores are one level further down.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inner<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    payload: Option<&'a RawValue>,
    #[serde(default)]
    component_scores: Vec<f64>,
}

impl RankedRow {
    fn parse(row: &RawValue) -> Result<Self> {
        let outer: Envelope<'_> = parse(row)?;
        let (payload, scores) = match (outer.component_scores, outer.payload) {
            (None, Some(inner)) => {
                let inner: Inner<'_> = parse(inner)?;
                (inner.payload, inner.component_scores)
            }
            (scores, payload) => (payload, scores.unwrap_or_default()),
        };
        Ok(Self { rid: outer.rid, scores, payload: payload.map(ToOwned::to_owned) })
    }

    fn score(&self, component: usize) -> f64 {
        self.scores.get(component).copied().unwrap_or(f64::NEG_INFINITY)
    }
}

/// Sorts the items of all rankings by the sum over their ranks, each as the inverse of its distance to the first.
fn fuse(mut rows: Vec<RankedRow>, info: &HybridInfo) -> Vec<RankedRow> {
    rows.sort_by(|one, other| one.rid.cmp(&other.rid));
    rows.dedup_by(|later, first| later.rid == first.rid);
    let mut fused: HashMap<usize, f64> = HashMap::with_capacity(rows.len());
    for (component, plan) in info.component_query_infos.iter().enumerate() {
        let weight = info.component_weights.get(component).copied().unwrap_or(1.0);
        for (place, rank) in ranks(&rows, component, plan.order_by.first().copied()) {
            *fused.entry(place).or_default() += weight / (RANK_CONSTANT + rank);
        }
    }
    let score = |place: usize| fused.get(&place).copied().unwrap_or_default();
    let mut places: Vec<_> = rows.into_iter().enumerate().collect();
    places.sort_by(|one, other| score(other.0).total_cmp(&score(one.0)));
    places.into_iter().map(|it| it.1).collect()
}

/// The rank of each row in one component, from 1; equal scores share one, and none is left out.
fn ranks(rows: &[RankedRow], component: usize, direction: Option<Direction>) -> Vec<(usize, f64)> {
    let mut scores: Vec<(usize, f64)> =
        rows.iter().map(|it| it.score(component)).enumerate().collect();
    scores.sort_by(|one, other| match direction {
        Some(Direction::Ascending) => one.1.total_cmp(&other.1),
        _ => other.1.total_cmp(&one.1),
    });
    let mut rank = 0.0;
    let mut before = None;
    for (_, score) in &mut scores {
        if before.is_none_or(|it: f64| it.total_cmp(score) != Ordering::Equal) {
            rank += 1.0;
        }
        before = Some(std::mem::replace(score, rank));
    }
    scores
}
