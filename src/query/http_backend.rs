//! What the stages need, over the client: plans, partitions and pages by requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::backend::{
    Address, Backend, FetchRequest, Freshness, PartitionRange, QuerySpec, RawPage,
};
use super::plan::{QueryPlan, SUPPORTED_FEATURES};
use super::{OutputPage, QueryPipeline};
use crate::client::CosmosClient;
use crate::diagnostics::MetadataReads;
use crate::error::Result;
use crate::feed::{self, PageSource, Rows};
use crate::link::Link;
use crate::options::header_value;
use crate::partition_key::PartitionKey;
use crate::pipeline::{Action, CallOptions, Partition, ResourceType, Spec};
use crate::routing::lookup::Lookup;
use crate::routing::map::PartitionKeyRangeMap;
use crate::routing::range::EpkRange;
use crate::wire::header;

/// The requests of one query.
pub(super) struct HttpBackend {
    client: CosmosClient,
    container: Link,
    headers: HeaderMap,
    options: CallOptions,
    /// The partition key ranges that this query saw last, which a reload is to replace.
    seen: Mutex<Option<Arc<PartitionKeyRangeMap>>>,
    /// What was read of the container, and asked for plans, since the last page.
    pub(super) metadata: Arc<MetadataReads>,
}

impl HttpBackend {
    /// A backend whose requests carry the headers and options of the query.
    pub(super) fn new(
        client: CosmosClient,
        container: Link,
        mut headers: HeaderMap,
        options: CallOptions,
    ) -> Self {
        headers.remove(header::MAX_ITEM_COUNT);
        Self {
            client,
            container,
            headers,
            options,
            seen: Mutex::default(),
            metadata: Arc::default(),
        }
    }

    /// A look-up of metadata for this query.
    fn lookup(&self) -> Lookup<'_> {
        let lookup = Lookup::new(&self.client.shared, self.timeout());
        lookup.noted_in(&self.metadata, 0).as_of(&self.options)
    }

    fn timeout(&self) -> Duration {
        self.options.timeout.unwrap_or(self.client.shared.options.operation_timeout)
    }

    fn spec(&self, action: Action) -> Spec {
        let mut spec = Spec::new(action, ResourceType::Item, self.container.clone());
        spec.container = Some(self.container.clone());
        spec.options = self.options.clone();
        spec
    }

    fn request_plan(&self, query: &QuerySpec, key: Option<&PartitionKey>) -> Result<QueryPlan> {
        let mut spec = self.spec(Action::QueryPlan);
        spec.body = query.body(&query.text);
        spec.headers
            .insert(header::SUPPORTED_QUERY_FEATURES, HeaderValue::from_static(SUPPORTED_FEATURES));
        spec.headers.insert(header::QUERY_VERSION, HeaderValue::from_static("1.0"));
        spec.partition = key.map_or(Partition::All, |key| Partition::Key(key.clone()));
        let response = self.lookup().run(spec)?;
        let shared = &self.client.shared;
        let facts = match key {
            // The key is all that has to be known of the container, which the credential may not reach.
            Some(_) => shared.containers.get_if_permitted(&self.lookup(), &self.container)?,
            None => Some(shared.containers.get(&self.lookup(), &self.container)?),
        };
        match facts {
            Some(facts) => QueryPlan::parse(response.bytes(), &facts.definition),
            None => QueryPlan::parse_for_key(response.bytes()),
        }
    }
}

impl Backend for HttpBackend {
    fn container_rid(&self) -> Result<String> {
        let shared = &self.client.shared;
        let facts = shared.containers.get_if_permitted(&self.lookup(), &self.container)?;
        // Without a rid, a continuation is bound to the query alone.
        Ok(facts.map(|it| it.rid.clone()).unwrap_or_default())
    }

    fn plan(&self, query: &QuerySpec, key: Option<&PartitionKey>) -> Result<Arc<QueryPlan>> {
        let plans = &self.client.shared.plans;
        let identity = PlanCache::identity(&self.container_rid()?, query, key);
        if let Some(known) = plans.get(&identity) {
            return Ok(known);
        }
        let plan = Arc::new(self.request_plan(query, key)?);
        plans.insert(identity, Arc::clone(&plan));
        Ok(plan)
    }

