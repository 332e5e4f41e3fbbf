//! The regions of an account: which endpoint an attempt goes to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use http::uri::Authority;

pub(crate) use super::endpoint::Endpoint;
use super::health::{CircuitBreaker, PartitionFailovers};
use super::locations::{Locations, Wants, is_excluded};
use super::lookup::Lookup;
use super::quarantine::{Quarantine, Standing};
use crate::client::options::RegionOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::link::Link;
use crate::models::AccountProperties;
use crate::pipeline::{Action, Context, ResourceType, Spec, Target};
use crate::response::Response;
use crate::sync::Flight;

/// How old the account's locations may be before they are read again.
const REFRESH_AFTER: Duration = Duration::from_secs(300);
/// How long the client goes on with what it has when they could not be read again.
const REFRESH_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// Refreshes that are a good idea, not a need, are at least so far apart.
const REFRESH_GAP: Duration = Duration::from_secs(5);
/// Longest time for a refresh of locations that are merely old.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an endpoint is left alone that cannot be reached, or refuses the account or its writes.
const UNREACHABLE_FOR: Duration = Duration::from_secs(60);
const REFUSING_FOR: Duration = Duration::from_secs(300);

/// The account's endpoints, as far as they are known, and which of them are worth asking.
#[derive(Debug)]
pub(crate) struct Regions {
    default: Arc<Endpoint>,
    backups: Vec<Arc<Endpoint>>,
    options: RegionOptions,
    known: Flight<Locations>,
    /// When the account is to be read next, in nanoseconds of the client's clock.
    due: AtomicU64,
    refreshed: AtomicU64,
    /// Endpoints that fail, for reads and for writes.
    no_reads: Quarantine<Authority>,
    no_writes: Quarantine<Authority>,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) failovers: PartitionFailovers,
    /// The reads of metadata under way that may be hedged.
    pub(crate) metadata_races: Arc<AtomicUsize>,
}

/// Where an attempt goes, and how much choice there was.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) endpoint: Arc<Endpoint>,
    /// The endpoints that could be asked, this one included.
    pub(crate) choices: usize,
    /// The locations by which it was chosen.
    pub(crate) locations: Option<Arc<Locations>>,
}

/// What is wrong with an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It cannot be reached.
    Unreachable,
    /// It takes no writes (any more).
    RefusesWrites,
    /// The account is not there (any more).
    RefusesAll,
}

impl Regions {
    pub(crate) fn new(default: Endpoint, backups: Vec<Endpoint>, options: RegionOptions) -> Self {
        let breaker = CircuitBreaker::new(options.circuit_breaker.clone());
        Self {
            default: Arc::new(default),
            backups: backups.into_iter().map(Arc::new).collect(),
            options,
            known: Flight::default(),
            due: AtomicU64::new(0),
            refreshed: AtomicU64::new(0),
            no_reads: Quarantine::default(),
            no_writes: Quarantine::default(),
            breaker,
            failovers: PartitionFailovers::default(),
            metadata_races: Arc::default(),
        }
    }

    /// Whether the account is asked for its locations.
    pub(crate) fn discovers(&self) -> bool {
        self.options.discovery
    }

    /// The account as it was last read.
    pub(crate) fn account(&self) -> Option<Arc<AccountProperties>> {
        Some(Arc::clone(&self.known.get()?.account))
    }

    /// The locations as they are known, without asking.
    pub(crate) fn known(&self) -> Option<Arc<Locations>> {
        self.known.get()
    }

    /// Keeps what the account said of itself.
    pub(crate) fn remember(&self, account: AccountProperties, now: Duration) {
        self.known.set(self.resolve(account, now));
    }

