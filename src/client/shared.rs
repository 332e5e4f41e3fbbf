//! What all handles of one client share.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use ring::rand::SecureRandom;

use super::options::ClientOptions;
use crate::auth::Credential;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::pipeline::{Pipeline, Spec, hedge};
use crate::query::PlanCache;
use crate::resolver::Registry;
use crate::response::Response;
use crate::routing::cache::ContainerCache;
use crate::routing::lookup::Lookup;
use crate::routing::regions::{self, Regions};
use crate::transport::Transport;

/// The state behind a client and its handles.
///
/// No two of its locks are held at once, and none across I/O.
pub(crate) struct Shared {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) credential: Credential,
    pub(crate) options: ClientOptions,
    pub(crate) pipeline: Pipeline,
    pub(crate) regions: Regions,
    pub(crate) containers: ContainerCache,
    pub(crate) plans: PlanCache,
    pub(crate) resolvers: Registry,
    pub(crate) activity_ids: ActivityIds,
    /// Itself, for threads that may outlive the call.
    pub(crate) this: Weak<Self>,
}

impl Shared {
    /// Carries out one operation.
    pub(crate) fn run(&self, spec: Spec) -> Result<Response> {
        match hedge::plan(self, &spec) {
            Some(plan) => hedge::run(plan, spec),
            None => self.pipeline.run(self, spec),
        }
    }

    /// Reads the account and keeps its locations.
    pub(crate) fn read_account(&self, timeout: Duration) -> Result<Response> {
        let (response, account) = regions::fetch_account(&Lookup::new(self, timeout))?;
        self.regions.remember(account, self.clock.monotonic());
        Ok(response)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CosmosClient")
            .field("regions", &self.regions)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Makes activity ids: GUIDs that share a random part and count up, so that no operation asks the system for
/// randomness.
#[derive(Debug)]
pub(crate) struct ActivityIds {
    random: u64,
    next: AtomicU64,
}

impl ActivityIds {
    pub(crate) fn new() -> Result<Self> {
        let mut bytes = [0; 16];
        ring::rand::SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| Error::credential("the system has no randomness for activity ids"))?;
        let (high, low) = bytes.split_at(8);
        let number =
            |half: &[u8]| half.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Ok(Self { random: number(high), next: AtomicU64::new(number(low)) })
    }

    /// A new id, of the form of a random GUID.
    pub(crate) fn next(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let low = self.next.fetch_add(1, Ordering::Relaxed);
        let number = u128::from(self.random) << 64 | u128::from(low);
        // The version (4, random) and the variant stand at fixed places.
        let number = number & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
        let mut id = String::with_capacity(36);
        for digit in 0..32 {
            if matches!(digit, 8 | 12 | 16 | 20) {
                id.push('-');
            }
            let value = number >> (124 - 4 * digit) & 0xf;
            id.push(char::from(DIGITS[value as usize]));
        }
        id
    }

    /// A number in `0..1` that differs from call to call.
    pub(crate) fn jitter(&self) -> f64 {
        let mixed =
            self.next.load(Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.random;
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activity_ids_are_guids_and_differ() {
        let ids = ActivityIds::new().unwrap();
        let (first, second) = (ids.next(), ids.next());
        assert_ne!(first, second);
        assert_eq!(first.len(), 36);
        let dashes: Vec<usize> = first.match_indices('-').map(|it| it.0).collect();
        assert_eq!(dashes, [8, 13, 18, 23]);
        assert_eq!(&first[14..15], "4");
        assert!((0.0..1.0).contains(&ids.jitter()));
    }
}
