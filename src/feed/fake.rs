//! A small service for the tests of change feeds and processors: partitions that split and merge, a log of changes,
//! and documents with etags. It stands apart from the emulator, so that these tests need no feature.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::client::CosmosClient;
use crate::clock::{Clock, VirtualClock};
use crate::container::Container;
use crate::partition_key::{PartitionKey, PartitionKeyDefinition, PartitionKeyValue};
use crate::routing::epk::Epk;
use crate::transport::{Request, Response, Transport, TransportError, TransportErrorKind};

/// Sees each request first, and may answer it.
type Hook = Box<dyn FnMut(&Request) -> Option<Result<Response, TransportError>> + Send>;

/// One change of the watched container.
struct Entry {
    lsn: u64,
    epk: Epk,
    id: String,
    seconds: u64,
    /// `None` where the item was deleted.
    document: Option<Value>,
}

#[derive(Clone)]
struct Range {
    id: String,
    min: Epk,
    max: Epk,
    parents: Vec<String>,
    /// When it came to be, in steps of the topology.
    version: u64,
}

struct World {
    clock: VirtualClock,
    rid: String,
    ranges: Vec<Range>,
    version: u64,
    next_range: u64,
    lsn: u64,
    log: Vec<Entry>,
    leases: BTreeMap<String, Value>,
    etags: u64,
    feed_requests: Vec<String>,
    hook: Option<Hook>,
}

/// The service. The watched container is `items`, by `/tenant` and `/user`; that of leases is `leases`, by `/id`.
#[derive(Clone)]
pub(crate) struct Fake(Arc<Mutex<World>>);

impl Fake {
    /// A service whose container has partitions that begin at these bounds, the first of which is "".
    pub(crate) fn new(bounds: &[&str]) -> Self {
        let ends = bounds.iter().skip(1).copied().chain(["FF"]);
        let ranges = bounds.iter().zip(ends).enumerate().map(|(index, (min, max))| Range {
            id: index.to_string(),
            min: min.parse().unwrap(),
            max: max.parse().unwrap(),
            parents: Vec::new(),
            version: 1,
        });
        Self(Arc::new(Mutex::new(World {
            clock: VirtualClock::new(),
            rid: "rid-1".into(),
            ranges: ranges.collect(),
            version: 1,
            next_range: bounds.len() as u64,
            lsn: 0,
            log: Vec::new(),
            leases: BTreeMap::new(),
            etags: 0,
            feed_requests: Vec::new(),
            hook: None,
        })))
    }

    /// The container `id` of a client of its own.
    pub(crate) fn container(&self, id: &str) -> Container {
        let builder = CosmosClient::builder("https://localhost/").key("c2VjcmV0");
        let client = builder.transport(self.clone()).clock(self.clock()).build().unwrap();
        client.database("db").container(id)
    }

    pub(crate) fn clock(&self) -> VirtualClock {
        self.world().clock.clone()
    }

    /// Writes the item `id` of `tenant` and `user`.
    pub(crate) fn write(&self, id: &str, tenant: &str, user: &str) {
        let document =
            json!({ "id": id, "tenant": tenant, "user": user, "_rid": id, "_etag": "e" });
        self.world().log(id, tenant, user, Some(document));
    }

    pub(crate) fn delete(&self, id: &str, tenant: &str, user: &str) {
        self.world().log(id, tenant, user, None);
    }

    /// Writes items `from` to before `to`, spread over the space.
    pub(crate) fn write_many(&self, from: usize, to: usize) {
        (from..to).for_each(|it| self.write(&format!("{it:03}"), &format!("tenant{it}"), "user"));
    }

    /// Splits the partition `id` at `bound`.
    pub(crate) fn split(&self, id: &str, bound: &str) {
        let mut world = self.world();
        let index = world.ranges.iter().position(|it| it.id == id).unwrap();
        let parent = world.ranges.remove(index);
        let bound: Epk = bound.parse().unwrap();
        let parents = [parent.parents.clone(), vec![parent.id.clone()]].concat();
        world.add(parent.min, bound.clone(), parents.clone());
        world.add(bound, parent.max, parents);
    }

