//! Queries over items: which of them the gateway serves, which plan the others get, and the pages of rows.

use std::sync::Arc;

use super::feed::{MAX_PAGE_BYTES, QueryText, envelope, page_size};
use super::paging::Bookmark;
use super::scope::{Scope, Source};
use crate::emulator::call::Call;
use crate::emulator::charge::{self, QueryWork};
use crate::emulator::refusal::Refusal;
use crate::emulator::response::{Answer, Origin, Replica};
use crate::emulator::sql::ast::{Direction, OrderBy, Query};
use crate::emulator::sql::environment::{
    DistanceFunction, Environment, NoUserFunctions, VectorEmbedding,
};
use crate::emulator::sql::execute::{self, Document, Metrics, PageRequest, Resume, execute};
use crate::emulator::sql::parser::parse;
use crate::emulator::sql::plan::{
    Bound, KeyKind, KeyPart, KeyRange, Plan, PlanContext, Space, plan as make_plan, unsupported,
};
use crate::emulator::sql::value::{ExponentStyle, Object, Value};
use crate::emulator::store::container::Rules;
use crate::partition_key::{PartitionKey, PartitionKeyKind, PartitionKeyValue};
use crate::routing::epk::Epk;
use crate::routing::range::EpkRange;
use crate::wire::header;

/// The first version of the protocol for which a container's only partition serves what gathers rows. What the service
/// refuses to older clients was recorded.
const UNDIVIDED_VERSION: &str = "2020-07-15";

/// What queries of a container need to know about it.
struct Setting {
    vectors: Vec<VectorEmbedding>,
    computed: Vec<(Arc<str>, Query)>,
    space: Space,
}

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
    let account = call.read();
    let container = call.container(&account)?;
    let rules = Arc::clone(&container.rules);
    let scope = Scope::read(call, container)?;
    let text = QueryText::read(call.request)?;
    let bound = text.bound()?;
    let setting = Setting::of(&rules);
    let mut sources = scope.sources(call, container)?;
    drop(account);
    if !scope.is_pinned() {
        let is_undivided = sources.len() == 1 && call.request.version() >= UNDIVIDED_VERSION;
        let ranges = served_ranges(call, &text, &bound, (&setting, &rules), is_undivided)?;
        retain_within(&mut sources, &ranges);
    }
    let bookmark = match call.request.header(&header::CONTINUATION) {
        Some(text) => Bookmark::read(text)?,
        None => Bookmark::default(),
    };
    let environment = Environment {
        now: call.emulator.now(),
        udfs: &NoUserFunctions,
        computed: &setting.computed,
        vectors: &setting.vectors,
    };
    let job = Job { query: &bound, rules: &rules, environment, max_items };
    let page = job.read(&sources, &bookmark)?;
    Ok(answer(call, page, &rules, scope.is_pinned(), &bound))
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

/// The plan as the gateway writes it.
fn plan_json(plan: &Plan, rules: &Rules) -> String {
    let mut bounds: Vec<KeyBounds> =
        plan.ranges.iter().map(|it| KeyBounds::of(it, rules)).collect();
    bounds.sort_by(|a, b| a.min.cmp(&b.min));
    let ranges = bounds.iter().map(KeyBounds::to_value).collect();
    plan.to_value(Value::array(ranges)).to_json()
}

/// A range of keys as effective partition keys.
struct KeyBounds {
    min: Epk,
    max: Epk,
    is_min_inclusive: bool,
    is_max_inclusive: bool,
}

impl KeyBounds {
    fn of(range: &KeyRange, rules: &Rules) -> Self {
        let definition = &rules.definition.key;
        let levels = rules.definition.key_paths.len();
        let epk = |bound: &Bound| match bound {
            Bound::Infinity => Epk::max(),
            Bound::Key(parts) if parts.is_empty() => Epk::MIN,
            Bound::Key(parts) => rules.epk(&key_of(parts)),
        };
        let (min, max) = (epk(&range.min), epk(&range.max));
        let is_prefix = definition.kind == PartitionKeyKind::MultiHash
            && range.min == range.max
            && matches!(&range.min, Bound::Key(parts) if !parts.is_empty() && parts.len() < levels);
        if is_prefix {
            let range = EpkRange::of_prefix(min);
            return Self {
                min: range.min,
                max: range.max,
                is_min_inclusive: true,
                is_max_inclusive: false,
            };
        }
        Self {
            min,
            max,
            is_min_inclusive: range.is_min_inclusive,
            is_max_inclusive: range.is_max_inclusive,
        }
    }

    fn range(&self) -> EpkRange {
        EpkRange::from_bounds(
            (self.min.clone(), self.is_min_inclusive),
            (self.max.clone(), self.is_max_inclusive),
        )
    }

