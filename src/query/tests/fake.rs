//! A container in memory whose partitions can split, merge and misbehave.
//!
//! It does not parse SQL: each test says what its query makes of the items. Conditions that the client writes for an
//! ordered query are evaluated, so that a wrong one shows.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Barrier, Mutex, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::condition;
use crate::error::{Error, Result};
use crate::partition_key::PartitionKey;
use crate::query::backend::*;
use crate::query::plan::{QueryInfo, QueryPlan};
use crate::routing::epk::Epk;
use crate::routing::range::EpkRange;
use crate::wire::header;

pub(crate) struct Item {
    /// Its place in the key space, from 0 to 0xFE.
    pub(crate) epk: u8,
    pub(crate) value: Value,
}

type Page = dyn Fn(&[&Value]) -> Vec<Value> + Send + Sync;

/// What a partition makes of its items.
pub(crate) enum Run {
    /// Pages of items in the order of their ids, each turned into rows.
    Pages(Box<Page>),
    /// Items in the order of these properties, falling where it says so; each comes so many times.
    Sorted { columns: Vec<(&'static str, bool)>, copies: usize },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Change {
    SplitAll,
    MergeAll,
}

#[derive(Default)]
pub(crate) struct State {
    /// Id, first and end.
    pub(crate) partitions: Vec<(String, u16, u16)>,
    cached: Vec<(String, u16, u16)>,
    next_id: usize,
    pub(crate) fetches: usize,
    pub(crate) plans: usize,
    pub(crate) pauses: usize,
    pub(crate) texts: Vec<String>,
    pub(crate) changes: HashMap<usize, Change>,
    /// Statuses to answer the fetches of these numbers with.
    pub(crate) failures: HashMap<usize, (u16, u32)>,
}

pub(crate) struct Fake {
    pub(crate) items: Vec<Item>,
    pub(crate) info: QueryInfo,
    pub(crate) hybrid: Option<crate::query::plan::HybridInfo>,
    pub(crate) plan_ranges: Vec<EpkRange>,
    pub(crate) run: Run,
    pub(crate) state: Mutex<State>,
    pub(crate) default_page: usize,
    /// Every page comes empty once before it comes with rows.
    pub(crate) has_empty_pages: bool,
    /// The last page returns the continuation that it was sent.
    pub(crate) repeats_continuation: bool,
    /// After the last page it starts over.
    pub(crate) starts_over: bool,
    /// Partitions of these ids fail for ever.
    pub(crate) broken: Vec<(String, u16, u32)>,
    pub(crate) panics_at: Option<usize>,
    pub(crate) gate: Option<Arc<Barrier>>,
    pub(crate) has_no_plans: bool,
    order: OnceLock<Vec<usize>>,
}

pub(crate) fn epk(place: u16) -> Epk {
    match place {
        0 => Epk::MIN,
        0xff.. => Epk::max(),
        place => Epk::from_bytes(vec![place as u8]),
    }
}

fn range(first: u16, end: u16) -> EpkRange {
    EpkRange::new(epk(first), epk(end))
}

pub(crate) fn rid(number: usize) -> String {
    let mut bytes = vec![1; 8];
    bytes.extend((number as u64).to_le_bytes());
    STANDARD.encode(bytes)
}

impl Fake {
    pub(crate) fn new(partitions: usize, items: Vec<Value>, info: QueryInfo, run: Run) -> Self {
        // Neighbours lie apart, and some items share a place.
        let place = |at: usize| ((at * 37) % 250) as u8;
        let items = items.into_iter().enumerate().map(|(at, value)| Item { epk: place(at), value });
        let edge = |at: usize| (at * 255 / partitions) as u16;
        let all: Vec<_> =
            (0..partitions).map(|at| (format!("p{at}"), edge(at), edge(at + 1))).collect();
        let state =
            State { partitions: all.clone(), cached: all, next_id: partitions, ..State::default() };
        Self {
            items: items.collect(),
            info,
            hybrid: None,
            plan_ranges: vec![EpkRange::full()],
            run,
            state: Mutex::new(state),
            default_page: 100,
            has_empty_pages: false,
            repeats_continuation: false,
            starts_over: false,
            broken: Vec::new(),
            panics_at: None,
            gate: None,
            has_no_plans: false,
            order: OnceLock::new(),
        }
    }

    /// Rows that are the items.
    pub(crate) fn plain(partitions: usize, items: Vec<Value>, info: QueryInfo) -> Self {
        let same = |items: &[&Value]| items.iter().map(|it| (*it).clone()).collect();
        Self::new(partitions, items, info, Run::Pages(Box::new(same)))
    }

    pub(crate) fn fetches(&self) -> usize {
        self.state.lock().unwrap().fetches
    }

    pub(crate) fn change(&self, change: Change) {
        self.state.lock().unwrap().change(change);
    }

    /// Positions of the items in the order in which any partition returns its own.
    fn ordered(&self) -> &[usize] {
        self.order.get_or_init(|| self.sort())
    }

    fn sort(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.items.len()).collect();
        let Run::Sorted { columns, .. } = &self.run else { return order };
        order.sort_by(|one, other| {
            let (left, right) = (&self.items[*one].value, &self.items[*other].value);
            let keys = compare_columns(left, right, columns);
            let ids = if columns[0].1 { other.cmp(one) } else { one.cmp(other) };
            keys.then(ids)
        });
        order
    }

    fn rows(&self, items: &[usize]) -> Vec<Value> {
        let value = |it: &usize| &self.items[*it].value;
        match &self.run {
            Run::Pages(page) => page(&items.iter().map(value).collect::<Vec<_>>()),
            Run::Sorted { columns, .. } => {
                let row = |it: &usize| {
                    let item = |name: &str| match value(it).get(name) {
                        Some(value) => json!({"item": value}),
                        None => json!({}),
                    };
                    let keys: Vec<Value> = columns.iter().map(|it| item(it.0)).collect();
                    json!({"_rid": rid(*it), "orderByItems": keys, "payload": value(it)})
                };
                items.iter().map(row).collect()
            }
        }
    }

    fn answer(
        &self,
        request: &FetchRequest<'_>,
        within: &EpkRange,
        (is_second, after): (bool, isize),
    ) -> RawPage {
        let copies = if let Run::Sorted { copies, .. } = self.run { copies } else { 1 };
        let condition = condition::of(request.text);
        let wanted = |it: &usize| {
            let item = &self.items[*it];
            within.contains(&epk(u16::from(item.epk)))
                && condition.is_none_or(|it| condition::holds(it, &item.value))
        };
        // A row's number is its place among all rows, so that a continuation means the same to every partition.
        let rest: Vec<(usize, usize)> = self
            .ordered()
            .iter()
            .flat_map(|it| std::iter::repeat_n(*it, copies))
            .enumerate()
            .filter(|(number, it)| *number as isize > after && wanted(it))
            .collect();
        if self.has_empty_pages && !is_second {
            return page(&[], Some(format!("r{after}")));
        }
        let size = match request.max_item_count {
            Some(count) if count > 0 => count as usize,
            _ => self.default_page,
        };
        let items: Vec<usize> = rest.iter().take(size).map(|it| it.1).collect();
        let continuation = match rest.get(size.wrapping_sub(1)) {
            Some(last) if rest.len() > size => Some(format!("e{}", last.0)),
            _ if self.repeats_continuation => request.continuation.map(str::to_owned),
            _ if self.starts_over => Some("e-1".to_owned()),
            _ => None,
        };
        page(&self.rows(&items), continuation)
    }
}

fn page(rows: &[Value], continuation: Option<String>) -> RawPage {
    let mut headers = HeaderMap::new();
    headers.insert(header::REQUEST_CHARGE, "1.5".parse().unwrap());
    headers.insert(header::QUERY_METRICS, "retrievedDocumentCount=1".parse().unwrap());
    let rows = rows.iter().map(|it| RawValue::from_string(it.to_string()).unwrap()).collect();
    RawPage { rows, continuation, headers, diagnostics: None }
}

/// Whether a page was empty when it was asked for first, and the number of the row before it.
fn place(continuation: Option<&str>) -> Option<(bool, isize)> {
    let Some(text) = continuation else { return Some((false, -1)) };
    let (is_second, after) = match text.strip_prefix('r') {
        Some(after) => (true, after),
        None => (false, text.strip_prefix('e')?),
    };
    Some((is_second, after.parse().ok()?))
}

pub(crate) fn failure(status: u16, sub_status: u32) -> Error {
    let response = http::Response::builder()
        .status(status)
        .header(header::SUB_STATUS, sub_status.to_string())
        .body(Vec::new())
        .unwrap();
    Error::from_response(response)
}

impl State {
    fn change(&mut self, change: Change) {
        let mut id = || {
            self.next_id += 1;
            format!("p{}", self.next_id)
        };
        let old = std::mem::take(&mut self.partitions);
        for (_, first, end) in old {
            let middle = first.midpoint(end);
            match self.partitions.last_mut() {
                Some(last) if change == Change::MergeAll => last.2 = end,
                _ if change == Change::SplitAll && middle > first => {
                    self.partitions.push((id(), first, middle));
                    self.partitions.push((id(), middle, end));
                }
                _ => self.partitions.push((id(), first, end)),
            }
        }
    }
}

impl Backend for Fake {
    fn container_rid(&self) -> Result<String> {
        Ok("container".into())
    }

