//! Queries over items: which of them the gateway serves, and which plan the others get.

mod bounds;
mod index_filters;
mod index_metrics;
mod index_policy;
#[cfg(feature = "scripts")]
pub(crate) mod inside;
mod page;
mod setting;

use std::sync::Arc;

use self::bounds::KeyBounds;
use self::page::{Job, answer};
use self::setting::Setting;
use super::feed::{QueryText, page_size};
use super::paging::Bookmark;
use super::scope::{Scope, Source};
use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::{Answer, Origin};
use crate::emulator::sql::ast::Query;
use crate::emulator::sql::environment::{Environment, UserFunctions};
use crate::emulator::sql::parser::parse;
use crate::emulator::sql::plan::{Plan, plan as make_plan, unsupported};
use crate::emulator::sql::value::Value;
use crate::emulator::store::container::{Container, Rules};
use crate::routing::range::EpkRange;
use crate::wire::header;

/// The first version of the protocol for which a container's only partition serves what gathers rows. What the service
/// refuses to older clients was recorded.
const UNDIVIDED_VERSION: &str = "2020-07-15";

/// Answers how a client has to run a query.
pub(crate) fn plan(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let container = call.container(&account)?;
    let rules = Arc::clone(&container.rules);
    let has_key = call.request.header(&header::PARTITION_KEY).is_some();
    drop(account);
    let text = QueryText::read(call.request)?;
    let bound = text.bound()?;
    let setting = Setting::of(&rules);
    let features = call.request.header(&header::SUPPORTED_QUERY_FEATURES).unwrap_or_default();
    let features: Vec<&str> = features.split(',').map(str::trim).collect();
    let context = setting.context(&rules, has_key, &features);
    let plan = make_plan(&text.query, &bound, &context).map_err(|it| Refusal::query(it, 0.0))?;
    if let Some(text) = unsupported(&plan, &features) {
        return Err(Refusal::gateway(400, text));
    }
    let answer = Answer { status: 200, origin: Origin::BareGateway, ..Answer::default() };
    Ok(answer.body(plan_json(&plan, &rules)))
}

/// Answers a page of rows.
pub(crate) fn run(call: &Call<'_>) -> Result<Answer, Refusal> {
    let max_items = page_size(call.request)?;
    let text = QueryText::read(call.request);
    let account = call.read();
    let container = call.data(&account)?;
    let rules = Arc::clone(&container.rules);
    let scope = Scope::read(call, container)?;
    let sources = scope.sources(call, container);
    let owner = container.owner();
    let container_rid = rules.rid;
    let functions = user_functions(call, call.container(&account)?);
    drop(account);
    let text = text?;
    let bound = text.bound()?;
    let setting = Setting::of(&rules);
    let mut sources = sources?;
    if !scope.is_pinned() {
        let is_undivided = sources.len() == 1 && call.request.version() >= UNDIVIDED_VERSION;
        let ranges = served_ranges(call, &text, &bound, (&setting, &rules), is_undivided)?;
        retain_within(&mut sources, &ranges);
    }
    let bookmark = Bookmark::of(call)?;
    let environment = Environment {
        now: call.emulator.now(),
        udfs: &*functions,
        computed: &setting.computed,
        vectors: &setting.vectors,
    };
    let resume_filter = text.resume_filter(container_rid);
    let scans = call.request.is_set(&header::ENABLE_SCAN);
    let job =
        Job { query: &bound, rules: &rules, environment, max_items, resume_filter, scans, owner };
    let page = job.read(&sources, &bookmark)?;
    Ok(answer(call, page, &job, scope.is_pinned()))
}

/// What runs the container's user-defined functions; without an engine none is there.
fn user_functions(call: &Call<'_>, container: &Container) -> Box<dyn UserFunctions> {
    #[cfg(feature = "scripts")]
    {
        use crate::emulator::scripts::{Limits, StoredFunctions};
        let limits = Limits::of(call.emulator.script_timeout);
        Box::new(StoredFunctions::new(&container.scripts.functions, limits))
    }
    #[cfg(not(feature = "scripts"))]
    {
        let _ = (call, container);
        Box::new(crate::emulator::sql::environment::NoUserFunctions)
    }
}

/// Where the gateway would run a query that names no partition; or why it does not.
fn served_ranges(
    call: &Call<'_>,
    text: &QueryText,
    bound: &Query,
    (setting, rules): (&Setting, &Rules),
    is_undivided: bool,
) -> Result<Vec<EpkRange>, Refusal> {
    let context = setting.context(rules, false, &[]);
    let plan = make_plan(&text.query, bound, &context).map_err(|it| Refusal::query(it, 0.0))?;
    let is_single = plan.is_one_partition_key(&context);
    let has_source = bound.from.is_some();
    if !is_single && has_source && !call.request.is_set(&header::ENABLE_CROSS_PARTITION) {
        return Err(Refusal::gateway(
            400,
            "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition to true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception.",
        ));
    }
    // One partition needs no merging, and clients of others cannot do it.
    let is_served = is_undivided && plan.gathers_rows();
    if plan.has_non_value_aggregate() && !is_single && !is_served {
        return Err(Refusal::gateway_wrapped(
            400,
            "Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates.",
        ));
    }
    let parallel = call.request.is_set(&header::PARALLELIZE_CROSS_PARTITION);
    let needs_client =
        if is_single { is_collecting(bound) } else { parallel || plan.needs_pipeline() };
    if needs_client && has_source && !is_served {
        return Err(Refusal::needs_plan(plan_json(&plan, rules)));
    }
    let mut ranges: Vec<EpkRange> =
        plan.ranges.iter().map(|it| KeyBounds::of(it, rules).range()).collect();
    if !has_source {
        ranges.truncate(1);
    }
    Ok(ranges)
}

/// Whether rows have to be compared with all others, even those of one key.
fn is_collecting(query: &Query) -> bool {
    query.select.distinct || !query.group_by.is_empty()
}

fn retain_within(sources: &mut Vec<Source>, ranges: &[EpkRange]) {
    let is_wanted = |it: &Source| {
        ranges.iter().any(|range| {
            it.range.overlaps(range) || (range.is_empty() && it.range.contains(&range.min))
        })
    };
    if sources.iter().any(is_wanted) {
        sources.retain(is_wanted);
    } else {
        // Nothing can match; the first partition says so.
        sources.truncate(1);
    }
}

/// Answers a page of all items, as they are.
pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let max_items = page_size(call.request)?;
    let account = call.read();
    let container = call.data(&account)?;
    let rules = Arc::clone(&container.rules);
    let scope = Scope::read(call, container)?;
    let sources = scope.sources(call, container)?;
    let owner = container.owner();
    drop(account);
    let everything = parse("SELECT * FROM c").map_err(|it| Refusal::query(it, 1.0))?;
    let bookmark = Bookmark::of(call)?;
    let environment = Environment::bare(call.emulator.now());
    let job = Job {
        query: &everything,
        rules: &rules,
        environment,
        max_items,
        resume_filter: None,
        scans: true,
        owner,
    };
    let page = job.read(&sources, &bookmark)?;
    Ok(answer(call, page, &job, scope.is_pinned()))
}

/// The plan as the gateway writes it.
fn plan_json(plan: &Plan, rules: &Rules) -> String {
    let mut bounds: Vec<KeyBounds> =
        plan.ranges.iter().map(|it| KeyBounds::of(it, rules)).collect();
    bounds.sort_by(|a, b| a.min.cmp(&b.min));
    let ranges = bounds.iter().map(KeyBounds::to_value).collect();
    plan.to_value(Value::array(ranges)).to_json()
}
