//! The rate limit: requests are refused while the request units of a container, or of its database, are used up.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Inner;
use super::refusal::Refusal;
use super::request::Request;
use crate::wire::{header, sub_status};

/// What each resource with throughput has left.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    buckets: Mutex<HashMap<String, Bucket>>,
}

/// Request units that flow in evenly and are kept for a second at most.
///
/// What a request costs is known when it is done, so a bucket may be overdrawn; then it has to fill up first.
#[derive(Debug)]
struct Bucket {
    left: f64,
    as_of: Duration,
}

/// The throughput that a request draws on.
#[derive(Debug)]
pub(crate) struct Supply {
    /// Whose it is: a container's, or that of a database whose containers share it.
    owner: String,
    per_second: u64,
}

impl Supply {
    /// What `request` draws on; `None` for requests that are not about data, which cost nothing.
    pub(crate) fn of(emulator: &Inner, request: &Request<'_>) -> Option<Self> {
        let is_about_data = matches!(request.segment(4), "docs" | "sprocs" | "conflicts");
        let account = emulator.read();
        let database = account.database(request.segment(1)).filter(|_| is_about_data)?;
        let container = database.container(request.segment(3))?;
        let own = account.offer_of(&container.rules.rid.text());
        let offer = own.or_else(|| account.offer_of(&super::store::rid::text(&database.rid)))?;
        let per_second = offer.throughput.kind.most();
        Some(Self { owner: offer.resource_rid.clone(), per_second })
    }
}

impl Throttle {
    /// Refuses where nothing is left.
    pub(crate) fn admit(&self, supply: &Supply, now: Duration) -> Result<(), Refusal> {
        let mut buckets = self.buckets();
        let bucket = refilled(&mut buckets, supply, now);
        if bucket.left > 0.0 {
            return Ok(());
        }
        let wait = Duration::from_secs_f64(-bucket.left / supply.per_second.max(1) as f64);
        // Rounded up, so that the client does not come a moment too early.
        Err(refusal(wait.as_millis().saturating_add(1)))
    }

    /// Takes from what is left.
    pub(crate) fn spend(&self, supply: &Supply, charge: f64, now: Duration) {
        refilled(&mut self.buckets(), supply, now).left -= charge;
    }

    /// Fills all buckets.
    pub(crate) fn clear(&self) {
        self.buckets().clear();
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refilled<'a>(
    buckets: &'a mut HashMap<String, Bucket>,
    supply: &Supply,
    now: Duration,
) -> &'a mut Bucket {
    let most = supply.per_second as f64;
    let full = || Bucket { left: most, as_of: now };
    let bucket = buckets.entry(supply.owner.clone()).or_insert_with(full);
    let inflow = now.saturating_sub(bucket.as_of).as_secs_f64() * most;
    bucket.left = (bucket.left + inflow).min(most);
    bucket.as_of = bucket.as_of.max(now);
    bucket
}

fn refusal(wait_ms: u128) -> Refusal {
    Refusal::replica(
        429,
        0.38,
        "Request rate is large. More Request Units may be needed, so no changes were made. Please retry this request later. Learn more: http://aka.ms/cosmosdb-error-429",
    )
    .with_sub_status(sub_status::THROUGHPUT_EXCEEDED)
    .with_header(header::RETRY_AFTER_MS, wait_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_flows_in_again() {
        let throttle = Throttle::default();
        let supply = Supply { owner: "a".into(), per_second: 400 };
        let other = Supply { owner: "b".into(), per_second: 400 };
        let at = Duration::from_millis;
        assert!(throttle.admit(&supply, at(0)).is_ok());
        throttle.spend(&supply, 600.0, at(0));
        assert_eq!(throttle.admit(&supply, at(0)).unwrap_err().status(), 429);
        assert!(throttle.admit(&other, at(0)).is_ok());
        assert!(throttle.admit(&supply, at(500)).is_err());
        assert!(throttle.admit(&supply, at(502)).is_ok());
        throttle.spend(&supply, 1.0, at(9_000));
        throttle.spend(&supply, 398.0, at(9_000));
        assert!(throttle.admit(&supply, at(9_000)).is_ok(), "one unit is left");
        throttle.spend(&supply, 2.0, at(9_000));
        assert!(throttle.admit(&supply, at(9_000)).is_err(), "only a second's worth is kept");
    }
}
