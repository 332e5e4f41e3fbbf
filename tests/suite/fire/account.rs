//! A scripted account of several regions: enough of the service for the client's routing, retries and sessions.
//!
//! It runs on a clock that moves when somebody sleeps on it, writes down every request, and fails as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use cosmosdb::clock::{Clock, VirtualClock};
use cosmosdb::transport::{Request, Response, Transport, TransportError, TransportErrorKind};
use cosmosdb::{ClientBuilder, Container, CosmosClient};
use serde_json::{Value, json};

use super::fault::{Effect, Fault};

pub(super) const EAST: &str = "East US";
pub(super) const WEST: &str = "West US";
pub(super) const NORTH: &str = "North Europe";
/// What the log has for the endpoint that is the account's and no region's.
pub(super) const GLOBAL: &str = "global";

#[derive(Clone)]
pub(super) struct Account {
    state: Arc<Mutex<State>>,
    pub(super) clock: VirtualClock,
}

pub(super) struct State {
    /// All regions that have a host, advertised or not.
    pub(super) regions: BTreeMap<&'static str, Region>,
    pub(super) readable: Vec<&'static str>,
    pub(super) writable: Vec<&'static str>,
    /// The regions that really take writes.
    pub(super) takes_writes: Vec<&'static str>,
    pub(super) global_is_down: bool,
    /// What the account's JSON has beside its regions.
    pub(super) properties: Value,
    pub(super) container: ContainerState,
    pub(super) faults: Vec<Fault>,
    log: Vec<Entry>,
}

#[derive(Default)]
pub(super) struct Region {
    pub(super) is_down: bool,
    /// 403/1008 to everything.
    pub(super) is_drained: bool,
    /// What was replicated before replication was paused.
    pub(super) frozen_at: Option<u64>,
}

pub(super) struct ContainerState {
    pub(super) rid: String,
    pub(super) path: &'static str,
    pub(super) ranges: usize,
    /// The versions of each item with their LSN; `None` for a deletion.
    items: BTreeMap<String, Vec<(u64, Option<Value>)>>,
    pub(super) lsn: u64,
    /// The version of session tokens.
    pub(super) token_version: u32,
}

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) operation: &'static str,
    pub(super) region: &'static str,
    pub(super) outcome: String,
    pub(super) headers: http::HeaderMap,
}

impl Account {
    /// The first region is the hub.
    pub(super) fn new<const N: usize>(regions: [&'static str; N]) -> Self {
        let state = State {
            regions: regions.iter().map(|it| (*it, Region::default())).collect(),
            readable: regions.to_vec(),
            writable: regions[..1].to_vec(),
            takes_writes: regions[..1].to_vec(),
            global_is_down: false,
            properties: json!({ "userConsistencyPolicy": { "defaultConsistencyLevel": "Session" } }),
            container: ContainerState::new("rid1", "/pk", 4),
            faults: Vec::new(),
            log: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), clock: VirtualClock::new() }
    }