    fn to_value(&self) -> Value {
        Object::from_iter([
            ("min", Value::from(self.min.to_string())),
            ("max", self.max.to_string().into()),
            ("isMinInclusive", self.is_min_inclusive.into()),
            ("isMaxInclusive", self.is_max_inclusive.into()),
        ])
        .into()
    }
}

fn key_of(parts: &[KeyPart]) -> PartitionKey {
    PartitionKey::from_components(parts.iter().map(|part| match part {
        KeyPart::Value(Value::Null) => PartitionKeyValue::Null,
        KeyPart::Value(Value::Bool(value)) => PartitionKeyValue::Bool(*value),
        KeyPart::Value(Value::Number(number)) => PartitionKeyValue::from(number.as_f64()),
        KeyPart::Value(Value::String(text)) => PartitionKeyValue::from(&**text),
        KeyPart::MinNumber => PartitionKeyValue::Number(f64::NEG_INFINITY),
        KeyPart::MaxNumber => PartitionKeyValue::Number(f64::INFINITY),
        KeyPart::MinString => PartitionKeyValue::from(""),
        KeyPart::MaxString => PartitionKeyValue::from("\u{10FFFF}"),
        KeyPart::Value(_) => PartitionKeyValue::Undefined,
    }))
}

impl Setting {
    fn of(rules: &Rules) -> Self {
        let properties = Value::from(rules.definition.properties.clone());
        let list = |value: Value| value.as_array().map(<[Value]>::to_vec).unwrap_or_default();
        let vectors = list(properties.get("vectorEmbeddingPolicy").get("vectorEmbeddings"));
        let computed = list(properties.get("computedProperties"));
        let geometry = properties.get("geospatialConfig").get("type").as_str() == Some("Geometry");
        Self {
            vectors: vectors.iter().filter_map(embedding).collect(),
            computed: computed
                .iter()
                .filter_map(|it| {
                    let query = parse(it.get("query").as_str()?).ok()?;
                    Some((Arc::from(it.get("name").as_str()?), query))
                })
                .collect(),
            space: if geometry { Space::Geometry } else { Space::Geography },
        }
    }

    fn context<'a>(
        &'a self,
        rules: &'a Rules,
        has_partition_key_header: bool,
        features: &'a [&'a str],
    ) -> PlanContext<'a> {
        PlanContext {
            partition_key_paths: &rules.definition.key_paths,
            kind: match rules.definition.key.kind {
                PartitionKeyKind::Hash => KeyKind::Hash,
                PartitionKeyKind::MultiHash => KeyKind::MultiHash,
                PartitionKeyKind::Range => KeyKind::Range,
            },
            has_partition_key_header,
            features,
            vectors: &self.vectors,
            space: self.space,
        }
    }
}

fn embedding(value: &Value) -> Option<VectorEmbedding> {
    let dimensions = value.get("dimensions").as_number()?.as_i64()?;
    Some(VectorEmbedding {
        path: value.get("path").as_str()?.to_owned(),
        dimensions: usize::try_from(dimensions).ok()?,
        distance: match value.get("distanceFunction").as_str()?.to_ascii_lowercase().as_str() {
            "euclidean" => DistanceFunction::Euclidean,
            "dotproduct" => DistanceFunction::DotProduct,
            _ => DistanceFunction::Cosine,
        },
    })
}

/// A query that is to be run.
struct Job<'a> {
    query: &'a Query,
    rules: &'a Rules,
    environment: Environment<'a>,
    max_items: usize,
}

/// A page, put together from one or more partitions.
struct Page {
    rows: Vec<Value>,
    metrics: Metrics,
    next: Option<Bookmark>,
    replica: Replica,
}

impl Job<'_> {
    /// Reads one partition after the other until the page is full.
    fn read(&self, sources: &[Source], bookmark: &Bookmark) -> Result<Page, Refusal> {
        let first = sources.first().ok_or_else(Refusal::range_gone)?;
        let mut page = Page {
            rows: Vec::new(),
            metrics: Metrics::default(),
            next: None,
            replica: first.replica.clone(),
        };
        let mut tokens: Vec<&str> = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            if bookmark.is_past(&source.range) {
                continue;
            }
            let rest = sources.get(index + 1..).unwrap_or_default();
            let room = self.max_items.saturating_sub(page.rows.len());
            let bytes = MAX_PAGE_BYTES.saturating_sub(page.metrics.output_size as usize);
            if room == 0 || (bytes == 0 && !page.rows.is_empty()) {
                page.next = Some(bookmark.at(source, bookmark.token(&source.range), rest));
                break;
            }
            let part = self.read_source(source, bookmark, (room, bytes))?;
            page.replica = source.replica.clone();
            tokens.push(&source.replica.session_token);
            page.rows.extend(part.rows);
            add(&mut page.metrics, &part.metrics);
            if let Some(mut resume) = part.resume {
                resume.container = self.rules.rid.as_number();
                page.next = Some(bookmark.at(source, Some(resume), rest));
                break;
            }
            if self.query.from.is_none() {
                break;
            }
        }
        if tokens.len() > 1 {
            page.replica.session_token = tokens.join(",");
        }
        Ok(page)
    }

    fn read_source(
        &self,
        source: &Source,
        bookmark: &Bookmark,
        (max_items, max_bytes): (usize, usize),
    ) -> Result<execute::Page, Refusal> {
        let resume = bookmark.token(&source.range);
        let first = resume.as_ref().map_or(0, Resume::first_rid);
        let mut documents = source.items_from(first).map(|it| Document {
            rid: it.number,
            value: it.value.clone(),
            size: it.bytes,
        });
        let request = PageRequest { max_items, max_bytes, resume, resume_filter: None };
        execute(self.query, &mut documents, &request, &self.environment).map_err(|it| {
            let work =
                QueryWork { has_filter: self.query.filter.is_some(), ..QueryWork::default() };
            Refusal::query(it, charge::query(work)).at(source.replica.clone())
        })
    }
}

