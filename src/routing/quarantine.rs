//! What failed and is left alone for a while.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// Things that failed, each until a time. When it has come, one caller tries the thing again while the others go on
/// to leave it alone; only a success sets it free.
///
/// Asking costs one atomic load while there is nothing in it, which is nearly always.
#[derive(Debug)]
pub(crate) struct Quarantine<K> {
    entries: RwLock<HashMap<K, Entry>>,
    occupied: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    until: Duration,
    /// How long it is left alone; doubles with each probe that failed.
    period: Duration,
}

/// How a thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Free,
    /// Its time is over: whoever claims it may try.
    Due,
    Out,
}

/// Longest time that a thing is left alone.
const LONGEST: Duration = Duration::from_secs(300);

impl<K> Default for Quarantine<K> {
    fn default() -> Self {
        Self { entries: RwLock::default(), occupied: AtomicBool::new(false) }
    }
}

impl<K: Hash + Eq> Quarantine<K> {
    pub(crate) fn is_empty(&self) -> bool {
        !self.occupied.load(Ordering::Relaxed)
    }

    /// Leaves `key` alone for `period`. One that failed again when it was tried is left alone for longer.
    pub(crate) fn put(&self, key: K, now: Duration, period: Duration) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(key).or_insert(Entry { until: Duration::ZERO, period });
        entry.until = entry.until.max(now + entry.period.max(period));
        self.occupied.store(true, Ordering::Relaxed);
    }

    pub(crate) fn standing<Q: Hash + Eq + ?Sized>(&self, key: &Q, now: Duration) -> Standing
    where
        K: Borrow<Q>,
    {
        if self.is_empty() {
            return Standing::Free;
        }
        match self.entries.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            None => Standing::Free,
            Some(entry) if entry.until <= now => Standing::Due,
            Some(_) => Standing::Out,
        }
    }

    /// Takes the right to try a thing that is due; only one caller gets it.
    pub(crate) fn claim<Q: Hash + Eq + ?Sized>(&self, key: &Q, now: Duration) -> bool
    where
        K: Borrow<Q>,
    {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = entries.get_mut(key) else { return true };
        if entry.until > now {
            return false;
        }
        entry.period = entry.period.saturating_mul(2).min(LONGEST.max(entry.period));
        entry.until = now + entry.period;
        true
    }

    /// Sets a thing free. Says whether it was in here.
    pub(crate) fn free<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        if self.is_empty() {
            return false;
        }
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let was_in = entries.remove(key).is_some();
        self.occupied.store(!entries.is_empty(), Ordering::Relaxed);
        was_in
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_tries_again_when_the_time_is_over_and_only_success_sets_free() {
        let secs = Duration::from_secs;
        let out = Quarantine::default();
        assert_eq!(out.standing("a", secs(0)), Standing::Free);
        out.put("a".to_owned(), secs(0), secs(60));
        assert_eq!(out.standing("a", secs(59)), Standing::Out);
        assert_eq!(out.standing("b", secs(59)), Standing::Free);
        assert_eq!(out.standing("a", secs(60)), Standing::Due);
        assert!(out.claim("a", secs(60)));
        assert!(!out.claim("a", secs(60)), "somebody else is trying");
        out.put("a".to_owned(), secs(61), secs(60));
        assert_eq!(out.standing("a", secs(180)), Standing::Out, "it failed again: twice as long");
        assert_eq!(out.standing("a", secs(181)), Standing::Due);
        assert!(out.free("a"));
        assert!(out.is_empty());
        assert_eq!(out.standing("a", secs(0)), Standing::Free);
    }
}