    /// Where the attempt goes.
    pub(crate) fn route(&self, ctx: &mut Context<'_>) -> Result<Route> {
        if ctx.spec.resource == ResourceType::Account {
            return Ok(self.route_to_account(ctx));
        }
        if !self.options.discovery {
            return Ok(self.default_route());
        }
        let Some(locations) = self.locations(ctx) else { return Ok(self.default_route()) };
        if let Some(home) = ctx.spec.home.as_deref().filter(|_| locations.writes_apart()) {
            let endpoint = Arc::clone(locations.of(home).ok_or_else(|| no_home(home))?);
            return Ok(Route { endpoint, choices: 1, locations: Some(locations) });
        }
        let wants = wants(ctx, &locations);
        let excluded = self.excluded(ctx.spec);
        if ctx.target == Target::Hub && !is_excluded(locations.hub(), excluded) {
            let endpoint = Arc::clone(locations.hub());
            let choices = locations.candidates(wants, excluded, ctx.is_metadata()).len();
            return Ok(Route { endpoint, choices, locations: Some(locations) });
        }
        let candidates = locations.candidates(wants, excluded, ctx.is_metadata());
        let endpoint = self.choose(ctx, &candidates, wants);
        let choices = candidates.len();
        drop(candidates);
        Ok(Route { endpoint, choices, locations: Some(locations) })
    }

    /// The regions that an operation is not to ask.
    pub(crate) fn excluded<'a>(&'a self, spec: &'a Spec) -> &'a [String] {
        spec.options.excluded_regions.as_deref().unwrap_or(&self.options.excluded)
    }

    /// All regions to read from but one, so that it goes before them; `None` where none is known.
    pub(crate) fn all_but(&self, region: &str) -> Option<Arc<[String]>> {
        let locations = self.known.get()?;
        let candidates = locations.candidates(Wants::Reads, &[], true);
        let names = candidates.iter().filter_map(|it| it.region.as_deref());
        Some(names.filter(|it| *it != region).map(str::to_owned).collect())
    }

    /// Leaves an endpoint alone for a while.
    pub(crate) fn mark(&self, endpoint: &Endpoint, mark: Mark, now: Duration) {
        let authority = || endpoint.authority.clone();
        log::warn!("{} is avoided for a while: {mark:?}", endpoint.host);
        match mark {
            Mark::Unreachable => {
                self.no_reads.put(authority(), now, UNREACHABLE_FOR);
                self.no_writes.put(authority(), now, UNREACHABLE_FOR);
            }
            Mark::RefusesWrites => self.no_writes.put(authority(), now, REFUSING_FOR),
            Mark::RefusesAll => {
                self.no_reads.put(authority(), now, REFUSING_FOR);
                self.no_writes.put(authority(), now, REFUSING_FOR);
            }
        }
    }

    /// An endpoint served a request, so that it is worth asking again.
    pub(crate) fn works(&self, endpoint: &Endpoint, for_writes: bool) {
        let freed = self.no_reads.free(&endpoint.authority)
            | (for_writes && self.no_writes.free(&endpoint.authority));
        if freed {
            log::info!("{} works again", endpoint.host);
        }
    }

    /// Reads the account again, unless somebody did since this attempt chose its endpoint. A refresh that is not
    /// `needed` is left out where the last one was a moment ago.
    pub(crate) fn refresh(&self, ctx: &Context<'_>, needed: bool) {
        if !self.options.discovery || ctx.spec.resource == ResourceType::Account {
            return;
        }
        let now = ctx.shared.clock.monotonic();
        let Some(seen) = ctx.locations.as_ref() else {
            self.due.store(0, Ordering::Relaxed);
            return;
        };
        let last = Duration::from_nanos(self.refreshed.load(Ordering::Relaxed));
        if !needed && now.saturating_sub(last) < REFRESH_GAP {
            return;
        }
        self.refresh_since(ctx, seen, now);
    }

    fn default_route(&self) -> Route {
        Route { endpoint: Arc::clone(&self.default), choices: 1, locations: self.known.get() }
    }

    /// The first candidate that this operation has not tried and that nothing speaks against, else the one that least
    /// speaks against. After a round through all of them it starts again.
    fn choose(
        &self,
        ctx: &mut Context<'_>,
        candidates: &[Arc<Endpoint>],
        wants: Wants,
    ) -> Arc<Endpoint> {
        let moved = (wants == Wants::WritesAnywhere).then(|| self.moved(ctx)).flatten();
        if let Some(moved) = moved.filter(|it| !ctx.avoided.contains(it)) {
            return moved;
        }
        if candidates.iter().all(|it| ctx.avoided.contains(it)) {
            ctx.avoided.clear();
        }
        let mut fallback: Option<(Against, &Arc<Endpoint>)> = None;
        for candidate in candidates {
            if ctx.avoided.contains(candidate) {
                continue;
            }
            match self.against(ctx, candidate, wants) {
                Against::Nothing => return Arc::clone(candidate),
                against if fallback.is_none_or(|(least, _)| against < least) => {
                    fallback = Some((against, candidate));
                }
                _ => {}
            }
        }
        let chosen = fallback.map(|(_, it)| it).or(candidates.first());
        Arc::clone(chosen.unwrap_or(&self.default))
    }

