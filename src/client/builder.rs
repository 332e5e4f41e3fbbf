//! Builds a client, and checks what it is given before anything is sent.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::HeaderValue;

use super::options::{
    CircuitBreakerOptions, ClientOptions, HedgingOptions, RegionOptions, RetryOptions,
};
use super::{ActivityIds, CosmosClient, Shared};
use crate::auth::{
    ConnectionString, Credential, MasterKey, PermissionToken, TokenSource, not_provided,
};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::models::{ConsistencyLevel, ReadConsistencyStrategy};
use crate::pipeline::Pipeline;
use crate::query::PlanCache;
use crate::resolver::Registry;
use crate::routing::cache::ContainerCache;
use crate::routing::regions::{Endpoint, Regions};
use crate::transport::Transport;

/// Settings of a client to be; [`build`](Self::build) makes it.
///
/// ```
/// use cosmosdb::CosmosClient;
/// use std::time::Duration;
///
/// let client = CosmosClient::builder("https://account.documents.azure.com:443/")
///     .key("c2VjcmV0")
///     .preferred_regions(["West Europe", "North Europe"])
///     .operation_timeout(Duration::from_secs(10))
///     .build()?;
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    endpoint: String,
    credential: Option<Result<Credential>>,
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
    consistency: Option<ConsistencyLevel>,
    read_strategy: Option<ReadConsistencyStrategy>,
    regions: RegionOptions,
    backup_endpoints: Vec<String>,
    endpoint_discovery: Option<bool>,
    hedging: Option<HedgingOptions>,
    allow_plain_http: bool,
    request_timeout: Duration,
    operation_timeout: Duration,
    retry: RetryOptions,
    user_agent_suffix: Option<String>,
    content_response: bool,
    #[cfg(feature = "ureq")]
    pub(super) connection: crate::transport::ConnectionOptions,
}

