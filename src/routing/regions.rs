//! The endpoints of an account: which one an operation goes to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::uri::{Authority, Scheme};

use crate::error::{Error, Result};
use crate::models::AccountProperties;
use crate::pipeline::{Context, ResourceType};

/// One place to send requests to.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    pub(crate) host: Arc<str>,
    pub(crate) region: Option<Arc<str>>,
}

impl Endpoint {
    /// Reads `https://account.documents.azure.com:443/`. The path is ignored.
    pub(crate) fn parse(text: &str, region: Option<&str>) -> Result<Self> {
        let invalid = |reason: &str| {
            Error::invalid_input(format!(
                "the endpoint {text:?} {reason}; it should look like https://account.documents.azure.com:443/"
            ))
        };
        let uri: http::Uri =
            text.trim().parse().map_err(|error| invalid("is not a URL").with_source(error))?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.ok_or_else(|| invalid("has no scheme"))?;
        if scheme != Scheme::HTTPS && scheme != Scheme::HTTP {
            return Err(invalid("is neither https nor http"));
        }
        let authority = parts.authority.ok_or_else(|| invalid("has no host"))?;
        if authority.host().is_empty() {
            return Err(invalid("has no host"));
        }
        if authority.as_str().contains('@') {
            return Err(invalid("holds a user name"));
        }
        let after_host = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        if !after_host.is_empty() && authority.port_u16().is_none() {
            return Err(invalid("has a port that is not a number of 0 to 65535"));
        }
        let host = authority.host().into();
        Ok(Self { scheme, authority, host, region: region.map(Into::into) })
    }

    /// Whether it is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(crate) fn is_plain_http(&self) -> bool {
        self.scheme == Scheme::HTTP
    }
}

/// How old the account's locations may be before they are read again.
const REFRESH_AFTER: Duration = Duration::from_secs(300);

/// The account's endpoints, as far as they are known.
#[derive(Debug)]
pub(crate) struct Regions {
    default: Arc<Endpoint>,
    discovery: bool,
    preferred: Vec<String>,
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    read_at: Duration,
    locations: Arc<Locations>,
}

#[derive(Debug)]
struct Locations {
    read: Arc<Endpoint>,
    write: Arc<Endpoint>,
    account: Arc<AccountProperties>,
}

impl Regions {
    pub(crate) fn new(default: Endpoint, discovery: bool, preferred: Vec<String>) -> Self {
        Self { default: Arc::new(default), discovery, preferred, known: Mutex::new(None) }
    }

    /// Whether the account is asked for its locations.
    pub(crate) fn discovers(&self) -> bool {
        self.discovery
    }

    /// Where the operation goes.
    pub(crate) fn endpoint_for(&self, ctx: &Context<'_>) -> Result<Arc<Endpoint>> {
        if !self.discovery || ctx.spec.resource == ResourceType::Account {
            return Ok(Arc::clone(&self.default));
        }
        let Some(locations) = self.locations(ctx) else { return Ok(Arc::clone(&self.default)) };
        let read_only = ctx.spec.action.is_read_only();
        Ok(Arc::clone(if read_only { &locations.read } else { &locations.write }))
    }

    /// The account as it was last read.
    pub(crate) fn account(&self) -> Option<Arc<AccountProperties>> {
        Some(Arc::clone(&self.snapshot()?.locations.account))
    }

    /// Keeps what the account said of itself.
    pub(crate) fn remember(&self, account: AccountProperties, now: Duration) {
        let locations = Arc::new(self.resolve(account));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Known { read_at: now, locations });
    }

    fn snapshot(&self) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The locations, read again when they are old. An account that cannot be read is no reason to fail: a resource
    /// token may not read it, and the operation itself says best what is wrong.
    fn locations(&self, ctx: &Context<'_>) -> Option<Arc<Locations>> {
        let now = ctx.shared.clock.monotonic();
        let known = self.snapshot();
        if let Some(known) =
            known.as_ref().filter(|it| now.saturating_sub(it.read_at) < REFRESH_AFTER)
        {
            return Some(Arc::clone(&known.locations));
        }
        if let Err(error) = ctx.remaining().and_then(|left| ctx.shared.read_account(left)) {
            log::warn!(
                "the account's regions could not be read, the default endpoint is used: {error}"
            );
        }
        Some(self.snapshot().or(known)?.locations)
    }

    fn resolve(&self, account: AccountProperties) -> Locations {
        let read = self.first_endpoint(&account.readable_locations);
        let write = self
            .first_endpoint(&account.writable_locations[..account.writable_locations.len().min(1)]);
        Locations { read, write, account: Arc::new(account) }
    }

    /// The first preferred location, else the first at all, else the default endpoint.
    fn first_endpoint(&self, locations: &[crate::models::AccountLocation]) -> Arc<Endpoint> {
        let preferred = self
            .preferred
            .iter()
            .find_map(|it| locations.iter().find(|location| same_region(&location.name, it)));
        preferred
            .or(locations.first())
            .and_then(|it| Endpoint::parse(&it.endpoint, Some(&it.name)).ok())
            .map_or_else(|| Arc::clone(&self.default), Arc::new)
    }
}

/// Region names are compared without spaces and case: `West Europe` is `westeurope`.
pub(crate) fn same_region(a: &str, b: &str) -> bool {
    let normal = |name: &str| {
        name.chars()
            .filter(|it| !matches!(it, ' ' | '-' | '_'))
            .flat_map(char::to_lowercase)
            .collect::<String>()
    };
    normal(a) == normal(b)
}