    /// Where the partition's writes moved to by themselves.
    fn moved(&self, ctx: &mut Context<'_>) -> Option<Arc<Endpoint>> {
        self.failovers.of(&ctx.partition_id()?)
    }

    /// What speaks against an endpoint. An endpoint that is due to be tried again is claimed by the first who comes.
    fn against(&self, ctx: &mut Context<'_>, endpoint: &Arc<Endpoint>, wants: Wants) -> Against {
        let writes = wants != Wants::Reads;
        let marks = if writes { &self.no_writes } else { &self.no_reads };
        let may_break = self.breaker.is_on() && self.is_guarded(ctx, wants);
        if marks.is_empty() && !may_break {
            return Against::Nothing;
        }
        let now = ctx.shared.clock.monotonic();
        match marks.standing(&endpoint.authority, now) {
            Standing::Due if marks.claim(&endpoint.authority, now) => {}
            Standing::Free => {}
            Standing::Due | Standing::Out => return Against::Endpoint,
        }
        let Some(partition) = may_break.then(|| ctx.partition_id()).flatten() else {
            return Against::Nothing;
        };
        match self.breaker.standing(&partition, endpoint, writes, now) {
            Standing::Due if self.breaker.claim(&partition, endpoint, writes, now) => {
                Against::Nothing
            }
            Standing::Free => Against::Nothing,
            Standing::Due | Standing::Out => Against::Partition,
        }
    }

    /// Whether the circuit breaker watches over such requests: reads, and writes where there is another region.
    pub(crate) fn is_guarded(&self, ctx: &Context<'_>, wants: Wants) -> bool {
        !ctx.is_metadata() && matches!(wants, Wants::Reads | Wants::Writes)
    }

    /// The account itself is asked for at the endpoint given, then at those that stand in for it.
    fn route_to_account(&self, ctx: &mut Context<'_>) -> Route {
        let locations = self.known.get();
        if ctx.avoided.is_empty() {
            let choices = self.account_hosts(locations.as_deref()).len();
            return Route { endpoint: Arc::clone(&self.default), choices, locations };
        }
        let hosts = self.account_hosts(locations.as_deref());
        let untried = hosts.iter().find(|it| !ctx.avoided.contains(it));
        let endpoint = Arc::clone(untried.unwrap_or(&self.default));
        Route { endpoint, choices: hosts.len(), locations }
    }

    fn account_hosts(&self, locations: Option<&Locations>) -> Vec<Arc<Endpoint>> {
        let mut hosts = vec![Arc::clone(&self.default)];
        let mut add = |it: Arc<Endpoint>| {
            if !hosts.contains(&it) {
                hosts.push(it);
            }
        };
        if self.options.discovery {
            self.backups.iter().cloned().for_each(&mut add);
            match locations {
                Some(locations) => locations.all().cloned().for_each(&mut add),
                None => {
                    let regions = self.options.preferred.iter();
                    regions.filter_map(|it| self.default.regional(it)).map(Arc::new).for_each(add);
                }
            }
        }
        hosts
    }

