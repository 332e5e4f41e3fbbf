//! The stages over a container that exists in memory only.

use std::sync::Arc;

use serde_json::{Value, json};

use self::fake::{Change, Fake};
use crate::error::Result;
use crate::query::backend::{QuerySpec, Target};
use crate::query::plan::QueryInfo;
use crate::query::{Options, OutputPage, QueryPipeline};

mod condition;
mod damaged;
mod draining;
mod failures;
mod fake;
mod gathering;
mod hybrid;
mod merging;

/// A query that no server would be asked: the fake knows what it means.
const TEXT: &str = "SELECT * FROM c ORDER BY c.a";

/// Ways to run a query that must not change its rows.
fn ways() -> impl Iterator<Item = Options> {
    let sizes = [Some(1), Some(3), None];
    let concurrencies = [1, 4];
    sizes.into_iter().flat_map(move |max_item_count| {
        concurrencies.into_iter().map(move |max_concurrency| Options {
            max_item_count,
            max_concurrency,
            max_buffered_items: 5,
        })
    })
}

fn open(fake: &Arc<Fake>, options: Options, resume: Option<&str>) -> Result<QueryPipeline> {
    let backend = Arc::clone(fake) as Arc<dyn crate::query::backend::Backend>;
    QueryPipeline::new(backend, QuerySpec::new(TEXT), Target::container(), options, resume)
}

fn values(page: &OutputPage) -> Vec<Value> {
    page.rows.iter().map(|it| serde_json::from_str(it.get()).unwrap()).collect()
}

/// All rows in one go.
fn read(fake: &Arc<Fake>, options: Options) -> Result<Vec<Value>> {
    let mut pipeline = open(fake, options, None)?;
    let mut rows = Vec::new();
    while let Some(page) = pipeline.next_page()? {
        rows.extend(values(&page));
    }
    assert!(pipeline.next_page()?.is_none());
    Ok(rows)
}

/// All rows with a new pipeline for every page; `between` is called after each.
fn read_in_pieces(
    fake: &Arc<Fake>,
    options: Options,
    mut between: impl FnMut(usize),
) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    let mut resume: Option<String> = None;
    for number in 0.. {
        assert!(number < 10_000, "the query does not end");
        let mut pipeline = open(fake, options, resume.as_deref())?;
        let Some(page) = pipeline.next_page()? else { break };
        rows.extend(values(&page));
        between(number);
        resume = page.continuation;
        if resume.is_none() {
            break;
        }
    }
    Ok(rows)
}

/// A split after the second page and a merge after the fourth, in turn.
fn reshape(fake: &Fake) -> impl FnMut(usize) {
    |number| match number % 6 {
        1 if number < 8 => fake.change(Change::SplitAll),
        3 => fake.change(Change::MergeAll),
        _ => {}
    }
}

fn sorted(mut rows: Vec<Value>) -> Vec<String> {
    rows.sort_by_key(ToString::to_string);
    rows.iter().map(ToString::to_string).collect()
}

fn items(count: usize) -> Vec<Value> {
    (0..count).map(|it| json!({"id": it, "a": it % 5, "g": it % 3})).collect()
}

fn plan(value: Value) -> QueryInfo {
    serde_json::from_value(value).unwrap()
}