    fn ranges(&self, within: &EpkRange, freshness: Freshness) -> Result<Vec<PartitionRange>> {
        let shared = &self.client.shared;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let map = match (freshness, seen) {
            (Freshness::Reload, Some(seen)) => {
                shared.containers.newer_ranges(&self.lookup(), &self.container, &seen)?
            }
            _ => shared.containers.ranges(&self.lookup(), &self.container)?,
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&map));
        let overlapping = map.overlapping(within).iter();
        Ok(overlapping
            .map(|it| PartitionRange { id: it.id.clone(), range: it.epk_range() })
            .collect())
    }

    fn fetch(&self, request: &FetchRequest<'_>) -> Result<RawPage> {
        let mut spec = self.spec(Action::Query);
        spec.body = request.body();
        spec.headers = self.headers.clone();
        if let Some(count) = request.max_item_count {
            spec.headers.insert(header::MAX_ITEM_COUNT, HeaderValue::from(count));
        }
        if let Some(token) = request.continuation {
            spec.headers.insert(header::CONTINUATION, header_value(&header::CONTINUATION, token)?);
        }
        spec.partition = match request.address {
            Address::Key(key) => Partition::Key(key.clone()),
            Address::Range { id, clip } => {
                Partition::Range { id: id.to_owned(), clip: clip.cloned() }
            }
        };
        let (headers, body, diagnostics) = self.client.shared.run(spec)?.into_parts();
        let page = RawPage::parse(headers, &body, "Documents")?;
        let diagnostics = diagnostics.after_reading(self.metadata.take());
        Ok(RawPage { diagnostics: Some(diagnostics), ..page })
    }

    fn pause(&self, attempt: u32) -> Result<()> {
        let wait = Duration::from_millis(100).saturating_mul(1 << attempt.min(5));
        self.client.shared.clock.sleep(wait.min(self.timeout()));
        Ok(())
    }
}

/// Makes the pipeline, which asks the service for the plan.
type Start = Box<dyn Fn(Arc<dyn Backend>) -> Result<QueryPipeline> + Send>;

/// The pages of a query over partitions.
pub(super) struct Pipelined {
    backend: Arc<HttpBackend>,
    start: Start,
    /// Made when the first page is asked for, since it asks the service for the plan.
    pipeline: Option<QueryPipeline>,
    /// Whether no page was returned yet that a start anew would repeat.
    is_fresh: bool,
}

impl Pipelined {
    pub(super) fn new(
        backend: HttpBackend,
        start: impl Fn(Arc<dyn Backend>) -> Result<QueryPipeline> + Send + 'static,
    ) -> Self {
        let (backend, start) = (Arc::new(backend), Box::new(start));
        Self { backend, start, pipeline: None, is_fresh: true }
    }

    fn advance(&mut self) -> Result<Option<OutputPage>> {
        if let Some(pipeline) = &mut self.pipeline {
            return pipeline.next_page();
        }
        let pipeline = (self.start)(Arc::clone(&self.backend) as Arc<dyn Backend>)?;
        self.pipeline.insert(pipeline).next_page()
    }

    /// Forgets the container that the query was begun on.
    fn start_anew(&mut self) {
        self.pipeline = None;
        self.backend.client.shared.containers.forget(&self.backend.container);
    }

    fn page(page: OutputPage) -> feed::RawPage {
        let mut headers = page.headers;
        let metrics = page.metrics.and_then(|it| HeaderValue::try_from(it).ok());
        if let Some(metrics) = metrics {
            headers.insert(header::QUERY_METRICS, metrics);
        }
        headers.remove(header::CONTINUATION);
        feed::RawPage {
            rows: Rows::Raw(page.rows),
            continuation: page.continuation,
            headers,
            request_charge: page.charge,
            diagnostics: page.diagnostics,
        }
    }
}

impl PageSource for Pipelined {
    /// A container that was made again is queried from the start, unless rows of the old one were returned.
    fn next_page(&mut self) -> Result<Option<feed::RawPage>> {
        let is_fresh = std::mem::replace(&mut self.is_fresh, false);
        let page = match self.advance() {
            Err(error) if is_fresh && error.is_of_other_container() => {
                log::info!("the query starts anew: {error}");
                self.start_anew();
                self.advance()?
            }
            outcome => outcome?,
        };
        Ok(page.map(Self::page))
    }
}

/// Plans that the client has asked for, so that a repeated query costs no extra request.
#[derive(Debug, Default)]
pub(crate) struct PlanCache {
    plans: RwLock<HashMap<String, Arc<QueryPlan>>>,
}

/// Most plans that are kept; then the cache starts anew.
const MOST_PLANS: usize = 1000;

impl PlanCache {
    /// What a plan depends on: the container, of which there may be another under the name one day, the text, the
    /// parameters and the key.
    fn identity(rid: &str, query: &QuerySpec, key: Option<&PartitionKey>) -> String {
        let body = String::from_utf8(query.body(&query.text)).unwrap_or_default();
        let key = key.map(PartitionKey::header_value).unwrap_or_default();
        format!("{rid}\n{key}\n{body}")
    }

    fn get(&self, identity: &str) -> Option<Arc<QueryPlan>> {
        self.plans.read().unwrap_or_else(PoisonError::into_inner).get(identity).cloned()
    }

    fn insert(&self, identity: String, plan: Arc<QueryPlan>) {
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        if plans.len() >= MOST_PLANS {
            plans.clear();
        }
        plans.insert(identity, plan);
    }
}
