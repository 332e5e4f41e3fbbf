//! The settings of an account in memory.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

use super::auth::MasterKey;
use super::response::new_guid;
use super::throttle::Throttle;
use super::topology::{Region, Topology};
use super::{Emulator, Inner};
use crate::clock::{Clock, SystemClock};
use crate::models::ConsistencyLevel;

/// The key that Microsoft's emulator has, known to every SDK.
const WELL_KNOWN_KEY: &str =
    "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==";

/// Where the account is reached in process.
const HOST: &str = "emulator.local";

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

    /// Sets the account's key, in Base64. The default is the well-known key of Microsoft's emulator, which also takes
    /// the place of a text that is not Base64.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    /// Takes the time from `clock`: timestamps, time to live, and how old signatures are.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Makes the account, empty.
    pub fn build(self) -> Emulator {
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let names = if self.regions.is_empty() { vec!["East US".to_owned()] } else { self.regions };
        let regions = names.into_iter().enumerate().map(|(index, name)| Region {
            endpoint: if index == 0 {
                format!("https://{HOST}/")
            } else {
                let word: String =
                    name.to_lowercase().chars().filter(|it| it.is_alphanumeric()).collect();
                format!("https://{word}.{HOST}/")
            },
            name,
        });
        let topology = Topology {
            regions: regions.collect(),
            consistency: self.consistency,
            multi_write: self.multi_write,
        };
        Emulator {
            inner: Arc::new(Inner {
                started: clock.now(),
                clock,
                ahead_ms: AtomicU64::new(0),
                key: MasterKey::new(&self.key, WELL_KNOWN_KEY),
                topology,
                partitions: self.partitions,
                partition_id: new_guid(),
                throttle: self.rate_limit.then(Throttle::default),
                account: RwLock::default(),
            }),
        }
    }
}