fn add(sum: &mut Metrics, part: &Metrics) {
    sum.scanned_count += part.scanned_count;
    sum.retrieved_count += part.retrieved_count;
    sum.retrieved_size += part.retrieved_size;
    sum.output_count += part.output_count;
    sum.output_size += part.output_size;
    sum.index_utilization = sum.index_utilization.max(part.index_utilization);
}

fn answer(call: &Call<'_>, page: Page, rules: &Rules, is_pinned: bool, query: &Query) -> Answer {
    let members = page.rows.first().and_then(Value::as_object).map_or(1, Object::len);
    let work = QueryWork {
        has_filter: query.filter.is_some(),
        rows: page.rows.len(),
        members_per_row: members,
        bytes_out: page.metrics.output_size as usize,
        loaded: page.metrics.retrieved_count as usize,
    };
    let body = envelope(&rules.rid.text(), "Documents", &page.rows, ExponentStyle::TwoDigits);
    let is_reverse = matches!(&query.order_by, Some(OrderBy::Items(items))
        if items.first().is_some_and(|it| it.direction == Some(Direction::Descending)));
    let mut answer = Answer::new(200, page.replica, charge::query(work))
        .owner(rules.owner.clone())
        .header(header::ITEM_COUNT, page.rows.len())
        .header(
            header::QUERY_EXECUTION_INFO,
            format!("{{\"reverseRidEnabled\":false,\"reverseIndexScan\":{is_reverse}}}"),
        )
        .header(http::HeaderName::from_static("x-ms-cosmos-is-partition-key-delete-pending"), false)
        .body(body);
    if let Some(next) = page.next {
        answer = answer.header(header::CONTINUATION, next.to_header(is_pinned));
    }
    if call.request.is_set(&header::POPULATE_QUERY_METRICS) {
        answer = answer.header(header::QUERY_METRICS, metrics_text(&page.metrics));
    }
    answer
}

/// The metrics header. Times are what a small query takes; nothing here is measured.
fn metrics_text(metrics: &Metrics) -> String {
    format!(
        "totalExecutionTimeInMs=0.23;queryCompileTimeInMs=0.05;queryLogicalPlanBuildTimeInMs=0.01;queryPhysicalPlanBuildTimeInMs=0.04;queryOptimizationTimeInMs=0.00;VMExecutionTimeInMs=0.01;indexLookupTimeInMs=0.00;instructionCount={};documentLoadTimeInMs=0.00;systemFunctionExecuteTimeInMs=0.00;userFunctionExecuteTimeInMs=0.00;retrievedDocumentCount={};retrievedDocumentSize={};outputDocumentCount={};outputDocumentSize={};writeOutputTimeInMs=0.00;indexUtilizationRatio={:.2}",
        9 + 10 * metrics.scanned_count,
        metrics.retrieved_count,
        metrics.retrieved_size,
        metrics.output_count,
        metrics.output_size + 45,
        if metrics.retrieved_count == 0 { 1.0 } else { metrics.index_utilization },
    )
}

/// Answers a page of all items, as they are.
pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let max_items = page_size(call.request)?;
    let account = call.read();
    let container = call.container(&account)?;
    let rules = Arc::clone(&container.rules);
    let scope = Scope::read(call, container)?;
    let sources = scope.sources(call, container)?;
    drop(account);
    let everything = parse("SELECT * FROM c").map_err(|it| Refusal::query(it, 1.0))?;
    let bookmark = match call.request.header(&header::CONTINUATION) {
        Some(text) => Bookmark::read(text)?,
        None => Bookmark::default(),
    };
    let environment = Environment::bare(call.emulator.now());
    let job = Job { query: &everything, rules: &rules, environment, max_items };
    let page = job.read(&sources, &bookmark)?;
    Ok(answer(call, page, &rules, scope.is_pinned(), &everything))
}
