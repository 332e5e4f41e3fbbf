//! Where a client has its resource tokens from: given once, or brought by the caller's code when they run out.

use std::sync::Arc;
use std::time::Duration;

use super::PermissionToken;
use super::token_set::TokenSet;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::sync::Flight;

/// What brings resource tokens.
pub(crate) type Provider = Box<dyn Fn() -> Result<Vec<PermissionToken>> + Send + Sync>;

/// Tokens that are younger are not the reason why a request was refused.
const RENEW_GAP: Duration = Duration::from_secs(10);

/// The resource tokens of a client.
pub(crate) struct TokenSource {
    provider: Option<Provider>,
    /// As they were given; taken over when the first request needs them.
    given: Vec<PermissionToken>,
    known: Flight<TokenSet>,
}

impl TokenSource {
    /// These tokens, and no others.
    pub(crate) fn fixed(tokens: Vec<PermissionToken>) -> Result<Self> {
        // Mistakes are to show when the client is made.
        TokenSet::new(tokens.clone(), Duration::ZERO)?;
        Ok(Self { provider: None, given: tokens, known: Flight::default() })
    }

    /// Tokens that are asked for on first need, and again when they run out.
    pub(crate) fn provided(provider: Provider) -> Self {
        Self { provider: Some(provider), given: Vec::new(), known: Flight::default() }
    }

    /// The tokens, renewed by one thread for all where they are about to run out.
    pub(crate) fn current(&self, clock: &dyn Clock, timeout: Duration) -> Result<Arc<TokenSet>> {
        let Some(known) = self.known.get() else {
            return self.known.get_or_fetch(timeout, || self.fetch(clock));
        };
        let age = clock.monotonic().saturating_sub(known.made);
        let lifetime = known.lifetime.filter(|_| self.provider.is_some());
        let is_due = lifetime.is_some_and(|it| age >= it - it / 10);
        if !is_due {
            return Ok(known);
        }
        match self.known.refresh_if_same(&known, timeout, || self.fetch(clock)) {
            Err(error) if lifetime.is_some_and(|it| age < it) => {
                log::warn!("the resource tokens could not be renewed in advance: {error}");
                Ok(known)
            }
            outcome => outcome,
        }
    }

    /// Other tokens than those which the service refused; `None` where there are none to be had.
    pub(crate) fn renewed(
        &self,
        refused: &Arc<TokenSet>,
        clock: &dyn Clock,
        timeout: Duration,
    ) -> Option<Arc<TokenSet>> {
        self.provider.as_ref()?;
        let is_replaced = self.known.get().is_some_and(|it| !Arc::ptr_eq(&it, refused));
        let age = clock.monotonic().saturating_sub(refused.made);
        if !is_replaced && age < RENEW_GAP {
            return None;
        }
        match self.known.refresh_if_same(refused, timeout, || self.fetch(clock)) {
            Ok(tokens) => Some(tokens),
            Err(error) => {
                log::warn!("the resource tokens could not be renewed: {error}");
                None
            }
        }
    }

    fn fetch(&self, clock: &dyn Clock) -> Result<TokenSet> {
        let tokens = match &self.provider {
            Some(provider) => provider()?,
            None => self.given.clone(),
        };
        TokenSet::new(tokens, clock.monotonic())
    }
}

/// The error of the caller's code.
pub(crate) fn not_provided(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::credential("the provider of resource tokens failed").with_source(source)
}

impl std::fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenSource").field("known", &self.known.get()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::clock::VirtualClock;

    const TIMEOUT: Duration = Duration::from_secs(5);

    /// Counts how often it is asked, and fails when it is told to.
    fn counting(count: &Arc<AtomicU32>, failing_from: u32) -> TokenSource {
        let count = Arc::clone(count);
        TokenSource::provided(Box::new(move || {
            let number = count.fetch_add(1, Ordering::Relaxed);
            if number >= failing_from {
                return Err(not_provided("no network".into()));
            }
            let token = PermissionToken::new("dbs/a", format!("type=resource&sig={number}"));
            Ok(vec![token.valid_for(Duration::from_secs(1000))])
        }))
    }

    #[test]
    fn tokens_are_renewed_when_a_tenth_of_their_time_is_left() {
        let (clock, count) = (VirtualClock::new(), Arc::new(AtomicU32::new(0)));
        let source = counting(&count, 2);
        for (advance, expected) in [(0, 1), (899, 1), (2, 2), (898, 2)] {
            clock.advance(Duration::from_secs(advance));
            source.current(&clock, TIMEOUT).unwrap();
            assert_eq!(count.load(Ordering::Relaxed), expected);
        }
        // Those that are still good are used where no others can be had; others are not.
        clock.advance(Duration::from_secs(50));
        assert!(source.current(&clock, TIMEOUT).is_ok());
        clock.advance(Duration::from_secs(100));
        assert!(source.current(&clock, TIMEOUT).is_err());
    }

    #[test]
    fn refused_tokens_are_renewed_once_unless_they_are_new() {
        let (clock, count) = (VirtualClock::new(), Arc::new(AtomicU32::new(0)));
        let source = counting(&count, 9);
        let first = source.current(&clock, TIMEOUT).unwrap();
        assert!(source.renewed(&first, &clock, TIMEOUT).is_none());
        clock.advance(RENEW_GAP);
        let second = source.renewed(&first, &clock, TIMEOUT).unwrap();
        // Somebody else was refused with the same tokens: they were renewed already.
        assert!(Arc::ptr_eq(&second, &source.renewed(&first, &clock, TIMEOUT).unwrap()));
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn tokens_that_were_given_once_are_not_renewed() {
        let clock = VirtualClock::new();
        let token = PermissionToken::new("dbs/a", "type=resource&sig=1").valid_for(TIMEOUT);
        let source = TokenSource::fixed(vec![token]).unwrap();
        let tokens = source.current(&clock, TIMEOUT).unwrap();
        clock.advance(Duration::from_secs(3600));
        assert!(source.renewed(&tokens, &clock, TIMEOUT).is_none());
        assert!(source.current(&clock, TIMEOUT).is_ok());
        assert!(TokenSource::fixed(Vec::new()).is_err());
    }
}