    fn plan(&self, _: &QuerySpec, _: Option<&PartitionKey>) -> Result<Arc<QueryPlan>> {
        self.state.lock().unwrap().plans += 1;
        if self.has_no_plans {
            return Err(Error::json("no plans here"));
        }
        Ok(Arc::new(QueryPlan {
            info: self.info.clone(),
            hybrid: self.hybrid.clone(),
            ranges: self.plan_ranges.clone(),
            is_point: false,
        }))
    }

    fn ranges(&self, within: &EpkRange, freshness: Freshness) -> Result<Vec<PartitionRange>> {
        let mut state = self.state.lock().unwrap();
        if freshness == Freshness::Reload {
            state.cached = state.partitions.clone();
        }
        let known = state
            .cached
            .iter()
            .map(|(id, first, end)| PartitionRange { id: id.clone(), range: range(*first, *end) });
        Ok(known.filter(|it| it.range.overlaps(within)).collect())
    }

    fn fetch(&self, request: &FetchRequest<'_>) -> Result<RawPage> {
        let mut state = self.state.lock().unwrap();
        state.fetches += 1;
        state.texts.push(request.text.to_owned());
        let number = state.fetches;
        if let Some(change) = state.changes.remove(&number) {
            state.change(change);
        }
        let failing = state.failures.remove(&number);
        let found = match request.address {
            Address::Key(_) => Some(EpkRange::full()),
            Address::Range { id, clip } => {
                let held = state.partitions.iter().find(|it| it.0 == id);
                held.map(|it| range(it.1, it.2)).map(|held| match clip {
                    Some(clip) => {
                        assert!(
                            clip.is_subset_of(&held) && *clip != held,
                            "only a part is clipped"
                        );
                        clip.clone()
                    }
                    None => held,
                })
            }
        };
        drop(state);
        if let Some(gate) = &self.gate {
            gate.wait();
        }
        assert_ne!(self.panics_at, Some(number), "the backend breaks, as the test wants");
        if let Address::Range { id, .. } = request.address
            && let Some((_, status, sub_status)) = self.broken.iter().find(|it| it.0 == id)
        {
            return Err(failure(*status, *sub_status));
        }
        match (failing, found) {
            (Some((status, sub_status)), _) => Err(failure(status, sub_status)),
            (None, None) => Err(failure(410, 1002)),
            (None, Some(within)) => match place(request.continuation) {
                Some(place) => Ok(self.answer(request, &within, place)),
                None => Err(failure(400, 0)),
            },
        }
    }

