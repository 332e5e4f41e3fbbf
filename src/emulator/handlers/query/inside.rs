//! Queries from within: what a script asks of the items of its partition key.

use std::sync::Arc;
use std::time::SystemTime;

use super::setting::Setting;
use crate::emulator::charge::{self, QueryWork};
use crate::emulator::handlers::feed::{MAX_PAGE_BYTES, QueryText};
use crate::emulator::refusal::Refusal;
use crate::emulator::scripts::StoredFunctions;
use crate::emulator::sql::environment::{Environment, UserFunctions};
use crate::emulator::sql::execute::{Document, PageRequest, Resume, execute};
use crate::emulator::sql::parser::parse;
use crate::emulator::sql::value::Value;
use crate::emulator::store::container::Rules;
use crate::emulator::store::item::Item;

/// What a query from within needs to know.
pub(crate) struct Inside<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) functions: &'a StoredFunctions,
    pub(crate) now: SystemTime,
}

/// A page of rows.
pub(crate) struct Rows {
    pub(crate) rows: Vec<Value>,
    pub(crate) continuation: Option<String>,
    pub(crate) charge: f64,
}

impl Inside<'_> {
    /// Answers a page of the query among the arguments, or of all items if there is none.
    pub(crate) fn read<'i>(
        &self,
        arguments: &Value,
        items: impl Iterator<Item = &'i Arc<Item>>,
    ) -> Result<Rows, Refusal> {
        let query = arguments.get("query");
        let query = if query.is_undefined() {
            parse("SELECT * FROM c").map_err(|it| Refusal::query(it, 0.0))?
        } else {
            QueryText::of(&query)?.bound()?
        };
        let setting = Setting::of(self.rules);
        let environment = Environment {
            now: self.now,
            udfs: self.functions,
            computed: &setting.computed,
            vectors: &setting.vectors,
        };
        let request = page_request(arguments)?;
        let documents =
            items.map(|it| Document { rid: it.number, value: it.value.clone(), size: it.bytes });
        let page = execute(&query, &mut documents.into_iter(), &request, &environment)
            .map_err(|it| Refusal::query(it, 0.0))?;
        let work = QueryWork {
            has_filter: query.filter.is_some(),
            rows: page.rows.len(),
            bytes_out: usize::try_from(page.metrics.output_size).unwrap_or(usize::MAX),
            loaded: usize::try_from(page.metrics.retrieved_count).unwrap_or(usize::MAX),
            runs_script: self.functions.has_run(),
            ..QueryWork::default()
        };
        let continuation = page.resume.map(|it| it.to_token());
        Ok(Rows { rows: page.rows, continuation, charge: charge::query(work) })
    }
}

/// Which page a script asks for. A size of -1 is everything.
fn page_request(arguments: &Value) -> Result<PageRequest, Refusal> {
    let size = arguments.get("pageSize").as_f64().unwrap_or_default();
    let resume = match arguments.get("continuation").as_str() {
        None | Some("") => None,
        Some(token) => Some(Resume::from_token(token).ok_or_else(Refusal::bad_continuation)?),
    };
    let request = PageRequest { resume, ..PageRequest::everything() };
    if size < 1.0 {
        return Ok(request);
    }
    Ok(PageRequest { max_items: size as usize, max_bytes: MAX_PAGE_BYTES, ..request })
}