    pub(super) fn multi_write<const N: usize>(regions: [&'static str; N]) -> Self {
        let account = Self::new(regions);
        {
            let mut state = account.state();
            state.writable = regions.to_vec();
            state.takes_writes = regions.to_vec();
            state.properties["enableMultipleWriteLocations"] = json!(true);
        }
        account
    }

    pub(super) fn client(&self, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> CosmosClient {
        let builder = CosmosClient::builder("https://acct.documents.test/")
            .key("c2VjcmV0")
            .transport(self.clone())
            .clock(self.clock.clone());
        set(builder).build().unwrap()
    }

    /// The container, by a client that prefers these regions.
    pub(super) fn preferring<const N: usize>(&self, regions: [&str; N]) -> Container {
        self.container(|it| it.preferred_regions(regions).multiple_write_locations(true))
    }

    pub(super) fn container(&self, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Container {
        self.client(set).database("db").container("c")
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn fault(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Stores an item without a request.
    pub(super) fn seed(&self, id: &str, n: i64) {
        let item = json!({ "id": id, "pk": id, "n": n });
        self.state().container.write(id, Some(item));
    }

    /// How often the item was written.
    pub(super) fn versions(&self, id: &str) -> usize {
        self.state().container.items.get(id).map_or(0, Vec::len)
    }

    /// The requests of a kind, as `region outcome`.
    pub(super) fn log(&self, operation: &str) -> Vec<String> {
        let entries = self.entries(operation);
        entries.iter().map(|it| format!("{} {}", it.region, it.outcome)).collect()
    }

    pub(super) fn entries(&self, operation: &str) -> Vec<Entry> {
        let matches = |it: &&Entry| it.operation == operation || operation == "*";
        self.state().log.iter().filter(matches).cloned().collect()
    }

    pub(super) fn count(&self, operation: &str, region: &str) -> usize {
        self.entries(operation).iter().filter(|it| it.region == region).count()
    }

    pub(super) fn clear_log(&self) {
        self.state().log.clear();
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.clock.monotonic()
    }
}

impl Transport for Account {
    fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        let operation = operation(request);
        let host = request.uri().host().unwrap_or_default();
        let (region, effect) = {
            let mut state = self.state();
            let region = state.region_of(host);
            let effect = region.map(|it| state.effect(operation, it, request));
            (region, effect)
        };
        let outcome = match (region, effect) {
            (None, _) => Err(TransportError::not_sent(TransportErrorKind::Resolve, "no such host")),
            (Some(region), Some(Some(effect))) => {
                effect.apply(&self.clock, timeout, || self.serve(operation, region, request))
            }
            (Some(region), _) => self.serve(operation, region, request),
        };
        let told = match &outcome {
            Ok(response) => told(response),
            Err(error) => format!("{:?}", error.kind()),
        };
        let headers = request.headers().clone();
        let region = region.unwrap_or("nowhere");
        self.state().log.push(Entry { operation, region, outcome: told, headers });
        outcome
    }
}

impl Account {
    fn serve(
        &self,
        operation: &'static str,
        region: &'static str,
        request: &Request,
    ) -> Result<Response, TransportError> {
        let mut state = self.state();
        let hub = state.takes_writes.first().copied().unwrap_or(EAST);
        let at = if region == GLOBAL { hub } else { region };
        let is_down = state.regions.get(at).is_none_or(|it| it.is_down);
        if is_down || region == GLOBAL && state.global_is_down {
            return Err(TransportError::not_sent(TransportErrorKind::Connect, "refused"));
        }
        if region != GLOBAL && state.regions.get(at).is_some_and(|it| it.is_drained) {
            return Ok(answer(403, 1008, &json!({})));
        }
        Ok(state.answer(operation, at, request))
    }
}

impl State {
    fn region_of(&self, host: &str) -> Option<&'static str> {
        if host == "acct.documents.test" {
            return Some(GLOBAL);
        }
        self.regions.keys().copied().find(|it| host == host_of(it))
    }

    fn effect(&mut self, operation: &str, region: &str, request: &Request) -> Option<Effect> {
        let fault = self.faults.iter_mut().find(|it| it.matches(operation, region, request))?;
        fault.use_up();
        Some(fault.effect.clone())
    }

    fn answer(&mut self, operation: &str, region: &'static str, request: &Request) -> Response {
        let writes = matches!(
            operation,
            "create_item" | "upsert_item" | "replace_item" | "delete_item" | "execute"
        );
        if writes && !self.takes_writes.contains(&region) {
            return answer(403, 3, &json!({}));
        }
        match operation {
            "read_account" => answer(200, 0, &self.account()),
            "read_container" => answer(200, 0, &self.container.properties()),
            "read_pkranges" => self.container.pkranges(request),
            "execute" => self.container.execute(),
            _ => self.item(operation, region, request),
        }
    }

    fn account(&self) -> Value {
        let list = |names: &[&'static str]| -> Vec<Value> {
            let location = |it: &&str| json!({ "name": it, "databaseAccountEndpoint": format!("https://{}/", host_of(it)) });
            names.iter().map(location).collect()
        };
        let mut account = self.properties.clone();
        account["id"] = json!("acct");
        account["readableLocations"] = json!(list(&self.readable));
        account["writableLocations"] = json!(list(&self.writable));
        account
    }

    fn item(&mut self, operation: &str, region: &'static str, request: &Request) -> Response {
        let header = |name: &str| request.headers().get(name).and_then(|it| it.to_str().ok());
        let container = &mut self.container;
        if header("x-ms-cosmos-intended-collection-rid").is_some_and(|it| it != container.rid) {
            return answer(400, 1024, &json!({}));
        }
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let id = match operation {
            "create_item" | "upsert_item" => body["id"].as_str().unwrap_or_default().to_owned(),
            _ => request.uri().path().rsplit('/').next().unwrap_or_default().to_owned(),
        };
        if matches!(operation, "create_item" | "upsert_item" | "replace_item") {
            let key = json!([body[&container.path[1..]]]);
            if header("x-ms-documentdb-partitionkey") != Some(key.to_string().as_str()) {
                return answer(
                    400,
                    1001,
                    &json!({ "code": "BadRequest", "message": "PartitionKey differs" }),
                );
            }
        }
        let visible = self.regions.get(region).and_then(|it| it.frozen_at).unwrap_or(u64::MAX);
        let reached = visible.min(container.lsn);
        if let Some(token) = header("x-ms-session-token").filter(|_| operation != "create_item")
            && lsn_of(token) > reached
        {
            return answer(404, 1002, &json!({}));
        }
        let current = container.seen(&id, visible);
        let etag = container.etag(&id);
        let written = match operation {
            "read_item" | "query" => return container.finish(current, 200, reached),
            "create_item" if current.is_some() => return answer(409, 0, &json!({})),
            "replace_item" | "delete_item" if current.is_none() => {
                return answer(404, 0, &json!({}));
            }
            "replace_item" | "delete_item" if header("if-match").is_some_and(|it| it != etag) => {
                return answer(412, 0, &json!({}));
            }
            "delete_item" => None,
            _ => Some(body),
        };
        container.write(&id, written.clone());
        let status = match operation {
            "create_item" => 201,
            "delete_item" => 204,
            _ => 200,
        };
        let lsn = container.lsn;
        let mut response = container.finish(Some(written.unwrap_or_default()), status, lsn);
        response.headers_mut().insert("etag", container.etag(&id).parse().unwrap());
        response
    }
}

impl ContainerState {
    pub(super) fn new(rid: &str, path: &'static str, ranges: usize) -> Self {
        Self {
            rid: rid.to_owned(),
            path,
            ranges,
            items: BTreeMap::new(),
            lsn: 10,
            token_version: 1,
        }
    }

    fn write(&mut self, id: &str, item: Option<Value>) {
        self.lsn += 1;
        self.items.entry(id.to_owned()).or_default().push((self.lsn, item));
    }

    /// A stored procedure that writes the item `ran`.
    fn execute(&mut self) -> Response {
        self.write("ran", Some(json!({})));
        self.finish(Some(json!("done")), 200, self.lsn)
    }

    fn seen(&self, id: &str, lsn: u64) -> Option<Value> {
        let versions = self.items.get(id)?;
        versions.iter().rev().find(|(at, _)| *at <= lsn)?.1.clone()
    }

    fn etag(&self, id: &str) -> String {
        format!("\"{}\"", self.items.get(id).map_or(0, Vec::len))
    }

    fn finish(&self, item: Option<Value>, status: u16, lsn: u64) -> Response {
        let mut response = match item {
            Some(item) => answer(status, 0, &item),
            None => answer(404, 0, &json!({})),
        };
        let token = format!("0:{}#{lsn}", self.token_version);
        response.headers_mut().insert("x-ms-session-token", token.parse().unwrap());
        response.headers_mut().insert("x-ms-content-path", self.rid.parse().unwrap());
        response
    }

    fn properties(&self) -> Value {
        json!({ "id": "c", "_rid": self.rid, "partitionKey": { "paths": [self.path], "kind": "Hash", "version": 2 } })
    }

    fn pkranges(&self, request: &Request) -> Response {
        if request.headers().contains_key("if-none-match") {
            return http::Response::builder()
                .status(304)
                .header("etag", "\"1\"")
                .body(Vec::new())
                .unwrap();
        }
        let bound = |at: usize| match at {
            0 => String::new(),
            at if at == self.ranges => "FF".to_owned(),
            at => format!("{:02X}", at * 64 / self.ranges),
        };
        let range = |at: usize| json!({ "id": at.to_string(), "minInclusive": bound(at), "maxExclusive": bound(at + 1) });
        let ranges: Vec<Value> = (0..self.ranges).map(range).collect();
        let mut response = answer(200, 0, &json!({ "PartitionKeyRanges": ranges }));
        response.headers_mut().insert("etag", "\"1\"".parse().unwrap());
        response
    }
}

/// What an operation is called in faults and in the log.
fn operation(request: &Request) -> &'static str {
    let path = request.uri().path();
    let is = |name: &str| request.headers().contains_key(name);
    match (request.method().as_str(), path.matches('/').count()) {
        ("GET", 1) => "read_account",
        ("GET", 4) => "read_container",
        ("GET", 5) if path.ends_with("/pkranges") => "read_pkranges",
        ("POST", 5) if is("x-ms-documentdb-isquery") => "query",
        ("POST", 5) if is("x-ms-documentdb-is-upsert") => "upsert_item",
        ("POST", 5) => "create_item",
        ("POST", 6) => "execute",
        ("GET", 6) => "read_item",
        ("PUT", 6) => "replace_item",
        ("DELETE", 6) => "delete_item",
        _ => "unknown",
    }
}

fn host_of(region: &str) -> String {
    format!("acct-{}.documents.test", region.replace(' ', "").to_lowercase())
}

fn lsn_of(token: &str) -> u64 {
    let lsns = token.split(',').filter_map(|it| it.split('#').nth(1)?.parse().ok());
    lsns.max().unwrap_or(0)
}

pub(super) fn answer(status: u16, sub_status: u32, body: &Value) -> Response {
    let mut response = http::Response::builder().status(status).header("x-ms-request-charge", "1");
    if sub_status != 0 {
        response = response.header("x-ms-substatus", sub_status.to_string());
    }
    response.body(body.to_string().into_bytes()).unwrap()
}

fn told(response: &Response) -> String {
    let sub_status = response.headers().get("x-ms-substatus").and_then(|it| it.to_str().ok());
    let status = response.status().as_u16();
    sub_status.map_or_else(|| status.to_string(), |it| format!("{status}/{it}"))
}
