//! The settings of an account in memory.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::auth::MasterKey;
use super::fault::Faults;
use super::journal::Journal;
use super::reach::Doors;
use super::response::new_guid;
use super::throttle::Throttle;
use super::topology::{Region, Topology, word};
use super::{Emulator, Inner};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::models::ConsistencyLevel;

/// The key that Microsoft's emulator has, known to every SDK.
const WELL_KNOWN_KEY: &str =
    "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==";

/// The account's name and its domain: where it is reached in process.
const HOST: &str = "emulator";
const DOMAIN: &str = "local";

/// How long the service lets a script run.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why an account cannot be what the service does not offer.
pub(crate) const NOT_BOTH: &str =
    "an account with strong consistency takes writes in one region only";

/// Makes an [`Emulator`].
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing until build is called"]
pub struct EmulatorBuilder {
    partitions: Option<usize>,
    consistency: ConsistencyLevel,
    regions: Vec<String>,
    multi_write: bool,
    rate_limit: bool,
    key: String,
    script_timeout: Duration,
    clock: Option<Arc<dyn Clock>>,
}

impl Default for EmulatorBuilder {
    fn default() -> Self {
        Self {
            partitions: None,
            consistency: ConsistencyLevel::Session,
            regions: vec!["East US".to_owned()],
            multi_write: false,
            rate_limit: false,
            key: WELL_KNOWN_KEY.to_owned(),
            script_timeout: SCRIPT_TIMEOUT,
            clock: None,
        }
    }
}

impl EmulatorBuilder {
    /// Gives every container `count` partitions.
    ///
    /// Without it a container has one for each 6,000 request units per second of its own throughput, and one if it
    /// shares its database's.
    pub fn partitions(mut self, count: usize) -> Self {
        self.partitions = Some(count.clamp(1, 1000));
        self
    }

    /// Sets the account's consistency level; requests may ask for a weaker one. The default is
    /// [`ConsistencyLevel::Session`].
    pub fn consistency(mut self, level: ConsistencyLevel) -> Self {
        self.consistency = level;
        self
    }

    /// Names the account's regions, the one that takes writes first. The default is `East US` alone.
    ///
    /// Where there are several, each has an endpoint of its own, which the account's document names; the account's
    /// [`endpoint`](Emulator::endpoint) leads to the region that takes writes.
    pub fn regions<R: Into<String>>(mut self, regions: impl IntoIterator<Item = R>) -> Self {
        self.regions = regions.into_iter().map(Into::into).collect();
        self
    }

    /// Lets every region take writes. By default only the first one does.
    pub fn multi_write(mut self, enabled: bool) -> Self {
        self.multi_write = enabled;
        self
    }

    /// Refuses requests with 429 while the throughput of their container is used up. By default nothing is refused.
    pub fn rate_limit(mut self, enabled: bool) -> Self {
        self.rate_limit = enabled;
        self
    }

    /// Sets the account's key, in Base64. The default is the well-known key of Microsoft's emulator.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    /// Stops scripts that run for longer, by the machine's time: the call of a stored procedure, a write with its
    /// triggers, the user-defined functions of a query.
    ///
    /// The default is the service's five seconds. A test of what happens then sets less, so as not to wait. When four
    /// fifths of the time have passed, the operations that a script asks for are not accepted any more, so that it can
    /// end in good order.
    pub fn script_timeout(mut self, timeout: Duration) -> Self {
        self.script_timeout = timeout;
        self
    }

    /// Takes the time from `clock`: timestamps, time to live, and how old signatures are.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Makes the account, empty.
    ///
    /// Fails where the key is not Base64, where there are no regions, where one has no name or the name of another,
    /// and where several regions shall take writes with strong consistency.
    pub fn build(self) -> Result<Emulator> {
        let key = MasterKey::new(&self.key)
            .ok_or_else(|| Error::invalid_input("the emulator's key is not Base64"))?;
        check_regions(&self.regions)?;
        if self.multi_write && self.consistency == ConsistencyLevel::Strong {
            return Err(Error::invalid_input(NOT_BOTH));
        }
        Ok(self.assemble(key))
    }