    /// Merges two neighbours.
    pub(crate) fn merge(&self, lower: &str, upper: &str) {
        let mut world = self.world();
        let mut take = |id: &str| {
            let index = world.ranges.iter().position(|it| it.id == id).unwrap();
            world.ranges.remove(index)
        };
        let (lower, upper) = (take(lower), take(upper));
        let own = vec![lower.id, upper.id];
        world.add(lower.min, upper.max, [lower.parents, upper.parents, own].concat());
    }

    /// Deletes the container and makes it again, empty, under the same name.
    pub(crate) fn recreate(&self) {
        let mut world = self.world();
        world.rid = "rid-2".into();
        world.log.clear();
        world.lsn = 0;
    }

    /// Lets `hook` see each request first.
    pub(crate) fn hook(
        &self,
        hook: impl FnMut(&Request) -> Option<Result<Response, TransportError>> + Send + 'static,
    ) {
        self.world().hook = Some(Box::new(hook));
    }

    /// The change feed requests so far, as `range if-none-match`, and forgets them.
    pub(crate) fn take_feed_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.world().feed_requests)
    }

    /// The documents of the lease container.
    pub(crate) fn leases(&self) -> Vec<Value> {
        self.world().leases.values().cloned().collect()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl Transport for Fake {
    fn send(&self, request: &Request, _: Duration) -> Result<Response, TransportError> {
        // A hook may itself use the service.
        let hook = self.world().hook.take();
        if let Some(mut hook) = hook {
            let answer = hook(request);
            let mut world = self.world();
            world.hook = world.hook.take().or(Some(hook));
            if let Some(answer) = answer {
                return answer;
            }
        }
        Ok(self.world().answer(request))
    }
}

/// The connection broke after the request was sent.
pub(crate) fn lost() -> Result<Response, TransportError> {
    Err(TransportError::maybe_sent(TransportErrorKind::Broken, "lost"))
}

/// An error of the service.
pub(crate) fn refused(status: u16, sub_status: u32) -> Response {
    let builder = http::Response::builder().status(status).header("x-ms-substatus", sub_status);
    builder.body(br#"{"code":"Refused","message":"refused"}"#.to_vec()).unwrap()
}

fn answer(status: u16, etag: &str, body: &Value) -> Response {
    let builder = http::Response::builder().status(status).header("x-ms-request-charge", "1");
    let builder = if etag.is_empty() { builder } else { builder.header("etag", etag) };
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    builder.body(body).unwrap()
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// The number in an etag.
fn number(etag: Option<&str>) -> u64 {
    etag.and_then(|it| it.trim_matches('"').parse().ok()).unwrap_or(0)
}

impl World {
    fn log(&mut self, id: &str, tenant: &str, user: &str, document: Option<Value>) {
        self.lsn += 1;
        let epk = Epk::of(&(tenant, user).into(), &definition()).unwrap();
        let seconds = self.clock.now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        self.log.push(Entry { lsn: self.lsn, epk, id: id.into(), seconds, document });
    }

    fn add(&mut self, min: Epk, max: Epk, parents: Vec<String>) {
        let id = self.next_range.to_string();
        self.next_range += 1;
        self.version += 1;
        self.ranges.push(Range { id, min, max, parents, version: self.version });
    }

    fn answer(&mut self, request: &Request) -> Response {
        let path = request.uri().path().to_owned();
        let segments: Vec<&str> = path.split('/').skip(3).collect();
        match (request.method().as_str(), segments.as_slice()) {
            ("GET", ["colls", "items"]) => answer(
                200,
                "",
                &json!({ "id": "items", "_rid": self.rid, "partitionKey": definition() }),
            ),
            ("GET", ["colls", "leases"]) => answer(
                200,
                "",
                &json!({ "id": "leases", "_rid": "l", "partitionKey": { "paths": ["/id"], "kind": "Hash", "version": 2 } }),
            ),
            ("GET", ["colls", "leases", "pkranges"]) => {
                let range = json!({ "id": "0", "minInclusive": "", "maxExclusive": "FF" });
                answer(200, "", &json!({ "PartitionKeyRanges": [range] }))
            }
            ("GET", ["colls", "items", "pkranges"]) => self.pkranges(request),
            ("GET", ["colls", "items", "docs"]) => self.change_feed(request),
            (method, ["colls", "leases", "docs", rest @ ..]) => {
                self.lease(method, rest.first().copied(), request)
            }
            other => panic!("the fake does not know {other:?}"),
        }
    }

    fn pkranges(&self, request: &Request) -> Response {
        let seen = number(header(request, "if-none-match"));
        let etag = format!("\"{}\"", self.version);
        let newer: Vec<Value> = self
            .ranges
            .iter()
            .filter(|it| it.version > seen)
            .map(|it| json!({ "id": it.id, "minInclusive": it.min, "maxExclusive": it.max, "parents": it.parents }))
            .collect();
        match newer.is_empty() {
            true => answer(304, &etag, &Value::Null),
            false => answer(200, &etag, &json!({ "PartitionKeyRanges": newer })),
        }
    }

    fn change_feed(&mut self, request: &Request) -> Response {
        let position = header(request, "if-none-match");
        let range_id = header(request, "x-ms-documentdb-partitionkeyrangeid");
        self.feed_requests.push(format!(
            "{} {}",
            range_id.unwrap_or("key"),
            position.unwrap_or("-")
        ));
        if header(request, "x-ms-cosmos-intended-collection-rid").is_some_and(|it| it != self.rid) {
            return refused(400, 1024);
        }
        let Some((min, max)) = self.bounds(request, range_id) else { return refused(410, 1002) };
        if position == Some("*") {
            return answer(304, &format!("\"{}\"", self.lsn), &Value::Null);
        }
        let since = header(request, "if-modified-since").map_or(0, seconds_of);
        let after = number(position);
        let is_full = header(request, "a-im") == Some("Full-Fidelity Feed");
        let is_wanted =
            |it: &&Entry| it.lsn > after && it.seconds >= since && it.epk >= min && it.epk < max;
        let wanted: Vec<&Entry> = self.log.iter().filter(is_wanted).collect();
        let is_last =
            |it: &Entry| !wanted.iter().any(|other| other.id == it.id && other.lsn > it.lsn);
        let rows: Vec<&Entry> = wanted
            .iter()
            .filter(|it| is_full || it.document.is_some() && is_last(it))
            .copied()
            .collect();
        let size = number(header(request, "x-ms-max-item-count")).max(1) as usize;
        let size = if header(request, "x-ms-max-item-count").is_some() { size } else { 1000 };
        let page = rows.get(..size.min(rows.len())).unwrap();
        let end = if page.len() < rows.len() { page.last().unwrap().lsn } else { self.lsn };
        let etag = format!("\"{end}\"");
        let is_enveloped = header(request, "x-ms-cosmos-changefeed-wire-format-version").is_some();
        let page: Vec<Value> = page.iter().map(|it| row(it, is_enveloped, is_full)).collect();
        match page.is_empty() {
            true => answer(304, &etag, &Value::Null),
            false => {
                let mut response = answer(200, &etag, &json!({ "Documents": page }));
                response.headers_mut().insert("lsn", self.lsn.into());
                response
            }
        }
    }

    /// What a request is about; `None` where its partition is not there.
    fn bounds(&self, request: &Request, range_id: Option<&str>) -> Option<(Epk, Epk)> {
        if let Some(key) = header(request, "x-ms-documentdb-partitionkey") {
            let values: Vec<Value> = serde_json::from_str(key).unwrap();
            let key =
                PartitionKey::from_components(values.iter().map(PartitionKeyValue::from_json));
            let epk = Epk::of(&key, &definition()).unwrap();
            return Some((epk.clone(), epk.successor()));
        }
        let range = self.ranges.iter().find(|it| Some(it.id.as_str()) == range_id)?;
        let bound = |name: &str| header(request, name).map(|it| it.parse::<Epk>().unwrap());
        let min = bound("x-ms-start-epk").unwrap_or_else(|| range.min.clone());
        let max = bound("x-ms-end-epk").unwrap_or_else(|| range.max.clone());
        assert!(min >= range.min && max <= range.max, "a clip reaches beyond its partition");
        Some((min, max))
    }

    fn lease(&mut self, method: &str, id: Option<&str>, request: &Request) -> Response {
        let body = || serde_json::from_slice::<Value>(request.body()).unwrap();
        let stored = id.and_then(|it| self.leases.get(it)).cloned();
        let etag = stored.as_ref().map(|it| it["_etag"].as_str().unwrap().to_owned());
        match (method, id) {
            ("POST", None) if header(request, "x-ms-cosmos-is-query-plan-request").is_some() => {
                answer(
                    200,
                    "",
                    &json!({
                        "partitionedQueryExecutionInfoVersion": 2,
                        "queryInfo": { "distinctType": "None" },
                        "queryRanges": [
                            { "min": "", "max": "FF", "isMinInclusive": true, "isMaxInclusive": false }
                        ]
                    }),
                )
            }
            ("POST", None) if header(request, "x-ms-documentdb-isquery").is_some() => {
                let processor = body()["parameters"][0]["value"].clone();
                let rows = self.leases.values();
                let rows: Vec<&Value> = rows
                    .filter(|it| it["kind"] == "lease" && it["processor"] == processor)
                    .collect();
                answer(200, "", &json!({ "Documents": rows, "_count": rows.len() }))
            }
            ("POST", None) => {
                let document = body();
                match self.leases.contains_key(document["id"].as_str().unwrap()) {
                    true => refused(409, 0),
                    false => self.store(201, document),
                }
            }
            (_, Some(_)) if stored.is_none() => refused(404, 0),
            (_, Some(_))
                if header(request, "if-match").is_some_and(|it| Some(it) != etag.as_deref()) =>
            {
                refused(412, 0)
            }
            ("GET", _) => answer(200, &etag.unwrap_or_default(), &stored.unwrap_or_default()),
            ("PUT", _) => self.store(200, body()),
            ("DELETE", Some(id)) => {
                self.leases.remove(id);
                answer(204, "", &Value::Null)
            }
            other => panic!("the fake does not know {other:?}"),
        }
    }

    fn store(&mut self, status: u16, mut document: Value) -> Response {
        self.etags += 1;
        let etag = format!("\"e{}\"", self.etags);
        document["_etag"] = etag.as_str().into();
        let id = document["id"].as_str().unwrap().to_owned();
        self.leases.insert(id, document.clone());
        answer(status, &etag, &document)
    }
}

fn row(entry: &Entry, is_enveloped: bool, is_full: bool) -> Value {
    let document = entry.document.clone().map(|mut document| {
        document["_lsn"] = entry.lsn.into();
        document["_ts"] = entry.seconds.into();
        document
    });
    if !is_enveloped {
        return document.unwrap();
    }
    let mut metadata = json!({ "lsn": entry.lsn, "crts": entry.seconds });
    if is_full {
        metadata["operationType"] = if document.is_some() { "create" } else { "delete" }.into();
        metadata["id"] = entry.id.as_str().into();
    }
    json!({ "current": document, "metadata": metadata })
}

fn definition() -> PartitionKeyDefinition {
    PartitionKeyDefinition::from(["/tenant", "/user"])
}

/// The seconds of an HTTP date, found by trial, since the crate has no need to read them.
fn seconds_of(date: &str) -> u64 {
    let start = VirtualClock::START.as_secs();
    let is_it = |it: &u64| crate::auth::http_date(UNIX_EPOCH + Duration::from_secs(*it)) == date;
    (start..start + 100_000).find(is_it).unwrap()
}