    /// The locations, read on first need and again when they are old. An account that cannot be read is no reason to
    /// fail: a resource token may not read it, and the operation itself says best what is wrong.
    fn locations(&self, ctx: &Context<'_>) -> Option<Arc<Locations>> {
        let now = ctx.shared.clock.monotonic();
        let due = self.due.load(Ordering::Relaxed);
        let is_due = nanos(now) >= due;
        match self.known.get() {
            Some(known) if !is_due || !ctx.attempts.is_empty() => Some(known),
            Some(known) => {
                // One caller refreshes; the others go on with what there is.
                let next = nanos(now + REFRESH_AGAIN_AFTER);
                let claimed =
                    self.due.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed);
                if claimed.is_ok() {
                    self.refresh_since(ctx, &known, now);
                }
                self.known.get()
            }
            None if is_due => self.bootstrap(ctx),
            None => None,
        }
    }

    fn bootstrap(&self, ctx: &Context<'_>) -> Option<Arc<Locations>> {
        let left = ctx.remaining().ok()?;
        let fetch = || {
            let now = ctx.shared.clock.monotonic();
            if nanos(now) < self.due.load(Ordering::Relaxed) {
                return Err(ctx.timed_out());
            }
            let account = fetch_account(&ctx.lookup()?).map(|(_, account)| account);
            let now = ctx.shared.clock.monotonic();
            match account {
                Ok(account) => Ok(self.resolve(account, now)),
                Err(error) => {
                    let answered = error.status().is_some_and(|it| it.is_client_error());
                    let pause = if answered { REFRESH_AFTER } else { REFRESH_GAP };
                    self.due.store(nanos(now + pause), Ordering::Relaxed);
                    log::warn!(
                        "the account's regions could not be read, the endpoint given is used: {error}"
                    );
                    Err(error)
                }
            }
        };
        self.known.get_or_fetch(left, fetch).ok()
    }

    fn refresh_since(&self, ctx: &Context<'_>, seen: &Arc<Locations>, now: Duration) {
        let Ok(mut lookup) = ctx.lookup() else { return };
        lookup.timeout = lookup.timeout.min(REFRESH_TIMEOUT);
        self.refreshed.store(nanos(now), Ordering::Relaxed);
        let fetch = || {
            let (_, account) = fetch_account(&lookup)?;
            Ok(self.resolve(account, ctx.shared.clock.monotonic()))
        };
        if let Err(error) = self.known.refresh_if_same(seen, lookup.timeout, fetch) {
            log::warn!(
                "the account could not be read again, its regions stay as they are: {error}"
            );
        }
    }

    fn resolve(&self, mut account: AccountProperties, now: Duration) -> Locations {
        if account.disable_cross_regional_hedging.is_none() {
            let before = self.known.get();
            account.disable_cross_regional_hedging =
                before.and_then(|it| it.account.disable_cross_regional_hedging);
        }
        self.due.store(nanos(now + REFRESH_AFTER), Ordering::Relaxed);
        self.warn_of_unknown(&account);
        let RegionOptions { preferred, multi_write, .. } = &self.options;
        Locations::new(account, preferred, *multi_write, &self.default)
    }

    /// Says once which of the names given are no regions of the account.
    fn warn_of_unknown(&self, account: &AccountProperties) {
        if self.known.get().is_some() {
            return;
        }
        for name in self.options.preferred.iter().chain(&self.options.excluded) {
            let is_it =
                |it: &crate::models::AccountLocation| super::endpoint::same_region(&it.name, name);
            if !account.readable_locations.iter().any(is_it) {
                log::warn!("the account has no region {name:?}");
            }
        }
    }
}

fn no_home(region: &str) -> Error {
    Error::new(
        ErrorKind::Service,
        format!(
            "the place in the change feed is of the region {region:?}, which the account has no more, and no other \
             region can tell what came after it: read the feed from its beginning, or from a time"
        ),
    )
}

/// Reads the account.
pub(crate) fn fetch_account(lookup: &Lookup<'_>) -> Result<(Response, AccountProperties)> {
    let mut spec = Spec::new(Action::Read, ResourceType::Account, Link::account());
    spec.options.timeout = Some(lookup.timeout);
    let response = lookup.run(spec)?;
    let account = response.item()?;
    Ok((response, account))
}

/// What speaks against an endpoint, from little to much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Against {
    Nothing,
    /// The partition fails there.
    Partition,
    /// The endpoint fails.
    Endpoint,
}

/// What the operation asks of regions.
pub(crate) fn wants(ctx: &Context<'_>, locations: &Locations) -> Wants {
    if ctx.spec.action.is_read_only() {
        return Wants::Reads;
    }
    if ctx.spec.resource != ResourceType::Item && ctx.spec.action != Action::Execute {
        return Wants::WritesToHub;
    }
    if locations.partitions_fail_over() { Wants::WritesAnywhere } else { Wants::Writes }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