    fn assemble(self, key: MasterKey) -> Emulator {
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let is_alone = self.regions.len() == 1;
        let regions = self.regions.into_iter().map(|name| {
            let endpoint = if is_alone { global_endpoint() } else { regional_endpoint(&name) };
            Region::new(name, endpoint)
        });
        let topology = Arc::new(Topology {
            regions: regions.collect(),
            write_region: 0,
            outgoing: None,
            consistency: self.consistency,
            multi_write: self.multi_write,
            forbids_hedging: false,
            partition_failover: false,
            version: if is_alone { -1 } else { 0 },
        });
        Emulator {
            inner: Arc::new(Inner {
                started: clock.now(),
                clock,
                ahead_ms: AtomicU64::new(0),
                key,
                endpoint: global_endpoint(),
                original: Arc::clone(&topology),
                topology: RwLock::new(topology),
                partitions: self.partitions,
                script_timeout: self.script_timeout,
                partition_id: new_guid(),
                throttle: self.rate_limit.then(Throttle::default),
                faults: Faults::default(),
                journal: Journal::default(),
                doors: Doors::default(),
                ranges_per_page: AtomicUsize::new(0),
                has_replicas: AtomicBool::new(false),
                account: RwLock::default(),
            }),
        }
    }
}

impl Emulator {
    /// The account of a builder that nothing was changed of, which is always valid.
    pub(super) fn with_defaults() -> Self {
        let key = MasterKey::new(WELL_KNOWN_KEY).unwrap_or_default();
        EmulatorBuilder::default().assemble(key)
    }
}

/// Where the account is reached, whichever region answers.
fn global_endpoint() -> String {
    format!("https://{HOST}.{DOMAIN}/")
}

/// Where a region is reached, by the rule of the service: its name behind the account's.
pub(crate) fn regional_endpoint(name: &str) -> String {
    format!("https://{HOST}-{}.{DOMAIN}/", word(name))
}

fn check_regions(names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Err(Error::invalid_input("an account has at least one region"));
    }
    for (index, name) in names.iter().enumerate() {
        check_region(name, names.iter().take(index).map(String::as_str))?;
    }
    Ok(())
}

/// Checks the name of a region that joins others.
pub(crate) fn check_region<'a>(
    name: &str,
    mut others: impl Iterator<Item = &'a str>,
) -> Result<()> {
    if word(name).is_empty() {
        return Err(Error::invalid_input(format!("'{name}' is not the name of a region")));
    }
    match others.find(|it| word(it) == word(name)) {
        Some(other) => {
            Err(Error::invalid_input(format!("the region '{name}' is there as '{other}' already")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_account_is_refused() {
        let problem = |builder: EmulatorBuilder| builder.build().unwrap_err().to_string();
        assert!(problem(Emulator::builder().key("no!")).contains("Base64"));
        assert!(problem(Emulator::builder().key("")).contains("Base64"));
        assert!(problem(Emulator::builder().regions([""; 0])).contains("at least one"));
        assert!(problem(Emulator::builder().regions(["East US", " "])).contains("' '"));
        assert!(problem(Emulator::builder().regions(["East US", "eastus"])).contains("already"));
        let strong = Emulator::builder().consistency(ConsistencyLevel::Strong);
        assert!(problem(strong.multi_write(true)).contains("one region only"));
    }

    #[test]
    fn regions_have_endpoints_of_their_own() {
        let emulator = Emulator::builder().regions(["East US", "West US 2"]).build().unwrap();
        let topology = emulator.inner.topology();
        let endpoints: Vec<&str> = topology.regions.iter().map(|it| &*it.endpoint).collect();
        assert_eq!(
            endpoints,
            ["https://emulator-eastus.local/", "https://emulator-westus2.local/"]
        );
        assert_eq!(emulator.endpoint(), "https://emulator.local/");
        assert_eq!(topology.at_host("EMULATOR-westus2.local"), Some(1));
        assert_eq!(topology.at_host("emulator.local"), None);
    }
}