impl ClientBuilder {
    pub(super) fn new(endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            credential: None,
            transport: None,
            clock: Arc::new(SystemClock::new()),
            consistency: None,
            read_strategy: None,
            regions: RegionOptions::default(),
            backup_endpoints: Vec::new(),
            endpoint_discovery: None,
            hedging: None,
            allow_plain_http: false,
            request_timeout: Duration::from_secs(20),
            operation_timeout: Duration::from_secs(60),
            retry: RetryOptions::DEFAULT,
            user_agent_suffix: None,
            content_response: true,
            #[cfg(feature = "ureq")]
            connection: crate::transport::ConnectionOptions::default(),
        }
    }

    /// Starts from a connection string: see [`CosmosClient::from_connection_string`].
    pub fn from_connection_string(text: &str) -> Result<Self> {
        let parsed = text.parse::<ConnectionString>()?;
        let mut builder = Self::new(&parsed.endpoint);
        builder.credential = Some(Ok(Credential::Key(parsed.key)));
        Ok(if parsed.accepts_invalid_certificates {
            builder.without_certificate_validation()
        } else {
            builder
        })
    }

    /// Starts from the environment: see [`CosmosClient::from_env`].
    pub fn from_env() -> Result<Self> {
        let builder = match variable("COSMOS_CONNECTION_STRING") {
            Some(text) => Self::from_connection_string(&text)?,
            None => Self::from_endpoint_and_key()?,
        };
        match variable("COSMOS_ROOT_CERTIFICATE") {
            Some(file) => builder.with_root_certificate_file(&file),
            None => Ok(builder),
        }
    }

    fn from_endpoint_and_key() -> Result<Self> {
        match (variable("COSMOS_ENDPOINT"), variable("COSMOS_KEY")) {
            (Some(endpoint), Some(key)) => Ok(Self::new(&endpoint).key(&key)),
            (Some(_), None) => {
                Err(Error::credential("COSMOS_ENDPOINT is set, but COSMOS_KEY is not"))
            }
            (None, Some(_)) => {
                Err(Error::credential("COSMOS_KEY is set, but COSMOS_ENDPOINT is not"))
            }
            (None, None) => Err(Error::credential(
                "the environment names no account: set COSMOS_CONNECTION_STRING, or COSMOS_ENDPOINT and COSMOS_KEY",
            )),
        }
    }

    #[cfg(feature = "ureq")]
    fn without_certificate_validation(self) -> Self {
        self.danger_accept_invalid_certs(true)
    }

    #[cfg(not(feature = "ureq"))]
    fn without_certificate_validation(self) -> Self {
        self
    }

    #[cfg(feature = "ureq")]
    fn with_root_certificate_file(self, file: &str) -> Result<Self> {
        let pem = std::fs::read(file).map_err(|error| {
            Error::credential(format!(
                "the file of COSMOS_ROOT_CERTIFICATE, {file:?}, cannot be read"
            ))
            .with_source(error)
        })?;
        Ok(self.root_certificate(pem))
    }

    #[cfg(not(feature = "ureq"))]
    fn with_root_certificate_file(self, _file: &str) -> Result<Self> {
        Ok(self)
    }

    /// One of the account's keys, in Base64 as the portal shows it.
    pub fn key(mut self, key: &str) -> Self {
        self.credential = Some(MasterKey::new(key).map(Credential::Key));
        self
    }

    /// The token of a permission, in place of a key: the client may do what the permission says, and for as long as the
    /// token is valid, an hour unless its maker said otherwise. After that the service answers with 403.
    ///
    /// With tokens for several resources use [`resource_tokens`](Self::resource_tokens).
    pub fn resource_token(self, token: &str) -> Self {
        self.resource_tokens([PermissionToken::new("", token)])
    }

    /// Tokens of permissions, in place of a key: pairs of a link and a token, or [`PermissionToken`]s.
    ///
    /// Each request goes with the token of its resource, or of the closest one above it: a token for a container is one
    /// for its items. Where a token is for one partition key, it is used for requests that name that key. A request for
    /// which there is no token is not sent: the error is of the kind [`Credential`](crate::ErrorKind::Credential), and
    /// names the resource. The account is read with the first token.
    ///
    /// A token for an item, or for one partition key, may not allow to read the container. Calls that name the partition
    /// key do without that; those that would take it from the item, or that go through all partitions, fail.
    ///
    /// ```
    /// use cosmosdb::{CosmosClient, PermissionToken};
    ///
    /// let client = CosmosClient::builder("https://account.documents.azure.com:443/")
    ///     .resource_tokens([
    ///         PermissionToken::new("dbs/shop/colls/orders", "type=resource&ver=1&sig=…;…;"),
    ///         PermissionToken::new("dbs/shop/colls/customers", "type=resource&ver=1&sig=…;…;").partition_key("Lyon"),
    ///     ])
    ///     .build()?;
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn resource_tokens<T: Into<PermissionToken>>(
        mut self,
        tokens: impl IntoIterator<Item = T>,
    ) -> Self {
        let tokens = tokens.into_iter().map(Into::into).collect();
        self.credential = Some(TokenSource::fixed(tokens).map(Credential::Tokens));
        self
    }

    /// Asks for resource tokens when the first request needs them, and again when they are about to run out, as far as
    /// [`PermissionToken::valid_for`] says so, or when the service refuses one.
    ///
    /// `provider` brings all tokens of the client each time. It is called by one thread at a time while others wait, and
    /// must not use the client itself. After a refusal the request is sent once more with what it brought; tokens less
    /// than 10 s old are not renewed, so that a request for something that is not permitted costs no flood of them.
    ///
    /// ```
    /// use cosmosdb::{CosmosClient, PermissionToken};
    /// use std::time::Duration;
    ///
    /// # fn ask_the_server() -> Result<String, std::io::Error> { Ok("type=resource&ver=1&sig=…;…;".into()) }
    /// let client = CosmosClient::builder("https://account.documents.azure.com:443/")
    ///     .resource_token_provider(|| {
    ///         let token = PermissionToken::new("dbs/shop/colls/orders", ask_the_server()?);
    ///         Ok::<_, std::io::Error>([token.valid_for(Duration::from_secs(3600))])
    ///     })
    ///     .build()?;
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn resource_token_provider<T, I, E>(
        mut self,
        provider: impl Fn() -> Result<I, E> + Send + Sync + 'static,
    ) -> Self
    where
        T: Into<PermissionToken>,
        I: IntoIterator<Item = T>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let provider = move || {
            let tokens = provider().map_err(|error| not_provided(error.into()))?;
            Ok(tokens.into_iter().map(Into::into).collect())
        };
        self.credential = Some(Ok(Credential::Tokens(TokenSource::provided(Box::new(provider)))));
        self
    }

    /// Sends requests through this transport. Default: HTTP by ureq, with the feature `ureq`.
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Sends requests through a transport that others use too.
    pub fn shared_transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Takes the time from this clock, and sleeps on it. Default: the machine's.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Asks for this consistency with every read. It can only be weaker than the account's default.
    /// Default: the account's, and nothing is sent.
    pub fn consistency(mut self, level: ConsistencyLevel) -> Self {
        self.consistency = Some(level);
        self
    }

    /// How reads are served: in place of a consistency level. Default: by the level.
    pub fn read_consistency_strategy(mut self, strategy: ReadConsistencyStrategy) -> Self {
        self.read_strategy = Some(strategy);
        self
    }

    /// The regions to read from, and with [several write regions](Self::multiple_write_locations) to write to, the best
    /// first; the account's other regions come after them. Names are compared without case, spaces, `-` and `_`.
    /// Default: the account's own order.
    pub fn preferred_regions<R: Into<String>>(
        mut self,
        regions: impl IntoIterator<Item = R>,
    ) -> Self {
        self.regions.preferred = regions.into_iter().map(Into::into).collect();
        self
    }

    /// Regions that are never asked for items. Metadata is asked of them where nothing else is left, and where all
    /// regions are excluded, the write region is asked. A call can have its own list: `excluded_regions` on it.
    /// Default: none.
    pub fn excluded_regions<R: Into<String>>(
        mut self,
        regions: impl IntoIterator<Item = R>,
    ) -> Self {
        self.regions.excluded = regions.into_iter().map(Into::into).collect();
        self
    }

    /// Whether items are written in the first preferred region, where the account has several write regions. Without
    /// it all writes go to the account's first one. Default: no, since concurrent writes in several regions conflict,
    /// and are resolved as the container's policy says.
    pub fn multiple_write_locations(mut self, on: bool) -> Self {
        self.regions.multi_write = on;
        self
    }

    /// Endpoints of the same account that tell its regions when the endpoint given does not answer. Without them the
    /// endpoints of the preferred regions are tried, by the service's rule for host names. Default: none.
    pub fn backup_endpoints<E: Into<String>>(
        mut self,
        endpoints: impl IntoIterator<Item = E>,
    ) -> Self {
        self.backup_endpoints = endpoints.into_iter().map(Into::into).collect();
        self
    }

    /// Keeps requests for a partition from a region in which they fail again and again. Default: off.
    pub fn circuit_breaker(mut self, options: CircuitBreakerOptions) -> Self {
        self.regions.circuit_breaker = options;
        self
    }

    /// Asks a second region when the first one is slow to answer a read. Default: off. Writes are never asked twice.
    pub fn hedging(mut self, options: HedgingOptions) -> Self {
        self.hedging = Some(options);
        self
    }

    /// Whether the account is asked for the endpoints of its regions. Default: yes, but no for an endpoint on this
    /// machine, since emulators advertise addresses that cannot be reached. Without it every request goes to the
    /// endpoint given.
    pub fn endpoint_discovery(mut self, on: bool) -> Self {
        self.endpoint_discovery = Some(on);
        self
    }

    /// Allows an endpoint that is `http://` although it is not on this machine: the key does not leave in the clear,
    /// but items do. Default: no.
    pub fn danger_allow_plain_http(mut self, allow: bool) -> Self {
        self.allow_plain_http = allow;
        self
    }

    /// Bounds one attempt of an operation: connecting, sending and receiving. Default: 20 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Bounds one operation with all its attempts and waits; a page of a feed is one operation. Default: 60 s.
    /// A call can have its own: [`Operation::timeout`](crate::Operation::timeout).
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.operation_timeout = timeout;
        self
    }

    /// How often and how long the client tries again by itself. Default: [`RetryOptions::new`].
    pub fn retry(mut self, options: RetryOptions) -> Self {
        self.retry = options;
        self
    }

    /// Adds a word to the `User-Agent` header, by which the service's logs tell programs apart. ASCII, at most 64
    /// characters. Default: none.
    pub fn user_agent_suffix(mut self, suffix: &str) -> Self {
        self.user_agent_suffix = Some(suffix.to_owned());
        self
    }

    /// Whether writes answer with the item as it was stored. Default: yes.
    /// A call can say otherwise: `content_response` on it.
    pub fn content_response(mut self, wanted: bool) -> Self {
        self.content_response = wanted;
        self
    }

    /// Makes the client. Sends nothing.
    ///
    /// # Errors
    /// Something that was set is malformed: the message names it and the rule.
    pub fn build(mut self) -> Result<CosmosClient> {
        let endpoint = self.parse_endpoint(&self.endpoint)?;
        let backups = self.backup_endpoints.iter().map(|it| self.parse_endpoint(it));
        let backups = backups.collect::<Result<_>>()?;
        let credential = self.credential.take().ok_or_else(no_key)??;
        self.regions.discovery = self.endpoint_discovery.unwrap_or(!endpoint.is_loopback());
        let transport = match self.transport.take() {
            Some(transport) => transport,
            None => self.default_transport()?,
        };
        let options = ClientOptions {
            retry: self.retry,
            request_timeout: self.request_timeout,
            operation_timeout: self.operation_timeout,
            consistency_header: self.consistency.map(|it| HeaderValue::from_static(it.as_str())),
            strategy_header: self.read_strategy.map(|it| HeaderValue::from_static(it.as_str())),
            hedging: self.hedging,
            user_agent: user_agent(self.user_agent_suffix.as_deref())?,
            minimal_content: !self.content_response,
        };
        let activity_ids = ActivityIds::new()?;
        let shared = Arc::new_cyclic(|this| Shared {
            transport,
            clock: self.clock,
            credential,
            options,
            pipeline: Pipeline::new(),
            regions: Regions::new(endpoint, backups, self.regions),
            containers: ContainerCache::new(),
            plans: PlanCache::default(),
            resolvers: Registry::default(),
            activity_ids,
            this: Weak::clone(this),
        });
        Ok(CosmosClient { shared })
    }

    fn parse_endpoint(&self, text: &str) -> Result<Endpoint> {
        let endpoint = Endpoint::parse(text, None)?;
        if endpoint.is_plain_http() && !endpoint.is_loopback() && !self.allow_plain_http {
            return Err(Error::invalid_input(format!(
                "the endpoint {text:?} is plain http, and not on this machine: use https, or danger_allow_plain_http(true)"
            )));
        }
        Ok(endpoint)
    }

    #[cfg(feature = "ureq")]
    fn default_transport(&mut self) -> Result<Arc<dyn Transport>> {
        Ok(Arc::new(crate::transport::UreqTransport::new(&self.connection)?))
    }

    #[cfg(not(feature = "ureq"))]
    fn default_transport(&mut self) -> Result<Arc<dyn Transport>> {
        Err(Error::invalid_input(
            "the client has no transport: enable the feature `ureq`, or give one with transport(…)",
        ))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// A variable of the environment that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|it| !it.trim().is_empty())
}

fn no_key() -> Error {
    Error::credential("the client has no credential: give it a key with key(…), or resource tokens")
}

fn user_agent(suffix: Option<&str>) -> Result<HeaderValue> {
    let base = concat!("cosmosdb-rust/", env!("CARGO_PKG_VERSION"));
    let Some(suffix) = suffix else { return Ok(HeaderValue::from_static(base)) };
    if suffix.len() > 64 || !suffix.chars().all(|it| matches!(it, ' '..='~')) {
        return Err(Error::invalid_input(format!(
            "the user agent suffix {suffix:?} must have at most 64 characters, all of them printable ASCII"
        )));
    }
    HeaderValue::try_from(format!("{base} {suffix}")).map_err(|error| {
        Error::invalid_input("the user agent suffix makes no valid header").with_source(error)
    })
}
