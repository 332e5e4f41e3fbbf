//! Feeds of everything above items: lists, and queries over them.

use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::request::Request;
use crate::emulator::response::{Answer, Owner, Replica};
use crate::emulator::sql::ast::Query;
use crate::emulator::sql::bind::{bind, check_parameters};
use crate::emulator::sql::environment::Environment;
use crate::emulator::sql::execute::{Document, PageRequest, Resume, ResumeFilter, execute};
use crate::emulator::sql::parser::parse;
use crate::emulator::sql::value::{ExponentStyle, Value, write_json_string};
use crate::emulator::store::rid::ContainerRid;
use crate::wire::header;

/// How many rows a page has if the client does not say.
const DEFAULT_PAGE: usize = 1000;
/// The most bytes of a page.
pub(crate) const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A feed and who answers for it.
pub(crate) struct Feed {
    /// `Databases`
    pub(crate) name: &'static str,
    /// The rid of the resource above; empty for the account.
    pub(crate) rid: String,
    pub(crate) owner: Option<Owner>,
    pub(crate) replica: Replica,
    pub(crate) charge: f64,
    /// The quota and usage of such resources, if the service tells them.
    pub(crate) quota: Option<(&'static str, String)>,
    pub(crate) values: Vec<Value>,
}

impl Feed {
    /// Answers a list, or the query in the body.
    pub(crate) fn answer(self, call: &Call<'_>) -> Result<Answer, Refusal> {
        let query = match call.request.is_query() {
            true => QueryText::read(call.request)?.bound()?,
            false => parse("SELECT * FROM c").map_err(|it| Refusal::query(it, self.charge))?,
        };
        let resume = match call.request.header(&header::CONTINUATION) {
            Some(token) => Some(Resume::from_token(token).ok_or_else(Refusal::bad_continuation)?),
            None => None,
        };
        let page = PageRequest {
            max_items: page_size(call.request)?,
            max_bytes: MAX_PAGE_BYTES,
            resume,
            resume_filter: None,
        };
        let mut documents = (1..).zip(self.values).map(|(rid, value)| Document::new(rid, value));
        let environment = Environment::bare(call.emulator.now());
        let page = execute(&query, &mut documents, &page, &environment)
            .map_err(|it| Refusal::query(it, self.charge).at(self.replica.clone()))?;
        let body = envelope(&self.rid, self.name, &page.rows, ExponentStyle::TwoDigits);
        let mut answer = Answer::new(200, self.replica, self.charge)
            .header(header::ITEM_COUNT, page.rows.len())
            .body(body);
        answer.owner = self.owner;
        if let Some((quota, usage)) = self.quota {
            answer = answer.quota(quota, usage);
        }
        if let Some(resume) = page.resume {
            answer = answer.header(header::CONTINUATION, resume.to_token());
        }
        Ok(answer)
    }
}

/// `{"_rid":"…","Documents":[…],"_count":1}`
pub(crate) fn envelope(rid: &str, name: &str, rows: &[Value], style: ExponentStyle) -> String {
    let mut out = String::from("{\"_rid\":");
    write_json_string(rid, &mut out);
    out.push_str(&format!(",\"{name}\":["));
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        row.write_json(style, &mut out);
    }
    out.push_str(&format!("],\"_count\":{}}}", rows.len()));
    out
}

/// The most rows that the client wants: -1 leaves it to the server, which then stops at its limit of bytes.
pub(crate) fn page_size(request: &Request<'_>) -> Result<usize, Refusal> {
    let Some(text) = request.header(&header::MAX_ITEM_COUNT) else { return Ok(DEFAULT_PAGE) };
    match text.parse::<i64>() {
        Ok(-1) => Ok(usize::MAX),
        Ok(0) => Ok(DEFAULT_PAGE),
        Ok(size @ 1..) => Ok(usize::try_from(size).unwrap_or(usize::MAX)),
        _ => Err(Refusal::gateway(
            400,
            format!("The input PageSize {text} is invalid. Ensure to pass a valid page size which must be a positive integer or -1 for a dynamic page size."),
        )
        .with_header(http::HeaderName::from_static("x-ms-request-validation-failure"), 1)),
    }
}

/// A query as it was sent: its tree with the parameters apart.
pub(crate) struct QueryText {
    pub(crate) query: Query,
    parameters: Vec<(std::sync::Arc<str>, Value)>,
    /// Where an ordered query goes on, as .NET's client says it; undefined where it starts.
    resume_filter: Value,
}

impl QueryText {
    /// Reads the body of a query: JSON with text and parameters, or the text alone.
    pub(crate) fn read(request: &Request<'_>) -> Result<Self, Refusal> {
        let text = if request.content_type() == "application/sql" {
            String::from_utf8_lossy(request.body)
        } else {
            return Self::of(&Value::from_json(request.body).map_err(|_| bad_query())?);
        };
        Self::new(&text, &[], Value::Undefined)
    }

    /// Takes a query from its JSON: text and parameters.
    pub(crate) fn of(json: &Value) -> Result<Self, Refusal> {
        let text = json.get("query");
        let text = text.as_str().ok_or_else(bad_query)?;
        let parameters = read_parameters(&json.get("parameters"))?;
        Self::new(text, &parameters, json.get("resumeFilter"))
    }

    fn new(
        text: &str,
        parameters: &[(String, Option<Value>)],
        resume_filter: Value,
    ) -> Result<Self, Refusal> {
        let query = parse(text).map_err(|it| Refusal::query(it, 0.0))?;
        let parameters = check_parameters(parameters).map_err(|it| Refusal::query(it, 0.0))?;
        Ok(Self { query, parameters, resume_filter })
    }

    /// The resume filter, whose rid is of an item of `container`; `None` where there is none.
    pub(crate) fn resume_filter(&self, container: ContainerRid) -> Option<ResumeFilter> {
        let values = self.resume_filter.get("value");
        let rid = self.resume_filter.get("rid").as_str().and_then(|it| container.item_number(it));
        let exclude = self.resume_filter.get("exclude").is_true();
        ResumeFilter::new(values.as_array()?, rid, exclude)
    }

    /// The query with its parameters put in.
    pub(crate) fn bound(&self) -> Result<Query, Refusal> {
        bind(self.query.clone(), &self.parameters).map_err(|it| Refusal::query(it, 0.0))
    }
}

fn read_parameters(list: &Value) -> Result<Vec<(String, Option<Value>)>, Refusal> {
    list.as_array()
        .unwrap_or_default()
        .iter()
        .map(|it| {
            let name = it.get("name").as_str().ok_or_else(bad_query)?.to_owned();
            let value = Some(it.get("value")).filter(|it| !it.is_undefined());
            Ok((name, value))
        })
        .collect()
}

fn bad_query() -> Refusal {
    Refusal::gateway(400, "The request payload is invalid. Ensure to provide a valid query.")
}