    fn pause(&self, attempt: u32) -> Result<()> {
        assert!(attempt > 0);
        self.state.lock().unwrap().pauses += 1;
        Ok(())
    }
}

/// The order of values, written anew: simple ones only, numbers as doubles.
pub(crate) fn compare_values(one: Option<&Value>, other: Option<&Value>) -> Ordering {
    let rank = |value: Option<&Value>| match value {
        None => 0,
        Some(Value::Null) => 1,
        Some(Value::Bool(_)) => 2,
        Some(Value::Number(_)) => 3,
        Some(Value::String(_)) => 4,
        Some(_) => panic!("the fake sorts no values with parts"),
    };
    rank(one).cmp(&rank(other)).then_with(|| match (one, other) {
        (Some(Value::Bool(one)), Some(Value::Bool(other))) => one.cmp(other),
        (Some(Value::Number(one)), Some(Value::Number(other))) => {
            one.as_f64().unwrap().partial_cmp(&other.as_f64().unwrap()).unwrap()
        }
        (Some(Value::String(one)), Some(Value::String(other))) => {
            let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
            units(one).cmp(&units(other))
        }
        _ => Ordering::Equal,
    })
}

pub(crate) fn compare_columns(
    one: &Value,
    other: &Value,
    columns: &[(&'static str, bool)],
) -> Ordering {
    columns.iter().fold(Ordering::Equal, |found, (name, is_falling)| {
        let next = compare_values(one.get(name), other.get(name));
        found.then(if *is_falling { next.reverse() } else { next })
    })
}
