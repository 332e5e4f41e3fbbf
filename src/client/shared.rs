//! What all handles of one client share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderMap;
use ring::rand::SecureRandom;

use super::options::ClientOptions;
use crate::auth::Credential;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::link::Link;
use crate::models::{AccountProperties, ConsistencyLevel};
use crate::pipeline::{Action, Pipeline, ResourceType, Spec};
use crate::query::PlanCache;
use crate::response::Response;
use crate::routing::cache::ContainerCache;
use crate::routing::regions::Regions;
use crate::routing::session::SessionContainer;
use crate::transport::Transport;
use crate::wire::header;

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
    pub(crate) sessions: SessionContainer,
    pub(crate) plans: PlanCache,
    pub(crate) activity_ids: ActivityIds,
}

impl Shared {
    /// Carries out one operation.
    pub(crate) fn run(&self, spec: Spec) -> Result<Response> {
        self.pipeline.run(self, spec)
    }

    /// Reads the account and keeps its locations.
    pub(crate) fn read_account(&self, timeout: Duration) -> Result<Response> {
        let mut spec = Spec::new(Action::Read, ResourceType::Account, Link::account());
        spec.options.timeout = Some(timeout);
        let response = self.run(spec)?;
        let account: AccountProperties = response.item()?;
        self.regions.remember(account, self.clock.monotonic());
        Ok(response)
    }

    /// Whether a read with these headers is to honour the session: the level asked for, else the account's default.
    /// The service's own default, `Session`, is assumed of an account that was not read.
    pub(crate) fn session_is_effective(&self, headers: &HeaderMap) -> bool {
        let asked =
            headers.get(header::CONSISTENCY_LEVEL).or(self.options.consistency_header.as_ref());
        if let Some(level) = asked {
            return level.as_bytes().eq_ignore_ascii_case(b"Session");
        }
        let Some(account) = self.regions.account() else { return true };
        account.consistency_level() == ConsistencyLevel::Session
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
