//! A page of rows: read from one partition after the other, and answered.

use super::index_metrics;
use crate::emulator::call::Call;
use crate::emulator::charge::{self, QueryWork};
use crate::emulator::handlers::feed::{MAX_PAGE_BYTES, envelope};
use crate::emulator::handlers::paging::Bookmark;
use crate::emulator::handlers::scope::Source;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::{Answer, Owner, Replica};
use crate::emulator::sql::ast::{Direction, OrderBy, Query};
use crate::emulator::sql::environment::Environment;
use crate::emulator::sql::execute::{
    self, Document, Metrics, PageRequest, Resume, ResumeFilter, execute,
};
use crate::emulator::sql::value::{ExponentStyle, Object, Value};
use crate::emulator::store::container::Rules;
use crate::wire::header;

/// A query that is to be run.
pub(super) struct Job<'a> {
    pub(super) query: &'a Query,
    pub(super) rules: &'a Rules,
    pub(super) environment: Environment<'a>,
    pub(super) max_items: usize,
    pub(super) resume_filter: Option<ResumeFilter>,
    /// Whether items that are not indexed are looked at too.
    pub(super) scans: bool,
    /// The container, in the headers of the answer.
    pub(super) owner: Owner,
}

/// A page, put together from one or more partitions.
pub(super) struct Page {
    rows: Vec<Value>,
    metrics: Metrics,
    next: Option<Bookmark>,
    replica: Replica,
}

impl Job<'_> {
    /// Reads one partition after the other until the page is full.
    pub(super) fn read(&self, sources: &[Source], bookmark: &Bookmark) -> Result<Page, Refusal> {
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
        let visible = source.items_from(first).filter(|it| self.scans || it.is_indexed);
        let mut documents =
            visible.map(|it| Document { rid: it.number, value: it.value.clone(), size: it.bytes });
        let request =
            PageRequest { max_items, max_bytes, resume, resume_filter: self.resume_filter.clone() };
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

pub(super) fn answer(call: &Call<'_>, page: Page, job: &Job<'_>, is_pinned: bool) -> Answer {
    let members = page.rows.first().and_then(Value::as_object).map_or(1, Object::len);
    let work = QueryWork {
        has_filter: job.query.filter.is_some(),
        rows: page.rows.len(),
        members_per_row: members,
        bytes_out: page.metrics.output_size as usize,
        loaded: page.metrics.retrieved_count as usize,
        runs_script: job.environment.udfs.has_run(),
    };
    let body = envelope(&job.rules.rid.text(), "Documents", &page.rows, ExponentStyle::TwoDigits);
    let is_reverse = matches!(&job.query.order_by, Some(OrderBy::Items(items))
        if items.first().is_some_and(|it| it.direction == Some(Direction::Descending)));
    let mut answer = Answer::new(200, page.replica, charge::query(work))
        .owner(job.owner.clone())
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
    // The service is documented to leave them out where a page has no rows.
    if !page.rows.is_empty()
        && let Some(text) = index_metrics::asked_for(call.request, job.query, job.rules)
    {
        answer = answer.header(header::INDEX_UTILIZATION, text);
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
